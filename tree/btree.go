// SPDX-License-Identifier: Apache-2.0

package tree

import "slices"

// token is the identity of one unfinished change: a bnode that carries it may
// be written in place by whoever holds it. nil owns nothing.
type token struct{ _ byte }

const (
	maxItems = 32           // an edit copies less than with 64, and a leaf takes no more
	minItems = maxItems / 4 // below that a node is merged with a neighbour where both fit into one
)

// bnode is a node of a persistent B+ tree. In a leaf (kids == nil) items are the
// items; in an inner node items[i] is the first item below kids[i]. No node is
// empty; an empty tree is nil. The same structure serves trees ordered by a
// comparison and plain sequences: the methods differ.
type bnode[T any] struct {
	owner *token
	items []T
	kids  []*bnode[T]
	size  int // items below
}

func (n *bnode[T]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

func (n *bnode[T]) first() T { return n.items[0] }

func (n *bnode[T]) last() T {
	for n.kids != nil {
		n = n.kids[len(n.kids)-1]
	}
	return n.items[len(n.items)-1]
}

// mutable returns n or a copy of it that t owns.
func (n *bnode[T]) mutable(t *token) *bnode[T] {
	if n.owner == t && t != nil {
		return n
	}
	c := &bnode[T]{owner: t, size: n.size}
	c.items = append(make([]T, 0, len(n.items)+1), n.items...)
	if n.kids != nil {
		c.kids = append(make([]*bnode[T], 0, len(n.kids)+1), n.kids...)
	}
	return c
}

// buildTree makes a tree of items in their order. It copies them.
func buildTree[T any](t *token, items []T) *bnode[T] {
	if len(items) == 0 {
		return nil
	}
	var level []*bnode[T]
	for part := range even(len(items)) {
		level = append(level, &bnode[T]{owner: t, items: slices.Clone(items[part[0]:part[1]]), size: part[1] - part[0]})
	}
	for len(level) > 1 {
		var up []*bnode[T]
		for part := range even(len(level)) {
			n := &bnode[T]{owner: t, kids: slices.Clone(level[part[0]:part[1]])}
			n.items = make([]T, 0, len(n.kids))
			for _, k := range n.kids {
				n.items = append(n.items, k.first())
				n.size += k.size
			}
			up = append(up, n)
		}
		level = up
	}
	return level[0]
}

// even cuts n things into as few parts of at most maxItems as possible.
func even(n int) func(func([2]int) bool) {
	return func(yield func([2]int) bool) {
		parts := (n + maxItems - 1) / maxItems
		for i := range parts {
			if !yield([2]int{n * i / parts, n * (i + 1) / parts}) {
				return
			}
		}
	}
}

// search is the first place in items whose item is not below what probe looks
// for: probe(x) < 0 says that x is below.
func search[T any](items []T, probe func(T) int) (int, bool) {
	lo, hi := 0, len(items)
	found := false
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		c := probe(items[mid])
		if c < 0 {
			lo = mid + 1
			continue
		}
		hi, found = mid, c == 0
		if found {
			break
		}
	}
	if found {
		return hi, true
	}
	return lo, false
}

// kidFor is the kid below which probe's item is or would be.
func (n *bnode[T]) kidFor(probe func(T) int) int {
	i, ok := search(n.items, probe)
	if !ok && i > 0 {
		i--
	}
	return i
}

// get finds the item that probe says 0 for.
func (n *bnode[T]) get(probe func(T) int) (item T, ok bool) {
	if n == nil {
		return item, false
	}
	for n.kids != nil {
		n = n.kids[n.kidFor(probe)]
	}
	i, ok := search(n.items, probe)
	if !ok {
		return item, false
	}
	return n.items[i], true
}

// above is the smallest item that probe says > 0 for.
func (n *bnode[T]) above(probe func(T) int) (item T, ok bool) {
	n.from(func(x T) int {
		if probe(x) <= 0 {
			return -1
		}
		return 1
	}, func(x T) bool { item, ok = x, true; return false })
	return item, ok
}

// below is the greatest item that probe says < 0 for.
func (n *bnode[T]) below(probe func(T) int) (item T, ok bool) {
	if n == nil {
		return item, false
	}
	for n.kids != nil {
		i, _ := search(n.items, probe) // items[i] is not below
		if i == 0 {
			return item, false // nor is anything: items[0] is the first of all
		}
		n = n.kids[i-1]
	}
	i, _ := search(n.items, probe)
	if i == 0 {
		return item, false
	}
	return n.items[i-1], true
}

// put stores x where probe looks for it, in place of what it finds there.
// right is a new neighbour if the node had to be split.
func (n *bnode[T]) put(t *token, x T, probe func(T) int) (self, right *bnode[T], old T, replaced bool) {
	n = n.mutable(t)
	if n.kids == nil {
		i, found := search(n.items, probe)
		if found {
			old, n.items[i] = n.items[i], x
			return n, nil, old, true
		}
		n.items = slices.Insert(n.items, i, x)
		n.size++
		return n, n.split(t, i), old, false
	}
	i := n.kidFor(probe)
	kid, more, old, replaced := n.kids[i].put(t, x, probe)
	n.adopt(i, kid, more)
	if !replaced {
		n.size++
	}
	return n, n.split(t, i+1), old, replaced
}

