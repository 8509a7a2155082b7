// SPDX-License-Identifier: Apache-2.0

package mediate

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestTarget: which unit a name becomes part of, and which names never do
// (PRIVSEP rows 18 and 45).
func TestTarget(t *testing.T) {
	for _, tc := range []struct {
		target Target
		want   string // "": refused
	}{
		{Target{Exec, "ann"}, "nso-exec@ann.socket"}, {Target{Pty, "_www-data9"}, "nso-pty@_www-data9.socket"}, {Target{PAM, ""}, "nso-pam.socket"},
		{Target{Exec, strings.Repeat("a", 31)}, "nso-exec@" + strings.Repeat("a", 31) + ".socket"},
		{Target{Exec, strings.Repeat("a", 32)}, ""}, {Target{Exec, ""}, ""}, {Target{PAM, "ann"}, ""}, {Target{"root", "ann"}, ""}, {Target{"", ""}, ""},
		{Target{Exec, "root"}, ""}, {Target{Exec, "0"}, ""}, {Target{Exec, "-1"}, ""}, {Target{Exec, "4294967295"}, ""}, {Target{Exec, "-ann"}, ""},
		{Target{Exec, "ann.socket evil"}, ""}, {Target{Exec, "a/../b"}, ""}, {Target{Exec, `a\x2fb`}, ""}, {Target{Exec, "a@b"}, ""}, {Target{Exec, "Ann"}, ""},
		{Target{Exec, "ann\n"}, ""}, {Target{Exec, "ann\x00"}, ""}, {Target{Exec, "änn"}, ""}, {Target{Exec, "%i"}, ""}, {Target{Exec, "ann$"}, ""}, {Target{Exec, "*"}, ""},
	} {
		err := tc.target.Check()
		switch {
		case (err == nil) != (tc.want != ""):
			t.Errorf("%q: error is %v", tc.target, err)
		case err == nil && tc.target.Unit() != tc.want:
			t.Errorf("%q is %s, not %s", tc.target, tc.target.Unit(), tc.want)
		}
	}
}

func valid() Command {
	return Command{Rule: "backup", Program: "/usr/bin/tar", RunAs: "bob", User: "ann", Door: "cli-ssh", Source: "192.0.2.1:4711"}
}

// TestConversation: what the client sends is what is read, and what is answered is
// what it hears.
func TestConversation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan Request, 1)
	answers := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r, err := ReadRequest(conn)
			if err == nil {
				asked <- r
				err = <-answers
			}
			_ = WriteReply(conn, err)
			conn.Close()
		}
	}()
	c := Client{path}
	answers <- nil
	if err := c.Start(t.Context(), Target{Pty, "ann"}); err != nil {
		t.Fatal(err)
	}
	if r := <-asked; r.Run != nil || *r.Start != (Target{Pty, "ann"}) {
		t.Errorf("it asked for %+v", r)
	}
	answers <- errors.New("not today")
	var refusal *Refusal
	cmd := valid()
	cmd.Process, cmd.UID, cmd.Interactive = 77, 1001, true
	if err := c.Authorize(t.Context(), cmd); !errors.As(err, &refusal) || refusal.Reason != "not today" {
		t.Errorf("error is %v", err)
	}
	if r := <-asked; r.Start != nil || *r.Run != cmd {
		t.Errorf("it asked for %+v", r)
	}
	if err := c.Start(t.Context(), Target{Exec, "root"}); err == nil || !strings.Contains(err.Error(), "nso-exec-root.socket") {
		t.Errorf("error is %v", err)
	}
	if err := (Client{path + "x"}).Start(t.Context(), Target{PAM, ""}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	// Whoever does not wait any more is not kept.
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel(); answers <- nil }()
	if err := c.Start(ctx, Target{Exec, "ann"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// TestBadRequests: what is not a request, and why.
func TestBadRequests(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{``, "unexpected EOF"}, {`{"v":1}`, "unexpected EOF"}, {"{\"v\":1}\n", "one thing"}, {"{}\n", "another version"}, {"[]\n", "cannot unmarshal"},
		{`{"v":2,"start":{"kind":"pam"}}` + "\n", "another version"},
		{`{"v":1,"start":{"kind":"pam"},"x":1}` + "\n", "unknown field"},
		{`{"v":1,"start":{"kind":"pam","unit":"evil.service"}}` + "\n", "unknown field"},
		{`{"v":1,"start":{"kind":"exec","user":"root"}}` + "\n", "root is reached"},
		{`{"v":1,"start":{"kind":"pam"}} {}` + "\n", "something follows"},
		{`{"v":1,"start":{"kind":"pam"},"run":{}}` + "\n", "one thing"},
		{`{"v":1,"run":{"rule":"a\u0000","program":"/b","runAs":"c","user":"d","door":"e","source":"f"}}` + "\n", "a rule that"},
		{`{"v":1,"run":{"rule":"a","program":"/b","runAs":"c","user":"d","door":"e","source":"f","interactive":true}}` + "\n", "not on this machine"},
		{strings.Repeat(" ", MaxRequest) + "\n", "more than"},
	} {
		if _, err := ReadRequest(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.60q: error is %v, not about %q", tc.text, err, tc.want)
		}
	}
}

// FuzzRequest: whatever is read as a request can be said again, and names units of
// the three kinds only.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"v":1,"start":{"kind":"exec","user":"ann"}}` + "\n"))
	f.Add([]byte(`{"v":1,"run":{"rule":"a","program":"/b","runAs":"c","user":"d","door":"e","source":"f","process":1,"uid":2,"interactive":true}}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadRequest(bytes.NewReader(text))
		if err != nil {
			return
		}
		var w request
		w.V = version
		if r.Start != nil {
			v := target(*r.Start)
			w.Start = &v
			unit := r.Start.Unit()
			name, ok := strings.CutSuffix(unit, ".socket")
			if !ok || strings.Count(unit, ".") != 1 || strings.ContainsAny(name, "/\\ %*\n") || !strings.HasPrefix(name, "nso-") {
				t.Errorf("%q is started", unit)
			}
		} else {
			v := command(*r.Run)
			w.Run = &v
		}
		var b bytes.Buffer
		if err := writeLine(&b, w); err != nil {
			t.Fatal(err)
		}
		if b.Len() > MaxRequest {
			return // what was read without escapes can be longer with them
		}
		again, err := ReadRequest(&b)
		if err != nil {
			t.Fatal(err)
		}
		if (again.Start == nil) != (r.Start == nil) || r.Start != nil && *again.Start != *r.Start || r.Run != nil && *again.Run != *r.Run {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}
