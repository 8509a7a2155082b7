// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"slices"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// apply implements filter.
func (f *subtree) apply(root *tree.Node, depth int) (*tree.Node, error) {
	run := &selection{build: tree.NewBuilder(f.root.schema), depth: depth}
	active := run.passed(root, []*selector{f.root}, nil)
	switch {
	case len(active) == 0:
		return nil, nil
	case !f.root.narrow:
		return cut(root, below(depth))
	}
	if _, err := run.content(root, active); err != nil {
		return nil, err
	}
	return run.build.Done()
}

// selection is one run of a filter over data.
type selection struct {
	build *tree.Builder
	steps int
	depth int // of what is selected; 0 is all
}

// add takes n, a selected node.
func (r *selection) add(n *tree.Node) error {
	n, err := cut(n, r.depth)
	if err != nil {
		return err
	}
	return r.build.Add(n)
}

func (r *selection) step(n int) error {
	if r.steps += n; r.steps > filterSteps {
		return mgmterr.New(mgmterr.ResourceDenied, "", "cannot filter: it takes too many steps; name the keys of the entries that you want").
			OfType(mgmterr.Protocol)
	}
	return nil
}

// passed appends those of the selectors to active whose content matches hold for n.
func (r *selection) passed(n *tree.Node, from, active []*selector) []*selector {
	for _, s := range from {
		if !s.never && s.holds(n) {
			active = append(active, s)
		}
	}
	return active
}

