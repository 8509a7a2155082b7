// SPDX-License-Identifier: Apache-2.0

package check

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// Changed validates a tree that came from a valid one. Nodes whose "when" the
// changes made false are left out of the tree it returns.
func (r *Rules) Changed(old, root *tree.Node) (*tree.Node, mgmterr.List) {
	if old == root || !r.points[r.schema.Root.ID].deep {
		return root, nil
	}
	if old == nil {
		old = tree.New(r.schema.Root)
	}
	if root == nil {
		root = tree.New(r.schema.Root)
	}
	c := &checker{r: r, old: old, root: xpath.Root(root), steps: maxSteps}
	var w *work
	c.settle(func() {
		w = c.collect()
		w.whens()
	})
	w.rest()
	if w.gone {
		r.indexes.prune(old)
	}
	return c.root.Tree, c.done()
}

// work is what a difference makes worth looking at.
type work struct {
	c *checker
	// chain is the nodes of the new tree on the way to the change at hand. The
	// nodes of one place are one pointer, for they are keys of the maps below.
	chain []*xpath.Node
	path  tree.Path
	// fresh is what is new, or exists by default now: everything in it counts.
	fresh []*xpath.Node
	// parents have children that came or went.
	parents []*xpath.Node
	isIn    map[*xpath.Node]bool
	tasks   []task
	known   map[task]int
	lost    []map[string]bool // by task: the values that references lost
	entries map[uniqueAt]map[tree.Key]bool
	order   []uniqueAt
	gone    bool // something is no longer there
}

// task is a trigger that fired: look at the instances of its point below apex.
type task struct {
	point  *point
	aspect aspect
	apex   *xpath.Node
	target bool
}

type uniqueAt struct {
	parent *xpath.Node
	list   *yang.Node
}

// collect goes over the difference of the old tree and the one at hand.
func (c *checker) collect() *work {
	w := &work{c: c, chain: []*xpath.Node{c.root}, isIn: map[*xpath.Node]bool{}, known: map[task]int{},
		entries: map[uniqueAt]map[tree.Key]bool{}}
	any := false
	for ch := range tree.Diff(c.old, c.root.Tree) {
		if s := ch.Path.Schema(); !s.Config {
			continue
		}
		any = true
		w.change(ch)
	}
	for _, t := range w.tasks { // what exists by default may go with its condition
		n := t.point.node
		w.gone = w.gone || t.aspect == aspectWhen && (len(n.Defaults) > 0 || n.Kind == yang.KindContainer)
	}
	if any {
		for _, t := range c.r.anything {
			if t.aspect != aspectRef || w.gone { // what comes breaks no reference
				w.fire(t, c.root, nil, false)
			}
		}
	}
	return w
}

// change notes one change: of the topmost node alone, Diff has it that way.
func (w *work) change(ch tree.Change) {
	last := len(ch.Path) - 1
	parent := w.descend(ch.Path[:last])
	s := ch.Path[last].Schema
	node := w.c.below(parent, s, ch.New.Node, ch.New.Value)
	if ch.Kind != tree.Deleted {
		w.chain = append(w.chain[:last+1], node)
		w.path = append(w.path[:last], ch.Path[last])
	}
	w.unique(ch.Path, node)
	switch ch.Kind {
	case tree.Moved:
		w.below(node, last+1, true)
		return
	case tree.Modified:
		w.triggers(s, last+1, []string{ch.Old.Value})
		w.fresh = append(w.fresh, node) // a leaf: its own musts and references
		return
	case tree.Created:
		w.fresh = append(w.fresh, node)
		w.below(node, last+1, true)
	case tree.Deleted:
		old := w.c.below(parent, s, ch.Old.Node, ch.Old.Value)
		w.below(old, last+1, false)
		w.gone = true
		if xpath.Defaulted(parent.Tree, s) && !parent.Tree.Has(s) {
			w.c.kids(parent, s, w.default_)
		}
	}
	if !w.isIn[parent] {
		w.isIn[parent] = true
		w.parents = append(w.parents, parent)
	}
	// Another case: what exists by default in it is other nodes now.
	if s.Parent != s.DataParent {
		top := s.Parent
		for top.Parent != nil && top.Parent != s.DataParent {
			top = top.Parent
		}
		w.neighbours(parent, top, last+1)
	}
}

