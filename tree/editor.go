// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// Editor changes a tree step by step, for callers that have paths: the CLI,
// Maapi, loaders. The tree that it began with is not changed; what it makes is
// seen with Root. A step that is refused leaves the tree as it was before it. It
// is not for use by several goroutines.
type Editor struct {
	root  *Node
	a     applier
	chain []Edit
}

// NewEditor returns an editor that begins with root.
func NewEditor(root *Node) *Editor {
	return &Editor{root: root, a: applier{}}
}

// WithGuard lets g be asked for all that follows, and returns ed.
func (ed *Editor) WithGuard(g Guard) *Editor { ed.a.guard = g; return ed }

// Root is the tree as it is now. Later steps do not change it.
func (ed *Editor) Root() *Node {
	ed.a.token = nil // what is seen is owned by nobody
	return ed.root
}

// Set gives a leaf its value, which the caller has made canonical; of a leaf-list, an entry of a list or a container
// with presence it makes sure that it is there (value is then ignored). What is
// missing above it is made.
func (ed *Editor) Set(p Path, value string) error {
	return ed.do(p, OpMerge, &Edit{Op: OpMerge, Value: value})
}

// SetAny gives an anydata or anyxml its content.
func (ed *Editor) SetAny(p Path, content Any) error {
	return ed.do(p, OpMerge, &Edit{Op: OpMerge, Any: content})
}

// Create makes an entry of a list or leaf-list or a container with presence that
// must not exist.
func (ed *Editor) Create(p Path) error { return ed.do(p, OpMerge, &Edit{Op: OpCreate}) }

// Delete removes what must exist: a node, an entry, or with a path that names no
// entry all of a list or leaf-list.
func (ed *Editor) Delete(p Path) error { return ed.do(p, OpNone, &Edit{Op: OpDelete}) }

// Move gives an entry that exists another place (RFC 7950, 7.7.7).
func (ed *Editor) Move(p Path, at Insert) error {
	s := p.Schema()
	if s == nil || (s.Kind != yang.KindList && s.Kind != yang.KindLeafList) || shapeOf(s) != ranked || !p[len(p)-1].HasKey {
		return mgmterr.New(mgmterr.OperationNotSupported, p.String(),
			"cannot move: only an entry of a list or leaf-list that is ordered by the user has a place")
	}
	if _, ok := ed.root.Find(p); !ok {
		return mgmterr.New(mgmterr.DataMissing, p.String(), "cannot move %s: it does not exist", s.Name)
	}
	ed.a.token = nil // refused only after the fact: see do
	return ed.do(p, OpNone, &Edit{Op: OpMerge, Insert: at})
}

// Merge merges a container, a list entry (p names it) or a whole tree (p is
// empty) with what is at p.
func (ed *Editor) Merge(p Path, n *Node) error {
	ed.a.token = nil
	return ed.do(p, OpMerge, &Edit{Op: OpMerge, Tree: n})
}

// Put makes what is at p equal to c, as Find gave it.
func (ed *Editor) Put(p Path, c Child) error {
	return ed.put(p, c, Insert{})
}

func (ed *Editor) put(p Path, c Child, at Insert) error {
	ed.a.token = nil
	var all kid
	switch {
	case c.List != nil:
		all = c.List
	case c.LeafList != nil:
		all = c.LeafList
	}
	if all != nil {
		whole := &Node{schema: c.Schema.DataParent, kids: []kid{all}}
		return ed.do(p, OpMerge, &Edit{Op: OpReplace, Whole: true, Tree: whole})
	}
	return ed.do(p, OpMerge, &Edit{Op: OpReplace, Value: c.Value, Any: c.Any, Tree: c.Node, Insert: at})
}

// Replay does a Change of a Diff again.
func (ed *Editor) Replay(c Change) error {
	switch c.Kind {
	case Deleted:
		return ed.Delete(c.Path)
	case Moved:
		return ed.Move(c.Path, c.Insert)
	}
	return ed.put(c.Path, c.New, c.Insert)
}

// do does last at p, with the operation above for all nodes that lead there.
// One that can be refused after some of it was done must not own what ed.root
// holds: its caller has dropped the token.
func (ed *Editor) do(p Path, above Op, last *Edit) error {
	n := len(p)
	if cap(ed.chain) <= n {
		ed.chain = make([]Edit, n+1)
	}
	c := ed.chain[:n+1]
	c[0] = Edit{Schema: ed.root.schema, Op: above}
	for i := range p {
		st := &p[i]
		c[i+1] = Edit{Schema: st.Schema, Op: above, Key: st.Key}
		c[i].Children = c[i+1 : i+2 : i+2]
	}
	e := &c[n]
	last.Schema, last.Key = e.Schema, e.Key
	if n > 0 {
		st := &p[n-1]
		switch st.Schema.Kind {
		case yang.KindLeafList:
			last.Value = st.Value
			last.Whole = last.Whole || !st.HasKey
		case yang.KindList:
			last.Whole = last.Whole || !st.HasKey && (last.Op == OpDelete || len(st.Schema.Keys) > 0)
		}
	}
	*e = *last
	if ed.a.token == nil {
		ed.a.token = new(token)
	}
	root, err := ed.a.root(ed.root, &c[0])
	clear(c)
	if err != nil {
		ed.a.token = nil // what it had made is owned by nobody
		return err
	}
	ed.root = root
	return nil
}
