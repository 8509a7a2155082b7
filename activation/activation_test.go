// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is also the daemon: this program again, with sockets passed to it.
func TestMain(m *testing.M) {
	switch os.Getenv("ACTIVATION_CHILD") {
	case "":
		os.Exit(m.Run())
	case "inherit":
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		before := open(7) // not passed by us but by who runs the tests
		in, err := Inherit(Self(), Rules{
			"ipc":         {Kind: UnixStream, Path: os.Args[1], Mode: 0o660, Owners: []uint32{uint32(os.Geteuid())}},
			"netconf-tcp": {Kind: LoopbackTCP}, "inet-diag": {Kind: SockDiag},
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(in.Names(), len(in.Listeners("netconf-tcp")), in.File("inet-diag") != nil)
		for _, e := range os.Environ() {
			if strings.HasPrefix(e, "LISTEN_") {
				fmt.Println("left:", e)
			}
		}
		for fd := range open(3) {
			if !before[fd] {
				fmt.Println("not close-on-exec:", fd)
			}
		}
		conn, err := in.Listeners("ipc")[0].Accept()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Fprint(conn, "served")
		conn.Close()
		in.Close()
	case "privilege":
		fmt.Println(RefusePrivilege())
	}
}

// open lists the descriptors from a number on that a program we start would get.
func open(from int) map[int]bool {
	all := make(map[int]bool)
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		fd, _ := strconv.Atoi(e.Name())
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && fd >= from && flags&unix.FD_CLOEXEC == 0 {
			all[fd] = true
		}
	}
	return all
}

func child(t *testing.T, mode string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = []string{"ACTIVATION_CHILD=" + mode, "GORACE=atexit_sleep_ms=0"}
	return cmd
}

// unixListener returns a listener in a folder of its own, and its path.
func unixListener(t *testing.T) (*net.UnixListener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "act")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "ipc")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	return l, path
}

func dup(t *testing.T, l interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func tcpListener(t *testing.T, address string) *net.TCPListener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // Go's default; it is another protocol
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func socket(t *testing.T, domain, kind, protocol int) *os.File {
	t.Helper()
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		t.Skip(err)
	}
	f := os.NewFile(uintptr(fd), "socket")
	t.Cleanup(func() { f.Close() })
	return f
}

func TestInherit(t *testing.T) {
	l, path := unixListener(t)
	cmd := child(t, "inherit", path)
	cmd.ExtraFiles = []*os.File{
		dup(t, l), dup(t, tcpListener(t, "127.0.0.1:0")), dup(t, tcpListener(t, "127.0.0.2:0")),
		socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG),
	}
	cmd.Env = append(cmd.Env, "LISTEN_FDS=4", "LISTEN_FDNAMES=ipc:netconf-tcp:netconf-tcp:inet-diag", "LISTEN_PIDFDID=7")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	if got, want := out.String(), "[inet-diag ipc netconf-tcp] 2 true\n"; got != want {
		t.Errorf("the daemon says %q, not %q", got, want)
	}
	got := make([]byte, 10)
	if n, err := conn.Read(got); string(got[:n]) != "served" {
		t.Errorf("the client gets %q, %v", got[:n], err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the daemon removed the socket: %v", err)
	}
}

func TestPassed(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"nothing", nil, "no sockets were passed; start nso.socket, or use 'nso run'"},
		{"not ours", map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "ipc"}, `passed to process "1" and this is 77`},
		{"no pid", map[string]string{"LISTEN_FDS": "1"}, `passed to process ""`},
		{"pid like", map[string]string{"LISTEN_PID": " 77", "LISTEN_FDS": "1"}, `passed to process " 77"`},
		{"no number", map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "many"}, `LISTEN_FDS is "many"`},
		{"none", map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "0"}, `LISTEN_FDS is "0"`},
		{"negative", map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "-1"}, `LISTEN_FDS is "-1"`},
		{"huge", map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "100000"}, `LISTEN_FDS is "100000"`},
		{"not open", map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "ipc"}, "is not open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := map[string]string{"LISTEN_PIDFDID": "1"}
			for k, v := range tc.env {
				env[k] = v
			}
			p := Process{77, func(k string) string { return env[k] }, func(k string) error { delete(env, k); return nil }}
			_, _, err := passed(p, 1<<19)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v", err)
			}
			if len(env) > 0 {
				t.Errorf("left in the environment: %v", env)
			}
		})
	}
}

