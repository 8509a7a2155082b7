// SPDX-License-Identifier: Apache-2.0

package meta_test

import (
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/meta"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
	import ietf-yang-metadata { prefix md; }
	identity base; identity one { base base; }
	md:annotation who { type string; }
	md:annotation n { type uint8; }
	md:annotation kind { type identityref { base base; } }
	container c { presence x; leaf l { type string; } leaf d { type int8; default 3; } leaf-list ll { type string; ordered-by user; }
		leaf-list dl { type string; default a; default b; } leaf k { type identityref { base base; } } anydata any; anyxml ax; }
	list e { key k; leaf k { type string; } leaf d { type int8; default 4; } container in { leaf d { type int8; default 5; } } }
	container s { config false; list row { leaf v { type int8; default 6; } } leaf-list w { type string; } } }`

func schema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, model, "ietf-yang-metadata", "ietf-origin")
}

func fromXML(t testing.TB, s *yang.Schema, text string) (*tree.Node, *meta.Node, error) {
	t.Helper()
	m := &meta.Node{}
	n, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(`<data xmlns:m="urn:m">`+strings.ReplaceAll(text, "<m>", `<m xmlns="urn:m">`)+"</data>"), xmlstream.Limits{}), s, xmlenc.DecodeOptions{Meta: m})
	return n, m, err
}

func fromJSON(s *yang.Schema, text string) (*tree.Node, *meta.Node, error) {
	m := &meta.Node{}
	n, err := jsonenc.Decode(strings.NewReader(text), s, jsonenc.DecodeOptions{Meta: m})
	return n, m, err
}

func toXML(t testing.TB, s *yang.Schema, n *tree.Node, m *meta.Node) string {
	t.Helper()
	w := xmlstream.NewWriter(nil)
	if err := xmlenc.Encode(w, n, xmlenc.Options{Modules: s.Module, Meta: m}); err != nil {
		t.Fatal(err)
	}
	return string(w.Bytes())
}

func toJSON(t testing.TB, s *yang.Schema, n *tree.Node, m *meta.Node) string {
	t.Helper()
	var b strings.Builder
	if err := jsonenc.Encode(&b, n, jsonenc.Options{Schema: s, Meta: m}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What XML says JSON says, and back.
func TestBothWays(t *testing.T) {
	s := schema(t)
	for _, c := range []struct{ name, xml, json string }{
		{"container", `<c xmlns="urn:m" xmlns:m="urn:m" m:who="x"><l>1</l></c>`, `{"m:c":{"@":{"m:who":"x"},"l":"1"}}`},
		{"empty container", `<c xmlns="urn:m" xmlns:m="urn:m" m:who="x" m:n="7"/>`, `{"m:c":{"@":{"m:who":"x","m:n":7}}}`},
		{"leaf", `<c xmlns="urn:m"><l xmlns:m="urn:m" m:n="7">1</l></c>`, `{"m:c":{"l":"1","@l":{"m:n":7}}}`},
		{"list entry", `<e xmlns="urn:m"><k>a</k></e><e xmlns="urn:m" xmlns:m="urn:m" m:who="x"><k>b</k></e>`, `{"m:e":[{"k":"a"},{"@":{"m:who":"x"},"k":"b"}]}`},
		{"key", `<e xmlns="urn:m"><k xmlns:m="urn:m" m:who="x">a</k></e>`, `{"m:e":[{"k":"a","@k":{"m:who":"x"}}]}`},
		{"leaf-list", `<c xmlns="urn:m"><ll>b</ll><ll xmlns:m="urn:m" m:who="x">a</ll><ll>c</ll></c>`, `{"m:c":{"ll":["b","a","c"],"@ll":[null,{"m:who":"x"}]}}`},
		{"identity", `<c xmlns="urn:m"><l xmlns:m="urn:m" m:kind="m:one">1</l></c>`, `{"m:c":{"l":"1","@l":{"m:kind":"m:one"}}}`},
		{"identity twice", `<c xmlns="urn:m"><k xmlns:m="urn:m" m:kind="m:one">m:one</k></c>`, `{"m:c":{"k":"m:one","@k":{"m:kind":"m:one"}}}`},
		{"of another module", `<c xmlns="urn:m"><l xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin" or:origin="or:system">1</l></c>`,
			`{"m:c":{"l":"1","@l":{"ietf-origin:origin":"ietf-origin:system"}}}`},
		{"rows without key", `<s xmlns="urn:m"><row><v>1</v></row><row xmlns:m="urn:m" m:who="x"><v>1</v></row><w>a</w><w xmlns:m="urn:m" m:who="x">a</w></s>`,
			`{"m:s":{"row":[{"v":1},{"@":{"m:who":"x"},"v":1}],"w":["a","a"],"@w":[null,{"m:who":"x"}]}}`},
	} {
		n, m, err := fromXML(t, s, c.xml)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := toJSON(t, s, n, m); got != c.json {
			t.Errorf("%s: to JSON\n%s\n%s", c.name, got, c.json)
		}
		if got := toXML(t, s, n, m); got != c.xml {
			t.Errorf("%s: XML to XML\n%s\n%s", c.name, got, c.xml)
		}
		again, m, err := fromJSON(s, c.json)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !tree.Equal(n, again) {
			t.Errorf("%s: %s", c.name, treetest.Dump(again))
		}
		if got := toXML(t, s, again, m); got != c.xml {
			t.Errorf("%s: to XML\n%s\n%s", c.name, got, c.xml)
		}
		if got := toJSON(t, s, again, m); got != c.json {
			t.Errorf("%s: JSON to JSON\n%s\n%s", c.name, got, c.json)
		}
	}
	// The order of a value and its metadata is free (RFC 8259, 4).
	n, m, err := fromJSON(s, `{"m:c":{"@ll":[{"m:who":"x"}],"@l":{"m:n":7},"l":"1","ll":["b"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := toXML(t, s, n, m), `<c xmlns="urn:m"><l xmlns:m="urn:m" m:n="7">1</l><ll xmlns:m="urn:m" m:who="x">b</ll></c>`; got != want {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	s := schema(t)
	const d = ` xmlns:wd="` + meta.DefaultNamespace + `"`
	for _, c := range []struct {
		text string
		tag  mgmterr.Tag
		says string
	}{
		{`<c xmlns="urn:m" m:none="x"/>`, mgmterr.UnknownAttribute, "no module in use"},
		{`<c xmlns="urn:m" none="x"/>`, mgmterr.UnknownAttribute, "attribute none"},
		{`<c xmlns="urn:m" xmlns:z="urn:z" z:who="x"/>`, mgmterr.UnknownAttribute, "urn:z"},
		{`<c xmlns="urn:m" m:n="300"/>`, mgmterr.BadAttribute, "0..255"},
		{`<c xmlns="urn:m" m:kind="m:base"/>`, mgmterr.BadAttribute, "base"},
		{`<c xmlns="urn:m"><any m:none="x"/></c>`, mgmterr.UnknownAttribute, "none"},
		{`<c xmlns="urn:m"` + d + ` wd:default="true"/>`, mgmterr.BadAttribute, "only leafs"},
		{`<c xmlns="urn:m"` + d + `><d wd:default="true">4</d></c>`, mgmterr.InvalidValue, "for the default of d"},
		{`<c xmlns="urn:m"` + d + `><l wd:default="true">4</l></c>`, mgmterr.InvalidValue, "for the default of l"},
		{`<c xmlns="urn:m"` + d + `><d wd:default="maybe">3</d></c>`, mgmterr.BadAttribute, "maybe"},
		{`<c xmlns="urn:m"` + d + `><d wd:other="true">3</d></c>`, mgmterr.UnknownAttribute, "other"},

		{`{"m:c":{"@":{"m:none":"x"}}}`, mgmterr.UnknownAttribute, "m:none"},
		{`{"m:c":{"@":{"who":"x"}}}`, mgmterr.UnknownAttribute, "module:who"},
		{`{"m:c":{"@":{"m:n":"7"}}}`, mgmterr.InvalidValue, "a number"},
		{`{"m:c":{"@":{"m:n":7,"m:n":7}}}`, mgmterr.BadAttribute, "twice"},
		{`{"m:c":{"@":{},"@":{}}}`, mgmterr.BadElement, "twice"},
		{`{"m:c":{"@":[]}}`, mgmterr.InvalidValue, "object"},
		{`{"@":{"m:who":"x"}}`, mgmterr.UnknownElement, "here"},
		{`{"m:c":{"@l":{"m:who":"x"}}}`, mgmterr.BadElement, "more of it"},
		{`{"m:c":{"@ll":[{"m:who":"x"}],"ll":[]}}`, mgmterr.BadElement, "more of it"},
		{`{"m:c":{"@ll":{"m:who":"x"},"ll":["a"]}}`, mgmterr.InvalidValue, "array"},
		{`{"m:c":{"@any":{"m:who":"x"},"any":{}}}`, mgmterr.UnknownElement, "in its object"},
		{`{"@m:c":{"m:who":"x"}}`, mgmterr.UnknownElement, "in its object"},
		{`{"m:c":{"@zz":{"m:who":"x"}}}`, mgmterr.UnknownElement, "no such node"},
		{`{"m:c":{"d":4,"@d":{"ietf-netconf-with-defaults:default":true}}}`, mgmterr.InvalidValue, "for the default of d"},
	} {
		read := func(text string) (err error) {
			if strings.HasPrefix(text, "{") {
				_, _, err = fromJSON(s, text)
			} else {
				_, _, err = fromXML(t, s, text)
			}
			return err
		}
		l := mgmterr.Of(read(c.text))
		if len(l) != 1 || l[0].Tag != c.tag || !strings.Contains(l[0].Message, c.says) {
			t.Errorf("%s: %v", c.text, l)
		}
	}
}

// The mode report-all-tagged, and what reads it.
func TestTagged(t *testing.T) {
	s := schema(t)
	modes, err := defaults.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	n, m, err := fromXML(t, s, `<c xmlns="urn:m" m:who="x"><d>3</d></c><e xmlns="urn:m"><k>a</k></e><s xmlns="urn:m"><row/><row><v>6</v></row></s>`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := modes.All(n, false)
	if err != nil {
		t.Fatal(err)
	}
	tagged := meta.Tag(m, n, all)
	const wd = ` xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true">`
	want := `<c xmlns="urn:m" xmlns:m="urn:m" m:who="x"><d>3</d><dl` + wd + `a</dl><dl` + wd + `b</dl></c>` +
		`<e xmlns="urn:m"><k>a</k><d` + wd + `4</d><in><d` + wd + `5</d></in></e>` +
		`<s xmlns="urn:m"><row><v` + wd + `6</v></row><row><v>6</v></row></s>`
	text := toXML(t, s, all, tagged)
	if text != want {
		t.Errorf("%s\n%s", text, want)
	}
	const tag = `{"ietf-netconf-with-defaults:default":true}`
	wantJSON := `{"m:c":{"@":{"m:who":"x"},"d":3,"dl":["a","b"],"@dl":[` + tag + `,` + tag + `]},` +
		`"m:e":[{"k":"a","d":4,"@d":` + tag + `,"in":{"d":5,"@d":` + tag + `}}],` +
		`"m:s":{"row":[{"v":6,"@v":` + tag + `},{"v":6}]}}`
	if got := toJSON(t, s, all, tagged); got != wantJSON {
		t.Errorf("%s\n%s", got, wantJSON)
	}
	for what, read := range map[string]func() (*tree.Node, *meta.Node, error){
		"XML":  func() (*tree.Node, *meta.Node, error) { return fromXML(t, s, text) },
		"JSON": func() (*tree.Node, *meta.Node, error) { return fromJSON(s, wantJSON) },
	} {
		again, m, err := read()
		if err != nil || !tree.Equal(n, again) {
			t.Errorf("%s: %v\n%s", what, err, treetest.Dump(again))
		}
		if got := toXML(t, s, again, m); got != toXML(t, s, n, nil)[:len(`<c xmlns="urn:m"`)]+` xmlns:m="urn:m" m:who="x"`+toXML(t, s, n, nil)[len(`<c xmlns="urn:m"`):] {
			t.Errorf("%s: %s", what, got)
		}
	}
	if got := meta.Tag(nil, n, n); got != nil {
		t.Errorf("%v", got)
	}
}

// Without a table nothing of the kind is taken.
func TestNotAskedFor(t *testing.T) {
	s := schema(t)
	_, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(`<c xmlns="urn:m" xmlns:m="urn:m" m:who="x"/>`), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
	if l := mgmterr.Of(err); len(l) != 1 || l[0].Tag != mgmterr.UnknownAttribute {
		t.Error(err)
	}
	_, err = jsonenc.Decode(strings.NewReader(`{"m:c":{"@":{"m:who":"x"}}}`), s, jsonenc.DecodeOptions{})
	if l := mgmterr.Of(err); len(l) != 1 || l[0].Tag != mgmterr.UnknownElement {
		t.Error(err)
	}
}
