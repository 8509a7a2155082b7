// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cdb/journal"
	"nso.example/nso/tree"
	"nso.example/nso/tree/binenc"
	"nso.example/nso/yang"
)

// Try is what a commit that has to be confirmed brings with it (RFC 6241, 8.4). It
// is in the record of the commit, so that the two are decided at once.
type Try struct {
	// Timeout counts from the commit.
	Timeout time.Duration `json:"timeout"`
	// Token is what the one who confirms has to know, as a hash; "" if it is the
	// session that made the commit.
	Token string `json:"token,omitempty"`
	// Boot is the time since the kernel started, at the commit.
	Boot time.Duration `json:"boot"`
}

// Pending is a commit that was waiting to be confirmed when the database was closed.
type Pending struct {
	Revision uint64
	Meta     Meta
	Before   *tree.Node // what it is reverted to
}

// Try is Commit of what has to be confirmed; m.Try says how. before is what it is
// reverted to: base, or what was before the first of several.
func (db *DB) Try(ctx context.Context, base, next, before *tree.Node, m Meta) (uint64, error) {
	if m.Try == nil || before == nil {
		return 0, errors.New("internal error: a commit to be confirmed without a way back")
	}
	return db.commit(ctx, base, next, before, m)
}

// Pending is what Open found waiting to be confirmed, nil if nothing was.
func (db *DB) Pending() *Pending { return db.found }

// try makes a record one that has to be confirmed: the length of the difference,
// the difference, and the way back.
func try(r journal.Record, back []byte) journal.Record {
	r.Kind = kindTry
	whole := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(r.Payload)+len(back)), uint64(len(r.Payload)))
	r.Payload = append(append(whole, r.Payload...), back...)
	return r
}

// parts are the difference of a record, and the way back if it has one.
func parts(r journal.Record) (forth, back []byte, err error) {
	switch r.Kind {
	case kindDiff:
		return r.Payload, nil, nil
	case kindTry:
		n, used := binary.Uvarint(r.Payload)
		if used <= 0 || n > uint64(len(r.Payload)-used) {
			return nil, nil, errors.New("the record of a commit to be confirmed is not what it must be")
		}
		rest := r.Payload[used:]
		return rest[:n], rest[n:], nil
	}
	return nil, nil, fmt.Errorf("it is of kind %d, which this version does not know; use the version that wrote it", r.Kind)
}

// pending is what the last record says, if it is a commit to be confirmed.
func pending(schema *yang.Schema, root *tree.Node, last journal.Record) (*Pending, error) {
	if last.Kind != kindTry {
		return nil, nil
	}
	p := &Pending{Revision: last.Revision}
	if err := json.Unmarshal(last.Meta, &p.Meta); err != nil {
		return nil, err
	}
	if p.Meta.Time = last.Time; p.Meta.Try == nil {
		return nil, errors.New("the record of a commit to be confirmed does not say how")
	}
	_, back, err := parts(last)
	if err == nil {
		p.Before, err = binenc.ApplyDiff(schema, root, back)
	}
	return p, err
}

// Left is for how long a commit still waits. The clock since boot counts: it cannot be
// set. Where it and the wall clock do not agree about how much time has passed, the
// machine was started anew, or nobody knows: 0.
func (p *Pending) Left(now time.Time, boot time.Duration) time.Duration {
	const tolerance = 5 * time.Second
	passed := boot - p.Meta.Try.Boot
	if passed < 0 || (now.Sub(p.Meta.Time)-passed).Abs() > tolerance {
		return 0
	}
	return max(0, p.Meta.Try.Timeout-passed)
}

// SinceBoot is a clock that counts while the machine sleeps too, and starts anew with
// the kernel.
func SinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
