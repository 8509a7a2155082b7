// SPDX-License-Identifier: Apache-2.0

package check

import (
	"slices"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// Operation validates op, the input or output of an rpc or action or a
// notification, whichever its schema node is. at is the path of the node that
// has the action or notification, empty for what stands at the top. base is what
// its expressions see around it: the running datastore and what the caller has
// of the state (RFC 7950, 6.4.1). Nothing is deleted: what a "when" forbids is an
// error (RFC 7950, 8.3.1).
func (r *Rules) Operation(base *tree.Node, at tree.Path, op *tree.Node) mgmterr.List {
	c, n, err := r.within(base, at, op)
	if err != nil {
		return mgmterr.List{err}
	}
	c.keys(n)
	if len(c.found) > 0 { // nothing else can be said of such a tree
		return c.done()
	}
	c.settle(func() { c.whens(n) })
	c.all(n)
	return c.done()
}

// Complete is op with the defaults that are in use in it (RFC 7950, 7.14.2): of what
// Operation has found nothing wrong with.
func (r *Rules) Complete(base *tree.Node, at tree.Path, op *tree.Node) (*tree.Node, error) {
	if !defaulted(op.Schema()) {
		return op, nil
	}
	c, n, bad := r.within(base, at, op)
	if bad != nil {
		return nil, bad
	}
	b := tree.NewBuilder(op.Schema())
	err := c.complete(b, n)
	if errs := c.done(); err == nil && len(errs) > 0 {
		err = errs
	}
	if err != nil {
		return nil, err
	}
	return b.Done()
}

func defaulted(n *yang.Node) bool {
	return len(n.Defaults) > 0 || slices.ContainsFunc(n.DataChildren, defaulted)
}

// complete puts what n has, and has by default, into what b has open.
func (c *checker) complete(b *tree.Builder, n *xpath.Node) error {
	var err error
	for _, s := range n.Schema.DataChildren {
		if content, ok := n.Tree.Any(s); ok {
			if err = b.Any(s, content); err != nil {
				return err
			}
			continue
		}
		c.kids(n, s, func(x *xpath.Node) bool {
			switch s.Kind {
			case yang.KindLeaf:
				if !s.IsKey || !x.Default { // RFC 7950, 7.8.2: the default of a key is ignored
					err = b.Leaf(s, x.Value)
				}
			case yang.KindLeafList:
				err = b.LeafListEntry(s, x.Value)
			case yang.KindContainer, yang.KindList:
				b.Open(s)
				if err = c.complete(b, x); err == nil {
					err = b.Close()
				}
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Around are the top-level nodes with state that the conditions of an operation, an
// input, output or notification, read beside itself; all says that it may be any.
func (r *Rules) Around(op *yang.Node) (tops []*yang.Node, all bool) {
	note := func(e *xpath.Expr) {
		reads, any := r.closure(e)
		all = all || any
		for _, read := range reads {
			if top := topOf(read.Node); top != nil && !read.Node.Config && !slices.Contains(tops, top) {
				tops = append(tops, top)
			}
		}
	}
	var walk func(n *yang.Node)
	walk = func(n *yang.Node) {
		p := r.point(n)
		if p == nil {
			return
		}
		for _, e := range p.whens {
			note(e)
		}
		for _, m := range p.musts {
			note(m.expr)
		}
		for _, e := range p.refs {
			note(e)
		}
		all = all || hasInstance(n.Type, 0)
		for _, c := range p.needs.choices {
			walk(c)
		}
		for _, c := range n.DataChildren {
			walk(c)
		}
	}
	walk(op)
	return tops, all
}

// topOf is the top-level data node that a node of a datastore is in, nil for one of an
// operation.
func topOf(n *yang.Node) *yang.Node {
	for n.DataParent != nil && n.DataParent.Kind != yang.KindRoot && !isOperation(n) {
		n = n.DataParent
	}
	if n.DataParent == nil || n.DataParent.Kind != yang.KindRoot {
		return nil
	}
	return n
}

// within is a validation of op at its place.
func (r *Rules) within(base *tree.Node, at tree.Path, op *tree.Node) (*checker, *xpath.Node, *mgmterr.Error) {
	if base == nil {
		base = tree.New(r.schema.Root)
	}
	s := op.Schema()
	if s == nil || !isOperation(s) || r.point(s) == nil {
		return nil, nil, mgmterr.New(mgmterr.UnknownElement, at.String(), "cannot check what is no operation and no notification of the schema")
	}
	n, err := holder(xpath.Root(base), at, s)
	if err != nil {
		return nil, nil, err
	}
	root := n
	for root.Parent != nil {
		root = root.Parent
	}
	return &checker{r: r, root: root, steps: maxSteps, operation: true}, n.Below(s, op, ""), nil
}

// holder is the instance at a path that an operation with that schema node is
// done on. What exists by default will do.
func holder(n *xpath.Node, at tree.Path, s *yang.Node) (*xpath.Node, *mgmterr.Error) {
	for i, st := range at {
		c, ok := n.Tree.Find(at[i : i+1])
		if c.Node == nil && (st.Schema.Kind != yang.KindContainer || !xpath.Defaulted(n.Tree, st.Schema)) {
			ok = false
		} else if c.Node == nil {
			ok = true
		}
		if !ok || st.Schema.DataParent != n.Schema { // RFC 7950, 7.15.2: on an instance
			return nil, mgmterr.New(mgmterr.DataMissing, at[:i+1].String(), "cannot find %s, which %s is for", st.Schema.Name, nameOf(s))
		}
		n = n.Below(st.Schema, c.Node, "")
	}
	above := s
	if s.Kind != yang.KindNotification {
		above = s.Parent
	}
	if want := above.DataParent; want != n.Schema && (want != nil || n.Parent != nil) {
		return nil, mgmterr.New(mgmterr.UnknownElement, at.String(), "cannot use %s here: it belongs to %s", nameOf(s), above.Path())
	}
	return n, nil
}

func isOperation(n *yang.Node) bool {
	return n.Kind == yang.KindInput || n.Kind == yang.KindOutput || n.Kind == yang.KindNotification
}

// nameOf is the name of a node in documents: input and output have that of their
// operation.
func nameOf(n *yang.Node) string {
	if n.Kind == yang.KindInput || n.Kind == yang.KindOutput {
		return n.Parent.Name
	}
	return n.Name
}
