// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// events reads a document to its end and writes its tokens down.
func events(r *Reader) ([]string, error) {
	var all []string
	last := Kind(99)
	for {
		t, err := r.Next()
		if err != nil {
			return all, err
		}
		if t.Kind == Text && (last == Text || len(t.Text) == 0) {
			return all, errors.New("texts that follow one another, or an empty one")
		}
		last = t.Kind
		switch t.Kind {
		case EOF:
			return all, nil
		case Start:
			s := "<" + t.Name.String()
			for _, a := range t.Attrs {
				s += fmt.Sprintf(" %s=%q", a.Name, a.Value)
			}
			all = append(all, s)
		case End:
			all = append(all, "/"+t.Name.String())
		case Text:
			all = append(all, fmt.Sprintf("%q", t.Text))
		}
	}
}

// ways gives the readers of one document whose answers must be the same.
func ways(doc string, l Limits) map[string]*Reader {
	used := NewReader(strings.NewReader(`<r xmlns="u" xmlns:p="v"><p:x/></r>`), l)
	_, _ = events(used)
	used.Reset(iotest.HalfReader(strings.NewReader(doc)))
	return map[string]*Reader{
		"bytes":     NewBytes([]byte(doc), l),
		"one read":  NewReader(strings.NewReader(doc), l),
		"one byte":  NewReader(iotest.OneByteReader(strings.NewReader(doc)), l),
		"data+EOF":  NewReader(iotest.DataErrReader(strings.NewReader(doc)), l),
		"used half": used,
	}
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"empty", `<a/>`, `<a /a`},
		{"spaces in tags", "<a  x = '1'\n y=\"2\"\t></a \n>", `<a x="1" y="2" /a`},
		{"default namespace", `<a xmlns="u"><b xmlns=""/><c x="1"/></a>`, `<{u}a <b /b <{u}c x="1" /{u}c /{u}a`},
		{"prefixes", `<p:a xmlns:p="u" p:x="1" x="2"><q:b xmlns:q="v" xmlns:p="w"><p:c/></q:b><p:c/></p:a>`,
			`<{u}a {u}x="1" x="2" <{v}b <{w}c /{w}c /{v}b <{u}c /{u}c /{u}a`},
		{"entities", `<a x="&lt;&quot;&#10;&#x41;">&lt;&gt;&amp;&apos;&quot;&#65;&#x20AC;&#x1F600;</a>`,
			`<a x="<\"\nA" "<>&'\"A€😀" /a`},
		{"text in one piece", `<a>one<!-- c -->two<![CDATA[<&]]]]><![CDATA[>]]><?p i?>&amp;3</a>`, `<a "onetwo<&]]>&3" /a`},
		{"nothing but a comment", `<a><!-- c --><?p?><![CDATA[]]></a>`, `<a /a`},
		{"white", "<a>\n  <b/>\n</a>", `<a "\n  " <b /b "\n" /a`},
		{"line ends", "<a x='1\r\n2\r3\n4\t5'>1\r\n2\r3\r\r\n<![CDATA[\r\n\r]]></a>", `<a x="1 2 3 4 5" "1\n2\n3\n\n\n\n" /a`},
		{"prolog", "\uFEFF<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<!-- c -->\n<?pi x?><a/>\n<!-- d --> ", `<a /a`},
		{"names", `<été.b-c_1 naïve="ü">ñ</été.b-c_1>`, `<été.b-c_1 naïve="ü" "ñ" /été.b-c_1`},
		{"xml prefix", `<a xml:lang="de" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
			`<a {http://www.w3.org/XML/1998/namespace}lang="de" /a`},
		{"same local names", `<a xmlns:p="u" xmlns:q="v" p:x="1" q:x="2" x="3"/>`, `<a {u}x="1" {v}x="2" x="3" /a`},
		{"brackets", `<a x="]]>">]] ]>></a>`, `<a x="]]>" "]] ]>>" /a`},
	} {
		for way, r := range ways(c.doc, Limits{}) {
			got, err := events(r)
			want := strings.Split(c.want, "\x00")[0]
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s, %s: got %s, %v; want %s", c.name, way, strings.Join(got, " "), err, want)
			}
		}
	}
}

