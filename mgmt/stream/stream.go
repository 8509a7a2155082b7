// SPDX-License-Identifier: Apache-2.0

// Package stream is the event stream NETCONF (RFC 5277, 3.2.3): what happens in the
// server, kept for a while, and handed to whoever has subscribed.
//
// It asks nobody for permission and writes to no client; mgmt says who may see what.
//
// Invariants:
//  1. To publish never blocks, however slow a subscriber is: one whose queue is full
//     has lost his subscription, and is told.
//  2. What is kept is bounded in number and size, a queue in number.
//  3. A replay and what follows it leave nothing out and give nothing twice: events are
//     kept, and handed over, in the order in which they were published.
//  4. What costs is done by a goroutine of its own: not while a commit has the turn.
//
// RFC 5277 (streams), RFC 6470 (events of the base).
package stream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt/push"
	"nso.example/nso/mgmt/tape"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const (
	keepEvents = 2000    // for replay
	keepBytes  = 4 << 20 // of them, as far as one can tell
	queueSize  = 1000    // of a subscriber
	maxPending = 1000    // events that wait to be worked out
)

// Event is a notification. Body is a tree of Schema.Events that holds it alone, less its
// Edits.
type Event struct {
	Time  time.Time
	Kind  *yang.Node // as the schema has it
	Body  *tree.Node
	Edits []Edit
	size  int
	// before and after are what Edits are worked out of.
	before, after *tree.Node
	number        uint64 // on the tape
}

// Edit is one change of a netconf-config-change.
type Edit struct {
	Target    tree.Path
	Operation string
}

// ErrSlow says that a subscriber took events more slowly than they came.
var ErrSlow = errors.New("the subscription is ended: its events came faster than they were read")

// Stream is the stream NETCONF. The zero time of a subscription is now.
type Stream struct {
	schema *yang.Schema
	root   *yang.Node
	names  map[string]*yang.Node // of RFC 6470, in root
	// Board is told of each change of running.
	Board *push.Board

	events *yang.Schema // of which the root is Schema.Events
	log    *slog.Logger

	work sync.Mutex // one works out what is pending, before mu
	tape *tape.Tape // what is kept over a restart; nil if nothing is; guarded by work
	line *xmlstream.Writer

	mu      sync.Mutex
	pending []*Event
	busy    bool      // somebody works out what is pending, or is about to
	created time.Time // of what is kept
	aged    time.Time // of the last event that is not kept any more
	kept    []*Event
	size    int
	subs    map[*Subscription]bool
}

// New makes a stream that begins now.
func New(schema *yang.Schema) *Stream {
	s := &Stream{schema: schema, root: schema.Events, names: make(map[string]*yang.Node),
		Board: push.NewBoard(), log: slog.New(slog.DiscardHandler), line: xmlstream.NewWriter(nil),
		created: time.Now(), subs: make(map[*Subscription]bool)}
	events := *schema
	events.Root = schema.Events
	s.events = &events
	for _, n := range s.root.DataChildren {
		if n.Module.Name == "ietf-netconf-notifications" {
			s.names[n.Name] = n
		}
	}
	return s
}

// Log is when what is kept was begun, and the time of the last event that is not kept
// any more; zero if all are.
func (s *Stream) Log() (created, aged time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.created, s.aged
}

// publish hands an event to everybody.
func (s *Stream) publish(e *Event) {
	s.mu.Lock()
	e.Time = time.Now()
	s.pending = append(s.pending, e)
	begin, full := !s.busy, len(s.pending) > maxPending
	s.busy = true
	s.mu.Unlock()
	switch {
	case full: // whoever is faster than that takes part in the work
		s.settle()
	case begin:
		go s.settle()
	}
}

// settle works out what is pending: when it returns, everything that was published
// before is with the subscribers.
func (s *Stream) settle() {
	s.work.Lock()
	defer s.work.Unlock()
	for {
		s.mu.Lock()
		todo := s.pending
		s.pending = nil
		s.busy = len(todo) > 0
		s.mu.Unlock()
		if len(todo) == 0 {
			return
		}
		todo = slices.DeleteFunc(todo, func(e *Event) bool {
			if e.after == nil {
				return false
			}
			e.Edits = changes(e.before, e.after)
			e.before, e.after = nil, nil
			return len(e.Edits) == 0 // a revision that only confirms another
		})
		s.record(todo)
		s.mu.Lock()
		for _, e := range todo {
			s.keepLocked(e)
			for sub := range s.subs {
				sub.push(e)
			}
		}
		s.mu.Unlock()
	}
}

