// SPDX-License-Identifier: Apache-2.0

package local

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/client"
	"nso.example/nso/ident"
	ipcpeer "nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

// world is the interface on a real socket.
type world struct {
	path    string
	mgmt    *mgmt.Server
	netconf *netconf.Server
	ipc     *varlink.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "nso-transports")
	db, err := cdb.Open("", cdb.Options{Schema: s, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(s, []string{u.Username}) }})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{path: filepath.Join(t.TempDir(), "ipc")}
	if w.mgmt, err = mgmt.New(mgmt.Options{Schema: s, DB: db, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	w.netconf = netconf.New(w.mgmt, netconf.Options{HelloTimeout: 20 * time.Second})
	resolver := ident.NewResolver()
	w.ipc, err = varlink.NewServer(varlink.Config{
		Vendor: "nso", Product: "test", Version: "0", URL: "urn:nso", Interfaces: []varlink.Interface{New(w.netconf)}, CheckReplies: true,
		Identify: ipcpeer.Identifier(w.mgmt, func(ctx context.Context, conn *varlink.Conn) (ident.Actor, error) {
			p, err := ident.FromUnix(conn.UnixConn(), conn.Door())
			if err != nil {
				return ident.Actor{}, err
			}
			return resolver.Actor(ctx, p)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", w.path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.ipc.Serve("ipc", l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.ipc.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if n := w.netconf.Panics() + w.ipc.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
		if n := len(w.mgmt.List()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		db.Close()
	})
	return w
}

func (w *world) open(t *testing.T) *peer.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.OpenNETCONF(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := peer.New(conn)
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	reply, err := c.RPC(`<get><filter><netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><sessions/></netconf-state></filter></get>`)
	if err != nil || !strings.Contains(reply, ":netconf-local</transport>") {
		t.Error(err, reply)
	}
	if err := c.OK(`<lock><target><running/></target></lock>`); err != nil {
		t.Error(err)
	}
	// The lock is NETCONF's, whichever way a session comes.
	other := w.open(t)
	if reply, err := other.RPC(`<lock><target><running/></target></lock>`); err != nil || !strings.Contains(reply, "lock-denied") {
		t.Error(err, reply)
	}
	if err := c.OK(`<close-session/>`); err != nil {
		t.Error(err)
	}
	if err := other.OK(`<lock><target><running/></target></lock>`); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(c.Conn); err != nil {
		t.Error(err)
	}
}

// The whole conversation in one segment: the call and what follows it.
func TestPipelined(t *testing.T) {
	w := newWorld(t)
	c, err := net.Dial("unix", w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, `{"method":"org.nso.Netconf.Open","upgrade":true}`+"\x00"+
		`<hello xmlns="`+peer.NS+`"><capabilities><capability>`+peer.Base10+`</capability></capabilities></hello>]]>]]>`+
		`<rpc message-id="1" xmlns="`+peer.NS+`"><close-session/></rpc>]]>]]>`)
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(b), "{") || !strings.Contains(string(b), "<ok/>") {
		t.Errorf("%v %q", err, b)
	}
}

func TestWithoutUpgrade(t *testing.T) {
	w := newWorld(t)
	c, err := client.Dial(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), "org.nso.Netconf.Open", nil, nil); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("the answer is %v", err)
	}
}

// A daemon that stops ends the sessions.
func TestShutdown(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.ipc.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, c.Conn)
}
