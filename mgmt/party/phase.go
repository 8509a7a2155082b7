// SPDX-License-Identifier: Apache-2.0

package party

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// answer is what a member said to a change. Neither ticket nor error: it has nothing to
// be told.
type answer struct {
	ticket txn.Ticket
	err    error
}

// prepare asks one member and waits no longer than its deadline.
func (p *Party) prepare(ctx context.Context, m *member, before, after *tree.Node) answer {
	own, cancel := context.WithTimeoutCause(ctx, m.Deadline, errLate)
	defer cancel()
	late := func() answer {
		if context.Cause(own) != errLate { // the request of the one who commits has ended
			return answer{err: context.Cause(own)}
		}
		why := lost(m.Name, "did not answer within %v, and takes part no more", m.Deadline)
		p.expel(m, "prepare", why)
		return answer{err: why}
	}
	select {
	case m.asked <- struct{}{}:
	case <-own.Done(): // it is still busy with a commit that was given up
		return late()
	case <-m.left:
		return answer{err: lost(m.Name, "left while it was asked")}
	}
	said, nobody := make(chan answer), make(chan struct{})
	go func() {
		defer func() { <-m.asked }()
		a := m.prepare(own, before, after)
		select {
		case said <- a:
		case <-nobody:
			if a.ticket != nil {
				_ = guarded(a.ticket.Abort)
			}
		}
	}()
	select {
	case a := <-said:
		var bug *panicked
		switch {
		case errors.As(a.err, &bug):
			why := &expelled{m.Name + " has failed, and takes part no more", a.err}
			p.expel(m, "prepare", why)
			return answer{err: why}
		case a.err != nil && own.Err() != nil:
			return late()
		}
		return a
	case <-own.Done():
		close(nobody)
		return late()
	case <-m.left:
		close(nobody)
		return answer{err: lost(m.Name, "left while it was asked")}
	}
}

var errLate = errors.New("the deadline of the participant has passed")

func (m *member) prepare(ctx context.Context, before, after *tree.Node) (a answer) {
	err := guarded(func() { a.ticket, a.err = m.Participant.Prepare(ctx, before, after) })
	if err != nil {
		return answer{err: err}
	}
	if a.err != nil {
		a.ticket = nil
	}
	return a
}

// guarded is f, with a panic of it as an error.
func guarded(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	f()
	return nil
}

// ticket is the promise of a member.
type ticket struct {
	of *member
	k  txn.Ticket
}

// tickets are those of one commit, in the order in which they were asked for.
type tickets struct {
	party *Party
	all   []ticket
}

// Commit tells all of them that it is decided, lowest priority first.
func (t *tickets) Commit() {
	for rest := t.all; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].of.Priority == rest[0].of.Priority {
			n++
		}
		group := rest[:n]
		rest = rest[n:]
		together(n, func(i int) { t.party.outcome(group[i].of, "commit", group[i].k.Commit) })
	}
	t.all = nil
}

// Abort tells all of them that it will not be, last first.
func (t *tickets) Abort() {
	for i := len(t.all) - 1; i >= 0; i-- {
		t.party.outcome(t.all[i].of, "abort", t.all[i].k.Abort)
	}
	t.all = nil
}

// outcome tells one member how it ended, and waits no longer than its deadline.
func (p *Party) outcome(m *member, phase string, f func()) {
	done := make(chan error, 1)
	go func() { done <- guarded(f) }()
	timer := time.NewTimer(m.Deadline)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			p.expel(m, phase, &expelled{m.Name + " has failed, and takes part no more", err})
		}
	case <-m.left:
	case <-timer.C:
		p.expel(m, phase, lost(m.Name, "did not end its %s within %v, and takes part no more", phase, m.Deadline))
	}
}
