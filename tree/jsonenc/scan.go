// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"nso.example/nso/mgmterr"
)

// scanner reads JSON (RFC 8259) in memory.
type scanner struct {
	text    []byte
	pos     int
	scratch []byte // a string with escapes, unescaped
	counted int    // bytes that lines and runes are of
	lines   int    // ends of lines
	runes   int    // characters since the last of them
}

const maxDepth = 256

// where is the line and column of a byte, from 1. Calls that go forward cost what
// lies between them.
func (s *scanner) where(at int) (line, column int) {
	at = min(at, len(s.text))
	if at < s.counted {
		s.counted, s.lines, s.runes = 0, 0, 0
	}
	b := s.text[s.counted:at]
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		s.lines, s.runes = s.lines+n, 0
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	s.runes += utf8.RuneCount(b)
	s.counted = at
	return 1 + s.lines, 1 + s.runes
}

// SyntaxError is a text that is no JSON, and where.
type SyntaxError struct {
	Line, Column int
	Why          string
	cause        *mgmterr.Error
}

func (e *SyntaxError) Error() string { return e.cause.Error() }

// Unwrap gives the error as a client is to be told it.
func (e *SyntaxError) Unwrap() error { return e.cause }

func (s *scanner) fail(why string) error {
	line, column := s.where(s.pos)
	return &SyntaxError{line, column, why, mgmterr.New(mgmterr.MalformedMessage, "", "cannot read JSON at line %d, column %d: %s", line, column, why)}
}

// peek is the next byte that is no blank, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.fail("'" + string(rune(c)) + "' is expected")
	}
	s.pos++
	return nil
}

// more steps to the next member of an object or array that closes with end.
func (s *scanner) more(end byte, first bool) (bool, error) {
	c := s.peek()
	switch {
	case c == end && s.pos < len(s.text):
		s.pos++
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, s.fail("',' or '" + string(rune(end)) + "' is expected")
	}
	s.pos++
	if s.peek() == end {
		return false, s.fail("a value is expected after ','")
	}
	return true, nil
}

// str reads a string. It is valid until the next one.
func (s *scanner) str() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("a string is expected")
	}
	s.pos++
	from := s.pos
	for i := from; i < len(s.text); i++ {
		c := s.text[i]
		switch {
		case c == '"':
			s.pos = i + 1
			return s.text[from:i], nil
		case c == '\\':
			return s.escaped(from, i)
		case c < ' ':
			s.pos = i
			return nil, s.fail("a control character in a string must be escaped")
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s.text[i:])
			if r == utf8.RuneError && size <= 1 {
				s.pos = i
				return nil, s.fail("it is not UTF-8")
			}
			i += size - 1
		}
	}
	s.pos = len(s.text)
	return nil, s.fail("a string is not closed")
}

// escaped reads the rest of a string that has an escape at i.
func (s *scanner) escaped(from, i int) ([]byte, error) {
	out := append(s.scratch[:0], s.text[from:i]...)
	defer func() { s.scratch = out[:0] }()
	for s.pos = i; s.pos < len(s.text); {
		c := s.text[s.pos]
		switch {
		case c == '"':
			s.pos++
			return out, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, s.fail("a control character in a string must be escaped")
		default:
			r, size := utf8.DecodeRune(s.text[s.pos:])
			if r == utf8.RuneError && size <= 1 {
				return nil, s.fail("it is not UTF-8")
			}
			out = append(out, s.text[s.pos:s.pos+size]...)
			s.pos += size
		}
	}
	return nil, s.fail("a string is not closed")
}

func (s *scanner) escape() (rune, error) {
	if s.pos+1 >= len(s.text) {
		return 0, s.fail("a string is not closed")
	}
	c := s.text[s.pos+1]
	if c == 'u' {
		r, err := s.hex(s.pos)
		if err != nil || !utf16.IsSurrogate(r) {
			s.pos += 6
			return r, err
		}
		low, err := s.hex(s.pos + 6)
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, s.fail("half of a surrogate pair stands alone")
		}
		s.pos += 12
		return r, nil
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
	if i < 0 {
		return 0, s.fail("there is no such escape")
	}
	s.pos += 2
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

// hex reads \uXXXX at i.
func (s *scanner) hex(i int) (rune, error) {
	if i+6 > len(s.text) || s.text[i] != '\\' || s.text[i+1] != 'u' {
		return 0, s.fail("\\u and four hexadecimal digits are expected")
	}
	v, err := strconv.ParseUint(string(s.text[i+2:i+6]), 16, 16)
	if err != nil {
		return 0, s.fail("\\u and four hexadecimal digits are expected")
	}
	return rune(v), nil
}

// word reads a number, true, false or null.
func (s *scanner) word() ([]byte, error) {
	s.peek()
	from := s.pos
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E' {
			s.pos++
			continue
		}
		break
	}
	w := s.text[from:s.pos]
	switch {
	case string(w) == "true", string(w) == "false", string(w) == "null", isJSONNumber(w):
		return w, nil
	}
	s.pos = from
	return nil, s.fail("a value is expected")
}

// isJSONNumber obeys RFC 8259, 6.
func isJSONNumber(w []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(w) && w[n] >= '0' && w[n] <= '9' {
			n++
		}
		w = w[n:]
		return n > 0
	}
	w = bytes.TrimPrefix(w, []byte("-"))
	if len(w) > 1 && w[0] == '0' && w[1] >= '0' && w[1] <= '9' || !digits() {
		return false
	}
	if len(w) > 0 && w[0] == '.' {
		if w = w[1:]; !digits() {
			return false
		}
	}
	if len(w) > 0 && w[0]|0x20 == 'e' {
		w = w[1:]
		if len(w) > 0 && (w[0] == '+' || w[0] == '-') {
			w = w[1:]
		}
		return digits() && len(w) == 0
	}
	return len(w) == 0
}

// skip reads over any value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return s.fail("it is nested too deep")
	}
	switch c := s.peek(); c {
	case '{', '[':
		end := c + 2
		s.pos++
		for first := true; ; first = false {
			more, err := s.more(end, first)
			if err != nil || !more {
				return err
			}
			if c == '{' {
				if _, err := s.str(); err != nil {
					return err
				}
				if err := s.expect(':'); err != nil {
					return err
				}
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		_, err := s.str()
		return err
	}
	_, err := s.word()
	return err
}
