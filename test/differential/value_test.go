// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// samples are values of types whose patterns a generator meets by chance only.
var samples = [...]string{"192.0.2.1", "2001:db8::1", "::", "192.0.2.0/24", "2001:db8::/32", "198.51.100.7%eth0", "fe80::1%1", "example.com", "a", "eth0",
	"2024-02-29T12:00:00Z", "2024-01-01T00:00:00.5+02:00", "00:11:22:aa:bb:cc", "1.2.3", "1.3.6.1", "*", "read", "read create", "$0$secret",
	"urn:x:y", "/", "Europe/Berlin", "0", "1", "10", "255", "true", "", "abc", "ietf-interfaces", "x y", "65535", "00:00:00:00:00:01"}

// canonical is a random canonical value of s; ok is false if none was found.
func canonical(r *rand.Rand, s *yang.Node) (string, bool) {
	for range 20 {
		if descriptive(s.Type) {
			return "", false
		}
		text, ok := random(r, s.Type, 0)
		if !ok {
			continue
		}
		if v, err := value.Parse(s.Type, text, value.Canonical{Default: s.Module.Name}); err == nil {
			return v, true
		}
	}
	return "", false
}

// descriptive reports whether a value must be what only a description says: a
// string to YANG, and more to yanglint. See known.
func descriptive(t *yang.Type) bool {
	return slices.ContainsFunc(t.Typedefs, func(d string) bool {
		return d == "ietf-netconf-acm:node-instance-identifier" || d == "ietf-yang-types:xpath1.0"
	})
}

// address reports whether a type has a canonical form that no statement says.
func address(t *yang.Type) bool {
	return slices.ContainsFunc(t.Typedefs, func(d string) bool { return strings.HasPrefix(d, "ietf-inet-types:ip") })
}

// random is a text that is likely to be a value of t.
func random(r *rand.Rand, t *yang.Type, depth int) (string, bool) {
	if depth > 8 {
		return "", false
	}
	switch t.Base {
	case yang.Int8, yang.Int16, yang.Int32, yang.Int64, yang.Decimal64:
		return signed(r, t), true
	case yang.Uint8, yang.Uint16, yang.Uint32, yang.Uint64:
		bits := map[yang.Base]int{yang.Uint8: 8, yang.Uint16: 16, yang.Uint32: 32, yang.Uint64: 64}[t.Base]
		low, high := uint64(0), uint64(math.MaxUint64)>>(64-bits)
		if len(t.Ranges) > 0 {
			p := t.Ranges[r.IntN(len(t.Ranges))]
			low, high = p.UMin, p.UMax
		}
		switch r.IntN(4) {
		case 0:
			return strconv.FormatUint(low, 10), true
		case 1:
			return strconv.FormatUint(high, 10), true
		}
		return strconv.FormatUint(low+r.Uint64N(min(high-low, 20)+1), 10), true
	case yang.Boolean:
		return strconv.FormatBool(r.IntN(2) == 0), true
	case yang.Empty:
		return "", true
	case yang.Enumeration:
		return t.Enums[r.IntN(len(t.Enums))].Name, true
	case yang.Bits:
		var out []string
		for _, b := range t.Bits {
			if r.IntN(2) == 0 {
				out = append(out, b.Name)
			}
		}
		return strings.Join(out, " "), true
	case yang.Binary:
		b := make([]byte, length(r, t))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return base64.StdEncoding.EncodeToString(b), true
	case yang.IdentityRef:
		if len(t.Bases) == 0 || len(t.Bases[0].Derived) == 0 {
			return "", false
		}
		return t.Bases[0].Derived[r.IntN(len(t.Bases[0].Derived))].String(), true
	case yang.Leafref:
		return random(r, t.Target.Type, depth+1)
	case yang.Union:
		return random(r, t.Union[r.IntN(len(t.Union))], depth+1)
	case yang.String:
		return text(r, t), true
	}
	return "", false // an instance-identifier needs instances
}

// signed is an integer, or a decimal64 scaled.
func signed(r *rand.Rand, t *yang.Type) string {
	bits := map[yang.Base]int{yang.Int8: 8, yang.Int16: 16, yang.Int32: 32, yang.Int64: 64, yang.Decimal64: 64}[t.Base]
	low, high := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	if len(t.Ranges) > 0 {
		p := t.Ranges[r.IntN(len(t.Ranges))]
		low, high = p.Min, p.Max
	}
	var v int64
	switch r.IntN(4) {
	case 0:
		v = low
	case 1:
		v = high
	default:
		from := low
		if low < -10 && high > 10 {
			from = -10
		}
		v = from + int64(r.Uint64N(min(uint64(high)-uint64(from), 20)+1))
	}
	if t.Base != yang.Decimal64 {
		return strconv.FormatInt(v, 10)
	}
	sign := ""
	digits := strconv.FormatInt(v, 10)
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	f := int(t.FractionDigits)
	digits = strings.Repeat("0", max(0, f+1-len(digits))) + digits
	return sign + digits[:len(digits)-f] + "." + digits[len(digits)-f:]
}

func length(r *rand.Rand, t *yang.Type) int {
	if len(t.Lengths) == 0 {
		return r.IntN(6)
	}
	l := t.Lengths[r.IntN(len(t.Lengths))]
	return int(l.Min + r.Uint64N(min(l.Max-l.Min, 8)+1))
}

func text(r *rand.Rand, t *yang.Type) string {
	for range 10 {
		v := ""
		switch k := r.IntN(4); {
		case len(t.Patterns) == 0 && k > 0:
			for range length(r, t) {
				v += string([]rune("abc xyz019-_.é<&'\"")[r.IntN(18)])
			}
		case len(t.Patterns) > 0 && k > 1 && !address(t):
			if p := t.Patterns[r.IntN(len(t.Patterns))]; !p.Invert {
				v = match(r, p.Regexp.String())
			}
		default:
			v = samples[r.IntN(len(samples))]
		}
		if value.Valid(t, v) {
			return v
		}
	}
	return samples[r.IntN(len(samples))]
}

// match is a text that a regular expression matches.
func match(r *rand.Rand, pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	write(r, &b, re.Simplify())
	return b.String()
}

func write(r *rand.Rand, b *strings.Builder, re *syntax.Regexp) {
	if b.Len() > 200 {
		return
	}
	times := 0
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
		return
	case syntax.OpCharClass:
		i := 2 * r.IntN(len(re.Rune)/2)
		if re.Rune[0] < 128 && r.IntN(8) > 0 {
			for re.Rune[i] >= 128 {
				i -= 2
			}
		}
		c := re.Rune[i] + r.Int32N(min(re.Rune[i+1]-re.Rune[i], 60)+1)
		if c < ' ' || c > 0xd7ff || !utf8.ValidRune(c) {
			c = 'a'
		}
		b.WriteRune(c)
		return
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("ab1."[r.IntN(4)])
		return
	case syntax.OpAlternate:
		write(r, b, re.Sub[r.IntN(len(re.Sub))])
		return
	case syntax.OpStar:
		times = r.IntN(4)
	case syntax.OpPlus:
		times = 1 + r.IntN(3)
	case syntax.OpQuest:
		times = r.IntN(2)
	default: // captures, concatenations; nothing for what matches no text
		times = 1
	}
	for range times {
		for _, sub := range re.Sub {
			write(r, b, sub)
		}
	}
}
