// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nso.example/nso/cmd/nso-exec/cgroup"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/wire"
)

// tree is the control group of the tests, nil where there is none.
var tree *cgroup.Tree

func TestMain(m *testing.M) {
	var leave func()
	tree, leave = enter()
	status := m.Run()
	leave()
	os.Exit(status)
}

// enter puts the process into a control group of its own, as a unit would be.
func enter() (*cgroup.Tree, func()) {
	nothing := func() {}
	if os.Getuid() != 0 {
		return nil, nothing
	}
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		name := fmt.Sprintf("nso-runner-%d.service", os.Getpid())
		dir := filepath.Join(mount, name)
		if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		self := []byte(strconv.Itoa(os.Getpid()))
		leave := func() {
			_ = os.WriteFile(filepath.Join(mount, "cgroup.procs"), self, 0)
			_ = os.Remove(filepath.Join(dir, "helper"))
			_ = os.Remove(dir)
		}
		if os.WriteFile(filepath.Join(dir, "cgroup.procs"), self, 0) == nil {
			if t, err := cgroup.Take(name); err == nil {
				return t, leave
			}
		}
		leave()
	}
	return nil, nothing
}

const rules = `
[rule.true]
program = "/usr/bin/true"
run-as = "caller"
users = ["root"]
[rule.cat]
program = "/usr/bin/cat"
run-as = "caller"
users = ["root"]
[rule.echo]
program = "/usr/bin/cat"
run-as = "caller"
users = ["root"]
terminal = true
[rule.zero]
program = "/usr/bin/head"
arguments = ["-c", "{bytes}", "/dev/zero"]
run-as = "caller"
users = ["root"]
argument.bytes.type = "integer"
[rule.sleep]
program = "/usr/bin/sleep"
arguments = ["600"]
run-as = "caller"
users = ["root"]
`

// serve starts a unit, and returns its socket and what ends it.
func serve(t testing.TB, change func(*Unit)) (string, func() error) {
	t.Helper()
	if tree == nil {
		t.Skip("needs root and control groups of version 2: run make test as root")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "r.toml"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	u := &Unit{User: "root", Tree: tree, Rules: &folder.Folder{Path: dir}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Idle: time.Hour}
	if change != nil {
		change(u)
	}
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- u.Serve(ctx, l) }()
	stop := sync.OnceValue(func() error { cancel(); err := <-served; l.Close(); return err })
	t.Cleanup(func() { _ = stop() })
	return path, stop
}

func request(rule string) wire.Request { return wire.Request{Rule: rule, User: "root", Session: "1"} }

func TestSixtyFour(t *testing.T) {
	path, _ := serve(t, nil)
	var running []*wire.Command
	for range maxCommands {
		c, err := wire.Run(t.Context(), path, request("sleep"), nil)
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	var no *wire.Refusal
	if _, err := wire.Run(t.Context(), path, request("true"), nil); !errors.As(err, &no) || no.Class != wire.Busy {
		t.Error(err)
	}
	for _, c := range running {
		c.Close()
	}
	for range 100 {
		c, err := wire.Run(t.Context(), path, request("true"), nil)
		if err == nil {
			if _, err := c.Wait(io.Discard, io.Discard); err != nil {
				t.Error(err)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the places are not free again")
}

// TestStop: commands end with the unit, and their end is told.
func TestStop(t *testing.T) {
	path, stop := serve(t, nil)
	c, err := wire.Run(t.Context(), path, request("sleep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = stop() }()
	if e, err := c.Wait(io.Discard, io.Discard); err != nil || e.Signal != int(syscall.SIGTERM) || e.Reason != wire.HangUp {
		t.Error(e, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestIdle(t *testing.T) {
	ended := make(chan error, 1)
	path, stop := serve(t, func(u *Unit) { u.Idle = 300 * time.Millisecond })
	c, err := wire.Run(t.Context(), path, request("sleep"), nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { time.Sleep(time.Second); c.Close() }()
	if _, err := c.Wait(io.Discard, io.Discard); err == nil { // it was not idle meanwhile
		t.Error("the command has ended")
	}
	go func() { ended <- stop() }()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestTooMuchInput: who sends what there is no credit for is hung up on.
func TestTooMuchInput(t *testing.T) {
	path, _ := serve(t, nil)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	text := `{"v":1,"rule":"sleep","user":"root","uid":0,"input":true}`
	b := append([]byte{'R', 0, 0, byte(len(text))}, text...)
	for range 8 {
		b = append(append(b, 'i', 0, 0xff, 0xff), make([]byte, 0xffff)...)
	}
	_, _ = conn.Write(b)
	got, _ := io.ReadAll(conn)
	if !bytes.Contains(got, []byte(`"reason":"hang-up"`)) && bytes.Contains(got, []byte(`"exit"`)) {
		t.Errorf("%q", got)
	}
}

func TestStranger(t *testing.T) {
	path, _ := serve(t, func(u *Unit) { u.Daemon = 4711 })
	if c, err := wire.Run(t.Context(), path, request("true"), nil); err == nil || !strings.Contains(err.Error(), "has gone") {
		t.Error(c, err)
	}
}

// BenchmarkCommand is a command over the socket; BenchmarkForkExec what it cannot be
// faster than.
func BenchmarkCommand(b *testing.B) {
	path, _ := serve(b, nil)
	for b.Loop() {
		c, err := wire.Run(context.Background(), path, request("true"), nil)
		if err != nil {
			b.Fatal(err)
		}
		if e, err := c.Wait(io.Discard, io.Discard); err != nil || *e.Exit != 0 {
			b.Fatal(e, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

func BenchmarkForkExec(b *testing.B) {
	for b.Loop() {
		pid, err := syscall.ForkExec("/usr/bin/true", []string{"true"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		if err != nil {
			b.Fatal(err)
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &ws, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutput is one command that writes 256 MB.
func BenchmarkOutput(b *testing.B) {
	const size = 256 << 20
	path, _ := serve(b, nil)
	b.SetBytes(size)
	for b.Loop() {
		r := request("zero")
		r.Values = map[string][]string{"bytes": {strconv.Itoa(size)}}
		c, err := wire.Run(context.Background(), path, r, nil)
		if err != nil {
			b.Fatal(err)
		}
		if e, err := c.Wait(io.Discard, io.Discard); err != nil || e.Output != size {
			b.Fatal(e, err)
		}
	}
}

// BenchmarkEcho is a key that is typed until the terminal shows it.
func BenchmarkEcho(b *testing.B) {
	path, _ := serve(b, func(u *Unit) { u.Terminal = true })
	r := request("echo")
	r.Terminal = &wire.Window{Rows: 24, Columns: 80}
	c, err := wire.Run(context.Background(), path, r, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	shown := make(chan int)
	go func() {
		defer close(shown)
		for {
			f, e, err := c.Next()
			if err != nil || e != nil {
				return
			}
			shown <- len(f.Data)
		}
	}()
	for n := 0; b.Loop(); n++ {
		key := "k"
		if n%1000 == 999 {
			key = "\x15" // a line has an end: erase it
		}
		if _, err := c.Write([]byte(key)); err != nil {
			b.Fatal(err)
		}
		if _, ok := <-shown; !ok {
			b.Fatal("the terminal has gone")
		}
	}
	go func() {
		for range shown {
		}
	}()
}
