// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// scanner walks a JSON text (RFC 8259) once, checking syntax, UTF-8 and depth,
// without building anything.
type scanner struct {
	b     []byte
	i     int
	depth int // how much deeper it may go
}

// syntaxError says where a message stops being JSON.
type syntaxError struct {
	offset int
	what   string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("cannot read the message as JSON: %s at byte %d", e.what, e.offset)
}

func (s *scanner) fail(what string) error { return &syntaxError{s.i, what} }

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r': // RFC 8259, 2
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) unexpected(want string) error {
	if s.i >= len(s.b) {
		return s.fail("expected " + want + ", the text ends")
	}
	return s.fail("expected " + want)
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.peek(); s.i < len(s.b) {
		return s.fail("something follows the value")
	}
	return nil
}

// value skips one value.
func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.str()
		return err
	case c == '{':
		return s.object(func([]byte) error { return s.value() })
	case c == '[':
		return s.array(func(int) error { return s.value() })
	case c == '-' || isDigit(c):
		_, err := s.number()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.unexpected("a value")
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.unexpected(word)
	}
	s.i += len(word)
	return nil
}

// object calls member for each member, with the scanner standing before the
// value; member must consume the value.
func (s *scanner) object(member func(key []byte) error) error {
	if s.depth--; s.depth < 0 {
		return s.fail("too deep a nesting")
	}
	s.i++ // {
	if s.peek() == '}' {
		s.i++
		s.depth++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.unexpected("a name in quotes")
		}
		raw, err := s.str()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.unexpected("\":\"")
		}
		s.i++
		if err := member(unquote(raw)); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			s.depth++
			return nil
		default:
			return s.unexpected("\",\" or \"}\"")
		}
	}
}

// array calls element for each element, with the scanner standing before it.
func (s *scanner) array(element func(i int) error) error {
	if s.depth--; s.depth < 0 {
		return s.fail("too deep a nesting")
	}
	s.i++ // [
	if s.peek() == ']' {
		s.i++
		s.depth++
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			s.depth++
			return nil
		default:
			return s.unexpected("\",\" or \"]\"")
		}
	}
}

// str consumes a string and returns it with its quotes.
func (s *scanner) str() ([]byte, error) {
	start := s.i
	b := s.b
	i := s.i + 1
	for i < len(b) {
		if len(b)-i >= 8 && plain(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
			continue
		}
		c := b[i]
		switch {
		case c == '"':
			s.i = i + 1
			return b[start:s.i], nil
		case c == '\\':
			n, ok := escapeLen(b[i:])
			if !ok {
				s.i = i
				return nil, s.fail("a wrong escape in a string")
			}
			i += n
		case c < ' ': // RFC 8259, 7: control characters are escaped
			s.i = i
			return nil, s.fail("a control character in a string")
		case c < utf8.RuneSelf:
			i++
		default: // RFC 8259, 8.1: UTF-8
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				s.i = i
				return nil, s.fail("invalid UTF-8")
			}
			i += n
		}
	}
	s.i = i
	return nil, s.fail("a string that does not end")
}

// plain reports that none of the eight bytes in x is a quote, a backslash, a
// control character or outside ASCII. Where a byte is near one of these it may
// say no for its neighbour too, never yes.
func plain(x uint64) bool {
	const each = 0x0101010101010101
	return (x|(x-each*' ')|((x^each*'"')-each)|((x^each*'\\')-each))&(each*0x80) == 0
}

// escapeLen returns the length of the escape at the start of b. A surrogate
// counts only as a pair: alone it is no character.
func escapeLen(b []byte) (int, bool) {
	if len(b) < 2 {
		return 0, false
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, true
	case 'u':
		r, ok := hex4(b[2:])
		switch {
		case !ok || 0xDC00 <= r && r < 0xE000:
			return 0, false
		case 0xD800 <= r && r < 0xDC00:
			if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
				return 0, false
			}
			low, ok := hex4(b[8:])
			return 12, ok && 0xDC00 <= low && low < 0xE000
		}
		return 6, true
	}
	return 0, false
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case isDigit(c):
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unquote returns the text of a string that str has accepted; it copies only
// when there is an escape.
func unquote(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' {
			var out string
			if json.Unmarshal(raw, &out) != nil {
				return inner // cannot be: str has checked every escape
			}
			return []byte(out)
		}
	}
	return inner
}

// number consumes a number (RFC 8259, 6) and reports whether it is written as
// an integer.
func (s *scanner) number() (integer bool, err error) {
	digits := func() bool {
		start := s.i
		for s.i < len(s.b) && isDigit(s.b[s.i]) {
			s.i++
		}
		return s.i > start
	}
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if !digits() {
		return false, s.unexpected("a digit")
	}
	integer = true
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if integer = false; !digits() {
			return false, s.unexpected("a digit")
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if integer = false; !digits() {
			return false, s.unexpected("a digit")
		}
	}
	return integer, nil
}
