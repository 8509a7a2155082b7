// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// TestHistory: who made which revision, what running was then, and back to it.
func TestHistory(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	admin := w.login("admin")
	w.must(admin, entryA+"/v=1")
	w.must(admin, entryA+"/v=2", entryB+"/v=2")
	if _, err := w.begin(admin, "-"+entryB).Commit(ctx, Label{Label: "less", Comment: "b is gone"}); err != nil {
		t.Fatal(err)
	}
	all, err := admin.History(0, 3)
	if err != nil || len(all) != 3 || all[0].Revision != 4 || all[0].Label != "less" || all[0].User != "admin" || !all[2].Kept || all[2].Revision != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if all, err = admin.History(2, 10); err != nil || len(all) != 2 || all[1].Revision != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err = admin.History(0, -1); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	v := func(root *tree.Node, path string) string {
		p, err := tree.ParsePath(w.schema, path)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := root.Find(p)
		return c.Value
	}
	root, err := admin.At(ctx, 3)
	if err != nil || v(root, entryA+"/v") != "2" || v(root, entryB+"/v") != "2" {
		t.Errorf("revision 3: %v", err)
	}
	_, err = admin.At(ctx, 77)
	wants(t, err, mgmterr.DataMissing, "1 to 4 are kept")

	x := w.begin(admin)
	if err := x.Rollback(ctx, 2); err != nil {
		t.Fatal(err)
	}
	before, after, err := x.DryRun()
	if err != nil || v(before, entryA+"/v") != "2" || v(after, entryA+"/v") != "1" || w.value(admin, entryA+"/v") != "2" {
		t.Errorf("the dry run: %v", err)
	}
	if rev, err := x.Commit(ctx, Label{}); err != nil || rev != 5 || w.value(admin, entryA+"/v") != "1" || w.has(entryB) {
		t.Errorf("revision %d: %v", rev, err)
	}
}

// TestHistoryAccess: what was is shown as access control is now, and to go back to it takes
// the rights that an edit would.
func TestHistoryAccess(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	w.must(admin, entryA+"/v=1", entryB+"/v=1")
	w.must(admin, entryA+"/v=2", entryB+"/v=2")
	_, err := bob.At(ctx, 2)
	wants(t, err, mgmterr.AccessDenied, "get-config")
	_, err = bob.History(0, 1)
	wants(t, err, mgmterr.AccessDenied, "get-config")
	w.must(admin, "/ietf-netconf-acm:nacm/exec-default=permit")
	w.allow(admin, "bob", "a", entryA, "*")
	w.allow(admin, "bob", "top", "/m:top/must-be", "read")
	root, err := bob.At(ctx, 2)
	if err != nil || fmt.Sprint(root.Count()) == fmt.Sprint(w.server.db.Root().Count()) {
		t.Fatal(err)
	}
	for c := range root.Children() {
		if c.Schema.Name == "top" && c.Node.List(c.Schema.Child("m", "l")).Len() > 1 {
			t.Error("bob sees what he may not read")
		}
	}
	err = w.begin(bob).Rollback(ctx, 2) // it would change b, too
	wants(t, err, mgmterr.AccessDenied, "")
}

// TestDryCommit: the candidate is checked as a commit would, and nothing changes.
func TestDryCommit(t *testing.T) {
	w := newWorld(t, Options{})
	admin := w.login("admin")
	w.stage(admin, entryA+"/v=1")
	before, after, err := admin.DryCommit()
	if err != nil || tree.Equal(before, after) || w.has(entryA) {
		t.Error(err)
	}
	w.stage(admin, entryB+"/ref=nothing")
	_, _, err = admin.DryCommit()
	wants(t, err, mgmterr.DataMissing, "")
}

// TestConfirmTransaction: a transaction on running may have to be confirmed, and the next
// one of its session confirms it.
func TestConfirmTransaction(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	one, two := w.login("admin"), w.login("admin")
	confirmed := CommitOptions{Confirmed: true, Timeout: 1e12, Persist: "lost"}
	if _, err := w.begin(one, entryA).CommitWith(ctx, confirmed); err != nil {
		t.Fatal(err)
	}
	_, err := w.begin(two, entryB).CommitWith(ctx, CommitOptions{})
	wants(t, err, mgmterr.InUse, "confirmed or cancelled first")
	if rev, user, until := w.server.Unconfirmed(); rev != 2 || user != "admin" || until.IsZero() {
		t.Error(rev, user, until)
	}
	if _, err := w.begin(two).CommitWith(ctx, CommitOptions{PersistID: "lost"}); err != nil || !w.has(entryA) {
		t.Errorf("it cannot be confirmed: %v", err)
	}
	if rev, _, _ := w.server.Unconfirmed(); rev != 0 {
		t.Error("it waits still")
	}
	// The persist-id is lost: an administrator has a way out, and nobody else.
	if _, err := w.begin(one, entryB).CommitWith(ctx, confirmed); err != nil {
		t.Fatal(err)
	}
	wants(t, w.login("bob").ForceCancel(), mgmterr.AccessDenied, "nso-admin")
	wants(t, two.CancelCommit(""), mgmterr.InUse, "")
	if err := two.ForceCancel(); err != nil || w.has(entryB) {
		t.Error(err)
	}
	wants(t, two.ForceCancel(), mgmterr.OperationFailed, "no commit waits")
}
