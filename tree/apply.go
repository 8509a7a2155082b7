// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"errors"

	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// applier does one edit. It owns what it makes: bnodes, lists and leaf-lists with
// its token are written in place, everything else is copied.
type applier struct {
	guard Guard
	token *token
	// exact is for differences: no choice is looked at, and a leaf to be
	// replaced must exist.
	exact bool
	path  Path // of the node at hand
	muts  []*mut
	depth int
}

// Apply returns root with e done. root is not changed; nothing is done unless
// all of it can be. An error is an *mgmterr.Error with the path.
func Apply(root *Node, e *Edit, g Guard) (*Node, error) {
	a := applier{guard: g, token: new(token)}
	if g != nil {
		if err := a.named(e); err != nil {
			return nil, err
		}
	}
	return a.root(root, e)
}

// ApplyExact is Apply for edits made from a difference between two trees: cases
// of choices are neither dropped nor compared, and "replace" of a leaf that does
// not exist is data-missing. No guard is asked.
func ApplyExact(root *Node, e *Edit) (*Node, error) {
	a := applier{token: new(token), exact: true}
	return a.root(root, e)
}

func (a *applier) root(root *Node, e *Edit) (*Node, error) {
	if root == nil {
		root = New(e.Schema)
	}
	if root.schema != e.Schema {
		return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot edit: the edit is not for this tree")
	}
	a.path, a.depth = a.path[:0], 0
	switch e.Op {
	case OpDelete, OpRemove:
		if err := a.askBelow(root, Delete); err != nil {
			return nil, err
		}
		return New(root.schema), nil
	case OpReplace:
		fresh, err := a.fresh(e.Schema, "", e)
		if err != nil {
			return nil, err
		}
		return a.become(root, fresh)
	}
	return a.node(e.Schema, root, "", e)
}

// fail makes an error about the node at hand, or child of it.
func (a *applier) fail(tag mgmterr.Tag, child *Step, format string, args ...any) *mgmterr.Error {
	p := a.path
	if child != nil {
		p = append(p[:len(p):len(p)], *child)
	}
	return mgmterr.New(tag, p.String(), format, args...)
}

// ask asks the guard about a child of the node at hand.
func (a *applier) ask(s Step, what Access) error {
	if a.guard == nil {
		return nil
	}
	a.path = append(a.path, s)
	err := a.guard(a.path, what)
	if err != nil {
		var e *mgmterr.Error
		if errors.As(err, &e) && e.Path == "" {
			e.Path = a.path.String()
		}
	}
	a.path = a.path[:len(a.path)-1]
	return err
}

// askBelow asks about everything in n, n itself apart.
func (a *applier) askBelow(n *Node, what Access) error {
	if a.guard == nil || n == nil {
		return nil
	}
	for s, _ := range n.Leaves() {
		if err := a.ask(Step{Schema: s}, what); err != nil {
			return err
		}
	}
	for _, k := range n.kids {
		if err := a.askKid(k, what); err != nil {
			return err
		}
	}
	return nil
}

