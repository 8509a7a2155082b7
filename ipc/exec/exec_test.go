// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mediate"
	"nso.example/nso/mgmt"
)

const rules = `[rule.greet]
description = "say it back"
program = "/usr/bin/cat"
arguments = ["-n", "--", "{word}"]
run-as = "nso-cmd"
users = ["reader"]
[rule.greet.argument.word]
type = "string"
optional = true
[rule.greet.argument.key]
type = "string"
secret = true
optional = true

[rule.own]
program = "/usr/bin/id"
run-as = "caller"
users = ["*"]

[rule.asked]
program = "/usr/bin/id"
run-as = "nso-cmd"
users = ["reader"]
authorize = true

[rule.screen]
program = "/usr/bin/top"
run-as = "nso-cmd"
users = ["reader"]
terminal = true
`

// unit is nso-exec as the daemon sees it: what it was asked, and a command that says
// back what it is told.
type unit struct{ asked chan wire.Request }

func (u *unit) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			s := wire.Serve(conn)
			defer s.Close()
			r, _, err := s.Request()
			if err != nil {
				return
			}
			u.asked <- r
			_ = s.Started(wire.Started{PID: 4711})
			_ = s.Credit(wire.Credit)
			n, status := uint64(0), 7
			for r.Rule == "own" { // more than anybody reads
				if s.Output(wire.Output, make([]byte, wire.HeaderSize+wire.MaxOutput)) != nil {
					return
				}
			}
			for {
				f, err := s.Next()
				if err != nil {
					return
				}
				switch f.Kind {
				case wire.Input:
					n += uint64(len(f.Data))
					_ = s.Output(wire.Output, append(make([]byte, wire.HeaderSize), f.Data...))
				case wire.EndOfInput:
					_ = s.End(wire.End{Exit: &status, Output: n})
					return
				}
			}
		}()
	}
}

type bench struct {
	*ipctest.Bench
	unit   *unit
	socket string
	asks   chan mediate.Request
	answer chan error
}

// start serves the interface; the mediator is there if mediated.
func start(t *testing.T, mediated bool) *bench {
	dir := t.TempDir()
	text := strings.Replace(rules, `"--", "{word}"`, `"--key={key}", "--", "{word}"`, 1)
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules", "a.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &bench{unit: &unit{make(chan wire.Request, 8)}, socket: filepath.Join(dir, "exec"), asks: make(chan mediate.Request, 8), answer: make(chan error, 8)}
	o := Options{
		Rules:     &folder.Folder{Path: filepath.Join(dir, "rules"), Owner: uint32(os.Getuid())},
		RootRules: &folder.Folder{Path: filepath.Join(dir, "none"), Owner: uint32(os.Getuid())},
		Socket:    func(string, bool) string { return b.socket },
		Mediator:  mediate.Client{Path: filepath.Join(dir, "mediate")},
		IPCPath:   "/run/nso/ipc",
	}
	if mediated {
		l, err := net.Listen("unix", o.Mediator.Path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				r, err := mediate.ReadRequest(conn)
				if err == nil {
					b.asks <- r
					err = <-b.answer
				}
				_ = mediate.WriteReply(conn, err)
				conn.Close()
			}
		}()
	}
	b.Bench = ipctest.Start(t, ipctest.Schema(t), func(s *mgmt.Server) []varlink.Interface { return []varlink.Interface{New(s, o)} })
	return b
}

// listen has the unit's socket listen.
func (b *bench) listen() {
	b.T.Helper()
	l, err := net.Listen("unix", b.socket)
	if err != nil {
		b.T.Fatal(err)
	}
	b.T.Cleanup(func() { l.Close() })
	go b.unit.serve(l)
}

func (b *bench) run(user string, r wire.Request) (*wire.Command, error) {
	b.T.Helper()
	conn, err := b.Dial(user).OpenExec(b.T.Context())
	if err != nil {
		b.T.Fatal(err)
	}
	return wire.Over(b.T.Context(), conn, r, nil)
}

func (b *bench) refused(user string, r wire.Request, class wire.Class, words string) {
	b.T.Helper()
	_, err := b.run(user, r)
	var refusal *wire.Refusal
	if !errors.As(err, &refusal) || refusal.Class != class || !strings.Contains(refusal.Reason, words) {
		b.T.Errorf("%s, %s: error is %v", user, r.Rule, err)
	}
}

// TestRun: the daemon says who asks, passes on what is said, and writes it down without
// what is secret.
func TestRun(t *testing.T) {
	b := start(t, false)
	b.listen()
	cmd, err := b.run("reader", wire.Request{Rule: "greet", Values: map[string][]string{"word": {"hello"}, "key": {"Geheim-11"}}, Input: true})
	if err != nil {
		t.Fatal(err)
	}
	asked := <-b.unit.asked
	actor := ipctest.Actor("reader")
	if asked.User != "reader" || asked.UID != actor.Peer.UID || asked.Session == "" || asked.IPCPath != "/run/nso/ipc" || asked.Values["word"][0] != "hello" {
		t.Errorf("nso-exec was asked %+v", asked)
	}
	if n := len(b.Mgmt.List()); n != 1 || b.Mgmt.List()[0].Transport != Transport {
		t.Errorf("there are %d sessions", n)
	}
	sent := bytes.Repeat([]byte("line\n"), 1<<16) // more than there is credit for without the unit
	go func() {
		_, _ = cmd.Write(sent[:wire.Credit])
		_ = cmd.CloseInput()
	}()
	var out bytes.Buffer
	end, err := cmd.Wait(&out, &out)
	if err != nil || end.Exit == nil || *end.Exit != 7 || !bytes.Equal(out.Bytes(), sent[:wire.Credit]) {
		t.Errorf("the end is %v, %v, after %d bytes", end, err, out.Len())
	}
	for end := time.Now().Add(5 * time.Second); len(b.Mgmt.List()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session of the command is there still")
		}
	}
	log := b.Log()
	for _, want := range []string{"command started", "command ended", "exit status 7", "runas=nso-cmd", "--key=***", "child=4711"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, "Geheim-11") {
		t.Error("the log has the secret")
	}
}

