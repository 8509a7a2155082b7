// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/yang"
)

var update = flag.Bool("update", false, "rewrite the dialogues in testdata")

// compiled is the schema that all tests share.
var compiled struct {
	once   sync.Once
	schema *yang.Schema
}

func schema(t testing.TB) *yang.Schema {
	compiled.once.Do(func() { compiled.schema = ipctest.Schema(t) })
	return compiled.schema
}

func ours(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s, nil)} }

func TestTable(t *testing.T) {
	i := New(nil, nil)
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
	for _, m := range i.Methods {
		if m.Name != "OpenSession" && m.States != InSession {
			t.Errorf("%s is legal without a session", m.Name)
		}
	}
}

func TestDialogues(t *testing.T) { ipctest.Dialogues(t, schema(t), *update, ours) }

// user is a connection with a session and a transaction.
type user struct {
	t  *testing.T
	c  *client.Client
	th int
}

func open(t *testing.T, b *ipctest.Bench, name string) *user {
	t.Helper()
	u := &user{t: t, c: b.Dial(name)}
	u.must("OpenSession", nil, nil)
	u.begin()
	return u
}

func (u *user) begin() {
	u.t.Helper()
	var out struct{ TH int }
	u.must("Begin", p{"datastore": "running", "readWrite": true}, &out)
	u.th = out.TH
}

type p map[string]any

func (u *user) call(method string, in p, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if in == nil {
		return u.c.Call(ctx, name+"."+method, nil, out)
	}
	return u.c.Call(ctx, name+"."+method, in, out)
}

func (u *user) must(method string, in p, out any) {
	u.t.Helper()
	if err := u.call(method, in, out); err != nil {
		u.t.Fatalf("%s: %v", method, err)
	}
}

func (u *user) set(path, v string) {
	u.t.Helper()
	u.must("Set", p{"th": u.th, "path": path, "value": v}, nil)
}

func (u *user) on(method string) error { return u.call(method, p{"th": u.th}, nil) }

func refused(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Name + " " + string(e.Parameters)
	}
	return fmt.Sprint(err)
}

// TestPrepareDeadline lets go of everybody else when the client that prepared is
// silent.
func TestPrepareDeadline(t *testing.T) {
	b := ipctest.Start(t, schema(t), func(s *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{(&room{s, nil, 100 * time.Millisecond}).table()}
	})
	slow, other := open(t, b, "admin"), open(t, b, "admin")
	slow.set("/net:top/name", "slow")
	if err := slow.on("Prepare"); err != nil {
		t.Fatal(err)
	}
	other.set("/net:top/name", "other")
	if err := other.on("Commit"); err != nil { // waits for the deadline
		t.Fatal(err)
	}
	if got := refused(slow.on("Commit")); !strings.HasPrefix(got, name+".BadState ") || !strings.Contains(got, "aborted") {
		t.Errorf("commit after the deadline: %s", got)
	}
	var v struct{ Value *string }
	other.begin()
	other.must("Get", p{"th": other.th, "path": "/net:top/name"}, &v)
	if v.Value == nil || *v.Value != "other" {
		t.Errorf("name is %v", v.Value)
	}
}

