// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

func newStream(t *testing.T) (*Stream, *yang.Schema) {
	s := yangtest.Schema(t, "ietf-netconf", "ietf-netconf-notifications",
		`module m { namespace "urn:m"; prefix m; container c { list l { key k; leaf k { type string; } } } leaf a { type string; } }`)
	return New(s), s
}

func all() Rights {
	return Rights{Receive: func(*yang.Node) bool { return true }, Reads: func(tree.Path) bool { return true }}
}

// session is the number of the session that an event speaks of.
func session(t *testing.T, body *tree.Node) string {
	t.Helper()
	for c := range body.Children() {
		v, _ := c.Node.Leaf(c.Schema.Child("", "session-id"))
		return v
	}
	t.Fatal("an event without body")
	return ""
}

// TestReplay: a replay and what follows leave nothing out and give nothing twice, and
// what is kept is bounded.
func TestReplay(t *testing.T) {
	s, _ := newStream(t)
	const n = keepEvents + 100
	for i := range n {
		s.SessionStart(Who{Session: uint32(i + 1), User: "u", Host: "127.0.0.1"})
	}
	s.settle()
	if _, aged := s.Log(); len(s.kept) != keepEvents || aged.IsZero() {
		t.Errorf("%d events are kept", len(s.kept))
	}
	sub := s.Subscribe(all(), true, time.Time{})
	defer sub.Close()
	s.SessionStart(Who{Session: n + 1, User: "u"})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for want := 101; want <= n; want++ {
		if sub.Replayed() {
			t.Fatal("the replay is over early")
		}
		_, body, err := sub.Next(ctx)
		if err != nil || session(t, body) != fmt.Sprint(want) {
			t.Fatalf("%v, want %d", err, want)
		}
	}
	if !sub.Replayed() {
		t.Error("the replay does not end")
	}
	if _, body, err := sub.Next(ctx); err != nil || session(t, body) != fmt.Sprint(n+1) {
		t.Error(err)
	}
}

// TestSlow: publishing never waits, and who is slow is told.
func TestSlow(t *testing.T) {
	s, _ := newStream(t)
	sub := s.Subscribe(all(), false, time.Time{})
	defer sub.Close()
	for range queueSize + keepEvents + 1 {
		s.SessionStart(Who{Session: 1, User: "u"})
	}
	s.settle()
	if _, _, err := sub.Next(context.Background()); !errors.Is(err, ErrSlow) {
		t.Error(err)
	}
	if sub.queue != nil {
		t.Error("what he has lost is kept")
	}
}

// TestEdits: a change lists its nodes, of many only the tops, and to each what he may read.
func TestEdits(t *testing.T) {
	s, schema := newStream(t)
	change := func(n int, r Rights) string {
		sub := s.Subscribe(r, false, time.Time{})
		defer sub.Close()
		ed := tree.NewEditor(tree.New(schema.Root))
		set := func(path, v string) {
			p, err := tree.ParsePath(schema, path)
			if err == nil {
				err = ed.Set(p, v)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		set("/m:a", "x")
		set("/m:c/l[k='before']", "")
		before := ed.Root()
		set("/m:a", "y")
		for i := range n {
			set(fmt.Sprintf("/m:c/l[k='%d']", i), "")
		}
		s.ConfigChange(Who{Session: 1, User: "u"}, before, ed.Root())
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, body, err := sub.Next(ctx)
		if err != nil {
			return err.Error()
		}
		var out []string
		for c := range body.Children() {
			edit := c.Schema.Child("", "edit")
			for e := range c.Node.List(edit).All() {
				target, _ := e.Leaf(edit.Child("", "target"))
				op, _ := e.Leaf(edit.Child("", "operation"))
				out = append(out, op+" "+target)
			}
		}
		return strings.Join(out, ", ")
	}
	if got := change(1, all()); got != "replace /m:a, create /m:c/l[k='0']" {
		t.Error(got)
	}
	if got := change(1000, all()); got != "merge /m:a, merge /m:c" {
		t.Error(got)
	}
	some := all()
	some.Reads = func(p tree.Path) bool { return p[0].Schema.Name == "a" }
	if got := change(1, some); got != "replace /m:a" {
		t.Error(got)
	}
	some.Reads = func(tree.Path) bool { return false }
	if got := change(1, some); got != context.DeadlineExceeded.Error() {
		t.Error(got)
	}
}
