// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
)

// monitoring is RFC 6022.
func monitoring() []check {
	const needs = "module:ietf-netconf-monitoring"
	state := func(of string) string {
		return `<get><filter><netconf-state xmlns="` + nsMonitoring + `"><` + of + `/></netconf-state></filter></get>`
	}
	schema := func(inside string) string {
		return `<get-schema xmlns="` + nsMonitoring + `">` + inside + `</get-schema>`
	}
	const itself = `<identifier>ietf-netconf-monitoring</identifier>`
	mine := func(s *session) *element {
		for _, e := range s.data(state("sessions")).all("session") {
			if e.child("session-id").value() == s.id {
				return e
			}
		}
		s.d.fail("the session is not in the list of sessions")
		return nil
	}
	return []check{
		{"6022-2.1.1-01", must, needs, "the capabilities are those of the hello", func(d *dialogue) {
			a := d.first()
			var listed []string
			for _, c := range a.data(state("capabilities")).all("capability") {
				listed = append(listed, c.value())
			}
			for _, c := range a.capabilities() {
				if !slices.Contains(listed, c) {
					d.fail("%s is not listed", c)
				}
			}
		}},
		{"6022-2.1.2-01", must, needs, "the datastores are listed", func(d *dialogue) { d.first().shows(state("datastores"), "/datastore/name=running\n") }},
		{"6022-2.1.2-02", must, needs, "a lock is shown with its session", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "running"))
			a.shows(state("datastores"), "/global-lock/locked-by-session="+b.id+"\n", "/global-lock/locked-time=")
		}},
		{"6022-2.1.2-03", must, needs, "where there is no lock none is shown", func(d *dialogue) {
			d.soon("one is shown", func() bool { // that of a check before may be a moment old
				return !strings.Contains(d.first().data(state("datastores")).flat(), "locked-by-session")
			})
		}},
		{"6022-2.1.3-01", must, needs, "the schemas are listed with version, format and namespace", func(d *dialogue) {
			for _, s := range d.first().data(state("schemas")).all("schema") {
				if s.child("identifier").value() == "ietf-netconf-monitoring" {
					if s.child("version") == nil || !strings.HasSuffix(s.child("format").value(), "yang") && s.child("format").value() != "yin" || s.child("namespace").value() != nsMonitoring || s.child("location") == nil {
						d.fail("%s", s.flat())
					}
					return
				}
			}
			d.fail("the module of the list itself is not in it")
		}},
		{"6022-2.1.4-01", must, needs, "a session is listed with its transport, user and time", func(d *dialogue) {
			e := mine(d.first())
			if e.child("transport").value() == "" || e.child("username").value() == "" || e.child("login-time").value() == "" {
				d.fail("%s", e.flat())
			}
		}},
		{"6022-2.1.4-02", must, needs, "one that has ended is not", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(`<close-session/>`)
			b.over()
			d.soon("it is listed still", func() bool { return !strings.Contains(a.data(state("sessions")).flat(), "/session-id="+b.id+"\n") })
		}},
		{"6022-2.1.5-01", must, needs, "right requests, bad ones and errors are counted", func(d *dialogue) {
			a := d.first()
			before := mine(a)
			a.data(empty)
			a.refused(`<get-config/>`, "")
			d.soon("the counters stay as they are: "+before.flat(), func() bool {
				after := mine(a)
				return before.child("in-rpcs").value() != after.child("in-rpcs").value() && before.child("out-rpc-errors").value() != after.child("out-rpc-errors").value()
			})
		}},
		{"6022-2.1.5-02", must, needs, "the server counts sessions", func(d *dialogue) {
			a := d.first()
			before := a.data(state("statistics")).flat()
			d.open()
			d.soon("the count stays as it is: "+before, func() bool {
				after := a.data(state("statistics")).flat()
				return after != before && strings.Contains(after, "/in-sessions=")
			})
		}},
		{"6022-3.1-01", must, needs, "get-schema gives the text of a module", func(d *dialogue) {
			if text := d.first().data(schema(itself)).value(); !strings.Contains(text, "module ietf-netconf-monitoring") {
				d.fail("%.200q", text)
			}
		}},
		{"6022-3.1-02", must, needs, "the format yang is the one if none is said", func(d *dialogue) {
			a := d.first()
			plain := a.data(schema(itself)).value()
			yang := a.data(`<get-schema xmlns="` + nsMonitoring + `" xmlns:m="` + nsMonitoring + `">` + itself + `<format>m:yang</format></get-schema>`).value()
			if plain != yang || plain == "" {
				d.fail("they differ")
			}
		}},
		{"6022-3.1-03", tag, needs, "a module that is not there is invalid-value", func(d *dialogue) {
			d.first().refused(schema(`<identifier>no-such-module</identifier>`), "invalid-value")
		}},
		{"6022-3.1-04", tag, needs, "so is a version that is not there", func(d *dialogue) {
			d.first().refused(schema(itself+`<version>1970-01-01</version>`), "invalid-value")
		}},
		{"6022-3.1-05", must, needs, "the identifier is mandatory", func(d *dialogue) { d.first().refused(schema(""), missing, "bad-element=identifier") }},
		{"6022-3.1-06", tag, needs, "a format that the schema has not is invalid-value", func(d *dialogue) {
			d.first().refused(schema(itself+`<format>rng</format>`), "invalid-value")
		}},
	}
}

