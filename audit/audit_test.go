// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m {
  yang-version 1.1; namespace "urn:m"; prefix m;
  import ietf-netconf-acm { prefix nacm; }
  import iana-crypt-hash { prefix ianach; }
  typedef site-password { type string; }
  typedef word { type site-password { length "1..max"; } }
  container top {
    list l { key name; leaf name { type string; } leaf v { type string; } }
    list many { key "name hash"; leaf name { type string; } leaf hash { type ianach:crypt-hash; } }
    leaf-list plain { type string; }
    leaf-list word { type word; }
    leaf-list mixed { type union { type uint8; type union { type ianach:crypt-hash; } } }
    leaf-list refers { type leafref { path "../word"; } }
    leaf-list points { type instance-identifier { require-instance false; } }
    leaf-list psk { type string; }
    leaf-list ordered { type string; ordered-by user; }
    container closed { nacm:default-deny-all; list e { key id; leaf id { type string; } } leaf-list f { type uint8; } }
    leaf-list refers-closed { type leafref { path "../closed/f"; } }
    leaf passworded { type boolean; }
  }
}`

func schema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, "ietf-netconf-acm", "iana-crypt-hash", model)
}

// TestPath is the rule of what is secret.
func TestPath(t *testing.T) {
	s := schema(t)
	const hash = "$1$abcdefgh$aaaaaaaaaaaaaaaaaaaaaa"
	for path, want := range map[string]string{
		"/":                       "/",
		"/m:top/l[name='a']/v":    "/m:top/l[name='a']/v",
		"/m:top/l[name='secret']": "/m:top/l[name='secret']",
		"/m:top/many[name='a'][hash='" + hash + "']": "/m:top/many[name='a'][hash='***']",
		"/m:top/plain[.='a']":                        "/m:top/plain[.='a']",
		"/m:top/word[.='a']":                         "/m:top/word[.='***']",
		"/m:top/mixed[.='7']":                        "/m:top/mixed[.='***']",
		"/m:top/refers[.='a']":                       "/m:top/refers[.='***']",
		"/m:top/refers-closed[.='7']":                "/m:top/refers-closed[.='***']",
		"/m:top/psk[.='a']":                          "/m:top/psk[.='***']",
		"/m:top/closed/e[id='a']":                    "/m:top/closed/e[id='***']",
		"/ietf-netconf-acm:nacm/groups/group[name='a']/user-name[.='b']": "/ietf-netconf-acm:nacm/groups/group[name='a']/user-name[.='b']",
		"/m:top/closed/f[.='7']":                           "/m:top/closed/f[.='***']",
		`/m:top/points[.="/m:top/closed/e[id='a']"]`:       "/m:top/points[.='/m:top/closed/e[***]...']",
		"/m:top/passworded":                                "/m:top/passworded",
		"/m:top/l[name='" + strings.Repeat("ä", 99) + "']": "/m:top/l[name='" + strings.Repeat("ä", 64) + "...']",
		"/m:top/none[name='hush']":                         "/m:top/none[***]...",
		"/m:top/closed/e[id='hush":                         "/m:top/closed/e[***]...",
	} {
		if got := PathText(s, path); got != want {
			t.Errorf("%s is written %s, want %s", path, got, want)
		}
	}
	top := s.Root.Child("m", "top")
	for name, want := range map[string]bool{"plain": false, "passworded": false, "closed": true, "word": true} {
		if got := Secret(top.Child("m", name)); got != want {
			t.Errorf("%s is secret: %v", name, got)
		}
	}
}

// world is a trail into a buffer, at the highest level.
func world(t testing.TB) (*Trail, *bytes.Buffer, *time.Time) {
	var b bytes.Buffer
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	trail := New(slog.New(h), schema(t))
	now := time.Unix(1e9, 0)
	trail.now = func() time.Time { return now }
	return trail, &b, &now
}

func expect(t *testing.T, b *bytes.Buffer, want string) {
	t.Helper()
	if got := b.String(); got != want+"\n" {
		t.Errorf("the record is\n%swant\n%s", got, want)
	}
	b.Reset()
}

func TestRecords(t *testing.T) {
	trail, b, _ := world(t)
	ann := ident.Actor{User: "ann", Own: "ann", Peer: ident.Peer{UID: 1000, PID: 4711, LoginUID: 1000, Door: "ipc", Source: "pid 4711"}}
	bob := ident.Actor{User: "bob", Own: "eve", Peer: ident.Peer{UID: 1001, LoginUID: ident.NoLogin, Door: "netconf-tcp", Source: "127.0.0.1:4000"}}
	const (
		isAnn = `user=ann uid=1000 login_uid=1000 pid=4711 door=ipc source="pid 4711"`
		isBob = `user=bob own=eve uid=1001 login_uid=unset door=netconf-tcp source=127.0.0.1:4000`
	)
	trail.Login(Session{ann, "maapi", 7})
	expect(t, b, `level=INFO+2 msg="session opened" audit=true user=ann uid=1000 login_uid=1000 pid=4711 door=maapi source="pid 4711" usid=7 event=login`)
	trail.LoginRefused(bob, "", errors.New("all are in use"))
	expect(t, b, `level=WARN msg="session refused" audit=true `+isBob+` reason="all are in use" event=login-refused`)
	trail.Refused(bob, "netconf-tcp", "127.0.0.1:4000", errors.New("no"))
	expect(t, b, `level=WARN msg="connection refused" audit=true `+isBob+` reason=no event=connection-refused`)
	trail.Refused(ident.Actor{}, "netconf-tcp", "127.0.0.1:4000", errors.New("no"))
	expect(t, b, `level=WARN msg="connection refused" audit=true door=netconf-tcp source=127.0.0.1:4000 reason=no event=connection-refused`)
	trail.ActingAs(bob, "", "a grant")
	expect(t, b, `level=WARN msg="acting as another user" audit=true `+isBob+` reason="a grant" event=acting-as`)
	trail.Denied(Session{bob, "", 8}, "edit", mgmterr.List{
		mgmterr.New(mgmterr.AccessDenied, "/m:top/closed/e[id='hush']", "no"), mgmterr.New(mgmterr.InvalidValue, "/m:top/plain", "no")})
	expect(t, b, `level=WARN msg="access denied" audit=true `+isBob+` usid=8 op=edit path="[/m:top/closed/e[id='***']]" reason="at /m:top/closed/e[id='***']" event=access-denied`)
	trail.DeniedCall(bob, "ipc", "org.nso.Control.Stop", errors.New("no"))
	expect(t, b, `level=WARN msg="access denied" audit=true user=bob own=eve uid=1001 login_uid=unset door=ipc source=127.0.0.1:4000 op=org.nso.Control.Stop reason=no event=access-denied`)
	trail.Kicked(ann, "", 8, "go")
	expect(t, b, `level=INFO+2 msg="session kicked" audit=true `+isAnn+` target=8 reason=go event=session-kicked`)
	trail.Reloaded(ann, "", []string{"log.level"}, nil, nil)
	expect(t, b, `level=INFO+2 msg="configuration read again" audit=true `+isAnn+` changed=[log.level] restart=[] event=reload`)
	trail.Reloaded(ident.Actor{}, "SIGHUP", nil, nil, errors.New("no"))
	expect(t, b, `level=ERROR msg="cannot reload" audit=true door=SIGHUP err=no event=reload-failed`)
	trail.Stopped(ann, "")
	expect(t, b, `level=INFO+2 msg="stop asked for" audit=true `+isAnn+` event=stop-asked`)
	trail.Level(ann, "", "info", "debug")
	expect(t, b, `level=INFO+2 msg="log level changed" audit=true `+isAnn+` before_level=info level=debug event=log-level`)
}

func put(t testing.TB, s *yang.Schema, root *tree.Node, paths ...string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(root)
	for _, p := range paths {
		path, value, _ := strings.Cut(p, " = ")
		at, err := tree.ParsePath(s, path)
		if err == nil && value != "" {
			err = ed.Set(at, value)
		} else if err == nil {
			err = ed.Merge(at, nil)
		}
		if err != nil {
			t.Fatal(p, err)
		}
	}
	return ed.Root()
}

func TestCommitted(t *testing.T) {
	trail, b, _ := world(t)
	s := trail.schema
	base := put(t, s, tree.New(s.Root), "/m:top/l[name='a']/v = 1", "/m:top/ordered[.='x'] = x", "/m:top/ordered[.='y'] = y")
	root := put(t, s, base, "/m:top/l[name='a']/v = 2", "/m:top/l[name='b']/v = hush", "/m:top/word[.='hush'] = hush", "/m:top/closed/e[id='hush']/id = hush")
	ed := tree.NewEditor(root)
	at, _ := tree.ParsePath(s, "/m:top/ordered[.='y']")
	if err := ed.Move(at, tree.Insert{Where: tree.First}); err != nil {
		t.Fatal(err)
	}
	at, _ = tree.ParsePath(s, "/m:top/l[name='b']/v")
	if err := ed.Delete(at); err != nil {
		t.Fatal(err)
	}
	trail.Committed(Commit{Session: Session{ID: 3, Door: "maapi", Actor: ident.Actor{User: "ann"}}, Before: 4, After: 5, Base: base, Root: ed.Root(),
		Label: "l", Comment: "why\nMESSAGE=", Prepare: time.Millisecond, Length: 2 * time.Millisecond})
	got := b.String()
	for _, want := range []string{"usid=3", "txid=5", "before=4", "label=l", `comment="why\nMESSAGE="`, "prepare=1ms", "dur=2ms", "event=commit",
		"modified /m:top/l[name='a']/v", "created /m:top/l[name='b'] ", "created /m:top/word[.='***']", "created /m:top/closed", "moved /m:top/ordered[.='y']"} {
		if !strings.Contains(got, want) {
			t.Errorf("the record lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "hush") || strings.Contains(got, "more=") || strings.Count(got, "\n") != 1 {
		t.Errorf("the record says too much:\n%s", got)
	}
	// Many changes: so many are named, and so many counted.
	for n, want := range map[int]string{maxChanges: " prepare=", maxChanges + 1: "more=1 ", maxChanges + maxCount + 5: `more="at least 1000" `} {
		b.Reset()
		base := put(t, s, tree.New(s.Root), "/m:top/plain[.='x'] = x")
		ed := tree.NewEditor(base)
		for i := range n {
			at, _ := tree.ParsePath(s, fmt.Sprintf("/m:top/plain[.='%d']", i))
			if err := ed.Set(at, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		trail.Committed(Commit{Base: base, Root: ed.Root()})
		if got := b.String(); !strings.Contains(got, want) || n == maxChanges && strings.Contains(got, "more=") {
			t.Errorf("%d changes are told as %.200s", n, got)
		}
	}
	// A bug here is not the commit's.
	b.Reset()
	trail.log = slog.New(&bad{Handler: trail.log.Handler()})
	trail.Committed(Commit{Base: base, Root: root})
	if got := b.String(); !strings.Contains(got, "event="+string(event.Panic)) {
		t.Errorf("a panic is told as %s", got)
	}
}

// bad panics once.
type bad struct {
	slog.Handler
	done bool
}

func (h *bad) Handle(ctx context.Context, r slog.Record) error {
	if !h.done {
		h.done = true
		panic("bad")
	}
	return h.Handler.Handle(ctx, r)
}

// TestFlood: one peer's refusals are held back and counted, another's are not.
func TestFlood(t *testing.T) {
	trail, b, now := world(t)
	refuse := func(uid uint32, n int) int {
		b.Reset()
		for range n {
			trail.LoginRefused(ident.Actor{User: "u", Peer: ident.Peer{UID: uid}}, "ipc", errors.New("no"))
		}
		return strings.Count(b.String(), "\n")
	}
	if n := refuse(1, 1000); n != burst {
		t.Errorf("%d of 1000 refusals are written", n)
	}
	if n := refuse(2, 10); n != 10 {
		t.Errorf("%d of 10 refusals of somebody else are written", n)
	}
	*now = now.Add(3 * time.Second)
	if n := refuse(1, 10); n != 3 || !strings.Contains(b.String(), fmt.Sprintf("held_back=%d ", 1000-burst)) {
		t.Errorf("after three seconds %d are written: %s", n, b)
	}
	// Very many peers take no memory; whoever has been quiet makes room.
	for uid := range uint32(5000) {
		refuse(100+uid, 1)
	}
	if n := len(trail.gate.peers); n > maxPeers+1 {
		t.Errorf("%d peers are remembered", n)
	}
	*now = now.Add(time.Hour)
	if n := refuse(70000, 10); n != 10 || len(trail.gate.peers) > 10 {
		t.Errorf("after an hour %d are written, %d remembered", n, len(trail.gate.peers))
	}
}

// TestFloodOfStrangers: nor do those of one source hide what another's are.
func TestFloodOfStrangers(t *testing.T) {
	trail, b, _ := world(t)
	for port := range 1000 {
		trail.Refused(ident.Actor{}, "netconf-ssh", fmt.Sprintf("[2001:db8::%x]:%d", port, 4000+port), errors.New("no"))
	}
	if n := strings.Count(b.String(), "\n"); n != burst {
		t.Errorf("%d of 1000 refusals of one network are written", n)
	}
	b.Reset()
	for _, source := range []string{"192.0.2.1:4000", "[2001:db8:0:1::1]:4000", "pid 4711"} {
		trail.Refused(ident.Actor{}, "netconf-ssh", source, errors.New("no"))
	}
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d of 3 refusals of others are written", n)
	}
}

func BenchmarkCommitted(b *testing.B) {
	trail := New(slog.New(slog.DiscardHandler), schema(b))
	s := trail.schema
	for _, n := range []int{1, 32, 100_000} {
		base := put(b, s, tree.New(s.Root), "/m:top/l[name='x']/v = 1")
		ed := tree.NewEditor(base)
		for i := range n {
			at, _ := tree.ParsePath(s, fmt.Sprintf("/m:top/l[name='%d']/v", i))
			if err := ed.Set(at, "1"); err != nil {
				b.Fatal(err)
			}
		}
		c := Commit{Session: Session{Actor: ident.Actor{User: "ann"}, Door: "maapi", ID: 1}, Before: 1, After: 2, Base: base, Root: ed.Root()}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				trail.Committed(c)
			}
		})
	}
}
