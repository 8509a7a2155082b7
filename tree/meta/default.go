// SPDX-License-Identifier: Apache-2.0

package meta

import (
	"slices"
	"strconv"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Tag makes a table that tags what all has and set has not: the defaults of the
// mode report-all-tagged (RFC 6243, 3.4). all is set with defaults added. What n
// has already stays.
func Tag(n *Node, set, all *tree.Node) *Node {
	t := &tagger{def: Default()}
	return t.node(n, set, all)
}

type tagger struct{ def *yang.Annotation }

func (t *tagger) node(n *Node, set, all *tree.Node) *Node {
	if set == all {
		return n
	}
	out := &Node{}
	if n != nil {
		*out = *n
		out.below = nil
		for k, c := range n.below {
			out.Put(k.schema, k.key, c)
		}
	}
	for c := range all.Children() {
		s := c.Schema
		switch s.Kind {
		case yang.KindLeaf:
			if !set.Has(s) {
				out.Put(s, "", t.tagged(n.Below(s, "")))
			}
		case yang.KindLeafList:
			if set.Has(s) {
				continue
			}
			place := 0
			for v := range c.LeafList.All() {
				k := Key(s, v, place)
				out.Put(s, k, t.tagged(n.Below(s, k)))
				place++
			}
		case yang.KindContainer:
			out.Put(s, "", t.node(n.Below(s, ""), set.Container(s), c.Node))
		case yang.KindList:
			// Defaults add no entries: both have the same ones in the same order.
			var old []*tree.Node
			if len(s.Keys) == 0 {
				old = slices.Collect(set.List(s).All())
			}
			place := 0
			for e := range c.List.All() {
				k := Key(s, string(e.Key()), place)
				var was *tree.Node
				if old == nil {
					was = set.List(s).Get(e.Key())
				} else if place < len(old) {
					was = old[place]
				}
				out.Put(s, k, t.node(n.Below(s, k), was, e))
				place++
			}
		}
	}
	return out
}

func (t *tagger) tagged(n *Node) *Node {
	out := &Node{Annotations: []Annotation{{t.def, "true"}}}
	if n != nil {
		out.Annotations = append(out.Annotations, n.Annotations...)
		out.below = n.below
	}
	return out
}

// Settle takes out of root, and of its table n, what is tagged as a default:
// nobody has set it (RFC 6243, 4.5.1). A tag on what is not the default is an
// error, which report is told; the node stays.
func Settle(root *tree.Node, n *Node, report func(*mgmterr.Error)) *tree.Node {
	st := &settler{b: tree.NewBuilder(root.Schema()), report: report}
	return st.node(nil, root, n)
}

type settler struct {
	b      *tree.Builder
	report func(*mgmterr.Error)
}

// node is t without tagged defaults.
func (st *settler) node(at tree.Path, t *tree.Node, n *Node) *tree.Node {
	if n == nil || len(n.below) == 0 {
		return t
	}
	st.b.Open(t.Schema())
	for c := range t.Children() {
		s := c.Schema
		switch s.Kind {
		case yang.KindLeaf:
			if !st.tagged(at, n, s, "", c.Value, 0) {
				st.fail(st.b.Leaf(s, c.Value))
			}
		case yang.KindLeafList:
			place := 0
			for v := range c.LeafList.All() {
				if !st.tagged(at, n, s, v, v, place) {
					st.fail(st.b.LeafListEntry(s, v))
				}
				place++
			}
		case yang.KindContainer:
			st.fail(st.b.Add(st.below(at, n, c.Node, 0)))
		case yang.KindList:
			place := 0
			for e := range c.List.All() {
				st.fail(st.b.Add(st.below(at, n, e, place)))
				place++
			}
		default:
			st.fail(st.b.Any(s, c.Any))
		}
	}
	out, err := st.b.Finish()
	st.fail(err)
	return out
}

// below is a child of what is at that path.
func (st *settler) below(at tree.Path, n *Node, t *tree.Node, place int) *tree.Node {
	k := Key(t.Schema(), string(t.Key()), place)
	c := n.Below(t.Schema(), k)
	if c == nil {
		return t
	}
	t = st.node(append(at.Clone(), stepOf(t.Schema(), string(t.Key()), place)), t, c)
	n.drop(t.Schema(), k)
	return t
}

// tagged reports whether a value is tagged as a default, rightly.
func (st *settler) tagged(at tree.Path, n *Node, s *yang.Node, key, v string, place int) bool {
	k := Key(s, key, place)
	c := n.Below(s, k)
	if c == nil {
		return false
	}
	tag := slices.IndexFunc(c.Annotations, Annotation.isDefault)
	if tag < 0 {
		return false
	}
	is := c.Annotations[tag].Value == "true"
	c.Annotations = slices.Delete(slices.Clone(c.Annotations), tag, tag+1)
	right := !s.IsKey && slices.Contains(s.Defaults, v)
	if is && !right {
		// RFC 6243, 4.5.1: the value of a tagged node must be the default.
		st.fail(mgmterr.New(mgmterr.InvalidValue, append(at.Clone(), stepOf(s, key, place)).String(),
			"cannot take %.80q for the default of %s: the schema has another, or none", v, s.Name))
	}
	if is && right {
		c.Annotations = nil // of something that is not there
	}
	n.drop(s, k)
	return is && right
}

func (st *settler) fail(err error) {
	for _, e := range mgmterr.Of(err) {
		st.report(e)
	}
}

// drop takes the table of a child out if it is empty.
func (n *Node) drop(s *yang.Node, key string) {
	if n.Below(s, key).Empty() {
		delete(n.below, step{s, key})
	}
}

func stepOf(s *yang.Node, key string, place int) tree.Step {
	st := tree.Step{Schema: s}
	switch {
	case s.Kind == yang.KindList && len(s.Keys) == 0:
		st.Key, st.HasKey = tree.Key(strconv.Itoa(place+1)), true
	case s.Kind == yang.KindList:
		st.Key, st.HasKey = tree.Key(key), true
	case s.Kind == yang.KindLeafList:
		st.Value, st.HasKey = key, true
	}
	return st
}
