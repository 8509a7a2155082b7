// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"nso.example/nso/cdb/journal"
	"nso.example/nso/tree"
	"nso.example/nso/tree/binenc"
)

// Startup is the startup datastore; nil if the database has none.
func (db *DB) Startup() *tree.Node { return db.current.Load().startup }

// SetStartup makes next the startup datastore, with a revision of its own. base must be
// what it is, else the error is ErrConflict. It is as durable as a commit, and refused
// while one has to be confirmed: the record of that must be the last.
func (db *DB) SetStartup(ctx context.Context, base, next *tree.Node, m Meta) (uint64, error) {
	return db.setStartup(ctx, base, next, m)
}

// setStartup is SetStartup; a nil next is none any more.
func (db *DB) setStartup(ctx context.Context, base, next *tree.Node, m Meta) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.Try = nil
	meta, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	db.write.Lock()
	defer db.write.Unlock()
	v := db.current.Load()
	switch {
	case db.failed:
		return 0, ErrStopped
	case v.startup != base:
		return 0, ErrConflict
	case db.trying:
		return 0, errors.New("internal error: startup is written while a commit has to be confirmed")
	}
	r := journal.Record{Time: m.Time, Kind: kindNoStartup, Meta: meta}
	if next != nil {
		r.Kind, r.Payload = kindStartup, binenc.EncodeDiff(db.orEmpty(base), next)
	}
	rev, err := db.j.Append(context.WithoutCancel(ctx), v.rev, r)
	if err != nil {
		db.failed = errors.Is(err, ErrUnsure)
		return 0, err
	}
	db.current.Store(&version{v.root, rev, next})
	db.since += int64(len(r.Payload))
	db.snapshotIfDue()
	return rev, nil
}

func (db *DB) orEmpty(root *tree.Node) *tree.Node {
	if root == nil {
		return tree.New(db.schema.Root)
	}
	return root
}

// boot makes running what startup is, if there is to be one. It can end at every line:
// the next start does the same.
//
// An empty startup is one that was deleted: then the factory data it is (RFC 6241, 8.7.5.1
// leaves that to the server). A commit that waits to be confirmed is over: running is
// startup, and the first startup ever is what was before it. A startup of a time in which
// the option was on and is off now is forgotten, so that it cannot come back years later.
func (db *DB) boot() error {
	ctx := context.Background()
	root, startup := db.Root(), db.Startup()
	by := Meta{User: "startup", Comment: "running is what startup was"}
	if !db.opts.Startup {
		if startup == nil || db.found != nil {
			return nil
		}
		_, err := db.setStartup(ctx, startup, nil, Meta{User: "startup", Comment: "there is no startup datastore any more"})
		return err
	}
	want := startup
	switch {
	case want == nil && db.found != nil:
		want = db.found.Before
	case want == nil:
		want = root
	case want.Empty() && db.opts.Factory != nil:
		var err error
		if want, err = db.opts.Factory(); err != nil {
			return fmt.Errorf("factory data: %w", err)
		}
		by.Comment = "startup was empty: factory data"
	}
	if db.found != nil || !tree.Equal(root, want) {
		if _, err := db.Commit(ctx, root, want, by); err != nil {
			return err
		}
		db.found = nil
	}
	if startup == nil {
		_, err := db.setStartup(ctx, nil, want, Meta{User: "startup", Comment: "the first startup"})
		return err
	}
	return nil
}

// startupMagic begins a snapshot with a startup datastore: its length and its difference
// from running follow, and then running.
const startupMagic = "nsostart"

func writeSnapshot(w io.Writer, v version) error {
	if v.startup != nil {
		diff := binenc.EncodeDiff(v.root, v.startup)
		head := binary.AppendUvarint([]byte(startupMagic), uint64(len(diff)))
		if _, err := w.Write(append(head, diff...)); err != nil {
			return err
		}
	}
	return binenc.Encode(w, v.root)
}

// snapshotAt reads the newest snapshot of revision at or before; without one it is the
// empty database. size is how long it is.
func (db *DB) snapshotAt(at uint64) (v version, size int64, err error) {
	rev, snap, err := db.j.SnapshotAt(at)
	switch {
	case errors.Is(err, journal.ErrNoSnapshot):
		return version{root: tree.New(db.schema.Root)}, 0, nil
	case err != nil:
		return v, 0, err
	}
	counted := &counter{r: snap}
	v, err = db.readSnapshot(bufio.NewReaderSize(counted, 64<<10))
	v.rev = rev
	if err = errors.Join(err, snap.Close()); err != nil {
		return v, 0, fmt.Errorf("snapshot %d: %w", rev, err)
	}
	return v, counted.n, nil
}

func (db *DB) readSnapshot(r *bufio.Reader) (v version, err error) {
	var diff []byte
	if head, _ := r.Peek(len(startupMagic)); string(head) == startupMagic {
		_, _ = r.Discard(len(startupMagic))
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return v, err
		}
		// Read as it comes: a length is believed as far as there are bytes.
		if diff, err = io.ReadAll(io.LimitReader(r, int64(min(n, 1<<40)))); err != nil || uint64(len(diff)) != n {
			return v, errors.Join(errors.New("the startup datastore in it is cut off"), err)
		}
	}
	if v.root, err = binenc.Decode(r, db.schema); err == nil && diff != nil {
		v.startup, err = binenc.ApplyDiff(db.schema, v.root, diff)
	}
	return v, err
}

// apply is what a record makes of a version.
func (db *DB) apply(v version, r journal.Record) (next version, err error) {
	switch r.Kind {
	case kindStartup:
		v.startup, err = binenc.ApplyDiff(db.schema, db.orEmpty(v.startup), r.Payload)
	case kindNoStartup:
		v.startup = nil
	default:
		var forth []byte
		if forth, _, err = parts(r); err == nil {
			v.root, err = binenc.ApplyDiff(db.schema, v.root, forth)
		}
	}
	if err != nil {
		return v, fmt.Errorf("revision %d: %w", r.Revision, err)
	}
	v.rev = r.Revision
	return v, nil
}
