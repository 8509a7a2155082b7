// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf"
	"nso.example/nso/tree"
	"nso.example/nso/yang/load"
)

// TestConformance holds this server to all of it: nothing fails and nothing is skipped.
func TestConformance(t *testing.T) {
	schema, _, err := load.Schema(nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := cdb.Open("", cdb.Options{Schema: schema, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(schema, []string{"admin"}) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	log := slog.New(slog.DiscardHandler)
	m, err := mgmt.New(mgmt.Options{Schema: schema, DB: db, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	server := netconf.New(m, netconf.Options{Log: log})
	path := filepath.Join(t.TempDir(), "s")
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
	defer all.Wait()
	defer cancel()
	defer l.Close()
	passed, _, _ := Run(func() (net.Conn, error) { return net.Dial("unix", path) }, func(string) bool { return true }, func(r Result) {
		if r.Err != nil || r.Skipped != "" {
			t.Errorf("%s: %v %s", r.Name, r.Err, r.Skipped)
		}
	})
	if passed < 50 {
		t.Errorf("%d checks passed", passed)
	}
	if n := server.Panics(); n != 0 {
		t.Errorf("%d panics", n)
	}
}
