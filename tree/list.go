// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"cmp"
	"iter"

	"nso.example/nso/yang"
)

// shape is how the entries of a list or leaf-list are kept.
type shape uint8

const (
	sorted     shape = iota // by value (RFC 7950, 7.7.7: ordered by the system)
	ranked                  // as the user says (ordered-by user)
	positional              // no identity: a list without key, a leaf-list of state
)

func shapeOf(s *yang.Node) shape {
	switch {
	case s.Kind == yang.KindList && len(s.Keys) == 0:
		return positional // RFC 7950, 7.8.2: only where config is false
	case s.Kind == yang.KindLeafList && !s.Config:
		return positional // RFC 7950, 7.7: values of state need not be unique
	case s.OrderedBy == yang.OrderedByUser:
		return ranked
	}
	return sorted
}

// List is the entries of one list in one parent. It is immutable; a nil *List
// is valid and empty.
type List struct {
	schema *yang.Node
	owner  *token
	order  ordering
	root   *bnode[item]
	user   *ranks[*Node] // in place of root if the list is ordered by the user
}

func newList(s *yang.Node, t *token) *List {
	l := &List{schema: s, owner: t, order: orderingOf(s)}
	if shapeOf(s) == ranked {
		l.user = &ranks[*Node]{}
	}
	return l
}

// listOf makes a list of entries in canonical order without duplicates.
func listOf(s *yang.Node, entries []*Node) *List {
	l := newList(s, nil)
	if l.user != nil {
		l.user.build(nil, entries, l.compare)
	} else {
		items := make([]item, len(entries))
		for i, e := range entries {
			items[i] = l.item(e)
		}
		l.root = buildTree(nil, items)
	}
	return l
}

// mutable returns l or a copy that t owns.
func (l *List) mutable(t *token) *List {
	if l.owner == t && t != nil {
		return l
	}
	c := *l
	c.owner = t
	if l.user != nil {
		u := *l.user
		c.user = &u
	}
	return &c
}

// item is an entry with a number that stands for its key: items whose numbers
// differ are in their order, so that a search seldom has to look at the entries
// themselves, which are all over the memory.
type item struct {
	digest uint64
	entry  *Node
}

func (l *List) item(e *Node) item {
	if len(l.schema.Keys) == 0 {
		return item{entry: e}
	}
	return item{l.order.digest(e.leaves), e}
}

func (l *List) compare(a, b *Node) int {
	return l.order.compareKeys(a.leaves, b.leaves, len(l.schema.Keys))
}

func (l *List) compareItems(a, b item) int {
	if a.digest != b.digest {
		return cmp.Compare(a.digest, b.digest)
	}
	return l.compare(a.entry, b.entry)
}

// keyProbe is a key to look for in a sorted list.
type keyProbe struct {
	key    string
	digest uint64
	order  ordering
	keys   int
}

func (l *List) probe(k Key) keyProbe {
	return keyProbe{string(k), l.order.digest(string(k)), l.order, len(l.schema.Keys)}
}

func (p *keyProbe) compare(x item) int {
	if x.digest != p.digest {
		return cmp.Compare(x.digest, p.digest)
	}
	return p.order.compareKeys(x.entry.leaves, p.key, p.keys)
}

// rankedProbe compares the entries of a ranked list with a key.
func (l *List) rankedProbe(k Key) func(*Node) int {
	n, order, key := len(l.schema.Keys), l.order, string(k)
	return func(e *Node) int { return order.compareKeys(e.leaves, key, n) }
}

// Schema is the schema node of the list, nil for a nil l.
func (l *List) Schema() *yang.Node {
	if l == nil {
		return nil
	}
	return l.schema
}

// Len is the number of entries.
func (l *List) Len() int {
	switch {
	case l == nil:
		return 0
	case l.user != nil:
		return l.user.seq.len()
	}
	return l.root.len()
}

// Get returns the entry with that key, nil if there is none.
func (l *List) Get(k Key) *Node {
	if l == nil {
		return nil
	}
	if len(l.schema.Keys) == 0 {
		x, _ := l.root.at(k.position())
		return x.entry
	}
	if l.user != nil {
		r, _ := l.user.index.get(byItem(l.rankedProbe(k)))
		return r.item
	}
	p := l.probe(k)
	x, _ := l.root.get(func(x item) int { return p.compare(x) })
	return x.entry
}

// All iterates over the entries in their order.
func (l *List) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		switch {
		case l == nil:
		case l.user != nil:
			l.user.seq.all(func(r rankedItem[*Node]) bool { return yield(r.item) })
		default:
			l.root.all(func(x item) bool { return yield(x.entry) })
		}
	}
}

