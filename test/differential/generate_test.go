// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"math/rand/v2"
	"slices"

	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// maker makes configurations of a schema.
type maker struct {
	r     *rand.Rand
	s     *yang.Schema
	rules *check.Rules
	left  int // nodes that this document may still get
	// dense is how many of ten optional nodes there are.
	dense  int
	values map[*yang.Node][]string // of leafs and leaf-lists so far, for references
	paths  []string                // of leafs and entries so far, for instance-identifiers
}

// valid makes a configuration that we take for valid, most of the time.
func (m *maker) valid() *tree.Node {
	m.left, m.values, m.paths = 20+m.r.IntN(100), map[*yang.Node][]string{}, nil
	m.dense = 2 + m.r.IntN(7)
	b := tree.NewBuilder(m.s.Root)
	m.fill(b, m.s.Root, 0)
	root, err := b.Done()
	if err != nil {
		return tree.New(m.s.Root)
	}
	raw := root
	for range 30 {
		errs := m.rules.Document(root)
		if len(errs) == 0 {
			break
		}
		ed := tree.NewEditor(root)
		p, err := tree.ParsePath(m.s, errs[0].Path)
		if err != nil {
			break
		}
		for len(p) > 0 && (p.Schema().IsKey || ed.Delete(p) != nil) {
			p = p[:len(p)-1]
		}
		if len(p) == 0 {
			break // something at the top is missing
		}
		root = ed.Root()
	}
	if root.Empty() {
		return raw
	}
	return root
}

// fill puts children into the node that b has open.
func (m *maker) fill(b *tree.Builder, n *yang.Node, depth int) {
	cases := map[*yang.Node]*yang.Node{}
	kids := n.DataChildren
	if depth == 0 { // not always the same ones first
		kids = slices.Clone(kids)
		m.r.Shuffle(len(kids), func(i, j int) { kids[i], kids[j] = kids[j], kids[i] })
	}
	for _, s := range kids {
		needed := s.Mandatory || s.MinElements > 0
		if s.IsKey || !s.Config || !m.chosen(cases, s) || !needed && (m.left <= 0 || m.r.IntN(10) >= m.dense && depth > 0) {
			continue
		}
		m.left--
		switch s.Kind {
		case yang.KindLeaf:
			if v, ok := m.value(s); ok && b.Leaf(s, v) == nil {
				m.values[s] = append(m.values[s], v)
				m.paths = append(m.paths, append(b.Path(), tree.Step{Schema: s}).String())
			}
		case yang.KindAnydata, yang.KindAnyxml:
			_ = b.Any(s, m.any(s))
		case yang.KindLeafList:
			seen := map[string]bool{}
			for range m.count(s) {
				if v, ok := m.value(s); ok && !seen[v] && b.LeafListEntry(s, v) == nil {
					seen[v] = true
					m.values[s] = append(m.values[s], v)
				}
			}
		case yang.KindContainer:
			b.Open(s)
			m.fill(b, s, depth+1)
			m.close(b)
		case yang.KindList:
			m.list(b, s, depth)
		}
	}
}

func (m *maker) close(b *tree.Builder) {
	n, err := b.Finish()
	if err == nil {
		_ = b.Add(n) // what cannot stand here is left out
	}
}

func (m *maker) list(b *tree.Builder, s *yang.Node, depth int) {
	seen := map[tree.Key]bool{}
next:
	for range m.count(s) {
		var values []string
		for _, k := range s.Keys {
			v, ok := m.value(k)
			if !ok {
				continue next
			}
			values = append(values, v)
		}
		key := tree.MakeKey(s, values...)
		if seen[key] {
			continue
		}
		seen[key] = true
		b.Open(s)
		for i, k := range s.Keys {
			_ = b.Leaf(k, values[i])
			m.values[k] = append(m.values[k], values[i])
		}
		m.paths = append(m.paths, b.Path().String())
		m.fill(b, s, depth+1)
		m.close(b)
	}
}

// any is the content of an anydata or anyxml: nodes of its module that no schema has.
func (m *maker) any(s *yang.Node) tree.Any {
	in := contents()[m.r.IntN(3)][0]
	return tree.Any{Format: tree.XML, Text: "<" + s.Name + ` xmlns="` + s.Module.Namespace + `">` + in + "</" + s.Name + ">"}
}

func (m *maker) count(s *yang.Node) int {
	n := int(s.MinElements) + m.r.IntN(4)
	if s.MaxElements > 0 {
		n = min(n, int(s.MaxElements))
	}
	return n
}

func (m *maker) value(s *yang.Node) (string, bool) {
	t := s.Type
	if t.Base == yang.Union {
		t = t.Union[m.r.IntN(len(t.Union))]
	}
	if t.Base == yang.InstanceIdentifier {
		if len(m.paths) == 0 {
			return "", false
		}
		v, err := value.Parse(s.Type, m.paths[m.r.IntN(len(m.paths))], value.Canonical{Default: s.Module.Name})
		return v, err == nil
	}
	for t.Base == yang.Leafref {
		if have := m.values[t.Target]; len(have) > 0 && m.r.IntN(10) > 0 {
			return have[m.r.IntN(len(have))], true
		}
		if t.RequireInstance && m.r.IntN(10) > 0 {
			return "", false
		}
		t = t.Target.Type
	}
	return canonical(m.r, s)
}

// chosen picks a case for each choice.
func (m *maker) chosen(cases map[*yang.Node]*yang.Node, s *yang.Node) bool {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind != yang.KindCase {
			continue
		}
		if cases[p.Parent] == nil {
			cases[p.Parent] = p.Parent.Children[m.r.IntN(len(p.Parent.Children))]
		}
		if cases[p.Parent] != p {
			return false
		}
	}
	return true
}
