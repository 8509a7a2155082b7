// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"slices"
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Node is an instance with its way up to the root: what an evaluation starts
// from and what it finds. Trees hold no parents, so a Node does.
type Node struct {
	Parent *Node // nil for the root
	// Schema is the schema node. The input of an operation stands for the
	// operation itself (RFC 7950, 6.4.1).
	Schema *yang.Node
	// Tree is set for the root, containers and list entries. It is nil for a
	// container that holds nothing and exists all the same.
	Tree *tree.Node
	// Value is that of a leaf or an entry of a leaf-list.
	Value string
	// Default says that the value is a default in use, not data.
	Default bool

	text  bool   // the text node in a leaf
	depth uint16 // of the root: 0
	place uint32 // in its list or leaf-list, from 1; 0 if not known
}

// Root is the root of a tree.
func Root(t *tree.Node) *Node { return &Node{Schema: t.Schema(), Tree: t} }

// Below makes the child of n with that schema: t for a container, entry or
// input, value for a leaf or an entry of a leaf-list. It does not look whether
// n has such a child.
func (n *Node) Below(s *yang.Node, t *tree.Node, value string) *Node {
	return &Node{Parent: n, Schema: s, Tree: t, Value: value, depth: n.depth + 1}
}

// Into is Below in memory of the caller's.
func (n *Node) Into(x *Node, s *yang.Node, t *tree.Node, value string) *Node {
	*x = Node{Parent: n, Schema: s, Tree: t, Value: value, depth: n.depth + 1}
	return x
}

// Locate follows a path from the root of a tree. A path to a list without key
// names no node.
func Locate(root *tree.Node, p tree.Path) (*Node, bool) {
	n := Root(root)
	for i, s := range p {
		c, ok := n.Tree.Find(p[i : i+1])
		if !ok || c.List != nil || c.LeafList != nil {
			return nil, false
		}
		n = n.Below(s.Schema, c.Node, c.Value)
	}
	return n, true
}

// Instance finds what a canonical instance-identifier names (RFC 7950, 9.13).
// A default in use exists too.
func Instance(schema *yang.Schema, root *Node, text string) (*Node, bool) {
	p, err := tree.ParsePath(schema, text)
	if err != nil {
		return nil, false
	}
	n := root
	for i, s := range p {
		c, ok := n.Tree.Find(p[i : i+1])
		if !ok && Defaulted(n.Tree, s.Schema) {
			if n = n.Below(s.Schema, nil, ""); len(s.Schema.Defaults) > 0 {
				n.Value, n.Default = s.Schema.Defaults[0], true
				return n, i == len(p)-1 && (!s.HasKey || slices.Contains(s.Schema.Defaults, s.Value))
			}
			n.Default = true
			continue
		}
		if !ok || c.List != nil || c.LeafList != nil {
			return nil, false
		}
		n = n.Below(s.Schema, c.Node, c.Value)
	}
	return n, true
}

// Path is the instance path of n; a text node has that of its leaf.
func (n *Node) Path() tree.Path {
	if n.text {
		n = n.Parent
	}
	p := make(tree.Path, n.depth)
	for ; n.Parent != nil; n = n.Parent {
		p[n.depth-1] = n.step()
	}
	return p
}

func (n *Node) step() tree.Step {
	s := tree.Step{Schema: n.Schema}
	switch n.Schema.Kind {
	case yang.KindInput, yang.KindOutput: // which are no elements
		s.Schema = n.Schema.Parent
	case yang.KindList:
		s.HasKey = true
		if s.Key = n.Tree.Key(); len(n.Schema.Keys) == 0 {
			s.Key = tree.MakeKey(n.Schema, formatNumber(float64(n.ordinal(nil))))
		}
	case yang.KindLeafList:
		s.HasKey, s.Value = true, n.Value
	}
	return s
}

// Child is n as its parent's tree gives it.
func (n *Node) Child() tree.Child {
	if n.text {
		n = n.Parent
	}
	c := tree.Child{Schema: n.Schema, Value: n.Value, Node: n.Tree}
	if n.Schema.Kind == yang.KindAnydata || n.Schema.Kind == yang.KindAnyxml {
		c.Any, _ = n.Parent.Tree.Any(n.Schema)
	}
	return c
}

// name is the expanded name: operations lend theirs to their input and output.
func (n *Node) name() (module, name string) {
	s := n.Schema
	switch s.Kind {
	case yang.KindRoot:
		return "", ""
	case yang.KindInput, yang.KindOutput:
		s = s.Parent
	}
	return s.Module.Name, s.Name
}

// String is the string-value (XPath 5): the value of a leaf, or the texts of
// all leaves below in document order.
func (n *Node) String() string {
	switch n.Schema.Kind {
	case yang.KindLeaf, yang.KindLeafList:
		return n.Value
	}
	var b strings.Builder
	appendText(&b, n.Tree)
	return b.String()
}

func appendText(b *strings.Builder, t *tree.Node) {
	for c := range t.Children() {
		switch {
		case c.Node != nil:
			appendText(b, c.Node)
		case c.List != nil:
			for e := range c.List.All() {
				appendText(b, e)
			}
		case c.LeafList != nil:
			for v := range c.LeafList.All() {
				b.WriteString(v)
			}
		default:
			b.WriteString(c.Value)
		}
	}
}

