// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// QueueLimits say who may use how much of what nso-pam can do at once. A wrong
// password holds a place for the two seconds of PAM's delay, so places are what an
// attacker takes from others.
type QueueLimits struct {
	Places    int // conversations at once. 5/4 of it is below MaxConnections= of nso-pam.socket
	PerSource int // of one source at once
	Kept      int // of Places, for this machine itself and sources that succeeded lately

	Waiting          int // conversations that wait, in all; a quarter is for those who have places kept
	WaitingPerSource int // of one source

	Remember time.Duration // how long a success counts
	MaxKnown int           // how many sources with a success are remembered
}

// DefaultQueueLimits belong to the shipped units.
func DefaultQueueLimits() QueueLimits {
	return QueueLimits{Places: 32, PerSource: 4, Kept: 8, Waiting: 1024, WaitingPerSource: 16, Remember: 24 * time.Hour, MaxKnown: 4096}
}

// ErrBusy is wrapped when too many conversations of the source, or in all, wait.
var ErrBusy = errors.New("too many logins at once")

// Queue gives out the places. Sources take turns, whatever number of logins each has
// waiting. A source is an IPv4 address, an IPv6 network of 64 bits (what one host can
// use at will), or this machine.
type Queue struct {
	limits QueueLimits
	now    func() time.Time

	mu      sync.Mutex
	running int
	foreign int // of running, in places that are not kept
	waiting int
	sources map[netip.Prefix]*source
	turns   []*source // who waits, in the order of their turns
	known   map[netip.Prefix]time.Time
	added   bool // to known, since Known was asked

	accounts *Queue // for questions about an account alone; nil in that one
	logins   *Queue // whose accounts this is, which remembers the successes; or nil
}

// source is one that has conversations or waits for them.
type source struct {
	key     netip.Prefix
	running int
	queue   []*Place
}

// Place is the right to one conversation.
type Place struct {
	q     *Queue
	s     *source
	known bool          // a kept place would do
	given chan struct{} // closed when the place is given
}

// NewQueue is an empty queue.
func NewQueue(l QueueLimits) *Queue {
	q := emptyQueue(l)
	q.accounts = emptyQueue(l.accounts())
	q.accounts.logins = q
	return q
}

func emptyQueue(l QueueLimits) *Queue {
	return &Queue{limits: l, now: time.Now, sources: make(map[netip.Prefix]*source), known: make(map[netip.Prefix]time.Time)}
}

// accounts are the limits of questions about an account alone, in places of their own
// beside those of l. Who gets there has shown a key, and no question takes longer than
// PAM's work: they wait instead of being turned away, and one source may have all
// places, since sources take turns.
func (l QueueLimits) accounts() QueueLimits {
	places := max(1, l.Places/4)
	return QueueLimits{Places: places, PerSource: places, Waiting: 4 * l.Waiting, WaitingPerSource: l.Waiting}
}

// local is the source of everything on this machine.
func local() netip.Prefix { return netip.Prefix{} }

func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	switch {
	case !a.IsValid() || a.IsLoopback():
		return local()
	case a.Is6():
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// isKnown reports whether places are kept for a source.
func (q *Queue) isKnown(key netip.Prefix) bool {
	return key == local() || q.now().Before(q.known[key])
}

// Enter waits for a place. The error wraps ErrBusy when the queue is too long to join.
func (q *Queue) Enter(ctx context.Context, from netip.Addr) (*Place, error) {
	key := sourceOf(from)
	q.mu.Lock()
	s := q.sources[key]
	if s == nil {
		s = &source{key: key}
		q.sources[key] = s
	}
	p := &Place{q: q, s: s, known: q.isKnown(key), given: make(chan struct{})}
	room := q.limits.Waiting - q.waiting
	if !p.known {
		room -= q.limits.Waiting / 4
	}
	switch {
	case len(s.queue) == 0 && q.may(p):
		q.give(p)
		q.mu.Unlock()
		return p, nil
	case len(s.queue) >= q.limits.WaitingPerSource || room <= 0:
		q.forget(s)
		q.mu.Unlock()
		return nil, fmt.Errorf("cannot log in: %w from %s", ErrBusy, name(key))
	}
	if len(s.queue) == 0 {
		q.turns = append(q.turns, s)
	}
	s.queue = append(s.queue, p)
	q.waiting++
	q.mu.Unlock()

	select {
	case <-p.given:
		return p, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(s.queue, p)
	if i >= 0 {
		q.leaveQueue(s, i)
		q.forget(s)
	}
	q.mu.Unlock()
	if i < 0 { // given at the same moment
		p.Leave(false)
	}
	return nil, fmt.Errorf("cannot log in: %w while waiting for its turn", context.Cause(ctx))
}

func name(key netip.Prefix) string {
	if key == local() {
		return "this machine"
	}
	return key.String()
}

// may reports whether a place is free for p now.
func (q *Queue) may(p *Place) bool {
	return p.s.running < q.limits.PerSource && q.running < q.limits.Places &&
		(p.known || q.foreign < q.limits.Places-q.limits.Kept)
}

func (q *Queue) give(p *Place) {
	p.s.running++
	q.running++
	if !p.known {
		q.foreign++
	}
	close(p.given)
}

// leaveQueue takes the i-th that waits out of a source's queue.
func (q *Queue) leaveQueue(s *source, i int) {
	s.queue = slices.Delete(s.queue, i, i+1)
	q.waiting--
	if len(s.queue) == 0 {
		at := slices.Index(q.turns, s)
		q.turns = slices.Delete(q.turns, at, at+1)
	}
}

// forget drops a source that has nothing here any more.
func (q *Queue) forget(s *source) {
	if s.running == 0 && len(s.queue) == 0 {
		delete(q.sources, s.key)
	}
}

// EnterAccount is Enter of a question about an account alone.
func (q *Queue) EnterAccount(ctx context.Context, from netip.Addr) (*Place, error) {
	return q.accounts.Enter(ctx, from)
}

// Leave gives the place back. Success says that the user has logged in.
func (p *Place) Leave(success bool) {
	q := p.q
	if success && q.logins != nil {
		q.logins.mu.Lock()
		q.logins.remember(p.s.key)
		q.logins.mu.Unlock()
		success = false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	p.s.running--
	q.running--
	if !p.known {
		q.foreign--
	}
	if success {
		q.remember(p.s.key)
	}
	q.forget(p.s)
	// Whoever's turn it is, of those that a place is free for.
	for i := 0; i < len(q.turns); i++ {
		s := q.turns[i]
		next := s.queue[0]
		next.known = next.known || q.isKnown(s.key)
		if !q.may(next) {
			continue
		}
		q.leaveQueue(s, 0)
		if len(s.queue) > 0 { // to the end of the row
			q.turns = append(slices.Delete(q.turns, i, i+1), s)
		}
		q.give(next)
		i = -1
	}
}

// remember notes a success; of too many the one that ends first is forgotten.
func (q *Queue) remember(key netip.Prefix) {
	if key == local() { // is known anyway
		return
	}
	q.added = true
	if _, ok := q.known[key]; !ok && len(q.known) >= q.limits.MaxKnown {
		var oldest netip.Prefix
		var at time.Time
		for k, t := range q.known {
			if at.IsZero() || t.Before(at) {
				oldest, at = k, t
			}
		}
		delete(q.known, oldest)
	}
	q.known[key] = q.now().Add(q.limits.Remember)
}
