// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"errors"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// element is one XML element of an anydata or anyxml node.
type element struct {
	name     xmlstream.Name
	schema   *yang.Node // nil where the content is not known
	typed    bool       // text is a canonical value of schema
	text     string
	attrs    []note
	children []*element
}

// note is an attribute: def is nil if no module defines it.
type note struct {
	name  xmlstream.Name
	def   *yang.Annotation
	value string
}

// any writes an anydata or anyxml node and whether it has notes that must stand
// beside it: what came as JSON as it came; what came as XML as an object, with the
// types that the schema knows. XML that no JSON value can be (text between
// elements) is a string with the element, which Decode makes the element again.
func (e *encoder) any(s *yang.Node, a tree.Any) (beside []note) {
	if a.Format == tree.JSON {
		e.buf = append(e.buf, a.Text...)
		return nil
	}
	p := &anyReader{r: xmlstream.NewBytes([]byte(a.Text), xmlstream.Limits{}), schema: e.options.Schema}
	for root := s; root != nil && p.root == nil; root = root.Parent {
		if root.Kind == yang.KindRoot {
			p.root = root
		}
	}
	top, err := p.document()
	if err != nil || s.Kind == yang.KindAnydata && top.text != "" {
		e.buf = appendString(e.buf, a.Text)
		return nil
	}
	if s.Kind == yang.KindAnydata || len(top.children) > 0 {
		// RFC 7952, 5.2.1: those of an anydata are in it.
		inside := top.attrs
		if s.Kind == yang.KindAnyxml {
			inside = nil
		}
		e.members(p, top, s.Module.Namespace, inside)
	} else {
		e.scalar(top)
	}
	if s.Kind == yang.KindAnyxml {
		return top.attrs
	}
	return nil
}

// members writes the children of x as an object.
func (e *encoder) members(p *anyReader, x *element, space string, notes []note) {
	e.open('{')
	first := true
	if len(notes) > 0 {
		e.member(&first, "@")
		e.notes(p, notes)
	}
	done := make(map[xmlstream.Name]bool)
	groups := make(map[xmlstream.Name][]*element)
	for _, c := range x.children {
		groups[c.name] = append(groups[c.name], c)
	}
	for _, c := range x.children {
		if done[c.name] {
			continue
		}
		done[c.name] = true
		all := groups[c.name]
		name := c.name.Local
		if c.name.Space != space {
			name = p.qualifier(c.name.Space) + ":" + name
		}
		list := len(all) > 1 || c.schema != nil && (c.schema.Kind == yang.KindList || c.schema.Kind == yang.KindLeafList)
		e.member(&first, name)
		if !list {
			e.element(p, c)
		} else {
			e.open('[')
			for i, c := range all {
				if i > 0 {
					e.buf = append(e.buf, ',')
				}
				e.line()
				e.element(p, c)
			}
			e.close(']', false)
		}
		e.beside(p, &first, name, all, list)
	}
	e.close('}', first)
}

// beside writes the annotations of values that are no objects (RFC 7952, 5.2.2
// and 5.2.3).
func (e *encoder) beside(p *anyReader, first *bool, name string, all []*element, list bool) {
	last := -1
	for i, c := range all {
		if !c.inner() && len(c.attrs) > 0 {
			last = i
		}
	}
	if last < 0 {
		return
	}
	e.member(first, "@"+name)
	if !list {
		e.notes(p, all[0].attrs)
		return
	}
	e.open('[')
	for i, c := range all[:last+1] {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.line()
		if c.inner() || len(c.attrs) == 0 {
			e.buf = append(e.buf, "null"...)
		} else {
			e.notes(p, c.attrs)
		}
	}
	e.close(']', false)
}

// member begins a member.
func (e *encoder) member(first *bool, name string) {
	if !*first {
		e.buf = append(e.buf, ',')
	}
	*first = false
	e.line()
	e.buf = append(appendString(e.buf, name), ':')
	if e.options.Indent != "" {
		e.buf = append(e.buf, ' ')
	}
}

func (e *encoder) notes(p *anyReader, notes []note) {
	e.open('{')
	first := true
	for _, a := range notes {
		name := a.name.Local
		switch {
		case a.def != nil:
			name = a.def.Module.Name + ":" + name
		case a.name.Space != "":
			name = p.qualifier(a.name.Space) + ":" + name
		}
		e.member(&first, name)
		if a.def != nil {
			e.value(a.def.Type, a.value)
		} else {
			e.buf = appendString(e.buf, a.value)
		}
	}
	e.close('}', first)
}

// inner reports whether an element is an object.
func (x *element) inner() bool {
	return len(x.children) > 0 || x.schema != nil && x.schema.Type == nil && x.text == ""
}

