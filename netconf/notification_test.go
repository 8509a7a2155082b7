// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"nso.example/nso/mgmt"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
)

const subscribe = `<create-subscription xmlns="` + nsNotification + `">`

// event receives a notification, less its time.
func (w *world) event(c *peer.Conn) string {
	w.t.Helper()
	text, err := c.Receive()
	if err != nil {
		w.t.Fatalf("no event: %v", err)
	}
	at := regexp.MustCompile(`<eventTime>([^<]*)</eventTime>`).FindSubmatch(text)
	if at == nil || !strings.Contains(string(text), `xmlns="`+nsNotification+`"`) {
		w.t.Fatalf("no event: %s", text)
	}
	if _, err := time.Parse(time.RFC3339Nano, string(at[1])); err != nil {
		w.t.Error(err)
	}
	return string(text)
}

func (w *world) wants(got string, parts ...string) {
	w.t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			w.t.Errorf("no %s in %s", p, got)
		}
	}
}

func setAlone(v string) string {
	return config + `<alone xmlns="urn:test">` + v + `</alone>` + endConfig
}

// TestNotifications: who has subscribed is told of changes, sessions and confirmed
// commits (RFC 5277, 2; RFC 6470, 2), and is still answered (RFC 5277, 6).
func TestNotifications(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a, b := w.open("admin"), w.open("admin")
	w.mustOK(a, subscribe+`</create-subscription>`)
	w.mustOK(b, setAlone("x"))
	w.wants(w.event(a), "<netconf-config-change ", "<username>admin</username>", "<session-id>2</session-id>", "<source-host>127.0.0.1</source-host>",
		"<datastore>running</datastore>", `>/t:alone</target>`, "<operation>create</operation>")
	w.mustOK(a, `<lock><target><running/></target></lock>`)
	w.mustOK(a, `<unlock><target><running/></target></unlock>`)
	if reply := w.rpc(a, subscribe+`</create-subscription>`); !strings.Contains(reply, "operation-failed") {
		t.Error(reply)
	}
	c := w.open("admin")
	w.wants(w.event(a), "<netconf-session-start ", "<session-id>3</session-id>")
	w.mustOK(c, `<close-session/>`)
	w.wants(w.event(a), "<netconf-session-end ", "<session-id>3</session-id>", "<termination-reason>closed</termination-reason>")
	w.open("admin")
	w.event(a)
	w.mustOK(b, `<kill-session><session-id>4</session-id></kill-session>`)
	w.wants(w.event(a), "<killed-by>2</killed-by>", "<termination-reason>killed</termination-reason>")
	// The candidate is nobody's yet; its commit is a change.
	w.mustOK(b, `<edit-config><target><candidate/></target><config><alone xmlns="urn:test">y</alone></config></edit-config>`)
	w.mustOK(b, `<commit><confirmed/><confirm-timeout>77</confirm-timeout></commit>`)
	w.wants(w.event(a), "<confirm-event>start</confirm-event>", "<timeout>77</timeout>")
	w.wants(w.event(a), "<netconf-config-change ", "<operation>replace</operation>")
	w.mustOK(b, `<cancel-commit/>`)
	w.wants(w.event(a), "<confirm-event>cancel</confirm-event>")
	w.wants(w.event(a), "<netconf-config-change ", "<server/>")
	w.mustOK(b, `<commit><confirmed/></commit>`)
	w.wants(w.event(a), "<confirm-event>start</confirm-event>")
	w.mustOK(b, `<commit/>`)
	w.wants(w.event(a), "<confirm-event>complete</confirm-event>")
}

