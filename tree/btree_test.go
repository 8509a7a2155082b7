// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sound fails if a B+ tree breaks its rules.
func sound(t *testing.T, n *bnode[int], root bool) (depth int) {
	t.Helper()
	if n == nil {
		return 0
	}
	if len(n.items) == 0 || len(n.items) > maxItems || n.kids != nil && len(n.kids) != len(n.items) {
		t.Fatalf("a node has %d items and %d kids", len(n.items), len(n.kids))
	}
	if n.kids == nil {
		if n.size != len(n.items) {
			t.Fatalf("a leaf of %d says %d", len(n.items), n.size)
		}
		return 1
	}
	if root && len(n.kids) == 1 {
		t.Fatal("the root has one kid")
	}
	size := 0
	for i, k := range n.kids {
		if k.first() != n.items[i] {
			t.Fatal("an item is not the first below it")
		}
		size += k.size
		if d := sound(t, k, false); i > 0 && d != depth {
			t.Fatal("leaves at two depths")
		} else {
			depth = d
		}
	}
	if size != n.size {
		t.Fatalf("a node of %d says %d", size, n.size)
	}
	return depth + 1
}

func items(n *bnode[int]) (all []int) {
	n.all(func(x int) bool { all = append(all, x); return true })
	return all
}

func probe(v int) func(int) int { return func(x int) int { return cmp.Compare(x, v) } }

func TestBTreeAgainstSlice(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		var root *bnode[int]
		var want []int
		tok := new(token)
		span := 1 << (4 + r.IntN(11))
		type version struct {
			root *bnode[int]
			want []int
		}
		var old []version
		for step := range 3000 {
			if r.IntN(200) == 0 { // from here on all is shared
				old = append(old, version{root, slices.Clone(want)})
				tok = new(token)
			}
			v := r.IntN(span)
			if step%1000 < 300 {
				v = step // in order: packed
			}
			i, found := slices.BinarySearch(want, v)
			if r.IntN(100) < 60-20*(step/1000) {
				var replaced bool
				root, _, replaced = insert(tok, root, v, probe(v))
				if replaced != found {
					t.Fatal("replaced", replaced)
				}
				if !found {
					want = slices.Insert(want, i, v)
				}
			} else {
				var ok bool
				root, _, ok = remove(tok, root, probe(v))
				if ok != found {
					t.Fatal("removed", ok)
				}
				if found {
					want = slices.Delete(want, i, i+1)
				}
			}
			if step%50 == 0 || len(want) < 3 {
				sound(t, root, true)
				if !slices.Equal(items(root), want) {
					t.Fatalf("seed %d step %d: %d items, want %d", seed, step, root.len(), len(want))
				}
				questions(t, r, root, want, span)
			}
		}
		for _, v := range old {
			sound(t, v.root, true)
			if !slices.Equal(items(v.root), v.want) {
				t.Fatalf("seed %d: an old version has changed", seed)
			}
			diffs(t, v.root, root, v.want, want)
			diffs(t, root, v.root, want, v.want)
			diffs(t, v.root, buildTree(nil, want), v.want, want)
		}
	}
}

func questions(t *testing.T, r *rand.Rand, root *bnode[int], want []int, span int) {
	t.Helper()
	v := r.IntN(span+2) - 1
	i, found := slices.BinarySearch(want, v)
	if _, ok := root.get(probe(v)); ok != found {
		t.Fatal("get")
	}
	var from []int
	root.from(probe(v), func(x int) bool { from = append(from, x); return true })
	if !slices.Equal(from, want[i:]) {
		t.Fatal("from")
	}
	j := i
	if found {
		j++
	}
	if x, ok := root.above(probe(v)); ok != (j < len(want)) || ok && x != want[j] {
		t.Fatal("above")
	}
	if x, ok := root.below(probe(v)); ok != (i > 0) || ok && x != want[i-1] {
		t.Fatal("below", x, ok)
	}
	if len(want) > 0 {
		k := r.IntN(len(want))
		if x, ok := root.at(k); !ok || x != want[k] {
			t.Fatal("at")
		}
		cut := slices.Delete(slices.Clone(want), k, k+1)
		without := shrink(root.cutAt(nil, k))
		sound(t, without, true)
		if !slices.Equal(items(without), cut) || !slices.Equal(items(root), want) {
			t.Fatal("cutAt")
		}
		if set := root.setAt(nil, k, -7); set == root || items(set)[k] != -7 || items(root)[k] == -7 {
			t.Fatal("setAt")
		}
		if root.last() != want[len(want)-1] {
			t.Fatal("last")
		}
	}
	if more := push(nil, root, 1<<30); more.last() != 1<<30 || more.len() != len(want)+1 {
		t.Fatal("push")
	}
}

