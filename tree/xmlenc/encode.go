// SPDX-License-Identifier: Apache-2.0

package xmlenc

import (
	"fmt"
	"strconv"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// Options are the options of Encode.
type Options struct {
	// ConfigOnly leaves state out.
	ConfigOnly bool
	// Modules finds a module by its name, for prefixes in values of modules that
	// the tree has no node of. nil means Encode must find them by itself, which
	// it can for identities; else a value keeps the module's name as its prefix.
	Modules func(name string) *yang.Module
	// Meta holds annotations to write as attributes (RFC 7952, 5.1).
	Meta *meta.Node
}

type encoder struct {
	w       *xmlstream.Writer
	options Options
	byName  map[string]*yang.Module
}

// Encode writes the children of n into the element that w has open, keys first.
func Encode(w *xmlstream.Writer, n *tree.Node, options Options) error {
	e := &encoder{w: w, options: options}
	if options.Meta.Empty() {
		e.node(n)
	} else {
		e.annotated(n, options.Meta)
	}
	return w.Err()
}

func (e *encoder) node(n *tree.Node) {
	if n.OnlyLeaves() {
		for s, v := range n.Leaves() {
			e.leaf(s, v)
		}
		return
	}
	for c := range n.Children() {
		if !e.options.ConfigOnly || c.Schema.Config {
			e.child(c)
		}
	}
}

// EncodeChild writes one child as Encode does, or what a path names: one entry of a
// list or leaf-list.
func EncodeChild(w *xmlstream.Writer, c tree.Child, options Options) error {
	e := &encoder{w: w, options: options}
	switch {
	case c.Schema.Kind == yang.KindList && c.Node != nil:
		w.Start(c.Schema.Module.Namespace, c.Schema.Name)
		e.node(c.Node)
		w.End()
	case c.Schema.Kind == yang.KindLeafList && c.LeafList == nil:
		e.leaf(c.Schema, c.Value)
	default:
		e.child(c)
	}
	return w.Err()
}

func (e *encoder) child(c tree.Child) {
	switch s := c.Schema; s.Kind {
	case yang.KindLeaf:
		e.leaf(s, c.Value)
	case yang.KindContainer:
		e.w.Start(s.Module.Namespace, s.Name)
		e.node(c.Node)
		e.w.End()
	case yang.KindList:
		for x := range c.List.All() {
			e.w.Start(s.Module.Namespace, s.Name)
			e.node(x)
			e.w.End()
		}
	case yang.KindLeafList:
		for v := range c.LeafList.All() {
			e.leaf(s, v)
		}
	default:
		e.any(s, c.Any, nil)
	}
}

// leaf writes a leaf or an entry of a leaf-list.
func (e *encoder) leaf(s *yang.Node, v string) {
	if e.options.ConfigOnly && !s.Config {
		return
	}
	if !s.Type.Named {
		e.w.Leaf(s.Module.Namespace, s.Name, v)
		return
	}
	e.w.Start(s.Module.Namespace, s.Name)
	e.w.Text(named(e.w, s.Type, v, func(name string) *yang.Module { return e.module(s, v, name) }))
	e.w.End()
}

// annotated is node with a table of annotations.
func (e *encoder) annotated(n *tree.Node, m *meta.Node) {
	if m == nil {
		e.node(n)
		return
	}
	for c := range n.Children() {
		s := c.Schema
		if e.options.ConfigOnly && !s.Config {
			continue
		}
		place := 0
		switch s.Kind {
		case yang.KindLeaf:
			e.annotatedLeaf(s, c.Value, m.Below(s, ""))
		case yang.KindContainer:
			e.inner(c.Node, m.Below(s, ""))
		case yang.KindList:
			for x := range c.List.All() {
				e.inner(x, m.Below(s, meta.Key(s, string(x.Key()), place)))
				place++
			}
		case yang.KindLeafList:
			for v := range c.LeafList.All() {
				e.annotatedLeaf(s, v, m.Below(s, meta.Key(s, v, place)))
				place++
			}
		default:
			e.any(s, c.Any, m.Below(s, ""))
		}
	}
}

// inner writes a container or list entry.
func (e *encoder) inner(n *tree.Node, m *meta.Node) {
	s := n.Schema()
	e.w.Start(s.Module.Namespace, s.Name)
	e.declarer(s, "").attributes(m)
	e.annotated(n, m)
	e.w.End()
}

func (e *encoder) annotatedLeaf(s *yang.Node, v string, m *meta.Node) {
	if m == nil {
		e.leaf(s, v)
		return
	}
	e.w.Start(s.Module.Namespace, s.Name)
	d := e.declarer(s, v)
	text := value.Rewrite(s.Type, v, d.prefix)
	d.attributes(m)
	e.w.Text(text)
	e.w.End()
}

// declarer is that of the element just opened, of s with that value, if any.
func (e *encoder) declarer(s *yang.Node, v string) *declarer {
	return &declarer{w: e.w, find: func(name string) *yang.Module { return e.module(s, v, name) }}
}

// attributes writes annotations (RFC 7952, 5.1). It comes after everything else
// that declares prefixes.
func (d *declarer) attributes(m *meta.Node) {
	if m == nil {
		return
	}
	values := make([]string, len(m.Annotations))
	for i, a := range m.Annotations {
		values[i] = value.Rewrite(a.Def.Type, a.Value, d.prefix)
	}
	for i, a := range m.Annotations {
		d.w.AttrNS(a.Def.Module.Prefix, a.Def.Module.Namespace, a.Def.Name, values[i])
	}
}

// named gives the lexical form of a value that may hold names, and declares
// their prefixes on the element just opened (RFC 7950, 9.10.3 and 9.13.2).
func named(w *xmlstream.Writer, t *yang.Type, v string, find func(name string) *yang.Module) string {
	d := declarer{w: w, find: find}
	return value.Rewrite(t, v, d.prefix)
}

// declarer declares a prefix for each module that it is asked for.
type declarer struct {
	w    *xmlstream.Writer
	find func(name string) *yang.Module
	done []declared
}

type declared struct{ module, prefix string }

func (d *declarer) prefix(name string) string {
	for _, x := range d.done {
		if x.module == name {
			return x.prefix
		}
	}
	m := d.find(name)
	if m == nil {
		return name
	}
	p := m.Prefix
	for n := 1; p == "" || d.taken(p); n++ {
		p = m.Prefix + strconv.Itoa(n)
		if m.Prefix == "" {
			p = "m" + p
		}
	}
	d.done = append(d.done, declared{name, p})
	d.w.Namespace(p, m.Namespace)
	return p
}

func (d *declarer) taken(prefix string) bool {
	if strings.HasPrefix(strings.ToLower(prefix), "xml") { // Namespaces in XML, 3: reserved
		return true
	}
	for _, x := range d.done {
		if x.prefix == prefix {
			return true
		}
	}
	return false
}

// module finds a module that a value of s names.
func (e *encoder) module(s *yang.Node, v, name string) *yang.Module {
	if s.Module.Name == name {
		return s.Module
	}
	if m := e.byName[name]; m != nil {
		return m
	}
	var m *yang.Module
	if e.options.Modules != nil {
		m = e.options.Modules(name)
	} else {
		if s.Type != nil {
			if id := value.Identity(s.Type, v); id != nil && id.Module.Name == name {
				m = id.Module
			}
		}
		if m == nil {
			m = search(s, name)
		}
	}
	if m != nil {
		if e.byName == nil {
			e.byName = make(map[string]*yang.Module)
		}
		e.byName[name] = m
	}
	return m
}

// search looks for a module among the nodes of the schema that s is in.
func search(s *yang.Node, name string) *yang.Module {
	root := s
	for root.Parent != nil {
		root = root.Parent
	}
	var below func(n *yang.Node) *yang.Module
	below = func(n *yang.Node) *yang.Module {
		if n.Module != nil && n.Module.Name == name {
			return n.Module
		}
		for _, c := range n.Children {
			if m := below(c); m != nil {
				return m
			}
		}
		return nil
	}
	return below(root)
}

// Path writes an element with an instance path in the XPath form of RFC 6241
// (error-path) and RFC 7950, 9.13: every name with a prefix that is declared on
// the element. path is in the form of RFC 7951, 6.11, as errors have it.
func Path(w *xmlstream.Writer, ns, local string, schema *yang.Schema, path string) {
	w.Start(ns, local)
	d := declarer{w: w, find: schema.Module}
	w.Text(d.path(path))
	w.End()
}

// path gives every name outside of quotes its prefix. A name without module has
// that of the step around or before it.
func (d *declarer) path(path string) string {
	var b strings.Builder
	module := ""
	for i := 0; i < len(path); {
		c := path[i]
		switch {
		case c == '\'' || c == '"':
			end := strings.IndexByte(path[i+1:], c)
			if end < 0 {
				end = len(path) - i - 2
			}
			b.WriteString(path[i : i+end+2])
			i += end + 2
		case (c == '/' || c == '[') && i+1 < len(path) && nameStart(path[i+1]):
			b.WriteByte(c)
			end := i + 1
			for end < len(path) && nameByte(path[end]) {
				end++
			}
			name := path[i+1 : end]
			m, local, ok := strings.Cut(name, ":")
			if !ok {
				m, local = module, name
			}
			if c == '/' {
				module = m
			}
			if m != "" {
				fmt.Fprintf(&b, "%s:", d.prefix(m))
			}
			b.WriteString(local)
			i = end
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

func nameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func nameByte(c byte) bool {
	return nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':'
}
