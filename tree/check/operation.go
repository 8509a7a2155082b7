// SPDX-License-Identifier: Apache-2.0

package check

import (
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
	if base == nil {
		base = tree.New(r.schema.Root)
	}
	s := op.Schema()
	if s == nil || !isOperation(s) || r.point(s) == nil {
		return mgmterr.List{mgmterr.New(mgmterr.UnknownElement, at.String(), "cannot check what is no operation and no notification of the schema")}
	}
	n, err := holder(xpath.Root(base), at, s)
	if err != nil {
		return mgmterr.List{err}
	}
	root := n
	for root.Parent != nil {
		root = root.Parent
	}
	c := &checker{r: r, root: root, steps: maxSteps, operation: true}
	n = n.Below(s, op, "")
	c.keys(n)
	if len(c.found) > 0 { // nothing else can be said of such a tree
		return c.done()
	}
	c.settle(func() { c.whens(n) })
	c.all(n)
	return c.done()
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
