// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/subscription"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
)

const nsEvents = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"

func modify(id, rest string) string {
	return `<modify-subscription xmlns="` + nsSubscribed + `" xmlns:yp="` + nsPush + `" xmlns:ds="` + nsDatastores + `"><id>` + id + `</id>` + rest + `</modify-subscription>`
}

func onlyEvents(name string) string {
	return `<stream-subtree-filter><` + name + ` xmlns="` + nsEvents + `"/></stream-subtree-filter>`
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// until waits until the state of the subscriptions holds what is wanted.
func (w *world) until(c *peer.Conn, want func(state string) bool) {
	w.t.Helper()
	var state string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if state = w.rpc(c, `<get><filter><subscriptions xmlns="`+nsSubscribed+`"/></filter></get>`); want(state) {
			return
		}
	}
	w.t.Errorf("the subscriptions stay %s", state)
}

// TestRFC8639Section2_4_3: a subscription is modified by its own session alone, and what
// the new filter lets through comes after the reply.
func TestRFC8639Section2_4_3(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	id := w.subscribes(a, establish(allEvents+onlyEvents("netconf-session-start")))
	w.refused(b, modify(id, onlyEvents("netconf-session-end")), "invalid-value", "no-such-subscription")
	w.refused(a, modify(id, `<yp:on-change/>`), "bad-element", "")
	w.refused(a, modify(id, `<stream-xpath-filter>][</stream-xpath-filter>`), "invalid-value", `<modify-subscription-stream-error-info xmlns="`+nsSubscribed)
	w.refused(a, modify(id, `<stop-time>2001-01-01T00:00:00Z</stop-time>`), "invalid-value", "stop-time")
	c := w.open("admin")
	w.wants(w.event(a), "<netconf-session-start ") // what was refused has changed nothing
	w.mustOK(a, modify(id, onlyEvents("netconf-session-end")))
	w.open("admin")
	w.mustOK(c, `<close-session/>`)
	w.wants(w.event(a), "<netconf-session-end ", "<session-id>3</session-id>")
	w.until(b, func(s string) bool {
		return strings.Contains(s, "netconf-session-end") && !strings.Contains(s, "netconf-session-start")
	})
	w.mustOK(a, modify(id, `<stop-time>`+at(time.Now().Add(50*time.Millisecond))+`</stop-time>`))
	w.until(b, func(s string) bool { return !strings.Contains(s, id) })

	push := w.subscribes(a, onChange(`<yp:datastore-subtree-filter><alone xmlns="urn:test"/></yp:datastore-subtree-filter><yp:on-change/>`))
	w.event(a)
	w.refused(a, modify(push, `<yp:datastore>ds:operational</yp:datastore>`), "bad-element", "")
	w.refused(a, modify(push, `<yp:periodic><yp:period>100</yp:period></yp:periodic>`), "bad-element", "")
	w.mustOK(b, setAlone("x")+``)
	w.event(a)
	w.mustOK(a, modify(push, `<yp:datastore>ds:running</yp:datastore><yp:datastore-xpath-filter xmlns:t="urn:test">/t:top/t:note</yp:datastore-xpath-filter><yp:on-change><yp:dampening-period>1</yp:dampening-period></yp:on-change>`))
	w.wants(w.event(a), "<push-update ", "<datastore-contents/>")
	w.mustOK(b, setAlone("y"))
	w.mustOK(b, config+`<top xmlns="urn:test"><note>n</note></top>`+endConfig)
	w.wants(w.event(a), "<push-change-update ", "/test:top")
}

// TestRFC8639Section2_4_5: whoever may kills anybody's subscription, and its receiver is
// told that it is over (2.7.3).
func TestRFC8639Section2_4_5(t *testing.T) {
	w := newWorld(t, worldOptions{before: "/ietf-netconf-acm:nacm/exec-default = permit\n/ietf-netconf-acm:nacm/groups/group[name='nso-guest']/user-name = eve"})
	a, b, eve := w.open("admin"), w.open("admin"), w.open("eve")
	id := w.subscribes(a, establish(allEvents+onlyEvents("netconf-config-change")))
	w.refused(eve, rpcOnID("kill-subscription", id), "access-denied", "") // nacm:default-deny-all
	w.mustOK(b, rpcOnID("kill-subscription", id))
	w.wants(w.event(a), "<subscription-terminated ", "<id>"+id+"</id>", ":no-such-subscription</reason>")
	w.mustOK(b, setAlone("x"))
	w.refused(a, rpcOnID("delete-subscription", id), "invalid-value", "no-such-subscription")
}

