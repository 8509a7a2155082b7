// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen is a socket with one server behind it, which does what serve says.
func listen(t testing.TB, serve func(s *Served)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			s := Serve(c)
			serve(s)
			s.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return path
}

func exit(n int) End { return End{Exit: &n} }

// TestCommand: a command from the request to its end, with input and both outputs.
func TestCommand(t *testing.T) {
	path := listen(t, func(s *Served) {
		r, f, err := s.Request()
		if err != nil || r.Rule != "r" || r.UID != 7 || f == nil {
			t.Errorf("%+v %v %v", r, f, err)
			return
		}
		f.WriteString("passed")
		f.Close()
		_ = s.Started(Started{PID: 5})
		_ = s.Credit(Credit)
		var in bytes.Buffer
		for over := false; !over; {
			f, err := s.Next()
			switch {
			case err != nil:
				t.Error(err)
				return
			case f.Kind == Input:
				in.Write(f.Data)
				_ = s.Credit(len(f.Data))
			case f.Kind == WindowSize:
				if f.Window() != (Window{3, 40000}) {
					t.Error(f.Window())
				}
			case f.Kind == SendSignal:
				if f.Signal() != unix.SIGUSR1 {
					t.Error(f.Signal())
				}
			case f.Kind == EndOfInput:
				over = true
			}
		}
		_ = s.Output(Output, append(make([]byte, HeaderSize), in.Bytes()[:MaxOutput]...))
		_ = s.Output(Error, []byte("0000err"))
		_ = s.End(exit(3))
	})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
	c, err := Run(context.Background(), path, Request{Rule: "r", UID: 7}, theirs)
	theirs.Close()
	if err != nil || c.PID != 5 {
		t.Fatal(c, err)
	}
	if b, err := io.ReadAll(ours); string(b) != "passed" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	ours.Close()
	input := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	go func() {
		if n, err := c.Write(input); n != len(input) || err != nil {
			t.Error(n, err)
		}
		_ = c.Resize(Window{3, 40000})
		_ = c.Signal("USR1")
		_ = c.CloseInput()
	}()
	var out, errs bytes.Buffer
	e, err := c.Wait(&out, &errs)
	if err != nil || *e.Exit != 3 || !bytes.Equal(out.Bytes(), input[:MaxOutput]) || errs.String() != "err" {
		t.Errorf("%v %v %d %q", e, err, out.Len(), errs.String())
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("input is taken after the end")
	}
	if err := c.Signal("NOPE"); err == nil {
		t.Error("a signal that there is not")
	}
}

