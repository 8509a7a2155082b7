// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"time"

	"nso.example/nso/mgmt/lock"
	"nso.example/nso/mgmt/turn"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

func (ss *Session) owner() lock.Owner { return lock.Owner{Session: ss.id, User: ss.actor.User} }

// locked is the name by which a datastore is locked: a candidate of the session's own is
// one for itself.
func (ss *Session) locked(ds Datastore) string {
	if ds == Candidate && ss.login.PrivateCandidate {
		return fmt.Sprint(string(ds), " ", ss.id)
	}
	return string(ds)
}

// locking does f, which grants a lock, with the turn and Server.mu: none is granted in the
// middle of a commit (RFC 6241, 7.5), nor to a session that has ended.
func (ss *Session) locking(f func() error) error {
	s := ss.server
	if err := s.turn.Take(context.Background(), ss.stop); err != nil {
		return err
	}
	defer s.turn.Give()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.member.Ended() {
		return turn.Ended()
	}
	return f()
}

// Lock takes the datastore for this session (RFC 6241, 7.5).
func (ss *Session) Lock(ds Datastore) error {
	if err := ss.MayExec("ietf-netconf", "lock"); err != nil {
		return err
	}
	s := ss.server
	if root, _ := ss.version(ds); root == nil {
		return noDatastore(ds)
	}
	return ss.locking(func() error {
		if err := s.locks.Free(ss.locked(ds)); err != nil {
			return err
		}
		switch try := s.ledger.Pending(); {
		case ds == Candidate && ss.candidate.root != nil: // RFC 6241, 7.5
			return lock.Denied(string(ds), s.roster.Present(ss.candidate.by), "%s has changed it; commit that or discard-changes first", ss.candidate.user)
		case ds == Running && try != nil && try.By.ID != ss.id: // RFC 6241, 7.5
			return lock.Denied(string(ds), s.roster.Present(try.By.ID), "a commit of %s has to be confirmed first", try.User)
		case ds == Running:
			if err := s.parts.None(string(ds)); err != nil {
				return err
			}
		}
		return s.locks.Lock(ss.locked(ds), ss.owner(), time.Now())
	})
}

// Unlock frees a lock that this session holds (RFC 6241, 7.6).
func (ss *Session) Unlock(ds Datastore) error {
	if err := ss.MayExec("ietf-netconf", "unlock"); err != nil {
		return err
	}
	s := ss.server
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.locks.Unlock(ss.locked(ds), ss.id)
	if err == nil && ds == Candidate {
		*ss.candidate = candidate{} // RFC 6241, 8.3.5.2
	}
	return err
}

// releaseLocked frees what the session has locked.
func (ss *Session) releaseLocked() {
	for _, ds := range ss.server.locks.Release(ss.id) {
		if ds == ss.locked(Candidate) {
			*ss.candidate = candidate{} // RFC 6241, 8.3.5.2
		}
	}
	if ss.login.PrivateCandidate {
		delete(ss.server.candidates, ss.candidate)
	}
	ss.server.parts.Release(ss.id)
}

// mayWriteLocked refuses when somebody else holds the lock (RFC 6241, 7.5).
func (ss *Session) mayWriteLocked(ds Datastore) error {
	if ss.member.Ended() {
		return turn.Ended()
	}
	return ss.server.locks.MayWrite(ss.locked(ds), ss.id)
}

// PartialLock locks the nodes of running that choose finds in what the session may read
// of it, with what is below them (RFC 5717, 2.4.1). selects are how the client named
// them. It returns the number of the lock and the nodes.
func (ss *Session) PartialLock(selects []string, choose func(running *tree.Node) ([]tree.Path, error)) (id uint32, nodes []tree.Path, err error) {
	if err := ss.MayExec("ietf-netconf-partial-lock", "partial-lock"); err != nil {
		return 0, nil, err
	}
	s := ss.server
	// Chosen with the turn: what is locked is what is there.
	if err := s.turn.Take(context.Background(), ss.stop); err != nil {
		return 0, nil, err
	}
	defer s.turn.Give()
	root := s.db.Root()
	view := ss.user.View(root)
	if nodes, err = choose(view.Prune(root)); err != nil {
		return 0, nil, err
	}
	if len(nodes) == 0 { // RFC 5717, 2.4.1
		return 0, nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot lock: nothing in running is selected").
			OfType(mgmterr.Protocol).WithAppTag("no-matches")
	}
	for _, n := range nodes { // RFC 5717, 2.4.1: who may not change a node does not lock it
		if d := view.Write(n, tree.Update); !d.Permit {
			e := mgmterr.New(mgmterr.AccessDenied, n.String(), "cannot lock this node: no right to change it").
				OfType(mgmterr.Protocol).WithCause(&mgmterr.Denial{By: d.By, Path: n.String()})
			ss.user.Refused("partial-lock", e)
			return 0, nil, e
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err, wait := s.locks.Free(string(Running)), s.ledger.Wait(); {
	case ss.member.Ended():
		return 0, nil, turn.Ended()
	case err != nil:
		return 0, nil, err
	case wait != nil: // RFC 5717, 2.4.1
		return 0, nil, mgmterr.New(mgmterr.InUse, "", "cannot lock: a commit of %s has to be confirmed first", wait.User).
			OfType(mgmterr.Protocol).WithAppTag("outstanding-confirmed-commit")
	}
	id, err = s.parts.Lock(ss.owner(), selects, nodes, time.Now())
	return id, nodes, err
}

// PartialUnlock frees a partial lock of this session (RFC 5717, 2.4.2).
func (ss *Session) PartialUnlock(id uint32) error {
	if err := ss.MayExec("ietf-netconf-partial-lock", "partial-unlock"); err != nil {
		return err
	}
	return ss.server.parts.Unlock(ss.id, id)
}
