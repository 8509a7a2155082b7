// SPDX-License-Identifier: Apache-2.0

package party

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
)

// Deadlines of a phase: if none is said, and at most.
const (
	DefaultDeadline = 30 * time.Second
	MaxDeadline     = time.Minute
)

// Member takes part in commits to running.
type Member struct {
	Name     string        // who is named in errors and in the log
	Priority int           // lower is asked first
	Deadline time.Duration // of each phase; 0 is DefaultDeadline, more than MaxDeadline is that
	Paths    []*yang.Node  // schema nodes: it is asked if something at or below one changes; none means always
	// Expelled, if set, is told that the member takes part no more. It must not block.
	Expelled func(why error)
	txn.Participant
}

// Expulsion is what has become of a member that failed.
type Expulsion struct {
	Name, Phase string // prepare, commit or abort
	Err         error
	Stack       []byte // of a panic
}

// Party is who takes part. Its methods may be called concurrently, but for Prepare and
// Tell, which whoever has the turn to commit calls.
type Party struct {
	report func(Expulsion)

	mu      sync.Mutex
	members []*member // by priority; replaced, never changed
	wanted  wanted    // of all their paths; likewise
}

// New makes an empty party. report is told of each expulsion; it must not block.
func New(report func(Expulsion)) *Party { return &Party{report: report} }

type member struct {
	Member
	paths []*yang.Node  // data nodes
	asked chan struct{} // has room while it is asked nothing
	left  chan struct{} // closed when it takes part no more
	once  sync.Once
}

// Join lets m take part from the next commit on, until leave is called or it is expelled.
// One that leaves while it is asked has refused; what it has agreed to goes on, and it is
// told of the outcome.
func (p *Party) Join(m Member) (leave func()) {
	if m.Deadline <= 0 {
		m.Deadline = DefaultDeadline
	}
	m.Deadline = min(m.Deadline, MaxDeadline)
	n := &member{Member: m, asked: make(chan struct{}, 1), left: make(chan struct{})}
	for _, at := range m.Paths {
		n.paths = append(n.paths, dataNodes(at)...)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at, _ := slices.BinarySearchFunc(p.members, m.Priority+1, func(x *member, prio int) int { return x.Priority - prio })
	p.set(slices.Insert(slices.Clone(p.members), at, n))
	return func() { p.remove(n) }
}

func (p *Party) set(members []*member) { p.members, p.wanted = members, want(members) }

func (p *Party) remove(m *member) {
	m.once.Do(func() { close(m.left) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(slices.DeleteFunc(slices.Clone(p.members), func(x *member) bool { return x == m }))
}

func (p *Party) expel(m *member, phase string, err error) {
	p.remove(m)
	var bug *panicked
	e := Expulsion{Name: m.Name, Phase: phase, Err: err}
	if errors.As(err, &bug) {
		e.Stack = bug.stack
	}
	p.report(e)
	if m.Expelled != nil {
		m.Expelled(err)
	}
}

// Names are those who take part, in the order in which they are asked.
func (p *Party) Names() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		all = append(all, m.Name)
	}
	return all
}

// Prepare asks everybody whom the change concerns; it makes the party a participant
// itself. The first priority of which somebody refuses is the last that is asked, and
// who has agreed is told of the abort.
func (p *Party) Prepare(ctx context.Context, before, after *tree.Node) (txn.Ticket, error) {
	var errs mgmterr.List
	k := p.ask(ctx, before, after, func(m *member, err error) bool {
		errs = append(errs, refusal(m.Name, err)...)
		return false
	})
	if len(errs) > 0 {
		k.Abort()
		return nil, errs
	}
	return k, nil
}

// Tell prepares everybody for what nobody may refuse: who does is passed over, and
// refused is told.
func (p *Party) Tell(ctx context.Context, before, after *tree.Node, refused func(name string, err error)) txn.Ticket {
	return p.ask(ctx, before, after, func(m *member, err error) bool {
		refused(m.Name, err)
		return true
	})
}

// ask asks one priority after the other, until refused returns false for somebody.
func (p *Party) ask(ctx context.Context, before, after *tree.Node, refused func(*member, error) bool) (held *tickets) {
	p.mu.Lock()
	members, wanted := p.members, p.wanted
	p.mu.Unlock()
	held = &tickets{party: p}
	members = wanted.concerned(members, before, after)
	for on := true; on && len(members) > 0; {
		n := 1
		for n < len(members) && members[n].Priority == members[0].Priority {
			n++
		}
		group := members[:n]
		members = members[n:]
		answers := make([]answer, n)
		together(n, func(i int) { answers[i] = p.prepare(ctx, group[i], before, after) })
		for i, a := range answers {
			if a.err != nil {
				on = refused(group[i], a.err) && on
			} else if a.ticket != nil {
				held.all = append(held.all, ticket{group[i], a.ticket})
			}
		}
	}
	return held
}

// together does f for 0 to n-1 at once and returns when all are done.
func together(n int, f func(i int)) {
	if n == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// refusal words what somebody said for the one who commits.
func refusal(name string, err error) (all mgmterr.List) {
	var out *expelled
	if errors.As(err, &out) {
		return mgmterr.List{mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: %s", out).WithAppTag("participant-failed").WithCause(err)}
	}
	for _, e := range mgmterr.Of(err) {
		said := *e
		said.Message += " (refused by " + name + ")"
		all = append(all, &said)
	}
	if all == nil {
		all = mgmterr.List{mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: %s refused: %v", name, err).WithCause(err)}
	}
	return all
}

// expelled says why one that was asked takes part no more.
type expelled struct {
	text  string
	cause error
}

func (e *expelled) Error() string { return e.text }
func (e *expelled) Unwrap() error { return e.cause }

// panicked is a bug in a member.
type panicked struct {
	value any
	stack []byte
}

func (e *panicked) Error() string { return fmt.Sprintf("internal error: panic: %v", e.value) }

func lost(name, format string, args ...any) *expelled {
	return &expelled{text: name + " " + fmt.Sprintf(format, args...)}
}
