// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"
)

// subscribe is a create-subscription with parameters.
func subscribe(inside string) string {
	return `<create-subscription xmlns="` + nsNotification + `">` + inside + `</create-subscription>`
}

func moment(name string, from time.Duration) string {
	return fmt.Sprintf("<%s>%s</%s>", name, time.Now().Add(from).UTC().Format(time.RFC3339), name)
}

// notifications are RFC 5277 and RFC 6470.
func notifications() []check {
	const needs = "notification:1.0"
	const changes = "notification:1.0 module:ietf-netconf-acm module:ietf-netconf-notifications"
	changed := func(s *session) {
		s.put(one)
		s.commits()
	}
	inStreams := `<get><filter><netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"><streams/></netconf></filter></get>`
	// replays is a session that can be sent what was.
	replays := func(d *dialogue) *session {
		a := d.first()
		if !strings.Contains(a.data(inStreams).flat(), "replaySupport=true\n") {
			d.skip("the server replays nothing")
		}
		return a
	}
	return []check{
		{"5277-2.1.1-01", must, needs, "a subscription is answered with ok", func(d *dialogue) { d.first().ok(subscribe("")) }},
		{"5277-2.1.1-02", must, changes, "what happens is sent then; without a stream it is of NETCONF", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			changed(b)
			a.event("netconf-config-change")
		}},
		{"5277-2.1.1-03", must, changes, "the stream NETCONF can be named", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe("<stream>NETCONF</stream>"))
			changed(b)
			a.event("netconf-config-change")
		}},
		{"5277-2.1.1-04", must, needs, "a stream that is not there is refused", func(d *dialogue) { d.first().refused(subscribe("<stream>nowhere</stream>"), "") }},
		{"5277-2.1.1-05", tag, needs, "a startTime that is to come is bad-element", func(d *dialogue) {
			d.first().refused(subscribe(moment("startTime", time.Hour)), "bad-element", "bad-element=startTime")
		}},
		{"5277-2.1.1-06", tag, needs, "a stopTime without a startTime is missing-element", func(d *dialogue) {
			d.first().refused(subscribe(moment("stopTime", time.Hour)), missing, "bad-element=startTime")
		}},
		{"5277-2.1.1-07", tag, needs, "a stopTime before the startTime is bad-element", func(d *dialogue) {
			d.first().refused(subscribe(moment("startTime", -time.Minute)+moment("stopTime", -time.Hour)), "bad-element", "bad-element=stopTime")
		}},
		{"5277-2.1.1-08", must, needs, "a time that is none is refused", func(d *dialogue) {
			d.first().refused(subscribe("<startTime>yesterday</startTime>"), "invalid-value|bad-element")
		}},
		{"5277-2.1.1-09", must, changes, "a filter lets through what it selects alone", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(`<filter type="subtree"><netconf-session-end xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"/></filter>`))
			changed(b)
			b.ok(`<close-session/>`)
			a.event("netconf-session-end")
			for _, e := range a.events {
				if e.child("netconf-config-change") != nil {
					d.fail("a change came too")
				}
			}
		}},
		{"5277-2.1.1-10", must, needs, "a session has one subscription at a time", func(d *dialogue) {
			a := d.first()
			a.ok(subscribe(""))
			a.refused(subscribe(""), "")
		}},
		{"5277-2.2.1-01", must, changes, "a notification is of its namespace and has an eventTime and one event", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			changed(b)
			e := a.event("netconf-config-change")
			if e.name.Space != nsNotification || e.child("eventTime") == nil || e.child("eventTime").name.Space != nsNotification || len(e.children) != 2 {
				d.fail("%s", e.canonical())
			}
		}},
		{"5277-2.2.1-02", must, changes, "the eventTime is a date and time, of about now", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			changed(b)
			at, err := time.Parse(time.RFC3339Nano, a.event("netconf-config-change").child("eventTime").value())
			if since := time.Since(at).Abs(); err != nil || since > 24*time.Hour {
				d.fail("%v, %v", err, since)
			}
		}},
		{"5277-2.3-01", must, needs, "the end of the session is the end of the subscription", func(d *dialogue) {
			a := d.first()
			a.ok(subscribe(""))
			if a.lacks("interleave:1.0") == "" {
				a.ok(`<close-session/>`)
				a.over()
				return
			}
			b := d.open()
			b.ok(`<kill-session><session-id>` + a.id + `</session-id></kill-session>`)
			a.over()
		}},
		{"5277-3.2.5-01", must, needs + " module:nc-notifications", "the streams are listed, NETCONF among them", func(d *dialogue) {
			d.first().shows(inStreams, "/stream/name=NETCONF\n", "/stream/replaySupport=")
		}},
		{"5277-3.2.5-02", must, needs + " module:nc-notifications", "a stream that is replayed says since when", func(d *dialogue) {
			a := replays(d)
			for _, s := range a.data(inStreams).all("stream") {
				if s.child("replaySupport").value() != "true" {
					continue
				}
				if _, err := time.Parse(time.RFC3339Nano, s.child("replayLogCreationTime").value()); err != nil {
					d.fail("%v", err)
				}
			}
		}},
		{"5277-3.3-01", must, changes + " module:nc-notifications", "what was is sent to who asks from when it was", func(d *dialogue) {
			a := replays(d)
			b := d.open()
			changed(b)
			a.ok(subscribe(moment("startTime", -time.Hour)))
			a.event("netconf-config-change")
		}},
		{"5277-3.3.1-01", must, needs + " module:nc-notifications", "replayComplete comes when all that was is sent", func(d *dialogue) {
			a := replays(d)
			a.ok(subscribe(moment("startTime", -time.Hour)))
			if e := a.event("replayComplete"); e.child("replayComplete").name.Space != "urn:ietf:params:xml:ns:netmod:notification" {
				d.fail("%s", e.canonical())
			}
		}},
		{"5277-3.3.1-02", must, needs + " module:nc-notifications", "notificationComplete comes when the stopTime has come", func(d *dialogue) {
			a := replays(d)
			a.ok(subscribe(moment("startTime", -time.Hour) + moment("stopTime", -time.Minute)))
			a.event("notificationComplete")
		}},
		{"5277-3.3.1-03", must, needs + " module:nc-notifications", "replayComplete comes before notificationComplete", func(d *dialogue) {
			a := replays(d)
			a.ok(subscribe(moment("startTime", -time.Hour) + moment("stopTime", -time.Minute)))
			a.event("notificationComplete")
			for _, e := range a.events {
				if e.child("replayComplete") != nil {
					return
				}
				if e.child("notificationComplete") != nil {
					break
				}
			}
			d.fail("it does not")
		}},
		{"5277-3.3.2-01", must, changes + " module:nc-notifications", "nothing from after the stopTime is sent", func(d *dialogue) {
			a := replays(d)
			b := d.open()
			changed(b)
			a.ok(subscribe(moment("startTime", -time.Hour) + moment("stopTime", -time.Minute)))
			a.event("notificationComplete")
			for _, e := range a.events {
				if at, err := time.Parse(time.RFC3339Nano, e.child("eventTime").value()); e.child("netconf-config-change") != nil && (err != nil || time.Since(at) < 30*time.Second) {
					d.fail("%v, %s", err, e.flat())
				}
			}
		}},
		{"5277-3.3.2-02", must, changes + " module:nc-notifications", "what was before a stopTime that has passed is sent", func(d *dialogue) {
			a := replays(d)
			b := d.open()
			changed(b)
			pause(d, 2)
			a.ok(subscribe(moment("startTime", -time.Hour) + moment("stopTime", -time.Second/2)))
			a.event("notificationComplete")
			for _, e := range a.events {
				if e.child("netconf-config-change") != nil {
					return
				}
			}
			d.fail("it is not")
		}},

		{"5277-6-01", must, needs + " interleave:1.0", "with interleave operations are answered while events come", func(d *dialogue) {
			a := d.first()
			a.ok(subscribe(""))
			a.data(empty)
		}},
		{"5277-6-02", must, needs + " !interleave:1.0", "without it nothing but close-session is", func(d *dialogue) {
			a := d.first()
			a.ok(subscribe(""))
			if e := a.rpc(empty); e.child("data") != nil {
				d.fail("get-config is answered")
			}
		}},

		{"6470-2.2-01", must, changes, "a change says who made it, in which datastore and what", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			changed(b)
			flat := a.event("netconf-config-change").flat()
			for _, want := range []string{"/changed-by/session-id=" + b.id + "\n", "/changed-by/username=", "/datastore=running\n", "/edit/operation=", "/edit/target="} {
				// running is the default, and need not be said
				if !strings.Contains(flat, want) && want != "/datastore=running\n" {
					d.fail("there is no %s in %s", want, flat)
				}
			}
		}},
		{"6470-2.2-02", must, changes, "a session that begins is told of", func(d *dialogue) {
			a := d.first()
			a.ok(subscribe(""))
			b := d.open()
			if got := a.event("netconf-session-start").child("netconf-session-start").child("session-id").value(); got != b.id {
				d.fail("it is of %s and not %s", got, b.id)
			}
		}},
		{"6470-2.2-03", must, changes, "one that ends too, with the reason", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			b.ok(`<close-session/>`)
			if flat := a.event("netconf-session-end").flat(); !strings.Contains(flat, "/session-id="+b.id+"\n") || !strings.Contains(flat, "termination-reason=closed\n") {
				d.fail("%s", flat)
			}
		}},
		{"6470-2.2-04", must, changes, "of one that is killed it says by whom", func(d *dialogue) {
			a, b, c := d.first(), d.open(), d.open()
			a.ok(subscribe(""))
			c.ok(`<kill-session><session-id>` + b.id + `</session-id></kill-session>`)
			if flat := a.event("netconf-session-end").flat(); !strings.Contains(flat, "termination-reason=killed\n") || !strings.Contains(flat, "/killed-by="+c.id+"\n") {
				d.fail("%s", flat)
			}
		}},
		{"6470-2.2-05", must, changes + " confirmed-commit:1.1", "the life of a confirmed commit is told", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe(""))
			b.ok(edit("candidate", one))
			b.ok(`<commit><confirmed/></commit>`)
			if flat := a.event("netconf-confirmed-commit").flat(); !strings.Contains(flat, "/confirm-event=start\n") {
				d.fail("%s", flat)
			}
			a.events = nil
			b.ok(`<cancel-commit/>`)
			if flat := a.event("netconf-confirmed-commit").flat(); !strings.Contains(flat, "/confirm-event=cancel\n") {
				d.fail("%s", flat)
			}
		}},
	}
}