func TestNamesMustMatch(t *testing.T) {
	for _, names := range []string{"", "ipc:ipc", ":"} {
		l, _ := unixListener(t)
		fd, err := unix.Dup(int(dup(t, l).Fd()))
		if err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"LISTEN_PID": "77", "LISTEN_FDS": "1", "LISTEN_FDNAMES": names}
		p := Process{77, func(k string) string { return env[k] }, func(string) error { return nil }}
		if _, _, err := passed(p, fd); names != "" && (err == nil || !strings.Contains(err.Error(), "FileDescriptorName=")) {
			t.Errorf("%q: error is %v", names, err)
		} else if names == "" { // one socket without a name: systemd says "unknown" or the unit
			if _, err := take([]int{fd}, []string{""}, Rules{}); err == nil || !strings.Contains(err.Error(), `the socket ""`) {
				t.Errorf("a socket without a name gives %v", err)
			}
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			t.Errorf("%q: the descriptor is left open", names)
		}
	}
}

// TestInspect: each way in which a socket can be wrong, and what is said.
func TestInspect(t *testing.T) {
	me := uint32(os.Geteuid())
	l, path := unixListener(t)
	ipc := Rule{Kind: UnixStream, Path: path, Mode: 0o660, Owners: []uint32{me}}
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	connected, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	with := func(r Rule, change func(*Rule)) Rule { change(&r); return r }
	mode := func(m fs.FileMode) func() {
		return func() {
			if err := os.Chmod(path, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		rule   Rule
		file   *os.File
		before func()
		want   string
	}{
		{"ipc", ipc, dup(t, l), nil, ""},
		{"file", ipc, file, nil, "it is no socket"},
		{"connected", ipc, dup(t, connected.(*net.UnixConn)), nil, "it does not listen"},
		{"datagram", ipc, socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0), nil, "it is no stream socket"},
		{"TCP for Unix", ipc, dup(t, tcpListener(t, "127.0.0.1:0")), nil, "it is no Unix socket"},
		{"other path", with(ipc, func(r *Rule) { r.Path = "/run/nso/ipc" }), dup(t, l), nil, `not to "/run/nso/ipc"`},
		{"narrower", ipc, dup(t, l), mode(0o600), ""},
		{"too wide", ipc, dup(t, l), mode(0o666), "are 0666, more than 0660"},
		{"mode again", ipc, dup(t, l), mode(0o660), ""},
		{"TCP", Rule{Kind: TCP}, dup(t, tcpListener(t, "0.0.0.0:0")), nil, ""},
		{"loopback", Rule{Kind: LoopbackTCP}, dup(t, tcpListener(t, "127.0.0.1:0")), nil, ""},
		{"loopback 6", Rule{Kind: LoopbackTCP}, dup(t, tcpListener(t, "[::1]:0")), nil, ""},
		{"everywhere", Rule{Kind: LoopbackTCP}, dup(t, tcpListener(t, "0.0.0.0:0")), nil, "not on the loopback interface"},
		{"everywhere 6", Rule{Kind: LoopbackTCP}, dup(t, tcpListener(t, "[::]:0")), nil, "not on the loopback interface"},
		{"Unix for TCP", Rule{Kind: TCP}, dup(t, l), nil, "its protocol is not TCP"},
		{"not listening", Rule{Kind: TCP}, socket(t, unix.AF_INET, unix.SOCK_STREAM, 0), nil, "it does not listen"},
		{"UDP", Rule{Kind: TCP}, socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0), nil, "it is no stream socket"},
		{"diag", Rule{Kind: SockDiag}, socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG), nil, ""},
		{"route", Rule{Kind: SockDiag}, socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE), nil, "protocol is 0, not inet-diag"},
		{"no netlink", Rule{Kind: SockDiag}, dup(t, l), nil, "it is no netlink socket"},
		{"folder", ipc, dup(t, l), func() { _ = os.Chmod(filepath.Dir(path), 0o777) }, "can be written by others (0777)"},
		{"replaced", ipc, dup(t, l), func() {
			_ = os.Chmod(filepath.Dir(path), 0o700)
			_ = os.Remove(path)
			_ = os.WriteFile(path, nil, 0o600)
		}, "is no socket"},
		{"removed", ipc, dup(t, l), func() { _ = os.Remove(path) }, "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.before != nil {
				tc.before()
			}
			err := tc.rule.inspect(int(tc.file.Fd()))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error is %v, not %q", err, tc.want)
			}
		})
	}
}

func TestInspectOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a socket away: sudo make test")
	}
	l, path := unixListener(t)
	rule := Rule{Kind: UnixStream, Path: path, Mode: 0o660, Owners: []uint32{4242}}
	for _, step := range []struct {
		path string
		uid  int
		want string
	}{
		{path, 0, ""}, {path, 4242, ""}, {path, 4243, "belongs to uid 4243"}, {path, 0, ""},
		{filepath.Dir(path), 4243, "who could put another socket there"}, {filepath.Dir(path), 4242, ""},
	} {
		if err := os.Lchown(step.path, step.uid, -1); err != nil {
			t.Fatal(err)
		}
		err := rule.inspect(int(dup(t, l).Fd()))
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("%s of %d: error is %v", step.path, step.uid, err)
		}
	}
}

func TestTakeNamesUnits(t *testing.T) {
	l, path := unixListener(t)
	fd := func(f *os.File) int {
		n, err := unix.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ipc := Rule{Kind: UnixStream, Path: path, Mode: 0o660, Owners: []uint32{uint32(os.Geteuid())}}
	diag := func() int { return fd(socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG)) }
	for _, tc := range []struct {
		name  string
		fds   []int
		names []string
		rules Rules
		want  string
	}{
		{"unknown", []int{fd(dup(t, l))}, []string{"x"}, Rules{}, `the configuration names no such door; stop nso-listen@x.socket, or enable it in nso.toml`},
		{"missing", []int{fd(dup(t, l))}, []string{"ipc"}, Rules{"ipc": ipc, "inet-diag": {Kind: SockDiag}}, `without the socket "inet-diag": start nso-diag.socket`},
		{"missing door", []int{fd(dup(t, l))}, []string{"ipc"}, Rules{"ipc": ipc, "netconf-tcp": {Kind: TCP}}, `start nso-listen@netconf-tcp.socket`},
		{"wrong", []int{fd(dup(t, l))}, []string{"inet-diag"}, Rules{"inet-diag": {Kind: SockDiag}}, `it is no netlink socket; mend nso-diag.socket`},
		{"two", []int{diag(), diag()}, []string{"inet-diag", "inet-diag"}, Rules{"inet-diag": {Kind: SockDiag}}, "one is enough"},
		{"good", []int{fd(dup(t, l))}, []string{"ipc"}, Rules{"ipc": ipc, "cli-ssh": {Kind: TCP, Optional: true}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, err := take(tc.fds, tc.names, tc.rules)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				in.Close()
				if _, err := os.Lstat(path); err != nil {
					t.Error("closing removes the socket")
				}
			} else if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v", err)
			}
			for _, fd := range tc.fds {
				if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
					t.Error("a descriptor is left open")
				}
			}
		})
	}
}

func TestInspectListener(t *testing.T) {
	rules := Rules{"netconf-ssh": {Kind: TCP}, "netconf-tcp": {Kind: LoopbackTCP}, "inet-diag": {Kind: SockDiag}}
	open := tcpListener(t, "0.0.0.0:0")
	for name, want := range map[string]string{
		"netconf-ssh": "", "netconf-tcp": "mend nso-listen@netconf-tcp.socket", "other": "names no such door", "inet-diag": "names no such door",
	} {
		fd, err := unix.Dup(int(dup(t, open).Fd()))
		if err != nil {
			t.Fatal(err)
		}
		l, err := InspectListener(rules, name, os.NewFile(uintptr(fd), name))
		if want == "" {
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			t.Errorf("%s: the descriptor is left open", name)
		}
	}
}

