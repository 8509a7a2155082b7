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
	filter      filter    // a subtree: what it leaves of an event is sent
	passes      passing   // an XPath: the whole event is sent, or nothing
	start, stop time.Time // zero if not given
}

// parseCreateSubscription is <create-subscription> (RFC 5277, 2.1.1).
func parseCreateSubscription(q *request) (action, error) {
	var s subscribing
	name := "NETCONF"
	err := q.params("create-subscription", map[string]func() error{
		"stream":    q.text(&name),
		"filter":    q.eventFilter(&s),
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
		if ss.dynamics.count() > 0 { // RFC 8640, 3
			return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot subscribe: this session has subscriptions of establish-subscription; use another session").OfType(mgmterr.Protocol)
		}
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

// eventFilter reads the <filter> of events (RFC 5277, 3.6).
func (q *request) eventFilter(s *subscribing) func() error {
	return func() (err error) {
		t := q.token()
		kind, _ := t.Attr("", "type")
		text, selected := t.Attr("", "select")
		switch k := string(kind); {
		case k == "" || k == "subtree":
			s.filter, err = q.subtreeOf(q.schema().Events)
		case k == "xpath" && !selected:
			return mgmterr.New(mgmterr.MissingAttribute, "", "cannot filter by XPath without a select attribute").
				OfType(mgmterr.Protocol).WithInfo("bad-attribute", "select").WithInfo("bad-element", "filter")
		case k == "xpath":
			expression := string(text)
			known := q.prefixes(expression)
			if s.passes, err = eventXPath(q.schema(), expression, resolver(q.schema(), known)); err == nil {
				err = q.r.Skip()
			}
		default:
			return mgmterr.New(mgmterr.BadAttribute, "", "cannot use %.40q as the type of a filter: it is subtree or xpath", k).
				OfType(mgmterr.Protocol).WithInfo("bad-attribute", "type").WithInfo("bad-element", "filter")
		}
		return err
	}
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
	replaying := !s.start.IsZero()
	replayed := func() error {
		if !replaying {
			return nil
		}
		replaying = false
		// RFC 5277, 3.3.1: it goes to this session alone, and is never replayed.
		return ss.event(time.Now(), "replayComplete", nil)
	}
	for {
		if sub.Replayed() {
			if err := replayed(); err != nil {
				return err
			}
		}
		at, body, err := sub.Next(ctx)
		switch {
		case ss.ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded), !s.stop.IsZero() && at.After(s.stop):
			// What is left of the replay is of after stopTime.
			if err := replayed(); err != nil {
				return err
			}
			ss.subscribed.Store(false)
			return ss.event(time.Now(), "notificationComplete", nil)
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
		if body != nil && s.passes != nil {
			if ok, err := s.passes(body); err != nil || !ok {
				continue // what takes too many steps does not match
			}
		}
		if body != nil {
			if err := ss.event(at, "", body); err != nil {
				return err
			}
		}
	}
}

// event writes a <notification> (RFC 5277, 2.2.1): with a body, or an empty element of
// the stream's own.
func (ss *session) event(at time.Time, own string, body *tree.Node) error {
	return ss.notice(at, func(w *xmlstream.Writer) error {
		if own != "" {
			w.Leaf(nsManageEvent, own, "")
			return nil
		}
		return xmlenc.Encode(w, body, xmlenc.Options{Modules: ss.mgmt.Schema().Module})
	})
}

// notice writes a <notification> with what content writes.
func (ss *session) notice(at time.Time, content func(w *xmlstream.Writer) error) error {
	ss.writing.Lock()
	defer ss.writing.Unlock()
	if ss.notices == nil {
		ss.notices = xmlstream.NewWriter(ss.out)
	}
	w := ss.notices
	w.Reset(ss.out)
	w.Start(nsNotification, "notification")
	w.Leaf(nsNotification, "eventTime", stamp(at))
	if err := content(w); err != nil {
		return err
	}
	w.End()
	if err := w.Flush(); err != nil {
		return err
	}
	ss.mgmt.Count(mgmt.SessionCounters{OutNotifications: 1})
	return ss.out.End()
}

// stamp is a time as RFC 3339 has it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
