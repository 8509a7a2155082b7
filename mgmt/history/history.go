// SPDX-License-Identifier: Apache-2.0

// Package history is what running was, and who changed it: what the database keeps of
// commits, in the words of those who ask.
//
// It asks no access control: mgmt does, and shows of a revision what may be read.
//
// Invariants:
//
//  1. What is asked for costs what is read of the disk, and holds no commit up.
//  2. A revision that is not kept is an error that says which are.
package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Commit is an entry of the history.
type Commit struct {
	Revision           uint64
	Time               time.Time
	User, Door, Source string
	Label, Comment     string
	Confirmed          bool // it had to be confirmed
	Kept               bool // what running was then can be read
}

// Log is the history of a database.
type Log struct {
	Schema *yang.Schema
	DB     *cdb.DB
}

// Newest are at most n commits up to revision before, newest first; 0 is up to now.
func (l Log) Newest(before uint64, n int) (all []Commit, err error) {
	if _, last := l.DB.Current(); before == 0 || before > last {
		before = last
	}
	n = max(0, min(n, int(min(before, 1<<20))))
	found, err := l.DB.History(before-uint64(n)+1, n)
	if err != nil {
		return nil, err
	}
	oldest := l.DB.Oldest()
	for i := len(found) - 1; i >= 0; i-- {
		c, m := found[i], found[i].Meta
		if c.Revision > before {
			continue
		}
		all = append(all, Commit{Revision: c.Revision, Time: m.Time, User: m.User, Door: m.Door, Source: m.Source,
			Label: m.Label, Comment: m.Comment, Confirmed: m.Try != nil, Kept: c.Revision >= oldest})
	}
	return all, nil
}

// At is what running was at a revision.
func (l Log) At(ctx context.Context, rev uint64) (*tree.Node, error) {
	root, err := l.DB.At(ctx, rev)
	if errors.Is(err, cdb.ErrNotKept) {
		_, last := l.DB.Current()
		return nil, mgmterr.New(mgmterr.DataMissing, "", "cannot go back to revision %d: %d to %d are kept", rev, l.DB.Oldest(), last)
	}
	return root, err
}

// Blamed adds to a conflict who made the change that is in the way: the last one since
// revision rev, at which running was base.
func (l Log) Blamed(err error, base *tree.Node, rev uint64) error {
	list := mgmterr.Of(err)
	if len(list) != 1 || list[0].AppTag != "conflict" {
		return err
	}
	e := list[0]
	p, bad := tree.ParsePath(l.Schema, e.Path)
	if bad != nil {
		return err
	}
	if c, ok := l.DB.Blame(base, rev, p); ok {
		e.Message = fmt.Sprintf("cannot commit: %s changed this node in revision %d, since this transaction began; look at the difference and try again", c.Meta.User, c.Revision)
	}
	return e
}
