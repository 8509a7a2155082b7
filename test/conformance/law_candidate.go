// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// candidates are RFC 6241, 8.3.
func candidates() []check {
	const candidate = "candidate module:ietf-netconf-acm"
	nobody := top + `><groups><group><name>conformance</name><member>nobody</member></group></groups></top>`
	return []check{
		{"6241-8.3.1-01", must, candidate, "an edit of the candidate changes running in nothing", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.has("candidate", true)
			a.has("running", false)
		}},
		{"6241-8.3.1-02", must, candidate, "the candidate begins as running is", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit/>`)
			a.ok(`<discard-changes/>`)
			d.open().has("candidate", true)
		}},
		{"6241-8.3.4.1-01", must, candidate, "commit makes running what the candidate is", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit/>`)
			a.has("running", true)
		}},
		{"6241-8.3.4.1-02", must, candidate, "what is not in the candidate is not in running then", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit/>`)
			a.ok(edit("candidate", group("delete", "")))
			a.ok(`<commit/>`)
			a.has("running", false)
		}},
		{"6241-8.3.4.1-03", must, "candidate module:nso-conformance", "a commit that cannot be done whole does nothing", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", top+`><users>`+fred+`</users></top>`))
			if a.rpc(edit("candidate", nobody)).child("ok") == nil {
				d.skip("the server finds it before the commit")
			}
			a.refused(`<commit/>`, "")
			a.shows(get("running", inUsers("")), "!fred")
		}},
		{"6241-8.3.4.1-04", must, candidate, "a commit of nothing is ok", func(d *dialogue) { d.first().ok(`<commit/>`) }},
		{"6241-8.3.4.1-05", tag, candidate, "a commit while another has locked running is in-use", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.ok(on("lock", "running"))
			a.refused(`<commit/>`, "in-use")
			b.has("running", false)
		}},
		{"6241-8.3.4.1-06", tag, candidate, "so is one while another has locked the candidate", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "candidate"))
			a.refused(`<commit/>`, "in-use")
		}},
		{"6241-8.3.4.1-07", must, candidate, "what others edit in the candidate is committed with it", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.has("candidate", true)
			b.ok(`<commit/>`)
			b.has("running", true)
		}},
		{"6241-8.3.4.1-08", must, candidate + " writable-running", "running is after it what the candidate was before it, whoever has edited running meanwhile", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			b.ok(edit("running", two))
			before, was := a.data(get("candidate", groups)).canonical(), a.data(get("running", groups)).canonical()
			if a.rpc(`<commit/>`).child("ok") == nil {
				before = was // refused: nothing happens
			}
			if now := a.data(get("running", groups)).canonical(); now != before {
				d.fail("the candidate was\n%s\nrunning is\n%s", before, now)
			}
		}},
		{"6241-8.3.4.2-01", must, candidate, "discard-changes makes the candidate what running is", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<discard-changes/>`)
			a.has("candidate", false)
		}},
		{"6241-8.3.4.2-02", must, candidate, "discard-changes where another has locked the candidate is refused", func(d *dialogue) {
			a, b := d.first(), d.open()
			b.ok(on("lock", "candidate"))
			b.ok(edit("candidate", one))
			a.refused(`<discard-changes/>`, "in-use")
			b.has("candidate", true)
		}},
		{"6241-8.3.5.1-01", must, candidate, "get-config takes the candidate as its source", func(d *dialogue) { d.first().data(get("candidate", `<filter/>`)) }},
		{"6241-8.3.5.1-02", must, candidate, "copy-config takes the candidate as its target", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(copyConfig("candidate", `<running/>`))
			a.has("candidate", false)
		}},
		{"6241-8.3.5.2-01", must, candidate, "a locked candidate is changed by its locker alone", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "candidate"))
			b.refused(edit("candidate", two), "in-use")
			a.ok(edit("candidate", one))
			b.has("candidate", true)
		}},
		{"6241-8.3.5.2-02", must, candidate, "unlock discards what was not committed", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "candidate"))
			a.ok(edit("candidate", one))
			a.ok(on("unlock", "candidate"))
			b.has("candidate", false)
		}},
		{"6241-8.3.5.2-03", must, candidate, "so does the end of the session that has the lock", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(on("lock", "candidate"))
			a.ok(edit("candidate", one))
			a.Conn.Close()
			d.soon("it is still there", func() bool { return !strings.Contains(b.data(get("candidate", groups)).flat(), "name=conformance-1\n") })
		}},
		{"6241-8.3.5.2-04", must, candidate, "after discard-changes the candidate can be locked", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<discard-changes/>`)
			b.ok(on("lock", "candidate"))
		}},
		{"6241-8.3.5.2-05", must, candidate, "after a commit too", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(`<commit/>`)
			b.ok(on("lock", "candidate"))
		}},
	}
}

// confirmed are RFC 6241, 8.4.
func confirmed() []check {
	const waits = `<commit><confirmed/></commit>`
	lasting := `<commit><confirmed/><persist>` + token + `</persist></commit>`
	byToken := `<commit><persist-id>` + token + `</persist-id></commit>`
	gone := func(s *session) {
		s.d.soon("what was not confirmed stays", func() bool { return !strings.Contains(s.data(get("running", groups)).flat(), "name=conformance-") })
	}
	return []check{
		{"6241-8.4.1-01", must, confirm, "a confirmed commit is in force at once", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.has("running", true)
		}},
		{"6241-8.4.1-02", must, confirm, "what is not confirmed in time is reverted", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>`)
			a.has("running", true)
			gone(a)
		}},
		{"6241-8.4.1-03", must, confirm, "a commit confirms it", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/><confirm-timeout>2</confirm-timeout></commit>`)
			a.ok(`<commit/>`)
			a.refused(`<cancel-commit/>`, "")
			a.has("running", true)
		}},
		{"6241-8.4.1-04", must, confirm, "the end of the session reverts it", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.Conn.Close()
			gone(b)
		}},
		{"6241-8.4.1-05", must, confirm, "close-session too", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.ok(`<close-session/>`)
			gone(b)
		}},
		{"6241-8.4.1-06", must, confirm, "with persist it outlives the session", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			a.ok(`<close-session/>`)
			a.over()
			b.has("running", true)
			b.ok(byToken)
			b.has("running", true)
		}},
		{"6241-8.4.1-07", must, confirm, "a second confirmed commit begins the time anew", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(`<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>`)
			a.ok(`<commit><confirmed/><confirm-timeout>60</confirm-timeout></commit>`)
			pause(d, 2)
			a.has("running", true)
		}},
		{"6241-8.4.1-08", must, confirm, "and what is reverted is all since before the first", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.ok(edit("candidate", two))
			a.ok(`<commit><confirmed/><confirm-timeout>1</confirm-timeout></commit>`)
			gone(a)
		}},
		{"6241-8.4.1-09", must, confirm, "who confirms can add changes", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.ok(edit("candidate", two))
			a.ok(`<commit/>`)
			a.shows(get("running", groups), "name=conformance-1\n", "name=conformance-2\n")
		}},
		{"6241-8.4.1-10", must, confirm + " notification:1.0", "if no time is said it is 600 seconds", func(d *dialogue) {
			a, b := d.first(), d.open()
			if b.lacks("module:ietf-netconf-notifications") != "" {
				d.skip("nothing tells what the time is")
			}
			b.ok(subscribe(""))
			a.ok(edit("candidate", one))
			a.ok(waits)
			switch got := b.event("netconf-confirmed-commit").child("netconf-confirmed-commit").child("timeout").value(); got {
			case "600", "599":
			case "":
				d.skip("the server does not tell the time")
			default:
				d.fail("it is %q", got)
			}
		}},
		{"6241-8.4.4.1-01", must, confirm, "cancel-commit reverts at once", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.ok(waits)
			a.ok(`<cancel-commit/>`)
			a.has("running", false)
		}},
		{"6241-8.4.4.1-02", must, confirm, "with the token of persist another session can cancel", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.ok(`<cancel-commit><persist-id>` + token + `</persist-id></cancel-commit>`)
			b.has("running", false)
		}},
		{"6241-8.4.4.1-03", must, confirm, "without persist another session cannot", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(waits)
			b.refused(`<cancel-commit/>`, "")
			b.has("running", true)
		}},
		{"6241-8.4.4.1-04", tag, confirm, "a wrong token is invalid-value", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.refused(`<cancel-commit><persist-id>other</persist-id></cancel-commit>`, "invalid-value")
			b.has("running", true)
		}},
		{"6241-8.4.4.1-05", must, confirm, "where nothing waits it is refused", func(d *dialogue) { d.first().refused(`<cancel-commit/>`, "") }},
		{"6241-8.4.4.1-06", must, confirm, "what waits with persist is not cancelled without the token", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.refused(`<cancel-commit/>`, "")
			b.has("running", true)
		}},
		{"6241-8.4.5.1-01", tag, confirm, "a commit with a wrong token is invalid-value", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.refused(`<commit><persist-id>other</persist-id></commit>`, "invalid-value")
		}},
		{"6241-8.4.5.1-02", must, confirm, "with the token any session can confirm, and then it stays", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.ok(byToken)
			b.refused(`<cancel-commit><persist-id>`+token+`</persist-id></cancel-commit>`, "")
			b.has("running", true)
		}},
		{"6241-8.4.5.1-03", must, confirm, "with the token any session can ask for more time", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(strings.Replace(lasting, "<persist>", "<confirm-timeout>1</confirm-timeout><persist>", 1))
			b.ok(`<commit><confirmed/><confirm-timeout>60</confirm-timeout><persist-id>` + token + `</persist-id></commit>`)
			pause(d, 2)
			b.has("running", true)
		}},
		{"6241-8.4.5.1-04", must, confirm, "without the token what waits with persist is not confirmed", func(d *dialogue) {
			a, b := d.first(), d.open()
			a.ok(edit("candidate", one))
			a.ok(lasting)
			b.refused(`<commit/>`, "")
			b.ok(`<cancel-commit><persist-id>` + token + `</persist-id></cancel-commit>`)
			b.has("running", false)
		}},
		{"6241-8.4.5.1-05", must, confirm, "a time of 0 is refused", func(d *dialogue) {
			a := d.first()
			a.ok(edit("candidate", one))
			a.refused(`<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>`, "invalid-value|bad-element")
			a.has("running", false)
		}},
		{"6241-8.4.5.1-06", must, confirm, "a token where nothing waits is refused", func(d *dialogue) {
			d.first().refused(byToken, "")
		}},
	}
}
