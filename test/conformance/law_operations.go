// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

const (
	missing = "missing-element"
	// noStore is how a datastore that is not there can be refused: 6241 leaves the tag open.
	noStore = "operation-not-supported|invalid-value|bad-element|unknown-element|operation-failed|missing-element"
)

// operations are RFC 6241, 7.1, 7.3, 7.4, 7.7.
func operations() []check {
	return []check{
		{"6241-7.1-01", must, "", "get-config answers with data", func(d *dialogue) {
			if e := d.first().rpc(get("running", `<filter/>`)); len(e.children) != 1 || !e.children[0].is("data") {
				d.fail("%s", e.canonical())
			}
		}},
		{"6241-7.1-02", must, "", "without a source it is refused, and which element is missing is said", func(d *dialogue) {
			d.first().refused(`<get-config/>`, missing, "bad-element=source")
		}},
		{"6241-7.1-03", must, "!startup", "a datastore that the server has not is refused", func(d *dialogue) { d.first().refused(get("startup", ""), noStore) }},
		{"6241-7.1-04", must, "", "a datastore that nothing is called is refused", func(d *dialogue) { d.first().refused(get("nowhere", ""), noStore) }},
		{"6241-7.1-05", must, model, "without a filter it gives everything", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.seen("", "/top/users/user/name=root\n", "/top/users/user/name=barney\n")
		}},
		{"6241-7.1-06", must, "", "no state is in it", func(d *dialogue) {
			a := d.first()
			if a.lacks("module:ietf-netconf-monitoring") != "" && !strings.Contains(a.data(`<get><filter><netconf-state xmlns="`+nsMonitoring+`"/></filter></get>`).flat(), "/netconf-state") {
				d.skip("the server has no state that is known")
			}
			a.shows(get("running", ""), "!/netconf-state", "!/yang-library", "!/modules-state")
		}},
		{"6241-7.1-07", must, model, "a filter without a type is of subtrees", withUsers(func(a *session) {
			a.exactly(get(a.work(), strings.Replace(inUsers(`<user><name>fred</name></user>`), ` type="subtree"`, "", 1)), data(fred))
		})},
		{"6241-7.1-08", must, "", "a filter of a type that is none is refused", func(d *dialogue) {
			d.first().refused(get("running", `<filter type="guess"/>`), "bad-attribute|invalid-value|operation-not-supported")
		}},
		{"6241-7.1-09", must, "!xpath", "xpath is refused where it is not announced", func(d *dialogue) {
			d.first().refused(get("running", `<filter type="xpath" select="/"/>`), "bad-attribute|invalid-value|operation-not-supported|unknown-attribute|operation-failed")
		}},
		{"6241-7.1-10", must, model, "the RFC's example: all users", withUsers(func(a *session) {
			a.exactly(get(a.work(), inUsers("")), data(root+fred+barney))
		})},

		{"6241-7.3-01", must, "candidate " + writable, "copy-config replaces all that the target holds", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(copyConfig("candidate", `<running/>`))
			a.has("candidate", false)
		}},
		{"6241-7.3-02", must, "", "source and target the same are refused with invalid-value", func(d *dialogue) {
			a := d.first()
			a.refused(copyConfig(a.work(), `<`+a.work()+`/>`), "invalid-value")
		}},
		{"6241-7.3-03", must, "", "without a target it is refused", func(d *dialogue) {
			d.first().refused(`<copy-config><source><running/></source></copy-config>`, missing, "bad-element=target")
		}},
		{"6241-7.3-04", must, "", "without a source it is refused", func(d *dialogue) {
			a := d.first()
			a.refused(`<copy-config><target><`+a.work()+`/></target></copy-config>`, missing, "bad-element=source")
		}},
		{"6241-7.3-05", must, "candidate module:nso-conformance", "a source can be a configuration that is said at once, and is all there is then", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", users))
			a.ok(copyConfig("candidate", `<config>`+top+`><users>`+fred+`</users></top></config>`))
			a.exactly(get("candidate", ""), data(fred))
		}},
		{"6241-7.3-06", must, "candidate", "a copy to what another has locked is refused", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "candidate"))
			a.refused(copyConfig("candidate", `<running/>`), "in-use")
		}},
		{"6241-7.3-07", must, "", "a source that is no datastore is refused", func(d *dialogue) {
			a := d.first()
			a.refused(copyConfig(a.work(), `<nowhere/>`), noStore)
		}},

		{"6241-7.4-01", must, "", "running cannot be deleted", func(d *dialogue) { d.first().refused(on("delete-config", "running"), noStore) }},
		{"6241-7.4-02", must, "", "delete-config without a target is refused", func(d *dialogue) { d.first().refused(`<delete-config/>`, missing, "bad-element=target") }},
		{"6241-7.4-03", must, "", "a datastore that the server has not cannot be deleted", func(d *dialogue) { d.first().refused(on("delete-config", "nowhere"), noStore) }},

		{"6241-7.7-01", must, "", "get answers with data", func(d *dialogue) {
			if e := d.first().rpc(`<get><filter/></get>`); len(e.children) != 1 || !e.children[0].is("data") {
				d.fail("%s", e.canonical())
			}
		}},
		{"6241-7.7-02", must, writable, "get has the configuration that runs", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.commits()
			a.shows(`<get>`+groups+`</get>`, "name=conformance-1\n")
		}},
		{"6241-7.7-03", must, "module:ietf-netconf-monitoring", "and state", func(d *dialogue) {
			d.first().shows(`<get><filter><netconf-state xmlns="`+nsMonitoring+`"><sessions/></netconf-state></filter></get>`, "/session-id="+d.first().id+"\n")
		}},
		{"6241-7.7-04", must, writable, "without a filter it gives everything", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.commits()
			a.shows(`<get/>`, "name=conformance-1\n")
		}},
		{"6241-7.7-05", must, "candidate " + writable, "what the candidate alone has is not in it", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.has("candidate", true)
			a.shows(`<get>`+groups+`</get>`, "!name=conformance-1\n")
		}},
		{"6241-7.7-06", must, writable, "an empty filter is nothing", func(d *dialogue) { d.first().exactly(`<get><filter type="subtree"/></get>`, data("")) }},
		{"6241-7.7-07", must, "", "a filter of a type that is none is refused", func(d *dialogue) {
			d.first().refused(`<get><filter type="guess"/></get>`, "bad-attribute|invalid-value|operation-not-supported")
		}},
	}
}

