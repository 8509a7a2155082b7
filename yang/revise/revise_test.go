// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/yangtest"
)

// apart are the groupings that do not compile outside their modules: a leafref leaves that
// of ietf-yang-library; those of ietf-restconf and ietf-yang-patch have lists without
// keys, for yang-data.
var apart = []string{"grouping.module-implementation-parameters", "grouping.errors", "grouping.yang-patch-status"}

// pair compiles two revisions, with a probe of what both define.
func pair(t testing.TB, old, new string, more ...string) []Finding {
	t.Helper()
	a, b := yangtest.Schema(t, append([]string{old}, more...)...), yangtest.Schema(t, append([]string{new}, more...)...)
	there := map[string]bool{}
	for _, d := range Definitions(a, module(a)) {
		there[d] = true
	}
	var both []string
	for _, d := range Definitions(b, module(b)) {
		if there[d] && !slices.Contains(apart, d) {
			both = append(both, d)
		}
	}
	if len(both) > 0 {
		a = yangtest.Schema(t, append([]string{old, Probe(module(a), both)}, more...)...)
		b = yangtest.Schema(t, append([]string{new, Probe(module(b), both)}, more...)...)
	}
	return Compare(a, module(a), b, module(b))
}

// module is the one that text-1.yang holds.
func module(s *yang.Schema) *yang.Module {
	for _, m := range s.Modules {
		if m.File == "text-1.yang" {
			return m
		}
	}
	return nil
}

const head = "module m { yang-version 1.1; namespace urn:m; prefix m; "