// TestRFC8639Section2_4_2_1: a replay begins where it is asked to, or says since when it
// can; its end is told, and after stop-time nothing comes.
func TestRFC8639Section2_4_2_1(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.mustOK(b, setAlone("x"))
	changes := allEvents + onlyEvents("netconf-config-change")
	old := establish(changes + `<replay-start-time>2001-01-01T00:00:00Z</replay-start-time>`)
	if reply := w.rpc(a, old); !strings.Contains(reply, "<replay-start-time-revision ") {
		t.Error(reply)
	}
	w.wants(w.event(a), "<netconf-config-change ")
	w.wants(w.event(a), "<replay-completed ")
	w.mustOK(b, setAlone("y"))
	w.wants(w.event(a), "<netconf-config-change ")
	since := time.Now()
	w.mustOK(b, setAlone("z"))
	w.event(a)
	c := w.open("admin")
	reply := w.rpc(c, establish(changes+`<replay-start-time>`+at(since)+`</replay-start-time><stop-time>`+at(time.Now())+`</stop-time>`))
	if strings.Contains(reply, "revision") {
		t.Error(reply)
	}
	w.wants(w.event(c), "<netconf-config-change ") // z alone
	w.wants(w.event(c), "<replay-completed ")
	w.until(b, func(s string) bool { return !strings.Contains(s, "<name>session 3</name>") })
	w.mustOK(b, setAlone("q"))
	w.mustOK(c, "<close-session/>") // and the reply is what comes next
}

// TestRFC8639Section2_2: a filter lets whole events through, and never a part.
func TestRFC8639Section2_2(t *testing.T) {
	w := newWorld(t, worldOptions{})
	xpath, subtree, c := w.open("admin"), w.open("admin"), w.open("admin")
	w.subscribes(xpath, establish(allEvents+`<stream-xpath-filter xmlns:e="`+nsEvents+`">/e:netconf-config-change/e:edit[e:operation='create']</stream-xpath-filter>`))
	w.subscribes(subtree, establish(allEvents+`<stream-subtree-filter><netconf-config-change xmlns="`+nsEvents+`"><edit><operation>create</operation></edit></netconf-config-change></stream-subtree-filter>`))
	boolean := w.open("admin")
	w.subscribes(boolean, establish(allEvents+`<stream-xpath-filter>count(/ietf-netconf-notifications:netconf-config-change/edit) &gt; 1</stream-xpath-filter>`))
	w.mustOK(c, setAlone("x"))
	w.mustOK(c, setAlone("y"))
	w.mustOK(c, config+`<alone xmlns="urn:test">z</alone><top xmlns="urn:test"><note>n</note></top>`+endConfig)
	for _, s := range []*peer.Conn{xpath, subtree} {
		w.wants(w.event(s), "<username>admin</username>", ">/t:alone</target>", "create")
		w.wants(w.event(s), "<username>admin</username>", ">/t:alone</target>", ">/t:top</target>")
	}
	w.wants(w.event(boolean), ">/t:top</target>")
}

// TestRFC5277Section3_6: the filter of create-subscription may be an XPath.
func TestRFC5277Section3_6(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.mustOK(a, subscribe+`<filter type="xpath" xmlns:e="`+nsEvents+`" select="/e:netconf-config-change[e:edit/e:operation='replace'] | /e:netconf-session-end"/></create-subscription>`)
	w.mustOK(b, setAlone("x"))
	w.mustOK(b, setAlone("y"))
	w.wants(w.event(a), "<netconf-config-change ", "<operation>replace</operation>", "<username>admin</username>")
	w.mustOK(b, "<close-session/>")
	w.wants(w.event(a), "<netconf-session-end ")
	for _, bad := range []string{`type="xpath"`, `type="xpath" select="/["`, `type="regex"`} {
		if reply := w.rpc(w.open("admin"), subscribe+`<filter `+bad+`/></create-subscription>`); !strings.Contains(reply, "-attribute</error-tag>") {
			t.Errorf("%s: %s", bad, reply)
		}
	}
}

