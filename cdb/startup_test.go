// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"nso.example/nso/cdb/journal"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
)

// twice opens a database in memory again and again.
type twice struct {
	t  *testing.T
	fs journal.FS
	o  Options
}

func (w *twice) open(startup bool) *DB {
	w.t.Helper()
	w.o.Schema, w.o.Journal.FS, w.o.Startup = treetest.All(), w.fs, startup
	db, err := Open("", w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func (w *twice) close(db *DB) {
	w.t.Helper()
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// TestStartup: running is at every start what startup was.
func TestStartup(t *testing.T) {
	ctx := context.Background()
	s := treetest.All()
	r := rand.New(rand.NewPCG(1, 2))
	factory, one, two := treetest.Random(r, s), treetest.Random(r, s), treetest.Random(r, s)
	for _, snapshots := range []int64{0, 1} { // from the records, and from a snapshot
		w := &twice{t: t, fs: journal.NewMemory(), o: Options{SnapshotBytes: snapshots, Factory: func() (*tree.Node, error) { return factory, nil }}}
		is := func(db *DB, what string, running, startup *tree.Node) {
			t.Helper()
			if !tree.Equal(db.Root(), running) {
				t.Errorf("%s: running is something else", what)
			}
			if got := db.Startup(); (got == nil) != (startup == nil) || got != nil && !tree.Equal(got, startup) {
				t.Errorf("%s: startup is something else", what)
			}
		}
		commit := func(db *DB, next *tree.Node) {
			t.Helper()
			if _, err := db.Commit(ctx, db.Root(), next, Meta{}); err != nil {
				t.Fatal(err)
			}
		}
		set := func(db *DB, next *tree.Node) {
			t.Helper()
			if _, err := db.SetStartup(ctx, db.Startup(), next, Meta{}); err != nil {
				t.Fatal(err)
			}
		}
		db := w.open(false)
		is(db, "without", factory, nil)
		commit(db, one)
		w.close(db)
		db = w.open(true)
		is(db, "first", one, one)
		commit(db, two)
		w.close(db)
		db = w.open(true)
		is(db, "not saved", one, one)
		commit(db, two)
		set(db, two)
		if _, err := db.SetStartup(ctx, one, one, Meta{}); !errors.Is(err, ErrConflict) {
			t.Errorf("on another base: %v", err)
		}
		w.close(db)
		db = w.open(true)
		is(db, "saved", two, two)
		set(db, one)
		for range 20 { // snapshots with both
			commit(db, two)
			commit(db, one)
		}
		commit(db, two)
		w.close(db)
		db = w.open(true)
		is(db, "saved apart", one, one)
		set(db, tree.New(s.Root))
		w.close(db)
		db = w.open(true)
		is(db, "deleted", factory, tree.New(s.Root))
		// What waits to be confirmed is over, and startup is not written meanwhile.
		if _, err := db.Try(ctx, db.Root(), two, db.Root(), Meta{Try: &Try{Timeout: time.Hour, Token: "x"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.SetStartup(ctx, db.Startup(), two, Meta{}); err == nil {
			t.Error("startup is written while a commit waits")
		}
		w.close(db)
		db = w.open(true)
		is(db, "a commit waited", factory, tree.New(s.Root))
		if db.Pending() != nil {
			t.Error("it waits still")
		}
		set(db, two)
		w.close(db)
		db = w.open(false)
		is(db, "off", factory, nil)
		w.close(db)
		db = w.open(true)
		is(db, "on again", factory, factory)
		w.close(db)
	}
}

// TestStartupFirstPending: the option comes on while a commit waits: startup is what was
// before it.
func TestStartupFirstPending(t *testing.T) {
	ctx := context.Background()
	s := treetest.All()
	r := rand.New(rand.NewPCG(3, 2))
	one, two := treetest.Random(r, s), treetest.Random(r, s)
	w := &twice{t: t, fs: journal.NewMemory()}
	db := w.open(false)
	if _, err := db.Commit(ctx, db.Root(), one, Meta{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Try(ctx, one, two, one, Meta{Try: &Try{Timeout: time.Hour, Token: "x"}}); err != nil {
		t.Fatal(err)
	}
	w.close(db)
	db = w.open(true)
	if !tree.Equal(db.Root(), one) || !tree.Equal(db.Startup(), one) || db.Pending() != nil {
		t.Error("it is what was tried")
	}
	w.close(db)
}

// TestAt: every revision that is kept can be read as it was.
func TestAt(t *testing.T) {
	ctx := context.Background()
	s := treetest.All()
	r := rand.New(rand.NewPCG(9, 2))
	for _, o := range []Options{{}, {SnapshotBytes: 2000}, {SnapshotBytes: 2000, Journal: journal.Options{SegmentSize: 1, KeepBytes: -1}}} {
		w := &twice{t: t, fs: journal.NewMemory(), o: o}
		db := w.open(true)
		want := map[uint64]*tree.Node{}
		for i := range 60 {
			next := treetest.Random(r, s)
			rev, err := db.Commit(ctx, db.Root(), next, Meta{Label: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			want[rev] = next
			if i%10 == 0 {
				if rev, err = db.SetStartup(ctx, db.Startup(), next, Meta{}); err != nil {
					t.Fatal(err)
				}
				want[rev] = next
			}
			db.snapshots.Wait()
		}
		oldest, kept := db.Oldest(), 0
		for rev, root := range want {
			got, err := db.At(ctx, rev)
			switch {
			case rev < oldest && errors.Is(err, ErrNotKept):
			case err != nil:
				t.Fatalf("revision %d, the oldest is %d: %v", rev, oldest, err)
			case !tree.Equal(got, root):
				t.Fatalf("revision %d is something else", rev)
			default:
				kept++
			}
		}
		if kept < 3 {
			t.Errorf("%d revisions are kept", kept)
		}
		for _, rev := range []uint64{0, 1 << 40} {
			if _, err := db.At(ctx, rev); !errors.Is(err, ErrNotKept) {
				t.Errorf("revision %d: %v", rev, err)
			}
		}
		w.close(db)
	}
}
