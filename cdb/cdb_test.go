// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"nso.example/nso/cdb/journal"
	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
	"nso.example/nso/yang"
)

type world struct {
	t      testing.TB
	schema *yang.Schema
}

func (w world) with(root *tree.Node, sets ...string) *tree.Node {
	w.t.Helper()
	ed := tree.NewEditor(root)
	for _, s := range sets {
		i := strings.LastIndexByte(s, '=')
		p, err := tree.ParsePath(w.schema, s[:i])
		if err == nil {
			err = ed.Set(p, s[i+1:])
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return ed.Root()
}

func (w world) open(dir string, o Options) *DB {
	w.t.Helper()
	o.Schema = w.schema
	o.Journal.VerifyOnClose = true
	db, err := Open(dir, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func (w world) commit(db *DB, next *tree.Node) uint64 {
	w.t.Helper()
	rev, err := db.Commit(context.Background(), db.Root(), next, Meta{User: "alice", Comment: "why"})
	if err != nil {
		w.t.Fatal(err)
	}
	return rev
}

func TestCommitAndReopen(t *testing.T) {
	w := world{t, treetest.Flat()}
	dir := filepath.Join(t.TempDir(), "db")
	factory := w.with(tree.New(w.schema.Root), entry(1, "factory"))
	db := w.open(dir, Options{Factory: func() (*tree.Node, error) { return factory, nil }})
	if root, rev := db.Current(); rev != 1 || !tree.Equal(root, factory) {
		t.Fatalf("a new database is at revision %d, and not at the factory data of revision 1", rev)
	}
	for i := range 100 {
		if rev := w.commit(db, w.with(db.Root(), entry(i, "v"))); rev != uint64(i+2) {
			t.Fatalf("revision %d, want %d", rev, i+2)
		}
	}
	want := db.Root()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = w.open(dir, Options{Factory: func() (*tree.Node, error) { return nil, errors.New("asked again") }})
	defer db.Close()
	if root, rev := db.Current(); rev != 101 || !tree.Equal(root, want) {
		t.Errorf("reopened at revision %d with other data", rev)
	}
	history, err := db.History(1, 3)
	if err != nil || len(history) != 3 || history[0].Meta.User != "factory" || history[1].Meta.User != "alice" ||
		history[1].Meta.Comment != "why" || history[1].Meta.Time.IsZero() || history[2].Revision != 3 {
		t.Errorf("history is %+v, %v", history, err)
	}
}

func entry(i int, value string) string {
	return fmt.Sprintf("/flat:top/entry[name='e%d']/value=%s", i, value)
}

// TestSnapshots: with snapshots every few commits the data after a restart is the
// same, and older records are not needed for it.
func TestSnapshots(t *testing.T) {
	w := world{t, treetest.Flat()}
	dir := t.TempDir()
	o := Options{SnapshotBytes: 500, Journal: journal.Options{SegmentSize: 64 << 10, KeepBytes: -1, SnapshotKeep: 1}}
	rnd := rand.New(rand.NewPCG(1, 2))
	db := w.open(dir, o)
	for range 5 {
		for range 200 {
			w.commit(db, w.with(db.Root(), entry(rnd.IntN(50), fmt.Sprint(rnd.IntN(1000)))))
		}
		want, wantRev := db.Current()
		db.snapshots.Wait()
		if db.Stats().SnapshotRevision == 0 {
			t.Fatal("no snapshot was taken")
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = w.open(dir, o)
		if root, rev := db.Current(); rev != wantRev || !tree.Equal(root, want) {
			t.Fatalf("reopened at revision %d, want %d with the same data", rev, wantRev)
		}
	}
	db.Close()
}

func TestConflict(t *testing.T) {
	w := world{t, treetest.Flat()}
	db := w.open("", Options{Journal: journal.Options{FS: journal.NewMemory()}})
	defer db.Close()
	old := db.Root()
	w.commit(db, w.with(old, entry(1, "a")))
	if _, err := db.Commit(context.Background(), old, w.with(old, entry(1, "b")), Meta{}); !errors.Is(err, ErrConflict) {
		t.Errorf("a commit on an old root gave %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := db.Commit(ctx, db.Root(), old, Meta{}); err == nil {
		t.Error("a commit with a dead context was made")
	}
}

// TestPowerCut commits on a memory disk, cuts the power at a random write and
// looks at what is there: every acknowledged commit, and at most one more.
func TestPowerCut(t *testing.T) {
	w := world{t, treetest.Flat()}
	for seed := range 60 {
		rnd := rand.New(rand.NewPCG(uint64(seed), 7))
		fs := journal.NewMemory()
		o := Options{SnapshotBytes: 300, Journal: journal.Options{FS: fs, SegmentSize: 32 << 10}}
		db := w.open("", o)
		roots := []*tree.Node{db.Root()}
		for range 1 + rnd.IntN(80) {
			w.commit(db, w.with(db.Root(), entry(rnd.IntN(10), fmt.Sprint(rnd.IntN(1000)))))
			roots = append(roots, db.Root())
		}
		after := fs.PowerCut(rnd.IntN)
		db.snapshots.Wait()
		o.Journal.FS = after
		again, err := Open("", Options{Schema: w.schema, Journal: o.Journal})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		root, rev := again.Current()
		if rev != uint64(len(roots)-1) {
			t.Errorf("seed %d: %d commits were acknowledged, %d are there", seed, len(roots)-1, rev)
		} else if !tree.Equal(root, roots[rev]) {
			t.Errorf("seed %d: revision %d holds other data", seed, rev)
		}
		again.Close()
		db.Close()
	}
}

// TestOtherSchema: data that the schema does not know is not thrown away.
func TestOtherSchema(t *testing.T) {
	w := world{t, treetest.Flat()}
	dir := t.TempDir()
	db := w.open(dir, Options{})
	w.commit(db, w.with(db.Root(), entry(1, "a")))
	db.Close()
	empty := &yang.Schema{Root: &yang.Node{Kind: yang.KindRoot, Index: -1}}
	empty.Nodes = []*yang.Node{empty.Root}
	empty.Seal()
	_, err := Open(dir, Options{Schema: empty})
	if err == nil || !strings.Contains(err.Error(), "top") {
		t.Errorf("data without schema was opened, or the error does not name it: %v", err)
	}
	db = w.open(dir, Options{})
	defer db.Close()
	if _, rev := db.Current(); rev != 1 {
		t.Errorf("the refused start changed the database: revision %d", rev)
	}
}

func BenchmarkCommit(b *testing.B) {
	schema := treetest.Flat()
	for _, n := range []int{1, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := world{b, schema}
			db, err := Open(b.TempDir(), Options{Schema: schema})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			ed := tree.NewEditor(db.Root())
			for i := range n {
				p, _ := tree.ParsePath(schema, strings.TrimSuffix(entry(i, ""), "="))
				ed.Set(p, "x")
			}
			if _, err := db.Commit(context.Background(), db.Root(), ed.Root(), Meta{}); err != nil {
				b.Fatal(err)
			}
			i := 0
			for b.Loop() {
				i++
				if _, err := db.Commit(context.Background(), db.Root(), w.with(db.Root(), entry(n/2, fmt.Sprint(i))), Meta{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFailedSync: of the commit that the disk failed in nobody knows; of those
// after it everybody does.
func TestFailedSync(t *testing.T) {
	w := world{t, treetest.Flat()}
	fs := journal.NewMemory()
	var failing atomic.Bool // the journal prepares its next segment beside us
	fs.Step = func(op, name string) error {
		if op == "sync" && failing.Load() {
			return errors.New("input/output error")
		}
		return nil
	}
	db := w.open("", Options{Journal: journal.Options{FS: fs}})
	w.commit(db, w.with(db.Root(), entry(1, "a")))
	root := db.Root()
	failing.Store(true)
	if _, err := db.Commit(context.Background(), root, w.with(root, entry(1, "b")), Meta{}); !errors.Is(err, ErrUnsure) {
		t.Errorf("a failed sync gave %v", err)
	}
	failing.Store(false)
	if _, err := db.Commit(context.Background(), root, w.with(root, entry(1, "c")), Meta{}); !errors.Is(err, ErrStopped) || errors.Is(err, ErrUnsure) {
		t.Errorf("a commit after it gave %v", err)
	}
	if got, rev := db.Current(); got != root || rev != 1 {
		t.Errorf("revision %d after it", rev)
	}
	db.Close()
}
