// SPDX-License-Identifier: Apache-2.0

package value

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nso.example/nso/yang"
)

// string is RFC 7950, 9.4.
func (p *parser) string(t *yang.Type, text string) (string, bool) {
	n := uint64(0)
	ascii := true
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return "", p.fail(text, "it contains the control character U+%04X", c)
		}
	}
	if n = uint64(len(text)); !ascii {
		n = 0
		for i, r := range text {
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
					return "", p.fail(text, "it is not valid UTF-8")
				}
			}
			if !Character(r) {
				return "", p.fail(text, "it contains the character U+%04X", r)
			}
			n++
		}
	}
	if !inLength(t.Lengths, n) {
		return "", p.broken(t.LengthError, text, "its length is %d, not %s characters", n, lengthText(t))
	}
	for i, pat := range t.Patterns {
		if i == 0 && plainAddress(t, text) {
			break
		}
		if pat.Regexp != nil && pat.Regexp.MatchString(text) == pat.Invert {
			if pat.Invert {
				return "", p.broken(pat.Complaint, text, "it matches the pattern %s, which is not allowed", pat.Source)
			}
			return "", p.broken(pat.Complaint, text, "it does not match the pattern %s", pat.Source)
		}
	}
	if t.Named {
		return p.expression(text), true
	}
	if len(t.Patterns) > 0 && len(t.Typedefs) > 0 {
		return described(t, text), true
	}
	return text, true
}

// Character reports whether a string may hold r: no C0 control characters
// other than tab and line ends, no surrogates, no noncharacters (RFC 7950, 9.4
// and the "yang-char" of section 14).
func Character(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xD800 && r <= 0xDFFF, r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return false
	}
	return r <= utf8.MaxRune
}

func inLength(l []yang.Length, n uint64) bool {
	for i := range l {
		if n >= l[i].Min && n <= l[i].Max {
			return true
		}
	}
	return len(l) == 0
}

func lengthText(t *yang.Type) string {
	parts := make([]string, 0, len(t.Lengths))
	for _, l := range t.Lengths {
		s := strconv.FormatUint(l.Min, 10)
		switch {
		case l.Max == math.MaxUint64:
			s += "..max"
		case l.Max != l.Min:
			s += ".." + strconv.FormatUint(l.Max, 10)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " | ")
}

// enumeration is RFC 7950, 9.6.
func (p *parser) enumeration(t *yang.Type, text string) (string, bool) {
	if e, ok := t.Enum(text); ok {
		return e.Name, true
	}
	return "", p.fail(text, "it is %s", Describe(t))
}

// bits are names separated by white space, in any order; the canonical form
// has them by position, one space between (RFC 7950, 9.7.2).
func (p *parser) bits(t *yang.Type, text string) (string, bool) {
	var positions []uint32
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	for _, name := range names {
		b, ok := t.Bit(name)
		if !ok {
			return "", p.fail(text, "there is no bit %s, it is %s", quote(name), Describe(t))
		}
		if slices.Contains(positions, b.Position) {
			return "", p.fail(text, "the bit %q is there twice", name)
		}
		positions = append(positions, b.Position)
		if len(positions) > len(t.Bits) {
			break
		}
	}
	set := make(map[uint32]bool, len(positions))
	for _, n := range positions {
		set[n] = true
	}
	ordered := names[:0]
	for i := range t.Bits {
		if set[t.Bits[i].Position] {
			ordered = append(ordered, t.Bits[i].Name)
		}
	}
	return strings.Join(ordered, " "), true
}

// binary is base64; the canonical form has no white space (RFC 7950, 9.8.2).
func (p *parser) binary(t *yang.Type, text string) (string, bool) {
	text = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, text)
	n := base64.StdEncoding.DecodedLen(len(text))
	raw, err := base64.StdEncoding.AppendDecode(make([]byte, 0, n), []byte(text))
	if err != nil {
		return "", p.fail(text, "it is not base64")
	}
	if !inLength(t.Lengths, uint64(len(raw))) {
		return "", p.broken(t.LengthError, text, "its length is %d, not %s octets", len(raw), lengthText(t))
	}
	// The last sextet may carry bits that belong to no octet.
	return base64.StdEncoding.EncodeToString(raw), true
}

// Describe says in a few words what values a type has, for errors and help:
// 68..1500, "up" or "down", a string of 1..64 characters.
func Describe(t *yang.Type) string { return describe(t, 0) }

func describe(t *yang.Type, depth int) string {
	if depth > 8 {
		return t.Base.String()
	}
	switch t.Base {
	case yang.Boolean:
		return "true or false"
	case yang.Enumeration:
		names := make([]string, 0, len(t.Enums))
		for _, e := range t.Enums {
			names = append(names, e.Name)
		}
		return oneOf(names)
	case yang.Bits:
		names := make([]string, 0, len(t.Bits))
		for _, b := range t.Bits {
			names = append(names, b.Name)
		}
		return "any of " + oneOf(names)
	case yang.IdentityRef:
		if len(t.Bases) > 0 {
			return "an identity derived from " + t.Bases[0].String()
		}
	case yang.Leafref:
		if t.Target != nil && t.Target.Type != nil {
			return describe(t.Target.Type, depth+1)
		}
	case yang.Union:
		var parts []string
		for _, m := range t.Union {
			if s := describe(m, depth+1); !slices.Contains(parts, s) {
				parts = append(parts, s)
			}
		}
		return list(parts)
	case yang.String:
		name := "a string"
		if len(t.Typedefs) > 0 {
			name = "a value of type " + t.Typedefs[0]
		}
		if len(t.Lengths) > 0 {
			name += " of " + lengthText(t) + " characters"
		}
		return name
	case yang.Binary:
		return "base64"
	case yang.Empty:
		return "nothing"
	case yang.InstanceIdentifier:
		return "a path such as /module:node/list[key='value']"
	default:
		return rangeText(t)
	}
	return t.Base.String()
}

// oneOf lists at most a dozen names.
func oneOf(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", ... (" + strconv.Itoa(len(names)) + " in all)"
	}
	return list(names)
}

func list(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " or " + parts[len(parts)-1]
}
