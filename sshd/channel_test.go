// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// echo says what it was given, and then does what each line asks.
func echo(_ context.Context, s *Session) int {
	s.Greeted()
	fmt.Fprintf(s, "command %q", s.Command)
	if t := s.Terminal; t != nil {
		columns, rows := t.Size()
		fmt.Fprintf(s, " on %q of %dx%d", t.Name, columns, rows)
	}
	fmt.Fprintln(s)
	typed := make(chan string)
	go func() {
		defer close(typed)
		for sc := bufio.NewScanner(s); sc.Scan(); {
			typed <- sc.Text()
		}
	}()
	var resized <-chan struct{}
	if s.Terminal != nil {
		resized = s.Terminal.Resized()
	}
	for {
		select {
		case line, ok := <-typed:
			switch {
			case !ok:
				fmt.Fprintln(s, "end")
				return 3
			case line == "panic":
				panic("as it was asked to")
			case line == "err":
				fmt.Fprintln(s.Stderr(), "beside")
			case line == "leave":
				return 300 // an exit status has 32 bits
			default:
				fmt.Fprintf(s, "%q\n", line)
			}
		case <-s.Interrupts():
			fmt.Fprintln(s, "interrupted")
		case <-resized:
			columns, rows := s.Terminal.Size()
			fmt.Fprintf(s, "%dx%d\n", columns, rows)
		case <-s.Gone():
			return 4
		}
	}
}

// talk is a session with echo.
type talk struct {
	*ssh.Session
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Reader
	errs *bytes.Buffer
}

func (w *world) talk(c *ssh.Client) *talk {
	w.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		w.t.Fatal(err)
	}
	k := &talk{Session: s, t: w.t.(*testing.T), errs: &bytes.Buffer{}}
	k.in, _ = s.StdinPipe()
	out, _ := s.StdoutPipe()
	k.out, s.Stderr = bufio.NewReader(out), k.errs
	return k
}

func (k *talk) expect(line string) {
	k.t.Helper()
	if got, err := k.out.ReadString('\n'); strings.TrimSuffix(got, "\n") != line {
		k.t.Errorf("it says %q, %v, and not %q", got, err, line)
	}
}

func (k *talk) status(want int) {
	k.t.Helper()
	_, _ = io.Copy(io.Discard, k.out)
	err := k.Wait()
	var exit *ssh.ExitError
	if want == 0 && err != nil || want != 0 && (!errors.As(err, &exit) || exit.ExitStatus() != want) {
		k.t.Errorf("it ends with %v and not %d", err, want)
	}
}

func TestShell(t *testing.T) {
	w := newWorld(t, worldOptions{shell: echo})
	c := w.mustClient(w.me)
	k := w.talk(c)
	if err := k.Setenv("LANG", "C"); err == nil {
		t.Error("an environment is taken")
	}
	if err := k.RequestPty("xterm-256color", 24, 80, ssh.TerminalModes{ssh.ECHO: 1}); err != nil {
		t.Fatal(err)
	}
	if err := k.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("a second terminal is given")
	}
	if err := k.RequestSubsystem("netconf"); err == nil {
		t.Error("a subsystem gets a terminal")
	}
	if err := k.Shell(); err != nil {
		t.Fatal(err)
	}
	k.expect(`command "" on "xterm-256color" of 80x24`)
	k.expect("80x24") // as a first new size
	if err := k.WindowChange(50, 132); err != nil {
		t.Fatal(err)
	}
	k.expect("132x50")
	if err := k.Signal(ssh.SIGINT); err != nil {
		t.Fatal(err)
	}
	k.expect("interrupted")
	if ok, err := k.SendRequest("break", true, binary.BigEndian.AppendUint32(nil, 500)); !ok || err != nil {
		t.Errorf("break: %v, %v", ok, err)
	}
	k.expect("interrupted")
	for _, kind := range []string{"shell", "exec", "pty-req", "env", "subsystem", "x11-req", "auth-agent-req@openssh.com", "signal"} {
		if ok, err := k.SendRequest(kind, true, nil); ok || err != nil {
			t.Errorf("%s while a program runs: %v, %v", kind, ok, err)
		}
	}
	_, _ = io.WriteString(k.in, "\x00\xff\x80 \x1b[0m\n") // all bytes get through
	k.expect(`"\x00\xff\x80 \x1b[0m"`)
	k.in.Close()
	k.expect("end")
	k.status(3)
}

