// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// What the checks say to a server. Groups of RFC 8341 are the data that many servers have;
// users and interfaces are those of RFC 6241's examples, in a model of our own.
const (
	acm          = `<nacm xmlns="` + nsACM + `"`
	nc           = ` xmlns:nc="` + nsBase + `"`
	one          = acm + `><groups><group><name>conformance-1</name><user-name>ann</user-name></group></groups></nacm>`
	two          = acm + `><groups><group><name>conformance-2</name><user-name>bob</user-name></group></groups></nacm>`
	groups       = `<filter type="subtree">` + acm + `><groups/></nacm></filter>`
	removeGroups = acm + nc + `><groups><group nc:operation="remove"><name>conformance-1</name></group><group nc:operation="remove"><name>conformance-2</name></group></groups></nacm>`

	top         = `<top xmlns="` + nsModel + `"`
	removeModel = top + nc + ` nc:operation="remove"/>`
	inTop       = `<filter type="subtree">` + top + `/></filter>`

	root   = `<user><name>root</name><type>superuser</type><full-name>Charlie Root</full-name><company-info><dept>1</dept><id>1</id></company-info></user>`
	fred   = `<user><name>fred</name><type>admin</type><full-name>Fred Flintstone</full-name><company-info><dept>2</dept><id>2</id></company-info></user>`
	barney = `<user><name>barney</name><type>admin</type><full-name>Barney Rubble</full-name><company-info><dept>2</dept><id>3</id></company-info></user>`
	users  = top + `><users>` + root + fred + barney + `</users></top>`

	// token is the persist-id of all confirmed commits here.
	token = "conformance, d4668"

	writable  = "module:ietf-netconf-acm" // the groups can be edited
	model     = "module:nso-conformance"
	candidate = "candidate"
	confirm   = "confirmed-commit:1.1 module:ietf-netconf-acm"
)

// edit is an edit-config; more stands before the configuration.
func edit(target, config string, more ...string) string {
	return `<edit-config><target><` + target + `/></target>` + strings.Join(more, "") + `<config>` + config + `</config></edit-config>`
}

// group is conformance-1 with an operation of its own.
func group(op, user string) string {
	return acm + nc + `><groups><group nc:operation="` + op + `"><name>conformance-1</name>` + user + `</group></groups></nacm>`
}

// interfaces are configuration of the model's interfaces.
func interfaces(inside string) string {
	return top + nc + `><interfaces>` + inside + `</interfaces></top>`
}

func get(source, filter string) string {
	return `<get-config><source><` + source + `/></source>` + filter + `</get-config>`
}

func on(op, target string) string {
	return `<` + op + `><target><` + target + `/></target></` + op + `>`
}

// inUsers is a filter of the model's users.
func inUsers(inside string) string {
	return `<filter type="subtree">` + top + `><users>` + inside + `</users></top></filter>`
}

// data is an answer that shows users of the model; no users show nothing.
func data(users string) string {
	if users == "" {
		return `<data xmlns="` + nsBase + `"/>`
	}
	return `<data xmlns="` + nsBase + `">` + top + `><users>` + users + `</users></top></data>`
}

// put edits what the checks work in, and wants ok.
func (s *session) put(config string, more ...string) { s.ok(edit(s.work(), config, more...)) }

// seen wants parts in what the checks work in.
func (s *session) seen(filter string, parts ...string) { s.shows(get(s.work(), filter), parts...) }

// has wants conformance-1 in a datastore, or not.
func (s *session) has(store string, yes bool) {
	want := "name=conformance-1\n"
	if !yes {
		want = "!" + want
	}
	s.shows(get(store, groups), want)
}
