// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

func flat(t testing.TB, s *yang.Schema, n int) *tree.Node {
	t.Helper()
	b := tree.NewBuilder(s.Root)
	top := s.Root.DataChildren[0]
	entry := top.DataChildren[0]
	b.Open(top)
	for i := range n {
		b.Open(entry)
		must(t, b.Leaf(entry.DataChildren[0], fmt.Sprintf("n%08d", i)))
		must(t, b.Leaf(entry.DataChildren[1], "value "+strconv.Itoa(i)))
		must(t, b.Close())
	}
	must(t, b.Close())
	root, err := b.Done()
	must(t, err)
	return root
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMemory is 200k interfaces of eight leaves.
func BenchmarkMemory(b *testing.B) {
	s := treetest.Interfaces()
	for range b.N {
		before := heap()
		root := interfaces(b, s, 200_000)
		bytes := float64(heap() - before)
		leaves := root.Count()
		text := 0
		list := s.Root.DataChildren[0].DataChildren[0]
		for e := range root.Container(s.Root.DataChildren[0]).List(list).All() {
			for _, v := range e.Leaves() {
				text += len(v)
			}
		}
		b.ReportMetric(bytes/float64(leaves), "bytes/leaf")
		b.ReportMetric(float64(text)/float64(leaves), "text/leaf")
		runtime.KeepAlive(root)
	}
}

// BenchmarkEdit100k is one Edit of 100k entries with two leaves each.
func BenchmarkEdit100k(b *testing.B) {
	s := treetest.Flat()
	top := s.Root.DataChildren[0]
	entry := top.DataChildren[0]
	const n = 100_000
	e := &tree.Edit{Schema: s.Root, Children: []tree.Edit{{Schema: top}}}
	for i := range n {
		e.Children[0].Children = append(e.Children[0].Children, tree.Edit{Schema: entry, Key: tree.MakeKey(entry, fmt.Sprintf("n%08d", i*7919%n)),
			Children: []tree.Edit{{Schema: entry.DataChildren[1], Value: "new"}}})
	}
	permit := func(tree.Path, tree.Access) error { return nil }
	for _, c := range []struct {
		name string
		root *tree.Node
		g    tree.Guard
	}{{"into-empty", tree.New(s.Root), nil}, {"into-100k", flat(b, s, n), nil}, {"guarded", tree.New(s.Root), permit}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tree.Apply(c.root, e, c.g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	whole := &tree.Edit{Schema: s.Root, Tree: flat(b, s, n)}
	other := tree.New(s.Root)
	b.Run("tree-into-empty", func(b *testing.B) {
		for b.Loop() {
			_, _ = tree.Apply(other, whole, nil)
		}
	})
	half := flat(b, s, n/2)
	b.Run("tree-into-50k", func(b *testing.B) {
		for b.Loop() {
			_, _ = tree.Apply(half, whole, nil)
		}
	})
	same := flat(b, s, n)
	b.Run("replace-by-equal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = tree.Apply(same, &tree.Edit{Schema: s.Root, Op: tree.OpReplace, Tree: whole.Tree}, nil)
		}
	})
}

// Trees of 1.6 M leaves.
func big(b *testing.B) (*yang.Schema, *tree.Node, *yang.Node, *yang.Node) {
	s := treetest.Interfaces()
	ifs := s.Root.DataChildren[0]
	return s, interfaces(b, s, 200_000), ifs, ifs.DataChildren[0]
}

func BenchmarkOneLeaf(b *testing.B) {
	_, root, ifs, list := big(b)
	p := tree.Path{{Schema: ifs}, {Schema: list, HasKey: true}, {Schema: list.DataChildren[5]}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		p[1].Key = tree.MakeKey(list, "eth"+strconv.Itoa(i*7919%200_000))
		ed := tree.NewEditor(root)
		if err := ed.Set(p, strconv.Itoa(i%9000)); err != nil {
			b.Fatal(err)
		}
		root = ed.Root()
	}
}

func BenchmarkGet(b *testing.B) {
	_, root, ifs, list := big(b)
	keys := make([]tree.Key, 1<<14)
	for i := range keys {
		keys[i] = tree.MakeKey(list, "eth"+strconv.Itoa(i*7919%200_000))
	}
	l := root.Container(ifs).List(list)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if v, ok := l.Get(keys[i%len(keys)]).Leaf(list.DataChildren[5]); !ok || v == "" {
			b.Fatal("not found")
		}
	}
}

func BenchmarkIterate(b *testing.B) {
	_, root, ifs, list := big(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = 0
		for e := range root.Container(ifs).List(list).All() {
			for c := range e.Children() {
				n += len(c.Value) & 1
				n++
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1.6e6, "ns/leaf")
}

func BenchmarkDiffOneOf1600k(b *testing.B) {
	s, root, _, list := big(b)
	ed := tree.NewEditor(root)
	p, _ := tree.ParsePath(s, "/ifs:interfaces/interface[name='eth77']/mtu")
	if err := ed.Set(p, "9"); err != nil {
		b.Fatal(err)
	}
	next := ed.Root()
	_ = list
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range tree.Diff(root, next) {
			n++
		}
		if n != 1 {
			b.Fatal(n)
		}
	}
}

func BenchmarkDiffUnshared100k(b *testing.B) {
	s := treetest.Flat()
	x, y := flat(b, s, 100_000), flat(b, s, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if !tree.Equal(x, y) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkBuild100k(b *testing.B) {
	s := treetest.Flat()
	top := s.Root.DataChildren[0]
	entry := top.DataChildren[0]
	var names, values []string
	for i := range 100_000 {
		names, values = append(names, fmt.Sprintf("n%08d", i)), append(values, "value "+strconv.Itoa(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		bu := tree.NewBuilder(s.Root)
		bu.Open(top)
		for i := range names {
			bu.Open(entry)
			_ = bu.Leaf(entry.DataChildren[0], names[i])
			_ = bu.Leaf(entry.DataChildren[1], values[i])
			_ = bu.Close()
		}
		_ = bu.Close()
		if _, err := bu.Done(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParsePath(b *testing.B) {
	s := treetest.Interfaces()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tree.ParsePath(s, "/ifs:interfaces/interface[name='eth77']/mtu"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetMany is a loader with paths.
func BenchmarkSetMany(b *testing.B) {
	s := treetest.Flat()
	top := s.Root.DataChildren[0]
	entry := top.DataChildren[0]
	p := tree.Path{{Schema: top}, {Schema: entry, HasKey: true}, {Schema: entry.DataChildren[1]}}
	ed := tree.NewEditor(tree.New(s.Root))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		p[1].Key = tree.MakeKey(entry, "n"+strconv.Itoa(i*7919%1_000_000))
		if err := ed.Set(p, "value"); err != nil {
			b.Fatal(err)
		}
	}
}