func (n *bnode[T]) adopt(i int, kid, more *bnode[T]) {
	n.kids[i], n.items[i] = kid, kid.first()
	if more != nil {
		n.kids = slices.Insert(n.kids, i+1, more)
		n.items = slices.Insert(n.items, i+1, more.first())
	}
}

// split cuts a node that is too long; at is where it grew. A node that grows at
// its end stays full, so that what comes in order is packed.
func (n *bnode[T]) split(t *token, at int) *bnode[T] {
	if len(n.items) <= maxItems {
		return nil
	}
	cut := len(n.items) / 2
	if at == len(n.items)-1 {
		cut = at
	}
	r := &bnode[T]{owner: t, items: append([]T(nil), n.items[cut:]...)}
	clear(n.items[cut:])
	n.items = n.items[:cut]
	r.size = len(r.items)
	if n.kids != nil {
		r.kids = append([]*bnode[T](nil), n.kids[cut:]...)
		clear(n.kids[cut:])
		n.kids = n.kids[:cut]
		r.size = 0
		for _, k := range r.kids {
			r.size += k.size
		}
	}
	n.size -= r.size
	return r
}

// grow puts a root over two halves.
func grow[T any](t *token, left, right *bnode[T]) *bnode[T] {
	if right == nil {
		return left
	}
	return &bnode[T]{owner: t, items: []T{left.first(), right.first()}, kids: []*bnode[T]{left, right},
		size: left.size + right.size}
}

func insert[T any](t *token, root *bnode[T], x T, probe func(T) int) (_ *bnode[T], old T, replaced bool) {
	if root == nil {
		return &bnode[T]{owner: t, items: []T{x}, size: 1}, old, false
	}
	left, right, old, replaced := root.put(t, x, probe)
	return grow(t, left, right), old, replaced
}

// remove takes the item that probe says 0 for out of root.
func remove[T any](t *token, root *bnode[T], probe func(T) int) (_ *bnode[T], old T, ok bool) {
	if root == nil {
		return nil, old, false
	}
	if old, ok = root.get(probe); !ok {
		return root, old, false
	}
	return shrink(root.cut(t, probe)), old, true
}

func (n *bnode[T]) cut(t *token, probe func(T) int) *bnode[T] {
	n = n.mutable(t)
	n.size--
	if n.kids == nil {
		i, _ := search(n.items, probe)
		n.items = slices.Delete(n.items, i, i+1)
		return n
	}
	i := n.kidFor(probe)
	n.settle(t, i, n.kids[i].cut(t, probe))
	return n
}

// settle puts back kid i after it lost an item.
func (n *bnode[T]) settle(t *token, i int, kid *bnode[T]) {
	if len(kid.items) == 0 {
		n.items = slices.Delete(n.items, i, i+1)
		n.kids = slices.Delete(n.kids, i, i+1)
		return
	}
	n.kids[i], n.items[i] = kid, kid.first()
	if len(kid.items) >= minItems || len(n.kids) == 1 {
		return
	}
	if i == len(n.kids)-1 {
		i--
	}
	a, b := n.kids[i], n.kids[i+1]
	if len(a.items)+len(b.items) > maxItems {
		return
	}
	m := &bnode[T]{owner: t, size: a.size + b.size, items: slices.Concat(a.items, b.items)}
	if a.kids != nil {
		m.kids = slices.Concat(a.kids, b.kids)
	}
	n.kids[i] = m
	n.items = slices.Delete(n.items, i+1, i+2)
	n.kids = slices.Delete(n.kids, i+1, i+2)
}

func shrink[T any](root *bnode[T]) *bnode[T] {
	for len(root.kids) == 1 {
		root = root.kids[0]
	}
	if len(root.items) == 0 {
		return nil
	}
	return root
}

// at is the item at position i.
func (n *bnode[T]) at(i int) (item T, ok bool) {
	if i < 0 || i >= n.len() {
		return item, false
	}
	for n.kids != nil {
		k := 0
		for i >= n.kids[k].size {
			i -= n.kids[k].size
			k++
		}
		n = n.kids[k]
	}
	return n.items[i], true
}

// setAt replaces the item at position i, which exists.
func (n *bnode[T]) setAt(t *token, i int, x T) *bnode[T] {
	n = n.mutable(t)
	if n.kids == nil {
		n.items[i] = x
		return n
	}
	k := 0
	for i >= n.kids[k].size {
		i -= n.kids[k].size
		k++
	}
	n.adopt(k, n.kids[k].setAt(t, i, x), nil)
	return n
}

