// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"bytes"

	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
)

// Touched is the first of the nodes at or below which something differs between two
// trees, or nil.
func Touched(before, after *tree.Node, nodes []*yang.Node) *yang.Node {
	if len(nodes) == 0 {
		return nil
	}
	for c := range tree.Diff(before, after) {
		last := c.Path.Schema()
		for _, n := range nodes {
			// What comes or goes as a whole may have had the node in it.
			if within(last, n) || within(n, last) {
				return n
			}
		}
	}
	return nil
}

// within reports whether n is top, or below it.
func within(n, top *yang.Node) bool {
	for ; n != nil; n = n.DataParent {
		if n == top {
			return true
		}
	}
	return false
}

// Below is what a tree has at and below the nodes, and the entries that lead there with
// their keys, as a JSON object (RFC 7951).
func Below(s *yang.Schema, root *tree.Node, nodes []*yang.Node) ([]byte, error) {
	c := &cutter{b: tree.NewBuilder(root.Schema()), wanted: make(map[*yang.Node]bool), way: make(map[*yang.Node]bool)}
	for _, n := range nodes {
		c.wanted[n] = true
		for up := n.DataParent; up != nil; up = up.DataParent {
			c.way[up] = true
		}
	}
	if err := c.node(root); err != nil {
		return nil, err
	}
	n, err := c.b.Done()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = jsonenc.Encode(&b, n, jsonenc.Options{Schema: s})
	b.WriteByte('\n')
	return b.Bytes(), err
}

// cutter copies what is wanted of a tree, and what leads there.
type cutter struct {
	b           *tree.Builder
	wanted, way map[*yang.Node]bool
}

func (c *cutter) node(n *tree.Node) error {
	for child := range n.Children() {
		s := child.Schema
		all := c.wanted[s] || s.IsKey
		if !all && !c.way[s] {
			continue
		}
		if err := c.child(child, all); err != nil {
			return err
		}
	}
	return nil
}

func (c *cutter) child(child tree.Child, all bool) error {
	s := child.Schema
	inner := func(n *tree.Node) error {
		if all {
			return c.b.Add(n)
		}
		c.b.Open(s)
		if err := c.node(n); err != nil {
			return err
		}
		return c.b.Close()
	}
	switch s.Kind {
	case yang.KindLeaf:
		return c.b.Leaf(s, child.Value)
	case yang.KindContainer:
		return inner(child.Node)
	case yang.KindList:
		for e := range child.List.All() {
			if err := inner(e); err != nil {
				return err
			}
		}
		return nil
	case yang.KindLeafList:
		for v := range child.LeafList.All() {
			if err := c.b.LeafListEntry(s, v); err != nil {
				return err
			}
		}
		return nil
	}
	return c.b.Any(s, child.Any)
}