// TestRFC8639Section3_2: a filter of /filters is used by its name. When it changes the
// receiver is told (2.7.2), and when it goes the subscription ends (2.7.3).
func TestRFC8639Section3_2(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	filters := func(inner string) string {
		return config + `<filters xmlns="` + nsSubscribed + `" xmlns:nc="` + nsBase + `">` + inner + `</filters>` + endConfig
	}
	w.mustOK(b, filters(`<stream-filter><name>f</name>`+onlyEvents("netconf-session-start")+`</stream-filter>`+
		`<selection-filter xmlns="`+nsPush+`"><filter-id>g</filter-id><datastore-xpath-filter>/test:alone</datastore-xpath-filter></selection-filter>`))
	id := w.subscribes(a, establish(allEvents+`<stream-filter-name>f</stream-filter-name>`))
	w.open("admin")
	w.wants(w.event(a), "<netconf-session-start ")
	w.mustOK(b, filters(`<stream-filter><name>f</name>`+onlyEvents("netconf-session-end")+`</stream-filter>`))
	w.wants(w.event(a), "<subscription-modified ", "<id>"+id+"</id>", "<stream-subtree-filter ", "netconf-session-end")
	c := w.open("admin")
	w.mustOK(c, "<close-session/>")
	w.wants(w.event(a), "<netconf-session-end ")
	w.mustOK(b, filters(`<stream-filter nc:operation="delete"><name>f</name></stream-filter>`))
	w.wants(w.event(a), "<subscription-terminated ", "<id>"+id+"</id>", ":filter-unavailable</reason>")
	w.refused(a, establish(allEvents+`<stream-filter-name>f</stream-filter-name>`), "invalid-value", "filter-unsupported")
	w.subscribes(a, onChange(`<yp:selection-filter-ref>g</yp:selection-filter-ref><yp:on-change><yp:sync-on-start>false</yp:sync-on-start></yp:on-change>`))
	w.mustOK(b, config+`<alone xmlns="urn:test">z</alone><top xmlns="urn:test"><note>n</note></top>`+endConfig)
	got := w.event(a)
	w.wants(got, "<push-change-update ", "/test:alone")
	if strings.Contains(got, "/test:top") {
		t.Error(got)
	}
	// They are not configured (the feature is not there): nso-subscriptions says so.
	w.refused(b, config+`<subscriptions xmlns="`+nsSubscribed+`"><subscription><id>1</id></subscription></subscriptions>`+endConfig, "unknown-element", "")
}

const rulesOfEve = "/ietf-netconf-acm:nacm/groups/group[name='nso-guest']/user-name = eve\n"

func ruleOfEve(n, more string) string {
	r := "/ietf-netconf-acm:nacm/rule-list[name='g']/rule[name='" + n + "']/"
	return "/ietf-netconf-acm:nacm/rule-list[name='g']/group = nso-guest\n" + r + "access-operations = *\n" + r + "action = permit\n" + r + more + "\n"
}

func dropRule(n string) string {
	return config + `<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" xmlns:nc="` + nsBase + `"><rule-list><name>g</name><rule nc:operation="delete"><name>` + n + `</name></rule></rule-list></nacm>` + endConfig
}

// TestRFC8641Section3_9: a receiver is sent what he may read when it is sent, and no more:
// a node that he may not read any more is gone for him. When he may not subscribe any
// more it is over (RFC 8639, 2.1).
func TestRFC8641Section3_9(t *testing.T) {
	w := newWorld(t, worldOptions{before: rulesOfEve + ruleOfEve("1", "rpc-name = establish-subscription") + ruleOfEve("2", "path = /test:alone") +
		ruleOfEve("3", "path = /test:top/note") + ruleOfEve("4", "path = /test:top/entry[name='mine']")})
	eve, a := w.open("eve"), w.open("admin")
	w.mustOK(a, config+`<alone xmlns="urn:test">x</alone><top xmlns="urn:test"><note>n</note><number>7</number><entry><name>mine</name></entry><entry><name>other</name></entry></top>`+endConfig)
	w.subscribes(eve, onChange(`<yp:on-change/>`))
	got := w.event(eve)
	w.wants(got, ">x</alone>")
	for _, hidden := range []string{"nacm", "number", "other"} {
		if strings.Contains(got, hidden) {
			t.Errorf("%s in %s", hidden, got)
		}
	}
	w.mustOK(a, config+`<top xmlns="urn:test"><number>8</number><entry><name>other</name><value>1</value></entry></top>`+endConfig)
	w.mustOK(a, setAlone("y"))
	w.wants(w.event(eve), "<patch-id>0</patch-id>", `<value><alone xmlns="urn:test">y</alone></value>`)
	w.mustOK(a, dropRule("2"))
	w.wants(w.event(eve), "<operation>delete</operation><target>/test:alone</target>")
	w.mustOK(a, dropRule("1"))
	w.wants(w.event(eve), "<subscription-terminated ", ":stream-unavailable</reason>")
}