func (e *encoder) element(p *anyReader, x *element) {
	if x.inner() {
		e.members(p, x, x.name.Space, x.attrs)
		return
	}
	e.scalar(x)
}

func (e *encoder) scalar(x *element) {
	switch {
	case x.typed:
		e.value(x.schema.Type, x.text)
	case x.text == "":
		e.buf = append(e.buf, "[null]"...)
	default:
		e.buf = appendString(e.buf, x.text)
	}
}

// anyReader reads the element of an anydata or anyxml.
type anyReader struct {
	r      *xmlstream.Reader
	schema *yang.Schema // may be nil
	root   *yang.Node   // may be nil
	known  map[string]*yang.Module
}

var errShape = errors.New("no JSON value can be this")

func (p *anyReader) document() (*element, error) {
	t, err := p.r.Next()
	if err != nil {
		return nil, err
	}
	if t.Kind != xmlstream.Start {
		return nil, errShape
	}
	top := &element{name: t.Name}
	if top.attrs, err = p.notes(t); err != nil {
		return nil, err
	}
	if err := p.content(top, p.root); err != nil {
		return nil, err
	}
	if t, err = p.r.Next(); err == nil && t.Kind != xmlstream.EOF {
		err = errShape
	}
	return top, err
}

// content reads to the end of x; below is the schema node whose children it may
// have, nil if that is not known. The reader bounds the depth.
func (p *anyReader) content(x *element, below *yang.Node) error {
	for {
		t, err := p.r.Next()
		if err != nil {
			return err
		}
		switch t.Kind {
		case xmlstream.Text:
			x.text += string(t.Text)
			continue
		case xmlstream.Start:
			c := &element{name: t.Name}
			if below != nil {
				c.schema = below.ChildNS(t.Name.Space, t.Name.Local)
			}
			if c.attrs, err = p.notes(t); err != nil {
				return err
			}
			if err := p.content(c, c.schema); err != nil {
				return err
			}
			x.children = append(x.children, c)
			continue
		}
		if len(x.children) > 0 {
			if !blank(x.text) {
				return errShape
			}
			x.text = ""
		}
		s := x.schema
		switch {
		case s == nil:
		case s.Type == nil && blank(x.text):
			x.text = ""
		case s.Type != nil && len(x.children) == 0:
			// The prefixes of the element are in scope until the next token.
			if v, err := value.Parse(s.Type, x.text, p); err == nil {
				x.text, x.typed = v, true
			}
		}
		return nil
	}
}

func (p *anyReader) notes(t *xmlstream.Token) ([]note, error) {
	var out []note
	for _, a := range t.Attrs {
		n := note{name: a.Name, value: string(a.Value)}
		if p.schema != nil {
			if def := meta.ByNamespace(p.schema, a.Name.Space, a.Name.Local); def != nil {
				if v, err := value.Parse(def.Type, n.value, p); err == nil {
					n.def, n.value = def, v
				}
			}
		}
		out = append(out, n)
	}
	return out, nil
}

func blank(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
		default:
			return false
		}
	}
	return true
}

// Module is the meaning of a prefix in a value (RFC 7950, 9.10.3).
func (p *anyReader) Module(prefix string) (string, bool) {
	uri, ok := p.r.Lookup(prefix)
	if !ok {
		return "", false
	}
	m := p.module(uri)
	if m == nil {
		return "", false
	}
	return m.Name, true
}

// qualifier is what JSON writes before a name of that namespace: its module, and
// of what no module has, which RFC 7951 knows no name for, the namespace.
func (p *anyReader) qualifier(space string) string {
	if m := p.module(space); m != nil {
		return m.Name
	}
	return space
}

// module finds a module by its namespace; without a schema among those that have
// nodes at the top.
func (p *anyReader) module(space string) *yang.Module {
	if p.schema != nil {
		return p.schema.ByNamespace(space)
	}
	if p.known == nil {
		p.known = make(map[string]*yang.Module)
		if p.root != nil {
			for _, c := range p.root.DataChildren {
				p.known[c.Module.Namespace] = c.Module
			}
		}
	}
	return p.known[space]
}

// isElement reports whether a text is that element and nothing else.
func isElement(text []byte, s *yang.Node) bool {
	if len(text) == 0 || text[0] != '<' {
		return false
	}
	r := xmlstream.NewBytes(text, xmlstream.Limits{})
	t, err := r.Next()
	if err != nil || t.Kind != xmlstream.Start || t.Name.Local != s.Name || t.Name.Space != s.Module.Namespace {
		return false
	}
	for err == nil && t.Kind != xmlstream.EOF {
		t, err = r.Next()
	}
	return err == nil
}
