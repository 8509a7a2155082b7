// SPDX-License-Identifier: Apache-2.0

package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Parse reads the text of one module or submodule and checks it against the
// grammar. name stands in messages. The error is an Errors.
func Parse(name string, text []byte) (*File, error) {
	f := &File{Name: name, Version: "1"}
	if len(text) > MaxText {
		return nil, Errors{{File: name, Message: fmt.Sprintf("cannot read a module of %d bytes: at most %d", len(text), MaxText)}}
	}
	f.Text = strings.TrimPrefix(string(text), "\ufeff")
	p := parser{file: f, text: f.Text, line: 1, column: 1}
	if err := p.characters(); err != nil {
		return nil, Errors{err}
	}
	if err := p.module(); err != nil {
		return nil, Errors{err}
	}
	if errs := checkModule(f); len(errs) > 0 {
		return nil, errs
	}
	return f, nil
}

// parser walks through a text once.
type parser struct {
	file *File
	text string
	pos  int
	// line is that of pos and lineStart where it begins. column belongs to
	// columnAt, a place that trails pos, so that columns cost one pass in all.
	line, lineStart  int
	column, columnAt int

	// pending holds the statements whose parents are still open; open holds,
	// for each open one, where its children begin.
	pending []Statement
	open    []int
	arena   []Statement
	scratch []byte
	// strict is the first thing seen that YANG 1.1 forbids and 1 allows.
	strict *Error
}

func (p *parser) errorf(format string, args ...any) *Error {
	e := &Error{File: p.file.Name, Line: p.line, Column: p.columnOf(p.pos), Message: fmt.Sprintf(format, args...)}
	var b strings.Builder
	for i, at := range p.open {
		if i >= 12 {
			b.WriteString(" / ...")
			break
		}
		if i > 0 {
			b.WriteString(" / ")
		}
		b.WriteString(p.pending[at-1].label())
	}
	e.Statement = b.String()
	return e
}

// columnOf counts characters from the start of the current line.
func (p *parser) columnOf(pos int) int {
	if p.columnAt < p.lineStart || p.columnAt > pos {
		p.column, p.columnAt = 1, p.lineStart
	}
	p.column += utf8.RuneCountInString(p.text[p.columnAt:pos])
	p.columnAt = pos
	return p.column
}

// advance moves to a later place and counts the lines between.
func (p *parser) advance(to int) {
	for {
		i := strings.IndexByte(p.text[p.pos:to], '\n')
		if i < 0 {
			break
		}
		p.pos += i + 1
		p.line++
		p.lineStart = p.pos
	}
	p.pos = to
}

// characters refuses what is no UTF-8 and what a module must not hold: control
// characters, surrogates, noncharacters (RFC 7950, 6 and yang-char in 14).
func (p *parser) characters() *Error {
	for i := 0; i < len(p.text); {
		c := p.text[i]
		if c >= ' ' && c < utf8.RuneSelf || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(p.text[i:]); r == utf8.RuneError && n == 1 {
				p.advance(i)
				return p.errorf("cannot read the module: byte 0x%02x is not valid UTF-8", c)
			}
			if !(r >= 0xfdd0 && r <= 0xfdef) && r&0xfffe != 0xfffe {
				i += n
				continue
			}
		}
		p.advance(i)
		return p.errorf("cannot read the module: the character U+%04X is not allowed in YANG", r)
	}
	return nil
}