func TestAttacks(t *testing.T) {
	var flood, twice strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&flood, ` a%d=""`, i)
	}
	twice.WriteString(`<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>`)
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;">]><lolz>&lol1;</lolz>`
	for _, c := range []struct {
		name, doc string
		kind      ErrorKind
		text      string
	}{
		{"billion laughs", bomb, Syntax, "DTD"},
		{"external entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, Syntax, "DTD"},
		{"doctype", `<!DOCTYPE a><a/>`, Syntax, "DTD"},
		{"doctype inside", `<a><!DOCTYPE a></a>`, Syntax, "DTD"},
		{"declaration", `<a><!ELEMENT a></a>`, Syntax, "neither"},
		{"unknown entity", `<a>&nbsp;</a>`, Syntax, "unknown"},
		{"unknown entity in value", `<a x="&nbsp;"/>`, Syntax, "unknown"},
		{"unfinished reference", `<a>a & b</a>`, Syntax, ""},
		{"unfinished reference in value", `<a x="&amp"/>`, Syntax, ""},
		{"endless reference", `<a>&` + strings.Repeat("x", 100) + `;</a>`, Syntax, "no end"},
		{"reference to NUL", `<a>&#0;</a>`, Encoding, "forbids"},
		{"reference to surrogate", `<a>&#xD800;</a>`, Encoding, "forbids"},
		{"reference too large", `<a>&#99999999999999999999;</a>`, Encoding, "forbids"},
		{"reference without number", `<a>&#;</a>`, Syntax, "no number"},
		{"reference with letters", `<a>&#1a;</a>`, Syntax, "not a character reference"},
		{"depth", strings.Repeat("<a>", 100_000), Limit, "deeper"},
		{"attribute flood", "<a" + flood.String() + "/>", Limit, ""},
		{"huge name", "<" + strings.Repeat("a", 1_000_000) + "/>", Limit, ""},
		{"long name", "<" + strings.Repeat("a", 1025) + "/>", Limit, "name"},
		{"long value", `<a x="` + strings.Repeat("a", 65_537) + `"/>`, Limit, "value"},
		{"tag that never ends", `<a` + strings.Repeat(" ", 300<<10), Limit, "tag"},
		{"namespace flood", strings.Repeat(`<a xmlns:a="u" xmlns:b="u" xmlns:c="u">`, 200), Limit, "declarations"},
		{"UTF-8 in name", "<a\xff/>", Encoding, "name"},
		{"UTF-8 in end tag", "<a></a\xff>", Encoding, "name"},
		{"UTF-8 in text", "<a>\xc3(</a>", Encoding, "text"},
		{"overlong", "<a>\xc0\xaf</a>", Encoding, "text"},
		{"surrogate", "<a>\xed\xa0\x80</a>", Encoding, "text"},
		{"UTF-8 in value", "<a x='\xff'/>", Encoding, "value"},
		{"UTF-8 in comment", "<a><!-- \xff --></a>", Encoding, "comment"},
		{"UTF-8 in CDATA", "<a><![CDATA[\xff]]></a>", Encoding, "CDATA"},
		{"UTF-8 in instruction", "<a><?p \xff?></a>", Encoding, "instruction"},
		{"U+FFFF", "<a>\uffff</a>", Encoding, "forbids"},
		{"U+FFFE in value", "<a x='\ufffe'/>", Encoding, "forbids"},
		{"NUL in text", "<a>\x00</a>", Encoding, "control"},
		{"NUL in value", "<a x='\x00'/>", Encoding, "control"},
		{"NUL in tag", "<a\x00/>", Syntax, ""},
		{"NUL outside", "<a/>\x00", Encoding, "control"},
		{"control in comment", "<a><!--\x01--></a>", Encoding, "control"},
		{"unclosed", `<a><b></b>`, Syntax, "ends inside"},
		{"unclosed tag", `<a><b`, Syntax, "ends inside"},
		{"unclosed comment", `<a><!-- `, Syntax, "ends inside"},
		{"unclosed CDATA", `<a><![CDATA[ ]]`, Syntax, "ends inside"},
		{"unclosed value", `<a x="1`, Syntax, "ends inside"},
		{"cut at <", `<a><`, Syntax, "ends inside"},
		{"cut at <!", `<a><!`, Syntax, "ends inside"},
		{"cut at CR", "<a>\r", Syntax, "ends inside"},
		{"end of CDATA in text", `<a>]]></a>`, Syntax, "]]>"},
		{"mis-nested", `<a><b></a></b>`, Syntax, "does not belong"},
		{"longer end", `<a></ab>`, Syntax, "does not belong"},
		{"end with attribute", `<a></a x="1">`, Syntax, "does not end"},
		{"end first", `</a>`, Syntax, "without a start"},
		{"two roots", `<a/><b/>`, Syntax, "second root"},
		{"text before", `x<a/>`, Syntax, "outside"},
		{"text after", `<a/>x`, Syntax, "outside"},
		{"CDATA after", `<a/><![CDATA[x]]>`, Syntax, "outside"},
		{"nothing", ``, Syntax, "no element"},
		{"white space", " \n", Syntax, "no element"},
		{"twice", `<a x="1" x="2"/>`, Syntax, "twice"},
		{"twice by namespace", twice.String(), Syntax, "twice"},
		{"declared twice", `<a xmlns:p="u" xmlns:p="u"/>`, Syntax, "twice"},
		{"default declared twice", `<a xmlns="u" xmlns="v"/>`, Syntax, "twice"},
		{"undeclared prefix", `<p:a/>`, Syntax, "not declared"},
		{"undeclared prefix of attribute", `<a p:x="1"/>`, Syntax, "not declared"},
		{"out of scope", `<a><b xmlns:p="u"><p:c/></b><p:c/></a>`, Syntax, "not declared"},
		{"undeclaring", `<a xmlns:p=""/>`, Syntax, "undeclared"},
		{"xmlns bound", `<a xmlns:xmlns="u"/>`, Syntax, "bound"},
		{"xml bound", `<a xmlns:xml="u"/>`, Syntax, "bound"},
		{"xml's namespace bound", `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, Syntax, "bound"},
		{"xml's namespace as default", `<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, Syntax, "bound"},
		{"xmlns element", `<xmlns:a/>`, Syntax, "xmlns"},
		{"two colons", `<a:b:c xmlns:a="u"/>`, Syntax, "not a name"},
		{"leading colon", `<:a/>`, Syntax, "not a name"},
		{"digit first", `<1a/>`, Syntax, "not a name"},
		{"no name", `< a/>`, Syntax, "missing"},
		{"no value", `<a x/>`, Syntax, "no value"},
		{"no quotes", `<a x=1/>`, Syntax, "quotes"},
		{"no space", `<a x="1"y="2"/>`, Syntax, "white space"},
		{"< in value", `<a x="<"/>`, Syntax, "< in"},
		{"< in tag", `<a <b/>`, Syntax, ""},
		{"slash in tag", `<a / >`, Syntax, "slash"},
		{"-- in comment", `<a><!-- -- --></a>`, Syntax, "--"},
		{"--- ends comment", `<a><!-- ---></a>`, Syntax, "--"},
		{"declaration late", ` <?xml version="1.0"?><a/>`, Syntax, "beginning"},
		{"declaration inside", `<a><?XML version="1.0"?></a>`, Syntax, "beginning"},
		{"version 1.1", `<?xml version="1.1"?><a/>`, Syntax, "1.0"},
		{"latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, Encoding, "UTF-8"},
		{"UTF-16", "\xff\xfe<\x00a\x00/\x00>\x00", Encoding, "UTF-8"},
		{"UTF-32", "\x00\x00\xfe\xff\x00\x00\x00<", Encoding, "UTF-8"},
		{"declaration without version", `<?xml encoding="utf-8"?><a/>`, Syntax, "its place"},
		{"instruction without target", `<a><? x?></a>`, Syntax, "target"},
		{"instruction with colon", `<a><?p:q x?></a>`, Syntax, "target"},
	} {
		for way, r := range ways(c.doc, Limits{}) {
			_, err := events(r)
			var e *Error
			if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Message, c.text) {
				t.Errorf("%s, %s: got %v (%v); want %s with %q", c.name, way, err, e, c.kind, c.text)
				continue
			}
			if _, again := r.Next(); again != err {
				t.Errorf("%s, %s: the error does not stay: %v", c.name, way, again)
			}
			if len(err.Error()) > 400 {
				t.Errorf("%s: the message has %d bytes", c.name, len(err.Error()))
			}
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name      string
		limits    Limits
		good, bad string
	}{
		{"depth", Limits{Depth: 2}, "<a><b/><b/></a>", "<a><b><c/></b></a>"},
		{"size", Limits{Size: 8}, "<a>1</a>", "<a>12</a>"},
		{"tag", Limits{Tag: 10}, "<a x='1'/>", "<a x='1' />"},
		{"end tag", Limits{Tag: 8}, "<a></a   >", "<a></a     >"},
		{"name", Limits{Name: 3}, "<abc/>", "<abcd/>"},
		{"attrs", Limits{Attrs: 2}, "<a x='' y='' xmlns='u'/>", "<a x='' y='' z=''/>"},
		{"value", Limits{AttrValue: 3}, "<a x='123'/>", "<a x='1234'/>"},
		{"text", Limits{Text: 4}, "<a>1234<b/>1234</a>", "<a>12345</a>"},
		{"texts", Limits{Text: 4}, "<a>12<!-- -->34</a>", "<a>12<!-- -->345</a>"},
		{"cdata", Limits{Text: 4}, "<a><![CDATA[1234]]></a>", "<a><![CDATA[12345]]></a>"},
		{"comment", Limits{Text: 4}, "<a><!--1234--></a>", "<a><!--12345--></a>"},
		{"namespaces", Limits{Namespaces: 2}, "<a xmlns='u'><b xmlns:p='u'/><b xmlns:p='u'/></a>", "<a xmlns='u'><b xmlns:p='u' xmlns:q='u'/></a>"},
	} {
		for way, r := range ways(c.good, c.limits) {
			if way == "used half" {
				continue // the document before breaks the limits
			}
			if _, err := events(r); err != nil {
				t.Errorf("%s, %s: %v", c.name, way, err)
			}
		}
		for way, r := range ways(c.bad, c.limits) {
			var e *Error
			if _, err := events(r); !errors.As(err, &e) || e.Kind != Limit {
				t.Errorf("%s, %s: got %v; want a limit", c.name, way, err)
			}
		}
	}
}

func TestPosition(t *testing.T) {
	doc := "<a>\n  <!-- é\n -->é<b></c></a>"
	for way, r := range ways(doc, Limits{}) {
		_, err := events(r)
		var e *Error
		if !errors.As(err, &e) || e.Line != 3 || e.Column != 9 || e.Offset != int64(strings.Index(doc, "</c>")) {
			t.Errorf("%s: %v", way, err)
		}
	}
	long := strings.Repeat("<b>é</b>\n", 20_000)
	for way, r := range ways("<a>"+long+"é&x;</a>", Limits{}) {
		_, err := events(r)
		var e *Error
		if !errors.As(err, &e) || e.Line != 20_001 || e.Column != 2 {
			t.Errorf("%s: %v", way, err)
		}
	}
}

func TestSourceError(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("<a>b"), iotest.ErrReader(broken)), Limits{})
	_, err := events(r)
	var e *Error
	if !errors.As(err, &e) || e.Kind != IO || !errors.Is(err, broken) || e.Offset != 4 {
		t.Errorf("got %v", err)
	}
	r.Reset(iotest.ErrReader(nil)) // neither bytes nor an error, for ever
	if _, err = events(r); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

