// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"fmt"
	"io"
	"unicode/utf8"

	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// Options are the options of Encode.
type Options struct {
	// Indent asks for a line for each value, each level set off by it.
	Indent string
	// ConfigOnly leaves state out.
	ConfigOnly bool
	// Schema finds the modules in anydata and anyxml that came as XML. Without it
	// only those are known that have nodes at the top.
	Schema *yang.Schema
	// Meta holds annotations to write (RFC 7952, 5.2).
	Meta *meta.Node
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

func (f form) String() string {
	return [...]string{"a string", "a number", "true or false", "[null]", "one of a union"}[f]
}

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
	e.object(n, nil, options.Meta)
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

// object writes the children of n; around is the module of n (RFC 7951, 4), m the
// annotations.
func (e *encoder) object(n *tree.Node, around *yang.Module, m *meta.Node) {
	e.open('{')
	first := true
	name := func(s *yang.Node, at string) {
		if !first {
			e.buf = append(e.buf, ',')
		}
		first = false
		e.line()
		e.buf = append(append(e.buf, '"'), at...)
		if s.Module != around {
			e.buf = append(append(e.buf, s.Module.Name...), ':')
		}
		e.buf = append(append(e.buf, s.Name...), '"', ':')
		if e.options.Indent != "" {
			e.buf = append(e.buf, ' ')
		}
	}
	if m != nil && len(m.Annotations) > 0 { // RFC 7952, 5.2.1
		e.member(&first, "@")
		e.annotations(m)
	}
	for c := range n.Children() {
		s := c.Schema
		if e.options.ConfigOnly && !s.Config {
			continue
		}
		name(s, "")
		switch s.Kind {
		case yang.KindLeaf:
			e.value(s.Type, c.Value)
			if x := m.Below(s, ""); x != nil { // RFC 7952, 5.2.2
				name(s, "@")
				e.annotations(x)
			}
		case yang.KindContainer:
			e.object(c.Node, s.Module, m.Below(s, ""))
		case yang.KindList:
			e.open('[')
			place := 0
			for x := range c.List.All() {
				if place > 0 {
					e.buf = append(e.buf, ',')
				}
				e.line()
				var below *meta.Node
				if m != nil {
					below = m.Below(s, meta.Key(s, string(x.Key()), place))
				}
				place++
				e.object(x, s.Module, below)
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
			if m != nil {
				e.leafList(c.LeafList, m, func() { name(s, "@") })
			}
		default:
			beside := e.any(s, c.Any)
			if x := m.Below(s, ""); x != nil {
				name(s, "@")
				e.annotations(x)
			} else if len(beside) > 0 {
				name(s, "@")
				e.notes(&anyReader{schema: e.options.Schema}, beside)
			}
		}
	}
	e.close('}', first)
}

// leafList writes the annotations of the entries, if there are any: null for an
// entry without, and nothing for those after the last (RFC 7952, 5.2.3).
func (e *encoder) leafList(l *tree.LeafList, m *meta.Node, name func()) {
	s := l.Schema()
	last, place := -1, 0
	for v := range l.All() {
		if m.Below(s, meta.Key(s, v, place)) != nil {
			last = place
		}
		place++
	}
	if last < 0 {
		return
	}
	name()
	e.open('[')
	place = 0
	for v := range l.All() {
		if place > last {
			break
		}
		if place > 0 {
			e.buf = append(e.buf, ',')
		}
		e.line()
		if x := m.Below(s, meta.Key(s, v, place)); x != nil {
			e.annotations(x)
		} else {
			e.buf = append(e.buf, "null"...)
		}
		place++
	}
	e.close(']', false)
}

// annotations writes those of one instance; their names always have their module
// (RFC 7952, 5.2).
func (e *encoder) annotations(m *meta.Node) {
	e.open('{')
	first := true
	for _, a := range m.Annotations {
		e.member(&first, a.Def.Module.Name+":"+a.Def.Name)
		e.value(a.Def.Type, a.Value)
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