func copyConfig(target, source string) string {
	return `<copy-config><target><` + target + `/></target><source>` + source + `</source></copy-config>`
}

// commits commits where the work is done in the candidate.
func (s *session) commits() {
	if s.work() == "candidate" {
		s.ok(`<commit/>`)
	}
}

// edits are RFC 6241, 7.2.
func edits() []check {
	const none = `<default-operation>none</default-operation>`
	ethernet := func(op, inside string) string {
		return interfaces(`<interface` + op + `><name>Ethernet0/0</name>` + inside + `</interface>`)
	}
	inInterfaces := `<filter>` + top + `><interfaces/></top></filter>`
	mtu := `/top/interfaces/interface/mtu=`
	return []check{
		{"6241-7.2-01", must, writable, "merge is what is done if nothing is said", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(acm + `><groups><group><name>conformance-1</name><user-name>eve</user-name></group></groups></nacm>`)
			a.seen(groups, "user-name=ann\n", "user-name=eve\n")
		}},
		{"6241-7.2-02", must, writable, "default-operation merge is the same", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(strings.Replace(one, "ann", "eve", 1), `<default-operation>merge</default-operation>`)
			a.seen(groups, "user-name=ann\n", "user-name=eve\n")
		}},
		{"6241-7.2-03", must, writable, "operation merge puts in what is not there", func(d *dialogue) {
			a := d.first()
			a.put(group("merge", "<user-name>eve</user-name>"))
			a.seen(groups, "user-name=eve\n")
		}},
		{"6241-7.2-04", must, model, "merge changes a value that is there", func(d *dialogue) {
			a := d.first()
			a.put(ethernet("", "<mtu>1400</mtu>"))
			a.put(ethernet("", "<mtu>1300</mtu>"))
			a.seen(inInterfaces, mtu+"1300\n", "!"+mtu+"1400\n")
		}},
		{"6241-7.2-05", must, writable, "replace takes the place of what was there", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(group("replace", "<user-name>eve</user-name>"))
			a.seen(groups, "!user-name=ann\n", "user-name=eve\n")
		}},
		{"6241-7.2-06", must, writable, "and of nothing else", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(two)
			a.put(group("replace", "<user-name>eve</user-name>"))
			a.seen(groups, "name=conformance-2\n", "user-name=bob\n", "user-name=eve\n", "!user-name=ann\n")
		}},
		{"6241-7.2-07", must, writable, "replace makes what is not there", func(d *dialogue) {
			a := d.first()
			a.put(group("replace", "<user-name>eve</user-name>"))
			a.seen(groups, "user-name=eve\n")
		}},
		{"6241-7.2-08", must, writable, "create makes what is not there", func(d *dialogue) {
			a := d.first()
			a.put(group("create", "<user-name>eve</user-name>"))
			a.seen(groups, "name=conformance-1\n", "user-name=eve\n")
		}},
		{"6241-7.2-09", tag, writable, "create of what is there is data-exists", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.refused(edit(a.work(), group("create", "")), "data-exists")
		}},
		{"6241-7.2-10", must, writable, "delete takes away what is there", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(two)
			a.put(group("delete", ""))
			a.seen(groups, "!name=conformance-1\n", "name=conformance-2\n")
		}},
		{"6241-7.2-11", tag, writable, "delete of what is not there is data-missing", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), group("delete", "")), "data-missing")
		}},
		{"6241-7.2-12", must, writable, "remove takes away what is there", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(group("remove", ""))
			a.seen(groups, "!name=conformance-1\n")
		}},
		{"6241-7.2-13", must, writable, "remove of what is not there is ok", func(d *dialogue) { d.first().put(group("remove", "")) }},
		{"6241-7.2-14", must, "candidate module:nso-conformance", "default-operation replace leaves nothing but what is said", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", users))
			a.ok(edit("candidate", top+`><users>`+fred+`</users></top>`, `<default-operation>replace</default-operation>`))
			a.exactly(get("candidate", ""), data(fred))
		}},
		{"6241-7.2-15", must, writable, "default-operation none does nothing but what operations say", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(acm+nc+`><groups><group><name>conformance-1</name><user-name nc:operation="create">eve</user-name></group></groups></nacm>`, none)
			a.put(acm+nc+`><groups><group><name>conformance-1</name><user-name nc:operation="delete">ann</user-name></group></groups></nacm>`, none)
			a.seen(groups, "name=conformance-1\n", "!user-name=ann\n", "user-name=eve\n")
		}},
		{"6241-7.2-16", tag, writable, "default-operation none of what is not there is data-missing", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), two, none), "data-missing")
		}},
		{"6241-7.2-17", must, "", "a default-operation that is none is refused", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), "", `<default-operation>create</default-operation>`), "invalid-value|bad-element")
		}},
		{"6241-7.2-18", tag, writable, "an operation that is none is bad-attribute", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), group("explode", "")), "bad-attribute", "bad-attribute=operation")
		}},
		{"6241-7.2-19", must, writable, "what is below an operation and says none is done with it", func(d *dialogue) {
			a := d.first()
			a.put(one)
			a.put(acm + nc + `><groups><group nc:operation="replace"><name>conformance-1</name><user-name nc:operation="merge">eve</user-name></group></groups></nacm>`)
			a.seen(groups, "!user-name=ann\n", "user-name=eve\n")
		}},
		{"6241-7.2-20", must, "", "without a target it is refused", func(d *dialogue) {
			d.first().refused(`<edit-config><config/></edit-config>`, missing, "bad-element=target")
		}},
		{"6241-7.2-21", must, "", "without a configuration it is refused", func(d *dialogue) {
			a := d.first()
			a.refused(`<edit-config><target><`+a.work()+`/></target></edit-config>`, missing)
		}},
		{"6241-7.2-22", must, "", "a target that is none is refused", func(d *dialogue) { d.first().refused(edit("nowhere", ""), noStore) }},
		{"6241-7.2-23", must, "!writable-running", "running is refused as a target where writable-running is not announced", func(d *dialogue) {
			d.first().refused(edit("running", ""), noStore)
		}},
		{"6241-7.2-24", must, "", "an error-option that is none is refused", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), "", `<error-option>cry-on-error</error-option>`), "invalid-value|bad-element")
		}},
		{"6241-7.2-25", must, model, "stop-on-error: what has an error does not become true", func(d *dialogue) {
			a := d.first()
			a.refused(edit(a.work(), ethernet("", "<mtu>1</mtu>"), `<error-option>stop-on-error</error-option>`), "")
			a.seen(inInterfaces, "!"+mtu+"1\n")
		}},
		{"6241-7.2-26", must, model, "continue-on-error: what has none is done, and the answer is negative", func(d *dialogue) {
			a := d.first()
			e := a.rpc(edit(a.work(), interfaces(`<interface nc:operation="delete"><name>Ethernet9/9</name></interface><interface><name>Ethernet0/0</name></interface>`), `<error-option>continue-on-error</error-option>`))
			a.isRefusal("the edit", e, "data-missing")
			a.seen(inInterfaces, "/interface/name=Ethernet0/0\n", "!Ethernet9/9")
		}},
		{"6241-7.2-27", must, model, "keys say which entry is meant; others stay", func(d *dialogue) {
			a := d.first()
			a.put(users)
			a.put(top + nc + `><users><user nc:operation="delete"><name>fred</name></user></users></top>`)
			a.exactly(get(a.work(), inUsers("")), data(root+barney))
		}},
		{"6241-7.2-28", must, model, "the RFC's example: set the MTU of an interface", func(d *dialogue) {
			a := d.first()
			a.put(ethernet("", "<mtu>1500</mtu>"))
			a.seen(inInterfaces, "/interface/name=Ethernet0/0\n", mtu+"1500\n")
		}},
		{"6241-7.2-29", must, model, "the RFC's example: replace an interface", func(d *dialogue) {
			a := d.first()
			a.put(ethernet("", `<mtu>1400</mtu><address><name>192.0.2.1</name></address>`))
			a.put(ethernet(` nc:operation="replace"`, `<mtu>1500</mtu><address><name>192.0.2.4</name><prefix-length>24</prefix-length></address>`))
			a.exactly(get(a.work(), inInterfaces), `<data xmlns="`+nsBase+`">`+top+`><interfaces><interface><name>Ethernet0/0</name><mtu>1500</mtu><address><name>192.0.2.4</name><prefix-length>24</prefix-length></address></interface></interfaces></top></data>`)
		}},
		{"6241-7.2-30", must, model, "the RFC's example: delete an interface, with default-operation none", func(d *dialogue) {
			a := d.first()
			a.put(ethernet("", ""))
			a.put(ethernet(` nc:operation="delete"`, ""), none)
			a.seen(inInterfaces, "!Ethernet0/0")
		}},
		{"6241-7.2-31", must, model, "the RFC's example: delete one interface of an area, and leave the others", func(d *dialogue) {
			a := d.first()
			area := func(op string) string {
				return top + nc + `><protocols><ospf><area><name>0.0.0.0</name><interfaces><interface` + op + `><name>192.0.2.4</name></interface></interfaces></area></ospf></protocols></top>`
			}
			a.put(area(""))
			a.put(strings.Replace(area(""), "192.0.2.4", "192.0.2.1", 1))
			a.put(area(` nc:operation="delete"`), none)
			a.exactly(get(a.work(), `<filter>`+top+`><protocols/></top></filter>`),
				`<data xmlns="`+nsBase+`">`+strings.Replace(strings.Replace(area(""), "192.0.2.4", "192.0.2.1", 1), nc, "", 1)+`</data>`)
		}},
	}
}

