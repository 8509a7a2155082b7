// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"errors"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/cdb"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/confirm"
	"nso.example/nso/mgmt/stream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// try is a commit that waits to be confirmed (RFC 6241, 8.4). Its record in the
// database says the same, so that a start finds either all of it or nothing.
type try struct {
	confirm.Wait
	by     audit.Session
	rev    uint64
	before *tree.Node
	timer  *time.Timer
}

// wait is who may decide; nil of none.
func (t *try) wait() *confirm.Wait {
	if t == nil {
		return nil
	}
	return &t.Wait
}

// again is how long after a revert that could not be written it is tried again.
const again = 10 * time.Second

func (s *Server) pending() *try {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.try
}

// tryCommit appends the record of a confirmed commit: the change, how long it waits
// and the way back.
func (s *Server) tryCommit(ctx context.Context, t *Txn, o CommitOptions, m cdb.Meta) (uint64, error) {
	before, hash, what := t.txn.Base(), confirm.Token(o.Persist), "start"
	if first := s.pending(); first != nil { // RFC 6241, 8.4.1: a follow-up
		before, what = first.before, "extend"
		if hash == "" {
			hash = first.Token
		}
	}
	m.Try = &cdb.Try{Timeout: o.Timeout, Token: hash, Boot: cdb.SinceBoot()}
	s.opts.Step("try")
	rev, err := s.db.Try(ctx, t.txn.Base(), t.txn.Root(), before, m)
	if err != nil {
		return 0, err
	}
	s.opts.Step("tried")
	next := &try{confirm.Wait{Session: t.session.id, Token: hash, User: m.User}, t.session.audited(), rev, before, nil}
	if hash != "" {
		next.Session = 0
	}
	s.arm(next, o.Timeout)
	s.stream.ConfirmedCommit(t.session.who(), what, o.Timeout)
	s.opts.Step("armed")
	return rev, nil
}

// arm begins to wait. The turn is held, or nobody is there yet.
func (s *Server) arm(t *try, timeout time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLocked(t)
	t.Until = time.Now().Add(timeout)
	t.timer = time.AfterFunc(timeout, func() { s.revert(t, "timeout", "it was not confirmed in time") })
}

func (s *Server) settleLocked(t *try) {
	if s.try != nil && s.try.timer != nil {
		s.try.timer.Stop()
	}
	s.try = t
}

// settle is what follows from the decision while the turn is held: what was pending
// is confirmed, and the candidate is running.
func (t *Txn) settle(o CommitOptions) {
	s := t.session.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.try != nil && !o.Confirmed {
		s.log.Info("commit confirmed", event.Key, event.ConfirmedCommit, "usid", t.session.id, "user", t.session.actor.User,
			"txid", s.try.rev, "reason", "confirmed")
		s.settleLocked(nil)
		s.stream.ConfirmedCommit(t.session.who(), "complete", 0)
	}
	if t.staged {
		*t.session.candidate = candidate{}
	}
}

// CancelCommit reverts the commit that waits to be confirmed (RFC 6241, 8.4.4.1).
func (ss *Session) CancelCommit(id string) error {
	s := ss.server
	s.mu.Lock()
	t := s.try
	err := t.wait().MayCancel(ss.id, id)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.revert(t, "cancel", "cancelled by "+ss.actor.User)
}

// revert brings back what was before t, for a reason of RFC 6470 and one to read, unless t has been settled meanwhile. Nobody
// may refuse it. What cannot be written is tried again, and running stays closed.
func (s *Server) revert(t *try, what, reason string) error {
	ctx := context.Background()
	if err := s.turn.Take(ctx, nil); err != nil {
		return err
	}
	defer s.turn.Give()
	if s.pending() != t {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot revert the commit: it has been settled meanwhile")
	}
	base, before := s.db.Current()
	ticket := s.party.Tell(ctx, base, t.before, func(name string, err error) {
		s.log.Warn("commit reverted against the will of "+name, event.Key, event.ConfirmedCommit, "err", err)
	})
	s.opts.Step("revert")
	rev, err := s.db.Commit(ctx, base, t.before, cdb.Meta{Session: t.by.ID, User: t.by.Actor.User, Door: t.by.Door,
		Comment: "reverted: " + reason})
	s.opts.Step("reverted")
	if err != nil {
		ticket.Abort()
		s.log.Error("commit not reverted", event.Key, event.CommitFailed, "user", t.by.Actor.User, "err", err)
		if !errors.Is(err, cdb.ErrUnsure) && !errors.Is(err, cdb.ErrStopped) { // else the next start does it
			s.mu.Lock()
			t.Session = 0 // which may be gone
			t.timer = time.AfterFunc(again, func() { s.revert(t, what, reason) })
			s.mu.Unlock()
		}
		return cdb.Told(err)
	}
	ticket.Commit()
	s.mu.Lock()
	s.settleLocked(nil)
	s.mu.Unlock()
	who := stream.Who{Session: t.by.ID, User: t.by.Actor.User}
	s.stream.ConfirmedCommit(who, what, 0)
	s.stream.ConfigChange(stream.Who{}, base, t.before)
	s.log.Warn("commit reverted", event.Key, event.ConfirmedCommit, "usid", t.by.ID, "user", t.by.Actor.User, "txid", t.rev, "reason", reason)
	s.audit.Committed(audit.Commit{Session: t.by, Before: before, After: rev, Base: base, Root: t.before, Comment: "reverted: " + reason})
	return nil
}

// resume goes on with a commit that the last run left unconfirmed. A session does
// not outlive the daemon, and no confirmed commit a boot (RFC 6241, 8.4.1); what
// persists goes on waiting.
func (s *Server) resume() {
	p := s.db.Pending()
	if p == nil {
		return
	}
	by := audit.Session{Actor: ident.Actor{User: p.Meta.User}, Door: p.Meta.Door, ID: p.Meta.Session}
	t := &try{confirm.Wait{Token: p.Meta.Try.Token, User: p.Meta.User}, by, p.Revision, p.Before, nil}
	s.mu.Lock()
	s.try = t
	s.mu.Unlock()
	left := p.Left(time.Now(), cdb.SinceBoot())
	switch {
	case t.Token == "":
		s.revert(t, "cancel", "the daemon ended before it was confirmed")
	case left <= 0:
		s.revert(t, "timeout", "it was not confirmed in time, or the machine was started anew")
	default:
		s.arm(t, left)
	}
}
