// SPDX-License-Identifier: Apache-2.0

// Package subscription is the list of the dynamic subscriptions (RFC 8639, 2.4): whose
// they are, what they are about and how they do.
//
// It knows no session and sends nothing: who receives keeps an Entry in the Table.
//
// Invariants:
//  1. No id is given twice before all of their half of the numbers have been (RFC 8639,
//     5.1): those below are for subscriptions that somebody configures.
//  2. Entries are bounded: in all, of a user and of a session.
//
// RFC 8639 (subscriptions), RFC 8641 (their datastores).
package subscription

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Limits of a Table.
const (
	MaxInAll      = 2048
	MaxPerUser    = 256
	MaxPerSession = 64
)

const firstID = 1 << 31

// Filter is how a subscription selects. At most one is set.
type Filter struct {
	Name    string // of a filter in /filters
	Subtree string // XML, the element of the filter
	XPath   string
}

// Policy is what a subscription is about (RFC 8639, 2.4; RFC 8641, 4.2).
type Policy struct {
	Stream    string    // "" for a datastore
	Replay    time.Time // zero if nothing is replayed
	Stop      time.Time // zero for never
	Filter    Filter
	Datastore string // identity with its module
	OnChange  bool   // else periodic
	Period    uint32 // centiseconds; of OnChange the dampening period
	Anchor    time.Time
	NoSync    bool // no update at the start
	Excluded  []string
}

// Entry is one subscription. What is not atomic is guarded by the Table.
type Entry struct {
	ID            uint32
	Session       uint32
	User          string
	Receiver      string // name of it, for people
	Sent, Omitted atomic.Uint64
	Suspended     atomic.Bool
	// End ends it from outside. It must not block.
	End func()

	policy Policy
}

// Table is the list.
type Table struct {
	mu      sync.Mutex
	last    uint32
	entries map[uint32]*Entry
}

// Add gives e its number and reports whether there was room.
func (t *Table) Add(e *Entry, p Policy) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	user, session := 0, 0
	for _, x := range t.entries {
		if x.User == e.User {
			user++
		}
		if x.Session == e.Session {
			session++
		}
	}
	if len(t.entries) >= MaxInAll || user >= MaxPerUser || session >= MaxPerSession {
		return false
	}
	if t.entries == nil {
		t.entries = make(map[uint32]*Entry)
	}
	for {
		if t.last++; t.last < firstID {
			t.last = firstID
		}
		if t.entries[t.last] == nil {
			break
		}
	}
	e.ID, e.policy = t.last, p
	t.entries[e.ID] = e
	return true
}

// Get is the subscription of that number; nil if there is none.
func (t *Table) Get(id uint32) *Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries[id]
}

// Of is the subscription of that number if it is the session's.
func (t *Table) Of(session, id uint32) *Entry {
	if e := t.Get(id); e != nil && e.Session == session {
		return e
	}
	return nil
}

// Count is how many a session has.
func (t *Table) Count(session uint32) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if e.Session == session {
			n++
		}
	}
	return n
}

// Remove takes e out, and reports whether it was there.
func (t *Table) Remove(e *Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.entries[e.ID] != e {
		return false
	}
	delete(t.entries, e.ID)
	return true
}

// Modify gives e another policy.
func (t *Table) Modify(e *Entry, p Policy) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.policy = p
}

// Policy is that of e.
func (t *Table) Policy(e *Entry) Policy {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.policy
}

// Tree is /subscriptions (RFC 8639, 3.3); nil if the schema has none.
func (t *Table) Tree(schema *yang.Schema) (*tree.Node, error) {
	top := schema.Root.Child("ietf-subscribed-notifications", "subscriptions")
	if top == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]uint32, 0, len(t.entries))
	for id := range t.entries {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	f := &filler{b: tree.NewBuilder(schema.Root)}
	f.open(top)
	for _, id := range ids {
		e := t.entries[id]
		f.in("subscription", func() {
			f.leaf("id", strconv.FormatUint(uint64(e.ID), 10))
			f.policy(e.policy)
			f.in("receivers", func() {
				f.in("receiver", func() {
					state := "active"
					if e.Suspended.Load() {
						state = "suspended"
					}
					f.leaf("name", e.Receiver)
					f.leaf("sent-event-records", strconv.FormatUint(e.Sent.Load(), 10))
					f.leaf("excluded-event-records", strconv.FormatUint(e.Omitted.Load(), 10))
					f.leaf("state", state)
				})
			})
		})
	}
	f.close()
	if f.err != nil {
		return nil, f.err
	}
	return f.b.Done()
}