// TestRFC8641Section3_3_Dampening: in a dampening period nothing is sent; after it each
// node once, with what it is then, and one that is again what it was shows that
// something went on. What is excluded is not sent.
func TestRFC8641Section3_3_Dampening(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.mustOK(b, config+`<alone xmlns="urn:test">x</alone><top xmlns="urn:test"><note>n</note></top>`+endConfig)
	filter := `<yp:datastore-subtree-filter><alone xmlns="urn:test"/><top xmlns="urn:test"/></yp:datastore-subtree-filter>`
	dampened := w.subscribes(a, onChange(filter+`<yp:on-change><yp:dampening-period>100000</yp:dampening-period></yp:on-change>`))
	w.event(a) // an update, too, begins a period
	top := func(inner string) string {
		return config + `<top xmlns="urn:test" xmlns:nc="` + nsBase + `">` + inner + `</top>` + endConfig
	}
	for _, op := range []string{setAlone("y"), setAlone("x"), top(`<note>m</note>`), top(`<one>1</one>`), top(`<one nc:operation="delete"/>`),
		top(`<note>last</note>`), top(`<number>1</number>`)} {
		w.mustOK(b, op)
	}
	w.mustOK(a, modify(dampened, `<yp:on-change><yp:dampening-period>1</yp:dampening-period></yp:on-change>`))
	got := w.event(a)
	w.wants(got, "<patch-id>0</patch-id>", "<operation>replace</operation><target>/test:top/note</target>", ">last</note>",
		"<operation>create</operation><target>/test:top/number</target>",
		"<operation>replace</operation><target>/test:alone</target>", ">x</alone>", // churn
		"<operation>delete</operation><target>/test:top/one</target>")
	if n := strings.Count(got, "<edit "); n != 4 {
		t.Errorf("%d edits in %s", n, got)
	}
	w.mustOK(a, "<close-session/>")

	c := w.open("admin")
	id := w.subscribes(c, onChange(filter+`<yp:on-change><yp:sync-on-start>false</yp:sync-on-start><yp:excluded-change>replace</yp:excluded-change><yp:excluded-change>delete</yp:excluded-change></yp:on-change>`))
	omitted := func(n int) {
		t.Helper()
		w.until(b, func(s string) bool { return strings.Contains(s, fmt.Sprintf("<excluded-event-records>%d<", n)) })
	}
	omitted(0)
	w.mustOK(b, setAlone("z"))
	omitted(1)
	w.mustOK(b, top(`<number nc:operation="delete"/>`))
	omitted(2)
	w.mustOK(b, top(`<number>3</number>`))
	w.wants(w.event(c), "<push-change-update ", "<operation>create</operation><target>/test:top/number</target>")
	w.refused(c, rpcOnID("resync-subscription", id), "operation-not-supported", "ietf-yang-push:on-change-sync-unsupported")
	w.wants(w.rpc(b, `<get><filter><subscriptions xmlns="`+nsSubscribed+`"/></filter></get>`), "<sync-on-start>false<", "<excluded-change>delete<", "<sent-event-records>1</sent-event-records>")
}

