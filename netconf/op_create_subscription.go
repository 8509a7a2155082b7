// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/stream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

const (
	nsNotification = "urn:ietf:params:xml:ns:netconf:notification:1.0"
	nsManageEvent  = "urn:ietf:params:xml:ns:netmod:notification"
)

// subscribing is what a <create-subscription> asks for.
type subscribing struct {
	filter      filter
	start, stop time.Time // zero if not given
}

// parseCreateSubscription is <create-subscription> (RFC 5277, 2.1.1).
func parseCreateSubscription(q *request) (action, error) {
	var s subscribing
	name := "NETCONF"
	err := q.params("create-subscription", map[string]func() error{
		"stream": q.text(&name),
		"filter": func() (err error) {
			if kind, ok := q.token().Attr("", "type"); ok && string(kind) != "subtree" {
				return mgmterr.New(mgmterr.OperationNotSupported, "", "cannot filter events by %.40q: this server offers subtree", kind).OfType(mgmterr.Protocol)
			}
			s.filter, err = q.subtreeOf(q.schema().Events)
			return err
		},
		"startTime": q.moment(&s.start),
		"stopTime":  q.moment(&s.stop),
	})
	bad := func(tag mgmterr.Tag, element, format string, args ...any) error {
		return mgmterr.New(tag, "", "cannot subscribe: "+format, args...).OfType(mgmterr.Protocol).WithInfo("bad-element", element)
	}
	switch {
	case err != nil:
		return nil, err
	case name != "NETCONF":
		return nil, bad(mgmterr.InvalidValue, "stream", "there is no stream %.80q; /netconf/streams lists them", name)
	case s.start.After(time.Now()):
		return nil, bad(mgmterr.BadElement, "startTime", "startTime is in the future")
	case !s.stop.IsZero() && s.start.IsZero():
		return nil, bad(mgmterr.MissingElement, "startTime", "stopTime needs a startTime")
	case !s.stop.IsZero() && s.stop.Before(s.start):
		return nil, bad(mgmterr.BadElement, "stopTime", "stopTime is before startTime")
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		if !ss.subscribed.CompareAndSwap(false, true) {
			return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot subscribe: this session has a subscription; it ends with the session or its stopTime").OfType(mgmterr.Protocol)
		}
		sub := ss.mgmt.Subscribe(!s.start.IsZero(), s.start)
		ss.afterwards = func() { // no event comes before the reply
			ss.notifying.Go(func() {
				defer ss.server.Recover(ss.log)
				defer sub.Close()
				if err := ss.notify(sub, s); err != nil && ss.ctx.Err() == nil {
					ss.kill(err.Error())
				}
			})
		}
		return nil, nil
	}, nil
}

// moment reads a date and time (RFC 3339).
func (q *request) moment(into *time.Time) func() error {
	return func() error {
		element := q.token().Name.Local
		var text string
		err := q.text(&text)()
		if err != nil {
			return err
		}
		if *into, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.60q as %s: it is no date and time, as 2026-01-02T03:04:05Z", text, element).
				OfType(mgmterr.Protocol).WithInfo("bad-element", element)
		}
		return nil
	}
}

// notify sends events until the session or the subscription ends.
func (ss *session) notify(sub *stream.Subscription, s subscribing) error {
	ctx := ss.ctx
	if !s.stop.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, s.stop)
		defer cancel()
	}
	w := xmlstream.NewWriter(ss.out)
	replaying := !s.start.IsZero()
	for {
		if replaying && sub.Replayed() {
			replaying = false
			// RFC 5277, 3.3.1: it goes to this session alone, and is never replayed.
			if err := ss.event(w, time.Now(), "replayComplete", nil); err != nil {
				return err
			}
		}
		at, body, err := sub.Next(ctx)
		switch {
		case ss.ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded), !s.stop.IsZero() && at.After(s.stop):
			ss.subscribed.Store(false)
			return ss.event(w, time.Now(), "notificationComplete", nil)
		case err != nil:
			return err
		case body != nil && s.filter != nil:
			if body, err = s.filter.apply(body, 0); err != nil {
				return err
			}
			if body == nil || body.Empty() {
				continue
			}
		}
		if body != nil {
			if err := ss.event(w, at, "", body); err != nil {
				return err
			}
		}
	}
}

// event writes a <notification> (RFC 5277, 2.2.1): with a body, or an empty element of
// the stream's own.
func (ss *session) event(w *xmlstream.Writer, at time.Time, own string, body *tree.Node) error {
	ss.writing.Lock()
	defer ss.writing.Unlock()
	w.Reset(ss.out)
	w.Start(nsNotification, "notification")
	w.Leaf(nsNotification, "eventTime", at.UTC().Format("2006-01-02T15:04:05.000000Z"))
	if own != "" {
		w.Leaf(nsManageEvent, own, "")
	} else if err := xmlenc.Encode(w, body, xmlenc.Options{Modules: ss.mgmt.Schema().Module}); err != nil {
		return err
	}
	w.End()
	if err := w.Flush(); err != nil {
		return err
	}
	ss.mgmt.Count(mgmt.SessionCounters{OutNotifications: 1})
	return ss.out.End()
}
