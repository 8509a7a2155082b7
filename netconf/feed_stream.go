// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"errors"
	"time"

	"nso.example/nso/mgmt/push"
	"nso.example/nso/mgmt/stream"
)

// events is the feed of a subscription to the stream (RFC 8639, 2.4).
type events struct {
	d         *dynamic
	sub       *stream.Subscription
	replaying bool
}

func (d *dynamic) events() feed {
	replay := !d.policy.Replay.IsZero()
	return &events{d: d, replaying: replay, sub: d.ss.mgmt.Subscribe(replay, d.policy.Replay)}
}

func (f *events) ready() <-chan struct{} { return f.sub.C }

func (f *events) close() { f.sub.Close() }

// serve implements feed.
func (f *events) serve(time.Time, []*push.Step) (time.Time, error) {
	d := f.d
	for d.ctx.Err() == nil {
		if f.replaying && f.sub.Replayed() { // RFC 8639, 2.7.7: before what is new
			f.replaying = false
			if err := d.tell("replay-completed", ""); err != nil {
				return time.Time{}, err
			}
		}
		replaying := f.replaying
		at, body, err := f.sub.Poll()
		d.Omitted.Add(uint64(f.sub.Omitted()))
		switch {
		case errors.Is(err, stream.ErrSlow): // RFC 8639, 2.7.4: what was lost is marked
			if err := d.suspend(subscribed + ":unsupportable-volume"); err != nil {
				return time.Time{}, err
			}
			f.sub.Close()
			f.sub, f.replaying = d.ss.mgmt.Subscribe(false, time.Time{}), false
			if _, err := d.resume(); err != nil {
				return time.Time{}, err
			}
			continue
		case err != nil:
			return time.Time{}, err
		case body == nil && replaying && f.sub.Replayed():
			continue
		case body == nil:
			return time.Time{}, nil
		}
		d.mu.Lock()
		passes, stop := d.chosen.passes, d.policy.Stop
		d.mu.Unlock()
		pass := stop.IsZero() || !at.After(stop)
		if pass && passes != nil {
			if pass, err = passes(body); err != nil {
				pass = false // too much work: as if it did not match
			}
		}
		if !pass {
			d.Omitted.Add(1)
			continue
		}
		d.Sent.Add(1)
		if err := d.ss.event(at, "", body); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, nil
}
