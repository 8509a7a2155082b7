// SPDX-License-Identifier: Apache-2.0

// Command nso-exec runs programs as the user whose unit it is in, for the daemon: what
// the rules of root allow, each in a control group of its own. It becomes nobody and is
// never root, but in the units nso-exec-root and nso-pty-root. nso-exec(8).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/activation"
	"nso.example/nso/cmd/nso-exec/cgroup"
	"nso.example/nso/cmd/nso-exec/runner"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
)

// version is set by the linker.
var version = "unknown"

// daemon is the user who is served.
const daemon = "nso"

func main() {
	user := flag.String("user", "", "the `name` whose unit this is")
	root := flag.Bool("root", false, "this is the unit for what runs as root")
	terminal := flag.Bool("terminal", false, "this is the unit for what has a terminal")
	showVersion := flag.Bool("version", false, "print the version")
	flag.Parse()
	switch {
	case *showVersion:
		fmt.Println("nso-exec", version)
		return
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "nso-exec: cannot use the argument %q: there are none\n", flag.Arg(0))
		os.Exit(2)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, *user, *root, *terminal, log); err != nil {
		fmt.Fprintln(os.Stderr, "nso-exec:", err)
		os.Exit(1)
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{} // the journal has it
	}
	return a
}

func serve(ctx context.Context, user string, root, terminal bool, log *slog.Logger) error {
	// Of the same user are the commands: none may look into this process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot close the memory to others: %w", err)
	}
	if root {
		user = rule.Root
	}
	l, err := inherited(user, terminal)
	if err != nil {
		return err
	}
	defer l.Close()
	u, err := unitOf(ctx, user, root, terminal, log)
	if err != nil {
		turnAway(l, err)
		return err
	}
	notify := activation.Notifier{Log: log}
	notify.Ready("waiting for commands")
	log.Info("serving", "as", user)
	watched, unwatched := context.WithCancel(context.Background())
	defer unwatched()
	go func() { // until the end: leaving takes its time, too
		if err := notify.Watchdog(watched, func() error { return nil }); err != nil {
			log.Error("watchdog", "err", err)
		}
	}()
	err = u.Serve(ctx, l)
	notify.Stopping("stopping")
	return err
}

// unitOf looks at who this process is, and where.
func unitOf(ctx context.Context, user string, root, terminal bool, log *slog.Logger) (*runner.Unit, error) {
	switch uid := os.Getuid(); {
	case root && uid != 0:
		return nil, errors.New("cannot serve: nso-exec-root and nso-pty-root are for root; mend User= of the unit")
	case !root && !rule.ValidUser(user):
		return nil, fmt.Errorf("cannot serve as %q: an instance of nso-exec@ is named by an account, of letters a-z, digits, \"_\", \"-\" and \".\", and no number", user)
	case !root && uid == 0:
		return nil, errors.New("cannot serve as root: no instance of nso-exec@ is root's; enable nso-exec-root.socket where the site takes that")
	}
	if !root {
		if err := activation.RefusePrivilege(); err != nil {
			return nil, err
		}
	}
	u := &runner.Unit{
		User: user, UID: uint32(os.Getuid()), Root: root, Terminal: terminal, Log: log, Idle: runner.Idle,
		Rules: &folder.Folder{Path: folder.InUnit},
	}
	// Somebody waits for his first command: what has to be asked is asked at once.
	var served, account ident.Account
	var nobody, gone, unlimited error
	var asking sync.WaitGroup
	asking.Go(func() { served, nobody = ident.NewResolver().ByName(ctx, daemon) })
	asking.Go(func() { account, gone = u.Account(ctx) })
	asking.Go(func() { u.Files, unlimited = softFiles(ctx) })
	asking.Wait()
	switch {
	case nobody != nil:
		return nil, fmt.Errorf("cannot serve: the daemon's user %s cannot be found: %w", daemon, nobody)
	case gone != nil:
		return nil, fmt.Errorf("cannot serve: the account %s cannot be found: %w", user, gone)
	case account.UID != u.UID || account.UID == served.UID:
		return nil, fmt.Errorf("cannot serve: the process has uid %d, and %s has %d; it must be the same, and not that of the daemon", u.UID, user, account.UID)
	}
	u.Daemon = served.UID
	var err error
	u.Tree, err = cgroup.Take(unit(user, root, terminal)) // no child is left in the group
	return u, errors.Join(err, unlimited)
}

// softFiles is the limit of open files that the unit has: the runtime has raised that of
// this process, and does not tell what it was, but gives it back to what it starts.
func softFiles(ctx context.Context) (uint64, error) {
	cmd := exec.CommandContext(ctx, "/usr/bin/sh", "-c", "ulimit -S -n")
	cmd.Env = []string{}
	out, err := cmd.Output()
	text := strings.TrimSpace(string(out))
	if err != nil || text == "unlimited" {
		return 0, err
	}
	return strconv.ParseUint(text, 10, 64)
}

// unit is the name of the unit that this process must be in.
func unit(user string, root, terminal bool) string {
	name := "nso-exec"
	if terminal {
		name = "nso-pty"
	}
	if root {
		return name + "-root.service"
	}
	return name + "@" + user + ".service"
}

// inherited is the socket that the service manager has passed.
func inherited(user string, terminal bool) (*net.UnixListener, error) {
	files, _, err := activation.Files(activation.Self())
	if err != nil {
		return nil, errors.New("cannot start: nso-exec is started by nso-exec@USER.socket")
	}
	defer func() {
		for _, f := range files {
			f.Close() // net works with a duplicate
		}
	}()
	if len(files) != 1 {
		return nil, fmt.Errorf("cannot start with %d sockets: it is one", len(files))
	}
	l, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("cannot use the socket: %w", err)
	}
	ul, ok := l.(*net.UnixListener)
	if path := wire.Path(user, terminal); !ok || l.Addr().String() != path {
		l.Close()
		return nil, fmt.Errorf("cannot use the socket %v: it must be %s; mend ListenStream= of the unit", l.Addr(), path)
	}
	ul.SetUnlinkOnClose(false)
	return ul, nil
}

// turnAway tells who waits why nobody is served. The service manager would start this
// again and again for a connection that nobody takes.
func turnAway(l *net.UnixListener, why error) {
	for range 1000 {
		if err := l.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return
		}
		conn, err := l.AcceptUnix()
		if err != nil {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_ = wire.Serve(conn).Refuse(wire.Refusal{Class: wire.Unavailable, Reason: why.Error()})
		conn.Close()
	}
}
