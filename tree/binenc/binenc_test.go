// SPDX-License-Identifier: Apache-2.0

package binenc_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/binenc"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, n *tree.Node) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, binenc.Encode(&b, n))
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	s := treetest.All()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		a := treetest.Random(r, s)
		for _, r := range []io.Reader{bytes.NewReader(encode(t, a)), iotest.OneByteReader(bytes.NewReader(encode(t, a)))} {
			b, err := binenc.Decode(r, s)
			must(t, err)
			if treetest.Dump(a) != treetest.Dump(b) || !tree.Equal(a, b) {
				t.Fatalf("seed %d: wrote\n%s\nread\n%s", seed, treetest.Dump(a), treetest.Dump(b))
			}
		}
	}
}

func TestDiffRoundTrip(t *testing.T) {
	s := treetest.All()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		a := treetest.Random(r, s)
		b := treetest.Random(r, s)
		if seed%2 == 0 { // near each other
			var err error
			b, err = tree.Apply(a, &tree.Edit{Schema: s.Root, Tree: b}, nil)
			must(t, err)
		}
		got, err := binenc.ApplyDiff(s, a, binenc.EncodeDiff(a, b))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if treetest.Dump(got) != treetest.Dump(b) || !tree.Equal(got, b) {
			t.Fatalf("seed %d: from\n%s\nto\n%s\ngot\n%s", seed, treetest.Dump(a), treetest.Dump(b), treetest.Dump(got))
		}
	}
}

func set(t *testing.T, s *yang.Schema, root *tree.Node, paths ...string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(root)
	for _, text := range paths {
		p, err := tree.ParsePath(s, text)
		must(t, err)
		must(t, ed.Set(p, "1"))
	}
	return ed.Root()
}

func TestDiffIsStrict(t *testing.T) {
	s := treetest.All()
	none := tree.New(s.Root)
	one := set(t, s, none, "/t:top-leaf", "/t:limit[.='4']", "/t:net/interface[name='a']/mtu", "/t:net/ace[name='x']", "/t:net/ace[name='y']")
	moved, err := tree.Apply(one, &tree.Edit{Schema: s.Root, Children: []tree.Edit{{Schema: s.Root.Child("t", "net"), Children: []tree.Edit{
		{Schema: s.Root.Child("t", "net").Child("t", "ace"), Key: tree.MakeKey(s.Root.Child("t", "net").Child("t", "ace"), "y"), Insert: tree.Insert{Where: tree.First}}}}}}, nil)
	must(t, err)
	other := set(t, s, one, "/t:net/interface[name='a']/vlan")
	ed := tree.NewEditor(one)
	p, _ := tree.ParsePath(s, "/t:top-leaf")
	must(t, ed.Set(p, "2"))
	for _, c := range []struct {
		name          string
		from, to, not *tree.Node
		tag           mgmterr.Tag
	}{
		{"create", none, one, one, mgmterr.DataExists},
		{"delete", one, none, none, mgmterr.DataMissing},
		{"inside", one, other, none, mgmterr.DataMissing},
		{"modify", one, ed.Root(), none, mgmterr.DataMissing},
		{"move", one, moved, none, mgmterr.DataMissing},
	} {
		d := binenc.EncodeDiff(c.from, c.to)
		if got, err := binenc.ApplyDiff(s, c.from, d); err != nil || !tree.Equal(got, c.to) {
			t.Errorf("%s: %v", c.name, err)
		}
		_, err := binenc.ApplyDiff(s, c.not, d)
		if l := mgmterr.Of(err); l == nil || l[0].Tag != c.tag {
			t.Errorf("%s: done where it must not be: %v", c.name, err)
		}
	}
}

func TestSizeOfDiff(t *testing.T) {
	s := treetest.Flat()
	a := flat(t, s, 10_000)
	b := tree.NewEditor(a)
	p, err := tree.ParsePath(s, "/flat:top/entry[name='n00000077']/value")
	must(t, err)
	must(t, b.Set(p, "x"))
	if d := binenc.EncodeDiff(a, b.Root()); len(d) > 64 {
		t.Errorf("one leaf is %d bytes", len(d))
	}
}

func TestUnknownNodes(t *testing.T) {
	s := treetest.All()
	root := treetest.Random(rand.New(rand.NewPCG(7, 7)), s)
	root = set(t, s, root, "/t:top-leaf", "/t:net/interface[name='a']/mtu", "/aug:bare")
	_, err := binenc.Decode(bytes.NewReader(encode(t, root)), treetest.Flat())
	if err == nil || !strings.Contains(err.Error(), "/t:net") || !strings.Contains(err.Error(), "/t:top-leaf") || !strings.Contains(err.Error(), "/aug:bare") {
		t.Errorf("unknown nodes: %v", err)
	}
	_, err = binenc.ApplyDiff(treetest.Flat(), tree.New(treetest.Flat().Root), binenc.EncodeDiff(tree.New(s.Root), root))
	if err == nil || !strings.Contains(err.Error(), "no /t:") {
		t.Errorf("unknown nodes in a difference: %v", err)
	}
}

