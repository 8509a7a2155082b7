// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt/push"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

// centiseconds are the unit of periods (RFC 8641, 4.2).
func centiseconds(n uint32) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// periodic is the feed of a periodic subscription (RFC 8641, 3.1).
type periodic struct {
	d      *dynamic
	period uint32
	anchor time.Time
	next   time.Time
}

func (f *periodic) ready() <-chan struct{} { return nil }

func (f *periodic) close() {}

// serve implements feed.
func (f *periodic) serve(now time.Time, _ []*push.Step) (time.Time, error) {
	d := f.d
	d.mu.Lock()
	p, c := d.policy, d.chosen
	d.again = false
	d.mu.Unlock()
	if p.Period != f.period || !p.Anchor.Equal(f.anchor) { // new, or modified
		f.period, f.anchor = p.Period, p.Anchor
		f.next = now
		if !p.Anchor.IsZero() {
			f.next = boundary(now, p.Anchor, centiseconds(p.Period))
		}
	}
	// A clock that was set back puts nothing off.
	if late := f.next.Sub(now); late > 0 && late <= centiseconds(p.Period) {
		return f.next, nil
	}
	// RFC 8641, 4.2: without anchor-time, it is the time of the first update.
	anchor := p.Anchor
	if anchor.IsZero() {
		anchor = f.next
	}
	f.next = boundary(now, anchor, centiseconds(p.Period))
	var root *tree.Node
	var err error
	d.watch.Costly(func() { root, err = reads(d.ctx, d.ss, p, c) })
	if d.ctx.Err() != nil {
		return time.Time{}, nil
	}
	if err != nil { // RFC 8641, 3.11.1: no record, so it is suspended
		d.Omitted.Add(1)
		return f.next, d.suspend(subscribed + ":insufficient-resources")
	}
	if _, err := d.resume(); err != nil {
		return time.Time{}, err
	}
	return f.next, d.update(now, root)
}

// boundary is the first time after now that is a multiple of period away from anchor.
func boundary(now, anchor time.Time, period time.Duration) time.Time {
	n := now.Sub(anchor)
	past := n % period
	if past < 0 {
		past += period
	}
	return now.Add(period - past)
}

// update sends a push-update (RFC 8641, 3.7).
func (d *dynamic) update(at time.Time, root *tree.Node) error {
	d.Sent.Add(1)
	return d.ss.notice(at, func(w *xmlstream.Writer) error {
		w.Start(nsPush, "push-update")
		w.Leaf(nsPush, "id", strconv.FormatUint(uint64(d.ID), 10))
		w.Start(nsPush, "datastore-contents")
		if root != nil {
			if err := xmlenc.Encode(w, root, xmlenc.Options{Modules: d.ss.mgmt.Schema().Module}); err != nil {
				return err
			}
		}
		w.End()
		w.End()
		return w.Err()
	})
}

// changing is the feed of an on-change subscription (RFC 8641, 3.3).
type changing struct {
	d     *dynamic
	trail push.Trail
	begun bool
	quiet time.Time // the dampening period ends
	patch uint32    // id of the next one
	// incomplete says that something was left out that no update has made up for.
	incomplete bool
}

func (f *changing) ready() <-chan struct{} { return nil }

func (f *changing) close() {}

// serve implements feed.
func (f *changing) serve(now time.Time, steps []*push.Step) (time.Time, error) {
	d := f.d
	d.mu.Lock()
	p, c, again := d.policy, d.chosen, d.again
	d.again = false
	d.mu.Unlock()
	sel := watched(c)
	var err error
	for i, s := range steps {
		if !f.begun {
			if i < len(steps)-1 {
				continue
			}
			if err = f.trail.Begin(d.watch, s, sel); err == nil {
				f.begun, again = true, again || !p.NoSync
			}
		} else {
			err = f.trail.Advance(d.watch, s, sel)
		}
	}
	if err == nil && again && f.begun && len(steps) == 0 {
		err = f.trail.Anew(d.watch, sel)
	}
	if err != nil { // RFC 8641, 3.11.1
		d.Omitted.Add(1)
		f.begun, f.incomplete = false, p.NoSync
		return time.Time{}, d.suspend(subscribed + ":insufficient-resources")
	}
	if !f.begun {
		return time.Time{}, nil
	}
	if _, err := d.resume(); err != nil {
		return time.Time{}, err
	}
	if again {
		// RFC 8641, 3.7: an update of everything begins the count anew.
		f.trail.Take(d.watch)
		f.patch = 0
		f.quiet = now.Add(centiseconds(p.Period))
		return time.Time{}, d.update(now, f.trail.Root())
	}
	if !f.trail.Behind() {
		return time.Time{}, nil
	}
	if wait := f.quiet.Sub(now); wait > 0 && wait <= centiseconds(p.Period) {
		return f.quiet, nil
	}
	return time.Time{}, f.send(now, p.Excluded, centiseconds(p.Period))
}

func watched(c chosen) push.Selection {
	sel := push.Selection{Key: c.key, Select: func(root *tree.Node) (*tree.Node, error) { return root, nil }}
	if c.selects != nil {
		sel.Tops = c.selects.tops()
		sel.Select = func(root *tree.Node) (*tree.Node, error) { return c.selects.apply(root, 0) }
	}
	return sel
}

// send sends a push-change-update, unless all that has changed is excluded.
func (f *changing) send(now time.Time, excluded []string, dampening time.Duration) error {
	d := f.d
	schema := d.ss.mgmt.Schema()
	edits, err := f.trail.Take(d.watch).Made(strings.Join(excluded, " "), func(changes []tree.Change) ([]byte, error) {
		return encodePatch(schema, changes, func(op string) bool { return slices.Contains(excluded, op) })
	})
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		d.Omitted.Add(1)
		return nil
	}
	f.quiet = now.Add(dampening)
	d.Sent.Add(1)
	err = d.ss.notice(now, func(w *xmlstream.Writer) error {
		w.Start(nsPush, "push-change-update")
		w.Leaf(nsPush, "id", strconv.FormatUint(uint64(d.ID), 10))
		w.Start(nsPush, "datastore-changes")
		w.Start(nsPush, "yang-patch")
		w.Leaf(nsPush, "patch-id", fmt.Sprint(f.patch)) // RFC 8641, 3.7: a counter
		w.Raw(edits)
		w.End()
		w.End()
		if f.incomplete { // RFC 8641, 3.11.1
			w.Leaf(nsPush, "incomplete-update", "")
		}
		w.End()
		return w.Err()
	})
	f.patch++
	f.incomplete = false
	return err
}
