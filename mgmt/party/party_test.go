// SPDX-License-Identifier: Apache-2.0

package party

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace urn:m; prefix m;
  container top {
    list l { key name; leaf name { type string; } leaf v { type uint8; } container in { leaf x { type string; } leaf y { type string; } } }
    choice c { case one { leaf a { type string; } } case two { container b { leaf z { type string; } } } }
  }
  leaf other { type string; }
}`

// world has a party and notes what happens in it.
type world struct {
	t      testing.TB
	schema *yang.Schema
	party  *Party
	mu     sync.Mutex
	log    []string
	out    []Expulsion
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, schema: yangtest.Schema(t, model)}
	w.party = New(func(e Expulsion) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.out = append(w.out, e)
	})
	return w
}

func (w *world) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, text)
}

// took is what was noted since the last time.
func (w *world) took() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.log = nil }()
	return strings.Join(w.log, ", ")
}

func (w *world) expelled() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.out {
		names = append(names, e.Name+" "+e.Phase)
	}
	return names
}

// fake notes what it is told; a hook may block, panic or refuse.
type fake struct {
	w                      *world
	name                   string
	prepare, commit, abort func(context.Context) error
}

func (f *fake) Prepare(ctx context.Context, _, _ *tree.Node) (txn.Ticket, error) {
	f.w.note(f.name + " prepare")
	if f.prepare != nil {
		if err := f.prepare(ctx); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *fake) end(what string, do func(context.Context) error) {
	f.w.note(f.name + " " + what)
	if do != nil {
		do(context.Background())
	}
}
func (f *fake) Commit() { f.end("commit", f.commit) }
func (f *fake) Abort()  { f.end("abort", f.abort) }

func (w *world) join(name string, prio int, f *fake, paths ...string) (leave func()) {
	f.w, f.name = w, name
	m := Member{Name: name, Priority: prio, Deadline: time.Second, Participant: f}
	for _, p := range paths {
		m.Paths = append(m.Paths, w.node(p))
	}
	return w.party.Join(m)
}

// node is a schema node by its names: "top/l/v".
func (w *world) node(path string) *yang.Node {
	n := w.schema.Root
	for name := range strings.SplitSeq(path, "/") {
		i := slices.IndexFunc(n.Children, func(c *yang.Node) bool { return c.Name == name })
		if i < 0 {
			w.t.Fatalf("there is no %s", path)
		}
		n = n.Children[i]
	}
	return n
}

func (w *world) with(root *tree.Node, sets ...string) *tree.Node {
	w.t.Helper()
	ed := tree.NewEditor(root)
	for _, s := range sets {
		text, value, _ := strings.Cut(s, "#")
		p, err := tree.ParsePath(w.schema, strings.TrimPrefix(text, "-"))
		if err == nil {
			if strings.HasPrefix(text, "-") {
				err = ed.Delete(p)
			} else {
				err = ed.Set(p, value)
			}
		}
		if err != nil {
			w.t.Fatal(s, err)
		}
	}
	return ed.Root()
}

// change asks the party about a change of one leaf.
func (w *world) change() (txn.Ticket, error) {
	before := tree.New(w.schema.Root)
	return w.party.Prepare(w.t.Context(), before, w.with(before, "/m:other#1"))
}

func refuse(text string) func(context.Context) error {
	return func(context.Context) error { return errors.New(text) }
}

// TestOrder: lower priorities first; an abort the other way round; after a refusal
// nobody else is asked.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.join("c", 30, &fake{})
	w.join("a", 10, &fake{})
	leave := w.join("b", 20, &fake{})
	k, err := w.change()
	if err != nil {
		t.Fatal(err)
	}
	k.Commit()
	if got := w.took(); got != "a prepare, b prepare, c prepare, a commit, b commit, c commit" {
		t.Error(got)
	}
	if k, err = w.change(); err != nil {
		t.Fatal(err)
	}
	k.Abort()
	if got := w.took(); got != "a prepare, b prepare, c prepare, c abort, b abort, a abort" {
		t.Error(got)
	}
	leave()
	leave()
	leave = w.join("b", 20, &fake{prepare: refuse("the port is gone")})
	_, err = w.change()
	if l := mgmterr.Of(err); len(l) != 1 || l[0].Message != "cannot commit: b refused: the port is gone" {
		t.Errorf("told as %v", err)
	}
	if got := w.took(); got != "a prepare, b prepare, a abort" {
		t.Error(got)
	}
	leave()
	if got := w.party.Names(); fmt.Sprint(got) != "[a c]" {
		t.Error(got)
	}
	if out := w.expelled(); out != nil {
		t.Errorf("%v were expelled", out)
	}
}

// TestReasons: all that those of one priority refuse is told, as they have said it.
func TestReasons(t *testing.T) {
	w := newWorld(t)
	w.join("x", 1, &fake{prepare: func(context.Context) error {
		return mgmterr.List{mgmterr.New(mgmterr.DataMissing, "/m:top", "cannot do without a").WithAppTag("no-a"),
			mgmterr.New(mgmterr.InvalidValue, "/m:other", "cannot take this")}
	}})
	w.join("y", 1, &fake{prepare: refuse("no")})
	w.join("z", 2, &fake{})
	_, err := w.change()
	var got []string
	for _, e := range mgmterr.Of(err) {
		got = append(got, fmt.Sprintf("%s %s %s: %s", e.Tag, e.AppTag, e.Path, e.Message))
	}
	want := `data-missing no-a /m:top: cannot do without a (refused by x)
