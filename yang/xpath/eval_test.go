// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value/schematest"
)

const model = `
module m
identity animal
identity dog animal
identity poodle dog
identity cat animal
container top
  leaf title string
  leaf size int32
  leaf on boolean default=true
  leaf color enum:red,green,blue
  leaf flags bits:up,run,loop
  leaf kind identityref:animal
  leaf ref leafref:../item/name
  leaf mtu leafref:../item[name=current()/../ref]/mtu
  leaf where instance-identifier
  leaf-list tag string user
  leaf-list num int32
  list item key=name
    leaf name string
    leaf mtu uint16 default=1500
    leaf kind identityref:animal
    container opt
      leaf x int32 default=5
      leaf y int32
    container here presence
      leaf z string
  list pair key="a b"
    leaf a int32
    leaf b string
    leaf v string
  container state config=false
    leaf up string default=yes
  container deep
    container deeper
      leaf end string
  choice c default=two
    case one
      leaf a1 string
      leaf b1 string default=bee
    case two
      leaf a2 string default=aye
  anydata blob
container other
  leaf title string
module n
container top
  leaf title string
`

const data = `
/m:top/title=The  Title
/m:top/size=42
/m:top/color=blue
/m:top/flags=up loop
/m:top/kind=m:poodle
/m:top/ref=eth1
/m:top/mtu=9000
/m:top/where=/m:top/item[name='eth2']/opt/y
/m:top/tag[.='zoo']
/m:top/tag[.='ant']
/m:top/num[.='10']
/m:top/num[.='9']
/m:top/num[.='-1']
/m:top/item[name='eth0']/mtu=1400
/m:top/item[name='eth1']/mtu=9000
/m:top/item[name='eth1']/kind=m:cat
/m:top/item[name='eth2']/opt/y=7
/m:top/item[name='eth3']/here
/m:top/item[name="it's"]
/m:top/pair[a='1'][b='x']/v=1x
/m:top/pair[a='1'][b='y']/v=1y
/m:top/pair[a='10'][b='x']/v=10x
/m:top/pair[a='2'][b='x']/v=2x
/n:top/title=other top
`

func load(t testing.TB, s *yang.Schema, text string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(tree.New(s.Root))
	for _, line := range strings.Split(text, "\n") {
		if line == "" {
			continue
		}
		path, value := line, ""
		if i := strings.LastIndexByte(line, '='); i > strings.LastIndexByte(line, ']') {
			path, value = line[:i], line[i+1:]
		}
		if strings.HasPrefix(line, "/m:top/where=") {
			path, value, _ = strings.Cut(line, "=")
		}
		p, err := tree.ParsePath(s, path)
		if err == nil {
			err = ed.Set(p, value)
		}
		if err != nil {
			t.Fatal(line, err)
		}
	}
	return ed.Root()
}

func prefixes(p string) (string, bool) { return p, p == "m" || p == "n" }

func at(t testing.TB, s *yang.Schema, root *tree.Node, path string) *Node {
	t.Helper()
	p, err := tree.ParsePath(s, path)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := Locate(root, p)
	if !ok {
		t.Fatalf("%s is not there", path)
	}
	return n
}

