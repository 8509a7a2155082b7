// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
)

// load compiles texts, all modules among them implemented.
func load(t testing.TB, opt compile.Options, texts ...string) (*yang.Schema, []compile.Warning) {
	t.Helper()
	var src compile.Sources
	for i, text := range texts {
		name := moduleName.FindStringSubmatch(text)[1]
		if err := src.AddText(name+".yang", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(text, "module ") && (i == 0 || opt.All) {
			opt.Implement = append(opt.Implement, name)
		}
	}
	opt.All = false
	if err := src.AddFS(builtin.FS()); err != nil {
		t.Fatal(err)
	}
	s, w, err := compile.Compile(&src, opt)
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, s)
	return s, w
}

// at finds a node by its schema path, given without module names.
func at(t testing.TB, s *yang.Schema, path string) *yang.Node {
	t.Helper()
	for _, n := range s.Nodes {
		if bare(n) == path {
			return n
		}
	}
	t.Fatalf("no node %s", path)
	return nil
}

func bare(n *yang.Node) string {
	if n == nil || n.Kind == yang.KindRoot {
		return ""
	}
	return bare(n.Parent) + "/" + n.Name
}

func has(s *yang.Schema, path string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *yang.Node) bool { return bare(n) == path })
}

func names(list []*yang.Node) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	return strings.Join(out, " ")
}

// TestOrder: keys first, in the order of "key"; then as written, choices
// dissolved, augments behind.
func TestOrder(t *testing.T) {
	s, _ := load(t, compile.Options{}, `module m { yang-version 1.1; namespace urn:m; prefix m;
		list l { key "b a"; leaf x { type string; } choice c { case d { leaf y { type string; } container z; } leaf w { type string; } }
			leaf a { type string; } leaf b { type string; } uses g; }
		grouping g { leaf u { type string; } action act; notification n; }
		augment /m:l { leaf v { type string; } } }`)
	l := at(t, s, "/l")
	if got := names(l.DataChildren); got != "b a x y z w u v" {
		t.Errorf("data children %s", got)
	}
	if names(l.Keys) != "b a" || names(l.Children) != "x c a b u v" || names(l.Actions) != "act" || names(l.Notifications) != "n" {
		t.Errorf("keys %s, children %s, actions %s, notifications %s", names(l.Keys), names(l.Children), names(l.Actions), names(l.Notifications))
	}
	y := at(t, s, "/l/c/d/y")
	if y.Case() == nil || y.Case().Name != "d" || y.DataParent != l || y.Path() != "/m:l/c/d/y" {
		t.Errorf("case %v of %s", y.Case(), y.Path())
	}
	if a := l.Actions[0]; names(a.Children) != "input output" || a.Kind != yang.KindAction || a.Parent != l {
		t.Errorf("action %s", names(a.Children))
	}
}

