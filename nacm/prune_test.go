// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const wide = `module w {
  yang-version 1.1; namespace "urn:w"; prefix w;
  import ietf-netconf-acm { prefix nacm; }
  container top {
    list l { key name; leaf name { type string; } leaf v { type string; } leaf secret { nacm:default-deny-all; type string; }
      container in { leaf x { type string; } leaf-list tag { type string; } } }
    list pair { key "a b"; leaf a { type string; } leaf b { type string; } leaf c { type string; } }
    list sample { config false; leaf v { type string; } leaf hidden { nacm:default-deny-all; type string; }
      list inner { key k; leaf k { type string; } leaf v { type string; } } }
  }
  leaf-list tag { type string; }
}`

// everything is the path of every node of a tree, keyless entries by position.
func everything(n *tree.Node, at tree.Path) (all []tree.Path) {
	for c := range n.Children() {
		add := func(st tree.Step, in *tree.Node) {
			p := append(at.Clone(), st)
			all = append(append(all, p), everything(in, p)...)
		}
		switch c.Schema.Kind {
		case yang.KindList:
			i := 0
			for e := range c.List.All() {
				i++
				k := e.Key()
				if len(c.Schema.Keys) == 0 {
					k = tree.Key(fmt.Sprint(i))
				}
				add(tree.Step{Schema: c.Schema, Key: k, HasKey: true}, e)
			}
		case yang.KindLeafList:
			for v := range c.LeafList.All() {
				add(tree.Step{Schema: c.Schema, Value: v, HasKey: true}, nil)
			}
		default:
			add(tree.Step{Schema: c.Schema}, c.Node)
		}
	}
	return all
}

// texts are the paths of what holds a value: containers come and go with it.
func texts(all []tree.Path) (out []string) {
	for _, p := range all {
		if p.Schema().Kind != yang.KindContainer {
			out = append(out, p.String())
		}
	}
	return out
}

// TestPruneRandom: Prune leaves what the rules, asked node by node, let read.
func TestPruneRandom(t *testing.T) {
	s := yangtest.Schema(t, "ietf-netconf-acm", wide)
	b := tree.NewBuilder(s.Root)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	top := s.Root.Child("w", "top")
	leaf := func(n *yang.Node, name, v string) { must(b.Leaf(n.Child("w", name), v)) }
	b.Open(top)
	l, pair, sample := top.Child("w", "l"), top.Child("w", "pair"), top.Child("w", "sample")
	for _, name := range []string{"a", "b", "c"} {
		b.Open(l)
		leaf(l, "name", name)
		leaf(l, "v", "1")
		leaf(l, "secret", "x")
		in := l.Child("w", "in")
		b.Open(in)
		leaf(in, "x", "1")
		must(b.LeafListEntry(in.Child("w", "tag"), "t1"))
		must(b.LeafListEntry(in.Child("w", "tag"), "t2"))
		must(b.Close())
		must(b.Close())
		for _, second := range []string{"a", "b"} {
			b.Open(pair)
			leaf(pair, "a", name)
			leaf(pair, "b", second)
			leaf(pair, "c", "1")
			must(b.Close())
		}
	}
	for range 3 {
		b.Open(sample)
		leaf(sample, "v", "1")
		leaf(sample, "hidden", "1")
		inner := sample.Child("w", "inner")
		b.Open(inner)
		leaf(inner, "k", "a")
		leaf(inner, "v", "1")
		must(b.Close())
		must(b.Close())
	}
	must(b.Close())
	must(b.LeafListEntry(s.Root.Child("w", "tag"), "t1"))
	must(b.LeafListEntry(s.Root.Child("w", "tag"), "t2"))
	data, err := b.Done()
	must(err)

	pool := []string{"/", "/w:top", "/w:top/l", "/w:top/l[name='a']", "/w:top/l/v", "/w:top/l[name='b']/in", "/w:top/l/secret", "/w:top/l/in/tag[.='t1']",
		"/w:top/pair", "/w:top/pair[a='a'][b='a']", "/w:top/pair[a='b'][b='b']/c", "/w:top/l[name='c']/v", "/w:top/pair[a='a']", "/w:top/pair[b='b']", "/w:top/pair[a='c'][b='b']/c", "/w:top/sample", "/w:top/sample/hidden",
		"/w:top/sample/inner[k='a']/v", "/w:tag[.='t2']", "/w:tag", "/w:top/l/name", "/ietf-netconf-acm:nacm"}
	const list = "/ietf-netconf-acm:nacm/rule-list[name='1']/"
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		acl := []string{"/ietf-netconf-acm:nacm/groups/group[name='g']/user-name=u", list + "group=g"}
		for i := range r.IntN(7) {
			rule := fmt.Sprintf("%srule[name='%d']/", list, i)
			acl = append(acl, rule+"action="+[]string{"permit", "deny"}[r.IntN(2)])
			if r.IntN(6) > 0 {
				acl = append(acl, rule+"path="+pool[r.IntN(len(pool))])
			}
			if r.IntN(3) == 0 {
				acl = append(acl, rule+"module-name="+[]string{"w", "ietf-netconf-acm", "*"}[r.IntN(3)])
			}
			if r.IntN(3) == 0 {
				acl = append(acl, rule+"access-operations="+[]string{"read", "update"}[r.IntN(2)])
			}
		}
		if r.IntN(2) == 0 {
			acl = append(acl, "/ietf-netconf-acm:nacm/read-default=deny")
		}
		root := tree.Merge(build(t, s, tree.New(s.Root), acl...), data)
		v := Compile(s, root).View("u", nil)
		var want []tree.Path
		for _, p := range everything(root, nil) {
			if v.visible(p) == len(p) {
				want = append(want, p)
			}
			if v.Reads(p) != (v.visible(p) == len(p)) {
				t.Fatalf("seed %d: Reads of %s", seed, p)
			}
		}
		got, expect := texts(everything(v.Prune(root), nil)), texts(want)
		if !slices.Equal(got, expect) {
			t.Fatalf("seed %d, %s:\nreads %v\nwant  %v", seed, strings.Join(acl, "\n"), got, expect)
		}
	}
}

// TestSomeKeys: a key that a rule's path leaves out may have any value.
func TestSomeKeys(t *testing.T) {
	s := yangtest.Schema(t, "ietf-netconf-acm", wide)
	const list = "/ietf-netconf-acm:nacm/rule-list[name='1']/"
	for _, c := range []struct {
		path, node string
		want       bool // denied
	}{
		{"/w:top/pair[b='x']", "/w:top/pair[a='1'][b='x']/c", true},
		{"/w:top/pair[b='x']", "/w:top/pair[a='1'][b='y']/c", false},
		{"/w:top/w:pair[w:a='1']/c", "/w:top/pair[a='1'][b='y']/c", true},
		{"/w:top/pair[a='1'][a='1']", "/w:top/pair[a='1'][b='y']/c", false},
		{"/w:top/pair[c='1']", "/w:top/pair[a='1'][b='y']/c", false},
	} {
		root := build(t, s, tree.New(s.Root), "/ietf-netconf-acm:nacm/groups/group[name='g']/user-name=u", list+"group=g",
			list+"rule[name='1']/path="+c.path, list+"rule[name='1']/action=deny")
		p, err := tree.ParsePath(s, c.node)
		if err != nil {
			t.Fatal(err)
		}
		policy := Compile(s, root)
		if got := !policy.View("u", nil).data(p, opRead); got != c.want {
			t.Errorf("%s denies %s: %v", c.path, c.node, got)
		}
		wrong := strings.Contains(c.path, "[c=") || strings.Contains(c.path, "[a='1'][a=")
		m := policy.Mistakes()
		if (len(m) == 1) != wrong || wrong && (m[0].Path != c.path || m[0].At != list+"rule[name='1']/path") {
			t.Errorf("%s: mistakes %v", c.path, m)
		}
	}
}

// TestDenialTellsNothing: a refusal does not say what there is to whoever may not
// read it.
func TestDenialTellsNothing(t *testing.T) {
	s := yangtest.Schema(t, "ietf-netconf-acm", wide)
	const list = "/ietf-netconf-acm:nacm/rule-list[name='1']/"
	root := build(t, s, tree.New(s.Root), "/ietf-netconf-acm:nacm/groups/group[name='g']/user-name=u", list+"group=g",
		list+"rule[name='1']/path=/w:top/l/in", list+"rule[name='1']/action=deny")
	g := Compile(s, root).View("u", nil).Guard()
	at := func(path string) tree.Path {
		p, err := tree.ParsePath(s, path)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hidden := at("/w:top/l[name='a']/in/tag[.='t1']")
	if e := mgmterr.Of(g(hidden, tree.Delete))[0]; e.Path != "/" || strings.Contains(e.Message, "tag") {
		t.Errorf("what is in a node that shall be deleted is named: %v", e)
	}
	x := at("/w:top/l[name='a']/in/x")
	if a, b := g(x, tree.Create), g(x, tree.Update); a.Error() != b.Error() || !strings.Contains(a.Error(), "/in/x") {
		t.Errorf("a refusal says whether the node exists: %q and %q", a, b)
	}
	if e := mgmterr.Of(g(at("/w:top/pair[a='1'][b='2']/c"), tree.Update)); e[0].Message != "cannot change c: no right to it" {
		t.Errorf("whoever may read is told %v", e)
	}
}

// BenchmarkPrune is what a read costs whoever may not read everything: a list of
// 100k entries that is wholly readable, and one with a node that is not.
func BenchmarkPrune(b *testing.B) {
	s := yangtest.Schema(b, "ietf-netconf-acm", wide)
	f, err := Factory(s, nil)
	if err != nil {
		b.Fatal(err)
	}
	ed := tree.NewEditor(f)
	for i := range 100_000 {
		p, err := tree.ParsePath(s, fmt.Sprintf("/w:top/pair[a='%d'][b='x']/c", i))
		if err == nil {
			err = ed.Set(p, "v")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	root := ed.Root()
	for b.Loop() {
		v := Compile(s, root).View("olga", []string{"nso-oper"})
		if v.Prune(root).Empty() {
			b.Fatal("nothing is read")
		}
	}
}
