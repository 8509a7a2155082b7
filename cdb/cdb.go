// SPDX-License-Identifier: Apache-2.0

// Package cdb is the configuration database: the current root of the running
// datastore, and the journal that makes each next one durable.
//
// It asks nobody for permission and validates nothing: mgmt has done both. It
// sends nothing to clients.
//
// Invariants:
//  1. One appended record is the decision of a commit. The new root is visible
//     only after the record is on the disk.
//  2. The root in memory is what a restart would read: the newest snapshot and
//     every record after it, applied in order.
//  3. A root is immutable; readers load a pointer and never wait.
//  4. After a failed write or sync nothing is committed any more; reads go on.
//  5. A database whose data does not fit the schema is not opened and not
//     changed: the error names the nodes.
package cdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/cdb/journal"
	"nso.example/nso/tree"
	"nso.example/nso/tree/binenc"
	"nso.example/nso/yang"
)

// The kinds of records.
const (
	kindDiff = 1 // the payload is a difference of the running datastore
	kindTry  = 2 // two differences: the one to be confirmed, and the one that reverts it
	// A difference of the startup datastore, and that there is none any more.
	kindStartup   = 3
	kindNoStartup = 4
)

// Options of a database. Schema is required.
type Options struct {
	Schema *yang.Schema
	// Factory makes the data that a new database begins with; nil is none.
	Factory func() (*tree.Node, error)
	Log     *slog.Logger
	Journal journal.Options
	// Startup gives the database a startup datastore (RFC 6241, 8.7): running is at
	// every Open what that is.
	Startup bool
	// SnapshotBytes is how much the journal grows before a snapshot is taken;
	// it is never less than half the size of the last one. 0 means 1 MiB.
	SnapshotBytes int64
}

// Meta says who made a commit, how and why.
type Meta struct {
	Session uint32    `json:"session,omitempty"`
	User    string    `json:"user,omitempty"`
	Door    string    `json:"door,omitempty"`
	Source  string    `json:"source,omitempty"`
	Label   string    `json:"label,omitempty"`
	Comment string    `json:"comment,omitempty"`
	Try     *Try      `json:"try,omitempty"` // of a commit that has to be confirmed
	Time    time.Time `json:"-"`             // kept by the journal; set by Commit if zero
}

// Commit is one entry of the history.
type Commit struct {
	Revision uint64
	Meta     Meta
}

// version is a root with its revision, and the startup datastore then.
type version struct {
	root    *tree.Node
	rev     uint64
	startup *tree.Node // nil if there is none
}

// DB is an open database.
type DB struct {
	schema *yang.Schema
	log    *slog.Logger
	opts   Options
	j      *journal.Log

	current atomic.Pointer[version]

	write     sync.Mutex // one Commit at a time
	since     int64      // bytes appended since the last snapshot was begun
	lastSnap  int64      // bytes of the last snapshot
	snapping  atomic.Bool
	snapshots sync.WaitGroup
	closed    bool
	failed    bool // a Commit was ErrUnsure
	trying    bool // the last commit has to be confirmed
	found     *Pending
}

// What the errors of Commit are told apart by.
var (
	// ErrConflict: base was not the current root.
	ErrConflict = errors.New("cannot commit: the data has changed meanwhile")
	// ErrUnsure: the disk failed; the next start finds the commit or does not.
	ErrUnsure = journal.ErrFailed
	// ErrStopped: the disk failed before; nothing was written.
	ErrStopped = errors.New("cannot commit: the disk of the database has failed")
	// ErrFull: there is no room; nothing was written.
	ErrFull = journal.ErrNoSpace
	// ErrTooLarge: the change does not fit into one record.
	ErrTooLarge = journal.ErrTooLarge
)

// Open opens the database in dir and reads the data into memory. A new one
// begins with the factory data, as revision 1.
func Open(dir string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.SnapshotBytes == 0 {
		o.SnapshotBytes = 1 << 20
	}
	o.Journal.Logger = o.Log
	j, err := journal.Open(dir, o.Journal)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	db := &DB{schema: o.Schema, log: o.Log, opts: o, j: j}
	if err := db.load(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the database: %w", err), j.Close())
	}
	return db, nil
}

