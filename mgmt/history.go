// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"time"

	"nso.example/nso/mgmt/history"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// Commit is an entry of the history.
type Commit = history.Commit

// History are at most n commits up to revision before, newest first; 0 is up to now. It
// is for whoever may run get-config; what a commit changed he sees as At shows it.
func (ss *Session) History(before uint64, n int) ([]Commit, error) {
	if err := ss.MayExec("ietf-netconf", "get-config"); err != nil {
		return nil, err
	}
	return ss.server.history.Newest(before, n)
}

// At is what running was at a revision, as the session may read it: as access control is
// now, not then.
func (ss *Session) At(ctx context.Context, rev uint64) (*tree.Node, error) {
	if err := ss.MayExec("ietf-netconf", "get-config"); err != nil {
		return nil, err
	}
	root, err := ss.server.history.At(ctx, rev)
	if err != nil {
		return nil, err
	}
	return ss.user.Now().Prune(root), nil
}

// Rollback makes of the transaction what running was at a revision. What that changes is
// asked of access control, as an edit is.
func (t *Txn) Rollback(ctx context.Context, rev uint64) error {
	root, err := t.session.server.history.At(ctx, rev)
	if err != nil {
		return err
	}
	t.use()
	defer t.mu.Unlock()
	view := t.view()
	if err = t.txn.Become(root, view.Guard()); err == nil {
		t.asked = view
	}
	t.session.user.Refused("edit", err)
	return err
}

// DryRun is what a commit would make of running now, before and after, as the session may
// read them: all is checked, but who takes part in commits is not asked. The transaction
// goes on from there.
func (t *Txn) DryRun() (before, after *tree.Node, err error) {
	t.use()
	defer t.mu.Unlock()
	if err := t.ready(CommitOptions{}); err != nil {
		return nil, nil, err
	}
	view := t.view()
	return view.Prune(t.txn.Base()), view.Prune(t.txn.Root()), nil
}

// DryCommit is DryRun of a commit of the candidate.
func (ss *Session) DryCommit() (before, after *tree.Node, err error) {
	t, err := ss.open(&Txn{session: ss, store: Running, staged: true, txn: txn.New(ss.server.db.Root(), nil), used: time.Now()})
	if err != nil {
		return nil, nil, err
	}
	defer t.Abort()
	return t.DryRun()
}
