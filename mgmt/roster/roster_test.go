// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"context"
	"testing"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/mgmt/state"
	"nso.example/nso/mgmterr"
)

// enter admits a user; what ends him leaves the roster.
func enter(t *testing.T, r *Roster, user string, l Login) (m *Member, err error) {
	t.Helper()
	err = r.Admit(ident.Actor{User: user, Own: user}, false, l, func(x *Member) {
		m = x
		x.End = func(string) {
			if end, first := x.Leaving(false); first {
				x.Left(end)
				close(x.Gone)
			}
		}
	})
	return m, err
}

func TestNumbers(t *testing.T) {
	r := New(10, 10, 0)
	r.lastID = 1<<32 - 2
	var ids []uint32
	for range 3 {
		m, err := enter(t, r, "a", Login{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	if ids[0] != 1<<32-1 || ids[1] != 1 || ids[2] != 2 {
		t.Errorf("%v: 0 is no number, and they go round", ids)
	}
	r.lastID = 0
	if m, err := enter(t, r, "a", Login{}); err != nil || m.ID != 3 {
		t.Errorf("a number that is taken is given again: %+v, %v", m, err)
	}
}

func TestKickAndShutdown(t *testing.T) {
	r := New(10, 10, 0)
	kills := 0
	m, err := enter(t, r, "a", Login{Kill: func(string) { kills++ }})
	if err != nil {
		t.Fatal(err)
	}
	m.Count(state.Counters{InRPCs: 3})
	if err := r.Kick(77, 0, "no"); mgmterr.Of(err) == nil {
		t.Error("one that is not there is ended")
	}
	if err := r.Kick(m.ID, 9, "go"); err != nil || kills != 1 || !m.Ended() || m.killer != 9 {
		t.Errorf("%v, %d kills, %+v", err, kills, m)
	}
	if n, c, rpcs := r.Totals(); n != 0 || c.InSessions != 1 || rpcs.InRPCs != 3 {
		t.Errorf("%d, %+v, %+v: what it has done is forgotten", n, c, rpcs)
	}
	// One that does not let go is waited for no longer than is said.
	if _, err := enter(t, r, "b", Login{Kill: func(string) { kills++ }}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := r.Shutdown(ctx, "stop"); err == nil || kills != 2 {
		t.Errorf("%v, %d kills", err, kills)
	}
	if _, err := enter(t, r, "c", Login{}); mgmterr.Of(err) == nil || !r.Closing() {
		t.Error("somebody gets in while it closes")
	}
}
