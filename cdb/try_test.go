// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/tree/treetest"
)

// TestTryAndReopen: the way back of a commit to be confirmed survives, however many
// follow-ups and snapshots there were, and is gone once another commit follows.
func TestTryAndReopen(t *testing.T) {
	w := world{t, treetest.Flat()}
	dir := filepath.Join(t.TempDir(), "db")
	small := Options{SnapshotBytes: 1}
	db := w.open(dir, small)
	w.commit(db, w.with(db.Root(), entry(1, strings.Repeat("x", 500))))
	before := db.Root()
	try := func(n int) {
		t.Helper()
		m := Meta{User: "alice", Try: &Try{Timeout: time.Duration(n) * time.Second, Token: "t"}}
		if _, err := db.Try(context.Background(), db.Root(), w.with(db.Root(), entry(n, strings.Repeat("y", 500))), before, m); err != nil {
			t.Fatal(err)
		}
	}
	reopen := func() {
		t.Helper()
		want, rev := db.Current()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = w.open(dir, small)
		if got, at := db.Current(); at != rev || !tree.Equal(got, want) {
			t.Fatalf("reopened at %d, want %d", at, rev)
		}
	}
	for n := 2; n < 20; n++ {
		try(n)
		db.snapshots.Wait()
		if n%5 == 0 {
			reopen()
			p := db.Pending()
			if p == nil || p.Meta.User != "alice" || p.Meta.Try.Timeout != time.Duration(n)*time.Second || p.Meta.Try.Token != "t" ||
				p.Meta.Time.IsZero() || !tree.Equal(p.Before, before) {
				t.Fatalf("after %d: %+v", n, p)
			}
		}
	}
	if s := db.Stats(); s.SnapshotRevision == 0 {
		t.Error("no snapshot was taken")
	}
	w.commit(db, db.Root()) // confirmed
	reopen()
	if db.Pending() != nil {
		t.Error("it still waits")
	}
	try(30)
	w.commit(db, before) // reverted
	reopen()
	if db.Pending() != nil || !tree.Equal(db.Root(), before) {
		t.Error("it is not reverted")
	}
	db.Close()
}

// TestTrySnapshotOfTheLast: a snapshot of the very record that waits does not hide it.
func TestTrySnapshotOfTheLast(t *testing.T) {
	w := world{t, treetest.Flat()}
	dir := filepath.Join(t.TempDir(), "db")
	db := w.open(dir, Options{})
	w.commit(db, w.with(db.Root(), entry(1, "a")))
	before := db.Root()
	if _, err := db.Try(context.Background(), before, w.with(before, entry(2, "b")), before, Meta{Try: &Try{Timeout: time.Second}}); err != nil {
		t.Fatal(err)
	}
	db.write.Lock()
	db.snapshot()
	db.write.Unlock()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = w.open(dir, Options{})
	defer db.Close()
	if p := db.Pending(); p == nil || !tree.Equal(p.Before, before) {
		t.Errorf("%+v", p)
	}
}

func TestLeft(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const booted = time.Hour // when the commit was made
	for _, c := range []struct {
		name       string
		wall, boot time.Duration // since the commit, since boot
		want       time.Duration
	}{
		{"at once", 0, booted, 600 * time.Second},
		{"later", time.Minute, booted + time.Minute, 540 * time.Second},
		{"too late", time.Hour, booted + time.Hour, 0},
		{"another boot", time.Minute, time.Second, 0},
		{"another boot that is as old", 2 * time.Hour, booted + time.Minute, 0},
		{"a clock that was set back", -time.Hour, booted + time.Minute, 0},
		{"a clock that was set forward", time.Hour, booted + time.Minute, 0},
	} {
		p := &Pending{Meta: Meta{Time: at, Try: &Try{Timeout: 600 * time.Second, Boot: booted}}}
		if got := p.Left(at.Add(c.wall), c.boot); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
