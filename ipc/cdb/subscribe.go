// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

const (
	maxPaths    = 256
	maxName     = 64
	maxReason   = 1000
	maxPriority = 1 << 20
	pageEdits   = 500
	pageBytes   = 128 << 10

	defaultDeadline = 10 * time.Second
	maxDeadline     = time.Minute
)

// notice is what a subscriber is told, or a part of it.
type notice struct {
	Phase    string `json:"phase"`
	From     uint64 `json:"from"`
	Revision uint64 `json:"revision"`
	Edits    []edit `json:"edits"`
	More     bool   `json:"more"`
	Answer   bool   `json:"answer"`
}

// question is what a commit asks a subscriber, and waits for.
type question struct {
	phase    string
	from, to mgmt.Version
	edits    bool
	answer   chan error
}

// subscription is one who is told. What is not guarded belongs to the goroutine of its
// connection.
type subscription struct {
	room     *room
	session  *mgmt.Session
	want     paths
	watch    *watch
	twoPhase bool
	member   func() // leaves the commits; nil if it takes no part

	// what is being told
	head  notice
	pull  func() (edit, bool)
	stop  func()
	ahead *edit // of head: read, and not told
	first bool  // the beginning is told even if there is nothing in it

	mu    sync.Mutex
	asked []*question
	open  *question // told, and not answered
	why   error     // it is over
	gone  chan struct{}
}

// wanted are the parameters that Watch and Subscribe share.
type wanted struct {
	Paths  []string `json:"paths"`
	Replay *bool    `json:"replay"`
	Since  *uint64  `json:"since"`
}

// open makes a subscription that begins as in says; join, if set, lets it take part in
// commits. now is the revision that it begins at.
func (r *room) open(ctx context.Context, cl *caller, in wanted, join func(*subscription)) (s *subscription, now uint64, err error) {
	if len(in.Paths) > maxPaths {
		return nil, 0, varlink.InvalidParameter("paths")
	}
	s = &subscription{room: r, session: cl.session, watch: &watch{wake: make(chan struct{}, 1)}, gone: make(chan struct{})}
	seen := make(map[*yang.Node]bool)
	for _, text := range in.Paths {
		p, err := tree.ParsePath(r.server.Schema(), text)
		if err != nil {
			return nil, 0, err
		}
		n := p.Schema()
		if n == nil {
			s.want, s.watch.nodes = nil, []*yang.Node{r.server.Schema().Root}
			break
		}
		s.want = append(s.want, p)
		if !seen[n] {
			seen[n] = true
			s.watch.nodes = append(s.watch.nodes, n)
		}
	}
	if len(in.Paths) == 0 {
		s.watch.nodes = []*yang.Node{r.server.Schema().Root}
	}
	var since mgmt.Version
	if in.Since != nil {
		if since, err = r.at(ctx, cl.session, *in.Since); err != nil {
			return nil, 0, err
		}
	}
	if join != nil {
		join(s)
	}
	version := r.feed.add(s.watch)
	switch {
	case in.Since != nil:
		s.begin("change", since, version, true)
		s.first = true
	case in.Replay != nil && *in.Replay:
		s.begin("replay", mgmt.VersionOf(tree.New(r.server.Schema().Root), 0), version, true)
		s.first = true
	}
	return s, version.Revision, nil
}

// close ends it and all it holds.
func (s *subscription) close(why error) {
	s.end(why)
	if s.member != nil {
		s.member()
	}
	s.room.feed.remove(s.watch)
	s.drop()
}

// end has nobody wait for it any more.
func (s *subscription) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		s.why = why
		close(s.gone)
	}
}

// begin begins to tell.
func (s *subscription) begin(phase string, from, to mgmt.Version, edits bool) {
	s.drop()
	s.head = notice{Phase: phase, From: from.Revision, Revision: to.Revision}
	if edits {
		s.pull, s.stop = iter.Pull(s.edits(from, to))
		s.advance()
	}
}

func (s *subscription) edits(from, to mgmt.Version) iter.Seq[edit] {
	return s.want.edits(s.session.See(from), s.session.See(to))
}

func (s *subscription) advance() {
	s.ahead = nil
	if e, ok := s.pull(); ok {
		s.ahead = &e
	}
}

// drop ends what is being told.
func (s *subscription) drop() {
	if s.stop != nil {
		s.stop()
	}
	s.pull, s.stop, s.ahead = nil, nil, nil
}

