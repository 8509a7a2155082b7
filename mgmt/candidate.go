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

// shared is the candidate that everybody shares (RFC 6241, 8.3): two pointers. It is
// set by who has the turn, or frees its lock.
type shared struct {
	base, root *tree.Node // running when it was first changed, and itself; nil if nothing was
	by         uint32     // session that changed it last
	user       string
}

// candidate is what the candidate began on and what it is. One that nobody has
// changed is running.
func (s *Server) candidate() (base, root *tree.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared.root == nil {
		now := s.db.Root()
		return now, now
	}
	return s.shared.base, s.shared.root
}

// setCandidate is called with the turn.
func (s *Server) setCandidate(ss *Session, root *tree.Node) {
	base, _ := s.candidate()
	next := shared{base, root, ss.id, ss.actor.User}
	if tree.Equal(base, root) {
		next = shared{} // changed back
	}
	s.mu.Lock()
	s.shared = next
	s.mu.Unlock()
}

// checkCandidate validates what a commit would make of running.
func (s *Server) checkCandidate(_, root *tree.Node) (*tree.Node, mgmterr.List) {
	base, _ := s.candidate()
	would := txn.Resume(base, root, nil)
	if err := would.Rebase(s.db.Root()); err != nil {
		return root, txn.Refusals(err)
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
	t, err := ss.open(&Txn{session: ss, store: Running, shared: true, txn: txn.New(now, nil), used: time.Now()})
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
	s.shared = shared{}
	return nil
}
