// SPDX-License-Identifier: Apache-2.0

package meta_test

import (
	"strings"
	"testing"

	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang/yangtest"
)

// The content of anydata and anyxml keeps its structure from XML to JSON and back
// (RFC 7951, 5.5 and 5.6).
func TestAnyBothWays(t *testing.T) {
	s := schema(t)
	const inC = ` xmlns="urn:m"`
	for _, c := range []struct{ name, xml, json, back string }{
		{"empty", `<any/>`, `"any":{}`, ""},
		{"known", `<any><c><d>5</d><ll>a</ll><l/></c><e><k>a</k></e></any>`, `"any":{"c":{"d":5,"ll":["a"],"l":""},"e":[{"k":"a"}]}`, ""},
		{"known, odd values", `<any><c><d> 05 </d><d>x</d></c></any>`, `"any":{"c":{"d":[5,"x"]}}`, `<any><c><d>5</d><d>x</d></c></any>`},
		{"known, an identity", `<any xmlns:q="urn:m"><c><k>q:one</k></c></any>`, `"any":{"c":{"k":"m:one"}}`, `<any><c><k xmlns:m="urn:m">m:one</k></c></any>`},
		{"of a module, not known", `<any><zz>1</zz><zz/><zz><y>2</y></zz></any>`, `"any":{"zz":["1",[null],{"y":"2"}]}`, ""},
		{"of no module", `<any><b xmlns="urn:b"><x>1</x><x>2</x><y xmlns=""/></b></any>`, `"any":{"urn:b:b":{"x":["1","2"],":y":[null]}}`, ""},
		{"blanks", "<any>\n <c>\n  <d>5</d>\n </c>\n</any>", `"any":{"c":{"d":5}}`, `<any><c><d>5</d></c></any>`},
		{"annotations", `<any xmlns:m="urn:m" m:who="x"><c m:n="7"><d m:n="8">5</d><ll>a</ll><ll m:who="y">b</ll></c></any>`,
			`"any":{"@":{"m:who":"x"},"c":{"@":{"m:n":7},"d":5,"@d":{"m:n":8},"ll":["a","b"],"@ll":[null,{"m:who":"y"}]}}`, ""},
		{"anyxml, a text", `<ax>te&lt;xt</ax>`, `"ax":"te<xt"`, ""},
		{"anyxml, empty", `<ax/>`, `"ax":[null]`, ""},
		{"anyxml, a text with an annotation", `<ax xmlns:m="urn:m" m:n="7">text</ax>`, `"ax":"text","@ax":{"m:n":7}`, ""},
		{"anyxml, attributes", `<ax><q z="1" xmlns:u="urn:u" u:z="2"><r/></q></ax>`, `"ax":{"q":{"@":{"z":"1","urn:u:z":"2"},"r":[null]}}`,
			`<ax><q z="1" xmlns:ns0="urn:u" ns0:z="2"><r/></q></ax>`},
		{"anyxml, a language", `<ax><q xml:lang="de">x</q></ax>`, `"ax":{"q":"x","@q":{"http://www.w3.org/XML/1998/namespace:lang":"de"}}`, ""},
		{"anyxml, text between elements", `<ax>text<b/></ax>`, `"ax":"<ax xmlns=\"urn:m\">text<b/></ax>"`, ""},
		{"anydata, text", `<any>text</any>`, `"any":"<any xmlns=\"urn:m\">text</any>"`, ""},
	} {
		text := `<c` + inC + `>` + c.xml + `</c>`
		n, m, err := fromXML(t, s, text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		json := toJSON(t, s, n, m)
		if want := `{"m:c":{` + c.json + `}}`; json != want {
			t.Errorf("%s:\n%s\n%s", c.name, json, want)
			continue
		}
		again, m, err := fromJSON(s, json)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.back == "" {
			c.back = c.xml
		}
		got := strings.Replace(toXML(t, s, again, m), `<ax xmlns="urn:m">text<b`, `<ax>text<b`, 1)
		got = strings.Replace(got, `<any xmlns="urn:m">text`, `<any>text`, 1)
		if want := `<c` + inC + `>` + c.back + `</c>`; got != want {
			t.Errorf("%s: back\n%s\n%s", c.name, got, want)
		}
	}
}

// JSON that was not made of XML.
func TestAnyFromJSON(t *testing.T) {
	s := schema(t)
	for _, c := range []struct{ json, xml string }{
		{`"any":{"m:e":[{"k":"a","d":1.0e0},{}],"n":null,"t":true,"f":[false,2]}`,
			`<any><e><k>a</k><d>1.0e0</d></e><e/><n/><t>true</t><f>false</f><f>2</f></any>`},
		{`"any":{"ietf-origin:x":{"y":1}}`, `<any><x xmlns="urn:ietf:params:xml:ns:yang:ietf-origin"><y>1</y></x></any>`},
		{`"ax":12345678901234567890123456789`, `<ax>12345678901234567890123456789</ax>`},
		{`"ax":[null]`, `<ax/>`},
		{`"ax":null`, `<ax/>`},
		// What no element can be is text.
		{`"ax":[1,2]`, `<ax>[1,2]</ax>`},
		{`"ax":{"a b":1}`, `<ax>{"a b":1}</ax>`},
		{`"ax":{"a":[[1]]}`, `<ax>{"a":[[1]]}</ax>`},
		{`"ax":{"http://www.w3.org/2000/xmlns/:a":1}`, `<ax>{"http://www.w3.org/2000/xmlns/:a":1}</ax>`},
		{`"ax":{"@":{"xmlns":"urn:evil"}}`, `<ax>{"@":{"xmlns":"urn:evil"}}</ax>`},
		{`"ax":{"@a":{"b":1}}`, `<ax>{"@a":{"b":1}}</ax>`},
		{`"ax":"<ax xmlns='urn:m'><b></ax>"`, `<ax>&lt;ax xmlns='urn:m'&gt;&lt;b&gt;&lt;/ax&gt;</ax>`},
		{`"ax":"<ax xmlns='urn:z'/>"`, `<ax>&lt;ax xmlns='urn:z'/&gt;</ax>`},
		{`"ax":"<ax xmlns='urn:m'/><ax xmlns='urn:m'/>"`, `<ax>&lt;ax xmlns='urn:m'/&gt;&lt;ax xmlns='urn:m'/&gt;</ax>`},
	} {
		n, m, err := fromJSON(s, `{"m:c":{`+c.json+`}}`)
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		got := toXML(t, s, n, m)
		if want := `<c xmlns="urn:m">` + c.xml + `</c>`; got != want {
			t.Errorf("%s:\n%s\n%s", c.json, got, want)
		}
		if _, _, err := fromXML(t, s, got); err != nil {
			t.Errorf("%s: what was written is not read: %v\n%s", c.json, err, got)
		}
		if again := toJSON(t, s, n, m); again != `{"m:c":{`+c.json+`}}` {
			t.Errorf("%s: as JSON %s", c.json, again)
		}
	}
	for _, text := range []string{`"any":1`, `"any":[]`, `"any":"x"`, `"any":null`} {
		if n, _, err := fromJSON(s, `{"m:c":{`+text+`}}`); err == nil {
			t.Errorf("%s was read (RFC 7951, 5.5): %s", text, treetest.Dump(n))
		}
	}
}

// FuzzAny: whatever JSON is in an anyxml, what is written of it as XML is read, and
// XML that came that way is JSON again.
func FuzzAny(f *testing.F) {
	s := schema(f)
	for _, seed := range []string{`{"a":{"@":{"m:n":1},"b":[1,[null],{"c":null}],"@b":[{"z":""}]}}`, `"<ax xmlns='urn:m'>x<b/></ax>"`, `{"m:c":{"k":"m:one"}}`, `{":x":"","urn:b:c":{"d":true}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, m, err := fromJSON(s, `{"m:c":{"ax":`+text+`}}`)
		if err != nil {
			return
		}
		xml := toXML(t, s, n, m)
		again, m, err := fromXML(t, s, xml)
		if err != nil {
			t.Fatalf("%v\n%s", err, xml)
		}
		json := toJSON(t, s, again, m)
		third, m, err := fromJSON(s, json)
		if err != nil {
			t.Fatalf("%v\n%s", err, json)
		}
		if got := toJSON(t, s, third, m); got != json {
			t.Fatalf("%s\n%s", json, got)
		}
	})
}

// The form of a JSON value tells which type of a union it is of (RFC 7951, 6.10).
func TestUnionForms(t *testing.T) {
	s := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m;
		leaf s { type union { type uint8; type string; } }
		leaf n { type union { type uint8; type boolean; type empty; } }
		leaf e { type union { type uint8; type enumeration { enum auto; enum 300; } } } }`)
	for _, c := range []struct {
		json string
		ok   bool
	}{
		{`"m:s":5`, true}, {`"m:s":"5"`, true}, {`"m:s":300`, false}, {`"m:s":"300"`, true}, {`"m:s":true`, false}, {`"m:s":[null]`, false},
		{`"m:n":5`, true}, {`"m:n":"5"`, false}, {`"m:n":true`, true}, {`"m:n":"true"`, false}, {`"m:n":[null]`, true}, {`"m:n":""`, false},
		{`"m:e":"auto"`, true}, {`"m:e":300`, false}, {`"m:e":"300"`, true}, {`"m:e":"7"`, false},
	} {
		if _, _, err := fromJSON(s, "{"+c.json+"}"); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.json, err)
		}
	}
}
