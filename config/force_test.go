// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestInForce(t *testing.T) {
	const good, other, broken = "[log]\nlevel = \"debug\"\n", "[log]\nlevel = \"error\"\n", "[log]\nlevle = 1\n"
	for _, tc := range []struct{ name, applied, file, from, err string }{
		{"edited since", good, other, "applied.toml", ""},
		{"a broken edit", good, broken, "applied.toml", ""},
		{"the edit is gone", good, "", "applied.toml", ""},
		{"first start", "", good, "nso.toml", ""},
		{"mended after a start with a broken file", broken, good, "nso.toml", ""},
		{"broken at the start", broken, broken, "", "nso.toml:2: cannot use the key"},
		{"nothing", "", "", "", "nso.toml: no such file"},
		{"applied by somebody else", "writable " + good, other, "nso.toml", ""},
		{"written by somebody else", "", "writable " + good, "", "nso.toml: cannot use this file: its mode"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"applied.toml": tc.applied, "nso.toml": tc.file} {
				mode := os.FileMode(0o640)
				if rest, ok := strings.CutPrefix(text, "writable "); ok {
					text, mode = rest, 0o666
				}
				if text == "" {
					continue
				}
				p := filepath.Join(dir, name)
				if err := os.WriteFile(p, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(p, mode); err != nil {
					t.Fatal(err)
				}
			}
			// Whoever runs the test is root here.
			accept := func(info fs.FileInfo) error {
				if os.Getuid() != 0 && info.Mode().Perm()&0o022 == 0 {
					return nil
				}
				return rooted(info)
			}
			c, from, err := inForce(filepath.Join(dir, "applied.toml"), filepath.Join(dir, "nso.toml"), accept)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("the error is %v, wanted %q", err, tc.err)
				}
				return
			}
			if err != nil || filepath.Base(from) != tc.from {
				t.Fatalf("in force is %s, %v; wanted %s", from, err, tc.from)
			}
			if (c.Log.Level == "debug") != (tc.from == "applied.toml" || tc.file == good) {
				t.Errorf("the level is %s", c.Log.Level)
			}
		})
	}
}

// TestInForceUnreadable: who may not read what is in force is not told something
// else.
func TestInForceUnreadable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nso.toml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(string) error{
		"a folder":  func(p string) error { return os.Mkdir(p, 0o700) },
		"a loop":    func(p string) error { return os.Symlink("loop", p) },
		"no folder": func(p string) error { return os.WriteFile(filepath.Dir(p)+"/x", nil, 0o600) },
	} {
		applied := filepath.Join(t.TempDir(), "loop")
		if err := make(applied); err != nil {
			t.Fatal(err)
		}
		_, from, err := inForce(applied, file, func(fs.FileInfo) error { return nil })
		if name == "no folder" {
			if err != nil || from != file {
				t.Errorf("%s: %s, %v", name, from, err)
			}
		} else if err == nil {
			t.Errorf("%s is taken for absent", name)
		}
	}
}

func TestRooted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to give a file away")
	}
	p := filepath.Join(t.TempDir(), "nso.toml")
	if err := os.WriteFile(p, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Edited(p); err != nil {
		t.Error(err)
	}
	if err := os.Chown(p, 1234, 0); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := Edited(p); !errors.As(err, &e) || !strings.Contains(err.Error(), "it is not root's") {
		t.Errorf("a file of uid 1234 is used: %v", err)
	}
}

func TestChanges(t *testing.T) {
	old, new := Default(), Default()
	if c := Changes(old, new); c != nil {
		t.Errorf("equal ones differ in %v", c)
	}
	new.YANG.Path = []string{"/etc/nso/yang"}
	new.Listen.NETCONFTCP = Door{Enabled: true, Address: Addresses{netip.MustParseAddrPort("[::1]:2023")}}
	new.Access.Admins = []string{"ann"}
	new.Access.Grants = []Grant{{User: "relay", As: []string{"*"}}}
	new.Limits.IdleTimeout = Duration(time.Hour)
	new.Log.Level = "debug"
	want := []Change{
		{"yang.path", `[]`, `["/etc/nso/yang"]`, TakesRestart},
		{"listen.netconf-tcp.enabled", `false`, `true`, TakesSockets},
		{"listen.netconf-tcp.address", `"127.0.0.1:2023"`, `"[::1]:2023"`, TakesSockets},
		{"access.admins", `["root"]`, `["ann"]`, TakesDatabase},
		{"access.grant", `[]`, `[{user = "relay", as = ["*"]}]`, TakesReload},
		{"limits.idle-timeout", `"0s"`, `"1h"`, TakesRestart},
		{"log.level", `"info"`, `"debug"`, TakesReload},
	}
	if got := Changes(old, new); !reflect.DeepEqual(got, want) {
		t.Errorf("changes are\n%+v\nwanted\n%+v", got, want)
	}
}

func TestEveryKeyTakesSomething(t *testing.T) {
	for _, f := range Describe() {
		switch f.Takes {
		case TakesReload, TakesSockets, TakesRestart, TakesDatabase:
		default:
			t.Errorf("%s: what a change takes is %q", f.Key, f.Takes)
		}
	}
}
