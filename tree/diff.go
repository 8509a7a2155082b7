// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"errors"
	"iter"

	"nso.example/nso/yang"
)

// Kind is what happened to a node between two trees.
type Kind uint8

// The kinds of changes.
const (
	Created Kind = iota + 1
	Deleted
	// Modified: a leaf or anydata has another value; a list without key or a
	// leaf-list of state, which are reported as a whole, is not the same.
	Modified
	// Moved: an entry of a list or leaf-list ordered by the user has another
	// place. What changed inside it is reported for itself.
	Moved
)

func (k Kind) String() string {
	return [...]string{"", "created", "deleted", "modified", "moved"}[k]
}

// Change is one difference. Old is what was at Path (unless Created), New what
// is (unless Deleted). Insert is the place of what was Created or Moved in a list
// ordered by the user: First, or After the entry before it in the new tree.
type Change struct {
	Path     Path
	Kind     Kind
	Old, New Child
	Insert   Insert
}

var errStop = errors.New("stop")

// Diff iterates over what changes a into b: the topmost nodes only, so that a
// container or entry that came or went is one Change with everything in it. Done
// again in this order the changes turn a into b. Parts that a and b share are
// stepped over. Path is used again for the next change: Clone it to keep it.
func Diff(a, b *Node) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		d := differ{yield: func(c Change) error {
			if !yield(c) {
				return errStop
			}
			return nil
		}}
		_ = d.node(a, b) // errStop: the caller has seen enough
	}
}

// Equal reports whether a and b hold the same data in the same order.
func Equal(a, b *Node) bool {
	d := differ{yield: func(Change) error { return errStop }}
	return d.node(a, b) == nil
}

type differ struct {
	path  Path
	yield func(Change) error
}

func (d *differ) change(st Step, k Kind, old, new Child, at Insert) error {
	d.path = append(d.path, st)
	err := d.yield(Change{Path: d.path, Kind: k, Old: old, New: new, Insert: at})
	d.path = d.path[:len(d.path)-1]
	return err
}

func (d *differ) node(a, b *Node) error {
	if a == b {
		return nil
	}
	if a == nil {
		a = New(b.schema)
	} else if b == nil {
		b = New(a.schema)
	}
	err := diffLeaves(a, b, func(s *yang.Node, old, new string, what Access) error {
		st, x, y := Step{Schema: s}, Child{Schema: s, Value: old}, Child{Schema: s, Value: new}
		switch what {
		case Create:
			return d.change(st, Created, Child{}, y, Insert{})
		case Delete:
			return d.change(st, Deleted, x, Child{}, Insert{})
		}
		return d.change(st, Modified, x, y, Insert{})
	})
	if err != nil {
		return err
	}
	return diffKids(a, b, d.kid)
}

// kid reports the difference of one child; one of x and y may be nil.
func (d *differ) kid(x, y kid) error {
	some := x
	if x == nil {
		some = y
	}
	s := some.Schema()
	st := Step{Schema: s}
	switch some.(type) {
	case *Node:
		if x != nil && y != nil {
			return d.inside(st, x.(*Node), y.(*Node))
		}
	case *List:
		if shapeOf(s) != positional {
			a, _ := x.(*List)
			b, _ := y.(*List)
			return d.list(s, a, b)
		}
		if x != nil && y != nil && equalLists(x.(*List), y.(*List)) {
			return nil
		}
	case *LeafList:
		if shapeOf(s) != positional {
			a, _ := x.(*LeafList)
			b, _ := y.(*LeafList)
			return d.leafList(s, a, b)
		}
		if x != nil && y != nil && equalLeafLists(x.(*LeafList), y.(*LeafList)) {
			return nil
		}
	case *anyData:
		if x != nil && y != nil && x.(*anyData).any == y.(*anyData).any {
			return nil
		}
	}
	switch {
	case x == nil:
		return d.change(st, Created, Child{}, childOf(y), Insert{})
	case y == nil:
		return d.change(st, Deleted, childOf(x), Child{}, Insert{})
	}
	return d.change(st, Modified, childOf(x), childOf(y), Insert{})
}

func (d *differ) inside(st Step, x, y *Node) error {
	d.path = append(d.path, st)
	err := d.node(x, y)
	d.path = d.path[:len(d.path)-1]
	return err
}

func (d *differ) list(s *yang.Node, a, b *List) error {
	if a == nil {
		a = newList(s, nil)
	} else if b == nil {
		b = newList(s, nil)
	}
	step := func(e *Node) Step { return Step{Schema: s, Key: e.Key(), HasKey: true} }
	child := func(e *Node) Child { return Child{Schema: s, Node: e} }
	err := diffEntries(a, b, func(x, y *Node) error {
		switch {
		case y == nil:
			return d.change(step(x), Deleted, child(x), Child{}, Insert{})
		case x != nil:
			return d.inside(step(x), x, y)
		case a.user == nil:
			return d.change(step(y), Created, Child{}, child(y), Insert{})
		}
		return nil // with its place, below
	})
	if err != nil || a.user == nil {
		return err
	}
	return placements(a.user, b.user, a.compare, func(y, after *Node, first, isNew bool) error {
		at := Insert{Where: First}
		if !first {
			at = Insert{After, after.Key()}
		}
		if isNew {
			return d.change(step(y), Created, Child{}, child(y), at)
		}
		return d.change(step(y), Moved, child(a.Get(y.Key())), child(y), at)
	})
}

func (d *differ) leafList(s *yang.Node, a, b *LeafList) error {
	if a == nil {
		a = newLeafList(s, nil)
	} else if b == nil {
		b = newLeafList(s, nil)
	}
	step := func(v string) Step { return Step{Schema: s, Value: v, HasKey: true} }
	child := func(v string) Child { return Child{Schema: s, Value: v} }
	err := diffValues(a, b, func(v string, inA bool) error {
		switch {
		case inA:
			return d.change(step(v), Deleted, child(v), Child{}, Insert{})
		case a.user == nil:
			return d.change(step(v), Created, Child{}, child(v), Insert{})
		}
		return nil
	})
	if err != nil || a.user == nil {
		return err
	}
	return placements(a.user, b.user, a.compare, func(v, after string, first, isNew bool) error {
		at := Insert{Where: First}
		if !first {
			at = Insert{After, Key(after)}
		}
		if isNew {
			return d.change(step(v), Created, Child{}, child(v), at)
		}
		return d.change(step(v), Moved, child(v), child(v), at)
	})
}

// DiffEntries iterates over the entries that are not the same in two versions of
// a list with keys, in the order of keys: the old one is nil if it is new, the new
// one if it is gone. It costs what differs. Either list may be nil.
func DiffEntries(a, b *List) iter.Seq2[*Node, *Node] {
	return func(yield func(old, new *Node) bool) {
		switch {
		case a == b:
			return
		case a == nil:
			a = newList(b.schema, nil)
		case b == nil:
			b = newList(a.schema, nil)
		}
		_ = diffEntries(a, b, func(x, y *Node) error {
			if !yield(x, y) {
				return errStop
			}
			return nil
		})
	}
}
