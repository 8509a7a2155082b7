// SPDX-License-Identifier: Apache-2.0

package portowner

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// listen binds with one option of IPv6, on a port that the kernel chooses.
func listen(t *testing.T, network, address string, only int) (net.Listener, netip.AddrPort) {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if strings.HasPrefix(network, "tcp6") {
			return c.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
			})
		}
		return nil
	}}
	l, err := lc.Listen(t.Context(), network, address)
	if err != nil {
		t.Skipf("cannot listen at %s here: %v", address, err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort()
}

func with(ip string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), port)
}

// TestFind: real sockets of this process, and what they keep from being bound. What
// bind says is the oracle.
func TestFind(t *testing.T) {
	for _, has := range []struct {
		network, address string
		only             int
	}{
		{"tcp4", "127.0.0.1:0", 0}, {"tcp4", "0.0.0.0:0", 0}, {"tcp6", "[::1]:0", 1}, {"tcp6", "[::]:0", 1}, {"tcp6", "[::]:0", 0},
	} {
		l, bound := listen(t, has.network, has.address, has.only)
		for _, ip := range []string{"127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"} {
			a := with(ip, bound.Port())
			found, err := Find(a)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(found) > 0, !v6only(a); got != want {
				t.Errorf("%s (only %d) keeps %v: %v, bind says %v", has.address, has.only, a, got, want)
			}
			for _, o := range found {
				if o.UID != uint32(os.Getuid()) || !holds(o, os.Getpid()) || !strings.Contains(o.String(), "portowner.test (pid ") {
					t.Errorf("the owner of %v is %+v, %s", a, o, o)
				}
			}
		}
		l.Close()
		if found, err := Find(bound); err != nil || len(found) != 0 {
			t.Errorf("after the end: %v, %v", found, err)
		}
	}
}

// v6only is bind as systemd does it.
func v6only(a netip.AddrPort) bool {
	if a.Addr().Is4() {
		return bindable(a)
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	return unix.Bind(fd, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}) == nil
}

func holds(o Owner, pid int) bool {
	for _, p := range o.Processes {
		if p.PID == pid {
			return true
		}
	}
	return false
}

// TestNothing: a port that nobody has.
func TestNothing(t *testing.T) {
	l, bound := listen(t, "tcp4", "127.0.0.1:0", 0)
	l.Close()
	if found, err := Find(bound, with("::1", bound.Port())); err != nil || found != nil {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := Find(); err != nil || found != nil {
		t.Errorf("no address: %v, %v", found, err)
	}
}

const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// write makes a /proc.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProc(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table below is of a little-endian machine")
	}
	proc := write(t, map[string]string{
		"net/tcp": header +
			"   0: 0100007F:033E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0\n" +
			"   1: 0100007F:033E 0200007F:A001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0\n" +
			"   2: nonsense\n   3: ZZ00007F:033E 00000000:0000 0A 0 0 0 0 0 13\n",
		"net/tcp6": header +
			"   0: 00000000000000000000000001000000:033E 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0\n" +
			"   1: 0000000000000000FFFF00000200007F:0340 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   100        0 15 1 0 100 0 0 10 0\n",
		"1/fd/3": "-> socket:[14]", "1/exe": "-> /usr/lib/systemd/systemd",
		"77/fd/0": "-> /dev/null", "77/fd/4": "-> socket:[14]", "77/fd/5": "-> socket:[14]", "77/comm": "evil\nname)\n",
		"78/fd/4": "-> socket:[99]", "self/fd/1": "-> socket:[14]",
	})
	var asked []netip.AddrPort
	never := func(a netip.AddrPort) bool { asked = append(asked, a); return true }
	found, err := find(proc, never, []netip.AddrPort{with("0.0.0.0", 830), with("::1", 830), with("127.0.0.2", 832), with("127.0.0.1", 832), with("127.0.0.1", 831)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range found {
		got = append(got, o.Wanted.String()+" "+o.Bound.String()+" "+o.String())
	}
	want := []string{
		"0.0.0.0:830 127.0.0.1:830 a program of uid 1000",
		"[::1]:830 [::1]:830 systemd (pid 1), evil?name) (pid 77)",
		"127.0.0.2:832 [::ffff:127.0.0.2]:832 a program of uid 100",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found\n%s\nwanted\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if asked != nil {
		t.Errorf("bound %v although /proc says it", asked)
	}
	if _, err := find(t.TempDir(), never, nil); err == nil {
		t.Error("without /proc nobody is said to listen")
	}
}

func FuzzListeners(f *testing.F) {
	f.Add(header + "   0: 0100007F:033E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1\n")
	f.Add("a b c 0A e f g 1 i j\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := filepath.Join(t.TempDir(), "tcp")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := listeners(p)
		for _, o := range all {
			if !o.Bound.IsValid() {
				t.Errorf("%+v, %v", o, err)
			}
		}
	})
}
