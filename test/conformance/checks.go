// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	acm    = `<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"`
	nc     = ` xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"`
	one    = acm + `><groups><group><name>conformance-1</name><user-name>ann</user-name></group></groups></nacm>`
	two    = acm + `><groups><group><name>conformance-2</name><user-name>bob</user-name></group></groups></nacm>`
	remove = acm + nc + `><groups><group nc:operation="remove"><name>conformance-1</name></group><group nc:operation="remove"><name>conformance-2</name></group></groups></nacm>`
	groups = `<filter type="subtree">` + acm + `><groups/></nacm></filter>`
)

// edit is an edit-config; more stands before the configuration.
func edit(target, config string, more ...string) string {
	return `<edit-config><target><` + target + `/></target>` + strings.Join(more, "") + `<config>` + config + `</config></edit-config>`
}

// group is conformance-1 with an operation of its own.
func group(op, user string) string {
	return acm + nc + `><groups><group nc:operation="` + op + `"><name>conformance-1</name>` + user + `</group></groups></nacm>`
}

func get(source, filter string) string {
	return `<get-config><source><` + source + `/></source>` + filter + `</get-config>`
}

func on(op, target string) string {
	return `<` + op + `><target><` + target + `/></target></` + op + `>`
}

func checks() []check {
	return append(append(base(), capabilities()...), around()...)
}