func TestCommand(t *testing.T) {
	w := newWorld(t, worldOptions{shell: echo})
	c := w.mustClient(w.me)
	k := w.talk(c)
	if err := k.Start("show it | count\nand more"); err != nil {
		t.Fatal(err)
	}
	k.expect(`command "show it | count\nand more"`)
	_, _ = io.WriteString(k.in, "err\nleave\n")
	k.status(300)
	if k.errs.String() != "beside\n" {
		t.Errorf("beside it says %q", k.errs)
	}
	for _, signal := range []ssh.Signal{ssh.SIGTERM, ssh.SIGHUP, ssh.SIGKILL} {
		k = w.talk(c)
		if err := k.Start("x"); err != nil {
			t.Fatal(err)
		}
		k.expect(`command "x"`)
		if err := k.Signal(signal); err != nil {
			t.Fatal(err)
		}
		k.status(0)
	}
	k = w.talk(c)
	if err := k.Start("x"); err != nil {
		t.Fatal(err)
	}
	k.expect(`command "x"`)
	k.Session.Close() // hung up: the program ends
}

// TestPanic: a program that panics ends its channel, and no other.
func TestPanic(t *testing.T) {
	w := newWorld(t, worldOptions{shell: echo})
	c := w.mustClient(w.me)
	other := w.netconf(c)
	k := w.talk(c)
	if err := k.Shell(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(k.in, "panic\n")
	k.status(crashed)
	if err := other.OK(write("unharmed")); err != nil {
		t.Error(err)
	}
	if w.panics = w.ssh.Panics(); w.panics != 1 || !strings.Contains(w.log.String(), "as it was asked to") {
		t.Errorf("%d panics are counted", w.panics)
	}
}

// TestNoShell: a door that has no shell gives no terminal and runs no command.
func TestNoShell(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.mustClient(w.me)
	k := w.talk(c)
	if err := k.RequestPty("xterm", 24, 80, nil); err == nil {
		t.Error("a terminal is given")
	}
	if err := k.Start("id"); err == nil {
		t.Error("a command is run")
	}
	k = w.talk(c)
	if err := k.Shell(); err == nil {
		t.Error("a shell is run")
	}
}

// TestRekey: a session goes on with new keys, asked for by us and by the client.
func TestRekey(t *testing.T) {
	for name, client := range map[string]uint64{"ours": 0, "the client's": 32 << 10} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, worldOptions{Options: Options{RekeyAfter: 64 << 10}})
			raw, err := net.Dial("tcp", w.address)
			if err != nil {
				t.Fatal(err)
			}
			counted := &countKex{Conn: raw}
			conn, channels, requests, err := ssh.NewClientConn(counted, w.address, &ssh.ClientConfig{User: w.me, Config: ssh.Config{RekeyThreshold: client},
				Auth: []ssh.AuthMethod{ssh.PublicKeys(w.key)}, HostKeyCallback: func(string, net.Addr, ssh.PublicKey) error { counted.n.Add(1); return nil }})
			if err != nil {
				t.Fatal(err)
			}
			c := ssh.NewClient(conn, channels, requests)
			defer c.Close()
			p := w.netconf(c)
			word := strings.Repeat("0123456789abcdef", 4<<10)
			for i := range 20 {
				if err := p.OK(write(word)); err != nil {
					t.Fatalf("after %d: %v", i, err)
				}
				if reply, err := p.RPC("<get-config><source><running/></source></get-config>"); err != nil || !strings.Contains(reply, word) {
					t.Fatalf("after %d: %d bytes, %v", i, len(reply), err)
				}
			}
			if n := counted.n.Load(); n < 10 {
				t.Errorf("keys were made %d times", n)
			}
		})
	}
}

