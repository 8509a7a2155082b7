// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

func tagOf(err error) mgmterr.Tag {
	var e *mgmterr.Error
	if errors.As(err, &e) {
		return e.Tag
	}
	if err != nil {
		return "other"
	}
	return ""
}

// consistent fails if the parts of a tree contradict each other.
func consistent(t *testing.T, n *tree.Node) {
	t.Helper()
	last := -1
	for c := range n.Children() {
		if c.Schema.Index <= last {
			t.Fatalf("%s is out of order", c.Schema.Name)
		}
		last = c.Schema.Index
		switch {
		case c.Node != nil:
			if c.Node.Empty() && !c.Schema.HasPresence {
				t.Fatalf("empty container %s is kept", c.Schema.Name)
			}
			consistent(t, c.Node)
		case c.List != nil:
			i := 0
			for e := range c.List.All() {
				i++
				if len(c.Schema.Keys) > 0 && c.List.Get(e.Key()) != e {
					t.Fatalf("entry %q of %s is not found by its key", e.Key(), c.Schema.Name)
				}
				consistent(t, e)
			}
			if i != c.List.Len() || i == 0 {
				t.Fatalf("list %s has %d entries and says %d", c.Schema.Name, i, c.List.Len())
			}
		case c.LeafList != nil:
			i := 0
			for v := range c.LeafList.All() {
				i++
				if !c.LeafList.Has(v) {
					t.Fatalf("value %q of %s is not found", v, c.Schema.Name)
				}
			}
			if i != c.LeafList.Len() || i == 0 {
				t.Fatalf("leaf-list %s has %d entries and says %d", c.Schema.Name, i, c.LeafList.Len())
			}
		}
	}
}

// expand lists the nodes of a change as the guard is asked for them.
func expand(c tree.Change) (asks []string) {
	ask := func(p tree.Path, what tree.Access) { asks = append(asks, fmt.Sprint(what, " ", p)) }
	var below func(p tree.Path, n *tree.Node, what tree.Access)
	below = func(p tree.Path, n *tree.Node, what tree.Access) {
		for k := range n.Children() {
			at := append(p.Clone(), tree.Step{Schema: k.Schema})
			end := &at[len(at)-1]
			switch {
			case k.Node != nil:
				if k.Schema.HasPresence {
					ask(at, what)
				}
				below(at, k.Node, what)
			case k.List != nil:
				end.HasKey = true
				for e := range k.List.All() {
					end.Key = e.Key()
					ask(at, what)
					below(at, e, what)
				}
			case k.LeafList != nil:
				end.HasKey = true
				for v := range k.LeafList.All() {
					end.Value = v
					ask(at, what)
				}
			default:
				ask(at, what)
			}
		}
	}
	side, what := c.New, tree.Create
	switch c.Kind {
	case tree.Deleted:
		side, what = c.Old, tree.Delete
	case tree.Modified, tree.Moved:
		ask(c.Path, tree.Update)
		return asks
	}
	if s := c.Path.Schema(); s.Kind != yang.KindContainer || s.HasPresence {
		ask(c.Path, what)
	}
	below(c.Path, side.Node, what)
	return asks
}

// inChoice reports whether a node of the path is in a case.
func inChoice(ask string) bool {
	for _, name := range []string{"/vlan", "/acc", "/allowed", "/native", "/s1", "/s2"} {
		if strings.Contains(ask, name) {
			return true
		}
	}
	return false
}

