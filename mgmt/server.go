// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/cdb"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt/access"
	"nso.example/nso/mgmt/history"
	"nso.example/nso/mgmt/ledger"
	"nso.example/nso/mgmt/lock"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmt/party"
	"nso.example/nso/mgmt/roster"
	"nso.example/nso/mgmt/stream"
	"nso.example/nso/mgmt/turn"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/users"
	"nso.example/nso/yang"
)

// Options are what a Server is made of. Schema, DB and Log are required.
type Options struct {
	Schema *yang.Schema
	DB     *cdb.DB
	Log    *slog.Logger
	// MaxSessions in all and MaxPerUser bound the sessions; 0 means 1024 and
	// 128. Reserve of them are kept for members of the group nso-admin.
	MaxSessions, MaxPerUser, Reserve int
	// TxnIdle is how long a transaction may stay unused before it is aborted; 0
	// is for ever.
	TxnIdle time.Duration
	// Step, if set, is told of each step of a confirmed commit: tests end the process there.
	Step func(name string)
}

// Server owns the sessions, the locks and the order of commits.
type Server struct {
	schema *yang.Schema
	db     *cdb.DB
	log    *slog.Logger
	audit  *audit.Trail
	rules  *check.Rules
	// operations are the rpcs and actions of models, and who does them.
	operations *operate.Table
	modes      *defaults.Modes
	opts       Options
	start      time.Time

	// turn is held from the conflict check of a commit to its outcome.
	turn *turn.Turn
	// party is who takes part in commits.
	party *party.Party
	parts lock.Parts // of running that are locked
	// stream tells what happens (RFC 5277).
	stream *stream.Stream

	access   *access.Control
	accounts users.Current
	hasher   *users.Hasher // of passwords that clients write in clear

	roster  *roster.Roster
	ledger  *ledger.Ledger
	history history.Log
	factory *tree.Node // what a reset goes back to

	mu     sync.Mutex
	locks  lock.Table
	shared candidate
	// candidates are the shared one and those of sessions.
	candidates map[*candidate]bool
	state      []source
	wipe       []func() error // what else a reset does
}

// Counters are what RFC 6022, 2.1.5, counts over all sessions.
type Counters = roster.Counters

// StateFunc contributes operational state: a tree that is grafted onto what a
// read of <operational> gives (RFC 8342, 5.3). It must be quick and not block.
type StateFunc func() *tree.Node

// source is a StateFunc with the top-level node that it fills.
type source struct {
	top *yang.Node
	f   StateFunc
}

// New makes a Server over an open database.
func New(o Options) (*Server, error) {
	if o.MaxSessions == 0 {
		o.MaxSessions = 1024
	}
	if o.MaxPerUser == 0 {
		o.MaxPerUser = 128
	}
	rules, err := check.Compile(o.Schema)
	if err != nil {
		return nil, err
	}
	modes, err := defaults.Compile(o.Schema)
	if err != nil {
		return nil, err
	}
	s := &Server{
		modes:  modes,
		schema: o.Schema, db: o.DB, log: o.Log, audit: audit.New(o.Log, o.Schema), rules: rules, operations: operate.New(rules), opts: o, start: time.Now(), turn: turn.New(), stream: stream.New(o.Schema),
		hasher: users.NewHasher(o.Schema), roster: roster.New(o.MaxSessions, o.MaxPerUser, o.Reserve),
	}
	s.candidates = map[*candidate]bool{&s.shared: true}
	s.party = party.New(s.expelled)
	s.access = access.New(s.schema, s.log, s.audit, s.db.Root)
	if s.factory, err = s.db.Factory(); err != nil {
		return nil, fmt.Errorf("factory data: %w", err)
	}
	s.handleReset()
	if o.Step == nil {
		o.Step = func(string) {}
	}
	s.history = history.Log{Schema: s.schema, DB: s.db}
	s.ledger = &ledger.Ledger{DB: s.db, Turn: s.turn, Party: s.party, Stream: s.stream, Audit: s.audit, Log: s.log, Step: o.Step}
	s.addOwnState()
	s.ledger.Resume()
	return s, nil
}

// Schema is what the data obeys.
func (s *Server) Schema() *yang.Schema { return s.schema }

// Users are the users in running (RFC 7317, 3.5).
func (s *Server) Users() *users.Users { return s.accounts.Of(s.schema, s.db.Root()) }

// Audit is the trail of who did what, for the doors and for what steers the daemon.
func (s *Server) Audit() *audit.Trail { return s.audit }

// AddState registers a source of operational state below one top-level node. It
// must not be called once sessions exist.
func (s *Server) AddState(top *yang.Node, f StateFunc) { s.state = append(s.state, source{top, f}) }

// Login describes how a session is reached.
type Login = roster.Login

// Login opens a session for an actor. It is refused while the daemon stops or
// when a limit is reached.
func (s *Server) Login(actor ident.Actor, l Login) (*Session, error) {
	admin := l.Recovery || s.Admin(actor)
	var err error
	if l.Recovery && (actor.Peer.UID != 0 || actor.Peer.PID == 0 || actor.User != actor.Own) {
		err = mgmterr.New(mgmterr.AccessDenied, "", "cannot open a recovery session: that is for root alone, on this machine and as itself")
	}
	ss := &Session{server: s, actor: actor, login: l, txns: make(map[*Txn]bool), candidate: &s.shared}
	if err == nil {
		err = s.roster.Admit(actor, admin, l, func(m *roster.Member) {
			ss.member, ss.id, ss.stop = m, m.ID, m.Stop
			ss.user = s.access.User(ss.audited(), l.Recovery)
			m.End = func(reason string) { ss.Close(reason, false) }
		})
	}
	if err != nil {
		s.audit.LoginRefused(actor, l.Transport, err)
		return nil, err
	}
	if l.PrivateCandidate {
		s.mu.Lock()
		ss.candidate = &candidate{}
		s.candidates[ss.candidate] = true
		s.mu.Unlock()
	}
	s.audit.Login(ss.audited())
	s.stream.SessionStart(ledger.Who(ss.audited()))
	if l.Recovery {
		s.audit.Recovery(ss.audited(), true)
	}
	return ss, nil
}

// CountBadHello counts a connection that never became a session (RFC 6022, 2.1.5).
func (s *Server) CountBadHello() { s.roster.CountBadHello() }

// Status is a view of the server for whoever runs it.
type Status struct {
	Start    time.Time
	Revision uint64
	Sessions int
	Counters Counters
	RPCs     SessionCounters // over all sessions
}

// Status tells how the server is.
func (s *Server) Status() Status {
	_, rev := s.db.Current()
	st := Status{Start: s.start, Revision: rev}
	st.Sessions, st.Counters, st.RPCs = s.roster.Totals()
	return st
}

// Kick ends a session for a reason. Its locks are free when this returns
// (RFC 6241, 7.9).
func (s *Server) Kick(id uint32, reason string) error { return s.roster.Kick(id, 0, reason) }

// List returns what is known of all sessions, by number. It is for members of
// nso-admin: the caller has asked Admin.
func (s *Server) List() []Info {
	all := s.roster.List()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		all[i].Locks = s.locks.Of(all[i].ID)
	}
	return all
}

// Shutdown begins nothing new, ends every session with the reason and returns
// once all are gone or ctx is done. A session is gone when the operation that it
// was in has ended, so a commit in flight finishes.
func (s *Server) Shutdown(ctx context.Context, reason string) error {
	return s.roster.Shutdown(ctx, reason)
}
