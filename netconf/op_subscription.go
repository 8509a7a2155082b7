// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/subscription"
	"nso.example/nso/mgmterr"
)

const (
	nsSubscribed = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
	nsPush       = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
	subscribed   = "ietf-subscribed-notifications"
	yangPush     = "ietf-yang-push"
)

func subscribedName(local string) xmlstream.Name {
	return xmlstream.Name{Space: nsSubscribed, Local: local}
}

// Limits of what is subscribed to.
const (
	minPeriod        = 10       // centiseconds
	subscriptionText = 64 << 10 // of a filter that is kept
)

// reasons are the error-tags of the identities that an rpc is refused for (RFC 8640, 7;
// RFC 8641, 3.8).
var reasons = map[string]mgmterr.Tag{
	subscribed + ":encoding-unsupported":      mgmterr.InvalidValue,
	subscribed + ":filter-unsupported":        mgmterr.InvalidValue,
	subscribed + ":insufficient-resources":    mgmterr.ResourceDenied,
	subscribed + ":no-such-subscription":      mgmterr.InvalidValue,
	yangPush + ":datastore-not-subscribable":  mgmterr.InvalidValue,
	yangPush + ":no-such-subscription-resync": mgmterr.InvalidValue,
	yangPush + ":on-change-unsupported":       mgmterr.OperationNotSupported,
	yangPush + ":on-change-sync-unsupported":  mgmterr.OperationNotSupported,
	yangPush + ":period-unsupported":          mgmterr.InvalidValue,
	yangPush + ":unchanging-selection":        mgmterr.OperationFailed,
}

// because is the refusal of an rpc for a reason, which is its error-app-tag (RFC 8640, 7).
func because(reason, format string, args ...any) *mgmterr.Error {
	return mgmterr.New(reasons[reason], "", format, args...).WithAppTag(reason)
}

// hint adds what would have been accepted, or why it was not (RFC 8639, 2.4.6).
func (a *asking) hint(e *mgmterr.Error, name, value string) *mgmterr.Error {
	kind, space := "stream", nsSubscribed
	if a.Stream == "" {
		kind, space = "datastore", nsPush
	}
	e.Info = append(e.Info, mgmterr.Info{Namespace: space, Name: a.op + "-subscription-" + kind + "-error-info/" + name, Value: value})
	return e
}

// asking is what establish-subscription or modify-subscription asks for.
type asking struct {
	subscription.Policy
	op       string // less "-subscription"
	id       uint32
	given    map[string]bool // parameters
	encoding string
	compile  func(*asking) error // the filter; nil if there is none
	chosen
}

// chosen is the filter of a subscription, ready for use.
type chosen struct {
	passes  passing // of a stream; nil passes all
	selects filter  // of a datastore; nil is everything
	key     string  // of selects: what has the same selects the same
}

// parseEstablish is <establish-subscription> (RFC 8639, 2.4.2; RFC 8641, 4.4.1).
func parseEstablish(q *request) (action, error) {
	a := &asking{op: "establish"}
	if err := q.asked(a); err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return ss.establish(ctx, a)
	}, nil
}

// parseModify is <modify-subscription> (RFC 8639, 2.4.3; RFC 8641, 4.4.2).
func parseModify(q *request) (action, error) {
	a := &asking{op: "modify"}
	if err := q.asked(a); err != nil {
		return nil, err
	}
	if !a.given["id"] {
		return nil, missing("modify-subscription", "id")
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.modify(ctx, a)
	}, nil
}

// onID is the action of an rpc with an id alone.
func onID(do func(*session, uint32) error) func(q *request) (action, error) {
	return func(q *request) (action, error) {
		var id uint32
		given := false
		err := q.params(q.op.Local, map[string]func() error{"id": func() error {
			given = true
			return q.number(&id)()
		}})
		switch {
		case err != nil:
			return nil, err
		case !given:
			return nil, missing(q.op.Local, "id")
		}
		return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) { return nil, do(ss, id) }, nil
	}
}

// number reads a uint32.
func (q *request) number(into *uint32) func() error {
	return func() error {
		element := q.token().Name.Local
		var text string
		if err := q.text(&text)(); err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as %s: it is 0..4294967295", text, element).
				OfType(mgmterr.Protocol).WithInfo("bad-element", element)
		}
		*into = uint32(n)
		return nil
	}
}

