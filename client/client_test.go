// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/ipc/varlink"
)

const idl = `interface org.example.client
method Echo(text: string) -> (text: string)
method Count(to: int) -> (n: int)
method Wait() -> ()
method Raw() -> (name: string)
method Give() -> (text: string)
method Secret() -> ()
error Odd (why: string)
method Odd2() -> ()
`

type values map[string]any

func methods(entered chan struct{}) []varlink.Method {
	any := func(context.Context, *varlink.Conn) error { return nil }
	row := func(name string, h varlink.Handler) varlink.Method {
		return varlink.Method{Name: name, Access: any, States: varlink.AnyState, Handler: h}
	}
	rows := []varlink.Method{
		row("Echo", func(_ context.Context, c *varlink.Call) error { return c.Reply(c.Parameters) }),
		row("Count", func(_ context.Context, c *varlink.Call) error {
			var in struct {
				To int `json:"to"`
			}
			if err := c.Decode(&in); err != nil {
				return err
			}
			for i := 1; i < in.To; i++ {
				if err := c.ReplyContinues(values{"n": i}); err != nil {
					return err
				}
			}
			if in.To == 0 {
				return &varlink.Error{Name: "org.example.client.Odd", Parameters: values{"why": "nothing to count"}}
			}
			return c.Reply(values{"n": in.To})
		}),
		row("Wait", func(ctx context.Context, c *varlink.Call) error {
			entered <- struct{}{}
			<-ctx.Done()
			entered <- struct{}{}
			return ctx.Err()
		}),
		row("Raw", func(_ context.Context, c *varlink.Call) error {
			conn, err := c.Upgrade(values{"name": "raw"})
			if err != nil {
				return err
			}
			io.WriteString(conn, "hello ")
			_, err = io.Copy(conn, conn)
			return err
		}),
		row("Give", func(_ context.Context, c *varlink.Call) error {
			var text []byte
			for _, f := range c.TakeFiles() {
				b, err := io.ReadAll(f)
				if err != nil {
					return err
				}
				text = append(text, b...)
				f.Close()
			}
			return c.Reply(values{"text": string(text)})
		}),
		row("Secret", func(_ context.Context, c *varlink.Call) error { return c.Reply(nil) }),
		row("Odd2", func(_ context.Context, c *varlink.Call) error { return errors.New("ours") }),
	}
	rows[3].Upgrade = true
	rows[4].MaxDescriptors = 2
	rows[5].Access = func(context.Context, *varlink.Conn) error { return errors.New("not you") }
	return rows
}

func serve(t testing.TB, change func(*varlink.Config)) (path string, entered chan struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nso")
	if err != nil {
		t.Fatal(err)
	}
	entered = make(chan struct{}, 10)
	path = filepath.Join(dir, "s")
	cfg := varlink.Config{
		Interfaces: []varlink.Interface{{Name: "org.example.client", Description: idl, Methods: methods(entered)}},
		Identify: func(context.Context, *varlink.Conn) (varlink.Origin, error) {
			return varlink.Origin{Key: "uid 1"}, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := varlink.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve("test", l)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-done
		os.RemoveAll(dir)
		if n := s.Panics(); n != 0 {
			t.Error(n, "panics")
		}
	})
	return path, entered
}

