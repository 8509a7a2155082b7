// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"nso.example/nso/yang"
)

// become makes old equal to fresh, which has the same schema, and keeps what is
// equal, so that a replace shares with what it replaces all that it can. The
// guard is asked for each node that differs.
func (a *applier) become(old, fresh *Node) (*Node, error) {
	if old == fresh {
		return old, nil
	}
	m := a.push(old.schema, old, "")
	err := a.becomeIn(m, old, fresh)
	a.depth--
	n := m.done()
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (a *applier) becomeIn(m *mut, old, fresh *Node) error {
	if old.leaves != fresh.leaves {
		err := diffLeaves(old, fresh, func(s *yang.Node, _, _ string, what Access) error {
			return a.ask(Step{Schema: s}, what)
		})
		if err != nil {
			return err
		}
		m.packed, m.changed = fresh.leaves, true
	}
	return diffKids(old, fresh, func(x, y kid) error {
		switch {
		case y == nil:
			m.removeKid(x.Schema())
			return a.askKid(x, Delete)
		case x == nil:
			m.setKid(y)
			return a.askKid(y, Create)
		}
		return a.becomeKid(m, x, y)
	})
}

func (a *applier) becomeKid(m *mut, x, y kid) error {
	s := x.Schema()
	switch x := x.(type) {
	case *Node:
		n, err := a.becomeAt(Step{Schema: s}, x, y.(*Node))
		if err == nil && n != x {
			m.setKid(n)
		}
		return err
	case *anyData:
		if x.any == y.(*anyData).any {
			return nil
		}
		m.setKid(y)
		return a.ask(Step{Schema: s}, Update)
	case *LeafList:
		return a.becomeLeafList(m, x, y.(*LeafList))
	case *List:
		return a.becomeList(m, x, y.(*List))
	}
	return nil
}

func (a *applier) becomeAt(st Step, old, fresh *Node) (*Node, error) {
	a.path = append(a.path, st)
	n, err := a.become(old, fresh)
	a.path = a.path[:len(a.path)-1]
	return n, err
}

func (a *applier) becomeList(m *mut, old, fresh *List) error {
	s := old.schema
	if shapeOf(s) == positional {
		if equalLists(old, fresh) {
			return nil
		}
		m.setKid(fresh)
		if err := a.askKid(old, Delete); err != nil {
			return err
		}
		return a.askKid(fresh, Create)
	}
	step := func(e *Node) Step { return Step{Schema: s, Key: e.Key(), HasKey: true} }
	err := diffEntries(old, fresh, func(x, y *Node) error {
		switch {
		case y == nil:
			m.ownList(s, a.token).delete(a.token, x.Key())
			return a.askNode(step(x), x, Delete)
		case x == nil:
			if old.user == nil {
				m.ownList(s, a.token).put(a.token, y, nil)
			}
			return a.askNode(step(y), y, Create)
		}
		n, err := a.becomeAt(step(x), x, y)
		if err == nil && n != x {
			m.ownList(s, a.token).put(a.token, n, nil)
		}
		return err
	})
	if err != nil || old.user == nil {
		return err
	}
	return placements(old.user, fresh.user, old.compare, func(y, after *Node, first, isNew bool) error {
		l := m.ownList(s, a.token)
		at := Insert{Where: First}
		if !first {
			at = Insert{After, after.Key()}
		}
		if isNew {
			l.put(a.token, y, &at)
			return nil
		}
		l.put(a.token, l.Get(y.Key()), &at)
		return a.ask(step(y), Update)
	})
}

func (a *applier) becomeLeafList(m *mut, old, fresh *LeafList) error {
	s := old.schema
	if shapeOf(s) == positional {
		if equalLeafLists(old, fresh) {
			return nil
		}
		m.setKid(fresh)
		if err := a.askKid(old, Delete); err != nil {
			return err
		}
		return a.askKid(fresh, Create)
	}
	step := func(v string) Step { return Step{Schema: s, Value: v, HasKey: true} }
	err := diffValues(old, fresh, func(v string, inOld bool) error {
		if inOld {
			m.ownLeafList(s, a.token).delete(a.token, v)
			return a.ask(step(v), Delete)
		}
		if old.user == nil {
			m.ownLeafList(s, a.token).put(a.token, v, nil)
		}
		return a.ask(step(v), Create)
	})
	if err != nil || old.user == nil {
		return err
	}
	return placements(old.user, fresh.user, old.compare, func(v, after string, first, isNew bool) error {
		at := Insert{Where: First}
		if !first {
			at = Insert{After, Key(after)}
		}
		m.ownLeafList(s, a.token).put(a.token, v, &at)
		if isNew {
			return nil
		}
		return a.ask(step(v), Update)
	})
}