// asked reads the parameters of establish-subscription and modify-subscription.
func (q *request) asked(a *asking) error {
	a.given = make(map[string]bool)
	sub := func(name string, f func() error) func() error {
		return func() error { a.given[name] = true; return f() }
	}
	filters := 0
	one := func(f func() error) func() error {
		return func() error {
			if filters++; filters > 1 {
				return mgmterr.New(mgmterr.BadElement, "", "cannot use two filters at once").OfType(mgmterr.Protocol).WithInfo("bad-element", q.token().Name.Local)
			}
			return f()
		}
	}
	const push = nsPush + " "
	known := map[string]func() error{
		"stop-time":                       sub("stop", q.moment(&a.Stop)),
		"stream-filter-name":              one(sub("stream", q.text(&a.Filter.Name))),
		"stream-subtree-filter":           one(sub("stream", q.subtreeText(a))),
		"stream-xpath-filter":             one(sub("stream", q.xpathText(a))),
		push + "datastore":                sub("datastore", q.datastoreName(&a.Datastore)),
		push + "selection-filter-ref":     one(sub("selection", q.text(&a.Filter.Name))),
		push + "datastore-subtree-filter": one(sub("selection", q.subtreeText(a))),
		push + "datastore-xpath-filter":   one(sub("selection", q.xpathText(a))),
		push + "periodic": sub("periodic", func() error {
			return q.params("periodic", map[string]func() error{
				push + "period":      sub("period", q.number(&a.Period)),
				push + "anchor-time": q.moment(&a.Anchor),
			})
		}),
	}
	change := map[string]func() error{push + "dampening-period": q.number(&a.Period)}
	known[push+"on-change"] = sub("on-change", func() error {
		a.OnChange = true
		return q.params("on-change", change)
	})
	if a.op == "establish" {
		known["stream"] = sub("stream", q.text(&a.Stream))
		known["replay-start-time"] = sub("replay", q.moment(&a.Replay))
		known["encoding"] = func() (err error) {
			a.encoding, err = q.identityOf(nsSubscribed)
			return err
		}
		change[push+"sync-on-start"] = func() error {
			var word string
			err := q.word(&word, "sync-on-start", "true", "false")
			a.NoSync = word == "false"
			return err
		}
		change[push+"excluded-change*"] = func() error {
			var word string
			if err := q.word(&word, "excluded-change", "create", "delete", "insert", "move", "replace"); err != nil {
				return err
			}
			if !slices.Contains(a.Excluded, word) {
				a.Excluded = append(a.Excluded, word)
			}
			return nil
		}
	} else {
		known["id"] = sub("id", q.number(&a.id))
	}
	if err := q.params(a.op+"-subscription", known); err != nil {
		return err
	}
	switch {
	case a.given["stream"] && (a.given["datastore"] || a.given["selection"]):
		return badParameter("stream", "a subscription is to a stream or to a datastore, not to both")
	case a.given["periodic"] && a.given["on-change"]:
		return badParameter("on-change", "a subscription is periodic or on-change, not both")
	case a.given["periodic"] && !a.given["period"]:
		return missing("periodic", "period")
	case a.given["periodic"] && a.Period < minPeriod:
		return a.hint(because(yangPush+":period-unsupported", "cannot send every %d0 ms: at least %d0 ms are between two updates", a.Period, minPeriod),
			"period-hint", strconv.Itoa(minPeriod))
	}
	return nil
}

func badParameter(name, why string) error {
	return mgmterr.New(mgmterr.BadElement, "", "cannot subscribe: %s", why).OfType(mgmterr.Protocol).WithInfo("bad-element", name)
}

// check is what can be said of a request to establish without looking at any data.
func (a *asking) check() error {
	now := time.Now()
	switch {
	case a.encoding != "" && a.encoding != "encode-xml": // RFC 8640, 4
		return because(subscribed+":encoding-unsupported", "cannot send in %.40q: this server has encode-xml", a.encoding)
	case a.Stream == "" && !a.given["datastore"] && (a.given["stream"] || a.given["replay"]):
		return missing("establish-subscription", "stream")
	case a.Stream == "" && !a.given["datastore"]:
		return missing("establish-subscription", "datastore")
	case a.Stream != "" && a.Stream != netconfStream:
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot subscribe: there is no stream %.80q; /streams lists them", a.Stream).OfType(mgmterr.Protocol).
			WithInfo("bad-element", "stream")
	case a.Stream != "" && (a.given["periodic"] || a.given["on-change"]):
		return badParameter("stream", "periodic and on-change are of datastores")
	case a.Stream == "" && a.given["replay"]:
		return badParameter("replay-start-time", "a datastore is not replayed")
	case a.Stream == "" && !a.given["periodic"] && !a.given["on-change"]:
		return missing("establish-subscription", "periodic")
	case a.given["replay"] && !a.Replay.Before(now): // RFC 8639, 2.4.2.1
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot replay from a time that has not come").OfType(mgmterr.Protocol).WithInfo("bad-element", "replay-start-time")
	}
	return a.checkStop(now)
}

func (a *asking) checkStop(now time.Time) error {
	after := now
	if a.given["replay"] {
		after = a.Replay
	}
	if a.given["stop"] && !a.Stop.After(after) { // RFC 8639, 2.4.2.1
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot subscribe until a stop-time that is over").OfType(mgmterr.Protocol).WithInfo("bad-element", "stop-time")
	}
	return nil
}

// datastoreName reads a datastore that can be subscribed to (RFC 8641, 4.4.1).
func (q *request) datastoreName(into *string) func() error {
	return func() error {
		name, err := q.identityOf(nsDatastores)
		if err != nil {
			return err
		}
		switch mgmt.Datastore(name) {
		case mgmt.Running, mgmt.Candidate, mgmt.Operational, intended:
			*into = "ietf-datastores:" + name
			return nil
		}
		return because(yangPush+":datastore-not-subscribable", "cannot subscribe to %.80q: this server has running, candidate, intended and operational", name)
	}
}

// store is the datastore of a policy.
func store(p subscription.Policy) mgmt.Datastore {
	ds := mgmt.Datastore(strings.TrimPrefix(p.Datastore, "ietf-datastores:"))
	if ds == intended {
		return mgmt.Running
	}
	return ds
}
