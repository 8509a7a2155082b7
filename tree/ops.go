// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// sets reports whether an operation makes the node be there.
func (o Op) sets() bool { return o == OpMerge || o == OpReplace || o == OpCreate }

// leaf obeys RFC 7950, 7.6.7.
func (a *applier) leaf(m *mut, e *Edit) error {
	s := e.Schema
	st := Step{Schema: s}
	exists, same := m.leaf(s, e.Value)
	if s.IsKey && m.schema.Kind == yang.KindList {
		if same && e.Op != OpDelete && e.Op != OpRemove {
			return nil
		}
		return a.fail(mgmterr.BadElement, &st, "cannot change key %s: delete the entry and create another", s.Name).
			WithInfo("bad-element", s.Name)
	}
	if done, err := a.has(st, e.Op, exists, true); done {
		return err
	}
	switch {
	case e.Op == OpNone:
		return nil
	case e.Op == OpDelete || e.Op == OpRemove:
		if err := a.ask(st, Delete); err != nil {
			return err
		}
		m.removeLeaf(s)
		return nil
	case a.exact && e.Op == OpReplace && !exists:
		return a.missing(st, e.Op)
	}
	if err := a.chose(m, s); err != nil {
		return err
	}
	if same {
		return nil
	}
	what := Create
	if exists {
		what = Update
	}
	if err := a.ask(st, what); err != nil {
		return err
	}
	m.setLeaf(s, e.Value)
	return nil
}

// anyData obeys RFC 7950, 7.10.3 and 7.11.3.
func (a *applier) anyData(m *mut, e *Edit) error {
	s := e.Schema
	st := Step{Schema: s}
	old, exists := m.kid(s).(*anyData)
	if done, err := a.has(st, e.Op, exists, true); done {
		return err
	}
	switch {
	case e.Op == OpNone:
		return nil
	case e.Op == OpDelete || e.Op == OpRemove:
		if err := a.ask(st, Delete); err != nil {
			return err
		}
		m.removeKid(s)
		return nil
	case a.exact && e.Op == OpReplace && !exists:
		return a.missing(st, e.Op)
	}
	if err := a.chose(m, s); err != nil {
		return err
	}
	if exists && old.any == e.Any {
		return nil
	}
	what := Create
	if exists {
		what = Update
	}
	if err := a.ask(st, what); err != nil {
		return err
	}
	m.setKid(&anyData{schema: s, any: e.Any})
	return nil
}

// container obeys RFC 7950, 7.5.8.
func (a *applier) container(m *mut, e *Edit) error {
	s := e.Schema
	st := Step{Schema: s}
	old := m.container(s)
	subject := hasExistence(s)
	if done, err := a.has(st, e.Op, old != nil && (subject || a.showsKid(old)), subject); done {
		return err
	}
	if e.Op == OpDelete || e.Op == OpRemove {
		if err := a.askNode(st, old, Delete); err != nil {
			return err
		}
		m.removeKid(s)
		return nil
	}
	if subject && old == nil {
		if err := a.ask(st, Create); err != nil {
			return err
		}
	}
	n, err := a.inside(st, old, "", e)
	if err != nil {
		return err
	}
	if n == nil || n.Empty() && !subject {
		m.removeKid(s) // no empty non-presence container is kept
		return nil
	}
	if e.Op.sets() || old == nil {
		if err := a.chose(m, s); err != nil {
			return err
		}
	}
	if n != old {
		m.setKid(n)
	}
	return nil
}

// inside does the content of e, a container or list entry.
func (a *applier) inside(st Step, old *Node, key Key, e *Edit) (n *Node, err error) {
	a.path = append(a.path, st)
	defer func() { a.path = a.path[:len(a.path)-1] }()
	switch {
	case e.Op == OpReplace && old != nil:
		fresh, err := a.fresh(st.Schema, key, e)
		if err != nil {
			return nil, err
		}
		return a.become(old, fresh)
	case old == nil && e.Op.sets() && len(e.Children) == 0 && e.Tree != nil:
		// Taken over as it is. The node itself was asked about.
		return e.Tree, a.askBelow(e.Tree, Create)
	case old == nil && len(key) > 0 && a.guard != nil:
		for i, v := range key.Values(st.Schema) {
			if i < len(st.Schema.Keys) {
				if err := a.ask(Step{Schema: st.Schema.Keys[i], Value: v}, Create); err != nil {
					return nil, err
				}
			}
		}
	}
	return a.node(st.Schema, old, key, e)
}

// entry obeys RFC 7950, 7.8.6.
func (a *applier) entry(m *mut, e *Edit) error {
	s := e.Schema
	key := e.Key
	if key == "" && e.Tree != nil {
		key = e.Tree.Key()
	}
	st := Step{Schema: s, Key: key, HasKey: true}
	var old *Node
	if len(s.Keys) > 0 {
		if err := a.checkKey(s, key, e.Tree); err != nil {
			return err
		}
		old = m.list(s).Get(key)
	} else if key != "" {
		if old = m.list(s).Get(key); old == nil {
			return a.missing(st, e.Op)
		}
	} else {
		st.Key = positionKey(m.list(s).Len())
	}
	if done, err := a.has(st, e.Op, old != nil, true); done {
		return err
	}
	if e.Op == OpDelete || e.Op == OpRemove {
		if err := a.askNode(st, old, Delete); err != nil {
			return err
		}
		a.cutEntry(m, s, key)
		return nil
	}
	if old == nil {
		if err := a.ask(st, Create); err != nil {
			return err
		}
	}
	newKey := key
	if len(s.Keys) == 0 {
		newKey = ""
	}
	n, err := a.inside(st, old, newKey, e)
	if err != nil {
		return err
	}
	if e.Op.sets() {
		if err := a.chose(m, s); err != nil {
			return err
		}
	}
	return a.storeEntry(m, st, old, n, e.Insert)
}

