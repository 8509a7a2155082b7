// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/yang/yangtest"
)

func TestTable(t *testing.T) {
	i := New(nil)
	if err := i.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestWatch: sessions come and go, and who has no right sees nothing.
func TestWatch(t *testing.T) {
	schema := yangtest.Schema(t, ipctest.Module, "ietf-netconf-acm", "nso-access", "ietf-netconf-notifications")
	b := ipctest.Start(t, schema, func(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s)} })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	const started = "ietf-netconf-notifications:netconf-session-start"
	next, stop := iter.Pull2(b.Dial("admin").Events(ctx, started))
	defer stop()
	began := make(chan error, 1)
	go func() {
		b.Sessions(1)
		for ctx.Err() == nil { // until it is sure that one came after the subscription
			ss, err := b.Mgmt.Login(ipctest.Actor("porter"), mgmt.Login{Transport: "maapi"})
			if err != nil {
				began <- err
				return
			}
			ss.Close("the test", false)
			select {
			case <-began:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	e, err, _ := next()
	began <- nil
	if err != nil || e.Name != started || e.Lost != 0 || e.Time.IsZero() || !strings.Contains(string(e.Data), `{"`+started+`":{"username":"porter"`) {
		t.Error(e, string(e.Data), err)
	}
	var refused *client.Error
	for _, err := range b.Dial("admin").Events(ctx, "net:nothing") {
		if !errors.As(err, &refused) || !strings.Contains(refused.Name, "InvalidParameter") {
			t.Error(err)
		}
	}
	stop()
	b.Sessions(0)
}

// TestLost: what does not fit is counted, and the mark is where the gap is.
func TestLost(t *testing.T) {
	q := &queue{wake: make(chan struct{}, 1)}
	take := func() string {
		t.Helper()
		w, lost, err := q.take(t.Context())
		return fmt.Sprint(w.name, " ", lost, " ", err)
	}
	n := 0
	put := func(many int) {
		for range many {
			q.put(waiting{name: fmt.Sprint(n)})
			n++
		}
	}
	put(queueSize + 5)
	if got := take(); got != "0 0 <nil>" {
		t.Error(got)
	}
	put(3) // lost too: those before them are
	for i := 1; i < queueSize; i++ {
		if got, want := take(), fmt.Sprint(i, " 0 <nil>"); got != want {
			t.Fatal(got, want)
		}
	}
	put(2)
	if got, want := take(), fmt.Sprint(queueSize+8, " 8 <nil>"); got != want {
		t.Error(got, want)
	}
	if got, want := take(), fmt.Sprint(queueSize+9, " 0 <nil>"); got != want {
		t.Error(got, want)
	}
	q.end(context.Canceled)
	if _, _, err := q.take(t.Context()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
