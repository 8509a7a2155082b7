// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// empty is a read that every server answers, and small.
const empty = `<get-config><source><running/></source><filter type="subtree"/></get-config>`

// say sends a whole message and returns the reply.
func (s *session) say(message string) *element {
	if err := s.Send(message); err != nil {
		s.d.fail("cannot send %.200s: %v", message, err)
	}
	e, err := s.reply()
	if err != nil {
		s.d.fail("no reply to %.200s: %v", message, err)
	}
	return e
}

// malformed wants malformed-message, or the end of the session.
func malformed(d *dialogue, message string) {
	a := d.first()
	if err := a.Send(message); err != nil {
		return
	}
	e, err := a.reply()
	if err != nil {
		a.over()
		return
	}
	a.isRefusal(message, e, "malformed-message")
}

func rpc(attributes, operation string) string {
	return `<rpc xmlns="` + nsBase + `" ` + attributes + `>` + operation + `</rpc>`
}

// messages are RFC 6241, sections 2 to 5.
func messages() []check {
	return []check{
		{"6241-2.1-01", must, "", "what a connection holds is free once the connection is gone", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			a.Conn.Close()
			d.soon("the lock of a session whose connection is gone stays", func() bool { return b.rpc(on("lock", "running")).child("ok") != nil })
		}},
		{"6241-3-01", must, "", "what the server sends is well-formed XML in UTF-8", func(d *dialogue) {
			a := d.first() // parse has looked at the hello
			if e := a.rpc(empty); !e.is("rpc-reply") {
				d.fail("%s", e.canonical())
			}
			a.refused(`<nöthing xmlns="urn:nöwhere"/>`, "")
		}},
		{"6241-3-02", should, "base:1.1", "a message that is not well-formed is answered with malformed-message, or ends the session", func(d *dialogue) {
			malformed(d, `<rpc xmlns="`+nsBase+`" message-id="1"><get-config></rpc>`)
		}},
		{"6241-3-03", should, "base:1.1", "a message that is not UTF-8 is answered with malformed-message, or ends the session", func(d *dialogue) {
			malformed(d, "<rpc xmlns=\""+nsBase+"\" message-id=\"\xff\xfe\"><get-config><source><running/></source></get-config></rpc>")
		}},
		{"6241-3-04", must, "", "an XML declaration may begin a message", func(d *dialogue) {
			e := d.first().say(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + rpc(`message-id="1"`, empty))
			if e.child("data") == nil {
				d.fail("%s", e.flat())
			}
		}},
		{"6241-3.1-01", must, "", "the elements of the protocol are in its namespace, whatever the prefix", func(d *dialogue) {
			a := d.first()
			if !a.hello.is("hello") || a.hello.child("capabilities") == nil || !a.hello.child("capabilities").is("capabilities") {
				d.fail("the hello is %.300s", a.hello.canonical())
			}
			e := a.say(`<n:rpc xmlns:n="` + nsBase + `" message-id="1"><n:get-config><n:source><n:running/></n:source><n:filter/></n:get-config></n:rpc>`)
			if !e.is("rpc-reply") || e.child("data") == nil || !e.child("data").is("data") {
				d.fail("%.300s", e.canonical())
			}
		}},
		{"6241-3.1-02", must, "", "an rpc of another namespace is no rpc", func(d *dialogue) {
			a := d.first()
			if err := a.Send(`<rpc xmlns="urn:example:nothing" message-id="1">` + empty + `</rpc>`); err != nil {
				return
			}
			if e, err := a.reply(); err == nil && e.child("data") != nil {
				d.fail("it was answered with %.300s", e.flat())
			}
		}},
		{"6241-3.2-01", must, "", "no document type declaration is sent", func(d *dialogue) {
			a := d.first()
			if e := a.rpc(empty); e.doctype || a.hello.doctype {
				d.fail("there is one")
			}
		}},
		{"6241-3.2-02", must, "", "a document type declaration is not obeyed", func(d *dialogue) {
			a := d.first()
			if err := a.Send(`<!DOCTYPE rpc [<!ENTITY store "<running/>">]>` + rpc(`message-id="1"`, `<get-config><source>&store;</source><filter/></get-config>`)); err != nil {
				return
			}
			if e, err := a.reply(); err == nil && e.child("data") != nil {
				d.fail("its entity was expanded: %.300s", e.flat())
			}
		}},
		{"6241-4.1-01", must, "", "each rpc has one reply", func(d *dialogue) {
			a := d.first()
			for range 3 {
				a.rpc(empty) // which looks at the message-id
			}
		}},
		{"6241-4.1-02", must, "", "the message-id comes back as it was, whatever its text", func(d *dialogue) {
			for _, id := range []string{"101", "a&lt;1&quot;", "  spaced  ", "ä漢"} {
				e := d.first().say(rpc(`message-id="`+id+`"`, empty))
				want := strings.NewReplacer("&lt;", "<", "&quot;", `"`).Replace(id)
				if got, _ := e.attr("", "message-id"); got != want {
					d.fail("%q comes back as %q", want, got)
				}
			}
		}},
		{"6241-4.1-03", must, "", "other attributes of the rpc come back unmodified", func(d *dialogue) {
			e := d.first().say(rpc(`message-id="101" xmlns:ex="http://example.net/content/1.0" ex:user-id="fred"`, empty))
			if got, _ := e.attr("http://example.net/content/1.0", "user-id"); got != "fred" {
				d.fail("user-id is %q in %s", got, e.canonical())
			}
		}},
		{"6241-4.1-04", must, "", "so do its namespace declarations", func(d *dialogue) {
			e := d.first().say(rpc(`message-id="101" xmlns:ex="http://example.net/content/1.0"`, empty))
			if e.scope["ex"] != "http://example.net/content/1.0" {
				d.fail("ex is %q", e.scope["ex"])
			}
		}},
		{"6241-4.1-05", must, "", "attributes come back with an error too", func(d *dialogue) {
			e := d.first().say(rpc(`message-id="101" xmlns:ex="http://example.net/content/1.0" ex:user-id="fred"`, `<get-config/>`))
			got, _ := e.attr("http://example.net/content/1.0", "user-id")
			if id, _ := e.attr("", "message-id"); got != "fred" || id != "101" || len(e.errors()) == 0 {
				d.fail("%s", e.canonical())
			}
		}},
		{"6241-4.1-06", must, "", "message-id is mandatory", func(d *dialogue) {
			a := d.first()
			a.isRefusal("an rpc without message-id", a.say(`<rpc xmlns="`+nsBase+`">`+empty+`</rpc>`), "missing-attribute")
		}},
		{"6241-4.2-01", must, "", "what an operation returns is the content of its rpc-reply", func(d *dialogue) {
			e := d.first().rpc(empty)
			if !e.is("rpc-reply") || len(e.children) != 1 || !e.children[0].is("data") {
				d.fail("%s", e.canonical())
			}
		}},
		{"6241-4.3-01", must, "", "an error has type, tag and severity, of the words that there are", func(d *dialogue) {
			a := d.first()
			for _, bad := range []string{`<get-config/>`, `<fly-away/>`, `<kill-session><session-id>` + a.id + `</session-id></kill-session>`} {
				e := a.refused(bad, "")
				if !slices.Contains([]string{"transport", "rpc", "protocol", "application"}, e.child("error-type").value()) {
					d.fail("the error-type is %q", e.child("error-type").value())
				}
				if !slices.Contains([]string{"error", "warning"}, e.child("error-severity").value()) {
					d.fail("the error-severity is %q", e.child("error-severity").value())
				}
				if !slices.Contains(allTags, e.child("error-tag").value()) {
					d.fail("the error-tag is %q", e.child("error-tag").value())
				}
			}
		}},
		{"6241-4.3-02", must, "", "what is in an rpc-error is in the protocol's namespace, and nothing else is", func(d *dialogue) {
			e := d.first().refused(`<get-config/>`, "")
			for _, c := range e.children {
				if !c.is(c.name.Local) || !slices.Contains([]string{"error-type", "error-tag", "error-severity", "error-app-tag", "error-path", "error-message", "error-info"}, c.name.Local) {
					d.fail("there is %s", c.canonical())
				}
			}
		}},
		{"6241-4.3-03", must, model, "error-path is an absolute path whose prefixes are declared", func(d *dialogue) {
			a := d.first()
			e := a.refused(edit(a.work(), interfaces(`<interface><name>Ethernet0/0</name><mtu>1</mtu></interface>`)), "")
			p := e.child("error-path")
			if p == nil || !strings.HasPrefix(p.value(), "/") {
				d.fail("the error-path is %q", p.value())
			}
			names := regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(p.value(), "")
			for _, m := range regexp.MustCompile(`([\w.-]+):`).FindAllStringSubmatch(names, -1) {
				if uri := p.scope[m[1]]; uri != nsModel && uri != nsBase {
					d.fail("the prefix %s is declared as %q in %q", m[1], uri, p.value())
				}
			}
			if !strings.Contains(p.value(), "mtu") && !strings.Contains(p.value(), "interface") {
				d.fail("it does not lead to the node: %q", p.value())
			}
		}},
		{"6241-4.3-04", should, "", "an error-message says its language", func(d *dialogue) {
			e := d.first().refused(`<get-config/>`, "")
			if m := e.child("error-message"); m != nil {
				if lang, _ := m.attr("http://www.w3.org/XML/1998/namespace", "lang"); lang == "" {
					d.fail("%s", m.canonical())
				}
			}
		}},
		{"6241-4.3-05", must, "", "the RFC's example: no message-id", func(d *dialogue) {
			a := d.first()
			e := a.isRefusal("an rpc without message-id", a.say(`<rpc xmlns="`+nsBase+`">`+empty+`</rpc>`), "missing-attribute", "bad-attribute=message-id", "bad-element=rpc")
			if e.child("error-type").value() != "rpc" {
				d.fail("the error-type is %q", e.child("error-type").value())
			}
		}},
		{"6241-4.3-06", must, model, "a reply has errors or data or ok, and errors alone where the operation did nothing", func(d *dialogue) {
			a := d.first()
			e := a.rpc(edit(a.work(), interfaces(`<interface><name>Ethernet0/0</name><mtu>1</mtu></interface>`)))
			if len(e.errors()) == 0 || e.child("ok") != nil || e.child("data") != nil {
				d.fail("%s", e.flat())
			}
		}},
		{"6241-4.4-01", must, "", "ok stands alone, where nothing went wrong and there is nothing to return", func(d *dialogue) {
			e := d.first().rpc(on("lock", "running"))
			if len(e.children) != 1 || !e.children[0].is("ok") || len(e.children[0].children) != 0 || e.children[0].value() != "" {
				d.fail("%s", e.canonical())
			}
		}},
		{"6241-4.5-01", must, "", "requests that come at once are answered in their order", func(d *dialogue) {
			a := d.first()
			for i := range 20 {
				op := empty
				if i%3 == 1 {
					op = `<fly-away/>`
				}
				if err := a.Send(rpc(fmt.Sprintf(`message-id="p%d"`, i), op)); err != nil {
					d.fail("%v", err)
				}
			}
			for i := range 20 {
				e, err := a.reply()
				if err != nil {
					d.fail("reply %d: %v", i, err)
				}
				if id, _ := e.attr("", "message-id"); id != fmt.Sprintf("p%d", i) {
					d.fail("reply %d is to %s", i, id)
				}
			}
		}},
		{"6241-4.5-02", must, writable, "and worked on in their order", func(d *dialogue) {
			a := d.first()
			d.touched = true
			for i, op := range []string{edit(a.work(), one), get(a.work(), groups), edit(a.work(), group("delete", "")), get(a.work(), groups)} {
				if err := a.Send(rpc(fmt.Sprintf(`message-id="%d"`, i), op)); err != nil {
					d.fail("%v", err)
				}
			}
			for i, want := range []string{"/ok=", "name=conformance-1\n", "/ok=", ""} {
				e, err := a.reply()
				if err != nil {
					d.fail("reply %d: %v", i, err)
				}
				if flat := e.flat(); !strings.Contains(flat, want) || i == 3 && (strings.Contains(flat, "conformance-1") || e.child("data") == nil) {
					d.fail("reply %d is %.300s", i, flat)
				}
			}
		}},
		{"6241-5.1-01", must, "", "running is always there", func(d *dialogue) { d.first().data(empty) }},
	}
}
