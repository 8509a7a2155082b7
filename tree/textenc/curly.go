// SPDX-License-Identifier: Apache-2.0

package textenc

import (
	"io"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Curly writes what is at path below root: the children of a container or list
// entry, the statement of a leaf, all entries of a list without keys. Nothing
// is written for what is not there.
func Curly(w io.Writer, root *tree.Node, path tree.Path) error {
	p := newPrinter(w)
	if c, ok := root.Find(path); ok {
		switch {
		case c.Node != nil:
			p.body(c.Node, 0)
		default:
			p.child(c, 0)
		}
	}
	return p.flush()
}

const indent = "                                                                "

func (p *printer) begin(depth int) {
	p.buf = append(p.buf, p.margin...)
	for n := 4 * depth; n > 0; n -= len(indent) {
		p.buf = append(p.buf, indent[:min(n, len(indent))]...)
	}
}

// body writes the children of a node.
func (p *printer) body(n *tree.Node, depth int) bool {
	if n.OnlyLeaves() {
		for s, v := range n.Leaves() {
			if !keyLeaf(s) && !p.leaf(s, v, depth) {
				return false
			}
		}
		return true
	}
	for c := range n.Children() {
		if !p.child(c, depth) {
			return false
		}
	}
	return true
}

// child writes the statements of one child.
func (p *printer) child(c tree.Child, depth int) bool {
	switch s := c.Schema; s.Kind {
	case yang.KindLeaf:
		return keyLeaf(s) || p.leaf(s, c.Value, depth)
	case yang.KindLeafList:
		if c.LeafList == nil {
			return p.leaf(s, c.Value, depth)
		}
		return p.leafList(c.LeafList, depth)
	case yang.KindList:
		if c.Node != nil {
			return p.entry(c.Node, depth)
		}
		for e := range c.List.All() {
			if !p.entry(e, depth) {
				return false
			}
		}
		return true
	case yang.KindAnydata, yang.KindAnyxml:
		p.begin(depth)
		p.buf = append(append(p.buf, p.label(s)...), ' ')
		p.buf = append(AppendQuoted(p.buf, c.Any.Text), ';')
		return p.line()
	}
	p.begin(depth)
	p.buf = append(p.buf, p.label(c.Schema)...)
	return p.block(c.Node, depth)
}

func (p *printer) leaf(s *yang.Node, v string, depth int) bool {
	p.begin(depth)
	p.buf = append(p.buf, p.label(s)...)
	if !isEmptyType(s) {
		p.buf = append(p.buf, ' ')
		p.value(s, v)
	}
	p.buf = append(p.buf, ';')
	return p.line()
}

func (p *printer) leafList(l *tree.LeafList, depth int) bool {
	s := l.Schema()
	p.begin(depth)
	p.buf = append(p.buf, p.label(s)...)
	many := l.Len() > 1
	if many {
		p.buf = append(p.buf, " ["...)
	}
	for v := range l.All() {
		p.buf = append(p.buf, ' ')
		p.value(s, v)
		if len(p.buf) >= bufferSize && p.flush() != nil {
			return false
		}
	}
	if many {
		p.buf = append(p.buf, " ]"...)
	}
	p.buf = append(p.buf, ';')
	return p.line()
}

// entry writes one list entry.
func (p *printer) entry(e *tree.Node, depth int) bool {
	p.begin(depth)
	s := e.Schema()
	p.buf = append(p.buf, p.label(s)...)
	if len(s.Keys) > 0 {
		p.entryKeys(e)
	}
	return p.block(e, depth)
}

// entryKeys appends the key values of an entry, each after a blank. It asks
// the packed leaves, and makes no Key.
func (p *printer) entryKeys(e *tree.Node) {
	left := len(e.Schema().Keys)
	for s, v := range e.Leaves() {
		p.buf = append(p.buf, ' ')
		p.value(s, v)
		if left--; left == 0 {
			return
		}
	}
}

// block writes the rest of a statement: its children in braces, or a semicolon.
func (p *printer) block(n *tree.Node, depth int) bool {
	if !hasBody(n) {
		p.buf = append(p.buf, ';')
		return p.line()
	}
	p.buf = append(p.buf, " {"...)
	if !p.line() || !p.body(n, depth+1) {
		return false
	}
	p.begin(depth)
	p.buf = append(p.buf, '}')
	return p.line()
}

// hasBody reports whether a node has anything but its keys.
func hasBody(n *tree.Node) bool {
	if n == nil || !n.OnlyLeaves() {
		return n != nil
	}
	for s := range n.Leaves() {
		if !keyLeaf(s) {
			return true
		}
	}
	return false
}
