// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"encoding/binary"
	"slices"

	"nso.example/nso/yang"
)

// mut is a Node while it is changed. Its buffers are used again for the next
// node at the same depth; done makes the Node.
type mut struct {
	old    *Node // nil if new
	schema *yang.Node
	packed string // the leaves while own is false
	leaves []byte // the leaves once own is true
	own    bool
	top    int // the greatest index in leaves if it is known, else -1
	kids   []kid
	// changed says that done makes a new Node.
	changed bool
	// chosen are the cases that this edit has set nodes of.
	chosen []*yang.Node
}

func (m *mut) begin(schema *yang.Node, old *Node, key Key) {
	m.old, m.schema, m.own, m.changed, m.top = old, schema, false, false, -1
	m.packed, m.kids, m.chosen = string(key), m.kids[:0], m.chosen[:0]
	if old != nil {
		m.packed = old.leaves
		m.kids = append(m.kids, old.kids...)
	} else {
		m.changed = true
	}
}

// done is the changed node; the old one if nothing changed.
func (m *mut) done() *Node {
	n := m.old
	if m.changed {
		n = &Node{schema: m.schema, leaves: m.packed}
		if m.own {
			n.leaves = string(m.leaves)
		}
		if len(m.kids) > 0 {
			n.kids = slices.Clone(m.kids)
		}
	}
	clear(m.kids) // keep nothing alive
	m.old, m.packed = nil, ""
	if cap(m.leaves) > 1<<20 {
		m.leaves = nil
	}
	return n
}

// find is where the leaf of that index is or would be in m.leaves.
func (m *mut) find(index int) (from, to int, ok bool) {
	if m.top >= 0 && m.top < index {
		return len(m.leaves), len(m.leaves), false
	}
	for from < len(m.leaves) {
		i, a := uvarint(m.leaves[from:])
		if i > index {
			return from, from, false
		}
		n, b := uvarint(m.leaves[from+a:])
		to = from + a + b + n
		if i == index {
			return from, to, true
		}
		from = to
	}
	return from, from, false
}

// leaf reports whether the leaf exists and whether it has that value.
func (m *mut) leaf(s *yang.Node, value string) (exists, same bool) {
	if !m.own {
		v, ok := packedLeaf(m.packed, s.Index)
		return ok, ok && v == value
	}
	from, to, ok := m.find(s.Index)
	if !ok {
		return false, false
	}
	return true, len(value) <= to-from && string(m.leaves[to-len(value):to]) == value &&
		len(value) == packedLen(m.leaves[from:to])
}

// packedLen is the length of the first value in packed leaves.
func packedLen(b []byte) int {
	_, a := uvarint(b)
	n, _ := uvarint(b[a:])
	return n
}

func (m *mut) ownLeaves() {
	if !m.own {
		m.leaves, m.own, m.top = append(m.leaves[:0], m.packed...), true, -1
	}
	m.changed = true
}

func (m *mut) setLeaf(s *yang.Node, v string) {
	m.ownLeaves()
	from, to, _ := m.find(s.Index)
	if from == len(m.leaves) {
		m.leaves, m.top = appendLeaf(m.leaves, s.Index, v), s.Index
		return
	}
	var head [2 * binary.MaxVarintLen64]byte
	h := binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(s.Index)), uint64(len(v)))
	m.leaves = slices.Replace(m.leaves, from, to, h...)
	m.leaves = slices.Insert(m.leaves, from+len(h), []byte(v)...)
}

func (m *mut) removeLeaf(s *yang.Node) {
	m.ownLeaves()
	if from, to, ok := m.find(s.Index); ok {
		m.leaves, m.top = slices.Delete(m.leaves, from, to), -1
	}
}

func (m *mut) kid(s *yang.Node) kid {
	if i, ok := place(m.kids, s.Index); ok {
		return m.kids[i]
	}
	return nil
}

func (m *mut) setKid(k kid) {
	m.changed = true
	i, ok := place(m.kids, k.Schema().Index)
	if ok {
		m.kids[i] = k
		return
	}
	m.kids = slices.Insert(m.kids, i, k)
}

func (m *mut) removeKid(s *yang.Node) {
	if i, ok := place(m.kids, s.Index); ok {
		m.changed = true
		m.kids = slices.Delete(m.kids, i, i+1)
	}
}

func (m *mut) container(s *yang.Node) *Node {
	c, _ := m.kid(s).(*Node)
	return c
}

func (m *mut) list(s *yang.Node) *List {
	l, _ := m.kid(s).(*List)
	return l
}

// ownList is the list s, made or copied so that t may write it.
func (m *mut) ownList(s *yang.Node, t *token) *List {
	l := m.list(s)
	switch {
	case l == nil:
		l = newList(s, t)
	case l.owner == t:
		m.changed = true
		return l
	default:
		l = l.mutable(t)
	}
	m.setKid(l)
	return l
}

func (m *mut) leafList(s *yang.Node) *LeafList {
	l, _ := m.kid(s).(*LeafList)
	return l
}

func (m *mut) ownLeafList(s *yang.Node, t *token) *LeafList {
	l := m.leafList(s)
	switch {
	case l == nil:
		l = newLeafList(s, t)
	case l.owner == t:
		m.changed = true
		return l
	default:
		l = l.mutable(t)
	}
	m.setKid(l)
	return l
}

// drop removes whatever s is.
func (m *mut) drop(s *yang.Node) {
	if s.Kind != yang.KindLeaf {
		m.removeKid(s)
	} else if ok, _ := m.leaf(s, ""); ok {
		m.removeLeaf(s)
	}
}

// others calls do with the data nodes in the cases of all choices around s that
// s is not in (RFC 7950, 7.9).
func others(s *yang.Node, do func(*yang.Node)) {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind != yang.KindCase {
			continue
		}
		for _, c := range p.Parent.Children {
			if c != p {
				dataBelow(c, do)
			}
		}
	}
}

func dataBelow(n *yang.Node, do func(*yang.Node)) {
	if n.IsData() {
		do(n)
		return
	}
	for _, c := range n.Children {
		dataBelow(c, do)
	}
}
