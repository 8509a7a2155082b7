// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"sync"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/confirm"
	"nso.example/nso/mgmt/turn"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// Txn is a transaction of a session. Its methods may be called by several
// goroutines; they exclude each other.
type Txn struct {
	session *Session
	store   Datastore
	staged  bool   // it is what has become of the candidate
	since   uint64 // revision of running that it began on
	mu      sync.Mutex
	txn     *txn.Txn
	asked   *nacm.View // that has permitted every edit
	holding bool       // prepared: has the turn
	force   bool       // its author may lock himself out
	// confirms says that its commit may confirm another (RFC 6241, 8.4).
	confirms bool

	idle *time.Timer // nil if it may stay for ever
	used time.Time

	// shown is what view made of root when Root was called last.
	shown struct {
		view       *nacm.View
		root, data *tree.Node
	}
}

// StateError says that a call is not legal in the state a transaction is in.
type StateError = txn.StateError

// Label names a commit for people.
type Label = confirm.Label

// maxErrors is how many errors one request is answered with.
const maxErrors = 100

// use excludes others, and notes that the transaction is in use.
func (t *Txn) use() {
	t.mu.Lock()
	t.used = time.Now()
}

// view is what the session may do as running has it now. What the transaction
// itself would change of access control does not count before it is committed.
func (t *Txn) view() *nacm.View { return t.session.user.Now() }

// Root is the transaction's data as this session may read it.
func (t *Txn) Root() *tree.Node {
	t.use()
	defer t.mu.Unlock()
	view, root := t.view(), t.txn.Root()
	if t.shown.view != view || t.shown.root != root {
		t.shown.view, t.shown.root, t.shown.data = view, root, view.Prune(root)
	}
	return t.shown.data
}

// Base is what the transaction began on, as this session may read it.
func (t *Txn) Base() *tree.Node {
	t.use()
	defer t.mu.Unlock()
	return t.view().Prune(t.txn.Base())
}

// authorize asks again about what has been done if access control has changed
// since: a right that was taken away is not kept by an open transaction.
func (t *Txn) authorize() error {
	view := t.view()
	if view == t.asked {
		return nil
	}
	if err := t.txn.Authorize(view.Guard()); err != nil {
		return err
	}
	t.asked = view
	return nil
}

// Apply makes an edit, whole or not at all.
func (t *Txn) Apply(e *tree.Edit) error {
	t.use()
	defer t.mu.Unlock()
	err := t.authorize()
	if err == nil {
		err = t.txn.Apply(e)
	}
	t.session.user.Refused("edit", err)
	return err
}

// ApplyEach makes what it can of an edit and returns what was refused, up to a
// number of errors: error-option continue-on-error (RFC 6241, 7.2).
func (t *Txn) ApplyEach(e *tree.Edit) mgmterr.List {
	t.use()
	defer t.mu.Unlock()
	errs := txn.Refusals(t.authorize())
	if errs == nil {
		errs = t.txn.ApplyEach(e, maxErrors)
	}
	if len(errs) > 0 {
		t.session.user.Refused("edit", errs)
	}
	return errs
}

// Revert gives up all edits and goes on from the datastore as it is now, so that what
// was in conflict can be done anew.
func (t *Txn) Revert() error {
	t.use()
	defer t.mu.Unlock()
	if err := t.txn.Revert(); err != nil {
		return err
	}
	return t.txn.Rebase(t.current())
}

// current is what the datastore of the transaction is now.
func (t *Txn) current() *tree.Node {
	root, _ := t.session.version(t.store)
	return root
}

// version is what a datastore that can be written is, with the revision of running that
// it is of; nil if there is none of that name.
func (ss *Session) version(ds Datastore) (root *tree.Node, rev uint64) {
	switch ds {
	case Running:
		return ss.server.db.Current()
	case Candidate:
		_, root, rev = ss.staged()
	case Startup:
		root = ss.server.db.Startup()
	}
	return root, rev
}

// Dirty reports whether there is anything to commit.
func (t *Txn) Dirty() bool {
	t.use()
	defer t.mu.Unlock()
	return t.txn.Dirty()
}