func TestTextSkipLookup(t *testing.T) {
	doc := `<a xmlns="u" xmlns:p="v"><!-- --><b xmlns:p="w">p:x</b><c>1&amp;2</c><d/><e>t<f>g</f></e><s>x<t><u/></t>y</s><z/></a>`
	for way, r := range ways(doc, Limits{}) {
		start := func(want string) {
			t.Helper()
			if tok, err := r.Next(); err != nil || tok.Kind != Start || tok.Name != (Name{"u", want}) {
				t.Fatalf("%s: %v, %v; want <%s>", way, tok, err, want)
			}
		}
		text := func(want string) {
			t.Helper()
			if b, err := r.Text(); err != nil || string(b) != want {
				t.Fatalf("%s: %q, %v; want %q", way, b, err, want)
			}
		}
		lookup := func(prefix, want string) {
			t.Helper()
			if uri, _ := r.Lookup(prefix); uri != want {
				t.Fatalf("%s: %s is %q; want %q", way, prefix, uri, want)
			}
		}
		start("a")
		lookup("p", "v")
		start("b")
		text("p:x")
		lookup("p", "w") // in the element just ended
		start("c")
		lookup("p", "v")
		lookup("", "u")
		text("1&2")
		start("d")
		text("")
		start("e")
		var e *Error
		if _, err := r.Text(); !errors.As(err, &e) || e.Kind != Content || r.Depth() != 3 {
			t.Fatalf("%s: %v", way, err)
		}
		text("g")
		if tok, err := r.Next(); err != nil || tok.Kind != End || r.Depth() != 1 {
			t.Fatalf("%s: %v, %v", way, tok, err)
		}
		start("s")
		if err := r.Skip(); err != nil {
			t.Fatal(err)
		}
		start("z")
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if err := r.Skip(); err != nil || r.Depth() != 0 { // from an End: the parent
			t.Fatalf("%s: %v", way, err)
		}
		if tok, err := r.Next(); err != nil || tok.Kind != EOF {
			t.Fatalf("%s: %v, %v", way, tok, err)
		}
	}
}

