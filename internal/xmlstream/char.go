// SPDX-License-Identifier: Apache-2.0

package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

// The classes of a byte. The tables are never written after they are made.
const (
	nameByte  = 1 << iota // may be in a name; bytes over 0x7f are looked at when a name is new
	textStop              // ends a plain run of text: < & CR, ]]> and forbidden characters
	valueStop             // ends a plain run of an attribute value
	writeText             // must be looked at in written text
	writeAttr             // must be looked at in a written attribute value
)

var class = classes()

func classes() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '_', c == '-', c == '.', c == ':':
			t[c] = nameByte
		case c >= 0x80:
			t[c] = nameByte | textStop | valueStop | writeText | writeAttr
		case c == '\t', c == '\n':
			t[c] = valueStop | writeAttr
		case c < ' ', c == '<', c == '&':
			t[c] = textStop | valueStop | writeText | writeAttr
		case c == '>':
			t[c] = textStop | writeText | writeAttr
		case c == '"':
			t[c] = valueStop | writeAttr
		case c == '\'':
			t[c] = valueStop
		}
	}
	return t
}

// stops looks at eight bytes at once.
func stops[T string | []byte](s T, stop uint8) uint8 {
	_ = s[7]
	return (class[s[0]] | class[s[1]] | class[s[2]] | class[s[3]] |
		class[s[4]] | class[s[5]] | class[s[6]] | class[s[7]]) & stop
}

// isSpace: XML 1.0, 2.3 [3].
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func blank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// isChar: XML 1.0, 2.2 [2]. Surrogates never come out of valid UTF-8.
func isChar(c rune) bool {
	if c < ' ' {
		return c == '\t' || c == '\n' || c == '\r'
	}
	return c <= 0xd7ff || c >= 0xe000 && c <= 0xfffd || c >= 0x10000 && c <= utf8.MaxRune
}

// isNameStart: XML 1.0, 2.3 [4] without the colon, which Namespaces takes away.
func isNameStart(c rune) bool {
	switch {
	case c < 0x80:
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
	case c < 0x300:
		return c >= 0xc0 && c != 0xd7 && c != 0xf7
	}
	return c >= 0x370 && c <= 0x1fff && c != 0x37e || c == 0x200c || c == 0x200d ||
		c >= 0x2070 && c <= 0x218f || c >= 0x2c00 && c <= 0x2fef || c >= 0x3001 && c <= 0xd7ff ||
		c >= 0xf900 && c <= 0xfdcf || c >= 0xfdf0 && c <= 0xfffd || c >= 0x10000 && c <= 0xeffff
}

// isNameChar: XML 1.0, 2.3 [4a] without the colon.
func isNameChar(c rune) bool {
	return isNameStart(c) || c == '-' || c == '.' || c >= '0' && c <= '9' || c == 0xb7 ||
		c >= 0x300 && c <= 0x36f || c == 0x203f || c == 0x2040
}

// isNCName: Namespaces in XML, 3 [4].
func isNCName(s string) bool {
	if s == "" {
		return false
	}
	for i, c := range s {
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if !isNameChar(c) || i == 0 && !isNameStart(c) {
			return false
		}
	}
	return true
}

// badChar finds the first character that XML 1.0, 2.2 forbids, or byte that is
// no UTF-8, and says which; -1 if there is none.
func badChar(b []byte) (int, string) {
	if utf8.Valid(b) && bytes.IndexByte(b, 0xef) < 0 {
		for i, c := range b {
			if c < ' ' && !isSpace(c) {
				return i, "a control character"
			}
		}
		return -1, ""
	}
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n == 1 {
			return i, "a byte that is not UTF-8"
		}
		if !isChar(c) {
			return i, "a character that XML forbids"
		}
		i += n
	}
	return -1, ""
}
