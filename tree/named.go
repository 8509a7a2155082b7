// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"slices"

	"nso.example/nso/yang"
)

// named asks the guard about the ends of an edit: the nodes that it names without
// naming anything in them. It comes before anything is done, so that whoever has no
// right at all to a node learns nothing of it: neither whether it is there nor,
// by merging a guess, what it holds.
func (a *applier) named(e *Edit) error {
	s := e.Schema
	st := Step{Schema: s}
	switch s.Kind {
	case yang.KindLeafList:
		st.Value, st.HasKey = e.Value, !e.Whole
	case yang.KindList:
		if st.Key = e.Key; st.Key == "" && e.Tree != nil && !e.Whole {
			st.Key = e.Tree.Key()
		}
		st.HasKey = st.Key != ""
	case yang.KindRoot, yang.KindContainer:
	default:
		if s.IsKey {
			return nil
		}
	}
	if end := !slices.ContainsFunc(e.Children, func(c Edit) bool { return !c.Schema.IsKey }); end && (e.Whole || !hasContent(e.Tree)) {
		// Of a non-presence container these alone do something, or tell something.
		matters := e.Op == OpDelete || e.Op == OpRemove || e.Op == OpCreate || e.Op == OpReplace
		if s.Kind == yang.KindRoot || !hasExistence(s) && !matters {
			return nil
		}
		return a.ask(st, Name)
	}
	if s.Kind != yang.KindRoot {
		a.path = append(a.path, st)
		defer func() { a.path = a.path[:len(a.path)-1] }()
	}
	if err := a.namedIn(e.Tree); err != nil {
		return err
	}
	for i := range e.Children {
		if err := a.named(&e.Children[i]); err != nil {
			return err
		}
	}
	return nil
}

// namedIn is named for the content of a tree, whose own step is on the path.
func (a *applier) namedIn(n *Node) error {
	if n == nil {
		return nil
	}
	for c := range n.Children() {
		switch {
		case c.List != nil:
			i := 0
			for e := range c.List.All() {
				if err := a.namedAt(Step{Schema: c.Schema, Key: keyAt(e, i), HasKey: true}, e); err != nil {
					return err
				}
				i++
			}
		case c.LeafList != nil:
			for v := range c.LeafList.All() {
				if err := a.ask(Step{Schema: c.Schema, Value: v, HasKey: true}, Name); err != nil {
					return err
				}
			}
		case c.Node != nil:
			if err := a.namedAt(Step{Schema: c.Schema}, c.Node); err != nil {
				return err
			}
		case !c.Schema.IsKey:
			if err := a.ask(Step{Schema: c.Schema}, Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *applier) namedAt(st Step, n *Node) error {
	if !hasContent(n) {
		return a.ask(st, Name)
	}
	a.path = append(a.path, st)
	err := a.namedIn(n)
	a.path = a.path[:len(a.path)-1]
	return err
}

// hasContent reports whether there is more in n, which may be nil, than keys.
func hasContent(n *Node) bool {
	if n == nil {
		return false
	}
	for s := range n.Leaves() {
		if !s.IsKey {
			return true
		}
	}
	return len(n.kids) > 0
}