func diffs(t *testing.T, a, b *bnode[int], x, y []int) {
	t.Helper()
	var gone, come []int
	diffTrees(a, b, cmp.Compare[int], func(p, q int, inA, inB bool) bool {
		if inA == inB {
			t.Fatal("both")
		}
		if inA {
			gone = append(gone, p)
		} else {
			come = append(come, q)
		}
		return true
	})
	minus := func(x, y []int) (d []int) {
		for _, v := range x {
			if _, ok := slices.BinarySearch(y, v); !ok {
				d = append(d, v)
			}
		}
		return d
	}
	if !slices.Equal(gone, minus(x, y)) || !slices.Equal(come, minus(y, x)) {
		t.Fatalf("difference: gone %v come %v", gone, come)
	}
}

// TestDiffCostsTheChange counts comparisons.
func TestDiffCostsTheChange(t *testing.T) {
	all := make([]int, 100_000)
	for i := range all {
		all[i] = i * 2
	}
	a := buildTree(nil, all)
	b, _, _ := insert(nil, a, 77777, probe(77777))
	b, _, _ = remove(nil, b, probe(10))
	n := 0
	diffTrees(a, b, func(x, y int) int { n++; return cmp.Compare(x, y) }, func(int, int, bool, bool) bool { return true })
	if n > 2000 {
		t.Errorf("%d comparisons for two changes", n)
	}
}

func TestRanks(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := &ranks[string]{}
		tok := new(token)
		var want []string
		p := func(v string) func(string) int { return func(x string) int { return cmp.Compare(x, v) } }
		find := func(k Key) func(string) int { return p(string(k)) }
		for range 1500 {
			v := string(rune('a'+r.IntN(20))) + string(rune('a'+r.IntN(4)))
			i := slices.Index(want, v)
			if r.IntN(5) == 0 {
				l.delete(tok, p(v))
				if i >= 0 {
					want = slices.Delete(want, i, i+1)
				}
				continue
			}
			at := Insert{Where: Where(1 + r.IntN(4))}
			anchor := -1
			if at.Where >= Before {
				at.Anchor = "aa" // at one place, until the gap is used up
				if anchor = slices.Index(want, "aa"); v == "aa" || anchor < 0 {
					at = Insert{Where: Last}
				}
			}
			if !l.put(tok, v, p(v), &at, find) {
				t.Fatal("no anchor")
			}
			if i >= 0 {
				want = slices.Delete(want, i, i+1)
				if anchor > i {
					anchor--
				}
			}
			switch at.Where {
			case First:
				want = slices.Insert(want, 0, v)
			case Last:
				want = append(want, v)
			case Before:
				want = slices.Insert(want, anchor, v)
			case After:
				want = slices.Insert(want, anchor+1, v)
			}
			var got []string
			l.seq.all(func(x rankedItem[string]) bool { got = append(got, x.item); return true })
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: got %v want %v", seed, got, want)
			}
		}
	}
}

func TestCompareNumbers(t *testing.T) {
	in := []string{"-100", "-20", "-3.5", "-3.25", "-3", "0", "0.5", "2", "9.75", "10", "10.1", "123456789012345678901"}
	for i, a := range in {
		for j, b := range in {
			if got, want := compareNumbers(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("compare %s %s: %d", a, b, got)
			}
		}
	}
}

func TestDigestKeepsOrder(t *testing.T) {
	numbers := []string{"-123456789012345678901", "-100", "-20", "-3.5", "-3", "-2.5", "-0.5", "0", "0.5", "2", "9", "10", "10.1", "12345678", "123456789",
		"123456790", "18446744073709551615", strings.Repeat("9", 130), strings.Repeat("9", 131)}
	texts := []string{"", "\x00", "a", "a\x00", "aa", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgi", "b", "\xff", "\xff\xff"}
	for o, all := range map[ordering][]string{0: texts, 1: numbers} {
		for i, a := range all {
			for j, b := range all {
				x, y := o.digest(string(appendLeaf(nil, 0, a))), o.digest(string(appendLeaf(nil, 0, b)))
				if c := cmp.Compare(x, y); c != 0 && c != cmp.Compare(i, j) {
					t.Errorf("%q and %q: %x %x", a, b, x, y)
				}
				if c := o.compare(0, a, b); c != cmp.Compare(i, j) {
					t.Errorf("compare %q and %q: %d", a, b, c)
				}
			}
		}
	}
}
