// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const testIDL = `# For tests
interface org.example.test

type Point (x: int, y: int)

method Ping(text: string) -> (text: string)

# Counts up to a number
method Count(to: int) -> (n: int)
method Deep(value: object) -> ()
method Move(to: Point, how: ?(walk, fly), tags: []string, more: [string]Point) -> (at: Point)
method Fail(how: string) -> ()
method Login() -> ()
method Whoami() -> (name: string)
method Forbidden(secret: int) -> ()
method Hang() -> ()
method Wait() -> ()
method Raw() -> ()
method Give(want: int) -> (got: int)
method Big(text: string) -> (size: int)
method Narrow(a: int, b: ?object) -> ()

error Failed (how: string)
`

const loggedIn State = 2

var nameKey = Key[string]{"name"} // a constant in spirit: keys have no state

// bench is one server under test.
type bench struct {
	t       testing.TB
	server  *Server
	path    string
	log     *lockedBuffer
	entered chan struct{} // Hang and Wait say that they run
	release chan struct{} // lets Wait return
	gone    chan error    // the cause that ended Hang
	files   chan []*os.File
	closed  chan uint64 // ids of connections whose hooks ran
	deny    atomic.Bool
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (b *bench) iface() Interface {
	any := func(context.Context, *Conn) error { return nil }
	return Interface{
		Name:        "org.example.test",
		Description: testIDL,
		Methods: []Method{
			{Name: "Ping", Access: any, States: AnyState, Handler: ping},
			{Name: "Count", Access: any, States: AnyState, Handler: count, ExpectMore: true},
			{Name: "Deep", Access: any, States: AnyState, Handler: empty},
			{Name: "Move", Access: any, States: AnyState, Handler: func(_ context.Context, c *Call) error {
				return c.Reply(json.RawMessage(`{"at":{"x":1,"y":2}}`))
			}},
			{Name: "Fail", Access: any, States: AnyState, Handler: fail},
			{Name: "Login", Access: any, States: Fresh, Handler: func(_ context.Context, c *Call) error {
				nameKey.Set(c.Conn(), "alice")
				c.Conn().SetState(loggedIn)
				return c.Reply(nil)
			}},
			{Name: "Whoami", Access: any, States: loggedIn, Handler: func(_ context.Context, c *Call) error {
				name, _ := nameKey.Get(c.Conn())
				return c.Reply(map[string]string{"name": name})
			}},
			{Name: "Forbidden", States: AnyState, Handler: empty,
				Access: func(context.Context, *Conn) error { return errors.New("nobody may") }},
			{Name: "Hang", Access: any, States: AnyState, Stream: true, Handler: func(ctx context.Context, c *Call) error {
				b.entered <- struct{}{}
				<-ctx.Done()
				b.gone <- context.Cause(ctx)
				return ctx.Err()
			}},
			{Name: "Wait", Access: any, States: AnyState, Handler: func(ctx context.Context, c *Call) error {
				b.entered <- struct{}{}
				select {
				case <-b.release:
					return c.Reply(nil)
				case <-ctx.Done():
					b.gone <- context.Cause(ctx)
					return ctx.Err()
				}
			}},
			{Name: "Raw", Access: any, States: AnyState, Upgrade: true, Handler: raw},
			{Name: "Give", Access: b.denied, States: AnyState, MaxDescriptors: 2, Handler: func(_ context.Context, c *Call) error {
				var in struct{ Want int }
				if err := c.Decode(&in); err != nil {
					return err
				}
				got := len(c.fds)
				if in.Want > 0 {
					b.files <- c.TakeFiles()
				}
				return c.Reply(map[string]int{"got": got})
			}},
			{Name: "Big", Access: any, States: AnyState, MaxMessage: 8 << 20, Handler: func(_ context.Context, c *Call) error {
				return c.Reply(map[string]int{"size": len(c.Parameters)})
			}},
			{Name: "Narrow", Access: any, States: AnyState, Handler: func(_ context.Context, c *Call) error {
				var in struct {
					A int8 `json:"a"`
					B *struct {
						C int `json:"c"`
					} `json:"b"`
				}
				if err := c.Decode(&in); err != nil {
					return err
				}
				return c.Reply(nil)
			}},
		},
	}
}

func (b *bench) denied(context.Context, *Conn) error {
	if b.deny.Load() {
		return errors.New("only uid nso may")
	}
	return nil
}

func ping(_ context.Context, c *Call) error {
	var in struct {
		Text string `json:"text"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	return c.Reply(&in)
}

