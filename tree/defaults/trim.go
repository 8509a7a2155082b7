// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Trim leaves out what holds no more than the default that is in use without it
// (RFC 6243, 2.2, "trim").
func (m *Modes) Trim(root *tree.Node) (*tree.Node, error) {
	if !m.deep[root.Schema().ID] {
		return root, nil
	}
	return m.trim(tree.NewBuilder(root.Schema()), root)
}

func (m *Modes) trim(b *tree.Builder, t *tree.Node) (*tree.Node, error) {
	schema := t.Schema()
	if !m.deep[schema.ID] {
		return t, nil
	}
	var gone []*yang.Node // children that All brings back
	var inside []tree.Child
	changed := false
	for c := range t.Children() {
		s := c.Schema
		switch {
		case c.Node != nil && m.deep[s.ID]:
			n, err := m.trim(b, c.Node)
			if err != nil {
				return nil, err
			}
			if n.Empty() && !s.HasPresence {
				if droppable(t, s, gone) {
					gone = append(gone, s)
					continue
				}
				n = c.Node // something must keep the case
			}
			changed = changed || n != c.Node
			c.Node = n
		case isDefault(c) && droppable(t, s, gone):
			gone = append(gone, s)
			continue
		}
		inside = append(inside, c)
	}
	b.Open(schema)
	for _, c := range inside {
		var err error
		switch {
		case c.Node != nil:
			err = b.Add(c.Node)
		case c.List != nil && m.deep[c.Schema.ID]:
			for e := range c.List.All() {
				n, e1 := m.trim(b, e)
				if err = e1; err == nil {
					err = b.Add(n)
				}
				if err != nil {
					break
				}
				changed = changed || n != e
			}
		default:
			err = keep(b, t, c.Schema)
		}
		if err != nil {
			return nil, err
		}
	}
	if !changed && len(gone) == 0 {
		b.Abort()
		return t, nil
	}
	return b.Finish()
}

// isDefault reports whether a leaf or leaf-list holds its defaults.
func isDefault(c tree.Child) bool {
	s := c.Schema
	switch {
	case len(s.Defaults) == 0 || s.IsKey:
		return false
	case s.Kind == yang.KindLeaf:
		return c.Value == s.Defaults[0]
	}
	values := slices.Collect(c.LeafList.All())
	if s.OrderedBy == yang.OrderedByUser {
		return slices.Equal(values, s.Defaults)
	}
	return len(values) == len(s.Defaults) && !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(s.Defaults, v) })
}

// droppable reports whether every case around s stays in use if s goes after
// those that are gone already.
func droppable(t *tree.Node, s *yang.Node, gone []*yang.Node) bool {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind == yang.KindCase && p.Parent.DefaultCase != p && !held(t, p, s, gone) {
			return false
		}
	}
	return true
}

// held reports whether something other than s and what is gone is in a case.
func held(t *tree.Node, p, s *yang.Node, gone []*yang.Node) bool {
	for _, c := range p.Children {
		switch {
		case !c.IsData():
			if held(t, c, s, gone) {
				return true
			}
		case c != s && !slices.Contains(gone, c) && t.Has(c):
			return true
		}
	}
	return false
}
