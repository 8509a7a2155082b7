// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"nso.example/nso/config"
)

// TestReload: what changes at once, what is named for a restart, and what a broken
// file does: nothing.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nso.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[yang]\npath = [\"/a /b\"]\n")
	conf, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	h := &House{opts: Options{Load: func() (*config.Config, error) { return config.Load(file) }, Level: level}, conf: conf, log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		text             string
		changed, restart []string
	}{
		{"[yang]\npath = [\"/a /b\"]\n", nil, nil},
		{"[yang]\npath = [\"/a\", \"/b\"]\n", nil, []string{"yang"}},
		{"[yang]\npath = [\"/a /b\"]\n[log]\nlevel = \"debug\"\n", []string{"log.level"}, nil},
		{"[yang]\npath = [\"/a /b\"]\n[log]\nlevel = \"debug\"\n[limits]\nsessions = 99\n[netconf.tcp]\nallow-root = true\n",
			[]string{"netconf.tcp, access.grant"}, []string{"limits"}},
		// What waits for a restart is named until then.
		{"[yang]\npath = [\"/a /b\"]\n[log]\nlevel = \"debug\"\n[limits]\nsessions = 99\n[netconf.tcp]\nallow-root = true\n", nil, []string{"limits"}},
		// No restart makes these count: the operator is told where to go.
		{"[yang]\npath = [\"/a /b\"]\n[log]\nlevel = \"debug\"\n[netconf.tcp]\nallow-root = true\n[access]\nadmins = [\"alice\"]\n", nil,
			[]string{"access.admins, which counts when a database is made: change the groups below /nacm instead"}},
	} {
		write(c.text)
		changed, restart, err := h.Reload(context.Background())
		if err != nil || !slices.Equal(changed, c.changed) || !slices.Equal(restart, c.restart) {
			t.Errorf("%q: changed %v, restart %v, %v", c.text, changed, restart, err)
		}
	}
	if level.Level() != slog.LevelDebug || !h.policy.Load().AllowRoot {
		t.Error("what was changed does not count")
	}
	write("[log]\nlevel = \"loud\"\n")
	if _, _, err := h.Reload(context.Background()); err == nil || level.Level() != slog.LevelDebug || !h.policy.Load().AllowRoot {
		t.Errorf("a broken file: %v", err)
	}
}
