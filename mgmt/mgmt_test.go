// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/ident"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m {
  yang-version 1.1; namespace "urn:m"; prefix m;
  container top {
    list l { key name; leaf name { type string; } leaf v { type uint8; } leaf ref { type leafref { path "../../l/name"; } } }
    leaf must-be { type string; must "../l[name='a']"; }
  }
}`

type world struct {
	t      testing.TB
	schema *yang.Schema
	server *Server
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	s := yangtest.Schema(t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "ietf-yang-library",
		"ietf-datastores", "nso-transports", model)
	db, err := cdb.Open("", cdb.Options{Schema: s, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(s, []string{"admin"}) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if o.Schema, o.DB = s, db; o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	server, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, s, server}
}

func (w *world) login(user string) *Session {
	w.t.Helper()
	ss, err := w.server.Login(ident.Actor{User: user, Peer: ident.Peer{UID: 1, Source: "127.0.0.1:4000"}}, Login{Transport: "netconf-tcp"})
	if err != nil {
		w.t.Fatal(err)
	}
	return ss
}

// edit makes an Edit of "path=value" and "-path".
func (w *world) edit(sets ...string) *tree.Edit {
	w.t.Helper()
	root := &tree.Edit{Schema: w.schema.Root}
	for _, s := range sets {
		op, v := tree.OpMerge, ""
		if strings.HasPrefix(s, "-") {
			op, s = tree.OpDelete, s[1:]
		} else if i := strings.LastIndex(s, "="); i > strings.LastIndex(s, "]") {
			s, v = s[:i], s[i+1:]
		}
		p, err := tree.ParsePath(w.schema, s)
		if err != nil {
			w.t.Fatal(err)
		}
		at := root
		for _, step := range p {
			at.Children = append(at.Children, tree.Edit{Schema: step.Schema, Key: step.Key})
			at = &at.Children[len(at.Children)-1]
		}
		at.Op, at.Value = op, v
	}
	return root
}

func (w *world) begin(ss *Session, sets ...string) *Txn {
	w.t.Helper()
	txn, err := ss.Begin(context.Background(), Running)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range sets {
		if err := txn.Apply(w.edit(s)); err != nil {
			w.t.Fatal(err)
		}
	}
	return txn
}

func (w *world) value(ss *Session, path string) string {
	w.t.Helper()
	root, err := ss.Read(context.Background(), Operational)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := tree.ParsePath(w.schema, path)
	if err != nil {
		w.t.Fatal(err)
	}
	c, ok := root.Find(p)
	if !ok {
		return "-"
	}
	return c.Value
}

// wants asserts the tag of the first error.
func wants(t *testing.T, err error, tag mgmterr.Tag, words string) {
	t.Helper()
	l := mgmterr.Of(err)
	if len(l) == 0 || l[0].Tag != tag || !strings.Contains(l[0].Error(), words) {
		t.Errorf("error %v, want %s with %q", err, tag, words)
	}
}

const a = "/m:top/l[name='a']"

func TestCommit(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	txn := w.begin(ss, a+"/v=1")
	if got := w.value(ss, a+"/v"); got != "-" {
		t.Errorf("an edit is seen before its commit: %s", got)
	}
	rev, err := txn.Commit(context.Background(), Label{})
	if err != nil || rev != 2 {
		t.Fatalf("revision %d, %v", rev, err)
	}
	if got := w.value(ss, a+"/v"); got != "1" {
		t.Errorf("after the commit the value is %s", got)
	}
	var bad *StateError
	if _, err := txn.Commit(context.Background(), Label{}); !errors.As(err, &bad) {
		t.Errorf("a second commit gave %v", err)
	}
	if rev, err := w.begin(ss).Commit(context.Background(), Label{}); err != nil || rev != 2 {
		t.Errorf("a commit of nothing made revision %d, %v", rev, err)
	}
	_, err = w.begin(ss, "/m:top/must-be=x", a+"/ref=b").Commit(context.Background(), Label{})
	wants(t, err, mgmterr.DataMissing, "/m:top/l[name='a']/ref")
	if got := w.server.Status().Revision; got != 2 {
		t.Errorf("a refused commit left revision %d", got)
	}
}

func TestRebaseAndConflict(t *testing.T) {
	w := newWorld(t, Options{})
	one, two := w.login("admin"), w.login("admin")
	x, y, z := w.begin(one, a+"/v=1"), w.begin(two, "/m:top/l[name='b']/v=2"), w.begin(two, a+"/v=3")
	for _, txn := range []*Txn{x, y} {
		if _, err := txn.Commit(context.Background(), Label{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.value(one, a+"/v") + w.value(one, "/m:top/l[name='b']/v"); got != "12" {
		t.Errorf("both commits: %s", got)
	}
	_, err := z.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "admin changed this node in revision 2")
	z.Abort()
}

// TestPrepared: a prepared transaction keeps others waiting until it ends.
func TestPrepared(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	x := w.begin(ss, a+"/v=1")
	if err := x.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	other := w.login("admin")
	go func() {
		_, err := w.begin(other, a+"/v=2").Commit(context.Background(), Label{})
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("a commit passed a prepared one: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	x.Abort()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := w.value(ss, a+"/v"); got != "2" {
		t.Errorf("value %s", got)
	}
}

func TestLocks(t *testing.T) {
	w := newWorld(t, Options{})
	one, two := w.login("admin"), w.login("admin")
	if err := one.Lock(Running); err != nil {
		t.Fatal(err)
	}
	err := two.Lock(Running)
	wants(t, err, mgmterr.LockDenied, "session 1")
	if i := mgmterr.Of(err)[0].Info; len(i) != 1 || i[0].Name != "session-id" || i[0].Value != "1" {
		t.Errorf("error-info %v (RFC 6241, 7.5)", i)
	}
	_, err = w.begin(two, a+"/v=1").Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "holds its lock")
	wants(t, two.Unlock(Running), mgmterr.OperationFailed, "does not hold")
	if _, err := w.begin(one, a+"/v=1").Commit(context.Background(), Label{}); err != nil {
		t.Errorf("the holder cannot commit: %v", err)
	}
	if got := w.value(one, "/ietf-netconf-monitoring:netconf-state/datastores/datastore[name='running']/locks/global-lock/locked-by-session"); got != "1" {
		t.Errorf("monitoring says that %s holds the lock", got)
	}
	if err := two.Kill(1); err != nil {
		t.Fatal(err)
	}
	if err := two.Lock(Running); err != nil {
		t.Errorf("the lock of a killed session is held: %v", err)
	}
	if _, err := one.Begin(context.Background(), Running); err == nil {
		t.Error("a killed session begins a transaction")
	}
	wants(t, two.Kill(2), mgmterr.InvalidValue, "own session")
	wants(t, two.Kill(77), mgmterr.InvalidValue, "77")
}

// TestSessionEnd: what a session leaves behind is undone.
func TestSessionEnd(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	txn := w.begin(ss, a+"/v=1")
	if err := txn.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	ss.Close("gone", true)
	other := w.login("admin")
	if _, err := w.begin(other, a+"/v=2").Commit(context.Background(), Label{}); err != nil {
		t.Errorf("a prepared transaction outlived its session: %v", err)
	}
	if c := w.server.Status().Counters; c.DroppedSessions != 1 || c.InSessions != 2 {
		t.Errorf("counters %+v", c)
	}
}

func TestAccess(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	if _, err := w.begin(admin, a+"/v=1").Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	root, err := bob.Read(context.Background(), Operational)
	if err != nil || !root.Empty() {
		t.Errorf("bob reads something, or %v", err)
	}
	txn, err := bob.Begin(context.Background(), Running)
	if err != nil {
		t.Fatal(err)
	}
	if !txn.Root().Empty() || !txn.Base().Empty() {
		t.Error("bob reads through a transaction")
	}
	wants(t, txn.Apply(w.edit(a+"/v=2")), mgmterr.AccessDenied, "/m:top/l[name='a']/v")
	wants(t, bob.Lock(Running), mgmterr.AccessDenied, "lock")
	wants(t, bob.Kill(admin.ID()), mgmterr.AccessDenied, "kill-session")
	if w.server.Admin(bob.Actor()) || !w.server.Admin(admin.Actor()) {
		t.Error("Admin is wrong")
	}
	// A change of /nacm counts at once, for open sessions too.
	rules := "/ietf-netconf-acm:nacm/rule-list[name='admin']/rule[name='all']"
	out := w.begin(admin, "-"+rules)
	out.Force()
	if _, err := out.Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	wants(t, admin.Lock(Running), mgmterr.AccessDenied, "lock")
}

func TestLimits(t *testing.T) {
	w := newWorld(t, Options{MaxSessions: 4, MaxPerUser: 2, Reserve: 1})
	w.login("bob")
	w.login("bob")
	_, err := w.server.Login(ident.Actor{User: "bob"}, Login{})
	wants(t, err, mgmterr.ResourceDenied, "bob has 2")
	w.login("carol")
	_, err = w.server.Login(ident.Actor{User: "dave"}, Login{})
	wants(t, err, mgmterr.ResourceDenied, "all 4")
	w.login("admin") // the one that is kept
	_, err = w.server.Login(ident.Actor{User: "admin"}, Login{})
	wants(t, err, mgmterr.ResourceDenied, "all 4")
}

func TestShutdown(t *testing.T) {
	w := newWorld(t, Options{})
	reasons := make(chan string, 3)
	for range 3 {
		var ss *Session
		var once sync.Once
		ss, err := w.server.Login(ident.Actor{User: "admin"}, Login{Kill: func(reason string) {
			reasons <- reason
			go once.Do(func() { ss.Close(reason, false) })
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx, "the daemon stops"); err != nil {
		t.Error(err)
	}
	for range 3 {
		if r := <-reasons; r != "the daemon stops" {
			t.Errorf("reason %q", r)
		}
	}
	_, err := w.server.Login(ident.Actor{User: "admin"}, Login{})
	wants(t, err, mgmterr.ResourceDenied, "stopping")

	w = newWorld(t, Options{})
	w.login("admin") // has no Kill and does not go
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if w.server.Shutdown(ctx, "x") == nil {
		t.Error("Shutdown says that all sessions ended")
	}
}

func TestState(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	const mon = "/ietf-netconf-monitoring:netconf-state/"
	for path, want := range map[string]string{
		mon + "sessions/session[session-id='1']/username":                                        "admin",
		mon + "sessions/session[session-id='1']/transport":                                       "nso-transports:netconf-tcp",
		mon + "sessions/session[session-id='1']/source-host":                                     "127.0.0.1",
		mon + "statistics/in-sessions":                                                           "1",
		"/ietf-yang-library:yang-library/content-id":                                             w.server.ContentID(),
		"/ietf-yang-library:yang-library/module-set[name='complete']/module[name='m']/namespace": "urn:m",
		"/ietf-yang-library:modules-state/module-set-id":                                         w.server.ContentID(),
	} {
		if got := w.value(ss, path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	// Only what is asked for is gathered.
	top := w.schema.Root.Child("m", "top")
	root, err := ss.Read(context.Background(), Operational, top)
	if err != nil {
		t.Fatal(err)
	}
	var tops []string
	for c := range root.Children() {
		tops = append(tops, c.Schema.Name)
	}
	if !slices.Equal(tops, []string{"nacm"}) {
		t.Errorf("top-level nodes %v", tops)
	}
	if _, err := ss.Read(context.Background(), "startup"); err == nil {
		t.Error("a datastore that is not there was read")
	}
}

// TestMany: sessions that commit at the same time lose nothing.
func TestMany(t *testing.T) {
	w := newWorld(t, Options{})
	const writers, each = 8, 25
	var all sync.WaitGroup
	for i := range writers {
		ss := w.login("admin")
		all.Go(func() {
			for n := range each {
				txn, err := ss.Begin(context.Background(), Running)
				if err == nil {
					err = txn.Apply(w.edit("/m:top/l[name='" + string(rune('a'+i)) + "']/v=" + string(rune('0'+n%10))))
				}
				if err == nil {
					_, err = txn.Commit(context.Background(), Label{})
				}
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := w.server.Status().Revision; got != 1+writers*each {
		t.Errorf("revision %d, want %d", got, 1+writers*each)
	}
}

// TestNothingToLearn: who has no right to a node learns nothing by naming it,
// whatever the operation and whether or not the node is there.
func TestNothingToLearn(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	if _, err := w.begin(admin, a+"/v=7").Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	for _, op := range []tree.Op{tree.OpMerge, tree.OpReplace, tree.OpCreate, tree.OpDelete, tree.OpRemove, tree.OpNone} {
		var told []string
		for _, at := range []string{a + "/v=7", a + "/v=6", "/m:top/l[name='b']/v=7"} {
			for _, end := range []string{at, at[:strings.Index(at, "]")+1]} {
				e := w.edit(end)
				last := e
				for len(last.Children) > 0 {
					last = &last.Children[0]
				}
				last.Op = op
				txn, err := bob.Begin(context.Background(), Running)
				if err != nil {
					t.Fatal(err)
				}
				l := mgmterr.Of(txn.Apply(e))
				txn.Abort()
				if len(l) != 1 || l[0].Tag != mgmterr.AccessDenied {
					t.Errorf("%s of %s: %v, want access-denied", op, end, l)
					continue
				}
				told = append(told, strings.ReplaceAll(l[0].Error(), "'b'", "'a'"))
			}
		}
		for i := range told {
			if told[i] != told[i%2] {
				t.Errorf("%s: %q and %q tell the cases apart", op, told[i], told[i%2])
			}
		}
	}
}