func TestRaw(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{`<r><x a="1"/></r>`, `<x xmlns="" a="1"/>`},
		{`<r xmlns="u" xmlns:p="v" xmlns:q="w"><x a="p:1">t<!-- c --><y/></x></r>`, `<x xmlns:p="v" xmlns="u" a="p:1">t<!-- c --><y/></x>`},
		{`<r xmlns="u"><m xmlns="v"><x/></m></r>`, `<x xmlns="v"/>`},
		{`<r xmlns="u" xmlns:p="v"><p:x xmlns="" xmlns:p="w"><p:y/></p:x></r>`, `<p:x xmlns="" xmlns:p="w"><p:y/></p:x>`},
		{`<r xmlns:p="a&amp;&quot;b"><x>p&#58;y</x></r>`, `<x xmlns:p="a&amp;&quot;b" xmlns="">p&#58;y</x>`},
		{`<r>text<x>` + strings.Repeat("<y>0123456789</y>\r\n", 10_000) + `</x></r>`, `<x xmlns="">` + strings.Repeat("<y>0123456789</y>\r\n", 10_000) + `</x>`},
	} {
		for way, r := range ways(c.doc, Limits{}) {
			for {
				tok, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if tok.Kind == Start && tok.Name.Local == "x" {
					break
				}
			}
			depth := r.Depth()
			raw, err := r.Raw([]byte("+"))
			if err != nil || string(raw) != "+"+c.want || r.Depth() != depth-1 {
				t.Errorf("%s: got %.200s, %v; want %.200s", way, raw, err, c.want)
			}
			if _, err := events(NewBytes(raw[1:], Limits{})); err != nil {
				t.Errorf("%s: %.200s: %v", way, raw, err)
			}
			if _, err := events(r); err != nil {
				t.Errorf("%s: after it: %v", way, err)
			}
		}
	}
	r := NewBytes([]byte("<a>"+strings.Repeat("<b/>", 100)+"</a>"), Limits{Text: 100})
	_, _ = r.Next()
	var e *Error
	if _, err := r.Raw(nil); !errors.As(err, &e) || e.Kind != Limit {
		t.Errorf("got %v", err)
	}
}

