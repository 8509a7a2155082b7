// SPDX-License-Identifier: Apache-2.0

package run

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"nso.example/nso/config"
	"nso.example/nso/ident"
)

const (
	readyTimeout = 60 * time.Second // for nsod to say READY=1
	stopTimeout  = 60 * time.Second // for commits in flight, then it is killed
	maxLog       = 16 << 20         // of the log that is kept over a start
)

// Main is "nso run"; args are those behind "run". It returns the exit status: that
// of nsod, 1 when nsod could not be started, 2 for a command line that cannot be
// understood. cli is the command line of an instance whose socket it is given; it is
// called when both in and out are a terminal.
//
// Started by root, the process that goes on is another one: main must call Main for
// every command line that begins with "run".
func Main(ctx context.Context, args []string, in io.Reader, out, errs io.Writer, cli func(ctx context.Context, socket string) error) int {
	fail := func(status int, err error) int {
		fmt.Fprintln(errs, "nso run:", err)
		return status
	}
	if len(args) > 0 && args[0] == trampolineFlag {
		return fail(1, trampoline(args[1:]))
	}
	o, err := parse(args, os.Getenv, os.Geteuid())
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(out, "usage:", Usage)
		return 0
	}
	if err != nil {
		return fail(2, fmt.Errorf("%w\nusage: %s", err, Usage))
	}
	if os.Geteuid() == 0 {
		return fail(1, become(ctx, o))
	}
	if o.startedBy != nil {
		// Executed through /proc it would be called "exe" in ps; only the name suffers
		// if this fails.
		_ = os.WriteFile("/proc/self/comm", []byte("nso"), 0)
	}
	i := &instance{options: o, out: out, errs: errs}
	if isTerminal(in) && isTerminal(out) {
		i.cli = cli
	}
	status, err := i.run(ctx)
	if err != nil {
		return fail(status, err)
	}
	return status
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// instance is a daemon with its folder, from start to end.
type instance struct {
	options
	out, errs io.Writer
	cli       func(ctx context.Context, socket string) error // nil: not on a terminal
	signals   chan os.Signal
	daemon    *nsod
}

// run is the life of an instance, as the user that it runs as.
func (i *instance) run(ctx context.Context) (int, error) {
	if i.startedBy == nil {
		a, err := ident.NewResolver().ByUID(ctx, uint32(os.Geteuid()))
		if err != nil {
			return 1, fmt.Errorf("cannot start: its own user could not log in to it: %w", err)
		}
		i.startedBy = []string{a.Name}
	}
	if err := prepare(i.dir, os.Geteuid(), os.Getegid()); err != nil {
		return 1, err
	}
	held, err := lock(i.dir)
	if err != nil {
		return 1, err
	}
	defer held.Close()
	conf, err := i.configure()
	if err != nil {
		return 1, err
	}

	// From here on a signal stops the daemon first.
	i.signals = make(chan os.Signal, 8)
	signal.Notify(i.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(i.signals)

	socks, err := bind(ctx, conf)
	if err != nil {
		return 1, err
	}
	defer os.Remove(conf.IPC.Path)
	err = i.start(conf, socks)
	// What nsod does not hold must not stay open here: clients would wait for ever.
	socks.close()
	if err != nil {
		return 1, err
	}
	defer os.Remove(filepath.Join(i.dir, "notify"))
	if ok := i.awaitReady(ctx); !ok {
		return i.end()
	}
	if i.cli != nil {
		return i.operate(ctx, conf.IPC.Path)
	}
	i.introduce(conf)
	i.await(ctx)
	return i.end()
}

// start writes the configuration and starts nsod.
func (i *instance) start(conf *config.Config, socks sockets) error {
	if err := os.Mkdir(conf.State.Dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot make the folder of the database: %w", err)
	}
	if err := conf.Check(); err != nil {
		return err
	}
	if conf.Listen.NETCONFSSH.Enabled || conf.Listen.CLISSH.Enabled {
		if err := os.Mkdir(i.keysDir(), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("cannot make the folder of the keys: %w", err)
		}
	}
	var text bytes.Buffer
	text.WriteString("# Written by 'nso run' at each start; what is changed here is lost then.\n# Give a file of your own with --config.\n\n")
	if err := conf.Print(&text); err != nil {
		return err
	}
	path := filepath.Join(i.dir, "nso.toml")
	if err := replace(path, text.Bytes()); err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	file := os.NewFile(uintptr(max(i.nsodFD, 0)), "nsod")
	if i.nsodFD <= 0 {
		var err error
		if file, err = openNSOD(); err != nil {
			return err
		}
	}
	defer file.Close()
	log := i.errs
	if i.cli != nil { // the terminal is the CLI's
		f, err := openLog(i.logPath())
		if err != nil {
			return err
		}
		defer f.Close()
		log = f
	}
	var err error
	i.daemon, err = start(i.dir, socks, file, log)
	return err
}

// keysDir is where nsod looks for the keys of users: beside its configuration.
func (i *instance) keysDir() string { return filepath.Join(i.dir, "keys.d") }

func (i *instance) logPath() string { return filepath.Join(i.dir, "nsod.log") }

// replace writes a file as a whole or not at all.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".nso.toml-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), path)
}

// openLog opens the log for more; a large one is set aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, fmt.Errorf("cannot set the log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	return f, nil
}