func TestDamage(t *testing.T) {
	s := treetest.All()
	root := treetest.Random(rand.New(rand.NewPCG(9, 9)), s)
	good := encode(t, root)
	diff := binenc.EncodeDiff(tree.New(s.Root), root)
	for i := range good {
		if _, err := binenc.Decode(bytes.NewReader(good[:i]), s); err == nil {
			t.Fatalf("a tree cut at %d of %d is read", i, len(good))
		}
	}
	for i := range diff {
		if _, err := binenc.ApplyDiff(s, tree.New(s.Root), diff[:i]); err == nil {
			t.Fatalf("a difference cut at %d of %d is read", i, len(diff))
		}
	}
	for _, tail := range []string{"\x00", "x"} {
		if _, err := binenc.Decode(io.MultiReader(bytes.NewReader(good), strings.NewReader(tail)), s); err == nil {
			t.Error("something after the end is read over")
		}
	}
	if _, err := binenc.Decode(iotest.ErrReader(io.ErrClosedPipe), s); err == nil || !strings.Contains(err.Error(), "closed pipe") {
		t.Errorf("an error of the source: %v", err)
	}
	for name, text := range map[string]string{
		"a value that is none": "nso-tree-1\n\x01\x01t\x05limit\x04\x02\x01\x03abc\x00",
		"a huge text":          "nso-tree-1\n\x01\x01t\x08top-leaf\x03\x02\xff\xff\xff\xff\x07abc",
		"a huge list":          "nso-tree-1\n\x01\x01t\x05limit\x04\x02\xff\xff\xff\xff\x07",
		"no key":               "nso-tree-1\n\x01\x01t\x03net\x01\x02\x01\x01t\x09interface\x02\x03\x01\x00\x00\x00",
		"a node elsewhere":     "nso-tree-1\n\x01\x01t\x03net\x01\x02\x02\x00\x00",
		"a number not defined": "nso-tree-1\n\x05",
		"another kind":         "nso-tree-1\n\x01\x01t\x08top-leaf\x01\x02\x00\x00",
	} {
		if _, err := binenc.Decode(strings.NewReader(text), s); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

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

func FuzzDecode(f *testing.F) {
	s := treetest.All()
	for seed := range uint64(5) {
		f.Add(encode(f, treetest.Random(rand.New(rand.NewPCG(seed, 5)), s)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := binenc.Decode(bytes.NewReader(data), s)
		if err != nil {
			return
		}
		again, err := binenc.Decode(bytes.NewReader(encode(t, n)), s)
		if err != nil || !tree.Equal(n, again) {
			t.Fatalf("what was read is not read again: %v", err)
		}
	})
}

func FuzzApplyDiff(f *testing.F) {
	s := treetest.All()
	base := treetest.Random(rand.New(rand.NewPCG(1, 6)), s)
	for seed := range uint64(5) {
		f.Add(binenc.EncodeDiff(base, treetest.Random(rand.New(rand.NewPCG(seed, 6)), s)))
	}
	before := treetest.Dump(base)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := binenc.ApplyDiff(s, base, data)
		if treetest.Dump(base) != before {
			t.Fatal("the base has changed")
		}
		if err != nil {
			return
		}
		again, err := binenc.ApplyDiff(s, base, binenc.EncodeDiff(base, n))
		if err != nil || !tree.Equal(n, again) {
			t.Fatalf("the difference is not the same again: %v", err)
		}
	})
}

func BenchmarkEncode100k(b *testing.B) {
	s := treetest.Flat()
	n := flat(b, s, 100_000)
	size := len(encode(b, n))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		must(b, binenc.Encode(io.Discard, n))
	}
	b.ReportMetric(float64(size)/100_000, "bytes/entry")
}

func BenchmarkDecode100k(b *testing.B) {
	s := treetest.Flat()
	data := encode(b, flat(b, s, 100_000))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := binenc.Decode(bytes.NewReader(data), s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyDiff100k(b *testing.B) {
	s := treetest.Flat()
	// All created at once is one change: make them entries of a container that exists.
	one := flat(b, s, 1)
	data := binenc.EncodeDiff(one, flat(b, s, 100_000))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := binenc.ApplyDiff(s, one, data); err != nil {
			b.Fatal(err)
		}
	}
}