func TestEval(t *testing.T) {
	s := schematest.Schema(t, model)
	root := load(t, s, data)
	for _, tt := range []struct{ context, source, want string }{
		// Conversions (XPath 4).
		{"", "string(1)", "1"}, {"", "string(-0)", "0"}, {"", "string(1 div 0)", "Infinity"}, {"", "string(-1 div 0)", "-Infinity"},
		{"", "string(0 div 0)", "NaN"}, {"", "string(0.5)", "0.5"}, {"", "string(1000000000000000000000)", "1000000000000000000000"},
		{"", "string(0.0000001)", "0.0000001"}, {"", "string(true())", "true"}, {"", "string(/m:nowhere)", ""},
		{"", "number(' 12 ')", "12"}, {"", "number('-.5')", "-0.5"}, {"", "number('+1')", "NaN"}, {"", "number('1e3')", "NaN"}, {"", "number('')", "NaN"},
		{"", "number('1.')", "1"}, {"", "number('- 1')", "NaN"}, {"", "number(true())", "1"}, {"", "number('0x10')", "NaN"},
		{"", "boolean(0)", "false"}, {"", "boolean(0 div 0)", "false"}, {"", "boolean('false')", "true"}, {"", "boolean('')", "false"}, {"", "boolean(-1)", "true"},
		{"", "boolean(/m:top)", "true"}, {"", "boolean(/m:nope)", "false"}, {"", "not(/m:top/m:title)", "false"},
		// Operators.
		{"", "1 + 2 * 3 - 4 div 2", "5"}, {"", "5 mod 2", "1"}, {"", "5 mod -2", "1"}, {"", "-5 mod 2", "-1"}, {"", "1.5 mod 0.5", "0"}, {"", "1 mod 0", "NaN"},
		{"", "'a' = 'a'", "true"}, {"", "1 = '1.0'", "true"}, {"", "true() = 'x'", "true"}, {"", "'a' < 'b'", "false"}, {"", "'1' < '2'", "true"},
		{"", "1 < 2 < 3", "true"}, {"", "3 > 2 > 1", "false"}, {"", "0 div 0 = 0 div 0", "false"}, {"", "0 div 0 != 0 div 0", "true"},
		{"", "true() or 1 div 0", "true"}, {"", "1 and 0", "false"}, {"", "true() > false()", "true"}, {"", "- - 2", "2"},
		// Node-sets in comparisons.
		{"", "/m:top/m:num = 9", "true"}, {"", "/m:top/m:num != 9", "true"}, {"", "/m:top/m:num > 9", "true"}, {"", "/m:top/m:num < -1", "false"},
		{"", "9 >= /m:top/m:num", "true"}, {"", "11 < /m:top/m:num", "false"}, {"", "/m:top/m:num = '09'", "false"}, {"", "/m:top/m:num = /m:top/m:size", "false"},
		{"", "/m:top/m:ref = /m:top/m:item/m:name", "true"}, {"", "/m:top/m:num != /m:top/m:num", "true"}, {"", "/m:top/m:size != /m:top/m:size", "false"},
		{"", "/m:top/m:num < /m:top/m:size", "true"}, {"", "/m:top/m:num > /m:top/m:size", "false"}, {"", "/m:nope = /m:nope", "false"}, {"", "/m:nope != 1", "false"},
		{"", "/m:nope = false()", "true"}, {"", "/m:top = true()", "true"}, {"", "/m:nope < true()", "true"}, {"", "/m:top/m:title = 1", "false"},
		// Strings.
		{"", "concat('a', 1, true())", "a1true"}, {"", "starts-with('abc', 'ab')", "true"}, {"", "starts-with('abc', '')", "true"}, {"", "contains('abc', 'bc')", "true"},
		{"", "substring-before('1999/04', '/')", "1999"}, {"", "substring-before('abc', 'x')", ""}, {"", "substring-after('1999/04', '/')", "04"}, {"", "substring-after('abc', '')", "abc"},
		{"", "substring('12345', 2, 3)", "234"}, {"", "substring('12345', 2)", "2345"}, {"", "substring('12345', 1.5, 2.6)", "234"}, {"", "substring('12345', 0, 3)", "12"},
		{"", "substring('12345', 0 div 0, 3)", ""}, {"", "substring('12345', 1, 0 div 0)", ""}, {"", "substring('12345', -42, 1 div 0)", "12345"},
		{"", "substring('12345', -1 div 0, 1 div 0)", ""}, {"", "substring('äöü', 2, 1)", "ö"}, {"", "string-length('äöü')", "3"},
		{"", "normalize-space('  a \n b\t')", "a b"}, {"", "translate('bar', 'abc', 'AB')", "BAr"}, {"", "translate('--aaa--', 'abc-', 'ABC')", "AAA"}, {"", "translate('aab', 'aa', 'xy')", "xxb"},
		// Numbers.
		{"", "floor(-1.5)", "-2"}, {"", "ceiling(1.2)", "2"}, {"", "round(2.5)", "3"}, {"", "round(-2.5)", "-2"}, {"", "round(0 div 0)", "NaN"}, {"", "round(1 div 0)", "Infinity"},
		{"", "sum(/m:top/m:num)", "18"}, {"", "count(/m:top/m:num)", "3"}, {"", "count(/m:top/m:item)", "5"}, {"", "sum(/m:top/m:title)", "NaN"}, {"", "sum(/m:nope)", "0"},
		// Axes and positions.
		{"/m:top", "m:item[1]/m:name", "/m:top/item[name='eth0']/name"},
		{"/m:top", "m:item[last()]/m:name", "/m:top/item[name=\"it's\"]/name"}, {"/m:top", "m:item[position() > 3]/m:name", "/m:top/item[name='eth3']/name /m:top/item[name=\"it's\"]/name"},
		{"/m:top", "m:num", "/m:top/num[.='-1'] /m:top/num[.='9'] /m:top/num[.='10']"}, {"/m:top", "m:tag[1]", "/m:top/tag[.='zoo']"}, {"/m:top", "m:tag[. = 'ant']", "/m:top/tag[.='ant']"},
		{"/m:top/item[name='eth1']", "following-sibling::m:item[1]/m:name", "/m:top/item[name='eth2']/name"},
		{"/m:top/item[name='eth2']", "preceding-sibling::m:item[1]/m:name", "/m:top/item[name='eth1']/name"}, {"/m:top/item[name='eth2']", "preceding-sibling::m:item", "/m:top/item[name='eth0'] /m:top/item[name='eth1']"},
		{"/m:top/item[name='eth2']", "preceding-sibling::m:item[last()]/m:name", "/m:top/item[name='eth0']/name"},
		{"/m:top/item[name='eth2']/opt/y", "ancestor::*", "/m:top /m:top/item[name='eth2'] /m:top/item[name='eth2']/opt"}, {"/m:top/item[name='eth2']/opt/y", "name(ancestor::*[1])", "m:opt"},
		{"/m:top/item[name='eth2']/opt/y", "ancestor-or-self::node()[2]", "/m:top/item[name='eth2']/opt"}, {"/m:top/item[name='eth2']/opt/y", "count(ancestor-or-self::node())", "5"},
		{"/m:top/item[name='eth2']/opt/y", "/", "/"}, {"/m:top/item[name='eth2']/opt/y", "../../m:name", "/m:top/item[name='eth2']/name"}, {"/m:top/item[name='eth2']/opt/y", "..//.", ""},
		{"", "//m:name[. = 'eth1']", "/m:top/item[name='eth1']/name"}, {"", "//m:y", "/m:top/item[name='eth2']/opt/y"}, {"", "count(//m:x)", "5"}, {"", "count(/descendant::m:item)", "5"},
		{"", "count(//m:item[1])", "1"}, {"", "/m:top/m:item/m:name/../m:mtu[. > 1500]", "/m:top/item[name='eth1']/mtu"}, {"", "count(/m:top/m:item/..)", "1"}, {"", "count(/m:top/m:item/../..)", "1"},
		{"", "/m:top/m:item[m:name='eth2' or m:name='eth1']/m:name", "/m:top/item[name='eth1']/name /m:top/item[name='eth2']/name"},
		{"/m:top/item[name='eth3']", "count(following::m:name)", "1"}, {"/m:top/item[name='eth3']", "count(preceding::m:name)", "3"}, {"/m:top/item[name='eth3']", "preceding::m:name[1]", "/m:top/item[name='eth2']/name"},
		{"/m:top/title", "following-sibling::*[1]", "/m:top/size"}, {"/m:top/title", "self::m:title", "/m:top/title"}, {"/m:top/title", "self::m:size", ""}, {"/m:top/title", "text()", "/m:top/title"}, {"/m:top/title", "string(text())", "The  Title"},
		{"/m:top/title", "count(../*[self::m:title or self::m:size])", "2"}, {"", "@m:x", ""}, {"", "/m:top/attribute::*", ""}, {"", "count(/node())", "3"}, {"", "/*", "/m:top /m:other /n:top"},
		{"", "/m:*", "/m:top /m:other"}, {"", "/n:top/n:title", "/n:top/title"}, {"", "/m:top/m:title | /n:top/n:title | /m:top/m:title", "/m:top/title /n:top/title"}, {"", "(/n:top/n:title | /m:top/m:title)[1]", "/m:top/title"},
		{"", "/m:top/m:size | /m:top/m:title", "/m:top/title /m:top/size"}, {"", "/m:top/m:item[m:name='eth1'] | /m:top/m:item[m:name='eth0']", "/m:top/item[name='eth0'] /m:top/item[name='eth1']"},
		{"", "(//m:item)[3]/m:name", "/m:top/item[name='eth2']/name"}, {"", "//m:item//m:z/ancestor::m:item/m:name", ""},
		{"", "count(//node()) > 40", "true"}, {"", "count(//m:here/ancestor-or-self::*)", "3"}, {"", "/m:top/comment()", ""}, {"", "id('x')", ""}, {"", "lang('en')", "false"},
		// Keys.
		{"", "/m:top/m:item[m:name='eth1']/m:mtu", "/m:top/item[name='eth1']/mtu"}, {"", "/m:top/m:item['eth1' = m:name]/m:mtu", "/m:top/item[name='eth1']/mtu"}, {"", "/m:top/m:item[m:name=/m:top/m:ref]/m:mtu", "/m:top/item[name='eth1']/mtu"},
		{"/m:top/ref", "../m:item[m:name=current()]/m:mtu", "/m:top/item[name='eth1']/mtu"}, {"/m:top/ref", "/m:top/m:item[m:name=concat('eth', 2)]/m:opt/m:y", "/m:top/item[name='eth2']/opt/y"},
		{"", "/m:top/m:item[m:name=\"it's\"]", "/m:top/item[name=\"it's\"]"}, {"", "/m:top/m:item[m:name='eth1'][1]", "/m:top/item[name='eth1']"}, {"", "/m:top/m:item[m:name='eth1'][2]", ""}, {"", "/m:top/m:item[2][m:name='eth1']", "/m:top/item[name='eth1']"},
		{"", "/m:top/m:item[1][m:name='eth1']", ""}, {"", "/m:top/m:item[m:name='eth1' and m:mtu=9000]", "/m:top/item[name='eth1']"}, {"", "/m:top/m:item[m:mtu=9000][m:name='eth1']", "/m:top/item[name='eth1']"}, {"", "/m:top/m:item[m:name='eth1' and position()=2]", "/m:top/item[name='eth1']"},
		{"", "/m:top/m:item[m:name=/m:top/m:item/m:name][last()]/m:name", "/m:top/item[name=\"it's\"]/name"},
		{"", "/m:top/m:pair[m:a=1][m:b='y']/m:v", "/m:top/pair[a='1'][b='y']/v"}, {"", "/m:top/m:pair[m:b='x'][m:a='10']/m:v", "/m:top/pair[a='10'][b='x']/v"}, {"", "/m:top/m:pair[m:a='01'][m:b='x']", ""}, {"", "/m:top/m:pair[m:a=1.5][m:b='x']", ""},
		{"", "/m:top/m:pair[m:b='x']/m:v", "/m:top/pair[a='1'][b='x']/v /m:top/pair[a='2'][b='x']/v /m:top/pair[a='10'][b='x']/v"}, {"", "/m:top/m:pair[m:a=1 and m:b='y']/m:v", "/m:top/pair[a='1'][b='y']/v"},
		{"", "/m:top/m:num[.='9']", "/m:top/num[.='9']"}, {"", "/m:top/m:num[.=9]", "/m:top/num[.='9']"}, {"", "/m:top/m:num[.='09']", ""}, {"", "/m:top/m:item[m:name='none']", ""},
		// Defaults and containers without presence.
		{"", "/m:top/m:on", "/m:top/on"}, {"", "/m:top/m:on = 'true'", "true"}, {"", "/m:top/m:item[m:name='eth2']/m:mtu = 1500", "true"}, {"", "/m:top/m:item[m:name='eth0']/m:opt/m:x", "/m:top/item[name='eth0']/opt/x"},
		{"", "sum(/m:top/m:item/m:opt/m:x)", "25"}, {"", "/m:other", "/m:other"}, {"", "/m:top/m:deep/m:deeper", "/m:top/deep/deeper"}, {"", "/m:top/m:deep/m:deeper/m:end", ""}, {"", "count(/m:top/m:item/m:here)", "1"},
		{"", "/m:top/m:a2 = 'aye'", "true"}, {"", "/m:top/m:b1", ""}, {"", "string(/m:top/m:state/m:up)", "yes"},
		// YANG's functions.
		{"/m:top/ref", "current()", "/m:top/ref"}, {"/m:top/ref", "deref(.)", "/m:top/item[name='eth1']/name"}, {"/m:top/ref", "deref(.)/../m:mtu", "/m:top/item[name='eth1']/mtu"}, {"/m:top/where", "deref(.)", "/m:top/item[name='eth2']/opt/y"},
		{"/m:top/mtu", "deref(.)", "/m:top/item[name='eth1']/mtu"}, {"/m:top/title", "deref(.)", ""}, {"", "deref(/m:nope)", ""},
		{"", "re-match('1.22.333', '\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}')", "true"}, {"", "re-match('xab', 'a.*')", "false"}, {"", "re-match(/m:top/m:ref, concat('e', '.*'))", "true"},
		{"", "derived-from(/m:top/m:kind, 'm:dog')", "true"}, {"", "derived-from(/m:top/m:kind, 'm:poodle')", "false"}, {"", "derived-from-or-self(/m:top/m:kind, 'm:poodle')", "true"}, {"", "derived-from(/m:top/m:kind, 'm:cat')", "false"},
		{"", "derived-from(/m:top/m:kind, concat('m:', 'animal'))", "true"}, {"", "derived-from(/m:top/m:title, 'm:dog')", "false"}, {"", "/m:top/m:item[derived-from(m:kind, 'm:animal')]/m:name", "/m:top/item[name='eth1']/name"},
		{"", "/m:top/m:kind = 'm:poodle'", "true"}, {"", "enum-value(/m:top/m:color)", "2"}, {"", "enum-value(/m:top/m:title)", "NaN"}, {"", "enum-value(/m:nope)", "NaN"},
		{"", "bit-is-set(/m:top/m:flags, 'loop')", "true"}, {"", "bit-is-set(/m:top/m:flags, 'run')", "false"}, {"", "bit-is-set(/m:top/m:flags, 'up loop')", "false"},
		// Names.
		{"", "local-name(/m:top/m:title)", "title"}, {"", "name(/m:top/m:title)", "m:title"}, {"", "namespace-uri(/m:top/m:title)", "urn:m"}, {"", "name(/)", ""}, {"", "local-name(/m:nope)", ""}, {"/m:top/title", "local-name()", "title"},
		{"/m:top/title", "string()", "The  Title"}, {"/m:top/title", "normalize-space()", "The Title"}, {"/m:top/title", "string-length()", "10"}, {"/m:top/size", "number()", "42"},
		{"", "string(/m:top/m:pair[1])", "1x1x"}, {"", "string(/m:top/m:item[1])", "eth01400"},
	} {
		node := Root(root)
		if tt.context != "" {
			node = at(t, s, root, tt.context)
		}
		e, err := CompileAt(s, node.Schema, tt.source, prefixes, "")
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		v, err := e.Eval(Context{Node: node})
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		got := v.String()
		if v.IsNodes() {
			var paths []string
			for _, n := range v.Nodes() {
				paths = append(paths, n.Path().String())
			}
			got = strings.Join(paths, " ")
		}
		if tt.source == "..//." { // everything below the parent, in order
			tt.want = "/m:top/item[name='eth2']/opt /m:top/item[name='eth2']/opt/x /m:top/item[name='eth2']/opt/x /m:top/item[name='eth2']/opt/y /m:top/item[name='eth2']/opt/y"
		}
		if got != tt.want {
			t.Errorf("%s at %s: got %q, want %q", tt.source, node.Path(), got, tt.want)
		}
		if b, err := e.EvalBool(Context{Node: node}); err != nil || b != v.Bool() {
			t.Errorf("%s: EvalBool gives %t, %v", tt.source, b, err)
		}
		checkReads(t, s, e, node, v)
	}
}

