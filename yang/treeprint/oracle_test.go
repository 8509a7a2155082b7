// SPDX-License-Identifier: Apache-2.0

package treeprint

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
)

// The oracle is "yanglint -f tree" of Debian's libyang2-tools. Where it does
// not draw what RFC 8340 says, its lines are brought into the RFC's form
// before the comparison; the RFC wins:
//
//  1. It draws notification parameters without flags; section 2.6 says ro. The
//     flags of what it draws with "--" are not compared; TestTree does.
//  2. It draws (name)? for cases; section 2.6 knows ? for leaf, choice, anydata
//     and anyxml alone.
//  3. It draws anydata and anyxml as if they were names of types; published
//     diagrams have <anydata> and <anyxml>.
//  4. It leaves out the if-feature statements of uses, refine and augment;
//     section 2.6 says "the features this node depends on". Ours may have more.
//  5. It keeps the module's own prefix in the path of a leafref; section 2.6
//     says to remove it where possible.
//  6. It draws input and output that are empty if they are written; there is
//     nothing to draw.
//  7. It draws the keys of a list first; section 2.6 knows no order but that of
//     the module.
//  8. In an augment of a choice it leaves out the case that a short-hand
//     implies (RFC 7950, 7.9.2), and draws what is below operations and state
//     as rw.
//  9. Augments whose target it has not compiled it draws with the uses as
//     written (-u): such augments are not compared. In others it leaves keys
//     where they are.
// 10. It crashes on modules that define annotations (RFC 7952), or import one.

func yanglint(t testing.TB, args ...string) (out string, ok, crashed bool) {
	t.Helper()
	program, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("cannot compare with yanglint: install the package libyang2-tools")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var text strings.Builder
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout = &text
	err = cmd.Run()
	var exit *exec.ExitError
	return text.String(), err == nil, errors.As(err, &exit) && exit.ExitCode() < 0
}

func published(t testing.TB, name string) string {
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

// row is a line of a diagram, taken apart.
type row struct {
	place    string // indentation and status
	flags    string
	label    string // name, opts and type, with one blank between them
	features []string
}

var line = regexp.MustCompile(`^([ |]*[+xo])--(--|rw|ro|-w|-u|-x|-n|mp|) ?([^ -].*?)(?: \{(.*)\}\?)?$`)

// brokenKeys are those that were written over several lines.
var brokenKeys = regexp.MustCompile(`\[[^]\n]*\n[^]|]*\]`)

func rows(text string, m *yang.Module, theirs bool) []row {
	var out []row
	inAugment := false
	text = brokenKeys.ReplaceAllStringFunc(text, func(s string) string { return strings.Join(strings.Fields(s), " ") })
	ownPrefix := regexp.MustCompile(`(^|[^\w.-])` + regexp.QuoteMeta(m.Prefix) + `:`)
	for _, l := range strings.Split(text, "\n") {
		l = strings.TrimRight(l, " ")
		if l == "" {
			continue
		}
		g := line.FindStringSubmatch(l)
		if g == nil {
			inAugment = strings.HasPrefix(l, "  augment ")
			out = append(out, row{label: strings.Join(strings.Fields(l), " ")})
			continue
		}
		r := row{place: g[1], flags: g[2], label: strings.Join(strings.Fields(g[3]), " ")}
		if g[4] != "" {
			r.features = strings.Split(g[4], ",")
		}
		if theirs {
			if inAugment && r.flags == "rw" {
				r.flags = "--"
			}
			if strings.HasPrefix(r.label, ":(") {
				r.label = strings.TrimSuffix(r.label, "?")
			}
			for _, any := range []string{"anydata", "anyxml"} {
				if rest, ok := strings.CutSuffix(r.label, " "+any); ok {
					r.label = rest + " <" + any + ">"
				}
			}
			if before, path, ok := strings.Cut(r.label, "-> "); ok {
				r.label = before + "-> " + ownPrefix.ReplaceAllString(strings.ReplaceAll(path, " = ", "="), "$1")
			}
		}
		out = append(out, r)
	}
	return out
}

func agree(a, b row) bool {
	if a.place != b.place || a.label != b.label || a.flags != b.flags && b.flags != "--" {
		return false
	}
	for _, f := range b.features {
		found := false
		for _, g := range a.features {
			found = found || g == f
		}
		if !found {
			return false
		}
	}
	return true
}

// compare draws one module with both.
func compare(t *testing.T, src *compile.Sources, dirs []string, name string) {
	t.Helper()
	s, _, err := compile.Compile(src, compile.Options{Implement: closure(t, src, name)})
	if err != nil {
		t.Skip("cannot compile this module with all that it imports")
	}
	m := s.Module(name)
	args := []string{"-Q", "-ii", "-f", "tree"}
	for _, d := range dirs {
		args = append(args, "-p", d)
	}
	text, ok, crashed := yanglint(t, append(args, m.File)...)
	switch {
	case crashed:
		t.Skip("yanglint crashes on this module")
	case !ok:
		t.Fatal("yanglint refuses what we compile")
	}
	asWritten := Module(s, m, Options{})
	keysFirst(s)
	sorted := Module(s, m, Options{})
	if strings.Contains(text, "---u ") {
		text, asWritten, sorted = withoutAugments(text), withoutAugments(asWritten), withoutAugments(sorted)
	}
	ours, written, theirs := rows(sorted, m, false), rows(asWritten, m, false), rows(text, m, true)
	for i := range max(len(ours), len(theirs)) {
		switch {
		case i >= len(ours):
			t.Errorf("not drawn: %+v", theirs[i])
		case i >= len(theirs):
			t.Errorf("drawn by us alone: %+v", ours[i])
		case agree(ours[i], theirs[i]) || agree(written[i], theirs[i]):
			continue
		default:
			t.Errorf("line %d:\n%+v\n%+v (oracle)", i+1, ours[i], theirs[i])
		}
		return
	}
}

// closure are a module and all that it imports.
func closure(t testing.TB, src *compile.Sources, name string) []string {
	t.Helper()
	probe := "nso-probe-" + name
	if err := src.AddText(probe, []byte("module "+probe+" { namespace urn:nso:probe; prefix nso-probe; import "+name+" { prefix p; } }")); err != nil {
		t.Fatal(err)
	}
	s, _, err := compile.Compile(src, compile.Options{Implement: []string{probe}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range s.Modules {
		if m.Name != probe && s.Module(m.Name) == m {
			out = append(out, m.Name)
		}
	}
	return out
}

// withoutAugments leaves out the sections of augments.
func withoutAugments(text string) string {
	var b strings.Builder
	out := false
	for _, l := range strings.SplitAfter(text, "\n") {
		if strings.HasPrefix(l, "  augment ") {
			out = true
		} else if !strings.HasPrefix(l, "   ") {
			out = false
		}
		if !out {
			b.WriteString(l)
		}
	}
	return b.String()
}

// keysFirst brings the lists of a schema into the oracle's order.
func keysFirst(s *yang.Schema) {
	for _, n := range s.Nodes {
		if n.Kind == yang.KindList {
			slices.SortStableFunc(n.Children, func(a, b *yang.Node) int {
				return place(n.Keys, a) - place(n.Keys, b)
			})
		}
	}
}

func place(keys []*yang.Node, n *yang.Node) int {
	if i := slices.Index(keys, n); i >= 0 {
		return i
	}
	return len(keys)
}

func sources(t testing.TB, dirs ...string) *compile.Sources {
	t.Helper()
	var src compile.Sources
	for _, d := range dirs {
		if err := src.AddDir(d); err != nil {
			t.Fatal(err)
		}
	}
	return &src
}

// compareAll compares every module of a folder, or those that are named.
func compareAll(t *testing.T, dirs []string, only ...string) {
	src := sources(t, dirs...)
	files, err := filepath.Glob(dirs[0] + "/*.yang")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".yang"), "@")
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?m)^\s*submodule\s+"?` + name).Match(text) {
			continue
		}
		if why := known(name); why != "" {
			t.Run(name, func(t *testing.T) { t.Skip(why) })
			continue
		}
		wanted := len(only) == 0
		for _, o := range only {
			wanted = wanted || o == name
		}
		if wanted {
			t.Run(name, func(t *testing.T) { compare(t, src, dirs, name) })
		}
	}
}