func TestRandomEditsAgainstModel(t *testing.T) {
	s := treetest.All()
	rounds := 80
	if testing.Short() {
		rounds = 40
	}
	done, failed := 0, 0
	for seed := range uint64(rounds) {
		r := random{rand.New(rand.NewPCG(seed, 1))}
		root := tree.New(s.Root)
		m := newModel(s.Root)
		var versions []*tree.Node
		var dumps []string
		for step := range 40 {
			e := r.edit(s.Root, 0, r.IntN(3) == 0)
			next := m.clone()
			wantTag := next.apply(&e)
			var asked []string
			got, err := tree.Apply(root, &e, func(p tree.Path, what tree.Access) error {
				if what != tree.Name && what != tree.See {
					asked = append(asked, fmt.Sprint(what, " ", p))
				}
				return nil
			})
			if tagOf(err) != wantTag {
				t.Fatalf("seed %d step %d: error %v, want tag %q\n%s\n%+v", seed, step, err, wantTag, treetest.Dump(root), e)
			}
			plain, err2 := tree.Apply(root, &e, nil)
			if tagOf(err2) != wantTag || !tree.Equal(plain, got) {
				t.Fatalf("seed %d step %d: with and without guard differ: %v, %v", seed, step, err, err2)
			}
			if err != nil {
				failed++
				continue
			}
			done++
			if want, have := next.String(), treetest.Dump(got); want != have {
				t.Fatalf("seed %d step %d:\nbefore\n%s\ngot\n%s\nwant\n%s\nedit %+v", seed, step, treetest.Dump(root), have, want, e)
			}
			consistent(t, got)
			checkGuard(t, root, got, asked)
			checkDiff(t, root, got)
			versions, dumps = append(versions, root), append(dumps, treetest.Dump(root))
			root, m = got, next
		}
		for i, v := range versions { // no version has changed under later edits
			if treetest.Dump(v) != dumps[i] {
				t.Fatalf("seed %d: version %d has changed", seed, i)
			}
		}
		if len(versions) > 2 {
			checkDiff(t, versions[0], root)
			checkDiff(t, versions[len(versions)-1], versions[1])
			checkDiff(t, root, tree.New(s.Root))
		}
	}
	t.Logf("%d edits done, %d refused", done, failed)
	if done < rounds*5 || failed < rounds {
		t.Fatal("the edits are not what they should be")
	}
}

// checkGuard holds what the guard was asked against the difference: the same,
// but for entries that moved (either of two may be said to have) and for what a
// choice dropped.
func checkGuard(t *testing.T, old, new *tree.Node, asked []string) {
	t.Helper()
	want := map[string]bool{}
	for c := range tree.Diff(old, new) {
		for _, a := range expand(c) {
			want[a] = true
		}
	}
	moved := func(a string) bool {
		return strings.HasPrefix(a, "update ") && (strings.Contains(a, "/ace[") || strings.Contains(a, "/dns["))
	}
	for _, a := range asked {
		if !want[a] && !moved(a) && !inChoice(a) {
			t.Fatalf("the guard was asked to %s, which is no difference:\n%s\n->\n%s", a, treetest.Dump(old), treetest.Dump(new))
		}
		delete(want, a)
	}
	for a := range want {
		if !moved(a) && !(strings.HasPrefix(a, "delete ") && inChoice(a)) {
			t.Fatalf("the guard was not asked to %s:\n%s\n->\n%s", a, treetest.Dump(old), treetest.Dump(new))
		}
	}
}

// checkDiff does the difference again and compares.
func checkDiff(t *testing.T, a, b *tree.Node) {
	t.Helper()
	ed := tree.NewEditor(a)
	n := 0
	for c := range tree.Diff(a, b) {
		n++
		if err := replay(ed, c); err != nil {
			t.Fatalf("%s %s: %v", c.Kind, c.Path, err)
		}
	}
	got := ed.Root()
	if have, want := treetest.Dump(got), treetest.Dump(b); have != want {
		t.Fatalf("the difference done again gives\n%s\nwant\n%s\nfrom\n%s", have, want, treetest.Dump(a))
	}
	if !tree.Equal(got, b) || tree.Equal(a, b) != (n == 0) {
		t.Fatal("Equal and Diff disagree")
	}
	fresh, err := tree.Apply(a, &tree.Edit{Schema: a.Schema(), Op: tree.OpReplace, Tree: b}, nil)
	if err != nil || treetest.Dump(fresh) != treetest.Dump(b) {
		t.Fatalf("replace gives\n%s\nwant\n%s\n%v", treetest.Dump(fresh), treetest.Dump(b), err)
	}
	merged, err := tree.Apply(tree.New(a.Schema()), &tree.Edit{Schema: a.Schema(), Tree: b}, nil)
	if err != nil || treetest.Dump(merged) != treetest.Dump(b) {
		t.Fatalf("merge into nothing: %v", err)
	}
}