// neighbours looks at what exists by default in a choice where a node came or
// went.
func (w *work) neighbours(parent *xpath.Node, choice *yang.Node, depth int) {
	for _, n := range choice.Children {
		if !n.IsData() {
			w.neighbours(parent, n, depth)
			continue
		}
		if parent.Tree.Has(n) || len(n.Defaults) == 0 && n.Kind != yang.KindContainer {
			continue
		}
		w.c.kids(parent, n, w.default_)
		// It may have gone as well: references to it did.
		old := parent.Below(n, nil, "")
		old.Default, w.gone = true, true
		w.below(old, depth, false)
	}
}

// default_ takes a node that exists by default.
func (w *work) default_(n *xpath.Node) bool {
	w.fresh = append(w.fresh, n)
	return true
}

// descend makes the chain of nodes to a path that exists in both trees.
func (w *work) descend(p tree.Path) *xpath.Node {
	same := 0
	for same < len(p) && same < len(w.path) && p[same] == w.path[same] {
		same++
	}
	w.chain, w.path = w.chain[:same+1], append(w.path[:same], p[same:]...)
	n := w.chain[same]
	for _, st := range p[same:] {
		t := n.Tree.Container(st.Schema)
		if st.HasKey {
			t = n.Tree.List(st.Schema).Get(st.Key)
		}
		n = n.Below(st.Schema, t, "")
		w.chain = append(w.chain, n)
	}
	return n
}

// below fires the triggers of n and of everything in it, of which depth steps
// lead to n. What exists by default in it counts.
func (w *work) below(n *xpath.Node, depth int, created bool) {
	p := w.c.r.points[n.Schema.ID]
	if p.reach >= depth || created && p.comes >= depth {
		return
	}
	if len(w.c.r.triggers[n.Schema.ID]) > 0 {
		lost := n.Schema.Defaults // in use before the node came
		if !created && !n.Default {
			lost = []string{n.Value}
		}
		w.triggers(n.Schema, depth, lost)
	}
	for _, s := range n.Schema.DataChildren {
		if !s.Config {
			continue
		}
		plain := func(x *xpath.Node) bool { w.below(x, depth, created); return true }
		w.data(n, s, plain)
	}
}

// data is kids without asking conditions: of nodes that are gone too.
func (w *work) data(n *xpath.Node, s *yang.Node, yield func(*xpath.Node) bool) {
	when := w.c.when
	w.c.when = 1 << 20 // conditions are as good as true
	w.c.kids(n, s, yield)
	w.c.when = when
}

// triggers fires what a change of an instance of s can affect; depth is that of
// the topmost node that changed. What is below it is fresh or gone. lost are
// the values that are no longer there.
func (w *work) triggers(s *yang.Node, depth int, lost []string) {
	for _, t := range w.c.r.triggers[s.ID] {
		if t.depth >= depth || t.target && len(lost) == 0 { // another target breaks no reference
			continue
		}
		w.fire(t, w.chain[t.depth], lost, t.target)
	}
}

func (w *work) fire(t trigger, apex *xpath.Node, lost []string, target bool) {
	k := task{t.point, t.aspect, apex, target}
	i, ok := w.known[k]
	if !ok {
		i = len(w.tasks)
		w.known[k] = i
		w.tasks, w.lost = append(w.tasks, k), append(w.lost, nil)
	}
	if target {
		if w.lost[i] == nil {
			w.lost[i] = map[string]bool{}
		}
		for _, v := range lost {
			w.lost[i][v] = true
		}
	}
}

