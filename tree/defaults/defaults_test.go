// SPDX-License-Identifier: Apache-2.0

package defaults_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
	leaf kind { type enumeration { enum eth; enum ip; } default eth; }
	container box {
		leaf a { type int32; default 1; }
		leaf b { type int32; }
		leaf c { when "../a = 2"; type int32; default 3; }
		container empty { leaf none { type string; } }
		container deep { when "/kind = 'eth'"; leaf d { type string; default x; } }
		container flag { presence "it is on"; leaf d { type string; default x; } }
	}
	list entry { key k; leaf k { type string; default ignored; } leaf v { type string; default y; } }
	leaf-list many { type int32; default 1; default 2; }
	leaf-list ranked { type int32; ordered-by user; default 1; default 2; }
	choice way { default one;
		case one { leaf one1 { type int32; default 1; } leaf one2 { type int32; } }
		case two { leaf two1 { type int32; default 1; } leaf two2 { type int32; default 2; }
			container two3 { leaf x { type int32; default 3; } }
			choice in { default inner; leaf inner { type int32; default 4; } leaf other { type int32; } } }
		case none { leaf none1 { type int32; } }
	}
	container state { config false; leaf s { type int32; default 7; } list l { leaf s { type int32; default 8; } } }
}`

func modes(t testing.TB) (*yang.Schema, *defaults.Modes) {
	t.Helper()
	s := yangtest.Schema(t, model)
	m, err := defaults.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func read(t testing.TB, s *yang.Schema, text string) *tree.Node {
	t.Helper()
	n, err := jsonenc.Decode(strings.NewReader(text), s, jsonenc.DecodeOptions{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// show writes a tree shortly: without quotes, blanks and the module's name.
func show(t testing.TB, n *tree.Node) string {
	t.Helper()
	var b strings.Builder
	if err := jsonenc.Encode(&b, n, jsonenc.Options{}); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`"`, "", "m:", "").Replace(b.String())
}

func TestModes(t *testing.T) {
	s, m := modes(t)
	const plain = "kind:eth,box:{a:1,deep:{d:x}}"
	const lists = "many:[1,2],ranked:[1,2]"
	for _, c := range []struct{ name, data, all, trim string }{
		{"nothing", `{}`, "{" + plain + "," + lists + ",one1:1}", "{}"},
		{"a default of a condition", `{"m:box":{"a":2,"c":3}}`, "{kind:eth,box:{a:2,c:3,deep:{d:x}}," + lists + ",one1:1}", "{box:{a:2}}"},
		{"a condition that does not hold", `{"m:kind":"ip","m:box":{"a":1}}`, "{kind:ip,box:{a:1}," + lists + ",one1:1}", "{kind:ip}"},
		{"presence", `{"m:box":{"flag":{"d":"x"}}}`, "{kind:eth,box:{a:1,deep:{d:x},flag:{d:x}}," + lists + ",one1:1}", "{box:{flag:{}}}"},
		{"entries, keys", `{"m:entry":[{"k":"ignored"},{"k":"k","v":"y"},{"k":"l","v":"z"}]}`,
			"{" + plain + ",entry:[{k:ignored,v:y},{k:k,v:y},{k:l,v:z}]," + lists + ",one1:1}",
			"{entry:[{k:ignored},{k:k},{k:l,v:z}]}"},
		{"leaf-lists", `{"m:many":[2,1],"m:ranked":[2,1]}`, "{" + plain + ",many:[1,2],ranked:[2,1],one1:1}", "{ranked:[2,1]}"},
		{"part of a leaf-list", `{"m:many":[2],"m:ranked":[1,2]}`, "{" + plain + ",many:[2],ranked:[1,2],one1:1}", "{many:[2]}"},
		// RFC 7950, 7.9.3: a case keeps what selects it.
		{"default case", `{"m:one1":1}`, "{" + plain + "," + lists + ",one1:1}", "{}"},
		{"default case held", `{"m:one1":1,"m:one2":5}`, "{" + plain + "," + lists + ",one1:1,one2:5}", "{one2:5}"},
		{"another case", `{"m:two1":1,"m:two2":2}`, "{" + plain + "," + lists + ",two1:1,two2:2,two3:{x:3},inner:4}", "{two2:2}"},
		{"another case by a container", `{"m:two3":{"x":3}}`, "{" + plain + "," + lists + ",two1:1,two2:2,two3:{x:3},inner:4}", "{two3:{x:3}}"},
		{"another case by an inner one", `{"m:inner":4}`, "{" + plain + "," + lists + ",two1:1,two2:2,two3:{x:3},inner:4}", "{inner:4}"},
		{"an inner case", `{"m:other":4,"m:two1":1}`, "{" + plain + "," + lists + ",two1:1,two2:2,two3:{x:3},other:4}", "{other:4}"},
		{"a case without defaults", `{"m:none1":4}`, "{" + plain + "," + lists + ",none1:4}", "{none1:4}"},
		{"state stays as it is", `{"m:state":{"l":[{},{"s":9}]}}`, "{" + plain + "," + lists + ",one1:1,state:{l:[{},{s:9}]}}", "{state:{l:[{},{s:9}]}}"},
	} {
		n := read(t, s, c.data)
		all, err := m.All(n, true)
		if err != nil {
			t.Fatal(err)
		}
		trim, err := m.Trim(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(t, all); got != c.all {
			t.Errorf("%s: all\n%s\n%s", c.name, got, c.all)
		}
		if got := show(t, trim); got != c.trim {
			t.Errorf("%s: trim\n%s\n%s", c.name, got, c.trim)
		}
	}
	all, err := m.All(tree.New(s.Root), false)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(t, all); !strings.HasSuffix(got, ",state:{s:7}}") {
		t.Errorf("with state: %s", got)
	}
}

// Of random trees: the modes lose nothing and are done after one time.
func TestModesAgree(t *testing.T) {
	s, m := modes(t)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		b := tree.NewBuilder(s.Root)
		fill(t, r, b, s.Root)
		n, err := b.Done()
		if err != nil {
			t.Fatal(err)
		}
		do := func(f func(*tree.Node) (*tree.Node, error), n *tree.Node) *tree.Node {
			out, err := f(n)
			if err != nil {
				t.Fatalf("%d: %s: %v", i, show(t, n), err)
			}
			return out
		}
		everything := func(n *tree.Node) (*tree.Node, error) { return m.All(n, false) }
		all, trim := do(everything, n), do(m.Trim, n)
		if again := do(everything, trim); !tree.Equal(again, all) {
			t.Fatalf("%d: %s\nall            %s\nall after trim %s", i, show(t, n), show(t, all), show(t, again))
		}
		if do(everything, all) != all || do(m.Trim, trim) != trim {
			t.Fatalf("%d: %s changes when it is done again", i, show(t, n))
		}
	}
}

