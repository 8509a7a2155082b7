// SPDX-License-Identifier: Apache-2.0

package textenc

import (
	"unicode"
	"unicode/utf8"
)

// Quote is a value as one word of the CLI: as it is, or in double quotes with
// escapes: \" \\ \n \r \t, \u{HEX} for a character that does not print, \xHH for
// a byte that is no UTF-8.
func Quote(value string) string { return string(AppendQuoted(nil, value)) }

// AppendQuoted appends Quote(value) to b.
func AppendQuoted(b []byte, value string) []byte {
	if bare(value) {
		return append(b, value...)
	}
	b = append(b, '"')
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == utf8.RuneError && size == 1:
			b = append(b, '\\', 'x', hexDigits[value[i]>>4], hexDigits[value[i]&15])
		case !unicode.IsPrint(r):
			b = append(b, `\u{`...)
			b = appendHex(b, uint32(r))
			b = append(b, '}')
		default:
			b = append(b, value[i:i+size]...)
		}
		i += size
	}
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

func appendHex(b []byte, v uint32) []byte {
	if v >= 16 {
		b = appendHex(b, v>>4)
	}
	return append(b, hexDigits[v&15])
}

// bare reports whether the value is a word without quotes.
func bare(value string) bool {
	if value == "" || value[0] == '#' {
		return false
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c >= utf8.RuneSelf {
			return bareRunes(value[i:])
		}
		if !bareByte(c) {
			return false
		}
	}
	return true
}

func bareByte(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '"', '\\', '{', '}', '[', ']', ';', '|', '?':
		return false
	}
	return true
}

func bareRunes(value string) bool {
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) || r < utf8.RuneSelf && !bareByte(byte(r)) {
			return false
		}
		i += size
	}
	return true
}
