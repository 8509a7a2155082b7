// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestShutdown(t *testing.T) {
	b := start(t, nil).calm()
	idle, fresh, working, streaming := b.dial(), b.dial(), b.dial(), b.dial()
	idle.want(idle.call(strings.TrimSuffix(pingX, "\x00")), "x")
	working.send(`{"method":"org.example.test.Wait"}`)
	receive(t, b.entered)
	streaming.send(`{"method":"org.example.test.Hang"}`)
	receive(t, b.entered)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		done <- b.server.Shutdown(ctx)
	}()
	if cause := receive(t, b.gone); cause != ErrShuttingDown {
		t.Error(cause)
	}
	for _, p := range []*peer{streaming, idle} {
		p.want(p.read(), "org.nso.Protocol.ShuttingDown")
		p.want(p.read(), "closed")
	}
	for p := fresh; ; { // it may not have been accepted
		if got := p.read(); got == "closed" {
			break
		}
	}
	if _, err := net.Dial("unix", b.path); err == nil {
		t.Error("it still accepts")
	}
	select {
	case err := <-done:
		t.Fatal("it did not wait for the call:", err)
	case <-time.After(50 * time.Millisecond):
	}
	b.release <- struct{}{}
	working.want(working.read(), `{"parameters":{}}`)
	working.want(working.read(), "org.nso.Protocol.ShuttingDown")
	working.want(working.read(), "closed")
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	if err := b.server.Serve("late", nilListener{}); err != ErrShuttingDown {
		t.Error(err)
	}
}

type nilListener struct{ net.Listener }

func (nilListener) Close() error { return nil }

func TestShutdownThatCannotWait(t *testing.T) {
	b := start(t, nil).calm()
	p := b.dial()
	p.send(`{"method":"org.example.test.Wait"}`)
	receive(t, b.entered)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := b.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 connections") {
		t.Error(err)
	}
	if cause := receive(t, b.gone); cause != ErrShuttingDown {
		t.Error(cause)
	}
	p.want(p.read(), "closed")
}

func TestUpgrade(t *testing.T) {
	b := start(t, nil).calm()
	p := b.dial()
	// What follows the call without waiting for the reply is not lost.
	io.WriteString(p.conn, `{"method":"org.example.test.Raw","upgrade":true}`+"\x00early ")
	p.want(p.read(), `{"parameters":{}}`)
	io.WriteString(p.conn, "and late\x00\x00")
	p.conn.CloseWrite()
	rest, err := io.ReadAll(p.conn)
	if got := string(p.r.Buffered()) + string(rest); err != nil || got != "early and late\x00\x00" {
		t.Errorf("%q %v", got, err)
	}
	// Shutdown tells it, and in the end closes it.
	p = b.dial()
	p.send(`{"method":"org.example.test.Raw","upgrade":true}`)
	p.want(p.read(), "{}")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := b.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	p.want(p.read(), "closed")
}

func TestConnOfAnotherKind(t *testing.T) {
	b := start(t, nil).calm()
	near, far := net.Pipe()
	go b.server.ServeConn("pipe", far)
	near.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(near, pingX)
	msg, err := NewReader(near, 0).Next(1000)
	if err != nil || !strings.Contains(string(msg), `"x"`) {
		t.Error(string(msg), err)
	}
	near.Close()
	receive(t, b.closed)
}

