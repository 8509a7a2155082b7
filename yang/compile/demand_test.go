// SPDX-License-Identifier: Apache-2.0

package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/compile"
)

// filesOf writes texts by file name and returns their folder.
func filesOf(t testing.TB, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func compileNames(t testing.TB, dir string, names ...string) *yang.Schema {
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

// TestDemand: which imported modules are implemented as well: those that
// augments, deviations, paths and defaults lead through (RFC 7950, 5.6.5 and
// 9.10.2), and no others.
func TestDemand(t *testing.T) {
	dir := filesOf(t, map[string]string{
		"n.yang": `module n { namespace urn:n; prefix n; container c { leaf a { type string; } } identity i; identity j { base i; } }`,
		"o.yang": `module o { namespace urn:o; prefix o; import n { prefix n; } augment /n:c { container d { leaf e { type string; } } } }`,
	})
	for _, c := range []struct{ body, want string }{
		{`leaf x { type string; }`, "m"},
		{`leaf x { when "/n:c/o:d"; must "/n:c"; type string; }`, "m"},
		{`leaf x { type identityref { base n:i; } }`, "m"},
		{`leaf x { type identityref { base n:i; } default n:j; }`, "m n"},
		{`leaf x { type union { type string; type identityref { base n:i; } } default n:j; }`, "m"},
		{`leaf x { type union { type identityref { base n:i; } type string; } default n:j; }`, "m n"},
		{`typedef t { type identityref { base n:i; } default n:j; } grouping g { leaf x { type t; } leaf y { type leafref { path "/n:c/n:a"; } } }`, "m"},
		{`leaf x { type leafref { path "/n:c/n:a"; } }`, "m n"},
		{`leaf x { type leafref { path "/n:c/o:d/o:e"; } }`, "m n o"},
		{`augment /n:c { leaf x { type string; } }`, "m n"},
		{`augment /n:c/o:d { leaf x { type string; } }`, "m n o"},
		{`deviation /n:c/o:d { deviate not-supported; }`, "m n o"},
		{`feature f; leaf x { if-feature "not f"; type leafref { path "/n:c/o:d/o:e"; } }`, "m"},
	} {
		text := "module m { yang-version 1.1; namespace urn:m; prefix m; import n { prefix n; } import o { prefix o; } " + c.body + " }"
		if err := os.WriteFile(filepath.Join(dir, "m.yang"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range compileNames(t, dir, "m").Modules {
			if m.Implemented {
				got = append(got, m.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: implements %v, want %s", c.body, got, c.want)
		}
	}
}

// TestByRevision: import and include by revision take that one, also where two
// texts want different ones (RFC 7950, 5.1.1 and 7.1.5).
func TestByRevision(t *testing.T) {
	texts := map[string]string{
		"t@2020-01-01.yang": `module t { namespace urn:t; prefix t; revision 2020-01-01; typedef x { type int8; } grouping g { leaf old { type x; } } }`,
		"t@2021-01-01.yang": `module t { namespace urn:t; prefix t; revision 2021-01-01; typedef x { type int16; } grouping g { leaf new { type x; } } }`,
		"s@2020-01-01.yang": `submodule s { belongs-to m { prefix m; } import t { prefix t; revision-date 2020-01-01; } revision 2020-01-01; leaf s2020 { type t:x; } }`,
		"s@2021-01-01.yang": `submodule s { belongs-to m { prefix m; } import t { prefix t; revision-date 2021-01-01; } revision 2021-01-01; leaf s2021 { type t:x; } }`,
		"m.yang":            `module m { namespace urn:m; prefix m; import t { prefix t; revision-date 2021-01-01; } include s { revision-date 2020-01-01; } uses t:g; }`,
		"n.yang":            `module n { yang-version 1.1; namespace urn:n; prefix n; import t { prefix a; revision-date 2020-01-01; } import t { prefix b; revision-date 2021-01-01; } uses a:g; uses b:g; }`,
	}
	dir := filesOf(t, texts)
	s := compileNames(t, dir, "m", "n")
	if at(t, s, "/s2020").Type.Base != yang.Int8 || has(s, "/s2021") || at(t, s, "/new").Type.Base != yang.Int16 || !has(s, "/old") {
		t.Error("the revisions are mixed up")
	}
	if sub := s.Module("m").Submodules; len(sub) != 1 || sub[0].Revision != "2020-01-01" {
		t.Errorf("submodules %v", sub)
	}
	if n := s.Module("n"); n.Imports["a"].Revision != "2020-01-01" || n.Imports["b"].Revision != "2021-01-01" {
		t.Errorf("imports of n: %v and %v", n.Imports["a"], n.Imports["b"])
	}
	// Without a revision-date it is the newest.
	texts["m.yang"] = `module m { namespace urn:m; prefix m; import t { prefix t; } include s; uses t:g; }`
	if s = compileNames(t, filesOf(t, texts), "m"); !has(s, "/s2021") || !has(s, "/new") {
		t.Error("not the newest revisions")
	}
	texts["m.yang"] = `module m { namespace urn:m; prefix m; include s { revision-date 2019-01-01; } }`
	dir = filesOf(t, texts)
	if _, _, err := compileDir(dir, "m", false); err == nil || !strings.Contains(err.Error(), `m.yang:1:39: cannot find "s" at revision 2019-01-01`) {
		t.Errorf("an include of a revision that is not there: %v", err)
	}
}

// TestIdentityRevisions: an identity of an import-only revision is the one of
// the same name in the revision that is implemented.
func TestIdentityRevisions(t *testing.T) {
	s := compileNames(t, filesOf(t, map[string]string{
		"n@2020-01-01.yang": `module n { namespace urn:n; prefix n; revision 2020-01-01; identity i; identity j { base i; } typedef t { type identityref { base i; } } }`,
		"n@2021-01-01.yang": `module n { namespace urn:n; prefix n; revision 2021-01-01; identity i; identity j { base i; } identity k { base i; } }`,
		"m.yang": `module m { yang-version 1.1; namespace urn:m; prefix m; import n { prefix n; revision-date 2020-01-01; }
			identity l { base n:i; } leaf x { type n:t; default n:j; } }`,
	}), "m", "n@2021-01-01")
	x := at(t, s, "/x")
	var derived []string
	for _, id := range x.Type.Bases[0].Derived {
		derived = append(derived, id.String())
	}
	if got := strings.Join(derived, " "); got != "m:l n:j n:k" || x.Type.Bases[0].Module.Revision != "2021-01-01" || x.Defaults[0] != "n:j" {
		t.Errorf("derived from %s of %s: %s; default %v", x.Type.Bases[0], x.Type.Bases[0].Module.Revision, got, x.Defaults)
	}
}