// askKid asks about k, a child of the node at hand, and everything in it.
func (a *applier) askKid(k kid, what Access) error {
	if a.guard == nil {
		return nil
	}
	s := k.Schema()
	switch k := k.(type) {
	case *Node:
		return a.askNode(Step{Schema: s}, k, what)
	case *anyData:
		return a.ask(Step{Schema: s}, what)
	case *LeafList:
		for v := range k.All() {
			if err := a.ask(Step{Schema: s, Value: v, HasKey: true}, what); err != nil {
				return err
			}
		}
	case *List:
		i := 0
		for e := range k.All() {
			if err := a.askNode(Step{Schema: s, Key: keyAt(e, i), HasKey: true}, e, what); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// keyAt is the key of an entry, or of its position.
func keyAt(e *Node, i int) Key {
	if len(e.schema.Keys) == 0 {
		return positionKey(i)
	}
	return e.Key()
}

func (a *applier) askNode(st Step, n *Node, what Access) error {
	if a.guard == nil {
		return nil
	}
	if hasExistence(st.Schema) {
		if err := a.ask(st, what); err != nil {
			return err
		}
	}
	a.path = append(a.path, st)
	err := a.askBelow(n, what)
	a.path = a.path[:len(a.path)-1]
	return err
}

// hasExistence is false for non-presence containers (RFC 7950, 7.5.1).
func hasExistence(s *yang.Node) bool { return s.Kind != yang.KindContainer || s.HasPresence }

func (a *applier) push(schema *yang.Node, old *Node, key Key) *mut {
	if a.depth == len(a.muts) {
		a.muts = append(a.muts, new(mut))
	}
	m := a.muts[a.depth]
	a.depth++
	m.begin(schema, old, key)
	return m
}

// node does the content of e on old, which may be nil; key is that of a new
// entry. The result may be empty.
func (a *applier) node(schema *yang.Node, old *Node, key Key, e *Edit) (*Node, error) {
	if a.depth > maxDepth {
		return nil, a.fail(mgmterr.TooBig, nil, "cannot edit: the data is nested too deep")
	}
	m := a.push(schema, old, key)
	err := a.overlay(m, e.Tree, e.Op)
	for i := 0; err == nil && i < len(e.Children); i++ {
		err = a.edit(m, &e.Children[i])
	}
	a.depth--
	n := m.done()
	if err != nil {
		return nil, err
	}
	return n, nil
}

// fresh builds the content of e from nothing, asking nobody.
func (a *applier) fresh(schema *yang.Node, key Key, e *Edit) (*Node, error) {
	if e.Tree != nil && len(e.Children) == 0 {
		return e.Tree, nil
	}
	guard := a.guard
	a.guard = nil
	n, err := a.node(schema, nil, key, e)
	a.guard = guard
	return n, err
}

// overlay does op with every node of tree.
func (a *applier) overlay(m *mut, tree *Node, op Op) error {
	if tree == nil {
		return nil
	}
	for s, v := range tree.Leaves() {
		if s.IsKey {
			continue
		}
		if err := a.leaf(m, &Edit{Schema: s, Op: op, Value: v}); err != nil {
			return err
		}
	}
	for _, k := range tree.kids {
		s := k.Schema()
		old := m.kid(s)
		if old != nil && old == k {
			continue
		}
		if op != OpNone && (old == nil || isPositional(s)) {
			if err := a.adopt(m, old, k); err != nil {
				return err
			}
			continue
		}
		if err := eachOf(k, op, func(e *Edit) error { return a.edit(m, e) }); err != nil {
			return err
		}
	}
	return nil
}

func isPositional(s *yang.Node) bool {
	return (s.Kind == yang.KindList || s.Kind == yang.KindLeafList) && shapeOf(s) == positional
}

// adopt takes k over as it is, in place of old.
func (a *applier) adopt(m *mut, old, k kid) error {
	if old != nil {
		if err := a.askKid(old, Delete); err != nil {
			return err
		}
	}
	if err := a.askKid(k, Create); err != nil {
		return err
	}
	if err := a.chose(m, k.Schema()); err != nil {
		return err
	}
	m.setKid(k)
	return nil
}

// eachChild calls do with an edit for every child of tree.
func eachChild(tree *Node, op Op, do func(*Edit) error) error {
	if tree == nil {
		return nil
	}
	for s, v := range tree.Leaves() {
		if s.IsKey {
			continue
		}
		if err := do(&Edit{Schema: s, Op: op, Value: v}); err != nil {
			return err
		}
	}
	for _, k := range tree.kids {
		if err := eachOf(k, op, do); err != nil {
			return err
		}
	}
	return nil
}

// eachOf calls do with the edits that do op with k.
func eachOf(k kid, op Op, do func(*Edit) error) error {
	switch k := k.(type) {
	case *Node:
		return do(&Edit{Schema: k.schema, Op: op, Tree: k})
	case *anyData:
		return do(&Edit{Schema: k.schema, Op: op, Any: k.any})
	case *List:
		for e := range k.All() {
			if err := do(&Edit{Schema: k.schema, Op: op, Key: e.Key(), Tree: e}); err != nil {
				return err
			}
		}
	case *LeafList:
		for v := range k.All() {
			if err := do(&Edit{Schema: k.schema, Op: op, Value: v}); err != nil {
				return err
			}
		}
	}
	return nil
}

// edit does one edit of a child of m.
func (a *applier) edit(m *mut, e *Edit) error {
	if e.Schema.DataParent != m.schema {
		return a.fail(mgmterr.OperationFailed, nil, "cannot edit %s: it is no child of this node", e.Schema.Name)
	}
	if e.Whole {
		return a.whole(m, e)
	}
	switch e.Schema.Kind {
	case yang.KindLeaf:
		return a.leaf(m, e)
	case yang.KindContainer:
		return a.container(m, e)
	case yang.KindList:
		return a.entry(m, e)
	case yang.KindLeafList:
		return a.leafListEntry(m, e)
	case yang.KindAnydata, yang.KindAnyxml:
		return a.anyData(m, e)
	}
	return a.fail(mgmterr.OperationFailed, nil, "cannot edit %s: it is no data node", e.Schema.Name)
}

// chose drops the other cases of the choices around s, which was set.
func (a *applier) chose(m *mut, s *yang.Node) error {
	if s.Parent == s.DataParent || a.exact {
		return nil
	}
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind != yang.KindCase {
			continue
		}
		known := false
		for _, c := range m.chosen {
			if c == p {
				known = true
			} else if c.Parent == p.Parent {
				// RFC 7950, 8.3.1: nodes of two cases in one request.
				return a.fail(mgmterr.BadElement, &Step{Schema: s},
					"cannot set %s: the request also sets another case of choice %s; keep one of them", s.Name, p.Parent.Name).
					WithInfo("bad-element", s.Name)
			}
		}
		if !known {
			m.chosen = append(m.chosen, p)
		}
	}
	others(s, m.drop) // RFC 7950, 7.9: at most one case exists
	return nil
}

func (a *applier) exists(s Step) error {
	return a.fail(mgmterr.DataExists, &s, "cannot create %s: it exists already; use merge or replace to change it", s.Schema.Name)
}

func (a *applier) missing(s Step, op Op) error {
	if op == OpDelete {
		return a.fail(mgmterr.DataMissing, &s, "cannot delete %s: it does not exist", s.Schema.Name)
	}
	return a.fail(mgmterr.DataMissing, &s, "cannot change %s: it does not exist; create it first", s.Schema.Name)
}

// has settles what an operation means for a node that does or does not exist,
// for the node itself: done says that nothing is left to do.
func (a *applier) has(st Step, op Op, exists bool, subject bool) (done bool, err error) {
	switch op {
	case OpCreate:
		if exists {
			// Asked first: see the package comment.
			if subject {
				if err := a.ask(st, Create); err != nil {
					return true, err
				}
			}
			return true, a.exists(st)
		}
	case OpDelete:
		if !exists {
			if subject {
				if err := a.ask(st, Delete); err != nil {
					return true, err
				}
			}
			return true, a.missing(st, op)
		}
	case OpRemove:
		return !exists, nil
	case OpNone:
		if !exists && subject {
			return true, a.missing(st, op) // RFC 6241, 7.2: no corresponding level
		}
	}
	return false, nil
}
