// SPDX-License-Identifier: Apache-2.0

// Package roster is who is logged in: numbers, places and counters of sessions, and how
// one is told to end.
//
// It knows no data and no locks: mgmt does with a session what is to be done before its
// number is free.
//
// Invariants:
//
//  1. A number is 0 never, and not used again before all others were (RFC 6241, 8.1).
//  2. A member is killed once, however many ask for it; Kill is called under no lock.
//  3. Once the roster is closed nobody gets in.
package roster

import (
	"context"
	"errors"
	"net"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/mgmt/seat"
	"nso.example/nso/mgmt/state"
	"nso.example/nso/mgmterr"
)

// Login describes how a session is reached.
type Login struct {
	// Transport is an identity of RFC 6022, 2.1.4 (netconf-ssh ...) or of our
	// own kind: "netconf-tcp", "netconf-local", "maapi".
	Transport string
	// Kill ends the session from outside, as kill-session does; reason is for
	// the client and the log. It must not block.
	Kill func(reason string)
	// Until is how long a place is waited for where a limit leaves none: clients that
	// come and go at once are many for a moment only. Zero: not at all.
	Until time.Time
	// Recovery asks for a recovery session, in which access control is not enforced
	// (RFC 8341, 1.1). It is root's alone; the door has made sure that it is here, and
	// on this machine.
	Recovery bool
	// PrivateCandidate gives the session a candidate of its own, which ends with it.
	PrivateCandidate bool
}

// Info is what may be told of a session (RFC 6022, 2.1.4).
type Info struct {
	ID        uint32
	User      string
	Transport string
	Source    string
	Since     time.Time
	Counters  state.Counters
	Locks     []string // datastores
	Own       string   // the name of the user who acts as User, if that is another one
	Recovery  bool     // access control is not enforced
}

// Host is the address part of Source, "" if it has none.
func (i Info) Host() string { return Host(i.Source) }

// Host is the address part of a source, "" if it has none.
func Host(source string) string {
	host, _, err := net.SplitHostPort(source)
	if err != nil {
		return ""
	}
	return host
}

// Counters are what RFC 6022, 2.1.5, counts over all sessions.
type Counters struct {
	InSessions, BadHellos, DroppedSessions uint32
}

// Member is one who is logged in.
type Member struct {
	ID    uint32
	Actor ident.Actor
	Login Login
	Since time.Time
	Stop  chan struct{} // closed when it is to end: nothing is waited for any more
	Gone  chan struct{} // closed when it has
	// End is called by Kick, to end the session; set when it is admitted.
	End    func(reason string)
	roster *Roster
	ended  atomic.Bool

	// guarded by Roster.mu
	killed   bool // Stop is closed
	killer   uint32
	counters state.Counters
}

// Roster is everybody. It is made by New.
type Roster struct {
	mu       sync.Mutex
	members  map[uint32]*Member
	lastID   uint32
	seats    seat.Table
	closing  bool
	counters Counters
	rpcs     state.Counters // of those that have ended
}

// New makes an empty roster: so many in all, of one user, and kept for administrators.
func New(limit, perUser, reserve int) *Roster {
	return &Roster{members: make(map[uint32]*Member), seats: seat.Table{Max: limit, PerUser: perUser, Reserve: reserve}}
}

// Admit gives an actor a number and a place, or waits for one as the login says. made is
// called before anybody sees the member.
func (r *Roster) Admit(actor ident.Actor, admin bool, l Login, made func(*Member)) error {
	wait, err := r.admit(actor, admin, l, made)
	for full := wait; full && time.Now().Before(l.Until); {
		time.Sleep(10 * time.Millisecond)
		full, err = r.admit(actor, admin, l, made)
	}
	if wait && err != nil {
		r.mu.Lock()
		r.seats.InVain(actor.User)
		r.mu.Unlock()
	}
	return err
}

func (r *Roster) admit(actor ident.Actor, admin bool, l Login, made func(*Member)) (wait bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false, mgmterr.New(mgmterr.ResourceDenied, "", "cannot open a session: the daemon is stopping")
	}
	if err := r.seats.Take(actor.User, admin); err != nil {
		return r.seats.Patient(actor.User), err
	}
	for { // RFC 6241, 8.1
		r.lastID++
		if r.lastID != 0 && r.members[r.lastID] == nil {
			break
		}
	}
	m := &Member{ID: r.lastID, Actor: actor, Login: l, Since: time.Now(), roster: r, Stop: make(chan struct{}), Gone: make(chan struct{})}
	made(m)
	r.members[m.ID] = m
	r.counters.InSessions++
	return false, nil
}