// locks are RFC 6241, 7.5, 7.6, 7.8 and 7.9.
func locks() []check {
	killed := func(id string) string {
		return `<kill-session><session-id>` + id + `</session-id></kill-session>`
	}
	return []check{
		{"6241-7.5-01", must, "", "a lock that nobody has is given", func(d *dialogue) { d.first().ok(on("lock", "running")) }},
		{"6241-7.5-02", tag, "", "one that another has is lock-denied, and whose it is is said", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			b.refused(on("lock", "running"), "lock-denied", "session-id="+a.id)
		}},
		{"6241-7.5-03", tag, "", "one that one has oneself is lock-denied", func(d *dialogue) {
			a := d.first()
			a.ok(on("lock", "running"))
			a.refused(on("lock", "running"), "lock-denied", "session-id="+a.id)
		}},
		{"6241-7.5-04", tag, writable, "an edit of what another has locked is in-use", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", a.work()))
			b.refused(edit(a.work(), one), "in-use")
		}},
		{"6241-7.5-05", must, writable, "who has the lock can edit", func(d *dialogue) {
			a := d.first()
			a.ok(on("lock", a.work()))
			a.put(one)
			a.seen(groups, "name=conformance-1\n")
		}},
		{"6241-7.5-06", must, "", "a lock keeps nobody from reading", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			b.data(empty)
		}},
		{"6241-7.5-07", must, "candidate " + writable, "a candidate that was changed cannot be locked", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.refused(on("lock", "candidate"), "")
		}},
		{"6241-7.5-08", must, confirm, "running cannot be locked while a commit of another waits to be confirmed", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/></commit>`)
			b.refused(on("lock", "running"), "lock-denied|in-use")
		}},
		{"6241-7.5-09", must, "candidate", "each datastore has a lock of its own", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			b.ok(on("lock", "candidate"))
		}},
		{"6241-7.5-10", must, "", "without a target it is refused", func(d *dialogue) { d.first().refused(`<lock/>`, missing, "bad-element=target") }},
		{"6241-7.5-11", must, "", "a datastore that is none cannot be locked", func(d *dialogue) { d.first().refused(on("lock", "nowhere"), noStore) }},
		{"6241-7.5-12", must, "", "the end of the session frees it", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			a.ok(`<close-session/>`)
			d.soon("the lock of a closed session stays", func() bool { return b.rpc(on("lock", "running")).child("ok") != nil })
		}},
		{"6241-7.5-13", must, "", "of two that ask at once one gets it", func(d *dialogue) {
			a, b := d.first(), d.open()
			d.touched = true
			for range 10 {
				got := make(chan bool)
				for _, s := range []*session{a, b} {
					go func() {
						e, err := s.ask(on("lock", "running"))
						got <- err == nil && e.child("ok") != nil
					}()
				}
				if x, y := <-got, <-got; x == y {
					d.fail("both are told %v", x)
				}
				a.tried(on("unlock", "running"))
				b.tried(on("unlock", "running"))
			}
		}},

		{"6241-7.6-01", must, "", "unlock frees a lock", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			a.ok(on("unlock", "running"))
			b.ok(on("lock", "running"))
		}},
		{"6241-7.6-02", must, "", "where there is none it is refused", func(d *dialogue) { d.first().refused(on("unlock", "running"), "") }},
		{"6241-7.6-03", must, "", "another's lock stays", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			b.refused(on("unlock", "running"), "")
			b.refused(on("lock", "running"), "lock-denied")
		}},
		{"6241-7.6-04", must, "", "without a target it is refused", func(d *dialogue) { d.first().refused(`<unlock/>`, missing, "bad-element=target") }},

		{"6241-7.8-01", must, "", "close-session is answered with ok, and the connection ends", func(d *dialogue) {
			a := d.first()
			a.ok(`<close-session/>`)
			a.over()
		}},
		{"6241-7.8-02", must, "", "it frees the locks of the session", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "running"))
			a.ok(`<close-session/>`)
			a.over()
			d.soon("the lock stays", func() bool { return b.rpc(on("lock", "running")).child("ok") != nil })
		}},
		{"6241-7.8-03", must, writable, "what comes after it is not done", func(d *dialogue) {
			a, b := d.first(), d.open()
			d.touched = true
			a.Send(rpc(`message-id="1"`, `<close-session/>`))
			a.Send(rpc(`message-id="2"`, edit(a.work(), one))) // the connection may be closed
			a.over()
			b.has(b.work(), false)
		}},
		{"6241-7.8-04", must, writable, "what came before it is", func(d *dialogue) {
			a, b := d.first(), d.open()
			d.touched = true
			if a.work() == "candidate" {
				a.Send(rpc(`message-id="1"`, edit(a.work(), one)))
				a.Send(rpc(`message-id="2"`, `<commit/>`))
			} else {
				a.Send(rpc(`message-id="2"`, edit(a.work(), one)))
			}
			a.Send(rpc(`message-id="3"`, `<close-session/>`))
			a.over()
			b.has("running", true)
		}},

		{"6241-7.9-01", must, "", "kill-session ends another session and its connection", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(killed(b.id))
			b.over()
		}},
		{"6241-7.9-02", must, "", "it frees the locks of that", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "running"))
			a.ok(killed(b.id))
			d.soon("the lock of a killed session stays", func() bool { return a.rpc(on("lock", "running")).child("ok") != nil })
		}},
		{"6241-7.9-03", tag, "", "one's own session is invalid-value", func(d *dialogue) { d.first().refused(killed(d.first().id), "invalid-value") }},
		{"6241-7.9-04", must, "", "without a session-id it is refused", func(d *dialogue) { d.first().refused(`<kill-session/>`, missing, "bad-element=session-id") }},
		{"6241-7.9-05", must, "", "a session that is not there cannot be killed", func(d *dialogue) {
			d.first().refused(killed("4294967294"), "")
		}},
		{"6241-7.9-06", must, "", "a session-id that is none is refused", func(d *dialogue) {
			d.first().refused(killed("nobody"), "invalid-value|bad-element")
			d.first().refused(killed("0"), "invalid-value|bad-element")
		}},
		{"6241-7.9-07", must, confirm, "a commit that waits to be confirmed by who is killed is reverted", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(edit("candidate", one))
			b.ok(`<commit><confirmed/></commit>`)
			a.has("running", true)
			a.ok(killed(b.id))
			d.soon("what was not confirmed stays", func() bool { return !strings.Contains(a.data(get("running", groups)).flat(), "name=conformance-1\n") })
		}},
		{"6241-7.9-08", must, writable, "what has been committed stays", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.put(one)
			b.commits()
			a.ok(killed(b.id))
			b.over()
			a.has("running", true)
		}},
		{"6241-7.9-09", must, "", "who kills goes on", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(killed(b.id))
			a.data(empty)
		}},
	}
}
