// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/auth"
	"nso.example/nso/cdb"
	"nso.example/nso/cdb/journal"
	"nso.example/nso/helper"
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

// world is a door on a real listener, to a real server.
type world struct {
	t       testing.TB
	me      string
	key     ssh.Signer // of me
	keyFile string
	host    []ssh.Signer
	keys    auth.Keys
	mgmt    *mgmt.Server
	server  *netconf.Server
	ssh     *Server
	door    *Door
	address string
	log     *lockedBuffer
	stop    context.CancelFunc
	panics  uint64 // that were meant
}

type worldOptions struct {
	Options
	// shell is what the door has beside NETCONF; nil: nothing.
	shell     Program
	chains    []auth.Chain
	writeTime time.Duration
	// pam is the nso-pam behind the door; nil: there is none.
	pam func(s *helper.Served, r helper.Request)
}

func newKey(t testing.TB, dir, name string) (ssh.Signer, string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return signer, path
}

func newWorld(t testing.TB, o worldOptions) *world {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, me: u.Username, log: &lockedBuffer{}}
	dir := t.TempDir()
	w.keys = auth.Keys{Dir: filepath.Join(dir, "keys.d"), Owner: uint32(os.Getuid())}
	if err := os.Mkdir(w.keys.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.key, w.keyFile = newKey(t, dir, "id")
	w.authorize(w.me, string(ssh.MarshalAuthorizedKey(w.key.PublicKey())))
	if w.host, err = HostKeys("", filepath.Join(dir, "ssh")); err != nil {
		t.Fatal(err)
	}
	db, err := cdb.Open("", cdb.Options{Schema: schema()(t), Journal: journal.Options{FS: journal.NewMemory()},
		Factory: func() (*tree.Node, error) { return nacm.Factory(schema()(t), []string{w.me, "ann"}) }})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if w.mgmt, err = mgmt.New(mgmt.Options{Schema: schema()(t), DB: db, Log: log, MaxSessions: 4096, MaxPerUser: 4096}); err != nil {
		t.Fatal(err)
	}
	w.server = netconf.New(w.mgmt, netconf.Options{Log: log, HelloTimeout: o.HelloTimeout, WriteTime: o.writeTime})
	a := auth.Options{Keys: w.keys, Resolver: ident.NewResolver(), Chains: o.chains, Method: helper.NETCONF}
	if o.pam != nil {
		a.PAM = &helper.PAM{Socket: servePAM(t, dir, o.pam)}
	}
	in, err := auth.New(a)
	if err != nil {
		t.Fatal(err)
	}
	o.HostKeys, o.Audit, o.Log = w.host, w.mgmt.Audit(), log
	if o.Admin == nil {
		o.Admin = w.mgmt.Admin
	}
	if w.ssh, err = New(o.Options); err != nil {
		t.Fatal(err)
	}
	w.door = w.ssh.Door("netconf-ssh", in, Programs{Shell: o.shell, Subsystems: map[string]Program{"netconf": func(ctx context.Context, s *Session) int {
		w.server.Serve(ctx, s, netconf.Peer{Actor: s.Actor, Transport: "netconf-ssh", Greeted: s.Greeted}, s.Began)
		return 0
	}}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	served := make(chan error, 1)
	go func() { served <- w.door.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		w.ssh.Wait()
		if n := w.server.Panics() + w.ssh.Panics() - w.panics; n != 0 {
			t.Errorf("%d panics:\n%s", n, w.log)
		}
		if n := w.door.Connections(); n != 0 || len(w.mgmt.List()) != 0 {
			t.Errorf("%d connections, %d sessions are left", n, len(w.mgmt.List()))
		}
		if err := w.ssh.Idle(); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	return w
}

// servePAM is a nso-pam that answers as it is told.
func servePAM(t testing.TB, dir string, answer func(*helper.Served, helper.Request)) string {
	t.Helper()
	path := filepath.Join(dir, "pam")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				s := helper.Serve(conn)
				if r, err := s.Request(); err == nil {
					answer(s, r)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return path
}

func (w *world) authorize(user, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.keys.Dir, user), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// client logs in.
func (w *world) client(user string, methods ...ssh.AuthMethod) (*ssh.Client, error) {
	if methods == nil {
		methods = []ssh.AuthMethod{ssh.PublicKeys(w.key)}
	}
	return ssh.Dial("tcp", w.address, &ssh.ClientConfig{User: user, Auth: methods,
		HostKeyCallback: ssh.FixedHostKey(w.host[0].PublicKey()), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 20 * time.Second})
}

func (w *world) mustClient(user string, methods ...ssh.AuthMethod) *ssh.Client {
	w.t.Helper()
	c, err := w.client(user, methods...)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.log)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// tunnel is a client's channel as a connection.
type tunnel struct {
	io.Reader
	io.Writer
	net.Conn
	close func() error
}

func (c *tunnel) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c *tunnel) Write(p []byte) (int, error) { return c.Writer.Write(p) }
func (c *tunnel) Close() error                { return c.close() }
func (c *tunnel) SetDeadline(time.Time) error { return nil }

// netconf is a session on a channel of its own.
func (w *world) netconf(c *ssh.Client) *peer.Conn {
	w.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		w.t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	out, _ := s.StdoutPipe()
	if err := s.RequestSubsystem("netconf"); err != nil {
		w.t.Fatalf("%v\n%s", err, w.log)
	}
	p := peer.New(&tunnel{Reader: out, Writer: in, close: s.Close})
	if err := p.Open(); err != nil {
		w.t.Fatalf("%v\n%s", err, w.log)
	}
	return p
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s\n%s", what, w.log)
		}
	}
}

func write(word string) string {
	return `<edit-config><target><running/></target><config><word xmlns="urn:m">` + word + `</word></config></edit-config>`
}

func TestSession(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.mustClient(w.me)
	a := w.netconf(c)
	b := w.netconf(c)
	if err := a.OK(write("over ssh")); err != nil {
		t.Fatal(err)
	}
	if reply, err := b.RPC("<get-config><source><running/></source></get-config>"); err != nil || !strings.Contains(reply, "over ssh") {
		t.Errorf("%s, %v", reply, err)
	}
	if !strings.Contains(w.log.String(), "door=netconf-ssh source=127.0.0.1:") {
		t.Errorf("the log has neither door nor source:\n%s", w.log)
	}
	if err := b.OK("<close-session/>"); err != nil {
		t.Error(err)
	}
	w.eventually("one session is left", func() bool { return len(w.mgmt.List()) == 1 })
	if err := a.OK(write("still there")); err != nil {
		t.Error(err)
	}
	// The daemon stops: the session hears why.
	w.stop()
	text, err := a.Receive()
	if err != nil || !strings.Contains(string(text), "the daemon is stopping") {
		t.Errorf("%s, %v", text, err)
	}
}

// TestBigReply: what is larger than any window gets through both ways.
func TestBigReply(t *testing.T) {
	w := newWorld(t, worldOptions{})
	p := w.netconf(w.mustClient(w.me))
	word := strings.Repeat("0123456789abcdef", 5<<16) // 5 MiB
	if err := p.OK(write(word)); err != nil {
		t.Fatal(err)
	}
	if reply, err := p.RPC("<get-config><source><running/></source></get-config>"); err != nil || !strings.Contains(reply, word) {
		t.Errorf("%d bytes, %v", len(reply), err)
	}
}

// TestNoReader: a client that asks for much and reads nothing ends when its time is
// over, and at once when it is killed.
func TestNoReader(t *testing.T) {
	for name, kill := range map[string]bool{"over": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, worldOptions{writeTime: map[bool]time.Duration{false: 300 * time.Millisecond, true: time.Hour}[kill]})
			p := w.netconf(w.mustClient(w.me))
			if err := p.OK(write(strings.Repeat("0123456789abcdef", 5<<16))); err != nil {
				t.Fatal(err)
			}
			if err := p.Send(`<rpc message-id="9" xmlns="` + peer.NS + `"><get-config><source><running/></source></get-config></rpc>`); err != nil {
				t.Fatal(err)
			}
			if kill {
				other := w.netconf(w.mustClient(w.me))
				if err := other.OK(fmt.Sprintf("<kill-session><session-id>%d</session-id></kill-session>", w.mgmt.List()[0].ID)); err != nil {
					t.Fatal(err)
				}
				w.eventually("it is killed", func() bool { return len(w.mgmt.List()) == 1 && w.door.Connections() == 1 })
				return
			}
			w.eventually("it ends", func() bool { return len(w.mgmt.List()) == 0 })
		})
	}
}

