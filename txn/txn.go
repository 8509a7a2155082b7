// SPDX-License-Identifier: Apache-2.0

// Package txn is the life of one transaction as a pure state machine:
// work, validated, prepared, committed, or aborted.
//
// It has no goroutine, no clock and no disk; mgmt drives it and owns the
// deadlines, the lock and the journal.
//
// Invariants:
//  1. Every method begins by consulting the table of legal moves; a wrong order
//     is a StateError, never a surprise.
//  2. All that can fail happens before Commit. Commit and Abort have no error to
//     return.
//  3. The base root is never changed; what the transaction holds is private to
//     it until the caller publishes Root.
//  4. A participant that prepared is told exactly once how it ended.
package txn

import (
	"context"
	"fmt"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// State is where a transaction stands.
type State uint8

// The states, in order of life.
const (
	Work State = iota
	Validated
	Prepared
	Committed
	Aborted
)

func (s State) String() string {
	return [...]string{"work", "validated", "prepared", "committed", "aborted"}[s]
}

// move is one thing that can be asked of a transaction.
type move uint8

const (
	moveEdit move = iota
	moveRebase
	moveValidate
	movePrepare
	moveHold
	moveCommit
	moveAbort
)

func (m move) String() string {
	return [...]string{"edit", "rebase", "validate", "prepare", "hold", "commit", "abort"}[m]
}

// legal says in which states a move may be made.
var legal = [...][]State{
	moveEdit:     {Work, Validated}, // an edit puts a validated transaction back to work
	moveRebase:   {Work, Validated},
	moveValidate: {Work, Validated},
	movePrepare:  {Validated},
	moveHold:     {Work, Validated},
	moveCommit:   {Prepared},
	moveAbort:    {Work, Validated, Prepared},
}

// StateError says that a move is not legal in the state the transaction is in.
type StateError struct {
	Move  string
	State State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("cannot %s: the transaction is %s (bad state)", e.Move, e.State)
}

// Participant has a say in a commit: it may refuse while it prepares, and is
// told the outcome.
type Participant interface {
	// Prepare is given the roots before and after. The context carries the
	// deadline. What it holds until the outcome goes into the ticket; without one
	// it is not told. An error is for the one who commits: a *mgmterr.Error or a list
	// of them reaches him as it is.
	Prepare(ctx context.Context, before, after *tree.Node) (Ticket, error)
}

// Ticket is the promise of a participant that prepared.
type Ticket interface {
	Commit()
	Abort()
}

// Validator checks what the transaction would make of the data and returns the
// root with what the model removes by itself (RFC 7950, 8.2: false whens).
type Validator func(before, after *tree.Node) (*tree.Node, mgmterr.List)

// Txn is one transaction. It is not safe for concurrent use.
type Txn struct {
	state  State
	base   *tree.Node
	root   *tree.Node
	guard  tree.Guard
	ticket Ticket

	transform Transformer // nil: none
}

// New begins a transaction on base. guard is asked for every node an edit
// touches (RFC 8341, 3.2.4); nil permits all.
func New(base *tree.Node, guard tree.Guard) *Txn {
	return &Txn{base: base, root: base, guard: guard}
}

// Resume is New for work that was done before: root is what has become of base.
func Resume(base, root *tree.Node, guard tree.Guard) *Txn {
	return &Txn{base: base, root: root, guard: guard}
}

// Transformer replaces parts of what an edit has made of before, such as passwords in
// clear by their hashes. Its error refuses the edit.
type Transformer func(before, after *tree.Node) (*tree.Node, error)

// Transform has every edit from now on go through f: what f takes out is in no root that
// the transaction shows.
func (t *Txn) Transform(f Transformer) { t.transform = f }

// State is where the transaction stands.
func (t *Txn) State() State { return t.state }

// Base is the root that the transaction began on, or was rebased to.
func (t *Txn) Base() *tree.Node { return t.base }

// Root is the transaction's private root.
func (t *Txn) Root() *tree.Node { return t.root }

// Dirty reports whether anything differs from the base: what was changed and
// changed back does not.
func (t *Txn) Dirty() bool { return t.root != t.base && !tree.Equal(t.base, t.root) }

func (t *Txn) may(m move) error {
	for _, s := range legal[m] {
		if t.state == s {
			return nil
		}
	}
	return &StateError{Move: m.String(), State: t.state}
}

// Apply makes the edit on the private root: all of it or, on error, none.
func (t *Txn) Apply(e *tree.Edit) error {
	if err := t.may(moveEdit); err != nil {
		return err
	}
	root, err := tree.Apply(t.root, e, t.guard)
	if err == nil && t.transform != nil {
		root, err = t.transform(t.root, root)
	}
	if err != nil {
		return err
	}
	if root != t.root {
		t.root, t.state = root, Work
	}
	return nil
}

// Authorize asks guard about everything that the transaction has changed, and
// from now on about every edit: what may be done is no longer what it was when
// the transaction began. On a refusal the former guard stays.
func (t *Txn) Authorize(guard tree.Guard) error {
	if err := t.may(moveEdit); err != nil {
		return err
	}
	if guard != nil {
		// The root names nodes that nobody named in an edit: what counts is the
		// difference.
		differs := func(p tree.Path, what tree.Access) error {
			if what == tree.Name || what == tree.See {
				return nil
			}
			return guard(p, what)
		}
		whole := &tree.Edit{Schema: t.base.Schema(), Op: tree.OpReplace, Tree: t.root}
		if _, err := tree.Apply(t.base, whole, differs); err != nil {
			return err
		}
	}
	t.guard = guard
	return nil
}

// Become makes root of the transaction, if guard permits the difference from the base.
func (t *Txn) Become(root *tree.Node, guard tree.Guard) error {
	if err := t.may(moveEdit); err != nil {
		return err
	}
	was := t.root
	t.root = root
	if err := t.Authorize(guard); err != nil {
		t.root = was
		return err
	}
	t.state = Work
	return nil
}

// Revert gives up every edit and goes on from the base.
func (t *Txn) Revert() error {
	if err := t.may(moveEdit); err != nil {
		return err
	}
	t.root, t.state = t.base, Work
	return nil
}

// Rebase carries the transaction's changes over to current, the root that
// others have committed since. A node that both sides touched is a conflict,
// and then nothing changes.
func (t *Txn) Rebase(current *tree.Node) error {
	if err := t.may(moveRebase); err != nil {
		return err
	}
	if current == t.base {
		return nil
	}
	if !t.Dirty() {
		t.base, t.root, t.state = current, current, Work
		return nil
	}
	root, err := merge(t.base, t.root, current)
	if err != nil {
		return err
	}
	t.base, t.root, t.state = current, root, Work
	return nil
}

// Validate runs the validator over the difference.
func (t *Txn) Validate(v Validator) error {
	if err := t.may(moveValidate); err != nil {
		return err
	}
	if t.state == Validated {
		return nil
	}
	root, errs := v(t.base, t.root)
	if len(errs) > 0 {
		return errs
	}
	t.root, t.state = root, Validated
	return nil
}

// Prepare asks those who take part; nil is nobody. A refusal leaves the transaction
// validated.
func (t *Txn) Prepare(ctx context.Context, p Participant) (err error) {
	if err := t.may(movePrepare); err != nil {
		return err
	}
	if p != nil {
		if t.ticket, err = p.Prepare(ctx, t.base, t.root); err != nil {
			t.ticket = nil
			return err
		}
	}
	t.state = Prepared
	return nil
}

// Hold prepares without asking anybody, and without a validation: for data that is
// nobody's yet.
func (t *Txn) Hold() error {
	if err := t.may(moveHold); err != nil {
		return err
	}
	t.state = Prepared
	return nil
}

// Unprepare tells those who take part that it will not be, and leaves the
// transaction validated: the decision could not be written.
func (t *Txn) Unprepare() {
	if t.state != Prepared {
		return
	}
	t.abortTicket()
	t.state = Validated
}

// Commit tells those who take part that it is decided.
func (t *Txn) Commit() {
	if err := t.may(moveCommit); err != nil {
		panic("internal error: " + err.Error())
	}
	t.state = Committed
	if t.ticket != nil {
		t.ticket.Commit()
	}
	t.ticket = nil
}

// Abort ends the transaction without a trace. Ending an ended one does nothing.
func (t *Txn) Abort() {
	if t.may(moveAbort) != nil {
		return
	}
	t.abortTicket()
	t.state = Aborted
}

func (t *Txn) abortTicket() {
	if t.ticket != nil {
		t.ticket.Abort()
	}
	t.ticket = nil
}