// countKex counts how often the host showed its key: at each exchange of keys.
type countKex struct {
	net.Conn
	n atomic.Int64
}

func TestBanner(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{Banner: "Only for those\nwho may.\n\n"}})
	var banner string
	c, err := ssh.Dial("tcp", w.address, &ssh.ClientConfig{User: w.me, Auth: []ssh.AuthMethod{ssh.PublicKeys(w.key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), BannerCallback: func(text string) error { banner += text; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if banner != "Only for those\nwho may.\n" {
		t.Errorf("the banner is %q", banner)
	}
	if _, err := New(Options{HostKeys: w.host, Audit: w.mgmt.Audit(), Banner: strings.Repeat("x", maxBanner+1)}); err == nil {
		t.Error("a banner without end is shown")
	}
}

// TestTwoDoors: doors share what is held against a source, and each has its own programs.
func TestTwoDoors(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{PerUser: 1}})
	second := w.ssh.Door("cli-ssh", w.door.auth, Programs{Shell: echo})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- second.Serve(t.Context(), l) }()
	first := w.address
	w.address = l.Addr().String()
	c := w.mustClient(w.me)
	if err := w.talk(c).RequestSubsystem("netconf"); err == nil {
		t.Error("the door has the other one's program")
	}
	k := w.talk(c)
	if err := k.Start("x"); err != nil {
		t.Fatal(err)
	}
	k.expect(`command "x"`)
	if a, b := w.door.Connections(), second.Connections(); a != 0 || b != 1 {
		t.Errorf("%d and %d are open", a, b)
	}
	w.address = first
	if c, err := w.client(w.me); err == nil {
		// He is in, and out at once.
		if _, err := c.NewSession(); err == nil {
			t.Error("a user has two connections at two doors, and may have one")
		}
		c.Close()
	}
	c.Close()
	w.eventually("it is closed", func() bool { return second.Connections() == 0 })
	l.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestUntaken: what is sent for a channel whose program takes nothing is bounded, by
// bytes on the wire: a window full of packets of one byte would be a lot of memory.
func TestUntaken(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	w := newWorld(t, worldOptions{shell: func(ctx context.Context, s *Session) int {
		select {
		case <-stuck:
		case <-s.Gone():
		}
		return 0
	}})
	c := w.mustClient(w.me)
	k := w.talk(c)
	if err := k.Shell(); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 1<<20; sent++ {
		if _, err := k.in.Write([]byte{'x'}); err != nil {
			break
		}
	}
	if most := 3 * untaken / 36; sent > most { // 36 bytes are the least of a packet
		t.Errorf("%d bytes went in one by one; %d are the most", sent, most)
	}
	w.eventually("the connection is gone", func() bool { return w.door.Connections() == 0 })
	w.mustClient(w.me)
}

// TestWindow: a client that gives no window gets nothing, and loses its connection when
// the time for that is over.
func TestWindow(t *testing.T) {
	w := newWorld(t, worldOptions{shell: func(_ context.Context, s *Session) int {
		for {
			_ = s.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			if _, err := s.Write(make([]byte, 1<<16)); err != nil {
				return 0
			}
		}
	}})
	k := w.talk(w.mustClient(w.me))
	if err := k.Shell(); err != nil {
		t.Fatal(err)
	}
	w.eventually("it ends", func() bool { return w.door.Connections() == 0 })
}

// FuzzRequests: no request of a channel, before or behind the one that begins a program,
// does more than it says.
func FuzzRequests(f *testing.F) {
	str := func(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }
	pty := ssh.Marshal(struct {
		Name       string
		C, R, X, Y uint32
		Modes      string
	}{"xterm", 80, 24, 640, 480, "\x00"})
	f.Add(true, "pty-req", pty, "window-change", pty[9:25])
	f.Add(true, "exec", str("show"), "signal", str("INT"))
	f.Add(false, "subsystem", str("netconf"), "break", []byte{0, 0, 0, 1})
	f.Add(true, "shell", []byte(nil), "signal", str("TERM"))
	f.Add(true, "env", append(str("LANG"), str("C")...), "subsystem", str("sftp"))
	f.Fuzz(func(t *testing.T, shell bool, first string, payload []byte, second string, more []byte) {
		never := func(context.Context, *Session) int { return 0 }
		d := &Door{server: &Server{}, programs: Programs{Subsystems: map[string]Program{"netconf": never}}}
		if shell {
			d.programs.Shell = never
		}
		s := newSession(&connection{door: d}, silent{})
		defer s.Conn.Close()
		done := s.first(&ssh.Request{Type: first, Payload: payload})
		if began := s.program != nil; began && (!done || first != "shell" && first != "exec" && first != "subsystem" || first != "subsystem" && !shell) {
			t.Errorf("%q %q begins a program", first, payload)
		}
		if s.Terminal != nil && (!shell || strings.ContainsFunc(s.Terminal.Name, func(r rune) bool { return r < '+' || r > 'z' })) {
			t.Errorf("a terminal %q", s.Terminal.Name)
		}
		if s.program == nil && s.first(&ssh.Request{Type: second, Payload: more}) && s.program != nil && s.Terminal != nil && second == "subsystem" {
			t.Error("a subsystem has a terminal")
		}
		before := s.Command
		_, over := s.later(&ssh.Request{Type: second, Payload: more})
		if over && second != "signal" || s.Command != before {
			t.Errorf("%q %q ends it", second, more)
		}
		if s.Terminal != nil {
			if columns, rows := s.Terminal.Size(); columns < 0 || columns > maxSize || rows < 0 || rows > maxSize {
				t.Errorf("a size of %dx%d", columns, rows)
			}
		}
	})
}

// silent is a channel that nothing comes from.
type silent struct{ ssh.Channel }

func (silent) Read([]byte) (int, error) { return 0, io.EOF }

// TestTenThousandStrangers: connections of one source that never log in keep nobody of
// another source out, whatever they send: nothing, half a greeting, half an exchange of
// keys, a packet of the largest size.
func TestTenThousandStrangers(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{Grace: time.Minute}})
	probe, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", w.address)
	if err != nil {
		t.Skip("there is no second source here:", err)
	}
	probe.Close()
	said := []string{"", "SSH-2.0-half", "SSH-2.0-x\r\n\x00\x00\x01\x00\x04\x14" + strings.Repeat("k", 30), "SSH-2.0-x\r\n\x00\x03\xff\xff\x04\x14", "GET / HTTP/1.1\r\n\r\n"}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	login := func() {
		t.Helper()
		raw, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		conn, channels, requests, err := ssh.NewClientConn(raw, w.address, &ssh.ClientConfig{User: w.me,
			Auth: []ssh.AuthMethod{ssh.PublicKeys(w.key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err != nil {
			t.Fatalf("kept out: %v", err)
		}
		c := ssh.NewClient(conn, channels, requests)
		defer c.Close()
		if err := w.netconf(c).OK("<close-session/>"); err != nil {
			t.Error(err)
		}
	}
	for i := range 10_000 {
		c, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, said[i%len(said)])
		if i < 200 {
			open = append(open, c)
		} else {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		if i%2500 == 2499 {
			login()
		}
	}
	if n := strings.Count(w.log.String(), "connection refused"); n > 200 {
		t.Errorf("the log has %d refusals", n)
	}
}

// TestFloods: a connection whose user is known and that opens channels, or asks, without
// end is served no more than others, and does no harm to them.
func TestFloods(t *testing.T) {
	w := newWorld(t, worldOptions{shell: echo})
	witness := w.netconf(w.mustClient(w.me))
	c := w.mustClient(w.me)
	for range 500 {
		if ch, requests, err := c.OpenChannel("session", nil); err == nil {
			go ssh.DiscardRequests(requests)
			defer ch.Close()
		}
		if _, _, err := c.OpenChannel("direct-tcpip", make([]byte, 1000)); err == nil {
			t.Fatal("a tunnel is opened")
		}
		if _, _, err := c.SendRequest("tcpip-forward", false, make([]byte, 1000)); err != nil {
			break
		}
	}
	if err := witness.OK(write("unharmed")); err != nil {
		t.Error(err)
	}
}
