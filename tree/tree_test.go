// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

func parse(t testing.TB, s *yang.Schema, text string) tree.Path {
	t.Helper()
	p, err := tree.ParsePath(s, text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// load makes a tree of lines path or path=value.
func load(t testing.TB, s *yang.Schema, lines ...string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(tree.New(s.Root))
	for _, l := range lines {
		path, value := l, ""
		if i := strings.LastIndexByte(l, '='); i > strings.LastIndexByte(l, ']') {
			path, value = l[:i], l[i+1:]
		}
		if err := ed.Set(parse(t, s, path), value); err != nil {
			t.Fatal(err)
		}
	}
	return ed.Root()
}

// interfaces is n interfaces with eight leaves each.
func interfaces(t testing.TB, s *yang.Schema, n int) *tree.Node {
	t.Helper()
	b := tree.NewBuilder(s.Root)
	ifs := s.Root.DataChildren[0]
	list := ifs.DataChildren[0]
	b.Open(ifs)
	for i := range n {
		b.Open(list)
		for j, v := range []string{fmt.Sprintf("eth%d", i), fmt.Sprintf("customer %d", i), "iana-if-type:ethernetCsmacd", "true", "enabled",
			"1500", "1000000", fmt.Sprintf("port-%d", i)} {
			if err := b.Leaf(list.DataChildren[j], v); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	root, err := b.Done()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestReadersOfNil(t *testing.T) {
	s := treetest.All()
	var n *tree.Node
	net := s.Root.DataChildren[0]
	if _, ok := n.Leaf(s.Root.Child("t", "top-leaf")); ok || n.Container(net) != nil || n.List(net.DataChildren[0]) != nil ||
		n.LeafList(s.Root.Child("t", "limit")) != nil || n.Has(net) || !n.Empty() || n.Key() != "" || n.Count() != 0 || n.Schema() != nil {
		t.Error("a nil node is not empty")
	}
	for range n.Children() {
		t.Error("a nil node has children")
	}
	var l *tree.List
	var ll *tree.LeafList
	if l.Len() != 0 || l.Get("x") != nil || ll.Len() != 0 || ll.Has("") {
		t.Error("a nil list is not empty")
	}
	for range l.All() {
		t.Error("a nil list has entries")
	}
	for range l.From("x") {
		t.Error("a nil list has entries")
	}
	if _, ok := n.Find(parse(t, s, "/t:top-leaf")); ok {
		t.Error("found in a nil node")
	}
}

func TestOrder(t *testing.T) {
	s := treetest.All()
	root := load(t, s, "/t:limit[.='10']", "/t:limit[.='9']", "/t:limit[.='100']",
		"/t:net/pair[a='10'][b='x']", "/t:net/pair[a='9'][b='y']", "/t:net/pair[a='9'][b='x']",
		"/t:net/ace[name='z']", "/t:net/ace[name='a']", "/t:net/ace[name='m']",
		"/t:net/interface[name='eth2']/mtu=3", "/t:net/interface[name='eth10']/aug:extra=-1")
	want := `net
  interface ["eth10"]
    name "eth10"
    extra "-1"
  interface ["eth2"]
    name "eth2"
    mtu "3"
  ace ["z"]
    name "z"
  ace ["a"]
    name "a"
  ace ["m"]
    name "m"
  pair ["9" "x"]
    a "9"
    b "x"
  pair ["9" "y"]
    a "9"
    b "y"
  pair ["10" "x"]
    a "10"
    b "x"
limit = "9"
limit = "10"
limit = "100"
`
	if got := treetest.Dump(root); got != want {
		t.Errorf("got\n%s", got)
	}
	pair := s.Root.DataChildren[0].Child("t", "pair")
	var from []string
	for e := range root.Container(s.Root.DataChildren[0]).List(pair).From(tree.MakeKey(pair, "9", "xx")) {
		from = append(from, strings.Join(e.Key().Values(pair), ","))
	}
	if got := strings.Join(from, " "); got != "9,y 10,x" {
		t.Errorf("from: %s", got)
	}
	if n := root.Count(); n != 16 {
		t.Errorf("count %d", n)
	}
}

func TestState(t *testing.T) {
	s := treetest.All()
	stats := s.Root.Child("t", "stats")
	sample, reading := stats.Child("t", "sample"), stats.Child("t", "reading")
	build := func(values ...string) *tree.Node {
		b := tree.NewBuilder(s.Root)
		b.Open(stats)
		for _, v := range values {
			b.Open(sample)
			must(t, b.Leaf(sample.Child("t", "v"), v))
			must(t, b.Close())
			must(t, b.LeafListEntry(reading, v))
		}
		must(t, b.Close())
		n, err := b.Done()
		must(t, err)
		return n
	}
	a, c := build("3", "1", "3"), build("1", "2")
	l := a.Container(stats).List(sample)
	if e := l.Get("2"); l.Len() != 3 || e == nil || l.Get("4") != nil || l.Get("0") != nil {
		t.Errorf("by position: %v", l.Get("2"))
	}
	if got := strings.Join(slicesCollect(a.Container(stats).LeafList(reading)), ","); got != "3,1,3" {
		t.Errorf("readings %s", got)
	}
	child, ok := a.Find(parse(t, s, "/t:stats/sample[2]/v"))
	if !ok || child.Value != "1" {
		t.Errorf("find: %v %v", child, ok)
	}
	checkDiff(t, a, c)
	checkDiff(t, c, a)
	config := load(t, s, "/t:top-leaf=x", "/t:net/ace[name='a']/action=drop")
	if got, want := treetest.Dump(tree.Merge(config, a)), treetest.Dump(config); !strings.Contains(got, "sample") || len(got) <= len(want) {
		t.Errorf("merged\n%s", got)
	}
	if got := treetest.Dump(tree.Merge(a, c)); got != treetest.Dump(c) {
		t.Errorf("a list without key is not replaced as a whole:\n%s", got)
	}
	var kinds []string
	for c := range tree.Diff(a, c) {
		kinds = append(kinds, c.Kind.String()+" "+c.Path.String())
	}
	if got := strings.Join(kinds, " "); got != "modified /t:stats/sample modified /t:stats/reading" {
		t.Errorf("difference %s", got)
	}
}

func slicesCollect(l *tree.LeafList) (all []string) {
	for v := range l.All() {
		all = append(all, v)
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	s := treetest.All()
	root := load(t, s, "/t:net/interface[name='a']/mtu=1", "/t:net/ace[name='x']")
	p := func(text string) tree.Path { return parse(t, s, text) }
	for _, c := range []struct {
		tag  mgmterr.Tag
		path string
		do   func(*tree.Editor) error
	}{
		{mgmterr.DataExists, "/t:net/interface[name='a']", func(ed *tree.Editor) error { return ed.Create(p("/t:net/interface[name='a']")) }},
		{mgmterr.DataMissing, "/t:net/interface[name='b']", func(ed *tree.Editor) error { return ed.Delete(p("/t:net/interface[name='b']")) }},
		{mgmterr.DataMissing, "/t:net/interface[name='b']", func(ed *tree.Editor) error { return ed.Delete(p("/t:net/interface[name='b']/mtu")) }},
		{mgmterr.DataMissing, "/t:net/interface[name='a']/aug:extra", func(ed *tree.Editor) error {
			return ed.Delete(p("/t:net/interface[name='a']/aug:extra"))
		}},
		{mgmterr.DataMissing, "/t:limit", func(ed *tree.Editor) error { return ed.Delete(p("/t:limit")) }},
		{mgmterr.BadElement, "/t:net/interface[name='a']/name", func(ed *tree.Editor) error { return ed.Set(p("/t:net/interface[name='a']/name"), "b") }},
		{mgmterr.BadAttribute, "/t:net/ace[name='x']", func(ed *tree.Editor) error {
			return ed.Move(p("/t:net/ace[name='x']"), tree.Insert{Where: tree.After, Anchor: tree.MakeKey(p("/t:net/ace").Schema(), "none")})
		}},
		{mgmterr.OperationNotSupported, "/t:net/interface[name='a']", func(ed *tree.Editor) error {
			return ed.Move(p("/t:net/interface[name='a']"), tree.Insert{Where: tree.First})
		}},
		{mgmterr.OperationNotSupported, "/t:net/interface", func(ed *tree.Editor) error { return ed.Set(p("/t:net/interface"), "") }},
	} {
		err := c.do(tree.NewEditor(root))
		list := mgmterr.Of(err)
		if list == nil || list[0].Tag != c.tag || list[0].Path != c.path || !strings.HasPrefix(list[0].Message, "cannot ") {
			t.Errorf("want %s at %s, got %v", c.tag, c.path, err)
		}
	}
}

func TestChoice(t *testing.T) {
	s := treetest.All()
	has := func(n *tree.Node, want string) {
		t.Helper()
		var got []string
		list := s.Root.DataChildren[0].DataChildren[0]
		for c := range n.Container(s.Root.DataChildren[0]).List(list).Get(tree.MakeKey(list, "a")).Children() {
			got = append(got, c.Schema.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	p := func(text string) tree.Path { return parse(t, s, "/t:net/interface[name='a']"+text) }
	ed := tree.NewEditor(tree.New(s.Root))
	must(t, ed.Set(p("/vlan"), "1"))
	must(t, ed.Set(p("/acc/x"), "1"))
	has(ed.Root(), "name vlan acc")
	must(t, ed.Set(p("/allowed[.='7']"), ""))
	has(ed.Root(), "name allowed")
	must(t, ed.Set(p("/s1"), "1"))
	has(ed.Root(), "name allowed s1")
	must(t, ed.Set(p("/s2"), "1"))
	has(ed.Root(), "name allowed s2")
	must(t, ed.Set(p("/acc/x"), "1"))
	has(ed.Root(), "name acc")
	list := p("").Schema()
	_, err := tree.Apply(ed.Root(), &tree.Edit{Schema: s.Root, Children: []tree.Edit{{Schema: list.DataParent, Children: []tree.Edit{
		{Schema: list, Key: p("")[1].Key, Children: []tree.Edit{{Schema: list.Child("t", "vlan"), Value: "1"}, {Schema: list.Child("t", "native"), Value: "1"}}}}}}}, nil)
	if tagOf(err) != mgmterr.BadElement {
		t.Errorf("two cases in one request: %v", err)
	}
}

// What was given up leaves nothing behind for the next node at its depth.
func TestBuilderAbort(t *testing.T) {
	s := treetest.All()
	stats := s.Root.Child("t", "stats")
	sample, reading := stats.Child("t", "sample"), stats.Child("t", "reading")
	b := tree.NewBuilder(s.Root)
	for range 3 {
		b.Open(stats)
		b.Open(sample)
		must(t, b.Leaf(sample.Child("t", "v"), "1"))
		must(t, b.Close())
		must(t, b.LeafListEntry(reading, "1"))
		b.Abort()
	}
	b.Open(stats)
	b.Open(sample)
	must(t, b.Close())
	must(t, b.LeafListEntry(reading, "2"))
	must(t, b.Close())
	n, err := b.Done()
	must(t, err)
	if c := n.Container(stats); c.List(sample).Len() != 1 || c.LeafList(reading).Len() != 1 {
		t.Errorf("%d samples and %d readings, want 1 and 1", c.List(sample).Len(), c.LeafList(reading).Len())
	}
}
