// SPDX-License-Identifier: Apache-2.0

package accept

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/ident"
)

// world is a gate on a real listener; each connection does what serve says.
type world struct {
	t       *testing.T
	gate    *Gate
	address string
	stop    func()

	mu      sync.Mutex
	refused []string
}

func newWorld(t *testing.T, o Options, wrap func(net.Listener) net.Listener, serve func(*Conn)) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, address: l.Addr().String()}
	o.Refused = func(a ident.Actor, door, source string, reason error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refused = append(w.refused, fmt.Sprintf("%s %s: %v", door, a.User, reason))
	}
	w.gate = New(o)
	if wrap != nil {
		l = wrap(l)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.gate.Serve(ctx, "door", l, serve) }()
	w.stop = stop
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		w.gate.Wait()
		if err := w.gate.Idle(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// login reads a name, counts the connection as that user's, answers, and waits for the
// end of the other side.
func login(c *Conn) {
	buf := make([]byte, 32)
	n, err := c.Read(buf)
	if err != nil {
		c.Failed(1)
		c.Refuse(ident.Actor{}, err)
		return
	}
	actor := ident.Actor{User: string(buf[:n])}
	if err := c.Known(actor); err != nil {
		c.Refuse(actor, err)
		return
	}
	_, _ = io.WriteString(c, "welcome")
	c.Greeted()
	_, _ = io.Copy(io.Discard, c)
}

// in says whether a user is let in.
func (w *world) in(c net.Conn, user string) bool {
	w.t.Helper()
	_, _ = io.WriteString(c, user)
	buf := make([]byte, 32)
	n, err := c.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatal("neither let in nor turned away")
	}
	return n > 0
}

func (w *world) reason(words string) {
	w.t.Helper()
	w.eventually(words, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return strings.Contains(strings.Join(w.refused, "\n"), words)
	})
}

func TestUsers(t *testing.T) {
	w := newWorld(t, Options{Connections: 6, Reserve: 2, PerUser: 2, Admin: func(a ident.Actor) bool { return a.User == "root" }}, nil, login)
	a := w.dial()
	if !w.in(a, "ann") || !w.in(w.dial(), "ann") || !w.in(w.dial(), "bob") || !w.in(w.dial(), "bob") {
		t.Fatal("there is no room for four")
	}
	if w.in(w.dial(), "cid") {
		t.Error("one is let in who is not an administrator")
	}
	w.reason("door cid: the last 2 of 6 connections are kept")
	a.Close()
	w.eventually("ann leaves", func() bool { return w.gate.Connections("door") == 3 })
	if !w.in(w.dial(), "ann") || w.in(w.dial(), "ann") {
		t.Error("ann may have two, and no more")
	}
	w.reason("door ann: ann has 2 connections already")
	w.eventually("it has left", func() bool { return w.gate.Connections("door") == 4 })
	for range 2 {
		if !w.in(w.dial(), "root") {
			t.Error("an administrator is kept out")
		}
	}
	if _, err := w.dial().Read(make([]byte, 1)); err == nil {
		t.Error("a seventh is let in")
	}
	w.reason("all 6 are in use; raise limits.connections")
	if n := w.gate.Refused(); n != 3 {
		t.Errorf("%d are refused", n)
	}
}

// TestCrowd: who is over the crowd's number waits in the kernel's queue until others
// are greeted, gone, or silent for a while.
func TestCrowd(t *testing.T) {
	w := newWorld(t, Options{Crowd: 2}, nil, login)
	silent := []net.Conn{w.dial(), w.dial()}
	w.eventually("two are inside", func() bool { return w.gate.Connections("door") == 2 })
	third := w.dial()
	if !w.in(third, "ann") { // after silentTime
		t.Error("the third is turned away")
	}
	for _, c := range silent {
		if !w.in(c, "bob") {
			t.Error("who was silent is turned away")
		}
	}
}