// replay does one change again, tolerating what a choice has dropped already.
func replay(ed *tree.Editor, c tree.Change) error {
	err := ed.Replay(c)
	if c.Kind == tree.Deleted && tagOf(err) == mgmterr.DataMissing && inChoice(c.Path.String()) {
		return nil
	}
	return err
}

func TestEditOfTreeIsEditOfItsNodes(t *testing.T) {
	s := treetest.All()
	for seed := range uint64(200) {
		r := random{rand.New(rand.NewPCG(seed, 2))}
		grow := func() *tree.Node {
			root := tree.New(s.Root)
			for range 6 {
				e := r.edit(s.Root, 0, false)
				if n, err := tree.Apply(root, &e, nil); err == nil {
					root = n
				}
			}
			return root
		}
		a, b := grow(), grow()
		for _, op := range []tree.Op{tree.OpMerge, tree.OpReplace, tree.OpCreate, tree.OpNone} {
			whole := &tree.Edit{Schema: s.Root, Op: op, Tree: b}
			apart := &tree.Edit{Schema: s.Root, Op: op, Children: takeApart(whole)}
			x, errX := tree.Apply(a, whole, nil)
			y, errY := tree.Apply(a, apart, nil)
			if tagOf(errX) != tagOf(errY) || treetest.Dump(x) != treetest.Dump(y) {
				t.Fatalf("seed %d %s: %v\n%s\nagainst %v\n%s", seed, op, errX, treetest.Dump(x), errY, treetest.Dump(y))
			}
		}
	}
}

// takeApart splits an edit all the way down.
func takeApart(e *tree.Edit) []tree.Edit {
	all := e.Split()
	for i := range all {
		if all[i].Tree != nil {
			all[i].Children = takeApart(&all[i])
			all[i].Tree = nil
		}
	}
	return all
}

func TestSharing(t *testing.T) {
	s := treetest.Interfaces()
	ifs := s.Root.DataChildren[0]
	list := ifs.DataChildren[0]
	root := interfaces(t, s, 10_000)
	p := tree.Path{{Schema: ifs}, {Schema: list, Key: tree.MakeKey(list, "eth5000"), HasKey: true}, {Schema: list.DataChildren[5]}}
	ed := tree.NewEditor(root)
	if err := ed.Set(p, "9000"); err != nil {
		t.Fatal(err)
	}
	next := ed.Root()
	shared, other := 0, 0
	b := next.Container(ifs).List(list)
	for e := range root.Container(ifs).List(list).All() {
		if b.Get(e.Key()) == e {
			shared++
		} else {
			other++
		}
	}
	if shared != 9999 || other != 1 {
		t.Errorf("%d entries shared, %d not", shared, other)
	}
	// A replace with an equal tree built anew shares everything.
	again := interfaces(t, s, 10_000)
	same, err := tree.Apply(root, &tree.Edit{Schema: s.Root, Op: tree.OpReplace, Tree: again}, nil)
	if err != nil || same != root {
		t.Errorf("a replace that changes nothing is a new tree: %v", err)
	}
	var paths []string
	for c := range tree.Diff(root, next) {
		paths = append(paths, fmt.Sprint(c.Kind, " ", c.Path, " ", c.Old.Value, " ", c.New.Value))
	}
	if want := []string{"modified /ifs:interfaces/interface[name='eth5000']/mtu 1500 9000"}; !slices.Equal(paths, want) {
		t.Errorf("difference %q", paths)
	}
}