// TestManyNames: a peer that invents names does not make the reader grow.
func TestManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString("<a>")
	for i := range 3 * mostNames {
		fmt.Fprintf(&b, `<n%d xmlns="u%d"/>`, i, i)
	}
	b.WriteString("</a>")
	r := NewReader(strings.NewReader(b.String()), Limits{})
	if _, err := events(r); err != nil {
		t.Fatal(err)
	}
	if n := len(r.table.names) + len(r.table.uris); n > mostNames {
		t.Errorf("%d names are kept", n)
	}
	chain := 0
	for q := r.first.next; q != nil && chain <= mostNames; q = q.next {
		chain++
	}
	if chain > mostNames {
		t.Errorf("a chain of more than %d names is kept", mostNames)
	}
}

// once gives its text and an error together, and blames whoever reads again.
type once struct {
	text string
	err  error
	done bool
}

func (o *once) Read(p []byte) (int, error) {
	if o.done {
		return 0, errors.New("read after an error")
	}
	o.done = true
	return copy(p, o.text), o.err
}

func TestTextAndError(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(&once{text: "<a>b<c/>", err: broken}, Limits{})
	got, err := events(r)
	if !errors.Is(err, broken) || strings.Join(got, " ") != `<a "b" <c /c` {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestTextAcrossReads: the text stays although its end tag came later.
func TestTextAcrossReads(t *testing.T) {
	var b strings.Builder
	b.WriteString("<a>")
	for i := range 20_000 {
		fmt.Fprintf(&b, "<b>%d</b>", i)
	}
	b.WriteString(`<c xmlns:p="u">text<d x="1">p:e</d></c></a>`)
	for way, r := range ways(b.String(), Limits{}) {
		_, _ = r.Next()
		for i := range 20_000 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			if text, err := r.Text(); err != nil || string(text) != fmt.Sprint(i) {
				t.Fatalf("%s: %q, %v; want %d", way, text, err, i)
			}
		}
		_, _ = r.Next()
		var e *Error
		if _, err := r.Text(); !errors.As(err, &e) || e.Kind != Content {
			t.Fatalf("%s: %v", way, err)
		}
		// The element in the way is the current token in every respect.
		if raw, err := r.Raw(nil); err != nil || string(raw) != `<d xmlns:p="u" xmlns="" x="1">p:e</d>` {
			t.Fatalf("%s: %s, %v", way, raw, err)
		}
	}
}