// Each change of section 11: - for forbidden, + for allowed, then the path and
// the begin of the message. Nothing else may be found.
func TestRules(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		// "enumeration" and "bits"
		{"enum added", `leaf x { type enumeration { enum a; } }`, `leaf x { type enumeration { enum a; enum b; } }`, `+ /m:x: adds the enum "b"`},
		{"enum removed", `leaf x { type enumeration { enum a; enum b; } }`, `leaf x { type enumeration { enum a; } }`, `- /m:x: cannot remove the enum "b"`},
		{"enum inserted", `leaf x { type enumeration { enum a; enum b; } }`, `leaf x { type enumeration { enum a; enum c; enum b; } }`, `+ /m:x: adds the enum "c"
			- /m:x: cannot change the value of the enum "b" from 1 to 2`},
		{"enum obsolete", `leaf x { type enumeration { enum a; } }`, `leaf x { type enumeration { enum a { status obsolete; } } }`, `+ /m:x enum a: changes the status from current to obsolete`},
		{"bit added", `leaf x { type bits { bit a; } }`, `leaf x { type bits { bit a; bit b; } }`, `+ /m:x: adds the bit "b"`},
		{"bit removed", `leaf x { type bits { bit a; bit b; } }`, `leaf x { type bits { bit b { position 1; } } }`, `- /m:x: cannot remove the bit "a"`},
		{"bit moved", `leaf x { type bits { bit a; bit b; } }`, `leaf x { type bits { bit b; bit a; } }`, `- /m:x: cannot change the position of the bit "b" from 1 to 0
			- /m:x: cannot change the position of the bit "a" from 0 to 1`},
		// "range", "length", "pattern"
		{"range wider", `leaf x { type int8 { range "1..5"; } }`, `leaf x { type int8 { range "min..5 | 6..7"; } }`, `+ /m:x: widens the range`},
		{"range gone", `leaf x { type uint64 { range "1..5"; } }`, `leaf x { type uint64; }`, `+ /m:x: widens the range`},
		{"range narrower", `leaf x { type int64; }`, `leaf x { type int64 { range "-5..max"; } }`, `- /m:x: cannot narrow the range`},
		{"range written otherwise", `leaf x { type int8 { range "1..5"; } }`, `leaf x { type int8 { range "1..2 | 3..5"; } }`, ``},
		{"range moved", `leaf x { type decimal64 { fraction-digits 2; range "-1..1"; } }`, `leaf x { type decimal64 { fraction-digits 2; range "0..2"; } }`, `- /m:x: cannot narrow the range`},
		{"length wider", `leaf x { type string { length 1..5; } }`, `leaf x { type string { length 1..6; } }`, `+ /m:x: widens the length`},
		{"length narrower", `leaf x { type binary; }`, `leaf x { type binary { length 1..6; } }`, `- /m:x: cannot narrow the length`},
		{"pattern removed", `leaf x { type string { pattern a; } }`, `leaf x { type string; }`, `+ /m:x: removes the pattern "a"`},
		{"pattern added", `leaf x { type string; }`, `leaf x { type string { pattern a; } }`, `- /m:x: cannot add or change the pattern "a"`},
		{"fraction-digits", `leaf x { type decimal64 { fraction-digits 2; } }`, `leaf x { type decimal64 { fraction-digits 3; } }`, `- /m:x: cannot change fraction-digits from 2 to 3`},
		// "default", "units"
		{"default added", `leaf x { type int8; }`, `leaf x { type int8; default 1; }`, `+ /m:x: adds the default 1`},
		{"default changed", `leaf x { type int8; default 1; }`, `leaf x { type int8; default 2; }`, `- /m:x: cannot change the default from 1 to 2`},
		{"default removed", `leaf x { type int8; default 1; }`, `leaf x { type int8; }`, `- /m:x: cannot remove the default 1`},
		{"default written otherwise", `leaf x { type int8; default 1; }`, `leaf x { type int8; default +01; }`, ``},
		{"default of a typedef", `typedef t { type int8; default 1; } leaf x { type t; }`, `typedef t { type int8; default 2; } leaf x { type t; }`, `- typedef t: cannot change the default from 1 to 2`},
		{"default case", `choice c { default a; leaf a { type int8; } leaf b { type int8; } }`, `choice c { default b; leaf a { type int8; } leaf b { type int8; } }`, `- /m:c: cannot change the default case`},
		{"units added", `leaf x { type int8; }`, `leaf x { type int8; units s; }`, `+ /m:x: adds the units s`},
		{"units changed", `leaf x { type int8; units ms; }`, `leaf x { type int8; units s; }`, `- /m:x: cannot change the units`},
		// "must", "when"
		{"must removed", `container x { must a; must b; leaf a { type int8; } leaf b { type int8; } }`, `container x { must "b"; leaf a { type int8; } leaf b { type int8; } }`, `+ /m:x: removes the must "a"`},
		{"must changed", `leaf x { must "1 = 1"; type int8; }`, `leaf x { must "1  = 2"; type int8; }`, `- /m:x: cannot add or change the must "1 = 2"`},
		{"when added", `leaf x { type int8; }`, `leaf x { when "1 = 1"; type int8; }`, `- /m:x: cannot add or change the when "1 = 1"`},
		{"when removed", `choice c { case k { when "1 = 1"; leaf x { type int8; } } }`, `choice c { case k { leaf x { type int8; } } }`, `+ /m:c/k: removes the when "1 = 1"`},
		// "mandatory", "min-elements", "max-elements"
		{"mandatory", `leaf x { type int8; }`, `leaf x { type int8; mandatory true; }`, `- /m:x: cannot make the leaf "x" mandatory`},
		{"optional", `leaf x { type int8; mandatory true; }`, `leaf x { type int8; mandatory false; }`, `+ /m:x: makes the leaf "x" optional`},
		{"min-elements up", `leaf-list x { type int8; }`, `leaf-list x { type int8; min-elements 1; }`, `- /m:x: cannot raise min-elements from 0 to 1`},
		{"min-elements down", `leaf-list x { type int8; min-elements 2; }`, `leaf-list x { type int8; min-elements 1; }`, `+ /m:x: lowers min-elements from 2 to 1`},
		{"max-elements up", `leaf-list x { type int8; max-elements 2; }`, `leaf-list x { type int8; max-elements unbounded; }`, `+ /m:x: allows more entries than 2`},
		{"max-elements down", `leaf-list x { type int8; max-elements 2; }`, `leaf-list x { type int8; max-elements 1; }`, `- /m:x: cannot lower max-elements from 2 to 1`},
		{"max-elements new", `leaf-list x { type int8; }`, `leaf-list x { type int8; max-elements 1; }`, `- /m:x: cannot limit max-elements to 1`},
		// "description", "reference"
		{"description", `leaf x { type int8; description "one  two"; }`, `leaf x { type int8; description "one three"; reference r; }`, `+ /m:x: changes the reference
			+ /m:x: changes the description`},
		// "base"
		{"base added", `identity a; identity b; identity x { base a; }`, `identity a; identity b; identity x { base a; base b; }`, `+ identity x: adds the base b`},
		{"base removed", `identity a; identity b; identity x { base a; base b; }`, `identity a; identity b; identity x { base a; }`, `- identity x: cannot remove the base b`},
		{"identityref less", `identity a; identity b; leaf x { type identityref { base a; base b; } }`, `identity a; identity b; leaf x { type identityref { base a; } }`, `+ /m:x: removes the base b`},
		{"identityref more", `identity a; identity b; leaf x { type identityref { base a; } }`, `identity a; identity b; leaf x { type identityref { base a; base b; } }`, `- /m:x: cannot add the base b`},
		// new and removed definitions
		{"definitions added", ``, `typedef t { type int8; } grouping g; rpc r; notification n; extension e; feature f; identity i;`,
			`+ typedef t: adds
			+ grouping g: adds
			+ /m:r: adds the rpc
			+ /m:n: adds the notification
			+ extension e: adds
			+ feature f: adds
			+ identity i: adds`},
		{"definitions removed", `typedef t { type int8; } grouping g; rpc r; notification n; extension e; feature f; identity i;`, ``,
			`- feature f: cannot remove
			- identity i: cannot remove
			- extension e: cannot remove
			- typedef t: cannot remove
			- grouping g: cannot remove
			- /m:r: cannot remove the rpc
			- /m:n: cannot remove the notification`},
		{"obsolete removed", `leaf x { type int8; status obsolete; }`, ``, `- /m:x: cannot remove the leaf "x"`},
		{"extension", `extension e { argument a; }`, `extension e;`, `- extension e: cannot change the argument`},
		// new data
		{"leaf added", `container c;`, `container c { leaf x { type int8; } } leaf y { type int8; }`, `+ /m:c/x: adds
			+ /m:y: adds`},
		{"mandatory leaf added", `container c;`, `container c { leaf x { type int8; mandatory true; } }`, `- /m:c/x: cannot add the mandatory leaf`},
		{"mandatory below added", ``, `container c { list l { key k; leaf k { type int8; } min-elements 1; } }`, `- /m:c: cannot add the mandatory container`},
		{"mandatory behind presence", ``, `container c { presence p; leaf x { type int8; mandatory true; } }`, `+ /m:c: adds`},
		{"mandatory with a new feature", ``, `feature f; leaf x { if-feature f; type int8; mandatory true; }`, `+ feature f: adds
			+ /m:x: adds`},
		{"mandatory with an old feature", `feature f;`, `feature f; leaf x { if-feature f; type int8; mandatory true; }`, `- /m:x: cannot add the mandatory`},
		{"mandatory perhaps without the feature", `feature o;`, `feature o; feature f; leaf x { if-feature "f or o"; type int8; mandatory true; }`, `+ feature f: adds
			- /m:x: cannot add the mandatory`},
		{"mandatory in an action", `container c { action a { input { leaf x { type int8; } } } }`, `container c { action a { input { leaf x { type int8; } leaf y { type int8; mandatory true; } } } }`, `- /m:c/a/input/y: cannot add the mandatory`},
		{"case added", `choice c { leaf a { type int8; } }`, `choice c { leaf a { type int8; } case b { leaf b { type int8; mandatory true; } } }`, `+ /m:c/b: adds the case "b"`},
		{"case removed", `choice c { leaf a { type int8; } leaf b { type int8; } }`, `choice c { leaf a { type int8; } }`, `- /m:c/b: cannot remove the case "b"`},
		// config, if-feature, status
		{"configuration", `container c { config false; leaf x { type int8; } }`, `container c { leaf x { type int8; } }`, `+ /m:c: makes configuration of the state "c"`},
		{"mandatory configuration", `leaf x { config false; type int8; mandatory true; }`, `leaf x { type int8; mandatory true; }`, `- /m:x: cannot make configuration of the state "x"`},
		{"state", `container c { leaf x { type int8; } }`, `container c { config false; leaf x { type int8; } }`, `- /m:c: cannot make state of the configuration "c"`},
		{"if-feature added", `feature f; leaf x { type int8; }`, `feature f; leaf x { if-feature f; type int8; }`, `- /m:x: cannot make the leaf depend on the feature f`},
		{"if-feature removed", `feature f; leaf x { if-feature f; type int8; }`, `feature f; leaf x { type int8; }`, `+ /m:x: removes the if-feature f`},
		{"if-feature of mandatory removed", `feature f; leaf x { if-feature f; type int8; mandatory true; }`, `feature f; leaf x { type int8; mandatory true; }`, `- /m:x: cannot remove the if-feature f of a mandatory leaf`},
		{"status", `leaf x { type int8; }`, `leaf x { type int8; status deprecated; }`, `+ /m:x: changes the status from current to deprecated`},
		{"status back", `container c { status obsolete; leaf x { type int8; } }`, `container c { status deprecated; leaf x { type int8; } }`, `- /m:c: cannot change the status from obsolete back to deprecated`},
		// "type"
		{"type", `leaf x { type int8; }`, `leaf x { type int16; }`, `- /m:x: cannot change the type from int8 to int16`},
		{"typedef for a type", `leaf x { type int8; }`, `typedef t { type int8; } leaf x { type t; }`, `+ typedef t: adds`},
		{"union", `leaf x { type union { type int8; type string; } }`, `leaf x { type union { type int8; type string; type empty; } }`, `- /m:x: cannot change the number of types in the union`},
		{"union member", `leaf x { type union { type int8; type string; } }`, `leaf x { type union { type int8; type binary; } }`, `- /m:x: cannot change the type from string to binary`},
		{"leafref", `leaf a { type int8; } leaf b { type int8; } leaf x { type leafref { path /a; } }`, `leaf a { type int8; } leaf b { type int8; } leaf x { type leafref { path ../b; } }`, `- /m:x: cannot let the leafref point to /m:b instead of /m:a`},
		{"leafref written otherwise", `leaf a { type int8; } leaf x { type leafref { path /a; } }`, `leaf a { type int8; } leaf x { type leafref { path ../m:a; } }`, ``},
		{"require-instance", `leaf a { type int8; } leaf x { type leafref { path /a; require-instance false; } }`, `leaf a { type int8; } leaf x { type leafref { path /a; } }`, `- /m:x: cannot change require-instance to true`},
		{"typedef", `typedef t { type string { length 1..9; } } leaf x { type t; } leaf y { type t { length 2; } }`, `typedef t { type string { length 1..8; } } leaf x { type t; } leaf y { type t { length 2; } }`, `- typedef t: cannot narrow the length`},
		// equivalent nodes, other kinds of change
		{"grouping", `leaf a { type int8; } leaf b { type int8; }`, `grouping g { leaf a { type int8; } leaf b { type int8; } } uses g;`, `+ grouping g: adds`},
		{"in a grouping", `grouping g { leaf a { type int8; default 1; } } container c { uses g; } container d { uses g; }`, `grouping g { leaf a { type int8; default 2; } } container c { uses g; } container d { uses g; }`, `- /m:c/a: cannot change the default`},
		{"in an unused grouping", `grouping g { leaf a { type int8; default 1; } }`, `grouping g { leaf a { type int8; default 2; } }`, `- grouping g/a: cannot change the default`},
		{"order", `leaf a { type int8; } leaf b { type int8; } leaf c { type int8; }`, `leaf a { type int8; } leaf c { type int8; } leaf new { type int8; } leaf b { type int8; }`, `+ /m:new: adds
			- /m:b: cannot move the leaf "b"`},
		{"kind", `container x;`, `leaf x { type int8; }`, `- /m:x: cannot make a leaf of the container "x"`},
		{"presence", `container x;`, `container x { presence p; }`, `- /m:x: cannot add or remove the presence`},
		{"key", `list l { key a; leaf a { type int8; } leaf b { type int8; } }`, `list l { key "a b"; leaf a { type int8; } leaf b { type int8; } }`, `- /m:l: cannot change the key from "a" to "a b"`},
		{"unique", `list l { key a; leaf a { type int8; } leaf b { type int8; } }`, `list l { key a; unique b; leaf a { type int8; } leaf b { type int8; } }`, `- /m:l: cannot add or change the unique "b"`},
		{"ordered-by", `leaf-list x { type int8; }`, `leaf-list x { type int8; ordered-by user; }`, `- /m:x: cannot change who orders "x"`},
		{"short-hand", `choice c { leaf x { type int8; } }`, `choice c { case x { leaf x { type int8; } } }`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := pair(t, head+"revision 2020-01-01; "+c.old+"}", head+"revision 2021-01-01; revision 2020-01-01; "+c.new+"}")
			compareFindings(t, found, c.want)
		})
	}
}