// library is RFC 8525.
func library() []check {
	const needs = "yang-library:1.1"
	inLibrary := `<get><filter><yang-library xmlns="` + nsLibrary + `"/></filter></get>`
	return []check{
		{"8525-3-01", must, needs, "the library names modules, schemas and datastores", func(d *dialogue) {
			d.first().shows(inLibrary, "/module-set/module/name=ietf-yang-library\n", "/schema/module-set=", "/datastore/name=", "/yang-library/content-id=")
		}},
		{"8525-3-02", must, needs, "the capability has the content-id of the library", func(d *dialogue) {
			a := d.first()
			id := a.data(inLibrary).child("yang-library").child("content-id").value()
			if id == "" || !strings.Contains(a.flatCapability("yang-library:1.1")+"&", "content-id="+id+"&") {
				d.fail("the library has %q, the capability is %s", id, a.flatCapability("yang-library:1.1"))
			}
		}},
		{"8525-3-03", must, needs, "each datastore has a schema that is there, and each schema its sets", func(d *dialogue) {
			lib := d.first().data(inLibrary).child("yang-library")
			var schemas, sets []string
			for _, c := range lib.children {
				switch c.name.Local {
				case "schema":
					schemas = append(schemas, c.child("name").value())
				case "module-set":
					sets = append(sets, c.child("name").value())
				}
			}
			for _, c := range lib.children {
				if c.name.Local == "datastore" && !slices.Contains(schemas, c.child("schema").value()) {
					d.fail("there is no schema %q", c.child("schema").value())
				}
				if c.name.Local == "schema" && !slices.Contains(sets, c.child("module-set").value()) {
					d.fail("there is no module-set %q", c.child("module-set").value())
				}
			}
			if len(schemas) == 0 {
				d.fail("there is none")
			}
		}},
		{"8525-3-04", must, needs, "a module of the hello is in the library, with its revision", func(d *dialogue) {
			a := d.first()
			lib := a.data(inLibrary).all("module")
			for _, c := range a.capabilities() {
				_, query, _ := strings.Cut(c, "?")
				name, revision := "", ""
				for _, p := range strings.Split(query, "&") {
					if v, ok := strings.CutPrefix(p, "module="); ok {
						name = v
					}
					if v, ok := strings.CutPrefix(p, "revision="); ok {
						revision = v
					}
				}
				if name != "" && !slices.ContainsFunc(lib, func(e *element) bool {
					return e.child("name").value() == name && e.child("revision").value() == revision
				}) {
					d.fail("%s of %s is not there", name, revision)
				}
			}
		}},
	}
}

