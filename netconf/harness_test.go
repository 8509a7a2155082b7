// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf/files"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const testModel = `module test {
  yang-version 1.1; namespace "urn:test"; prefix t;
  revision 2026-01-01;
  identity animal; identity dog { base animal; }
  container top {
    leaf note { type string; }
    leaf number { type uint8; default 5; }
    leaf kind { type identityref { base animal; } }
    leaf-list tag { type string; }
    leaf-list order { type string; ordered-by user; }
    container inner { presence "is there"; leaf a { type string; } leaf b { type string; } }
    list entry {
      key name;
      leaf name { type string; }
      leaf value { type int32; }
      leaf-list word { type string; }
      container deep { leaf x { type string; } leaf y { type string; } }
    }
    list pair { key "a b"; leaf a { type uint8; } leaf b { type string; } leaf c { type string; } }
    list job { key id; ordered-by user; leaf id { type string; } leaf what { type string; } }
    anydata blob;
    choice way { case one { leaf one { type string; } } case two { leaf two { type string; } } }
    leaf needs-note { type string; must "../note" { error-message "there is no note"; error-app-tag "no-note"; } }
    leaf ref { type leafref { path "../entry/name"; } }
    container counters { config false; leaf hits { type uint32; } list sample { leaf v { type uint8; } } }
  }
  leaf alone { type string; }
}`

const otherModel = `module other {
  yang-version 1.1; namespace "urn:other"; prefix o;
  import test { prefix t; }
  identity cat { base t:animal; }
  augment "/t:top" { leaf note { type string; } leaf extra { type string; } }
  container top { leaf x { type string; } }
}`

// compiled is the schema of all tests: it does not change.
var compiled = sync.OnceValue(func() func(t testing.TB) *yang.Schema {
	var once sync.Once
	var s *yang.Schema
	return func(t testing.TB) *yang.Schema {
		once.Do(func() {
			s = yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "ietf-netconf-partial-lock", "ietf-factory-default", "ietf-nmda-compare", "nso-commit", "ietf-yang-library",
				"ietf-datastores", "ietf-netconf-with-defaults", "ietf-netconf-nmda", "ietf-origin",
				"ietf-netconf-notifications", "notifications", "nc-notifications", "nso-transports",
				"ietf-subscribed-notifications", "ietf-yang-push", "nso-subscriptions", testModel, otherModel)
		})
		return s
	}
})

// world is a real server over a real database in memory.
type world struct {
	t      testing.TB
	schema *yang.Schema
	db     *cdb.DB
	mgmt   *mgmt.Server
	server *Server
	log    *lockedBuffer
	wait   sync.WaitGroup
	ctx    context.Context
	stop   context.CancelFunc
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type worldOptions struct {
	Options
	schema *yang.Schema
	before string // "path = value" lines
	mgmt   mgmt.Options
	// startup gives it a startup datastore.
	startup bool
}

func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	w := &world{t: t, schema: o.schema, log: &lockedBuffer{}}
	if w.schema == nil {
		w.schema = compiled()(t)
	}
	var err error
	w.db, err = cdb.Open("", cdb.Options{Schema: w.schema, Startup: o.startup, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) {
			n, err := nacm.Factory(w.schema, []string{"admin"})
			if err != nil {
				return nil, err
			}
			return w.set(n, o.before), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	o.mgmt.Schema, o.mgmt.DB, o.mgmt.Log = w.schema, w.db, log
	if w.mgmt, err = mgmt.New(o.mgmt); err != nil {
		t.Fatal(err)
	}
	if top := w.schema.Root.Child("test", "top"); top != nil {
		state := w.set(tree.New(w.schema.Root), "/test:top/counters/hits = 7")
		w.mgmt.AddState(top, func() *tree.Node { return state })
	}
	o.Log = log
	if o.Files, err = files.Open(filepath.Join(t.TempDir(), "files")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Files.Close() })
	w.server = New(w.mgmt, o.Options)
	w.ctx, w.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		w.stop()
		w.wait.Wait()
		if n := w.server.Panics(); n != 0 {
			t.Errorf("%d panics:\n%s", n, w.log)
		}
		if n := len(w.mgmt.List()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		w.db.Close()
	})
	return w
}

// set makes the settings of "path = value" lines.
func (w *world) set(n *tree.Node, lines string) *tree.Node {
	w.t.Helper()
	ed := tree.NewEditor(n)
	for _, line := range strings.Split(lines, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		path, value, _ := strings.Cut(line, " = ")
		p, err := tree.ParsePath(w.schema, path)
		if err == nil {
			last := &p[len(p)-1]
			switch last.Schema.Kind {
			case yang.KindLeafList:
				last.Value, last.HasKey = value, true
				err = ed.Set(p, value)
			case yang.KindAnydata:
				err = ed.SetAny(p, tree.Any{Format: tree.XML, Text: value})
			default:
				err = ed.Set(p, value)
			}
		}
		if err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
	}
	return ed.Root()
}

// pipe is a connected pair of Unix sockets.
func pipe(t testing.TB) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if conns[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return conns[0], conns[1]
}

func actor(user string) ident.Actor {
	return ident.Actor{User: user, Own: user, Peer: ident.Peer{UID: 1000, Source: "127.0.0.1:4000"}}
}

// connect is the client's end of a connection that is served as user.
func (w *world) connect(user string) net.Conn {
	w.t.Helper()
	return w.connectAs(Peer{Actor: actor(user), Transport: "netconf-tcp"})
}

func (w *world) connectAs(p Peer) net.Conn {
	w.t.Helper()
	a, b := pipe(w.t)
	w.wait.Add(1)
	go func() {
		defer w.wait.Done()
		w.server.Serve(w.ctx, b, p, time.Now())
	}()
	w.t.Cleanup(func() { a.Close() })
	a.SetDeadline(time.Now().Add(30 * time.Second))
	return a
}

// open is a session of user.
func (w *world) open(user string, bases ...string) *peer.Conn {
	w.t.Helper()
	c := peer.New(w.connect(user))
	if err := c.Open(bases...); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// rpc runs an operation and returns the reply.
func (w *world) rpc(c *peer.Conn, operation string) string {
	w.t.Helper()
	reply, err := c.RPC(operation)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", operation, err, w.log)
	}
	return reply
}

// mustOK runs an operation that is answered with ok.
func (w *world) mustOK(c *peer.Conn, operation string) {
	w.t.Helper()
	if reply := w.rpc(c, operation); !strings.Contains(reply, "<ok/>") {
		w.t.Fatalf("%.300s: %s", operation, reply)
	}
}

// ended checks that the server has closed the connection.
func (w *world) ended(c net.Conn) {
	w.t.Helper()
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("the server keeps the connection open")
	}
}

// sessions waits until so many are left.
func (w *world) sessions(want int) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		n := len(w.mgmt.List())
		if n == want {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d sessions, want %d", n, want)
		}
	}
}

const (
	config    = `<edit-config><target><running/></target><config>`
	endConfig = `</config></edit-config>`
)

var (
	metaOfTests  = cdb.Meta{User: "tests"}
	loginOfTests = mgmt.Login{Transport: "netconf-tcp"}
)
