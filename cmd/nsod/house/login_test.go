// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/config"
)

// TestSources: who has logged in is known to the next daemon, and a file that cannot be
// read keeps nobody out.
func TestSources(t *testing.T) {
	conf := config.Default()
	conf.State.Dir = t.TempDir()
	var log strings.Builder
	next := func() *House {
		h := &House{opts: Options{Config: conf}, log: slog.New(slog.NewTextHandler(&log, nil))}
		var end context.CancelFunc
		h.life, end = context.WithCancel(t.Context())
		t.Cleanup(end)
		h.logins = h.newLogins()
		return h
	}
	file := filepath.Join(conf.State.Dir, "ssh", "sources.json")
	enter := func(h *House, from string) {
		p, err := h.logins.pam.Queue.Enter(t.Context(), netip.MustParseAddr(from))
		if err != nil {
			t.Fatal(err)
		}
		p.Leave(true)
		h.rememberSources()
	}
	h := next()
	if h.rememberSources(); exists(file) {
		t.Error("a file of nobody is written")
	}
	enter(h, "192.0.2.1")
	enter(next(), "2001:db8::1") // which knows the first too
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "192.0.2.1/32") || !strings.Contains(string(text), "2001:db8::/64") {
		t.Errorf("%s, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
	for _, bad := range []string{"half of a fi", strings.Repeat(" ", maxSources+2)} {
		log.Reset()
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		enter(next(), "192.0.2.2")
		if !strings.Contains(log.String(), "cannot read which sources") {
			t.Errorf("the log has %q", log.String())
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