// TestReplay: what happened before comes first, then a mark, and with stopTime the end
// (RFC 5277, 2.1.1 and 3.3.1).
func TestReplay(t *testing.T) {
	w := newWorld(t, worldOptions{})
	a := w.open("admin")
	begin := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	w.mustOK(a, setAlone("x"))
	from := subscribe + `<startTime>` + begin + `</startTime>`
	w.mustOK(a, from+`<stopTime>`+time.Now().Add(100*time.Millisecond).UTC().Format(time.RFC3339Nano)+`</stopTime></create-subscription>`)
	w.wants(w.event(a), "<netconf-session-start ")
	w.wants(w.event(a), "<netconf-config-change ")
	w.wants(w.event(a), "<replayComplete ", nsManageEvent)
	w.wants(w.event(a), "<notificationComplete ")
	// It is over, and another one may begin, with a filter (3.6).
	w.mustOK(a, from+`<filter type="subtree"><netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"/></filter></create-subscription>`)
	w.wants(w.event(a), "<netconf-config-change ")
	w.wants(w.event(a), "<replayComplete ")
	b := w.open("admin")
	w.mustOK(b, setAlone("y"))
	w.wants(w.event(a), "<netconf-config-change ")
	if state := w.rpc(b, `<get><filter><netconf xmlns="`+nsManageEvent+`"/></filter></get>`); !strings.Contains(state, "<name>NETCONF</name>") ||
		!strings.Contains(state, "<replaySupport>true</replaySupport>") {
		t.Error(state)
	}
	for want, rest := range map[string]string{
		"bad-element": `<startTime>2999-01-01T00:00:00Z</startTime>`, "missing-element": `<stopTime>2999-01-01T00:00:00Z</stopTime>`,
		"invalid-value": `<stream>other</stream>`,
		"bad-attribute": `<filter type="xpath" select="/["/>`,
	} {
		if reply := w.rpc(b, subscribe+rest+`</create-subscription>`); !strings.Contains(reply, "<error-tag>"+want+"</error-tag>") {
			t.Errorf("%s: %s", rest, reply)
		}
	}
}

// TestNotificationAccess: nobody is told of what he may not read (RFC 8341, 3.4.6).
func TestNotificationAccess(t *testing.T) {
	const nacm = "/ietf-netconf-acm:nacm/"
	rule := func(n, more string) string {
		r := nacm + "rule-list[name='g']/rule[name='" + n + "']/"
		return r + "access-operations = *\n" + r + "action = permit\n" + r + more + "\n"
	}
	w := newWorld(t, worldOptions{before: nacm + "groups/group[name='nso-guest']/user-name = eve\n" + nacm + "rule-list[name='g']/group = nso-guest\n" +
		rule("1", "rpc-name = create-subscription") + rule("2", "notification-name = netconf-config-change") + rule("3", "path = /test:alone")})
	eve, a := w.open("eve"), w.open("admin")
	w.mustOK(eve, subscribe+`</create-subscription>`)
	w.mustOK(a, config+`<top xmlns="urn:test"><note>hidden</note></top>`+endConfig)
	w.open("admin")
	w.mustOK(a, setAlone("seen"))
	got := w.event(eve)
	w.wants(got, ">/t:alone</target>")
	if strings.Contains(got, "top") {
		t.Error(got)
	}
}

// TestSlowSubscriber: who does not read his events loses his session, and slows nobody.
func TestSlowSubscriber(t *testing.T) {
	w := newWorld(t, worldOptions{})
	w.server.opts.WriteTime = 300 * time.Millisecond
	slow := w.open("admin")
	w.mustOK(slow, subscribe+`</create-subscription>`)
	ss, err := w.mgmt.Login(actor("admin"), loginOfTests)
	if err != nil {
		t.Fatal(err)
	}
	defer ss.Close("done", false)
	gone := func() bool { return len(w.mgmt.List()) == 1 }
	for i := 0; !gone() && i < 20000; i++ {
		x, err := ss.Begin(context.Background(), mgmt.Running)
		if err != nil {
			t.Fatal(err)
		}
		s := w.schema.Root.Child("test", "alone")
		if err := x.Apply(&tree.Edit{Schema: w.schema.Root, Children: []tree.Edit{{Schema: s, Value: fmt.Sprint(i)}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Commit(context.Background(), mgmt.Label{}); err != nil {
			t.Fatal(err)
		}
	}
	w.sessions(1)
}