// TestOpenSSH is the real client, as a NETCONF client uses it.
func TestOpenSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no ssh here (package openssh-client)")
	}
	w := newWorld(t, worldOptions{})
	host, port, _ := net.SplitHostPort(w.address)
	known := filepath.Join(t.TempDir(), "known_hosts")
	line := fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(w.host[1].PublicKey()))
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(in string, more ...string) (string, error) {
		args := []string{"-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + known,
			"-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", w.keyFile, "-p", port}
		if more[0] != "-l" { // of two, the first would count
			args = append(args, "-l", w.me)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "ssh", append(args, more...)...)
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const end = "]]>]]>"
	hello := `<hello xmlns="` + peer.NS + `"><capabilities><capability>` + peer.Base10 + `</capability></capabilities></hello>` + end
	rpc := func(op string) string { return `<rpc message-id="1" xmlns="` + peer.NS + `">` + op + `</rpc>` + end }
	out, err := run(hello+rpc(write("by OpenSSH"))+rpc("<get-config><source><running/></source></get-config>")+rpc("<close-session/>"), "-s", host, "netconf")
	if err != nil || !strings.Contains(out, "by OpenSSH") || strings.Count(out, "<ok/>") != 2 {
		t.Errorf("%v: %s\n%s", err, out, w.log)
	}
	for _, c := range [][]string{
		{host},               // a shell
		{host, "id"},         // a command
		{"-s", host, "sftp"}, // another subsystem
		{"-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", host},
		{"-W", "127.0.0.1:1", host},        // forwarding
		{"-o", "Ciphers=aes128-cbc", host}, // what is not modern
		{"-o", "KexAlgorithms=diffie-hellman-group14-sha1", host},
		{"-o", "MACs=hmac-sha1", "-o", "Ciphers=aes128-ctr", host},
		{"-o", "PubkeyAuthentication=no", "-s", host, "netconf"},
		{"-l", "nobody-here", "-s", host, "netconf"},
	} {
		if out, err := run("", c...); err == nil {
			t.Errorf("%q is let do: %s", c, out)
		}
	}
	for _, c := range [][]string{{"-c", "aes256-ctr"}, {"-c", "aes256-gcm@openssh.com"}, {"-o", "RekeyLimit=16K"}} {
		if out, err := run(hello+rpc("<get/>")+rpc("<close-session/>"), append(c, "-s", host, "netconf")...); err != nil || !strings.Contains(out, "<ok/>") {
			t.Errorf("%q: %v: %.300s", c, err, out)
		}
	}
}

