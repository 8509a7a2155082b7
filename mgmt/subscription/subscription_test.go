// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

func schema(t *testing.T) *yang.Schema {
	return yangtest.Schema(t, "ietf-subscribed-notifications", "ietf-yang-push", "ietf-datastores", "nso-subscriptions")
}

func text(t *testing.T, n *tree.Node, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := xmlstream.NewWriter(&b)
	w.Start("", "x")
	if err := xmlenc.Encode(w, n, xmlenc.Options{}); err != nil {
		t.Fatal(err)
	}
	w.End()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTable: ids are of the upper half and not given twice (RFC 8639, 5.1), and there
// are no more than may be.
func TestTable(t *testing.T) {
	var table Table
	seen := make(map[uint32]bool)
	add := func(session uint32, user string) *Entry {
		e := &Entry{Session: session, User: user}
		if !table.Add(e, Policy{Stream: "NETCONF"}) {
			return nil
		}
		if e.ID < 1<<31 || seen[e.ID] {
			t.Fatalf("id %d", e.ID)
		}
		seen[e.ID] = true
		return e
	}
	first := add(1, "u")
	for range MaxPerSession - 1 {
		add(1, "u")
	}
	if add(1, "u") != nil {
		t.Error("a session has too many")
	}
	if table.Of(2, first.ID) != nil || table.Of(1, first.ID) != first || table.Get(7) != nil {
		t.Error("whose is it?")
	}
	if !table.Remove(first) || table.Remove(first) || add(1, "u") == nil {
		t.Error("a place is not free")
	}
	for i := range MaxPerUser {
		add(uint32(10+i), "u")
	}
	if add(1000, "u") != nil {
		t.Error("a user has too many")
	}
	for i := range MaxInAll {
		add(uint32(2000+i), string(rune('a'+i%20)))
	}
	if len(table.entries) != MaxInAll || add(1, "somebody else") != nil {
		t.Errorf("%d in all", len(table.entries))
	}
	table.last = 1<<32 - 1
	for _, e := range table.entries {
		table.Remove(e)
		break
	}
	delete(seen, firstID)
	if e := add(9999, "v"); e == nil || e.ID < firstID {
		t.Error("the numbers run out")
	}
}

// TestTree: /subscriptions, and what is told of a change.
func TestTree(t *testing.T) {
	s := schema(t)
	var table Table
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	table.Add(&Entry{Session: 1, User: "u", Receiver: "session 1"}, Policy{Stream: "NETCONF", Replay: at, Stop: at.Add(time.Hour), Filter: Filter{XPath: "/a"}})
	push := Policy{Datastore: "ietf-datastores:running", OnChange: true, Period: 7, Excluded: []string{"move"},
		Filter: Filter{Subtree: `<datastore-subtree-filter xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push"/>`}}
	table.Add(&Entry{Session: 1, User: "u", Receiver: "session 1"}, push)
	table.Add(&Entry{Session: 1, User: "u", Receiver: "session 1"}, Policy{Datastore: "ietf-datastores:running", Period: 100, Anchor: at, Filter: Filter{Name: "f"}})
	root, err := table.Tree(s)
	got := text(t, root, err)
	for _, want := range []string{"<id>2147483648</id>", "<replay-start-time>2026-01-02T03:04:05Z</replay-start-time>", "<stop-time>", "<stream-xpath-filter>/a<",
		"<dampening-period>7<", "<excluded-change>move<", "<datastore-subtree-filter ", "<period>100<", "<anchor-time>", "selection-filter-ref xmlns="} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	root, err = Modified(s, 5, push)
	if got := text(t, root, err); !strings.Contains(got, "<subscription-modified ") || !strings.Contains(got, "<id>5</id>") || !strings.Contains(got, "<on-change ") {
		t.Error(got)
	}
	root, err = Change(s, "subscription-terminated", 5, Reason("ietf-subscribed-notifications:filter-unavailable"))
	if got := text(t, root, err); !strings.Contains(got, ":filter-unavailable</reason>") {
		t.Error(got)
	}
	root, err = Streams(s, at, at)
	if got := text(t, root, err); !strings.Contains(got, "<replay-log-aged-time>2026-01-02T03:04:05Z<") {
		t.Error(got)
	}
	bare := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m; leaf a { type string; } }`)
	if root, err := table.Tree(bare); root != nil || err != nil {
		t.Error(root, err)
	}
}
