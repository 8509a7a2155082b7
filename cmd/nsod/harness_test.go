// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/client"
	"nso.example/nso/test/peer"
)

// TestMain is also the service manager's last step: it says to whom the sockets are
// passed, and becomes the program.
func TestMain(m *testing.M) {
	if os.Getenv("NSOD_TEST_BECOME") == "" {
		os.Exit(m.Run())
	}
	os.Unsetenv("NSOD_TEST_BECOME")
	os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	fmt.Fprintln(os.Stderr, syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
	os.Exit(1)
}

// place is what systemd and an administrator do for the daemon: a folder, the
// sockets, and a user who is not root.
type place struct {
	*testing.T
	dir  string
	uid  uint32
	self string // who the test is
	ipc  *os.File
	diag *os.File
	nsod *process
}

// programs are built once for all tests.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

func build(t *testing.T) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "nsod-test"); programs.err != nil {
			return
		}
		os.Chmod(programs.dir, 0o755)
		cmd := exec.Command("go", "build", "-o", programs.dir, "nso.example/nso/cmd/nsod", "nso.example/nso/cmd/nso-listen")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("%w: %s", err, out)
			return
		}
		// As root the tests run as another user, who must be able to read this one.
		self, err := os.ReadFile("/proc/self/exe")
		if err == nil {
			err = os.WriteFile(filepath.Join(programs.dir, "become"), self, 0o755)
		}
		programs.err = err
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return programs.dir
}

func newPlace(t *testing.T, conf string) *place {
	t.Helper()
	p := &place{T: t, uid: uint32(os.Getuid())}
	build(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	p.self = me.Username
	if p.uid == 0 {
		p.uid = 1 // daemon, on every system
		conf += "[netconf.tcp]\nallow-root = true\n"
	}
	if p.dir, err = os.MkdirTemp("", "nso"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.dir) })
	p.must(os.Chown(p.dir, int(p.uid), -1))
	p.must(os.Chmod(p.dir, 0o755))
	path := filepath.Join(p.dir, "ipc")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	p.must(err)
	l.SetUnlinkOnClose(false)
	p.ipc, err = l.File()
	p.must(err)
	l.Close()
	p.must(os.Chown(path, int(p.uid), -1))
	p.must(os.Chmod(path, 0o660))
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	p.must(err)
	p.diag = os.NewFile(uintptr(fd), "diag")
	t.Cleanup(func() { p.ipc.Close(); p.diag.Close() })
	p.configure(conf)
	return p
}

func (p *place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *place) configure(conf string) {
	p.Helper()
	text := fmt.Sprintf("[state]\ndir = %q\n[ipc]\npath = %q\n[access]\nadmins = [%q]\n%s", p.dir+"/state", p.dir+"/ipc", p.self, conf)
	p.must(os.WriteFile(filepath.Join(p.dir, "nso.toml"), []byte(text), 0o644))
}

// process is a program with sockets passed to it.
type process struct {
	*exec.Cmd
	out    *bytes.Buffer // when it has ended
	notify *net.UnixConn
	ended  chan struct{}
}

// start starts a program as the daemon's user.
func (p *place) start(name string, args []string, names string, files ...*os.File) *process {
	p.Helper()
	path := filepath.Join(p.dir, "notify-"+strconv.Itoa(int(time.Now().UnixNano())))
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	p.must(err)
	p.must(os.Chmod(path, 0o777))
	program := filepath.Join(build(p.T), name)
	c := &process{exec.Command(filepath.Join(build(p.T), "become"), append([]string{program}, args...)...), new(bytes.Buffer), notify, make(chan struct{})}
	c.Dir = "/"
	c.Env = []string{"NSOD_TEST_BECOME=1", "LISTEN_FDS=" + strconv.Itoa(len(files)), "LISTEN_FDNAMES=" + names,
		"NOTIFY_SOCKET=" + path, "NSO_IPC_PATH=" + p.dir + "/ipc", "HOME=/", "PATH=/usr/bin:/bin"}
	c.ExtraFiles = files
	c.Stdout, c.Stderr = c.out, c.out
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.uid}}
	}
	p.must(c.Start())
	go func() { c.Wait(); notify.Close(); close(c.ended) }()
	p.Cleanup(func() {
		c.Process.Kill()
		<-c.ended
		if p.Failed() {
			p.Logf("%s: %v\n%s", name, c.ProcessState, c.out)
		}
	})
	return c
}

// ready waits for READY=1 and returns the status.
func (c *process) ready(p *place) string {
	p.Helper()
	c.notify.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 4096)
	for {
		n, err := c.notify.Read(buf)
		if err != nil {
			<-c.ended
			p.Fatalf("it is not ready: %v %s", c.ProcessState, c.out)
		}
		if text, ok := strings.CutPrefix(string(buf[:n]), "READY=1\nSTATUS="); ok {
			return text
		}
	}
}

// end waits until it has ended and returns the exit status and what it said.
func (c *process) end(p *place) (int, string) {
	p.Helper()
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		p.Fatal("it does not end")
	}
	return c.ProcessState.ExitCode(), c.out.String()
}

func (p *place) daemon() *process {
	p.Helper()
	p.nsod = p.start("nsod", []string{"--config", p.dir + "/nso.toml"}, "ipc:inet-diag", p.ipc, p.diag)
	p.nsod.ready(p)
	return p.nsod
}

// listener is a socket as systemd holds it.
func (p *place) listener(address string) (*os.File, string) {
	p.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(p.Context(), "tcp", address)
	p.must(err)
	f, err := l.(*net.TCPListener).File()
	p.must(err)
	l.Close()
	p.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

// door starts nso-listen.
func (p *place) door(name string, files ...*os.File) *process {
	p.Helper()
	names := strings.TrimSuffix(strings.Repeat(name+":", len(files)), ":")
	return p.start("nso-listen", []string{name}, names, files...)
}

func (p *place) hello(address string) *peer.Conn {
	p.Helper()
	c, err := peer.DialTCP(address)
	p.must(err)
	p.Cleanup(func() { c.Close() })
	return c
}

// doors is what status shows of all doors but ipc.
func (p *place) doors() string {
	p.Helper()
	c, err := client.Dial(p.Context(), p.dir+"/ipc")
	p.must(err)
	defer c.Close()
	var st struct {
		Doors []struct{ Name, Address string }
	}
	p.must(c.Call(context.Background(), "org.nso.Control.Status", nil, &st))
	var all []string
	for _, d := range st.Doors {
		if d.Name != "ipc" {
			all = append(all, d.Name+" "+d.Address)
		}
	}
	return strings.Join(all, ", ")
}

func (p *place) until(what string, f func() bool) {
	p.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("%s: it does not come to that", what)
		}
	}
}
