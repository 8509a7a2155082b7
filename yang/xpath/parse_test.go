// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// show writes an expression with every grouping and axis said.
func show(n node) string {
	list := func(ns []node, open, close string) string {
		var b strings.Builder
		for _, n := range ns {
			b.WriteString(open + show(n) + close)
		}
		return b.String()
	}
	switch n := n.(type) {
	case *binary:
		return "(" + show(n.l) + " " + n.op + " " + show(n.r) + ")"
	case *negate:
		return "-(" + show(n.x) + ")"
	case number:
		return fmt.Sprint(float64(n))
	case literal:
		return fmt.Sprintf("%q", string(n))
	case *call:
		args := make([]string, len(n.args))
		for i, a := range n.args {
			args[i] = show(a)
		}
		return n.name + "(" + strings.Join(args, ", ") + ")"
	case *path:
		var parts []string
		if n.start != nil {
			parts = append(parts, show(n.start)+list(n.predicates, "[", "]"))
		}
		for _, s := range n.steps {
			t := s.test.name
			if s.test.prefix != "" {
				t = s.test.prefix + ":" + t
			}
			if s.test.kind != "" {
				t = s.test.kind + "()"
			}
			parts = append(parts, fmt.Sprintf("%d::%s", s.axis, t)+list(s.predicates, "[", "]"))
		}
		out := strings.Join(parts, "/")
		if n.absolute {
			out = "/" + out
		}
		return out
	}
	return "?"
}

func TestParse(t *testing.T) {
	for source, want := range map[string]string{
		"1":                                 "1",
		".5 + 5.":                           "(0.5 + 5)",
		"a":                                 "0::a",
		"/":                                 "/",
		"/ = 1":                             "(/ = 1)",
		"/a/b":                              "/0::a/0::b",
		"//a":                               "/4::node()/0::a",
		"a//b":                              "0::a/4::node()/0::b",
		"..":                                "1::node()",
		"../p:a":                            "1::node()/0::p:a",
		".//a":                              "2::node()/4::node()/0::a",
		"@a":                                "11::a",
		"p:*":                               "0::p:*",
		"*":                                 "0::*",
		"* * *":                             "(0::* * 0::*)",
		"a*b":                               "(0::a * 0::b)",
		"div div div":                       "(0::div div 0::div)",
		"and and or or mod":                 "((0::and and 0::or) or 0::mod)",
		"text()":                            "0::text()",
		"text":                              "0::text",
		"node()|comment()":                  "(0::node() | 0::comment())",
		"processing-instruction('x')":       "0::processing-instruction()",
		"ancestor-or-self::a":               "6::a",
		"child :: a":                        "0::a",
		"a-b - c":                           "(0::a-b - 0::c)",
		"a -b":                              "(0::a - 0::b)",
		"- -1":                              "-(-(1))",
		"---1":                              "-(1)",
		"1 - -1":                            "(1 - -(1))",
		"1 or 2 and 3 = 4 < 5 + 6 * 7":      "(1 or (2 and (3 = (4 < (5 + (6 * 7))))))",
		"1 - 2 - 3":                         "((1 - 2) - 3)",
		"1 < 2 <= 3 > 4 >= 5":               "((((1 < 2) <= 3) > 4) >= 5)",
		"a != b":                            "(0::a != 0::b)",
		"a[1][b]":                           "0::a[1][0::b]",
		"a[b = 'x']/c":                      "0::a[(0::b = \"x\")]/0::c",
		"(a|b)[1]/c":                        "(0::a | 0::b)[1]/0::c",
		"(a)":                               "0::a",
		"current()/../a":                    "current()/1::node()/0::a",
		"deref(.)/../b":                     "deref(2::node())/1::node()/0::b",
		"concat('a', \"b'\", 'c')":          `concat("a", "b'", "c")`,
		"not(a) and true()":                 "(not(0::a) and true())",
		"a[not(position() = last())]":       "0::a[not((position() = last()))]",
		"/a [ b ] / c":                      "/0::a[0::b]/0::c",
		" \n\ta\r ":                         "0::a",
		"count(/a:b/a:c[a:d=current()]) >0": "(count(/0::a:b/0::a:c[(0::a:d = current())]) > 0)",
		"self::node()[a]":                   "2::node()[0::a]",
		"or":                                "0::or",
		"(1)*2":                             "(1 * 2)",
		". * .":                             "(2::node() * 2::node())",
		"é/x":                               "0::é/0::x",
		"1 = 2 != 3":                        "((1 = 2) != 3)",
	} {
		a, err := Parse(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
		} else if got := show(a.root); got != want {
			t.Errorf("%q: got %s, want %s", source, got, want)
		}
	}
}

func TestParseRefused(t *testing.T) {
	for source, want := range map[string]string{
		"":                                "column 1: it ends",
		"a b":                             `column 3: an operator is missing before "b"`,
		"a[":                              "column 3: it ends",
		"a[]":                             `column 3: "]"`,
		"a]":                              `column 2: "]" where the end`,
		"(a":                              "it ends",
		"'a":                              "column 1: a string in quotes is not closed",
		"1 +":                             "it ends",
		"$a":                              "no variables",
		"nope()":                          "no function nope()",
		"é + nope()":                      "column 5: there is no function nope()",
		"not()":                           "takes 1 argument, not 0",
		"concat('a')":                     "at least 2 arguments",
		"substring('a')":                  "2 to 3 arguments",
		"true(1)":                         "no arguments",
		"foo::a":                          "no axis",
		"a/":                              "it ends",
		"//":                              "it ends",
		"a:":                              "name is missing after the prefix",
		"a!b":                             "unexpected '!'",
		"a[1":                             "it ends",
		".[a]":                            "predicate cannot follow",
		"#":                               "unexpected '#'",
		"a/1":                             "where a node name",
		"current() a":                     "operator is missing",
		"\xff":                            "UTF-8",
		strings.Repeat("(", 300):          "nested more than",
		strings.Repeat("a[", 300):         "nested more than",
		strings.Repeat("not(", 300) + "1": "nested more than",
		strings.Repeat("1+", 2000) + "1":  "in a row",
		strings.Repeat("a|", 2000) + "a":  "in a row",
		strings.Repeat("a/", 30000) + "a": "parts",
		strings.Repeat(" ", 70000):        "longer than",
	} {
		_, err := Parse(source)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: got %v, want %q", source, err, want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	a, err := Parse("/a:b[c:d = current()/e:f]/a:g | count(h:*) > 1 and i:j")
	if err == nil {
		if got := strings.Join(a.Prefixes(), " "); got != "a c e h i" {
			t.Errorf("got %s", got)
		}
		return
	}
	t.Fatal(err)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a[b='c']/../d", "//*[position() mod 2 = 1]", "-(1 div 0) | 3", "deref(.)/x:y", "* * *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		a, err := Parse(source)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || a != nil {
				t.Fatalf("%v", err)
			}
			return
		}
		a.Prefixes()
		show(a.root)
	})
}
