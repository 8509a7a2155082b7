// SPDX-License-Identifier: Apache-2.0

// Package seat counts the sessions that there may be, in all and of one user.
//
// It knows no session; who uses it holds a lock around it.
//
// Invariants:
//  1. There is always a place for an administrator among the reserved ones, unless
//     administrators have them all.
//  2. What it remembers of users is bounded.
package seat

import (
	"time"

	"nso.example/nso/mgmterr"
)

// Table is who has a place.
type Table struct {
	Max, PerUser int
	Reserve      int // of Max, for administrators
	taken        int
	users        map[string]int
	inVain       map[string]time.Time // when a user was last waited for without success
}

// Take gives a user a place. An error says that there is none now.
func (t *Table) Take(user string, admin bool) error {
	switch {
	case t.taken >= t.Max, !admin && t.taken >= t.Max-t.Reserve:
		return mgmterr.New(mgmterr.ResourceDenied, "",
			"cannot open a session: all %d are in use; close some or raise limits.sessions in nso.toml", t.Max)
	case t.users[user] >= t.PerUser:
		return mgmterr.New(mgmterr.ResourceDenied, "",
			"cannot open a session: %s has %d already; close some or raise limits.sessions-per-user in nso.toml", user, t.PerUser)
	}
	if t.users == nil {
		t.users = make(map[string]int)
	}
	t.taken++
	t.users[user]++
	return nil
}

// Give frees a place.
func (t *Table) Give(user string) {
	t.taken--
	if t.users[user]--; t.users[user] == 0 {
		delete(t.users, user)
	}
}

// Patient reports whether a place for a user is waited for: not for a while after that
// was in vain.
func (t *Table) Patient(user string) bool {
	return time.Since(t.inVain[user]) > 10*time.Second
}

// InVain notes that one was waited for in vain.
func (t *Table) InVain(user string) {
	if len(t.inVain) > 1000 {
		clear(t.inVain)
	}
	if t.inVain == nil {
		t.inVain = make(map[string]time.Time)
	}
	t.inVain[user] = time.Now()
}