// page is the next part of what is being told.
func (s *subscription) page(answer bool) *notice {
	n := s.head
	n.Edits = []edit{}
	for size := 0; s.ahead != nil && len(n.Edits) < pageEdits && size < pageBytes; s.advance() {
		n.Edits = append(n.Edits, *s.ahead)
		size += s.ahead.size()
	}
	if n.More = s.ahead != nil; !n.More {
		s.drop()
	}
	n.Answer = answer && !n.More
	return &n
}

// waiting is what waits for an answer, or is to be told next.
func (s *subscription) waiting() (open, asked *question, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) > 0 {
		asked = s.asked[0]
	}
	return s.open, asked, s.why
}

// next waits for what he is to be told.
func (s *subscription) next(ctx context.Context) (*notice, error) {
	for {
		open, asked, why := s.waiting()
		switch {
		case why != nil:
			return nil, &varlink.Error{Name: name + ".Expelled", Parameters: map[string]any{"message": why.Error()}}
		case s.ahead != nil, s.first:
			s.first = false
			return s.page(open != nil), nil
		case open != nil:
			return nil, &varlink.Error{Name: name + ".AnswerFirst", Parameters: map[string]any{
				"message": "cannot tell what is next: a commit waits for Done or Refuse"}}
		}
		if from, to, ok := s.room.feed.take(s.watch); ok { // what was before what is asked
			if s.begin("change", from, to, true); s.ahead == nil {
				s.drop() // he may not read it, or another entry has changed
			}
			continue
		}
		if asked != nil {
			s.mu.Lock()
			if len(s.asked) == 0 || s.asked[0] != asked { // given up meanwhile
				s.mu.Unlock()
				continue
			}
			s.open, s.asked = asked, s.asked[1:]
			s.mu.Unlock()
			s.begin(asked.phase, asked.from, asked.to, asked.edits)
			return s.page(true), nil
		}
		select {
		case <-s.watch.wake:
		case <-s.gone:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ask waits for an answer: until ctx is done, or he is gone.
func (s *subscription) ask(ctx context.Context, q *question) error {
	q.answer = make(chan error, 1)
	s.mu.Lock()
	if s.why != nil {
		defer s.mu.Unlock()
		return s.why
	}
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	s.watch.signal()
	select {
	case err := <-q.answer:
		return err
	case <-s.gone:
		return errors.New("it is gone")
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == q {
		s.open = nil
	}
	for i, x := range s.asked {
		if x == q {
			s.asked = append(s.asked[:i:i], s.asked[i+1:]...)
			break
		}
	}
	return ctx.Err()
}

// answer is what he says to what he was told last.
func (s *subscription) answer(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.open
	switch {
	case s.why != nil:
		return &varlink.Error{Name: name + ".Expelled", Parameters: map[string]any{"message": s.why.Error()}}
	case q == nil || err != nil && q.phase != "prepare":
		return &varlink.Error{Name: name + ".NotAsked", Parameters: map[string]any{
			"message": "cannot take the answer: no commit waits for it, or not any more"}}
	}
	s.open = nil
	s.drop()
	if q.phase == "commit" {
		s.room.feed.knows(s.watch, q.to.Revision)
	}
	q.answer <- err
	return nil
}

// Prepare is a commit that may concern him. It is called by another goroutine.
func (s *subscription) Prepare(ctx context.Context, before, after *tree.Node) (mgmt.Ticket, error) {
	s.room.feed.settle() // what was before is told before
	from := mgmt.VersionOf(before, s.room.server.Version().Revision)
	to := mgmt.VersionOf(after, from.Revision)
	concerned := false
	for range s.edits(from, to) {
		concerned = true
		break
	}
	if !concerned {
		return nil, nil
	}
	if s.twoPhase {
		if err := s.ask(ctx, &question{phase: "prepare", from: from, to: to, edits: true}); err != nil {
			return nil, err
		}
	}
	return &ticket{s, before, after, from.Revision}, nil
}

// ticket is what he has agreed to.
type ticket struct {
	s             *subscription
	before, after *tree.Node
	rev           uint64 // of before
}

func (t *ticket) Commit() {
	_ = t.s.ask(context.Background(), &question{phase: "commit", from: mgmt.VersionOf(t.before, t.rev),
		to: mgmt.VersionOf(t.after, t.s.room.server.Version().Revision), edits: !t.s.twoPhase})
}

func (t *ticket) Abort() {
	if t.s.twoPhase { // else he does not know of it
		_ = t.s.ask(context.Background(), &question{phase: "abort", from: mgmt.VersionOf(t.before, t.rev), to: mgmt.VersionOf(t.before, t.rev)})
	}
}

// watch tells until the client leaves.
func (r *room) watch(ctx context.Context, c *varlink.Call) error {
	var in wanted
	cl, err := r.decode(c, &in)
	if err != nil {
		return err
	}
	s, _, err := r.open(ctx, cl, in, nil)
	if err != nil {
		return err
	}
	defer s.close(errors.New("it has ended"))
	for {
		n, err := s.next(ctx)
		if err != nil {
			return err
		}
		if err := c.ReplyContinues(map[string]any{"notice": n}); err != nil {
			return err
		}
	}
}

func (r *room) subscribe(ctx context.Context, c *varlink.Call) error {
	var in struct {
		wanted
		Name     string `json:"name"`
		TwoPhase *bool  `json:"twoPhase"`
		Sync     *bool  `json:"sync"`
		Priority *int   `json:"priority"`
		Deadline *int64 `json:"deadline"`
	}
	cl, err := r.decode(c, &in)
	if err != nil {
		return err
	}
	deadline := defaultDeadline
	if in.Deadline != nil {
		if *in.Deadline < 1 || *in.Deadline > maxDeadline.Milliseconds() {
			return varlink.InvalidParameter("deadline")
		}
		deadline = time.Duration(*in.Deadline) * time.Millisecond
	}
	switch {
	case in.Name == "" || len(in.Name) > maxName || !utf8.ValidString(in.Name) || strings.ContainsFunc(in.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return varlink.InvalidParameter("name")
	case in.Priority != nil && (*in.Priority > maxPriority || *in.Priority < -maxPriority):
		return varlink.InvalidParameter("priority")
	}
	twoPhase := in.TwoPhase != nil && *in.TwoPhase
	priority := 0
	if in.Priority != nil {
		priority = *in.Priority
	}
	var join func(s *subscription)
	if twoPhase || in.Sync != nil && *in.Sync {
		// Who keeps commits waiting does what a lock does (RFC 6241, 7.5).
		if err := cl.session.MayExec("ietf-netconf", "lock"); err != nil {
			return err
		}
		join = func(s *subscription) {
			s.twoPhase = twoPhase
			s.member = r.server.Join(mgmt.Member{Name: fmt.Sprintf("%s of %s", in.Name, cl.session.Actor().User), Priority: priority,
				Deadline: deadline, Paths: s.watch.nodes, Participant: s, Expelled: s.end})
		}
	}
	s, rev, err := r.open(ctx, cl, in.wanted, join)
	if err != nil {
		return err
	}
	cl.sub = s
	c.Conn().SetState(Subscribed)
	return c.Reply(map[string]any{"revision": rev})
}

func (r *room) next(ctx context.Context, c *varlink.Call) error {
	cl, err := r.caller(c)
	if err != nil {
		return err
	}
	n, err := cl.sub.next(ctx)
	if err != nil {
		return r.over(c, cl, err)
	}
	return c.Reply(map[string]any{"notice": n})
}

// over lets who was expelled subscribe anew.
func (r *room) over(c *varlink.Call, cl *caller, err error) error {
	var told *varlink.Error
	if errors.As(err, &told) && told.Name == name+".Expelled" {
		cl.leave(err)
		c.Conn().SetState(varlink.Fresh)
	}
	return err
}

func (r *room) done(_ context.Context, c *varlink.Call) error { return r.said(c, nil) }

func (r *room) refuse(_ context.Context, c *varlink.Call) error {
	var in struct {
		Message string  `json:"message"`
		Path    *string `json:"path"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if in.Message == "" || len(in.Message) > maxReason || strings.ContainsRune(in.Message, 0) {
		return varlink.InvalidParameter("message")
	}
	at := ""
	if in.Path != nil {
		p, err := tree.ParsePath(r.server.Schema(), *in.Path)
		if err != nil {
			return err
		}
		at = p.String()
	}
	return r.said(c, mgmterr.New(mgmterr.OperationFailed, at, "%s", in.Message))
}

func (r *room) said(c *varlink.Call, answer error) error {
	cl, err := r.caller(c)
	if err != nil {
		return err
	}
	if err := cl.sub.answer(answer); err != nil {
		return r.over(c, cl, err)
	}
	return c.Reply(nil)
}

func (r *room) unsubscribe(_ context.Context, c *varlink.Call) error {
	cl, err := r.caller(c)
	if err != nil {
		return err
	}
	cl.leave(errors.New("it has left"))
	c.Conn().SetState(varlink.Fresh)
	return c.Reply(nil)
}
