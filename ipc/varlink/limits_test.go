// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A gigabyte without a NUL is answered with an error after the first megabyte,
// and never held.
func TestMessageOfOneGigabyte(t *testing.T) {
	b := start(t, nil).calm()
	for _, opening := range []string{`{"method":"org.example.test.Ping","parameters":{"text":"`, "", "[[[["} {
		p := b.dial()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sent := make(chan int64, 1)
		go func() {
			p.conn.Write([]byte(opening))
			chunk := bytes.Repeat([]byte("x"), 1<<20)
			var n int64
			for n < 1<<30 {
				k, err := p.conn.Write(chunk)
				n += int64(k)
				if err != nil {
					break
				}
			}
			sent <- n
		}()
		p.want(p.read(), `"error":"org.nso.Protocol.TooLarge"`)
		if n := receive(t, sent); n > 64<<20 {
			t.Errorf("%d bytes went through", n)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
			t.Errorf("%d bytes were allocated", grown)
		}
		if got := p.read(); got != "closed" {
			t.Errorf("then %s", got)
		}
	}
	p := b.dial()
	p.want(p.call(`{"method":"org.example.test.Ping","parameters":{"text":"well"}}`), "well")
}

func TestLargeMessages(t *testing.T) {
	b := start(t, func(c *Config) { c.Limits.Message = 100_000 }).calm()
	text := func(method string, n int) string {
		return `{"method":"org.example.test.` + method + `","parameters":{"text":"` + strings.Repeat("x", n) + `"}}`
	}
	p := b.dial()
	p.want(p.call(text("Ping", 99_000)), `{"text":"xxx`)
	p.want(p.call(text("Big", 5<<20)), `"size":5242891`)
	p.want(p.call(text("Big", 10)), `"size":21`)
	if m := b.server.Stats().Memory; m != 0 {
		t.Errorf("%d bytes are still held", m)
	}
	p.want(p.call(text("Big", 8<<20)), "more than 8388608 bytes")
	p = b.dial()
	p.want(p.call(text("Ping", 100_000)), "more than 100000 bytes")
	// The name of the method comes too late to help.
	p = b.dial()
	p.want(p.call(`{"parameters":{"text":"`+strings.Repeat("x", 200_000)+`"},"method":"org.example.test.Big"}`), "TooLarge")
}

func TestMemoryIsShared(t *testing.T) {
	b := start(t, func(c *Config) {
		c.Limits.Memory = 1 << 20
		c.Limits.MemoryPerOrigin = 1 << 20
	}).calm()
	big := `{"method":"org.example.test.Big","parameters":{"text":"` + strings.Repeat("x", 400_000)
	a := b.dial()
	io.WriteString(a.conn, big)
	for b.server.Stats().Memory < 400_000 {
		time.Sleep(time.Millisecond)
	}
	p := b.dial()
	p.want(p.call(big+`"}}`), "too many are under way")
	a.want(a.call(`"}}`), `"size":400011`)
	for b.server.Stats().Memory > 0 { // it is given back after the reply
		time.Sleep(time.Millisecond)
	}
	p = b.dial()
	p.want(p.call(big+`"}}`), `"size":400011`)
}