func TestGuardRefuses(t *testing.T) {
	s := treetest.All()
	root := load(t, s, "/t:net/interface[name='a']/mtu=1", "/t:net/interface[name='a']/ipv4/address[ip='1']/length=8",
		"/t:net/ace[name='x']", "/t:net/ace[name='y']")
	deny := func(path string, what tree.Access) tree.Guard {
		return func(p tree.Path, w tree.Access) error {
			if p.String() == path && w == what {
				return mgmterr.New(mgmterr.AccessDenied, "", "cannot %s: no", w)
			}
			return nil
		}
	}
	p := func(text string) tree.Path { return parse(t, s, text) }
	for _, c := range []struct {
		path string
		what tree.Access
		do   func(*tree.Editor) error
	}{
		{"/t:net/interface[name='a']/mtu", tree.Update, func(ed *tree.Editor) error { return ed.Set(p("/t:net/interface[name='a']/mtu"), "2") }},
		{"/t:net/interface[name='a']/mtu", tree.Delete, func(ed *tree.Editor) error { return ed.Delete(p("/t:net")) }},
		{"/t:net/interface[name='a']/ipv4/address[ip='1']/length", tree.Delete, func(ed *tree.Editor) error { return ed.Delete(p("/t:net/interface")) }},
		{"/t:net/interface[name='a']/name", tree.Delete, func(ed *tree.Editor) error { return ed.Delete(p("/t:net/interface[name='a']")) }},
		{"/t:net/interface[name='b']/name", tree.Create, func(ed *tree.Editor) error { return ed.Create(p("/t:net/interface[name='b']")) }},
		{"/t:net/interface[name='a']/ipv4", tree.Create, func(ed *tree.Editor) error { return ed.Create(p("/t:net/interface[name='a']/ipv4")) }},
		{"/t:net/ace[name='y']", tree.Update, func(ed *tree.Editor) error {
			return ed.Move(p("/t:net/ace[name='y']"), tree.Insert{Where: tree.First})
		}},
		{"/t:top-leaf", tree.Delete, func(ed *tree.Editor) error { return ed.Delete(p("/t:top-leaf")) }}, // is not there
	} {
		ed := tree.NewEditor(root).WithGuard(deny(c.path, c.what))
		before := treetest.Dump(root)
		err := c.do(ed)
		if tagOf(err) != mgmterr.AccessDenied || mgmterr.Of(err)[0].Path != c.path {
			t.Errorf("%s %s: %v", c.what, c.path, err)
		}
		if treetest.Dump(ed.Root()) != before || treetest.Dump(root) != before {
			t.Errorf("%s %s: refused and done", c.what, c.path)
		}
	}
}

// A key that MakeKey did not make is refused, wherever an edit has it.
func TestMalformedKeys(t *testing.T) {
	s := treetest.All()
	net := s.Root.Child("t", "net")
	ace, pair := net.Child("", "ace"), net.Child("", "pair")
	one := func(e tree.Edit) *tree.Edit {
		return &tree.Edit{Schema: s.Root, Children: []tree.Edit{{Schema: net, Children: []tree.Edit{e}}}}
	}
	root, err := tree.Apply(tree.New(s.Root), one(tree.Edit{Schema: ace, Key: tree.MakeKey(ace, "a")}), nil)
	must(t, err)
	for _, key := range []tree.Key{"", "x", "\x00", "\x00\x05ab", "\x01\x01a", "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x80", "\x00\x01ab", "\x00\x01a\x00\x01a"} {
		at := tree.Insert{Where: tree.Before, Anchor: key}
		_, err := tree.Apply(root, one(tree.Edit{Schema: ace, Key: tree.MakeKey(ace, "b"), Insert: at}), nil)
		var e *mgmterr.Error
		if !errors.As(err, &e) || e.AppTag != "missing-instance" || e.Tag != mgmterr.BadAttribute {
			t.Errorf("anchor %q: %v", key, err)
		}
		if err := tree.NewEditor(root).Move(tree.Path{{Schema: net}, {Schema: ace, Key: tree.MakeKey(ace, "a"), HasKey: true}}, at); err == nil {
			t.Errorf("moved to anchor %q", key)
		}
		for _, list := range []*yang.Node{ace, pair} {
			if _, err := tree.Apply(root, one(tree.Edit{Schema: list, Key: key}), nil); err == nil {
				t.Errorf("entry %q was made", key)
			}
		}
	}
}
