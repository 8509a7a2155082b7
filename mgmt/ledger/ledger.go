// SPDX-License-Identifier: Apache-2.0

// Package ledger is what is decided: it has a change of running or startup written, told
// and audited, and keeps what waits to be confirmed (RFC 6241, 8.4).
//
// It asks nobody for permission and validates nothing; mgmt has done both, and has the turn
// when it writes. Who takes part in a commit it tells only of what nobody may refuse.
//
// Invariants:
//
//  1. The record of a confirmed commit says how long it waits and what it goes back to, so
//     that a start finds either all of it or nothing.
//  2. What cannot be written is logged, and the client told what is so.
//  3. A revert that could not be written is tried again; running stays closed meanwhile.
package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/cdb"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/confirm"
	"nso.example/nso/mgmt/party"
	"nso.example/nso/mgmt/roster"
	"nso.example/nso/mgmt/stream"
	"nso.example/nso/mgmt/turn"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// Startup is the datastore of that name.
const Startup = "startup"

// Ledger has its parts set before its first use.
type Ledger struct {
	DB     *cdb.DB
	Turn   *turn.Turn
	Party  *party.Party
	Stream *stream.Stream
	Audit  *audit.Trail
	Log    *slog.Logger
	// Step is told of each step: tests end the process there.
	Step func(name string)

	mu  sync.Mutex
	try *Try // changed by who has the turn
}

// Try is a commit that waits to be confirmed. Its record in the database says the same.
type Try struct {
	confirm.Wait
	By       audit.Session
	Revision uint64
	Before   *tree.Node // what it is reverted to

	timer *time.Timer
}

// again is how long after a revert that could not be written it is tried again.
const again = 10 * time.Second

// Pending is the commit that waits to be confirmed; nil if none does.
func (l *Ledger) Pending() *Try {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.try
}

// Wait is who may decide about what waits to be confirmed; nil if nothing does.
func (l *Ledger) Wait() *confirm.Wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.try == nil {
		return nil
	}
	w := l.try.Wait
	return &w
}

// Who is a session as the stream has it.
func Who(by audit.Session) stream.Who {
	return stream.Who{Session: by.ID, User: by.Actor.User, Host: roster.Host(by.Actor.Source())}
}

func meta(by audit.Session, label confirm.Label) cdb.Meta {
	return cdb.Meta{Session: by.ID, User: by.Actor.User, Door: by.Door, Source: by.Actor.Source(), Label: label.Label, Comment: label.Comment}
}

// unwritten logs that the database did not take a change, and is what the client is told.
func (l *Ledger) unwritten(by audit.Session, err error) error {
	failed := event.CommitFailed
	if errors.Is(err, cdb.ErrFull) {
		failed = event.NoSpace
	}
	l.Log.Error("commit failed", event.Key, failed, "usid", by.ID, "user", by.Actor.User, "err", err)
	return cdb.Told(err)
}

// Running makes the change of running durable, with what waits to be confirmed. Without any
// change, and nothing that waits, the revision is the one that is.
func (l *Ledger) Running(ctx context.Context, by audit.Session, base, root *tree.Node, o confirm.Options) (rev uint64, err error) {
	_, rev = l.DB.Current()
	switch {
	case o.Confirmed:
		rev, err = l.attempt(ctx, by, base, root, o)
	case l.Pending() == nil && tree.Equal(base, root):
		return rev, nil
	default:
		// It also confirms what was pending: the record says no more that it is (8.4.1).
		l.Step("confirm")
		rev, err = l.DB.Commit(ctx, base, root, meta(by, o.Label))
		l.Step("confirmed")
	}
	if err != nil {
		return 0, l.unwritten(by, err)
	}
	if p := l.Pending(); p != nil && !o.Confirmed {
		l.Log.Info("commit confirmed", event.Key, event.ConfirmedCommit, "usid", by.ID, "user", by.Actor.User, "txid", p.Revision, "reason", "confirmed")
		l.settle(nil)
		l.Stream.ConfirmedCommit(Who(by), "complete", 0)
	}
	return rev, nil
}

// Startup makes the change of startup durable.
func (l *Ledger) Startup(ctx context.Context, by audit.Session, base, root *tree.Node, label confirm.Label) (rev uint64, err error) {
	if tree.Equal(base, root) {
		_, rev = l.DB.Current()
		return rev, nil
	}
	l.Step("startup")
	if rev, err = l.DB.SetStartup(ctx, base, root, meta(by, label)); err != nil {
		return 0, l.unwritten(by, err)
	}
	l.Step("started")
	return rev, nil
}

// Publish tells of a change of running or startup (RFC 6470, 2.2).
func (l *Ledger) Publish(datastore string, by audit.Session, base, root *tree.Node) {
	if datastore == Startup {
		l.Stream.StartupChange(Who(by), base, root)
		return
	}
	l.Stream.ConfigChange(Who(by), base, root)
}

// Replace makes running root, for who cannot be refused: who takes part is told, and what
// he says to it is logged.
func (l *Ledger) Replace(ctx context.Context, by audit.Session, root *tree.Node, step, comment string) (rev uint64, err error) {
	base, _ := l.DB.Current()
	ticket := l.Party.Tell(ctx, base, root, func(name string, err error) {
		l.Log.Warn(comment+" against the will of "+name, event.Key, event.ConfirmedCommit, "err", err)
	})
	l.Step(step)
	rev, err = l.DB.Commit(ctx, base, root, meta(by, confirm.Label{Comment: comment}))
	l.Step(step + "ed")
	if err != nil {
		ticket.Abort()
		return 0, err
	}
	ticket.Commit()
	return rev, nil
}

