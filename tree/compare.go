// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"slices"
	"sort"

	"nso.example/nso/yang"
)

func sortStable[T any](x []T, compare func(a, b T) int) { slices.SortStableFunc(x, compare) }

// diffLeaves calls do for each leaf that differs.
func diffLeaves(a, b *Node, do func(s *yang.Node, old, new string, what Access) error) error {
	if a.leaves == b.leaves {
		return nil
	}
	x, y := a.leaves, b.leaves
	for x != "" || y != "" {
		i, j := 1<<31-1, 1<<31-1
		var v, w, restX, restY string
		if x != "" {
			i, v, restX = nextLeaf(x)
		}
		if y != "" {
			j, w, restY = nextLeaf(y)
		}
		var err error
		switch {
		case i < j:
			err, x = do(a.schema.DataChildren[i], v, "", Delete), restX
		case i > j:
			err, y = do(a.schema.DataChildren[j], "", w, Create), restY
		default:
			if v != w {
				err = do(a.schema.DataChildren[i], v, w, Update)
			}
			x, y = restX, restY
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// diffKids calls do for each child but leaves that is not the same in both: x
// is nil if it is only in b, y if only in a.
func diffKids(a, b *Node, do func(x, y kid) error) error {
	x, y := a.kids, b.kids
	for len(x) > 0 || len(y) > 0 {
		var err error
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].Schema().Index < y[0].Schema().Index:
			err, x = do(x[0], nil), x[1:]
		case len(x) == 0 || x[0].Schema().Index > y[0].Schema().Index:
			err, y = do(nil, y[0]), y[1:]
		default:
			if x[0] != y[0] {
				err = do(x[0], y[0])
			}
			x, y = x[1:], y[1:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// diffEntries calls do for each entry that is not the same in both lists, in the
// order of keys; x is nil if it is only in b, y if only in a.
func diffEntries(a, b *List, do func(x, y *Node) error) (err error) {
	if a.user == nil {
		diffTrees(a.root, b.root, a.compareItems, func(x, y item, _, _ bool) bool {
			err = do(x.entry, y.entry)
			return err == nil
		})
		return err
	}
	compare := func(x, y rankedItem[*Node]) int { return a.compare(x.item, y.item) }
	diffTrees(a.user.index, b.user.index, compare, func(x, y rankedItem[*Node], _, _ bool) bool {
		if x.item != y.item {
			err = do(x.item, y.item)
		}
		return err == nil
	})
	return err
}

// diffValues calls do for each value that is in one of two leaf-lists only.
func diffValues(a, b *LeafList, do func(v string, inA bool) error) (err error) {
	if a.user == nil {
		diffTrees(a.root, b.root, a.compare, func(x, y string, inA, inB bool) bool {
			if inA != inB {
				err = do(x+y, inA) // one of them is ""
			}
			return err == nil
		})
		return err
	}
	compare := func(x, y rankedItem[string]) int { return a.compare(x.item, y.item) }
	diffTrees(a.user.index, b.user.index, compare, func(x, y rankedItem[string], inA, inB bool) bool {
		if inA != inB {
			err = do(x.item+y.item, inA)
		}
		return err == nil
	})
	return err
}

// placements calls do for each item of b that is new or has to be moved to turn
// the order of a into that of b, in the order of b: put after the item that is
// before it there (or first), one by one, they end up in the order of b.
func placements[T comparable](a, b *ranks[T], compare func(x, y T) int, do func(x, after T, first, isNew bool) error) error {
	var fresh []rankedItem[T]
	moved := false
	diffTrees(a.index, b.index, func(x, y rankedItem[T]) int { return compare(x.item, y.item) },
		func(x, y rankedItem[T], inA, inB bool) bool {
			switch {
			case inA && inB:
				moved = moved || x.rank != y.rank
			case inB:
				fresh = append(fresh, y)
			}
			return !moved
		})
	if !moved { // what both have is where it was
		slices.SortFunc(fresh, func(x, y rankedItem[T]) int {
			if x.rank < y.rank {
				return -1
			}
			return 1
		})
		for _, x := range fresh {
			p, ok := b.seq.below(byRank[T](x.rank))
			if err := do(x.item, p.item, !ok, true); err != nil {
				return err
			}
		}
		return nil
	}
	return reorder(a, b, compare, do)
}

// reorder is placements where ranks say nothing: the longest run of items that
// are in the same order in both stays, the rest moves.
func reorder[T comparable](a, b *ranks[T], compare func(x, y T) int, do func(x, after T, first, isNew bool) error) error {
	type place struct {
		x       T
		rank    int64 // in a
		known   bool
		settled bool
		prev    int // in the run that ends here
	}
	all := make([]place, 0, b.seq.len())
	var ends []int // ends[n] ends the run of length n+1 whose last rank is smallest
	b.seq.all(func(r rankedItem[T]) bool {
		it := place{x: r.item, prev: -1}
		old, ok := a.index.get(func(o rankedItem[T]) int { return compare(o.item, r.item) })
		it.rank, it.known = old.rank, ok
		if ok {
			n := sort.Search(len(ends), func(i int) bool { return all[ends[i]].rank >= it.rank })
			if n > 0 {
				it.prev = ends[n-1]
			}
			if n == len(ends) {
				ends = append(ends, len(all))
			} else {
				ends[n] = len(all)
			}
		}
		all = append(all, it)
		return true
	})
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = all[i].prev {
			all[i].settled = true
		}
	}
	var after T
	for i, it := range all {
		if !it.settled {
			if err := do(it.x, after, i == 0, !it.known); err != nil {
				return err
			}
		}
		after = it.x
	}
	return nil
}

// equalLists compares two lists without key.
func equalLists(a, b *List) bool {
	if a.root == b.root {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		x, _ := a.root.at(i)
		y, _ := b.root.at(i)
		if !Equal(x.entry, y.entry) {
			return false
		}
	}
	return true
}

// equalLeafLists compares two leaf-lists of state.
func equalLeafLists(a, b *LeafList) bool {
	return a.root == b.root || slices.Equal(slices.Collect(a.All()), slices.Collect(b.All()))
}
