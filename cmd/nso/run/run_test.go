// SPDX-License-Identifier: Apache-2.0

package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/activation"
	"nso.example/nso/config"
	"nso.example/nso/ident"
)

// TestMain is also nso, and the daemon that it starts: by the name it is called.
func TestMain(m *testing.M) {
	switch {
	case os.Args[0] == "nsod":
		os.Exit(standIn())
	case filepath.Base(os.Args[0]) == "nso" && len(os.Args) > 1 && os.Args[1] == "run":
		os.Exit(Main(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr, standInCLI))
	}
	os.Exit(m.Run())
}

// report is what the stand-in for nsod found about itself.
type report struct {
	PID, PPID, UID, GID int
	Groups              []int
	Privilege, NNP      string
	Names               []string
	TCP                 []string
	FDs                 []string // open when it began, sockets or not
	Env                 []string
	Config              *config.Config
	Error               string
}

// standIn is a small nsod: it takes its sockets, reports, and answers each client
// with the uid that it sees. GO_STANDIN says what else it does.
func standIn() int {
	behave := os.Getenv("GO_STANDIN")
	r := report{PID: os.Getpid(), PPID: os.Getppid(), UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ()}
	for _, e := range must(os.ReadDir("/proc/self/fd")) {
		fd, _ := strconv.Atoi(e.Name())
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && (flags&unix.FD_CLOEXEC == 0) {
			r.FDs = append(r.FDs, e.Name())
		}
	}
	r.Groups, _ = os.Getgroups()
	r.Privilege = fmt.Sprint(activation.RefusePrivilege())
	nnp, _ := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	r.NNP = strconv.Itoa(nnp)
	if len(os.Args) != 3 || os.Args[1] != "--config" {
		return 90
	}
	dir := filepath.Dir(os.Args[2])
	c, err := config.Load(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 91
	}
	r.Config = c
	if behave == "fail" {
		fmt.Fprintln(os.Stderr, "the stand-in fails")
		return 7
	}
	rules := activation.Rules{
		"ipc":       {Kind: activation.UnixStream, Path: c.IPC.Path, Mode: 0o600, Owners: []uint32{uint32(os.Getuid())}},
		"inet-diag": {Kind: activation.SockDiag},
	}
	if c.Listen.NETCONFTCP.Enabled {
		rules["netconf-tcp"] = activation.Rule{Kind: activation.LoopbackTCP}
	}
	for _, d := range c.Listen.Doors() {
		if d.Enabled && strings.HasSuffix(d.Name, "-ssh") {
			rules[d.Name] = activation.Rule{Kind: activation.TCP}
		}
	}
	in, err := activation.Inherit(activation.Self(), rules)
	if err != nil {
		r.Error = err.Error()
	} else {
		r.Names = in.Names()
		diag := ident.NewDiag(in.File("inet-diag"))
		for _, l := range in.Listeners("netconf-tcp") {
			r.TCP = append(r.TCP, l.Addr().String())
			go serve(l, func(c net.Conn) (ident.Peer, error) {
				t, err := ident.FromTCP(c, diag, "netconf-tcp", ident.Policy{AllowRoot: true})
				if err != nil {
					return ident.Peer{}, err
				}
				return t.Peer, nil
			})
		}
		for _, l := range in.Listeners("ipc") {
			go serve(l, func(c net.Conn) (ident.Peer, error) { return ident.FromUnix(c.(*net.UnixConn), "ipc") })
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "state", "report"), must(json.Marshal(r)), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 92
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	switch behave {
	case "silent":
	case "exit-after-ready":
		activation.Notifier{}.Ready("here")
		time.Sleep(200 * time.Millisecond)
		return 5
	case "crash":
		activation.Notifier{}.Ready("here")
		time.Sleep(200 * time.Millisecond)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	default:
		activation.Notifier{}.Ready("here")
	}
	s := <-signals
	fmt.Fprintln(os.Stderr, "the stand-in ends by", s)
	if behave == "stop-status" {
		return 3
	}
	return 0
}

func serve(l net.Listener, who func(net.Conn) (ident.Peer, error)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p, err := who(c)
		fmt.Fprintln(c, p.UID, err)
		c.Close()
	}
}

