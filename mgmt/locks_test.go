// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"testing"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// picks is what a client selects, as paths that must be there.
func (w *world) picks(texts ...string) func(*tree.Node) ([]tree.Path, error) {
	return func(root *tree.Node) (all []tree.Path, err error) {
		for _, text := range texts {
			p, err := tree.ParsePath(w.schema, text)
			if err != nil {
				return nil, err
			}
			if _, ok := root.Find(p); ok {
				all = append(all, p)
			}
		}
		return all, nil
	}
}

// TestPartialLock: who may lock what, and for how long (RFC 5717, 2.1 and 2.4).
func TestPartialLock(t *testing.T) {
	w := newWorld(t, Options{})
	admin := w.login("admin")
	w.must(admin, entryA+"/v=1", entryB+"/v=1")
	w.allow(admin, "bob", "a", entryA, "*")
	w.allow(admin, "bob", "b", "/m:top", "read")
	bob := w.login("bob")
	_, _, err := bob.PartialLock(nil, w.picks(entryA))
	wants(t, err, mgmterr.AccessDenied, "partial-lock") // RFC 5717, 4: no right to the operation
	w.must(admin, "/ietf-netconf-acm:nacm/exec-default=permit")
	_, _, err = bob.PartialLock(nil, w.picks(entryA, entryB))
	wants(t, err, mgmterr.AccessDenied, "no right to change it")
	_, _, err = bob.PartialLock(nil, w.picks("/m:top/l[name='c']"))
	wants(t, err, mgmterr.OperationFailed, "nothing in running is selected")
	id, nodes, err := bob.PartialLock([]string{"a"}, w.picks(entryA))
	if err != nil || len(nodes) != 1 || id == 0 {
		t.Fatal(id, nodes, err)
	}
	_, err = w.begin(admin, entryA+"/v=2").Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "has locked")
	w.must(admin, entryB+"/v=2")
	x := w.begin(admin, "-"+entryA)
	_, err = x.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "has locked")
	bob.Close("gone", true) // with the session, however it ends
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		t.Error(err)
	}
	// Not of a commit that waits to be confirmed; and a lock does not hold its revert up.
	bob = w.login("bob")
	w.must(admin, entryA+"/v=1")
	w.stage(admin, entryA+"/v=7")
	if _, err := admin.CommitCandidate(context.Background(), CommitOptions{Confirmed: true, Timeout: time.Hour}); err != nil {
		t.Fatal(err)
	}
	_, _, err = bob.PartialLock(nil, w.picks(entryA))
	wants(t, err, mgmterr.InUse, "confirmed first")
	if l := mgmterr.Of(err); l[0].AppTag != "outstanding-confirmed-commit" {
		t.Errorf("%+v", l[0])
	}
	if err := admin.CancelCommit(""); err != nil {
		t.Error(err)
	}
	if w.server.parts.None("running") != nil {
		t.Error("a lock is left")
	}
}

// holds takes part in commits until it is let go.
type holds struct{ asked, go_ chan struct{} }

func (h holds) Prepare(context.Context, *tree.Node, *tree.Node) (txn.Ticket, error) {
	close(h.asked)
	<-h.go_
	return nil, nil
}

// TestMemberHangs: while a participant is waited for, others read, edit, open and end
// sessions; whoever commits is told who it was.
func TestMemberHangs(t *testing.T) {
	w := newWorld(t, Options{})
	h := holds{make(chan struct{}), make(chan struct{})}
	w.server.Join(Member{Name: "slowpoke", Deadline: 200 * time.Millisecond, Participant: h, Paths: w.schema.Root.Child("m", "top").Children[:1]})
	admin, other := w.login("admin"), w.login("admin")
	w.must(admin, "/ietf-netconf-acm:nacm/exec-default=permit") // nothing that it is asked about
	done := waiting1(func() error {
		_, err := w.begin(admin, entryA+"/v=1").Commit(context.Background(), Label{})
		return err
	})
	<-h.asked
	if _, err := other.Read(context.Background(), Running); err != nil {
		t.Error(err)
	}
	w.begin(other, entryB+"/v=1").Abort()
	w.login("admin").Close("done", false)
	wants(t, ends(t, done), mgmterr.OperationFailed, "slowpoke did not answer within 200ms")
	close(h.go_)
	w.must(other, entryA+"/v=1")
}
