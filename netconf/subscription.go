// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/push"
	"nso.example/nso/mgmt/subscription"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

const netconfStream = "NETCONF"

// dynamic is a dynamic subscription (RFC 8639, 2.4): one goroutine sends, the session's
// changes it.
type dynamic struct {
	subscription.Entry
	ss     *session
	watch  *push.Watch
	feed   feed
	poke   chan struct{} // something was asked of it
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{}
	gate   chan struct{} // full while something is sent, or is being modified

	mu     sync.Mutex
	policy subscription.Policy
	chosen chosen
	again  bool                // all is to be sent anew
	kept   subscription.Filter // what policy.Filter.Name stood for
}

// Why a subscription ends.
var (
	errDeleted = errors.New("deleted")
	errKilled  = errors.New("killed")
)

// feed is what a subscription sends: events, or updates.
type feed interface {
	// ready is told when there is something to serve; nil: never.
	ready() <-chan struct{}
	// serve sends what is due, steps being the new versions of running, and says when
	// it is to be asked again at the latest; zero: it need not be.
	serve(now time.Time, steps []*push.Step) (again time.Time, err error)
	// close gives up what it holds.
	close()
}

// dynamics are the subscriptions of a session.
type dynamics struct {
	mu  sync.Mutex
	all map[uint32]*dynamic
}

func (s *dynamics) get(id uint32) *dynamic {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

func (s *dynamics) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

func (s *dynamics) put(d *dynamic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[uint32]*dynamic)
	}
	s.all[d.ID] = d
}

func (s *dynamics) drop(d *dynamic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, d.ID)
}

// establish begins a subscription (RFC 8639, 2.4.2).
func (ss *session) establish(ctx context.Context, a *asking) (func(*xmlstream.Writer) error, error) {
	if ss.subscribed.Load() { // RFC 8640, 3
		return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot establish a subscription: this session has one of create-subscription; use another session")
	}
	if err := a.choose(ctx, ss); err != nil {
		return nil, err
	}
	if err := ss.subscribable(ctx, a); err != nil {
		return nil, err
	}
	d := &dynamic{ss: ss, poke: make(chan struct{}, 1), done: make(chan struct{}), gate: make(chan struct{}, 1), policy: a.Policy, chosen: a.chosen}
	d.Session, d.User, d.Receiver = ss.mgmt.ID(), ss.peer.Actor.User, fmt.Sprintf("session %d", ss.mgmt.ID())
	d.ctx, d.cancel = context.WithCancelCause(ss.ctx)
	d.End = func() { d.cancel(errKilled) }
	if a.Filter.Name != "" {
		d.kept, _ = ss.keptFilter(ctx, a.Stream != "", a.Filter.Name)
	}
	if !ss.server.table.Add(&d.Entry, a.Policy) {
		return nil, because(subscribed+":insufficient-resources", "cannot subscribe: at most %d subscriptions of a session, %d of a user and %d in all",
			subscription.MaxPerSession, subscription.MaxPerUser, subscription.MaxInAll)
	}
	ss.dynamics.put(d)
	d.watch = ss.mgmt.Watch()
	d.feed = d.makeFeed()
	var revised time.Time
	if began := ss.mgmt.ReplayFrom(); a.given["replay"] && a.Replay.Before(began) {
		revised = began
	}
	ss.afterwards = func() { // no record comes before the reply (RFC 8639, 2.6)
		ss.notifying.Go(func() {
			defer ss.server.Recover(ss.log)
			d.run()
		})
	}
	return func(w *xmlstream.Writer) error {
		w.Leaf(nsSubscribed, "id", fmt.Sprint(d.ID))
		if !revised.IsZero() {
			w.Leaf(nsSubscribed, "replay-start-time-revision", stamp(revised))
		}
		return w.Err()
	}, nil
}

// subscribable refuses what a datastore cannot be subscribed to for.
func (ss *session) subscribable(ctx context.Context, a *asking) error {
	if a.Stream != "" {
		return nil
	}
	if a.selects != nil {
		if tops := a.selects.tops(); tops != nil && len(tops) == 0 {
			return a.hint(because(yangPush+":unchanging-selection", "cannot subscribe: the filter selects nothing of any data"),
				"filter-failure-hint", "it names no node of the schema")
		}
	}
	if a.OnChange && a.Datastore != "ietf-datastores:running" && a.Datastore != "ietf-datastores:intended" {
		return because(yangPush+":on-change-unsupported", "cannot tell changes of %s: subscribe to running, or periodically", store(a.Policy))
	}
	if _, err := a.read(ctx, ss); err != nil {
		return a.hint(because(subscribed+":filter-unsupported", "%s", err.Error()), "filter-failure-hint", "it cannot be applied to the data as it is")
	}
	return nil
}