// checkReads: what a path finds is among what the expression says it reads.
func checkReads(t *testing.T, s *yang.Schema, e *Expr, context *Node, v Value) {
	reads, all := e.Reads()
	for _, n := range v.Nodes() {
		found := all || n.Parent == nil // the root is always there
		for _, r := range reads {
			if r.Node == n.Schema {
				for a := n; a != nil; a = a.Parent {
					for c := context; c != nil; c = c.Parent {
						if a.Schema == r.Apex && same(a, c) {
							found = true
						}
					}
				}
			}
		}
		if !found {
			t.Errorf("%s: %s is not among what it reads: %v", e.source, n.Path(), showReads(e))
		}
	}
}

func showReads(e *Expr) string {
	var out []string
	reads, all := e.Reads()
	for _, r := range reads {
		out = append(out, r.Node.Path()+"<"+r.Apex.Path())
	}
	return fmt.Sprint(strings.Join(out, " "), " ", all)
}

func TestReads(t *testing.T) {
	s := schematest.Schema(t, model)
	item := s.Root.Child("m", "top").Child("", "item")
	for _, tt := range []struct {
		at           *yang.Node
		source, want string
	}{
		{item, "m:mtu > 5", "/m:top/item/mtu</m:top/item false"},
		{item, "../m:size", "/m:top</m:top /m:top/size</m:top false"},
		{item, "1 = 1", " false"},
		{item, "/m:other/m:title", "/m:other</ /m:other/title</ false"},
		{item.Child("", "mtu"), ". > 5", "/m:top/item/mtu</m:top/item/mtu false"},
		{item.Child("", "mtu"), "../m:name", "/m:top/item</m:top/item /m:top/item/name</m:top/item false"},
		{item, "../m:item[m:name=current()/m:kind]/m:mtu", "/m:top</m:top /m:top/item</m:top /m:top/item/name</m:top /m:top/item</m:top/item " +
			"/m:top/item/kind</m:top/item /m:top/item/mtu</m:top false"},
		{item, "string(m:opt)", "/m:top/item/opt</m:top/item /m:top/item/opt/x</m:top/item /m:top/item/opt/y</m:top/item false"},
		{item, "count(m:opt)", "/m:top/item/opt</m:top/item false"},
		{item, "deref(../m:where)", "/m:top</m:top /m:top/where</m:top true"},
		{s.Root, "m:top/m:a2", "/m:top</ /m:top/c/two/a2</ /m:top/c/one/a1</ /m:top/c/one/b1</ false"},
	} {
		e, err := CompileAt(s, tt.at, tt.source, prefixes, "m")
		if err != nil {
			t.Fatal(err)
		}
		if got := showReads(e); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.source, got, tt.want)
		}
	}
}