// TestRFC8641Section3_11_1: what cannot be made an update of is not passed over: the
// subscription is suspended until it can.
func TestRFC8641Section3_11_1(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.subscribes(a, onChange(`<yp:datastore-xpath-filter xmlns:t="urn:test">/t:top/t:entry[not(following-sibling::t:entry[following-sibling::t:entry[t:value = 1]])]</yp:datastore-xpath-filter><yp:on-change/>`))
	w.event(a)
	var many strings.Builder
	for i := range 700 {
		fmt.Fprintf(&many, "<entry><name>%d</name></entry>", i)
	}
	w.mustOK(b, config+`<top xmlns="urn:test">`+many.String()+`</top>`+endConfig)
	w.wants(w.event(a), "<subscription-suspended ", ":insufficient-resources</reason>")
	w.wants(w.rpc(b, `<get><filter><subscriptions xmlns="`+nsSubscribed+`"/></filter></get>`), "<state>suspended</state>")
	w.mustOK(b, config+`<top xmlns="urn:test" xmlns:nc="`+nsBase+`" nc:operation="replace"><entry><name>one</name></entry></top>`+endConfig)
	w.wants(w.event(a), "<subscription-resumed ")
	w.wants(w.event(a), "<push-update ", "<name>one</name>")
}

// TestSubscriptionLimits: what a session can have is bounded, and gone with it.
func TestSubscriptionLimits(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	for range subscription.MaxPerSession {
		w.subscribes(a, establish(allEvents+onlyEvents("netconf-confirmed-commit")))
	}
	w.refused(a, establish(allEvents), "resource-denied", "ietf-subscribed-notifications:insufficient-resources")
	w.subscribes(b, establish(allEvents+onlyEvents("netconf-confirmed-commit")))
	w.refused(b, establish(allEvents+`<stream-xpath-filter>`+strings.Repeat(" ", subscriptionText+1)+`</stream-xpath-filter>`), "too-big", "")
	w.mustOK(a, "<close-session/>")
	w.until(b, func(s string) bool { return strings.Count(s, "<subscription>") == 1 })
}

// TestDeafSubscriber: one who reads nothing loses his session; commits, and the others
// who watch, are not held up by him.
func TestDeafSubscriber(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.server.opts.WriteTime = 300 * time.Millisecond
	deaf, good := w.open("admin"), w.open("admin")
	watch := onChange(`<yp:datastore-subtree-filter><top xmlns="urn:test"/></yp:datastore-subtree-filter><yp:on-change/>`)
	w.subscribes(deaf, watch)
	w.subscribes(good, watch)
	ss, err := w.mgmt.Login(actor("admin"), loginOfTests)
	if err != nil {
		t.Fatal(err)
	}
	defer ss.Close("done", false)
	top := w.schema.Root.Child("test", "top")
	note := top.Child("test", "note")
	filler := strings.Repeat("x", 100_000)
	w.event(good)
	for i := 0; len(w.mgmt.List()) > 2; i++ {
		if i == 2000 {
			t.Fatal("he keeps his session")
		}
		x, err := ss.Begin(context.Background(), mgmt.Running)
		if err != nil {
			t.Fatal(err)
		}
		value := fmt.Sprint(i, filler)
		if err := x.Apply(&tree.Edit{Schema: w.schema.Root, Children: []tree.Edit{{Schema: top, Children: []tree.Edit{{Schema: note, Value: value}}}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Commit(context.Background(), mgmt.Label{}); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(w.event(good), ">"+fmt.Sprint(i)+"x") { // he is told each time
		}
	}
}

// TestEventsAfterRestart: what happened before a restart is replayed after it.
func TestEventsAfterRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	for run := range 2 {
		w := newWorld(t, worldOptions{})
		end, err := w.mgmt.KeepEvents(dir)
		if err != nil {
			t.Fatal(err)
		}
		a := w.open("admin")
		w.mustOK(a, setAlone(fmt.Sprint("run", run)))
		if run == 1 {
			w.mustOK(a, subscribe+`<startTime>2001-01-01T00:00:00Z</startTime></create-subscription>`)
			for _, want := range []string{"netconf-session-start", "netconf-config-change", "netconf-session-end", "netconf-session-start", "netconf-config-change", "replayComplete"} {
				w.wants(w.event(a), "<"+want+" ")
			}
			w.wants(w.rpc(a, `<get><filter><netconf xmlns="`+nsManageEvent+`"/></filter></get>`), "<replayLogCreationTime>")
		}
		w.mustOK(a, "<close-session/>")
		w.sessions(0)
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}
