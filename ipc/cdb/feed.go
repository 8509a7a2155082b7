// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"math"
	"sync"

	"nso.example/nso/mgmt"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// keepCommits is how many commits those who are slow are told of one by one.
const keepCommits = 32

// feed takes part in all commits, and finds out beside them whom each concerns.
type feed struct {
	server *mgmt.Server

	work sync.Mutex // one finds out, before the others

	index sync.RWMutex // before mu
	nodes map[*yang.Node]map[*watch]bool
	above map[*yang.Node]int // of how many watches it is above a node

	mu      sync.Mutex
	busy    bool
	pending []commit // nobody has looked at yet
	recent  []commit
	watches map[*watch]bool
}

type commit struct {
	rev           uint64
	before, after *tree.Node
	touched       map[*yang.Node]bool // of the nodes that somebody watches
}

// watch is one who is told.
type watch struct {
	nodes []*yang.Node
	wake  chan struct{}
	// guarded by feed.mu
	told uint64     // revision up to which he knows all
	hit  uint64     // the first commit after it that concerns him; 0 if none does
	base *tree.Node // what was before that, if it is not recent any more
}

func newFeed(server *mgmt.Server) *feed {
	f := &feed{server: server, nodes: make(map[*yang.Node]map[*watch]bool), above: make(map[*yang.Node]int), watches: make(map[*watch]bool)}
	if server != nil { // else only the table is looked at
		f.join()
	}
	return f
}

// join lets it take part as the last: who is asked knows by then how it ended.
func (f *feed) join() {
	f.server.Join(mgmt.Member{Name: "subscriptions", Priority: math.MaxInt32, Participant: f, Expelled: func(error) { f.join() }})
}

// Prepare has nothing against it.
func (f *feed) Prepare(_ context.Context, before, after *tree.Node) (mgmt.Ticket, error) {
	return &outcome{f, before, after}, nil
}

type outcome struct {
	f             *feed
	before, after *tree.Node
}

func (t *outcome) Abort() {}

// Commit is called while the commit has the turn: the revision is its own.
func (t *outcome) Commit() {
	f := t.f
	f.mu.Lock()
	if len(f.watches) == 0 || t.before == t.after {
		f.mu.Unlock()
		return
	}
	f.pending = append(f.pending, commit{rev: f.server.Version().Revision, before: t.before, after: t.after})
	begin, full := !f.busy, len(f.pending) > keepCommits
	f.busy = true
	f.mu.Unlock()
	switch {
	case full: // whoever is faster than that takes part in the work
		f.settle()
	case begin:
		go f.settle()
	}
}

// settle finds out whom all that is committed concerns.
func (f *feed) settle() {
	f.work.Lock()
	defer f.work.Unlock()
	for {
		f.mu.Lock()
		todo := f.pending
		f.pending = nil
		f.busy = len(todo) > 0
		f.mu.Unlock()
		if len(todo) == 0 {
			return
		}
		for _, c := range todo {
			f.match(c)
		}
	}
}

func (f *feed) match(c commit) {
	f.index.RLock()
	defer f.index.RUnlock()
	c.touched = f.touched(c.before, c.after)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recent = append(f.recent, c)
	if len(f.recent) > keepCommits {
		old := f.recent[0]
		f.recent[0] = commit{}
		f.recent = f.recent[1:]
		for w := range f.watches {
			if w.hit == old.rev && w.base == nil {
				w.base = old.before
			}
		}
	}
	for n := range c.touched {
		for w := range f.nodes[n] {
			if f.watches[w] && c.rev > w.told && w.hit == 0 {
				w.hit = c.rev
				w.signal()
			}
		}
	}
}

func (w *watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// touched are the watched nodes at or below which something changes.
func (f *feed) touched(before, after *tree.Node) map[*yang.Node]bool {
	if len(f.nodes) == 0 {
		return nil
	}
	hit := make(map[*yang.Node]bool)
	note := func(n *yang.Node) {
		if f.nodes[n] != nil {
			hit[n] = true
		}
	}
	var inside func(n *tree.Node)
	inside = func(n *tree.Node) {
		if n == nil {
			return
		}
		for c := range n.Children() {
			note(c.Schema)
			if f.above[c.Schema] > 0 {
				inside(c.Node)
				for e := range c.List.All() {
					inside(e)
				}
			}
		}
	}
	for c := range tree.Diff(before, after) {
		note(after.Schema())
		for _, s := range c.Path {
			note(s.Schema)
		}
		if f.above[c.Path.Schema()] > 0 && c.Kind != tree.Moved {
			inside(c.Old.Node)
			inside(c.New.Node)
		}
		if len(hit) == len(f.nodes) {
			break
		}
	}
	return hit
}

// add begins to tell w, from the version on that it returns.
func (f *feed) add(w *watch) mgmt.Version {
	f.index.Lock()
	for _, n := range w.nodes {
		if f.nodes[n] == nil {
			f.nodes[n] = make(map[*watch]bool)
		}
		f.nodes[n][w] = true
		for up := n.DataParent; up != nil; up = up.DataParent {
			f.above[up]++
		}
	}
	f.index.Unlock()
	f.mu.Lock()
	f.watches[w] = true
	f.mu.Unlock()
	// What is committed from here on concerns it; what has been, it knows.
	now := f.server.Version()
	f.knows(w, now.Revision)
	return now
}

func (f *feed) remove(w *watch) {
	f.index.Lock()
	for _, n := range w.nodes {
		delete(f.nodes[n], w)
		if len(f.nodes[n]) == 0 {
			delete(f.nodes, n)
		}
		for up := n.DataParent; up != nil; up = up.DataParent {
			if f.above[up]--; f.above[up] == 0 {
				delete(f.above, up)
			}
		}
	}
	f.index.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watches, w)
	w.base = nil
	if len(f.watches) == 0 {
		f.recent = nil
	}
}

// knows notes that w has been told all up to a revision.
func (f *feed) knows(w *watch, rev uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.knowsLocked(w, rev)
}

func (f *feed) knowsLocked(w *watch, rev uint64) {
	w.told = max(w.told, rev)
	if w.hit > w.told {
		return
	}
	w.hit, w.base = 0, nil
	for _, c := range f.recent {
		if c.rev <= w.told {
			continue
		}
		for _, n := range w.nodes {
			if c.touched[n] {
				w.hit = c.rev
				return
			}
		}
	}
}

// take is the next change for w: one commit, or the net of several for one who is slow.
func (f *feed) take(w *watch) (from, to mgmt.Version, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.hit == 0 {
		return from, to, false
	}
	before, c := w.base, f.recent[len(f.recent)-1]
	if before == nil {
		for _, c = range f.recent {
			if c.rev == w.hit {
				break
			}
		}
		before = c.before
	}
	from, to = mgmt.VersionOf(before, w.told), mgmt.VersionOf(c.after, c.rev)
	f.knowsLocked(w, c.rev)
	return from, to, true
}