// TestCommitInTime stops the deadline.
func TestCommitInTime(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	u := open(t, b, "admin")
	u.set("/net:top/name", "x")
	for _, step := range []string{"Validate", "Prepare", "Commit"} {
		if err := u.on(step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	if got := b.Mgmt.Status().Revision; got != 2 {
		t.Errorf("revision is %d", got)
	}
}

// TestDisconnect aborts what a client has prepared, and frees its lock.
func TestDisconnect(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	gone, other := open(t, b, "admin"), open(t, b, "admin")
	gone.must("Lock", p{"datastore": "running"}, nil)
	gone.set("/net:top/name", "gone")
	if err := gone.on("Prepare"); err != nil {
		t.Fatal(err)
	}
	gone.c.Close()
	b.Sessions(1)
	other.set("/net:top/name", "other")
	if err := other.on("Commit"); err != nil {
		t.Fatal(err)
	}
}

// TestOneWriter lets a commit wait for the one that is prepared, and tells it
// then that both changed the same.
func TestOneWriter(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	first, second := open(t, b, "admin"), open(t, b, "admin")
	first.set("/net:top/name", "first")
	second.set("/net:top/name", "second")
	if err := first.on("Prepare"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- second.on("Commit") }()
	if err := first.on("Commit"); err != nil {
		t.Fatal(err)
	}
	if got := refused(<-done); !strings.HasPrefix(got, name+".Failed ") || !strings.Contains(got, "/net:top/name") {
		t.Errorf("second commit: %s", got)
	}
}

func TestLimits(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	u := open(t, b, "admin")
	for range maxTransactions - 1 {
		u.begin()
	}
	err := u.call("Begin", p{"datastore": "running", "readWrite": false}, nil)
	if got := refused(err); !strings.Contains(got, "resource-denied") {
		t.Errorf("transaction %d: %s", maxTransactions+1, got)
	}
	u.must("Abort", p{"th": u.th}, nil)
	u.begin()
	for range 7 { // Options.MaxPerUser is 8
		open(t, b, "admin")
	}
	one := &user{t: t, c: b.Dial("admin")}
	if got := refused(one.call("OpenSession", nil, nil)); !strings.Contains(got, "resource-denied") || !strings.Contains(got, "sessions-per-user") {
		t.Errorf("session 9: %s", got)
	}
	open(t, b, "reader") // others are not touched
}

// TestPieces sends a long text in pieces that together are whole, and refuses it
// to who does not take pieces.
func TestPieces(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	u := open(t, b, "admin")
	var doc strings.Builder
	doc.WriteString(`{"net:top":{"port":[`)
	const n = 12000
	for i := range n {
		if i > 0 {
			doc.WriteByte(',')
		}
		fmt.Fprintf(&doc, `{"name":"port é %06d","number":%d}`, i, i%256)
	}
	doc.WriteString(`]}}`)
	u.must("Load", p{"th": u.th, "format": "json", "operation": "merge", "text": doc.String()}, nil)
	for _, format := range []string{"json", "xml", "curly", "set"} {
		pieces, text := 0, strings.Builder{}
		for raw, err := range u.c.CallMore(context.Background(), name+".Show", p{"th": u.th, "path": "/net:top", "format": format}) {
			if err != nil {
				t.Fatal(err)
			}
			var in struct{ Text string }
			if err := json.Unmarshal(raw, &in); err != nil {
				t.Fatal(err)
			}
			if len(in.Text) > pieceSize {
				t.Errorf("%s: a piece of %d bytes", format, len(in.Text))
			}
			pieces++
			text.WriteString(in.Text)
		}
		if pieces < 2 || strings.Count(text.String(), "port é ") < n {
			t.Errorf("%s: %d pieces with %d ports", format, pieces, strings.Count(text.String(), "port é "))
		}
	}
	var whole struct{ Text string }
	u.must("Show", p{"th": u.th, "path": "/", "format": "json"}, &whole)
	if !json.Valid([]byte(whole.Text)) {
		t.Error("the whole text is no JSON")
	}
	// Keys go on where they ended.
	var keys struct {
		Entries []struct{ Values []string }
		More    bool
	}
	seen, after := 0, p{"th": u.th, "path": "/net:top/port", "limit": 900}
	for {
		u.must("Keys", after, &keys)
		seen += len(keys.Entries)
		if !keys.More {
			break
		}
		after["after"] = keys.Entries[len(keys.Entries)-1].Values
	}
	if seen != n {
		t.Errorf("%d keys, want %d", seen, n)
	}
}

// TestReopen leaves nothing behind, however often a session is opened.
func TestReopen(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	u := open(t, b, "admin")
	for range 100 {
		u.must("CloseSession", nil, nil)
		u.must("OpenSession", nil, nil)
		u.begin()
	}
	b.Sessions(1)
	u.c.Close()
	b.Sessions(0)
}

// TestHistory lists who made what, newest first, and shows it.
func TestHistory(t *testing.T) {
	b := ipctest.Start(t, schema(t), ours)
	u := open(t, b, "admin")
	u.set("/net:top/name", "x")
	u.must("Commit", p{"th": u.th, "label": "mine"}, nil)
	var out struct {
		Commits []struct {
			Revision          int
			User, Label, Time string
			Kept              bool
		}
	}
	u.must("History", p{"limit": 5}, &out)
	if len(out.Commits) != 2 || out.Commits[0].Revision != 2 || out.Commits[0].Label != "mine" || out.Commits[0].User != "admin" || !out.Commits[0].Kept {
		t.Errorf("%+v", out)
	}
	if _, err := time.Parse(time.RFC3339, out.Commits[0].Time); err != nil {
		t.Error(err)
	}
	var text struct{ Text string }
	u.must("ShowRevision", p{"revision": 2, "format": "set"}, &text)
	if !strings.Contains(text.Text, "name x") {
		t.Error(text.Text)
	}
	nobody := open0(b, t, "nobody")
	for _, method := range []string{"History", "ShowRevision", "Compare"} {
		if got := refused(nobody.call(method, p{"revision": 2, "from": 1, "format": "set"}, nil)); !strings.Contains(got, "access-denied") && !strings.Contains(got, "InvalidParameter") {
			t.Errorf("%s: %s", method, got)
		}
	}
}

// open0 is open without a transaction.
func open0(b *ipctest.Bench, t *testing.T, name string) *user {
	t.Helper()
	u := &user{t: t, c: b.Dial(name)}
	u.must("OpenSession", nil, nil)
	return u
}
