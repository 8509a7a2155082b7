// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"nso.example/nso/test/peer"
)

// allTags are those of RFC 6241, appendix A.
var allTags = []string{"in-use", "invalid-value", "too-big", "missing-attribute", "bad-attribute", "unknown-attribute", "missing-element", "bad-element",
	"unknown-element", "unknown-namespace", "access-denied", "lock-denied", "resource-denied", "rollback-failed", "data-exists", "data-missing",
	"operation-not-supported", "operation-failed", "partial-operation", "malformed-message"}

// typed wants an error of one of these types.
func typed(d *dialogue, e *element, types ...string) {
	if got := e.child("error-type").value(); !slices.Contains(types, got) {
		d.fail("the error-type is %s and not %s", got, strings.Join(types, " or "))
	}
}

// pause waits, if the check has the time for it.
func pause(d *dialogue, seconds int) {
	if time.Until(d.end) < time.Duration(seconds+2)*time.Second {
		d.fail("a check has too little time to wait %d seconds: give it more by --deadline", seconds)
	}
	time.Sleep(time.Duration(seconds) * time.Second)
}

// tags are RFC 6241, appendix A: which error, of which layer, with what error-info.
func tags() []check {
	return []check{
		{"6241-A-01", tag, writable, "in-use is of the protocol or the application", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", a.work()))
			typed(d, a.refused(edit(a.work(), one), "in-use"), "protocol", "application")
		}},
		{"6241-A-02", tag, model, "a value that its type has not is invalid-value, of the protocol or the application", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), interfaces(`<interface><name>Ethernet0/0</name><mtu>perhaps</mtu></interface>`)), "invalid-value"), "protocol", "application")
		}},
		{"6241-A-03", tag, model, "so is one out of its range", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), interfaces(`<interface><name>Ethernet0/0</name><mtu>1</mtu></interface>`)), "invalid-value")
		}},
		{"6241-A-04", tag, "", "missing-attribute names attribute and element", func(d *dialogue) {
			a := d.first()
			a.isRefusal("an rpc without message-id", a.say(`<rpc xmlns="`+nsBase+`">`+empty+`</rpc>`), "missing-attribute", "bad-attribute=message-id", "bad-element=rpc")
		}},
		{"6241-A-05", tag, writable, "bad-attribute names attribute and element", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), group("explode", "")), "bad-attribute", "bad-attribute=operation", "bad-element=group"), "rpc", "protocol", "application")
		}},
		{"6241-A-06", tag, model, "an attribute that is not expected is unknown-attribute, with attribute and element", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), top+`><users colour="red"/></top>`), "unknown-attribute", "bad-attribute=colour", "bad-element=users"), "rpc", "protocol", "application")
		}},
		{"6241-A-07", tag, "", "missing-element names the element", func(d *dialogue) {
			typed(d, d.first().refused(`<get-config/>`, missing, "bad-element=source"), "protocol", "application")
		}},
		{"6241-A-08", tag, model, "a key that is not given is missing-element", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), top+`><users><user><type>admin</type></user></users></top>`), missing, "bad-element=name")
		}},
		{"6241-A-09", tag, model, "an element that is not expected is unknown-element, and named", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), top+`><nothing/></top>`), "unknown-element", "bad-element=nothing"), "protocol", "application")
		}},
		{"6241-A-10", tag, "", "so is one beside the parameters of an operation", func(d *dialogue) {
			d.first().refused(`<get-config><source><running/></source><nothing/></get-config>`, "unknown-element", "bad-element=nothing")
		}},
		{"6241-A-11", tag, model, "a namespace that is not expected is unknown-namespace, with element and namespace", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), `<top xmlns="urn:example:nothing"/>`), "unknown-namespace", "bad-element=top", "bad-namespace=urn:example:nothing"), "protocol", "application")
		}},
		{"6241-A-12", tag, "", "lock-denied is of the protocol and says whose the lock is", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "running"))
			typed(d, a.refused(on("lock", "running"), "lock-denied", "session-id="+b.id), "protocol")
		}},
		{"6241-A-13", tag, writable, "data-exists is of the application", func(d *dialogue) {
			a := d.first()
			a.put(one)
			typed(d, a.refused(edit(a.work(), group("create", "")), "data-exists"), "application")
		}},
		{"6241-A-14", tag, writable, "data-missing is of the application", func(d *dialogue) {
			a := d.first()
			typed(d, a.refused(edit(a.work(), group("delete", "")), "data-missing"), "application")
		}},
		{"6241-A-15", tag, "", "an operation that is not there is operation-not-supported, of the protocol or the application", func(d *dialogue) {
			typed(d, d.first().refused(`<fly-away/>`, "operation-not-supported|unknown-element"), "protocol", "application", "rpc")
		}},
		{"6241-A-16", tag, "", "one of a namespace that is not known is refused", func(d *dialogue) {
			d.first().refused(`<fly-away xmlns="urn:example:nothing"/>`, "unknown-namespace|operation-not-supported|unknown-element")
		}},
		{"6241-A-17", tag, "base:1.1", "malformed-message is of the rpc layer", func(d *dialogue) {
			a := d.first()
			if err := a.Send(`<rpc xmlns="` + nsBase + `" message-id="1"><get></rpc>`); err != nil {
				d.fail("%v", err)
			}
			e, err := a.reply()
			if err != nil {
				d.skip("the server ends the session instead")
			}
			typed(d, a.isRefusal("what is not XML", e, "malformed-message"), "rpc")
		}},
		{"6241-A-18", must, "base:1.0", "malformed-message is not sent to a session of base:1.0", func(d *dialogue) {
			s := d.open(peer.Base10)
			if err := s.Send(`<rpc xmlns="` + nsBase + `" message-id="1"><get></rpc>`); err != nil {
				return
			}
			if e, err := s.reply(); err == nil && strings.Contains(e.flat(), "error-tag=malformed-message") {
				d.fail("it is")
			}
		}},
		{"6241-A-19", should, model, "partial-operation is not sent", func(d *dialogue) {
			a := d.first()
			e := a.rpc(edit(a.work(), interfaces(`<interface nc:operation="delete"><name>Ethernet9/9</name></interface><interface><name>Ethernet0/0</name></interface>`), `<error-option>continue-on-error</error-option>`))
			if len(e.errors()) == 0 || strings.Contains(e.flat(), "error-tag=partial-operation") {
				d.fail("%s", e.flat())
			}
		}},
		{"6241-A-20", tag, "", "the severity of these is error", func(d *dialogue) {
			a := d.first()
			for _, bad := range []string{`<get-config/>`, `<fly-away/>`} {
				if e := a.refused(bad, ""); e.child("error-severity").value() != "error" {
					d.fail("it is %s", e.child("error-severity").value())
				}
			}
		}},
	}
}