// TestRefusals: what a user who is in may not ask of the transport.
func TestRefusals(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{HelloTimeout: time.Minute}})
	c := w.mustClient(w.me)
	for _, kind := range []string{"direct-tcpip", "x11", "forwarded-tcpip", "direct-streamlocal@openssh.com", ""} {
		_, _, err := c.OpenChannel(kind, nil)
		var open *ssh.OpenChannelError
		if !errors.As(err, &open) || open.Reason != ssh.UnknownChannelType {
			t.Errorf("a channel %q: %v", kind, err)
		}
	}
	for _, kind := range []string{"tcpip-forward", "streamlocal-forward@openssh.com", "whatever"} {
		if ok, _, err := c.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("a request %q: %v, %v", kind, ok, err)
		}
	}
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	name := func(s string) []byte { return ssh.Marshal(struct{ Name string }{s}) }
	for _, r := range []struct {
		kind    string
		payload []byte
	}{
		{"shell", nil}, {"exec", name("id")}, {"pty-req", nil}, {"env", nil}, {"x11-req", nil}, {"auth-agent-req@openssh.com", nil},
		{"subsystem", nil}, {"subsystem", name("sftp")}, {"subsystem", name("netconf\x00")}, {"subsystem", name("NETCONF")},
		{"subsystem", append(name("netconf"), 0)}, {"subsystem", []byte{0xff, 0xff, 0xff, 0xff}},
	} {
		if ok, err := ch.SendRequest(r.kind, true, r.payload); ok || err != nil {
			t.Errorf("a request %q %q: %v, %v", r.kind, r.payload, ok, err)
		}
	}
	for i := 0; ; i++ { // who asks for ever
		if _, err := ch.SendRequest("shell", true, nil); err != nil {
			break
		}
		if i > maxRequests {
			t.Fatal("there is no end of requests")
		}
	}
	w.eventually("there is room for 8 more", func() bool {
		var open []ssh.Channel
		defer func() {
			for _, ch := range open {
				ch.Close()
			}
		}()
		for range maxChannels {
			ch, requests, err := c.OpenChannel("session", nil)
			if err != nil {
				return false
			}
			go ssh.DiscardRequests(requests)
			open = append(open, ch)
		}
		_, _, err := c.OpenChannel("session", nil)
		var full *ssh.OpenChannelError
		if !errors.As(err, &full) || full.Reason != ssh.ResourceShortage {
			t.Errorf("a ninth channel: %v", err)
		}
		return true
	})
	w.eventually("a session comes after all that", func() bool {
		s, err := c.NewSession()
		if err != nil {
			return false
		}
		defer s.Close()
		return s.RequestSubsystem("netconf") == nil
	})
}

