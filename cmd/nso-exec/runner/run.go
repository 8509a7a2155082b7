// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cmd/nso-exec/cgroup"
	"nso.example/nso/cmd/nso-exec/start"
	"nso.example/nso/cmd/nso-exec/terminal"
	"nso.example/nso/exec/wire"
)

const (
	// drainTime is what the daemon has to take what a command has left, when that is over.
	drainTime = 30 * time.Second
	// emptyTime is how long a group may take to be empty when it was killed.
	emptyTime = 5 * time.Second
	// stillTime is how long output must be silent to be over, where somebody outside of
	// the command still holds its end.
	stillTime = 50 * time.Millisecond
	// pipeSize is what a command may be ahead of the daemon.
	pipeSize = 256 << 10
)

// command is one that runs.
type command struct {
	unit   *Unit
	served *wire.Served
	log    *slog.Logger
	group  *cgroup.Group

	pid      int
	exited   *os.File           // a pidfd, readable when the program has ended
	terminal *terminal.Terminal // nil without one
	input    *os.File           // nil where there is none; the terminal, where that is
	outputs  []output

	mu     sync.Mutex
	reaped bool   // its pid is nobody's, or another's
	why    string // why it is ended

	bytes atomic.Uint64
}

// output is a stream of output.
type output struct {
	kind wire.Kind
	file *os.File
}

// run starts a command and serves it until its end.
func (u *Unit) run(ctx context.Context, served *wire.Served, p *plan, log *slog.Logger) {
	begin := time.Now()
	c := &command{unit: u, served: served, log: log}
	st, failed := c.start(p)
	if failed != nil {
		log.Warn("not started", "reason", failed.Text, "argv", quoted(p.shown))
		_ = served.End(wire.End{Start: failed})
		return
	}
	defer c.group.Close()
	log.Info("command", "op", "start", "pid", c.pid, "argv", quoted(p.shown), "as", u.User, "without", st.Unenforced)
	if err := served.Started(st); err != nil {
		c.end(wire.HangUp)
	}
	deadline := time.AfterFunc(p.rule.Deadline, func() { c.end(wire.Deadline) })
	stopped := context.AfterFunc(ctx, func() { c.end(wire.HangUp) })

	var reading, writing sync.WaitGroup
	in := newQueue()
	reading.Go(func() { c.listen(in) })
	writing.Go(func() { c.feed(in) })
	var streams sync.WaitGroup
	for _, o := range c.outputs {
		streams.Go(func() { c.relay(o) })
	}
	ws := c.wait()
	deadline.Stop()
	stopped()
	e := wire.End{Killed: c.clear()}
	// Nobody is left to write; what is in the pipes is read, if somebody takes it.
	_ = served.Expire(time.Now().Add(drainTime))
	c.drain(&streams)
	in.close(true)
	if c.input != nil {
		_ = c.input.SetWriteDeadline(time.Now()) // or somebody outside who does not read holds it up
	}
	writing.Wait()
	c.close()

	switch {
	case ws.Signaled():
		e.Signal, e.Core = int(ws.Signal()), ws.CoreDump()
	default:
		status := ws.ExitStatus()
		e.Exit = &status
	}
	c.mu.Lock()
	e.Reason = c.why
	c.mu.Unlock()
	e.Output, e.Took = c.bytes.Load(), time.Since(begin)
	if n := u.Tree.Sweep(); n > 0 {
		log.Warn("killed", "reason", "processes had left the control group of their command", "count", n)
		e.Killed = true
	}
	log.Info("command", "op", "end", "pid", c.pid, "result", e.String(), "reason", e.Reason, "left", e.Killed, "bytes", e.Output, "dur", e.Took)
	if err := served.End(e); err != nil && e.Reason != wire.HangUp {
		log.Warn("cannot tell the end", "err", err)
	}
	_ = served.Close() // ends listen
	reading.Wait()
}

// start makes what a command needs, and starts it.
func (c *command) start(p *plan) (st wire.Started, failed *wire.StartError) {
	fail := func(step string, err error) (wire.Started, *wire.StartError) {
		e := &wire.StartError{Step: step, Text: err.Error()}
		errors.As(err, &e.Errno)
		return wire.Started{}, e
	}
	ofGroup, ofProcess := c.unit.limits(p.rule.Limits)
	group, without, err := c.unit.Tree.New(ofGroup)
	if err != nil {
		return fail("limits", err)
	}
	files, err := c.open(p)
	defer func() {
		for _, fd := range files {
			if fd >= 0 {
				_ = unix.Close(fd)
			}
		}
		if failed != nil {
			c.close()
			group.Close()
		}
	}()
	if err != nil {
		return fail("terminal", err)
	}
	s := start.Spec{
		Program: p.program, Argv: p.argv, Env: p.env, Dir: p.dir, Umask: p.rule.Umask, Nice: p.rule.Limits.Nice, Limits: ofProcess,
		Files: [3]int{files[0], files[1], files[2]}, IPC: -1, Terminal: c.terminal != nil, Cgroup: group.FD(),
	}
	if c.terminal != nil {
		s.Files[1], s.Files[2] = files[0], files[0]
	}
	if p.socket != nil {
		s.IPC = int(p.socket.Fd())
	}
	process, failed := start.Start(s)
	if failed != nil {
		return st, failed
	}
	_ = unix.SetNonblock(process.FD, true) // for the poller
	c.group, c.pid, c.exited = group, process.PID, os.NewFile(uintptr(process.FD), "pidfd")
	return wire.Started{PID: c.pid, Unenforced: without}, nil
}

