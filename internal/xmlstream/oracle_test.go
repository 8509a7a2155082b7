// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// reference reads a document with encoding/xml's raw tokens and adds what that
// leaves out: nesting, namespaces, one root, no DTD. Its answer is in the form of
// events.
func reference(doc []byte) (all []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	type scope struct {
		name xml.Name
		ns   map[string]string
	}
	open := []scope{{ns: map[string]string{"xml": XMLNamespace, "": ""}}}
	text, rooted := "", false
	end := func() {
		if text != "" {
			all = append(all, fmt.Sprintf("%q", text))
		}
		text = ""
	}
	for {
		at := d.InputOffset()
		tok, err := d.RawToken()
		if err == io.EOF {
			switch {
			case len(open) > 1:
				return all, errors.New("unclosed")
			case !rooted:
				return all, errors.New("no root")
			}
			return all, nil
		}
		if err != nil {
			return all, err
		}
		top := open[len(open)-1]
		switch t := tok.(type) {
		case xml.StartElement:
			end()
			if len(open) == 1 && rooted {
				return all, errors.New("two roots")
			}
			rooted = true
			ns := make(map[string]string)
			for k, v := range top.ns {
				ns[k] = v
			}
			given := make(map[xml.Name]bool)
			for i, a := range t.Attr {
				if given[a.Name] {
					return all, errors.New("twice")
				}
				given[a.Name] = true
				// Difference: encoding/xml does not make white space in values a
				// blank (XML 1.0, 3.3.3). See plain, too.
				t.Attr[i].Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(a.Value)
				a = t.Attr[i]
				switch {
				case a.Name.Space == "" && a.Name.Local == "xmlns":
					if a.Value == XMLNamespace || a.Value == xmlnsNamespace {
						return all, errors.New("reserved")
					}
					ns[""] = a.Value
				case a.Name.Space == "xmlns":
					if a.Value == "" || a.Name.Local == "xmlns" || a.Value == xmlnsNamespace || (a.Name.Local == "xml") != (a.Value == XMLNamespace) {
						return all, errors.New("reserved")
					}
					ns[a.Name.Local] = a.Value
				}
			}
			expand := func(n xml.Name) (string, error) {
				uri, ok := ns[n.Space]
				if !ok || strings.Contains(n.Local, ":") || strings.Contains(n.Space, ":") {
					return "", errors.New("prefix or name")
				}
				return Name{uri, n.Local}.String(), nil
			}
			name, err := expand(t.Name)
			if err != nil {
				return all, err
			}
			s := "<" + name
			given2 := make(map[string]bool)
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				name := a.Name.Local
				if a.Name.Space != "" {
					if name, err = expand(a.Name); err != nil {
						return all, err
					}
				} else if strings.Contains(name, ":") {
					return all, errors.New("name")
				}
				if given2[name] {
					return all, errors.New("twice")
				}
				given2[name] = true
				s += fmt.Sprintf(" %s=%q", name, a.Value)
			}
			all = append(all, s)
			open = append(open, scope{t.Name, ns})
		case xml.EndElement:
			end()
			if len(open) == 1 || t.Name != top.name {
				return all, errors.New("nesting")
			}
			uri := top.ns[t.Name.Space]
			all = append(all, "/"+Name{uri, t.Name.Local}.String())
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 1 && !blank(bytes.TrimPrefix(t, []byte("\uFEFF"))) {
				return all, errors.New("text outside")
			}
			if len(open) > 1 {
				text += string(t)
			}
		case xml.Directive:
			return all, errors.New("DTD")
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") && at != 0 || t.Target == "xml" && !strings.Contains(string(t.Inst), "version") {
				return all, errors.New("declaration")
			}
		}
	}
}

// oursIsStricter are the errors for which encoding/xml has none: text of the
// message, and why we refuse.
var oursIsStricter = map[string]string{
	"white space is missing":      "XML 1.0, 3.1 [40]: it lets attributes touch",
	"XML declaration":             "XML 1.0, 2.8: it looks for version and encoding only",
	"standalone is neither":       "XML 1.0, 2.9: it does not look at it",
	"XML version":                 "XML 1.0, 2.8: without quotes it sees none",
	"is not in its place":         "XML 1.0, 2.8 [23]: any order goes",
	"is not a name":               "it has the name characters of the fourth edition, and colons anywhere",
	"no target":                   "Namespaces in XML, 7: it allows colons in targets",
	"a control character":         "XML 1.0, 2.2: it does not look at comments and instructions",
	"not UTF-8":                   "nor at their encoding, and UTF-16 is text to it",
	"XML forbids in a comment":    "XML 1.0, 2.2: it does not look at comments",
	"XML forbids in a processing": "XML 1.0, 2.2: nor at instructions",
	"text outside":                "CDATA outside the root, if it is blank",
	"a reference has no end":      "a reference of more than 32 bytes: our limit",
	"to a character that XML":     "XML 1.0, 4.1: it turns some into U+FFFD",
	"a slash inside a tag":        "it lets blanks stand between / and >",
	"<! begins neither":           "a directive inside an element",
}