// CountBadHello counts a connection that never became a session (RFC 6022, 2.1.5).
func (r *Roster) CountBadHello() {
	r.mu.Lock()
	r.counters.BadHellos++
	r.mu.Unlock()
}

// Totals are the counters over all sessions, and how many there are.
func (r *Roster) Totals() (sessions int, c Counters, rpcs state.Counters) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rpcs = r.rpcs
	for _, m := range r.members {
		rpcs.Add(m.counters)
	}
	return len(r.members), r.counters, rpcs
}

// List is what is known of all sessions, by number.
func (r *Roster) List() []Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Info, 0, len(r.members))
	for _, m := range r.members {
		i := Info{ID: m.ID, User: m.Actor.User, Transport: m.Login.Transport, Source: m.Actor.Source(),
			Since: m.Since, Counters: m.counters, Recovery: m.Login.Recovery}
		if m.Actor.Own != m.Actor.User {
			i.Own = m.Actor.Own
		}
		all = append(all, i)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	return all
}

// Present is the number of a session that is there, else 0.
func (r *Roster) Present(id uint32) uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[id] == nil {
		return 0
	}
	return id
}

// Closing reports whether nobody gets in any more.
func (r *Roster) Closing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// Kick ends a session for a reason, for the session by or, if that is 0, for nobody.
func (r *Roster) Kick(id, by uint32, reason string) error {
	r.mu.Lock()
	m := r.members[id]
	var kill func(string)
	if m != nil {
		m.killer = by
		kill = m.killOnceLocked()
	}
	r.mu.Unlock()
	if m == nil {
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot end session %d: there is none of that number", id)
	}
	if kill != nil {
		kill(reason)
	}
	m.End(reason)
	return nil
}

// Shutdown lets nobody in any more, kills every session and returns once all are gone or
// ctx is done. A session is gone when the operation that it was in has ended.
func (r *Roster) Shutdown(ctx context.Context, reason string) error {
	for {
		r.mu.Lock()
		r.closing = true
		var kill []func(string)
		for _, m := range r.members {
			if k := m.killOnceLocked(); k != nil {
				kill = append(kill, k)
			}
		}
		left := len(r.members)
		r.mu.Unlock()
		if left == 0 {
			return nil
		}
		for _, k := range kill {
			k(reason)
		}
		select {
		case <-ctx.Done():
			return errors.New("cannot end every session in time: some clients did not let go")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Count adds to the counters of a session.
func (m *Member) Count(c state.Counters) {
	m.roster.mu.Lock()
	defer m.roster.mu.Unlock()
	m.counters.Add(c)
}

// Ended reports whether the session begins nothing any more.
func (m *Member) Ended() bool { return m.ended.Load() }

// Leaving begins the end of a session: how it ends, as RFC 6470 has it. It reports false
// if that has begun already.
func (m *Member) Leaving(dropped bool) (end string, first bool) {
	r := m.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.ended.Swap(true) {
		return "", false
	}
	end = "closed"
	if m.killed {
		end = "killed"
	} else if dropped {
		end = "dropped"
	}
	m.stopLocked()
	return end, true
}

// Left frees the number of a session that has ended so, and tells who has killed it, 0 if
// nobody did.
func (m *Member) Left(end string) (killer uint32) {
	r := m.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, m.ID)
	r.seats.Give(m.Actor.User)
	r.rpcs.Add(m.counters)
	if end == "dropped" { // RFC 6022, 2.1.5
		r.counters.DroppedSessions++
	}
	return m.killer
}

// killOnceLocked returns the Kill function the first time.
func (m *Member) killOnceLocked() func(string) {
	if !m.stopLocked() {
		return nil
	}
	return m.Login.Kill
}

// stopLocked lets nothing that the session does wait any more. It reports whether
// that is new.
func (m *Member) stopLocked() bool {
	if m.killed {
		return false
	}
	m.killed = true
	close(m.Stop)
	return true
}
