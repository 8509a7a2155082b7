// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"slices"

	"nso.example/nso/yang"
)

// CompileWhen is Compile for one of the "when" statements of node. While it is
// evaluated the accessible tree is altered, so that what a condition decides about
// cannot decide the condition (RFC 7950, 7.21.5): one of the node itself sees in
// place of all instances a single one without value and children; one of an
// augment, uses, choice or case sees none of the nodes that come with it.
func CompileWhen(schema *yang.Schema, x *yang.XPath, node *yang.Node) (*Expr, error) {
	e, err := compileIn(schema, x, 0)
	if err != nil {
		return nil, err
	}
	if e.context == node {
		e.dummy = true
		return e, nil
	}
	for _, c := range e.context.DataChildren {
		if slices.Contains(c.Whens, x) {
			e.without = append(e.without, c)
		}
	}
	return e, nil
}

// alter puts the dummy in place of the context node.
func (r *run) alter() {
	if n := r.c.Node; r.e.dummy && n.Schema == r.e.context {
		r.dummy = Node{Parent: n.Parent, Schema: n.Schema, depth: n.depth, place: 1}
		r.c.Node = &r.dummy
	}
}

// altered reports whether the instances of the child s of n are not those of the
// tree, and gives the one that is in place of them, if any is.
func (r *run) altered(n *Node, s *yang.Node) (*Node, bool) {
	c := r.c.Node
	switch {
	case r.e.dummy && n == c:
		return nil, true
	case r.e.dummy && s == c.Schema && same(n, c.Parent):
		return c, true
	case len(r.e.without) > 0 && n.Schema == c.Schema && slices.Contains(r.e.without, s) && same(n, c):
		return nil, true
	}
	return nil, false
}
