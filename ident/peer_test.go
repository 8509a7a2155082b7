// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stranger is a uid without an account.
const stranger = 4242

// TestMain is also the peer: this program again, as another user.
func TestMain(m *testing.M) {
	switch os.Getenv("IDENT_PEER") {
	case "":
		os.Exit(m.Run())
	case "dial": // NETWORK ADDRESS TEXT: connect, send, wait for the end of stdin
		conn := mustDial()
		fmt.Fprint(conn, os.Args[3])
		io.Copy(io.Discard, os.Stdin)
	case "leave": // the same as often as IDENT_TIMES says, and exit at once
		times, _ := strconv.Atoi(os.Getenv("IDENT_TIMES"))
		for range times {
			fmt.Fprint(mustDial(), os.Args[3])
		}
		os.Exit(0)
	default:
		otherPeer(os.Getenv("IDENT_PEER"))
	}
}

func mustDial() net.Conn {
	conn, err := net.Dial(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return conn
}

func root() bool { return os.Geteuid() == 0 }

// peer starts a peer as uid, which must be our own unless we are root.
func peer(t testing.TB, mode string, uid int, groups []uint32, network, address, text string) (stop func()) {
	t.Helper()
	return peers(t, mode, 1, uid, groups, network, address, text)
}

func peers(t testing.TB, mode string, times, uid int, groups []uint32, network, address, text string) (stop func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/fd/3", network, address, text)
	self, err := os.Open(exe) // the folder may be closed to the other user
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	cmd.ExtraFiles = []*os.File{self}
	cmd.Dir = "/"
	cmd.Env = []string{"IDENT_PEER=" + mode, "GORACE=atexit_sleep_ms=0", "IDENT_TIMES=" + strconv.Itoa(times)}
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), Groups: groups}}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("the peer: %v: %s", err, &stderr)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func needRoot(t *testing.T) {
	if !root() {
		t.Skip("needs root, to have a peer of another user: sudo make test")
	}
}

func listenUnix(t testing.TB) *net.UnixListener {
	t.Helper()
	dir, err := os.MkdirTemp("", "ident")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	return l
}

func acceptUnix(t testing.TB, l *net.UnixListener) *net.UnixConn {
	t.Helper()
	l.SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// noPIDFD is a kernel before 6.5.
func noPIDFD(int) (int, error) { return -1, unix.ENOPROTOOPT }

func ways() map[string]func(int) (int, error) {
	return map[string]func(int) (int, error){"SO_PEERPIDFD": peerPIDFD, "pidfd_open": noPIDFD}
}

func TestUnixSelf(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			l := listenUnix(t)
			c, err := net.Dial("unix", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			p, err := fromUnix(acceptUnix(t, l), "ipc", way)
			if err != nil {
				t.Fatal(err)
			}
			if p.UID != uint32(os.Geteuid()) || p.GID != uint32(os.Getegid()) || int(p.PID) != os.Getpid() ||
				p.Door != "ipc" || p.Source != "pid "+strconv.Itoa(os.Getpid()) || p.LoginUID != loginUID("/proc/self/loginuid") {
				t.Errorf("peer is %+v", p)
			}
			kernel := new(unix.Utsname)
			_ = unix.Uname(kernel)
			if name == "SO_PEERPIDFD" && !p.PIDChecked && !strings.HasPrefix(unix.ByteSliceToString(kernel.Release[:]), "6.1.") {
				t.Error("the kernel's own pidfd was not used")
			}
		})
	}
}

func TestUnixOther(t *testing.T) {
	needRoot(t)
	groups := []uint32{7, 100, 4243}
	for range 200 { // more than fit the first buffer
		groups = append(groups, 70000+uint32(len(groups)))
	}
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			l := listenUnix(t)
			peer(t, "dial", stranger, groups, "unix", l.Addr().String(), "")
			p, err := fromUnix(acceptUnix(t, l), "ipc", way)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(p.Groups)
			if p.UID != stranger || p.GID != stranger || !slices.Equal(p.Groups, groups) {
				t.Errorf("peer is %+v", p)
			}
			_, err = NewResolver().Actor(t.Context(), p)
			if !errors.Is(err, ErrRefused) || !errors.Is(err, ErrNoAccount) {
				t.Errorf("a uid without an account gives %v", err)
			}
		})
	}
}