func TestSlowClients(t *testing.T) {
	b := start(t, func(c *Config) {
		c.Limits.FirstMessage = 100 * time.Millisecond
		c.Limits.MessageTime = 100 * time.Millisecond
		c.Limits.Idle = 150 * time.Millisecond
		c.Limits.IdleIn = map[State]time.Duration{loggedIn: NoLimit}
	}).calm()
	ping := `{"method":"org.example.test.Ping","parameters":{"text":"x"}}`

	silent := b.dial()
	silent.want(silent.read(), "cannot wait any longer for a first message")
	silent.want(silent.read(), "closed")

	half := b.dial()
	io.WriteString(half.conn, ping[:10])
	half.want(half.read(), "cannot wait any longer for the rest of the message")
	half.want(half.read(), "closed")

	dripping := b.dial()
	go func() { // each byte is soon there, the message is not
		for i := range ping {
			if _, err := io.WriteString(dripping.conn, ping[i:i+1]); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	dripping.want(dripping.read(), "for the rest of the message")

	idle := b.dial()
	idle.want(idle.call(ping), "x")
	idle.want(idle.read(), "cannot wait any longer for another message")

	stays := b.dial()
	stays.want(stays.call(`{"method":"org.example.test.Login"}`), "{}")
	time.Sleep(400 * time.Millisecond)
	stays.want(stays.call(`{"method":"org.example.test.Whoami"}`), "alice")
	io.WriteString(stays.conn, ping[:10])
	stays.want(stays.read(), "for the rest of the message")
}

// A client that reads nothing is closed after the write deadline.
func TestClientThatDoesNotRead(t *testing.T) {
	b := start(t, func(c *Config) { c.Limits.Write = 50 * time.Millisecond }).calm()
	p := b.dial()
	p.send(`{"method":"org.example.test.Count","parameters":{"to":100000000},"more":true}`)
	receive(t, b.closed)
	if n := b.server.Stats().Connections; n > 1 {
		t.Error(n, "connections")
	}
}

func TestHalfOpen(t *testing.T) {
	b := start(t, nil).calm()
	// Writing is shut, the reply is still wanted: however long it takes.
	p := b.dial()
	p.send(`{"method":"org.example.test.Wait"}`)
	p.conn.CloseWrite()
	receive(t, b.entered)
	time.Sleep(3 * watchAfter)
	b.release <- struct{}{}
	p.want(p.read(), "{}")
	p.want(p.read(), "closed")
	// The client is gone: the call is told.
	for _, method := range []string{"Hang", "Wait"} {
		p = b.dial()
		p.send(`{"method":"org.example.test.` + method + `"}`)
		receive(t, b.entered)
		p.conn.Close()
		if cause := receive(t, b.gone); cause != ErrGone {
			t.Errorf("%s: %v", method, cause)
		}
	}
	// Also if it has sent so much that nothing more is read.
	p = b.dial()
	p.send(`{"method":"org.example.test.Hang"}`)
	receive(t, b.entered)
	p.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	p.conn.Write(bytes.Repeat([]byte("{}\x00"), 1<<20))
	p.conn.Close()
	if cause := receive(t, b.gone); cause != ErrGone {
		t.Error(cause)
	}
	// And half a message at the end is no message.
	p = b.dial()
	io.WriteString(p.conn, `{"method"`)
	p.conn.CloseWrite()
	p.want(p.read(), "closed")
}

func TestPipelining(t *testing.T) {
	b := start(t, nil).calm()
	p := b.dial()
	const n = 5000
	go func() {
		var all bytes.Buffer
		for i := range n {
			fmt.Fprintf(&all, `{"method":"org.example.test.Ping","parameters":{"text":"%d"}}`+"\x00", i)
		}
		p.conn.Write(all.Bytes())
	}()
	for i := range n {
		p.want(p.read(), fmt.Sprintf(`"text":"%d"`, i))
	}
	// Behind a call that waits, the others wait too, and not all are read.
	p = b.dial()
	p.send(`{"method":"org.example.test.Wait"}`)
	receive(t, b.entered)
	var through atomic.Int64
	stuck := make(chan error, 1)
	p.conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	go func() {
		one := []byte(`{"method":"org.example.test.Ping","parameters":{"text":"` + strings.Repeat("y", 1000) + `"}}` + "\x00")
		for {
			if _, err := p.conn.Write(one); err != nil {
				stuck <- err
				return
			}
			through.Add(1)
		}
	}()
	if err := receive(t, stuck); !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Fatal(err)
	}
	if n := through.Load(); n > 4000 {
		t.Error(n, "calls were read ahead")
	}
	b.release <- struct{}{}
	p.want(p.read(), "{}")
	for range through.Load() {
		p.want(p.read(), "yyy")
	}
}

// The watcher and the calls share one reader, in turns.
func TestPipeliningThroughTheWatcher(t *testing.T) {
	b := start(t, func(c *Config) { c.Limits.Pipeline = 3 }).calm()
	p := b.dial()
	go func() {
		for i := range 20 {
			if i%5 == 0 {
				p.send(`{"method":"org.example.test.Wait"}`)
			}
			p.send(fmt.Sprintf(`{"method":"org.example.test.Ping","parameters":{"text":"%d %s"}}`, i, strings.Repeat("z", i*1000)))
		}
	}()
	for i := range 20 {
		if i%5 == 0 {
			receive(t, b.entered)
			time.Sleep(2 * watchAfter)
			b.release <- struct{}{}
			p.want(p.read(), "{}")
		}
		p.want(p.read(), fmt.Sprintf(`"text":"%d z`, i)[:len(fmt.Sprintf(`"text":"%d`, i))])
	}
}

func TestConnectionLimits(t *testing.T) {
	var key atomic.Value
	key.Store(Origin{Key: "uid 1"})
	b := start(t, func(c *Config) {
		c.Limits.Connections, c.Limits.PerOrigin, c.Limits.Reserved = 6, 3, 2
		c.Identify = func(_ context.Context, c *Conn) (Origin, error) {
			o := key.Load().(Origin)
			if o.Key == "" {
				return o, errors.New("no account for uid 65534")
			}
			return o, nil
		}
	}).calm()
	ping := `{"method":"org.example.test.Ping","parameters":{"text":"in"}}`
	in := func(want string) {
		t.Helper()
		p := b.dial()
		p.conn.Write([]byte(ping + "\x00")) // the other end may be closed already
		p.want(p.read(), want)
	}
	for range 3 {
		in("in")
	}
	in("cannot open another connection: uid 1 has 3 of them")
	key.Store(Origin{Key: "uid 2"})
	in("in")
	in("cannot open another connection: the daemon has 4 of them")
	key.Store(Origin{Key: "uid 0", Reserved: true})
	in("in")
	in("in")
	in("the daemon has 6 of them")
	key.Store(Origin{})
	in("org.varlink.service.PermissionDenied")
	if st := b.server.Stats(); st.Connections != 6 || st.Refused != 4 {
		t.Errorf("%+v", st)
	}
	if !strings.Contains(b.log.String(), "reason") {
		t.Error("no reason is logged")
	}
}

func TestTenThousandConnections(t *testing.T) {
	b := start(t, func(c *Config) {
		c.Limits.PerOrigin = 50
		c.Log = nil
	}).calm()
	var wg sync.WaitGroup
	var answered, refused atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 1250 {
				conn, err := net.Dial("unix", b.path)
				if err != nil {
					if errors.Is(err, syscall.EAGAIN) { // the backlog is full: connect(2)
						refused.Add(1)
						continue
					}
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				conn.Write([]byte(`{"method":"org.example.test.Ping","parameters":{"text":"x"}}` + "\x00"))
				msg, err := NewReader(conn, 0).Next(1 << 20)
				switch {
				case err == nil && bytes.Contains(msg, []byte(`"x"`)):
					answered.Add(1)
				default:
					refused.Add(1)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	if answered.Load() == 0 || answered.Load()+refused.Load() != 10000 {
		t.Error(answered.Load(), refused.Load())
	}
}

// failingListener has no descriptors for a while.
type failingListener struct {
	net.Listener
	left atomic.Int32
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptErrorsAreSurvived(t *testing.T) {
	b := start(t, nil).calm()
	inner, err := net.Listen("unix", b.path+"2")
	if err != nil {
		t.Fatal(err)
	}
	l := &failingListener{Listener: inner}
	l.left.Store(3)
	served := make(chan error, 1)
	go func() { served <- b.server.Serve("second", l) }()
	b.path += "2"
	p := b.dial()
	p.want(p.call(`{"method":"org.example.test.Ping","parameters":{"text":"late"}}`), "late")
	// A listener that is taken away ends without harm to its connections.
	inner.Close()
	if err := receive(t, served); err != nil {
		t.Error(err)
	}
	p.want(p.call(`{"method":"org.example.test.Ping","parameters":{"text":"still"}}`), "still")
}

func TestPanicsAreCountedAndNotShown(t *testing.T) {
	b := start(t, func(c *Config) {
		inner := c.Interfaces[0].Methods
		for i := range inner {
			if inner[i].Name == "Narrow" {
				inner[i].Access = func(context.Context, *Conn) error { panic("in access") }
			}
		}
	})
	p := b.dial()
	got := p.call(`{"method":"org.example.test.Fail","parameters":{"how":"panic"}}`)
	p.want(got, `"number":1`)
	got += p.call(`{"method":"org.example.test.Narrow","parameters":{"a":1}}`)
	p.want(got, `"number":2`)
	got += p.call(`{"method":"org.example.test.Fail","parameters":{"how":"?"}}`)
	p.want(got, `"number":3`)
	if strings.Contains(got, "on request") || strings.Contains(got, "secret") || strings.Contains(got, "in access") {
		t.Error("it is shown")
	}
	for _, part := range []string{"number=1", "on request", "fail(", "number=2", "in access", "number=3", "a secret of ours"} {
		if !strings.Contains(b.log.String(), part) {
			t.Errorf("the log lacks %q", part)
		}
	}
	if n := b.server.Panics(); n != 2 {
		t.Errorf("%d panics counted", n)
	}
}
