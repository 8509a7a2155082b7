// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value/schematest"
)

const uniqueModel = `
module m
leaf on boolean
list l key=k unique="a c/b" unique=d
  leaf k int32
  leaf a int32
  container c
    leaf b int32 default=1
  choice way default=one
    case one
      leaf d int32 default=%s
    case two
      leaf other int32
  leaf note string`

// TestUniqueIndex: whatever edits do to lists with an index, forth and back
// between versions, the answers are those of comparing all.
func TestUniqueIndex(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		model := strings.Replace(uniqueModel, "%s", "3", 1)
		if seed%2 == 0 {
			model = strings.Replace(model, " default=3", "", 1) // else most edits clash
		}
		if seed%4 == 1 {
			model = strings.Replace(model, "key=k", "key=k user", 1)
		}
		s := schematest.Schema(t, model)
		rules := compile(t, s)
		rules.indexes.from = 2
		valid := []*tree.Node{tree.New(s.Root)}
		l := s.Root.Child("m", "l")
		clear, clashes := 0, 0
		for range 300 {
			old := valid[len(valid)-1-r.IntN(min(3, len(valid)))] // not always the newest
			ed := tree.NewEditor(old)
			for range 1 + r.IntN(3) {
				e := tree.Step{Schema: l, Key: tree.MakeKey(l, fmt.Sprint(r.IntN(40))), HasKey: true}
				leaf := l.DataChildren[1+r.IntN(len(l.DataChildren)-1)]
				p := tree.Path{e, {Schema: leaf}}
				if leaf.Kind == yang.KindContainer {
					p = append(p, tree.Step{Schema: leaf.DataChildren[0]})
				}
				switch r.IntN(6) {
				case 0:
					_ = ed.Delete(p[:1])
				case 1:
					_ = ed.Delete(p)
				default:
					do(t, ed.Set(p, fmt.Sprint(r.IntN(12))))
				}
			}
			next := ed.Root()
			if !same(t, fmt.Sprintf("seed %d", seed), rules, old, next) {
				return
			}
			if _, errs := rules.Changed(old, next); len(errs) == 0 {
				valid = append(valid, next)
				clear++
			} else {
				clashes++
			}
		}
		if clear < 20 || clashes < 20 || len(rules.indexes.all) == 0 {
			t.Errorf("seed %d: %d valid, %d not, %d indexes", seed, clear, clashes, len(rules.indexes.all))
		}
	}
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What a condition elsewhere decides is in no index.
func TestUniqueIndexWhen(t *testing.T) {
	s := schematest.Schema(t, `
module m
leaf on boolean
list l key=k unique=a
  leaf k int32
  leaf a int32 default=1 when="/on = 'true'"`)
	r := compile(t, s)
	r.indexes.from = 1
	root := edit(t, s, tree.New(s.Root), "+/m:l[k='1']; +/m:l[k='2']; +/m:l[k='3']; +/m:l[k='4']; +/m:l[k='5']")
	same(t, "one more", r, root, edit(t, s, root, "+/m:l[k='6']"))
	same(t, "on", r, root, edit(t, s, root, "+/m:on=true"))
	if len(r.indexes.all) != 0 {
		t.Error("there is an index")
	}
}

// Indexes are few, and go with their lists.
func TestUniqueIndexMemory(t *testing.T) {
	s := schematest.Schema(t, `
module m
list g key=k
  leaf k int32
  list l key=k unique=a
    leaf k int32
    leaf a int32`)
	r := compile(t, s)
	r.indexes.from = 1
	root := tree.New(s.Root)
	for g := range maxIndexes + 10 {
		for k := range 5 {
			root = edit(t, s, root, fmt.Sprintf("+/m:g[k='%d']/l[k='%d']/a=%d", g, k, k))
		}
		next := edit(t, s, root, fmt.Sprintf("+/m:g[k='%d']/l[k='9']/a=9", g))
		if _, errs := r.Changed(root, next); len(errs) > 0 {
			t.Fatal(errs)
		}
		root = next
	}
	if n := len(r.indexes.all); n != maxIndexes {
		t.Errorf("%d indexes", n)
	}
	gone := edit(t, s, root, "-/m:g[k='0']; -/m:g[k='70']; -/m:g[k='71']")
	r.Changed(root, gone)
	r.Changed(gone, edit(t, s, gone, "-/m:g[k='1']"))
	if n := len(r.indexes.all); n != maxIndexes-2 {
		t.Errorf("%d indexes after two of their lists went", n)
	}
}

func TestUniqueIndexParallel(t *testing.T) {
	s := schematest.Schema(t, strings.Replace(uniqueModel, " default=%s", "", 1))
	r := compile(t, s)
	root := tree.New(s.Root)
	for i := range 200 {
		root = edit(t, s, root, fmt.Sprintf("+/m:l[k='%d']/d=%d", i, i))
	}
	var wg sync.WaitGroup
	for i := range 4 {
		a := edit(t, s, root, fmt.Sprintf("+/m:l[k='%d']/d=%d", i, 1000+i))
		good, bad := edit(t, s, a, "+/m:l[k='100']/d=5000"), edit(t, s, a, "+/m:l[k='100']/d=150")
		wg.Go(func() {
			for range 20 {
				if _, errs := r.Changed(a, good); len(errs) > 0 {
					t.Error(errs)
				}
				if _, errs := r.Changed(a, bad); len(errs) != 1 {
					t.Errorf("%d errors", len(errs))
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkUnique changes a unique leaf in lists of different lengths; bytes is
// what the index takes for each entry.
func BenchmarkUnique(b *testing.B) {
	for _, n := range []int{100, 1000, 100_000} {
		s := schematest.Schema(b, "module m\nlist l key=k unique=a\n  leaf k int32\n  leaf a int32")
		r := compile(b, s)
		l := s.Root.Child("m", "l")
		ed := tree.NewEditor(tree.New(s.Root))
		p := tree.Path{{Schema: l, HasKey: true}, {Schema: l.Child("", "a")}}
		set := func(k, v int) {
			p[0].Key = tree.MakeKey(l, fmt.Sprint(k))
			do(b, ed.Set(p, fmt.Sprint(v)))
		}
		for i := range n {
			set(i, i)
		}
		root := ed.Root()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := heap()
			i := 0
			step := func() {
				i++
				ed := tree.NewEditor(root)
				p[0].Key = tree.MakeKey(l, fmt.Sprint(i*7919%n))
				do(b, ed.Set(p, fmt.Sprint(n+i)))
				next := ed.Root()
				if _, errs := r.Changed(root, next); len(errs) > 0 {
					b.Fatal(errs)
				}
				root = next
			}
			step()
			bytes := float64(heap()) - float64(before)
			for b.Loop() {
				step()
			}
			b.ReportMetric(bytes/float64(n), "bytes/entry")
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