// read is what the subscription selects now (RFC 8641, 3.7: as a retrieval gives it).
func (a *asking) read(ctx context.Context, ss *session) (*tree.Node, error) {
	return reads(ctx, ss, a.Policy, a.chosen)
}

func reads(ctx context.Context, ss *session, p subscription.Policy, c chosen) (*tree.Node, error) {
	r := reading{store: store(p), filter: c.selects}
	if r.store == mgmt.Operational {
		r.defaults = reportAll // as get-data does
	}
	root, _, err := r.read(ctx, ss.mgmt)
	return root, err
}

func noSubscription(reason string, id uint32) error {
	return because(reason, "cannot find subscription %d among those of this session", id)
}

// modify changes a subscription of this session (RFC 8639, 2.4.3).
func (ss *session) modify(ctx context.Context, a *asking) error {
	d := ss.dynamics.get(a.id)
	if d == nil {
		return noSubscription(subscribed+":no-such-subscription", a.id)
	}
	d.mu.Lock()
	p, c := d.policy, d.chosen
	d.mu.Unlock()
	a.Stream = p.Stream
	if p.Stream != "" && (a.given["datastore"] || a.given["selection"] || a.given["periodic"] || a.given["on-change"]) {
		return badParameter("datastore", "this subscription is to a stream")
	}
	if p.Stream == "" && a.given["stream"] {
		return badParameter("stream", "this subscription is to a datastore")
	}
	switch {
	case a.given["datastore"] && a.Datastore != p.Datastore:
		return badParameter("datastore", "the datastore of a subscription stays what it is")
	case a.given["periodic"] && p.OnChange, a.given["on-change"] && !p.OnChange:
		return badParameter("on-change", "a subscription stays periodic or on-change, as it was established")
	}
	next := p
	if a.given["stream"] || a.given["selection"] {
		next.Filter = a.Filter
		a.Datastore, a.OnChange = p.Datastore, p.OnChange
		if err := a.choose(ctx, ss); err != nil {
			return err
		}
		if err := ss.subscribable(ctx, a); err != nil {
			return err
		}
		c = a.chosen
	}
	if a.given["periodic"] || a.given["on-change"] {
		next.Period, next.Anchor = a.Period, a.Anchor
	}
	if a.given["stop"] {
		if err := a.checkStop(time.Now()); err != nil {
			return err
		}
		next.Stop = a.Stop
	}
	var kept subscription.Filter
	if next.Filter.Name != "" {
		var err error
		if kept, err = ss.keptFilter(ctx, next.Stream != "", next.Filter.Name); err != nil {
			return err
		}
	}
	// RFC 8639, 2.6: what the old filter lets through comes before the reply, what the
	// new one does after it.
	if !d.enter() {
		return noSubscription(subscribed+":no-such-subscription", a.id)
	}
	d.mu.Lock()
	d.again = d.again || !next.NoSync && c.key != d.chosen.key
	d.policy, d.chosen, d.kept = next, c, kept
	d.mu.Unlock()
	ss.server.table.Modify(&d.Entry, next)
	ss.afterwards = func() {
		d.leave()
		d.nudge()
	}
	return nil
}

// enter keeps everybody else from sending or modifying until leave; false if the
// subscription has ended.
func (d *dynamic) enter() bool {
	if d.ctx.Err() != nil {
		return false
	}
	select {
	case d.gate <- struct{}{}:
		return true
	case <-d.ctx.Done():
		return false
	}
}

func (d *dynamic) leave() { <-d.gate }

// remove ends a subscription of this session (RFC 8639, 2.4.4): nothing of it is sent
// after the reply.
func (ss *session) remove(id uint32) error {
	d := ss.dynamics.get(id)
	if d == nil {
		return noSubscription(subscribed+":no-such-subscription", id)
	}
	d.cancel(errDeleted)
	<-d.done
	return nil
}

// killSubscription ends anybody's (RFC 8639, 2.4.5).
func (ss *session) killSubscription(id uint32) error {
	e := ss.server.table.Get(id)
	if e == nil {
		return because(subscribed+":no-such-subscription", "cannot find subscription %d", id)
	}
	e.End()
	ss.server.table.Remove(e)
	return nil
}

// resync sends all of an on-change subscription anew (RFC 8641, 4.4.4).
func (ss *session) resync(id uint32) error {
	d := ss.dynamics.get(id)
	if d == nil {
		return noSubscription(yangPush+":no-such-subscription-resync", id)
	}
	d.mu.Lock()
	p := d.policy
	d.mu.Unlock()
	if !p.OnChange || p.NoSync {
		return because(yangPush+":on-change-sync-unsupported", "cannot send all of subscription %d anew: that is for on-change subscriptions with sync-on-start", id)
	}
	ss.afterwards = func() {
		d.mu.Lock()
		d.again = true
		d.mu.Unlock()
		d.nudge()
	}
	return nil
}

func (d *dynamic) nudge() {
	select {
	case d.poke <- struct{}{}:
	default:
	}
}