func TestCompileRefused(t *testing.T) {
	s := schematest.Schema(t, model)
	for source, want := range map[string]string{
		"/q:a":                      `column 2: the prefix "q" is not declared`,
		"count(1)":                  "not a node-set",
		"1/a":                       "not a node-set",
		"'a'[1]":                    "not a node-set",
		"re-match('a', '(')":        "column 1: cannot use the pattern",
		"derived-from(a, 'q:b')":    `prefix of identity "q:b"`,
		"name('a')":                 "not a node-set",
		"bit-is-set('a', 'b')":      "not a node-set",
		"deref('a')":                "not a node-set",
		"sum(string(a)) + count(b)": "not a node-set",
	} {
		_, err := CompileText(s, source, prefixes, "")
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
	e, err := CompileText(s, "/m:top/m:tittle", prefixes, "")
	if err != nil || len(e.Warnings()) != 1 || !strings.Contains(e.Warnings()[0], "m:tittle") {
		t.Errorf("no warning: %v", err)
	}
	if e, err := CompileText(s, "1 | 2", prefixes, ""); err == nil {
		if _, err := e.Eval(Context{Node: Root(tree.New(s.Root))}); err == nil {
			t.Error("1 | 2 is a node-set")
		}
	}
	if e, err := CompileText(s, "1", prefixes, ""); err == nil {
		if _, err := e.EvalNodes(Context{Node: Root(tree.New(s.Root))}); err == nil {
			t.Error("1 is a node-set")
		}
	}
}

// Names without prefix: those of a module, or of any.
func TestDefaultModule(t *testing.T) {
	s := schematest.Schema(t, model)
	root := load(t, s, data)
	for _, tt := range []struct {
		source, def string
		want        int
	}{{"/top/title", "m", 1}, {"/top/title", "n", 1}, {"/top/title", "", 2}, {"/other", "n", 0}, {"/other", "", 1}, {"//title", "", 2}} {
		e, err := CompileText(s, tt.source, prefixes, tt.def)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := e.EvalNodes(Context{Node: Root(root)})
		if err != nil || len(nodes) != tt.want {
			t.Errorf("%s in %q: %d nodes, %v", tt.source, tt.def, len(nodes), err)
		}
	}
}

func TestBudget(t *testing.T) {
	s := schematest.Schema(t, model)
	root := load(t, s, data)
	for _, source := range []string{
		"count(//*//*//*//*/ancestor::*//*)", "//node()[count(//node()[count(//node()) > 1]) > 1]", "count(//m:name/following::node()/preceding::node())",
		"sum(//*/..//*/..//*/..//*)", "re-match(concat(" + strings.Repeat("/,", 400) + "/), 'x')",
	} {
		e, err := CompileText(s, source, prefixes, "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Eval(Context{Node: Root(root), Budget: 300})
		if !errors.Is(err, ErrBudget) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// A budget that evaluations share, nested ones included.
func TestTotal(t *testing.T) {
	s := schematest.Schema(t, model)
	root := load(t, s, data)
	e, err := CompileText(s, "count(//*) > 3", prefixes, "")
	if err != nil {
		t.Fatal(err)
	}
	total, rounds := 1000, 0
	for ; rounds < 1000 && err == nil; rounds++ {
		_, err = e.EvalBool(Context{Node: Root(root), Total: &total})
	}
	if !errors.Is(err, ErrBudget) || rounds < 2 || rounds > 50 {
		t.Errorf("after %d rounds: %v", rounds, err)
	}
	if _, err := e.EvalBool(Context{Node: Root(root)}); err != nil {
		t.Error(err)
	}
}

func TestConfigOnly(t *testing.T) {
	s := schematest.Schema(t, model)
	e, err := CompileText(s, "/m:top/m:state/m:up", prefixes, "")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := e.EvalBool(Context{Node: Root(tree.New(s.Root)), ConfigOnly: true}); b {
		t.Error("a default of state is in the accessible tree of configuration")
	}
}

func TestFind(t *testing.T) {
	s := schematest.Schema(t, model)
	root := load(t, s, data)
	for _, tt := range []struct{ context, source, value, want string }{
		{"/m:top/ref", "../m:item/m:name", "eth2", "/m:top/item[name='eth2']/name"}, {"/m:top/ref", "../m:item/m:name", "none", ""},
		{"/m:top/ref", "/m:top/m:item[m:name=current()]/m:mtu", "9000", "/m:top/item[name='eth1']/mtu"}, {"/m:top/ref", "../m:item/m:mtu", "1500", "/m:top/item[name='eth2']/mtu"},
		{"/m:top/ref", "../m:num", "10", "/m:top/num[.='10']"}, {"/m:top/ref", "../m:pair/m:b", "y", "/m:top/pair[a='1'][b='y']/b"}, {"/m:top/ref", "../m:title", "The  Title", "/m:top/title"},
		{"/m:top/ref", "deref(.)/../m:mtu", "9000", "/m:top/item[name='eth1']/mtu"},
	} {
		node := at(t, s, root, tt.context)
		e, err := CompileAt(s, node.Schema, tt.source, prefixes, "")
		if err != nil {
			t.Fatal(err)
		}
		n, err := e.Find(Context{Node: node}, tt.value)
		got := ""
		if n != nil {
			got = n.Path().String()
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.source, got, err, tt.want)
		}
	}
}

// The operation and its input are below the root (RFC 7950, 6.4.1).
func TestOperation(t *testing.T) {
	s := schematest.Schema(t, model+`
rpc reset
  input input
    leaf item leafref:/m:top/m:item/m:name
    leaf delay int32
`)
	root := load(t, s, data)
	var input *yang.Node
	for _, n := range s.Nodes {
		if n.Kind == yang.KindInput {
			input = n
		}
	}
	n := Root(root).Below(input, nil, "").Below(input.Child("", "item"), nil, "eth1")
	for source, want := range map[string]string{
		"/n:reset": "true", "../../m:top": "true", "/m:top/m:item[m:name = current()]/m:mtu = 9000": "true", "name(..) = 'n:reset'": "true", "count(//n:item) = 0": "true",
	} {
		e, err := CompileAt(s, n.Schema, source, prefixes, "")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := e.Eval(Context{Node: n}); err != nil || fmt.Sprint(v.Bool()) != want {
			t.Errorf("%s: %v, %v", source, v.Bool(), err)
		}
	}
}

func FuzzEval(f *testing.F) {
	s := schematest.Schema(f, model)
	root := load(f, s, data)
	contexts := []*Node{Root(root), at(f, s, root, "/m:top/ref"), at(f, s, root, "/m:top/item[name='eth2']/opt/y")}
	for _, source := range []string{"//m:item[m:name='eth1' and position()=2]/..", "deref(.)/../m:mtu", "count(//*/ancestor::*[2]|/*)", "m:top/m:pair[m:a=1][m:b=//m:b]",
		"preceding::node()[3]", "substring('abc', -1 div 0)", "string(/)", "//text()[. = 'eth1']/.."} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, c := range contexts {
			e, err := CompileAt(s, c.Schema, source, prefixes, "")
			if err != nil {
				return
			}
			v, err := e.Eval(Context{Node: c, Budget: 20_000})
			b, berr := e.EvalBool(Context{Node: c, Budget: 20_000})
			if err != nil || berr != nil {
				continue
			}
			if b != v.Bool() {
				t.Fatalf("%q: Eval gives %t, EvalBool %t", source, v.Bool(), b)
			}
			r := &run{e: e, c: &Context{}, left: 1 << 30}
			for i := 1; i < len(v.Nodes()); i++ {
				if r.order(v.nodes[i-1], v.nodes[i]) >= 0 {
					t.Fatalf("%q: %s is not before %s", source, v.nodes[i-1].Path(), v.nodes[i].Path())
				}
			}
			checkReads(t, s, e, c, v)
		}
	})
}
