// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cmd/nso-pam/login"
	"nso.example/nso/cmd/nso-pam/sandbox"
	"nso.example/nso/helper"
	"nso.example/nso/ident"
)

// daemon is the user whose logins are served.
const daemon = "nso"

func main() {
	runtime.LockOSThread() // modules change the state of the thread that they run in
	selfTest := flag.Bool("self-test", false, "ask an instance of nso-pam@.service what its sandbox is like")
	here := flag.Bool("here", false, "with -self-test: look at the sandbox of this process instead")
	socket := flag.String("socket", helper.PAMSocket, "with -self-test: the `path` of nso-pam.socket")
	showVersion := flag.Bool("version", false, "print the version")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	switch {
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "cannot use the argument %q: there are none\n", flag.Arg(0))
		os.Exit(2)
	case *showVersion:
		fmt.Println("nso-pam", version)
	case *selfTest:
		os.Exit(report(*here, *socket))
	default:
		if err := serve(log); err != nil {
			fmt.Fprintln(os.Stderr, "nso-pam:", err)
			os.Exit(2) // called wrongly; whatever a user does ends with 0
		}
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{} // the journal has it
	}
	return a
}

// serve serves the one connection that the service manager has passed.
func serve(log *slog.Logger) error {
	if err := private(); err != nil {
		return err
	}
	conn, err := inherited()
	if err != nil {
		return err
	}
	defer conn.Close()
	peer, err := ident.FromUnix(conn, "pam")
	if err != nil {
		log.Warn("refused", "err", err)
		return nil
	}
	uid, err := uidOf(daemon)
	if err != nil {
		return err
	}
	if peer.UID != uid && peer.UID != 0 {
		log.Warn("refused", "reason", "only the daemon asks here", "uid", peer.UID, "pid", peer.PID)
		return nil
	}
	s := helper.Serve(conn)
	r, err := s.Request()
	switch {
	case errors.Is(err, helper.ErrVersion):
		log.Error("refused", "err", err)
		_ = s.Refuse(&helper.Refusal{Class: helper.Unavailable, Reason: err.Error()})
	case err != nil:
		log.Warn("refused", "err", err, "uid", peer.UID)
		_ = s.Refuse(&helper.Refusal{Class: helper.Internal, Reason: err.Error()})
	case r.Check:
		_ = s.Report(sandbox.Probe())
	case peer.UID != uid: // root may look at the sandbox, and has other ways to log in
		log.Warn("refused", "reason", "only the daemon asks for logins here", "uid", peer.UID, "pid", peer.PID)
	default:
		decide(s, r, log.With("user", r.User, "source", r.Source, "door", string(r.Method)))
	}
	return nil
}

// decide asks PAM and gives the verdict, in time.
func decide(s *helper.Served, r helper.Request, log *slog.Logger) {
	begin, op := time.Now(), "login"
	if r.Account {
		op = "account"
	}
	time.AfterFunc(r.Deadline, func() { // a module may hang in C, where nothing else ends it
		log.Error("login refused", "reason", "PAM gave no answer in time", "op", op, "dur", time.Since(begin))
		_ = s.Refuse(&helper.Refusal{Class: helper.Unavailable, Reason: "PAM gave no answer in time"})
		os.Exit(0)
	})
	v, refusal := login.Authenticate(s, r)
	s.Forget()
	if refusal != nil {
		log.Warn("login refused", "class", string(refusal.Class), "reason", refusal.Reason, "op", op, "dur", time.Since(begin))
		_ = s.Refuse(refusal)
		return
	}
	if err := s.Allow(v); err != nil {
		log.Warn("login refused", "err", err, "op", op, "dur", time.Since(begin))
		return
	}
	log.Info("login", "uid", v.UID, "op", op, "dur", time.Since(begin))
}

// private keeps the memory of the process from cores and from siblings.
func private() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("cannot switch cores off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot close the memory to others: %w", err)
	}
	return nil
}

// inherited is the connection on standard input. Nothing that a module prints, or a
// program that it starts, can get at it: it is moved away, and closed on exec.
func inherited() (*net.UnixConn, error) {
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("cannot use standard input: %w", err)
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close() // net works with a duplicate
	c, err := net.FileConn(f)
	conn, ok := c.(*net.UnixConn)
	if err != nil || !ok {
		return nil, errors.New("cannot start: standard input is no connection; nso-pam is started by nso-pam.socket")
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot start: %w", err)
	}
	for _, std := range []int{0, 1} {
		if err := unix.Dup3(null, std, 0); err != nil {
			return nil, fmt.Errorf("cannot start: %w", err)
		}
	}
	return conn, unix.Close(null)
}

func uidOf(name string) (uint32, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, fmt.Errorf("cannot find the daemon's user %s: %w", name, err)
	}
	n, err := strconv.ParseUint(u.Uid, 10, 32)
	return uint32(n), err
}

// report prints what a sandbox is like. The status is 1 if it has a hole.
func report(here bool, socket string) int {
	var probes []helper.Probe
	if here {
		probes = sandbox.Probe()
	} else {
		var err error
		if probes, err = (&helper.PAM{Socket: socket}).Check(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	status := 0
	for _, p := range probes {
		result := "ok  "
		if !p.OK {
			result, status = "HOLE", 1
		}
		fmt.Printf("%s  %-14s %s\n", result, p.Name, p.Found)
	}
	return status
}
