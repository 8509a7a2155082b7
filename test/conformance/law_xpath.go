// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// where is what a url names.
const where = `<url>file:///conformance</url>`

// urls are RFC 6241, 8.8: of the scheme file, with the name conformance.
func urls() []check {
	const needs = "url:1.0 module:nso-conformance"
	file := func(f func(a *session)) func(d *dialogue) {
		return func(d *dialogue) {
			a := d.first()
			if !strings.Contains(a.flatCapability("url:1.0"), "file") {
				d.skip("the server has no urls of files")
			}
			f(a)
			a.tried(`<delete-config><target>` + where + `</target></delete-config>`)
		}
	}
	save := func(a *session) {
		a.put(users)
		a.ok(`<copy-config><target>` + where + `</target><source><` + a.work() + `/></source></copy-config>`)
	}
	return []check{
		{"6241-8.8.3-01", must, "url:1.0", "the capability names the schemes", func(d *dialogue) {
			if _, schemes, ok := strings.Cut(d.first().flatCapability("url:1.0"), "scheme="); !ok || schemes == "" {
				d.fail("it is %q", d.first().flatCapability("url:1.0"))
			}
		}},
		{"6241-8.8.5.2-01", must, needs, "copy-config writes to a url and reads from it", file(func(a *session) {
			save(a)
			a.put(removeModel)
			a.ok(`<copy-config><target><candidate/></target><source>` + where + `</source></copy-config>`)
			a.shows(get("candidate", inUsers("")), "/user/name=fred\n")
		})},
		{"6241-8.8.5.1-01", must, needs, "edit-config takes a url for its configuration", file(func(a *session) {
			a.d.touched = true
			a.ok(`<copy-config><target>` + where + `</target><source><config>` + users + `</config></source></copy-config>`)
			a.ok(`<edit-config><target><` + a.work() + `/></target>` + where + `</edit-config>`)
			a.seen(inUsers(""), "/user/name=fred\n")
		})},
		{"6241-8.8.5.3-01", must, needs, "delete-config deletes what a url names", file(func(a *session) {
			save(a)
			a.ok(`<delete-config><target>` + where + `</target></delete-config>`)
			a.refused(`<edit-config><target><`+a.work()+`/></target>`+where+`</edit-config>`, "")
		})},
		{"6241-8.8.5.4-01", must, needs + " validate:1.", "validate takes a url", file(func(a *session) {
			a.ok(`<copy-config><target>` + where + `</target><source><config>` + users + `</config></source></copy-config>`)
			a.ok(`<validate><source>` + where + `</source></validate>`)
		})},
		{"6241-8.8.5-01", must, "url:1.0", "a url of a scheme that is not announced is refused", func(d *dialogue) {
			a := d.first()
			a.refused(`<edit-config><target><`+a.work()+`/></target><url>gopher://example.net/1</url></edit-config>`, "")
		}},
		{"6241-8.8.5-02", must, "url:1.0", "a configuration and a url at once are refused", func(d *dialogue) {
			a := d.first()
			a.refused(`<edit-config><target><`+a.work()+`/></target><config/>`+where+`</edit-config>`, "")
		}},
		{"6241-8.8.5-03", must, "!url:1.0", "where it is not announced a url is refused", func(d *dialogue) {
			a := d.first()
			a.refused(`<edit-config><target><`+a.work()+`/></target>`+where+`</edit-config>`, "")
		}},
	}
}

// flatCapability is the capability of that name, or "".
func (s *session) flatCapability(name string) string {
	for _, c := range s.capabilities() {
		if strings.HasPrefix(c, capability+name) {
			return c
		}
	}
	return ""
}

// xpaths are RFC 6241, 8.9.
func xpaths() []check {
	const needs = "xpath module:nso-conformance"
	path := func(selects string) string {
		return `<filter type="xpath" xmlns:c="` + nsModel + `" select="` + selects + `"/>`
	}
	selected := func(selects, want string) func(d *dialogue) {
		return withUsers(func(a *session) { a.exactly(get(a.work(), path(selects)), data(want)) })
	}
	return []check{
		{"6241-8.9.1-01", must, needs, "an expression selects nodes, with all below them", selected("/c:top/c:users/c:user[c:name='fred']", fred)},
		{"6241-8.9.1-02", must, needs, "what leads to a selected node is in the answer, with the keys of entries", selected("/c:top/c:users/c:user[c:name='fred']/c:company-info/c:id",
			`<user><name>fred</name><company-info><id>2</id></company-info></user>`)},
		{"6241-8.9.1-03", must, needs, "prefixes are those of the filter element", withUsers(func(a *session) {
			a.exactly(get(a.work(), `<filter type="xpath" xmlns:other="`+nsModel+`" select="/other:top/other:users/other:user[other:name='fred']"/>`), data(fred))
		})},
		{"6241-8.9.1-04", must, needs, "those of the elements around it too", withUsers(func(a *session) {
			e := a.say(`<rpc xmlns="` + nsBase + `" message-id="9" xmlns:far="` + nsModel + `"><get-config><source><` + a.work() + `/></source><filter type="xpath" select="/far:top/far:users/far:user[far:name='fred']"/></get-config></rpc>`)
			if !strings.Contains(e.flat(), "/user/name=fred\n") || strings.Contains(e.flat(), "barney") {
				a.d.fail("%.300s", e.flat())
			}
		})},
		{"6241-8.9.1-05", tag, needs, "an expression that gives no node-set is invalid-value", withUsers(func(a *session) {
			a.refused(get(a.work(), path("count(/c:top/c:users/c:user)")), "invalid-value")
		})},
		{"6241-8.9.1-06", must, needs, "the context node is the root: a relative path begins there", selected("c:top/c:users/c:user[c:name='fred']", fred)},
		{"6241-8.9.1-07", must, needs, "the functions of XPath 1.0 can be used", selected("/c:top/c:users/c:user[starts-with(c:name, 'fr') and not(position() = last() + 1)]", fred)},
		{"6241-8.9.1-08", must, needs, "an expression that selects nothing gives no data", selected("/c:top/c:users/c:user[c:name='nobody']", "")},
		{"6241-8.9.1-09", must, needs, "what is selected twice is in the answer once", selected("/c:top/c:users/c:user[c:name='fred'] | /c:top/c:users/c:user[c:name='fred']/c:type", fred)},
		{"6241-8.9.1-10", must, "xpath", "what is no expression is refused", func(d *dialogue) { d.first().refused(get("running", path("/c:top[")), "") }},
		{"6241-8.9.1-11", must, "xpath", "a prefix that is not declared is refused", func(d *dialogue) { d.first().refused(get("running", path("/nobody:top")), "") }},
		{"6241-8.9.5.1-01", must, "xpath", "a filter of this type has a select attribute", func(d *dialogue) {
			d.first().refused(get("running", `<filter type="xpath"/>`), "missing-attribute|bad-attribute|invalid-value|operation-failed")
		}},
		{"6241-8.9.5.1-02", must, needs, "the RFC's example: one user by name", selected("/c:top/c:users/c:user[c:name='fred']", fred)},
		{"6241-8.9.5.1-03", must, "xpath " + writable, "get takes it too", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(two)
			a.commits()
			a.shows(`<get><filter type="xpath" xmlns:acm="`+nsACM+`" select="/acm:nacm/acm:groups/acm:group[acm:name='conformance-1']"/></get>`, "name=conformance-1\n", "user-name=ann\n", "!bob", "!/enable-nacm")
		}},
	}
}
