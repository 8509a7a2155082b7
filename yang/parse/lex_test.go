// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strings"
	"testing"
)

// argument parses one module whose description has the text as argument.
func argument(t *testing.T, version, text string) (string, error) {
	t.Helper()
	f, err := Parse("m.yang", []byte("module m { "+version+"namespace urn:m; prefix m;\n  description "+text+";\n}"))
	if err != nil {
		return "", err
	}
	return f.Root.Text(Description), nil
}

const v11 = "yang-version 1.1; "

// TestStrings: RFC 7950, 6.1.3. The quote of what follows "description " is in
// column 15.
func TestStrings(t *testing.T) {
	tests := []struct{ text, want string }{
		{`plain`, "plain"},
		{`'single \n "x"'`, `single \n "x"`},
		{`"double \n\t\"\\ 'x'"`, "double \n\t\"\\ 'x'"},
		{`"a" + "b"+'c' + /* x */ "d"`, "abcd"},
		{`"" + ""`, ""},
		{`""`, ""},
		{"\"one\n               two\n                 three\"", "one\ntwo\n  three"},
		{"\"one   \t\n               two\"", "one\ntwo"},
		{"\"one\n         two\"", "one\ntwo"},
		{"\"one\n\ttwo\n\t\tthree\n\t\t\tfour\"", "one\ntwo\n three\n \tfour"},
		{"\"one\r\n               two\r\n\"", "one\ntwo\n"},
		{"\"one\\n   two\"", "one\n   two"},
		{"'one  \n     two'", "one  \n     two"},
		{"\"one  \\n\n               two\"", "one  \n\ntwo"},
		{"\"\n\n               x\n             \"", "\n\nx\n"},
		{"a/b:c+d", "a/b:c+d"},
		{"ünïcode", "ünïcode"},
		{"// comment ; {\n /* and ; */ x", "x"},
	}
	for _, tc := range tests {
		for _, v := range []string{"", v11} {
			got, err := argument(t, v, tc.text)
			if err != nil || got != tc.want {
				t.Errorf("%s%q: got %q, %v; want %q", v, tc.text, got, err, tc.want)
			}
		}
	}
}

// TestVersions: what YANG 1 lets pass and YANG 1.1 does not (RFC 7950, 1.1).
func TestVersions(t *testing.T) {
	for _, tc := range []struct{ text, want, at string }{
		{`"\d"`, `\d`, "2:16"},
		{`a"b`, `a"b`, "2:16"},
		{`it's`, `it's`, "2:17"},
		{"\"one\n  two \\x\"", "one\ntwo \\x", "3:7"},
	} {
		if got, err := argument(t, "", tc.text); err != nil || got != tc.want {
			t.Errorf("YANG 1: %s: got %q, %v", tc.text, got, err)
		}
		if _, err := argument(t, v11, tc.text); err == nil || !strings.HasPrefix(err.Error(), "m.yang:"+tc.at+": cannot use") {
			t.Errorf("YANG 1.1: %s: got %v, want a complaint at %s", tc.text, err, tc.at)
		}
	}
}