func fill(t *testing.T, r *rand.Rand, b *tree.Builder, n *yang.Node) {
	cases := map[*yang.Node]*yang.Node{}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
next:
	for _, s := range n.DataChildren {
		if !s.IsKey && r.IntN(2) == 0 || s.Name == "c" || s.Name == "deep" && s.Parent.Name == "box" {
			continue
		}
		for p := s.Parent; p != s.DataParent; p = p.Parent {
			if p.Kind == yang.KindCase {
				if cases[p.Parent] == nil {
					cases[p.Parent] = p.Parent.Children[r.IntN(len(p.Parent.Children))]
				}
				if cases[p.Parent] != p {
					continue next
				}
			}
		}
		switch s.Kind {
		case yang.KindLeaf:
			v := strconv.Itoa(r.IntN(5))
			switch {
			case s.Name == "kind":
				v = []string{"eth", "ip"}[r.IntN(2)]
			case s.Type.Base == yang.String:
				v = []string{"x", "y", "z"}[r.IntN(3)]
			}
			if !s.IsKey {
				must(b.Leaf(s, v))
			}
		case yang.KindLeafList:
			for _, v := range r.Perm(3)[:1+r.IntN(2)] {
				must(b.LeafListEntry(s, strconv.Itoa(v)))
			}
		case yang.KindContainer, yang.KindList:
			for k := range 1 + r.IntN(2) {
				b.Open(s)
				if len(s.Keys) > 0 {
					must(b.Leaf(s.Keys[0], strconv.Itoa(k)))
				}
				fill(t, r, b, s)
				must(b.Close())
				if s.Kind == yang.KindContainer {
					break
				}
			}
		}
	}
}

func BenchmarkModes(b *testing.B) {
	s, m := modes(b)
	build := tree.NewBuilder(s.Root)
	e := s.Root.Child("m", "entry")
	for i := range 10000 {
		build.Open(e)
		if err := build.Leaf(e.Keys[0], "entry"+strconv.Itoa(i)); err != nil {
			b.Fatal(err)
		}
		if err := build.Close(); err != nil {
			b.Fatal(err)
		}
	}
	n, err := build.Done()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("all of 10000 entries", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.All(n, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	all, err := m.All(n, true)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("trim of 10000 entries", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Trim(all); err != nil {
				b.Fatal(err)
			}
		}
	})
}