// standInCLI asks who it is, and ends at "exit".
func standInCLI(ctx context.Context, socket string) error {
	fmt.Print("CLI of ", socket, ", uid ", ask("unix", socket), "\r\n")
	lines := make(chan string)
	go func() {
		for sc := bufio.NewScanner(os.Stdin); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	for {
		select {
		case l := <-lines:
			if l == "exit" {
				return nil
			}
			fmt.Print("you said ", l, "\r\n")
		case <-ctx.Done():
			fmt.Print("CLI told: ", context.Cause(ctx), "\r\n")
			return ctx.Err()
		}
	}
}

func ask(network, address string) string {
	c, err := net.Dial(network, address)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	text, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(text, " <nil>\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// binaries are nso and nsod, both this program, in a folder of their own.
func binaries(t *testing.T, perm os.FileMode) string {
	t.Helper()
	top := must(os.MkdirTemp("", "nsorun"))
	t.Cleanup(func() { os.RemoveAll(top) })
	dir := filepath.Join(top, "bin")
	if err := errors.Join(os.Chmod(top, 0o755), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	text := must(os.ReadFile("/proc/self/exe"))
	for _, name := range []string{"nso", "nsod"} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, perm); err != nil {
		t.Fatal(err)
	}
	return dir
}

// user is an account that is neither root nor nobody, which tests become.
func user(t *testing.T) ident.Account {
	t.Helper()
	a, err := ident.NewResolver().ByName(t.Context(), "games")
	if os.Geteuid() != 0 {
		a, err = ident.NewResolver().ByUID(t.Context(), uint32(os.Geteuid()))
	}
	if err != nil {
		t.Skip("needs an account to become: ", err)
	}
	return a
}

// running is an "nso run".
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	mu   sync.Mutex
	out  bytes.Buffer
	done chan struct{}
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(p)
}

func (r *running) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// begin starts nso run as this user, or as another one.
func begin(t *testing.T, bin string, as *ident.Account, env []string, args ...string) *running {
	t.Helper()
	r := &running{t: t, done: make(chan struct{})}
	for i, a := range args {
		if a == "--dir" {
			r.dir = args[i+1]
		}
	}
	r.cmd = exec.Command(filepath.Join(bin, "nso"), append([]string{"run"}, args...)...)
	r.cmd.Env = append([]string{"GORACE=atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH")}, env...)
	r.cmd.Dir = "/"
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if as != nil && os.Geteuid() == 0 {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.UID, Gid: as.GID}}
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.done)
	}()
	t.Cleanup(func() {
		select {
		case <-r.done:
		default:
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-r.done:
			case <-time.After(20 * time.Second):
				_ = r.cmd.Process.Kill()
			}
		}
	})
	return r
}

// until waits for a text of the output.
func (r *running) until(text string) {
	r.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !strings.Contains(r.output(), text); {
		select {
		case <-r.done:
			if strings.Contains(r.output(), text) {
				return
			}
			r.t.Fatalf("it ended with %v and without %q:\n%s", r.cmd.ProcessState, text, r.output())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("it does not say %q:\n%s", text, r.output())
		}
	}
}

// end waits for the end and wants the status.
func (r *running) end(status int) {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(60 * time.Second):
		r.t.Fatalf("it does not end:\n%s", r.output())
	}
	if got := r.cmd.ProcessState.ExitCode(); got != status {
		r.t.Errorf("exit status %d, not %d:\n%s", got, status, r.output())
	}
}

func (r *running) report() report {
	r.t.Helper()
	var rep report
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(r.dir, "state", "report"))), &rep); err != nil {
		r.t.Fatal(err)
	}
	return rep
}

