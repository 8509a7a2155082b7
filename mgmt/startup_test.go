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
	"nso.example/nso/ident"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

// startupCrashed are the steps at which a daemon with a startup datastore ends, and which
// of the entries a, which only running had, and b, which startup had, are there at the next start.
var startupCrashed = []struct {
	name, step, do string
	a, b           bool
}{
	{"running only", "confirmed", "commit", false, true},
	{"before startup is written", "startup", "save", false, true},
	{"startup is written", "started", "save", true, true},
	{"a commit waits", "tried", "try", false, true},
	{"a commit that persists waits", "armed", "persist", false, true},
	{"before a reset", "startup", "reset", false, true},
	{"between the two of a reset", "started", "reset", false, false},
	{"before running of a reset", "reset", "reset", false, false},
	{"after a reset", "reseted", "reset", false, false},
}

const startupDir, startupCase = "NSO_TEST_STARTUP_DIR", "NSO_TEST_STARTUP_CASE"

func (w *world) withStartup(dir string, o Options) {
	w.t.Helper()
	w.schema = yangtest.Schema(w.t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "ietf-yang-library",
		"ietf-datastores", "ietf-factory-default", "nso-transports", model)
	db, err := cdb.Open(dir, cdb.Options{Schema: w.schema, Startup: true, Factory: func() (*tree.Node, error) { return nacm.Factory(w.schema, []string{"admin"}) }})
	if err != nil {
		w.t.Fatal(err)
	}
	o.Schema, o.DB, o.Log = w.schema, db, slog.New(slog.DiscardHandler)
	if w.server, err = New(o); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
}

func (w *world) reset(ss *Session) error {
	for _, op := range w.schema.RPCs {
		if op.Name == "factory-reset" {
			_, err := ss.Invoke(context.Background(), operate.Call{Operation: op})
			return err
		}
	}
	w.t.Fatal("there is no factory-reset")
	return nil
}

// TestStartupCrashedChild is the process that ends.
func TestStartupCrashedChild(t *testing.T) {
	dir := os.Getenv(startupDir)
	if dir == "" {
		t.Skip("is run by TestStartupCrash")
	}
	c := startupCrashed[len(os.Getenv(startupCase))]
	w := &world{t: t}
	armed := false
	w.withStartup(dir, Options{Step: func(name string) {
		if armed && name == c.step {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	ctx := context.Background()
	ss := w.login("admin")
	w.must(ss, entryB)
	if err := ss.Save(ctx); err != nil {
		t.Fatal(err)
	}
	armed = c.do == "commit"
	var err error
	if c.do == "try" || c.do == "persist" {
		armed = true
		o := CommitOptions{Confirmed: true, Timeout: time.Hour}
		if c.do == "persist" {
			o.Persist = "token"
		}
		_, err = w.begin(ss, entryA).CommitWith(ctx, o)
		t.Fatal("is still alive: ", err)
	}
	w.must(ss, entryA)
	armed = true
	if c.do == "save" {
		err = ss.Save(ctx)
	} else {
		err = w.reset(ss)
	}
	t.Fatal("is still alive: ", err)
}

// TestStartupCrash ends the process with SIGKILL at each step: running is at the next
// start what startup was, before or after, and nothing is half or left armed.
func TestStartupCrash(t *testing.T) {
	for i, c := range startupCrashed {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "db")
			child := exec.Command(os.Args[0], "-test.run=^TestStartupCrashedChild$")
			child.Env = append(os.Environ(), startupDir+"="+dir, startupCase+"="+strings.Repeat("x", i))
			var out bytes.Buffer
			child.Stdout, child.Stderr = &out, &out
			err := child.Run()
			if st, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !st.Signaled() || st.Signal() != syscall.SIGKILL {
				t.Fatalf("the process ended by itself: %v\n%s", err, &out)
			}
			for range 2 { // the second start finds the same
				w := &world{t: t}
				w.withStartup(dir, Options{})
				if w.has(entryA) != c.a || w.has(entryB) != c.b {
					t.Errorf("a is there: %v, b: %v", w.has(entryA), w.has(entryB))
				}
				if !tree.Equal(w.server.db.Root(), w.server.db.Startup()) {
					t.Error("running is not startup")
				}
				if rev, _, _ := w.server.Unconfirmed(); rev != 0 {
					t.Error("a commit waits")
				}
				if err := w.server.db.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestResetRights: a reset is for whom access control permits it, and does what else is to
// be done; who asks may be locked out.
func TestResetRights(t *testing.T) {
	w := &world{t: t}
	w.withStartup(filepath.Join(t.TempDir(), "db"), Options{})
	wiped := 0
	w.server.OnReset(func() error { wiped++; return nil })
	admin := w.login("admin")
	w.must(admin, entryA, "/ietf-netconf-acm:nacm/exec-default=permit")
	err := w.reset(w.login("bob")) // RFC 8808, 4: nacm:default-deny-all
	wants(t, err, mgmterr.AccessDenied, "factory-reset")
	other, err := w.server.Login(ident.Actor{User: "admin"}, Login{PrivateCandidate: true})
	if err != nil {
		t.Fatal(err)
	}
	w.stage(other, entryB)
	if err := w.reset(admin); err != nil || wiped != 1 || w.has(entryA) {
		t.Errorf("%v, %d", err, wiped)
	}
	if base, root, _ := other.staged(); base != root {
		t.Error("a private candidate is left")
	}
}