// TestContexts: where expressions are evaluated and what their names mean
// (RFC 7950, 6.4.1, 7.21.5).
func TestContexts(t *testing.T) {
	s, _ := load(t, compile.Options{All: true}, `module m { yang-version 1.1; namespace urn:m; prefix m; import n { prefix nn; }
		container c { uses nn:g { when "w-uses"; augment in { when "w-augment"; leaf added { type string; } } } }
		uses nn:g2 { when "w-top"; } }`,
		`module n { yang-version 1.1; namespace urn:n; prefix n; import m2 { prefix other; }
		grouping g { leaf x { type leafref { path "../y"; } must "n:a or other:b or c"; when "w-own"; } leaf y { type string; }
			container in; choice ch { when "w-choice"; case ca { when "w-case"; leaf z { when "w-z"; type string; } } } }
		grouping g2 { leaf top { type string; } } }`,
		`module m2 { yang-version 1.1; namespace urn:m2; prefix m2; }`)
	c, x := at(t, s, "/c"), at(t, s, "/c/x")
	must := x.Musts[0].XPath
	if must.Module.Name != "n" || must.Default.Name != "m" || must.Module.Imports["other"].Name != "m2" || must.Context != x {
		t.Errorf("must: module %s, default %s", must.Module.Name, must.Default.Name)
	}
	sources := func(n *yang.Node) string {
		var out []string
		for _, w := range n.Whens {
			out = append(out, w.Source+"@"+w.Context.Name)
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string]string{
		"/c/x": "w-own@x w-uses@c", "/c/y": "w-uses@c", "/c/in": "w-uses@c", "/c/in/added": "w-augment@in",
		"/c/ch": "w-choice@c w-uses@c", "/c/ch/ca/z": "w-z@z w-case@c w-choice@c w-uses@c", "/top": "w-top@",
	} {
		if got := sources(at(t, s, path)); got != want {
			t.Errorf("%s: whens %s, want %s", path, got, want)
		}
	}
	if y := at(t, s, "/c/y"); y.Whens[0] != at(t, s, "/c/in").Whens[0] {
		t.Error("the when of a uses is not shared")
	}
	if x.Module.Name != "m" || x.Type.Target != at(t, s, "/c/y") || x.Type.Path.Default.Name != "m" {
		t.Errorf("leafref of %s to %s", x.Module.Name, x.Type.Target.Path())
	}
	if at(t, s, "/top").Whens[0].Context != s.Root || c.Whens != nil {
		t.Error("the when of a uses at the top is not at the root")
	}
}

// TestSubmoduleImports: prefixes belong to the text.
func TestSubmoduleImports(t *testing.T) {
	s, _ := load(t, compile.Options{}, `module m { namespace urn:m; prefix m; import a { prefix x; } include sub; leaf p { type string; must "x:p"; } }`,
		`submodule sub { belongs-to m { prefix me; } import b { prefix x; } leaf q { type string; must "x:q or me:p"; } }`,
		`module a { namespace urn:a; prefix a; }`, `module b { namespace urn:b; prefix b; }`)
	p, q := at(t, s, "/p").Musts[0].XPath, at(t, s, "/q").Musts[0].XPath
	if p.Module.Imports["x"].Name != "a" || q.Module.Imports["x"].Name != "b" || q.Module.Imports["me"].Name != "m" || q.Module.Name != "m" {
		t.Error("prefixes are mixed up")
	}
	if m := s.Module("m"); len(m.Submodules) != 1 || m.Submodules[0].Name != "sub" || at(t, s, "/q").Module != m {
		t.Error("the submodule is missing")
	}
}

// featured has something behind every kind of if-feature.
const featured = `module m { yang-version 1.1; namespace urn:m; prefix m; feature a; feature b { if-feature a; } feature c;
		container k { if-feature a; leaf x { type string; } } leaf l { if-feature "not a and c"; type string; }
		choice ch { leaf s { if-feature b; type string; } leaf r { type string; } }
		leaf e { type enumeration { enum p; enum q { if-feature b; } enum r; } } leaf f { type bits { bit p; bit q { if-feature b; } } }
		identity base; identity i { base base; if-feature b; } leaf id { type identityref { base base; } }
		augment /m:k { leaf y { if-feature c; type string; } } container u { uses g { if-feature b; } } grouping g { leaf z { type string; } }
		rpc op { if-feature b; }
		leaf-list everywhere { if-feature b; type string; } list li { if-feature b; key k; leaf k { type string; } } anydata ad { if-feature b; } anyxml ax { if-feature b; }
		choice cc { if-feature b; leaf inner { type string; } } choice cd { case ca { if-feature b; leaf inca { type string; } } case cb { leaf incb { type string; } } }
		notification no { if-feature b; } container w { action ac { if-feature b; } notification nn { if-feature b; } }
		uses h { if-feature c; refine ra { if-feature a; } refine rb/rc { if-feature b; } augment rb { if-feature b; leaf rd { type string; } } }
		grouping h { leaf ra { type string; } container rb { leaf rc { type string; } } leaf re { type string; } }
		augment /m:k { if-feature c; leaf au { type string; } } augment /m:cd { if-feature b; case cz { leaf incz { type string; } } }
		rpc op2 { input { leaf in1 { if-feature b; type string; } } output { uses g { if-feature c; } } }
		feature d { if-feature "a or c"; } leaf dd { if-feature "d and not b"; type string; }
		typedef te { type enumeration { enum x { if-feature "not b"; } enum y; } } leaf tl { type te; } leaf-list tu { type union { type te; type bits { bit p { if-feature b; } bit q; } } } }`

// TestFeatures: what is not supported is not in the schema.
func TestFeatures(t *testing.T) {
	text := featured
	s, _ := load(t, compile.Options{}, text)
	if got := strings.Join(s.Module("m").Features, " "); got != "a b c d" {
		t.Errorf("features %s", got)
	}
	for path, want := range map[string]bool{"/k/y": true, "/l": false, "/ch/s/s": true, "/u/z": true, "/op": true} {
		if has(s, path) != want {
			t.Errorf("all features: %s %v", path, !want)
		}
	}
	s, _ = load(t, compile.Options{Features: map[string][]string{"m": {"c", "b"}}}, text)
	if got := strings.Join(s.Module("m").Features, " "); got != "c" { // b needs a
		t.Errorf("features %s", got)
	}
	for path, want := range map[string]bool{"/k": false, "/k/y": false, "/l": true, "/ch/s": true, "/ch/s/s": false, "/ch/r/r": true, "/u/z": false, "/u": true, "/op": false,
		"/everywhere": false, "/li": false, "/ad": false, "/ax": false, "/cc": false, "/cc/inner/inner": false, "/cd/ca": false, "/cd/ca/inca": false, "/cd/cb/incb": true,
		"/no": false, "/w": true, "/w/ac": false, "/w/nn": false, "/ra": false, "/rb": true, "/rb/rc": false, "/rb/rd": false, "/re": true,
		"/k/au": false, "/cd/cz": false, "/op2/input/in1": false, "/op2/output/z": true, "/dd": false} {
		if has(s, path) != want {
			t.Errorf("feature c: %s %v", path, !want)
		}
	}
	e := at(t, s, "/e").Type
	if _, ok := e.Enum("q"); ok || len(e.Enums) != 2 || e.Enums[1].Value != 2 {
		t.Errorf("enums %v", e.Enums)
	}
	if f := at(t, s, "/f").Type; len(f.Bits) != 1 {
		t.Errorf("bits %v", f.Bits)
	}
	if d := at(t, s, "/id").Type.Bases[0].Derived; len(d) != 1 || d[0].Enabled {
		t.Errorf("identities %v", d)
	}
}

// TestImportOnly: modules that are only imported, several revisions of them,
// and when one is implemented after all (RFC 7950, 5.6.5).
func TestImportOnly(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"t@2020-01-01.yang": `module t { namespace urn:t; prefix t; revision 2020-01-01; typedef x { type int8; } container data; }`,
		"t@2021-01-01.yang": `module t { namespace urn:t; prefix t; revision 2021-01-01; revision 2020-01-01; typedef x { type int16; } container data; }`,
		"m.yang":            `module m { namespace urn:m; prefix m; import t { prefix t; revision-date 2020-01-01; } leaf a { type t:x; } }`,
		"n.yang":            `module n { namespace urn:n; prefix n; import t { prefix t; } leaf b { type t:x; } }`,
		"r.yang":            `module r { namespace urn:r; prefix r; typedef ref { type leafref { path "/r:list"; } } leaf list { type string; } }`,
		"o.yang":            `module o { namespace urn:o; prefix o; import r { prefix r; } leaf c { type r:ref; } }`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	make := func(names ...string) *yang.Schema {
		t.Helper()
		var src compile.Sources
		if err := src.AddDir(dir); err != nil {
			t.Fatal(err)
		}
		s, _, err := compile.Compile(&src, compile.Options{Implement: names})
		if err != nil {
			t.Fatal(err)
		}
		checkSchema(t, s)
		return s
	}
	s := make("m", "n")
	if at(t, s, "/a").Type.Base != yang.Int8 || at(t, s, "/b").Type.Base != yang.Int16 || has(s, "/data") || len(s.Modules) != 4 {
		t.Error("the revisions are mixed up")
	}
	if m := s.Module("t"); m.Implemented || m.Revision != "2021-01-01" {
		t.Errorf("module t is %v", m)
	}
	if s = make("n", "t@2020-01-01"); at(t, s, "/b").Type.Base != yang.Int8 || !has(s, "/data") {
		t.Error("the implemented revision does not count for an import without one")
	}
	if s = make("o"); !s.Module("r").Implemented || at(t, s, "/c").Type.Target != at(t, s, "/list") {
		t.Error("the target of a leafref is not implemented")
	}
}

// TestExtensions: NACM's are applied, structures and annotations compiled, others
// kept.
func TestExtensions(t *testing.T) {
	s, _ := load(t, compile.Options{}, `module m { yang-version 1.1; namespace urn:m; prefix m;
		import ietf-netconf-acm { prefix nacm; } import ietf-yang-metadata { prefix md; } import ietf-yang-structure-ext { prefix sx; }
		extension e { argument a; } m:e top { m:e inner; }
		leaf secret { nacm:default-deny-all; m:e one; type string; } container w { nacm:default-deny-write; }
		md:annotation note { type int8 { range 1..5; } units u; }
		sx:structure st { leaf a { type string; } container b { list c { leaf d { type string; } } } }
		sx:augment-structure /m:st/m:b { leaf x { type string; } } }`)
	m := s.Module("m")
	if n := at(t, s, "/secret"); !n.DefaultDenyAll || n.DefaultDenyWrite || len(n.Extensions) != 1 || n.Extensions[0].Argument != "one" {
		t.Errorf("secret: %v", n.Extensions)
	}
	if !at(t, s, "/w").DefaultDenyWrite {
		t.Error("default-deny-write is lost")
	}
	if len(m.Annotations) != 1 || m.Annotations[0].Name != "note" || m.Annotations[0].Type.Base != yang.Int8 {
		t.Errorf("annotations %v", m.Annotations)
	}
	if len(m.Extensions) != 1 || m.Extensions[0].Name != "e" || m.Extensions[0].Children[0].Argument != "inner" {
		t.Errorf("extensions %v", m.Extensions)
	}
	if len(s.Structures) != 1 || names(s.Structures[0].DataChildren) != "a b" || !has(s, "/st/b/x") || s.Root.Child("", "st") != nil {
		t.Error("the structure is wrong")
	}
}

// TestDefaults: canonical, and those of types where they count.
func TestDefaults(t *testing.T) {
	s, _ := load(t, compile.Options{}, `module m { yang-version 1.1; namespace urn:m; prefix m;
		typedef t { type decimal64 { fraction-digits 3; } default "+01.50"; units s; }
		leaf a { type t; } leaf b { type t; mandatory true; } leaf-list c { type t; } leaf d { type leafref { path ../e; } default 0x1F; }
		leaf e { type uint8; } leaf f { type identityref { base i; } default j; } identity i; identity j { base i; }
		leaf g { type bits { bit x; bit y; } default "y x"; } list l { key k; leaf k { type t; } } leaf h { type t; units m; default 2; } }`)
	for path, want := range map[string]string{"/a": "1.5", "/b": "", "/c": "1.5", "/d": "31", "/f": "m:j", "/g": "x y", "/l/k": "", "/h": "2.0"} {
		if got := strings.Join(at(t, s, path).Defaults, "|"); got != want {
			t.Errorf("%s: default %q, want %q", path, got, want)
		}
	}
	if at(t, s, "/a").Units != "s" || at(t, s, "/h").Units != "m" {
		t.Error("units are wrong")
	}
	if f := at(t, s, "/f").Type; !f.Named || f.Name != "identityref" {
		t.Error("identityref is not named")
	}
}

// TestStrict: what is let pass is a warning with its place, or else an error.
func TestStrict(t *testing.T) {
	for _, body := range []string{"container c { status obsolete; leaf x { status deprecated; type string; } }", "rpc r { output { } }",
		"leaf-list l { min-elements 1; type string; default a; }", "typedef t { status deprecated; type string; } leaf-list a { type t; }",
		"typedef t { status deprecated; type string; } typedef u { type t; } leaf b { type u; }",
		"typedef t { status deprecated; type string; } leaf c { type union { type int8; type t; } }",
		"grouping g { status obsolete; leaf a { type string; } } container c { status deprecated; uses g; } container d { status obsolete; uses g; }",
		"grouping g { grouping h { status deprecated; leaf a { type string; } } uses h; } container c { uses g; } container d { uses g; }",
		"identity a { status deprecated; } identity b { base a; }", "identity a { status deprecated; } leaf l { type identityref { base a; } }",
		"feature f { status deprecated; } feature g { if-feature f; }", "feature f { status deprecated; } feature g; leaf a { if-feature \"g or not f\"; type string; }",
		"leaf a { status deprecated; type string; } leaf b { type leafref { path ../a; } }",
		"grouping g { list l { key k; leaf k { status deprecated; type string; } } } container c { uses g; }",
		"list l { key k; unique u; leaf k { type string; } leaf u { status deprecated; type string; } }"} {
		text := "module m { yang-version 1.1; namespace urn:m; prefix m; " + body + " }"
		_, w := load(t, compile.Options{}, text)
		if len(w) != 1 || !place.MatchString(w[0].Error()) {
			t.Errorf("%s: warnings %v", body, w)
		}
		if err := compileText(text, compile.Options{Strict: true}); err == nil || !place.MatchString(err.Error()) {
			t.Errorf("%s: strict: %v", body, err)
		}
	}
}

// TestSources: which text is taken.
func TestSources(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	module := func(name, revision, leaf string) string {
		if revision != "" {
			revision = "revision " + revision + ";"
		}
		return "module " + name + " { namespace urn:" + name + "; prefix p; " + revision + " leaf " + leaf + " { type string; } }"
	}
	write(one, "a.yang", module("a", "2020-01-01", "first"))
	write(two, "a@2020-01-01.yang", module("a", "2020-01-01", "second"))
	write(two, "a@2019-01-01.yang", module("a", "2019-01-01", "older"))
	write(one, "wrong.yang", module("other", "", "x"))
	write(two, "lie@2020-01-01.yang", module("lie", "2021-01-01", "x"))
	write(two, "note.txt", "nothing")
	compileA := func(dirs []string, want string) (*yang.Schema, error) {
		var src compile.Sources
		for _, d := range dirs {
			if err := src.AddDir(d); err != nil {
				t.Fatal(err)
			}
		}
		s, _, err := compile.Compile(&src, compile.Options{Implement: []string{want}})
		return s, err
	}
	for _, tc := range []struct {
		dirs       []string
		want, leaf string
	}{
		{[]string{one, two}, "a", "/first"}, {[]string{two, one}, "a", "/second"}, {[]string{one, two}, "a@2019-01-01", "/older"},
	} {
		s, err := compileA(tc.dirs, tc.want)
		if err != nil || !has(s, tc.leaf) {
			t.Errorf("%s of %v: %v", tc.want, tc.dirs, err)
		}
	}
	for want, text := range map[string]string{
		"wrong": "wrong.yang:1:1: cannot use the file as \"wrong\": it holds \"other\"", "lie": "it holds revision \"2021-01-01\"",
		"nothing": "cannot find the module \"nothing\"", "a@2018-01-01": "at revision 2018-01-01",
	} {
		if _, err := compileA([]string{one, two}, want); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
