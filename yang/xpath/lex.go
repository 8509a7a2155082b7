// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokNumber
	tokLiteral
	tokSign // punctuation and operators, the named ones included
)

// token is a lexical token (XPath 3.7). A name may have a prefix; "*" is a name
// where a node test is expected and a sign where an operator is.
type token struct {
	kind         tokenKind
	prefix, text string
	colon        bool // a prefix was written
	pos          int
}

// Error is what Parse and Compile say about an expression; Column counts
// characters from 1.
type Error struct {
	Source string
	Column int
	Reason string
}

func (e *Error) Error() string {
	src := e.Source
	if len(src) > 80 {
		src = strings.ToValidUTF8(src[:80], "") + "..."
	}
	return fmt.Sprintf("cannot use the XPath expression %q: column %d: %s", src, e.Column, e.Reason)
}

func column(source string, pos int) int { return utf8.RuneCountInString(source[:pos]) + 1 }

type lexer struct {
	src string
	pos int
	// operand is false where the preceding token makes * and the names and,
	// or, mod, div operators (XPath 3.7).
	operator bool
}

func (l *lexer) errorf(pos int, format string, args ...any) error {
	return &Error{Source: l.src, Column: column(l.src, pos), Reason: fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start >= len(l.src) {
		return token{pos: start}, nil
	}
	t, err := l.scan(start)
	if err != nil {
		return t, err
	}
	t.pos = start
	switch {
	case t.kind == tokSign:
		l.operator = t.text == ")" || t.text == "]" || t.text == "." || t.text == ".."
	default:
		l.operator = true
	}
	return t, nil
}

func (l *lexer) scan(start int) (token, error) {
	rest := l.src[start:]
	sign := func(s string) (token, error) {
		l.pos += len(s)
		return token{kind: tokSign, text: s}, nil
	}
	for _, two := range [...]string{"//", "..", "::", "<=", ">=", "!="} {
		if strings.HasPrefix(rest, two) {
			return sign(two)
		}
	}
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		end := strings.IndexByte(rest[1:], c)
		if end < 0 {
			return token{}, l.errorf(start, "a string in quotes is not closed")
		}
		l.pos += end + 2
		return token{kind: tokLiteral, text: rest[1 : end+1]}, nil
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		if end < len(rest) && rest[end] == '.' {
			end++
			for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
				end++
			}
		}
		l.pos += end
		return token{kind: tokNumber, text: rest[:end]}, nil
	case c == '*':
		if l.operator {
			return sign("*")
		}
		l.pos++
		return token{kind: tokName, text: "*"}, nil
	case strings.IndexByte("()[].@,/|+-=<>", c) >= 0:
		return sign(rest[:1])
	case c == '$':
		return token{}, l.errorf(start, "there are no variables in YANG")
	}
	name := ncName(rest)
	if name == "" {
		r, _ := utf8.DecodeRuneInString(rest)
		return token{}, l.errorf(start, "unexpected %q", r)
	}
	if l.operator {
		switch name {
		case "and", "or", "mod", "div":
			return sign(name)
		}
		return token{}, l.errorf(start, "an operator is missing before %q", name)
	}
	l.pos += len(name)
	rest = rest[len(name):]
	// A prefix, unless the colon begins "::".
	if strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "::") {
		local := ncName(rest[1:])
		if strings.HasPrefix(rest[1:], "*") {
			local = "*"
		}
		if local == "" {
			return token{}, l.errorf(l.pos, "a name is missing after the prefix %q", name)
		}
		l.pos += 1 + len(local)
		return token{kind: tokName, prefix: name, text: local, colon: true}, nil
	}
	return token{kind: tokName, text: name}, nil
}

// ncName returns the name without colon that s begins with, or "".
func ncName(s string) string {
	for i, r := range s {
		start := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80 && unicode.IsLetter(r)
		if start || i > 0 && (r >= '0' && r <= '9' || r == '-' || r == '.' || r >= 0x80 && (unicode.IsMark(r) || unicode.IsDigit(r))) {
			continue
		}
		return s[:i]
	}
	return s
}
