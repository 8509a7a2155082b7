// SPDX-License-Identifier: Apache-2.0

package check

import (
	"slices"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// whens looks for data below n whose "when" does not hold.
func (c *checker) whens(n *xpath.Node) bool {
	p := c.r.point(n.Schema)
	if p == nil || !p.deepWhen {
		return true
	}
	if !c.whenOf(p, n) {
		return !c.full()
	}
	for _, s := range n.Schema.DataChildren {
		if q := c.r.point(s); q != nil && q.deepWhen {
			c.kids(n, s, c.whens)
		}
	}
	return !c.full()
}

// whenOf decides about n, if data says that it is there: it goes if it was
// there before and the edit made its condition false (RFC 7950, 8.3.2); it is
// an error if the edit has made it or given it another value.
func (c *checker) whenOf(p *point, n *xpath.Node) bool {
	if len(p.whens) == 0 || !explicit(n) || c.inUse(n) {
		return true
	}
	path := n.Path()
	c.off[path.String()] = true
	if before, was := c.old.Find(path); was && (n.Schema.Kind != yang.KindLeaf || before.Value == n.Value) {
		c.removals = append(c.removals, n)
		return false
	}
	source := ""
	for _, w := range p.whens {
		if !c.holds(w, n) {
			source = w.Source()
			break
		}
	}
	e := mgmterr.New(mgmterr.UnknownElement, path.String(), "cannot set %s here: it exists only if %q holds", nameOf(n.Schema), source)
	c.report(n, rankWhen, e.WithInfo("bad-element", nameOf(n.Schema)))
	return false
}

// remove deletes what whens found, and reports whether that was anything.
func (c *checker) remove() bool {
	if len(c.removals) == 0 {
		return false
	}
	ed := tree.NewEditor(c.root.Tree)
	for _, n := range c.removals {
		path := n.Path()
		if _, ok := ed.Root().Find(path); !ok {
			continue // it went with what was above it
		}
		if err := ed.Delete(path); err != nil {
			c.report(n, rankWhen, mgmterr.New(mgmterr.OperationFailed, path.String(), "cannot delete %s, whose condition does not hold: %s", n.Schema.Name, err))
		}
	}
	same := ed.Root() == c.root.Tree
	c.removals = c.removals[:0]
	c.root = xpath.Root(ed.Root())
	return !same
}

// settle repeats a search for false conditions until nothing more goes. It
// leaves the errors of the last search.
func (c *checker) settle(search func()) {
	for range maxRounds {
		c.found = c.found[:0]
		c.off = map[string]bool{}
		search()
		c.found = slices.DeleteFunc(c.found, c.moot)
		if !c.remove() {
			return
		}
	}
	c.report(c.root, rankWhen, mgmterr.New(mgmterr.OperationFailed, "/",
		"cannot settle which nodes exist: their conditions depend on one another in a circle"))
}

// moot reports whether an error is about something in a node that must not be
// there itself.
func (c *checker) moot(f found) bool {
	if len(c.off) == 0 {
		return false
	}
	p := f.at.Path()
	for i := 1; i < len(p); i++ {
		if c.off[p[:i].String()] {
			return true
		}
	}
	return false
}

// Full validates a whole tree. Nodes whose "when" does not hold are left out of
// the tree it returns.
func (r *Rules) Full(root *tree.Node) (*tree.Node, mgmterr.List) {
	return r.whole(root, root)
}

// Document validates a whole tree that comes from outside, where nothing was
// before: a node whose "when" does not hold is an error (RFC 7950, 8.3.1).
func (r *Rules) Document(root *tree.Node) mgmterr.List {
	_, errs := r.whole(tree.New(r.schema.Root), root)
	return errs
}

func (r *Rules) whole(old, root *tree.Node) (*tree.Node, mgmterr.List) {
	if root == nil {
		root = tree.New(r.schema.Root)
	}
	if old == nil {
		old = root
	}
	c := &checker{r: r, old: old, root: xpath.Root(root), steps: maxSteps}
	c.keys(c.root)
	if len(c.found) > 0 { // nothing else can be said of such a tree
		return root, c.done()
	}
	return r.reference(old, root)
}

// reference is the slow way to do what Changed does.
func (r *Rules) reference(old, root *tree.Node) (*tree.Node, mgmterr.List) {
	c := &checker{r: r, old: old, root: xpath.Root(root), steps: maxSteps}
	c.settle(func() { c.whens(c.root) })
	c.all(c.root)
	return c.root.Tree, c.done()
}