// folder is where an instance of the user can be: the parent belongs to it.
func folder(t *testing.T, a ident.Account) string {
	t.Helper()
	top := must(os.MkdirTemp("", "nsodir"))
	t.Cleanup(func() { os.RemoveAll(top) })
	if os.Geteuid() == 0 {
		if err := os.Chown(top, int(a.UID), int(a.GID)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(top, "d")
}

const ready = "Ctrl-C, or SIGTERM, stops it."

// checkDaemon looks at what the daemon said about itself.
func checkDaemon(t *testing.T, r *running, a ident.Account, admins []string) report {
	t.Helper()
	rep := r.report()
	if rep.UID != int(a.UID) || rep.GID != int(a.GID) || rep.Privilege != "<nil>" || rep.NNP != "1" || rep.Error != "" {
		t.Errorf("the daemon is %+v", rep)
	}
	for _, g := range rep.Groups {
		if g != int(a.GID) && os.Geteuid() == 0 {
			t.Errorf("the daemon has the groups %v", rep.Groups)
		}
	}
	if want := []string{"inet-diag", "ipc", "netconf-tcp"}; !slices.Equal(rep.Names, want) {
		t.Errorf("the daemon has the sockets %v", rep.Names)
	}
	if want := []string{"0", "1", "2", "3", "4", "5"}; !slices.Equal(rep.FDs, want) {
		t.Errorf("the daemon was given the descriptors %v", rep.FDs)
	}
	for _, e := range rep.Env {
		key, value, _ := strings.Cut(e, "=")
		switch key {
		case "LISTEN_PID":
			if value != strconv.Itoa(rep.PID) {
				t.Errorf("LISTEN_PID is %s and the daemon %d", value, rep.PID)
			}
		case "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "HOME", "USER", "LOGNAME", "PATH", "GORACE", "GO_STANDIN":
		default:
			t.Errorf("the daemon's environment has %s", e)
		}
	}
	if !slices.Equal(rep.Config.Access.Admins, admins) {
		t.Errorf("administrators are %q, not %q", rep.Config.Access.Admins, admins)
	}
	if c := rep.Config; c.State.Dir != r.dir+"/state" || c.IPC.Path != r.dir+"/ipc" || c.Listen.NETCONFTCP.Address[0].String() != rep.TCP[0] {
		t.Errorf("configuration is %+v, TCP at %v", c, rep.TCP)
	}
	return rep
}

func TestAsUser(t *testing.T) {
	a := user(t)
	bin := binaries(t, 0o755)
	r := begin(t, bin, &a, []string{"HOME=" + filepath.Dir(bin)}, "--dir", folder(t, a), "--netconf-tcp", "127.0.0.1:0")
	r.until(ready)
	rep := checkDaemon(t, r, a, []string{a.Name})
	if rep.Config.NETCONF.TCP.AllowRoot {
		t.Error("root is let in over TCP")
	}
	if rep.PPID != r.cmd.Process.Pid {
		t.Errorf("the daemon's parent is %d, not nso run", rep.PPID)
	}
	if comm := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/comm", rep.PID)))); comm != "nsod\n" {
		t.Errorf("the daemon is called %q", comm)
	}
	me := strconv.Itoa(os.Geteuid())
	if got := ask("unix", r.dir+"/ipc"); got != me {
		t.Errorf("over IPC: %s", got)
	}
	if got := ask("tcp", rep.TCP[0]); got != me {
		t.Errorf("over TCP: %s", got)
	}
	info := must(os.Lstat(r.dir + "/ipc"))
	if info.Mode().Perm() != 0o600 || must(os.Stat(r.dir)).Mode().Perm() != 0o700 {
		t.Errorf("permissions are %v", info.Mode())
	}

	second := begin(t, bin, &a, nil, "--dir", r.dir, "--netconf-tcp", "none")
	second.end(1)
	if want := "in use by another 'nso run', process " + strconv.Itoa(r.cmd.Process.Pid); !strings.Contains(second.output(), want) {
		t.Errorf("a second one says %q", second.output())
	}
	busy := begin(t, bin, &a, nil, "--dir", folder(t, a), "--netconf-tcp", rep.TCP[0])
	busy.end(1)
	if !strings.Contains(busy.output(), "another program has that port") {
		t.Errorf("a taken port says %q", busy.output())
	}

	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.until("the stand-in ends by interrupt")
	r.end(0)
	if _, err := os.Lstat(r.dir + "/ipc"); err == nil {
		t.Error("the socket is left behind")
	}
	// The folder is an instance's now and is taken again, a stale socket in it too.
	l := must(net.ListenUnix("unix", &net.UnixAddr{Name: r.dir + "/ipc", Net: "unix"}))
	l.SetUnlinkOnClose(false)
	l.Close()
	again := begin(t, bin, &a, []string{"GO_STANDIN=stop-status"}, "--dir", r.dir, "--netconf-tcp", "none")
	again.until(ready)
	if rep := again.report(); !slices.Equal(rep.Names, []string{"inet-diag", "ipc"}) {
		t.Errorf("without TCP the daemon has %v", rep.Names)
	}
	_ = again.cmd.Process.Signal(syscall.SIGTERM)
	again.end(3)
}

func TestAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, which becomes another user: sudo make test")
	}
	a := user(t)
	bin := binaries(t, 0o700) // the user could not execute these by their paths
	top := must(os.MkdirTemp("", "nsodir"))
	t.Cleanup(func() { os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	r := begin(t, bin, nil, []string{"SUDO_USER=" + a.Name, "SECRET=x", "HOME=/root", "XDG_STATE_HOME=/root"}, "--dir", top+"/a/b", "--netconf-tcp", "127.0.0.1:0")
	r.until(ready)
	rep := checkDaemon(t, r, a, []string{"root", a.Name})
	if !rep.Config.NETCONF.TCP.AllowRoot {
		t.Error("root is not let in over TCP")
	}
	// nso run itself has become the user as well, for good.
	status := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))))
	if !strings.HasPrefix(status, "Name:\tnso\n") {
		t.Errorf("nso run is called %.20q", status)
	}
	ids := fmt.Sprintf("\t%d\t%[1]d\t%[1]d\t%[1]d\n", a.UID)
	gids := fmt.Sprintf("\t%d\t%[1]d\t%[1]d\t%[1]d\n", a.GID)
	for _, want := range []string{"Uid:" + ids, "Gid:" + gids, "Groups:\t \n", "NoNewPrivs:\t1\n",
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("nso run has no %q in\n%s", want, status)
		}
	}
	if got := ask("unix", r.dir+"/ipc"); got != "0" {
		t.Errorf("root over IPC: %s", got)
	}
	if got := ask("tcp", rep.TCP[0]); got != "0" {
		t.Errorf("root over TCP: %s", got)
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	r.end(0)
}

