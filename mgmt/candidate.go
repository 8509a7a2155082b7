// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"time"

	"nso.example/nso/mgmt/confirm"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// candidate is the one that everybody shares (RFC 6241, 8.3), or a session's own: two
// pointers. It is set by who has the turn, or frees its lock.
type candidate struct {
	base, root *tree.Node // running when it was first changed, and itself; nil if nothing was
	rev        uint64     // of base
	by         uint32     // session that changed it last
	user       string
}

// staged is what the session's candidate began on, with its revision, and what it is. One
// that nobody has changed is running, and each follows running as long as it can.
func (ss *Session) staged() (base, root *tree.Node, rev uint64) {
	s := ss.server
	s.mu.Lock()
	c := *ss.candidate
	s.mu.Unlock()
	now, rev := s.db.Current()
	if c.root == nil {
		return now, now, rev
	}
	// RFC 6241, 8.3.4.1: a commit makes running what the candidate is. So it follows what
	// others change in running, but for a conflict, which no commit comes through.
	if t := txn.Resume(c.base, c.root, nil); t.Rebase(now) == nil {
		return now, t.Root(), rev
	}
	return c.base, c.root, c.rev
}

// stage is called with the turn.
func (ss *Session) stage(root *tree.Node) {
	base, _, rev := ss.staged()
	next := candidate{base, root, rev, ss.id, ss.actor.User}
	if tree.Equal(base, root) {
		next = candidate{} // changed back
	}
	ss.server.mu.Lock()
	*ss.candidate = next
	ss.server.mu.Unlock()
}

// checkCandidate validates what a commit would make of running.
func (ss *Session) checkCandidate(_, root *tree.Node) (*tree.Node, mgmterr.List) {
	s := ss.server
	base, _, rev := ss.staged()
	would := txn.Resume(base, root, nil)
	if err := would.Rebase(s.db.Root()); err != nil {
		return root, txn.Refusals(s.history.Blamed(err, base, rev))
	}
	_, errs := s.check(would.Base(), would.Root())
	return root, errs
}

// CommitOptions say how the candidate is committed.
type CommitOptions = confirm.Options

// CommitCandidate makes running what the candidate is, less what others have changed
// in running since the candidate began: that stays, and where both changed the same
// node it is a conflict (RFC 6241, 8.3.4.1 and 8.4).
func (ss *Session) CommitCandidate(ctx context.Context, o CommitOptions) (uint64, error) {
	now := ss.server.db.Root()
	t, err := ss.open(&Txn{session: ss, store: Running, staged: true, txn: txn.New(now, nil), used: time.Now()})
	if err != nil {
		return 0, err
	}
	defer t.Abort()
	return t.commit(ctx, o)
}

// Discard makes the candidate what running is (RFC 6241, 8.3.4.2).
func (ss *Session) Discard(ctx context.Context) error {
	s := ss.server
	if err := s.turn.Take(ctx, ss.stop); err != nil {
		return err
	}
	defer s.turn.Give()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ss.mayWriteLocked(Candidate); err != nil {
		return err
	}
	*ss.candidate = candidate{}
	return nil
}

// CancelCommit reverts the commit that waits to be confirmed (RFC 6241, 8.4.4.1).
func (ss *Session) CancelCommit(id string) error {
	l := ss.server.ledger
	t := l.Pending()
	if err := l.Wait().MayCancel(ss.id, id); err != nil {
		return err
	}
	return l.Revert(t, "cancel", "cancelled by "+ss.actor.User)
}

// ForceCancel is CancelCommit for a member of nso-admin, whoever made the commit and
// whatever its persist-id is: the way out where that is lost.
func (ss *Session) ForceCancel() error {
	l := ss.server.ledger
	t := l.Pending()
	switch {
	case !ss.login.Recovery && !ss.server.Admin(ss.actor):
		return mgmterr.New(mgmterr.AccessDenied, "", "cannot cancel the commit of somebody else: that is for members of nso-admin").OfType(mgmterr.Protocol)
	case t == nil:
		return l.Wait().MayCancel(ss.id, "")
	}
	return l.Revert(t, "cancel", "cancelled by the administrator "+ss.actor.User)
}

// Unconfirmed is the commit that waits to be confirmed, who made it and until when; 0 if
// none does.
func (s *Server) Unconfirmed() (rev uint64, user string, until time.Time) {
	t, w := s.ledger.Pending(), s.ledger.Wait()
	if t == nil || w == nil {
		return 0, "", time.Time{}
	}
	return t.Revision, w.User, w.Until
}
