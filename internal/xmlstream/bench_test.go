// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"testing"
)

// configuration is size bytes of list entries, as get-config gives them.
func configuration(size int, indent bool) []byte {
	var b bytes.Buffer
	nl, in := "", ""
	if indent {
		nl, in = "\n", "  "
	}
	fmt.Fprintf(&b, `<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">%s<table xmlns="urn:example:bench">%s`, nl, nl)
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%s<entry>%s%s%s<name>entry-%06d</name>%s%s%s<value>%d</value>%s%s%s<enabled>true</enabled>%s%s</entry>%s",
			in, nl, in, in, i, nl, in, in, i*7, nl, in, in, nl, in, nl)
	}
	b.WriteString("</table></data>")
	return b.Bytes()
}

func drain(b *testing.B, r *Reader) {
	for {
		t, err := r.Next()
		if err != nil {
			b.Fatal(err)
		}
		if t.Kind == EOF {
			return
		}
	}
}

func BenchmarkReader(b *testing.B) {
	compact, indented := configuration(10<<20, false), configuration(10<<20, true)
	for _, doc := range []struct {
		name string
		doc  []byte
	}{{"compact", compact}, {"indented", indented}} {
		b.Run(doc.name+"/bytes", func(b *testing.B) {
			b.SetBytes(int64(len(doc.doc)))
			b.ReportAllocs()
			r := NewBytes(nil, Limits{})
			for b.Loop() {
				r.ResetBytes(doc.doc)
				drain(b, r)
			}
		})
		b.Run(doc.name+"/stream", func(b *testing.B) {
			b.SetBytes(int64(len(doc.doc)))
			b.ReportAllocs()
			r := NewReader(nil, Limits{})
			for b.Loop() {
				r.Reset(bytes.NewReader(doc.doc))
				drain(b, r)
			}
		})
		b.Run(doc.name+"/leaves", func(b *testing.B) {
			b.SetBytes(int64(len(doc.doc)))
			b.ReportAllocs()
			r := NewReader(nil, Limits{})
			for b.Loop() {
				r.Reset(bytes.NewReader(doc.doc))
				for {
					t, err := r.Next()
					if err != nil {
						b.Fatal(err)
					}
					if t.Kind == Start && r.Depth() == 4 {
						if _, err = r.Text(); err != nil {
							b.Fatal(err)
						}
					} else if t.Kind == EOF {
						break
					}
				}
			}
		})
		b.Run(doc.name+"/encoding-xml", func(b *testing.B) {
			b.SetBytes(int64(len(doc.doc)))
			b.ReportAllocs()
			for b.Loop() {
				d := xml.NewDecoder(bytes.NewReader(doc.doc))
				for {
					if _, err := d.Token(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkLongText(b *testing.B) {
	doc := []byte("<a>" + string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)) + "</a>")
	b.SetBytes(int64(len(doc)))
	r := NewBytes(nil, Limits{})
	for b.Loop() {
		r.ResetBytes(doc)
		drain(b, r)
	}
}

func BenchmarkWriter(b *testing.B) {
	const n = 100_000
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("entry-%06d", i)
	}
	write := func(w *Writer) {
		w.Start("urn:ietf:params:xml:ns:netconf:base:1.0", "data")
		w.Start("urn:example:bench", "table")
		for _, name := range names {
			w.Start("urn:example:bench", "entry")
			w.Leaf("urn:example:bench", "name", name)
			w.Leaf("urn:example:bench", "value", "1234567")
			w.Leaf("urn:example:bench", "enabled", "true")
			w.End()
		}
		w.End()
		w.End()
		_ = w.Flush()
	}
	w := NewWriter(nil)
	write(w)
	size := int64(len(w.Bytes()))
	b.Run("compact", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			w.Reset(io.Discard)
			write(w)
		}
	})
	b.Run("indented", func(b *testing.B) {
		w := NewWriter(nil)
		w.Indent("  ")
		write(w)
		b.SetBytes(int64(len(w.Bytes())))
		for b.Loop() {
			w.Reset(io.Discard)
			write(w)
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			e := xml.NewEncoder(io.Discard)
			text := func(s, t string) {
				n := xml.StartElement{Name: xml.Name{Local: s}}
				_ = e.EncodeToken(n)
				_ = e.EncodeToken(xml.CharData(t))
				_ = e.EncodeToken(n.End())
			}
			for _, name := range names {
				n := xml.StartElement{Name: xml.Name{Local: "entry"}}
				_ = e.EncodeToken(n)
				text("name", name)
				text("value", "1234567")
				text("enabled", "true")
				_ = e.EncodeToken(n.End())
			}
			_ = e.Flush()
		}
	})
	b.Run("long-text", func(b *testing.B) {
		long := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
		b.SetBytes(int64(len(long)))
		for b.Loop() {
			w.Reset(io.Discard)
			w.Leaf("", "a", long)
			_ = w.Flush()
		}
	})
}

// TestAllocations: names and text that come again cost no allocation.
func TestAllocations(t *testing.T) {
	doc := configuration(1<<20, true)
	src := bytes.NewReader(nil)
	r := NewReader(nil, Limits{})
	read := func() {
		src.Reset(doc)
		r.Reset(src)
		for {
			tok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if tok.Kind == EOF {
				return
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(5, read); n > 2 {
		t.Errorf("reading again makes %v allocations", n)
	}
	w := NewWriter(nil)
	write := func() {
		w.Reset(io.Discard)
		w.Start("u", "a")
		for range 10_000 {
			w.Start("u", "b")
			w.Leaf("u", "c", "text & more")
			w.End()
		}
		w.End()
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if n := testing.AllocsPerRun(5, write); n > 2 {
		t.Errorf("writing again makes %v allocations", n)
	}
}