func (s *Stream) keepLocked(e *Event) {
	e.size = 200 + 150*len(e.Edits)
	s.kept, s.size = append(s.kept, e), s.size+e.size
	for len(s.kept) > keepEvents || s.size > keepBytes {
		s.size -= s.kept[0].size
		if s.kept[0].number == 0 { // it was nowhere else
			s.aged = s.kept[0].Time
		}
		s.kept[0] = nil
		s.kept = s.kept[1:]
	}
}

// Rights say what a receiver may see, when it is sent.
type Rights struct {
	Receive func(kind *yang.Node) bool
	Reads   func(tree.Path) bool
}

// Subscription is one receiver of the stream. Its methods are called by one goroutine at
// a time.
type Subscription struct {
	C       <-chan struct{} // there may be something to Poll
	stream  *Stream
	rights  Rights
	wake    chan struct{}
	omitted int // events that he may not receive since Omitted was called
	// history is what is replayed from the tape, since from; nil when it has been read.
	history *tape.Reader
	from    time.Time
	// guarded by Stream.mu
	queue []*Event
	old   int // of the queue are a replay
	lost  bool
}

// Subscribe begins to receive. With replay, what is kept since from comes first.
func (s *Stream) Subscribe(r Rights, replay bool, from time.Time) *Subscription {
	wake := make(chan struct{}, 1)
	sub := &Subscription{C: wake, stream: s, rights: r, wake: wake}
	s.settle() // what was before the subscription is not new
	s.work.Lock()
	defer s.work.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if replay {
		sub.history, sub.from = s.historyLocked(), from
		for _, e := range s.kept {
			if !e.Time.Before(from) {
				sub.queue = append(sub.queue, e)
			}
		}
	}
	sub.old = len(sub.queue)
	s.subs[sub] = true
	sub.signal()
	return sub
}

func (sub *Subscription) push(e *Event) {
	if sub.lost {
		return
	}
	// What is replayed does not count: it is kept anyway.
	if len(sub.queue) >= queueSize+keepEvents {
		sub.lost, sub.queue = true, nil
	} else {
		sub.queue = append(sub.queue, e)
	}
	sub.signal()
}

func (sub *Subscription) signal() {
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

// Replayed reports whether the replay has been read to its end.
func (sub *Subscription) Replayed() bool {
	sub.stream.mu.Lock()
	defer sub.stream.mu.Unlock()
	return sub.old <= 0 && sub.history == nil && !sub.lost
}

// Poll is the next event that may be seen. Without one it returns no body: there are
// no more for now, or the replay has just come to its end.
func (sub *Subscription) Poll() (time.Time, *tree.Node, error) {
	for {
		var e *Event
		if sub.history != nil {
			e = sub.stream.nextOfHistory(sub)
		}
		sub.stream.mu.Lock()
		replay, lost := e != nil || sub.old > 0, sub.lost
		if e == nil && len(sub.queue) > 0 {
			e, sub.queue[0] = sub.queue[0], nil
			sub.queue = sub.queue[1:]
			sub.old--
		}
		sub.stream.mu.Unlock()
		if lost {
			return time.Time{}, nil, ErrSlow
		}
		if e == nil {
			return time.Time{}, nil, nil
		}
		if sub.rights.Receive(e.Kind) {
			if body, err := sub.stream.with(e, sub.rights.Reads); body != nil || err != nil {
				return e.Time, body, err
			}
		}
		sub.omitted++
		if replay && sub.Replayed() {
			sub.signal() // for what comes after
			return time.Time{}, nil, nil
		}
	}
}

// Omitted is how many events he was not given, for his rights, since it was called last.
func (sub *Subscription) Omitted() (n int) {
	n, sub.omitted = sub.omitted, 0
	return n
}

// Next waits for the next event that may be seen, until ctx is done; while a replay is
// read it does not wait, and returns nothing at its end. It is called by one goroutine.
func (sub *Subscription) Next(ctx context.Context) (time.Time, *tree.Node, error) {
	for {
		replay := !sub.Replayed()
		at, body, err := sub.Poll()
		if body != nil || err != nil || replay && sub.Replayed() {
			return at, body, err
		}
		select {
		case <-sub.wake:
		case <-ctx.Done():
			return time.Time{}, nil, ctx.Err()
		}
	}
}

// Close ends it.
func (sub *Subscription) Close() {
	sub.stream.mu.Lock()
	defer sub.stream.mu.Unlock()
	delete(sub.stream.subs, sub)
	sub.queue = nil
	if sub.history != nil {
		sub.history.Close()
		sub.history = nil
	}
}
