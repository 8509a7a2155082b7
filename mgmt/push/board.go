// SPDX-License-Identifier: Apache-2.0

// Package push tells whoever watches running that it has changed, and works out once
// for all who look at the same with the same rights what has become of it.
//
// It writes to no client and reads no datastore but the versions of running that it is
// handed; who may see what is asked of nacm.View when it is looked at.
//
// Invariants:
//  1. To publish costs a commit a few pointers, and never waits for a watcher.
//  2. A burst wakes the watchers once a beat. Versions between are looked at one by one,
//     the last few of them: a slow watcher is told the net of the rest.
//  3. Memory is bounded: a few versions, and what has been worked out of them, until
//     everybody has seen them.
//
// RFC 8641 (YANG-Push).
package push

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const (
	// beat is the least time between two wakings. It bounds what pushing takes of a
	// processor while commits follow each other.
	beat = 50 * time.Millisecond
	// keepSteps is how many versions are kept for those who have not seen them.
	keepSteps = 16
)

// Board is where the versions of running are put up.
type Board struct {
	work chan struct{} // slots for what costs: half of the processors at most

	mu       sync.Mutex
	steps    []*Step
	number   uint64
	watchers map[*Watch]bool
	woken    time.Time // when everybody was woken last
	armed    bool
}

// NewBoard makes a board that nobody watches.
func NewBoard() *Board {
	return &Board{work: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), watchers: make(map[*Watch]bool)}
}

// Step is one version of running.
type Step struct {
	At   time.Time
	root *tree.Node

	number  uint64
	waiting int // watchers that have not done with it; guarded by Board.mu

	mu    sync.Mutex
	views map[viewKey]*sight
	delta map[deltaKey]*Delta
}

type (
	viewKey struct {
		view   *nacm.View
		filter string
	}
	sight struct {
		once sync.Once
		root *tree.Node
		err  error
	}
	deltaKey struct{ from, to *tree.Node }
)

// Publish puts up what running has become. It is called in the order of commits.
func (b *Board) Publish(root *tree.Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.watchers) == 0 {
		return
	}
	b.putLocked(root)
	if !b.armed {
		b.armed = true
		time.AfterFunc(max(0, beat-time.Since(b.woken)), b.wake)
	}
}

func (b *Board) putLocked(root *tree.Node) *Step {
	if n := len(b.steps); n > 0 && b.steps[n-1].root == root {
		return b.steps[n-1]
	}
	b.number++
	s := &Step{At: time.Now(), root: root, number: b.number, waiting: len(b.watchers),
		views: make(map[viewKey]*sight), delta: make(map[deltaKey]*Delta)}
	b.steps = append(b.steps, s)
	if len(b.steps) > keepSteps {
		b.steps[0] = nil
		b.steps = b.steps[1:]
	}
	return s
}

func (b *Board) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed, b.woken = false, time.Now()
	for w := range b.watchers {
		w.signal()
	}
}

// Watch is one who is told when running changes. Its methods are called by one
// goroutine at a time.
type Watch struct {
	C     <-chan struct{} // running has changed, or may have
	c     chan struct{}
	board *Board
	view  func() *nacm.View
	last  *nacm.View
	next  uint64 // number of the first step that has not been looked at; guarded by Board.mu
}

// Anew reports whether the rights are others than when it was asked last.
func (w *Watch) Anew() bool {
	v, last := w.view(), w.last
	w.last = v
	return v != last
}

// Watch begins to watch: the first step is running as root has it then. view is asked
// for the rights whenever something is looked at.
func (b *Board) Watch(root func() *tree.Node, view func() *nacm.View) *Watch {
	c := make(chan struct{}, 1)
	w := &Watch{C: c, c: c, board: b, view: view}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.putLocked(root()) // no commit is between: what it publishes comes after this
	b.watchers[w] = true
	now.waiting++
	w.next = now.number
	w.signal()
	return w
}

func (w *Watch) signal() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// Close ends it.
func (w *Watch) Close() {
	b := w.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.watchers[w] {
		return
	}
	delete(b.watchers, w)
	b.doneLocked(w.next, b.number)
}

// Steps are the versions that have not been looked at, the newest last. Done follows.
func (w *Watch) Steps() []*Step {
	b := w.board
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.steps, func(s *Step) bool { return s.number >= w.next })
	if i < 0 {
		return nil
	}
	return slices.Clone(b.steps[i:])
}

// Done says that steps, as Steps gave them, are not needed any more.
func (w *Watch) Done(steps []*Step) {
	if len(steps) == 0 {
		return
	}
	b := w.board
	b.mu.Lock()
	defer b.mu.Unlock()
	last := steps[len(steps)-1].number
	b.doneLocked(w.next, last)
	w.next = last + 1
}

func (b *Board) doneLocked(from, to uint64) {
	for _, s := range b.steps {
		if s.number >= from && s.number <= to {
			s.waiting--
		}
	}
	b.steps = slices.DeleteFunc(b.steps, func(s *Step) bool { return s.waiting <= 0 })
}

// errBroken is for those who share what ended in a panic: it is no empty selection.
var errBroken = errors.New("internal error: what is selected could not be worked out; see the log")

// Costly runs f when a slot is free, so that pushing leaves half of the processors to
// others.
func (w *Watch) Costly(f func()) {
	w.board.work <- struct{}{}
	defer func() { <-w.board.work }()
	f()
}

// Selection is the part of the data that somebody watches. The same Key is the same
// selection; "" is one that nobody shares.
type Selection struct {
	Key    string
	Tops   []*yang.Node // it selects nothing outside of them; nil is all
	Select func(root *tree.Node) (*tree.Node, error)
}

// see is what view may read of a version and sel selects.
func (w *Watch) see(view *nacm.View, s *Step, sel Selection) (*tree.Node, error) {
	look := func() (root *tree.Node, err error) {
		w.Costly(func() { root, err = sel.Select(view.Prune(s.root)) })
		return root, err
	}
	if sel.Key == "" {
		return look()
	}
	s.mu.Lock()
	k := viewKey{view, sel.Key}
	found := s.views[k]
	if found == nil {
		found = new(sight)
		s.views[k] = found
	}
	s.mu.Unlock()
	found.once.Do(func() {
		found.err = errBroken // unless it returns
		found.root, found.err = look()
	})
	return found.root, found.err
}

// same reports whether nothing that sel can see is different in s and an earlier
// version, as far as can be told at once.
func (s *Step) same(earlier *Step, sel Selection) bool {
	if earlier == nil || s.root == earlier.root {
		return earlier != nil
	}
	if sel.Tops == nil {
		return false
	}
	for _, top := range sel.Tops {
		if !sameTop(s.root, earlier.root, top) {
			return false
		}
	}
	return true
}

func sameTop(a, b *tree.Node, top *yang.Node) bool {
	if a.Has(top) != b.Has(top) {
		return false
	}
	switch top.Kind {
	case yang.KindContainer:
		return a.Container(top) == b.Container(top)
	case yang.KindList:
		return a.List(top) == b.List(top)
	case yang.KindLeafList:
		return a.LeafList(top) == b.LeafList(top)
	case yang.KindLeaf:
		x, _ := a.Leaf(top)
		y, _ := b.Leaf(top)
		return x == y
	}
	x, _ := a.Any(top)
	y, _ := b.Any(top)
	return x == y
}