func TestRootNeedsUser(t *testing.T) {
	known := func(accounts ...ident.Account) func(context.Context, string) (ident.Account, error) {
		return func(_ context.Context, name string) (ident.Account, error) {
			for _, a := range accounts {
				if a.Name == name {
					return a, nil
				}
			}
			return ident.Account{}, fmt.Errorf("cannot find %q: %w", name, ident.ErrNoAccount)
		}
	}
	nso := ident.Account{Name: "nso", UID: 900, GID: 900}
	for _, tc := range []struct {
		sudo     string
		accounts []ident.Account
		name     string
		err      string
	}{
		{"", []ident.Account{nso}, "nso", ""},
		{"root", []ident.Account{nso}, "nso", ""},
		{"bob", []ident.Account{nso, {Name: "bob", UID: 1000, GID: 1000}}, "bob", ""},
		{"", nil, "", "useradd --system"},
		{"bob", []ident.Account{nso}, "", `the user "bob", which SUDO_USER names`},
		{"nobody", []ident.Account{nso, {Name: "nobody", UID: 65534, GID: 65534}}, "", "is nobody"},
		{"other", []ident.Account{nso, {Name: "other", UID: 65534, GID: 1}}, "", "is nobody"},
		{"toor", []ident.Account{nso, {Name: "toor", UID: 0, GID: 5}}, "", "is root"},
	} {
		a, err := account(t.Context(), func(string) string { return tc.sudo }, known(tc.accounts...))
		if tc.err == "" && (err != nil || a.Name != tc.name) || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%q: %+v, %v", tc.sudo, a, err)
		}
	}
}

