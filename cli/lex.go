// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word of a line, with its place in bytes.
type word struct {
	text       string // what it means: without quotes and escapes
	start, end int
	quoted     bool
	open       bool // a quote that was not closed: it is being typed
}

// special reports whether w is one of the signs [ ] and |, not quoted.
func (w word) special(sign string) bool { return !w.quoted && w.text == sign }

// maxLine bounds one line in bytes.
const maxLine = 1 << 20

// split takes a line apart into words. Quotes begin and end a word; inside,
// \" \\ \n \r \t \xHH and \u{HEX} are escapes. An unquoted | is a word of its
// own wherever it stands. With partial, a quote may be left open at the end.
func split(line string, partial bool) ([]word, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("cannot read this line: it has more than %d bytes", maxLine)
	}
	var words []word
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '|':
			words = append(words, word{text: "|", start: i, end: i + 1})
			i++
		case c == '"':
			w, err := quotedWord(line, i, partial)
			if err != nil {
				return nil, err
			}
			words = append(words, w)
			i = w.end
		default:
			w, err := bareWord(line, i)
			if err != nil {
				return nil, err
			}
			words = append(words, w)
			i = w.end
		}
	}
	return words, nil
}

func bareWord(line string, i int) (word, error) {
	start := i
	for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '|' {
		if line[i] == '"' {
			return word{}, at(i, i+1, `cannot read a quote inside a word: put the whole word in quotes, and write \" for the sign itself`)
		}
		r, size := utf8.DecodeRuneInString(line[i:])
		if r == utf8.RuneError && size <= 1 || unicode.IsControl(r) {
			return word{}, at(i, i+1, "cannot read this character: write it in quotes, as \\xHH or \\u{HEX}")
		}
		i += size
	}
	return word{text: line[start:i], start: start, end: i}, nil
}

func quotedWord(line string, start int, partial bool) (word, error) {
	var b strings.Builder
	for i := start + 1; i < len(line); {
		switch c := line[i]; {
		case c == '"':
			if i++; i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '|' {
				return word{}, at(i, i+1, "cannot read on: a blank must follow the closing quote")
			}
			return word{text: b.String(), start: start, end: i, quoted: true}, nil
		case c == '\\':
			n, ok := unescape(&b, line[i:])
			if !ok {
				if partial && i+n >= len(line) {
					return word{text: b.String(), start: start, end: len(line), quoted: true, open: true}, nil
				}
				return word{}, at(i, min(i+2, len(line)), `cannot read this escape: expected \" \\ \n \r \t \xHH or \u{HEX}`)
			}
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	if partial {
		return word{text: b.String(), start: start, end: len(line), quoted: true, open: true}, nil
	}
	return word{}, at(start, start+1, "cannot find the end of this quote")
}

// unescape reads one escape at the beginning of s and returns its size; if it is
// none, how far it looks like one.
func unescape(b *strings.Builder, s string) (size int, ok bool) {
	if len(s) < 2 {
		return len(s), false
	}
	switch s[1] {
	case '"', '\\':
		b.WriteByte(s[1])
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'x':
		v, n := hex(s[2:], 2)
		if n != 2 {
			return 2 + n, false
		}
		b.WriteByte(byte(v))
		return 4, true
	case 'u':
		if len(s) < 3 || s[2] != '{' {
			return min(len(s), 2), false
		}
		v, n := hex(s[3:], 6)
		if n == 0 || 3+n >= len(s) || s[3+n] != '}' || !utf8.ValidRune(v) {
			return 3 + n, false
		}
		b.WriteRune(v)
		return 4 + n, true
	default:
		return 2, false
	}
	return 2, true
}

func hex(s string, most int) (v rune, n int) {
	for n < most && n < len(s) {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if d < 0 || s[n] < '0' {
			break
		}
		v = v<<4 | rune(d)
		n++
	}
	return v, n
}

// quote writes a value as one word that split reads back.
func quote(value string) string {
	if isBare(value) {
		return value
	}
	b := make([]byte, 0, len(value)+8)
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
		case r == utf8.RuneError && size <= 1:
			b = fmt.Appendf(b, `\x%02x`, value[i])
		case !unicode.IsPrint(r):
			b = fmt.Appendf(b, `\u{%x}`, r)
		default:
			b = append(b, value[i:i+size]...)
		}
		i += size
	}
	return string(append(b, '"'))
}

// isBare reports whether a value is a word without quotes.
func isBare(value string) bool {
	if value == "" || value[0] == '#' || strings.ContainsAny(value, "\"\\{}[];|? ") {
		return false
	}
	for i, r := range value {
		if r == utf8.RuneError && !strings.HasPrefix(value[i:], "\uFFFD") || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// printable is a text with what does not print escaped, line ends kept.
func printable(text string) string {
	clean := true
	for i, r := range text {
		if r != '\n' && !unicode.IsPrint(r) || r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\t':
			b.WriteByte(' ')
		case r != '\n' && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}
