// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"strings"
)

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// skip passes white space and comments (RFC 7950, 6.1.1).
func (p *parser) skip() *Error {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '\n':
			p.pos++
			p.line++
			p.lineStart = p.pos
		case ' ', '\t', '\r':
			p.pos++
		case '/':
			rest := p.text[p.pos+1:]
			switch {
			case strings.HasPrefix(rest, "/"):
				end := strings.IndexByte(rest, '\n')
				if end < 0 {
					end = len(rest)
				}
				p.pos += 1 + end
			case strings.HasPrefix(rest, "*"):
				end := strings.Index(rest[1:], "*/")
				if end < 0 {
					return p.errorf("cannot find the */ of this comment before the text ends")
				}
				p.advance(p.pos + end + 4)
			default:
				return nil
			}
		default:
			return nil
		}
	}
	return nil
}

// keyword is the longest run of characters of names and colons.
func (p *parser) keyword() string {
	end := p.pos
	for end < len(p.text) && (identifierByte(p.text[end]) || p.text[end] == ':') {
		end++
	}
	return p.text[p.pos:end]
}

func identifierByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= '0' && c <= '9' || c == '-' || c == '.'
}

// argument is an unquoted string, or quoted ones joined by + (RFC 7950, 6.1.3).
func (p *parser) argument() (string, *Error) {
	if c := p.peek(); c != '"' && c != '\'' {
		return p.unquoted()
	}
	first, err := p.quoted()
	if err != nil {
		return "", err
	}
	var joined strings.Builder
	for {
		if err := p.skip(); err != nil {
			return "", err
		}
		if p.peek() != '+' {
			break
		}
		p.pos++
		if err := p.skip(); err != nil {
			return "", err
		}
		if c := p.peek(); c != '"' && c != '\'' {
			return "", p.errorf("cannot join strings here: a quoted string belongs behind the +")
		}
		next, err := p.quoted()
		if err != nil {
			return "", err
		}
		if joined.Len() == 0 {
			joined.WriteString(first)
		}
		joined.WriteString(next)
	}
	if joined.Len() > 0 {
		return joined.String(), nil
	}
	return first, nil
}

// unquoted ends at white space, one of ;{} or a comment. YANG 1 lets quotes
// stand inside it, YANG 1.1 does not (RFC 7950, 1.1 and 6.1.3).
func (p *parser) unquoted() (string, *Error) {
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', '\n', '\r', ';', '{', '}':
			return p.word(start)
		case '"', '\'':
			if p.strict == nil {
				p.strict = p.errorf("cannot use a quote inside a string without quotes in YANG 1.1: put the string in quotes")
			}
		case '/':
			if p.pos+1 < len(p.text) && (p.text[p.pos+1] == '/' || p.text[p.pos+1] == '*') {
				return p.word(start)
			}
		case '*':
			if p.pos+1 < len(p.text) && p.text[p.pos+1] == '/' {
				return "", p.errorf("cannot use */ inside a string without quotes")
			}
		}
		p.pos++
	}
	return p.word(start)
}

func (p *parser) word(start int) (string, *Error) {
	if p.pos == start {
		return "", p.errorf("cannot use %s where an argument belongs", quote(p.text[p.pos:min(p.pos+1, len(p.text))]))
	}
	return p.text[start:p.pos], nil
}

// quoted reads one string in quotes.
func (p *parser) quoted() (string, *Error) {
	start := p.pos + 1
	rest := p.text[start:]
	if p.text[p.pos] == '\'' { // nothing is special within
		end := strings.IndexByte(rest, '\'')
		if end < 0 {
			return "", p.errorf("cannot find the ' that ends this string")
		}
		p.advance(start + end + 1)
		return rest[:end], nil
	}
	end := strings.IndexByte(rest, '"')
	if end >= 0 && strings.IndexByte(rest[:end], '\\') >= 0 {
		for end = 0; end < len(rest) && rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
			}
		}
		if end >= len(rest) {
			end = -1
		}
	}
	if end < 0 {
		return "", p.errorf("cannot find the \" that ends this string")
	}
	s := rest[:end]
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '\n') < 0 {
		p.pos = start + end + 1
		return s, nil
	}
	p.scratch = p.scratch[:0]
	indent := p.indent()
	for first := true; ; first = false {
		line, rest, more := strings.Cut(s, "\n")
		at := p.pos + 1 // behind the quote, or where the line starts
		if !first {
			at = p.pos
		}
		if more {
			line = strings.TrimRight(strings.TrimSuffix(line, "\r"), " \t")
		}
		if !first {
			line, at = p.unindent(line, at, indent)
		}
		if err := p.unescape(line, at); err != nil {
			return "", err
		}
		if !more {
			break
		}
		p.scratch = append(p.scratch, '\n')
		p.advance(start + end - len(rest))
		s = rest
	}
	p.advance(start + end + 1)
	return string(p.scratch), nil
}

// indent is the column of the quote at pos, a tab counting as eight.
func (p *parser) indent() int {
	n := 1
	for _, c := range p.text[p.lineStart:p.pos] {
		if c == '\t' {
			n += 7
		}
		n++
	}
	return n
}

// unindent strips white space up to and including that column (RFC 7950,
// 6.1.3). What is left of a tab is kept as blanks.
func (p *parser) unindent(line string, at, indent int) (string, int) {
	width, i := 0, 0
	for i < len(line) && width < indent {
		switch line[i] {
		case ' ':
			width++
		case '\t':
			width += 8
		default:
			return line[i:], at + i
		}
		i++
	}
	for ; width > indent; width-- {
		p.scratch = append(p.scratch, ' ')
	}
	return line[i:], at + i
}

// unescape appends a line of a double-quoted string, whose place in the text is
// at. An unknown escape is itself in YANG 1 and an error in 1.1 (RFC 7950, 1.1).
func (p *parser) unescape(line string, at int) *Error {
	for {
		i := strings.IndexByte(line, '\\')
		if i < 0 {
			p.scratch = append(p.scratch, line...)
			return nil
		}
		p.scratch = append(p.scratch, line[:i]...)
		c := byte(0)
		if i+1 < len(line) {
			c = line[i+1]
		}
		switch c {
		case 'n':
			p.scratch = append(p.scratch, '\n')
		case 't':
			p.scratch = append(p.scratch, '\t')
		case '"', '\\':
			p.scratch = append(p.scratch, c)
		default:
			if p.strict == nil {
				was := p.pos
				p.pos = at + i
				p.strict = p.errorf(`cannot use the escape %s in YANG 1.1: only \n, \t, \" and \\ exist; use single quotes for patterns`, quote(line[i:min(i+2, len(line))]))
				p.pos = was
			}
			p.scratch = append(p.scratch, '\\')
			if c != 0 {
				p.scratch = append(p.scratch, c)
			}
		}
		n := min(i+2, len(line))
		line, at = line[n:], at+n
	}
}