func TestDrain(t *testing.T) {
	var l net.Listener
	answer := make(chan struct{})
	w := newWorld(t, Options{}, func(of net.Listener) net.Listener { l = of; return l }, func(c *Conn) {
		_, _ = c.Read(make([]byte, 1))
		<-answer
		c.Greeted()
		_, _ = io.Copy(io.Discard, c)
	})
	w.dial() // says nothing, ever
	c := w.dial()
	_, _ = io.WriteString(c, "x")
	w.eventually("two are inside", func() bool { return w.gate.Connections("door") == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.gate.Drain(ctx)
	if ctx.Err() == nil {
		t.Error("an open door is drained")
	}
	l.Close()
	drained := make(chan struct{})
	go func() {
		w.gate.Drain(context.Background())
		close(drained)
	}()
	w.eventually("who is silent is forgotten", func() bool {
		w.gate.mu.Lock()
		defer w.gate.mu.Unlock()
		return w.gate.awaited == 1
	})
	select {
	case <-drained:
		t.Error("who has spoken is not waited for")
	default:
	}
	close(answer)
	<-drained
	if n := w.gate.Connections("door"); n != 2 {
		t.Errorf("%d are left", n)
	}
	w.stop()
	c.Close()
}

// TestRoom: from a quarter of the strangers on, chance decides.
func TestRoom(t *testing.T) {
	chance := 0.0
	g := New(Options{Strangers: 16})
	g.random = func() float64 { return chance }
	source := Source(netip.MustParseAddr("192.0.2.1"))
	for _, c := range []struct {
		strangers, open, ofSource int
		chance                    float64
		room                      bool
	}{
		{0, 0, 0, 0, true}, {3, 0, 3, 0, true}, {4, 0, 4, 0, false}, {4, 0, 0, 0, true}, {10, 0, 0, 0.4, false}, {10, 0, 0, 0.6, true},
		{15, 0, 0, 0.99, true}, {16, 0, 0, 0.99, false}, {0, 2048, 0, 0, false},
	} {
		g.strangers, g.open, g.bySource[source], chance = c.strangers, c.open, c.ofSource, c.chance
		if err := g.room(source); (err == nil) != c.room {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOneSource: a crowd of one source leaves room for another.
func TestOneSource(t *testing.T) {
	w := newWorld(t, Options{Strangers: 16}, nil, login)
	for range 200 {
		w.dial()
	}
	w.eventually("most are turned away", func() bool { return w.gate.Refused() == 196 })
	other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", w.address)
	if err != nil {
		t.Skip("there is no second source here:", err)
	}
	defer other.Close()
	other.SetDeadline(time.Now().Add(30 * time.Second))
	if !w.in(other, "ann") {
		t.Error("another source is kept out")
	}
}

func TestPenalties(t *testing.T) {
	p := NewPenalties()
	w := newWorld(t, Options{Penalties: p}, nil, login)
	if !w.in(w.dial(), "ann") {
		t.Error("who has done nothing is kept out")
	}
	for range maxPoints + 1 {
		w.dial().Close()
	}
	w.eventually("they are noted", func() bool { return p.Check(netip.MustParseAddr("127.0.0.1")) != nil })
	if w.in(w.dial(), "ann") {
		t.Error("who has failed is let in")
	}
	w.reason("127.0.0.1/32 has failed too often")
}

func TestForgiven(t *testing.T) {
	s := NewPenalties()
	now := time.Now()
	s.now = func() time.Time { return now }
	bad, good := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")
	for range 100 {
		s.Fail(bad, 1)
	}
	if err := s.Check(bad); err == nil {
		t.Error("who failed a hundred times may come in")
	}
	if err := s.Check(netip.MustParseAddr("2001:db8::2")); err == nil {
		t.Error("another address of the same network may come in")
	}
	if err := s.Check(good); err != nil {
		t.Error(err)
	}
	now = now.Add((capPoints - maxPoints + 1) * forgiveTime)
	if err := s.Check(bad); err != nil {
		t.Error("who has waited may not come in:", err)
	}
	for i := range 3 * maxSources {
		s.Fail(netip.MustParseAddr(fmt.Sprintf("10.%d.%d.1", i/256, i%256)), 1)
	}
	if n := len(s.failed); n > maxSources {
		t.Errorf("%d sources are remembered", n)
	}
	if s.left(Source(bad)) == 0 {
		t.Error("whoever failed most is forgotten first")
	}
}

// hungry is a listener that is out of descriptors for a while.
type hungry struct {
	net.Listener
	fails int
}

func (h *hungry) Accept() (net.Conn, error) {
	if h.fails > 0 {
		h.fails--
		errno := []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS}[h.fails%4]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errno)}
	}
	return h.Listener.Accept()
}

func TestOutOfDescriptors(t *testing.T) {
	w := newWorld(t, Options{Crowd: 1}, func(l net.Listener) net.Listener { return &hungry{l, 5} }, login)
	if !w.in(w.dial(), "ann") {
		t.Error("the door is closed")
	}
}