func compareFindings(t *testing.T, found []Finding, want string) {
	t.Helper()
	var missing []string
	for _, w := range strings.Split(want, "\n") {
		if w = strings.TrimSpace(w); w != "" {
			missing = append(missing, w)
		}
	}
	for _, f := range found {
		mark := "+ "
		if f.Forbidden {
			mark = "- "
		}
		text := mark + f.Path + ": " + f.Message
		hit := -1
		for i, w := range missing {
			if strings.HasPrefix(text, w) {
				hit = i
				break
			}
		}
		if hit < 0 {
			t.Errorf("found: %s", text)
			continue
		}
		missing = append(missing[:hit], missing[hit+1:]...)
		if f.Pos.File != "text-1.yang" && f.Pos.File != "text-4.yang" || f.Pos.Line < 1 || f.Pos.Column < 1 || f.Section == "" {
			t.Errorf("%s is at %+v, section %q", text, f.Pos, f.Section)
		}
	}
	for _, w := range missing {
		t.Errorf("not found: %s", w)
	}
}

// What is said of the module itself, and what it adds to others.
func TestModule(t *testing.T) {
	part := "submodule part { yang-version 1.1; belongs-to m { prefix m; } typedef t { type int8; } leaf x { type t; } }"
	base := "module base { namespace urn:base; prefix base; container top; identity root; }"
	for _, c := range []struct{ name, old, new, want string }{
		{"no revision", head + "}", head + "leaf x { type int8; } }", "+ /m:x: adds\n- module m: cannot publish a change without a revision statement"},
		{"old revision", head + "revision 2020-01-01; }", head + "revision 2020-01-01; leaf x { type int8; } }", "+ /m:x: adds\n- module m: cannot publish a change without a new revision"},
		{"earlier revision", head + "revision 2020-01-01; }", head + "revision 2019-01-01; }", "- module m: cannot give the new revision the date 2019-01-01"},
		{"equal", head + "revision 2020-01-01; }", head + "revision 2020-01-01; }", ""},
		{"namespace", head + "revision 2020-01-01; }", strings.Replace(head, "urn:m", "urn:n", 1) + "revision 2021-01-01; }", "- module m: cannot change the namespace from urn:m"},
		{"name", head + "revision 2020-01-01; leaf x { type int8; } }", strings.Replace(head, "module m", "module n", 1) + "revision 2021-01-01; leaf x { type int8; } }",
			"- module n: cannot change the name of the module from m"},
		{"prefix", head + "revision 2020-01-01; feature f; leaf x { if-feature m:f; type int8; } }",
			strings.Replace(head, "prefix m", "prefix n", 1) + "revision 2021-01-01; feature f; leaf x { if-feature n:f; type int8; } }", "+ module m: changes the prefix from m"},
		{"split into submodules", head + "revision 2020-01-01; typedef t { type int8; } leaf x { type t; } container c { leaf y { type string; } } }",
			head + "include part; revision 2021-01-01; container c { leaf y { type string; } } }", ""},
		{"a submodule removed", head + "include part; revision 2020-01-01; }", head + "revision 2021-01-01; typedef t { type int8; } leaf x { type t; } }", ""},
		{"changed on the way into a submodule", head + "revision 2020-01-01; typedef t { type int16; } leaf x { type t; } }", head + "include part; revision 2021-01-01; }",
			"- typedef t: cannot change the type from m:t (int16) to m:t (int8)"},
		{"prefix of an import", head + "import base { prefix a; } revision 2020-01-01; identity i { base a:root; } augment /a:top { leaf x { type int8; } leaf y { type int8; } } }",
			head + "import base { prefix b; } revision 2021-01-01; identity i { base b:root; } augment /b:top { leaf x { type int8; default 1; } leaf z { type int8; } } }",
			"+ /base:top/m:x: adds the default 1\n- /base:top/m:y: cannot remove\n+ /base:top/m:z: adds"},
	} {
		t.Run(c.name, func(t *testing.T) { compareFindings(t, pair(t, c.old, c.new, base, part), c.want) })
	}
}

