// SPDX-License-Identifier: Apache-2.0

package textenc

import (
	"io"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Set writes what is at path below root as lines "set PATH VALUE", whole paths
// from the root, one for each leaf, leaf-list entry and what has nothing in it
// but its existence. Anydata has no such line; a comment says so.
func Set(w io.Writer, root *tree.Node, path tree.Path) error {
	p := newPrinter(w)
	if c, ok := root.Find(path); ok {
		p.setAt(path, c)
	}
	return p.flush()
}

// setAt writes the lines of what is at a path.
func (p *printer) setAt(path tree.Path, c tree.Child) bool {
	s := &setter{printer: p, prefix: []byte("set ")}
	if len(path) == 0 {
		return s.body(c.Node)
	}
	// The last step is said with the child itself.
	p.buf, s.prefix = s.prefix, p.buf
	if p.words(path[:len(path)-1]); len(path) > 1 {
		p.buf = append(p.buf, ' ')
	}
	p.buf, s.prefix = s.prefix, p.buf
	return s.child(c)
}

// setter keeps the words that all lines at one place begin with.
type setter struct {
	*printer
	prefix []byte
}

func (s *setter) body(n *tree.Node) bool {
	if n.OnlyLeaves() {
		for l, v := range n.Leaves() {
			if !keyLeaf(l) && !s.leaf(l, v) {
				return false
			}
		}
		return true
	}
	for c := range n.Children() {
		if !s.child(c) {
			return false
		}
	}
	return true
}

func (s *setter) child(c tree.Child) bool {
	switch sn := c.Schema; sn.Kind {
	case yang.KindLeaf:
		return keyLeaf(sn) || s.leaf(sn, c.Value)
	case yang.KindLeafList:
		if c.LeafList == nil {
			return s.leaf(sn, c.Value)
		}
		for v := range c.LeafList.All() {
			if !s.leaf(sn, v) {
				return false
			}
		}
		return true
	case yang.KindList:
		if c.Node != nil {
			return s.inside(c.Node)
		}
		for e := range c.List.All() {
			if !s.inside(e) {
				return false
			}
		}
		return true
	case yang.KindAnydata, yang.KindAnyxml:
		s.buf = append(append(append(s.buf, "# "...), s.prefix[len("set "):]...), s.label(sn)...)
		s.buf = append(append(append(s.buf, ": "...), sn.Kind.String()...), " is shown as xml or json only"...)
		return s.line()
	}
	return s.inside(c.Node)
}

func (s *setter) leaf(l *yang.Node, v string) bool {
	s.buf = append(append(s.buf, s.prefix...), s.label(l)...)
	if !isEmptyType(l) {
		s.buf = append(s.buf, ' ')
		s.value(l, v)
	}
	return s.line()
}

// inside writes a container or list entry: its children with longer words, or
// one line if it has none.
func (s *setter) inside(n *tree.Node) bool {
	mark := len(s.prefix)
	p := s.printer
	p.buf, s.prefix = s.prefix, p.buf
	p.buf = append(p.buf, p.label(n.Schema())...)
	if n.Schema().Kind == yang.KindList && len(n.Schema().Keys) > 0 {
		p.entryKeys(n)
	}
	p.buf, s.prefix = s.prefix, p.buf
	ok := true
	if hasBody(n) {
		s.prefix = append(s.prefix, ' ')
		ok = s.body(n)
	} else {
		s.buf = append(s.buf, s.prefix...)
		ok = s.line()
	}
	s.prefix = s.prefix[:mark]
	return ok
}
