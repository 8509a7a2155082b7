// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestHostileSource: one source fails a hundred times a second, each failure takes the
// two seconds of PAM's delay, and another user is in within five seconds, as a stranger
// and as one who was here before. Time is synctest's.
func TestHostileSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(DefaultQueueLimits())
		ctx, cancel := context.WithCancel(context.Background())
		var refused, failed atomic.Int64
		flood := func(from netip.Addr) {
			for range 100 * 20 {
				go func() {
					p, err := q.Enter(ctx, from)
					if err != nil {
						refused.Add(1)
						return
					}
					time.Sleep(2 * time.Second)
					p.Leave(false)
					failed.Add(1)
				}()
				time.Sleep(10 * time.Millisecond)
			}
		}
		go flood(addr("192.0.2.66"))
		for i := range 10 { // and ten more who try from elsewhere, so that no place is free
			go flood(addr(fmt.Sprintf("2001:db8:%d::1", i)))
		}
		time.Sleep(10 * time.Second)
		for _, user := range []string{"198.51.100.1", "198.51.100.2", "127.0.0.1"} {
			begin := time.Now()
			p, err := q.Enter(ctx, addr(user))
			if err != nil {
				t.Fatalf("%s: %v", user, err)
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("%s waited %s", user, d)
			}
			p.Leave(true)
		}
		begin := time.Now() // now known: a place is kept
		p, err := q.Enter(ctx, addr("198.51.100.1"))
		if err != nil || time.Since(begin) > 0 {
			t.Errorf("who is known waited %s, %v", time.Since(begin), err)
		}
		p.Leave(false)
		time.Sleep(30 * time.Second)
		cancel()
		synctest.Wait()
		if q.running != 0 || q.waiting != 0 || len(q.sources) != 0 || len(q.turns) != 0 || q.foreign != 0 {
			t.Errorf("left: %+v", q)
		}
		if refused.Load() == 0 || failed.Load() == 0 {
			t.Errorf("%d refused, %d failed", refused.Load(), failed.Load())
		}
	})
}

func TestQueueLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(DefaultQueueLimits())
		ctx, cancel := context.WithCancel(context.Background())
		var wait sync.WaitGroup
		var got, busy atomic.Int64
		try := func(a string) {
			wait.Go(func() {
				p, err := q.Enter(ctx, addr(a))
				switch {
				case err == nil:
					got.Add(1)
					<-ctx.Done()
					p.Leave(false)
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				}
			})
		}
		expect := func(what string, wantGot, wantBusy int64) {
			t.Helper()
			synctest.Wait()
			if got.Load() != wantGot || busy.Load() != wantBusy {
				t.Errorf("%s: %d have a place, %d were turned away; want %d, %d", what, got.Load(), busy.Load(), wantGot, wantBusy)
			}
		}
		for range 30 {
			try("192.0.2.1")
		}
		expect("one source", 4, 10) // 16 wait
		for i := range 30 {
			try(fmt.Sprintf("2001:db8::%x", i+1)) // one network is one source
		}
		expect("one network", 8, 20)
		for i := range 200 {
			try(fmt.Sprintf("198.51.100.%d", i))
		}
		expect("strangers", 24, 20) // eight places are kept
		for range 10 {
			try("127.0.0.1")
			try("127.9.9.9")
		}
		expect("this machine", 28, 20)
		for i := range 1000 {
			try(fmt.Sprintf("203.0.%d.%d", i/256, i%256))
		}
		synctest.Wait()
		if q.waiting != 768 {
			t.Errorf("%d wait; a quarter of 1,024 is for who is known", q.waiting)
		}
		cancel()
		wait.Wait()
		if q.running != 0 || q.waiting != 0 || len(q.sources) != 0 || len(q.turns) != 0 || q.foreign != 0 {
			t.Errorf("left: %+v", q)
		}
	})
}

// TestTurns: sources take turns, and each keeps its own order.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := DefaultQueueLimits()
		l.Places, l.Kept = 1, 0
		q := NewQueue(l)
		first, _ := q.Enter(context.Background(), addr("192.0.2.9"))
		var order []string
		var wait sync.WaitGroup
		for _, who := range []string{"1", "1", "1", "2", "2", "3"} {
			wait.Go(func() {
				p, err := q.Enter(context.Background(), addr("192.0.2."+who))
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, who) // one at a time
				p.Leave(false)
			})
			synctest.Wait()
		}
		first.Leave(false)
		wait.Wait()
		if s := fmt.Sprint(order); s != "[1 2 3 1 2 1]" {
			t.Errorf("the order is %s", s)
		}
	})
}