// theirsIsStricter are its errors for what we accept. Those of names count only
// where the document is not ASCII.
var theirsIsStricter = map[string]string{
	"declaration": "after a byte order mark it takes the declaration for a late one",
}

var theirNames = map[string]string{
	"invalid XML name": "it has the name characters of the fourth edition",
	"expected":         "so it stops before them",
	"attribute name":   "likewise",
}

func allowed(list map[string]string, err error) bool {
	for text := range list {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// plain takes away what makes values differ for a known reason: references to
// white space in attribute values stay what they are with us.
func plain(s []string) string {
	return strings.NewReplacer(`\n`, " ", `\t`, " ").Replace(strings.Join(s, " "))
}

// agree compares the Reader with the reference.
func agree(t *testing.T, doc []byte) (ok bool) {
	t.Helper()
	got, err := events(NewBytes(doc, Limits{}))
	want, wantErr := reference(doc)
	var e *Error
	switch {
	case err != nil && wantErr != nil:
	case errors.As(err, &e) && e.Kind == Limit:
	case err != nil:
		if !allowed(oursIsStricter, err) {
			t.Errorf("%q: %v; encoding/xml has no error", doc, err)
		}
	case wantErr != nil:
		ascii := bytes.IndexFunc(doc, func(c rune) bool { return c >= 0x80 }) < 0
		if !allowed(theirsIsStricter, wantErr) && (ascii || !allowed(theirNames, wantErr)) {
			t.Errorf("%q: no error; encoding/xml says %v", doc, wantErr)
		}
	case plain(got) != plain(want):
		t.Errorf("%q: got\n%s; encoding/xml says\n%s", doc, got, want)
	}
	return err == nil
}

// generator makes documents, most of them good.
type generator struct {
	*rand.Rand
	b strings.Builder
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) text() {
	for range g.IntN(4) {
		g.b.WriteString(g.pick("x", " ", "\n  ", "é", "&amp;", "&#10;", "&#x20AC;", "<!-- c -->", "<![CDATA[<]]>", "<?p i?>",
			"]]", ">", "\r\n", "\r", "\t", "long text of some bytes", "&lt;", "😀"))
	}
}

func (g *generator) element(depth int, prefixes []string) {
	inner := prefixes
	decl := ""
	for range g.IntN(3) {
		p := g.pick("p", "q", "r")
		if !strings.Contains(decl, "xmlns:"+p+"=") {
			decl += " xmlns:" + p + "=" + g.pick(`"u"`, `'v'`, `"w"`)
			inner = append(inner[:len(inner):len(inner)], p+":")
		}
	}
	if g.IntN(4) == 0 {
		decl += ` xmlns="` + g.pick("u", "", "v") + `"`
	}
	name := g.pick(inner...) + g.pick("a", "bb", "ccc", "a-b.c", "_x", "été")
	g.b.WriteString("<" + name + decl)
	for range g.IntN(3) {
		q := g.pick(`"`, "'")
		g.b.WriteString(g.pick(" ", "\n", "  ") + g.pick(inner...) + g.pick("x", "y", "z") + g.pick("=", " = ") + q +
			g.pick("", "1", "a&lt;b", "é", "tab\there", "]]>", "a\r\nb", "&#9;") + q)
	}
	if g.IntN(5) == 0 {
		g.b.WriteString(g.pick("/>", " />"))
		return
	}
	g.b.WriteString(g.pick(">", " >"))
	g.text()
	if depth < 6 {
		for range g.IntN(4) {
			g.element(depth+1, inner)
			g.text()
		}
	}
	g.b.WriteString("</" + name + g.pick(">", " >", "\n>"))
}

func (g *generator) document() []byte {
	g.b.Reset()
	g.b.WriteString(g.pick("", "", `<?xml version="1.0" encoding="UTF-8"?>`, "<?xml version='1.0'?>\n", " ", "<!-- c -->"))
	g.element(0, []string{"", ""})
	g.b.WriteString(g.pick("", "\n", "<!-- c -->", "<?p?>"))
	doc := []byte(g.b.String())
	if g.IntN(2) == 0 {
		return doc
	}
	for range 1 + g.IntN(2) {
		i := g.IntN(len(doc))
		switch g.IntN(4) {
		case 0:
			doc = append(doc[:i:i], doc[i+1:]...)
		case 1:
			doc = append(append(doc[:i:i], g.pick("<", ">", "&", `"`, "'", "/", " ", "=", ":", "\x00", "\xff", "-", "!", "?", "]", "a", "\r")...), doc[i:]...)
		case 2:
			doc = doc[:i+1]
		case 3:
			j := g.IntN(len(doc))
			doc[i], doc[j] = doc[j], doc[i]
		}
	}
	return doc
}

func TestAgainstEncodingXML(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	good := 0
	const n = 20_000
	for range n {
		if agree(t, g.document()) {
			good++
		}
	}
	if good < n/3 || good > n*4/5 {
		t.Errorf("%d of %d documents are good: the test says little", good, n)
	}
}

// sameHowever: invariant 3.
func sameHowever(t *testing.T, doc []byte) {
	t.Helper()
	want, wantErr := events(NewBytes(doc, Limits{}))
	for _, src := range []io.Reader{iotest.OneByteReader(bytes.NewReader(doc)), iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(doc)))} {
		got, err := events(NewReader(src, Limits{}))
		if strings.Join(got, " ") != strings.Join(want, " ") || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			var e *Error
			if errors.As(err, &e) && e.Kind == Limit {
				continue // which limit is met first may differ
			}
			t.Errorf("%q: got %s, %v; want %s, %v", doc, got, err, want, wantErr)
		}
	}
}

