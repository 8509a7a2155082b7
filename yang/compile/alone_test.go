// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/xpath"
)

// sets are the published modules, and where each set finds its imports.
var sets = [][]string{{"ietf"}, {"openconfig", "ietf"}}

// publishedModules are the names of the modules in a folder, submodules left
// out.
func publishedModules(t testing.TB, set string) []string {
	files, err := filepath.Glob(published(t, set) + "/*.yang")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".yang")
		if !strings.Contains(string(text), "submodule "+name) {
			out = append(out, name)
		}
	}
	return out
}

// TestAlone: each published module as the only one that is asked for, with what
// it demands. Every expression means something, although what a when or must
// names need not be implemented (RFC 7950, 6.4.1).
func TestAlone(t *testing.T) {
	count := 0
	for _, dirs := range sets {
		var src compile.Sources
		for _, d := range dirs {
			if err := src.AddDir(published(t, d)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range publishedModules(t, dirs[0]) {
			s, _, err := compile.Compile(&src, compile.Options{Implement: []string{name}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			count++
			checkSchema(t, s)
			for _, n := range s.Nodes {
				if n.Module != nil && n.Module.Name == name {
					expressions(t, s, n)
				}
			}
		}
	}
	if t.Logf("%d modules", count); count < 390 {
		t.Errorf("only %d modules", count)
	}
}

// expressions compiles those of a node.
func expressions(t testing.TB, s *yang.Schema, n *yang.Node) (count int) {
	t.Helper()
	try := func(x *yang.XPath) {
		count++
		if _, err := xpath.Compile(s, x); err != nil {
			t.Errorf("%s: %s: %v", n.Path(), x.Source, err)
		}
	}
	for _, w := range n.Whens {
		try(w)
	}
	for _, m := range n.Musts {
		try(m.XPath)
	}
	if n.Type != nil && n.Type.Path != nil {
		try(n.Type.Path)
	}
	return count
}

// ofItsOwn are modules that yanglint implements whether anybody needs them or not,
// or has built in at another revision.
var ofItsOwn = []string{"yang", "ietf-yang-schema-mount", "ietf-inet-types", "ietf-yang-types", "ietf-yang-library", "ietf-datastores",
	"ietf-netconf-acm", "ietf-yang-metadata", "ietf-yang-structure-ext"}

// refusals are why yanglint refuses a module that we take, and why we do.
var refusals = map[string]string{
	"identity found in non-implemented module":                    "the default is valid with its module implemented (RFC 7950, 9.10.2), which we do as yanglint -i does",
	`cannot be enabled because its "if-feature" is not satisfied`: "a server must not support such a feature (RFC 7950, 7.20.1): it is off",
}

// TestOracleAlone: for each module alone yanglint gives the same verdict and
// implements the same modules. It takes a minute and runs with
// NSO_ORACLE=full.
func TestOracleAlone(t *testing.T) {
	if os.Getenv("NSO_ORACLE") != "full" {
		t.Skip("set NSO_ORACLE=full to compare each published module alone with yanglint (a minute)")
	}
	for _, dirs := range sets {
		var src compile.Sources
		args := []string{"-l"}
		for _, d := range dirs {
			args = append(args, "-p", published(t, d))
			if err := src.AddDir(published(t, d)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range publishedModules(t, dirs[0]) {
			s, _, err := compile.Compile(&src, compile.Options{Implement: []string{name}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			file := filepath.Join(published(t, dirs[0]), name+".yang")
			list, ok, stderr := yanglint(t, append(args, file)...)
			if ok {
				alike(t, name, implementedOf(s), implementedBy(list))
				continue
			}
			known := false
			for reason := range refusals {
				known = known || strings.Contains(stderr, reason)
			}
			if !known {
				t.Errorf("%s: yanglint refuses it: %s", name, stderr)
			}
			if list, ok, _ := yanglint(t, append(args, "-i", file)...); ok {
				theirs := implementedBy(list) // those that whens and musts name, too
				for _, m := range implementedOf(s) {
					if !slices.Contains(theirs, m) {
						t.Errorf("%s: yanglint -i does not implement %s", name, m)
					}
				}
			}
		}
	}
}

// alike: yanglint implements what we do, and besides only what is named by the
// paths of nodes that an if-feature takes out: RFC 7950, 5.6.5, speaks of a
// path "that the server supports".
func alike(t testing.TB, name string, ours, theirs []string) {
	t.Helper()
	disabled := []string{"ietf-key-chain", "ietf-keystore", "ietf-truststore", "ietf-segment-routing", "ietf-segment-routing-mpls",
		"ietf-interfaces", "ietf-routing-policy"}
	theirs = slices.DeleteFunc(theirs, func(m string) bool { return !slices.Contains(ours, m) && slices.Contains(disabled, m) })
	if !slices.Equal(ours, theirs) {
		t.Errorf("%s: we implement %v, yanglint %v", name, ours, theirs)
	}
}

func implementedOf(s *yang.Schema) []string {
	var out []string
	for _, m := range s.Modules {
		if m.Implemented && !slices.Contains(ofItsOwn, m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// implementedBy reads what yanglint -l prints.
func implementedBy(list string) []string {
	var out []string
	for l := range strings.Lines(list) {
		if m, ok := strings.CutPrefix(strings.TrimSpace(l), "I "); ok {
			name, _, _ := strings.Cut(m, "@")
			if !slices.Contains(ofItsOwn, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}
