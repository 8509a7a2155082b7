// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/xml"
	"fmt"
	"slices"
	"sort"
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// element is a part of a document that can be damaged in ways that no tree can.
type element struct {
	schema    *yang.Node // nil for what no module knows
	space     string
	name      string
	text      string
	prefixes  map[string]string
	children  []*element
	parent    *element
	afterText string // stray text at the end
	value     string // canonical, if text is that as XML has it
	any       string // the whole element, of an anydata or anyxml
}

// document makes elements of a tree; the root has no name.
func document(n *tree.Node) *element {
	root := &element{schema: n.Schema()}
	root.fill(n)
	return root
}

func (e *element) add(s *yang.Node) *element {
	c := &element{schema: s, space: s.Module.Namespace, name: s.Name, parent: e}
	e.children = append(e.children, c)
	return c
}

func (e *element) fill(n *tree.Node) {
	for c := range n.Children() {
		switch {
		case c.Node != nil:
			e.add(c.Schema).fill(c.Node)
		case c.List != nil:
			for x := range c.List.All() {
				e.add(c.Schema).fill(x)
			}
		case c.LeafList != nil:
			for v := range c.LeafList.All() {
				e.add(c.Schema).set(v)
			}
		case c.Any.Format == 0:
			e.add(c.Schema).set(c.Value)
		default:
			e.add(c.Schema).any = c.Any.Text
		}
	}
}

// set gives a leaf a canonical value.
func (e *element) set(v string) {
	e.prefixes = map[string]string{}
	e.value = v
	e.text = value.Rewrite(e.schema.Type, v, func(module string) string {
		e.prefixes[module] = module
		return module
	})
}

// all are the elements below e.
func (e *element) all() []*element {
	var out []*element
	for _, c := range e.children {
		out = append(append(out, c), c.all()...)
	}
	return out
}

// clone copies e below another parent.
func (e *element) clone(parent *element) *element {
	c := *e
	c.parent, c.children = parent, nil
	for _, x := range e.children {
		c.children = append(c.children, x.clone(&c))
	}
	return &c
}

// prune takes the empty containers without presence out.
func (e *element) prune() *element {
	for _, c := range slices.Clone(e.children) {
		c.prune()
		s := c.schema
		if c.name == s.Name && c.space == s.Module.Namespace && s.Kind == yang.KindContainer && !s.HasPresence && len(c.children) == 0 && c.afterText == "" {
			c.remove()
		}
	}
	return e
}

func (e *element) place() int {
	for i, c := range e.parent.children {
		if c == e {
			return i
		}
	}
	return -1
}

func (e *element) remove() {
	i := e.place()
	e.parent.children = append(e.parent.children[:i:i], e.parent.children[i+1:]...)
}

// xml writes the children of the root, one after another.
func (e *element) xml(s *yang.Schema) string {
	var b strings.Builder
	for _, c := range e.children {
		c.write(&b, s, "", 0)
	}
	return b.String()
}

func (e *element) write(b *strings.Builder, s *yang.Schema, space string, depth int) {
	if e.any != "" {
		b.WriteString(strings.Repeat(" ", depth) + e.any + "\n")
		return
	}
	b.WriteString(strings.Repeat(" ", depth) + "<" + e.name)
	if e.space != space {
		fmt.Fprintf(b, " xmlns=%q", e.space)
	}
	var names []string
	for p := range e.prefixes {
		names = append(names, p)
	}
	sort.Strings(names)
	for _, p := range names {
		if m := s.Module(e.prefixes[p]); m != nil {
			fmt.Fprintf(b, " xmlns:%s=%q", p, m.Namespace)
		}
	}
	b.WriteString(">")
	if len(e.children) > 0 {
		b.WriteString("\n")
	}
	_ = xml.EscapeText(b, []byte(e.text)) // to a builder
	for _, c := range e.children {
		c.write(b, s, e.space, depth+1)
	}
	if len(e.children) > 0 {
		b.WriteString(strings.Repeat(" ", depth))
	}
	b.WriteString(e.afterText + "</" + e.name + ">\n")
}
