// SPDX-License-Identifier: Apache-2.0

// Package ipctest is a daemon without doors for the tests of the interfaces on
// the IPC socket: a real database in memory, real sessions, a real Varlink server
// and real clients over socket pairs. Nothing but tests may import it.
package ipctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/sys/unix"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/client"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

// Module is the model of the tests: a node of every kind.
const Module = `module net {
  yang-version 1.1;
  namespace "urn:net";
  prefix net;
  container top {
    description "All of it.";
    leaf name { type string { length 1..16; } }
    leaf mtu { type uint16 { range 68..max; } default 1500; units octets; description "Largest packet."; }
    leaf speed { type enumeration { enum slow; enum fast; } }
    leaf passive { type empty; }
    leaf-list dns { type string; ordered-by user; }
    list port {
      key name;
      leaf name { type string; }
      leaf number { type uint8; mandatory true; }
      leaf peer { type leafref { path "../../port/name"; } }
      container trunk { presence "Carries several networks."; leaf native { type uint16; } }
    }
    list rule { key "proto number"; ordered-by user;
      leaf proto { type string; } leaf number { type int32; } leaf action { type string; } }
    must "not(speed = 'fast') or mtu >= 1000" { error-message "fast needs a large mtu"; error-app-tag too-small; }
    container state { config false; leaf up { type boolean; } }
  }
}`

// Bench is a server under test.
type Bench struct {
	T       testing.TB
	Mgmt    *mgmt.Server
	Varlink *varlink.Server

	log   bytes.Buffer
	logMu sync.Mutex
}

func (b *Bench) Write(p []byte) (int, error) {
	b.logMu.Lock()
	defer b.logMu.Unlock()
	return b.log.Write(p)
}

// Log is what was logged.
func (b *Bench) Log() string {
	b.logMu.Lock()
	defer b.logMu.Unlock()
	return b.log.String()
}

// Schema compiles Module. Tests share one: it takes a while.
func Schema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, Module, "ietf-netconf-acm", "nso-access")
}

// Start makes a server with the interfaces that make returns. The user admin is
// in nso-admin; the user reader may read all and run anything; the user porter
// may write /net:top/port as well. When the test ends no handler may have
// panicked and no session be left.
func Start(t testing.TB, schema *yang.Schema, make func(*mgmt.Server) []varlink.Interface) *Bench {
	t.Helper()
	return StartWith(t, mgmt.Options{Schema: schema, MaxPerUser: 8}, varlink.Limits{}, make)
}

