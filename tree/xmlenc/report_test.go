// SPDX-License-Identifier: Apache-2.0

package xmlenc_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang/yangtest"
)

const reportModel = `module m { namespace "urn:m"; prefix m;
	container c { leaf n { type int8; } leaf-list l { type int8; } container in { leaf n { type int8; } leaf s { type string; } } }
	list e { key "k k2"; leaf k { type string; } leaf k2 { type int8; } leaf v { type int8; } }
	leaf state { config false; type string; } }`

// All that is wrong is reported, in order, and the rest is read.
func TestReport(t *testing.T) {
	s := yangtest.Schema(t, reportModel)
	for _, c := range []struct{ xml, errors, tree string }{
		{`<c><n>x</n><l>1</l><l>y</l><l>2</l><in><n>300</n><s>fine</s></in></c>`,
			"/m:c/n invalid-value|/m:c/l invalid-value|/m:c/in/n invalid-value",
			"c\n  l = \"1\"\n  l = \"2\"\n  in\n    s \"fine\"\n"},
		{`<c><bogus><deep/>text</bogus><n>1<b/>2</n><in>text<s>fine</s></in><x:n xmlns:x="urn:none"/></c><state>x</state>`,
			"/m:c unknown-element|/m:c/n bad-element|/m:c/in bad-element|/m:c unknown-namespace|/m:state unknown-element",
			"c\n  in\n    s \"fine\"\n"},
		// An entry without its keys is left out, and told of once.
		{`<e><k>a</k><k2>x</k2><v>1</v></e><e><k>b</k><v>1</v></e><e><k>c</k><kk>1</kk></e><e><k>d</k><k2>1</k2><v>x</v></e>`,
			"/m:e/k2 invalid-value|/m:e missing-element|/m:e unknown-element|/m:e[k='d'][k2='1']/v invalid-value",
			"e [\"d\" \"1\"]\n  k \"d\"\n  k2 \"1\"\n"},
		{`<c><n>1</n></c><c><n>2</n></c><e><k>a</k><k2>1</k2></e>`, "/m:c bad-element",
			"c\n  n \"1\"\ne [\"a\" \"1\"]\n  k \"a\"\n  k2 \"1\"\n"},
		{`<e><k>a</k><k2>1</k2></e><e><k>a</k><k2>1</k2></e>`, " bad-element", ""},
	} {
		var got []string
		n, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(`<data xmlns="urn:m"><!-- --></data>`), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
		if err == nil {
			t.Fatalf("<data> of another namespace was read: %v", n)
		}
		text := strings.NewReplacer("<c>", `<c xmlns="urn:m">`, "<e>", `<e xmlns="urn:m">`, "<state>", `<state xmlns="urn:m">`).Replace("<data>" + c.xml + "</data>")
		n, err = xmlenc.DecodeTree(xmlstream.NewBytes([]byte(text), xmlstream.Limits{}), s, xmlenc.DecodeOptions{
			ConfigOnly: true, Report: func(e *mgmterr.Error, _, _ int) { got = append(got, e.Path+" "+string(e.Tag)) }})
		if err != nil {
			t.Errorf("%s: %v", c.xml, err)
			continue
		}
		if g := strings.Join(got, "|"); g != c.errors || treetest.Dump(n) != c.tree {
			t.Errorf("%s: reported\n%s\n%s\nand read\n%s", c.xml, g, c.errors, treetest.Dump(n))
		}
	}
	_, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(`<c xmlns="urn:m"><n>x</n><n>`), xmlstream.Limits{}), s, xmlenc.DecodeOptions{Report: func(*mgmterr.Error, int, int) {}})
	if err == nil {
		t.Error("a document that is cut off was read")
	}
}

// With damage anywhere, the first error reported is the one that would have
// ended the reading.
func TestReportFirst(t *testing.T) {
	s := treetest.All()
	r := rand.New(rand.NewPCG(3, 4))
	reported := 0
	for seed := range uint64(500) {
		text := encode(t, treetest.Random(rand.New(rand.NewPCG(seed, 9)), s), "")
		for range 1 + r.IntN(3) {
			if i := r.IntN(len(text)); r.IntN(2) == 0 {
				text[i] = "x1- "[r.IntN(4)]
			} else if j := slices.Index(text[i:], '>'); j > 0 {
				text = append(text[:i+j:i+j], append([]byte("<what/>"), text[i+j:]...)...)
			}
		}
		_, first := decode(text, s)
		var got []error
		_, err := xmlenc.DecodeTree(xmlstream.NewBytes(text, xmlstream.Limits{}), s,
			xmlenc.DecodeOptions{Report: func(e *mgmterr.Error, _, _ int) { got = append(got, e) }})
		if err != nil {
			got = append(got, err)
		}
		reported += len(got)
		if (first == nil) != (len(got) == 0) || first != nil && got[0].Error() != first.Error() {
			t.Fatalf("seed %d: %v, reported %v\n%s", seed, first, got, text)
		}
	}
	if reported < 500 {
		t.Errorf("only %d errors in all", reported)
	}
}
