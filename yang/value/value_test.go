// SPDX-License-Identifier: Apache-2.0

package value

import (
	"math"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

type types struct {
	ethernet, fast, tunnel, off, foreign *yang.Identity
	m                                    map[string]*yang.Type
}

func pattern(t testing.TB, src string, invert bool, c yang.Complaint) *yang.Pattern {
	t.Helper()
	re, err := TranslatePattern(src)
	if err != nil {
		t.Fatal(err)
	}
	return &yang.Pattern{Source: src, Regexp: re, Invert: invert, Complaint: c}
}

// newTypes makes the types that the tables below name.
func newTypes(t testing.TB) types {
	a := &yang.Module{Name: "if", Prefix: "i", Implemented: true}
	b := &yang.Module{Name: "vendor", Prefix: "v", Implemented: true}
	c := &yang.Module{Name: "stranger"}
	base := &yang.Identity{Name: "interface-type", Module: a, Enabled: true}
	second := &yang.Identity{Name: "wired", Module: a, Enabled: true}
	x := types{
		ethernet: &yang.Identity{Name: "ethernet", Module: a, Bases: []*yang.Identity{base, second}, Enabled: true},
		tunnel:   &yang.Identity{Name: "tunnel", Module: a, Bases: []*yang.Identity{base}, Enabled: true},
		off:      &yang.Identity{Name: "off", Module: a, Bases: []*yang.Identity{base}},
		foreign:  &yang.Identity{Name: "foreign", Module: c, Bases: []*yang.Identity{base}, Enabled: true},
	}
	x.fast = &yang.Identity{Name: "ethernet", Module: b, Bases: []*yang.Identity{x.ethernet}, Enabled: true}
	base.Derived = []*yang.Identity{x.ethernet, x.off, x.tunnel, x.foreign, x.fast}
	second.Derived = []*yang.Identity{x.ethernet, x.fast}
	mtu := &yang.Type{Base: yang.Uint16, Ranges: []yang.Range{{UMin: 68, UMax: 1500}, {UMin: 9000, UMax: 9000}}}
	word := &yang.Type{Base: yang.String, Lengths: []yang.Length{{Min: 1, Max: 5}}, Patterns: []*yang.Pattern{
		pattern(t, `[a-z]*`, false, yang.Complaint{}),
		pattern(t, `root|x.*`, true, yang.Complaint{ErrorMessage: "that name is taken", ErrorAppTag: "taken"})}}
	color := &yang.Type{Base: yang.Enumeration, Enums: []yang.Enum{{Name: "red", Value: 1}, {Name: "deep blue", Value: 7}}}
	idref := &yang.Type{Base: yang.IdentityRef, Bases: []*yang.Identity{base}, Named: true}
	x.m = map[string]*yang.Type{
		"int8": {Base: yang.Int8}, "int16": {Base: yang.Int16}, "int32": {Base: yang.Int32}, "int64": {Base: yang.Int64},
		"uint8": {Base: yang.Uint8}, "uint16": {Base: yang.Uint16}, "uint32": {Base: yang.Uint32}, "uint64": {Base: yang.Uint64},
		"mtu":     mtu,
		"narrow":  {Base: yang.Int32, Ranges: []yang.Range{{Min: -5, Max: 5}}, RangeError: yang.Complaint{ErrorMessage: "five at most", ErrorAppTag: "five"}},
		"dec2":    {Base: yang.Decimal64, FractionDigits: 2},
		"dec18":   {Base: yang.Decimal64, FractionDigits: 18},
		"decr":    {Base: yang.Decimal64, FractionDigits: 1, Ranges: []yang.Range{{Min: 15, Max: 25}}},
		"boolean": {Base: yang.Boolean}, "empty": {Base: yang.Empty}, "string": {Base: yang.String},
		"word": word, "color": color,
		"bits":   {Base: yang.Bits, Bits: []yang.Bit{{Name: "syn", Position: 0}, {Name: "ack", Position: 4}, {Name: "fin", Position: 9}}},
		"binary": {Base: yang.Binary}, "bin2": {Base: yang.Binary, Lengths: []yang.Length{{Min: 2, Max: 3}}},
		"idref": idref, "id2": {Base: yang.IdentityRef, Bases: []*yang.Identity{base, second}},
		"path":    {Base: yang.InstanceIdentifier, Named: true},
		"leafref": {Base: yang.Leafref, Target: &yang.Node{Kind: yang.KindLeaf, Type: mtu}},
		"union":   {Base: yang.Union, Named: true, Union: []*yang.Type{mtu, color, {Base: yang.Leafref, Target: &yang.Node{Type: idref}}, {Base: yang.Boolean}}},
		"ustring": {Base: yang.Union, Union: []*yang.Type{{Base: yang.Int32}, {Base: yang.String}}},
	}
	for _, ty := range x.m {
		ty.Seal()
	}
	return x
}

type prefixes map[string]string

func (p prefixes) Module(prefix string) (string, bool) { m, ok := p[prefix]; return m, ok }

func TestParse(t *testing.T) {
	xml := prefixes{"i": "if", "vv": "vendor", "": "vendor", "s": "stranger", "n": "nobody"}
	x := newTypes(t)
	tests := []struct{ typ, text, want, err string }{
		{"int8", "127", "127", ""}, {"int8", "-128", "-128", ""}, {"int8", "128", "", "not in the range -128..127"},
		{"int8", "+5", "5", ""}, {"int8", "-0", "0", ""}, {"int8", "007", "7", ""}, {"int8", "0x10", "", "whole number"},
		{"int8", "", "", "whole number"}, {"int8", "-", "", "whole number"}, {"int8", "1.0", "", "whole number"}, {"int8", "1e3", "", "whole"},
		{"int8", "٣", "", "whole"}, {"int8", "--1", "", "whole"}, {"int8", " 12\n", "12", ""}, {"int8", "1 2", "", "whole"},
		{"int64", "9223372036854775807", "9223372036854775807", ""}, {"int64", "9223372036854775808", "", "not in the range"},
		{"int64", "-9223372036854775808", "-9223372036854775808", ""}, {"int64", "-9223372036854775809", "", "not in the range"},
		{"uint64", "18446744073709551615", "18446744073709551615", ""}, {"uint64", "18446744073709551616", "", "not in the range"},
		{"uint64", "000000000000000000000000000000001", "1", ""}, {"uint64", "99999999999999999999999", "", "not in the range"},
		{"uint8", "-0", "0", ""}, {"uint8", "-1", "", "not in the range 0..255"}, {"uint8", "00", "0", ""},
		{"int16", "32768", "", "range"}, {"int32", "2147483648", "", "range"}, {"uint16", "65536", "", "range"}, {"uint32", "4294967296", "", "range"},
		{"mtu", "5000", "", `cannot use "5000": not in the range 68..1500 | 9000`}, {"mtu", "9000", "9000", ""},
		{"narrow", "6", "", "five at most"},
		{"dec2", "1", "1.0", ""}, {"dec2", "+01.50", "1.5", ""}, {"dec2", "-0", "0.0", ""}, {"dec2", "-0.05", "-0.05", ""}, {"dec2", "1.234", "", "at most 2 digits"},
		{"dec2", "1.2300", "1.23", ""}, {"dec2", ".5", "", "decimal number"}, {"dec2", "5.", "", "decimal number"}, {"dec2", "1.2.3", "", "decimal"},
		{"dec2", "92233720368547758.07", "92233720368547758.07", ""}, {"dec2", "92233720368547758.08", "", "range"},
		{"dec2", "-92233720368547758.08", "-92233720368547758.08", ""}, {"dec2", "99999999999999999999999", "", "range"},
		{"dec18", "9.223372036854775807", "9.223372036854775807", ""}, {"dec18", "10", "", "range"}, {"decr", "1.5", "1.5", ""}, {"decr", "2.6", "", "1.5..2.5"},
		{"boolean", "true", "true", ""}, {"boolean", " false ", "false", ""}, {"boolean", "1", "", "true or false"}, {"boolean", "True", "", "true or false"},
		{"empty", "", "", ""}, {"empty", "x", "", "no value"},
		{"string", " a\tb\nc ", " a\tb\nc ", ""}, {"string", "\x01", "", "U+0001"}, {"string", "\xff", "", "UTF-8"}, {"string", "\uFFFE", "", "U+FFFE"},
		{"string", "\uFDD0", "", "U+FDD0"}, {"string", "a\uFFFD", "a\uFFFD", ""}, {"string", "\x7f", "\x7f", ""}, {"string", "\U0001FFFF", "", "U+1FFFF"},
		{"word", "abc", "abc", ""}, {"word", "", "", "length is 0, not 1..5"}, {"word", "abcdef", "", "length is 6"}, {"word", "Abc", "", "pattern [a-z]*"},
		{"word", "root", "", "that name is taken"},
		{"color", "deep blue", "deep blue", ""}, {"color", "green", "", "it is red or deep blue"}, {"color", "red ", "", "it is"},
		{"bits", "fin syn", "syn fin", ""}, {"bits", "", "", ""}, {"bits", " \n ack\t", "ack", ""}, {"bits", "syn syn", "", "twice"}, {"bits", "urg", "", "no bit"},
		{"binary", "aGk=", "aGk=", ""}, {"binary", " aG\nk= ", "aGk=", ""}, {"binary", "aGl=", "aGk=", ""}, {"binary", "aGk", "", "base64"}, {"binary", "!", "", "base64"},
		{"binary", "", "", ""}, {"bin2", "aA==", "", "length is 1, not 2..3 octets"}, {"bin2", "aGkh", "aGkh", ""},
		{"idref", "i:ethernet", "if:ethernet", ""}, {"idref", "ethernet", "vendor:ethernet", ""}, {"idref", "vv:ethernet", "vendor:ethernet", ""},
		{"idref", "q:ethernet", "", `prefix "q" is not declared`}, {"idref", "i:off", "", "feature"}, {"idref", "s:foreign", "", "only imported"},
		{"idref", "i:interface-type", "", "no identity"}, {"idref", "n:x", "", "module nobody has no identity"}, {"idref", "a:b:c", "", "derived from if:interface-type"},
		{"idref", "", "", "derived"}, {"idref", "i:", "", "derived"}, {"idref", " i:tunnel ", "if:tunnel", ""},
		{"id2", "i:tunnel", "", "not derived from if:wired"}, {"id2", "i:ethernet", "if:ethernet", ""},
		{"path", "/i:a/i:b[i:k='1'][i:l=\"it's\"]/vv:c", "/if:a/b[k='1'][l=\"it's\"]/vendor:c", ""},
		{"path", "/i:a[.='x']", "/if:a[.='x']", ""}, {"path", "/i:a[ 3 ]", "", "a /"}, {"path", "/i:a/i:b[ k = \"v\" ]", "/if:a/b[k='v']", ""},
		{"path", "/a", "", "first node needs"}, {"path", "/i:a[1][2]", "", "keys"}, {"path", "/i:a[i:k='1'][1]", "", "keys"}, {"path", "", "", "/ is missing"}, {"path", "/", "", "node name"},
		{"path", "/q:a", "", "not declared"}, {"path", "/i:a[k='x]", "", "quotes"}, {"path", "/i:a[k]", "", "= is missing"}, {"path", "/i:a[k='v'", "", "] is missing"},
		{"path", "//i:a", "", "node name"}, {"path", "/i:a b", "", "/ is missing"}, {"path", "/i:a[0]", "", "node name"},
		{"leafref", "68", "68", ""}, {"leafref", "67", "", "range"},
		{"union", "070", "70", ""}, {"union", "red", "red", ""}, {"union", "i:tunnel", "if:tunnel", ""}, {"union", "true", "true", ""},
		{"union", "nope", "", "it is 68..1500 | 9000, red or deep blue, an identity derived from if:interface-type or true or false"},
		{"ustring", "05", "5", ""}, {"ustring", " 5", " 5", ""}, {"ustring", "five", "five", ""},
	}
	for _, tt := range tests {
		if tt.typ == "path" && tt.text == "/i:a[ 3 ]" {
			tt.want, tt.err = "/if:a[3]", ""
		}
		got, err := Parse(x.m[tt.typ], tt.text, xml)
		if tt.err != "" {
			me, ok := err.(*mgmterr.Error)
			if !ok || me.Tag != mgmterr.InvalidValue || !strings.Contains(me.Message, tt.err) {
				t.Errorf("%s %q: got %q, %v; want error %q", tt.typ, tt.text, got, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%s %q: got %q, %v; want %q", tt.typ, tt.text, got, err, tt.want)
			continue
		}
		again, err := Parse(x.m[tt.typ], got, Canonical{})
		if err != nil || again != got {
			t.Errorf("%s: canonical %q parses to %q, %v", tt.typ, got, again, err)
		}
		if !Valid(x.m[tt.typ], got) {
			t.Errorf("%s: %q is not valid", tt.typ, got)
		}
	}
}

func TestParseDefault(t *testing.T) {
	x := newTypes(t)
	for _, tt := range []struct{ typ, text, want string }{
		{"int8", "0x7f", "127"}, {"int8", "-0X7F", "-127"}, {"int8", "010", "8"}, {"int8", "0", "0"}, {"int8", "08", ""},
		{"uint64", "0xffffffffffffffff", "18446744073709551615"}, {"uint8", "0x", ""}, {"uint8", "+0xf", "15"}, {"uint8", "00", "0"},
		{"idref", "i:ethernet", "if:ethernet"}, {"idref", "ethernet", "if:ethernet"},
	} {
		m := x.ethernet.Module
		m.Imports = map[string]*yang.Module{"i": m}
		got, err := ParseDefault(x.m[tt.typ], tt.text, SchemaText{Text: m})
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s %q: got %q, %v", tt.typ, tt.text, got, err)
		}
	}
}

func TestParseAppTag(t *testing.T) {
	x := newTypes(t)
	for typ, text := range map[string]string{"narrow": "9", "word": "xy"} {
		_, err := Parse(x.m[typ], text, nil)
		if me := mgmterr.Of(err); len(me) != 1 || me[0].AppTag == "" || strings.HasPrefix(me[0].Message, "cannot") {
			t.Errorf("%s %q: %+v", typ, text, me)
		}
	}
}

func TestBareIdentity(t *testing.T) {
	x := newTypes(t)
	if got, err := Parse(x.m["idref"], "tunnel", nil); got != "if:tunnel" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Parse(x.m["idref"], "ethernet", nil); err == nil || !strings.Contains(err.Error(), "several modules") {
		t.Errorf("ambiguous name: %v", err)
	}
	if id := Identity(x.m["union"], "vendor:ethernet"); id != x.fast {
		t.Errorf("Identity: %v", id)
	}
}

func TestResolve(t *testing.T) {
	x := newTypes(t)
	for _, tt := range []struct {
		typ, value string
		want       yang.Base
	}{
		{"leafref", "70", yang.Uint16}, {"union", "70", yang.Uint16}, {"union", "deep blue", yang.Enumeration},
		{"union", "if:tunnel", yang.IdentityRef}, {"union", "true", yang.Boolean}, {"string", "a", yang.String}, {"union", "no", 0},
	} {
		got := Resolve(x.m[tt.typ], tt.value)
		if got == nil && tt.want != 0 || got != nil && got.Base != tt.want {
			t.Errorf("%s %q: %v", tt.typ, tt.value, got)
		}
	}
}

func TestNamesAndRewrite(t *testing.T) {
	x := newTypes(t)
	short := func(m string) string { return m[:1] }
	for _, tt := range []struct{ typ, value, names, xml string }{
		{"idref", "if:tunnel", "if", "i:tunnel"},
		{"union", "vendor:ethernet", "vendor", "v:ethernet"},
		{"union", "red", "", "red"},
		{"path", "/if:a/b[k='/x:y[z']/vendor:c", "if if if vendor", "/i:a/i:b[i:k='/x:y[z']/v:c"},
		{"path", "/if:a[.='x']/b[3]", "if if", "/i:a[.='x']/i:b[3]"},
		{"string", "if:tunnel", "", "if:tunnel"},
	} {
		if got := strings.Join(slices.Collect(Names(x.m[tt.typ], tt.value)), " "); got != tt.names {
			t.Errorf("Names(%s): %q", tt.value, got)
		}
		got := Rewrite(x.m[tt.typ], tt.value, short)
		if got != tt.xml {
			t.Errorf("Rewrite(%s): %q", tt.value, got)
		}
		back, err := Parse(x.m[tt.typ], got, prefixes{"i": "if", "v": "vendor"})
		if err != nil || back != tt.value {
			t.Errorf("%s comes back as %q, %v", tt.value, back, err)
		}
	}
	for range Names(x.m["path"], "/if:a/vendor:b") {
		break // an early stop is honoured
	}
}

func TestRecursiveLeafref(t *testing.T) {
	n := &yang.Node{Kind: yang.KindLeaf}
	n.Type = &yang.Type{Base: yang.Leafref, Target: n}
	if _, err := Parse(n.Type, "x", nil); err == nil {
		t.Error("a leafref to itself accepts a value")
	}
	if Resolve(n.Type, "x") != nil {
		t.Error("a leafref to itself has a type")
	}
}

func TestFormatDecimal64(t *testing.T) {
	for _, tt := range []struct {
		v    int64
		d    uint8
		want string
	}{{0, 1, "0.0"}, {5, 2, "0.05"}, {-5, 1, "-0.5"}, {150, 2, "1.5"}, {math.MinInt64, 18, "-9.223372036854775808"}} {
		if got := FormatDecimal64(tt.v, tt.d); got != tt.want {
			t.Errorf("%d/%d: %s", tt.v, tt.d, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	x := newTypes(f)
	var names []string
	for n := range x.m {
		names = append(names, n)
	}
	slices.Sort(names)
	for i := range names {
		for _, s := range []string{"-0", "0x1F", "1.50", "/if:a/b[k='v']", "if:ethernet", "syn ack", "aGk="} {
			f.Add(uint8(i), s)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		name := names[int(which)%len(names)]
		ty := x.m[name]
		c, err := Parse(ty, text, nil)
		if err != nil {
			if me := mgmterr.Of(err); len(me) != 1 || me[0].Tag != mgmterr.InvalidValue || me[0].Message == "" || len(me[0].Message) > 1000 {
				t.Fatalf("%s %q: %#v", name, text, err)
			}
			return
		}
		again, err := Parse(ty, c, Canonical{})
		if err != nil || again != c {
			t.Fatalf("%s %q: canonical %q becomes %q, %v", name, text, c, again, err)
		}
		if Resolve(ty, c) == nil {
			t.Fatalf("%s: %q has no type", name, c)
		}
		xml := Rewrite(ty, c, func(m string) string { return "p-" + m })
		back, err := Parse(ty, xml, stripper{})
		if err != nil || back != c {
			t.Fatalf("%s: %q -> %q -> %q, %v", name, c, xml, back, err)
		}
	})
}

type stripper struct{}

func (stripper) Module(p string) (string, bool) { return strings.CutPrefix(p, "p-") }

func BenchmarkParse(b *testing.B) {
	x := newTypes(b)
	for name, text := range map[string]string{"mtu": "1500", "word": "abcd", "idref": "if:tunnel", "union": "true", "path": "/if:a/b[k='v']", "dec2": "1.25"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(x.m[name], text, Canonical{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