// module reads the one statement that a text consists of.
func (p *parser) module() *Error {
	for {
		if err := p.skip(); err != nil {
			return err
		}
		switch c := p.peek(); {
		case c == 0 && p.pos == len(p.text):
			if len(p.open) > 0 {
				s := &p.pending[p.open[len(p.open)-1]-1]
				return p.errorf("cannot find the } of the %s in line %d before the text ends", s.Name(), s.Line)
			}
			return p.errorf("cannot find a module in an empty text")
		case c == '}':
			if len(p.open) == 0 {
				return p.errorf("cannot use a } that has no {")
			}
			p.pos++
			p.close()
		default:
			if err := p.statement(); err != nil {
				return err
			}
		}
		if len(p.open) > 0 {
			continue
		}
		if err := p.skip(); err != nil {
			return err
		}
		if p.pos < len(p.text) {
			return p.errorf("cannot use text behind the end of the module")
		}
		p.file.Root = &p.pending[0]
		if p.file.Root.Keyword != Module && p.file.Root.Keyword != Submodule {
			return p.file.Root.Errorf("cannot use %q here: a text is one module or submodule", p.file.Root.Name())
		}
		if v := p.file.Root.First(YangVersion); v != nil && v.Argument == "1.1" {
			p.file.Version = "1.1"
			if p.strict != nil {
				return p.strict
			}
		}
		return nil
	}
}

// close ends the innermost open statement and gives it its children.
func (p *parser) close() {
	at := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	p.pending[at-1].Sub = p.keep(p.pending[at:])
	p.pending = p.pending[:at]
}

// keep copies statements to where they stay.
func (p *parser) keep(s []Statement) []Statement {
	if len(s) == 0 {
		return nil
	}
	const chunk = 256
	if cap(p.arena)-len(p.arena) < len(s) {
		if len(s) >= chunk {
			return append([]Statement(nil), s...)
		}
		p.arena = make([]Statement, 0, chunk)
	}
	n := len(p.arena)
	p.arena = append(p.arena, s...)
	return p.arena[n:len(p.arena):len(p.arena)]
}

// statement reads keyword, argument and the ; or { behind them.
func (p *parser) statement() *Error {
	s := Statement{File: p.file, Line: int32(p.line), Column: int32(p.columnOf(p.pos))}
	word := p.keyword()
	switch i := strings.IndexByte(word, ':'); {
	case word == "":
		if c := p.peek(); c == '"' || c == '\'' {
			return p.errorf("cannot use a string where a keyword belongs")
		}
		return p.errorf("cannot use %s where a keyword belongs", quote(p.text[p.pos:min(p.pos+utf8.UTFMax, len(p.text))]))
	case i >= 0:
		if why := notIdentifier(word[:i]); why != "" {
			return p.errorf("cannot use the keyword %s: %s", quote(word), why)
		}
		if why := notIdentifier(word[i+1:]); why != "" {
			return p.errorf("cannot use the keyword %s: %s", quote(word), why)
		}
		s.Extension = word
	default:
		if s.Keyword = keywordOf(word); s.Keyword == Unknown {
			return p.errorf("cannot use the unknown keyword %s%s", quote(word), nearest(word))
		}
	}
	p.pos += len(word)
	before := p.pos
	if err := p.skip(); err != nil {
		return err
	}
	switch c := p.peek(); c {
	case ';', '{', 0:
	default:
		if p.pos == before { // RFC 7950, 14: keyword sep argument
			return p.errorf("cannot use %s directly behind the keyword %s: a blank belongs between them", quote(p.text[p.pos:p.pos+1]), word)
		}
		var err *Error
		if s.Argument, err = p.argument(); err != nil {
			return err
		}
		s.HasArgument = true
		if err := p.skip(); err != nil {
			return err
		}
	}
	switch p.peek() {
	case ';':
		p.pos++
		p.pending = append(p.pending, s)
	case '{':
		if len(p.open) >= MaxDepth {
			return p.errorf("cannot nest statements more than %d deep", MaxDepth)
		}
		p.pos++
		p.pending = append(p.pending, s)
		p.open = append(p.open, len(p.pending))
	default:
		if p.pos == len(p.text) {
			return p.errorf("cannot find the ; or { of %s before the text ends", s.label())
		}
		return p.errorf("cannot use %s here: ; or { belongs behind %s", quote(p.text[p.pos:p.pos+1]), s.label())
	}
	return nil
}
