// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
)

// waiting runs f, which must not come back yet.
func waiting(t *testing.T, f func() error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	return done
}

func ends(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for ever")
		return nil
	}
}

// TestOwnPrepared: a session does not wait for itself.
func TestOwnPrepared(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	x, y := w.begin(ss, a+"/v=1"), w.begin(ss, a+"/v=2")
	if err := x.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, err := y.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "commit or abort it first")
	wants(t, ss.Lock(Running), mgmterr.InUse, "prepared")
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	if err := ss.Lock(Running); err != nil {
		t.Error(err)
	}
}

// TestWaitEnds: waiting for the turn ends with the request, and with the session.
func TestWaitEnds(t *testing.T) {
	w := newWorld(t, Options{})
	holder, one, two := w.login("admin"), w.login("admin"), w.login("admin")
	x := w.begin(holder, a+"/v=1")
	if err := x.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	txn := w.begin(one, a+"/v=2")
	done := waiting(t, func() error { _, err := txn.Commit(ctx, Label{}); return err })
	cancel()
	wants(t, ends(t, done), mgmterr.OperationFailed, "nothing has changed")

	commit := waiting(t, func() error { _, err := txn.Commit(context.Background(), Label{}); return err })
	lock := waiting(t, func() error { return two.Lock(Running) })
	kicked := make(chan error, 2)
	for _, ss := range []*Session{one, two} {
		go func() { kicked <- w.server.Kick(ss.ID(), "enough") }()
	}
	for range 2 {
		if err := ends(t, kicked); err != nil {
			t.Error(err)
		}
	}
	wants(t, ends(t, commit), mgmterr.ResourceDenied, "ended")
	wants(t, ends(t, lock), mgmterr.ResourceDenied, "ended")
	if n := w.server.Status().Sessions; n != 1 {
		t.Errorf("%d sessions", n)
	}
	if c := w.server.Status().Counters; c.DroppedSessions != 0 {
		t.Error("a killed session counts as dropped (RFC 6022, 2.1.5)")
	}
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		t.Error(err)
	}
}

// TestKickTwice: the locks of a session are free whoever has ended it.
func TestKickTwice(t *testing.T) {
	w := newWorld(t, Options{})
	for range 20 {
		ss, other := w.login("admin"), w.login("admin")
		if err := ss.Lock(Running); err != nil {
			t.Fatal(err)
		}
		x := w.begin(ss, a+"/v=1")
		x.mu.Lock() // it is busy
		first := waiting1(func() error { ss.Close("gone", true); return nil })
		second := waiting1(func() error { ss.Close("gone", true); return nil })
		x.mu.Unlock()
		ends(t, second)
		if err := other.Lock(Running); err != nil {
			t.Fatal(err)
		}
		ends(t, first)
		other.Close("done", false)
	}
}

func waiting1(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// bad is a participant that panics.
type bad struct{ at string }

func (b *bad) Prepare(ctx context.Context, _, _ *tree.Node) (txn.Ticket, error) {
	if _, ok := ctx.Deadline(); !ok {
		return nil, errors.New("there is no deadline")
	}
	if b.at == "prepare" {
		panic("bug")
	}
	return b, nil
}
func (b *bad) Commit() {
	if b.at == "commit" {
		panic("bug")
	}
}
func (b *bad) Abort() {}

// TestPanic: a bug in who takes part keeps nobody from committing, the next time not
// him either.
func TestPanic(t *testing.T) {
	for _, at := range []string{"prepare", "commit"} {
		w := newWorld(t, Options{})
		w.server.Join(Member{Name: "bad", Participant: &bad{at}})
		ss, other := w.login("admin"), w.login("admin")
		_, err := w.begin(ss, a+"/v=1").Commit(context.Background(), Label{})
		if at == "prepare" {
			wants(t, err, mgmterr.OperationFailed, "bad has failed, and takes part no more")
		} else if err != nil {
			t.Error(err)
		}
		done := waiting1(func() error {
			_, err := w.begin(other, "/m:top/l[name='b']/v=2").Commit(context.Background(), Label{})
			return err
		})
		if err := ends(t, done); err != nil {
			t.Error(err)
		}
		if left := w.server.party.Names(); left != nil {
			t.Errorf("%v take part", left)
		}
	}
}

func TestHealthy(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	x := w.begin(ss, a+"/v=1")
	if err := x.Prepare(context.Background()); err != nil || w.server.Healthy() != nil {
		t.Errorf("%v, %v", err, w.server.Healthy())
	}
	if d := w.server.turn.Held(); d <= 0 {
		t.Errorf("the turn is held for %v", d)
	}
	if err := healthy(stuck + time.Minute); err == nil || !strings.Contains(err.Error(), "6m0s") {
		t.Errorf("a commit that has not ended for long: %v", err)
	}
	x.Abort()
	if err := w.server.Healthy(); err != nil {
		t.Error(err)
	}
}

// TestIdle: a transaction that nobody uses is aborted, one in use is not.
func TestIdle(t *testing.T) {
	w := newWorld(t, Options{TxnIdle: 50 * time.Millisecond})
	ss := w.login("admin")
	x := w.begin(ss, a+"/v=1")
	x.mu.Lock()
	x.used = time.Now().Add(time.Hour)
	x.mu.Unlock()
	y := w.begin(ss, a+"/v=2")
	var bad *StateError
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.server.mu.Lock()
		_, open := ss.txns[y]
		w.server.mu.Unlock()
		if !open {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it is there for ever")
		}
	}
	if err := y.Apply(w.edit(a + "/v=3")); !errors.As(err, &bad) {
		t.Errorf("an edit of it gave %v", err)
	}
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		t.Errorf("one in use was aborted: %v", err)
	}
}

// TestUndecided: the client is told what is so, and not where the files are.
func TestUndecided(t *testing.T) {
	for _, c := range []struct {
		err  error
		tag  mgmterr.Tag
		want string
	}{
		{fmt.Errorf("/var/lib/nso/cdb/seg-1: %w", cdb.ErrUnsure), mgmterr.OperationFailed, "cannot say whether"},
		{fmt.Errorf("/var/lib/nso/cdb: %w", cdb.ErrStopped), mgmterr.OperationFailed, "restart the daemon"},
		{fmt.Errorf("/var/lib/nso/cdb/seg-1: %w", cdb.ErrFull), mgmterr.ResourceDenied, "make room"},
		{fmt.Errorf("/var/lib/nso/cdb/seg-1: %w", cdb.ErrTooLarge), mgmterr.TooBig, "in parts"},
		{errors.New("/var/lib/nso/cdb/seg-1: bug"), mgmterr.OperationFailed, "nothing has changed"},
	} {
		err := cdb.Told(c.err)
		wants(t, err, c.tag, c.want)
		if strings.Contains(mgmterr.Of(err)[0].Message, "/var") || !errors.Is(err, c.err) {
			t.Errorf("%v", err)
		}
	}
}