// awaitReady waits for READY=1. False: it will not come, and the reason is said.
func (i *instance) awaitReady(ctx context.Context) bool {
	limit := time.NewTimer(readyTimeout)
	defer limit.Stop()
	select {
	case <-i.daemon.ready:
		return true
	case <-i.daemon.ended:
		select {
		case <-i.daemon.ready: // and ended at once
			return true
		default:
		}
		fmt.Fprintf(i.errs, "nso run: nsod ended before it was ready: %v%s\n", i.daemon.state, i.daemon.said())
		if i.cli != nil {
			i.showLog()
		}
	case <-limit.C:
		fmt.Fprintf(i.errs, "nso run: nsod was not ready within %v%s\n", readyTimeout, i.daemon.said())
		i.stop(syscall.SIGTERM)
	case s := <-i.signals:
		i.stop(s)
	case <-ctx.Done():
		i.stop(syscall.SIGTERM)
	}
	return false
}

// showLog prints the last lines of the log.
func (i *instance) showLog() {
	f, err := os.Open(i.logPath())
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2000 {
		_, _ = f.Seek(-2000, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, 2000))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, l := range lines[max(0, len(lines)-10):] {
		fmt.Fprintln(i.errs, " ", l)
	}
	fmt.Fprintln(i.errs, "The whole log is", i.logPath())
}

// await returns when nsod has ended, or was told to.
func (i *instance) await(ctx context.Context) {
	select {
	case <-i.daemon.ended:
	case s := <-i.signals:
		i.stop(s)
	case <-ctx.Done():
		i.stop(syscall.SIGTERM)
	}
}

// stop forwards a signal and waits for the end. A second signal, or a daemon that
// does not end, and it is killed.
func (i *instance) stop(s os.Signal) {
	if s == syscall.SIGHUP { // the terminal has gone
		s = syscall.SIGTERM
	}
	_ = i.daemon.process.Signal(s) // if it has ended already, all is well
	limit := time.NewTimer(stopTimeout)
	defer limit.Stop()
	select {
	case <-i.daemon.ended:
		return
	case <-i.signals:
	case <-limit.C:
		fmt.Fprintf(i.errs, "nso run: nsod does not end within %v and is killed\n", stopTimeout)
	}
	_ = i.daemon.process.Kill()
	<-i.daemon.ended
}

func (i *instance) end() (int, error) {
	<-i.daemon.ended
	return i.daemon.exitStatus(), nil
}

// operate is the CLI on the terminal. The daemon ends with it, and it with the
// daemon.
func (i *instance) operate(ctx context.Context, socket string) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-i.daemon.ended:
				cancel(errors.New("nsod has ended"))
				return
			case s := <-i.signals:
				if s != syscall.SIGINT { // that one is the CLI's
					cancel(fmt.Errorf("stopped by a signal: %v", s))
					return
				}
			case <-over:
				return
			}
		}
	}()
	err := i.cli(ctx, socket)
	close(over)
	<-watched
	select { // an interrupt that was the CLI's is none of those that end the daemon
	case <-i.signals:
	default:
	}
	select {
	case <-i.daemon.ended: // of its own accord
		fmt.Fprintf(i.errs, "nso run: nsod has ended: %v%s\n", i.daemon.state, i.daemon.said())
		i.showLog()
		return i.end()
	default:
	}
	cause := context.Cause(ctx)
	i.stop(syscall.SIGTERM)
	status, _ := i.end()
	if err != nil && cause == nil && status == 0 {
		return 1, err
	}
	return status, nil
}

// introduce says how to connect.
func (i *instance) introduce(conf *config.Config) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "nso runs as %s (process %d) in %s\n", userName(), i.daemon.process.Pid, i.dir)
	fmt.Fprintf(&b, "  CLI      NSO_IPC_PATH=%s nso cli\n", conf.IPC.Path)
	if conf.Listen.NETCONFTCP.Enabled {
		for _, a := range conf.Listen.NETCONFTCP.Address {
			fmt.Fprintf(&b, "  NETCONF  %v, in clear; begin with the header %s\n", a, i.header(a.Addr()))
		}
	}
	ssh := false
	for _, d := range []struct {
		door config.Door
		line string
	}{
		{conf.Listen.NETCONFSSH, "  NETCONF  ssh -p %d -s %s netconf\n"}, {conf.Listen.CLISSH, "  CLI      ssh -p %d %s\n"},
	} {
		if ssh = ssh || d.door.Enabled; d.door.Enabled {
			for _, a := range d.door.Address {
				fmt.Fprintf(&b, d.line, a.Port(), a.Addr())
			}
		}
	}
	if ssh {
		fmt.Fprintf(&b, "  keys     %s/USER, in the form of authorized_keys\n", i.keysDir())
	}
	fmt.Fprintf(&b, "  rights   everything for %s, nothing for others\n", strings.Join(conf.Access.Admins, " and "))
	fmt.Fprintln(&b, "Ctrl-C, or SIGTERM, stops it.")
	_, _ = i.out.Write(b.Bytes())
}

// header is that of whoever started it.
func (i *instance) header(from netip.Addr) string {
	user := i.startedBy[0]
	h := ident.Header{User: user, Proto: "tcp", Address: netip.AddrPortFrom(from, 0)}
	if a, err := ident.NewResolver().ByName(context.Background(), user); err == nil {
		h.UID, h.GID, h.Directory = a.UID, a.GID, a.Home
	}
	return h.String()
}