invalid-value  /m:other: cannot take this (refused by x)
operation-failed  : cannot commit: y refused: no`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if strings.Contains(w.took(), "z") {
		t.Error("who comes later was asked")
	}
}

// TestFailures: whoever blocks for ever, panics or leaves, in each phase, is named and
// waited for no longer than its deadline; all others are told how it ended.
func TestFailures(t *testing.T) {
	blocks := func(ctx context.Context) error { select {} }
	obeys := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	panics := func(context.Context) error { panic("bug") }
	for _, c := range []struct {
		name    string
		bad     fake
		abort   bool // the last one refuses
		waits   time.Duration
		err     string // in the error; "" if it commits
		out     string
		blocked int // goroutines that are left behind, blocked
	}{
		{"blocks in prepare", fake{prepare: blocks}, false, time.Second, "bad did not answer within 1s", "bad prepare", 1},
		{"obeys the deadline of prepare", fake{prepare: obeys}, false, time.Second, "bad did not answer within 1s", "bad prepare", 0},
		{"panics in prepare", fake{prepare: panics}, false, 0, "bad has failed", "bad prepare", 0},
		{"blocks in commit", fake{commit: blocks}, false, time.Second, "", "bad commit", 1},
		{"panics in commit", fake{commit: panics}, false, 0, "", "bad commit", 0},
		{"blocks in abort", fake{abort: blocks}, true, time.Second, "last refused", "bad abort", 1},
		{"panics in abort", fake{abort: panics}, true, 0, "last refused", "bad abort", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			// In a bubble only waiting takes time.
			defer func() {
				if r := recover(); r != nil && (c.blocked == 0 || !strings.Contains(fmt.Sprint(r), "blocked goroutines")) {
					panic(r)
				}
			}()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.join("first", 1, &fake{})
				w.join("bad", 2, &c.bad)
				last := &fake{}
				if c.abort {
					last.prepare = refuse("no")
				}
				w.join("last", 3, last)
				begin := time.Now()
				k, err := w.change()
				if err == nil {
					k.Commit()
				}
				if d := time.Since(begin); d != c.waits {
					t.Errorf("it took %v, want %v", d, c.waits)
				}
				if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				if got := strings.Join(w.expelled(), ","); got != c.out {
					t.Errorf("%s was expelled, want %s", got, c.out)
				}
				log := w.took()
				if end := map[bool]string{true: "commit", false: "abort"}[c.err == ""]; !strings.Contains(log, "first "+end) {
					t.Errorf("the first does not know of the %s: %s", end, log)
				}
				// The next time it is not there.
				begin = time.Now()
				if k, err = w.change(); err == nil {
					k.Commit()
				} else if !c.abort {
					t.Error(err)
				}
				if log := w.took(); strings.Contains(log, "bad") || time.Since(begin) != 0 {
					t.Errorf("one that was expelled is asked again: %s", log)
				}
			})
		})
	}
}

// TestLate: a ticket that comes too late is told of the abort.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.join("slow", 1, &fake{prepare: func(context.Context) error { time.Sleep(5 * time.Second); return nil }})
		if _, err := w.change(); err == nil {
			t.Fatal("nobody minds")
		}
		time.Sleep(10 * time.Second)
		if got := w.took(); got != "slow prepare, slow abort" {
			t.Error(got)
		}
	})
}

// TestLeaves: one that leaves while it is asked has refused; one that has agreed is told
// how it ended.
func TestLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var leave func()
		leave = w.join("a", 1, &fake{prepare: func(ctx context.Context) error { go leave(); <-ctx.Done(); return ctx.Err() }})
		begin := time.Now()
		if _, err := w.change(); err == nil || !strings.Contains(err.Error(), "a left while it was asked") || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		synctest.Wait()
		leave = w.join("b", 1, &fake{commit: func(context.Context) error { time.Sleep(10 * time.Second); return nil }})
		k, err := w.change()
		if err != nil {
			t.Fatal(err)
		}
		leave()
		w.took()
		begin = time.Now()
		k.Commit()
		if d := time.Since(begin); d != 0 {
			t.Errorf("one that has left is waited for: %v", d)
		}
		time.Sleep(time.Minute)
		if got := w.took(); got != "b commit" {
			t.Error(got)
		}
		if out := w.expelled(); out != nil {
			t.Errorf("who leaves is not expelled: %v", out)
		}
	})
}

// TestCommitterEnds: a request that ends expels nobody.
func TestCommitterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.join("a", 1, &fake{prepare: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		root := tree.New(w.schema.Root)
		if _, err := w.party.Prepare(ctx, root, w.with(root, "/m:other#1")); err == nil {
			t.Error("it goes on")
		}
		if out := w.expelled(); out != nil {
			t.Errorf("%v", out)
		}
		synctest.Wait()
		if got := fmt.Sprint(w.party.Names()); got != "[a]" {
			t.Error(got)
		}
	})
}

// TestTell: nobody may refuse what is decided already.
func TestTell(t *testing.T) {
	w := newWorld(t)
	w.join("a", 1, &fake{prepare: refuse("no")})
	w.join("b", 2, &fake{})
	var refused []string
	root := tree.New(w.schema.Root)
	k := w.party.Tell(t.Context(), root, w.with(root, "/m:other#1"), func(name string, err error) { refused = append(refused, name) })
	k.Commit()
	if got := w.took(); got != "a prepare, b prepare, b commit" || fmt.Sprint(refused) != "[a]" {
		t.Error(got, refused)
	}
}

// TestPaths: who named paths is asked if something at or below one changes.
func TestPaths(t *testing.T) {
	base := []string{"/m:top/l[name='1']/v#1", "/m:top/l[name='1']/in/x#1", "/m:top/a#1", "/m:other#1"}
	for _, c := range []struct {
		path, change string
		want         bool
	}{
		{"top", "/m:top/l[name='1']/v#2", true},
		{"top", "/m:other#2", false},
		{"top/l", "/m:top/a#2", false},
		{"top/l", "-/m:top/l[name='1']", true},
		{"top/l/v", "/m:top/l[name='1']/v#2", true},
		{"top/l/v", "/m:top/l[name='1']/in/x#2", false},
		{"top/l/v", "/m:top/l[name='2']/v#2", true},
		{"top/l/v", "/m:top/l[name='2']/in/x#2", false},
		{"top/l/in/x", "-/m:top", true},
		{"top/l/in/y", "-/m:top", false},
		{"top/l/in/y", "/m:top/l[name='2']/in/y#1", true},
		{"top/l/in", "/m:top/l[name='1']/in/y#1", true},
		{"top/c", "/m:top/a#2", true},
		{"top/c/two", "/m:top/a#2", false},
		{"top/c/two", "/m:top/b/z#1", true},
		{"top/c/one", "/m:top/b/z#1", true}, // the other case goes
		{"other", "-/m:other", true},
	} {
		w := newWorld(t)
		w.join("a", 1, &fake{}, c.path)
		w.join("any", 1, &fake{}, "other", "top")
		root := w.with(tree.New(w.schema.Root), base...)
		k, err := w.party.Prepare(t.Context(), root, w.with(root, c.change))
		if err != nil {
			t.Fatal(err)
		}
		log := w.took()
		if got := strings.Contains(log, "a prepare"); got != c.want || !strings.Contains(log, "any prepare") {
			t.Errorf("%s and %s: asked %v, want %v", c.path, c.change, got, c.want)
		}
		k.Abort()
	}
}

// BenchmarkPrepare is a change of one leaf in a list of 100,000, that concerns nobody of
// so many.
func BenchmarkPrepare(b *testing.B) {
	for _, n := range []int{0, 1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			for i := range n {
				w.join(fmt.Sprint(i), i, &fake{}, "top/l/in/x", "top/l/in/y")
			}
			ed := tree.NewEditor(tree.New(w.schema.Root))
			for i := range 100_000 {
				p, err := tree.ParsePath(w.schema, fmt.Sprintf("/m:top/l[name='%d']/v", i))
				if err == nil {
					err = ed.Set(p, "1")
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			before := ed.Root()
			after := w.with(before, "/m:top/l[name='500']/v#2")
			for b.Loop() {
				if _, err := w.party.Prepare(context.Background(), before, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
