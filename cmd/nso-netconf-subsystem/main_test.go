// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// daemon listens, and does with each connection what a test says.
func daemon(t *testing.T, serve func(net.Conn, *bufio.Reader)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ipc")
	t.Setenv("NSO_IPC_PATH", path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(conn)
			serve(conn, r)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

// tried is one run.
type tried struct {
	status         int
	out, err, said string
}

func try(t *testing.T, in io.Reader, args ...string) tried {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out, errs bytes.Buffer
	r := tried{status: run(t.Context(), args, in, &out, &errs, path)}
	r.out, r.err = out.String(), errs.String()
	if r.status != 0 {
		b := make([]byte, 4096)
		if err := log.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := log.ReadFrom(b)
		if err != nil {
			t.Error("nothing in the log:", err)
		}
		r.said = string(b[:n])
	}
	return r
}

const upgraded = "{}\x00"

// A session is copied both ways; its end is the daemon's, and the end of the input
// reaches it.
func TestSession(t *testing.T) {
	daemon(t, func(c net.Conn, r *bufio.Reader) {
		call, err := r.ReadString(0)
		if err != nil || !strings.Contains(call, `"org.nso.Netconf.Open"`) || !strings.Contains(call, `"upgrade":true`) {
			t.Errorf("the call is %q, %v", call, err)
		}
		io.WriteString(c, upgraded+"hello ")
		text, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(c, "%s", text)
	})
	if r := try(t, strings.NewReader("world")); r.status != 0 || r.out != "hello world" || r.err != "" {
		t.Errorf("%+v", r)
	}
}

// A daemon that closes ends it, though the client's side stays open.
func TestDaemonCloses(t *testing.T) {
	daemon(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = r.ReadString(0)
		io.WriteString(c, upgraded+"bye")
	})
	in, keep := io.Pipe()
	defer keep.Close()
	if r := try(t, in); r.status != 0 || r.out != "bye" {
		t.Errorf("%+v", r)
	}
}

// What goes wrong is said on standard error, and in the log, where sshd's own is.
func TestFailures(t *testing.T) {
	refuse := func(c net.Conn, r *bufio.Reader) {
		_, _ = r.ReadString(0)
		io.WriteString(c, `{"error":"org.nso.Protocol.Refused","parameters":{"message":"cannot let you in:\nthere is no such account"}}`+"\x00")
	}
	leave := func(c net.Conn, r *bufio.Reader) { _, _ = r.ReadString(0) }
	for _, c := range []struct {
		name   string
		before func(t *testing.T)
		args   []string
		status int
		err    string
	}{
		{"no socket", func(t *testing.T) { t.Setenv("NSO_IPC_PATH", filepath.Join(t.TempDir(), "none")) }, nil, 1, "there is no such socket; is the daemon installed and started?"},
		{"nobody listens", func(t *testing.T) {
			daemon(t, leave)
			path := os.Getenv("NSO_IPC_PATH")
			if err := os.Rename(path, path+".old"); err != nil { // the socket stays, its listener goes
				t.Fatal(err)
			}
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}, nil, 1, "nothing listens there; is the daemon started?"},
		{"refused", func(t *testing.T) { daemon(t, refuse) }, nil, 1, "cannot open a NETCONF session: cannot let you in:"},
		{"closed at once", func(t *testing.T) { daemon(t, leave) }, nil, 1, "cannot open a NETCONF session: cannot read the reply"},
		{"arguments", func(t *testing.T) {}, []string{"-x"}, 2, "cannot take arguments: this is a subsystem of sshd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.before(t)
			r := try(t, strings.NewReader(""), c.args...)
			if r.status != c.status || !strings.HasPrefix(r.err, "nso-netconf-subsystem: cannot ") || !strings.Contains(r.err, c.err) || r.out != "" {
				t.Errorf("%+v", r)
			}
			want := fmt.Sprintf("<35>nso-netconf-subsystem[%d]: cannot ", os.Getpid())
			if !strings.HasPrefix(r.said, want) || !strings.Contains(r.said, c.err) || strings.Contains(r.said, "\n") {
				t.Errorf("the log has %q", r.said)
			}
		})
	}
}

// Whoever is told to end does, with a session that says nothing.
func TestTold(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	daemon(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = r.ReadString(0)
		io.WriteString(c, upgraded)
		close(entered)
		<-leave
	})
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	in, keep := io.Pipe()
	defer keep.Close()
	if status := run(ctx, nil, in, io.Discard, io.Discard, "/nonexistent"); status != 1 {
		t.Errorf("status %d", status)
	}
}