// Reset makes startup and running what root is. Startup comes first: if the process ends
// between the two, the next start does the rest.
func (l *Ledger) Reset(ctx context.Context, by audit.Session, root *tree.Node) error {
	const comment = "factory reset"
	if startup := l.DB.Startup(); startup != nil && !tree.Equal(startup, root) {
		if _, err := l.Startup(ctx, by, startup, root, confirm.Label{Comment: comment}); err != nil {
			return err
		}
		l.Publish(Startup, by, startup, root)
	}
	base, before := l.DB.Current()
	if tree.Equal(base, root) {
		return nil
	}
	rev, err := l.Replace(ctx, by, root, "reset", comment)
	if err != nil {
		return l.unwritten(by, err)
	}
	l.Publish("", by, base, root)
	l.Audit.Committed(audit.Commit{Session: by, Before: before, After: rev, Base: base, Root: root, Comment: comment})
	return nil
}

// attempt appends the record of a confirmed commit: the change, how long it waits and the
// way back.
func (l *Ledger) attempt(ctx context.Context, by audit.Session, base, root *tree.Node, o confirm.Options) (uint64, error) {
	before, hash, what := base, confirm.Token(o.Persist), "start"
	if first := l.Pending(); first != nil { // RFC 6241, 8.4.1: a follow-up
		before, what = first.Before, "extend"
		if hash == "" {
			hash = first.Token
		}
	}
	m := meta(by, o.Label)
	m.Try = &cdb.Try{Timeout: o.Timeout, Token: hash, Boot: cdb.SinceBoot()}
	l.Step("try")
	rev, err := l.DB.Try(ctx, base, root, before, m)
	if err != nil {
		return 0, err
	}
	l.Step("tried")
	next := &Try{Wait: confirm.Wait{Session: by.ID, Token: hash, User: m.User}, By: by, Revision: rev, Before: before}
	if hash != "" {
		next.Session = 0
	}
	l.arm(next, o.Timeout)
	l.Stream.ConfirmedCommit(Who(by), what, o.Timeout)
	l.Step("armed")
	return rev, nil
}

// arm begins to wait. The turn is held, or nobody is there yet.
func (l *Ledger) arm(t *Try, timeout time.Duration) {
	t.Until = time.Now().Add(timeout)
	t.timer = time.AfterFunc(timeout, func() { l.Revert(t, "timeout", "it was not confirmed in time") })
	l.settle(t)
}

func (l *Ledger) settle(t *Try) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.try != nil && l.try.timer != nil {
		l.try.timer.Stop()
	}
	l.try = t
}

// Revert brings back what was before t, for a reason of RFC 6470 and one to read, unless t
// has been settled meanwhile. Nobody may refuse it.
func (l *Ledger) Revert(t *Try, what, reason string) error {
	ctx := context.Background()
	if err := l.Turn.Take(ctx, nil); err != nil {
		return err
	}
	defer l.Turn.Give()
	if l.Pending() != t {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot revert the commit: it has been settled meanwhile")
	}
	base, before := l.DB.Current()
	rev, err := l.Replace(ctx, t.By, t.Before, "revert", "reverted: "+reason)
	if err != nil {
		l.Log.Error("commit not reverted", event.Key, event.CommitFailed, "user", t.By.Actor.User, "err", err)
		if !errors.Is(err, cdb.ErrUnsure) && !errors.Is(err, cdb.ErrStopped) { // else the next start does it
			l.mu.Lock()
			t.Session = 0 // which may be gone
			t.timer = time.AfterFunc(again, func() { l.Revert(t, what, reason) })
			l.mu.Unlock()
		}
		return cdb.Told(err)
	}
	l.settle(nil)
	l.Stream.ConfirmedCommit(stream.Who{Session: t.By.ID, User: t.By.Actor.User}, what, 0)
	l.Stream.ConfigChange(stream.Who{}, base, t.Before)
	l.Log.Warn("commit reverted", event.Key, event.ConfirmedCommit, "usid", t.By.ID, "user", t.By.Actor.User, "txid", t.Revision, "reason", reason)
	l.Audit.Committed(audit.Commit{Session: t.By, Before: before, After: rev, Base: base, Root: t.Before, Comment: "reverted: " + reason})
	return nil
}

// Resume goes on with a commit that the last run left unconfirmed. A session does
// not outlive the daemon, and no confirmed commit a boot (RFC 6241, 8.4.1); what
// persists goes on waiting.
func (l *Ledger) Resume() {
	p := l.DB.Pending()
	if p == nil {
		return
	}
	by := audit.Session{Actor: ident.Actor{User: p.Meta.User}, Door: p.Meta.Door, ID: p.Meta.Session}
	t := &Try{Wait: confirm.Wait{Token: p.Meta.Try.Token, User: p.Meta.User}, By: by, Revision: p.Revision, Before: p.Before}
	l.settle(t)
	left := p.Left(time.Now(), cdb.SinceBoot())
	switch {
	case t.Token == "":
		l.Revert(t, "cancel", "the daemon ended before it was confirmed")
	case left <= 0:
		l.Revert(t, "timeout", "it was not confirmed in time, or the machine was started anew")
	default:
		l.arm(t, left)
	}
}