// rewritten reads a good document into a Writer and reads what that wrote; and
// takes its root as it stands.
func rewritten(t *testing.T, doc []byte) {
	t.Helper()
	want, err := events(NewBytes(doc, Limits{}))
	if err != nil {
		return
	}
	w := NewWriter(nil)
	r := NewBytes(doc, Limits{})
	for {
		tok, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch tok.Kind {
		case Start:
			w.Start(tok.Name.Space, tok.Name.Local)
			for _, a := range tok.Attrs {
				w.AttrNS(a.Prefix, a.Name.Space, a.Name.Local, string(a.Value))
			}
		case Text:
			w.TextBytes(tok.Text)
		case End:
			w.End()
		}
		if tok.Kind == EOF {
			break
		}
	}
	if w.Err() != nil || w.Replaced() != 0 {
		t.Fatalf("%q: %v, %d replaced", doc, w.Err(), w.Replaced())
	}
	got, err := events(NewBytes(w.Bytes(), Limits{Tag: 1 << 30, Namespaces: 1 << 20}))
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("%q became %q: %s, %v; want %s", doc, w.Bytes(), got, err, want)
	}
	r.ResetBytes(doc)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	raw, err := r.Raw([]byte(`<outer xmlns="o" xmlns:p="o">`))
	if err != nil {
		return // longer than Limits.Text
	}
	got, err = events(NewBytes(append(raw, "</outer>"...), Limits{Tag: 1 << 30, Namespaces: 1 << 20}))
	if err != nil || strings.Join(got[1:len(got)-1], " ") != strings.Join(want, " ") {
		t.Fatalf("%q was taken as %q: %s, %v; want %s", doc, raw, got, err, want)
	}
}

func TestGeneratedDocuments(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(3, 4))}
	for range 3_000 {
		doc := g.document()
		sameHowever(t, doc)
		rewritten(t, doc)
	}
}

func FuzzReader(f *testing.F) {
	g := &generator{Rand: rand.New(rand.NewPCG(5, 6))}
	for range 20 {
		f.Add(g.document())
	}
	f.Add([]byte("\uFEFF<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<a x='&#x41;'>]]<![CDATA[>]]></a>"))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		agree(t, doc)
		sameHowever(t, doc)
		rewritten(t, doc)
		tight := Limits{Depth: 4, Size: 512, Tag: 64, Name: 8, Attrs: 2, AttrValue: 16, Text: 32, Namespaces: 3}
		r := NewReader(iotest.HalfReader(bytes.NewReader(doc)), tight)
		for range len(doc) + 2 {
			tok, err := r.Next()
			if err != nil {
				return
			}
			if r.Depth() > 4 || len(tok.Attrs) > 2 || len(tok.Text) > 32 || len(r.bound) > 3 || r.base+int64(r.pos) > 512 {
				t.Fatalf("%q: %+v is beyond the limits", doc, tok)
			}
			if tok.Kind == EOF {
				return
			}
		}
		t.Fatalf("%q: more tokens than bytes", doc)
	})
}
