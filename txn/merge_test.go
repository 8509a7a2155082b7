// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

// place is "-path" to delete, "path=value" to set, or "path@first" and
// "path@after:key" to put an entry of a user-ordered list there.
func (w world) done(root *tree.Node, steps ...string) *tree.Node {
	w.t.Helper()
	ed := tree.NewEditor(root)
	for _, s := range steps {
		var err error
		text, at, placed := strings.Cut(s, "@")
		switch {
		case placed:
			p := w.path(text)
			in := tree.Insert{Where: tree.First}
			if key, ok := strings.CutPrefix(at, "after:"); ok {
				in = tree.Insert{Where: tree.After, Anchor: tree.MakeKey(p.Schema(), key)}
				if p.Schema().Kind == yang.KindLeafList {
					in.Anchor = tree.Key(key)
				}
			}
			if err = ed.Set(p, ""); err == nil {
				err = ed.Move(p, in)
			}
		case s[0] == '-':
			err = ed.Delete(w.path(s[1:]))
		default:
			i := strings.LastIndexByte(s, '=')
			if i <= strings.LastIndexByte(s, ']') {
				err = ed.Set(w.path(s), "")
			} else {
				err = ed.Set(w.path(s[:i]), s[i+1:])
			}
		}
		if err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
	return ed.Root()
}

// TestMergeShapes: what the shape of the data asks of a merge. want is what is
// done to theirs, or nil for a conflict.
func TestMergeShapes(t *testing.T) {
	w := world{t, treetest.All()}
	const net, i = "/t:net", "/t:net/interface[name='i']"
	ace := func(name, at string) string { return net + "/ace[name='" + name + "']" + at }
	aces := []string{ace("a", ""), ace("b", ""), ace("c", "")}
	for _, c := range []struct {
		name               string
		base, mine, theirs []string
		want               []string
	}{
		{"a place is kept", aces, []string{ace("x", "@first")}, []string{ace("b", "/action=deny")}, []string{ace("x", "@first")}},
		{"a place behind another", aces, []string{ace("x", "@after:a")}, []string{ace("y", "")}, []string{ace("x", "@after:a")}},
		{"behind one that has moved", aces, []string{ace("x", "@after:a")}, []string{ace("a", "@after:c")}, []string{ace("x", "@after:a")}},
		{"behind one that is gone", aces, []string{ace("x", "@after:a")}, []string{"-" + ace("a", "")}, nil},
		{"both at the front", aces, []string{ace("x", "@first")}, []string{ace("y", "@first")}, []string{ace("x", "@first")}},
		{"both moved the same", aces, []string{ace("c", "@first")}, []string{ace("c", "@after:a")}, nil},
		{"moved, and behind it a new one", aces, []string{ace("c", "@first"), ace("x", "@after:c")}, []string{ace("y", "")},
			[]string{ace("c", "@first"), ace("x", "@after:c")}},
		{"leaf-list of the user", []string{i + "/dns[.='a']", i + "/dns[.='b']"}, []string{i + "/dns[.='x']@after:a"}, []string{i + "/dns[.='y']"},
			[]string{i + "/dns[.='x']@after:a"}},
		{"two entries of a leaf-list", []string{i}, []string{i + "/tag[.='x']"}, []string{i + "/tag[.='y']"}, []string{i + "/tag[.='x']"}},
		{"two cases", []string{i}, []string{i + "/vlan=1"}, []string{i + "/native=2"}, nil},
		{"two inner cases", []string{i + "/native=1"}, []string{i + "/s1=x"}, []string{i + "/s2=x"}, nil},
		{"the case of a container", []string{i}, []string{i + "/acc/x=1"}, []string{i + "/native=2"}, nil},
		{"the same case", []string{i}, []string{i + "/vlan=1"}, []string{i + "/acc/x=1"}, []string{i + "/vlan=1"}},
		{"the same case in two entries", []string{i, net + "/interface[name='j']"}, []string{i + "/vlan=1"}, []string{net + "/interface[name='j']/native=2"}, []string{i + "/vlan=1"}},
		{"another case while one leaf of the first goes", []string{i + "/vlan=1", i + "/acc/x=1"}, []string{i + "/native=1"}, []string{"-" + i + "/vlan"}, nil},
		{"presence made twice", nil, []string{"/aug:bare"}, []string{"/aug:bare"}, nil},
		{"in presence that is gone", []string{i + "/ipv4"}, []string{i + "/ipv4/forwarding=true"}, []string{"-" + i + "/ipv4"}, nil},
		{"gone with what came into it", []string{i + "/ipv4"}, []string{"-" + i + "/ipv4"}, []string{i + "/ipv4/forwarding=true"}, nil},
		{"without presence, emptied and filled", []string{i + "/opts/a=1"}, []string{"-" + i + "/opts"}, []string{i + "/opts/b="}, []string{"-" + i + "/opts/a"}},
		{"without presence, both emptied", []string{i + "/opts/a=1", i + "/opts/b="}, []string{"-" + i + "/opts/a"}, []string{"-" + i + "/opts/b"}, []string{"-" + i + "/opts/a"}},
		{"without presence, deleted whole by both", []string{i + "/opts/a=1"}, []string{"-" + i + "/opts"}, []string{"-" + i + "/opts"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := world{t, w.s}
			base := w.done(tree.New(w.s.Root), c.base...)
			theirs := w.done(base, c.theirs...)
			got, err := merge(base, w.done(base, c.mine...), theirs)
			if c.want == nil {
				l := mgmterr.Of(err)
				if len(l) != 1 || l[0].Tag != mgmterr.InUse || l[0].AppTag != "conflict" || l[0].Path == "" {
					t.Errorf("want a conflict, not %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := w.done(theirs, c.want...); !tree.Equal(got, want) {
				for d := range tree.Diff(want, got) {
					t.Errorf("%s: %s %+v", d.Path, d.Kind, d.Insert)
				}
			}
		})
	}
}

// TestMergeRandom: two sides do different parts of one random difference. The
// merge has every change of both and no other; where they touched nothing of each
// other it does not refuse.
func TestMergeRandom(t *testing.T) {
	s := treetest.All()
	merged, refused := 0, 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 7))
		base, other := treetest.Random(r, s), treetest.Random(r, s)
		mineEd, theirsEd := tree.NewEditor(base), tree.NewEditor(base)
		for c := range tree.Diff(base, other) {
			switch r.IntN(6) {
			case 0:
				_ = mineEd.Replay(c) // an entry to be put behind one of the other side's is left out
			case 1:
				_ = theirsEd.Replay(c)
			}
		}
		mine, theirs := mineEd.Root(), theirsEd.Root()
		byMine, byTheirs := paths(base, mine), paths(base, theirs)
		got, err := merge(base, mine, theirs)
		if err != nil {
			var e *mgmterr.Error
			if !errors.As(err, &e) || e.AppTag != "conflict" {
				t.Fatalf("seed %d: %v", seed, err)
			}
			refused++
			if !overlap(byMine, byTheirs) && !strings.Contains(e.Path, "ace") && !strings.Contains(e.Path, "dns") {
				t.Fatalf("seed %d: a conflict at %s; mine %v, theirs %v", seed, e.Path, byMine, byTheirs)
			}
			continue
		}
		merged++
		for side, n := range map[*tree.Node][]tree.Path{mine: byMine, theirs: byTheirs} {
			for _, p := range n {
				if x, y := find(side, p), find(got, p); !same(x, y) {
					t.Fatalf("seed %d: %s is lost", seed, p)
				}
			}
		}
		for _, p := range paths(base, got) {
			is := func(q tree.Path) bool { return q.String() == p.String() }
			if !slices.ContainsFunc(byMine, is) && !slices.ContainsFunc(byTheirs, is) {
				t.Fatalf("seed %d: %s is invented", seed, p)
			}
		}
	}
	if merged < 500 || refused < 20 {
		t.Errorf("%d merges and %d conflicts: the test tests little", merged, refused)
	}
}

