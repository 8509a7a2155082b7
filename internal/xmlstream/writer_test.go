// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWriter(t *testing.T) {
	for _, c := range []struct {
		name, want, indented string
		write                func(w *Writer)
	}{
		{"empty", `<a/>`, "<a/>", func(w *Writer) { w.Start("", "a"); w.End() }},
		{"leaf", `<a xmlns="u"><b>1&lt;2</b><c/></a>`, "<a xmlns=\"u\">\n  <b>1&lt;2</b>\n  <c/>\n</a>", func(w *Writer) {
			w.Start("u", "a")
			w.Leaf("u", "b", "1<2")
			w.Leaf("u", "c", "")
			w.End()
		}},
		{"default namespace", `<a xmlns="u"><b xmlns="v"><c/><d xmlns="u">x</d></b><e/><f xmlns=""/></a>`, "", func(w *Writer) {
			w.Start("u", "a")
			w.Start("v", "b")
			w.Leaf("v", "c", "")
			w.Leaf("u", "d", "x")
			w.End()
			w.Leaf("u", "e", "")
			w.Leaf("", "f", "")
			w.End()
		}},
		{"prefix for a value", `<a><b xmlns:p="u">p:x</b><c xmlns:p="u"><d xmlns:p="v"/><e/></c></a>`, "", func(w *Writer) {
			w.Start("", "a")
			w.Start("", "b")
			w.Namespace("p", "u")
			w.Text("p:x")
			w.End()
			w.Start("", "c")
			w.Namespace("p", "u")
			w.Namespace("p", "u")
			w.Start("", "d")
			w.Namespace("p", "v")
			w.End()
			w.Start("", "e")
			w.Namespace("p", "u")
			w.End()
			w.End()
			w.End()
		}},
		{"attributes", `<a x="1&lt;&quot;&#9;&#10;&#13;'&gt;" xmlns:p="u" p:y="2" xmlns:ns0="v" ns0:y="3" p:z="4" xml:lang="de"/>`, "", func(w *Writer) {
			w.Start("", "a")
			w.Attr("x", "1<\"\t\n\r'>")
			w.AttrNS("p", "u", "y", "2")
			w.AttrNS("p", "v", "y", "3")
			w.AttrNS("p", "u", "z", "4")
			w.AttrNS("q", XMLNamespace, "lang", "de")
			w.End()
		}},
		{"inherited prefix that is in use", `<a xmlns:p="u"><b p:x="1" xmlns:ns0="v" ns0:x="2"/></a>`, "", func(w *Writer) {
			w.Start("", "a")
			w.Namespace("p", "u")
			w.Start("", "b")
			w.AttrNS("p", "u", "x", "1")
			w.AttrNS("p", "v", "x", "2")
			w.End()
			w.End()
		}},
		{"mixed", `<a>t<b/>t</a>`, "<a>t<b/>t</a>", func(w *Writer) {
			w.Start("", "a")
			w.Text("t")
			w.Leaf("", "b", "")
			w.TextBytes([]byte("t"))
			w.TextBytes(nil)
			w.Text("")
			w.End()
		}},
		{"raw", `<?xml version="1.0" encoding="UTF-8"?><a><x xmlns=""/></a>`, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\n  <x xmlns=\"\"/>\n</a>", func(w *Writer) {
			w.Declaration()
			w.Start("", "a")
			w.Raw([]byte(`<x xmlns=""/>`))
			w.End()
		}},
	} {
		w := NewWriter(nil)
		c.write(w)
		if got := string(w.Bytes()); got != c.want || w.Err() != nil {
			t.Errorf("%s: got %s, %v; want %s", c.name, got, w.Err(), c.want)
		}
		if _, err := events(NewBytes(w.Bytes(), Limits{})); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		w.Reset(nil)
		w.Indent("  ")
		c.write(w)
		if got := string(w.Bytes()); c.indented != "" && got != c.indented {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.indented)
		}
	}
}

