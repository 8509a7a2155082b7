// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"net"
	"strconv"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt/access"
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
	Candidate   Datastore = "candidate"   // shared (RFC 6241, 8.3)
	Operational Datastore = "operational" // running with the state, read only
)

// Session is somebody who is logged in. Its methods may be called by one
// goroutine at a time, Info and Kill of others excepted.
type Session struct {
	server *Server
	id     uint32
	actor  ident.Actor
	login  Login
	since  time.Time
	user   *access.User
	stop   chan struct{} // closed when it is to end: nothing is waited for any more
	gone   chan struct{} // closed when it has

	// guarded by Server.mu
	ended    bool
	killed   bool // stop is closed
	killer   uint32
	txns     map[*Txn]bool
	counters SessionCounters
}

// SessionCounters are those of RFC 6022, 2.1.4.
type SessionCounters = state.Counters

// Info is what may be told of a session (RFC 6022, 2.1.4).
type Info struct {
	ID        uint32
	User      string
	Transport string
	Source    string
	Since     time.Time
	Counters  SessionCounters
	Locks     []Datastore
	Own       string // the name of the user who acts as User, if that is another one
	Recovery  bool   // access control is not enforced
}

// Host is the address part of Source, "" if it has none.
func (i Info) Host() string {
	host, _, err := net.SplitHostPort(i.Source)
	if err != nil {
		return ""
	}
	return host
}

// ID is the session-id (RFC 6241, 8.1).
func (ss *Session) ID() uint32 { return ss.id }

// Actor is who the session acts as.
func (ss *Session) Actor() ident.Actor { return ss.actor }

// audited is the session as the audit names it.
func (ss *Session) audited() audit.Session {
	return audit.Session{Actor: ss.actor, Door: ss.login.Transport, ID: ss.id}
}

// who is the session as the stream of events names it.
func (ss *Session) who() stream.Who {
	return stream.Who{Session: ss.id, User: ss.actor.User, Host: Info{Source: ss.actor.Source()}.Host()}
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

func (ss *Session) infoLocked() Info {
	i := Info{ID: ss.id, User: ss.actor.User, Transport: ss.login.Transport, Source: ss.actor.Source(),
		Since: ss.since, Counters: ss.counters, Recovery: ss.login.Recovery}
	if ss.actor.Own != ss.actor.User {
		i.Own = ss.actor.Own
	}
	for _, ds := range ss.server.locks.Of(ss.id) {
		i.Locks = append(i.Locks, Datastore(ds))
	}
	return i
}

// Count adds to the session's counters.
func (ss *Session) Count(c SessionCounters) {
	ss.server.mu.Lock()
	defer ss.server.mu.Unlock()
	ss.counters.Add(c)
}

// Close ends the session: its transactions are aborted and its locks freed when
// this returns. dropped says that the connection was lost, and neither closed nor
// killed (RFC 6022, 2.1.5). Closing an ended session does nothing.
func (ss *Session) Close(reason string, dropped bool) {
	s := ss.server
	s.mu.Lock()
	if ss.ended {
		s.mu.Unlock()
		<-ss.gone
		return
	}
	ss.ended = true
	end := "closed"
	if ss.killed {
		end, dropped = "killed", false
	} else if dropped {
		end = "dropped"
	}
	ss.stopLocked()
	open := make([]*Txn, 0, len(ss.txns))
	for t := range ss.txns {
		open = append(open, t)
	}
	s.mu.Unlock()
	defer close(ss.gone)
	for _, t := range open {
		t.Abort()
	}
	s.mu.Lock()
	ss.releaseLocked()
	try := s.try
	s.mu.Unlock()
	if try != nil && try.Session == ss.id {
		// RFC 6241, 8.4.1: the commit ends with the session that did not confirm it.
		s.revert(try, "cancel", "the session ended before it was confirmed")
	}
	s.mu.Lock()
	delete(s.sessions, ss.id)
	s.seats.Give(ss.actor.User)
	s.rpcs.Add(ss.counters)
	if dropped {
		s.counters.DroppedSessions++
	}
	s.mu.Unlock()
	if ss.login.Recovery {
		s.audit.Recovery(ss.audited(), false)
	}
	s.stream.SessionEnd(ss.who(), end, ss.killer)
	s.log.Info("session closed", event.Key, event.SessionEnded, "usid", ss.id, "user", ss.actor.User, "door", ss.login.Transport,
		"reason", reason, "dur", time.Since(ss.since).Round(time.Millisecond))
}

// killOnceLocked returns the Kill function the first time.
func (ss *Session) killOnceLocked() func(string) {
	if !ss.stopLocked() {
		return nil
	}
	return ss.login.Kill
}

// stopLocked lets nothing that the session does wait any more. It reports whether
// that is new.
func (ss *Session) stopLocked() bool {
	if ss.killed {
		return false
	}
	ss.killed = true
	close(ss.stop)
	return true
}

// Kill ends another session (RFC 6241, 7.9).
func (ss *Session) Kill(id uint32) error {
	if err := ss.MayExec("ietf-netconf", "kill-session"); err != nil {
		return err
	}
	if id == ss.id { // RFC 6241, 7.9
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot kill the own session: use close-session")
	}
	return ss.server.kick(id, ss.id, "killed by session "+strconv.FormatUint(uint64(ss.id), 10))
}

func noDatastore(ds Datastore) error {
	return mgmterr.New(mgmterr.OperationNotSupported, "", "cannot use the datastore %s: this server has running", ds).OfType(mgmterr.Protocol)
}

// Begin opens a transaction on the datastore as it is now.
func (ss *Session) Begin(_ context.Context, ds Datastore) (*Txn, error) {
	s := ss.server
	root := s.db.Root()
	view := ss.user.View(root)
	switch ds {
	case Running:
	case Candidate:
		_, root = s.candidate()
	default:
		return nil, noDatastore(ds)
	}
	return ss.open(&Txn{session: ss, store: ds, txn: txn.New(root, view.Guard()), asked: view, used: time.Now()})
}

func (ss *Session) open(t *Txn) (*Txn, error) {
	s := ss.server
	t.txn.Transform(s.hasher.Hash)
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.ended || s.closing {
		return nil, turn.Ended()
	}
	ss.txns[t] = true
	if limit := s.opts.TxnIdle; limit > 0 {
		t.idle = time.AfterFunc(limit, t.expire)
	}
	return t, nil
}
