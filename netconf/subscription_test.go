// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/peer"
)

// establish is an <establish-subscription>.
func establish(parameters string) string {
	return `<establish-subscription xmlns="` + nsSubscribed + `" xmlns:yp="` + nsPush + `" xmlns:ds="` + nsDatastores + `">` + parameters + `</establish-subscription>`
}

func onChange(rest string) string {
	return establish(`<yp:datastore>ds:running</yp:datastore>` + rest)
}

func rpcOnID(name, id string) string {
	space := nsSubscribed
	if name == "resync-subscription" {
		space = nsPush
	}
	return `<` + name + ` xmlns="` + space + `"><id>` + id + `</id></` + name + `>`
}

var idOf = regexp.MustCompile(`<id[^>]*>([0-9]+)</id>`)

// subscribes establishes a subscription and returns its id.
func (w *world) subscribes(c *peer.Conn, operation string) string {
	w.t.Helper()
	reply := w.rpc(c, operation)
	id := idOf.FindStringSubmatch(reply)
	if id == nil {
		w.t.Fatalf("no subscription: %s", reply)
	}
	return id[1]
}

// refused runs an operation that is answered with an error of that tag and app-tag.
func (w *world) refused(c *peer.Conn, operation, tag, appTag string) string {
	w.t.Helper()
	reply := w.rpc(c, operation)
	if !strings.Contains(reply, "<error-tag>"+tag+"</error-tag>") || !strings.Contains(reply, appTag) {
		w.t.Errorf("%s: %s, want %s %s", operation, reply, tag, appTag)
	}
	return reply
}

const allEvents = `<stream>NETCONF</stream>`

// TestRFC8639Section2_4_2: a session has several subscriptions, is told what each is
// for, and is still answered (RFC 8639, 2.4.2; RFC 8640, 5).
func TestRFC8639Section2_4_2(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	all := w.subscribes(a, establish(allEvents))
	some := w.subscribes(a, establish(allEvents+`<stream-subtree-filter><netconf-session-start xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"/></stream-subtree-filter>`))
	if all == some {
		t.Error("two subscriptions have one id")
	}
	w.mustOK(b, setAlone("x"))
	w.wants(w.event(a), "<netconf-config-change ", "<username>admin</username>")
	w.open("admin")
	for range 2 { // once for each
		w.wants(w.event(a), "<netconf-session-start ", "<session-id>3</session-id>")
	}
	state := w.rpc(b, `<get><filter><subscriptions xmlns="`+nsSubscribed+`"/></filter></get>`)
	w.wants(state, "<id>"+all+"</id>", "<stream>NETCONF</stream>", "<sent-event-records>2</sent-event-records>", "<excluded-event-records>1</excluded-event-records>",
		"<state>active</state>", "<name>session 1</name>", "netconf-session-start")
	w.wants(w.rpc(b, `<get><filter><streams xmlns="`+nsSubscribed+`"/></filter></get>`), "<name>NETCONF</name>", "<replay-support/>", "<replay-log-creation-time>")
	w.mustOK(a, rpcOnID("delete-subscription", all))
	w.mustOK(b, setAlone("y"))
	w.open("admin")
	w.wants(w.event(a), "<netconf-session-start ", "<session-id>4</session-id>") // and no change before it
}

// TestRFC8639Section2_4_6: what is refused says why, by an identity (RFC 8640, 7).
func TestRFC8639Section2_4_6(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a := w.open("admin")
	mine := w.subscribes(w.open("admin"), establish(allEvents))
	future, past := "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
	const sn, yp = "<error-app-tag>ietf-subscribed-notifications:", "<error-app-tag>ietf-yang-push:"
	for _, c := range []struct{ operation, tag, appTag string }{
		{establish(``), "missing-element", "<bad-element>datastore</bad-element>"},
		{establish(`<stream>OTHER</stream>`), "invalid-value", "<bad-element>stream</bad-element>"},
		{establish(allEvents + `<encoding xmlns:sn="` + nsSubscribed + `">sn:encode-json</encoding>`), "invalid-value", sn + "encoding-unsupported"},
		{establish(allEvents + `<stream-xpath-filter>/[</stream-xpath-filter>`), "invalid-value", sn + "filter-unsupported"},
		{establish(allEvents + `<stream-xpath-filter>/[</stream-xpath-filter>`), "invalid-value", `<establish-subscription-stream-error-info xmlns="` + nsSubscribed + `"><filter-failure-hint>`},
		{establish(allEvents + `<stream-filter-name>none</stream-filter-name>`), "invalid-value", sn + "filter-unsupported"},
		{establish(allEvents + `<replay-start-time>` + future + `</replay-start-time>`), "invalid-value", "<bad-element>replay-start-time</bad-element>"},
		{establish(allEvents + `<stop-time>` + past + `</stop-time>`), "invalid-value", "<bad-element>stop-time</bad-element>"},
		{establish(allEvents + `<yp:datastore>ds:running</yp:datastore>`), "bad-element", ""},
		{establish(allEvents + `<dscp>1</dscp>`), "unknown-element", "dscp"},
		{rpcOnID("delete-subscription", mine), "invalid-value", sn + "no-such-subscription"},
		{rpcOnID("delete-subscription", "7"), "invalid-value", sn + "no-such-subscription"},
		{rpcOnID("kill-subscription", "7"), "invalid-value", sn + "no-such-subscription"},
		{rpcOnID("kill-subscription", "-1"), "invalid-value", "<bad-element>id</bad-element>"},
		{`<delete-subscription xmlns="` + nsSubscribed + `"/>`, "missing-element", "<bad-element>id</bad-element>"},
		{`<modify-subscription xmlns="` + nsSubscribed + `"><id>` + mine + `</id></modify-subscription>`, "invalid-value", sn + "no-such-subscription"},
		{rpcOnID("resync-subscription", mine), "invalid-value", yp + "no-such-subscription-resync"},
		{onChange(`<yp:periodic><yp:period>1</yp:period></yp:periodic>`), "invalid-value", yp + "period-unsupported"},
		{onChange(`<yp:periodic><yp:period>1</yp:period></yp:periodic>`), "invalid-value", `<establish-subscription-datastore-error-info xmlns="` + nsPush + `"><period-hint>10</period-hint>`},
		{onChange(``), "missing-element", "periodic"},
		{establish(`<yp:datastore>ds:startup</yp:datastore><yp:on-change/>`), "invalid-value", yp + "datastore-not-subscribable"},
		{establish(`<yp:datastore>ds:operational</yp:datastore><yp:on-change/>`), "operation-not-supported", yp + "on-change-unsupported"},
		{onChange(`<yp:datastore-subtree-filter><nothing xmlns="urn:none"/></yp:datastore-subtree-filter><yp:on-change/>`), "operation-failed", yp + "unchanging-selection"},
	} {
		w.refused(a, c.operation, c.tag, c.appTag)
	}
	// RFC 8640, 3: not beside create-subscription.
	w.mustOK(a, subscribe+`</create-subscription>`)
	w.refused(a, establish(allEvents), "operation-not-supported", "")
	c := w.open("admin")
	w.subscribes(c, establish(allEvents))
	w.refused(c, subscribe+`</create-subscription>`, "operation-not-supported", "")
}