// load reads the newest snapshot and the records after it.
func (db *DB) load(dir string) error {
	v, size, err := db.snapshotAt(journal.Any)
	if err != nil {
		return fmt.Errorf("%s, %w", dir, err)
	}
	db.lastSnap = size
	snapped := v.rev
	var last journal.Record
	err = db.j.Replay(func(r journal.Record) error {
		if v, err = db.apply(v, r); err != nil {
			return fmt.Errorf("%s, %w", dir, err)
		}
		if last = (journal.Record{}); r.Kind == kindTry {
			last = r.Clone()
		}
		db.since += int64(len(r.Payload))
		return nil
	})
	if err != nil {
		return err
	}
	root, rev := v.root, v.rev
	if rev > 0 && rev == snapped {
		if last, err = db.j.Read(rev); errors.Is(err, journal.ErrTrimmed) {
			err = nil // a snapshot is not taken of what has to be confirmed, unless more followed
		}
		if err != nil {
			return err
		}
	}
	if db.found, err = pending(db.schema, root, last); err != nil {
		return fmt.Errorf("%s, revision %d: %w", dir, rev, err)
	}
	db.trying = db.found != nil
	db.current.Store(&v)
	if rev == 0 && db.opts.Factory != nil {
		first, err := db.opts.Factory()
		if err != nil {
			return fmt.Errorf("factory data: %w", err)
		}
		if _, err := db.Commit(context.Background(), root, first, Meta{User: "factory", Comment: "factory data"}); err != nil {
			return err
		}
	}
	return db.boot()
}

// counter counts the bytes read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Root is the current root of running.
func (db *DB) Root() *tree.Node { return db.current.Load().root }

// Current is the current root with its revision.
func (db *DB) Current() (*tree.Node, uint64) {
	v := db.current.Load()
	return v.root, v.rev
}

// Commit makes next the current root and returns its revision. base must be the
// current root, else the error is ErrConflict. When Commit returns nil the change
// survives kill -9 and a power cut; when it returns an error it has not happened,
// with one exception: after ErrUnsure nobody knows before the next start.
func (db *DB) Commit(ctx context.Context, base, next *tree.Node, m Meta) (uint64, error) {
	m.Try = nil
	return db.commit(ctx, base, next, nil, m)
}

// commit is Commit; before is set if it has to be confirmed.
func (db *DB) commit(ctx context.Context, base, next, before *tree.Node, m Meta) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	meta, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	db.write.Lock()
	defer db.write.Unlock()
	if db.failed {
		return 0, ErrStopped
	}
	v := db.current.Load()
	if v.root != base {
		return 0, ErrConflict
	}
	r := journal.Record{Time: m.Time, Kind: kindDiff, Meta: meta, Payload: binenc.EncodeDiff(base, next)}
	if before != nil {
		db.snapshotIfDue() // not of what comes now: its record must be found at the next start
		r = try(r, binenc.EncodeDiff(next, before))
	}
	// The decision. The context ends nothing from here on: what is written is true.
	rev, err := db.j.Append(context.WithoutCancel(ctx), v.rev, r)
	if err != nil {
		db.failed = errors.Is(err, ErrUnsure)
		return 0, err
	}
	db.trying = before != nil
	db.current.Store(&version{next, rev, v.startup})
	db.since += int64(len(r.Payload))
	if before == nil {
		db.snapshotIfDue()
	}
	return rev, nil
}

// snapshotIfDue is called with write held.
func (db *DB) snapshotIfDue() {
	if db.since > max(db.opts.SnapshotBytes, db.lastSnap/2) {
		db.snapshot()
	}
}

