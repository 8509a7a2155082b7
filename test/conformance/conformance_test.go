// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf"
	"nso.example/nso/netconf/files"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/load"
)

// schema is the one of all servers: it does not change.
var schema = sync.OnceValues(func() (*yang.Schema, error) {
	s, _, err := load.Schema([]string{"model"})
	return s, err
})

// serve starts this server, with a startup datastore or without, with the model of the checks; it listens on a Unix socket.
func serve(t *testing.T, startup bool) (path string) {
	t.Helper()
	schema, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	db, err := cdb.Open("", cdb.Options{Schema: schema, Startup: startup, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(schema, []string{"admin"}) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := slog.New(slog.DiscardHandler)
	m, err := mgmt.New(mgmt.Options{Schema: schema, DB: db, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	store, err := files.Open(filepath.Join(t.TempDir(), "files"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	server := netconf.New(m, netconf.Options{Log: log, Files: store})
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				server.Serve(ctx, c, netconf.Peer{Actor: ident.Actor{User: "admin", Own: "admin", Peer: ident.Peer{UID: 1000}}, Transport: "netconf-local"}, time.Now())
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		cancel()
		all.Wait()
		if n := server.Panics(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	return path
}

// TestConformance holds this server to all of it: nothing fails, and what is skipped is
// what it does not announce, or what only a server can do that announces less.
func TestConformance(t *testing.T) {
	for _, startup := range []bool{false, true} {
		path := serve(t, startup)
		passed := 0
		want := func(c check) bool {
			return !startup || strings.HasPrefix(c.id, "6241-7.") || strings.HasPrefix(c.id, "6241-8.")
		}
		left := Run(Options{Dial: dialUnix(path), Deadline: 30 * time.Second, GiveUp: 3, Want: want, Tell: func(r Result) {
			switch {
			case r.Err != nil:
				t.Errorf("%s: %s: %v", r.id, r.says, r.Err)
			case r.Skipped == "":
				passed++
			case !slices.Contains([]string{"the server announces writable-running", "the server announces xpath", "the server announces url:1.0", "the server announces interleave:1.0", "the server has all modes"}, r.Skipped) &&
				!(startup && r.Skipped == "the server announces startup") && !(!startup && r.Skipped == "the server does not announce startup"):
				t.Errorf("%s was skipped: %s", r.id, r.Skipped)
			}
			if r.Litter != nil {
				t.Errorf("after %s: %v", r.id, r.Litter)
			}
		}})
		t.Logf("startup %v: %d passed", startup, passed)
		if left != 0 || passed < 150 || !startup && passed < 350 {
			t.Errorf("%d checks passed, %d were not reached", passed, left)
		}
	}
}

// TestNames: a check is named after RFC, section and number, once.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range checks() {
		if !regexp.MustCompile(`^\d{4}-[0-9A-C.]+-\d\d$`).MatchString(c.id) || seen[c.id] || c.says == "" {
			t.Errorf("%q, %q", c.id, c.says)
		}
		seen[c.id] = true
	}
}