func TestUnixNobody(t *testing.T) {
	needRoot(t)
	l := listenUnix(t)
	peer(t, "dial", overflowUID, nil, "unix", l.Addr().String(), "")
	if p, err := FromUnix(acceptUnix(t, l), "ipc"); !errors.Is(err, ErrRefused) {
		t.Errorf("uid 65534 is let in as %+v, %v", p, err)
	}
}

// TestUnixGone: the process is dead at accept, waited for or a zombie.
func TestUnixGone(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			l := listenUnix(t)
			stop := peer(t, "leave", os.Geteuid(), nil, "unix", l.Addr().String(), "x")
			conn := acceptUnix(t, l)
			if _, err := io.ReadAll(conn); err != nil { // until it has exited
				t.Fatal(err)
			}
			gone := func(what string) {
				deadline := time.Now().Add(10 * time.Second) // the socket closes before the process ends
				for {
					p, err := fromUnix(conn, "ipc", way)
					if errors.Is(err, ErrRefused) {
						return
					}
					if time.Now().After(deadline) {
						t.Fatalf("%s is let in as %+v", what, p)
					}
					time.Sleep(time.Millisecond)
				}
			}
			gone("a zombie")
			stop()
			gone("a dead process")
		})
	}
}

// TestUnixRecycled: the pid of the peer is another user's process now. The kernel
// is not asked to recycle it: the process with that number is simply compared.
func TestUnixRecycled(t *testing.T) {
	if err := runsAs("/proc/self/status", uint32(os.Geteuid())); err != nil {
		t.Error(err)
	}
	if err := runsAs("/proc/self/status", uint32(os.Geteuid())+1); err == nil {
		t.Error("another user's process is taken for the peer")
	}
	if err := runsAs("/proc/0/status", 0); err == nil {
		t.Error("a process that is not there is taken for the peer")
	}
}

// TestUnixPassedOn: the answer stays the connector's, whoever holds the socket now.
func TestUnixPassedOn(t *testing.T) {
	needRoot(t)
	l := listenUnix(t)
	peer(t, "dial", stranger, nil, "unix", l.Addr().String(), "")
	conn := acceptUnix(t, l)
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	again, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if p, err := FromUnix(again.(*net.UnixConn), "ipc"); err != nil || p.UID != stranger {
		t.Errorf("peer is %+v, %v", p, err)
	}
}

func TestCheckUID(t *testing.T) {
	for _, uid := range []uint32{65534, 1<<32 - 1} {
		if err := checkUID(uid); !errors.Is(err, ErrRefused) {
			t.Errorf("uid %d gives %v", uid, err)
		}
		if _, err := NewResolver().Actor(t.Context(), Peer{UID: uid}); !errors.Is(err, ErrRefused) {
			t.Errorf("uid %d acts", uid)
		}
	}
}

func newDiag(t testing.TB) *Diag {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		t.Fatal(err)
	}
	d := NewDiag(os.NewFile(uintptr(fd), "inet-diag"))
	t.Cleanup(func() { d.Close() })
	return d
}

func TestTCP(t *testing.T) {
	diag := newDiag(t)
	uid := os.Geteuid()
	if root() {
		uid = stranger
	}
	for _, tc := range []struct{ listen, network, host string }{
		{"127.0.0.1:0", "tcp4", "127.0.0.1"},
		{"[::1]:0", "tcp6", "::1"},
		{"[::]:0", "tcp", "127.0.0.1"}, // the server's addresses are mapped
		{"127.0.0.1:0", "mapped", "::ffff:127.0.0.1"},
		{"127.0.0.1:0", "tcp4", "127.0.0.1"},
	} {
		t.Run(tc.listen+" "+tc.host, func(t *testing.T) {
			l, err := net.Listen("tcp", tc.listen)
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).Port
			var stop func()
			if tc.network == "mapped" {
				c := dialMapped(t, port)
				stop = func() { unix.Close(c) }
				if root() {
					if err := unix.Fchown(c, stranger, stranger); err != nil {
						t.Fatal(err)
					}
				}
			} else {
				stop = peer(t, "dial", uid, nil, tc.network, net.JoinHostPort(tc.host, strconv.Itoa(port)), "hello")
			}
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p, err := FromTCP(conn, diag, "netconf-tcp", Policy{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Peer.UID != uint32(uid) || p.Peer.PID != 0 || netip.MustParseAddrPort(p.Peer.Source).Addr().Is4In6() {
				t.Errorf("peer is %+v", p.Peer)
			}
			if err := p.Verify(); err != nil {
				t.Error(err)
			}
			stop()
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.ReadAll(conn); err != nil {
				t.Fatal(err)
			}
			if err := p.Verify(); !errors.Is(err, ErrRefused) {
				t.Errorf("a peer that has gone is believed: %v", err)
			}
			if _, err := FromTCP(conn, diag, "netconf-tcp", Policy{AllowRoot: true}); !errors.Is(err, ErrRefused) {
				t.Errorf("a peer that has gone is let in: %v", err)
			}
		})
	}
}

// dialMapped connects an IPv6 socket to an IPv4 address.
func dialMapped(t *testing.T, port int) int {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		err = unix.Connect(fd, &unix.SockaddrInet6{Port: port, Addr: netip.MustParseAddr("::ffff:127.0.0.1").As16()})
	}
	if err != nil {
		t.Skip(err)
	}
	return fd
}

