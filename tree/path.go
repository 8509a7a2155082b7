// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"slices"
	"strconv"
	"strings"

	"nso.example/nso/yang"
)

// Step is one step of an instance path. HasKey says that Key names an entry of
// a list, or Value one of a leaf-list; without it the step is all of them.
type Step struct {
	Schema *yang.Node
	Key    Key
	Value  string
	HasKey bool
}

// Path is the path of an instance from the root; an empty Path is the root.
type Path []Step

// Schema is the schema node of the last step, nil for the empty path.
func (p Path) Schema() *yang.Node {
	if len(p) == 0 {
		return nil
	}
	return p[len(p)-1].Schema
}

// Clone is a copy that does not change under iteration.
func (p Path) Clone() Path { return slices.Clone(p) }

// String is the path as an instance-identifier in the form of RFC 7951, 6.11.
func (p Path) String() string {
	if len(p) == 0 {
		return "/"
	}
	b := make([]byte, 0, 32*len(p))
	var module *yang.Module
	for _, s := range p {
		b = append(b, '/')
		if s.Schema.Module != module {
			module = s.Schema.Module
			b = append(append(b, module.Name...), ':')
		}
		b = append(b, s.Schema.Name...)
		if s.HasKey {
			b = s.appendPredicates(b, module)
		}
	}
	return string(b)
}

func (s Step) appendPredicates(b []byte, module *yang.Module) []byte {
	switch {
	case s.Schema.Kind == yang.KindLeafList:
		b = appendLiteral(append(b, "[.="...), s.Value)
		b = append(b, ']')
	case len(s.Schema.Keys) == 0:
		b = append(append(append(b, '['), s.Key...), ']')
	default:
		for i, v := range s.Key.Values(s.Schema) {
			b = append(b, '[')
			if k := s.Schema.Keys[i]; k.Module != module {
				b = append(append(b, k.Module.Name...), ':')
			}
			b = append(append(b, s.Schema.Keys[i].Name...), '=')
			b = appendLiteral(b, v)
			b = append(b, ']')
		}
	}
	return b
}

// appendLiteral writes an XPath literal. A text with both kinds of quotes has
// none; it is written as the concat() that XPath has for it.
func appendLiteral(b []byte, v string) []byte {
	switch {
	case !strings.Contains(v, "'"):
		return append(append(append(b, '\''), v...), '\'')
	case !strings.Contains(v, `"`):
		return append(append(append(b, '"'), v...), '"')
	}
	b = append(b, "concat("...)
	for i, part := range strings.Split(v, "'") {
		if i > 0 {
			b = append(b, `,"'",`...)
		}
		b = append(append(append(b, '\''), part...), '\'')
	}
	return append(b, ')')
}

// Find returns what p names below n: the Node of an entry or container, the
// Value of a leaf or leaf-list entry, the List or LeafList of a step without
// key.
func (n *Node) Find(p Path) (Child, bool) {
	c := Child{Node: n}
	if n != nil {
		c.Schema = n.schema
	}
	for i := range p {
		if c.Node == nil {
			return Child{}, false
		}
		var ok bool
		if c, ok = c.Node.step(&p[i]); !ok {
			return Child{}, false
		}
	}
	return c, n != nil
}

func (n *Node) step(s *Step) (Child, bool) {
	switch {
	case !s.HasKey:
	case s.Schema.Kind == yang.KindList:
		e := n.List(s.Schema).Get(s.Key)
		return Child{Schema: s.Schema, Node: e}, e != nil
	case s.Schema.Kind == yang.KindLeafList:
		return Child{Schema: s.Schema, Value: s.Value}, n.LeafList(s.Schema).Has(s.Value)
	}
	return n.child(s.Schema)
}

// ParsePath reads an instance path: names as module:name, the module left out
// where it is that of the step before (RFC 7951, 6.11); predicates of keys in
// any order, of a leaf-list as [.='value'], of a list without key as a position.
// A list or leaf-list without predicate, as the last step, is all its entries.
// Values are checked and made canonical.
func ParsePath(s *yang.Schema, text string) (Path, error) { return ParsePathIn(s, s.Root, text) }

// ParsePathIn is ParsePath for a tree that is not that of the datastores: the input of
// an operation. A name without module is one of the module of top.
func ParsePathIn(s *yang.Schema, top *yang.Node, text string) (Path, error) {
	ps := &pathParser{text: text}
	if text == "" || text[0] != '/' {
		return nil, ps.fail("it must begin with /")
	}
	if text == "/" {
		return Path{}, nil
	}
	var p Path
	at := top
	for ps.pos < len(text) {
		step, err := ps.step(s, at, p)
		if err != nil {
			return nil, err
		}
		if len(p) >= maxDepth {
			return nil, ps.fail("it has more than " + strconv.Itoa(maxDepth) + " steps")
		}
		p = append(p, step)
		at = step.Schema
		last := ps.pos == len(text)
		switch at.Kind {
		case yang.KindList:
			if !last && !step.HasKey {
				return nil, ps.at(p).fail("a key of list " + at.Name + " is needed: " + exampleKeys(at))
			}
		case yang.KindContainer:
		default:
			if !last {
				return nil, ps.at(p).fail(at.Kind.String() + " " + at.Name + " has no children")
			}
		}
	}
	return p, nil
}

// maxDepth bounds the steps of a path: no real model comes near.
const maxDepth = 256

func exampleKeys(list *yang.Node) string {
	var b strings.Builder
	for _, k := range list.Keys {
		b.WriteString("[" + k.Name + "='...']")
	}
	if len(list.Keys) == 0 {
		return "[1]"
	}
	return b.String()
}
