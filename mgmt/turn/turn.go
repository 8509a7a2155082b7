// SPDX-License-Identifier: Apache-2.0

// Package turn is whose turn it is to commit: one has it from the conflict check of
// his commit to the outcome.
//
// It knows no data and no session, only the channel that is closed when a session ends.
//
// Invariants:
//  1. Waiting ends with the request and with the session.
//  2. Who keeps the turn between two requests cannot wait for it.
package turn

import (
	"context"
	"sync/atomic"
	"time"

	"nso.example/nso/mgmterr"
)

// Turn is had by one at a time.
type Turn struct {
	slot  chan struct{}
	begun time.Time
	since atomic.Int64 // nanoseconds after begun at which it was taken, 0 if free
	// kept is by whom it is kept between two requests: his end.
	kept atomic.Pointer[chan struct{}]
}

// New makes a turn that is free.
func New() *Turn { return &Turn{slot: make(chan struct{}, 1), begun: time.Now()} }

// Take waits for the turn, until ctx is done or end is closed. A nil end is for who
// does not end.
func (u *Turn) Take(ctx context.Context, end chan struct{}) error {
	if k := u.kept.Load(); end != nil && k != nil && *k == end {
		return mgmterr.New(mgmterr.InUse, "", "cannot wait for the transaction that this session has prepared: commit or abort it first")
	}
	select {
	case u.slot <- struct{}{}:
	case <-ctx.Done():
		return Cancelled(ctx)
	case <-end:
		return Ended()
	}
	u.since.Store(int64(time.Since(u.begun)) + 1)
	return nil
}

// Keep says that who has it goes on having it after his request.
func (u *Turn) Keep(end chan struct{}) { u.kept.Store(&end) }

// Give frees it.
func (u *Turn) Give() {
	u.kept.Store(nil)
	u.since.Store(0)
	<-u.slot
}

// Held is for how long it has been taken, 0 if it is free.
func (u *Turn) Held() time.Duration {
	since := u.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(u.begun) - time.Duration(since)
}

// Cancelled is the error for a commit whose request has ended.
func Cancelled(ctx context.Context) error {
	return mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: the request ended before it was decided; nothing has changed").
		WithCause(context.Cause(ctx))
}

// Ended is the error for whatever a session does that has ended.
func Ended() error {
	return mgmterr.New(mgmterr.ResourceDenied, "", "cannot go on: the session has ended")
}
