// SPDX-License-Identifier: Apache-2.0

package meta_test

import (
	"strings"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/meta"
	"nso.example/nso/tree/xmlenc"
)

// What nobody means well is refused, by all who ask for everything: annotations,
// all errors, and where.
func TestHostile(t *testing.T) {
	s := schema(t)
	const n = 20_000
	deep := func(open string) string { return strings.Repeat(open, 10_000) }
	long := strings.Repeat("a", 1<<20)
	c := func(in string) string { return "<c xmlns='urn:m' xmlns:m='urn:m'>" + in + "</c>" }
	for name, text := range map[string]string{
		"XML, deep, unknown":                 c(deep("<x>")),
		"XML, deep, any":                     c("<any>" + deep("<x>") + deep("</x>") + "</any>"),
		"XML, a name of 1 MB":                c("<" + long + "/>"),
		"XML, a prefix of 1 MB":              c("<" + long + ":x/>"),
		"XML, an attribute of 1 MB":          c("<l m:who='" + long + "'/>"),
		"XML, an attribute's name of 1 MB":   c("<l m:" + long + "='x'/>"),
		"XML, 20,000 attributes":             c("<l" + strings.Repeat(" m:who='x'", n) + "/>"),
		"XML, an attribute twice":            c("<l m:who='x' m:who='x'/>"),
		"XML, twice by two prefixes":         c("<l m:who='x' xmlns:n='urn:m' n:who='x'/>"),
		"XML, a prefix undeclared":           c("<l xmlns:m=''/>"),
		"XML, entities":                      `<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + c("<l>&b;</l>"),
		"XML, an external entity":            `<!DOCTYPE c SYSTEM "file:///etc/passwd">` + c("<l>x</l>"),
		"XML, an entity nobody declared":     c("<l>&nbsp;</l>"),
		"XML, NUL":                           c("<l>\x00</l>"),
		"XML, a reference to NUL":            c("<l>&#0;</l>"),
		"XML, a reference to a surrogate":    c("<l>&#xD800;</l>"),
		"XML, not UTF-8":                     c("<l>\xc0\xaf</l>"),
		"XML, UTF-16":                        "\xff\xfe<\x00c\x00/\x00>\x00",
		"XML, another encoding":              "<?xml version='1.0' encoding='ISO-8859-1'?>" + c(""),
		"XML, CDATA between elements":        c("<![CDATA[x]]>"),
		"XML, a declaration inside":          c("<?xml version='1.0'?>"),
		"XML, a document after it":           c("") + c(""),
		"XML, a tag without end":             "<c xmlns='urn:m'><l",
		"XML, tagged defaults without end":   c(strings.Repeat("<d xmlns:wd='"+meta.DefaultNamespace+"' wd:default='true'>3</d>", n)),
		"JSON, deep, unknown":                deep(`{"m:x":`),
		"JSON, deep, any":                    `{"m:c":{"any":` + deep(`{"a":`) + `1` + deep(`}`) + `}}`,
		"JSON, deep arrays":                  `{"m:c":{"ax":` + deep(`[`) + deep(`]`) + `}}`,
		"JSON, deep metadata":                `{"m:c":{"@":` + deep(`{"m:who":`) + `}}`,
		"JSON, a name of 1 MB":               `{"m:` + long + `":1}`,
		"JSON, an annotation's name of 1 MB": `{"m:c":{"@":{"m:` + long + `":1}}}`,
		"JSON, @ and nothing":                `{"m:c":{"@` + long + `":{}}}`,
		"JSON, 20,000 members of metadata":   `{"m:c":{"@":{` + strings.Repeat(`"m:who":"x",`, n) + `"m:who":"x"}}}`,
		"JSON, metadata of nothing":          `{"m:c":{"ll":["a"],"@ll":[` + strings.Repeat(`null,`, n) + `{"m:who":"x"}]}}`,
		"JSON, a member twice":               `{"m:c":{"l":"1","l":"1"}}`,
		"JSON, a member twice by escapes":    `{"m:c":{"l":"1","\u006c":"1"}}`,
		"JSON, half a surrogate pair":        `{"m:c":{"l":"\ud800"}}`,
		"JSON, NUL":                          `{"m:c":{"l":"\u0000"}}`,
		"JSON, a huge number":                `{"m:c":{"d":1` + strings.Repeat("0", n) + `}}`,
		"JSON, a huge exponent":              `{"m:c":{"d":1e999999999}}`,
		"JSON, not UTF-8":                    "{\"m:c\":{\"l\":\"\xc0\xaf\"}}",
		"JSON, a byte order mark":            "\ufeff{}",
		"JSON, a comment":                    `{/* */}`,
		"JSON, an infinite number":           `{"m:c":{"d":Infinity}}`,
		"JSON, a comma too many":             `{"m:c":{"l":"1",}}`,
	} {
		told := 0
		report := func(e *mgmterr.Error, line, column int) {
			if told++; line < 0 || column < 0 || len(e.Message) > 1000 {
				t.Errorf("%s: %d:%d: an error of %d bytes: %.200s", name, line, column, len(e.Message), e.Message)
			}
		}
		m := &meta.Node{}
		var err error
		if strings.HasPrefix(name, "XML") {
			_, err = xmlenc.DecodeTree(xmlstream.NewReader(strings.NewReader(text), xmlstream.Limits{}), s, xmlenc.DecodeOptions{Meta: m, Report: report})
		} else {
			_, err = jsonenc.Decode(strings.NewReader(text), s, jsonenc.DecodeOptions{Meta: m, Report: report})
		}
		switch {
		case err == nil && told == 0:
			t.Errorf("%s: it was read", name)
		case err != nil && !strings.Contains(err.Error(), "line "):
			t.Errorf("%s: %.300v", name, err)
		case err != nil && len(err.Error()) > 1000:
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

// What is odd and well-formed is read.
func TestOdd(t *testing.T) {
	s := schema(t)
	for _, text := range []string{
		"\ufeff<c xmlns='urn:m'/>",
		"<?xml version='1.0' encoding='utf-8'?><!-- x --><?pi?><c xmlns='urn:m'><?pi x?><l><![CDATA[<&]]>x<!-- y --></l></c>",
		"<p:c xmlns:p='urn:m'><p:l xmlns:p='urn:m'>x</p:l><q:d xmlns:q='urn:m' xmlns:p='urn:other'>3</q:d></p:c>",
		"<c xmlns='urn:other' xmlns:c='urn:m'/>",
	} {
		_, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(text), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
		if (err != nil) != strings.Contains(text, "<c xmlns='urn:other'") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is made of much content takes time in proportion to it: a test that is
// slow if it does not.
func TestMuchContent(t *testing.T) {
	s := schema(t)
	const n = 20_000
	var members strings.Builder
	for i := range n {
		if i > 0 {
			members.WriteByte(',')
		}
		members.WriteString(`"@x` + strings.Repeat("y", i%7) + `":[]`)
	}
	text := `{"m:c":{"ax":{"a":[` + strings.Repeat("1,", n) + `1],` + members.String() + `},"any":{"@":{` + strings.Repeat(`"m:who":"x",`, n) + `"m:n":1}}}}`
	tr, m, err := fromJSON(s, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(toXML(t, s, tr, m), "<a>"); got != n+1 {
		t.Errorf("%d elements", got)
	}
}