// same reports whether a and b are one node.
func same(a, b *Node) bool {
	for {
		switch {
		case a == b:
			return true
		case a == nil || b == nil || a.Schema != b.Schema || a.depth != b.depth || a.text != b.text:
			return false
		}
		switch a.Schema.Kind {
		case yang.KindList:
			if a.Tree != b.Tree {
				return false
			}
		case yang.KindLeafList:
			if a.Value != b.Value || a.place != b.place && !a.Schema.Config {
				return false
			}
		}
		a, b = a.Parent, b.Parent
	}
}

// order compares in document order: the schema's among siblings, the list's
// among entries.
func (r *run) order(a, b *Node) int {
	da, db := a.depth, b.depth
	x, y := a, b
	for x.depth > db {
		x = x.Parent
	}
	for y.depth > da {
		y = y.Parent
	}
	for !same(x.Parent, y.Parent) {
		x, y = x.Parent, y.Parent
	}
	switch {
	case same(x, y):
		return int(da) - int(db)
	case x.Schema != y.Schema:
		return x.Schema.Index - y.Schema.Index
	}
	return x.ordinal(r) - y.ordinal(r)
}

// ordinal is the place among the entries of its list, from 1.
func (n *Node) ordinal(r *run) int {
	if n.place > 0 {
		return int(n.place)
	}
	i := 0
	switch n.Schema.Kind {
	case yang.KindList:
		for e := range n.Parent.Tree.List(n.Schema).All() {
			if i++; e == n.Tree {
				break
			}
		}
	case yang.KindLeafList:
		for v := range n.Parent.Tree.LeafList(n.Schema).All() {
			if i++; v == n.Value {
				break
			}
		}
	}
	if r != nil {
		r.spend(i)
		n.place = uint32(i)
	}
	return i
}

// arrange sorts nodes into document order and drops duplicates.
func (r *run) arrange(nodes []*Node) []*Node {
	if len(nodes) < 2 {
		return nodes
	}
	if len(nodes) == 2 {
		switch c := r.order(nodes[0], nodes[1]); {
		case c == 0:
			return nodes[:1]
		case c > 0:
			nodes[0], nodes[1] = nodes[1], nodes[0]
		}
		return nodes
	}
	// Ordinals once for each list, not once for each entry.
	r.number(nodes)
	slices.SortStableFunc(nodes, func(a, b *Node) int {
		r.spend(1)
		return r.order(a, b)
	})
	return slices.CompactFunc(nodes, same)
}

// number gives the nodes and their ancestors that are entries their ordinals.
func (r *run) number(nodes []*Node) {
	type home struct {
		parent *tree.Node
		list   *yang.Node
	}
	var places map[home]map[*tree.Node]int
	for _, n := range nodes {
		for ; n != nil; n = n.Parent {
			if n.place > 0 || n.Schema.Kind != yang.KindList {
				continue
			}
			h := home{n.Parent.Tree, n.Schema}
			m := places[h]
			if m == nil {
				if places == nil {
					places = map[home]map[*tree.Node]int{}
				}
				m = map[*tree.Node]int{}
				for e := range h.parent.List(h.list).All() {
					if m[e] = len(m) + 1; !r.spend(1) {
						return
					}
				}
				places[h] = m
			}
			n.place = uint32(m[n.Tree])
		}
	}
}

// inCase reports whether a node that is not there may exist by default as far
// as choices go (RFC 7950, 7.6.1 and 7.5.1): every case around it is the one in
// use.
func inCase(t *tree.Node, s *yang.Node) bool {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind == yang.KindCase && !caseInUse(t, p) {
			return false
		}
	}
	return true
}

// CaseInUse reports whether every case around the child s is the one in use in
// t, so that what is mandatory or a default there counts (RFC 7950, 7.6.1, 7.6.5).
func CaseInUse(t *tree.Node, s *yang.Node) bool {
	return s.Parent == s.DataParent || inCase(t, s)
}

func caseInUse(t *tree.Node, c *yang.Node) bool {
	if anyOf(t, c) {
		return true
	}
	return c.Parent.DefaultCase == c && !anyOf(t, c.Parent)
}

// anyOf reports whether any data node below a choice or case is there.
func anyOf(t *tree.Node, s *yang.Node) bool {
	for _, c := range s.Children {
		if c.Kind == yang.KindChoice || c.Kind == yang.KindCase {
			if anyOf(t, c) {
				return true
			}
		} else if t.Has(c) {
			return true
		}
	}
	return false
}

// Defaulted reports whether the child s of n, of which the tree holds nothing,
// exists all the same: a non-presence container, or a leaf or leaf-list with
// defaults, in a case that is in use (RFC 7950, 6.4.1). The "when" statements
// of s are not looked at.
func Defaulted(t *tree.Node, s *yang.Node) bool {
	switch s.Kind {
	case yang.KindContainer:
		if s.HasPresence {
			return false
		}
	case yang.KindLeaf, yang.KindLeafList:
		if len(s.Defaults) == 0 {
			return false
		}
	default:
		return false
	}
	return s.Parent == s.DataParent || inCase(t, s)
}
