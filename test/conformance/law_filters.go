// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// withUsers puts the users of the RFC's examples there.
func withUsers(f func(a *session)) func(d *dialogue) {
	return func(d *dialogue) {
		d.first().put(users)
		f(d.first())
	}
}

// filtered wants what a filter of users shows.
func filtered(filter, want string) func(d *dialogue) {
	return withUsers(func(a *session) { a.exactly(get(a.work(), inUsers(filter)), data(want)) })
}

// filters are RFC 6241, section 6.
func filters() []check {
	const fredsName, barneysName = `<user><name>fred</name></user>`, `<user><name>barney</name></user>`
	return []check{
		{"6241-6.1-01", must, model, "a filter selects: what it does not name is not there", filtered(`<user><name>fred</name></user>`, fred)},
		{"6241-6.2-01", must, model, "siblings of a filter add up", filtered(`<user><name>fred</name></user><user><name>barney</name></user>`, fred+barney)},
		{"6241-6.2.1-01", must, model, "an element of a namespace selects nothing of another", withUsers(func(a *session) {
			a.exactly(get(a.work(), `<filter type="subtree"><top xmlns="urn:example:nothing"/></filter>`), data(""))
		})},
		{"6241-6.2.1-02", must, model, "the namespace counts below the top too", withUsers(func(a *session) {
			a.exactly(get(a.work(), `<filter type="subtree">`+top+`><users xmlns="urn:example:nothing"/></top></filter>`), data(""))
		})},
		{"6241-6.2.1-03", must, model, "an element of no namespace selects those of all", withUsers(func(a *session) {
			a.exactly(get(a.work(), `<filter type="subtree"><top xmlns=""><users/></top></filter>`), data(root+fred+barney))
		})},
		{"6241-6.2.2-01", must, model, "an attribute in a filter must match: data without it are not selected", withUsers(func(a *session) {
			a.exactly(get(a.work(), inUsers(`<user xmlns:x="urn:example:x" x:colour="red"/>`)), data(""))
		})},
		{"6241-6.2.3-01", must, model, "a containment node is in the answer around what is selected in it", filtered(`<user><company-info><dept/></company-info><name>fred</name></user>`,
			`<user><name>fred</name><company-info><dept>2</dept></company-info></user>`)},
		{"6241-6.2.3-02", must, model, "a containment node in which nothing is selected selects nothing", filtered(`<user><name>nobody</name><company-info><dept/></company-info></user>`, "")},
		{"6241-6.2.4-01", must, model, "a selection node selects all below it", withUsers(func(a *session) {
			a.exactly(get(a.work(), `<filter type="subtree">`+top+`><users/></top></filter>`), data(root+fred+barney))
		})},
		{"6241-6.2.4-02", must, model, "and keeps its siblings out", filtered(`<user><name/></user>`, `<user><name>root</name></user>`+fredsName+barneysName)},
		{"6241-6.2.4-03", must, model, "a selection node written with a start and an end tag is one too", filtered(`<user><name></name></user>`, `<user><name>root</name></user>`+fredsName+barneysName)},
		{"6241-6.2.5-01", must, model, "a content match alone selects all of the siblings' parent", filtered(`<user><name>barney</name></user>`, barney)},
		{"6241-6.2.5-02", must, model, "of several content matches all must hold", filtered(`<user><name>fred</name><type>superuser</type></user>`, "")},
		{"6241-6.2.5-03", must, model, "a content match need not be of a key", filtered(`<user><type>admin</type></user>`, fred+barney)},
		{"6241-6.2.5-04", must, model, "white space around a content match does not count", filtered("<user><name>\n  barney\t</name></user>", barney)},
		{"6241-6.2.5-05", must, model, "a content match that fails keeps out what its siblings select", filtered(`<user><name>nobody</name><full-name/></user>`, "")},
		{"6241-6.2.5-06", must, model, "with a selection node beside it only that, and the match itself, is in the answer", filtered(`<user><name>fred</name><full-name/></user>`,
			`<user><name>fred</name><full-name>Fred Flintstone</full-name></user>`)},
		{"6241-6.2.5-07", must, model, "a content match beside a containment node is in the answer", filtered(`<user><name>fred</name><company-info><id/></company-info></user>`,
			`<user><name>fred</name><company-info><id>2</id></company-info></user>`)},
		{"6241-6.2.5-08", must, model, "a content match is exact", filtered(`<user><name>fre</name></user><user><name>FRED</name></user>`, "")},
		{"6241-6.3-01", must, model, "what two parts of a filter select is in the answer once", filtered(`<user><name>fred</name><type/></user><user><name>fred</name><full-name/></user>`,
			`<user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name></user>`)},
		{"6241-6.3-02", must, model, "where nothing is selected data is empty", filtered(`<user><name>nobody</name></user>`, "")},
		{"6241-6.4.1-01", must, model, "the RFC's example: no filter is everything", func(d *dialogue) {
			d.first().put(users)
			d.first().seen("", "/top/users/user/name=fred\n", "/top/users/user/company-info/id=3\n")
			if d.first().implements("ietf-netconf-acm") {
				d.first().put(one)
				d.first().seen("", "/top/users/user/name=fred\n", "/nacm/groups/group/name=conformance-1\n")
			}
		}},
		{"6241-6.4.2-01", must, model, "the RFC's example: an empty filter is nothing", withUsers(func(a *session) { a.exactly(get(a.work(), `<filter type="subtree"></filter>`), data("")) })},
		{"6241-6.4.3-01", must, model, "the RFC's example: the whole of users", withUsers(func(a *session) {
			a.exactly(get(a.work(), inUsers("")), data(root+fred+barney))
		})},
		{"6241-6.4.3-02", must, model, "the same, as a containment node with all entries", filtered(`<user/>`, root+fred+barney)},
		{"6241-6.4.4-01", must, model, "the RFC's example: the names of all users", filtered(`<user><name/></user>`, `<user><name>root</name></user>`+fredsName+barneysName)},
		{"6241-6.4.5-01", must, model, "the RFC's example: one user", filtered(`<user><name>fred</name></user>`, fred)},
		{"6241-6.4.6-01", must, model, "the RFC's example: some of one user", filtered(`<user><name>fred</name><type/><full-name/></user>`,
			`<user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name></user>`)},
		{"6241-6.4.7-01", must, model, "the RFC's example: several parts at once", filtered(strings.Join([]string{
			`<user><name>root</name><company-info/></user>`,
			`<user><name>fred</name><company-info><id/></company-info></user>`,
			`<user><name>barney</name><type>superuser</type><company-info><dept/></company-info></user>`}, ""),
			`<user><name>root</name><company-info><dept>1</dept><id>1</id></company-info></user><user><name>fred</name><company-info><id>2</id></company-info></user>`)},
	}
}
