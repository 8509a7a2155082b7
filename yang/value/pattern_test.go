// SPDX-License-Identifier: Apache-2.0

package value

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTranslatePattern(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{`abc`, []string{"abc"}, []string{"xabc", "abcx", "abc\n", ""}},
		{`a|bc`, []string{"a", "bc"}, []string{"ab", "abc", "ac"}},
		{``, []string{""}, []string{"a"}},
		{`a|`, []string{"", "a"}, []string{"b"}},
		{`^a$`, []string{"^a$"}, []string{"a"}},
		{`a^b$c`, []string{"a^b$c"}, []string{"abc"}},
		{`[^^]`, []string{"a", "$"}, []string{"^"}},
		{`.`, []string{"a", "é", "\t"}, []string{"\n", "\r", ""}},
		{`\d+`, []string{"123", "٣", "५"}, []string{"a", "²", ""}},
		{`\D`, []string{"a"}, []string{"1", "٣"}},
		{`\w+`, []string{"aé1$+"}, []string{"a b", "a-b", "a.b", "_", "\u0378"}},
		{`\W`, []string{" ", "-", "\u0378", "\x01"}, []string{"a", "$"}},
		{`\s*`, []string{" \t\n\r"}, []string{"\u00a0", "\f", "\v"}},
		{`\i\c*`, []string{"a-b.c:1", "_x", ":", "é·"}, []string{"1a", "-a", "a b", "a/b"}},
		{`\I`, []string{"1", "-"}, []string{"a"}},
		{`\C`, []string{"/", " "}, []string{"-"}},
		{`\p{L}+`, []string{"aéЖ"}, []string{"1", "a1"}},
		{`\p{Lu}\P{Lu}`, []string{"Aa", "A1"}, []string{"aA", "AA"}},
		{`\p{Nd}+`, []string{"1٣"}, []string{"²"}},
		{`\p{Cn}`, []string{"\u0378"}, []string{"a"}},
		{`\p{IsBasicLatin}+`, []string{"abc~"}, []string{"é"}},
		{`\p{IsGreek}`, []string{"α"}, []string{"a"}},
		{`[\p{IsLatin-1Supplement}a]`, []string{"é", "a"}, []string{"b", "ā"}},
		{`\P{IsBasicLatin}`, []string{"é"}, []string{"a"}},
		{`[a-z-[aeiou]]+`, []string{"xyz"}, []string{"xay", "-", "["}},
		{`[^a-z-[0-9]]`, []string{"A", "-"}, []string{"a", "5"}},
		{`[a-z-[b-y-[m]]]+`, []string{"amz"}, []string{"n"}},
		{`[\d-[5]]`, []string{"4"}, []string{"5"}},
		{`[\w-[\d_]]`, []string{"a"}, []string{"1"}},
		{`[-a]`, []string{"-", "a"}, []string{"b"}},
		{`[a-]`, []string{"-", "a"}, []string{"b"}},
		{`[a\-z]`, []string{"-", "a", "z"}, []string{"b"}},
		{`[\d-x]`, []string{"-", "1", "x"}, []string{"y"}},
		{`[+--]`, []string{"+", ",", "-"}, []string{"."}},
		{`[\]\[\\]`, []string{"]", "[", "\\"}, []string{"x"}},
		{`[[a]`, []string{"[", "a"}, []string{"b"}},
		{`[.*+?()|{}$]+`, []string{".*+?()|{}$"}, []string{"a"}},
		{`a{2}`, []string{"aa"}, []string{"a", "aaa"}},
		{`a{2,}`, []string{"aa", "aaaa"}, []string{"a"}},
		{`a{0,2}b{0}`, []string{"", "a", "aa"}, []string{"aaa", "b"}},
		{`a{1}`, []string{"a"}, []string{"aa"}},
		{`(a{2}){3}`, []string{"aaaaaa"}, []string{"aaaaa", "aaaaaaa"}},
		{`(ab)?c`, []string{"c", "abc"}, []string{"ac", "abab"}},
		{`}`, []string{"}"}, nil},
		{`\$\/\"\@`, []string{`$/"@`}, nil},
		{`\.\\\?\*\+\(\)\{\}\-\[\]\^\|`, []string{`.\?*+()` + `{}-[]^|`}, nil},
		{`\n\r\t`, []string{"\n\r\t"}, nil},
		{`(((a)))`, []string{"a"}, []string{"aa"}},
		{`é+`, []string{"éé"}, []string{"e"}},
		{`\P{L}`, []string{"1"}, []string{"a"}},
		{`[^\s\S]`, nil, []string{"a", ""}},
	}
	for _, tt := range tests {
		re, err := TranslatePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		for _, s := range tt.yes {
			if !re.MatchString(s) {
				t.Errorf("%q does not match %q (%v)", tt.pattern, s, re)
			}
		}
		for _, s := range tt.no {
			if re.MatchString(s) {
				t.Errorf("%q matches %q", tt.pattern, s)
			}
		}
	}
}

func TestTranslatePatternRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`(`:                               "not closed",
		`)`:                               "has no (",
		`a)`:                              "has no (",
		`[`:                               "not closed",
		`[]`:                              "empty",
		`[^]`:                             "empty",
		`]`:                               "stands alone",
		`*a`:                              "nothing before",
		`a**`:                             "second quantifier",
		`a+?`:                             "second quantifier",
		`a{`:                              "not closed",
		`a{x}`:                            "not a count",
		`a{,3}`:                           "not a count",
		`a{-1}`:                           "not a count",
		`a{3,2}`:                          "goes down",
		`a{70000}`:                        "more than",
		`\`:                               "backslash",
		`\b`:                              "no escape",
		`\1`:                              "no escape",
		`\pL`:                             "needs a name",
		`\p{Foo}`:                         "no category",
		`\p{IsNowhere}`:                   "no category",
		`\p{Latin}`:                       "no category",
		`[z-a]`:                           "goes down",
		`[a-\d]`:                          "ends in a class",
		`[a-[b]c]`:                        "must end",
		`(a{1000}){1000}`:                 "states",
		`((a{100}){100}){100}`:            "states",
		strings.Repeat("(", 300):          "nested",
		strings.Repeat("[a-", 300):        "nested",
		strings.Repeat("a", maxPattern+1): "bytes",
		"\xff":                            "UTF-8",
	} {
		_, err := TranslatePattern(pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", pattern, err, want)
		}
	}
}

func TestTranslatePatternCounts(t *testing.T) {
	for _, tt := range []struct {
		pattern  string
		min, max int
	}{
		{`a{1500}`, 1500, 1500},
		{`a{3,2500}`, 3, 2500},
		{`a{1001,}`, 1001, 5000},
		{`(a{100}){25}`, 2500, 2500},
		{`(a{10,100}){20}`, 200, 2000},
		{`a{0,6000}`, 0, 6000},
	} {
		re, err := TranslatePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range map[int]bool{tt.min - 1: false, tt.min: true, tt.max: true, tt.max + 1: tt.pattern == `a{1001,}`} {
			if n >= 0 && re.MatchString(strings.Repeat("a", n)) != want {
				t.Errorf("%s on %d: want %t", tt.pattern, n, want)
			}
		}
	}
}

// Patterns of ietf-inet-types and ietf-yang-types (RFC 9911 and before).
func TestTranslatePatternOfStandardTypes(t *testing.T) {
	const (
		ipv4   = `(([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])\.){3}([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])(%[\p{N}\p{L}]+)?`
		ipv6a  = `((:|[0-9a-fA-F]{0,4}):)([0-9a-fA-F]{0,4}:){0,5}((([0-9a-fA-F]{0,4}:)?(:|[0-9a-fA-F]{0,4}))|(((25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])))(%[\p{N}\p{L}]+)?`
		domain = `((([a-zA-Z0-9_]([a-zA-Z0-9\-_]){0,61})?[a-zA-Z0-9]\.)*([a-zA-Z0-9_]([a-zA-Z0-9\-_]){0,61})?[a-zA-Z0-9]\.?)|\.`
		date   = `\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[\+\-]\d{2}:\d{2})`
		mac    = `[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}`
		oid    = `(([0-1](\.[1-3]?[0-9]))|(2\.(0|([1-9]\d*))))(\.(0|([1-9]\d*)))*`
		notXML = `[^xX].*|.[^mM].*|..[^lL].*|.{0,2}`
	)
	for _, tt := range []struct {
		pattern, value string
		want           bool
	}{
		{ipv4, "192.0.2.1", true}, {ipv4, "192.0.2.256", false}, {ipv4, "192.0.2.1%eth0", true}, {ipv4, "1.2.3", false},
		{ipv4, "192.0.2.1%", false}, {ipv4, "0192.0.2.1", false},
		{ipv6a, "2001:db8::1", true}, {ipv6a, "::", true}, {ipv6a, "::ffff:192.0.2.1", true}, {ipv6a, "fe80::1%eth0", true}, {ipv6a, "abc", false},
		{domain, "example.com", true}, {domain, ".", true}, {domain, "-a.com", false}, {domain, strings.Repeat("a", 63) + ".com", true},
		{domain, strings.Repeat("a", 64) + ".com", false},
		{date, "2024-02-29T12:00:00Z", true}, {date, "2024-02-29T12:00:00.25+02:00", true}, {date, "2024-02-29 12:00:00Z", false},
		{mac, "00:11:22:aa:BB:ff", true}, {mac, "00:11:22:aa:BB", false},
		{oid, "1.3.6.1.2.1", true}, {oid, "3.1", false}, {oid, "1.40", false},
		{notXML, "xmlfoo", false}, {notXML, "XMLx", false}, {notXML, "xm", true}, {notXML, "foo", true},
	} {
		re, err := TranslatePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if re.MatchString(tt.value) != tt.want {
			t.Errorf("%q on %q: want %t", tt.pattern, tt.value, tt.want)
		}
	}
}

func FuzzTranslatePattern(f *testing.F) {
	for _, s := range []string{`[a-z-[aeiou]]+`, `\p{IsGreek}{2,3}`, `(a|b)*\i\c{0,1500}`, `^$`, `[^\S-[x]]`, `((a{9}){9}){9}`} {
		f.Add(s, "abc")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		start := time.Now()
		re, err := TranslatePattern(pattern)
		if err != nil {
			if re != nil || !strings.HasPrefix(err.Error(), "cannot use") {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(text) < 1000 {
			re.MatchString(text)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Fatalf("took %v", d)
		}
		// A literal pattern matches itself and nothing else.
		if regexp.QuoteMeta(pattern) == pattern && !strings.ContainsAny(pattern, `{}`) &&
			!re.MatchString(pattern) {
			t.Fatalf("%q does not match itself", pattern)
		}
	})
}

func BenchmarkTranslatePattern(b *testing.B) {
	for b.Loop() {
		if _, err := TranslatePattern(`\i[\p{N}\p{L}]+(%[a-z-[aeiou]]{2})?`); err != nil {
			b.Fatal(err)
		}
	}
}