// framings are RFC 6242.
func framings() []check {
	// chunked is a session of base:1.1 on which bytes can be sent as they are.
	bytes := func(s *session, text string) { io.WriteString(s.Conn.Conn, text) } // the connection may be closed
	message := rpc(`message-id="1"`, empty)
	broken := func(text string) func(d *dialogue) {
		return func(d *dialogue) {
			a := d.first()
			bytes(a, text)
			a.over()
		}
	}
	const needs = "base:1.1"
	return []check{
		{"6242-3.1-01", must, "", "the hello of the server ends with ]]>]]>", func(d *dialogue) {
			s := d.raw()
			s.SetReadDeadline(d.end)
			var got strings.Builder
			b := make([]byte, 4096)
			for !strings.HasSuffix(strings.TrimSpace(got.String()), "]]>]]>") {
				n, err := s.Conn.Conn.Read(b)
				if got.Write(b[:n]); err != nil || got.Len() > 1<<22 {
					d.fail("%v after %.300q", err, got.String())
				}
			}
			if strings.Contains(strings.TrimSuffix(strings.TrimSpace(got.String()), "]]>]]>"), "\n#") {
				d.fail("it has chunks")
			}
		}},
		{"6242-4.1-01", must, needs, "chunks are used where both say base:1.1", func(d *dialogue) {
			s := greets(d, capa(peer.Base10, peer.Base11), "")
			bytes(s, fmt.Sprintf("\n#%d\n%s\n##\n", len(message), message))
			if s.R.Chunked() != nil {
				d.fail("cannot change the framing")
			}
			if e, err := s.reply(); err != nil || e.child("data") == nil {
				d.fail("%v", err)
			}
		}},
		{"6242-4.1-02", must, "base:1.0", "]]>]]> is used where the client says base:1.0 alone", func(d *dialogue) {
			s := greets(d, capa(peer.Base10), "")
			bytes(s, message+"]]>]]>")
			if e, err := s.reply(); err != nil || e.child("data") == nil {
				d.fail("%v", err)
			}
		}},
		{"6242-4.1-03", must, needs, "the framing changes right after the hellos: a request may come with the client's", func(d *dialogue) {
			s := d.raw()
			bytes(s, `<hello xmlns="`+nsBase+`"><capabilities>`+capa(peer.Base11)+`</capabilities></hello>]]>]]>`+fmt.Sprintf("\n#%d\n%s\n##\n", len(message), message))
			if _, err := s.Receive(); err != nil {
				d.fail("%v", err)
			}
			if s.R.Chunked() != nil {
				d.fail("cannot change the framing")
			}
			if e, err := s.reply(); err != nil || e.child("data") == nil {
				d.fail("%v", err)
			}
		}},
		{"6242-4.2-01", must, needs, "a message may come in many chunks, cut anywhere", func(d *dialogue) {
			a := d.first()
			var text strings.Builder
			for i := range len(message) {
				fmt.Fprintf(&text, "\n#1\n%c", message[i])
			}
			bytes(a, text.String()+"\n##\n")
			if e, err := a.reply(); err != nil || e.child("data") == nil {
				d.fail("%v", err)
			}
		}},
		{"6242-4.2-02", must, needs, "a chunk may hold what looks like framing", func(d *dialogue) {
			a := d.first()
			odd := strings.Replace(message, "<get-config>", "<!--\n##\n\n#4\n]]>]]>--><get-config>", 1)
			odd = strings.Replace(odd, "]]>]]>--", "]]>--", 1)
			if err := a.Send(odd); err != nil {
				d.fail("%v", err)
			}
			if e, err := a.reply(); err != nil || e.child("data") == nil {
				d.fail("%v", err)
			}
		}},
		{"6242-4.2-03", must, needs, "two messages may come in one segment", func(d *dialogue) {
			a := d.first()
			framed := fmt.Sprintf("\n#%d\n%s\n##\n", len(message), message)
			bytes(a, framed+framed)
			for range 2 {
				if e, err := a.reply(); err != nil || e.child("data") == nil {
					d.fail("%v", err)
				}
			}
		}},
		{"6242-4.2-04", must, needs, "a chunk of size 0 ends the session", broken("\n#0\n\n##\n")},
		{"6242-4.2-05", must, needs, "a size with a leading 0 ends the session", broken(fmt.Sprintf("\n#0%d\n%s\n##\n", len(message), message))},
		{"6242-4.2-06", must, needs, "a size that is no number ends the session", broken("\n#many\n" + message + "\n##\n")},
		{"6242-4.2-07", must, needs, "a size beyond 4294967295 ends the session", broken("\n#4294967296\n" + message + "\n##\n")},
		{"6242-4.2-08", must, needs, "a message without a chunk ends the session", broken("\n##\n")},
		{"6242-4.2-09", must, needs, "a chunk that is longer than its size ends the session", broken(fmt.Sprintf("\n#%d\n%s\n##\n", len(message)-3, message))},
		{"6242-4.2-10", must, needs, "bytes that are no frame end the session", broken("nonsense nonsense nonsense\n\n")},
		{"6242-4.2-11", must, needs, "the chunks of the server are framed as they must be", func(d *dialogue) {
			a := d.first()
			for range 3 {
				a.rpc(`<get/>`) // whose framing peer reads strictly
			}
		}},
	}
}
