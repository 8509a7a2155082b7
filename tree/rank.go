// SPDX-License-Identifier: Apache-2.0

package tree

import "math"

// ranks keeps items in an order of the user's, and finds them by value: two
// trees over the same items, one by rank and one by value. Ranks leave gaps, so
// that putting an item between two others renumbers nothing; when a gap is used
// up, all are numbered again.
type ranks[T any] struct {
	seq   *bnode[rankedItem[T]] // by rank
	index *bnode[rankedItem[T]] // by value
}

type rankedItem[T any] struct {
	rank int64
	item T
}

const (
	rankGap = 1 << 36
	rankEnd = math.MaxInt64 - rankGap
)

func byItem[T any](probe func(T) int) func(rankedItem[T]) int {
	return func(r rankedItem[T]) int { return probe(r.item) }
}

func byRank[T any](rank int64) func(rankedItem[T]) int {
	return func(r rankedItem[T]) int {
		switch {
		case r.rank < rank:
			return -1
		case r.rank > rank:
			return 1
		}
		return 0
	}
}

// build fills an empty r with items without duplicates.
func (r *ranks[T]) build(t *token, items []T, compare func(a, b T) int) {
	all := make([]rankedItem[T], len(items))
	for i, x := range items {
		all[i] = rankedItem[T]{int64(i) * rankGap, x}
	}
	r.seq = buildTree(t, all)
	sortStable(all, func(a, b rankedItem[T]) int { return compare(a.item, b.item) })
	r.index = buildTree(t, all)
}

// put stores x, whose place in the index probe knows. With at == nil an
// existing item stays where it is and a new one becomes the last. It reports
// false if at names an anchor that does not exist.
func (r *ranks[T]) put(t *token, x T, probe func(T) int, at *Insert, find func(Key) func(T) int) bool {
	old, exists := r.index.get(byItem(probe))
	if exists && at == nil {
		r.store(t, rankedItem[T]{old.rank, x}, probe)
		return true
	}
	var anchor rankedItem[T]
	if at != nil && (at.Where == Before || at.Where == After) {
		var ok bool
		if anchor, ok = r.index.get(byItem(find(at.Anchor))); !ok {
			return false
		}
		if exists && anchor.rank == old.rank {
			r.store(t, rankedItem[T]{old.rank, x}, probe) // before or after itself
			return true
		}
	}
	if exists {
		r.delete(t, probe)
	}
	rank, ok := r.gap(at, anchor.rank)
	if !ok {
		r.renumber(t)
		if at != nil && (at.Where == Before || at.Where == After) {
			anchor, _ = r.index.get(byItem(find(at.Anchor)))
		}
		rank, _ = r.gap(at, anchor.rank)
	}
	r.store(t, rankedItem[T]{rank, x}, probe)
	return true
}

func (r *ranks[T]) store(t *token, x rankedItem[T], probe func(T) int) {
	r.seq, _, _ = insert(t, r.seq, x, byRank[T](x.rank))
	r.index, _, _ = insert(t, r.index, x, byItem(probe))
}

// gap is a free rank at that place.
func (r *ranks[T]) gap(at *Insert, anchor int64) (int64, bool) {
	if r.seq == nil {
		return 0, true
	}
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	where := Last
	if at != nil && at.Where != 0 {
		where = at.Where
	}
	switch where {
	case First:
		hi = r.seq.first().rank
	case Last:
		lo = r.seq.last().rank
	case Before:
		hi = anchor
		if b, ok := r.seq.below(byRank[T](anchor)); ok {
			lo = b.rank
		}
	case After:
		lo = anchor
		if a, ok := r.seq.above(byRank[T](anchor)); ok {
			hi = a.rank
		}
	}
	switch {
	case lo == math.MinInt64:
		return hi - rankGap, hi > -rankEnd
	case hi == math.MaxInt64:
		return lo + rankGap, lo < rankEnd
	}
	width := uint64(hi) - uint64(lo) // hi-lo may not fit into an int64
	return lo + int64(width/2), width > 1
}

// renumber gives all items fresh ranks.
func (r *ranks[T]) renumber(t *token) {
	n := int64(0)
	fresh := make(map[int64]int64, r.seq.len())
	var seq, index []rankedItem[T]
	r.seq.all(func(x rankedItem[T]) bool {
		fresh[x.rank] = n
		seq = append(seq, rankedItem[T]{n, x.item})
		n += rankGap
		return true
	})
	r.index.all(func(x rankedItem[T]) bool {
		index = append(index, rankedItem[T]{fresh[x.rank], x.item})
		return true
	})
	r.seq, r.index = buildTree(t, seq), buildTree(t, index)
}

func (r *ranks[T]) delete(t *token, probe func(T) int) {
	var old rankedItem[T]
	var ok bool
	if r.index, old, ok = remove(t, r.index, byItem(probe)); ok {
		r.seq, _, _ = remove(t, r.seq, byRank[T](old.rank))
	}
}