func TestWriterMisuse(t *testing.T) {
	for name, write := range map[string]func(w *Writer){
		"end":              func(w *Writer) { w.End() },
		"text outside":     func(w *Writer) { w.Text("x") },
		"attribute late":   func(w *Writer) { w.Start("", "a"); w.Text("x"); w.Attr("b", "c") },
		"attribute alone":  func(w *Writer) { w.AttrNS("p", "u", "b", "c") },
		"declaration late": func(w *Writer) { w.Start("", "a"); w.Leaf("", "b", ""); w.Namespace("p", "u") },
		"prefix twice":     func(w *Writer) { w.Start("", "a"); w.Namespace("p", "u"); w.Namespace("p", "v") },
		"xml":              func(w *Writer) { w.Start("", "a"); w.Namespace("xml", "u") },
		"undeclared":       func(w *Writer) { w.Start("", "a"); w.Namespace("p", "") },
	} {
		w := NewWriter(nil)
		if write(w); w.Err() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	broken := errors.New("broken")
	w := NewWriter(writeFunc(func([]byte) (int, error) { return 0, broken }))
	for range 10_000 {
		w.Leaf("", "a", "0123456789")
	}
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if cap(w.buf) > 2*flushAt {
		t.Errorf("after the error %d bytes were gathered", cap(w.buf))
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// TestEveryCharacter writes each character, and each single byte, and reads it.
func TestEveryCharacter(t *testing.T) {
	check := func(in, want string) {
		w := NewWriter(nil)
		w.Start("", "a")
		w.Attr("x", in)
		w.Text(in)
		w.End()
		r := NewBytes(w.Bytes(), Limits{})
		tok, err := r.Next()
		if err != nil || string(tok.Attrs[0].Value) != want {
			t.Fatalf("%q: %v, %v", in, tok, err)
		}
		if b, err := r.Text(); err != nil || string(b) != want {
			t.Fatalf("%q: %q, %v", in, b, err)
		}
		if (w.Replaced() > 0) != (in != want) {
			t.Fatalf("%q: %d were replaced", in, w.Replaced())
		}
	}
	for c := rune(0); c <= utf8.MaxRune; c++ {
		if c > 0x11000 && c%97 != 0 && c < utf8.MaxRune {
			continue
		}
		in := "<" + string(c) + "z"
		if c >= 0xd800 && c <= 0xdfff {
			continue
		}
		want := in
		if !isChar(c) {
			want = "<\uFFFDz"
		}
		check(in, want)
	}
	for c := 0x80; c < 0x100; c++ {
		check("a"+string([]byte{byte(c)})+"b", "a\uFFFDb")
	}
	check("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD")
	check("long enough for the fast way\xc3", "long enough for the fast way\uFFFD")
	for n := range 40 { // whatever the place
		check(strings.Repeat("x", n)+"&"+strings.Repeat("y", 40-n), strings.Repeat("x", n)+"&"+strings.Repeat("y", 40-n))
		check(strings.Repeat("x", n)+"\x01é", strings.Repeat("x", n)+"\uFFFDé")
	}
}

// TestRoundTrip writes documents of random calls and reads the same events.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(3_000) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
		text := func() string {
			var b strings.Builder
			for range 1 + rnd.IntN(4) {
				b.WriteString(pick("a", "<", "&", ">", "]]>", "\r", "\n", "\t", `"`, "'", "é", "😀", "0123456789", " "))
			}
			return b.String()
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		var want []string
		var open []Name
		said := "" // text not yet in want
		flush := func() {
			if said != "" {
				want = append(want, fmt.Sprintf("%q", said))
			}
			said = ""
		}
		start := func() {
			flush()
			n := Name{pick("", "u", "v", `w"&`), pick("a", "b", "c-d")}
			open = append(open, n)
			w.Start(n.Space, n.Local)
			s := "<" + n.String()
			used := make(map[Name]bool)
			for range rnd.IntN(4) {
				a := Name{pick("", "u", "v", `w"&`, XMLNamespace), pick("x", "y", "z")}
				if rnd.IntN(4) == 0 {
					// A binding must not break the attributes written before it.
					if p := pick("p", "q"); w.free(p, "u", w.open[len(w.open)-1].bound) {
						w.Namespace(p, "u")
					}
				}
				if used[a] {
					continue
				}
				used[a] = true
				v := text()
				w.AttrNS(pick("", "p", "q", "xml", "xmlns", "ns0"), a.Space, a.Local, v)
				s += fmt.Sprintf(" %s=%q", a, v)
			}
			want = append(want, s)
		}
		end := func() {
			flush()
			w.End()
			want = append(want, "/"+open[len(open)-1].String())
			open = open[:len(open)-1]
		}
		start()
		for range 30 {
			switch k := rnd.IntN(10); {
			case k < 3:
				start()
			case k < 5:
				s := text()
				w.Text(s)
				said += s
			case k < 7:
				flush()
				n, s := Name{pick("", "u", "v"), pick("l", "m")}, text()
				w.Leaf(n.Space, n.Local, s)
				want = append(want, "<"+n.String(), fmt.Sprintf("%q", s), "/"+n.String())
			case k < 8:
				_ = w.Flush()
			case len(open) > 1:
				end()
			}
		}
		for len(open) > 0 {
			end()
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := events(NewBytes(out.Bytes(), Limits{}))
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("seed %d: %s\ngot  %s, %v\nwant %s", seed, out.Bytes(), got, err, want)
		}
	}
}
