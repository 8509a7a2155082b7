// SPDX-License-Identifier: Apache-2.0

package jsonenc_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang/yangtest"
)

// All that is wrong is reported, in order, and the rest is read.
func TestReport(t *testing.T) {
	s := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m;
		container c { leaf n { type int8; } leaf-list l { type int8; } container in { leaf n { type int8; } leaf s { type string; } } }
		list e { key "k k2"; leaf k { type string; } leaf k2 { type int8; } leaf v { type int8; } leaf-list l { type int8; } }
		leaf state { config false; type string; } }`)
	for _, c := range []struct{ json, errors, tree string }{
		{`{"m:c":{"n":"x","l":[1,"y",300,2],"in":{"n":300,"s":"fine"}}}`,
			"/m:c/n invalid-value|/m:c/l invalid-value|/m:c/l invalid-value|/m:c/in/n invalid-value",
			"c\n  l = \"1\"\n  l = \"2\"\n  in\n    s \"fine\"\n"},
		{`{"m:c":{"bogus":{"deep":[{}]},"n":{"x":1},"in":[{"n":1}],"none:n":null,"l":[1],"l":[2]},"m:state":"x","c":1}`,
			"/m:c unknown-element|/m:c/n invalid-value|/m:c/in invalid-value|/m:c unknown-namespace|/m:c/l bad-element|/m:state unknown-element| unknown-element",
			"c\n  l = \"1\"\n"},
		{`{"m:e":[{"k":"a","k2":"x","v":1,"l":["x"]},{"k":"b","v":1},1,{"k":"c","kk":1},{"k":"d","k2":1,"v":"x","l":[3,"x"]}]}`,
			"/m:e/k2 invalid-value|/m:e/l invalid-value|/m:e missing-element|/m:e invalid-value|/m:e unknown-element|/m:e[k='d'][k2='1']/v invalid-value|/m:e[k='d'][k2='1']/l invalid-value",
			"e [\"d\" \"1\"]\n  k \"d\"\n  k2 \"1\"\n  l = \"3\"\n"},
		{`{"m:e":[{"k":"a","k2":1},{"k":"a","k2":1}]}`, " bad-element", ""},
	} {
		var got []string
		n, err := jsonenc.Decode(strings.NewReader(c.json), s, jsonenc.DecodeOptions{ConfigOnly: true,
			Report: func(e *mgmterr.Error, _, _ int) { got = append(got, e.Path+" "+string(e.Tag)) }})
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		if g := strings.Join(got, "|"); g != c.errors || treetest.Dump(n) != c.tree {
			t.Errorf("%s: reported\n%s\n%s\nand read\n%s", c.json, g, c.errors, treetest.Dump(n))
		}
	}
}

// With damage anywhere, the first error reported is the one that would have
// ended the reading.
func TestReportFirst(t *testing.T) {
	s := treetest.All()
	r := rand.New(rand.NewPCG(3, 4))
	reported := 0
	for seed := range uint64(1000) {
		var b strings.Builder
		if err := jsonenc.Encode(&b, treetest.Random(rand.New(rand.NewPCG(seed, 9)), s), jsonenc.Options{}); err != nil {
			t.Fatal(err)
		}
		text := []byte(b.String())
		for range 1 + r.IntN(3) {
			i := r.IntN(len(text))
			switch c := text[i]; {
			case c >= '1' && c <= '9':
				text[i] = '9'
			case c >= 'a' && c <= 'z':
				text[i] = 'x'
			}
		}
		read := func(report func(*mgmterr.Error, int, int)) error {
			_, err := jsonenc.Decode(strings.NewReader(string(text)), s, jsonenc.DecodeOptions{Report: report})
			return err
		}
		first := read(nil)
		var got []error
		if err := read(func(e *mgmterr.Error, _, _ int) { got = append(got, e) }); err != nil {
			continue // what is no JSON may show later than what is wrong in it
		}
		reported += len(got)
		if (first == nil) != (len(got) == 0) || first != nil && got[0].Error() != first.Error() {
			t.Fatalf("seed %d: %v, reported %v\n%s", seed, first, got, text)
		}
	}
	if reported < 300 {
		t.Errorf("only %d errors in all", reported)
	}
}
