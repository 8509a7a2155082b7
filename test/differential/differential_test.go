// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
)

const builtin = "../../yang/builtin/modules"

// published is a folder beside the checkout; a stranger's does not have it.
func published(t *testing.T, name string) string {
	t.Helper()
	d := os.Getenv("NSO_YANG_DIR")
	if d == "" {
		d = "../../../shared/yang"
	}
	d = filepath.Join(d, name)
	if _, err := os.Stat(d); err != nil {
		t.Skipf("cannot test with published modules: %v; set NSO_YANG_DIR", err)
	}
	return d
}

func TestOwn(t *testing.T) {
	compare(t, 350, []string{"testdata"}, "constraints")
	compare(t, 350, []string{"testdata"}, "types")
	compare(t, 500, []string{"testdata"}, "more", "types")
}

func TestInterfaces(t *testing.T) {
	compare(t, 300, []string{builtin}, "ietf-interfaces", "ietf-ip", "iana-if-type", "ietf-inet-types", "ietf-yang-types")
}

func TestSystem(t *testing.T) {
	compare(t, 300, []string{builtin}, "ietf-system", "iana-crypt-hash", "ietf-inet-types", "ietf-yang-types", "ietf-netconf-acm")
}

func TestAccess(t *testing.T) {
	compare(t, 300, []string{builtin}, "ietf-netconf-acm", "ietf-yang-types")
}

// TestPublished: models that people load first.
func TestPublished(t *testing.T) {
	ietf := published(t, "ietf")
	compare(t, 100, []string{ietf}, "ietf-access-control-list", "ietf-interfaces", "iana-if-type", "ietf-inet-types", "ietf-yang-types")
	compare(t, 100, []string{ietf}, "ietf-routing", "ietf-ipv4-unicast-routing", "ietf-ipv6-unicast-routing", "ietf-interfaces", "ietf-ip",
		"iana-if-type", "ietf-inet-types", "ietf-yang-types")
	compare(t, 100, []string{ietf}, "ietf-keystore", "ietf-truststore", "ietf-crypto-types", "ietf-yang-types")
}

func TestOpenConfig(t *testing.T) {
	dirs := []string{published(t, "openconfig"), published(t, "ietf")}
	compare(t, 100, dirs, withImports(t, dirs, "openconfig-acl")...)
	compare(t, 100, dirs, withImports(t, dirs, "openconfig-network-instance", "openconfig-interfaces", "openconfig-if-ip",
		"openconfig-if-ethernet", "openconfig-vlan", "openconfig-bgp")...)
}

// withImports are modules and all that they import: identities of a module that
// is only imported are no values (RFC 7950, 9.10 and 5.6.5).
func withImports(t *testing.T, dirs []string, modules ...string) []string {
	imports := regexp.MustCompile(`(?m)^\s*(?:import|include) "?([\w.-]+)`)
	submodule := regexp.MustCompile(`(?m)^submodule\s`)
	var out []string
	seen := map[string]bool{}
	for todo := modules; len(todo) > 0; todo = todo[1:] {
		if seen[todo[0]] {
			continue
		}
		seen[todo[0]] = true
		for _, d := range dirs {
			found, err := filepath.Glob(filepath.Join(d, todo[0]+"[@.]*"))
			if err != nil || len(found) == 0 {
				continue
			}
			text, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if !submodule.Match(text) {
				out = append(out, todo[0])
			}
			for _, m := range imports.FindAllSubmatch(text, -1) {
				todo = append(todo, string(m[1]))
			}
			break
		}
	}
	return out
}

func TestMicro(t *testing.T) {
	d := published(t, "micro")
	files, err := filepath.Glob(d + "/*.yang")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "/dev2.yang") {
			continue // takes the leaf of a unique away: yanglint crashes where two entries meet
		}
		compare(t, 40, []string{d}, strings.TrimSuffix(filepath.Base(f), ".yang"))
	}
}

// count is the number of documents for a set: more by NSO_DIFFERENTIAL.
func count(t *testing.T, n int) int {
	if v := os.Getenv("NSO_DIFFERENTIAL"); v != "" {
		k, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("cannot use NSO_DIFFERENTIAL: %v", err)
		}
		return k
	}
	return n
}

func seed(t *testing.T) uint64 {
	v := os.Getenv("NSO_SEED")
	if v == "" {
		return 1
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("cannot use NSO_SEED: %v", err)
	}
	return n
}