func TestErrors(t *testing.T) {
	deep := strings.Repeat("a:b { ", MaxDepth) + "a:c;" + strings.Repeat("}", MaxDepth)
	for _, tc := range []struct{ text, want string }{
		{"", "m.yang:1:1: cannot find a module in an empty text"},
		{"  // nothing", "m.yang:1:13: cannot find a module"},
		{"leaf x { type string; }", `m.yang:1:1: cannot use "leaf" here`},
		{"module m {", "m.yang:1:11: cannot find the } of the module in line 1"},
		{"module m { namespace urn:m; prefix m; } }", "1:41: cannot use text behind the end"},
		{"module m { namespace urn:m; prefix m; } module n;", "1:41: cannot use text behind the end"},
		{"}", "1:1: cannot use a } that has no {"},
		{"module m { namespace urn:m; prefix m;\n\tlef x; }", `2:2: cannot use the unknown keyword "lef"; did you mean leaf?`},
		{"module m { namespace urn:m; prefix m; leaf x { type string }\n}", "1:60: cannot use \"}\" here: ; or { belongs behind type string (in module m / leaf x)"},
		{"module m { namespace 'urn:m; prefix m; }", "cannot find the ' that ends this string"},
		{"module m { namespace \"urn:m; prefix m; }", "cannot find the \" that ends this string"},
		{"module m { namespace \"urn:m\\", "cannot find the \" that ends this string"},
		{"module m { /* namespace", "cannot find the */"},
		{"module m { \"namespace\" urn:m; }", "cannot use a string where a keyword belongs"},
		{"module m { namespace\"urn:m\"; }", "a blank belongs between"},
		{"module m { namespace \"urn\" + m; prefix m; }", "a quoted string belongs behind the +"},
		{"module m { namespace urn:m; prefix m; a:b:c; }", "cannot use the keyword"},
		{"module m { namespace urn:m; prefix m; 1a:b; }", "cannot use the keyword"},
		{"module m { namespace urn:m; prefix m; description \"a\x00b\"; }", "1:53: cannot read the module: the character U+0000"},
		{"module m {\n description \"a\xff\"; }", "2:16: cannot read the module: byte 0xff is not valid UTF-8"},
		{"module m {\n description \"\ufdd0\"; }", "U+FDD0"},
		{"module m {\n description \"\U0001ffff\"; }", "U+1FFFF"},
		{"module m { namespace urn:m; prefix m; " + deep + " }", fmt.Sprintf("cannot nest statements more than %d deep", MaxDepth)},
		{"module " + strings.Repeat("x", MaxIdentifier+1) + " { namespace urn:m; prefix m; }", "is too long"},
		{"module m { namespace urn:m; prefix m; leaf ä { type string; } }", "a name holds only letters"},
		{"module m { namespace urn:m; prefix m; leaf ü:ä { type string; } }", "(in module m / leaf"},
		{"module m { namespace urn:m; prefix m; revision 2020-02-30; }", "there is no such day"},
		{"module m { namespace urn:m; prefix m; container c { config maybe; } }", "it is not true, false (in module m / container c / config maybe)"},
		{"module m { namespace urn:m; prefix m; anydata a; }", "that needs yang-version 1.1"},
		{"module m { namespace urn:m; prefix m; list l { min-elements 01; } }", "no integer"},
		{"module m { namespace urn:m; prefix m; rpc r { input x { } } }", "cannot give input an argument"},
		{"module m { namespace urn:m; prefix m; leaf { type string; } }", "cannot use leaf without an argument"},
		{"module m { namespace urn:m; prefix m; deviation /m:a { deviate delete { config true; } } }", "cannot use config in deviate delete"},
		{"module m { namespace urn:m; prefix m; augment m:a { } deviation a { } }", "it does not begin with /"},
	} {
		_, err := Parse("m.yang", []byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.60q: got %.200q, want %q", tc.text, fmt.Sprint(err), tc.want)
		}
	}
}

// TestManyErrors: all mistakes of the grammar are reported, up to a limit.
func TestManyErrors(t *testing.T) {
	_, err := Parse("m.yang", []byte("module m { prefix m; leaf a { config x; mandatory y; } leaf b; }"))
	list, ok := err.(Errors)
	if !ok || len(list) != 5 {
		t.Fatalf("got %v", err)
	}
	_, err = Parse("m.yang", []byte("module m { namespace urn:m; prefix m; "+strings.Repeat("leaf b; ", 1000)+"}"))
	if list, ok := err.(Errors); !ok || len(list) != maxErrors {
		t.Errorf("%d errors", len(list))
	}
}

