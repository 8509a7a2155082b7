// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"
)

// inGets changes reads alone.
func inGets(pattern, by string) func(string) (string, string) {
	change := without(pattern, by)
	return func(rpc string) (string, string) {
		if strings.Contains(rpc, "<get") {
			return change(rpc)
		}
		return rpc, ""
	}
}

// never is a server that refuses nothing.
var never = lies(`(?s)<rpc-error>.*</rpc-error>`, yes)

// drops drops notifications of a kind.
func drops(kind string) func(string, string) string {
	return func(_, reply string) string {
		if strings.Contains(reply, "<notification") && strings.Contains(reply, kind) {
			return ""
		}
		return reply
	}
}

// adds puts something at the end of the data of replies to what contains a word.
func adds(word, text string) func(string, string) string {
	return func(rpc, reply string) string {
		if strings.Contains(rpc, word) {
			return strings.Replace(strings.Replace(reply, "<data/>", "<data></data>", 1), "</data>", text+"</data>", 1)
		}
		return reply
	}
}

// hides takes a capability out of the hello.
func hides(name string) func(string) string {
	return greetsWith(`<capability>urn:ietf:params:netconf:capability:`+name+`[^<]*</capability>`, "")
}

func mutants() []mutant {
	const op = ` nc:operation="`
	modeOf := func(from, to string) func(string) (string, string) {
		return inGets(`(with-defaults[^>]*>)`+from+`<`, "${1}"+to+"<")
	}
	return []mutant{
		// Messages.
		{name: "loses the message-id", fails: "6241-4.1-01 6241-4.1-02 6241-4.1-05", reply: lies(`(<rpc-reply[^>]*) message-id="[^"]*"`, "$1")},
		{name: "trims the message-id", fails: "6241-4.1-02", reply: lies(`message-id="\s*(\w*)\s*"`, `message-id="$1"`)},
		{name: "loses attributes", fails: "6241-4.1-03 6241-4.1-05", reply: lies(` ex:user-id="[^"]*"`, "")},
		{name: "loses declarations", fails: "6241-4.1-04", reply: lies(` xmlns:ex="[^"]*"`, "")},
		{name: "needs no message-id", fails: "6241-4.1-06 6241-4.3-05 6241-A-04", request: without(`<rpc xmlns="[^"]*">`, `<rpc xmlns="`+nsBase+`" message-id="0">`)},
		{name: "sends a DTD", fails: "6241-3.2-01", reply: lies(`^`, "<!DOCTYPE rpc-reply>")},
		{name: "sends a DTD in its hello", fails: "6241-3.2-01", hello: greetsWith(`\?>`, "?><!DOCTYPE hello>")},
		{name: "obeys a DTD", fails: "6241-3.2-02", request: without(`(?s)<!DOCTYPE.*]>(.*)&store;`, "$1<running/>")},
		{name: "sends what is no UTF-8", fails: "6241-3-01", reply: lies(`<error-message[^>]*>`, "$0\xff")},
		{name: "is content with what is not well-formed", fails: "6241-3-02 6241-A-17", request: func(rpc string) (string, string) {
			if strings.HasSuffix(rpc, "<get-config></rpc>") || strings.HasSuffix(rpc, "<get></rpc>") {
				return "", yes
			}
			return rpc, ""
		}},
		{name: "is content with what is not UTF-8", fails: "6241-3-03", request: func(rpc string) (string, string) { return strings.Replace(rpc, "\xff\xfe", "1", 1), "" }},
		{name: "wants no XML declaration", fails: "6241-3.1-02 6241-3-04", request: func(rpc string) (string, string) {
			if strings.HasPrefix(rpc, "<?xml") {
				return "", refusal("rpc", "malformed-message")
			}
			return strings.Replace(rpc, "urn:example:nothing", nsBase, 1), ""
		}},
		{name: "answers in another namespace", fails: "6241-3.1-01 6241-4.3-02", reply: func(_, reply string) string {
			return strings.NewReplacer("<data/>", `<data xmlns="urn:x"/>`, "<error-severity>", `<error-severity xmlns="urn:x">`).Replace(reply)
		}},
		{name: "says more than it should", fails: "6241-4.2-01 6241-4.4-01 6241-7.1-01 6241-7.7-01", reply: lies(`</rpc-reply>`, "<more/></rpc-reply>")},
		{name: "knows other layers", fails: "6241-4.3-01 6241-A-01 6241-A-02 6241-A-05 6241-A-06 6241-A-07 6241-A-09 6241-A-11 6241-A-12 6241-A-13 6241-A-14 6241-A-15 6241-A-17", reply: lies(`<error-type>\w+<`, "<error-type>layer<")},
		{name: "is never serious", fails: "6241-4.3-01 6241-A-20", reply: lies(`<error-severity>error`, "<error-severity>fatal")},
		{name: "puts things into an error", fails: "6241-4.3-02", reply: lies(`</error-severity>`, "</error-severity><error-colour/>")},
		{name: "declares no prefixes of a path", fails: "6241-4.3-03", reply: lies(`<error-path[^>]*>`, "<error-path>")},
		{name: "names no language", fails: "6241-4.3-04", reply: lies(` xml:lang="en"`, "")},
		{name: "says ok and errors", fails: "6241-4.3-06", reply: lies(`</rpc-error>`, "</rpc-error><ok/>")},
		{name: "has something in ok", fails: "6241-4.4-01", reply: lies(`<ok/>`, "<ok>fine</ok>")},
		{name: "answers out of order", fails: "6241-4.5-01", reply: lies(`message-id="p3"`, `message-id="p4"`)},
		{name: "makes no edit", fails: `6241-4.5-02 6241-6.1 6241-6.4.3 6241-7.1-05 6241-7.1-07 6241-7.1-10 6241-7.2-01 6241-7.2-02 6241-7.2-03 6241-7.2-04 6241-7.2-05 6241-7.2-06 6241-7.2-07 6241-7.2-08
			6241-7.2-09 6241-7.2-15 6241-7.2-19 6241-7.2-26 6241-7.2-27 6241-7.2-28 6241-7.2-29 6241-7.2-31 6241-7.5-05 6241-7.7-02 6241-7.7-04 6241-7.8-04 6241-7.9-08 6241-8.2-01 6241-8.5-02 6241-8.3.1-02 6241-8.6.5.1-04 6241-8.6.5.1-05
			6241-8.3.4.1-01 6241-8.3.4.1-07 6241-8.4.1-01 6241-8.4.1-09 6241-8.9.1-01 6241-8.9.5.1-03 6241-A-13 6243-3.1 6243-3.2-02 6243-3.3-01 6243-3.4 6243-4.5.1-01 5277-2.1.1-02 8526-3.1.1-01`,
			request: instead("<edit-config>", yes)},
		{name: "has no running", fails: "6241-5.1-01 6241-7.1-01 6241-8-01", request: instead("<get-config><source><running/>", refusal("application", "operation-failed"))},
		{name: "keeps sessions whose connection is gone", fails: "6241-2.1-01 6241-8.3.5.2-03 6241-8.4.1-04", lingers: true},

		// Filters.
		{name: "does not filter", fails: "6241-6.1 6241-6.2-01 6241-6.2.1-01 6241-6.2.1-02 6241-6.2.2 6241-6.2.3 6241-6.2.4-02 6241-6.2.4-03 6241-6.2.5 6241-6.3 6241-6.4.2 6241-6.4.4 6241-6.4.5 6241-6.4.6 6241-6.4.7 6241-7.7-06 6241-7.7-07 6241-7.1-07 6241-7.1-08 6241-8.9.1-0 6241-8.9.1-1 6241-8.9.5.1 8526-3.1.1-06",
			request: inGets(`(?s)<(subtree-filter|xpath-filter|filter)( [^>]*)?(/>|>.*</(subtree-filter|xpath-filter|filter)>)`, "")},
		{name: "does not match content", fails: "6241-6.2.3-02 6241-6.2.5-01 6241-6.2.5-02 6241-6.2.5-04 6241-6.2.5-05 6241-6.3-02 6241-6.4.5 6241-6.4.6", request: inGets(`<(name|type)>\s*\w+\s*</(name|type)>`, "<$1/>")},
		{name: "matches keys alone", fails: "6241-6.2.5-02 6241-6.2.5-03", request: inGets(`<type>\w+</type>`, "<type/>")},
		{name: "does not select", fails: "6241-6.2.4-02 6241-6.2.4-03 6241-6.4.4 6241-6.2.5-06 6241-6.2.5-05 6241-6.4.6", request: func(rpc string) (string, string) {
			if strings.Contains(rpc, "nobody") {
				return without(`<name>nobody</name>`, "")(rpc)
			}
			return inGets(`<(name|full-name|type)(/>|></name>)`, "")(rpc)
		}},
		{name: "takes containment for selection", fails: "6241-6.2.3-01 6241-6.2.5-07 6241-6.4.7", request: inGets(`<company-info>.*?</company-info>`, "<company-info/>")},
		{name: "leaves out what is around", fails: "6241-6.2.3-01 6241-6.2.5-07", reply: lies(`<name>fred</name>`, "")},
		{name: "knows no namespaces", fails: "6241-6.2.1-01 6241-6.2.1-02", request: inGets(`urn:example:nothing`, nsModel)},
		{name: "knows no wildcard", fails: "6241-6.2.1-03", request: inGets(`xmlns=""`, `xmlns="urn:example:nothing"`)},
		{name: "does not match attributes", fails: "6241-6.2.2-01", request: inGets(` x:colour="red"`, "")},
		{name: "does not trim", fails: "6241-6.2.5-04", request: inGets(`\s+barney\s+`, "-barney-")},
		{name: "matches roughly", fails: "6241-6.2.5-08", request: inGets(`FRED`, "fred")},
		{name: "shows things twice", fails: "6241-6.3-01 6241-6.4.6", reply: lies(`</type><full-name>`, "</type></user><user><name>fred</name><full-name>")},
		{name: "hears the first part of a filter alone", fails: "6241-6.2-01 6241-6.4.7", request: inGets(`(</user>)<user>.*</user>`, "$1")},
		{name: "selects one level", fails: "6241-6.2.4-01 6241-6.4.3 6241-6.1", reply: lies(`<company-info>.*?</company-info>`, "")},
		{name: "takes an empty filter for none", fails: "6241-6.4.2 6241-7.7-06 8526-3.1.1-06", request: inGets(`<(subtree-)?filter( type="subtree")?(/>|></filter>)`, "")},
		{name: "shows nothing if nothing is asked for", fails: "6241-6.4.1-01 6241-7.1-05 6241-7.7-04", request: without(`(</source>)(</get-config>)|<get/>`, "<get><filter/></get>")},

		// Operations.
		{name: "reads running if nothing is said", fails: "6241-7.1-02 6241-A-07", request: without(`<get-config/>`, `<get-config><source><running/></source><filter/></get-config>`)},
		{name: "takes any datastore for running", fails: "6241-7.1-03 6241-7.1-04 6241-7.2-22 6241-7.5-11", request: without(`<(nowhere|startup)/>`, "<running/>")},
		{name: "deletes anything", fails: "6241-7.4 6241-8.8.5.3", request: instead("<delete-config", yes)},
		{name: "has state in get-config", fails: "6241-7.1-06", reply: adds("<get-config>", `<netconf-state xmlns="`+nsMonitoring+`"/>`)},
		{name: "guesses filters", fails: "6241-7.1-08 6241-7.7-07", request: without(`type="guess"`, `type="subtree"`)},
		{name: "copies nothing", fails: "6241-7.3-01 6241-7.3-05 6241-8.3.5.1-02 6241-8.8.5.2 6241-8.8.5.1 6241-8.8.5.4 6243-4.5.1-02", request: instead("<copy-config>", yes)},
		{name: "copies itself", fails: "6241-7.3-02", request: instead(`<target><running/></target><source><running/>`, yes)},
		{name: "gets no state", fails: "6241-7.7-03 6022-2.1.1 6022-2.1.2-01 6022-2.1.2-02 6022-2.1.3 6022-2.1.4-01 6022-2.1.5", reply: lies(`(?s)<netconf-state.*</netconf-state>`, "")},
		{name: "gets the candidate", fails: "6241-7.7-05", request: without(`<get>(.*)</get>`, `<get-config><source><candidate/></source>$1</get-config>`)},
		{name: "merges instead of replacing", fails: "6241-7.2-05 6241-7.2-06 6241-7.2-19 6241-7.2-29", request: without(op+`replace"`, op+`merge"`)},
		{name: "merges instead of creating", fails: "6241-7.2-09 6241-A-13 6243-2.3-01", request: without(op+`create"`, op+`merge"`)},
		{name: "replaces instead of merging", fails: "6241-7.2-01 6241-7.2-02", request: without(`<(groups)><group>`, `<$1><group xmlns:nc="`+nsBase+`" nc:operation="replace">`)},
		{name: "does not delete", fails: "6241-7.2-10 6241-7.2-27 6241-7.2-30 6241-7.2-31 6241-8.3.4.1-02 8526-3.1.2-04", request: without(op+`delete"`, op+`merge"`)},
		{name: "removes instead of deleting", fails: "6241-7.2-11 6241-7.2-26 6241-8.5-01 6241-A-14 6241-A-19 6243-2.3-02 8526-3.1.2-05 8526-3.1.2-06", request: without(op+`delete"`, op+`remove"`)},
		{name: "deletes instead of removing", fails: "6241-7.2-13", request: without(op+`remove"`, op+`delete"`)},
		{name: "does not remove", fails: "6241-7.2-12", request: func(rpc string) (string, string) {
			if strings.Contains(rpc, "conformance-2") {
				return rpc, ""
			}
			return strings.ReplaceAll(rpc, op+`remove"`, op+`merge"`), ""
		}},
		{name: "does not know merge, create and replace", fails: "6241-7.2-03 6241-7.2-07 6241-7.2-08", request: func(rpc string) (string, string) {
			if regexp.MustCompile(op + `(merge|create|replace)"`).MatchString(rpc) {
				return rpc, refusal("protocol", "bad-attribute")
			}
			return rpc, ""
		}},
		{name: "merges by default whatever is said", fails: "6241-7.2-14 6241-7.2-16", request: without(`<default-operation>(replace|none)</default-operation>`, "")},
		{name: "takes any default-operation and error-option", fails: "6241-7.2-17 6241-7.2-24", request: without(`<(default-operation|error-option)>(create|cry-on-error)</(default-operation|error-option)>`, "")},
		{name: "takes any operation", fails: "6241-7.2-18 6241-A-05", request: without(op+`explode"`, op+`merge"`)},
		{name: "always stops on error", fails: "6241-7.2-26", request: without(`<error-option>continue-on-error`, "<error-option>stop-on-error")},
		{name: "always continues on error", fails: "6241-8.5-01", request: without(`<error-option>rollback-on-error`, "<error-option>continue-on-error")},
		{name: "edits partly", fails: "6241-7.2-25", request: without(`<mtu>1</mtu>`, ""), reply: adds("<interfaces/>", top+`><interfaces><interface><mtu>1</mtu></interface></interfaces></top>`)},
		{name: "mixes up entries", fails: "6241-7.2-27 6241-7.2-31", request: without(`(nc:operation="delete"[^<]*<name>)(fred|192.0.2.4)`, "${1}x")},
		{name: "has running as a target and does not say so", fails: "6241-7.2-23 6241-8.2-02", hello: hides("writable-running")},
		{name: "has xpath and does not say so", fails: "6241-7.1-09", hello: hides("xpath")},
		{name: "has urls and does not say so", fails: "6241-8.8.5-03", hello: hides("url"), request: instead("<url>", yes)},
		{name: "says that it has startup", fails: "6241-8.7", hello: greetsWith(`</capabilities>`, `<capability>`+capability+`startup:1.0</capability></capabilities>`)},
		{name: "says that nothing is locked", fails: "6241-7.3-06 6241-7.5-04 6241-8.3.4.1-05 6241-8.3.4.1-06 6241-8.3.4.2-02 6241-8.3.5.2-01 6241-A-01 8526-3.1.2-07", reply: lies(`(?s)<rpc-error>.*<error-tag>in-use<.*</rpc-error>`, yes)},

		// Locks and sessions.
		{name: "gives every lock", fails: "6241-7.5-02 6241-7.5-03 6241-7.5-04 6241-7.5-07 6241-7.5-08 6241-7.5-10 6241-7.5-11 6241-7.5-13 6241-7.6-03 6241-8.3.4.1-05 6241-8.3.4.1-06 6241-8.3.5.2-01 6241-A-01 6241-A-12 6022-2.1.2-02 8526-3.1.2-07 8526-3.2-01 8526-3.2-03", request: instead("<lock", yes)},
		{name: "gives no lock", fails: "6241-7.5-01 6241-7.5-06 6241-7.5-09 6241-7.5-12 6241-7.5-13 6241-7.6-01 6241-7.8-02 6241-7.9-02 6241-8.3.5.2-04 6241-8.3.5.2-05", request: instead("<lock", refusal("protocol", "lock-denied"))},
		{name: "has one lock", fails: "6241-7.5-09", request: without(`<lock><target><candidate/>`, "<lock><target><running/>")},
		{name: "does not unlock", fails: "6241-7.6-01 6241-7.6-02 6241-7.6-03 6241-7.6-04 6241-8.3.5.2-02", request: instead("<unlock", yes)},
		{name: "says whose lock it is wrongly", fails: "6241-7.5-02 6241-7.5-03 6241-A-12 8526-3.2-01", reply: lies(`<session-id>\d+<`, "<session-id>4000000000<")},
		{name: "does not close", fails: "6241-7.8-01 6241-7.8-02 6241-7.8-03", keeps: true, request: instead("<close-session", yes)},
		{name: "does not end what it has closed", fails: "6241-7.8-01 6241-7.9-01 5277-2.3-01 6242-4.2-04 6242-4.2-05 6242-4.2-06 6242-4.2-07 6242-4.2-08 6242-4.2-09 6242-4.2-10", keeps: true},
		{name: "kills nobody", fails: "6241-7.9-01 6241-7.9-02 6241-7.9-03 6241-7.9-04 6241-7.9-05 6241-7.9-06 6241-7.9-07", request: instead("<kill-session", yes)},

		// Hellos.
		{name: "has no base", fails: "6241-8.1-01 6241-8.1-02", hello: greetsWith(`urn:ietf:params:netconf:base:1.[01]`, "urn:x")},
		{name: "is old", fails: "6241-8.1-02", hello: greetsWith(`<capability>urn:ietf:params:netconf:base:1.1</capability>`, "")},
		{name: "has no session-id", fails: "6241-8.1-03", hello: greetsWith(`<session-id>.*</session-id>`, "")},
		{name: "has session 0", fails: "6241-8.1-03 6241-8.1-04", hello: greetsWith(`<session-id>.*</session-id>`, "<session-id>0</session-id>")},
		{name: "says things twice", fails: "6241-8.1-09", hello: greetsWith(`</capabilities>`, "<capability>urn:x:y</capability><capability>urn:x:y</capability></capabilities>")},
		{name: "waits for the client's hello", fails: "6241-8.1-05 6242-3.1-01", waits: true},
		{name: "wants to know all capabilities", fails: "6241-8-01", greeting: func(t string) string {
			if strings.Contains(t, "unheard-of") {
				return ""
			}
			return t
		}},
		{name: "takes a session-id", fails: "6241-8.1-06", greeting: func(t string) string { return strings.Replace(t, "<session-id>4</session-id>", "", 1) }, keeps: true},
		{name: "takes any base", fails: "6241-8.1-07", greeting: func(t string) string { return strings.Replace(t, "base:0.9", "base:1.0", 1) }, keeps: true},
		{name: "knows no parameters", fails: "6241-8.1-08", greeting: func(t string) string { return strings.Replace(t, "base:1.1?colour=red", "base:9.9", 1) }},
		{name: "needs no hello", fails: "6241-8.1-10", eager: true},
		{name: "serves no old client", fails: "6241-8.1-11 6242-4.1-02", greeting: func(t string) string {
			if !strings.Contains(t, peerBase11) {
				return ""
			}
			return t
		}},

		// Candidate and confirmed commit.
		{name: "has no candidate of its own", fails: "6241-7.5-07 6241-7.7-05 6241-8.3.1-01 6241-8.3.4.2-01 6241-8.3.5.2-02", request: without(`<candidate/>`, "<running/>")},
		{name: "commits nothing", fails: "6241-8.3.1-02 6241-8.3.4.1-01 6241-8.3.4.1-03 6241-8.3.4.1-05 6241-8.3.4.1-06 6241-8.3.4.1-07 6241-8.3.5.2-05 6241-8.4.1-01 6241-8.4.5.1-01 6241-8.4.5.1-06 6241-8.4.1-09", request: instead("<commit", yes)},
		{name: "shows a candidate that does not follow", fails: "6241-8.3.4.1-08", reply: func(rpc, reply string) string {
			if strings.Contains(rpc, "<candidate/>") {
				return strings.Replace(reply, "bob", "x", 1)
			}
			return reply
		}},
		{name: "always refuses to commit", fails: "6241-8.3.4.1-04 6241-8.4.1-02 6241-8.4.1-03 6241-8.4.1-06 6241-8.4.5.1-02", request: instead("<commit", refusal("application", "operation-failed"))},
		{name: "discards nothing", fails: "6241-8.3.4.2-01 6241-8.3.4.2-02 6241-8.3.5.2-04", request: instead("<discard-changes", yes)},
		{name: "gives every candidate", fails: "6241-8.3.5.1-01", request: instead("<get-config><source><candidate/>", refusal("protocol", "invalid-value"))},
		{name: "does not wait for a confirmation", fails: "6241-7.5-08 6241-7.9-07 6241-8.4.1-02 6241-8.4.1-04 6241-8.4.1-05 6241-8.4.1-08 6241-8.4.1-10 6241-8.4.4.1-01 6241-8.4.5.1-05 6470-2.2-05", request: without(`<confirmed/>(<confirm-timeout>\d+</confirm-timeout>)?(<persist>[^<]*</persist>)?`, "")},
		{name: "waits as long as it likes", fails: "6241-8.4.1-02 6241-8.4.1-08", request: without(`<confirm-timeout>1<`, "<confirm-timeout>100<")},
		{name: "waits a minute by default", fails: "6241-8.4.1-10", request: without(`<confirmed/></commit>`, "<confirmed/><confirm-timeout>60</confirm-timeout></commit>")},
		{name: "gives no more time", patient: true, fails: "6241-8.4.1-07 6241-8.4.5.1-03", request: without(`<confirm-timeout>60<`, "<confirm-timeout>1<")},
		{name: "hears no confirmation", fails: "6241-8.4.1-03", request: func(rpc string) (string, string) {
			if strings.Contains(rpc, "<commit/>") {
				return rpc, yes
			}
			return rpc, ""
		}},
		{name: "forgets what persists", fails: "6241-8.4.1-06 6241-8.4.4.1-02 6241-8.4.5.1-02", request: without(`<persist>[^<]*</persist>`, "")},
		{name: "takes any token", fails: "6241-8.4.4.1-04 6241-8.4.5.1-01", request: without(`<persist-id>other`, "<persist-id>"+token)},
		{name: "needs no token", fails: "6241-8.4.4.1-06 6241-8.4.5.1-04", request: without(`<(cancel-commit|commit)/>`, "<$1><persist-id>"+token+"</persist-id></$1>")},
		{name: "cancels nothing", fails: "6241-8.4.4.1-01 6241-8.4.4.1-02 6241-8.4.4.1-03 6241-8.4.4.1-04 6241-8.4.4.1-05 6241-8.4.4.1-06", request: instead("<cancel-commit", yes)},
		{name: "takes no time for some", fails: "6241-8.4.5.1-05", request: without(`<confirm-timeout>0<`, "<confirm-timeout>1<")},

		// Validation, urls and XPath.
		{name: "finds everything valid", fails: "6241-8.6.4.1-03 6241-8.6.4.1-05 6241-8.6.4.1-07", request: instead("<validate", yes)},
		{name: "finds nothing valid", fails: "6241-8.6.4.1-01 6241-8.6.4.1-02 6241-8.6.4.1-04 6241-8.8.5.4 8526-3.2-02", request: instead("<validate", refusal("application", "invalid-value"))},
		{name: "makes what it validates", fails: "6241-8.6.4.1-06", request: without(`<validate><source>(<config>.*</config>)</source></validate>`, "<edit-config><target><running/></target>$1</edit-config>")},
		{name: "sets what it tests", fails: "6241-8.6.5.1-01", request: without(`>test-only<`, ">set<")},
		{name: "tests what it should set", fails: "6241-8.6.5.1-04 6241-8.6.5.1-05", request: without(`>(test-then-set|set)<`, ">test-only<")},
		{name: "knows no test-option", fails: "6241-8.6.5.1-06", request: without(`<test-option>guess</test-option>`, "")},
		{name: "finds every edit good", fails: "6241-7.2-09 6241-7.2-25 6241-8.6.5.1-02 6241-8.6.5.1-03 6241-8.5-01 6241-A-02 6241-A-03 6241-A-06 6241-A-08 6241-A-09 6241-A-11", reply: never},
		{name: "names no schemes", fails: "6241-8.8.3", hello: greetsWith(`\?scheme=file`, "")},
		{name: "forgets files", fails: "6241-8.8.5.1 6241-8.8.5.2 6241-8.8.5.4", request: without(`<copy-config><target><url>[^<]*</url></target>.*</copy-config>`, "<discard-changes/>")},
		{name: "takes any url", fails: "6241-8.8.5-01 6241-8.8.5-02", request: instead("<url>", yes)},
		{name: "does not read predicates", fails: "6241-8.9.1-01 6241-8.9.1-02 6241-8.9.1-03 6241-8.9.1-04 6241-8.9.1-06 6241-8.9.1-07 6241-8.9.1-08 6241-8.9.1-09 6241-8.9.5.1-02 6241-8.9.5.1-03 8526-3.1.1-05", request: inGets(`\[[^\]"<]+\]`, "")},
		{name: "reads paths from the root alone", fails: "6241-8.9.1-06", request: inGets(`select="c:top`, `select="/c:nothing`)},
		{name: "knows the prefixes of the filter alone", fails: "6241-8.9.1-04", request: without(` xmlns:far="[^"]*"`, "")},
		{name: "has prefixes of its own", fails: "6241-8.9.1-03", request: without(`(xmlns:other="urn:nso:conformance" select=")[^"]*"`, `$1/c:top"`)},
		{name: "takes what is no expression", fails: "6241-8.9.1-05 6241-8.9.1-10 6241-8.9.1-11 6241-8.9.5.1-01", reply: never},

		// Errors.
		{name: "knows one error", fails: "6241-7.2-09 6241-7.2-11 6241-7.2-16 6241-7.2-18 6241-7.5-02 6241-7.5-03 6241-7.5-04 6241-7.9-03 6241-8.3.4.1-05 6241-8.4.4.1-04 6241-8.9.1-05 6241-A-01 6241-A-02 6241-A-03 6241-A-04 6241-A-05 6241-A-06 6241-A-07 6241-A-08 6241-A-09 6241-A-10 6241-A-11 6241-A-12 6241-A-13 6241-A-14 6241-A-15 6241-A-16 6243-4.5-01 6243-4.5.2-02 5277-2.1.1-05 5277-2.1.1-06 5277-2.1.1-07 6022-3.1-03 6022-3.1-04 6022-3.1-06 8526-3.1.1-03 8526-3.1.2-03 8526-3.2-03",
			reply: lies(`<error-tag>[^<]*<`, "<error-tag>operation-failed<")},
		{name: "gives no error-info", fails: "6241-4.3-05 6241-7.1-02 6241-7.2-18 6241-7.2-20 6241-7.3-03 6241-7.3-04 6241-7.4-02 6241-7.5-02 6241-7.5-10 6241-7.6-04 6241-7.9-04 6241-8.6.4.1-07 6241-A-04 6241-A-05 6241-A-06 6241-A-07 6241-A-08 6241-A-09 6241-A-10 6241-A-11 6241-A-12 5277-2.1.1-05 5277-2.1.1-06 5277-2.1.1-07 6022-3.1-05 8526-3.1.1-02 8526-3.1.2-02",
			reply: lies(`(?s)<error-info>.*?</error-info>`, "")},
		{name: "sends malformed-message to all", fails: "6241-A-18", request: instead("<get></rpc>", refusal("rpc", "malformed-message"))},
		{name: "does partly", fails: "6241-A-19", reply: lies(`<error-tag>data-missing<`, "<error-tag>partial-operation<")},

		// Framing.
		{name: "says hello in chunks", fails: "6242-3.1-01", first: chunk},
		{name: "never sends chunks", fails: "6242-4.1-01 6242-4.1-03 6242-4.2-01 6242-4.2-02 6242-4.2-03 6242-4.2-11", frame: func(t string) string { return t + "]]>]]>" }},
		{name: "always sends chunks", fails: "6242-4.1-02 6241-8.1-11", frame: chunk},
		{name: "writes sizes with a leading 0", fails: "6242-4.2-11", frame: func(t string) string { return fmt.Sprintf("\n#0%d\n%s\n##\n", len(t), t) }},

		// Defaults.
		{name: "has no default mode", fails: "6243-4.3-01", hello: greetsWith(`basic-mode=explicit`, "basic-mode=none")},
		{name: "has modes of its own", fails: "6243-4.3-02", hello: greetsWith(`also-supported=`, "also-supported=some,")},
		{name: "has another mode than it says", fails: "6243-2-01", hello: greetsWith(`basic-mode=explicit`, "basic-mode=report-all")},
		{name: "does not report all", fails: "6243-3.1-01 6243-4.5.1-01", request: modeOf("report-all", "explicit")},
		{name: "trims what it reports", fails: "6243-3.1-01 6243-3.1-02", request: modeOf("report-all", "trim")},
		{name: "does not trim defaults", fails: "6243-3.2-01", request: modeOf("trim", "explicit")},
		{name: "trims too much", fails: "6243-3.2-02 6243-3.3-01", reply: lies(`<mtu>1400</mtu>`, "")},
		{name: "trims what has been said", fails: "6243-3.3-01", request: modeOf("explicit", "trim")},
		{name: "says more than has been said", fails: "6243-3.3-02", request: modeOf("explicit", "report-all")},
		{name: "does not tag", fails: "6243-3.4-01 6243-4.5.2-03", request: modeOf("report-all-tagged", "report-all")},
		{name: "tags in another namespace", fails: "6243-3.4-01", reply: lies(nsDefault, "urn:x")},
		{name: "tags all defaults", fails: "6243-3.4-02", reply: lies(`<mtu>1500<`, `<mtu xmlns:wd="`+nsDefault+`" wd:default="true">1500<`)},
		{name: "takes any mode", fails: "6243-4.5-01", request: modeOf("sometimes", "trim")},
		{name: "has a mode that it does not say", fails: "6243-4.5-02", hello: greetsWith(`,trim<`, "<")},
		{name: "copies with no mode", fails: "6243-4.5.1-02", request: without(`(</source>)<with-defaults[^>]*>trim</with-defaults></copy-config>`, "$1</copy-config>")},
		{name: "does not hear tags", fails: "6243-4.5.2-01 6243-4.5.2-02 6243-4.5.2-03", request: without(` wd:default="true"`, "")},

		// Notifications.
		{name: "subscribes nobody", fails: "5277-2.1.1-02 5277-2.1.1-04 5277-2.1.1-08 5277-2.1.1-09 5277-2.1.1-10 5277-3.3-01 5277-3.3.1 6470-2.2-02 6241-8.4.1-10", request: instead("<create-subscription", yes)},
		{name: "refuses subscriptions", fails: "5277-2.1.1-01 5277-2.3-01 5277-6-01", request: instead("<create-subscription", refusal("protocol", "operation-failed"))},
		{name: "has no time", fails: "5277-2.2.1-01 5277-2.2.1-02", reply: lies(`<eventTime>[^<]*</eventTime>`, "")},
		{name: "has another time", fails: "5277-2.2.1-02", reply: lies(`<eventTime>\d+`, "<eventTime>1999")},
		{name: "notifies in another namespace", fails: "5277-2.2.1-01", reply: lies(`<notification xmlns="[^"]*"`, `<notification xmlns="urn:x"`)},
		{name: "does not filter events", fails: "5277-2.1.1-09", request: without(`(<create-subscription[^>]*>)<filter.*</filter>`, "$1")},
		{name: "knows any stream", fails: "5277-2.1.1-04", request: without(`<stream>nowhere</stream>`, "")},
		{name: "knows no stream by name", fails: "5277-2.1.1-03", request: without(`<stream>NETCONF</stream>`, "<stream>x</stream>")},
		{name: "lists no streams", fails: "5277-3.2.5-01", reply: lies(`(?s)<stream>.*</stream>`, "")},
		{name: "does not say since when", fails: "5277-3.2.5-02", reply: lies(`<replayLogCreationTime>[^<]*</replayLogCreationTime>`, "")},
		{name: "loses changes", fails: "5277-2.1.1-02 5277-2.1.1-03 5277-3.3-01 6470-2.2-01", reply: drops("netconf-config-change")},
		{name: "loses changes in a replay that is over", patient: true, fails: "5277-3.3.2-02", reply: drops("netconf-config-change")},
		{name: "replays without end", fails: "5277-3.3.1-01 5277-3.3.1-03", reply: drops("replayComplete")},
		{name: "completes nothing", fails: "5277-3.3.1-02", reply: drops("notificationComplete")},
		{name: "does not stop", fails: "5277-3.3.1-02 5277-3.3.2-01", request: without(`<stopTime>[^<]*</stopTime>`, "")},
		{name: "starts and stops when it likes", fails: "5277-2.1.1-05 5277-2.1.1-06 5277-2.1.1-07 5277-2.1.1-08", request: without(`<(startTime|stopTime)>[^<]*</(startTime|stopTime)>`, "")},
		{name: "stops late", fails: "5277-3.3.2-01", reply: func(_, reply string) string {
			if strings.Contains(reply, "notificationComplete") {
				return strings.NewReplacer("notificationComplete", "netconf-config-change").Replace(reply)
			}
			return reply
		}},
		{name: "says too little", fails: "5277-6-02", hello: hides("interleave")},
		{name: "does not say who", fails: "6470-2.2-01", reply: lies(`(?s)<changed-by>.*?</changed-by>`, "")},
		{name: "keeps the beginnings of sessions to itself", fails: "6470-2.2-02", reply: drops("netconf-session-start")},
		{name: "keeps the ends of sessions to itself", fails: "5277-2.1.1-09 6470-2.2-03 6470-2.2-04", reply: drops("netconf-session-end")},
		{name: "does not say why a session ended", fails: "6470-2.2-03 6470-2.2-04", reply: lies(`<termination-reason>\w+`, "<termination-reason>other")},
		{name: "keeps confirmed commits to itself", fails: "6470-2.2-05 6241-8.4.1-10", reply: drops("netconf-confirmed-commit")},

		// State.
		{name: "lists other capabilities", fails: "6022-2.1.1", reply: lies(`<capability>[^<]*xpath[^<]*</capability>`, "")},
		{name: "lists no datastores", fails: "6022-2.1.2-01", reply: lies(`(?s)<datastores>.*</datastores>`, "<datastores/>")},
		{name: "shows no locks", fails: "6022-2.1.2-02", reply: lies(`(?s)<locks>.*?</locks>`, "")},
		{name: "shows locks that are not there", fails: "6022-2.1.2-03", reply: adds("<datastores/>", "<locked-by-session>1</locked-by-session>")},
		{name: "lists schemas badly", fails: "6022-2.1.3", reply: lies(`<format[^>]*>[^<]*</format>`, "")},
		{name: "does not name users", fails: "6022-2.1.4-01", reply: lies(`<username>[^<]*</username>`, "")},
		{name: "lists sessions for ever", fails: "6022-2.1.4-02", reply: adds("<sessions/>", strings.Join(manySessions(), ""))},
		{name: "does not count", fails: "6022-2.1.5", reply: lies(`<(in-rpcs|out-rpc-errors|in-sessions)>\d+<`, "<$1>7<")},
		{name: "gives other schemas", fails: "6022-3.1-01", reply: lies(`module ietf-netconf-monitoring`, "module x")},
		{name: "has formats of its own", fails: "6022-3.1-02", reply: func(rpc, reply string) string {
			if strings.Contains(rpc, "<format>") {
				return strings.Replace(reply, "module", "m", 1)
			}
			return reply
		}},
		{name: "gives any schema", fails: "6022-3.1-03 6022-3.1-04 6022-3.1-05 6022-3.1-06", request: without(`<get-schema.*</get-schema>`, `<get-schema xmlns="`+nsMonitoring+`"><identifier>ietf-netconf-acm</identifier></get-schema>`)},
		{name: "has another library", fails: "8525-3-02", reply: lies(`<content-id>[^<]*`, "<content-id>x")},
		{name: "has no schemas in its library", fails: "8525-3-03", reply: lies(`(?s)(<yang-library.*)<schema>.*?</schema>`, "$1")},
		{name: "has no content-id in its library", fails: "8525-3-01 8525-3-02", reply: lies(`<content-id>[^<]*</content-id>`, "")},
		{name: "has other revisions in its library", fails: "8525-3-04", hello: greetsWith(`revision=\d+`, "revision=1900")},

		// NMDA.
		{name: "reads nothing by datastore", fails: "8526-3.1.1-01 8526-3.1.1-04 8526-3.1.1-11 8526-3.1.1-13 8526-3.1.1-14 8526-3.1.1-16 8526-3.1.1.1-02 8526-3.1.1.1-03", request: instead("<get-data", `<data xmlns="`+nsNMDA+`"/>`)},
		{name: "reads any datastore", fails: "8526-3.1.1-02 8526-3.1.1-03", request: func(rpc string) (string, string) {
			if strings.Contains(rpc, "ds:nowhere") || strings.Contains(rpc, "<get-data") && !strings.Contains(rpc, "<datastore>") {
				return rpc, `<data xmlns="` + nsNMDA + `"/>`
			}
			return rpc, ""
		}},
		{name: "reads running for operational", fails: "8526-3.1.1-07 8526-3.1.1-13", request: inGets(`ds:operational`, "ds:running")},
		{name: "reads operational for running", fails: "8526-3.1.1-14", request: inGets(`ds:running`, "ds:operational")},
		{name: "knows no config-filter", fails: "8526-3.1.1-07 8526-3.1.1-08", request: inGets(`<config-filter>\w+</config-filter>`, "")},
		{name: "knows no depth", fails: "8526-3.1.1-09 8526-3.1.1-10 8526-3.1.1-12", request: inGets(`<max-depth>\w+</max-depth>`, "")},
		{name: "is shallow", fails: "8526-3.1.1-10 8526-3.1.1-11", request: inGets(`<max-depth>\w+</max-depth>`, "<max-depth>3</max-depth>")},
		{name: "knows no subtree-filter", fails: "8526-3.1.1-04 8526-3.1.1-06 8526-3.1.1-15", request: inGets(`(?s)<subtree-filter(/>|>.*</subtree-filter>)`, "")},
		{name: "knows no xpath-filter", fails: "8526-3.1.1-05", request: inGets(`<xpath-filter[^>]*>.*</xpath-filter>`, "")},
		{name: "knows no origin", fails: "8526-3.1.1.1-01", request: inGets(`<with-origin/>`, "")},
		{name: "always tells origins", fails: "8526-3.1.1.1-02", request: inGets(`</get-data>`, "<with-origin/></get-data>")},
		{name: "does not filter by origin", fails: "8526-3.1.1.1-03 8526-3.1.1.1-04", request: inGets(`<(negated-)?origin-filter>[^<]*</(negated-)?origin-filter>`, "")},
		{name: "has no defaults in operational", fails: "8526-3.1.1.2", request: inGets(`<with-defaults>[^<]*</with-defaults>`, "<with-defaults>explicit</with-defaults>")},
		{name: "edits no datastore", fails: "8526-3.1.2", request: instead("<edit-data", yes)},
		{name: "edits running alone", fails: "8526-3.1.2-02 8526-3.1.2-03", request: without(`<edit-data[^>]*>(<datastore>ds:operational</datastore>)?<config`, `<edit-data xmlns="`+nsNMDA+`" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><datastore>ds:running</datastore><config`)},
	}
}

func manySessions() (all []string) {
	for i := range 300 {
		all = append(all, fmt.Sprintf("<x><session-id>%d</session-id></x>", i))
	}
	return all
}

func chunk(t string) string { return fmt.Sprintf("\n#%d\n%s\n##\n", len(t), t) }

const peerBase11 = "urn:ietf:params:netconf:base:1.1"
