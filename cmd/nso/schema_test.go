// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// moduleFiles writes module texts as files NAME.yang of a new folder.
func moduleFiles(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSchemaCheck(t *testing.T) {
	dir := moduleFiles(t, map[string]string{
		"good.yang":   "module good { namespace urn:good; prefix g; import lib { prefix l; } leaf x { type l:name; } }",
		"bad.yang":    "module bad {\n  namespace urn:bad; prefix b;\n  leaf x { type nothing; }\n  leaf y { type none; }\n}",
		"broken.yang": "module broken {\n  leaf\n",
		"loose.yang":  "module loose { yang-version 1.1; namespace urn:loose; prefix l;\n leaf-list x { type int8; min-elements 1; default 1; } }",
		"aged.yang": "module aged { yang-version 1.1; namespace urn:aged; prefix a;\n container c { status obsolete; leaf x { status deprecated; type string; } }\n" +
			" rpc r { output { } }\n typedef t { status deprecated; type string; } leaf y { type t; } }",
		"whole.yang": "module whole { namespace urn:whole; prefix w; include part; }",
		"part.yang":  "submodule part { belongs-to whole { prefix w; } leaf x { type w:no; } }",
		"r1.yang":    "module r { namespace urn:r; prefix r; revision 2020-01-01; }",
		"r2.yang":    "module r { namespace urn:r; prefix r; revision 2021-01-01; leaf x { type no; } }",
		"feat.yang":  "module feat { namespace urn:feat; prefix f; import lib { prefix l; } leaf x { if-feature l:extra; type string; } }",
	})
	lib := moduleFiles(t, map[string]string{"lib.yang": "module lib { namespace urn:lib; prefix l; feature extra; typedef name { type string; } }"})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args   []string
		status int
		err    []string // begin of each line
	}{
		{[]string{"--path", lib, in("good.yang"), in("feat.yang")}, 0, nil},
		{[]string{in("good.yang")}, 1, []string{in("good.yang") + `:1:45: cannot find "lib"`}},
		{[]string{in("bad.yang")}, 1, []string{in("bad.yang") + `:3:12: cannot find the type "nothing" in bad (in module bad / leaf x / type nothing)`, in("bad.yang") + ":4:12: cannot "}},
		{[]string{in("broken.yang"), in("absent.yang")}, 1, []string{in("absent.yang") + ": cannot read the file: no such file", in("broken.yang") + ":3:1: cannot "}},
		{[]string{in("loose.yang")}, 0, []string{in("loose.yang") + ":2:43: warning: cannot "}},
		{[]string{"--strict", in("loose.yang")}, 1, []string{in("loose.yang") + ":2:43: cannot "}},
		{[]string{in("aged.yang")}, 0, []string{in("aged.yang") + ":2:42: warning: cannot give the leaf", in("aged.yang") + ":3:10: warning: cannot use an empty output",
			in("aged.yang") + ":4:57: warning: cannot use the type"}},
		{[]string{"--strict", in("aged.yang")}, 1, []string{in("aged.yang") + ":2:42: cannot give the leaf \"x\" the status deprecated below a node that is obsolete (in module aged / container c / leaf x / status deprecated)",
			in("aged.yang") + ":3:10: cannot use an empty output: leave it out (in module aged / rpc r / output)",
			in("aged.yang") + ":4:57: cannot use the type \"t\", which is deprecated, in a definition that is current (in module aged / leaf y / type t)"}},
		{[]string{in("part.yang")}, 1, []string{in("part.yang") + ":1:58: cannot "}},
		{[]string{in("part.yang"), in("whole.yang")}, 1, []string{in("part.yang") + ":1:58: cannot "}},
		{[]string{in("r1.yang"), in("r2.yang")}, 1, []string{in("r2.yang") + ":1:69: cannot "}},
		{[]string{"--path", "/nonexistent", in("good.yang")}, 1, []string{"nso: cannot read the module directory"}},
		{nil, 2, []string{"nso: cannot run schema check: an argument is missing; use: nso schema check ["}},
	} {
		got := try(t, append([]string{"schema", "check"}, c.args...)...)
		lines := strings.Split(strings.TrimSuffix(got.err, "\n"), "\n")
		if got.err == "" {
			lines = nil
		}
		wrong := got.status != c.status || got.out != "" || len(lines) < len(c.err) || len(c.err) == 0 && len(lines) > 0
		for i := range c.err {
			wrong = wrong || !strings.HasPrefix(lines[i], c.err[i])
		}
		if wrong {
			t.Errorf("schema check %v: status %d, %q\n%s\nwant %d, %q", c.args, got.status, got.out, got.err, c.status, c.err)
		}
	}
	if got := try(t, "schema"); got.status != 2 || !strings.Contains(got.err, `cannot run "schema"`) {
		t.Errorf("schema alone: %+v", got)
	}
	if got := try(t, "schema", "bogus"); got.status != 2 {
		t.Errorf("schema bogus: %+v", got)
	}
}