// From iterates over the entries from that key on: in the order of the system
// from the first key that is not smaller, in the user's order from the entry
// with that key (nothing if there is none).
func (l *List) From(k Key) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		switch {
		case l == nil:
		case len(l.schema.Keys) == 0:
			i := 0
			l.root.all(func(x item) bool {
				i++
				return i <= k.position() || yield(x.entry)
			})
		case l.user != nil:
			if r, ok := l.user.index.get(byItem(l.rankedProbe(k))); ok {
				l.user.seq.from(byRank[*Node](r.rank), func(r rankedItem[*Node]) bool { return yield(r.item) })
			}
		default:
			p := l.probe(k)
			l.root.from(func(x item) int { return p.compare(x) }, func(x item) bool { return yield(x.entry) })
		}
	}
}

// put stores an entry. l must be mutable for t. at is nil to leave an existing
// entry in its place and to append a new one.
func (l *List) put(t *token, e *Node, at *Insert) bool {
	if l.user != nil {
		return l.user.put(t, e, l.rankedProbe(Key(e.leaves)), at, l.rankedProbe)
	}
	if len(l.schema.Keys) == 0 {
		l.root = push(t, l.root, l.item(e))
		return true
	}
	p := l.probe(Key(e.leaves))
	l.root, _, _ = insert(t, l.root, item{p.digest, e}, func(x item) int { return p.compare(x) })
	return true
}

// delete removes an entry. l must be mutable for t.
func (l *List) delete(t *token, k Key) {
	switch {
	case len(l.schema.Keys) == 0:
		if i := k.position(); i >= 0 && i < l.root.len() {
			l.root = shrink(l.root.cutAt(t, i))
		}
	case l.user != nil:
		l.user.delete(t, l.rankedProbe(k))
	default:
		p := l.probe(k)
		l.root, _, _ = remove(t, l.root, func(x item) int { return p.compare(x) })
	}
}

// LeafList is the entries of one leaf-list in one parent. It is immutable; a
// nil *LeafList is valid and empty.
type LeafList struct {
	schema *yang.Node
	owner  *token
	order  ordering
	root   *bnode[string]
	user   *ranks[string]
}

func newLeafList(s *yang.Node, t *token) *LeafList {
	l := &LeafList{schema: s, owner: t, order: orderingOf(s)}
	if shapeOf(s) == ranked {
		l.user = &ranks[string]{}
	}
	return l
}

func leafListOf(s *yang.Node, values []string) *LeafList {
	l := newLeafList(s, nil)
	if l.user != nil {
		l.user.build(nil, values, l.compare)
	} else {
		l.root = buildTree(nil, values)
	}
	return l
}

func (l *LeafList) mutable(t *token) *LeafList {
	if l.owner == t && t != nil {
		return l
	}
	c := *l
	c.owner = t
	if l.user != nil {
		u := *l.user
		c.user = &u
	}
	return &c
}

func (l *LeafList) compare(a, b string) int { return l.order.compare(0, a, b) }

func (l *LeafList) probe(v string) func(string) int {
	order := l.order
	return func(x string) int { return order.compare(0, x, v) }
}

// Schema is the schema node of the leaf-list, nil for a nil l.
func (l *LeafList) Schema() *yang.Node {
	if l == nil {
		return nil
	}
	return l.schema
}

// Len is the number of entries.
func (l *LeafList) Len() int {
	switch {
	case l == nil:
		return 0
	case l.user != nil:
		return l.user.seq.len()
	}
	return l.root.len()
}

// Has reports whether there is an entry with that canonical value.
func (l *LeafList) Has(value string) bool {
	switch {
	case l == nil:
		return false
	case l.user != nil:
		_, ok := l.user.index.get(byItem(l.probe(value)))
		return ok
	case shapeOf(l.schema) == positional:
		return !l.root.all(func(x string) bool { return x != value })
	}
	_, ok := l.root.get(l.probe(value))
	return ok
}

// All iterates over the values in their order.
func (l *LeafList) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		switch {
		case l == nil:
		case l.user != nil:
			l.user.seq.all(func(r rankedItem[string]) bool { return yield(r.item) })
		default:
			l.root.all(yield)
		}
	}
}

func (l *LeafList) put(t *token, v string, at *Insert) bool {
	switch {
	case l.user != nil:
		return l.user.put(t, v, l.probe(v), at, func(k Key) func(string) int { return l.probe(string(k)) })
	case shapeOf(l.schema) == positional:
		l.root = push(t, l.root, v)
	default:
		l.root, _, _ = insert(t, l.root, v, l.probe(v))
	}
	return true
}

func (l *LeafList) delete(t *token, v string) {
	switch {
	case l.user != nil:
		l.user.delete(t, l.probe(v))
	case shapeOf(l.schema) == positional:
		i := 0
		if !l.root.all(func(x string) bool { i++; return x != v }) {
			l.root = shrink(l.root.cutAt(t, i-1))
		}
	default:
		l.root, _, _ = remove(t, l.root, l.probe(v))
	}
}
