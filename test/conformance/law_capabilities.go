// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/test/peer"
)

// greets sends this hello and returns the server's; the session is over if that is ended.
func greets(d *dialogue, capabilities, more string) *session {
	s := d.raw()
	if err := s.Send(`<hello xmlns="` + nsBase + `"><capabilities>` + capabilities + `</capabilities>` + more + `</hello>`); err != nil {
		d.fail("cannot send a hello: %v", err)
	}
	b, err := s.Receive()
	if err != nil {
		d.fail("there is no hello: %v", err)
	}
	s.Hello = string(b)
	s.greeted()
	return s
}

func capa(uris ...string) (all string) {
	for _, u := range uris {
		all += "<capability>" + u + "</capability>"
	}
	return all
}

// capabilities are RFC 6241, 8.1, 8.2, 8.5 and 8.6.
func capabilities() []check {
	validates := func(source string) string { return `<validate><source>` + source + `</source></validate>` }
	bad := interfaces(`<interface><name>Ethernet0/0</name><mtu>1</mtu></interface>`)
	// nobody is well-formed, and what no datastore can have: its member is no user.
	nobody := top + `><groups><group><name>conformance</name><member>nobody</member></group></groups></top>`
	inGroups := `<filter>` + top + `><groups/></top></filter>`
	return []check{
		{"6241-8-01", must, "", "a capability that the server does not know is ignored", func(d *dialogue) {
			d.raw()
			s := greets(d, capa(peer.Base10, "urn:example:capability:unheard-of:7.0?x=y", "http://example.net/nonsense"), "")
			s.data(empty)
		}},
		{"6241-8.1-01", must, "", "the server's hello has at least the base capability", func(d *dialogue) {
			if !slices.ContainsFunc(d.first().capabilities(), func(c string) bool { return c == peer.Base10 || c == peer.Base11 }) {
				d.fail("it has %s", d.first().capabilities())
			}
		}},
		{"6241-8.1-02", must, "", "a server of this RFC says base:1.1", func(d *dialogue) {
			if !slices.Contains(d.first().capabilities(), peer.Base11) {
				d.fail("it has %s", d.first().capabilities())
			}
		}},
		{"6241-8.1-03", must, "", "the server's hello has one session-id, 1 to 4294967295", func(d *dialogue) {
			a := d.first()
			if n, err := strconv.ParseUint(a.id, 10, 32); err != nil || n == 0 || len(a.hello.all("session-id")) != 1 {
				d.fail("the hello has %s", a.hello.flat())
			}
		}},
		{"6241-8.1-04", must, "", "two sessions have two numbers", func(d *dialogue) {
			if a, b := d.first(), d.open(); a.id == b.id {
				d.fail("both are %s", a.id)
			}
		}},
		{"6241-8.1-05", must, "", "the server does not wait for the client's hello", func(d *dialogue) {
			s := d.raw()
			b, err := s.Receive()
			if err != nil || !strings.Contains(string(b), "hello") {
				d.fail("%v, %.200q", err, b)
			}
		}},
		{"6241-8.1-06", must, "", "a client that sends a session-id gets no session", func(d *dialogue) {
			s := greets(d, capa(peer.Base10), `<session-id>4</session-id>`)
			s.Send(rpc(`message-id="1"`, empty)) // the connection may be closed
			s.over()
		}},
		{"6241-8.1-07", must, "", "a client that has no base in common with the server gets no session", func(d *dialogue) {
			s := greets(d, capa("urn:ietf:params:netconf:base:0.9"), "")
			s.Send(rpc(`message-id="1"`, empty))
			s.over()
		}},
		{"6241-8.1-08", must, "base:1.1", "of a base capability parameters do not count", func(d *dialogue) {
			s := greets(d, capa(peer.Base11+"?colour=red"), "")
			if s.R.Chunked() != nil || s.W.Chunked() != nil {
				d.fail("cannot change the framing")
			}
			s.data(empty)
		}},
		{"6241-8.1-09", must, "", "the server's capabilities are URIs, each once", func(d *dialogue) {
			seen := make(map[string]bool)
			for _, c := range d.first().capabilities() {
				if !strings.Contains(c, ":") || strings.ContainsAny(c, " \n\t<>") || seen[c] {
					d.fail("there is %q", c)
				}
				seen[c] = true
			}
		}},
		{"6241-8.1-10", must, "", "an operation before the client's hello is not done", func(d *dialogue) {
			s := d.raw()
			s.Send(rpc(`message-id="1"`, empty))
			if _, err := s.Receive(); err != nil { // the hello
				return
			}
			s.SetReadDeadline(time.Now().Add(time.Second))
			if err := s.R.Next(); err == nil {
				b := make([]byte, 1000)
				n, _ := s.R.Read(b)
				if strings.Contains(string(b[:n]), "<data") || strings.Contains(string(b[:n]), ":data") {
					d.fail("it is answered with %.300q", b[:n])
				}
			}
		}},
		{"6241-8.1-11", should, "", "a client of base:1.0 alone has a session", func(d *dialogue) {
			if d.first().lacks("base:1.0") != "" {
				d.skip("the server does not offer base:1.0")
			}
			d.open(peer.Base10).data(empty)
		}},

		{"6241-8.2-01", must, "writable-running " + writable, "edit-config takes running as its target", func(d *dialogue) {
			a := d.first()
			a.ok(edit("running", one))
			a.has("running", true)
		}},
		{"6241-8.2-02", must, "candidate !writable-running", "running is edited by a commit alone where writable-running is not announced", func(d *dialogue) {
			d.first().refused(edit("running", ""), noStore)
		}},

		{"6241-8.5-01", must, "rollback-on-error module:nso-conformance", "rollback-on-error: after an error all is as it was", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), interfaces(`<interface><name>Ethernet0/0</name></interface><interface nc:operation="delete"><name>Ethernet9/9</name></interface>`), `<error-option>rollback-on-error</error-option>`), "data-missing")
			a.seen(`<filter>`+top+`><interfaces/></top></filter>`, "!Ethernet0/0")
		}},
		{"6241-8.5-02", must, "rollback-on-error module:nso-conformance", "and without an error all is done", func(d *dialogue) {
			a := d.first()
			a.put(users, `<error-option>rollback-on-error</error-option>`)
			a.exactly(get(a.work(), inUsers("")), data(root+fred+barney))
		}},

		{"6241-8.6.4.1-01", must, "validate:1.", "validate of running is ok", func(d *dialogue) { d.first().ok(validates(`<running/>`)) }},
		{"6241-8.6.4.1-02", must, "validate:1. candidate " + writable, "validate of a candidate that is good is ok", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(validates(`<candidate/>`))
		}},
		{"6241-8.6.4.1-03", must, "validate:1. candidate module:nso-conformance", "validate of a candidate that is not says what is wrong", func(d *dialogue) {
			a := d.first()
			if a.rpc(edit("candidate", nobody)).child("ok") == nil {
				return // it was found sooner
			}
			a.refused(validates(`<candidate/>`), "")
		}},
		{"6241-8.6.4.1-04", must, "validate:1. module:nso-conformance", "a configuration that is said at once can be validated", func(d *dialogue) {
			d.first().ok(validates(`<config>` + users + `</config>`))
		}},
		{"6241-8.6.4.1-05", must, "validate:1. module:nso-conformance", "and what is wrong with it is said", func(d *dialogue) {
			d.first().refused(validates(`<config>`+bad+`</config>`), "")
		}},
		{"6241-8.6.4.1-06", must, "validate:1. module:nso-conformance", "validate changes nothing", func(d *dialogue) {
			a := d.first()
			d.touched = true
			a.ok(validates(`<config>` + users + `</config>`))
			a.shows(get("running", inUsers("")), "!/user")
		}},
		{"6241-8.6.4.1-07", must, "validate:1.", "without a source it is refused", func(d *dialogue) { d.first().refused(`<validate/>`, missing, "bad-element=source") }},
		{"6241-8.6.5.1-01", must, "validate:1.1 " + model, "test-only changes nothing", func(d *dialogue) {
			a := d.first()
			a.put(users, `<test-option>test-only</test-option>`)
			a.seen(inUsers(""), "!/user")
		}},
		{"6241-8.6.5.1-02", must, "validate:1.1 module:nso-conformance", "test-only says what is wrong", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), bad, `<test-option>test-only</test-option>`), "")
		}},
		{"6241-8.6.5.1-03", must, "validate:1. module:nso-conformance", "test-then-set changes nothing where something is wrong", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), nobody, `<test-option>test-then-set</test-option>`), "")
			a.seen(inGroups, "!nobody")
		}},
		{"6241-8.6.5.1-04", must, "validate:1. module:nso-conformance", "test-then-set does what is good", func(d *dialogue) {
			a := d.first()
			a.put(users, `<test-option>test-then-set</test-option>`)
			a.seen(inUsers(""), "/user/name=fred\n")
		}},
		{"6241-8.6.5.1-05", must, "validate:1. module:nso-conformance", "set does it too", func(d *dialogue) {
			a := d.first()
			a.put(users, `<test-option>set</test-option>`)
			a.seen(inUsers(""), "/user/name=fred\n")
		}},
		{"6241-8.6.5.1-06", must, "validate:1.", "a test-option that is none is refused", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), "", `<test-option>guess</test-option>`), "invalid-value|bad-element")
		}},

		{"6241-8.7.1-01", must, "startup " + writable, "running and startup are two: an edit of running is not in startup", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.commits()
			a.has("startup", false)
		}},
		{"6241-8.7.5.1-01", must, "startup", "get-config takes startup", func(d *dialogue) { d.first().data(get("startup", `<filter/>`)) }},
		{"6241-8.7.5.1-02", must, "startup", "lock and unlock take startup", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "startup"))
			b.refused(on("lock", "startup"), "lock-denied", "session-id="+a.id)
			a.ok(on("unlock", "startup"))
		}},
		{"6241-8.7.5.1-04", must, "startup " + writable, "copy-config of running to startup saves it", func(d *dialogue) {
			a := d.first()
			if a.data(get("startup", "")).canonical() != a.data(get("running", "")).canonical() {
				d.skip("startup is not what running is, and should not be lost")
			}
			a.put(one)
			a.commits()
			a.ok(copyConfig("startup", `<running/>`))
			a.has("startup", true)
			a.put(group("delete", ""))
			a.commits()
			a.has("startup", true)
			a.ok(copyConfig("startup", `<running/>`))
			a.has("startup", false)
		}},
		{"6241-8.7.5.1-03", must, "startup validate:1.", "validate takes startup", func(d *dialogue) { d.first().ok(validates(`<startup/>`)) }},
	}
}