// snapshot begins to write the current root beside the commits that follow.
// write is held.
func (db *DB) snapshot() {
	if db.closed || !db.snapping.CompareAndSwap(false, true) {
		return
	}
	db.since = 0
	v := db.current.Load()
	db.snapshots.Go(func() {
		defer db.snapping.Store(false)
		begin := time.Now()
		var size int64
		err := db.j.Snapshot(v.rev, func(w io.Writer) error {
			out := &writeCounter{w: w}
			err := writeSnapshot(out, *v)
			size = out.n
			return err
		})
		if err != nil {
			// The records are still there; a start takes longer, nothing is lost.
			db.log.Error("cannot write a snapshot of the database; it will be tried again", "txid", v.rev, "err", err)
			return
		}
		db.write.Lock()
		db.lastSnap = size
		db.write.Unlock()
		db.log.Debug("snapshot written", "txid", v.rev, "bytes", size, "dur", time.Since(begin))
	})
}

type writeCounter struct {
	w io.Writer
	n int64
}

func (c *writeCounter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Factory is the data that a new database begins with.
func (db *DB) Factory() (*tree.Node, error) {
	if db.opts.Factory == nil {
		return tree.New(db.schema.Root), nil
	}
	return db.opts.Factory()
}

// ErrNotKept: a revision is older than what is kept, or was never made.
var ErrNotKept = errors.New("that revision is not kept")

// At is what running was at a revision: the newest snapshot up to there, and the records
// after it. It reads the disk, and holds nobody up.
func (db *DB) At(ctx context.Context, rev uint64) (*tree.Node, error) {
	now := db.current.Load()
	switch {
	case rev == now.rev:
		return now.root, nil
	case rev == 0 || rev > now.rev:
		return nil, ErrNotKept
	}
	v, _, err := db.snapshotAt(rev)
	if err != nil {
		return nil, err
	}
	for r, err := range db.j.Records(v.rev+1, rev) {
		if errors.Is(err, journal.ErrTrimmed) {
			return nil, ErrNotKept
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if v, err = db.apply(v, r); err != nil {
			return nil, err
		}
	}
	return v.root, nil
}

// Blame is the last commit after revision rev, at which running was base, that changed
// the node at a path, or what is in it. It looks at so many commits only, and does not find
// one that has moved an entry.
func (db *DB) Blame(base *tree.Node, rev uint64, p tree.Path) (found Commit, ok bool) {
	const most = 1000
	now := db.current.Load()
	if now.rev > rev+most {
		return found, false
	}
	v := version{root: base, rev: rev}
	for r, err := range db.j.Records(rev+1, now.rev) {
		before := v.root
		if err == nil {
			v, err = db.apply(v, r)
		}
		if err != nil {
			return found, false
		}
		if same(before, v.root, p) {
			continue
		}
		c := Commit{Revision: r.Revision}
		if json.Unmarshal(r.Meta, &c.Meta) == nil {
			c.Meta.Time = r.Time
			found, ok = c, true
		}
	}
	return found, ok
}

// same reports whether two roots have the same at a path.
func same(a, b *tree.Node, p tree.Path) bool {
	x, was := a.Find(p)
	y, is := b.Find(p)
	switch {
	case was != is:
		return false
	case x.Node != nil && y.Node != nil:
		return tree.Equal(x.Node, y.Node)
	}
	return x.Value == y.Value && x.Any == y.Any
}

// Oldest is the first revision that At can give, as things are now.
func (db *DB) Oldest() uint64 { return max(1, db.j.Oldest()) }

// History returns the commits from a revision on, oldest first, at most n.
func (db *DB) History(from uint64, n int) ([]Commit, error) {
	var all []Commit
	_, last := db.Current()
	first := db.j.Stats().FirstRevision
	for rev := max(from, first); rev <= last && len(all) < n; rev++ {
		r, err := db.j.Read(rev)
		if err != nil {
			return all, err
		}
		c := Commit{Revision: rev}
		if err := json.Unmarshal(r.Meta, &c.Meta); err != nil {
			return all, fmt.Errorf("cannot read who made revision %d: %w", rev, err)
		}
		c.Meta.Time = r.Time
		all = append(all, c)
	}
	return all, nil
}

// Stats are the journal's.
func (db *DB) Stats() journal.Stats { return db.j.Stats() }

// Close ends the database: a snapshot that is being written is finished.
func (db *DB) Close() error {
	db.write.Lock()
	db.closed = true
	db.write.Unlock()
	db.snapshots.Wait()
	return db.j.Close()
}