func TestEnds(t *testing.T) {
	a := user(t)
	bin := binaries(t, 0o755)
	for _, tc := range []struct {
		behave string
		status int
		want   string
	}{
		{"fail", 7, "the stand-in fails\nnso run: nsod ended before it was ready: exit status 7\n"},
		{"exit-after-ready", 5, ready},
		{"crash", 128 + int(syscall.SIGKILL), ready},
	} {
		t.Run(tc.behave, func(t *testing.T) {
			r := begin(t, bin, &a, []string{"GO_STANDIN=" + tc.behave}, "--dir", folder(t, a), "--netconf-tcp", "none")
			select {
			case <-r.done:
			case <-time.After(60 * time.Second):
				t.Fatal("it does not end")
			}
			if got := r.cmd.ProcessState.ExitCode(); got != tc.status && !(tc.behave == "crash" && (got == 2 || got == 128+int(syscall.SIGSEGV))) {
				t.Errorf("exit status %d, not %d", got, tc.status)
			}
			if !strings.Contains(r.output(), tc.want) {
				t.Errorf("it says %q", r.output())
			}
		})
	}
	t.Run("silent", func(t *testing.T) { // a signal ends the wait for READY
		r := begin(t, bin, &a, []string{"GO_STANDIN=silent"}, "--dir", folder(t, a), "--netconf-tcp", "none")
		for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(r.dir + "/state/report"); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Fatal(r.output())
			}
		}
		time.Sleep(100 * time.Millisecond)
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		r.end(0)
		if strings.Contains(r.output(), ready) {
			t.Error("it was taken for ready")
		}
	})
	t.Run("killed", func(t *testing.T) { // nsod does not outlive nso run
		r := begin(t, bin, &a, nil, "--dir", folder(t, a), "--netconf-tcp", "none")
		r.until(ready)
		pid := r.report().PID
		_ = r.cmd.Process.Kill()
		for deadline := time.Now().Add(60 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nsod lives on")
			}
		}
		// What is left behind is no hindrance.
		again := begin(t, bin, &a, nil, "--dir", r.dir, "--netconf-tcp", "none")
		again.until(ready)
	})
}

func TestTerminal(t *testing.T) {
	a := user(t)
	bin := binaries(t, 0o755)
	for _, tc := range []struct {
		behave string
		status int
		dialog func(say func(string), until func(string), r *running)
	}{
		{"", 0, func(say, until func(string), r *running) {
			until("CLI of " + r.dir + "/ipc, uid " + strconv.Itoa(int(a.UID)))
			say("hello\n")
			until("you said hello")
			_ = r.cmd.Process.Signal(syscall.SIGINT) // is the CLI's
			say("again\n")
			until("you said again")
			say("exit\n")
		}},
		{"", 0, func(_, until func(string), r *running) {
			until("CLI of ")
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			until("CLI told: stopped by a signal: terminated")
		}},
		{"exit-after-ready", 5, func(_, until func(string), r *running) {
			until("CLI told: nsod has ended")
			until("nso run: nsod has ended: exit status 5")
		}},
		{"fail", 7, func(_, until func(string), r *running) {
			until("nsod ended before it was ready: exit status 7")
			until("the stand-in fails") // out of the log
			until("The whole log is " + r.dir + "/nsod.log")
		}},
	} {
		t.Run(tc.behave, func(t *testing.T) {
			master, slave := pty(t)
			r := &running{t: t, dir: folder(t, a), done: make(chan struct{})}
			r.cmd = exec.Command(filepath.Join(bin, "nso"), "run", "--dir", r.dir, "--netconf-tcp", "none")
			r.cmd.Env = []string{"GORACE=atexit_sleep_ms=0", "GO_STANDIN=" + tc.behave}
			r.cmd.Dir = "/"
			r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = slave, slave, slave
			if os.Geteuid() == 0 {
				r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.UID, Gid: a.GID}}
			}
			if err := r.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			slave.Close()
			go func() {
				_, _ = io.Copy(r, master) // until the last one has closed the slave
				_ = r.cmd.Wait()
				close(r.done)
			}()
			defer r.cmd.Process.Kill()
			tc.dialog(func(s string) { fmt.Fprint(master, s) }, r.until, r)
			r.end(tc.status)
		})
	}
}