// Streams is /streams (RFC 8639, 3.1): the one stream, with the time that its log was made and that
// of the last event that is not in it any more, if there is one. nil if the schema has none.
func Streams(schema *yang.Schema, created, aged time.Time) (*tree.Node, error) {
	top := schema.Root.Child("ietf-subscribed-notifications", "streams")
	if top == nil {
		return nil, nil
	}
	f := &filler{b: tree.NewBuilder(schema.Root)}
	f.open(top)
	f.in("stream", func() {
		f.leaf("name", "NETCONF")
		f.leaf("description", "what happens in the server (RFC 6470)")
		if s := f.child("replay-support"); s != nil && f.err == nil {
			f.err = f.b.Leaf(s, "")
			f.time("replay-log-creation-time", created)
			f.time("replay-log-aged-time", aged)
		}
	})
	f.close()
	if f.err != nil {
		return nil, f.err
	}
	return f.b.Done()
}

// Modified is the body of subscription-modified (RFC 8639, 2.7.2).
func Modified(schema *yang.Schema, id uint32, p Policy) (*tree.Node, error) {
	return Change(schema, "subscription-modified", id, func(f *filler) { f.policy(p) })
}

// Change is the body of a notification of that name about a subscription, a tree of
// schema.Events (RFC 8639, 2.7).
func Change(schema *yang.Schema, name string, id uint32, fill Filling) (*tree.Node, error) {
	f := &filler{b: tree.NewBuilder(schema.Events)}
	f.in(name, func() {
		f.leaf("id", strconv.FormatUint(uint64(id), 10))
		if fill != nil {
			fill(f)
		}
	})
	if f.err != nil {
		return nil, f.err
	}
	return f.b.Done()
}

// Reason fills the reason of a change: an identity with its module.
func Reason(identity string) Filling {
	return func(f *filler) { f.leaf("reason", identity) }
}

// Filling puts more into the body of a change.
type Filling func(*filler)

// filler builds a tree by names; what the schema lacks is left out.
type filler struct {
	b   *tree.Builder
	err error
}

func (f *filler) open(s *yang.Node) { f.b.Open(s) }

func (f *filler) close() {
	if f.err == nil {
		f.err = f.b.Close()
	}
}

func (f *filler) child(name string) *yang.Node {
	for _, m := range []string{"ietf-subscribed-notifications", "ietf-yang-push"} {
		if c := f.b.Schema().Child(m, name); c != nil {
			return c
		}
	}
	return nil
}

func (f *filler) in(name string, fill func()) {
	if c := f.child(name); c != nil && f.err == nil {
		f.open(c)
		fill()
		f.close()
	}
}

func (f *filler) leaf(name, value string) {
	c := f.child(name)
	if c == nil || value == "" || f.err != nil {
		return
	}
	switch c.Kind {
	case yang.KindLeafList:
		f.err = f.b.LeafListEntry(c, value)
	case yang.KindAnydata:
		f.err = f.b.Any(c, tree.Any{Format: tree.XML, Text: value})
	default:
		f.err = f.b.Leaf(c, value)
	}
}

func (f *filler) time(name string, t time.Time) {
	if !t.IsZero() {
		f.leaf(name, t.UTC().Format("2006-01-02T15:04:05.999999Z"))
	}
}

// policy fills what the list of subscriptions and the notifications share.
func (f *filler) policy(p Policy) {
	kind := "datastore-"
	if p.Stream != "" {
		kind = "stream-"
		f.leaf("stream", p.Stream)
		f.leaf("stream-filter-name", p.Filter.Name)
		f.time("replay-start-time", p.Replay)
	} else {
		f.leaf("datastore", p.Datastore)
		f.leaf("selection-filter-ref", p.Filter.Name)
	}
	f.leaf(kind+"subtree-filter", p.Filter.Subtree)
	f.leaf(kind+"xpath-filter", p.Filter.XPath)
	f.time("stop-time", p.Stop)
	f.leaf("encoding", "ietf-subscribed-notifications:encode-xml")
	period := strconv.FormatUint(uint64(p.Period), 10)
	switch {
	case p.Stream != "":
	case p.OnChange:
		f.in("on-change", func() {
			f.leaf("dampening-period", period)
			f.leaf("sync-on-start", strconv.FormatBool(!p.NoSync))
			for _, x := range p.Excluded {
				f.leaf("excluded-change", x)
			}
		})
	default:
		f.in("periodic", func() {
			f.leaf("period", period)
			f.time("anchor-time", p.Anchor)
		})
	}
}
