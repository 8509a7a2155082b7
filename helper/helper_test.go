// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// converseWith holds a conversation between the daemon's side and a helper that does
// what serve says.
func converseWith(t *testing.T, c Conversation, serve func(net.Conn)) (Verdict, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer theirs.Close()
		serve(theirs)
	}()
	v, err := converse(context.Background(), ours, c)
	ours.Close()
	<-done
	return v, err
}

var ann = Verdict{User: "ann", UID: 1000, GID: 1000, Groups: []Group{{1000, "ann"}, {4711, ""}, {27, "sudo"}}, Home: "/home/ann"}

func typed(answers ...string) func(context.Context, Prompt) ([]byte, error) {
	return func(context.Context, Prompt) ([]byte, error) {
		if len(answers) == 0 {
			return nil, errors.New("nothing more to say")
		}
		a := answers[0]
		answers = answers[1:]
		return []byte(a), nil
	}
}

func TestConversation(t *testing.T) {
	var seen []Prompt
	var given [][]byte
	answers := []string{"secret", "123456"}
	c := Conversation{User: "ann", Source: netip.MustParseAddr("::ffff:192.0.2.1"), Method: NETCONF,
		Answer: func(_ context.Context, p Prompt) ([]byte, error) {
			seen = append(seen, p)
			given = append(given, []byte(answers[len(seen)-1]))
			return given[len(seen)-1], nil
		}}
	var got Request
	var kept []byte
	v, err := converseWith(t, c, func(conn net.Conn) {
		s := Serve(conn)
		got, _ = s.Request()
		_ = s.Tell("hello\x1b[2J\n", false)
		first, err := s.Ask("Password: ", false)
		if err != nil || string(first) != "secret" {
			t.Errorf("the first answer is %q, %v", first, err)
		}
		kept = first
		_ = s.Tell("no", true)
		if second, err := s.Ask("Code: ", true); err != nil || string(second) != "123456" {
			t.Errorf("the second answer is %q, %v", second, err)
		}
		s.Forget()
		_ = s.Tell("3 days left", false)
		_ = s.Allow(ann)
		if err := s.Allow(ann); err == nil {
			t.Error("a second verdict goes out")
		}
		if _, err := s.Ask("more", false); err == nil {
			t.Error("a question goes out after the verdict")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.User != "ann" || got.Source.String() != "192.0.2.1" || got.Method != NETCONF || got.Deadline <= 0 || got.Deadline > WholeTime {
		t.Errorf("the request is %+v", got)
	}
	if v.User != "ann" || v.UID != 1000 || len(v.Groups) != 3 || strings.Join(v.GroupNames(), " ") != "ann sudo" || v.Home != "/home/ann" {
		t.Errorf("the verdict is %+v", v)
	}
	want := "[{Said:[{Error:false Text:hello[2J\n}] Text:Password:  Echo:false} {Said:[{Error:true Text:no}] Text:Code:  Echo:true}]"
	if s := fmt.Sprintf("%+v", seen); s != want {
		t.Errorf("the prompts are %s", s)
	}
	if len(v.Said) != 1 || v.Said[0].Text != "3 days left" {
		t.Errorf("said last: %+v", v.Said)
	}
	for _, secret := range append(given, kept) {
		if !bytes.Equal(secret, make([]byte, len(secret))) {
			t.Errorf("%q is not overwritten", secret)
		}
	}
}

// TestAccount: an account can be asked about alone, and a login never becomes that.
func TestAccount(t *testing.T) {
	for _, alone := range []bool{true, false} {
		var got Request
		v, err := converseWith(t, Conversation{User: "ann", Method: NETCONF, Account: alone, Answer: typed()}, func(conn net.Conn) {
			s := Serve(conn)
			got, _ = s.Request()
			_ = s.Allow(ann)
		})
		if err != nil || got.Account != alone || v.User != "ann" {
			t.Errorf("%v: %+v, %+v, %v", alone, got, v, err)
		}
	}
}

// TestRefusals: every class is a refusal, and all of them read alike outside, but the
// one that takes the password.
func TestRefusals(t *testing.T) {
	outward := make(map[string][]Class)
	for _, class := range []Class{Auth, AccountExpired, PasswordExpired, Denied, Unavailable, Internal} {
		_, err := converseWith(t, Conversation{User: "ann", Method: CLI, Answer: typed("x")}, func(conn net.Conn) {
			s := Serve(conn)
			_, _ = s.Request()
			_, _ = s.Ask("Password: ", false)
			_ = s.Refuse(&Refusal{Class: class, Reason: "because\x07"})
		})
		var r *Refusal
		if !errors.As(err, &r) || r.Class != class || r.Reason != "because" {
			t.Errorf("%s: %v", class, err)
		}
		outward[Outward(err)] = append(outward[Outward(err)], class)
	}
	for text, classes := range outward {
		if len(classes) != 5 && (len(classes) != 1 || classes[0] != PasswordExpired || !strings.Contains(text, "passwd")) {
			t.Errorf("%v: %q", classes, text)
		}
	}
	if len(outward) != 2 || Outward(ErrBusy) != Outward(&Refusal{Class: Auth}) {
		t.Errorf("%d texts: %v", len(outward), outward)
	}
}

func TestUserNames(t *testing.T) {
	for _, good := range []string{"ann", "_x", "a", "Ann.B-c", "ann@example.com", `DOM\ann`, "0day", "a+b", strings.Repeat("a", 255)} {
		if err := CheckUser(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	bad := []string{"", "../x", "a/b", ".", "..", "-rf", "a b", " a", "a:b", "a\nb", "a\x00", "a\x00b", "\x1b[2J", "1000", "0", "-1", "+1",
		"@a", `\a`, "a;b", "a$b", "a'b", `a"b`, "a%n", "a*", "ä", "a\xff", strings.Repeat("a", 256), strings.Repeat("a", 100000)}
	for _, name := range bad {
		if err := CheckUser(name); err == nil {
			t.Errorf("%.40q passes", name)
		}
		// Not by the daemon, and not by the helper if the daemon does not ask.
		if _, err := (&PAM{Socket: "/nowhere"}).Converse(context.Background(), Conversation{User: name}); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("the daemon's side takes %.40q: %v", name, err)
		}
		if payload, err := (Request{User: name, Method: CLI, Deadline: time.Second}).encode(); err == nil {
			if _, err := parseRequest(payload); err == nil {
				t.Errorf("the helper's side takes %.40q", name)
			}
		}
	}
}

func TestRequestsOfAMaliciousDaemon(t *testing.T) {
	good := `{"v":1,"user":"ann","method":"cli","deadline_ms":1000}`
	if _, err := parseRequest([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		``, `{}`, `null`, `[]`, `"`, good + good, good + "x", `{"v":2,"user":"ann","method":"cli","deadline_ms":1000}`,
		`{"v":1,"user":"ann","method":"cli","deadline_ms":1000,"uid":0}`, `{"v":1,"user":"ann","method":"root","deadline_ms":1000}`,
		`{"v":1,"user":"ann","method":"","deadline_ms":1000}`, `{"v":1,"user":"ann","method":"cli","deadline_ms":0}`,
		`{"v":1,"user":"ann","method":"cli","deadline_ms":-1}`, `{"v":1,"user":"ann","method":"cli","deadline_ms":1e300}`,
		`{"v":1,"user":"ann","source":"example.com","method":"cli","deadline_ms":1000}`,
		`{"v":1,"user":"ann","source":"192.0.2.1; rm","method":"cli","deadline_ms":1000}`,
		`{"v":1,"user":"ann","source":"fe80::1%eth0","method":"cli","deadline_ms":1000}`,
		`{"v":1,"user":"ann","source":"::FFFF","method":"cli","deadline_ms":1000}`,
		`{"v":1,"user":["ann"],"method":"cli","deadline_ms":1000}`,
	} {
		if r, err := parseRequest([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if r, err := parseRequest([]byte(`{"v":1,"user":"ann","method":"cli","deadline_ms":99999999}`)); err != nil || r.Deadline != WholeTime {
		t.Errorf("a long deadline: %+v, %v", r, err)
	}
}

func TestVerdictsOfAMaliciousHelper(t *testing.T) {
	for _, bad := range []string{
		``, `{}`, `null`, `{"ok":false}`, `{"ok":false,"class":"fine"}`, `{"ok":false,"class":"auth","uid":0}`,
		`{"ok":true}`, `{"ok":true,"user":"ann"}`, `{"ok":true,"user":"ann","uid":1}`, `{"ok":true,"user":"root","uid":0,"gid":0}`,
		`{"ok":true,"user":"ann","uid":65534,"gid":1}`, `{"ok":true,"user":"ann","uid":4294967295,"gid":1}`,
		`{"ok":true,"user":"ann","uid":-1,"gid":1}`, `{"ok":true,"user":"ann","uid":1,"gid":1,"class":"auth"}`,
		`{"ok":true,"user":"ann","uid":1,"gid":1,"groups":[{"gid":1,"name":"a\nb"}]}`,
		`{"ok":true,"user":"ann","uid":1,"gid":1,"groups":[{"gid":1,"name":"a:b"}]}`,
		`{"ok":true,"user":"ann","uid":1,"gid":1,"admin":true}`, `{"ok":true,"user":"ann","uid":1,"gid":1} {}`,
	} {
		v, err := parseVerdict([]byte(bad), "ann")
		if err == nil {
			t.Errorf("%s: %+v", bad, v)
		}
	}
}

// TestBadHelpers: what a helper can do wrong is no login, and is over soon.
func TestBadHelpers(t *testing.T) {
	read := func(conn net.Conn) { _, _, _ = readFrame(conn, "LC") }
	for name, serve := range map[string]func(net.Conn){
		"dies":      func(conn net.Conn) { read(conn) },
		"half":      func(conn net.Conn) { read(conn); _, _ = conn.Write([]byte{'V', 0, 9, '{'}) },
		"unknown":   func(conn net.Conn) { read(conn); _, _ = conn.Write([]byte{'Z', 0, 0}) },
		"own words": func(conn net.Conn) { read(conn); _ = writeFrame(conn, frameLogin, nil) },
		"too long":  func(conn net.Conn) { read(conn); _, _ = conn.Write([]byte{'p', 0xff, 0xff}) },
		"endless questions": func(conn net.Conn) {
			read(conn)
			for writeFrame(conn, frameHidden, []byte("?")) == nil {
				if _, _, err := readFrame(conn, "A"); err != nil {
					return
				}
			}
		},
		"endless talk": func(conn net.Conn) {
			read(conn)
			for writeFrame(conn, frameInfo, []byte("bla")) == nil {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			v, err := converseWith(t, Conversation{User: "ann", Method: CLI, Answer: func(context.Context, Prompt) ([]byte, error) { asked++; return []byte("x"), nil }}, serve)
			var r *Refusal
			if err == nil || errors.As(err, &r) || v.User != "" {
				t.Errorf("%+v, %v", v, err)
			}
			if asked > MaxPrompts {
				t.Errorf("%d questions", asked)
			}
		})
	}
}

// TestBadAnswers: they end the login before they reach PAM, on both sides.
func TestBadAnswers(t *testing.T) {
	for _, bad := range []string{"secret\x00x", "\x00", strings.Repeat("a", MaxAnswer+1), strings.Repeat("a", 70000)} {
		reached := false
		given := []byte(bad)
		_, err := converseWith(t, Conversation{User: "ann", Method: CLI, Answer: func(context.Context, Prompt) ([]byte, error) { return given, nil }}, func(conn net.Conn) {
			s := Serve(conn)
			_, _ = s.Request()
			if _, err := s.Ask("Password: ", false); err == nil {
				reached = true
			}
		})
		var r *Refusal
		if !errors.As(err, &r) || r.Class != Auth || reached {
			t.Errorf("%.20q: %v, reached PAM: %v", bad, err, reached)
		}
		if !bytes.Equal(given, make([]byte, len(given))) {
			t.Errorf("%.20q is not overwritten", bad)
		}
		ours, theirs := net.Pipe() // a daemon that does not look
		go func() {
			_, _ = io.CopyN(io.Discard, ours, headerSize+2)
			_, _ = ours.Write(append([]byte{'A', byte(len(bad) >> 8), byte(len(bad))}, bad...))
		}()
		if a, err := Serve(theirs).Ask("? ", false); err == nil {
			t.Errorf("the helper takes %.20q", a)
		}
		ours.Close()
		theirs.Close()
	}
}

func TestHelperGivesUp(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go io.Copy(io.Discard, ours)
	go func() {
		for {
			if _, err := ours.Write([]byte{'A', 0, 1, 'x'}); err != nil {
				return
			}
		}
	}()
	s := Serve(theirs)
	n := 0
	for ; n < 100; n++ { // a module that asks for ever
		if _, err := s.Ask("again? ", false); err != nil {
			break
		}
	}
	if n != MaxPrompts {
		t.Errorf("%d questions", n)
	}
	for range 1000 { // and one that talks for ever
		if err := s.Tell(strings.Repeat("bla", 1000), true); err != nil {
			t.Fatal(err)
		}
	}
	theirs.Close()
}

// TestErrorsOfTheDoor: what the door says, what the caller's context says and what is
// not there are told apart.
func TestErrorsOfTheDoor(t *testing.T) {
	socket := t.TempDir() + "/pam"
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				s := Serve(conn)
				if r, err := s.Request(); err == nil && r.Check {
					_ = s.Report([]Probe{{"network", true, "none"}})
					return
				}
				_, _ = s.Ask("Password: ", false)
				_, _ = s.Ask("Code: ", false)
			}()
		}
	}()
	p := &PAM{Socket: socket}
	gone := errors.New("the client has left")
	_, err = p.Converse(context.Background(), Conversation{User: "ann", Method: CLI, Answer: func(context.Context, Prompt) ([]byte, error) { return nil, gone }})
	if !errors.Is(err, gone) || errors.Is(err, ErrUnavailable) {
		t.Errorf("the door's error: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = p.Converse(ctx, Conversation{User: "ann", Method: CLI, Answer: func(context.Context, Prompt) ([]byte, error) { cancel(); return []byte("x"), nil }})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
		t.Errorf("a cancelled one: %v", err)
	}
	if probes, err := p.Check(context.Background()); err != nil || len(probes) != 1 || probes[0].Name != "network" {
		t.Errorf("check: %v, %v", probes, err)
	}
	l.Close()
	_, err = p.Converse(context.Background(), Conversation{User: "ann", Method: CLI, Answer: typed("x")})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "nso-pam.socket") {
		t.Errorf("without a socket: %v", err)
	}
}
