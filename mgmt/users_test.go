// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"log/slog"
	"strings"
	"testing"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

// TestPasswords: a password in clear is a hash as soon as it is in a transaction, in
// every datastore, however it was written; and the users of the data are those of running.
func TestPasswords(t *testing.T) {
	s := yangtest.Schema(t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "ietf-yang-library",
		"ietf-datastores", "nso-transports", "ietf-system", "iana-crypt-hash")
	db, err := cdb.Open("", cdb.Options{Schema: s, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(s, []string{"admin"}) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	server, err := New(Options{Schema: s, DB: db, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t, s, server}
	ss := w.login("admin")
	const user = "/ietf-system:system/authentication/user"
	hashed := func(what string, root *tree.Node, name string) {
		t.Helper()
		p, err := tree.ParsePath(s, user+"[name='"+name+"']/password")
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := root.Find(p); !ok || !strings.HasPrefix(c.Value, "$6$") {
			t.Errorf("%s: the password is %q", what, c.Value)
		}
	}
	check := func(name, password string, right bool) {
		t.Helper()
		if err := server.Users().Check(name, []byte(password)); (err == nil) != right {
			t.Errorf("%s with %q: %v", name, password, err)
		}
	}
	check("ann", "secret", false)
	for _, ds := range []Datastore{Running, Candidate} {
		txn, err := ss.Begin(t.Context(), ds)
		if err != nil {
			t.Fatal(err)
		}
		if err := txn.Apply(w.edit(user + "[name='ann']/password=$0$secret")); err != nil {
			t.Fatal(err)
		}
		if errs := txn.ApplyEach(w.edit(user + "[name='bob']/password=$0$secret")); len(errs) > 0 {
			t.Fatal(errs)
		}
		hashed("in the transaction", txn.Root(), "ann")
		hashed("edited one by one", txn.Root(), "bob")
		root := txn.Root()
		err = txn.Apply(w.edit(user + "[name='eve']/password=$0$"))
		if l := mgmterr.Of(err); len(l) != 1 || l[0].Tag != mgmterr.InvalidValue || txn.Root() != root {
			t.Errorf("an empty password: %v", err)
		}
		if err := txn.Validate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := txn.Commit(t.Context(), Label{}); err != nil {
			t.Fatal(err)
		}
		if ds == Candidate {
			if _, err := ss.CommitCandidate(t.Context(), CommitOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		hashed("in running", db.Root(), "ann")
		check("ann", "secret", true)
		check("bob", "secret", true)
		check("ann", "guess", false)
		if first := server.Users(); first != server.Users() {
			t.Error("users are compiled again although nothing has changed")
		}
	}
	if err := ss.Validate(t.Context(), Running, w.edit(user+"[name='bob']/password=$0$secret")); err != nil {
		t.Error(err)
	}
}
