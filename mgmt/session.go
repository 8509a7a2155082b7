// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/access"
	"nso.example/nso/mgmt/ledger"
	"nso.example/nso/mgmt/roster"
	"nso.example/nso/mgmt/state"
	"nso.example/nso/mgmt/stream"
	"nso.example/nso/mgmt/turn"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
)

// Datastore names a datastore (RFC 8342, 5).
type Datastore string

// The datastores that exist.
const (
	Running     Datastore = "running"
	Candidate   Datastore = "candidate"   // shared (RFC 6241, 8.3), or the session's own
	Startup     Datastore = "startup"     // if the database has one (RFC 6241, 8.7)
	Operational Datastore = "operational" // running with the state, read only
	// Factory is what a reset goes back to, read only (RFC 8808, 3).
	Factory Datastore = "factory-default"
)

// Session is somebody who is logged in. Its methods may be called by one
// goroutine at a time, Info and Kill of others excepted.
type Session struct {
	server *Server
	member *roster.Member
	id     uint32
	actor  ident.Actor
	login  Login
	user   *access.User
	stop   chan struct{} // closed when it is to end: nothing is waited for any more

	// guarded by Server.mu
	txns      map[*Txn]bool
	candidate *candidate // the shared one or its own
}

// SessionCounters are those of RFC 6022, 2.1.4.
type SessionCounters = state.Counters

// Info is what may be told of a session (RFC 6022, 2.1.4).
type Info = roster.Info

// ID is the session-id (RFC 6241, 8.1).
func (ss *Session) ID() uint32 { return ss.id }

// Actor is who the session acts as.
func (ss *Session) Actor() ident.Actor { return ss.actor }

// audited is the session as the audit names it.
func (ss *Session) audited() audit.Session {
	return audit.Session{Actor: ss.actor, Door: ss.login.Transport, ID: ss.id}
}

// Subscribe receives the events of the server, as access control has it when each is
// sent (RFC 5277; RFC 8341, 3.4.6). It is to be closed.
func (ss *Session) Subscribe(replay bool, from time.Time) *stream.Subscription {
	return ss.server.stream.Subscribe(stream.Rights{
		Reads:   func(p tree.Path) bool { return ss.user.Now().Reads(p) },
		Receive: func(n *yang.Node) bool { return ss.user.MayReceive(nil, n) },
	}, replay, from)
}

// Schema is what the data obeys.
func (ss *Session) Schema() *yang.Schema { return ss.server.schema }

// Count adds to the session's counters.
func (ss *Session) Count(c SessionCounters) { ss.member.Count(c) }

// Close ends the session: its transactions are aborted and its locks freed when
// this returns. dropped says that the connection was lost, and neither closed nor
// killed (RFC 6022, 2.1.5). Closing an ended session does nothing.
func (ss *Session) Close(reason string, dropped bool) {
	s := ss.server
	end, first := ss.member.Leaving(dropped)
	if !first {
		<-ss.member.Gone
		return
	}
	defer close(ss.member.Gone)
	s.mu.Lock()
	open := slices.Collect(maps.Keys(ss.txns))
	s.mu.Unlock()
	for _, t := range open {
		t.Abort()
	}
	s.mu.Lock()
	ss.releaseLocked()
	s.mu.Unlock()
	if try := s.ledger.Pending(); try != nil && try.Session == ss.id {
		// RFC 6241, 8.4.1: the commit ends with the session that did not confirm it.
		s.ledger.Revert(try, "cancel", "the session ended before it was confirmed")
	}
	killer := ss.member.Left(end)
	if ss.login.Recovery {
		s.audit.Recovery(ss.audited(), false)
	}
	s.stream.SessionEnd(ledger.Who(ss.audited()), end, killer)
	s.log.Info("session closed", event.Key, event.SessionEnded, "usid", ss.id, "user", ss.actor.User, "door", ss.login.Transport,
		"reason", reason, "dur", time.Since(ss.member.Since).Round(time.Millisecond))
}

// Kill ends another session (RFC 6241, 7.9).
func (ss *Session) Kill(id uint32) error {
	if err := ss.MayExec("ietf-netconf", "kill-session"); err != nil {
		return err
	}
	if id == ss.id { // RFC 6241, 7.9
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot kill the own session: use close-session")
	}
	return ss.server.roster.Kick(id, ss.id, "killed by session "+strconv.FormatUint(uint64(ss.id), 10))
}

func noDatastore(ds Datastore) error {
	if ds == Startup {
		return mgmterr.New(mgmterr.OperationNotSupported, "", "cannot use startup: there is none; netconf.startup in nso.toml switches it on").OfType(mgmterr.Protocol)
	}
	return mgmterr.New(mgmterr.OperationNotSupported, "", "cannot use the datastore %s: this server has running", ds).OfType(mgmterr.Protocol)
}

// Begin opens a transaction on the datastore as it is now.
func (ss *Session) Begin(_ context.Context, ds Datastore) (*Txn, error) {
	root, rev := ss.version(ds)
	if root == nil {
		return nil, noDatastore(ds)
	}
	view := ss.user.Now()
	return ss.open(&Txn{session: ss, store: ds, since: rev, txn: txn.New(root, view.Guard()), asked: view, used: time.Now()})
}

func (ss *Session) open(t *Txn) (*Txn, error) {
	s := ss.server
	t.txn.Transform(s.hasher.Hash)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.member.Ended() || s.roster.Closing() {
		return nil, turn.Ended()
	}
	ss.txns[t] = true
	if limit := s.opts.TxnIdle; limit > 0 {
		t.idle = time.AfterFunc(limit, t.expire)
	}
	return t, nil
}