func TestKickAndHooks(t *testing.T) {
	order := make(chan string, 3)
	b := start(t, func(c *Config) {
		c.Identify = func(_ context.Context, c *Conn) (Origin, error) {
			c.OnClose(func() { order <- "first" })
			c.OnClose(func() { panic("in a hook") })
			c.OnClose(func() { order <- "last" })
			return Origin{Key: "uid 7"}, nil
		}
	})
	p := b.dial()
	p.send(`{"method":"org.example.test.Hang"}`)
	receive(t, b.entered)
	conns := b.server.Conns()
	if len(conns) != 1 || conns[0].Origin().Key != "uid 7" || conns[0].Door() != "test" || conns[0].UnixConn() == nil {
		t.Fatal(conns)
	}
	kicked := errors.New("kicked by an administrator")
	conns[0].Close(kicked)
	if cause := receive(t, b.gone); cause != kicked {
		t.Error(cause)
	}
	if a, z := receive(t, order), receive(t, order); a != "last" || z != "first" {
		t.Error(a, z)
	}
	p.want(p.read(), "closed")
	if b.server.Panics() != 1 {
		t.Error("the panic of the hook is not counted")
	}
}

// TestDrain: who was accepted is answered, who waits in the kernel's queue stays
// there, and the others go on meanwhile.
func TestDrain(t *testing.T) {
	b := start(t, nil).calm()
	old := b.dial()
	old.want(old.call(strings.TrimSuffix(pingX, "\x00")), "x")
	silent := b.dial()
	for b.server.Stats().Connections < 2 {
		time.Sleep(time.Millisecond)
	}
	done := make(chan struct{})
	go func() {
		b.server.Drain(context.Background())
		close(done)
	}()
	select {
	case <-done:
		t.Fatal("it does not wait for the first answer")
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := net.Dial("unix", b.path); err == nil {
		t.Error("it still accepts")
	}
	old.want(old.call(strings.TrimSuffix(pingX, "\x00")), "x")
	silent.want(silent.call(strings.TrimSuffix(pingX, "\x00")), "x")
	receive(t, done)
	// Who never says anything is waited for as long as there is time.
	b = start(t, nil).calm()
	b.dial()
	for b.server.Stats().Connections < 1 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	b.server.Drain(ctx)
}

// TestCrowd: clients that come and go at once may be more than the limit for a
// moment, those that stay may not, and after that nobody is waited for.
func TestCrowd(t *testing.T) {
	b := start(t, func(c *Config) {
		c.Limits.PerOrigin, c.Limits.Crowd = 1, time.Minute
	}).calm()
	one := b.dial()
	one.want(one.call(strings.TrimSuffix(pingX, "\x00")), "x")
	two := b.dial()
	two.send(strings.TrimSuffix(pingX, "\x00"))
	one.conn.Close()
	two.want(two.read(), "x")

	b = start(t, func(c *Config) {
		c.Limits.PerOrigin, c.Limits.Crowd = 1, 20*time.Millisecond
	}).calm()
	one = b.dial()
	one.want(one.call(strings.TrimSuffix(pingX, "\x00")), "x")
	two = b.dial()
	two.want(two.read(), "TooMany")
	if p, _ := b.server.books.patience(b.server.Conns()[0].Origin()); time.Since(p.lost) > sulk {
		t.Error("the next one would be waited for as well")
	}
}

// TestOwn: there is room for the daemon's own user, whatever the others do.
func TestOwn(t *testing.T) {
	key := make(chan Origin, 10)
	b := start(t, func(c *Config) {
		c.Limits.Connections, c.Limits.Own, c.Limits.Reserved, c.Limits.Crowd = 2, 1, 1, time.Millisecond
		c.Identify = func(context.Context, *Conn) (Origin, error) { return <-key, nil }
	}).calm()
	for _, c := range []struct {
		origin Origin
		want   string
	}{
		{Origin{Key: "uid 1"}, "x"}, {Origin{Key: "uid 1"}, "TooMany"}, {Origin{Key: "uid 0", Reserved: true}, "x"},
		{Origin{Key: "uid 0", Reserved: true}, "TooMany"}, {Origin{Key: "uid 7", Own: true}, "x"}, {Origin{Key: "uid 7", Own: true}, "TooMany"},
	} {
		key <- c.origin
		p := b.dial()
		p.conn.Write([]byte(pingX))
		p.want(p.read(), c.want)
	}
}