// compare makes documents of modules and has them judged twice.
func compare(t *testing.T, n int, dirs []string, modules ...string) {
	t.Run(modules[0], func(t *testing.T) {
		var src compile.Sources
		for _, d := range dirs {
			if err := src.AddDir(d); err != nil {
				t.Fatal(err)
			}
		}
		s, _, err := compile.Compile(&src, compile.Options{Implement: modules})
		if err != nil {
			t.Fatal(err)
		}
		rules, err := check.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		modes, err := defaults.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		m := &maker{r: rand.New(rand.NewPCG(seed(t), 7)), s: s, rules: rules}
		var docs []input
		var done []string
		var roots []*element
		for i := range count(t, n) {
			what := ""
			root := document(m.valid())
			if i%3 > 0 {
				what = damage(m, root)
			}
			for _, d := range []input{{root.xml(s), false}, {root.json(s), true}} {
				if d.text != "" { // yanglint takes no empty file, and not all damage is JSON
					docs, done, roots = append(docs, d), append(done, what), append(roots, root)
				}
			}
		}
		if len(docs) == 0 {
			return // a module without configuration
		}
		theirs := yanglint(t, dirs, files(s), docs)
		valid, excused, json := 0, 0, 0
		differ := map[int]string{}
		var empty []int // differences that empty containers may have made
		var pruned []input
		for i, doc := range docs {
			root, ourErr := judgeOurselves(s, rules, doc)
			d := ""
			if doc.json {
				json++
			}
			switch v := theirs[i]; {
			case v.crashed:
				t.Logf("yanglint crashed on document %d (%s)", i, done[i])
			case ourErr == nil && !v.ok:
				d = "we accept: " + v.why
			case ourErr != nil && v.ok:
				d = "we refuse: " + ourErr.Error()
			case v.ok && doc.json:
				valid++
				d = sameXML(s, root, v.out)
			case v.ok:
				valid++
				d = sameJSON(s, modes, root, v.out)
			}
			switch {
			case d == "":
				continue
			case known(d, doc.text) != "":
				excused++
				continue
			}
			differ[i] = d
			short := roots[i].prune()
			p := input{short.xml(s), false}
			if doc.json {
				p = input{short.json(s), true}
			}
			if ourErr == nil && p.text != doc.text && p.text != "" {
				empty, pruned = append(empty, i), append(pruned, p)
			}
		}
		if len(empty) > 0 {
			// RFC 7950, 7.5.7: a container without presence that has no child nodes
			// may or may not be present in the encoding. yanglint asks for its "when"
			// and its case all the same.
			for k, v := range yanglint(t, dirs, files(s), pruned) {
				if v.ok {
					delete(differ, empty[k])
					excused++
				}
			}
		}
		for k, i := range slices.Sorted(maps.Keys(differ)) {
			if k == 5 {
				t.Errorf("and %d differences more", len(differ)-k)
				break
			}
			t.Errorf("document %d (%s): %s\n%s", i, done[i], differ[i], docs[i].text)
		}
		t.Logf("%d documents, %d of them JSON, %d valid, %d differ, %d more as the RFC wants it", len(docs), json, valid, len(differ), excused)
	})
}

// files are those of the implemented modules, imported ones first.
func files(s *yang.Schema) []string {
	var out []string
	seen := map[*yang.Module]bool{}
	var visit func(m *yang.Module)
	visit = func(m *yang.Module) {
		if seen[m] {
			return
		}
		seen[m] = true
		var prefixes []string
		for p := range m.Imports {
			prefixes = append(prefixes, p)
		}
		slices.Sort(prefixes)
		for _, p := range prefixes {
			visit(m.Imports[p])
		}
		if m.Implemented {
			out = append(out, m.File)
		}
	}
	// What submodules import is not known here: types come first.
	for _, types := range []bool{true, false} {
		for _, m := range s.Modules {
			if strings.Contains(m.Name, "-types") == types {
				visit(m)
			}
		}
	}
	return out
}

func judgeOurselves(s *yang.Schema, rules *check.Rules, d input) (root *tree.Node, err error) {
	if d.json {
		root, err = jsonenc.Decode(strings.NewReader(d.text), s, jsonenc.DecodeOptions{ConfigOnly: true})
	} else {
		root, err = xmlenc.DecodeTree(xmlstream.NewBytes([]byte("<config>"+d.text+"</config>"), xmlstream.Limits{}), s, xmlenc.DecodeOptions{ConfigOnly: true})
	}
	if err != nil {
		return nil, err
	}
	if errs := rules.Document(root); len(errs) > 0 {
		return nil, errs
	}
	return root, nil
}