func (d *dynamic) makeFeed() feed {
	switch p := d.policy; {
	case p.Stream != "":
		return d.events()
	case p.OnChange:
		return &changing{d: d}
	default:
		return &periodic{d: d}
	}
}

// run sends until the subscription or the session ends.
func (d *dynamic) run() {
	defer close(d.done)
	defer d.gone()
	reason, err := d.send()
	if err == nil && errors.Is(context.Cause(d.ctx), errKilled) && d.ss.ctx.Err() == nil {
		reason = subscribed + ":no-such-subscription"
	}
	if err == nil && reason != "" { // RFC 8639, 2.7.3
		err = d.tell("subscription-terminated", reason)
	}
	if err != nil && d.ss.ctx.Err() == nil {
		d.ss.kill(err.Error())
	}
}

// gone gives up what it holds.
func (d *dynamic) gone() {
	d.cancel(nil)
	d.feed.close()
	d.watch.Close()
	d.ss.dynamics.drop(d)
	d.ss.server.table.Remove(&d.Entry)
}

// end gives up what has not even begun, at the end of the session.
func (s *dynamics) end() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.all))
	s.mu.Unlock()
	for _, d := range all {
		d.gone()
	}
}

// send is the loop of run. It returns why the publisher ends the subscription, if it does.
func (d *dynamic) send() (reason string, err error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if !d.enter() {
			return "", nil
		}
		now := time.Now()
		again, reason, err := d.step(now)
		d.leave()
		switch {
		case d.ctx.Err() != nil:
			return "", nil
		case reason != "" || err != nil:
			return reason, err
		}
		d.mu.Lock()
		stop := d.policy.Stop
		d.mu.Unlock()
		if !stop.IsZero() && !now.Before(stop) {
			return "", nil
		}
		if again.IsZero() || !stop.IsZero() && stop.Before(again) {
			again = stop
		}
		wait := time.Hour
		if !again.IsZero() {
			wait = min(wait, max(0, time.Until(again)))
		}
		timer.Reset(wait)
		select {
		case <-d.ctx.Done():
			return "", nil
		case <-d.poke:
		case <-d.watch.C:
		case <-d.feed.ready():
		case <-timer.C:
		}
	}
}

// step sends what is due.
func (d *dynamic) step(now time.Time) (again time.Time, reason string, err error) {
	steps := d.watch.Steps()
	defer d.watch.Done(steps)
	if reason, err := d.upkeep(steps); reason != "" || err != nil {
		return again, reason, err
	}
	again, err = d.feed.serve(now, steps)
	return again, "", err
}

// upkeep looks at what a change of running can do to the subscription itself.
func (d *dynamic) upkeep(steps []*push.Step) (reason string, err error) {
	if len(steps) == 0 {
		return "", nil
	}
	if d.watch.Anew() && d.ss.mgmt.MayExec(subscribed, "establish-subscription") != nil {
		return subscribed + ":stream-unavailable", nil // RFC 8639, 2.1: access was taken away
	}
	d.mu.Lock()
	a := &asking{op: "modify", Policy: d.policy}
	kept := d.kept
	d.mu.Unlock()
	if a.Filter.Name == "" {
		return "", nil
	}
	now, err := d.ss.keptFilter(d.ctx, a.Stream != "", a.Filter.Name)
	switch {
	case d.ctx.Err() != nil || err == nil && now == kept:
		return "", nil
	case err != nil || a.choose(d.ctx, d.ss) != nil:
		return subscribed + ":filter-unavailable", nil
	}
	d.mu.Lock()
	d.kept, d.chosen, d.again = now, a.chosen, !a.NoSync
	d.mu.Unlock()
	// RFC 8639, 2.7.2: it has the contents of the filter.
	now.Name = ""
	a.Filter = now
	body, err := subscription.Modified(d.ss.mgmt.Schema(), d.ID, a.Policy)
	if err != nil {
		return "", err
	}
	return "", d.ss.event(time.Now(), "", body)
}

// tell sends a change of the state of the subscription (RFC 8639, 2.7), with its reason
// if it has one. Nothing filters it.
func (d *dynamic) tell(name, reason string) error {
	body, err := subscription.Change(d.ss.mgmt.Schema(), name, d.ID, subscription.Reason(reason))
	if err != nil {
		return err
	}
	return d.ss.event(time.Now(), "", body)
}

// suspend and resume say that records are left out, and that they come again (RFC 8639,
// 2.7.4 and 2.7.5).
func (d *dynamic) suspend(reason string) error {
	if d.Suspended.Swap(true) {
		return nil
	}
	return d.tell("subscription-suspended", reason)
}

func (d *dynamic) resume() (was bool, err error) {
	if !d.Suspended.Swap(false) {
		return false, nil
	}
	return true, d.tell("subscription-resumed", "")
}