// pty opens a pseudo-terminal.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	var n int
	raw := must(master.SyscallConn())
	_ = raw.Control(func(fd uintptr) {
		err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	return master, slave
}

func TestConfigFile(t *testing.T) {
	a := user(t)
	bin := binaries(t, 0o755)
	top := filepath.Dir(bin)
	file, yang := top+"/my.toml", top+"/yang"
	text := "[limits]\nsessions = 99\n[yang]\npath = [\"" + top + "\"]\n[listen.netconf-tcp]\nenabled = true\naddress = \"127.0.0.9:1\"\n"
	if err := errors.Join(os.Mkdir(yang, 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	r := begin(t, bin, &a, nil, "--dir", folder(t, a), "--config", file, "--yang", yang, "--netconf-tcp", "localhost:0")
	r.until(ready)
	c := r.report().Config
	if c.Limits.Sessions != 99 || !slices.Equal(c.YANG.Path, []string{yang, top}) || c.Listen.NETCONFTCP.Address[0].Addr().String() != "127.0.0.1" {
		t.Errorf("configuration is %+v", c)
	}
	if !strings.Contains(r.output(), "["+a.Name+";127.0.0.1/0;tcp;") {
		t.Errorf("no header is shown in\n%s", r.output())
	}
	for text, want := range map[string]string{
		"[limit]\n":                          "my.toml:1: cannot use the key \"limit\"",
		"[listen.ipc-tcp]\nenabled = true\n": "'nso run' does not have it",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		r := begin(t, bin, &a, nil, "--dir", folder(t, a), "--config", file)
		r.end(1)
		if !strings.Contains(r.output(), want) {
			t.Errorf("%q: it says %q", text, r.output())
		}
	}
}

func TestCommandLine(t *testing.T) {
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	home := env(map[string]string{"HOME": "/home/bob", "XDG_STATE_HOME": "rel"})
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--netconf-ssh", "here:830"}, "as an address"},
		{[]string{"--cli-ssh", "22"}, "as an address"},
		{[]string{"--netconf-tcp", "0.0.0.0:2023"}, "not on the loopback interface; write 127.0.0.1:2023"},
		{[]string{"--netconf-tcp", "example:2023"}, "as an address"},
		{[]string{"--bogus"}, "cannot understand the command line"},
		{[]string{"x"}, `"x" is not expected`},
		{[]string{"--yang", ""}, "empty path"},
	} {
		if _, err := parse(tc.args, home, 1000); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc.args, err)
		}
	}
	o, err := parse([]string{"--netconf-ssh", "0.0.0.0:830", "--cli-ssh=none", "--yang", "/a", "--yang", "b", "--config", "c"}, home, 1000)
	wd := must(os.Getwd())
	if err != nil || o.dir != "/home/bob/.local/state/nso" || !slices.Equal(o.yang, []string{"/a", wd + "/b"}) || o.config != wd+"/c" {
		t.Errorf("%+v, %v", o, err)
	}
	o.startedBy, o.nsodFD = []string{"root", "bob"}, 9
	again, err := parse(o.args(), home, 1000)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(o) {
		t.Errorf("%+v comes back as %+v, %v", o, again, err)
	}
	for want, dir := range map[string]string{
		"/var/lib/nso-run": must(DefaultDir(home, 0)),
		"/x/nso":           must(DefaultDir(env(map[string]string{"XDG_STATE_HOME": "/x"}), 5)),
	} {
		if dir != want {
			t.Errorf("%s is not %s", dir, want)
		}
	}
	if dir, err := DefaultDir(env(nil), 5); err == nil {
		t.Errorf("without HOME it is %s", dir)
	}
}

