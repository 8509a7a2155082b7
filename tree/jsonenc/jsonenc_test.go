// SPDX-License-Identifier: Apache-2.0

package jsonenc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, n *tree.Node, indent string) string {
	t.Helper()
	var b bytes.Buffer
	must(t, jsonenc.Encode(&b, n, jsonenc.Options{Indent: indent}))
	return b.String()
}

func decode(text string, s *yang.Schema) (*tree.Node, error) {
	return jsonenc.Decode(strings.NewReader(text), s, jsonenc.DecodeOptions{})
}

func TestRoundTrip(t *testing.T) {
	s := treetest.All()
	blob := s.Root.Child("t", "net").Child("t", "interface").Child("t", "blob")
	for seed := range uint64(100) {
		a := treetest.Random(rand.New(rand.NewPCG(seed, 8)), s)
		a = withoutBlobs(t, s, a, blob)
		for _, indent := range []string{"", "  "} {
			text := encode(t, a, indent)
			if !json.Valid([]byte(text)) {
				t.Fatalf("seed %d: not JSON:\n%s", seed, text)
			}
			b, err := decode(text, s)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			if treetest.Dump(a) != treetest.Dump(b) || !tree.Equal(a, b) {
				t.Fatalf("seed %d: wrote\n%s\nread\n%s\n%s", seed, treetest.Dump(a), treetest.Dump(b), text)
			}
		}
	}
}

// withoutBlobs drops XML, which JSON cannot give back as XML.
func withoutBlobs(t testing.TB, s *yang.Schema, n *tree.Node, blob *yang.Node) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(n)
	net := s.Root.Child("t", "net")
	list := blob.DataParent
	for e := range n.Container(net).List(list).All() {
		if e.Has(blob) {
			must(t, ed.Delete(tree.Path{{Schema: net}, {Schema: list, Key: e.Key(), HasKey: true}, {Schema: blob}}))
		}
	}
	return ed.Root()
}