// Validate checks what the data would be (RFC 7950, 8.3.3).
func (t *Txn) Validate(ctx context.Context) error {
	t.use()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.validate()
}

func (t *Txn) validate() error {
	check := t.session.server.check
	if t.store == Candidate {
		check = t.session.checkCandidate
	}
	err := t.txn.Validate(check)
	if list := mgmterr.Of(err); list != nil {
		return t.session.user.Discreet(list)
	}
	return err
}

// Force lets the commit take from its author the right to change access control.
func (t *Txn) Force() {
	t.use()
	defer t.mu.Unlock()
	t.force = true
}

// Prepare takes the turn to commit and brings the transaction up to the decision.
// Commit or Abort must follow; the caller arms a deadline.
func (t *Txn) Prepare(ctx context.Context) error {
	t.use()
	defer t.mu.Unlock()
	if err := t.prepare(ctx, CommitOptions{}); err != nil {
		return err
	}
	t.session.server.turn.Keep(t.session.stop)
	return nil
}

func (t *Txn) prepare(ctx context.Context, o CommitOptions) error {
	s := t.session.server
	if t.holding {
		return &txn.StateError{Move: "prepare", State: t.txn.State()}
	}
	if err := s.turn.Take(ctx, t.session.stop); err != nil {
		return err
	}
	defer func() { // after a panic too, which is recovered where the connection is
		if !t.holding {
			s.turn.Give()
		}
	}()
	err := t.prepareHolding(ctx, o)
	t.holding = err == nil
	return err
}

func (t *Txn) prepareHolding(ctx context.Context, o CommitOptions) error {
	if err := t.ready(o); err != nil {
		return err
	}
	if t.store != Running { // nobody takes part in it
		return t.txn.Hold()
	}
	err := t.txn.Prepare(ctx, t.session.server.party)
	if list := mgmterr.Of(err); list != nil {
		return t.session.user.Discreet(list)
	}
	return err
}

// ready is all that can be refused of a commit but by who takes part in it.
func (t *Txn) ready(o CommitOptions) error {
	s := t.session.server
	if err := t.mayCommit(o); err != nil {
		return err
	}
	if t.staged {
		var base, root *tree.Node
		base, root, t.since = t.session.staged()
		t.txn, t.asked = txn.Resume(base, root, nil), nil
	}
	base := t.txn.Base()
	now, rev := t.session.version(t.store)
	if err := t.txn.Rebase(now); err != nil {
		return s.history.Blamed(err, base, t.since)
	}
	t.since = rev
	if err := t.authorize(); err != nil {
		t.session.user.Refused("commit", err)
		return err
	}
	if t.store == Candidate {
		return nil // RFC 7950, 8.3.3: the candidate is valid when it is committed, not before
	}
	if err := t.validate(); err != nil || t.store == Startup {
		return err
	}
	if !t.force {
		if err := t.session.user.Lockout(t.txn.Base(), t.txn.Root()); err != nil {
			return err
		}
	}
	if err := s.parts.MayChange(t.session.id, t.txn.Base(), t.txn.Root()); err != nil {
		return t.session.user.Discreet(mgmterr.Of(err))
	}
	return nil
}

// mayCommit asks the locks and what waits to be confirmed.
func (t *Txn) mayCommit(o CommitOptions) error {
	s := t.session.server
	s.mu.Lock()
	defer s.mu.Unlock()
	err := t.session.mayWriteLocked(t.store)
	if err == nil && t.staged { // RFC 6241, 8.3.4.1
		err = t.session.mayWriteLocked(Candidate)
	}
	if err == nil && t.store == Startup {
		err = s.ledger.Wait().MaySave()
	}
	if err == nil && t.store == Running {
		err = s.ledger.Wait().MayChange(t.session.id, t.staged || t.confirms, o.PersistID)
	}
	return err
}

// Commit makes the change durable and visible, and returns its revision. When
// it returns without error, the change survives kill -9. A transaction that
// changes nothing commits to the revision that is. One on the candidate changes it
// in memory; the revision is running's.
func (t *Txn) Commit(ctx context.Context, l Label) (uint64, error) {
	return t.commit(ctx, CommitOptions{Label: l})
}