// TestSSH: the doors over SSH get what systemd would give them, and a folder for keys.
func TestSSH(t *testing.T) {
	a := user(t)
	bin := binaries(t, 0o755)
	dir := folder(t, a)
	r := begin(t, bin, &a, nil, "--dir", dir, "--netconf-tcp", "none", "--netconf-ssh", "127.0.0.1:0", "--cli-ssh", "127.0.0.1:0")
	r.until("keys.d/USER")
	rep := r.report()
	if names := fmt.Sprint(rep.Names); rep.Error != "" || names != "[cli-ssh inet-diag ipc netconf-ssh]" {
		t.Errorf("%s, %s", names, rep.Error)
	}
	for _, d := range []config.Door{rep.Config.Listen.NETCONFSSH, rep.Config.Listen.CLISSH} {
		if !d.Enabled || len(d.Address) != 1 || d.Address[0].Port() == 0 {
			t.Errorf("%+v", d)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "keys.d")); err != nil || info.Mode().Perm() != 0o700 || info.Sys().(*syscall.Stat_t).Uid != a.UID {
		t.Errorf("%v, %v", info, err)
	}
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	r.end(0)
}

func TestFolder(t *testing.T) {
	me, gid := os.Geteuid(), os.Getegid()
	top := must(filepath.EvalSymlinks(t.TempDir()))
	make := func(name string, entries ...string) string {
		dir := filepath.Join(top, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.WriteFile(filepath.Join(dir, e), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	link := filepath.Join(top, "link")
	if err := os.Symlink(make("target"), link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(make("files", "f"), "f")
	for dir, want := range map[string]string{
		make("empty"): "", make("ours", lockName, "x"): "", filepath.Join(top, "new/a/b"): "",
		make("full", "x"): "is not empty and no instance", link: "symbolic link", file: "no folder",
		filepath.Join(top, strings.Repeat("l", 120)): "choose a shorter --dir",
		"/": "folder of the system", "/tmp": "folder of the system", "/root": "folder of the system", "/var/lib": "folder of the system",
		"/etc/nso": "in /etc", "/usr/local/share/x": "in /usr", "/proc/1/x": "in /proc", "/dev/x": "in /dev",
	} {
		err := prepare(dir, me, gid)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s: %v, not %q", dir, err, want)
		}
		if want == "" {
			if info := must(os.Stat(dir)); info.Mode().Perm() != 0o700 {
				t.Errorf("%s has %v", dir, info.Mode())
			}
		}
	}
	if me != 0 {
		t.Skip("the rest needs root, to have folders of others: sudo make test")
	}
	const bob, alice = 70001, 70002
	owned := func(dir string, uid int) string {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	through := filepath.Join(top, "way")
	if err := os.Symlink(make("real"), through); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		make("r-empty"): "", owned(make("b-empty"), bob): "", owned(make("b-ours", lockName), bob): "",
		make("r-full", lockName):                "is not empty and no instance",
		owned(make("a-ours", lockName), alice):  "is not empty and no instance",
		owned(make("a-empty"), alice):           "belongs to uid 70002",
		filepath.Join(through, "sub"):           "a symbolic link on the way leads to",
		owned(make("b-full", "some.doc"), bob):  "is not empty and no instance",
		filepath.Join(top, "b-new", "instance"): "",
	} {
		err := prepare(dir, bob, bob)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, not %q", dir, err, want)
		}
		owner := int(must(os.Stat(dir)).Sys().(*syscall.Stat_t).Uid)
		if (want == "") != (owner == bob) && !strings.HasPrefix(filepath.Base(dir), "b-") {
			t.Errorf("%s belongs to %d", dir, owner)
		}
	}
}

func TestIPCSocketInUse(t *testing.T) {
	dir := must(os.MkdirTemp("", "nsoipc"))
	defer os.RemoveAll(dir)
	path := dir + "/ipc"
	l := must(net.Listen("unix", path))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := bindIPC(ctx, path, 0o600); err == nil {
		t.Error("a socket in use is replaced")
	}
	go func() { // a daemon that is just ending
		time.Sleep(100 * time.Millisecond)
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}()
	f, err := bindIPC(t.Context(), path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := bindIPC(t.Context(), path, 0o600); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in its place gives %v", err)
	}
}