func empty(_ context.Context, c *Call) error { return c.Reply(nil) }

func count(_ context.Context, c *Call) error {
	var in struct {
		To int `json:"to"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	for i := 1; i < in.To; i++ {
		if err := c.ReplyContinues(map[string]int{"n": i}); err != nil {
			return err
		}
	}
	return c.Reply(map[string]int{"n": in.To})
}

func fail(_ context.Context, c *Call) error {
	var in struct {
		How string `json:"how"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	switch in.How {
	case "panic":
		panic("on request")
	case "error":
		return &Error{"org.example.test.Failed", map[string]string{"how": "so"}}
	case "reply":
		return c.ReplyError("org.example.test.Failed", map[string]string{"how": "replied"})
	case "undescribed":
		return c.ReplyError("org.example.test.Nowhere", nil)
	case "wrong":
		return c.Reply(map[string]int{"unknown": 1})
	case "list":
		return c.Reply([]int{1})
	case "silent":
		return nil
	case "continues":
		return c.ReplyContinues(nil)
	case "twice":
		if err := c.Reply(nil); err != nil {
			return err
		}
		return c.Reply(nil)
	}
	return errors.New("a secret of ours")
}

func raw(_ context.Context, c *Call) error {
	conn, err := c.Upgrade(nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(conn, conn)
	return err
}

// start makes a server with a listener; the test ends with no panic counted.
func start(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "nso")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		t: t, path: filepath.Join(dir, "s"), log: &lockedBuffer{},
		entered: make(chan struct{}, 100), release: make(chan struct{}), gone: make(chan error, 100),
		files: make(chan []*os.File, 100), closed: make(chan uint64, 1000),
	}
	cfg := Config{
		Vendor: "Example", Product: "Test", Version: "1", URL: "https://example.org/",
		Interfaces: []Interface{b.iface()},
		Identify: func(_ context.Context, c *Conn) (Origin, error) {
			c.OnClose(func() {
				select {
				case b.closed <- c.ID():
				default:
				}
			})
			return Origin{Key: "uid 1"}, nil
		},
		CheckReplies: true,
		Log:          slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	if b.server, err = NewServer(cfg); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", b.path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.server.Serve("test", l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := b.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil && err != ErrShuttingDown {
			t.Errorf("serve: %v", err)
		}
		if st := b.server.Stats(); st.Connections != 0 || st.Memory != 0 {
			t.Errorf("left behind: %+v", st)
		}
		os.RemoveAll(dir)
	})
	return b
}

// calm asserts at the end of the test that no handler panicked.
func (b *bench) calm() *bench {
	b.t.Cleanup(func() {
		if n := b.server.Panics(); n != 0 {
			b.t.Errorf("%d panics:\n%s", n, b.log)
		}
	})
	return b
}

// peer is the other end, without any help of the client package.
type peer struct {
	t    testing.TB
	conn *net.UnixConn
	r    *Reader
}

func (b *bench) dial() *peer {
	b.t.Helper()
	return b.dialIn(b.t)
}

// dialIn is dial for another test than the one that started the server.
func (b *bench) dialIn(t testing.TB) *peer {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: b.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // no test hangs for ever
	t.Cleanup(func() { conn.Close() })
	return &peer{t, conn, NewReader(conn, 0)}
}

func (p *peer) send(messages ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, strings.Join(messages, "\x00")+"\x00"); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// read returns the next message, or "closed".
func (p *peer) read() string {
	p.t.Helper()
	msg, err := p.r.Next(64 << 20)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatal("no answer")
		}
		return "closed"
	}
	return string(msg)
}

func (p *peer) call(message string) string {
	p.t.Helper()
	p.send(message)
	return p.read()
}

func (p *peer) want(got, part string) {
	p.t.Helper()
	if !strings.Contains(got, part) {
		p.t.Fatalf("got %.300s, want something with %s", got, part)
	}
}

func receive[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

var deadlineNone time.Time
