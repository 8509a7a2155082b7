// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// Limits: of all partial locks together.
const (
	maxParts = 1000
	maxNodes = 100_000
	// maxErrors is how many nodes a refused change is told of.
	maxErrors = 100
)

// Part is a lock of some nodes of running with all that is below them, now and later.
type Part struct {
	ID uint32
	Owner
	Since  time.Time
	Select []string // what the owner asked for
	Nodes  []tree.Path
}

// Parts are the partial locks of running. The zero value is empty; its methods may be
// called concurrently.
type Parts struct {
	mu     sync.Mutex
	parts  []*Part // by ID
	nodes  int     // of all of them
	top    place
	lastID uint32
}

// place is a node on the way to something locked, or that is locked itself.
type place struct {
	at   tree.Path
	kids map[tree.Step]*place
	held []*Part // that name this node
}

// Lock locks nodes for a session, all or none, and returns the number of the lock
// (RFC 5717, 2.4.1).
func (t *Parts) Lock(o Owner, selects []string, nodes []tree.Path, now time.Time) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.parts) >= maxParts || t.nodes+len(nodes) > maxNodes {
		return 0, mgmterr.New(mgmterr.ResourceDenied, "", "cannot lock parts of running: there are at most %d such locks of %d nodes; lock a node that is further up", maxParts, maxNodes).
			OfType(mgmterr.Protocol)
	}
	for _, n := range nodes {
		if p, at := t.other(n, o.Session, func(*place) bool { return true }); p != nil {
			e := Denied("parts of running", p.Session, "session %d (%s) has locked this node or one in it", p.Session, p.User)
			e.Path = at.String()
			return 0, e
		}
	}
	for { // numbers go round, and the table is much smaller
		t.lastID++
		if _, used := t.find(t.lastID); t.lastID != 0 && !used {
			break
		}
	}
	p := &Part{ID: t.lastID, Owner: o, Since: now, Select: selects, Nodes: nodes}
	for _, n := range nodes {
		at := t.enter(n)
		at.held = append(at.held, p)
	}
	i, _ := t.find(p.ID)
	t.parts = slices.Insert(t.parts, i, p)
	t.nodes += len(nodes)
	return p.ID, nil
}

// Unlock frees a partial lock of a session (RFC 5717, 2.4.2).
func (t *Parts) Unlock(session, id uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.find(id)
	if !ok || t.parts[i].Session != session {
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot unlock: this session has no partial lock %d", id).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "lock-id")
	}
	t.drop(i)
	return nil
}

// Release frees what a session holds: its locks end with it (RFC 5717, 2.1.2).
func (t *Parts) Release(session uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.parts) - 1; i >= 0; i-- {
		if t.parts[i].Session == session {
			t.drop(i)
		}
	}
}

// None refuses a lock of the whole datastore while there are any, be they of the same
// session (RFC 5717, 2.3).
func (t *Parts) None(store string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.parts) == 0 {
		return nil
	}
	o := t.parts[0].Owner
	return Denied(store, o.Session, "session %d (%s) has locked parts of it", o.Session, o.User)
}

// All are all partial locks, by number. They are not to be changed.
func (t *Parts) All() []*Part {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.parts)
}

func (t *Parts) find(id uint32) (int, bool) {
	return slices.BinarySearchFunc(t.parts, id, func(p *Part, id uint32) int { return cmp.Compare(p.ID, id) })
}

func (t *Parts) drop(i int) {
	p := t.parts[i]
	t.parts = slices.Delete(t.parts, i, i+1)
	t.nodes -= len(p.Nodes)
	for _, n := range p.Nodes {
		t.top.leave(n, p)
	}
}

// enter is the place of a path, made if there is none.
func (t *Parts) enter(p tree.Path) *place {
	at := &t.top
	for i, s := range p {
		next := at.kids[s]
		if next == nil {
			if at.kids == nil {
				at.kids = make(map[tree.Step]*place)
			}
			next = &place{at: p[:i+1]}
			at.kids[s] = next
		}
		at = next
	}
	return at
}

// leave takes p from the place at n below, and the places that nothing needs.
func (at *place) leave(n tree.Path, p *Part) {
	if len(n) == 0 {
		at.held = slices.DeleteFunc(at.held, func(x *Part) bool { return x == p })
		return
	}
	next := at.kids[n[0]]
	if next == nil {
		return
	}
	if next.leave(n[1:], p); len(next.held) == 0 && len(next.kids) == 0 {
		delete(at.kids, n[0])
	}
}

func (at *place) by(session uint32) *Part {
	for _, p := range at.held {
		if p.Session != session {
			return p
		}
	}
	return nil
}

// other is a lock of another session that a path meets: of the node, of one above it, or
// of one below it that counts.
func (t *Parts) other(n tree.Path, session uint32, counts func(*place) bool) (*Part, tree.Path) {
	at := &t.top
	for _, s := range n {
		if p := at.by(session); p != nil {
			return p, at.at
		}
		if at = at.kids[s]; at == nil {
			return nil, nil
		}
	}
	return at.below(session, counts)
}

func (at *place) below(session uint32, counts func(*place) bool) (*Part, tree.Path) {
	if p := at.by(session); p != nil && counts(at) {
		return p, at.at
	}
	for _, k := range at.kids {
		if p, where := k.below(session, counts); p != nil {
			return p, where
		}
	}
	return nil, nil
}

// MayChange refuses a change of what other sessions have locked, and says where
// (RFC 5717, 2.3).
func (t *Parts) MayChange(session uint32, before, after *tree.Node) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.parts, func(p *Part) bool { return p.Session != session }) {
		return nil
	}
	var errs mgmterr.List
	for c := range tree.Diff(before, after) {
		// What is locked below a node that came or went counts if it was there, or is.
		p, at := t.other(c.Path, session, func(l *place) bool {
			if c.Kind == tree.Moved || len(l.at) == len(c.Path) {
				return len(l.at) == len(c.Path)
			}
			_, was := before.Find(l.at)
			_, is := after.Find(l.at)
			return was || is
		})
		if p == nil {
			continue
		}
		// RFC 5717, 2.3: in-use, with app-tag locked.
		errs = append(errs, inUse(c.Path.String(), p.Owner, "cannot change this: session %d (%s) has locked %s", p.Session, p.User, at).WithAppTag("locked"))
		if len(errs) == maxErrors {
			break
		}
	}
	if errs != nil {
		return errs
	}
	return nil
}
