// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace urn:m; prefix m;
  container top {
    list l { key name; ordered-by user; leaf name { type string; } leaf v { type uint8; } }
    leaf-list tag { type string; }
  }
  leaf other { type string; }
}`

var now = time.Unix(1, 0)

func owner(id uint32) Owner { return Owner{id, fmt.Sprintf("user%d", id)} }

func paths(t testing.TB, s *yang.Schema, texts ...string) (all []tree.Path) {
	t.Helper()
	for _, text := range texts {
		p, err := tree.ParsePath(s, text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func wants(t *testing.T, err error, tag mgmterr.Tag, session string) {
	t.Helper()
	l := mgmterr.Of(err)
	if len(l) == 0 || l[0].Tag != tag {
		t.Fatalf("got %v, want %s", err, tag)
	}
	for _, i := range l[0].Info {
		if i.Name == "session-id" && i.Value != session {
			t.Errorf("it is said to be session %s, want %s: %v", i.Value, session, err)
		}
	}
}

func TestGlobal(t *testing.T) {
	var x Table
	if err := x.Lock("running", owner(1), now); err != nil {
		t.Fatal(err)
	}
	wants(t, x.Lock("running", owner(1), now), mgmterr.LockDenied, "1")
	wants(t, x.Lock("running", owner(2), now), mgmterr.LockDenied, "1")
	wants(t, x.MayWrite("running", 2), mgmterr.InUse, "1")
	wants(t, x.Unlock("running", 2), mgmterr.OperationFailed, "")
	if x.MayWrite("running", 1) != nil || x.MayWrite("candidate", 2) != nil || x.Lock("candidate", owner(2), now) != nil {
		t.Error("a lock is of one datastore and of one session")
	}
	if got := fmt.Sprint(x.Release(1), x.Of(1), x.Of(2)); got != "[running] [] [candidate]" {
		t.Error(got)
	}
	if err := x.Lock("running", owner(2), now); err != nil {
		t.Error(err)
	}
}

func TestParts(t *testing.T) {
	s := yangtest.Schema(t, model)
	entry := func(name string) string { return "/m:top/l[name='" + name + "']" }
	change := func(root *tree.Node, sets ...string) *tree.Node {
		t.Helper()
		ed := tree.NewEditor(root)
		for _, set := range sets {
			text, value, _ := strings.Cut(strings.TrimPrefix(set, "-"), "#")
			p := paths(t, s, text)[0]
			var err error
			switch {
			case set[0] == '-':
				err = ed.Delete(p)
			case value == "first":
				err = ed.Move(p, tree.Insert{Where: tree.First})
			default:
				err = ed.Set(p, value)
			}
			if err != nil {
				t.Fatal(set, err)
			}
		}
		return ed.Root()
	}
	base := change(tree.New(s.Root), entry("a")+"/v#1", entry("b")+"/v#1", "/m:top/tag[.='x']#x", "/m:other#1")
	for _, c := range []struct {
		locked, change, at string // at: path of the error, "" for none
	}{
		{entry("a"), entry("a") + "/v#2", entry("a") + "/v"},
		{entry("a"), entry("b") + "/v#2", ""},
		{entry("a"), entry("c") + "/v#2", ""},
		{entry("a"), "-" + entry("a"), entry("a")},
		{entry("a"), "-/m:top", "/m:top"},
		{entry("a") + "/v", "-" + entry("a"), entry("a")},
		{entry("a") + "/v", entry("a") + "#first", ""},
		{entry("b"), entry("b") + "#first", entry("b")},
		{entry("b"), entry("a") + "/v#4", ""},
		{"/m:top", entry("c") + "/v#2", entry("c")},
		{"/m:top/tag[.='x']", "-/m:top/tag[.='x']", "/m:top/tag[.='x']"},
		{"/m:top/tag[.='x']", "/m:top/tag[.='y']#y", ""},
		{"/m:other", "/m:other#2", "/m:other"},
		{"/m:other", "-/m:top", ""},
	} {
		var x Parts
		if _, err := x.Lock(owner(1), nil, paths(t, s, c.locked), now); err != nil {
			t.Fatal(err)
		}
		after := change(base, c.change)
		if err := x.MayChange(1, base, after); err != nil {
			t.Errorf("%s: the owner is refused %s: %v", c.locked, c.change, err)
		}
		err := x.MayChange(2, base, after)
		if c.at == "" {
			if err != nil {
				t.Errorf("%s: %s is refused: %v", c.locked, c.change, err)
			}
			continue
		}
		wants(t, err, mgmterr.InUse, "1")
		if l := mgmterr.Of(err); l[0].Path != c.at || l[0].AppTag != "locked" || l[0].Info == nil {
			t.Errorf("%s: %s is told as %+v", c.locked, c.change, l[0])
		}
		x.Release(1)
		if err := x.MayChange(2, base, after); err != nil {
			t.Errorf("it is locked still: %v", err)
		}
	}
	// What is locked and gone, and comes back in something, is locked.
	var x Parts
	x.Lock(owner(1), nil, paths(t, s, entry("a")), now)
	gone := change(base, "-/m:top")
	wants(t, x.MayChange(2, gone, change(gone, entry("a")+"/v#1")), mgmterr.InUse, "1")
	if err := x.MayChange(2, gone, change(gone, entry("c")+"/v#1")); err != nil {
		t.Error(err)
	}
}

func TestPartOwners(t *testing.T) {
	s := yangtest.Schema(t, model)
	var x Parts
	lock := func(id uint32, texts ...string) (uint32, error) {
		return x.Lock(owner(id), texts, paths(t, s, texts...), now)
	}
	one, err := lock(1, "/m:top/l[name='a']")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"/m:top/l[name='a']", "/m:top", "/m:top/l[name='a']/v"} {
		_, err = lock(2, "/m:other", in)
		wants(t, err, mgmterr.LockDenied, "1")
	}
	if _, err = lock(2, "/m:other", "/m:top/l[name='b']"); err != nil {
		t.Errorf("a refused lock has left something, or too much is locked: %v", err)
	}
	two, err := lock(1, "/m:top/l[name='a']", "/m:top/l[name='a']/v") // overlaps its own
	if err != nil {
		t.Fatal(err)
	}
	wants(t, x.None("running"), mgmterr.LockDenied, "1")
	wants(t, x.Unlock(2, one), mgmterr.InvalidValue, "")
	if err := x.Unlock(1, one); err != nil {
		t.Error(err)
	}
	wants(t, x.Unlock(1, one), mgmterr.InvalidValue, "")
	_, err = lock(2, "/m:top/l[name='a']") // is in the other one
	wants(t, err, mgmterr.LockDenied, "1")
	if err := x.Unlock(1, two); err != nil {
		t.Error(err)
	}
	x.Release(2)
	if x.None("running") != nil || len(x.top.kids) != 0 || x.nodes != 0 {
		t.Errorf("something is left: %+v", x.All())
	}
	_, err = x.Lock(owner(1), nil, make([]tree.Path, maxNodes+1), now)
	wants(t, err, mgmterr.ResourceDenied, "")
}

// TestPartsRandom: what is refused is what a naive look at every path says.
func TestPartsRandom(t *testing.T) {
	s := treetest.All()
	refused := 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		before, after := treetest.Random(r, s), treetest.Random(r, s)
		var x Parts
		var held []tree.Path
		for c := range tree.Diff(tree.New(s.Root), before) {
			if r.IntN(4) == 0 && len(held) < 3 {
				held = append(held, deeper(r, c))
			}
		}
		if _, err := x.Lock(owner(1), nil, held, now); err != nil {
			t.Fatal(err)
		}
		want := false
		for c := range tree.Diff(before, after) {
			for _, h := range held {
				n := min(len(h), len(c.Path))
				if h[:n].String() != c.Path[:n].String() || c.Kind == tree.Moved && len(h) > n {
					continue
				}
				_, was := before.Find(h)
				_, is := after.Find(h)
				want = want || len(h) <= n || was || is
			}
		}
		if err := x.MayChange(2, before, after); (err != nil) != want {
			t.Fatalf("seed %d: %v, want refused %v", seed, err, want)
		} else if want {
			refused++
		}
	}
	if refused < 50 || refused > 480 {
		t.Errorf("%d of 500 refused: the test tests little", refused)
	}
}

// deeper is the path of a change, or of something in it.
func deeper(r *rand.Rand, c tree.Change) tree.Path {
	p := c.Path.Clone()
	if c.New.Node == nil || r.IntN(2) == 0 {
		return p
	}
	for k := range c.New.Node.Children() {
		if k.Node != nil || k.Value != "" {
			p = append(p[:len(c.Path):len(c.Path)], tree.Step{Schema: k.Schema})
		}
		if r.IntN(3) == 0 {
			break
		}
	}
	return p
}
