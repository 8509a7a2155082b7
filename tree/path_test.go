// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
)

func TestParsePath(t *testing.T) {
	s := treetest.All()
	for _, c := range []struct{ text, want string }{
		{"/", "/"},
		{"/t:net", "/t:net"},
		{"/t:net/t:interface[t:name='a']/t:mtu", "/t:net/interface[name='a']/mtu"},
		{"/t:net/interface", "/t:net/interface"},
		{`/t:net/interface[ name = "a" ]`, "/t:net/interface[name='a']"},
		{`/t:net/interface[name='a"b']`, `/t:net/interface[name='a"b']`},
		{`/t:net/interface[name="it's"]`, `/t:net/interface[name="it's"]`},
		{`/t:net/interface[name=concat('it',"'",'s "q"')]`, `/t:net/interface[name=concat('it',"'",'s "q"')]`},
		{"/t:net/interface[name='']", "/t:net/interface[name='']"},
		{"/t:net/interface[name='/t:x[y]']/aug:extra", "/t:net/interface[name='/t:x[y]']/aug:extra"},
		{"/t:net/pair[b='x'][a='+07']", "/t:net/pair[a='7'][b='x']"},
		{"/t:limit[.='012']", "/t:limit[.='12']"},
		{"/t:limit", "/t:limit"},
		{"/t:stats/sample[3]/v", "/t:stats/sample[3]/v"},
		{"/t:net/interface[name='é']/ipv4/address[ip='1']/length", "/t:net/interface[name='é']/ipv4/address[ip='1']/length"},
		{"/aug:bare", "/aug:bare"},
	} {
		p, err := tree.ParsePath(s, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := p.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	s := treetest.All()
	for _, c := range []struct {
		text string
		tag  mgmterr.Tag
		says string
	}{
		{"", mgmterr.InvalidValue, "begin with /"},
		{"t:net", mgmterr.InvalidValue, "begin with /"},
		{"/net", mgmterr.UnknownElement, "/module:net"},
		{"/x:net", mgmterr.UnknownNamespace, `"x"`},
		{"/t:nett", mgmterr.UnknownElement, `"nett"`},
		{"/t:net/", mgmterr.InvalidValue, "name is missing"},
		{"/t:net//interface", mgmterr.InvalidValue, "name is missing"},
		{"/t:net/interface[name='a']/extra", mgmterr.UnknownElement, "did you mean aug:extra"},
		{"/t:net/interface/mtu", mgmterr.InvalidValue, "[name='...']"},
		{"/t:net/interface[mtu='1']", mgmterr.UnknownElement, "no key"},
		{"/t:net/interface[name='a'][name='b']", mgmterr.InvalidValue, "twice"},
		{"/t:net/pair[a='1']", mgmterr.MissingElement, "key b"},
		{"/t:net/pair[a='999'][b='x']", mgmterr.InvalidValue, "value \"999\" of a"},
		{"/t:net/interface[name=a]", mgmterr.InvalidValue, "in quotes"},
		{"/t:net/interface[name='a]", mgmterr.InvalidValue, "not closed"},
		{"/t:net/interface[name='a'", mgmterr.InvalidValue, "] is expected"},
		{"/t:net/interface['a']", mgmterr.InvalidValue, "name is missing"},
		{"/t:net/interface[name='a']x", mgmterr.InvalidValue, "is expected"},
		{"/t:top-leaf/x", mgmterr.InvalidValue, "has no children"},
		{"/t:top-leaf[.='x']", mgmterr.InvalidValue, "takes no predicate"},
		{"/t:limit[1]", mgmterr.InvalidValue, "[.='value']"},
		{"/t:limit[.='x']", mgmterr.InvalidValue, "of limit"},
		{"/t:limit[.='1']/x", mgmterr.InvalidValue, "has no children"},
		{"/t:stats/sample[v='1']", mgmterr.InvalidValue, "[1]"},
		{"/t:stats/sample[0]", mgmterr.InvalidValue, "[1]"},
		{"/t:stats/sample[99999999999999999999]", mgmterr.InvalidValue, "[1]"},
		{"/t:stats/sample/v", mgmterr.InvalidValue, "[1]"},
		{"/" + strings.Repeat("x", 10_000), mgmterr.UnknownElement, "..."},
	} {
		_, err := tree.ParsePath(s, c.text)
		l := mgmterr.Of(err)
		if l == nil || l[0].Tag != c.tag || !strings.Contains(l[0].Message, c.says) || !strings.HasPrefix(l[0].Message, "cannot use path ") {
			t.Errorf("%.60s: %.300v", c.text, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	s := treetest.All()
	for _, seed := range []string{"/", "/t:net/interface[name='a']/aug:extra", `/t:net/pair[a="1"][b='x']/c`, "/t:limit[.='3']", "/t:stats/sample[3]/v",
		`/t:net/interface[name=concat('a',"'")]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := tree.ParsePath(s, text)
		if err != nil {
			if mgmterr.Of(err) == nil {
				t.Fatalf("%T", err)
			}
			return
		}
		again, err := tree.ParsePath(s, p.String())
		if err != nil || again.String() != p.String() || len(again) != len(p) {
			t.Fatalf("%q gives %q, which gives %v %v", text, p, again, err)
		}
		for i := range p {
			if p[i] != again[i] {
				t.Fatalf("%q: step %d differs", text, i)
			}
		}
	})
}

func TestBuilder(t *testing.T) {
	s := treetest.All()
	net := s.Root.Child("t", "net")
	list := net.Child("t", "interface")
	n := func(name string) func(b *tree.Builder) error {
		return func(b *tree.Builder) error { return b.Leaf(list.Child("t", "name"), name) }
	}
	mtu := func(b *tree.Builder) error { return b.LeafBytes(list.Child("t", "mtu"), []byte("9")) }
	for _, c := range []struct {
		name string
		do   []func(b *tree.Builder) error // in an entry
		tag  mgmterr.Tag
		want string
	}{
		{"in order", []func(b *tree.Builder) error{n("a"), mtu}, "", "name \"a\"\n    mtu \"9\""},
		{"out of order", []func(b *tree.Builder) error{mtu, n("a")}, "", "name \"a\"\n    mtu \"9\""},
		{"no key", []func(b *tree.Builder) error{mtu}, mgmterr.MissingElement, ""},
		{"twice", []func(b *tree.Builder) error{n("a"), mtu, mtu}, mgmterr.BadElement, ""},
		{"any twice", []func(b *tree.Builder) error{n("a"),
			func(b *tree.Builder) error {
				return b.Any(list.Child("t", "blob"), tree.Any{Format: tree.JSON, Text: "1"})
			},
			func(b *tree.Builder) error {
				return b.Any(list.Child("t", "blob"), tree.Any{Format: tree.JSON, Text: "2"})
			},
		}, mgmterr.BadElement, ""},
		{"two cases", []func(b *tree.Builder) error{n("a"), func(b *tree.Builder) error { return b.Leaf(list.Child("t", "vlan"), "1") },
			func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "allowed"), "1") }}, mgmterr.BadElement, ""},
		{"values twice", []func(b *tree.Builder) error{n("a"), func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "dns"), "1") },
			func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "dns"), "0") },
			func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "dns"), "1") }}, mgmterr.BadElement, ""},
		{"user's order", []func(b *tree.Builder) error{n("a"), func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "dns"), "1") },
			func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "dns"), "0") }}, "", "dns = \"1\"\n    dns = \"0\""},
		{"system's order", []func(b *tree.Builder) error{n("a"), func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "allowed"), "10") },
			func(b *tree.Builder) error { return b.LeafListEntry(list.Child("t", "allowed"), "9") }}, "", "allowed = \"9\"\n    allowed = \"10\""},
		{"empty container", []func(b *tree.Builder) error{n("a"), func(b *tree.Builder) error { b.Open(list.Child("t", "opts")); return b.Close() }}, "", "interface [\"a\"]\n    name \"a\"\n"},
	} {
		b := tree.NewBuilder(s.Root)
		b.Open(net)
		b.Open(list)
		var err error
		for _, do := range c.do {
			if err = do(b); err != nil {
				break
			}
		}
		for err == nil && b.Depth() > 1 {
			err = b.Close()
		}
		var root *tree.Node
		if err == nil {
			root, err = b.Done()
		}
		if tagOf(err) != c.tag || !strings.Contains(treetest.Dump(root), c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, treetest.Dump(root))
		}
		if err == nil {
			consistent(t, root)
		}
	}
	// Entries in any order, and the builder used again.
	b := tree.NewBuilder(s.Root)
	for range 2 {
		b.Open(net)
		for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(300) {
			b.Open(list)
			must(t, b.Leaf(list.Child("t", "name"), strings.Repeat("x", i)))
			if got := b.Path().String(); got != "/t:net/interface[name='"+strings.Repeat("x", i)+"']" {
				t.Fatal(got)
			}
			must(t, b.Close())
		}
		b.Open(list)
		if got := b.Path().String(); got != "/t:net/interface" {
			t.Fatal(got)
		}
		b.Abort()
		must(t, b.Close())
		root, err := b.Done()
		must(t, err)
		consistent(t, root)
		if got := root.Container(net).List(list).Len(); got != 300 {
			t.Fatal(got)
		}
	}
}

func TestEditorPutAndMerge(t *testing.T) {
	s := treetest.All()
	for seed := range uint64(30) {
		a := treetest.Random(rand.New(rand.NewPCG(seed, 20)), s)
		b := treetest.Random(rand.New(rand.NewPCG(seed, 21)), s)
		ed := tree.NewEditor(a)
		for _, c := range s.Root.DataChildren {
			p := tree.Path{{Schema: c}}
			child, ok := b.Find(p)
			switch {
			case ok:
				must(t, ed.Put(p, child))
			case a.Has(c):
				must(t, ed.Delete(p))
			}
		}
		if got := ed.Root(); treetest.Dump(got) != treetest.Dump(b) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, treetest.Dump(got), treetest.Dump(b))
		}
		if got := tree.Merge(a, b); !tree.Equal(tree.Merge(got, b), got) {
			t.Fatalf("seed %d: merged again is not the same", seed)
		}
		must(t, ed.Merge(tree.Path{}, a))
	}
}