func TestKnownEnds(t *testing.T) {
	l := DefaultQueueLimits()
	l.MaxKnown = 2
	q := NewQueue(l)
	now := time.Unix(1e9, 0)
	q.now = func() time.Time { return now }
	for _, a := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		p, _ := q.Enter(context.Background(), addr(a))
		p.Leave(true)
		now = now.Add(time.Minute)
	}
	known := func(a string) bool { return q.isKnown(sourceOf(addr(a))) }
	if len(q.known) != 2 || known("192.0.2.1") || !known("192.0.2.3") || !known("::1") || known("198.51.100.1") {
		t.Errorf("known: %v", q.known)
	}
	now = now.Add(24 * time.Hour)
	if known("192.0.2.3") {
		t.Error("a success counts for ever")
	}
}

// TestQueueProperty: whatever comes and goes, no limit is ever passed and nothing is
// left.
func TestQueueProperty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := QueueLimits{Places: 5, PerSource: 2, Kept: 2, Waiting: 12, WaitingPerSource: 3, Remember: time.Minute, MaxKnown: 2}
		q := NewQueue(l)
		var wait sync.WaitGroup
		for i := range 2000 {
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(3000))*time.Millisecond)
				defer cancel()
				time.Sleep(time.Duration(rand.IntN(60000)) * time.Millisecond)
				p, err := q.Enter(ctx, addr(fmt.Sprintf("10.0.0.%d", i%7)))
				if err != nil {
					return
				}
				q.mu.Lock()
				if q.running > l.Places || q.foreign > l.Places-l.Kept || p.s.running > l.PerSource || q.waiting > l.Waiting || len(q.known) > l.MaxKnown {
					t.Errorf("past a limit: %+v", q)
				}
				q.mu.Unlock()
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
				p.Leave(rand.IntN(10) == 0)
			})
		}
		wait.Wait()
		if q.running != 0 || q.waiting != 0 || len(q.sources) != 0 || len(q.turns) != 0 || q.foreign != 0 {
			t.Errorf("left: %+v", q)
		}
	})
}

// TestAccounts: questions about an account wait, however many there are of one source,
// in places of their own; and whoever got one is known.
func TestAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := DefaultQueueLimits()
		q := NewQueue(l)
		for i := range l.Places - l.Kept { // no place for a password is left to strangers
			if _, err := q.Enter(t.Context(), addr(fmt.Sprintf("198.51.100.%d", i))); err != nil {
				t.Fatal(err)
			}
		}
		one, two := addr("192.0.2.1"), addr("192.0.2.2")
		var running, most, in atomic.Int64
		var wg sync.WaitGroup
		ask := func(from netip.Addr) {
			p, err := q.EnterAccount(t.Context(), from)
			if err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(50 * time.Millisecond)
			running.Add(-1)
			in.Add(1)
			p.Leave(true)
		}
		for range 500 {
			wg.Go(func() { ask(one) })
		}
		synctest.Wait()
		begin := time.Now()
		ask(two)
		if d := time.Since(begin); d > 200*time.Millisecond {
			t.Errorf("another source waits %s", d)
		}
		wg.Wait()
		if places := int64(l.Places / 4); in.Load() != 501 || most.Load() != places {
			t.Errorf("%d are in, %d at once", in.Load(), most.Load())
		}
		if p, err := q.Enter(t.Context(), two); err != nil || !p.known {
			t.Error("who came in by a key is a stranger:", err)
		}
	})
}

// TestKnown: who has logged in lately is known to the next daemon too, as long as he was.
func TestKnown(t *testing.T) {
	now := time.Now()
	q := NewQueue(DefaultQueueLimits())
	q.now = func() time.Time { return now }
	if q.Known() != nil {
		t.Error("an empty queue knows somebody")
	}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, from := range []netip.Addr{a, b, {}} {
		p, err := q.Enter(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		p.Leave(true)
		now = now.Add(time.Hour)
	}
	text := q.Known()
	if text == nil || q.Known() != nil {
		t.Errorf("what is new is told %q, and again", text)
	}
	after := NewQueue(DefaultQueueLimits())
	after.now = func() time.Time { return now.Add(21*time.Hour + 30*time.Minute) }
	if err := after.Restore(text); err != nil {
		t.Fatal(err)
	}
	if after.isKnown(sourceOf(a)) || !after.isKnown(sourceOf(b)) || len(after.known) != 1 {
		t.Errorf("known are %v", after.known)
	}
	for _, bad := range []string{"", "x", "[]", `{"x":"2026-01-01T00:00:00Z"}`} {
		if err := after.Restore([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, none := range []string{"null", "{}", `{"192.0.2.0/24":"2999-01-01T00:00:00Z"}`, `{"192.0.2.9/32":"2999-01-01T00:00:00Z"}`, `{"":"2999-01-01T00:00:00Z"}`} {
		if err := after.Restore([]byte(none)); err != nil || len(after.known) != 1 {
			t.Errorf("%q: %v, %v", none, err, after.known)
		}
	}
}