// cutAt removes the item at position i, which exists.
func (n *bnode[T]) cutAt(t *token, i int) *bnode[T] {
	n = n.mutable(t)
	n.size--
	if n.kids == nil {
		n.items = slices.Delete(n.items, i, i+1)
		return n
	}
	k := 0
	for i >= n.kids[k].size {
		i -= n.kids[k].size
		k++
	}
	n.settle(t, k, n.kids[k].cutAt(t, i))
	return n
}

// push adds x at the end.
func push[T any](t *token, root *bnode[T], x T) *bnode[T] {
	root, _, _ = insert(t, root, x, func(T) int { return -1 })
	return root
}

func (n *bnode[T]) all(yield func(T) bool) bool {
	if n == nil {
		return true
	}
	if n.kids == nil {
		for _, x := range n.items {
			if !yield(x) {
				return false
			}
		}
		return true
	}
	for _, k := range n.kids {
		if !k.all(yield) {
			return false
		}
	}
	return true
}

// from is all, beginning at the first item that probe does not say < 0 for.
func (n *bnode[T]) from(probe func(T) int, yield func(T) bool) bool {
	if n == nil {
		return true
	}
	if n.kids == nil {
		i, _ := search(n.items, probe)
		for _, x := range n.items[i:] {
			if !yield(x) {
				return false
			}
		}
		return true
	}
	i := n.kidFor(probe)
	if !n.kids[i].from(probe, yield) {
		return false
	}
	for _, k := range n.kids[i+1:] {
		if !k.all(yield) {
			return false
		}
	}
	return true
}

// cursor walks a tree and can step over a whole subtree. It stands before a
// subtree (of an inner node), at an item (of a leaf), or at the end.
type cursor[T any] struct {
	stack []place2[T]
}

type place2[T any] struct {
	n *bnode[T]
	i int
}

func newCursor[T any](root *bnode[T]) *cursor[T] {
	c := &cursor[T]{}
	if root != nil {
		// A root of its own, so that the real root is a subtree like any other.
		top := &bnode[T]{items: []T{root.first()}, kids: []*bnode[T]{root}, size: root.size}
		c.stack = append(make([]place2[T], 0, 8), place2[T]{top, 0})
	}
	return c
}

// subtree is the subtree that the cursor stands before, nil at an item.
func (c *cursor[T]) subtree() *bnode[T] {
	if p := c.stack[len(c.stack)-1]; p.n.kids != nil {
		return p.n.kids[p.i]
	}
	return nil
}

// item is the item at the cursor, or the first of the subtree before it.
func (c *cursor[T]) item() T {
	p := c.stack[len(c.stack)-1]
	return p.n.items[p.i]
}

func (c *cursor[T]) done() bool { return len(c.stack) == 0 }

func (c *cursor[T]) enter() { c.stack = append(c.stack, place2[T]{c.subtree(), 0}) }

// skip steps over the item or the subtree.
func (c *cursor[T]) skip() {
	for len(c.stack) > 0 {
		p := &c.stack[len(c.stack)-1]
		if p.i++; p.i < len(p.n.items) {
			return
		}
		c.stack = c.stack[:len(c.stack)-1]
	}
}

// diffTrees yields what differs between two trees in the same order: an item of
// a alone, of b alone, or one of each that compare equal and are not the same.
// Subtrees that both share are stepped over.
func diffTrees[T comparable](a, b *bnode[T], compare func(x, y T) int, yield func(x, y T, inA, inB bool) bool) bool {
	var none T
	ca, cb := newCursor(a), newCursor(b)
	for !ca.done() || !cb.done() {
		switch {
		case cb.done():
			if ca.subtree() != nil {
				ca.enter()
				continue
			}
			if !yield(ca.item(), none, true, false) {
				return false
			}
			ca.skip()
			continue
		case ca.done():
			if cb.subtree() != nil {
				cb.enter()
				continue
			}
			if !yield(none, cb.item(), false, true) {
				return false
			}
			cb.skip()
			continue
		}
		sa, sb := ca.subtree(), cb.subtree()
		if sa != nil && sa == sb {
			ca.skip()
			cb.skip()
			continue
		}
		c := 0
		if x, y := ca.item(), cb.item(); x != y {
			c = compare(x, y)
		}
		switch {
		case c < 0 && sa != nil:
			ca.enter()
		case c < 0:
			if !yield(ca.item(), none, true, false) {
				return false
			}
			ca.skip()
		case c > 0 && sb != nil:
			cb.enter()
		case c > 0:
			if !yield(none, cb.item(), false, true) {
				return false
			}
			cb.skip()
		case sa != nil && (sb == nil || sa.size >= sb.size):
			ca.enter()
		case sb != nil:
			cb.enter()
		default:
			if x, y := ca.item(), cb.item(); x != y && !yield(x, y, true, true) {
				return false
			}
			ca.skip()
			cb.skip()
		}
	}
	return true
}
