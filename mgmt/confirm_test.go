// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

const entryA, entryB = "/m:top/l[name='a']", "/m:top/l[name='b']"

// stage puts an edit into the candidate.
func (w *world) stage(ss *Session, sets ...string) {
	w.t.Helper()
	t, err := ss.Begin(context.Background(), Candidate)
	if err == nil {
		err = t.Apply(w.edit(sets...))
	}
	if err == nil {
		_, err = t.Commit(context.Background(), Label{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) has(path string) bool {
	w.t.Helper()
	p, err := tree.ParsePath(w.schema, path)
	if err != nil {
		w.t.Fatal(err)
	}
	top := p[0].Schema
	n := w.server.db.Root().Container(top)
	return n != nil && n.List(p[1].Schema).Get(p[1].Key) != nil
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("does not happen: ", what)
		}
	}
}

// TestConfirmTimeout: what is not confirmed in time is reverted (RFC 6241, 8.4.1), the
// session that made it alive or not, and running is open again.
func TestConfirmTimeout(t *testing.T) {
	w := newWorld(t, Options{})
	a, b := w.login("admin"), w.login("admin")
	w.stage(a, entryA)
	if _, err := a.CommitCandidate(context.Background(), CommitOptions{Confirmed: true, Timeout: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	w.until("the revert", func() bool { return !w.has(entryA) })
	w.until("the end of the wait", func() bool { return w.server.ledger.Pending() == nil })
	if _, err := w.begin(b, entryB).Commit(context.Background(), Label{}); err != nil {
		t.Error(err)
	}
	if err := a.CancelCommit(""); err == nil {
		t.Error("cancelled what was reverted")
	}
}

// TestConfirmFollowUp: a follow-up begins the time anew, and the way back is to before
// the first.
func TestConfirmFollowUp(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.login("admin")
	ctx := context.Background()
	w.stage(a, entryA)
	if _, err := a.CommitCandidate(ctx, CommitOptions{Confirmed: true, Timeout: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	w.stage(a, entryB)
	if _, err := a.CommitCandidate(ctx, CommitOptions{Confirmed: true, Timeout: time.Hour}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // longer than the first had
	if !w.has(entryA) || !w.has(entryB) {
		t.Error("a follow-up is not there")
	}
	a.Close("gone", false)
	if w.has(entryA) || w.has(entryB) || w.server.ledger.Pending() != nil {
		t.Error("the end of the session did not revert both")
	}
}

// TestCandidateAccess: the candidate may be changed by whoever may change running, and
// a commit is asked about as a whole (RFC 8341, 3.2.8).
func TestCandidateAccess(t *testing.T) {
	w := newWorld(t, Options{})
	a, eve := w.login("admin"), w.login("eve")
	txn, err := eve.Begin(context.Background(), Candidate)
	if err != nil {
		t.Fatal(err)
	}
	if err := txn.Apply(w.edit(entryA)); !tagged(err, mgmterr.AccessDenied) {
		t.Errorf("eve edits the candidate: %v", err)
	}
	txn.Abort()
	w.stage(a, entryA)
	if _, err := eve.CommitCandidate(context.Background(), CommitOptions{}); !tagged(err, mgmterr.AccessDenied) {
		t.Errorf("eve commits what admin has edited: %v", err)
	}
	if root, err := eve.Read(context.Background(), Candidate); err != nil || !tree.Equal(root, tree.New(w.schema.Root)) {
		t.Errorf("eve reads the candidate: %v", err)
	}
	if _, err := a.CommitCandidate(context.Background(), CommitOptions{}); err != nil || !w.has(entryA) {
		t.Error(err)
	}
}

func tagged(err error, tag mgmterr.Tag) bool {
	l := mgmterr.Of(err)
	return len(l) > 0 && l[0].Tag == tag
}

// crashed are the steps at which the process ends, and what the next start finds.
var crashed = []struct {
	step, then string // then is what follows the confirmed commit: "", confirm, cancel, close
	persist    bool
	timeout    time.Duration
	before     bool // the commit is not there
	waits      bool // it still waits to be confirmed
}{
	{step: "try", before: true},
	{step: "tried", before: true},
	{step: "armed", before: true},
	{step: "try", persist: true, before: true},
	{step: "tried", persist: true, waits: true},
	{step: "armed", persist: true, waits: true},
	{step: "armed", persist: true, timeout: time.Millisecond, before: true},
	{step: "confirm", then: "confirm", before: true},
	{step: "confirmed", then: "confirm"},
	{step: "confirm", then: "confirm", persist: true, waits: true},
	{step: "confirmed", then: "confirm", persist: true},
	{step: "revert", then: "cancel", before: true},
	{step: "reverted", then: "cancel", before: true},
	{step: "revert", then: "cancel", persist: true, waits: true},
	{step: "reverted", then: "cancel", persist: true, before: true},
	{step: "revert", then: "close", before: true},
	{step: "reverted", then: "close", before: true},
	{step: "revert", then: "time", persist: true, timeout: time.Millisecond, before: true},
}

const crashDir, crashCase = "NSO_TEST_CRASH_DIR", "NSO_TEST_CRASH_CASE"

func (w *world) onDisk(dir string, o Options) {
	w.t.Helper()
	w.schema = yangtest.Schema(w.t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "ietf-yang-library",
		"ietf-datastores", "nso-transports", model)
	db, err := cdb.Open(dir, cdb.Options{Schema: w.schema, Factory: func() (*tree.Node, error) { return nacm.Factory(w.schema, []string{"admin"}) }})
	if err != nil {
		w.t.Fatal(err)
	}
	o.Schema, o.DB, o.Log = w.schema, db, slog.New(slog.DiscardHandler)
	if w.server, err = New(o); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
}

// TestCrashedChild is the process that ends.
func TestCrashedChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("is run by TestConfirmCrash")
	}
	c := crashed[len(os.Getenv(crashCase))]
	w := &world{t: t}
	armed := false
	w.onDisk(dir, Options{Step: func(name string) {
		if armed && name == c.step {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	ss := w.login("admin")
	if _, err := w.begin(ss, entryB).Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	armed = true
	w.stage(ss, entryA)
	o := CommitOptions{Confirmed: true, Timeout: time.Hour}
	if c.timeout != 0 {
		o.Timeout = c.timeout
	}
	id := ""
	if c.persist {
		o.Persist, id = "token", "token"
	}
	_, err := ss.CommitCandidate(context.Background(), o)
	if err == nil {
		switch c.then {
		case "confirm":
			_, err = ss.CommitCandidate(context.Background(), CommitOptions{PersistID: id})
		case "cancel":
			err = ss.CancelCommit(id)
		case "close":
			ss.Close("gone", false)
		case "time":
			time.Sleep(time.Minute)
		}
	}
	t.Fatal("is still alive: ", err)
}

// TestConfirmCrash ends the process with SIGKILL at each step of a confirmed commit:
// what comes up is the configuration before or after it, and what waits is whole.
func TestConfirmCrash(t *testing.T) {
	for i, c := range crashed {
		name := c.step + " " + c.then
		if c.persist {
			name += " persist"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "db")
			child := exec.Command(os.Args[0], "-test.run=^TestCrashedChild$")
			child.Env = append(os.Environ(), crashDir+"="+dir, crashCase+"="+strings.Repeat("x", i))
			var out bytes.Buffer
			child.Stdout, child.Stderr = &out, &out
			err := child.Run()
			if st, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !st.Signaled() || st.Signal() != syscall.SIGKILL {
				t.Fatalf("the process ended by itself: %v\n%s", err, &out)
			}
			w := &world{t: t}
			w.onDisk(dir, Options{})
			if !w.has(entryB) {
				t.Error("what was committed before is gone")
			}
			if w.has(entryA) == c.before {
				t.Errorf("the commit is there: %v", w.has(entryA))
			}
			if waits := w.server.ledger.Pending() != nil; waits != c.waits {
				t.Fatalf("it waits to be confirmed: %v", waits)
			}
			ss := w.login("admin")
			if c.waits {
				if _, err := w.begin(ss, "/m:top/l[name='c']").Commit(context.Background(), Label{}); !tagged(err, mgmterr.InUse) {
					t.Errorf("running can be changed: %v", err)
				}
				if err := ss.CancelCommit("token"); err != nil || w.has(entryA) {
					t.Errorf("cannot be cancelled: %v", err)
				}
			}
			if _, err := w.begin(ss, "/m:top/l[name='c']").Commit(context.Background(), Label{}); err != nil {
				t.Error(err)
			}
			if err := w.server.db.Close(); err != nil {
				t.Fatal(err)
			}
			again := &world{t: t}
			again.onDisk(dir, Options{})
			if again.server.ledger.Pending() != nil || !again.has("/m:top/l[name='c']") {
				t.Error("something is left armed")
			}
		})
	}
}
