// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"iter"
	"strings"

	"nso.example/nso/yang"
)

// Node is one container, one list entry, or the root of a tree. It is immutable.
// A nil *Node is a valid empty node for everything that reads.
type Node struct {
	schema *yang.Node
	leaves string
	kids   []kid
}

// kid is what a Node holds besides leaves: *Node, *List, *LeafList or *anyData,
// in order of their schema's Index.
type kid interface{ Schema() *yang.Node }

// Any is the content of an anydata or anyxml node, kept as it came. Encoders
// write it as it is: whoever makes one answers for its being well-formed.
type Any struct {
	Format Format
	Text   string
}

// Format is the encoding that an Any is written in.
type Format uint8

// The formats.
const (
	// XML is the whole element, its own tag included, with all namespace
	// declarations that it needs: a document of its own.
	XML Format = iota + 1
	// JSON is one JSON value.
	JSON
)

type anyData struct {
	schema *yang.Node
	any    Any
}

func (a *anyData) Schema() *yang.Node { return a.schema }

// New returns an empty node of that schema: a container, the root, or the input
// or output of an operation. For list entries use a Builder or Apply.
func New(s *yang.Node) *Node { return &Node{schema: s} }

// Schema is the schema node of n, nil for a nil n.
func (n *Node) Schema() *yang.Node {
	if n == nil {
		return nil
	}
	return n.schema
}

// Leaf returns the value of the child leaf s.
func (n *Node) Leaf(s *yang.Node) (value string, ok bool) {
	if n == nil || s.DataParent != n.schema {
		return "", false
	}
	return packedLeaf(n.leaves, s.Index)
}

func packedLeaf(leaves string, index int) (string, bool) {
	for rest := leaves; rest != ""; {
		var i int
		var v string
		i, v, rest = nextLeaf(rest)
		if i >= index {
			return v, i == index
		}
	}
	return "", false
}

// place is where the kid of that index is or would be.
func place(kids []kid, index int) (int, bool) {
	lo, hi := 0, len(kids)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if kids[mid].Schema().Index < index {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(kids) && kids[lo].Schema().Index == index
}

func (n *Node) kid(s *yang.Node) kid {
	if n == nil || s.DataParent != n.schema {
		return nil
	}
	if i, ok := place(n.kids, s.Index); ok {
		return n.kids[i]
	}
	return nil
}

// Container returns the child container s, nil if there is none.
func (n *Node) Container(s *yang.Node) *Node {
	c, _ := n.kid(s).(*Node)
	return c
}

// List returns the entries of the child list s, nil if there is none.
func (n *Node) List(s *yang.Node) *List {
	l, _ := n.kid(s).(*List)
	return l
}

// LeafList returns the entries of the child leaf-list s, nil if there is none.
func (n *Node) LeafList(s *yang.Node) *LeafList {
	l, _ := n.kid(s).(*LeafList)
	return l
}

// Any returns the content of the child anydata or anyxml s.
func (n *Node) Any(s *yang.Node) (Any, bool) {
	a, ok := n.kid(s).(*anyData)
	if !ok {
		return Any{}, false
	}
	return a.any, true
}

// Has reports whether the child s exists: for a list or leaf-list, any entry.
func (n *Node) Has(s *yang.Node) bool {
	if s.Kind == yang.KindLeaf {
		_, ok := n.Leaf(s)
		return ok
	}
	return n.kid(s) != nil
}

// Empty reports whether n has no children at all.
func (n *Node) Empty() bool { return n == nil || n.leaves == "" && len(n.kids) == 0 }

// Key is the key of n as an entry of its list; "" if the list has no key or n
// is no entry.
func (n *Node) Key() Key {
	if n == nil || n.schema.Kind != yang.KindList {
		return ""
	}
	return Key(keyPrefix(n.leaves, len(n.schema.Keys)))
}

// Child is one existing child of a node; of the fields after Schema the one
// that its kind says is set.
type Child struct {
	Schema   *yang.Node
	Value    string    // leaf; the value of an entry where a path names one of a leaf-list
	Node     *Node     // container; list entry where a path names one
	List     *List     // list
	LeafList *LeafList // leaf-list
	Any      Any       // anydata, anyxml
}

func childOf(k kid) Child {
	switch k := k.(type) {
	case *Node:
		return Child{Schema: k.schema, Node: k}
	case *List:
		return Child{Schema: k.schema, List: k}
	case *LeafList:
		return Child{Schema: k.schema, LeafList: k}
	case *anyData:
		return Child{Schema: k.schema, Any: k.any}
	}
	return Child{}
}

// child is the child s of n.
func (n *Node) child(s *yang.Node) (Child, bool) {
	if s.Kind == yang.KindLeaf {
		v, ok := n.Leaf(s)
		return Child{Schema: s, Value: v}, ok
	}
	k := n.kid(s)
	if k == nil {
		return Child{}, false
	}
	return childOf(k), true
}

// Children iterates over the existing children in order of the schema: keys
// first.
func (n *Node) Children() iter.Seq[Child] {
	return func(yield func(Child) bool) {
		if n == nil {
			return
		}
		rest, kids := n.leaves, n.kids
		for rest != "" {
			i, v, after := nextLeaf(rest)
			for len(kids) > 0 && kids[0].Schema().Index < i {
				if !yield(childOf(kids[0])) {
					return
				}
				kids = kids[1:]
			}
			if !yield(Child{Schema: n.schema.DataChildren[i], Value: v}) {
				return
			}
			rest = after
		}
		for _, k := range kids {
			if !yield(childOf(k)) {
				return
			}
		}
	}
}

// Leaves iterates over the leaves alone, in order of the schema. It is what
// encoders use for most of a tree: no Child is made.
func (n *Node) Leaves() iter.Seq2[*yang.Node, string] {
	return func(yield func(*yang.Node, string) bool) {
		if n == nil {
			return
		}
		for rest := n.leaves; rest != ""; {
			var i int
			var v string
			i, v, rest = nextLeaf(rest)
			if !yield(n.schema.DataChildren[i], v) {
				return
			}
		}
	}
}

// OnlyLeaves reports whether n has no children but leaves.
func (n *Node) OnlyLeaves() bool { return n == nil || len(n.kids) == 0 }

// Count is the number of leaves, leaf-list entries, anydata and anyxml in n.
func (n *Node) Count() int {
	if n == nil {
		return 0
	}
	count := 0
	for rest := n.leaves; rest != ""; count++ {
		_, _, rest = nextLeaf(rest)
	}
	for _, k := range n.kids {
		switch k := k.(type) {
		case *Node:
			count += k.Count()
		case *LeafList:
			count += k.Len()
		case *anyData:
			count++
		case *List:
			for e := range k.All() {
				count += e.Count()
			}
		}
	}
	return count
}

// clone keeps a value from holding a larger text alive.
func clone(v string) string { return strings.Clone(v) }
