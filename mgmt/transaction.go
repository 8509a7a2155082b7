// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"sync"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// Txn is a transaction of a session. Its methods may be called by several
// goroutines; they exclude each other.
type Txn struct {
	session *Session
	mu      sync.Mutex
	txn     *txn.Txn
	holding bool // prepared: holds Server.commit
}

// StateError says that a call is not legal in the state a transaction is in.
type StateError = txn.StateError

// Label names a commit for people.
type Label struct{ Label, Comment string }

// Root is the transaction's data as this session may read it.
func (t *Txn) Root() *tree.Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session.view(t.txn.Root()).Prune(t.txn.Root())
}

// Base is what the transaction began on, as this session may read it.
func (t *Txn) Base() *tree.Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session.view(t.txn.Base()).Prune(t.txn.Base())
}

// Apply makes an edit, whole or not at all.
func (t *Txn) Apply(e *tree.Edit) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.txn.Apply(e)
}

// ApplyEach makes what it can of an edit and returns all that was refused:
// error-option continue-on-error (RFC 6241, 7.2).
func (t *Txn) ApplyEach(e *tree.Edit) mgmterr.List {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs mgmterr.List
	t.applyEach([]*tree.Edit{e}, &errs)
	return errs
}

// applyEach tries the last edit of chain inside its ancestors; where that is
// refused, it tries its children one by one.
func (t *Txn) applyEach(chain []*tree.Edit, errs *mgmterr.List) {
	last := chain[len(chain)-1]
	err := t.txn.Apply(wrap(chain))
	if err == nil {
		return
	}
	list := mgmterr.Of(err)
	if list == nil {
		list = mgmterr.List{mgmterr.New(mgmterr.OperationFailed, "", "cannot edit: internal error").WithCause(err)}
	}
	if len(last.Children) == 0 || (last.Op != tree.OpMerge && last.Op != tree.OpNone) {
		*errs = append(*errs, list...)
		return
	}
	for i := range last.Children {
		t.applyEach(append(chain[:len(chain):len(chain)], &last.Children[i]), errs)
	}
}

// wrap makes one edit of a chain from the root down, each with one child.
func wrap(chain []*tree.Edit) *tree.Edit {
	e := *chain[len(chain)-1]
	for i := len(chain) - 2; i >= 0; i-- {
		up := *chain[i]
		up.Children = []tree.Edit{e}
		e = up
	}
	return &e
}

// Revert gives up all edits.
func (t *Txn) Revert() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.txn.Revert()
}

// Dirty reports whether there is anything to commit.
func (t *Txn) Dirty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.txn.Dirty()
}

// Validate checks what the data would be (RFC 7950, 8.3.3).
func (t *Txn) Validate(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.txn.Validate(t.session.server.rules.Changed)
}

// Prepare takes the commit lock and brings the transaction up to the decision.
// Commit or Abort must follow; the caller arms a deadline.
func (t *Txn) Prepare(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.prepare(ctx)
}

func (t *Txn) prepare(ctx context.Context) error {
	s := t.session.server
	if t.holding {
		return &txn.StateError{Move: "prepare", State: t.txn.State()}
	}
	s.commit.Lock()
	if err := t.prepareHolding(ctx); err != nil {
		s.commit.Unlock()
		return err
	}
	t.holding = true
	return nil
}

func (t *Txn) prepareHolding(ctx context.Context) error {
	s := t.session.server
	s.mu.Lock()
	err := t.session.mayWriteLocked(Running)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := t.txn.Rebase(s.db.Root()); err != nil {
		return err
	}
	if err := t.txn.Validate(s.rules.Changed); err != nil {
		return err
	}
	return t.txn.Prepare(ctx, s.opts.Participants)
}

// Commit makes the change durable and visible, and returns its revision. When
// it returns without error, the change survives kill -9. A transaction that
// changes nothing commits to the revision that is.
func (t *Txn) Commit(ctx context.Context, l Label) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	begin := time.Now()
	if !t.holding {
		if err := t.prepare(ctx); err != nil {
			return 0, err
		}
	}
	prepared := time.Now()
	s := t.session.server
	defer t.release()
	rev, err := t.decide(ctx, l)
	if err != nil {
		t.txn.Unprepare()
		return 0, err
	}
	t.txn.Commit()
	t.forget()
	s.log.Info("commit", "usid", t.session.id, "user", t.session.actor.User, "door", t.session.login.Transport, "txid", rev,
		"label", l.Label, "prepare", prepared.Sub(begin), "dur", time.Since(begin))
	return rev, nil
}

// decide appends the one record that is the commit.
func (t *Txn) decide(ctx context.Context, l Label) (uint64, error) {
	s := t.session.server
	if !t.txn.Dirty() {
		_, rev := s.db.Current()
		return rev, nil
	}
	rev, err := s.db.Commit(ctx, t.txn.Base(), t.txn.Root(), cdb.Meta{
		Session: t.session.id, User: t.session.actor.User, Door: t.session.login.Transport,
		Source: t.session.actor.Source(), Label: l.Label, Comment: l.Comment,
	})
	if err != nil {
		s.log.Error("commit failed", "usid", t.session.id, "user", t.session.actor.User, "err", err)
		return 0, mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: the database could not write it (%v)", err).WithCause(err)
	}
	return rev, nil
}

// Abort ends the transaction without a trace. It may be called at any time.
func (t *Txn) Abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.txn.Abort()
	t.release()
	t.forget()
}

func (t *Txn) release() {
	if t.holding {
		t.holding = false
		t.session.server.commit.Unlock()
	}
}

func (t *Txn) forget() {
	t.session.server.mu.Lock()
	delete(t.session.txns, t)
	t.session.server.mu.Unlock()
}

// Validate checks running as it is or, if e is given, as e would make it.
func (ss *Session) Validate(ctx context.Context, e *tree.Edit) error {
	if e == nil {
		if _, errs := ss.server.rules.Full(ss.server.db.Root()); len(errs) > 0 {
			return errs
		}
		return nil
	}
	t, err := ss.Begin(ctx, Running)
	if err != nil {
		return err
	}
	defer t.Abort()
	if err := t.Apply(e); err != nil {
		return err
	}
	return t.Validate(ctx)
}