func dial(t testing.TB, path string) *Client {
	t.Helper()
	c, err := Dial(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

type text struct {
	Text string `json:"text"`
}

func TestCall(t *testing.T) {
	path, _ := serve(t, nil)
	c := dial(t, path)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 20 {
				var out text
				if err := c.Call(ctx, "org.example.client.Echo", text{"a\x00é"}, &out); err != nil || out.Text != "a\x00é" {
					t.Error(out, err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.CallOneway(ctx, "org.example.client.Echo", text{"x"}); err != nil {
		t.Error(err)
	}
	var raw json.RawMessage
	if err := c.Call(ctx, "org.example.client.Echo", json.RawMessage(`{"text":"raw"}`), &raw); err != nil || string(raw) != `{"text":"raw"}` {
		t.Error(string(raw), err)
	}
	if err := c.Call(ctx, "org.example.client.Echo", text{strings.Repeat("x", 200_000)}, nil); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	path, _ := serve(t, nil)
	c := dial(t, path)
	for _, k := range []struct {
		method     string
		in         any
		name, text string
	}{
		{"org.example.client.Count", values{"to": 0}, "org.example.client.Odd", `org.example.client.Odd {"why":"nothing to count"}`},
		{"org.example.client.Count", values{"to": 2}, "org.example.client.Odd", ``},
		{"org.example.client.Secret", nil, "org.varlink.service.PermissionDenied", "cannot do this: the daemon lets only its administrators; \"nso whoami\" says who you are to it"},
		{"org.example.client.Echo", nil, "org.varlink.service.InvalidParameter", "cannot take the parameter text: it is missing, unknown or has a wrong value"},
		{"org.example.client.Nope", nil, "org.varlink.service.MethodNotFound", "cannot call org.example.client.Nope: the daemon does not have this method"},
		{"org.example.nope.Nope", nil, "org.varlink.service.InterfaceNotFound", "cannot call anything of org.example.nope: the daemon does not have this interface"},
		{"org.example.client.Odd2", nil, "org.nso.Protocol.Internal", "internal error: see number 1 in the daemon's log"},
	} {
		err := c.Call(context.Background(), k.method, k.in, nil)
		if k.text == "" { // ExpectedMore
			var e *Error
			if !errors.As(err, &e) || e.Name != "org.varlink.service.ExpectedMore" {
				t.Error(err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Name != k.name || e.Error() != k.text {
			t.Errorf("%s: %#v %v", k.method, e, err)
		}
	}
}

func TestCallMore(t *testing.T) {
	path, _ := serve(t, nil)
	c := dial(t, path)
	ctx := context.Background()
	var got []string
	for reply, err := range c.CallMore(ctx, "org.example.client.Count", values{"to": 3}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(reply))
	}
	if strings.Join(got, "") != `{"n":1}{"n":2}{"n":3}` {
		t.Error(got)
	}
	for _, err := range c.CallMore(ctx, "org.example.client.Count", values{"to": 0}) {
		var e *Error
		if !errors.As(err, &e) {
			t.Error(err)
		}
	}
	// Left at the last reply is left in time; before it, the connection ends.
	for range c.CallMore(ctx, "org.example.client.Count", values{"to": 1}) {
		break
	}
	if err := c.Call(ctx, "org.example.client.Echo", text{"x"}, nil); err != nil {
		t.Error(err)
	}
	for range c.CallMore(ctx, "org.example.client.Count", values{"to": 2}) {
		break
	}
	if err := c.Call(ctx, "org.example.client.Echo", text{"x"}, nil); err != errLeft {
		t.Error(err)
	}
}

func TestInterrupted(t *testing.T) {
	path, entered := serve(t, nil)
	c := dial(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-entered
		cancel()
	}()
	if err := c.Call(ctx, "org.example.client.Wait", nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-entered // the server saw it
	if err := c.Call(context.Background(), "org.example.client.Echo", text{"x"}, nil); err == nil || !strings.Contains(err.Error(), "interrupted call") {
		t.Error(err)
	}
	c = dial(t, path)
	go func() {
		<-entered
		c.Close()
	}()
	if err := c.Call(context.Background(), "org.example.client.Wait", nil, nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	<-entered
}

func TestUpgrade(t *testing.T) {
	path, _ := serve(t, nil)
	c := dial(t, path)
	var out struct{ Name string }
	conn, err := c.Upgrade(context.Background(), "org.example.client.Raw", nil, &out)
	if err != nil || out.Name != "raw" {
		t.Fatal(out, err)
	}
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "world")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil || string(all) != "hello world" {
		t.Errorf("%q %v", all, err)
	}
	if err := c.Call(context.Background(), "org.example.client.Echo", text{"x"}, nil); err == nil || !strings.Contains(err.Error(), "upgraded") {
		t.Error(err)
	}
	conn.Close()
	if _, err := dial(t, path).Upgrade(context.Background(), "org.example.client.Echo", text{"x"}, nil); err == nil {
		t.Error("an upgrade where there is none")
	}
}

func TestFiles(t *testing.T) {
	path, _ := serve(t, nil)
	c := dial(t, path)
	var files []*os.File
	for _, s := range []string{"one ", "two"} {
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	var out text
	if err := c.CallWithFiles(context.Background(), "org.example.client.Give", nil, &out, files...); err != nil || out.Text != "one two" {
		t.Error(out, err)
	}
	var e *Error
	err := c.CallWithFiles(context.Background(), "org.example.client.Give", nil, nil, append(files, files[0])...)
	if !errors.As(err, &e) || e.Name != "org.nso.Protocol.BadDescriptors" || e.Error() != "cannot take more than 2 descriptors with org.example.client.Give" {
		t.Error(err)
	}
}

// A daemon that turns the connection away says why, whoever writes first.
func TestRefusedConnection(t *testing.T) {
	path, _ := serve(t, func(c *varlink.Config) { c.Limits.PerOrigin = 1 })
	first := dial(t, path)
	if err := first.Call(context.Background(), "org.example.client.Echo", text{"x"}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		c := dial(t, path)
		if i%2 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		var e *Error
		err := c.Call(context.Background(), "org.example.client.Echo", text{"x"}, nil)
		if !errors.As(err, &e) || e.Name != "org.nso.Protocol.TooMany" {
			t.Fatal(i, err)
		}
	}
}

// A daemon that does not keep to the protocol.
func TestNonsense(t *testing.T) {
	for _, k := range []struct{ reply, want string }{
		{"{\"parameters\":[]}\x00", "cannot understand the daemon"},
		{"no\x00", "cannot understand the daemon"},
		{"{\"continues\":true}\x00", "more are announced"},
		{"{", "unexpected EOF"},
		{"", "EOF"},
		{strings.Repeat("x", 2000), "message too large"},
		{"{\"parameters\":{\"text\":1}}\x00", "cannot understand the reply"},
	} {
		near, far := net.Pipe()
		go func() {
			far.Read(make([]byte, 1000))
			io.WriteString(far, k.reply)
			far.Close()
		}()
		c := New(near)
		c.MaxReply = 1000
		var out text
		err := c.Call(context.Background(), "a.b.C", nil, &out)
		if err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%.30q: %v, want %s", k.reply, err, k.want)
		}
		c.Close()
	}
}

func TestDialErrors(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	dead := filepath.Join(dir, "dead")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, k := range []struct{ path, want string }{
		{filepath.Join(dir, "none"), "there is no such socket"},
		{dead, "nothing listens there"},
		{strings.Repeat("x", 200), "the path has 200 bytes"},
	} {
		if _, err := Dial(ctx, k.path); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%.20s: %v", k.path, err)
		}
	}
	t.Setenv("NSO_IPC_PATH", "")
	t.Setenv("NCS_IPC_PATH", "")
	t.Setenv("NCS_IPC_ADDR", "127.0.0.1")
	if _, err := Dial(ctx, ""); err == nil || !strings.HasPrefix(err.Error(), "cannot use NCS_IPC_ADDR: ") {
		t.Error(err)
	}
	t.Setenv("NSO_IPC_PATH", filepath.Join(dir, "none"))
	if _, err := Dial(ctx, ""); err == nil || !strings.Contains(err.Error(), "(from NSO_IPC_PATH)") {
		t.Error(err)
	}
}

func TestFromEnv(t *testing.T) {
	for _, k := range []struct {
		env  map[string]string
		want Address
		err  string
	}{
		{nil, Address{Network: "unix", Path: "/run/nso/ipc"}, ""},
		{map[string]string{"NSO_IPC_PATH": "/a", "NCS_IPC_PATH": "/b", "NCS_IPC_ADDR": "1.2.3.4"}, Address{Network: "unix", Path: "/a", Source: "NSO_IPC_PATH"}, ""},
		{map[string]string{"NCS_IPC_PATH": "/b", "NCS_IPC_PORT": "1"}, Address{Network: "unix", Path: "/b", Source: "NCS_IPC_PATH"}, ""},
		{map[string]string{"NCS_IPC_ADDR": "::1", "NCS_IPC_ACCESS_FILE": "/k"}, Address{Network: "tcp", HostPort: "[::1]:4565", AccessFile: "/k", Source: "NCS_IPC_ADDR"}, ""},
		{map[string]string{"NCS_IPC_PORT": "4569"}, Address{Network: "tcp", HostPort: "127.0.0.1:4569", Source: "NCS_IPC_PORT"}, ""},
		{map[string]string{"NCS_IPC_PORT": "http"}, Address{}, `cannot use NCS_IPC_PORT: "http" is not a port number`},
		{map[string]string{"NCS_IPC_PORT": "0"}, Address{}, `cannot use NCS_IPC_PORT`},
		{map[string]string{"NCS_IPC_ADDR": "example"}, Address{}, `cannot use NCS_IPC_ADDR: "example" is not an IP address`},
		{map[string]string{"NSO_IPC_PATH": strings.Repeat("x", 108)}, Address{}, "cannot use NSO_IPC_PATH: the path has 108 bytes"},
	} {
		got, err := FromEnv(func(name string) string { return k.env[name] })
		if got != k.want || (err == nil) != (k.err == "") || err != nil && !strings.Contains(err.Error(), k.err) {
			t.Errorf("%v: %+v %v", k.env, got, err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	path, _ := serve(b, nil)
	c := dial(b, path)
	in := json.RawMessage(`{"text":"hello"}`)
	var out json.RawMessage
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Call(context.Background(), "org.example.client.Echo", in, &out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCallWithDeadlineAndStructs(b *testing.B) {
	path, _ := serve(b, nil)
	c := dial(b, path)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		var out text
		if err := c.Call(ctx, "org.example.client.Echo", text{"hello"}, &out); err != nil {
			b.Fatal(err)
		}
	}
}
