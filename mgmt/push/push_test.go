// SPDX-License-Identifier: Apache-2.0

package push

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

type world struct {
	t      *testing.T
	schema *yang.Schema
	board  *Board
	root   *tree.Node
	view   *nacm.View
}

func newWorld(t *testing.T) *world {
	s := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m; leaf a { type string; } leaf b { type string; }
		container c { list l { key k; leaf k { type string; } leaf v { type string; } }
		list u { key k; ordered-by user; leaf k { type string; } leaf v { type string; } } leaf-list s { type string; } } }`)
	return &world{t, s, NewBoard(), tree.New(s.Root), nacm.Compile(s, tree.New(s.Root)).Recovery()}
}

func (w *world) watch() *Watch {
	return w.board.Watch(func() *tree.Node { return w.root }, func() *nacm.View { return w.view })
}

// edit changes running: "path = value", or "path" to delete it.
func (w *world) edit(lines ...string) {
	w.t.Helper()
	ed := tree.NewEditor(w.root)
	for _, line := range lines {
		path, value, set := strings.Cut(line, " = ")
		p, err := tree.ParsePath(w.schema, path)
		if err == nil && set {
			err = ed.Set(p, value)
		} else if err == nil {
			err = ed.Delete(p)
		}
		if err != nil {
			w.t.Fatal(line, err)
		}
	}
	w.root = ed.Root()
	w.board.Publish(w.root)
}

func everything() Selection {
	return Selection{Key: "all", Select: func(n *tree.Node) (*tree.Node, error) { return n, nil }}
}

// advance looks at what is new.
func (w *world) advance(x *Watch, t *Trail, sel Selection) {
	w.t.Helper()
	steps := x.Steps()
	for _, s := range steps {
		if err := t.Advance(x, s, sel); err != nil {
			w.t.Fatal(err)
		}
	}
	x.Done(steps)
}

func (w *world) begin(x *Watch, sel Selection) *Trail {
	w.t.Helper()
	var t Trail
	steps := x.Steps()
	if err := t.Begin(x, steps[len(steps)-1], sel); err != nil {
		w.t.Fatal(err)
	}
	x.Done(steps)
	return &t
}

func show(d *Delta) string {
	var out []string
	for _, c := range d.Changes() {
		out = append(out, c.Kind.String()+" "+c.Path.String())
	}
	return strings.Join(out, ", ")
}

// TestTrail: each node once, with what it is; what came back with what was done last.
func TestTrail(t *testing.T) {
	for _, c := range []struct {
		name, want string
		edits      []string
	}{
		{"one", "modified /m:a", []string{"/m:a = 2"}},
		{"twice", "modified /m:a", []string{"/m:a = 2", "/m:a = 3"}},
		{"there and back", "modified /m:a", []string{"/m:a = 2", "/m:a = 1"}},
		{"came and went", "deleted /m:b", []string{"/m:b = 2", "/m:b"}},
		{"went and came", "created /m:a", []string{"/m:a", "/m:a = 1"}},
		{"inside what is new", "created /m:c", []string{"/m:c/l[k='1'] = ", "/m:c/l[k='1']/v = x", "/m:c/l[k='2'] = ", "/m:c/l[k='2']"}},
		{"beside it", "created /m:b, modified /m:a", []string{"/m:b = 1", "/m:a = 2", "/m:a = 1"}},
	} {
		w := newWorld(t)
		w.edit("/m:a = 1")
		x := w.watch()
		trail := w.begin(x, everything())
		for _, e := range c.edits {
			w.edit(e)
		}
		w.advance(x, trail, everything())
		if got := show(trail.Take(x)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if trail.Behind() || trail.Take(x) == nil {
			t.Error("it is never told")
		}
		x.Close()
	}
}

// TestShared: who has the same rights and the same filter is given the same difference,
// and who sees nothing of a change is not asked to look.
func TestShared(t *testing.T) {
	w := newWorld(t)
	w.edit("/m:a = 1")
	looked := 0
	sel := Selection{Key: "a", Tops: []*yang.Node{w.schema.Root.Child("m", "a")}, Select: func(n *tree.Node) (*tree.Node, error) {
		looked++
		return n, nil
	}}
	x, y := w.watch(), w.watch()
	tx, ty := w.begin(x, sel), w.begin(y, sel)
	w.edit("/m:a = 2")
	w.advance(x, tx, sel)
	w.advance(y, ty, sel)
	if dx, dy := tx.Take(x), ty.Take(y); dx != dy || show(dx) != "modified /m:a" {
		t.Error(show(dx), show(dy))
	}
	if looked != 2 { // at the first version and at the second
		t.Errorf("the filter ran %d times", looked)
	}
	w.edit("/m:b = 2")
	w.advance(x, tx, sel)
	if tx.Behind() || looked != 2 {
		t.Error("a change elsewhere is looked at")
	}
	x.Close()
	y.Close()
	if len(w.board.steps) != 0 {
		t.Errorf("%d versions are kept for nobody", len(w.board.steps))
	}
	w.edit("/m:a = 3")
	if len(w.board.steps) != 0 {
		t.Error("what nobody watches is kept")
	}
}

// TestBoardBounds: a watcher that does not look costs a few versions, and is told the
// net of what he missed.
func TestBoardBounds(t *testing.T) {
	w := newWorld(t)
	x, idle := w.watch(), w.watch()
	trail := w.begin(x, everything())
	for i := range 10 * keepSteps {
		w.edit(fmt.Sprintf("/m:c/l[k='%d'] = ", i), fmt.Sprintf("/m:a = %d", i))
	}
	if n := len(w.board.steps); n > keepSteps {
		t.Errorf("%d versions are kept", n)
	}
	w.advance(x, trail, everything())
	if got := trail.Take(x); len(got.Changes()) != 2 {
		t.Error(show(got))
	}
	select {
	case <-x.C:
	case <-time.After(20 * time.Second):
		t.Error("nobody is woken")
	}
	idle.Close()
	x.Close()
}

// TestChurnBounds: what is remembered of changes is bounded, and the ends stay right.
func TestChurnBounds(t *testing.T) {
	w := newWorld(t)
	w.edit("/m:a = 0")
	x := w.watch()
	defer x.Close()
	trail := w.begin(x, everything())
	for i := range maxChurn + 10 {
		w.edit(fmt.Sprintf("/m:a = %d", i+1))
		w.advance(x, trail, everything())
	}
	if len(trail.since) > maxChurn+1 {
		t.Errorf("%d differences are kept", len(trail.since))
	}
	if got := show(trail.Take(x)); got != "modified /m:a" {
		t.Error(got)
	}
}

// TestReplayed: whoever does what he is told has what is selected, whatever was done and
// however often he looked.
func TestReplayed(t *testing.T) {
	w := newWorld(t)
	x := w.watch()
	defer x.Close()
	r := rand.New(rand.NewPCG(1, 2))
	trail := w.begin(x, everything())
	his := tree.NewEditor(trail.Root())
	paths := []string{"/m:a", "/m:b"}
	for i := range 4 {
		paths = append(paths, fmt.Sprintf("/m:c/l[k='%d']", i), fmt.Sprintf("/m:c/l[k='%d']/v", i), fmt.Sprintf("/m:c/s[.='%d']", i),
			fmt.Sprintf("/m:c/u[k='%d']", i), fmt.Sprintf("/m:c/u[k='%d']/v", i))
	}
	for round := range 3000 {
		p, err := tree.ParsePath(w.schema, paths[r.IntN(len(paths))])
		if err != nil {
			t.Fatal(err)
		}
		ed := tree.NewEditor(w.root)
		if _, there := w.root.Find(p); there && r.IntN(2) == 0 {
			err = ed.Delete(p)
		} else if last := p[len(p)-1]; last.Schema.Kind == yang.KindList {
			if _, there := w.root.Find(p); !there {
				err = ed.Create(p)
			}
			if err == nil && last.Schema.Name == "u" {
				err = ed.Move(p, tree.Insert{Where: tree.First})
			}
		} else if last.Schema.Kind == yang.KindLeafList {
			err = ed.Set(p, last.Value)
		} else {
			err = ed.Set(p, fmt.Sprint(r.IntN(3)))
		}
		if err != nil {
			t.Fatal(p, err)
		}
		w.root = ed.Root()
		w.board.Publish(w.root)
		if r.IntN(3) > 0 {
			continue
		}
		w.advance(x, trail, everything())
		if r.IntN(2) > 0 {
			continue
		}
		for _, c := range trail.Take(x).Changes() {
			if _, there := his.Root().Find(c.Path); c.Kind == tree.Deleted && !there {
				continue // RFC 8641, 3.3: a deletion of what is not there shows that it was
			}
			if err := his.Replay(c); err != nil {
				t.Fatalf("round %d: %s %s: %v", round, c.Kind, c.Path, err)
			}
		}
		if !tree.Equal(his.Root(), w.root) {
			t.Fatalf("round %d: he has something else", round)
		}
	}
}
