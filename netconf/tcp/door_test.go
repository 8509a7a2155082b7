// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/netconf"
	"nso.example/nso/test/peer"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace "urn:m"; prefix m; leaf word { type string; } }`

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a door on a real listener, to a real server.
type world struct {
	t       testing.TB
	schema  *yang.Schema
	db      *cdb.DB
	mgmt    *mgmt.Server
	server  *netconf.Server
	door    *Door
	address string
	log     *lockedBuffer
	stop    context.CancelFunc
	served  chan error
}

var schema = sync.OnceValue(func() func(t testing.TB) *yang.Schema {
	var once sync.Once
	var s *yang.Schema
	return func(t testing.TB) *yang.Schema {
		once.Do(func() {
			s = yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "nso-transports", model)
		})
		return s
	}
})

func me(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func diag(t testing.TB) *ident.Diag {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		t.Skip("no inet_diag here:", err)
	}
	d := ident.NewDiag(os.NewFile(uintptr(fd), "inet-diag"))
	t.Cleanup(func() { d.Close() })
	return d
}

func newWorld(t testing.TB, o Options, listener net.Listener) *world {
	t.Helper()
	w := &world{t: t, schema: schema()(t), log: &lockedBuffer{}, served: make(chan error, 1)}
	var err error
	w.db, err = cdb.Open("", cdb.Options{Schema: w.schema, Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(w.schema, []string{me(t)}) }})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	if w.mgmt, err = mgmt.New(mgmt.Options{Schema: w.schema, DB: w.db, Log: log, MaxSessions: 4096, MaxPerUser: 4096}); err != nil {
		t.Fatal(err)
	}
	w.server = netconf.New(w.mgmt, netconf.Options{Log: log, HelloTimeout: o.HelloTimeout})
	o.Diag, o.Resolver, o.Admin, o.Log = diag(t), ident.NewResolver(), w.mgmt.Admin, log
	if o.Policy == nil {
		o.Policy = func() ident.Policy { return ident.Policy{AllowRoot: true} }
	}
	w.door = New(w.server, o)
	if listener == nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	w.address = listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.served <- w.door.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-w.served; err != nil {
			t.Error(err)
		}
		w.door.Wait()
		if n := w.server.Panics(); n != 0 {
			t.Errorf("%d panics:\n%s", n, w.log)
		}
		if n := w.door.Connections(); n != 0 || len(w.mgmt.List()) != 0 {
			t.Errorf("%d connections, %d sessions are left", n, len(w.mgmt.List()))
		}
		w.db.Close()
	})
	return w
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(60 * time.Second))
	w.t.Cleanup(func() { c.Close() })
	return c
}

func (w *world) open() *peer.Conn {
	w.t.Helper()
	c, err := peer.DialTCP(w.address)
	if err != nil {
		w.t.Fatal(err, w.log)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// closed checks that the server closes the connection without a word.
func (w *world) closed(what string, c net.Conn) {
	w.t.Helper()
	b, err := io.ReadAll(c)
	if len(b) != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Errorf("%s: %v, %q", what, err, b)
	}
}

// word is the data of the tests.
func (w *world) word() string {
	v, _ := w.db.Root().Leaf(w.schema.Root.Child("m", "word"))
	return v
}

func write(word string) string {
	return `<edit-config><target><running/></target><config><word xmlns="urn:m">` + word + `</word></config></edit-config>`
}

// eventually waits for something that another goroutine does.
func (w *world) eventually(what string, f func() bool) {
	w.t.Helper()
	for end := time.Now().Add(60 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s never comes true\n%.3000s", what, w.log)
		}
	}
}

func TestSession(t *testing.T) {
	w := newWorld(t, Options{}, nil)
	c := w.open()
	if err := c.OK(write("hello")); err != nil {
		t.Fatal(err)
	}
	if w.word() != "hello" {
		t.Errorf("the word is %q", w.word())
	}
	i := w.mgmt.List()
	if len(i) != 1 || i[0].User != me(t) || i[0].Transport != Name || i[0].Source != c.LocalAddr().String() {
		t.Errorf("the session is %+v", i)
	}
	// All at once, in one segment: header, hello, request.
	d := w.dial()
	rpc := `<rpc message-id="1" xmlns="` + peer.NS + `"><close-session/></rpc>]]>]]>`
	io.WriteString(d, strings.TrimSuffix(peer.Header(d), "\n")+hello10+rpc)
	if b, err := io.ReadAll(d); err != nil || !strings.Contains(string(b), "<ok/>") {
		t.Errorf("%v %s", err, b)
	}
}

const hello10 = `<hello xmlns="` + peer.NS + `"><capabilities><capability>` + peer.Base10 + `</capability></capabilities></hello>]]>]]>`

// A header that lies, in each field, and what is no header.
func TestHeaders(t *testing.T) {
	w := newWorld(t, Options{HelloTimeout: 10 * time.Second}, nil)
	witness := w.open()
	mine := func(c net.Conn) []string {
		return strings.Split(strings.Trim(peer.Header(c), "[]\n"), ";")
	}
	with := func(i int, v string) func(net.Conn) string {
		return func(c net.Conn) string {
			f := mine(c)
			f[i] = v
			return "[" + strings.Join(f, ";") + "]\n"
		}
	}
	other := "daemon"
	if me(t) == other {
		other = "bin"
	}
	otherUID, otherGID := fmt.Sprint(os.Getuid()+1), fmt.Sprint(os.Getgid()+54321)
	cases := map[string]func(net.Conn) string{
		"another user":           with(0, other),
		"no such user":           with(0, "nobody-at-all"),
		"no user":                with(0, ""),
		"a strange user":         with(0, "ro[ot"),
		"another uid":            with(3, otherUID),
		"uid -1":                 with(3, "-1"),
		"uid 2^32":               with(3, "4294967296"),
		"another gid":            with(4, otherGID),
		"another gid among gids": with(5, fmt.Sprintf("%d,%s", os.Getgid(), otherGID)),
		"another group":          with(7, "no-group-of-mine"),
		"no address":             with(1, "here"),
		"no port":                with(1, "127.0.0.1"),
		"no proto":               with(2, ""),
		"a relative directory":   with(6, "home"),
		"a short header":         func(c net.Conn) string { return "[" + strings.Join(mine(c)[:7], ";") + ";]\n" },
		"nothing in it":          func(net.Conn) string { return "[]\n" },
		"no header":              func(net.Conn) string { return hello10 },
		"an SSH client":          func(net.Conn) string { return "SSH-2.0-OpenSSH_9.2\r\n" },
		"an HTTP client":         func(net.Conn) string { return "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" },
		"a TLS client":           func(net.Conn) string { return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
		"an endless header":      func(net.Conn) string { return "[" + strings.Repeat("x", 1<<20) },
		"a header of zeros":      func(net.Conn) string { return "[" + strings.Repeat("\x00", 2000) },
	}
	for what, header := range cases {
		c := w.dial()
		io.WriteString(c, header(c))
		w.closed(what, c)
	}
	w.eventually("all are refused", func() bool { return w.door.Refused() == uint64(len(cases)) })
	if n := strings.Count(w.log.String(), "connection refused"); n != len(cases) {
		t.Errorf("%d refusals are logged and not %d", n, len(cases))
	}
	if strings.Count(w.log.String(), "session opened") != 1 {
		t.Error("a session was opened")
	}
	if err := witness.OK(write("still here")); err != nil {
		t.Error(err)
	}
}

func TestRootIsNotLetIn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root")
	}
	w := newWorld(t, Options{Policy: func() ident.Policy { return ident.Policy{} }}, nil)
	c := w.dial()
	io.WriteString(c, peer.Header(c))
	w.closed("root", c)
}

// With trust "claimed" the header is believed, and the log says so.
func TestClaimed(t *testing.T) {
	w := newWorld(t, Options{Policy: func() ident.Policy { return ident.Policy{Claimed: true, AllowRoot: true} }}, nil)
	c := w.dial()
	io.WriteString(c, "[somebody;192.0.2.1/4711;ssh;4711;4711;;/;;]\n")
	p := peer.New(c)
	if err := p.Open(); err != nil {
		t.Fatal(err, w.log)
	}
	if i := w.mgmt.List(); len(i) != 1 || i[0].User != "somebody" {
		t.Errorf("%+v", i)
	}
	if !strings.Contains(w.log.String(), "acting as another user") {
		t.Error("the log does not say so")
	}
}

// Clients that say nothing, or a byte at a time, are gone after their time.
func TestSlowHeader(t *testing.T) {
	w := newWorld(t, Options{HelloTimeout: 200 * time.Millisecond}, nil)
	silent, dripping := w.dial(), w.dial()
	go func() {
		for i := 0; ; i++ {
			if _, err := io.WriteString(dripping, peer.Header(dripping)[:i%20+1][i%20:]); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	w.closed("silent", silent)
	w.closed("dripping", dripping)
	w.eventually("they are gone", func() bool { return w.door.Connections() == 0 })
}

// Ten thousand connections at a door for a hundred: the others are turned away at
// once, and those inside work on.
func TestTenThousandConnections(t *testing.T) {
	w := newWorld(t, Options{Connections: 100, Reserve: 10, PerUser: 60}, nil)
	witness := w.open()
	var held []net.Conn
	for range 59 { // this user's share
		c := w.dial()
		io.WriteString(c, peer.Header(c))
		if _, err := bufio.NewReader(c).ReadByte(); err != nil {
			t.Fatal(err, w.log)
		}
		held = append(held, c)
	}
	if n := w.door.Connections(); n != 60 {
		t.Errorf("%d connections", n)
	}
	for range 10_000 {
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(60 * time.Second))
		if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("let in or left waiting", n, err)
		}
		c.(*net.TCPConn).SetLinger(0) // leaves no port in TIME_WAIT
		c.Close()
	}
	if err := witness.OK(write("through it all")); err != nil {
		t.Error(err)
	}
	for _, c := range held {
		c.Close()
	}
	w.eventually("they are gone", func() bool { return w.door.Connections() == 1 })
	w.open()
}

// hungry is a listener that is out of descriptors for a while.
type hungry struct {
	net.Listener
	mu    sync.Mutex
	fails int
}

func (h *hungry) Accept() (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails > 0 {
		h.fails--
		errno := []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS}[h.fails%4]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errno)}
	}
	return h.Listener.Accept()
}

// TestDrain: who was accepted has its hello before the door is drained, and who waits
// in the kernel's queue stays there.
func TestDrain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Options{}, l)
	old := w.open()
	late := w.dial()
	w.eventually("the connection", func() bool { return w.door.Connections() == 2 })
	file, err := l.(*net.TCPListener).File() // as the service manager has it
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	l.Close()
	queued := w.dial()
	drained := make(chan struct{})
	go func() {
		w.door.Drain(context.Background())
		close(drained)
	}()
	select {
	case <-drained:
		t.Fatal("the hello is not waited for")
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := old.RPC("<get-config><source><running/></source></get-config>"); err != nil {
		t.Error("the open session does not go on:", err)
	}
	if _, err := io.WriteString(late, peer.Header(late)); err != nil {
		t.Fatal(err)
	}
	if err := peer.New(late).Open(); err != nil {
		t.Error("who was accepted has no hello:", err)
	}
	<-drained
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	again, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- w.door.Serve(ctx, again) }()
	if _, err := io.WriteString(queued, peer.Header(queued)); err != nil {
		t.Fatal(err)
	}
	if err := peer.New(queued).Open(); err != nil {
		t.Error("who waited is refused:", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOutOfDescriptors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Options{}, &hungry{Listener: l, fails: 5})
	w.open()
	if n := strings.Count(w.log.String(), "cannot accept a connection"); n != 5 {
		t.Errorf("%d failures are logged", n)
	}
}

// Sessions outlive their listener and end with the daemon.
func TestListenerGoes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Options{}, l)
	c := w.open()
	waiting := w.dial() // has said nothing yet
	w.eventually("it is accepted", func() bool { return w.door.Connections() == 2 })
	l.Close()
	if err := <-w.served; err != nil {
		t.Fatal(err)
	}
	w.served <- nil
	if err := c.OK(write("after the listener")); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.door.Wait()
	io.Copy(io.Discard, c.Conn)
	w.closed("waiting", waiting)
}

// hitAndRun is what the child of TestSendAndClose does: it sends everything that
// a session takes, and closes at once.
func hitAndRun(address, header, rpc string, n int) error {
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, header+hello10+rpc); err != nil {
			return err
		}
		c.Close()
	}
	return nil
}

func TestMain(m *testing.M) {
	if address := os.Getenv("NSO_TEST_HIT_AND_RUN"); address != "" {
		header, rpc := os.Getenv("NSO_TEST_HEADER"), os.Getenv("NSO_TEST_RPC")
		if err := hitAndRun(address, header, rpc, 1000); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A peer that closes at once: the kernel says uid 0 of its socket then, while what
// it sent can still be read. Nothing of it may be done as root.
func TestSendAndClose(t *testing.T) {
	w := newWorld(t, Options{}, nil)
	witness := w.open()
	if err := witness.OK(write("untouched")); err != nil {
		t.Fatal(err)
	}
	rpc := `<rpc message-id="1" xmlns="` + peer.NS + `">` + write("touched") + `</rpc>]]>]]>`
	hit := func(header string, credential *syscall.Credential) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self)
		cmd.Dir = "/"
		cmd.Env = []string{"NSO_TEST_HIT_AND_RUN=" + w.address, "NSO_TEST_HEADER=" + header, "NSO_TEST_RPC=" + rpc}
		if credential != nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
			cmd.Path = fmt.Sprintf("/proc/self/fd/%d", executable(t, cmd, self))
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		w.eventually("all are gone", func() bool { return w.door.Connections() == 1 })
		if w.word() != "untouched" {
			t.Fatalf("the word is %q\n%.3000s", w.word(), w.log)
		}
		if err := witness.OK(write("untouched")); err != nil {
			t.Error(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("the peer of another uid takes root")
	}
	const daemon = 1
	nobody := &syscall.Credential{Uid: daemon, Gid: daemon}
	hit("[root;127.0.0.1/1;tcp;0;0;;/root;;]\n", nobody)
	hit("[daemon;127.0.0.1/1;tcp;1;1;;/;;]\n", nobody)
	opened := 0
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, "session opened") && strings.Contains(line, "user=root") {
			opened++
		}
	}
	if opened != 1 { // the witness's
		t.Errorf("root has had %d sessions\n%.3000s", opened, w.log)
	}
}

// executable passes the test binary to the child as a descriptor: the folder that
// it is in may not be the child's to enter.
func executable(t *testing.T, cmd *exec.Cmd, self string) int {
	t.Helper()
	f, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	cmd.ExtraFiles = []*os.File{f}
	return 3
}