// base is what every server does (RFC 6241, its sections 3 to 7). Its running is written to
// directly.
func base() []check {
	const writable = "writable-running"
	return []check{
		{"6241-8.1 the hello has a base and a session-id", "", func(d *dialogue) {
			a := d.first()
			if !strings.Contains(a.Hello, "urn:ietf:params:netconf:base:1.") || a.id == "" || a.id == "0" {
				d.fail("the hello is %.300s", a.Hello)
			}
		}},
		{"6241-8.1 two sessions have two numbers", "", func(d *dialogue) {
			if b := d.open(); b.id == d.first().id {
				d.fail("both are %s", b.id)
			}
		}},
		{"6241-4.1 message-id and other attributes come back", "", func(d *dialogue) {
			a := d.first()
			err := a.Send(`<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="a&lt;1" xmlns:ex="http://example.net/" ex:user-id="fred"><get-config><source><running/></source><filter/></get-config></rpc>`)
			if err != nil {
				d.fail("%v", err)
			}
			reply, err := a.Receive()
			if err != nil || !strings.Contains(string(reply), `message-id="a&lt;1"`) || !strings.Contains(string(reply), `user-id="fred"`) {
				d.fail("%v, %.300s", err, reply)
			}
		}},
		{"6241-4.1 an rpc without message-id", "", func(d *dialogue) {
			a := d.first()
			if err := a.Send(`<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><get-config><source><running/></source></get-config></rpc>`); err != nil {
				d.fail("%v", err)
			}
			reply, err := a.Receive()
			if err != nil || !strings.Contains(string(reply), "missing-attribute") || !strings.Contains(string(reply), "message-id") {
				d.fail("%v, %.300s", err, reply)
			}
		}},
		{"6241-A an operation that is not there", "", func(d *dialogue) {
			d.first().refused(`<fly-away/>`, "operation-not-supported|unknown-element")
		}},
		{"6241-A an operation of no namespace that is known", "", func(d *dialogue) {
			d.first().refused(`<fly-away xmlns="urn:example:nowhere"/>`, "unknown-namespace|operation-not-supported|unknown-element")
		}},
		{"6241-6.4.2 an empty filter selects nothing", "", func(d *dialogue) {
			d.first().shows(get("running", `<filter type="subtree"/>`), "!nacm")
		}},
		{"6241-6.4.3 a subtree", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.shows(get("running", groups), "conformance-1", "<user-name>ann</user-name>", "!rule-list")
		}},
		{"6241-6.2.5 content match", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.ok(edit("running", two))
			a.shows(get("running", `<filter>`+acm+`><groups><group><name>conformance-2</name></group></groups></nacm></filter>`), "bob", "!ann", "!conformance-1")
		}},
		{"6241-6.2.4 selection", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.shows(get("running", `<filter>`+acm+`><groups><group><name/></group></groups></nacm></filter>`), "conformance-1", "!ann")
		}},
		{"6241-6.2.1 a namespace that nothing is of", "", func(d *dialogue) {
			d.first().shows(get("running", `<filter><nacm xmlns="urn:example:nowhere"/></filter>`), "!enable-nacm", "!groups")
		}},
		{"6241-7.1 get-config without source", "", func(d *dialogue) {
			d.first().refused(`<get-config/>`, "missing-element", "source")
		}},
		{"6241-7.1 the answer is data", "", func(d *dialogue) { d.first().shows(get("running", `<filter/>`), "data") }},
		{"6241-7.2 merge is the default", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.ok(edit("running", acm+`><groups><group><name>conformance-1</name><user-name>eve</user-name></group></groups></nacm>`))
			a.shows(get("running", groups), "ann", "eve")
		}},
		{"6241-7.2 replace", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.ok(edit("running", group("replace", "<user-name>eve</user-name>")))
			a.shows(get("running", groups), "!ann", "eve")
		}},
		{"6241-7.2 create what is there", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", group("create", "")))
			a.refused(edit("running", group("create", "")), "data-exists")
		}},
		{"6241-7.2 delete what is not there", writable, func(d *dialogue) {
			a := d.first()
			a.refused(edit("running", group("delete", "")), "data-missing")
			a.ok(edit("running", one))
			a.ok(edit("running", group("delete", "")))
			a.shows(get("running", groups), "!conformance-1")
		}},
		{"6241-7.2 remove what is not there", writable, func(d *dialogue) { d.first().ok(edit("running", group("remove", ""))) }},
		{"6241-7.2 default-operation none", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.ok(edit("running", acm+nc+`><groups><group><name>conformance-1</name><user-name nc:operation="delete">ann</user-name></group></groups></nacm>`,
				`<default-operation>none</default-operation>`))
			a.shows(get("running", groups), "conformance-1", "!ann")
			a.refused(edit("running", two, `<default-operation>none</default-operation>`), "data-missing")
		}},
		{"6241-7.2 a value that cannot be", writable, func(d *dialogue) {
			d.first().refused(edit("running", acm+`><enable-nacm>perhaps</enable-nacm></nacm>`), "invalid-value", "enable-nacm")
		}},
		{"6241-7.2 an element that nothing is called", writable, func(d *dialogue) {
			d.first().refused(edit("running", acm+`><nothing/></nacm>`), "unknown-element", "nothing")
		}},
		{"6241-7.2 an operation that is none", writable, func(d *dialogue) {
			d.first().refused(edit("running", group("explode", "")), "bad-attribute", "operation")
		}},
		{"6241-7.4 running cannot be deleted", "", func(d *dialogue) {
			d.first().refused(on("delete-config", "running"), "operation-not-supported|operation-failed|invalid-value|bad-element|unknown-element")
		}},
		{"6241-7.5 a lock keeps others out", writable, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			b.refused(on("lock", "running"), "lock-denied", "session-id>"+a.id+"<")
			b.refused(edit("running", one), "in-use")
			a.ok(edit("running", one))
			a.ok(on("unlock", "running"))
			b.ok(on("lock", "running"))
			b.ok(on("unlock", "running"))
		}},
		{"6241-7.5 a lock that one has oneself", "", func(d *dialogue) {
			a := d.first()
			a.ok(on("lock", "running"))
			a.refused(on("lock", "running"), "lock-denied", "session-id>"+a.id+"<")
		}},
		{"6241-7.6 a lock that is not one's own", "", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.refused(on("unlock", "running"), "operation-failed")
			b.ok(on("lock", "running"))
			a.refused(on("unlock", "running"), "operation-failed|lock-denied")
		}},
		{"6241-7.7 get has configuration too", writable, func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.shows(`<get>`+groups+`</get>`, "conformance-1")
		}},
		{"6241-7.8 close-session frees the locks", "", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			a.ok(`<close-session/>`)
			b.ok(on("lock", "running"))
		}},
		{"6241-7.9 kill-session frees the locks", "", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "running"))
			a.ok(`<kill-session><session-id>` + b.id + `</session-id></kill-session>`)
			a.ok(on("lock", "running"))
		}},
		{"6241-7.9 one's own session cannot be killed", "", func(d *dialogue) {
			a := d.first()
			a.refused(`<kill-session><session-id>`+a.id+`</session-id></kill-session>`, "invalid-value")
		}},
		{"6241-7.9 a session that is not there", "", func(d *dialogue) {
			d.first().refused(`<kill-session><session-id>4294967295</session-id></kill-session>`, "invalid-value|operation-failed")
		}},
		{"6242-4.2 frames of 1.0 work too", "", func(d *dialogue) {
			b := d.open("urn:ietf:params:netconf:base:1.0")
			b.shows(get("running", `<filter/>`), "data")
		}},
	}
}