// The place is that of the changed statement in the new text.
func TestPosition(t *testing.T) {
	old := head + "\n revision 2020-01-01;\n leaf x {\n  type enumeration {\n   enum a;\n   enum b;\n  }\n  default a;\n }\n}"
	new := head + "\n revision 2021-01-01;\n leaf x {\n  type enumeration {\n   enum b;\n   enum a;\n  }\n  default b;\n }\n}"
	got := map[int]int{}
	for _, f := range pair(t, old, new) {
		got[f.Pos.Line] = f.Pos.Column
	}
	if len(got) != 3 || got[5] != 4 || got[6] != 4 || got[8] != 3 {
		t.Errorf("lines and columns: %v", got)
	}
}

// A comment changes nothing but that a revision is missing (invariant 1),
// whatever is in the module.
func TestComment(t *testing.T) {
	for _, m := range builtin.List() {
		if m.Name == "ietf-yang-metadata" || m.Name == "ietf-yang-structure-ext" { // the compiler has its own
			continue
		}
		found := pair(t, string(m.Text), string(m.Text)+"\n// the end\n")
		compareFindings(t, found, "- module "+m.Name+": cannot publish a change without a new revision")
		if got := pair(t, string(m.Text), string(m.Text)); got != nil {
			t.Errorf("%s differs from itself: %+v", m.Name, got)
		}
	}
}
