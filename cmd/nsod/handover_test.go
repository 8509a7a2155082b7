// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/test/peer"
)

const tcpDoor = "[listen.netconf-tcp]\nenabled = true\n"

const getConfig = `<get-config><source><running/></source></get-config>`

// TestHandOver: a door comes, is served, goes and comes again, while sessions live
// and the daemon is the same.
func TestHandOver(t *testing.T) {
	p := newPlace(t, tcpDoor)
	nsod := p.daemon()
	if got := p.doors(); got != "" {
		t.Fatalf("before the hand-over there is %s", got)
	}
	one, at1 := p.listener("127.0.0.1:0")
	two, at2 := p.listener("[::1]:0")
	door := p.door("netconf-tcp", one, two)
	if got, want := door.ready(p), "netconf-tcp at "+at1+" and "+at2+" is the daemon's"; got != want {
		t.Errorf("its status is %q, not %q", got, want)
	}
	// The listeners are the daemon's and not this program's.
	for _, fd := range descriptors(t, door.Process.Pid) {
		for _, l := range []*os.File{one, two} {
			if fd == nameOf(t, l) {
				t.Errorf("nso-listen still has the listener %s", fd)
			}
		}
	}
	if got, want := p.doors(), "netconf-tcp "+at1+", netconf-tcp "+at2; got != want {
		t.Errorf("status shows %q, not %q", got, want)
	}
	session := p.hello(at1)
	p.hello(at2)

	// It goes with its program; sessions stay, and who comes meanwhile waits.
	p.must(door.Process.Signal(syscall.SIGTERM))
	if status, said := door.end(p); status != 0 {
		t.Errorf("told to end, it ends with %d: %s", status, said)
	}
	p.until("the door is gone", func() bool { return p.doors() == "" })
	if _, err := session.RPC(getConfig); err != nil {
		t.Errorf("the session is lost: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		c, err := peer.DialTCP(at1)
		if err == nil {
			err = c.Close()
		}
		waiting <- err
	}()
	select {
	case err := <-waiting:
		t.Fatalf("without a door a client is answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	door = p.door("netconf-tcp", one)
	door.ready(p)
	p.must(<-waiting)

	// It moves: the address is another, all else as before.
	three, at3 := p.listener("127.0.0.1:0")
	p.must(door.Process.Kill())
	door.end(p)
	p.until("the door is gone", func() bool { return p.doors() == "" })
	door = p.door("netconf-tcp", three)
	door.ready(p)
	p.hello(at3)
	if _, err := session.RPC(getConfig); err != nil {
		t.Errorf("the session is lost: %v", err)
	}

	// Handed over again, the new one counts, and the old one ends.
	again := p.door("netconf-tcp", one)
	again.ready(p)
	if status, said := door.end(p); status != 75 {
		t.Errorf("replaced, it ends with %d: %s", status, said)
	}
	if got, want := p.doors(), "netconf-tcp "+at1; got != want {
		t.Errorf("status shows %q, not %q", got, want)
	}
	p.hello(at1)
	if nsod.ProcessState != nil {
		t.Error("it is not the same daemon")
	}

	// A daemon that is killed takes nso-listen along, which says so.
	p.must(nsod.Process.Kill())
	if status, said := again.end(p); status != 75 || !strings.Contains(said, "the daemon has ended; systemd watches the door again") {
		t.Errorf("without its daemon it ends with %d: %s", status, said)
	}
	p.daemon()
	p.door("netconf-tcp", one).ready(p)
	p.hello(at1)

	// One that is stopped says so.
	nsod = p.nsod
	last := p.door("netconf-tcp", two)
	last.ready(p)
	p.must(nsod.Process.Signal(syscall.SIGTERM))
	if status, said := last.end(p); status != 75 || !strings.Contains(said, "stopping") {
		t.Errorf("with a stopping daemon it ends with %d: %s", status, said)
	}
	if status, said := nsod.end(p); status != 0 {
		t.Errorf("nsod ends with %d: %s", status, said)
	}
}

// TestHandOverRefused: what is not what the configuration names, and what is said.
func TestHandOverRefused(t *testing.T) {
	p := newPlace(t, tcpDoor)
	nsod := p.daemon()
	good, _ := p.listener("127.0.0.1:0")
	world, _ := p.listener("0.0.0.0:0")
	udp, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	p.must(err)
	datagrams := os.NewFile(uintptr(udp), "udp")
	defer datagrams.Close()
	null, err := os.Open("/dev/null")
	p.must(err)
	defer null.Close()
	before := len(descriptors(t, nsod.Process.Pid))
	many := make([]*os.File, 200)
	for i := range many {
		many[i] = good
	}
	for _, c := range []struct {
		name, door, names string
		files             []*os.File
		want              string
	}{
		{"no door", "telnet", "telnet", []*os.File{good}, "the configuration names no such door; stop nso-listen@telnet.socket, or enable it in nso.toml"},
		{"not enabled", "ipc-tcp", "ipc-tcp", []*os.File{good}, "names no such door"},
		{"the local socket", "ipc", "ipc", []*os.File{p.ipc}, "names no such door; stop nso.socket"},
		{"the world", "netconf-tcp", "netconf-tcp", []*os.File{world}, "is not on the loopback interface, and this door is in clear; mend nso-listen@netconf-tcp.socket"},
		{"one of two", "netconf-tcp", "netconf-tcp:netconf-tcp", []*os.File{good, world}, "is not on the loopback interface"},
		{"datagrams", "netconf-tcp", "netconf-tcp", []*os.File{datagrams}, "it is no stream socket"},
		{"no socket", "netconf-tcp", "netconf-tcp", []*os.File{null}, "it is no socket"},
		{"another kind", "netconf-tcp", "netconf-tcp", []*os.File{p.ipc}, "its protocol is not TCP"},
		{"another name", "netconf-tcp", "netconf-tcp:other", []*os.File{good, good}, `a descriptor of the name "other" was passed; mend FileDescriptorName= of nso-listen@netconf-tcp.socket`},
		{"too many", "netconf-tcp", strings.TrimSuffix(strings.Repeat("netconf-tcp:", 200), ":"), many, "descriptors"},
		{"none", "netconf-tcp", "", nil, `LISTEN_FDS is "0"`},
	} {
		status, said := p.start("nso-listen", []string{c.door}, c.names, c.files...).end(p)
		if status != 1 || !strings.Contains(said, c.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: status %d, and it says %q, not %q", c.name, status, said, c.want)
		}
	}
	p.until("no descriptor is left", func() bool { return len(descriptors(t, nsod.Process.Pid)) <= before })
	if got := p.doors(); got != "" {
		t.Errorf("a door is open: %s", got)
	}
	if p.uid == uint32(os.Getuid()) {
		return
	}
	// Another user than the daemon's, though it is an administrator (and root).
	other := *p
	other.uid = 0
	if status, said := other.door("netconf-tcp", good).end(p); status != 1 || !strings.Contains(said, "cannot start as root") {
		t.Errorf("as root: status %d %s", status, said)
	}
	if err := os.Chmod(p.dir+"/ipc", 0o666); err != nil {
		t.Fatal(err)
	}
	other.uid = 2 // bin
	if status, said := other.door("netconf-tcp", good).end(p); status != 1 || !strings.Contains(said, "only the daemon's own user may") {
		t.Errorf("as another user: status %d %s", status, said)
	}
}

// descriptors are what a process has open.
func descriptors(t *testing.T, pid int) (names []string) {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		name, _ := os.Readlink(filepath.Join(dir, e.Name()))
		names = append(names, name)
	}
	return names
}

// nameOf is a file's in the list of descriptors. (Fd would make the socket block, for
// whoever has it.)
func nameOf(t *testing.T, f *os.File) (name string) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { name, err = os.Readlink("/proc/self/fd/" + strconv.Itoa(int(fd))) })
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNoDaemon: nso-listen says what is missing.
func TestNoDaemon(t *testing.T) {
	p := newPlace(t, tcpDoor)
	p.must(os.Remove(p.dir + "/ipc"))
	good, _ := p.listener("127.0.0.1:0")
	if status, said := p.door("netconf-tcp", good).end(p); status != 1 || !strings.Contains(said, "cannot connect to "+p.dir+"/ipc") {
		t.Errorf("status %d %s", status, said)
	}
}