// capabilities are RFC 6241, 8.2 to 8.9.
func capabilities() []check {
	const candidate, confirmed = "candidate", "confirmed-commit:1.1"
	has := func(s *session, store string, yes bool) {
		want := "conformance-1"
		if !yes {
			want = "!" + want
		}
		s.shows(get(store, groups), want)
	}
	return []check{
		{"6241-8.3.4.1 commit", candidate, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			has(a, "candidate", true)
			has(a, "running", false)
			a.ok(`<commit/>`)
			has(a, "running", true)
		}},
		{"6241-8.3.4.2 discard-changes", candidate, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<discard-changes/>`)
			has(a, "candidate", false)
		}},
		{"6241-8.3.5.2 a lock that is freed discards", candidate, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "candidate"))
			a.ok(edit("candidate", one))
			b.refused(edit("candidate", two), "in-use")
			a.ok(on("unlock", "candidate"))
			has(b, "candidate", false)
		}},
		{"6241-7.5 a candidate that was changed cannot be locked", candidate, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.refused(on("lock", "candidate"), "lock-denied|operation-failed|resource-denied|in-use")
		}},
		{"6241-8.3.4.1 a lock of running stops the commit", candidate, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.ok(on("lock", "running"))
			a.refused(`<commit/>`, "in-use")
			has(b, "running", false)
		}},
		{"6241-7.3 copy-config into the candidate", candidate, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<copy-config><target><candidate/></target><source><running/></source></copy-config>`)
			has(a, "candidate", false)
			a.refused(`<copy-config><target><candidate/></target><source><candidate/></source></copy-config>`, "invalid-value")
		}},
		{"6241-8.4.1 what is not confirmed is reverted", confirmed, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>`)
			has(a, "running", true)
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
				if !strings.Contains(a.rpc(get("running", groups)), "conformance-1") {
					return
				}
				if time.Now().After(end) {
					d.fail("it is still there")
				}
			}
		}},
		{"6241-8.4.1 a commit confirms", confirmed, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/></commit>`)
			a.ok(`<commit/>`)
			a.refused(`<cancel-commit/>`, "operation-failed|invalid-value")
			has(a, "running", true)
		}},
		{"6241-8.4.1 the end of the session reverts", confirmed, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/></commit>`)
			a.ok(`<close-session/>`)
			for end := time.Now().Add(20 * time.Second); strings.Contains(b.rpc(get("running", groups)), "conformance-1"); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					d.fail("it is still there")
				}
			}
		}},
		{"6241-8.4.4.1 cancel-commit", confirmed, func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/></commit>`)
			a.ok(`<cancel-commit/>`)
			has(a, "running", false)
		}},
		{"6241-8.4.5.1 persist and persist-id", confirmed, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/><persist>IQ,d4668</persist></commit>`)
			b.refused(`<commit><persist-id>other</persist-id></commit>`, "invalid-value")
			a.ok(`<close-session/>`)
			b.ok(`<commit><persist-id>IQ,d4668</persist-id></commit>`)
			has(b, "running", true)
		}},
		{"6241-7.5 running is not locked while a commit of another waits", confirmed, func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/></commit>`)
			b.refused(on("lock", "running"), "lock-denied|in-use")
		}},
		{"6241-8.5 rollback-on-error leaves nothing", "rollback-on-error writable-running", func(d *dialogue) {
			a := d.first()
			a.refused(edit("running", one+acm+`><enable-nacm>perhaps</enable-nacm></nacm>`, `<error-option>rollback-on-error</error-option>`), "invalid-value|bad-element|operation-failed")
			has(a, "running", false)
		}},
		{"6241-8.6 validate", "validate:1.", func(d *dialogue) { d.first().ok(`<validate><source><running/></source></validate>`) }},
		{"6241-8.6 test-only changes nothing", "validate:1.1 writable-running", func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one, `<test-option>test-only</test-option>`))
			has(a, "running", false)
		}},
		{"6241-8.9 a filter by XPath", "xpath writable-running", func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.shows(`<get-config><source><running/></source><filter type="xpath" xmlns:acm="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" select="/acm:nacm/acm:groups/acm:group[acm:name='conformance-1']"/></get-config>`,
				"conformance-1", "ann", "!enable-nacm")
			a.refused(`<get-config><source><running/></source><filter type="xpath"/></get-config>`, "missing-attribute|bad-attribute|operation-failed")
		}},
	}
}