// nmda is RFC 8526.
func nmda() []check {
	const needs = "yang-library:1.1 module:ietf-netconf-nmda module:nso-conformance"
	const from = `xmlns="` + nsNMDA + `" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores" xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin"`
	read := func(store, inside string) string {
		return `<get-data ` + from + `><datastore>ds:` + store + `</datastore>` + inside + `</get-data>`
	}
	write := func(store, config string) string {
		return `<edit-data ` + from + `><datastore>ds:` + store + `</datastore>` + config + `</edit-data>`
	}
	subtree := strings.NewReplacer(`<filter type="subtree">`, `<subtree-filter>`, `</filter>`, `</subtree-filter>`)
	inStore := func(users string) string {
		return strings.Replace(data(users), nsBase, nsNMDA, 1)
	}
	const inNothing, inState = `<subtree-filter/>`, `<subtree-filter><netconf-state xmlns="` + nsMonitoring + `"><capabilities/></netconf-state></subtree-filter>`
	return []check{
		{"8526-3.1.1-01", must, needs, "get-data gives the data of a datastore", withUsers(func(a *session) {
			a.exactly(read(a.work(), subtree.Replace(inUsers(""))), inStore(root+fred+barney))
		})},
		{"8526-3.1.1-02", must, needs, "the datastore is mandatory", func(d *dialogue) {
			d.first().refused(`<get-data `+from+`/>`, missing, "bad-element=datastore")
		}},
		{"8526-3.1.1-03", tag, needs, "one that the server has not is invalid-value", func(d *dialogue) {
			d.first().refused(read("nowhere", ""), "invalid-value")
		}},
		{"8526-3.1.1-04", must, needs, "subtree-filter selects", withUsers(func(a *session) {
			a.exactly(read(a.work(), subtree.Replace(inUsers(`<user><name>fred</name></user>`))), inStore(fred))
		})},
		{"8526-3.1.1-05", must, needs + " xpath", "xpath-filter selects", withUsers(func(a *session) {
			a.exactly(read(a.work(), `<xpath-filter xmlns:c="`+nsModel+`">/c:top/c:users/c:user[c:name='fred']</xpath-filter>`), inStore(fred))
		})},
		{"8526-3.1.1-06", must, needs, "an empty filter selects nothing", withUsers(func(a *session) { a.exactly(read(a.work(), inNothing), inStore("")) })},
		{"8526-3.1.1-07", must, needs, "config-filter true leaves state out", func(d *dialogue) {
			d.first().shows(read("operational", inState+`<config-filter>true</config-filter>`), "!/capability=")
			d.first().shows(read("operational", inState), "/capability=")
		}},
		{"8526-3.1.1-08", must, needs, "config-filter false leaves configuration out", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.commits()
			a.shows(read("operational", subtree.Replace(inUsers(""))+`<config-filter>false</config-filter>`), "!/full-name=")
			a.shows(read("operational", inState+`<config-filter>false</config-filter>`), "/capability=")
		}},
		{"8526-3.1.1-09", must, needs, "max-depth 1 gives what is selected without what is below", withUsers(func(a *session) {
			a.shows(read(a.work(), `<subtree-filter>`+top+`/></subtree-filter><max-depth>1</max-depth>`), "!/users/user")
		})},
		{"8526-3.1.1-10", must, needs, "a larger one gives so many levels", withUsers(func(a *session) {
			a.shows(read(a.work(), `<subtree-filter>`+top+`/></subtree-filter><max-depth>4</max-depth>`), "/user/full-name=Fred Flintstone\n", "!/dept")
		})},
		{"8526-3.1.1-11", must, needs, "unbounded gives all", withUsers(func(a *session) {
			a.exactly(read(a.work(), subtree.Replace(inUsers(""))+`<max-depth>unbounded</max-depth>`), inStore(root+fred+barney))
		})},
		{"8526-3.1.1-12", must, needs, "a depth that is none is refused", func(d *dialogue) {
			d.first().refused(read("running", `<max-depth>0</max-depth>`), "invalid-value|bad-element")
		}},
		{"8526-3.1.1-13", must, needs, "operational has state too", func(d *dialogue) { d.first().shows(read("operational", inState), "/capability=") }},
		{"8526-3.1.1-14", must, needs, "running has none", func(d *dialogue) {
			d.first().shows(read("running", inState), "!/capability=")
			d.first().shows(read("operational", inState), "/capability=")
		}},
		{"8526-3.1.1-15", must, needs, "two filters at once are refused", func(d *dialogue) {
			d.first().refused(read("running", inNothing+`<xpath-filter>/</xpath-filter>`), "")
		}},
		{"8526-3.1.1-16", must, needs, "operational shows the configuration that runs", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.commits()
			a.shows(read("operational", subtree.Replace(inUsers(""))), "/user/name=fred\n")
		}},
		{"8526-3.1.1.1-01", must, needs, "with-origin says where operational values come from", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.commits()
			e := a.data(read("operational", subtree.Replace(inUsers(""))+`<with-origin/>`))
			origin, ok := e.child("top").attr("urn:ietf:params:xml:ns:yang:ietf-origin", "origin")
			if !ok || !strings.HasSuffix(origin, "intended") {
				d.fail("the origin is %q", origin)
			}
		}},
		{"8526-3.1.1.1-02", must, needs, "without it nothing is said", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.commits()
			a.shows(read("operational", subtree.Replace(inUsers(""))), "!@origin=", "/user/name=fred\n")
		}},
		{"8526-3.1.1.1-03", must, needs, "an origin-filter leaves out what comes from elsewhere", func(d *dialogue) {
			a := d.first()
			a.put(interfaces(`<interface><name>silent</name></interface>`))
			a.commits()
			in := `<subtree-filter>` + top + `><interfaces/></top></subtree-filter>`
			a.shows(read("operational", in+`<origin-filter>or:intended</origin-filter>`), "/interface/name=silent\n", "!/mtu=")
		}},
		{"8526-3.1.1.1-04", must, needs, "a negated-origin-filter leaves out what comes from there", func(d *dialogue) {
			a := d.first()
			a.put(interfaces(`<interface><name>silent</name></interface>`))
			a.commits()
			in := `<subtree-filter>` + top + `><interfaces/></top></subtree-filter>`
			a.shows(read("operational", in+`<negated-origin-filter>or:default</negated-origin-filter>`), "/interface/name=silent\n", "!/mtu=")
		}},
		{"8526-3.1.1.2-01", must, needs + " with-operational-defaults:1.0", "operational takes with-defaults: report-all has what is in use by default, trim has not", func(d *dialogue) {
			a := d.first()
			a.put(interfaces(`<interface><name>silent</name></interface>`))
			a.commits()
			in := `<subtree-filter>` + top + `><interfaces/></top></subtree-filter>`
			a.shows(read("operational", in+`<with-defaults>report-all</with-defaults>`), "/interface/mtu=1500\n")
			a.shows(read("operational", in+`<with-defaults>trim</with-defaults>`), "!/interface/mtu=")
		}},
		{"8526-3.1.2-01", must, needs, "edit-data edits a datastore", func(d *dialogue) {
			a := d.first()
			a.ok(write(a.work(), `<config>`+users+`</config>`))
			a.exactly(get(a.work(), inUsers("")), data(root+fred+barney))
		}},
		{"8526-3.1.2-02", must, needs, "the datastore is mandatory", func(d *dialogue) {
			d.first().refused(`<edit-data `+from+`><config/></edit-data>`, missing, "bad-element=datastore")
		}},
		{"8526-3.1.2-03", tag, needs, "one that cannot be written is invalid-value", func(d *dialogue) {
			d.first().refused(write("operational", `<config>`+users+`</config>`), "invalid-value")
		}},
		{"8526-3.1.2-04", must, needs, "default-operation none does nothing but what operations say", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.ok(write(a.work(), `<default-operation>none</default-operation><config>`+top+nc+`><users><user nc:operation="delete"><name>fred</name></user></users></top></config>`))
			a.exactly(get(a.work(), inUsers("")), data(root+barney))
		}},
		{"8526-3.1.2-05", must, needs, "operations are those of edit-config, with their errors", func(d *dialogue) {
			a := d.first()
			a.refused(write(a.work(), `<config>`+top+nc+`><users><user nc:operation="delete"><name>fred</name></user></users></top></config>`), "data-missing")
		}},
		{"8526-3.1.2-06", must, needs, "an edit with an error changes nothing", func(d *dialogue) {
			a := d.first()
			a.refused(write(a.work(), `<config>`+top+nc+`><users>`+fred+`<user nc:operation="delete"><name>nobody</name></user></users></top></config>`), "data-missing")
			a.seen(inUsers(""), "!fred")
		}},
		{"8526-3.1.2-07", must, needs, "a lock of another keeps it out", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", a.work()))
			a.refused(write(a.work(), `<config>`+users+`</config>`), "in-use")
		}},
		{"8526-3.1.2-08", must, needs + " url:1.0", "edit-data takes a url for its configuration", func(d *dialogue) {
			a := d.first()
			if !strings.Contains(a.flatCapability("url:1.0"), "file") {
				d.skip("the server has no urls of files")
			}
			a.ok(`<copy-config><target>` + where + `</target><source><config>` + users + `</config></source></copy-config>`)
			a.ok(write(a.work(), where))
			a.seen(inUsers(""), "/user/name=fred\n")
			a.tried(`<delete-config><target>` + where + `</target></delete-config>`)
		}},
		{"8526-3.1.2-09", must, needs + " url:1.0", "a configuration and a url at once are refused", func(d *dialogue) {
			d.first().refused(write(d.first().work(), `<config/>`+where), "")
		}},
		{"8526-3.2-01", must, needs, "lock and unlock take a datastore by its identity", func(d *dialogue) {
			a, b := d.first(), d.open()
			const running = `<target><datastore ` + from + `>ds:running</datastore></target>`
			a.ok(`<lock>` + running + `</lock>`)
			b.refused(on("lock", "running"), "lock-denied", "session-id="+a.id)
			a.ok(`<unlock>` + running + `</unlock>`)
			b.ok(on("lock", "running"))
		}},
		{"8526-3.2-02", must, needs + " validate:1.", "validate takes it", func(d *dialogue) {
			d.first().ok(`<validate><source><datastore ` + from + `>ds:running</datastore></source></validate>`)
		}},
		{"8526-3.2-03", tag, needs, "one that cannot be locked is invalid-value", func(d *dialogue) {
			d.first().refused(`<lock><target><datastore `+from+`>ds:operational</datastore></target></lock>`, "invalid-value")
		}},
	}
}