func TestTooBig(t *testing.T) {
	if _, err := Parse("m.yang", make([]byte, MaxText+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Error(err)
	}
}

// TestPositions: keywords are found by line and column, in characters.
func TestPositions(t *testing.T) {
	f, err := Parse("m.yang", []byte("module m {\n\tnamespace 'ü'; prefix m; /* ä\n\n ö */ leaf x\n  {\n  type\tstring; } }"))
	if err != nil {
		t.Fatal(err)
	}
	leaf := f.Root.First(Leaf)
	for _, tc := range []struct {
		s         *Statement
		line, col int32
		path      string
	}{
		{f.Root, 1, 1, "module m"}, {f.Root.First(Namespace), 2, 2, "module m / namespace ü"}, {f.Root.First(Prefix), 2, 17, "module m / prefix m"},
		{leaf, 4, 7, "module m / leaf x"}, {leaf.First(Type), 6, 3, "module m / leaf x / type string"},
	} {
		if tc.s.Line != tc.line || tc.s.Column != tc.col || tc.s.Path() != tc.path {
			t.Errorf("%s is at %d:%d, path %s", tc.s.Name(), tc.s.Line, tc.s.Column, tc.s.Path())
		}
	}
}

func TestIfFeature(t *testing.T) {
	on := func(s Step) (bool, error) { return s.Name[0] == 't', nil }
	for _, tc := range []struct {
		expr string
		want bool
	}{
		{"t", true}, {"f", false}, {"not f", true}, {"t and f", false}, {"f or t", true}, {"not t or t", true}, {"not (t or t)", false},
		{"t or t and f", true}, {"(t or t) and f", false}, {"p:t and(not f)", true}, {"not not t", true},
	} {
		e, err := IfFeatureExpr(tc.expr)
		if err != nil {
			t.Errorf("%s: %v", tc.expr, err)
			continue
		}
		if got, _ := e.Eval(on); got != tc.want {
			t.Errorf("%s is %v", tc.expr, got)
		}
	}
	for _, bad := range []string{"", "and", "t and", "(t", "t)", "t t", "not", "t or or t", "1t", strings.Repeat("(", 200) + "t"} {
		if _, err := IfFeatureExpr(bad); err == nil {
			t.Errorf("%.20q is accepted", bad)
		}
	}
}

func TestLeafrefPath(t *testing.T) {
	for _, good := range []string{"/a", "/p:a/p:b", "../a", "../../p:a/b", "/a[k = current()/../x]/b", "../a[k=current()/../../x/y][l = current()/../z]/b",
		"deref(../a)/../b", " /a / b "} {
		if _, err := LeafrefPath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a", "/", "..", "../", "a/b", "/a/", "/a[", "/a[k]", "/a[k='x']/b", "/a[k=current()/x]/b", "/a b", "//a", "/a/../b",
		"deref(../a)", "deref(", "/1"} {
		if _, err := LeafrefPath(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// FuzzParse: no text makes the parser panic, and what it accepts has
// statements with places inside the text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"module m { namespace urn:m; prefix m; }",
		"module m { yang-version 1.1; namespace \"urn:\" + 'm'; prefix m; leaf a { type string { pattern \"a\\n\"; length \"1..4|7\"; } } }",
		"submodule s { belongs-to m { prefix m; } revision 2020-01-01; augment /m:a/m:b { when \"1\"; leaf-list l { type int8; } } }",
		"module m {\n\tnamespace urn:m;\n\tprefix m;\n\tdescription \"a\n\t\tb\\t\n\";\n\tm:x { m:y z; }\n\tleaf l { type leafref { path \"../a[b=current()/../c]/d\"; } if-feature \"not (a or b)\"; }\n}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f", text)
		if err != nil {
			_ = err.Error()
			return
		}
		lines := int32(strings.Count(file.Text, "\n") + 1)
		var walk func(s *Statement)
		walk = func(s *Statement) {
			if s.Line < 1 || s.Line > lines || s.Column < 1 || s.File != file {
				t.Fatalf("%s is at %d:%d", s.Name(), s.Line, s.Column)
			}
			for i := range s.Sub {
				walk(&s.Sub[i])
			}
		}
		walk(file.Root)
		if file.Root.Path() == "" {
			t.Fatal("no path")
		}
	})
}