func (s *selector) holds(n *tree.Node) bool {
	for _, m := range s.matches {
		found := false
		for _, alternative := range m {
			if alternative.leaf.Kind == yang.KindLeafList {
				found = n.LeafList(alternative.leaf).Has(alternative.value)
			} else {
				v, ok := n.Leaf(alternative.leaf)
				found = ok && v == alternative.value
			}
			if found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// one puts what the active selectors take of n, a container or entry, into the
// node that is being built.
func (r *selection) one(n *tree.Node, active []*selector) (bool, error) {
	if len(active) == 0 {
		return false, nil
	}
	for _, s := range active {
		if !s.narrow {
			return true, r.add(n) // shared, not copied
		}
	}
	if len(active) == 1 && r.depth == 0 && active[0].covers(n) {
		return true, r.add(n)
	}
	r.build.Open(n.Schema())
	some, err := r.content(n, active)
	if err != nil {
		return false, err
	}
	if !some {
		r.build.Abort()
		return false, nil
	}
	for _, k := range n.Schema().Keys { // content has left them out
		if v, ok := n.Leaf(k); ok {
			if err := r.build.Leaf(k, v); err != nil {
				return false, err
			}
		}
	}
	return true, r.build.Close()
}

// covers reports whether everything in n is selected, piece by piece.
func (s *selector) covers(n *tree.Node) bool {
	some := false
	for c := range n.Children() {
		switch {
		case s.names(c.Schema):
			some = true
		case !c.Schema.IsKey:
			return false
		}
	}
	return some
}

func (s *selector) names(c *yang.Node) bool {
	for _, w := range s.wants {
		if w.schema == c {
			return w.whole
		}
	}
	return false
}

// content puts the children of n that the active selectors take into the node
// that is being built, and reports whether there are any. Keys count and are left
// to the caller.
func (r *selection) content(n *tree.Node, active []*selector) (some bool, err error) {
	var leaves []*yang.Node
	take := func(leaf *yang.Node, ok bool) {
		if ok {
			some = true
			if !leaf.IsKey && !slices.Contains(leaves, leaf) {
				leaves = append(leaves, leaf)
			}
		}
	}
	cost := 1
	for _, s := range active {
		cost += len(s.wants) + len(s.matches)
		for _, m := range s.matches { // 6.2.5: content match nodes are in the output
			for _, alternative := range m {
				if alternative.leaf.Kind == yang.KindLeaf { // of leaf-lists see values
					v, ok := n.Leaf(alternative.leaf)
					take(alternative.leaf, ok && v == alternative.value)
				}
			}
		}
	}
	if err := r.step(cost); err != nil {
		return false, err
	}
	wants := union(active)
	for _, w := range wants {
		switch c := w.schema; {
		case c.Kind == yang.KindLeaf:
			if w.whole {
				take(c, n.Has(c))
			}
		case c.Kind == yang.KindLeafList, c.Kind == yang.KindAnydata, c.Kind == yang.KindAnyxml:
		default:
			below, err := r.below(n, w)
			if err != nil {
				return false, err
			}
			some = some || below
		}
	}
	slices.SortFunc(leaves, func(a, b *yang.Node) int { return a.Index - b.Index })
	for _, leaf := range leaves {
		v, _ := n.Leaf(leaf)
		if err := r.build.Leaf(leaf, v); err != nil {
			return false, err
		}
	}
	values, err := r.values(n, active, wants)
	return some || values, err
}

// values adds entries of leaf-lists, anydata and anyxml.
func (r *selection) values(n *tree.Node, active []*selector, wants []*want) (some bool, err error) {
	for _, w := range wants {
		switch c := w.schema; {
		case !w.whole:
		case c.Kind == yang.KindLeafList:
			for v := range n.LeafList(c).All() {
				some = true
				if err := r.build.LeafListEntry(c, v); err != nil {
					return false, err
				}
			}
		case c.Kind == yang.KindAnydata, c.Kind == yang.KindAnyxml:
			if content, ok := n.Any(c); ok {
				some = true
				if err := r.build.Any(c, content); err != nil {
					return false, err
				}
			}
		}
	}
	type entry struct {
		schema *yang.Node
		value  string
	}
	var done map[entry]bool
	for _, s := range active {
		for _, m := range s.matches {
			for _, alternative := range m {
				c := alternative.leaf
				if c.Kind != yang.KindLeafList || !n.LeafList(c).Has(alternative.value) || done[entry{c, alternative.value}] ||
					slices.ContainsFunc(wants, func(w *want) bool { return w.schema == c && w.whole }) {
					continue
				}
				if done == nil {
					done = make(map[entry]bool)
				}
				done[entry{c, alternative.value}] = true
				some = true
				if err := r.build.LeafListEntry(c, alternative.value); err != nil {
					return false, err
				}
			}
		}
	}
	return some, nil
}

// below does the children of n, a container or the entries of a list, that w is
// about.
func (r *selection) below(n *tree.Node, w *want) (bool, error) {
	if w.schema.Kind == yang.KindContainer {
		c := n.Container(w.schema)
		if c == nil {
			return false, nil
		}
		if w.whole {
			return true, r.add(c)
		}
		return r.one(c, r.passed(c, w.rest, nil))
	}
	list := n.List(w.schema)
	if list.Len() == 0 {
		return false, nil
	}
	if !w.whole && len(w.rest) == 0 && (len(w.keyed) == 1 || w.schema.OrderedBy == yang.OrderedBySystem) {
		return r.lookUp(list, w)
	}
	some := false
	var active []*selector
	for e := range list.All() {
		if w.whole {
			some = true
			if err := r.add(e); err != nil {
				return false, err
			}
			continue
		}
		if err := r.step(1 + len(w.rest)); err != nil {
			return false, err
		}
		active = r.passed(e, w.rest, active[:0])
		if len(w.keyed) > 0 {
			active = r.passed(e, w.keyed[e.Key()], active)
		}
		taken, err := r.one(e, active)
		if err != nil {
			return false, err
		}
		some = some || taken
	}
	return some, nil
}

// lookUp takes entries by their keys: no other entry is looked at.
func (r *selection) lookUp(list *tree.List, w *want) (some bool, err error) {
	for k, selectors := range w.keyed {
		e := list.Get(k)
		if e == nil {
			continue
		}
		taken, err := r.one(e, r.passed(e, selectors, nil))
		if err != nil {
			return false, err
		}
		some = some || taken
	}
	return some, nil
}

// union is what all of the selectors want, by the schema's Index.
func union(active []*selector) []*want {
	if len(active) == 1 {
		return active[0].wants
	}
	var all []*want
	for _, s := range active {
		all = append(all, s.wants...)
	}
	slices.SortStableFunc(all, byIndex)
	merged := all[:0]
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].schema == all[i].schema {
			j++
		}
		w := all[i]
		if j > i+1 {
			w = &want{schema: all[i].schema}
			for _, part := range all[i:j] {
				w.whole = w.whole || part.whole
				w.rest = append(w.rest, part.rest...)
				for k, s := range part.keyed {
					if w.keyed == nil {
						w.keyed = make(map[tree.Key][]*selector)
					}
					w.keyed[k] = append(w.keyed[k], s...)
				}
			}
		}
		merged = append(merged, w)
		i = j
	}
	return merged
}