func TestSchemaTree(t *testing.T) {
	dir := moduleFiles(t, map[string]string{
		"m.yang": "module m { namespace urn:m; prefix m; import lib { prefix l; } container c { leaf x { if-feature l:extra; type string; } } grouping g { leaf y { type int8; } } }",
	})
	lib := moduleFiles(t, map[string]string{"lib.yang": "module lib { namespace urn:lib; prefix l; feature extra; }"})
	m := filepath.Join(dir, "m.yang")
	tree := "module: m\n  +--rw c\n     +--rw x?   string {l:extra}?\n"
	for _, c := range []struct {
		args []string
		out  string
	}{
		{[]string{"--path", lib, m}, tree},
		{[]string{"--path", lib, m, filepath.Join(lib, "lib.yang")}, tree + "\nmodule: lib\n"},
		{[]string{"--path", lib, "--groupings", m}, tree + "\n  grouping g:\n    +-- y?   int8\n"},
		{[]string{"--path", lib, "--depth", "1", m}, "module: m\n  +--rw c\n     ...\n"},
	} {
		if got := try(t, append([]string{"schema", "tree"}, c.args...)...); got.status != 0 || got.out != c.out || got.err != "" {
			t.Errorf("schema tree %v: %+v, want\n%s", c.args, got, c.out)
		}
	}
	if got := try(t, "schema", "tree", m); got.status != 1 || got.out != "" || !strings.Contains(got.err, "m.yang:1:39: cannot find") {
		t.Errorf("without lib: %+v", got)
	}
}

func TestSchemaDiff(t *testing.T) {
	const head = "module m { namespace urn:m; prefix m; import lib { prefix l; }\n"
	dir := moduleFiles(t, map[string]string{
		"old.yang": head + "revision 2020-01-01;\ngrouping g {\n leaf a { type int8; }\n list keyless { leaf z { type l:name; } }\n}\n" +
			"grouping outside { leaf r { type leafref { path ../../nowhere; } } }\ntypedef t { type string; }\nleaf x { type int8; }\n}",
		"new.yang": head + "revision 2021-01-01;\ngrouping g {\n leaf a { type int8 { range 1..2; } }\n list keyless { leaf z { type l:name; } }\n}\n" +
			"grouping outside { leaf r { type leafref { path ../../nowhere; } } }\ntypedef t { type string { length 1; } }\nleaf x { type int8; units s; }\n}",
		"fine.yang": head + "revision 2021-01-01;\ngrouping g {\n leaf a { type int8; }\n list keyless { leaf z { type l:name; } }\n}\n" +
			"grouping outside { leaf r { type leafref { path ../../nowhere; } } }\ntypedef t { type string; }\nleaf x { type int8; units s; }\n}",
		"part.yang": "submodule part { belongs-to whole { prefix w; } }",
	})
	lib := moduleFiles(t, map[string]string{"lib.yang": "module lib { namespace urn:lib; prefix l; typedef name { type string; } }"})
	in := func(name string) string { return filepath.Join(dir, name) }
	narrow := in("new.yang") + ":4:23: grouping g/a: cannot narrow the range: what was valid must stay valid (RFC 7950, 11)\n" +
		in("new.yang") + ":8:13: typedef t: cannot narrow the length: what was valid must stay valid (RFC 7950, 11)\n"
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{in("old.yang"), in("new.yang")}, 1, narrow},
		{[]string{"--all", in("old.yang"), in("new.yang")}, 1, narrow + in("new.yang") + ":9:21: allowed: /m:x: adds the units s (RFC 7950, 11)\n"},
		{[]string{in("old.yang"), in("fine.yang")}, 0, ""},
		{[]string{"--all", in("old.yang"), in("old.yang")}, 0, ""},
	} {
		got := try(t, append([]string{"schema", "diff", "--path", lib}, c.args...)...)
		if got.status != c.status || got.out != c.out || got.err != "" {
			t.Errorf("schema diff %v: %+v, want %d\n%s", c.args, got, c.status, c.out)
		}
	}
	if got := try(t, "schema", "diff", in("old.yang"), in("part.yang")); got.status != 1 || !strings.Contains(got.err, "it is a submodule") {
		t.Errorf("a submodule: %+v", got)
	}
	if got := try(t, "schema", "diff", in("old.yang"), in("new.yang")); got.status != 1 || !strings.Contains(got.err, `old.yang:1:39: cannot find "lib"`) {
		t.Errorf("without lib: %+v", got)
	}
}

// Two published revisions: RFC 8343 adds mandatory state to the configuration
// of RFC 7223, which section 11 forbids.
func TestSchemaDiffPublished(t *testing.T) {
	old := "/usr/share/doc/libyang2-tools/examples/ietf-interfaces.yang"
	if _, err := os.Stat(old); err != nil {
		t.Skip("cannot compare published revisions: install the package libyang2-tools")
	}
	new := "../../yang/builtin/modules/ietf-interfaces@2018-02-20.yang"
	got := try(t, "schema", "diff", old, new)
	want := []string{"interface/admin-status: cannot add", "interface/oper-status: cannot add", "interface/if-index: cannot add", "interface/statistics: cannot add"}
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if got.status != 1 || len(lines) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("%s, want %s", lines[i], w)
		}
	}
	if got := try(t, "schema", "diff", "--all", old, new); !strings.Contains(got.out, "allowed: /ietf-interfaces:interfaces-state: changes the status from current to deprecated") {
		t.Errorf("%+v", got)
	}
}
