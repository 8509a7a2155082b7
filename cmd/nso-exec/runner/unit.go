// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cmd/nso-exec/cgroup"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
)

const (
	// maxCommands is how many commands a unit runs at once.
	maxCommands = 64
	// Idle is how long a unit waits for another command before it ends.
	Idle = 5 * time.Minute
	// grace is what a command has between being told to end and being killed.
	grace = 2 * time.Second
	// leaveTime is how long the unit waits for its commands when it is stopped.
	leaveTime = 4 * time.Second
)

// Unit is a running unit.
type Unit struct {
	User     string // whom its commands run as
	UID      uint32
	Root     bool // it is the unit for root
	Terminal bool // it is the unit for terminals
	Daemon   uint32
	Rules    *folder.Folder
	Tree     *cgroup.Tree
	Log      *slog.Logger
	Idle     time.Duration
	Files    uint64 // the soft limit of open files that commands have, 0 for this process's

	mu      sync.Mutex
	running int
	alone   map[string]bool // the rules that run one at a time, and do now
	idle    time.Time       // since when nothing runs
	done    sync.WaitGroup

	accounts accounts
	buffers  sync.Pool
}

// Serve serves connections until ctx ends or nothing has run for a while. Every command
// has ended when it returns.
func (u *Unit) Serve(ctx context.Context, l *net.UnixListener) error {
	u.idle = time.Now()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	commands, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	defer u.leave(hangUp)
	for {
		if err := l.SetDeadline(time.Now().Add(min(u.Idle, time.Second))); err != nil && ctx.Err() == nil {
			return fmt.Errorf("cannot serve: %w", err)
		}
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if u.isIdle() {
				return nil // the service manager keeps the socket
			}
			continue
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED), errors.Is(err, unix.ENOMEM):
			u.Log.Warn("cannot take a connection", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		case err != nil:
			return fmt.Errorf("cannot serve: %w", err)
		}
		u.done.Add(1)
		go func() {
			defer u.done.Done()
			defer conn.Close()
			u.connection(commands, conn)
		}()
	}
}

func (u *Unit) isIdle() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.running == 0 && time.Since(u.idle) >= u.Idle
}

// leave ends what still runs.
func (u *Unit) leave(hangUp func()) {
	hangUp()
	ended := make(chan struct{})
	go func() { u.done.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(leaveTime): // the service manager kills the rest
	}
}

// connection serves one connection.
func (u *Unit) connection(ctx context.Context, conn *net.UnixConn) {
	if uid, err := peer(conn); err != nil || uid != u.Daemon {
		u.Log.Warn("refused", "reason", "only the daemon asks here", "uid", uid, "err", err)
		return
	}
	served := wire.Serve(conn)
	if !u.enter() {
		_ = served.Refuse(wire.Refusal{Class: wire.Busy, Reason: fmt.Sprintf("cannot run it: %d commands run as %s already; wait for one to end", maxCommands, u.User)})
		return
	}
	defer u.exit()
	r, socket, err := served.Request()
	if err != nil {
		u.Log.Warn("refused", "reason", "request", "err", err)
		_ = served.Refuse(wire.Refusal{Class: wire.BadRequest, Reason: err.Error()})
		return
	}
	if socket != nil {
		defer socket.Close()
	}
	log := u.Log.With("rule", r.Rule, "user", r.User, "usid", r.Session, "source", r.Address)
	p, err := u.plan(ctx, r, socket)
	if err == nil {
		defer p.program.Close()
		if p.rule.Alone {
			if !u.only(p.rule.Name, true) {
				err = &wire.Refusal{Class: wire.Busy, Reason: fmt.Sprintf("cannot run %s: it runs already, and does so one at a time", r.Rule)}
			} else {
				defer u.only(p.rule.Name, false)
			}
		}
	}
	var no *wire.Refusal
	var failed *wire.StartError
	switch {
	case errors.As(err, &no):
		log.Warn("refused", "class", string(no.Class), "reason", no.Reason)
		_ = served.Refuse(*no)
	case errors.As(err, &failed):
		log.Warn("not started", "reason", failed.Text)
		_ = served.End(wire.End{Start: failed})
	case err != nil:
		log.Error("not started", "err", err)
		_ = served.Refuse(wire.Refusal{Class: wire.Unavailable, Reason: err.Error()})
	default:
		u.run(ctx, served, p, log)
	}
}

// nobody is the overflow uid: of whom the kernel does not tell.
const nobody uint32 = 65534

// peer is the uid of who has connected.
func peer(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nobody, err
	}
	uid := nobody
	var result error
	err = raw.Control(func(fd uintptr) {
		var c *unix.Ucred
		if c, result = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); result == nil {
			uid = c.Uid
		}
	})
	return uid, errors.Join(err, result)
}

func (u *Unit) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running >= maxCommands {
		return false
	}
	u.running++
	return true
}

func (u *Unit) exit() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running--; u.running == 0 {
		u.idle = time.Now()
	}
}

// only takes, or gives back, the right to run a rule that runs alone.
func (u *Unit) only(rule string, take bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !take {
		delete(u.alone, rule)
		return true
	}
	if u.alone[rule] {
		return false
	}
	if u.alone == nil {
		u.alone = make(map[string]bool)
	}
	u.alone[rule] = true
	return true
}

// buffer is memory to read output into, with place for a header.
func (u *Unit) buffer() *[]byte {
	if b, ok := u.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, wire.HeaderSize+wire.MaxOutput)
	return &b
}

// Account is the account that the unit runs as, as it is now.
func (u *Unit) Account(ctx context.Context) (ident.Account, error) {
	return u.accounts.find(ctx, u.User)
}

// accounts answers for the account that the unit runs as, and notices when it goes.
type accounts struct {
	mu    sync.Mutex
	mark  [3]int64
	names *ident.Resolver
}

// find looks an account up. What is cached is forgotten when the file of accounts has
// changed.
func (a *accounts) find(ctx context.Context, name string) (ident.Account, error) {
	var st unix.Stat_t
	_ = unix.Stat("/etc/passwd", &st)
	mark := [3]int64{int64(st.Ino), st.Mtim.Nano(), st.Size}
	a.mu.Lock()
	if a.names == nil || a.mark != mark {
		a.names, a.mark = ident.NewResolver(), mark
	}
	names := a.names
	a.mu.Unlock()
	return names.ByName(ctx, name)
}