// open makes the standard input, output and error of a command: its ends are returned,
// -1 for those that are the first.
func (c *command) open(p *plan) (files [3]int, err error) {
	files = [3]int{-1, -1, -1}
	if w := p.request.Terminal; w != nil {
		c.terminal, files[0], err = terminal.Open(w.Rows, w.Columns)
		if err != nil {
			return files, err
		}
		c.input, c.outputs = c.terminal.File, []output{{wire.Output, c.terminal.File}}
		return files, nil
	}
	if p.request.Input {
		if files[0], c.input, err = pipe(false); err != nil {
			return files, err
		}
	} else if files[0], err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return files, fmt.Errorf("cannot open /dev/null: %w", err)
	}
	for i, kind := range []wire.Kind{wire.Output, wire.Error} {
		var f *os.File
		if files[1+i], f, err = pipe(true); err != nil {
			return files, err
		}
		c.outputs = append(c.outputs, output{kind, f})
	}
	return files, nil
}

// pipe makes a pipe, of which the command gets the end to write, or that to read.
func pipe(writes bool) (theirs int, ours *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	mine, its := fds[1], fds[0]
	if writes {
		mine, its = fds[0], fds[1]
		_, _ = unix.FcntlInt(uintptr(mine), unix.F_SETPIPE_SZ, pipeSize) // the system may have less to give
	}
	if err := unix.SetNonblock(mine, true); err != nil {
		_ = unix.Close(mine)
		_ = unix.Close(its)
		return -1, nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	return its, os.NewFile(uintptr(mine), "pipe"), nil
}

// wait waits for the end of the program, which keeps its pid until clear.
func (c *command) wait() unix.WaitStatus {
	raw, err := c.exited.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool {
			var info unix.Siginfo
			err := unix.Waitid(unix.P_PIDFD, int(fd), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
			return err != nil || info.Signo != 0
		})
	}
	if err != nil { // not a pidfd that can be waited for: wait in the kernel
		c.log.Error("internal error: cannot wait", "err", err)
		_ = unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &ws, 0, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.reaped = true
	return ws
}

// clear kills what the program has left, and reports whether there was any.
func (c *command) clear() bool {
	left := c.group.Populated()
	if left {
		if err := c.group.Kill(); err != nil {
			c.log.Error("cannot kill what is left", "err", err)
		}
		if !c.group.Empty(emptyTime) {
			c.log.Error("processes are left that do not end")
		}
	}
	return left
}

// end has the command end: it is told, and killed when it does not.
func (c *command) end(why string) {
	c.mu.Lock()
	first := c.why == ""
	if first {
		c.why = why
	}
	c.mu.Unlock()
	if !first {
		return
	}
	s := unix.SIGTERM
	if why == wire.HangUp && c.terminal != nil {
		s = unix.SIGHUP
	}
	c.group.Signal(s, 0)
	c.group.Signal(unix.SIGCONT, 0) // what is stopped would not hear it
	time.AfterFunc(grace, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.reaped { // the group may be gone, with another in its place
			_ = c.group.Kill()
		}
	})
}

// front sends a signal to what is in the foreground of the terminal, and is of this
// command.
func (c *command) front(s unix.Signal) bool {
	group, err := c.terminal.Foreground()
	if err == nil {
		c.group.Signal(s, group)
	}
	return err == nil
}

// signal passes a signal on.
func (c *command) signal(s unix.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.reaped:
	case s == unix.SIGKILL:
		_ = c.group.Kill()
	case c.terminal != nil && c.terminal.Signal(s) == nil:
	case c.terminal != nil && c.front(s):
	default:
		_ = unix.Kill(-c.pid, s) // the program leads a group, and has its pid until it is reaped
	}
}

func (c *command) close() {
	for _, o := range c.outputs {
		_ = o.file.Close()
	}
	if c.input != nil {
		_ = c.input.Close()
	}
	if c.exited != nil {
		_ = c.exited.Close()
	}
}
