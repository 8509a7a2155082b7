// SPDX-License-Identifier: Apache-2.0

package value

import (
	"math"
	"strconv"
	"strings"

	"nso.example/nso/yang"
)

// magnitude reads the digits of an integer without its sign. Leading zeros are
// decimal in data; in schema text 0 and 0x begin octal and hexadecimal numbers
// (RFC 7950, 9.2.1). big means that it is a number that no type can hold.
func magnitude(s string, schema bool) (n uint64, big, ok bool) {
	base := uint64(10)
	if schema && len(s) > 1 && s[0] == '0' {
		if s[1] == 'x' || s[1] == 'X' {
			base, s = 16, s[2:]
		} else {
			base, s = 8, s[1:]
		}
	}
	if s == "" {
		return 0, false, false
	}
	for i := 0; i < len(s); i++ {
		d := uint64(99)
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c >= 'a' && c <= 'f':
			d = uint64(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = uint64(c-'A') + 10
		}
		if d >= base {
			return 0, false, false
		}
		if n > (math.MaxUint64-d)/base {
			big = true
		}
		n = n*base + d
	}
	return n, big, true
}

func sign(s string) (bool, string) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[0] == '-', s[1:]
	}
	return false, s
}

// canonicalInt reports whether s is already the shortest decimal form, so that
// no new string need be made.
func canonicalInt(s string, n uint64) bool {
	return s[0] >= '1' && s[0] <= '9' || (n == 0 && len(s) == 1)
}

func (p *parser) signed(t *yang.Type, text string) (string, bool) {
	neg, digits := sign(text)
	n, big, ok := magnitude(digits, p.schema)
	if !ok {
		return "", p.fail(text, "it is a whole number %s", rangeText(t))
	}
	var v int64
	switch {
	case big, neg && n > 1<<63, !neg && n > math.MaxInt64:
		return "", p.broken(t.RangeError, text, "not in the range %s", rangeText(t))
	case neg:
		v = -int64(n)
	default:
		v = int64(n)
	}
	if min, max := t.Base.Signed(); v < min || v > max || !inSigned(t.Ranges, v) {
		return "", p.broken(t.RangeError, text, "not in the range %s", rangeText(t))
	}
	if !neg && canonicalInt(text, n) {
		return text, true
	}
	return strconv.FormatInt(v, 10), true
}

func inSigned(r []yang.Range, v int64) bool {
	for i := range r {
		if v >= r[i].Min && v <= r[i].Max {
			return true
		}
	}
	return len(r) == 0
}

func (p *parser) unsigned(t *yang.Type, text string) (string, bool) {
	neg, digits := sign(text)
	n, big, ok := magnitude(digits, p.schema)
	if !ok {
		return "", p.fail(text, "it is a whole number %s", rangeText(t))
	}
	in := len(t.Ranges) == 0
	for i := range t.Ranges {
		if n >= t.Ranges[i].UMin && n <= t.Ranges[i].UMax {
			in = true
		}
	}
	if big || neg && n != 0 || n > t.Base.Unsigned() || !in {
		return "", p.broken(t.RangeError, text, "not in the range %s", rangeText(t))
	}
	if canonicalInt(text, n) {
		return text, true
	}
	return strconv.FormatUint(n, 10), true
}

// decimal64 is RFC 7950, 9.3: an int64 scaled by 10^fraction-digits.
func (p *parser) decimal64(t *yang.Type, text string) (string, bool) {
	neg, s := sign(text)
	whole, frac, dot := strings.Cut(s, ".")
	if whole == "" || dot && frac == "" || !allDigits(whole) || !allDigits(frac) {
		return "", p.fail(text, "it is a decimal number %s", rangeText(t))
	}
	frac = strings.TrimRight(frac, "0")
	fd := int(t.FractionDigits)
	if len(frac) > fd {
		return "", p.fail(text, "it has at most %d digits after the point", fd)
	}
	whole = strings.TrimLeft(whole, "0")
	var n uint64
	fits := len(whole)+fd <= 19 // below 10^19, which a uint64 holds
	if fits {
		for i := 0; i < len(whole); i++ {
			n = n*10 + uint64(whole[i]-'0')
		}
		for i := 0; i < fd; i++ {
			n *= 10
			if i < len(frac) {
				n += uint64(frac[i] - '0')
			}
		}
	}
	if !fits || neg && n > 1<<63 || !neg && n > math.MaxInt64 {
		return "", p.broken(t.RangeError, text, "not in the range %s", rangeText(t))
	}
	v := int64(n)
	if neg {
		v = -int64(n)
	}
	if !inSigned(t.Ranges, v) {
		return "", p.broken(t.RangeError, text, "not in the range %s", rangeText(t))
	}
	c := FormatDecimal64(v, t.FractionDigits)
	if c == text {
		return text, true
	}
	return c, true
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// FormatDecimal64 is the canonical form of v / 10^digits (RFC 7950, 9.3.2): at
// least one digit on either side of the point and no other zeros at the ends.
func FormatDecimal64(v int64, digits uint8) string {
	n, neg := uint64(v), v < 0
	if neg {
		n = -n
	}
	s := strconv.FormatUint(n, 10)
	fd := int(digits)
	if len(s) <= fd {
		s = strings.Repeat("0", fd-len(s)+1) + s
	}
	whole, frac := s[:len(s)-fd], strings.TrimRight(s[len(s)-fd:], "0")
	if frac == "" {
		frac = "0"
	}
	if neg {
		whole = "-" + whole
	}
	return whole + "." + frac
}

// rangeText shows what a numeric type allows: 1..5 | 7 | 9..max.
func rangeText(t *yang.Type) string {
	var b strings.Builder
	part := func(min, max string) {
		if b.Len() > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(min)
		if min != max {
			b.WriteString("..")
			b.WriteString(max)
		}
	}
	switch t.Base {
	case yang.Uint8, yang.Uint16, yang.Uint32, yang.Uint64:
		limit := t.Base.Unsigned()
		for _, r := range t.Ranges {
			part(strconv.FormatUint(r.UMin, 10), strconv.FormatUint(r.UMax, 10))
		}
		if b.Len() == 0 {
			part("0", strconv.FormatUint(limit, 10))
		}
	case yang.Decimal64:
		for _, r := range t.Ranges {
			part(FormatDecimal64(r.Min, t.FractionDigits), FormatDecimal64(r.Max, t.FractionDigits))
		}
		if b.Len() == 0 {
			part(FormatDecimal64(math.MinInt64, t.FractionDigits), FormatDecimal64(math.MaxInt64, t.FractionDigits))
		}
	default:
		min, max := t.Base.Signed()
		for _, r := range t.Ranges {
			part(strconv.FormatInt(r.Min, 10), strconv.FormatInt(r.Max, 10))
		}
		if b.Len() == 0 {
			part(strconv.FormatInt(min, 10), strconv.FormatInt(max, 10))
		}
	}
	return b.String()
}