func TestRefusePrivilege(t *testing.T) {
	status := func(uids, inh, prm, eff, amb string) string {
		return "Name:\tnsod\nUid:\t" + uids + "\nCapInh:\t" + inh + "\nCapPrm:\t" + prm + "\nCapEff:\t" + eff + "\nCapBnd:\t000001ffffffffff\nCapAmb:\t" + amb + "\n"
	}
	const none, some = "0000000000000000", "0000000000000400"
	for text, want := range map[string]string{
		status("5\t5\t5\t5", none, none, none, none): "",
		status("0\t5\t5\t5", none, none, none, none): "the real uid is 0",
		status("5\t0\t5\t5", none, none, none, none): "the effective uid is 0",
		status("5\t5\t0\t5", none, none, none, none): "the saved uid is 0",
		status("5\t5\t5\t0", none, none, none, none): "the file system uid is 0",
		status("5\t5\t5\t5", some, none, none, none): "inheritable has 0000000000000400",
		status("5\t5\t5\t5", none, some, none, none): "permitted has",
		status("5\t5\t5\t5", none, none, some, none): "effective has",
		status("5\t5\t5\t5", none, none, none, some): "ambient has",
		status("5\t5\t5\t5", none, none, none, ""):   "ambient has",
		"":                   "does not say",
		"Uid:\t5\t5\t5\t5\n": "does not say",
		status("5\t5\t5", none, none, none, none): "does not say",
	} {
		err := refusePrivilege(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error is %v, not %q", text, err, want)
		}
	}
}

// TestPrivilegeOfProcesses asks real processes.
func TestPrivilegeOfProcesses(t *testing.T) {
	if os.Geteuid() != 0 {
		out, err := child(t, "privilege").Output()
		if err != nil || string(out) != "<nil>\n" {
			t.Errorf("%s, %v", out, err)
		}
		t.Skip("the rest needs root, to start processes with rights: sudo make test")
	}
	for _, tc := range []struct {
		name string
		attr syscall.SysProcAttr
		want string
	}{
		{"root", syscall.SysProcAttr{}, "uid is 0"},
		{"user", syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}}, "<nil>"},
		{"ambient", syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}, AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE}}, "with capabilities: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := child(t, "privilege")
			self, err := os.Open("/proc/self/exe")
			if err != nil {
				t.Fatal(err)
			}
			defer self.Close()
			cmd.Path, cmd.ExtraFiles, cmd.Dir = "/proc/self/fd/3", []*os.File{self}, "/"
			cmd.SysProcAttr = &tc.attr
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("%s, %v, not %q", out, err, tc.want)
			}
		})
	}
}

// manager is the service manager's end of the notifications.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func heard(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 1000)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestNotify(t *testing.T) {
	conn := manager(t)
	n := Notifier{slog.New(slog.DiscardHandler)}
	n.Ready("3 doors\nopen")
	n.Status("busy")
	n.Stopping("")
	n.Reloading()
	var got []string
	for range 4 {
		got = append(got, heard(t, conn))
	}
	usec, found := strings.CutPrefix(got[3], "RELOADING=1\nMONOTONIC_USEC=")
	if _, err := strconv.ParseUint(usec, 10, 64); !found || err != nil {
		t.Errorf("reloading says %q", got[3])
	}
	if want := []string{"READY=1\nSTATUS=3 doors open", "STATUS=busy", "STOPPING=1"}; !slices.Equal(got[:3], want) {
		t.Errorf("heard %q", got)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	n.Ready("nobody listens")
}

func TestWatchdog(t *testing.T) {
	conn := manager(t)
	n := Notifier{slog.New(slog.DiscardHandler)}
	if err := n.Watchdog(t.Context(), func() error { return nil }); err != nil {
		t.Fatalf("without a watchdog: %v", err)
	}
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	var sick atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- n.Watchdog(ctx, func() error {
			if sick.Load() {
				return errors.New("the disk is slow")
			}
			return nil
		})
	}()
	for range 3 {
		if got := heard(t, conn); got != "WATCHDOG=1" {
			t.Fatalf("heard %q", got)
		}
	}
	sick.Store(true)
	for heard(t, conn) != "STATUS=not healthy: the disk is slow" {
	}
	for range 3 {
		if got := heard(t, conn); got == "WATCHDOG=1" {
			t.Error("the watchdog is told while the daemon is not healthy")
		}
	}
	sick.Store(false)
	for heard(t, conn) != "WATCHDOG=1" {
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Setenv("WATCHDOG_USEC", "soon")
	if err := n.Watchdog(t.Context(), nil); err == nil {
		t.Error("a bad interval is accepted")
	}
}