// TestRFC8641Section3_3: changes of running are sent as a patch, after everything.
func TestRFC8641Section3_3(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.mustOK(b, setAlone("x"))
	id := w.subscribes(a, onChange(`<yp:datastore-subtree-filter><alone xmlns="urn:test"/><top xmlns="urn:test"/></yp:datastore-subtree-filter><yp:on-change/>`))
	w.wants(w.event(a), "<push-update ", "<id>"+id+"</id>", `<datastore-contents><alone xmlns="urn:test">x</alone></datastore-contents>`)
	w.mustOK(b, setAlone("y"))
	w.wants(w.event(a), "<push-change-update ", "<patch-id>0</patch-id>", "<operation>replace</operation><target>/test:alone</target>",
		`<value><alone xmlns="urn:test">y</alone></value>`)
	w.mustOK(b, config+`<top xmlns="urn:test"><entry><name>a/b c</name><value>1</value></entry></top>`+endConfig)
	w.wants(w.event(a), "<patch-id>1</patch-id>", "<operation>create</operation><target>/test:top</target>",
		`<value><top xmlns="urn:test"><entry><name>a/b c</name><value>1</value></entry></top></value>`)
	w.mustOK(b, config+`<top xmlns="urn:test"><entry><name>a/b c</name><value>2</value></entry><job><id>1</id></job></top>`+endConfig)
	w.wants(w.event(a), "<patch-id>2</patch-id>", "<target>/test:top/entry=a%2Fb%20c/value</target>", "<operation>insert</operation><target>/test:top/job=1</target><where>first</where>")
	w.mustOK(b, config+`<top xmlns="urn:test"><job xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="last"><id>2</id></job></top>`+endConfig)
	w.wants(w.event(a), "<operation>insert</operation><target>/test:top/job=2</target><point>/test:top/job=1</point><where>after</where>")
	w.mustOK(b, config+`<top xmlns="urn:test"><job xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"><id>2</id></job></top>`+endConfig)
	w.wants(w.event(a), "<operation>move</operation>")
	w.mustOK(a, rpcOnID("resync-subscription", id))
	w.wants(w.event(a), "<push-update ", "a/b c")
	w.mustOK(b, config+`<top xmlns="urn:test" xmlns:nc="`+nsBase+`" nc:operation="delete"/>`+endConfig)
	w.wants(w.event(a), "<patch-id>0</patch-id>", "<operation>delete</operation><target>/test:top</target></edit>")
}

// TestRFC8641Section3_1: a periodic subscription is sent what a get would give.
func TestRFC8641Section3_1(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a := w.open("admin")
	id := w.subscribes(a, establish(`<yp:datastore>ds:operational</yp:datastore><yp:datastore-xpath-filter xmlns:t="urn:test">/t:top/t:counters</yp:datastore-xpath-filter><yp:periodic><yp:period>10</yp:period></yp:periodic>`))
	for range 3 {
		w.wants(w.event(a), "<push-update ", "<id>"+id+"</id>", "<hits>7</hits>")
	}
	w.mustOK(a, fmt.Sprintf(`<modify-subscription xmlns="%s" xmlns:yp="%s"><id>%s</id><stop-time>%s</stop-time></modify-subscription>`, nsSubscribed, nsPush, id,
		time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)))
	w.mustOK(a, rpcOnID("delete-subscription", id))
}
