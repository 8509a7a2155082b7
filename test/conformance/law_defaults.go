// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
)

// with is the parameter of RFC 6243.
func with(mode string) string {
	return `<with-defaults xmlns="` + nsDefaults + `">` + mode + `</with-defaults>`
}

// also skips where the server has not the mode.
func also(s *session, mode string) {
	if !slices.Contains(s.modes(), mode) {
		s.d.skip("the server does not announce " + mode)
	}
}

// modes are those that the capability names, the basic one first.
func (s *session) modes() []string {
	_, query, _ := strings.Cut(s.flatCapability("with-defaults:1.0"), "?")
	basic, more := "", []string(nil)
	for _, p := range strings.Split(query, "&") {
		if v, ok := strings.CutPrefix(p, "basic-mode="); ok {
			basic = v
		}
		if v, ok := strings.CutPrefix(p, "also-supported="); ok {
			more = strings.Split(v, ",")
		}
	}
	return append([]string{basic}, more...)
}

// defaults are RFC 6243.
func defaults() []check {
	const needs = "with-defaults:1.0 module:nso-conformance"
	const mtu = "/interface/mtu="
	inInterfaces := `<filter>` + top + `><interfaces/></top></filter>`
	// Two interfaces: of one the MTU is not said, of the other it is said and the default.
	said := interfaces(`<interface><name>silent</name></interface><interface><name>said</name><mtu>1500</mtu></interface><interface><name>other</name><mtu>1400</mtu></interface>`)
	shown := func(mode string, f func(a *session, silent, said, other string)) func(d *dialogue) {
		return func(d *dialogue) {
			a := d.first()
			also(a, mode)
			a.put(said)
			var of [3]string
			for _, i := range a.data(get(a.work(), inInterfaces+with(mode))).all("interface") {
				for n, name := range []string{"silent", "said", "other"} {
					if m := i.child("mtu"); i.child("name").value() == name && m != nil {
						of[n] = m.value()
						if tagged, _ := m.attr(nsDefault, "default"); tagged == "true" || tagged == "1" {
							of[n] += " tagged"
						}
					}
				}
			}
			f(a, of[0], of[1], of[2])
		}
	}
	is := func(s *session, name, got, want string) {
		if got != want {
			s.d.fail("the MTU of the interface where it is %s is %q and not %q", name, got, want)
		}
	}
	return []check{
		{"6243-4.3-01", must, "with-defaults:1.0", "the capability names the basic mode: report-all, trim or explicit", func(d *dialogue) {
			if m := d.first().modes()[0]; m != "report-all" && m != "trim" && m != "explicit" {
				d.fail("it is %q", m)
			}
		}},
		{"6243-4.3-02", must, "with-defaults:1.0", "and no mode that there is not", func(d *dialogue) {
			for _, m := range d.first().modes() {
				if m != "report-all" && m != "trim" && m != "explicit" && m != "report-all-tagged" {
					d.fail("it has %q", m)
				}
			}
		}},
		{"6243-3.1-01", must, needs, "report-all reports what is not said, as its default", shown("report-all", func(a *session, silent, said, other string) {
			is(a, "not said", silent, "1500")
		})},
		{"6243-3.1-02", must, needs, "and all the others", shown("report-all", func(a *session, silent, said, other string) {
			is(a, "said", said, "1500")
			is(a, "another", other, "1400")
		})},
		{"6243-3.2-01", must, needs, "trim reports nothing that is the default", shown("trim", func(a *session, silent, said, other string) {
			is(a, "not said", silent, "")
			is(a, "said", said, "")
		})},
		{"6243-3.2-02", must, needs, "and all that is not", shown("trim", func(a *session, silent, said, other string) { is(a, "another", other, "1400") })},
		{"6243-3.3-01", must, needs, "explicit reports what has been said, the default too", shown("explicit", func(a *session, silent, said, other string) {
			is(a, "said", said, "1500")
			is(a, "another", other, "1400")
		})},
		{"6243-3.3-02", must, needs, "and nothing that has not", shown("explicit", func(a *session, silent, said, other string) { is(a, "not said", silent, "") })},
		{"6243-3.4-01", must, needs, "report-all-tagged reports all, and tags what is there by default", shown("report-all-tagged", func(a *session, silent, said, other string) {
			is(a, "not said", silent, "1500 tagged")
			is(a, "another", other, "1400")
		})},
		{"6243-3.4-02", must, needs, "where explicit is the basic mode what has been said is not tagged", shown("report-all-tagged", func(a *session, silent, said, other string) {
			if a.modes()[0] != "explicit" {
				a.d.skip("the basic mode is " + a.modes()[0])
			}
			is(a, "said", said, "1500")
		})},
		{"6243-2-01", must, needs, "if no mode is said it is the basic one", func(d *dialogue) {
			a := d.first()
			a.put(said)
			plain := a.data(get(a.work(), inInterfaces)).pruned().canonical()
			if basic := a.data(get(a.work(), inInterfaces+with(a.modes()[0]))).pruned().canonical(); plain != basic {
				d.fail("without a mode\n%s, with it\n%s", plain, basic)
			}
		}},
		{"6243-2.3-01", must, needs, "where explicit is the basic mode, a default that is said exists: create of it is data-exists", func(d *dialogue) {
			a := d.first()
			if a.modes()[0] != "explicit" {
				d.skip("the basic mode is " + a.modes()[0])
			}
			a.put(said)
			a.refused(edit(a.work(), interfaces(`<interface><name>said</name><mtu nc:operation="create">1500</mtu></interface>`)), "data-exists")
		}},
		{"6243-2.3-02", must, needs, "and one that is not said does not: delete of it is data-missing, create is done", func(d *dialogue) {
			a := d.first()
			if a.modes()[0] != "explicit" {
				d.skip("the basic mode is " + a.modes()[0])
			}
			a.put(said)
			a.refused(edit(a.work(), interfaces(`<interface><name>silent</name><mtu nc:operation="delete"/></interface>`)), "data-missing")
			a.put(interfaces(`<interface><name>silent</name><mtu nc:operation="create">1500</mtu></interface>`))
		}},
		{"6243-4.5-01", tag, "with-defaults:1.0", "a mode that is none is invalid-value", func(d *dialogue) {
			d.first().refused(get("running", `<filter/>`+with("sometimes")), "invalid-value")
		}},
		{"6243-4.5-02", tag, "with-defaults:1.0", "so is one that the server has not", func(d *dialogue) {
			a := d.first()
			for _, mode := range []string{"report-all", "report-all-tagged", "trim", "explicit"} {
				if !slices.Contains(a.modes(), mode) {
					a.refused(get("running", `<filter/>`+with(mode)), "invalid-value")
					return
				}
			}
			d.skip("the server has all modes")
		}},
		{"6243-4.5.1-01", must, needs, "get takes the parameter", func(d *dialogue) {
			a := d.first()
			also(a, "report-all")
			a.put(said)
			a.commits()
			if n := strings.Count(a.data(`<get>`+inInterfaces+with("report-all")+`</get>`).flat(), mtu); n != 3 {
				d.fail("%d interfaces have an MTU", n)
			}
		}},
		{"6243-4.5.1-02", should, needs + " candidate", "copy-config takes it", func(d *dialogue) {
			a := d.first()
			also(a, "trim")
			a.put(said)
			a.commits()
			a.ok(`<copy-config><target><candidate/></target><source><running/></source>` + with("trim") + `</copy-config>`)
			a.shows(get("candidate", inInterfaces+with("explicit")), mtu+"1400\n", "!"+mtu+"1500\n")
		}},
		{"6243-4.5.2-01", must, needs, "an edit may tag a value as the default: it is in use, and is not said", func(d *dialogue) {
			a := d.first()
			also(a, "report-all-tagged")
			a.put(interfaces(`<interface><name>tagged</name><mtu xmlns:wd="` + nsDefault + `" wd:default="true">1500</mtu></interface>`))
			also(a, "explicit")
			a.seen(inInterfaces+with("explicit"), "/interface/name=tagged\n", "!"+mtu)
		}},
		{"6243-4.5.2-02", tag, needs, "one that is not the default and is tagged is invalid-value", func(d *dialogue) {
			a := d.first()
			also(a, "report-all-tagged")
			a.refused(edit(a.work(), interfaces(`<interface><name>tagged</name><mtu xmlns:wd="`+nsDefault+`" wd:default="true">1400</mtu></interface>`)), "invalid-value")
		}},
		{"6243-4.5.2-03", must, needs, "what report-all-tagged gives can be given back", func(d *dialogue) {
			a := d.first()
			also(a, "report-all-tagged")
			a.put(interfaces(`<interface><name>silent</name></interface>`))
			a.put(interfaces(`<interface><name>silent</name><mtu xmlns:wd="` + nsDefault + `" wd:default="true" nc:operation="replace">1500</mtu></interface>`))
			a.seen(inInterfaces+with("report-all-tagged"), "/interface/mtu=1500 @default=true\n")
		}},
	}
}