func TestTCPRoot(t *testing.T) {
	needRoot(t)
	diag := newDiag(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := FromTCP(conn, diag, "netconf-tcp", Policy{}); !errors.Is(err, ErrRefused) {
		t.Errorf("root is let in without allow-root: %v", err)
	}
	if p, err := FromTCP(conn, diag, "netconf-tcp", Policy{AllowRoot: true}); err != nil || p.Peer.UID != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

type notLoopback struct{ net.Conn }

func (notLoopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (notLoopback) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

func TestTCPLoopbackOnly(t *testing.T) {
	if _, err := FromTCP(notLoopback{}, newDiag(t), "x", Policy{}); err == nil || !strings.Contains(err.Error(), "not on the loopback interface") {
		t.Errorf("error is %v", err)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := FromTCP(a, newDiag(t), "x", Policy{}); !errors.Is(err, ErrRefused) {
		t.Errorf("error is %v", err)
	}
}

// TestTCPLeaves: a peer connects, sends and exits at once, 1,000 times. For a
// socket that its owner has closed the kernel says uid 0: nobody may be taken for
// anybody but the peer.
func TestTCPLeaves(t *testing.T) {
	times := 1000
	if testing.Short() {
		times = 100
	}
	uid := os.Geteuid()
	if root() {
		uid = stranger
	} else {
		t.Log("without root the peer is this user")
	}
	diag := newDiag(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var told, refused, verified, withBytes atomic.Int64
	var wg sync.WaitGroup
	const each = 50 // connections of one process
	for range times / each {
		stop := peers(t, "leave", each, uid, nil, "tcp", l.Addr().String(), "[root;127.0.0.1/1;tcp;0;0;;;;]\n<rpc/>")
		for range each {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				p, err := FromTCP(conn, diag, "netconf-tcp", Policy{AllowRoot: true})
				switch {
				case errors.Is(err, ErrRefused):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				case p.Peer.UID != uint32(uid):
					t.Errorf("uid %d is taken for %d", uid, p.Peer.UID)
				default:
					told.Add(1)
					if _, _, err := ReadHeader(conn); err == nil {
						withBytes.Add(1)
					}
					if p.Verify() == nil {
						verified.Add(1)
					}
				}
			})
		}
		stop()
	}
	wg.Wait()
	t.Logf("identified %d, of whom %d sent a header and %d were there still after it; refused %d", told.Load(), withBytes.Load(), verified.Load(), refused.Load())
	if told.Load()+refused.Load() != int64(times) {
		t.Errorf("%d and %d are not %d", told.Load(), refused.Load(), times)
	}
}

// TestTCPClosed is the attack itself, for certain: closed before the first question,
// with bytes still to be read.
func TestTCPClosed(t *testing.T) {
	diag := newDiag(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 1000 { // each time, and not nearly
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "<rpc/>")
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if p, err := FromTCP(conn, diag, "netconf-tcp", Policy{AllowRoot: true}); !errors.Is(err, ErrRefused) {
			t.Fatalf("a closed socket is taken for %+v, %v", p, err)
		}
		conn.Close()
	}
}

func BenchmarkFromUnix(b *testing.B) {
	l := listenUnix(b)
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	conn := acceptUnix(b, l)
	for b.Loop() {
		if _, err := FromUnix(conn, "ipc"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromTCP(b *testing.B) {
	diag := newDiag(b)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	conn, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for b.Loop() {
		if _, err := FromTCP(conn, diag, "netconf-tcp", Policy{AllowRoot: true}); err != nil {
			b.Fatal(err)
		}
	}
}
