// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"fmt"
	"io"
	"unicode/utf8"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// Options are the options of Encode.
type Options struct {
	// Indent asks for a line for each value, each level set off by it.
	Indent string
	// ConfigOnly leaves state out.
	ConfigOnly bool
}

// form is the JSON type of values.
type form uint8

const (
	isString form = iota
	isNumber
	isBoolean
	isEmpty
	isUnion // of several, by value
)

// formOf gives the JSON type of a YANG type (RFC 7951, 6).
func formOf(t *yang.Type) form {
	for depth := 0; t != nil && depth < 64; depth++ {
		switch t.Base {
		case yang.Int8, yang.Int16, yang.Int32, yang.Uint8, yang.Uint16, yang.Uint32:
			return isNumber
		case yang.Boolean:
			return isBoolean
		case yang.Empty:
			return isEmpty
		case yang.Union:
			return isUnion
		case yang.Leafref:
			if t.Target == nil {
				return isString
			}
			t = t.Target.Type
		default:
			return isString // RFC 7951, 6.1: 64 bits and decimals too
		}
	}
	return isString
}

const flushAt = 32 << 10

type encoder struct {
	w       io.Writer
	buf     []byte
	err     error
	options Options
	depth   int
}

// Encode writes the children of n as a JSON object.
func Encode(w io.Writer, n *tree.Node, options Options) error {
	e := &encoder{w: w, options: options, buf: make([]byte, 0, flushAt+4<<10)}
	e.object(n, nil)
	if options.Indent != "" {
		e.buf = append(e.buf, '\n')
	}
	e.flush(0)
	if e.err != nil {
		return fmt.Errorf("cannot write JSON: %w", e.err)
	}
	return nil
}

func (e *encoder) flush(limit int) {
	if len(e.buf) <= limit {
		return
	}
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *encoder) line() {
	if e.options.Indent == "" {
		return
	}
	e.buf = append(e.buf, '\n')
	for range e.depth {
		e.buf = append(e.buf, e.options.Indent...)
	}
}

func (e *encoder) open(c byte) { e.buf = append(e.buf, c); e.depth++ }

func (e *encoder) close(c byte, empty bool) {
	e.depth--
	if !empty {
		e.line()
	}
	e.buf = append(e.buf, c)
	e.flush(flushAt)
}

// object writes the children of n; around is the module of n (RFC 7951, 4).
func (e *encoder) object(n *tree.Node, around *yang.Module) {
	e.open('{')
	first := true
	name := func(s *yang.Node) {
		if !first {
			e.buf = append(e.buf, ',')
		}
		first = false
		e.line()
		e.buf = append(e.buf, '"')
		if s.Module != around {
			e.buf = append(append(e.buf, s.Module.Name...), ':')
		}
		e.buf = append(append(e.buf, s.Name...), '"', ':')
		if e.options.Indent != "" {
			e.buf = append(e.buf, ' ')
		}
	}
	for c := range n.Children() {
		s := c.Schema
		if e.options.ConfigOnly && !s.Config {
			continue
		}
		name(s)
		switch s.Kind {
		case yang.KindLeaf:
			e.value(s.Type, c.Value)
		case yang.KindContainer:
			e.object(c.Node, s.Module)
		case yang.KindList:
			e.open('[')
			comma := false
			for x := range c.List.All() {
				if comma {
					e.buf = append(e.buf, ',')
				}
				comma = true
				e.line()
				e.object(x, s.Module)
			}
			e.close(']', false)
		case yang.KindLeafList:
			e.open('[')
			comma := false
			for v := range c.LeafList.All() {
				if comma {
					e.buf = append(e.buf, ',')
				}
				comma = true
				e.line()
				e.value(s.Type, v)
			}
			e.close(']', false)
		default:
			e.any(c.Any)
		}
	}
	e.close('}', first)
}

func (e *encoder) value(t *yang.Type, v string) {
	f := formOf(t)
	if f == isUnion {
		f = isString
		if m := value.Resolve(t, v); m != nil {
			f = formOf(m)
		}
	}
	switch f {
	case isNumber, isBoolean:
		e.buf = append(e.buf, v...)
	case isEmpty:
		e.buf = append(e.buf, "[null]"...) // RFC 7951, 6.9
	default:
		e.buf = appendString(e.buf, v)
	}
}

// AppendValue writes a canonical value of that type as JSON (RFC 7951, 6).
func AppendValue(b []byte, t *yang.Type, v string) []byte {
	e := &encoder{buf: b}
	e.value(t, v)
	return e.buf
}

// any writes what JSON has brought as it came, and XML as a string.
func (e *encoder) any(a tree.Any) {
	if a.Format == tree.JSON {
		e.buf = append(e.buf, a.Text...)
		return
	}
	e.buf = appendString(e.buf, a.Text)
}

func appendString(b []byte, v string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(v[i:])
			if r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
			b = append(append(b, v[from:i]...), `\ufffd`...)
			from = i + 1
			continue
		}
		b = append(b, v[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(append(b, v[from:]...), '"')
}