// TestRefusals: what is not allowed is not asked of nso-exec; what one may not know of
// is not there.
func TestRefusals(t *testing.T) {
	b := start(t, false)
	b.listen()
	b.refused("porter", wire.Request{Rule: "greet"}, wire.NoRule, "no rule")
	b.refused("porter", wire.Request{Rule: "nothing"}, wire.NoRule, "no rule")
	b.refused("reader", wire.Request{Rule: "greet", Values: map[string][]string{"word": {"-rf"}, "evil": {"x"}}}, wire.BadArgument, "no such argument")
	b.refused("reader", wire.Request{Rule: "greet", User: "admin"}, wire.BadRequest, "who asks")
	b.refused("reader", wire.Request{Rule: "greet", UID: 7}, wire.BadRequest, "who asks")
	b.refused("reader", wire.Request{Rule: "screen"}, wire.BadRequest, "takes a terminal")
	b.refused("reader", wire.Request{Rule: "asked"}, wire.Denied, "there is no mediator")
	if len(b.unit.asked) != 0 {
		t.Errorf("nso-exec was asked %+v", <-b.unit.asked)
	}
	if log := b.Log(); strings.Count(log, "command refused") != 7 || !strings.Contains(log, "names neither the user porter") {
		t.Errorf("the log has:\n%s", log)
	}
}

// TestMediated: the unit is started where it is not there, and polkit asked where the
// rule says so.
func TestMediated(t *testing.T) {
	b := start(t, true)
	b.answer <- errors.New("not today")
	b.refused("reader", wire.Request{Rule: "own"}, wire.Unavailable, "not today")
	if r := <-b.asks; r.Start == nil || *r.Start != (mediate.Target{Kind: mediate.Exec, User: "reader"}) {
		t.Errorf("the mediator was asked %+v", r)
	}
	b.answer <- nil
	b.refused("reader", wire.Request{Rule: "own"}, wire.Unavailable, "nso-exec") // it said yes, and did nothing
	<-b.asks
	b.listen()
	b.answer <- errors.New("no")
	b.refused("reader", wire.Request{Rule: "asked"}, wire.Denied, "no")
	if r := <-b.asks; r.Run == nil || r.Run.Rule != "asked" || r.Run.RunAs != "nso-cmd" || r.Run.User != "reader" {
		t.Errorf("the mediator was asked %+v", r.Run)
	}
	b.answer <- nil
	cmd, err := b.run("reader", wire.Request{Rule: "asked"})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Close()
	<-b.asks
}

// TestEnds: who ends the session ends the command, and so does the client.
func TestEnds(t *testing.T) {
	b := start(t, false)
	b.listen()
	cmd, err := b.run("reader", wire.Request{Rule: "greet", Input: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Mgmt.Kick(b.Mgmt.List()[0].ID, "enough"); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Wait(new(bytes.Buffer), new(bytes.Buffer)); err == nil {
		t.Error("the command goes on")
	}
	cmd, err = b.run("reader", wire.Request{Rule: "greet", Input: true})
	if err != nil {
		t.Fatal(err)
	}
	cmd.Close()
	for end := time.Now().Add(5 * time.Second); len(b.Mgmt.List()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session of a command is there still")
		}
	}
	if !strings.Contains(b.Log(), "enough") {
		t.Errorf("the log does not say why:\n%s", b.Log())
	}
}

// TestDeaf: a client that reads nothing keeps no session that was ended.
func TestDeaf(t *testing.T) {
	b := start(t, false)
	b.listen()
	cmd, err := b.run("reader", wire.Request{Rule: "own"})
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Close()
	time.Sleep(300 * time.Millisecond) // until what is between them is full
	if err := b.Mgmt.Kick(b.Mgmt.List()[0].ID, "enough"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); len(b.Varlink.Conns()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its connection is there still")
		}
	}
}

// TestList: everybody sees what he may run, and as whom.
func TestList(t *testing.T) {
	b := start(t, false)
	list := func(user string) string {
		var out struct{ Rules []json.RawMessage }
		if err := b.Dial(user).Call(context.Background(), name+".List", nil, &out); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range out.Rules {
			var x struct{ Name, RunAs string }
			if err := json.Unmarshal(r, &x); err != nil {
				t.Fatal(err)
			}
			names = append(names, x.Name+" as "+x.RunAs)
		}
		return strings.Join(names, ", ")
	}
	if got := list("reader"); got != "asked as nso-cmd, greet as nso-cmd, own as reader, screen as nso-cmd" {
		t.Errorf("reader sees %s", got)
	}
	if got := list("porter"); got != "own as porter" {
		t.Errorf("porter sees %s", got)
	}
}