// known are modules that cannot be compared, and why.
func known(name string) string {
	switch name {
	case "ietf-netconf-nmda", "m2", "ietf-service-assurance-device", "ietf-service-assurance-interface":
		return "yanglint leaves out the case of a short-hand in an augment (RFC 7950, 7.9.2)"
	case "ietf-inet-types", "ietf-yang-types":
		return "yanglint has another revision built in"
	case "ietf-snmp", "ietf-subscribed-notifications", "ietf-yang-instance-data":
		return "yanglint draws nodes of augments and uses in an order that is not the text's"
	case "openconfig-qos":
		return "yanglint leaves out the augment of a submodule"
	case "ietf-microwave-radio-link":
		return "yanglint draws a bar below the last sibling"
	}
	return ""
}

func TestOracleBuiltin(t *testing.T) { compareAll(t, []string{"../builtin/modules"}) }

func TestOracleMicro(t *testing.T) { compareAll(t, []string{published(t, "micro")}) }

func TestOracleSome(t *testing.T) {
	compareAll(t, []string{published(t, "ietf")}, "ietf-routing", "ietf-ospf", "ietf-bfd", "ietf-access-control-list", "ietf-hardware",
		"ietf-alarms", "ietf-keystore", "ietf-restconf", "ietf-network-topology", "ietf-logical-network-element",
		"ietf-yang-push", "ietf-l3vpn-svc", "ietf-syslog", "ietf-schedule")
}

// TestOracleAll compares every published module; with NSO_ORACLE=full.
func TestOracleAll(t *testing.T) {
	if os.Getenv("NSO_ORACLE") != "full" {
		t.Skip("set NSO_ORACLE=full to compare the diagrams of all published modules with yanglint (minutes)")
	}
	t.Run("ietf", func(t *testing.T) { compareAll(t, []string{published(t, "ietf")}) })
	t.Run("openconfig", func(t *testing.T) { compareAll(t, []string{published(t, "openconfig"), published(t, "ietf")}) })
}
