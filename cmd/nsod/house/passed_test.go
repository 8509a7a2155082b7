// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/client"
	"nso.example/nso/exec/rule"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/maapi"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

// furnished is a house with a server and its IPC, and no doors.
func furnished(t *testing.T, log *strings.Builder) *House {
	t.Helper()
	schema := yangtest.Schema(t, "ietf-netconf-acm", "nso-access")
	logger := slog.New(slog.NewTextHandler(log, nil))
	db, err := cdb.Open("/db", cdb.Options{Schema: schema, Log: logger, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(schema, []string{"ann"}) }})
	if err != nil {
		t.Fatal(err)
	}
	server, err := mgmt.New(mgmt.Options{Schema: schema, DB: db, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	door := &identifier{}
	h := &House{server: server, log: logger}
	h.ipc, err = varlink.NewServer(varlink.Config{Vendor: "nso", Product: "nsod", Version: "1", URL: "urn:nso",
		Interfaces: []varlink.Interface{maapi.New(server, nil)}, Identify: door.origin(peer.Identifier(server, door.actor)), Narrow: narrow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.ipc.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := len(server.List()); n > 0 || h.ipc.Panics() > 0 {
			t.Errorf("%d sessions are left, and %d panics", n, h.ipc.Panics())
		}
		db.Close()
	})
	return h
}

// over is a client at the end of a connection that a command was given.
func over(t *testing.T, file *os.File) *client.Client {
	t.Helper()
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(conn)
	t.Cleanup(func() { c.Close() })
	return c
}

// TestCommandConnection: it is who had the command run, may do what the rule says and no
// more, and is dead when the command has ended, whoever holds it.
func TestCommandConnection(t *testing.T) {
	h := furnished(t, new(strings.Builder))
	rules, err := rule.Parse("x", "[rule.x]\nprogram = \"/x\"\nrun-as = \"caller\"\nusers = [\"*\"]\nipc = [\"read\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	ann := ident.Actor{User: "ann", Own: "ann", Peer: ident.Peer{UID: 0, PID: 7, Door: "ipc", Source: "pid 7"}}
	file, hangUp, err := h.connect(ann, rules[0].MayCall)
	if err != nil {
		t.Fatal(err)
	}
	c := over(t, file)
	call := func(method string, in map[string]any, out any) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return c.Call(ctx, "org.nso.Maapi."+method, in, out)
	}
	var session struct{ User string }
	if err := call("OpenSession", nil, &session); err != nil || session.User != "ann" {
		t.Fatalf("the session is %s's, %v", session.User, err)
	}
	if err := call("Begin", map[string]any{"datastore": "running", "readWrite": false}, nil); err != nil {
		t.Error(err)
	}
	for _, may := range []struct {
		method string
		in     map[string]any
	}{
		{"Begin", map[string]any{"datastore": "running", "readWrite": true}},
		{"Set", map[string]any{"th": 1, "path": "/", "value": "x"}},
		{"Lock", map[string]any{"datastore": "running"}},
		{"Invoke", map[string]any{"path": "/a:b"}},
	} {
		if err := call(may.method, may.in, nil); err == nil || !strings.Contains(err.Error(), "cannot do this") {
			t.Errorf("%s: %v", may.method, err)
		}
	}
	if err := call("CloseSession", nil, nil); err != nil {
		t.Error(err)
	}
	// Root's command opens no recovery session either, whatever its rule says.
	if err := call("OpenSession", map[string]any{"recovery": true}, nil); err == nil {
		t.Error("a command has a recovery session")
	}
	if err := call("OpenSession", nil, nil); err != nil {
		t.Error(err)
	}
	hangUp()
	if err := call("CloseSession", nil, nil); err == nil {
		t.Error("the connection outlives its command")
	}
	for end := time.Now().Add(10 * time.Second); len(h.server.List()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its session is there still")
		}
	}
}

// TestSilentCommand: a command that never speaks leaves nothing behind.
func TestSilentCommand(t *testing.T) {
	h := furnished(t, new(strings.Builder))
	file, hangUp, err := h.connect(ident.Actor{User: "ann", Own: "ann"}, func(string, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	hangUp()
	if n, err := file.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	file.Close()
	if n := h.ipc.Open(doorCommand); n > 0 {
		t.Errorf("%d connections are open", n)
	}
}