func TestForm(t *testing.T) {
	s := treetest.All()
	const text = `{"t:net":{"interface":[{"name":"a\"\u00e9","mtu":9000,"enabled":true,"type":"aug:tunnel","tag":["x","y"],"blob":{"k": [1, "2"]},` +
		`"ipv4":{},"opts":{"b":[null]},"aug:extra":-5}],"pair":[{"a":7,"b":"x","c":"1.5"}]},"t:stats":{"sample":[{"v":1},{"v":1}],"counter":[{"id":"i","n":"12345678901"}]},"aug:bare":{}}`
	n, err := decode(text, s)
	must(t, err)
	got := encode(t, n, "")
	if want := strings.ReplaceAll(text, `\u00e9`, "é"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var b bytes.Buffer
	must(t, jsonenc.Encode(&b, n, jsonenc.Options{ConfigOnly: true}))
	if strings.Contains(b.String(), "stats") {
		t.Errorf("state is written: %s", b.String())
	}
	b.Reset()
	must(t, jsonenc.Encode(&b, nil, jsonenc.Options{Indent: " "}))
	if b.String() != "{}\n" {
		t.Errorf("nothing is %q", b.String())
	}
	// A name may be qualified everywhere, and keys may come last.
	n, err = decode(` { "t:net" : { "t:interface" : [ { "t:mtu" : 1 , "t:name" : "a" } ] , "ace":[] } } `, s)
	must(t, err)
	if got := encode(t, n, ""); got != `{"t:net":{"interface":[{"name":"a","mtu":1}]}}` {
		t.Errorf("%s", got)
	}
}

func TestErrors(t *testing.T) {
	s := treetest.All()
	ifc := func(inner string) string { return `{"t:net":{"interface":[{"name":"a",` + inner + `}]}}` }
	const at = "/t:net/interface[name='a']"
	for _, c := range []struct {
		text string
		tag  mgmterr.Tag
		path string
		says string
	}{
		{``, mgmterr.MalformedMessage, "", "line 1, column 1"},
		{"{\n\"t:net\":{,}}", mgmterr.MalformedMessage, "", "line 2, column 10"},
		{`{"t:net":{}`, mgmterr.MalformedMessage, "", ""},
		{`{"t:net":{}} x`, mgmterr.MalformedMessage, "", "follows"},
		{`{"t:top-leaf":"\ud800"}`, mgmterr.MalformedMessage, "", ""},
		{"{\"t:top-leaf\":\"\xff\"}", mgmterr.MalformedMessage, "", "UTF-8"},
		{"{\"t:top-leaf\":\"a\nb\"}", mgmterr.MalformedMessage, "", "control"},
		{`{"t:top-leaf":"\x"}`, mgmterr.MalformedMessage, "", "escape"},
		{`{"t:top-leaf":nil}`, mgmterr.MalformedMessage, "", ""},
		{`{"t:limit":[1,]}`, mgmterr.MalformedMessage, "", ""},
		{`{"t:limit":[01]}`, mgmterr.MalformedMessage, "", ""},
		{`{"net":{}}`, mgmterr.UnknownElement, "", "module:net"},
		{`{"t:zzz":{}}`, mgmterr.UnknownElement, "", ""},
		{`{"none:net":{}}`, mgmterr.UnknownNamespace, "", ""},
		{`{"@t:net":{}}`, mgmterr.UnknownElement, "", "metadata"},
		{ifc(`"extra":1`), mgmterr.UnknownElement, at, "aug:extra"},
		{ifc(`"mtu":"1500"`), mgmterr.InvalidValue, at + "/mtu", "a number"},
		{ifc(`"mtu":1.5`), mgmterr.InvalidValue, at + "/mtu", ""},
		{ifc(`"mtu":1e3`), mgmterr.InvalidValue, at + "/mtu", ""},
		{ifc(`"mtu":null`), mgmterr.InvalidValue, at + "/mtu", "null"},
		{ifc(`"mtu":{}`), mgmterr.InvalidValue, at + "/mtu", "object"},
		{ifc(`"mtu":[1]`), mgmterr.InvalidValue, at + "/mtu", "array"},
		{ifc(`"enabled":"true"`), mgmterr.InvalidValue, at + "/enabled", "true or false"},
		{ifc(`"opts":{"b":true}`), mgmterr.InvalidValue, at + "/opts/b", "[null]"},
		{ifc(`"opts":[]`), mgmterr.InvalidValue, at + "/opts", "an object"},
		{ifc(`"tag":"x"`), mgmterr.InvalidValue, at + "/tag", "an array"},
		{ifc(`"mtu":1,"mtu":2`), mgmterr.BadElement, "", "twice"},
		{ifc(`"tag":["1"],"tag":["2"]`), mgmterr.BadElement, at + "/tag", "twice"},
		{ifc(`"opts":{"a":"1"},"opts":{"a":"1"}`), mgmterr.BadElement, at + "/opts", "twice"},
		{`{"t:net":{"interface":[{"mtu":1}]}}`, mgmterr.MissingElement, "/t:net/interface", "key name"},
		{`{"t:net":{"interface":[{"name":"a"},{"name":"a"}]}}`, mgmterr.BadElement, "/t:net", "twice"},
		{`{"t:stats":{}}`, mgmterr.UnknownElement, "/t:stats", "state"},
		{strings.Repeat(`{"t:net":`, 2000), mgmterr.UnknownElement, "/t:net", ""},
		{ifc(`"blob":` + strings.Repeat("[", 2000)), mgmterr.MalformedMessage, "", "deep"},
	} {
		_, err := jsonenc.Decode(strings.NewReader(c.text), s, jsonenc.DecodeOptions{ConfigOnly: true})
		var e *mgmterr.Error
		if !errors.As(err, &e) || e.Tag != c.tag || c.path != "" && e.Path != c.path || !strings.Contains(e.Message, c.says) {
			t.Errorf("%.100s: %v", c.text, err)
			if e != nil {
				t.Errorf("  %s at %s", e.Tag, e.Path)
			}
		}
	}
	_, err := jsonenc.Decode(strings.NewReader(`{"t:net":{}}`), s, jsonenc.DecodeOptions{MaxBytes: 5})
	if l := mgmterr.Of(err); l == nil || l[0].Tag != mgmterr.TooBig {
		t.Errorf("too big: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	s := treetest.All()
	for seed := range uint64(4) {
		f.Add(encode(f, treetest.Random(rand.New(rand.NewPCG(seed, 10)), s), ""))
	}
	f.Add(`{"t:top-leaf":"\ud83d\ude00\n","t:limit":[1,2,10],"t:net":{"interface":[{"name":"","blob":[1,{"a":null}]}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := decode(text, s)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatal("what is no JSON is read")
		}
		out := encode(t, n, " ")
		again, err := decode(out, s)
		if err != nil || !tree.Equal(n, again) || !json.Valid([]byte(out)) {
			t.Fatalf("what was written is not read: %v\n%s", err, out)
		}
	})
}

func flat(t testing.TB, s *yang.Schema, n int) *tree.Node {
	t.Helper()
	b := tree.NewBuilder(s.Root)
	top := s.Root.DataChildren[0]
	entry := top.DataChildren[0]
	b.Open(top)
	for i := range n {
		b.Open(entry)
		must(t, b.Leaf(entry.DataChildren[0], "n"+strconv.Itoa(i+10_000_000)))
		must(t, b.Leaf(entry.DataChildren[1], "value "+strconv.Itoa(i)))
		must(t, b.Close())
	}
	must(t, b.Close())
	root, err := b.Done()
	must(t, err)
	return root
}

func BenchmarkDecode(b *testing.B) {
	s := treetest.Flat()
	text := encode(b, flat(b, s, 100_000), "")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(text, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	s := treetest.Flat()
	n := flat(b, s, 100_000)
	b.SetBytes(int64(len(encode(b, n, ""))))
	b.ReportAllocs()
	for b.Loop() {
		must(b, jsonenc.Encode(io.Discard, n, jsonenc.Options{}))
	}
}