// checkKey makes sure that a key is one of the list's, whoever made the edit.
func (a *applier) checkKey(s *yang.Node, key Key, t *Node) error {
	if !key.fits(s) || t != nil && (t.schema != s || t.Key() != key) {
		return a.fail(mgmterr.MissingElement, &Step{Schema: s}, "cannot edit list %s: the key does not fit; use %s", s.Name, exampleKeys(s))
	}
	return nil
}

func (a *applier) storeEntry(m *mut, st Step, old, n *Node, at Insert) error {
	s := st.Schema
	if shapeOf(s) == positional {
		switch {
		case old == nil:
			m.ownList(s, a.token).put(a.token, n, nil)
		case old != n:
			l := m.ownList(s, a.token)
			l.root = l.root.setAt(a.token, st.Key.position(), l.item(n))
		}
		return nil
	}
	moves := at.Where != 0 && shapeOf(s) == ranked
	if old == n && old != nil && !moves {
		return nil
	}
	if !moves {
		m.ownList(s, a.token).put(a.token, n, nil)
		return nil
	}
	if (at.Where == Before || at.Where == After) && (!at.Anchor.fits(s) || !a.shows(Step{Schema: s, Key: at.Anchor, HasKey: true})) {
		return a.noAnchor(st)
	}
	l := m.ownList(s, a.token)
	before, _ := l.user.index.get(byItem(l.rankedProbe(st.Key)))
	if !l.put(a.token, n, &at) {
		return a.noAnchor(st)
	}
	after, _ := l.user.index.get(byItem(l.rankedProbe(st.Key)))
	if old != nil && before.rank != after.rank {
		return a.ask(st, Update)
	}
	return nil
}

// noAnchor is the error of RFC 7950, 15.7.
func (a *applier) noAnchor(st Step) error {
	return a.fail(mgmterr.BadAttribute, &st, "cannot insert %s there: the entry that it refers to does not exist", st.Schema.Name).
		WithAppTag("missing-instance").WithInfo("bad-attribute", "insert").WithInfo("bad-element", st.Schema.Name)
}

func (a *applier) cutEntry(m *mut, s *yang.Node, key Key) {
	l := m.ownList(s, a.token)
	l.delete(a.token, key)
	if l.Len() == 0 {
		m.removeKid(s)
	}
}

// leafListEntry obeys RFC 7950, 7.7.9.
func (a *applier) leafListEntry(m *mut, e *Edit) error {
	s := e.Schema
	st := Step{Schema: s, Value: e.Value, HasKey: true}
	exists := m.leafList(s).Has(e.Value)
	bag := shapeOf(s) == positional
	if bag && e.Op.sets() {
		exists = false // values of state need not be unique
	}
	if done, err := a.has(st, e.Op, exists, true); done {
		return err
	}
	switch {
	case e.Op == OpNone && e.Insert.Where == 0:
		return nil
	case e.Op == OpDelete || e.Op == OpRemove:
		if err := a.ask(st, Delete); err != nil {
			return err
		}
		l := m.ownLeafList(s, a.token)
		l.delete(a.token, e.Value)
		if l.Len() == 0 {
			m.removeKid(s)
		}
		return nil
	}
	if e.Op.sets() {
		if err := a.chose(m, s); err != nil {
			return err
		}
	}
	if !exists {
		if err := a.ask(st, Create); err != nil {
			return err
		}
	}
	if e.Insert.Where == 0 || shapeOf(s) != ranked {
		if !exists {
			m.ownLeafList(s, a.token).put(a.token, clone(e.Value), nil)
		}
		return nil
	}
	if at := e.Insert; (at.Where == Before || at.Where == After) && !a.shows(Step{Schema: s, Value: string(at.Anchor), HasKey: true}) {
		return a.noAnchor(st)
	}
	l := m.ownLeafList(s, a.token)
	before, _ := l.user.index.get(byItem(l.probe(e.Value)))
	if !l.put(a.token, clone(e.Value), &e.Insert) {
		return a.noAnchor(st)
	}
	after, _ := l.user.index.get(byItem(l.probe(e.Value)))
	if exists && before.rank != after.rank {
		return a.ask(st, Update)
	}
	return nil
}

// whole deletes or replaces all entries of a list or leaf-list.
func (a *applier) whole(m *mut, e *Edit) error {
	st := Step{Schema: e.Schema}
	k := m.kid(e.Schema)
	switch e.Op {
	case OpDelete, OpRemove:
		if done, err := a.has(st, e.Op, k != nil && a.showsKid(k), true); done {
			return err
		}
		if err := a.askKid(k, Delete); err != nil {
			return err
		}
		m.removeKid(e.Schema)
		return nil
	case OpReplace:
		if e.Tree == nil || e.Tree.schema != m.schema {
			break
		}
		fresh := e.Tree.kid(e.Schema)
		switch {
		case fresh == nil && k == nil:
			return nil
		case fresh == nil:
			m.removeKid(e.Schema)
			return a.askKid(k, Delete)
		case k == nil:
			return a.adopt(m, nil, fresh)
		}
		return a.becomeKid(m, k, fresh)
	}
	return a.fail(mgmterr.OperationNotSupported, &st, "cannot %s all of %s at once: name an entry", e.Op, e.Schema.Name)
}
