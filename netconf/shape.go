// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
)

// below is the depth of what is around nodes of that depth; 0, all, stays.
func below(depth int) int {
	if depth == 0 {
		return 0
	}
	return depth + 1
}

// cut leaves of n so many levels: one is the node with its keys (RFC 8526, 3.1.1). 0
// is all.
func cut(n *tree.Node, depth int) (*tree.Node, error) {
	if depth == 0 || n == nil {
		return n, nil
	}
	return only{}.shape(n, depth, nil)
}

// only says which nodes are wanted (RFC 8526, 3.1.1): of configuration, of state, of
// an origin. The zero value is all.
type only struct {
	config, state bool
	origins       map[string]bool // wanted, or all but them; nil is all
	negated       bool
}

func (o only) some() bool     { return o.config || o.state || o.byOrigin() }
func (o only) byOrigin() bool { return o.origins != nil }

// wants reports whether a node is wanted. State has no origin (RFC 8342, 5.3.4).
func (o only) wants(s *yang.Node, tags *meta.Node) bool {
	switch {
	case !s.Config:
		return !o.config
	case o.state:
		return false
	case o.origins == nil:
		return true
	}
	return o.origins[originOf(tags)] != o.negated
}

// The origins that there are here (RFC 8342, 5.3.4).
const (
	originDefault  = "default"
	originIntended = "intended"
)

// originOf is the origin of a node of configuration, of which tags say if it is there
// by default.
func originOf(tags *meta.Node) string {
	if tags != nil && len(tags.Annotations) > 0 {
		return originDefault
	}
	return originIntended
}

// shape leaves of n what is wanted, with the nodes around it, and so many levels.
func (o only) shape(n *tree.Node, depth int, tags *meta.Node) (*tree.Node, error) {
	b := tree.NewBuilder(n.Schema())
	if _, err := o.fill(b, n, depth, tags); err != nil {
		return nil, err
	}
	return b.Done()
}

// fill copies what is wanted in n, and reports whether there was any but keys.
func (o only) fill(b *tree.Builder, n *tree.Node, depth int, tags *meta.Node) (some bool, err error) {
	inside := func(s *yang.Node, n *tree.Node, tags *meta.Node) error {
		b.Open(s)
		any, err := o.fill(b, n, max(0, depth-1), tags)
		if err != nil {
			return err
		}
		itself := s.Kind == yang.KindList || s.HasPresence
		if !any && o.some() && !(itself && o.wants(s, tags)) {
			b.Abort()
			return nil
		}
		some = true
		return b.Close()
	}
	for c := range n.Children() {
		s := c.Schema
		if s.IsKey {
			if err := b.Leaf(s, c.Value); err != nil {
				return some, err
			}
			continue
		}
		if depth == 1 {
			return some, nil // keys come first
		}
		switch s.Kind {
		case yang.KindLeaf:
			if o.wants(s, tags.Below(s, "")) {
				some, err = true, b.Leaf(s, c.Value)
			}
		case yang.KindLeafList:
			place := 0
			for v := range c.LeafList.All() {
				if err == nil && o.wants(s, tags.Below(s, meta.Key(s, v, place))) {
					some, err = true, b.LeafListEntry(s, v)
				}
				place++
			}
		case yang.KindAnydata, yang.KindAnyxml:
			if o.wants(s, nil) {
				some, err = true, b.Any(s, c.Any)
			}
		case yang.KindContainer:
			err = inside(s, c.Node, tags.Below(s, ""))
		case yang.KindList:
			place := 0
			for e := range c.List.All() {
				if err == nil {
					err = inside(s, e, tags.Below(s, meta.Key(s, string(e.Key()), place)))
				}
				place++
			}
		}
		if err != nil {
			return some, err
		}
	}
	return some, nil
}

// origins makes annotations of the origin (RFC 8342, 5.3.4; RFC 7952): top-level nodes
// of configuration are intended, and what is below is as they are unless it is there
// by default. tags say what is, and stay if they are wanted.
func origins(schema *yang.Schema, root *tree.Node, tags *meta.Node, stay bool) *meta.Node {
	def := meta.ByModule(schema, "ietf-origin", "origin")
	if def == nil {
		return nil
	}
	a := &annotator{def, stay}
	return a.node(root, tags, true)
}

type annotator struct {
	def  *yang.Annotation
	stay bool
}

func (a *annotator) node(n *tree.Node, tags *meta.Node, top bool) *meta.Node {
	out := &meta.Node{}
	put := func(s *yang.Node, key string, child *meta.Node) {
		old := tags.Below(s, key)
		if a.stay && old != nil {
			child.Annotations = append(child.Annotations, old.Annotations...)
		}
		if origin := originOf(old); top || origin != originIntended {
			child.Annotations = append(child.Annotations, meta.Annotation{Def: a.def, Value: "ietf-origin:" + origin})
		}
		out.Put(s, key, child)
	}
	for c := range n.Children() {
		s := c.Schema
		switch {
		case !s.Config || s.IsKey:
		case s.Kind == yang.KindLeafList:
			for v := range c.LeafList.All() {
				put(s, meta.Key(s, v, 0), &meta.Node{})
			}
		case s.Kind == yang.KindContainer:
			put(s, "", a.node(c.Node, tags.Below(s, ""), false))
		case s.Kind == yang.KindList:
			for e := range c.List.All() {
				k := meta.Key(s, string(e.Key()), 0)
				put(s, k, a.node(e, tags.Below(s, k), false))
			}
		default:
			put(s, "", &meta.Node{})
		}
	}
	return out
}