// StartWith is Start with limits; of o the database and the log are made here.
func StartWith(t testing.TB, o mgmt.Options, l varlink.Limits, make func(*mgmt.Server) []varlink.Interface) *Bench {
	t.Helper()
	schema := o.Schema
	b := &Bench{T: t}
	log := slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := cdb.Open("/db", cdb.Options{
		Schema: schema, Log: log, Factory: func() (*tree.Node, error) { return factory(schema) },
		Journal: journal.Options{FS: journal.NewMemory()},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.DB, o.Log = db, log
	if b.Mgmt, err = mgmt.New(o); err != nil {
		t.Fatal(err)
	}
	b.Varlink, err = varlink.NewServer(varlink.Config{
		Vendor: "nso", Product: "nso", Version: "1", URL: "https://nso.example/",
		Interfaces: make(b.Mgmt),
		Identify: peer.Identifier(b.Mgmt, func(_ context.Context, c *varlink.Conn) (ident.Actor, error) {
			return Actor(c.Door()), nil
		}),
		CheckReplies: true,
		Limits:       l,
		Log:          log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.Mgmt.Shutdown(ctx, "the test ends"); err != nil {
			t.Error(err)
		}
		if err := b.Varlink.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := b.Varlink.Panics(); n != 0 {
			t.Errorf("%d panics:\n%s", n, b.Log())
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Actor is a user as the door would make it.
func Actor(user string) ident.Actor {
	uid, ok := map[string]uint32{"admin": 1000, "reader": 1001, "porter": 1002}[user]
	if !ok {
		uid = 2000
	}
	return ident.Actor{User: user, Own: user, Peer: ident.Peer{UID: uid, GID: uid, PID: 7, Door: "ipc", Source: "pid 7"}}
}

func factory(schema *yang.Schema) (*tree.Node, error) {
	ed := tree.NewEditor(tree.New(schema.Root))
	for _, line := range []string{
		"enable-nacm = true", "read-default = deny", "write-default = deny", "exec-default = deny",
		"groups/group[name='nso-admin']/user-name[.='admin']", "groups/group[name='readers']/user-name[.='reader']",
		"groups/group[name='readers']/user-name[.='porter']", "groups/group[name='porters']/user-name[.='porter']",
		"rule-list[name='a']/group[.='nso-admin']",
		"rule-list[name='a']/rule[name='all']/module-name = *", "rule-list[name='a']/rule[name='all']/access-operations = *",
		"rule-list[name='a']/rule[name='all']/action = permit",
		"rule-list[name='p']/group[.='porters']",
		"rule-list[name='p']/rule[name='ports']/path = /net:top/net:port", "rule-list[name='p']/rule[name='ports']/access-operations = *",
		"rule-list[name='p']/rule[name='ports']/action = permit",
		"rule-list[name='r']/group[.='readers']",
		"rule-list[name='r']/rule[name='see']/path = /net:top", "rule-list[name='r']/rule[name='see']/access-operations = read",
		"rule-list[name='r']/rule[name='see']/action = permit",
		"rule-list[name='r']/rule[name='run']/rpc-name = *", "rule-list[name='r']/rule[name='run']/access-operations = exec",
		"rule-list[name='r']/rule[name='run']/action = permit",
	} {
		path, text, _ := strings.Cut(line, " = ")
		p, err := tree.ParsePath(schema, "/ietf-netconf-acm:nacm/"+path)
		if err != nil {
			return nil, err
		}
		if err := ed.Set(p, text); err != nil {
			return nil, err
		}
	}
	return ed.Root(), nil
}

// Dial connects as a user.
func (b *Bench) Dial(user string) *client.Client { return client.New(b.conn(user)) }

func (b *Bench) conn(user string) net.Conn {
	b.T.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.T.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			b.T.Fatal(err)
		}
		f.Close()
	}
	go b.Varlink.ServeConn(user, ends[0])
	b.T.Cleanup(func() { ends[1].Close() })
	return ends[1]
}

// Sessions waits until there are n sessions.
func (b *Bench) Sessions(n int) {
	b.T.Helper()
	for end := time.Now().Add(20 * time.Second); b.Mgmt.Status().Sessions != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.T.Fatalf("%d sessions, want %d\n%s", b.Mgmt.Status().Sessions, n, b.Log())
		}
	}
}

// Dialogues holds the conversations in testdata/*.txtar; each file of an archive
// is one, on a server of its own, in lines
//
//	NAME> [more] INTERFACE.METHOD {PARAMETERS}
//	NAME> close
//
// Each NAME is a connection of the user of that name, less digits at its end.
// Answers follow as "< "; a text in them as lines with "| ".
func Dialogues(t *testing.T, schema *yang.Schema, update bool, make func(*mgmt.Server) []varlink.Interface) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range archive.Files {
			f := &archive.Files[i]
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+f.Name, func(t *testing.T) {
				b := Start(t, schema, make)
				got := b.talk(string(f.Data))
				if update {
					f.Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("got:\n%s\nwant:\n%s", got, f.Data)
				}
			})
		}
		if update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (b *Bench) talk(script string) string {
	var out strings.Builder
	open := map[string]*client.Client{}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			out.WriteString(line + "\n")
			continue
		}
		name, call, ok := strings.Cut(line, "> ")
		if !ok || strings.ContainsAny(name, " <|") {
			continue
		}
		out.WriteString(line + "\n")
		c := open[name]
		if c == nil {
			c = b.Dial(strings.TrimRight(name, "0123456789"))
			open[name] = c
		}
		if call == "close" {
			c.Close()
			delete(open, name)
			b.settle(len(open))
			continue
		}
		call, more := strings.CutPrefix(call, "more ")
		method, in, _ := strings.Cut(call, " ")
		b.call(&out, c, more, method, in)
	}
	return out.String()
}

// settle waits until connections that were closed are gone.
func (b *Bench) settle(n int) {
	for end := time.Now().Add(20 * time.Second); b.Varlink.Stats().Connections > n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.T.Fatal("connections are left")
		}
	}
}

func (b *Bench) call(out io.Writer, c *client.Client, more bool, method, in string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var params any
	if in != "" {
		params = json.RawMessage(in)
	}
	tell := func(raw json.RawMessage, err error) {
		var refused *client.Error
		switch {
		case errors.As(err, &refused):
			fmt.Fprintf(out, "< %s %s\n", refused.Name, refused.Parameters)
		case err != nil:
			fmt.Fprintln(out, "< closed")
		default:
			var text struct{ Text *string }
			if json.Unmarshal(raw, &text) == nil && text.Text != nil {
				fmt.Fprintln(out, "< text")
				for l := range strings.Lines(*text.Text) {
					fmt.Fprintln(out, "| "+strings.TrimSuffix(l, "\n"))
				}
				return
			}
			fmt.Fprintf(out, "< %s\n", raw)
		}
	}
	if more {
		for raw, err := range c.CallMore(ctx, method, params) {
			tell(raw, err)
		}
		return
	}
	var raw json.RawMessage
	err := c.Call(ctx, method, params, &raw)
	tell(raw, err)
}
