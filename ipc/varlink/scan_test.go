// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func scan(b []byte, depth int) error {
	s := scanner{b: b, depth: depth}
	if err := s.value(); err != nil {
		return err
	}
	return s.end()
}

func TestScanner(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"a":[1,-0.5e+7,true,false,null,"x\u00e9\n"],"":{}}`, ""},
		{` [ ] `, ""},
		{`"\ud83d\ude00"`, ""},
		{``, "expected a value, the text ends at byte 0"},
		{`{`, "expected a name in quotes, the text ends"},
		{`{"a"}`, `expected ":"`},
		{`{"a":1,}`, "expected a name in quotes"},
		{`[1,]`, "expected a value"},
		{`[1 2]`, `expected "," or "]"`},
		{`{} {}`, "something follows the value at byte 3"},
		{`01`, "something follows"},
		{`-`, "expected a digit"},
		{`1.`, "expected a digit"},
		{`1e`, "expected a digit"},
		{`tru`, "expected true"},
		{`"a`, "a string that does not end"},
		{"\"a\nb\"", "a control character"},
		{"\"\xff\"", "invalid UTF-8"},
		{"\"\xed\xa0\x80\"", "invalid UTF-8"},
		{`"\x"`, "a wrong escape"},
		{`"\ud800"`, "a wrong escape"},
		{`"\udc00"`, "a wrong escape"},
		{`"\ud800\u0041"`, "a wrong escape"},
		{`"\u12g4"`, "a wrong escape"},
		{strings.Repeat("[", 9), "too deep"},
		{strings.Repeat("[", 100000), "too deep"},
	} {
		err := scan([]byte(c.text), 8)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
}

// What the scanner takes, encoding/json takes; what it refuses and the other
// takes has a lone surrogate, bytes that are no UTF-8, or is too deep.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"\u00e9"]}`, `"\ud800"`, "\"\xff\"", `[[[[]]]]`, `1e5`, ` null `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := scan(b, 1000)
		valid := json.Valid(b)
		if err == nil && !valid {
			t.Fatalf("%q taken", b)
		}
		if err != nil && valid && utf8.Valid(b) && !bytes.Contains(bytes.ToLower(b), []byte(`\ud`)) &&
			!strings.Contains(err.Error(), "too deep") {
			t.Fatalf("%q refused: %v", b, err)
		}
	})
}

func TestFits(t *testing.T) {
	d, err := ParseIDL(`interface a.b
type Point (x: int, y: ?int)
error E (p: Point, e: ?(one, two), l: ?[]Point, m: ?[string]bool, o: ?object, f: ?float, s: ?string, b: ?bool, a: ?any, long_name: ?int)
`)
	if err != nil {
		t.Fatal(err)
	}
	e := d.Lookup(ErrorMember, "E").Body
	for _, c := range []struct{ text, want string }{
		{`{"p":{"x":1}}`, ""},
		{`{"p":{"y":null,"x":-9223372036854775808},"e":"two","l":[{"x":1}],"m":{"k":true},"o":{"z":[1]},"f":1.5,"s":"","b":false,"a":[1]}`, ""},
		{`{"s":"x","\u0070":{"x":1}}`, ""},
		{`{}`, "p: missing"},
		{`{"p":null}`, "p: null is not a struct"},
		{`{"p":{}}`, "p.x: missing"},
		{`{"p":{"x":1},"q":1}`, "q: unknown field"},
		{`{"p":{"x":1},"P":{"x":1}}`, "P: unknown field"},
		{`{"p":{"x":1},"p":{"x":1}}`, "p: there twice"},
		{`{"p":{"x":1.0}}`, "p.x: not a whole number"},
		{`{"p":{"x":9223372036854775808}}`, "p.x: not a whole number"},
		{`{"p":{"x":"1"}}`, "p.x: not a int"},
		{`{"p":{"x":1},"e":"three"}`, "e: not one of one, two"},
		{`{"p":{"x":1},"l":[{"x":1},{"x":true}]}`, "l[1].x: not a int"},
		{`{"p":{"x":1},"m":{"k":1}}`, `m["k"]: not a bool`},
		{`{"p":{"x":1},"o":[]}`, "o: not a object"},
		{`[]`, ": not a struct"},
	} {
		err := fits(e, []byte(c.text), 64)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestFitsManyFields(t *testing.T) {
	var idl, text strings.Builder
	idl.WriteString("interface a.b\nerror E (")
	text.WriteString("{")
	for i := range 100 {
		name := "f" + strings.Repeat("a", i+1)
		if i > 0 {
			idl.WriteString(", ")
			text.WriteString(", ")
		}
		idl.WriteString(name + ": int")
		text.WriteString(`"` + name + `": 1`)
	}
	d, err := ParseIDL(idl.String() + ")")
	if err != nil {
		t.Fatal(err)
	}
	e := d.Lookup(ErrorMember, "E").Body
	if err := fits(e, []byte(text.String()+"}"), 64); err != nil {
		t.Fatal(err)
	}
	if err := fits(e, []byte(text.String()+`, "fa": 1}`), 64); err == nil || err.Error() != "fa: there twice" {
		t.Fatal(err)
	}
	if err := fits(e, []byte(`{"fa": 1}`), 64); err == nil || err.Error() != "faa: missing" {
		t.Fatal(err)
	}
}

func TestRequestAndResponse(t *testing.T) {
	for _, want := range []Request{
		{Method: "a.b.C"},
		{Method: "a.b.C", Parameters: json.RawMessage(`{"x":"\u0000"}`), More: true},
		{Method: "a\"b\u00e9", Oneway: true, Upgrade: true},
	} {
		b := want.Append(nil)
		r, err := parseRequest(bytes.TrimSuffix(b, []byte{0}), 64)
		got := Request{string(r.method), r.parameters, r.oneway, r.more, r.upgrade}
		if err != nil || got.Method != want.Method || string(got.Parameters) != string(want.Parameters) ||
			got.Oneway != want.Oneway || got.More != want.More || got.Upgrade != want.Upgrade {
			t.Errorf("%+v: %+v %v", want, got, err)
		}
		if got := sniffMethod(b[:len(b)-2], 64); string(got) != want.Method {
			t.Errorf("sniffed %q, want %q", got, want.Method)
		}
	}
	for _, want := range []Response{
		{Parameters: json.RawMessage(`{}`)},
		{Parameters: json.RawMessage(`{"a":1}`), Continues: true},
		{Parameters: json.RawMessage(`{}`), Error: "a.b.C"},
	} {
		got, err := ParseResponse(bytes.TrimSuffix(want.Append(nil), []byte{0}))
		if err != nil || got.Error != want.Error || got.Continues != want.Continues || string(got.Parameters) != string(want.Parameters) {
			t.Errorf("%+v: %+v %v", want, got, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"x":1}`, `{"parameters":[]}`, `{"error":1}`, `{"continues":"yes"}`, `{} 1`} {
		if r, err := ParseResponse([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, r)
		}
	}
}
