// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/mediate"
)

// accounts are those of a small system.
type accounts map[string]uint32

func (a accounts) ByName(_ context.Context, name string) (ident.Account, error) {
	uid, ok := a[name]
	if !ok {
		return ident.Account{}, fmt.Errorf("cannot find the account of %q: %w", name, ident.ErrNoAccount)
	}
	return ident.Account{Name: name, UID: uid}, nil
}

// way notes what it is asked; it says no to what is called no, and thinks for ever
// about what is called slow.
type way struct {
	mu      sync.Mutex
	started []string
	ended   chan error
}

func (w *way) Start(_ context.Context, t mediate.Target) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started = append(w.started, t.Unit())
	return nil
}

func (w *way) Authorize(ctx context.Context, c mediate.Command) error {
	switch c.Rule {
	case "no":
		return errors.New("no")
	case "slow":
		<-ctx.Done()
		w.ended <- ctx.Err()
		return ctx.Err()
	}
	return nil
}

func begin(t *testing.T, o Options) (mediate.Client, <-chan error, context.CancelFunc) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, o) }()
	t.Cleanup(cancel)
	return mediate.Client{Path: path}, ended, cancel
}

func TestServe(t *testing.T) {
	w := &way{ended: make(chan error, 1)}
	c, ended, cancel := begin(t, Options{Daemon: uint32(os.Geteuid()), Way: w, Log: slog.New(slog.DiscardHandler),
		Accounts: accounts{"ann": 1000, "toor": 0, "daemon": 1, "polkitd": 998, "nobody": 65534}})
	for _, tc := range []struct {
		target mediate.Target
		want   string
	}{
		{mediate.Target{Kind: mediate.Exec, User: "ann"}, ""}, {mediate.Target{Kind: mediate.Pty, User: "nso-cmd"}, ""}, {mediate.Target{Kind: mediate.PAM}, ""},
		{mediate.Target{Kind: mediate.Exec, User: "toor"}, "account of a service"}, {mediate.Target{Kind: mediate.Exec, User: "daemon"}, "account of a service"},
		{mediate.Target{Kind: mediate.Exec, User: "polkitd"}, "systemctl enable --now nso-exec@polkitd.socket"},
		{mediate.Target{Kind: mediate.Pty, User: "nobody"}, "account of a service"}, {mediate.Target{Kind: mediate.Exec, User: "eve"}, "cannot find the account"},
	} {
		err := c.Start(t.Context(), tc.target)
		var refusal *mediate.Refusal
		if tc.want == "" && err != nil || tc.want != "" && (!errors.As(err, &refusal) || !strings.Contains(refusal.Reason, tc.want)) {
			t.Errorf("%v: error is %v", tc.target, err)
		}
	}
	if got := strings.Join(w.started, " "); got != "nso-exec@ann.socket nso-pty@nso-cmd.socket nso-pam.socket" {
		t.Errorf("started is %s", got)
	}
	cmd := mediate.Command{Rule: "yes", Program: "/usr/bin/true", RunAs: "ann", User: "bob", Door: "ipc", Source: "pid 1"}
	if err := c.Authorize(t.Context(), cmd); err != nil {
		t.Error(err)
	}
	if cmd.Rule = "no"; c.Authorize(t.Context(), cmd) == nil {
		t.Error("a no is a yes")
	}
	// Who leaves is not asked about any longer.
	cmd.Rule = "slow"
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	if err := c.Authorize(ctx, cmd); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if err := <-w.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the question ended with %v", err)
	}
	// What is no request gets a reason, and nothing is done.
	conn, err := net.Dial("unix", c.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, `{"v":1,"start":{"kind":"exec","user":"root"}}`)
	said := make([]byte, 1000)
	n, _ := conn.Read(said)
	if !strings.Contains(string(said[:n]), `"ok":false`) || len(w.started) != 3 {
		t.Errorf("it said %s", said[:n])
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStranger: only the daemon's user hears anything (row 5).
func TestStranger(t *testing.T) {
	w := &way{}
	c, _, _ := begin(t, Options{Daemon: uint32(os.Geteuid()) + 1, Way: w, Log: slog.New(slog.DiscardHandler), Accounts: accounts{"ann": 1000}})
	err := c.Start(t.Context(), mediate.Target{Kind: mediate.Exec, User: "ann"})
	var refusal *mediate.Refusal
	if err == nil || errors.As(err, &refusal) || len(w.started) > 0 {
		t.Errorf("error is %v, started %v", err, w.started)
	}
}

// TestIdle: nobody asks, and it ends; systemd has the socket.
func TestIdle(t *testing.T) {
	_, ended, _ := begin(t, Options{Daemon: uint32(os.Geteuid()), Way: &way{}, Log: slog.New(slog.DiscardHandler), Idle: 10 * time.Millisecond})
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