// TestNotStarted: a refusal and what could not be started are told apart.
func TestNotStarted(t *testing.T) {
	answer := make(chan func(*Served), 1)
	path := listen(t, func(s *Served) {
		if _, _, err := s.Request(); err != nil {
			return // the last one says nothing
		}
		(<-answer)(s)
	})
	answer <- func(s *Served) { _ = s.Refuse(Refusal{Busy, strings.Repeat("ü\x01", 4000)}) }
	_, err := Run(context.Background(), path, Request{}, nil)
	var no *Refusal
	if !errors.As(err, &no) || no.Class != Busy {
		t.Error(err)
	}
	answer <- func(s *Served) {
		_ = s.End(End{Start: &StartError{Step: "exec", Errno: unix.ENOENT, Text: strings.Repeat("\x01", 9000)}})
	}
	_, err = Run(context.Background(), path, Request{}, nil)
	var st *StartError
	if !errors.As(err, &st) || !errors.Is(err, unix.ENOENT) || st.Step != "exec" {
		t.Error(err)
	}
	for name, f := range map[string]func(*Served){
		"gone":               func(*Served) {},
		"output first":       func(s *Served) { _ = s.Output(Output, make([]byte, 9)) },
		"an end of nothing":  func(s *Served) { _ = s.End(exit(0)) },
		"no end":             func(s *Served) { _ = s.report(end, End{}) },
		"two ends":           func(s *Served) { n := 1; _ = s.report(end, End{Exit: &n, Signal: 9}) },
		"what is not JSON":   func(s *Served) { _ = s.send([]byte("0000{]"), started) },
		"an unknown field":   func(s *Served) { _ = s.send([]byte(`0000{"x":1}`), started) },
		"a frame too long":   func(s *Served) { _, _ = s.conn.Write([]byte{'S', 255, 255, 255}) },
		"an unknown frame":   func(s *Served) { _, _ = s.conn.Write([]byte{'z', 0, 0, 0}) },
		"the half of it":     func(s *Served) { _, _ = s.conn.Write([]byte{'S', 0, 0, 9, '{'}) },
		"a frame from below": func(s *Served) { _, _ = s.conn.Write([]byte{'i', 0, 0, 1, 'x'}) },
	} {
		answer <- f
		if c, err := Run(context.Background(), path, Request{}, nil); err == nil || errors.As(err, &no) || errors.As(err, &st) {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
	if _, err := Run(context.Background(), path, Request{User: strings.Repeat("x", MaxRequest)}, nil); err == nil {
		t.Error("a request too long is sent")
	}
}

// TestTurnedAway: an answer that comes before the question is heard.
func TestTurnedAway(t *testing.T) {
	path := listen(t, func(s *Served) { _ = s.Refuse(Refusal{Unavailable, "no"}) })
	for range 50 {
		_, err := Run(context.Background(), path, Request{User: strings.Repeat("x", 60000)}, nil)
		var no *Refusal
		if !errors.As(err, &no) || no.Class != Unavailable {
			t.Fatal(err)
		}
	}
}

// TestGone: who waits hears that the other side has gone, whatever he waits for.
func TestGone(t *testing.T) {
	path := listen(t, func(s *Served) {
		_, _, _ = s.Request()
		_ = s.Started(Started{})
	})
	c, err := Run(context.Background(), path, Request{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error)
	go func() { _, err := c.Write([]byte("x")); wrote <- err }() // there is no credit
	if _, err := c.Wait(io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "has gone") {
		t.Error(err)
	}
	if err := <-wrote; err == nil {
		t.Error("input was taken")
	}
}

// TestContext: its end is that of the command.
func TestContext(t *testing.T) {
	ended := make(chan error, 1)
	path := listen(t, func(s *Served) {
		_, _, _ = s.Request()
		_ = s.Started(Started{})
		_, err := s.Next()
		ended <- err
	})
	ctx, cancel := context.WithCancel(context.Background())
	c, err := Run(ctx, path, Request{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := c.Wait(io.Discard, io.Discard); err == nil {
		t.Error("it goes on")
	}
	if err := <-ended; !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
}

// TestDescriptors: one may come with a request, which says so.
func TestDescriptors(t *testing.T) {
	requested := make(chan error, 1)
	path := listen(t, func(s *Served) {
		_ = s.conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, f, err := s.Request()
		if f != nil {
			f.Close()
		}
		requested <- err
	})
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	before := open()
	for name, c := range map[string]struct {
		text string
		fds  []int
		ok   bool
	}{
		"none":            {`{"v":1}`, nil, true},
		"one":             {`{"v":1,"ipc":true}`, []int{fd}, true},
		"one, unsaid":     {`{"v":1}`, []int{fd}, false},
		"none, and it is": {`{"v":1,"ipc":true}`, nil, false},
		"two":             {`{"v":1,"ipc":true}`, []int{fd, fd}, false},
		"many":            {`{"v":1,"ipc":true}`, bytesOf(fd, 200), false},
	} {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		var rights []byte
		if c.fds != nil {
			rights = unix.UnixRights(c.fds...)
		}
		b := append([]byte{'R', 0, 0, byte(len(c.text))}, c.text...)
		if _, _, err := conn.WriteMsgUnix(b, rights, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-requested; (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		conn.Close()
	}
	for range 100 {
		if open() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d descriptors were open, and now %d", before, open())
}

func bytesOf(fd, n int) []int {
	fds := make([]int, n)
	for i := range fds {
		fds[i] = fd
	}
	return fds
}

// FuzzFrames: no bytes make a side panic, or take more memory than a frame may have.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("R\x00\x00\x07{\"v\":1}i\x00\x00\x01xe\x00\x00\x00w\x00\x00\x04abcds\x00\x00\x03INT"))
	f.Add([]byte("S\x00\x00\x02{}c\x00\x00\x04\x00\x00\x00\x01o\x00\x00\x01xE\x00\x00\x0a{\"exit\":1}"))
	f.Add([]byte("N\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kinds := range []string{"R", "iews", "NSE", "coxE", "RiewsNScoxE"} {
			r := reader{r: bytes.NewReader(b)}
			for {
				frame, err := r.next(kinds)
				if err != nil {
					break
				}
				least, most := frame.Kind.limit()
				if len(frame.Data) < least || len(frame.Data) > most || strings.IndexByte(kinds, byte(frame.Kind)) < 0 || len(r.buf) > MaxOutput {
					t.Fatalf("%q of %d bytes in %d", frame.Kind, len(frame.Data), len(r.buf))
				}
				_, _ = frame.Window(), frame.Signal()
				var q Request
				if frame.Kind == request && decode(frame.Data, &q) == nil && len(q.Rule) > len(frame.Data) {
					t.Fatal(q)
				}
				var e End
				if frame.Kind == end && decode(frame.Data, &e) == nil && e.check() == nil && e.String() == "" {
					t.Fatalf("%+v", e)
				}
			}
		}
	})
}