// CommitWith is Commit with the options of a commit, such as that it has to be confirmed.
// A commit that confirms an earlier one may change nothing.
func (t *Txn) CommitWith(ctx context.Context, o CommitOptions) (uint64, error) {
	t.confirms = true
	return t.commit(ctx, o)
}

func (t *Txn) commit(ctx context.Context, o CommitOptions) (uint64, error) {
	t.use()
	defer t.mu.Unlock()
	begin := time.Now()
	if !t.holding {
		if err := t.prepare(ctx, o); err != nil {
			return 0, err
		}
	}
	prepared := time.Now()
	s := t.session.server
	defer t.release()
	_, before := s.db.Current()
	rev, err := t.decide(ctx, o)
	if err != nil {
		t.txn.Unprepare()
		return 0, err
	}
	t.txn.Commit()
	if rev != before {
		s.ledger.Publish(string(t.store), t.session.audited(), t.txn.Base(), t.txn.Root())
	}
	t.release() // nobody waits for the audit
	t.forget()
	if rev != before {
		s.audit.Committed(audit.Commit{Session: t.session.audited(), Before: before, After: rev, Base: t.txn.Base(), Root: t.txn.Root(),
			Datastore: named(t.store), Label: o.Label.Label, Comment: o.Label.Comment, Prepare: prepared.Sub(begin), Length: time.Since(begin)})
	}
	return rev, nil
}

// decide appends the one record that is the commit.
func (t *Txn) decide(ctx context.Context, o CommitOptions) (rev uint64, err error) {
	s := t.session.server
	_, rev = s.db.Current()
	if ctx.Err() != nil {
		return 0, turn.Cancelled(ctx)
	}
	if t.store == Candidate {
		t.session.stage(t.txn.Root())
		return rev, nil
	}
	by := t.session.audited()
	if t.store == Startup {
		return s.ledger.Startup(ctx, by, t.txn.Base(), t.txn.Root(), o.Label)
	}
	rev, err = s.ledger.Running(ctx, by, t.txn.Base(), t.txn.Root(), o)
	if err == nil && t.staged {
		s.mu.Lock()
		*t.session.candidate = candidate{} // it is running
		s.mu.Unlock()
	}
	return rev, err
}

// Abort ends the transaction without a trace. It may be called at any time.
func (t *Txn) Abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abort()
}

func (t *Txn) abort() {
	defer t.forget()
	defer t.release()
	t.txn.Abort()
}

func (t *Txn) release() {
	if t.holding {
		t.holding = false
		t.session.server.turn.Give()
	}
}

// expire aborts a transaction that has not been used for too long.
func (t *Txn) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.session.server
	if left := s.opts.TxnIdle - time.Since(t.used); left > 0 {
		t.idle.Reset(left)
		return
	}
	if t.txn.State() < txn.Committed {
		s.log.Info("transaction aborted", event.Key, event.TxnExpired, "usid", t.session.id, "user", t.session.actor.User, "reason", "not used for too long")
	}
	t.abort()
}

func (t *Txn) forget() {
	if t.idle != nil {
		t.idle.Stop()
	}
	t.session.server.mu.Lock()
	delete(t.session.txns, t)
	t.session.server.mu.Unlock()
}

// Validate checks a datastore as it is or, if e is given, as e would make it.
func (ss *Session) Validate(ctx context.Context, ds Datastore, e *tree.Edit) error {
	s := ss.server
	if e != nil {
		t, err := ss.Begin(ctx, ds)
		if err != nil {
			return err
		}
		defer t.Abort()
		if err := t.Apply(e); err != nil {
			return err
		}
		return t.Validate(ctx)
	}
	var errs mgmterr.List
	switch ds {
	case Running, Startup:
		root, _ := ss.version(ds)
		if root == nil {
			return noDatastore(ds)
		}
		_, errs = s.rules.Full(root)
	case Candidate:
		base, root, _ := ss.staged()
		_, errs = ss.checkCandidate(base, root)
	default:
		return noDatastore(ds)
	}
	if len(errs) > 0 {
		return ss.user.Discreet(errs)
	}
	return nil
}