// unique notes the entries whose "unique" leafs a change may have touched.
func (w *work) unique(p tree.Path, n *xpath.Node) {
	s := n.Schema
	for _, list := range w.c.r.inUnique[s.ID] {
		at := len(p) - 1
		for i := range p {
			if p[i].Schema == list {
				at = i
			}
		}
		if p[at].Schema != list || at >= len(w.chain) {
			continue
		}
		k := uniqueAt{w.chain[at], list}
		if w.entries[k] == nil {
			w.entries[k] = map[tree.Key]bool{}
			w.order = append(w.order, k)
		}
		w.entries[k][p[at].Key] = true
	}
}

// instances gives the instances of target below apex.
func (w *work) instances(apex *xpath.Node, target *yang.Node, yield func(*xpath.Node) bool) {
	var steps []*yang.Node
	for n := target; n != apex.Schema; n = n.DataParent {
		if n == nil {
			return
		}
		steps = append(steps, n)
	}
	var walk func(n *xpath.Node, i int) bool
	walk = func(n *xpath.Node, i int) bool {
		if i < 0 {
			return yield(n)
		}
		return w.c.kids(n, steps[i], func(x *xpath.Node) bool { return walk(x, i-1) }) && !w.c.full()
	}
	walk(apex, len(steps)-1)
}

// whens looks for data whose condition may have become false.
func (w *work) whens() {
	c := w.c
	for _, n := range w.fresh {
		c.whens(n)
	}
	for _, t := range w.tasks {
		if t.aspect == aspectWhen {
			w.instances(t.apex, t.point.node, func(n *xpath.Node) bool { c.whenOf(t.point, n); return true })
		}
	}
}

// rest does everything but conditions, on the tree that is left.
func (w *work) rest() {
	c := w.c
	for _, n := range w.fresh {
		c.all(n)
	}
	for _, n := range w.parents {
		if p := c.r.point(n.Schema); p != nil && p.needs.any() {
			c.counts(p, n)
		}
	}
	for i, t := range w.tasks {
		switch t.aspect {
		case aspectWhen:
			w.appeared(t)
		case aspectUnique:
			w.compare(t)
		case aspectNeeds:
			w.instances(t.apex, t.point.node, func(n *xpath.Node) bool { c.counts(t.point, n); return true })
		case aspectMust:
			w.instances(t.apex, t.point.node, func(n *xpath.Node) bool { c.musts(t.point, n); return true })
		case aspectRef:
			lost := w.lost[i]
			w.instances(t.apex, t.point.node, func(n *xpath.Node) bool {
				if lost == nil || lost[n.Value] {
					c.reference(t.point, n)
				}
				return true
			})
		}
	}
	for _, k := range w.order {
		if k.parent.Tree.List(k.list).Len() > 1 {
			c.unique(k.parent, k.list, w.entries[k])
		}
	}
}

// appeared looks at nodes whose condition may have become true: they may be
// mandatory, or exist by default.
func (w *work) appeared(t task) {
	c := w.c
	parent := t.point.node.DataParent
	if parent == nil || depthOf(parent) < depth(t.apex) {
		return // the node itself is the apex, and among what is fresh
	}
	w.instances(t.apex, parent, func(n *xpath.Node) bool {
		if p := c.r.point(parent); p.needs.any() {
			c.counts(p, n)
		}
		return c.kids(n, t.point.node, func(x *xpath.Node) bool { return explicit(x) || c.all(x) })
	})
}

// compare looks at a list where a condition decides about a default that is part
// of what must be unique.
func (w *work) compare(t task) {
	list := t.point.node
	for n := t.apex; n != nil; n = n.Parent {
		if n.Schema == list {
			w.c.unique(n.Parent, list, map[tree.Key]bool{n.Tree.Key(): true})
			return
		}
	}
	w.instances(t.apex, list.DataParent, func(n *xpath.Node) bool { w.c.unique(n, list, nil); return true })
}
