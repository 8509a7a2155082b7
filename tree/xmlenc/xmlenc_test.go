// SPDX-License-Identifier: Apache-2.0

package xmlenc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
)

const (
	nc = `xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"`
	yn = `xmlns:y="urn:ietf:params:xml:ns:yang:1"`
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, n *tree.Node, indent string) []byte {
	t.Helper()
	w := xmlstream.NewWriter(nil)
	w.Indent(indent)
	w.Start("", "data")
	must(t, xmlenc.Encode(w, n, xmlenc.Options{}))
	w.End()
	must(t, w.Err())
	return w.Bytes()
}

func decode(text []byte, s *yang.Schema) (*tree.Node, error) {
	return xmlenc.DecodeTree(xmlstream.NewBytes(text, xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
}

func TestRoundTrip(t *testing.T) {
	s := treetest.All()
	for seed := range uint64(100) {
		a := treetest.Random(rand.New(rand.NewPCG(seed, 8)), s)
		for _, indent := range []string{"", "  "} {
			text := encode(t, a, indent)
			b, err := decode(text, s)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
			if treetest.Dump(a) != treetest.Dump(b) || !tree.Equal(a, b) {
				t.Fatalf("seed %d: wrote\n%s\nread\n%s\n%s", seed, treetest.Dump(a), treetest.Dump(b), text)
			}
			b, err = xmlenc.DecodeTree(xmlstream.NewReader(iotest.OneByteReader(bytes.NewReader(text)), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
			if err != nil || !tree.Equal(a, b) {
				t.Fatalf("seed %d: byte by byte: %v", seed, err)
			}
		}
	}
}

// config reads text as the children of <config>.
func config(t testing.TB, s *yang.Schema, text string, op tree.Op) (*tree.Edit, error) {
	t.Helper()
	r := xmlstream.NewBytes([]byte("<config>"+text+"</config>"), xmlstream.Limits{})
	tok, err := r.Next()
	if err != nil || tok.Kind != xmlstream.Start {
		t.Fatal("no start")
	}
	e, err := xmlenc.DecodeConfig(r, s, xmlenc.ConfigOptions{DefaultOperation: op})
	if err == nil {
		if tok, err := r.Next(); err != nil || tok.Kind != xmlstream.EOF {
			t.Fatalf("the reader is left elsewhere: %v %v", tok, err)
		}
	}
	return e, err
}

func TestPlainConfigIsOneTree(t *testing.T) {
	s := treetest.All()
	e, err := config(t, s, `<net xmlns="urn:test:t"><interface><name>a</name><mtu> 9000 </mtu></interface><ace><name>x</name></ace></net>`, tree.OpMerge)
	must(t, err)
	if len(e.Children) != 0 || e.Tree == nil {
		t.Errorf("%+v", e)
	}
}

const base = `
<net xmlns="urn:test:t">
  <interface><name>a</name><mtu>1500</mtu><tag>x</tag><dns>1</dns><dns>2</dns><opts><a>1</a></opts><vlan>7</vlan></interface>
  <interface><name>b</name></interface>
  <ace><name>one</name></ace><ace><name>two</name></ace><ace><name>three</name><action>drop</action></ace>
</net>`

func TestOperations(t *testing.T) {
	s := treetest.All()
	e, err := config(t, s, base, tree.OpMerge)
	must(t, err)
	root, err := tree.Apply(tree.New(s.Root), e, nil)
	must(t, err)
	in := func(inner string) string {
		return `<t:net xmlns:t="urn:test:t" ` + nc + ` ` + yn + `>` + inner + `</t:net>`
	}
	for _, c := range []struct {
		name, text string
		op         tree.Op
		want       []string // lines that the result has, or "-" and lines that it has not
	}{
		{"merge", in(`<t:interface><t:name>a</t:name><t:enabled>true</t:enabled></t:interface>`), tree.OpMerge,
			[]string{`enabled "true"`, `mtu "1500"`}},
		{"replace entry", in(`<t:interface nc:operation="replace"><t:name>a</t:name><t:enabled>true</t:enabled></t:interface>`), tree.OpMerge,
			[]string{`enabled "true"`, `-mtu "1500"`, `interface ["b"]`}},
		{"replace all", in(`<t:interface><t:name>c</t:name></t:interface>`), tree.OpReplace, []string{`interface ["c"]`, `-interface ["a"]`, `-ace ["one"]`}},
		{"delete leaf", in(`<t:interface><t:name>a</t:name><t:mtu nc:operation="delete"/></t:interface>`), tree.OpNone, []string{`-mtu "1500"`, `interface ["a"]`}},
		{"delete entry with content", in(`<t:interface nc:operation="delete"><t:name>a</t:name><t:mtu>1500</t:mtu></t:interface>`), tree.OpMerge, []string{`-interface ["a"]`}},
		{"remove what is not there", in(`<t:interface nc:operation="remove"><t:name>zz</t:name></t:interface>`), tree.OpNone, []string{`interface ["a"]`}},
		{"create below none", in(`<t:interface nc:operation="create"><t:name>c</t:name><t:mtu>9</t:mtu></t:interface>`), tree.OpNone, []string{`mtu "9"`}},
		{"leaf-list", in(`<t:interface><t:name>a</t:name><t:tag nc:operation="delete">x</t:tag><t:tag>y</t:tag></t:interface>`), tree.OpMerge, []string{`-tag = "x"`, `tag = "y"`}},
		{"other case", in(`<t:interface><t:name>a</t:name><t:allowed>9</t:allowed><t:allowed>10</t:allowed></t:interface>`), tree.OpMerge, []string{`-vlan "7"`, `allowed = "9"`}},
		{"nested operations", in(`<t:interface nc:operation="merge"><t:name>a</t:name><t:opts nc:operation="replace"><t:b/></t:opts><t:mtu nc:operation="remove"/></t:interface>`), tree.OpNone,
			[]string{`-a "1"`, `b ""`, `-mtu "1500"`}},
		{"identity", in(`<t:interface><t:name>a</t:name><t:type xmlns:q="urn:test:aug">q:tunnel</t:type></t:interface>`), tree.OpMerge, []string{`type "aug:tunnel"`}},
		{"identity of the default namespace", in(`<t:interface><t:name>a</t:name><t:type xmlns="urn:test:t">eth</t:type></t:interface>`), tree.OpMerge, []string{`type "t:eth"`}},
		{"augmented", in(`<t:interface><t:name>a</t:name><extra xmlns="urn:test:aug">-5</extra><where xmlns="urn:test:aug">/t:net/t:interface[t:name='a']/t:mtu</where></t:interface>`), tree.OpMerge,
			[]string{`extra "-5"`, `where "/t:net/interface[name='a']/mtu"`}},
	} {
		e, err := config(t, s, c.text, c.op)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got, err := tree.Apply(root, e, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		lines := strings.Split(treetest.Dump(got), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		for _, w := range c.want {
			w, not := strings.CutPrefix(w, "-")
			if slices.Contains(lines, w) == not {
				t.Errorf("%s: %s, present %v, in\n%s", c.name, w, !not, treetest.Dump(got))
			}
		}
	}
}

func TestInsert(t *testing.T) {
	s := treetest.All()
	e, err := config(t, s, base, tree.OpMerge)
	must(t, err)
	root, err := tree.Apply(tree.New(s.Root), e, nil)
	must(t, err)
	for _, c := range []struct{ text, want string }{
		{`<ace><name>four</name></ace>`, "one two three four"},
		{`<ace y:insert="first"><name>four</name></ace>`, "four one two three"},
		{`<ace y:insert="before" y:key="[t:name='two']"><name>four</name></ace>`, "one four two three"},
		{`<ace y:insert="after" y:key="[name='one']"><name>three</name></ace>`, "one three two"},
		{`<ace y:insert="last"><name>one</name></ace>`, "two three one"},
		{`<ace y:insert="last"><name>one</name></ace><ace><name>four</name></ace><ace y:insert="first"><name>five</name></ace>`, "five two three one four"},
		{`<ace nc:operation="create"><name>four</name></ace><ace><name>five</name></ace>`, "one two three four five"},
		{`<ace><name>four</name></ace><ace y:insert="after" y:key="[name='four']"><name>one</name></ace>`, "two three four one"},
		{`<ace nc:operation="delete"><name>two</name></ace><ace nc:operation="replace" y:insert="first"><name>three</name></ace>`, "three one"},
	} {
		e, err := config(t, s, `<net xmlns="urn:test:t" xmlns:t="urn:test:t" `+nc+` `+yn+`>`+c.text+`</net>`, tree.OpMerge)
		must(t, err)
		got, err := tree.Apply(root, e, nil)
		must(t, err)
		var names []string
		ace := s.Root.Child("t", "net").Child("t", "ace")
		for x := range got.Container(ace.DataParent).List(ace).All() {
			names = append(names, x.Key().Values(ace)[0])
		}
		if have := strings.Join(names, " "); have != c.want {
			t.Errorf("%s: %s, want %s", c.text, have, c.want)
		}
	}
	e, err = config(t, s, `<net xmlns="urn:test:t" `+nc+` `+yn+`><interface><name>a</name><dns y:insert="before" y:value="2">3</dns><dns y:insert="first">2</dns></interface></net>`, tree.OpMerge)
	must(t, err)
	got, err := tree.Apply(root, e, nil)
	must(t, err)
	p, _ := tree.ParsePath(s, "/t:net/interface[name='a']/dns")
	c, _ := got.Find(p)
	if have := strings.Join(slices.Collect(c.LeafList.All()), " "); have != "2 1 3" {
		t.Errorf("dns %s", have)
	}
}

func TestErrors(t *testing.T) {
	s := treetest.All()
	net := func(inner string) string {
		return `<net xmlns="urn:test:t" ` + nc + ` ` + yn + `>` + inner + `</net>`
	}
	ifc := func(inner string) string { return net(`<interface><name>a</name>` + inner + `</interface>`) }
	const at = "/t:net/interface[name='a']"
	for _, c := range []struct {
		text string
		tag  mgmterr.Tag
		path string
		info string // bad-element=..., joined
	}{
		{`<nothing xmlns="urn:test:t"/>`, mgmterr.UnknownElement, "", "bad-element=nothing"},
		{`<net xmlns="urn:none"/>`, mgmterr.UnknownNamespace, "", "bad-element=net bad-namespace=urn:none"},
		{`<net/>`, mgmterr.UnknownNamespace, "", "bad-element=net bad-namespace="},
		{ifc(`<zzz/>`), mgmterr.UnknownElement, at, "bad-element=zzz"},
		{ifc(`<mtu>abc</mtu>`), mgmterr.InvalidValue, at + "/mtu", ""},
		{ifc(`<mtu><x/></mtu>`), mgmterr.BadElement, at + "/mtu", "bad-element=mtu"},
		{ifc(`<type>none:eth</type>`), mgmterr.InvalidValue, at + "/type", ""},
		{ifc(`words`), mgmterr.BadElement, at, "bad-element=interface"},
		{ifc(`<mtu>1</mtu><mtu>2</mtu>`), mgmterr.BadElement, "", "bad-element=mtu"},
		{ifc(`<tag>1</tag><tag>1</tag>`), mgmterr.BadElement, "", "bad-element=tag"},
		{net(`<interface><mtu>1</mtu></interface>`), mgmterr.MissingElement, "/t:net/interface", "bad-element=name"},
		{net(`<pair><a>1</a></pair>`), mgmterr.MissingElement, "/t:net/pair", "bad-element=b"},
		{net(`<interface nc:operation="delete"/>`), mgmterr.MissingElement, "/t:net/interface", "bad-element=name"},
		{net(`<interface><name>a</name></interface><interface><name>a</name></interface>`), mgmterr.BadElement, "/t:net", "bad-element=interface"},
		{ifc(`<mtu nc:operation="destroy">1</mtu>`), mgmterr.BadAttribute, at + "/mtu", "bad-attribute=operation bad-element=mtu"},
		{ifc(`<mtu operation="delete">1</mtu>`), mgmterr.UnknownAttribute, at + "/mtu", "bad-attribute=operation bad-element=mtu"},
		{net(`<interface><name nc:operation="delete">a</name></interface>`), mgmterr.BadAttribute, "/t:net/interface/name", "bad-attribute=operation bad-element=name"},
		{net(`<ace y:insert="before"><name>a</name></ace>`), mgmterr.MissingAttribute, "/t:net/ace", "bad-attribute=key bad-element=ace"},
		{net(`<ace y:insert="sideways"><name>a</name></ace>`), mgmterr.BadAttribute, "/t:net/ace", "bad-attribute=insert bad-element=ace"},
		{net(`<ace y:insert="after" y:key="name"><name>a</name></ace>`), mgmterr.BadAttribute, "/t:net/ace", "bad-attribute=key bad-element=ace"},
		{net(`<interface y:insert="first"><name>a</name></interface>`), mgmterr.UnknownAttribute, "/t:net/interface", "bad-attribute=insert bad-element=interface"},
		{`<stats xmlns="urn:test:t"/>`, mgmterr.UnknownElement, "/t:stats", "bad-element=stats"},
		{ifc(`<vlan>1</vlan><native>2</native>`), mgmterr.BadElement, at + "/native", "bad-element=native"},
	} {
		_, err := config(t, s, c.text, tree.OpMerge)
		var e *mgmterr.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var info []string
		for _, i := range e.Info {
			info = append(info, i.Name+"="+i.Value)
		}
		if e.Tag != c.tag || c.path != "" && e.Path != c.path || c.info != "" && strings.Join(info, " ") != c.info {
			t.Errorf("%s:\n%s at %s: %s %v", c.text, e.Tag, e.Path, e.Message, info)
		}
		if !strings.HasPrefix(e.Message, "cannot ") {
			t.Errorf("message %q", e.Message)
		}
	}
	var broken *xmlstream.Error
	if _, err := config(t, s, `<net xmlns="urn:test:t"><interface></net>`, tree.OpMerge); !errors.As(err, &broken) {
		t.Errorf("not well-formed: %v", err)
	}
}

func TestAnydata(t *testing.T) {
	s := treetest.All()
	e, err := config(t, s, `<net xmlns="urn:test:t" `+nc+` xmlns:p="urn:p"><interface><name>a</name><blob nc:operation="create"><p:x k="1">t&amp;</p:x></blob></interface></net>`, tree.OpMerge)
	must(t, err)
	root, err := tree.Apply(tree.New(s.Root), e, nil)
	must(t, err)
	text := string(encode(t, root, ""))
	if strings.Contains(text, "operation") || !strings.Contains(text, `<p:x k="1">t&amp;</p:x></blob>`) {
		t.Errorf("%s", text)
	}
	again, err := decode([]byte(text), s)
	must(t, err)
	if strings.Count(treetest.Dump(again), "p:x") == 0 {
		t.Errorf("%s", treetest.Dump(again))
	}
}

func TestEncodeConfigOnly(t *testing.T) {
	s := treetest.All()
	root, err := decode([]byte(`<data><top-leaf xmlns="urn:test:t">x</top-leaf><stats xmlns="urn:test:t"><reading>1</reading></stats></data>`), s)
	must(t, err)
	w := xmlstream.NewWriter(nil)
	w.Start("", "data")
	must(t, xmlenc.Encode(w, root, xmlenc.Options{ConfigOnly: true}))
	w.End()
	if got, want := string(w.Bytes()), `<data><top-leaf xmlns="urn:test:t">x</top-leaf></data>`; got != want {
		t.Errorf("%s", got)
	}
}

func TestPath(t *testing.T) {
	s := treetest.All()
	for _, c := range []struct{ path, want string }{
		{"/t:net/interface[name='a/b:c']/aug:extra", `<error-path xmlns="urn:n" xmlns:t="urn:test:t" xmlns:aug="urn:test:aug">/t:net/t:interface[t:name='a/b:c']/aug:extra</error-path>`},
		{"/t:limit[.='4']", `<error-path xmlns="urn:n" xmlns:t="urn:test:t">/t:limit[.='4']</error-path>`},
		{"/t:stats/sample[3]/v", `<error-path xmlns="urn:n" xmlns:t="urn:test:t">/t:stats/t:sample[3]/t:v</error-path>`},
		{"/", `<error-path xmlns="urn:n">/</error-path>`},
		{"/t:net/pair[a='1'][b=\"it's\"]", `<error-path xmlns="urn:n" xmlns:t="urn:test:t">/t:net/t:pair[t:a='1'][t:b="it's"]</error-path>`},
		{"/t:net/interface[name='", `<error-path xmlns="urn:n" xmlns:t="urn:test:t">/t:net/t:interface[t:name='</error-path>`},
	} {
		w := xmlstream.NewWriter(nil)
		xmlenc.Path(w, "urn:n", "error-path", s, c.path)
		if got := string(w.Bytes()); got != c.want {
			t.Errorf("%s:\n%s\n%s", c.path, got, c.want)
		}
	}
}

func FuzzDecodeConfig(f *testing.F) {
	s := treetest.All()
	for seed := range uint64(4) {
		text := string(encode(f, treetest.Random(rand.New(rand.NewPCG(seed, 10)), s), ""))
		f.Add(strings.TrimSuffix(strings.TrimPrefix(text, "<data>"), "</data>"))
	}
	f.Add(base)
	f.Add(`<net xmlns="urn:test:t" ` + nc + ` ` + yn + `><ace nc:operation="create" y:insert="after" y:key="[name='x']"><name>q</name></ace><interface nc:operation="replace"><name>a</name><blob nc:operation="merge"/></interface></net>`)
	e, err := config(f, s, base, tree.OpMerge)
	must(f, err)
	root, err := tree.Apply(tree.New(s.Root), e, nil)
	must(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		r := xmlstream.NewBytes([]byte("<config>"+text+"</config>"), xmlstream.Limits{})
		if _, err := r.Next(); err != nil {
			return
		}
		e, err := xmlenc.DecodeConfig(r, s, xmlenc.ConfigOptions{})
		if err != nil {
			return
		}
		got, err := tree.Apply(root, e, nil)
		if err != nil {
			return
		}
		out := encode(t, got, "")
		again, err := decode(out, s)
		if err != nil || !tree.Equal(got, again) {
			t.Fatalf("what was written is not read: %v\n%s\n%s", err, out, treetest.Dump(got))
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
		must(t, b.Leaf(entry.DataChildren[0], fmt.Sprintf("n%08d", i)))
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
	text := encode(b, flat(b, s, 150_000), "")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(text, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEditConfig100k(b *testing.B) {
	s := treetest.Flat()
	text := encode(b, flat(b, s, 100_000), "")
	root := tree.New(s.Root)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := xmlstream.NewBytes(text, xmlstream.Limits{})
		_, _ = r.Next()
		e, err := xmlenc.DecodeConfig(r, s, xmlenc.ConfigOptions{})
		must(b, err)
		_, err = tree.Apply(root, e, nil)
		must(b, err)
	}
}

func BenchmarkEncode(b *testing.B) {
	s := treetest.Flat()
	n := flat(b, s, 150_000)
	b.SetBytes(int64(len(encode(b, n, ""))))
	b.ReportAllocs()
	for b.Loop() {
		w := xmlstream.NewWriter(io.Discard)
		w.Start("", "data")
		must(b, xmlenc.Encode(w, n, xmlenc.Options{}))
		w.End()
		must(b, w.Flush())
	}
}