// TestIdle: who is in and does nothing is not kept.
func TestIdle(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{HelloTimeout: 100 * time.Millisecond}})
	c := w.mustClient(w.me)
	if err := c.Wait(); err == nil {
		t.Error("it ends well")
	}
	c = w.mustClient(w.me)
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	if _, err := ch.Read(make([]byte, 1)); err == nil {
		t.Error("a channel without a subsystem says something")
	}
	w.eventually("nothing is left", func() bool { return w.door.Connections() == 0 })
}

// TestGrace: who says nothing, or not enough, is not kept either.
func TestGrace(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{Grace: 200 * time.Millisecond}})
	for _, text := range []string{"", "SSH-2.0-x\r\n", "GET / HTTP/1.0\r\n\r\n", "<hello/>]]>]]>", strings.Repeat("x", 1<<16), "SSH-1.5-old\r\n"} {
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, text) // it may be refused before it is all out
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q is kept", text)
		}
	}
	w.eventually("all are gone", func() bool { return w.door.Connections() == 0 })
	if w.ssh.Refused() != 6 {
		t.Errorf("%d are refused", w.ssh.Refused())
	}
}

// TestGone: a peer that answers no more ends, and its session with it.
func TestGone(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{Keepalive: 50 * time.Millisecond}})
	raw, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	stuck := &stalling{Conn: raw, stall: make(chan struct{}), free: make(chan struct{})}
	defer close(stuck.free)
	conn, channels, requests, err := ssh.NewClientConn(stuck, w.address, &ssh.ClientConfig{User: w.me,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(w.key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	c := ssh.NewClient(conn, channels, requests)
	w.netconf(c)
	time.Sleep(200 * time.Millisecond) // some keepalives are answered
	if n := len(w.mgmt.List()); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	close(stuck.stall)
	w.eventually("the session ends", func() bool { return len(w.mgmt.List()) == 0 })
}

// stalling is a connection that can stop to read.
type stalling struct {
	net.Conn
	stall, free chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	select {
	case <-s.stall:
		<-s.free
	default:
	}
	return n, err
}

// BenchmarkConnect is a client's life: a login with a key, the hellos, close-session.
func BenchmarkConnect(b *testing.B) {
	w := newWorld(b, worldOptions{})
	for b.Loop() {
		c, err := w.client(w.me)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.netconf(c).OK("<close-session/>"); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}