// around are RFCs 5277, 6022, 6243 and 8526.
func around() []check {
	wd := func(mode string) string {
		return `<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">` + mode + `</with-defaults>`
	}
	const subscribe = `<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">`
	return []check{
		{"6243-3.1 report-all", "with-defaults", func(d *dialogue) {
			d.first().shows(get("running", `<filter>`+acm+`><enable-external-groups/></nacm></filter>`+wd("report-all")), "enable-external-groups")
		}},
		{"6243-4.5 a mode that is none", "with-defaults", func(d *dialogue) {
			d.first().refused(get("running", `<filter/>`+wd("sometimes")), "invalid-value")
		}},
		{"5277-2.1.1 a subscription, and a change", "notification:1.0 writable-running", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(subscribe + `</create-subscription>`)
			b.ok(edit("running", one))
			for range 10 {
				event, err := a.Receive()
				if err != nil || !strings.Contains(string(event), "eventTime>") {
					d.fail("%v, %.300s", err, event)
				}
				if strings.Contains(string(event), "netconf-config-change") {
					return
				}
			}
			d.fail("no netconf-config-change")
		}},
		{"5277-2.1.1 a startTime that is to come", "notification:1.0", func(d *dialogue) {
			d.first().refused(subscribe+fmt.Sprintf(`<startTime>%s</startTime></create-subscription>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), "bad-element")
		}},
		{"5277-2.1.1 a stopTime alone", "notification:1.0", func(d *dialogue) {
			d.first().refused(subscribe+fmt.Sprintf(`<stopTime>%s</stopTime></create-subscription>`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), "missing-element")
		}},
		{"6022-3.1 get-schema", "", func(d *dialogue) {
			a := d.first()
			const m = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
			if !strings.Contains(a.rpc(`<get><filter><netconf-state xmlns="`+m+`"><schemas/></netconf-state></filter></get>`), "ietf-netconf-acm") {
				panic(stop{skip: "the server lists no schemas"})
			}
			a.shows(`<get-schema xmlns="`+m+`"><identifier>ietf-netconf-acm</identifier></get-schema>`, "module ietf-netconf-acm")
			a.refused(`<get-schema xmlns="`+m+`"><identifier>no-such-module</identifier></get-schema>`, "invalid-value")
		}},
		{"8526-3.1.1 get-data", "yang-library:1.1", func(d *dialogue) {
			a := d.first()
			reply := a.rpc(`<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><datastore>ds:running</datastore><max-depth>1</max-depth></get-data>`)
			switch {
			case strings.Contains(reply, "operation-not-supported"), strings.Contains(reply, "unknown-"):
				panic(stop{skip: "the server has no get-data"})
			case !strings.Contains(reply, "data") || strings.Contains(reply, "rpc-error"):
				d.fail("%.300s", reply)
			}
		}},
	}
}