// paths are the nodes that differ, less those that moved only.
func paths(a, b *tree.Node) (all []tree.Path) {
	for c := range changes(a, b) {
		if c.Kind != tree.Moved {
			all = append(all, c.Path.Clone())
		}
	}
	return all
}

func find(n *tree.Node, p tree.Path) *tree.Child {
	c, ok := n.Find(p)
	if !ok {
		return nil
	}
	return &c
}

func same(a, b *tree.Child) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Node != nil {
		return tree.Equal(a.Node, b.Node)
	}
	return a.Value == b.Value
}

// overlap reports whether one side touched a node, or chose a case, that the other
// touched, or left out of, as well.
func overlap(a, b []tree.Path) bool {
	parents := func(ps []tree.Path) map[string]bool { // of nodes in choices
		m := make(map[string]bool)
		for _, p := range ps {
			for i, st := range p {
				if st.Schema.Parent != st.Schema.DataParent {
					m[p[:i].String()] = true
				}
			}
		}
		return m
	}
	x, y := parents(a), parents(b)
	for p := range x {
		if y[p] {
			return true
		}
	}
	for _, p := range a {
		for _, q := range b {
			n := min(len(p), len(q))
			if p[:n].String() == q[:n].String() {
				return true
			}
		}
	}
	return false
}

// TestAuthorize: what may be done has changed since the transaction began.
func TestAuthorize(t *testing.T) {
	w := world{t, flat()}
	deny := func(p tree.Path, what tree.Access) error {
		if p.String() == "/m:other" {
			return mgmterr.New(mgmterr.AccessDenied, "", "cannot %s", what)
		}
		return nil
	}
	base := w.with(tree.New(w.s.Root), "/m:other=1")
	x := New(base, nil)
	w.edit(x, "/m:c/l[name='a']/value=1")
	if err := x.Authorize(deny); err != nil {
		t.Fatal(err)
	}
	if err := w.edit(x, "/m:other=2"); err == nil {
		t.Error("the new guard is not asked")
	}
	x = New(base, nil)
	w.edit(x, "-/m:other")
	if err := x.Authorize(deny); err == nil || mgmterr.Of(err)[0].Path != "/m:other" {
		t.Errorf("what was done before is not asked about: %v", err)
	}
}

// TestBackAgain: what was changed and changed back is nothing to commit.
func TestBackAgain(t *testing.T) {
	w := world{t, flat()}
	x := New(w.with(tree.New(w.s.Root), "/m:other=1"), nil)
	w.edit(x, "/m:other=2", "/m:other=1", "/m:c/l[name='a']", "-/m:c/l[name='a']")
	if x.Dirty() {
		t.Error("it is held to have changed something")
	}
}
