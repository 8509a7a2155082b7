// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// turn is whose turn it is to commit: one has it from the conflict check of its
// commit to the outcome. Waiting for it ends with the request and with the session.
type turn struct {
	slot  chan struct{}
	begun time.Time
	since atomic.Int64 // nanoseconds after begun at which it was taken, 0 if free
	// prepared is the session that has it between Prepare and the outcome, and so
	// cannot wait for it.
	prepared atomic.Pointer[Session]
}

func newTurn() *turn { return &turn{slot: make(chan struct{}, 1), begun: time.Now()} }

// take waits for the turn. Without a session it is for the server itself.
func (u *turn) take(ctx context.Context, ss *Session) error {
	var stop chan struct{}
	if ss != nil {
		stop = ss.stop
	}
	if ss != nil && u.prepared.Load() == ss {
		return mgmterr.New(mgmterr.InUse, "", "cannot wait for the transaction that this session has prepared: commit or abort it first")
	}
	select {
	case u.slot <- struct{}{}:
	case <-ctx.Done():
		return cancelled(ctx)
	case <-stop:
		return errEnded()
	}
	u.since.Store(int64(time.Since(u.begun)) + 1)
	return nil
}

func (u *turn) give() {
	u.prepared.Store(nil)
	u.since.Store(0)
	<-u.slot
}

// held is for how long it has been taken, 0 if it is free.
func (u *turn) held() time.Duration {
	since := u.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(u.begun) - time.Duration(since)
}

func cancelled(ctx context.Context) error {
	return mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: the request ended before it was decided; nothing has changed").
		WithCause(context.Cause(ctx))
}

// Limits of a commit.
const (
	participantTime = 30 * time.Second
	// stuck is longer than a validation may take, and a participant, and a disk.
	stuck = 5 * time.Minute
)

// Healthy takes the locks that everything takes, and returns what is wrong: a
// commit that does not come to an end.
func (s *Server) Healthy() error {
	s.Status()
	if d := s.turn.held(); d > stuck {
		return fmt.Errorf("a commit has not ended in %v", d.Round(time.Second))
	}
	return nil
}

// timely is a participant that has so long to prepare.
type timely struct{ txn.Participant }

func (p timely) Prepare(ctx context.Context, before, after *tree.Node) (txn.Ticket, error) {
	ctx, cancel := context.WithTimeout(ctx, participantTime)
	defer cancel()
	return p.Participant.Prepare(ctx, before, after)
}
