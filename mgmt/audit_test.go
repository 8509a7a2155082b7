// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"nso.example/nso/ident"
)

// TestAudit: what is done is told once, at every level of the log; what changes
// nothing is not.
func TestAudit(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})), MaxPerUser: 1})
	told := func(what string, parts ...string) {
		t.Helper()
		got := log.String()
		log.Reset()
		if strings.Count(got, "\n") != 1 {
			t.Errorf("%s is told as\n%s", what, got)
		}
		for _, p := range append(parts, "audit=true") {
			if !strings.Contains(got, p) {
				t.Errorf("%s: there is no %q in\n%s", what, p, got)
			}
		}
	}
	admin := w.login("admin")
	told("a login", "event=login", "user=admin", "usid=1", "door=netconf-tcp", "source=127.0.0.1:4000")
	if _, err := w.server.Login(ident.Actor{User: "admin"}, Login{}); err == nil {
		t.Fatal("a second session is open")
	}
	told("a refused login", "event=login-refused", "sessions-per-user")
	bob := w.login("bob")
	told("bob's login", "user=bob")
	_, before := w.server.db.Current()
	x := w.begin(admin, a+"/v=1")
	if _, err := x.Commit(context.Background(), Label{Label: "one", Comment: "two words"}); err != nil {
		t.Fatal(err)
	}
	told("a commit", "event=commit", "user=admin", "usid=1", fmt.Sprintf("txid=%d before=%d ", before+1, before), "[created /m:top]",
		"label=one", `comment="two words"`)
	if _, err := w.begin(admin, a+"/v=1").Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	if log.Len() > 0 {
		t.Errorf("a commit of nothing is told as %s", &log)
	}
	if w.begin(bob).Apply(w.edit(a+"/v=7")) == nil {
		t.Fatal("bob may write")
	}
	told("a denied edit", "event=access-denied", "user=bob", "op=edit", `path="[/m:top`)
	if bob.Lock(Running) == nil {
		t.Fatal("bob may lock")
	}
	told("a denied operation", "event=access-denied", "op=ietf-netconf:lock")
	w.allow(admin, "bob", "top", "/m:top", "*")
	y := w.begin(bob, a+"/v=2")
	w.must(admin, "-"+bobsRules)
	log.Reset()
	if _, err := y.Commit(context.Background(), Label{}); err == nil {
		t.Fatal("bob may commit")
	}
	told("a denied commit", "event=access-denied", "op=commit", "user=bob")
}
