// SPDX-License-Identifier: Apache-2.0

package check

import (
	"hash/maphash"
	"sync"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// indexes remember which values the "unique" leafs of long lists have, so that a
// change of a few entries does not have to be compared with all the others. They
// are a memory and nothing more: without them the answers are the same. Lists
// are persistent, so an index follows from one version to another at the cost of
// what differs. Safe for many goroutines.
type indexes struct {
	from int // shorter lists have none

	mu    sync.Mutex
	all   map[indexKey]*index
	clock uint64
}

const (
	// indexFrom entries are compared as fast as an index is brought up to date.
	indexFrom = 32
	// maxIndexes are kept; the one that was used least recently goes.
	maxIndexes = 64
)

// indexKey is one "unique" statement of one instance of a list.
type indexKey struct {
	list  *yang.Node
	place string // of the parent of the list
	group int
}

// index counts the hashes of the values of one version of a list. Few values
// come twice in a list that was valid, so the count of most is not kept.
type index struct {
	mu     sync.Mutex
	used   uint64
	parent tree.Path
	list   *tree.List
	once   map[uint64]struct{}
	more   map[uint64]int // times beyond once
	seed   maphash.Seed
}

// clear reports whether it is known that the entries of some share their values
// with no other entry of the list. False says nothing.
func (x *indexes) clear(c *checker, n *xpath.Node, list *yang.Node, group int, some map[tree.Key]bool) bool {
	now := n.Tree.List(list)
	if now.Len() < x.from || len(some) > now.Len()/4 || !indexable(list, list.Unique[group]) {
		return false
	}
	place := n.Path()
	before, _ := c.old.Find(place)
	then := before.Node.List(list)
	if then.Len() < now.Len()/2 {
		return false
	}
	ix := x.get(indexKey{list, place.String(), group}, place)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.follow(c, list.Unique[group], then)
	count := map[uint64]int{} // of what the entries of some have, beyond what they had
	var fresh []uint64
	for k := range some {
		if h, ok := ix.hash(c, list.Unique[group], now.Get(k)); ok {
			count[h]++
			fresh = append(fresh, h)
		}
		if h, ok := ix.hash(c, list.Unique[group], then.Get(k)); ok {
			count[h]--
		}
	}
	for _, h := range fresh {
		if ix.count(h)+count[h] > 1 {
			return false
		}
	}
	return true
}

// indexable: what the leafs of a group hold in an entry is decided by that entry
// alone. A "when" may look elsewhere.
func indexable(list *yang.Node, group []*yang.Node) bool {
	for _, leaf := range group {
		for n := leaf; n != list; n = n.DataParent {
			if len(n.Whens) > 0 {
				return false
			}
		}
	}
	return true
}

func (x *indexes) get(k indexKey, parent tree.Path) *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	ix := x.all[k]
	if ix == nil {
		if len(x.all) >= maxIndexes {
			oldest := k
			for other, o := range x.all {
				if oldest == k || o.used < x.all[oldest].used {
					oldest = other
				}
			}
			delete(x.all, oldest)
		}
		ix = &index{parent: parent, once: map[uint64]struct{}{}, more: map[uint64]int{}, seed: maphash.MakeSeed()}
		x.all[k] = ix
	}
	x.clock++
	ix.used = x.clock
	return ix
}

// prune drops the indexes of lists that a valid tree has no more.
func (x *indexes) prune(root *tree.Node) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for k, ix := range x.all {
		if c, _ := root.Find(ix.parent); c.Node.List(k.list) == nil {
			delete(x.all, k)
		}
	}
}

// follow makes ix that of another version of its list.
func (ix *index) follow(c *checker, group []*yang.Node, list *tree.List) {
	for a, b := range tree.DiffEntries(ix.list, list) {
		if h, ok := ix.hash(c, group, a); ok {
			if n := ix.more[h]; n > 1 {
				ix.more[h] = n - 1
			} else if n == 1 {
				delete(ix.more, h)
			} else {
				delete(ix.once, h)
			}
		}
		if h, ok := ix.hash(c, group, b); ok {
			if _, there := ix.once[h]; there {
				ix.more[h]++
			} else {
				ix.once[h] = struct{}{}
			}
		}
	}
	ix.list = list
}

func (ix *index) count(h uint64) int {
	if _, ok := ix.once[h]; !ok {
		return 0
	}
	return 1 + ix.more[h]
}

// hash is that of the values of an entry; ok is false if it counts for nothing.
func (ix *index) hash(c *checker, group []*yang.Node, e *tree.Node) (_ uint64, ok bool) {
	if e == nil {
		return 0, false
	}
	var h maphash.Hash
	h.SetSeed(ix.seed)
	entry := xpath.Root(e) // nothing above it is looked at
	for _, leaf := range group {
		v, ok := c.leaf(entry, leaf)
		if !ok {
			return 0, false
		}
		maphash.WriteComparable(&h, len(v))
		h.WriteString(v)
	}
	return h.Sum64(), true
}
