// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"nso.example/nso/mgmt/tape"
	"nso.example/nso/tree"
)

func kept(t *testing.T, dir string) *Stream {
	t.Helper()
	s, _ := newStream(t)
	if err := s.Keep(dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return s
}

// replayed is the session of each event since from, to the end of the replay.
func replayed(t *testing.T, s *Stream, from time.Time) (got []string) {
	t.Helper()
	sub := s.Subscribe(all(), true, from)
	defer sub.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for !sub.Replayed() {
		_, body, err := sub.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if body != nil {
			got = append(got, session(t, body))
		}
	}
	return got
}

// TestKeep: events are replayed after a restart, those from before and those since,
// each once and in their order; of what is no longer in memory too.
func TestKeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	s := kept(t, dir)
	created, _ := s.Log()
	for i := range keepEvents + 50 {
		s.SessionStart(Who{Session: uint32(i + 1), User: "u", Host: "127.0.0.1"})
	}
	check := func(s *Stream, want int) {
		t.Helper()
		got := replayed(t, s, time.Time{})
		for i, g := range got {
			if g != fmt.Sprint(i+1) {
				t.Fatalf("event %d is of session %s", i+1, g)
			}
		}
		if len(got) != want {
			t.Errorf("%d events, want %d", len(got), want)
		}
	}
	check(s, keepEvents+50)
	if _, aged := s.Log(); !aged.IsZero() {
		t.Error("what is on the tape is said to be gone")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = kept(t, dir)
	defer s.Close()
	if c, _ := s.Log(); !c.Equal(created) {
		t.Error(c, created)
	}
	check(s, keepEvents+50)
	later := time.Now()
	s.SessionStart(Who{Session: keepEvents + 51, User: "u"})
	check(s, keepEvents+51)
	if got := replayed(t, s, later); len(got) != 1 || got[0] != fmt.Sprint(keepEvents+51) {
		t.Error(got)
	}
}

// TestKeepNew: what happens while the tape is being replayed comes after it, once.
func TestKeepNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	s := kept(t, dir)
	s.SessionStart(Who{Session: 1, User: "u"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = kept(t, dir)
	defer s.Close()
	sub := s.Subscribe(all(), true, time.Time{})
	defer sub.Close()
	s.SessionStart(Who{Session: 2, User: "u"})
	s.settle()
	var got []string
	for {
		_, body, err := sub.Poll()
		if err != nil {
			t.Fatal(err)
		}
		if body == nil {
			break
		}
		got = append(got, session(t, body))
	}
	if fmt.Sprint(got) != "[1 2]" {
		t.Error(got)
	}
}

// TestKeepEdits: what a change named is asked of access control when it is replayed.
func TestKeepEdits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	s := kept(t, dir)
	ed := tree.NewEditor(tree.New(s.schema.Root))
	before := ed.Root()
	for _, path := range []string{"/m:a", "/m:c/l[k='y']"} {
		p, err := tree.ParsePath(s.schema, path)
		if err != nil {
			continue
		}
		if err := ed.Set(p, "v"); err != nil {
			t.Fatal(err)
		}
	}
	s.ConfigChange(Who{Session: 1, User: "u"}, before, ed.Root())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = kept(t, dir)
	defer s.Close()
	some := all()
	some.Reads = func(p tree.Path) bool { return p[0].Schema.Name == "a" }
	for want, r := range map[int]Rights{1: some, 2: all()} {
		sub := s.Subscribe(r, true, time.Time{})
		_, body, err := sub.Poll()
		sub.Close()
		if err != nil || body == nil {
			t.Fatal(body, err)
		}
		n := s.names["netconf-config-change"]
		if got := body.Container(n).List(n.Child("", "edit")).Len(); got != want {
			t.Errorf("%d edits, want %d", got, want)
		}
	}
}

// TestClockBack: events are replayed in the order in which they happened, and chosen by
// the time that the clock showed.
func TestClockBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	s := kept(t, dir)
	for i := range 3 {
		s.SessionStart(Who{Session: uint32(i + 1), User: "u"})
		s.settle()
		if i == 1 { // the second happens an hour before the first, as the clock has it
			s.mu.Lock()
			s.kept[1].Time = s.kept[0].Time.Add(-time.Hour)
			s.mu.Unlock()
		}
	}
	first := s.kept[0].Time
	if got := fmt.Sprint(replayed(t, s, first.Add(-time.Minute))); got != "[1 3]" {
		t.Error(got)
	}
	if got := fmt.Sprint(replayed(t, s, first.Add(-2*time.Hour))); got != "[1 2 3]" {
		t.Error(got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := tape.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The tape has it too.
	data, err := s.encode(s.kept[1])
	if err == nil {
		err = p.Append([]tape.Record{{Time: first.Add(-time.Hour), Data: data}})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	s = kept(t, dir)
	defer s.Close()
	if got := fmt.Sprint(replayed(t, s, first.Add(-time.Minute))); got != "[1 2 3]" {
		t.Error(got) // 2 was written before its time was changed; the last is too old
	}
	if got := len(replayed(t, s, first.Add(-2*time.Hour))); got != 4 {
		t.Error(got)
	}
}
