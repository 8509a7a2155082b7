// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"nso.example/nso/config"
	"nso.example/nso/internal/portowner"
	"nso.example/nso/units"
)

func configuration(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("nso.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPlan: what a reload says before it does it.
func TestPlan(t *testing.T) {
	const open = "[listen.netconf-tcp]\nenabled = true\n"
	for _, tc := range []struct {
		name, old, new string // old "-": nothing is in force
		lines, listen  string
		restart        []string
	}{
		{"nothing", open, open, "nothing has changed", "", nil},
		{"opens", "", open, "the door netconf-tcp opens at 127.0.0.1:2023", "127.0.0.1:2023", nil},
		{"closes", open, "", "the door netconf-tcp closes", "", nil},
		{"moves", open, open + "address = [\"127.0.0.1:830\", \"[::1]:830\"]\n",
			"the door netconf-tcp moves from 127.0.0.1:2023 to 127.0.0.1:830 and [::1]:830", "127.0.0.1:830 and [::1]:830", nil},
		{"moves while closed", "", "[listen.netconf-tcp]\naddress = \"127.0.0.1:830\"\n", "", "", nil},
		{"settings", "", "[log]\nlevel = \"debug\"\n[limits]\nsessions = 100\n[access]\nadmins = [\"ann\"]\n",
			"access.admins: [\"root\"] -> [\"ann\"]; it counts when a database is made: change the groups below /nacm instead|" +
				"limits.sessions: 1024 -> 100; with the next start only: systemctl restart nso.service|" +
				"log.level: \"info\" -> \"debug\"", "", []string{"access.admins", "limits.sessions"}},
		{"socket", "", "[ipc]\ngroup = \"netops\"\n", "ipc.group: \"nso-users\" -> \"netops\"; the daemon is started again, and its sessions end", "", nil},
		{"broken before", "-", open, "nothing was in force: nso.toml was broken when the system started|the door netconf-tcp opens at 127.0.0.1:2023", "127.0.0.1:2023", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var old *config.Config
			if tc.old != "-" {
				old = configuration(t, tc.old)
			}
			p, err := plan(old, configuration(t, tc.new))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.lines, "|"); tc.lines != "" && got != tc.lines {
				t.Errorf("said\n%s\nwanted\n%s", got, tc.lines)
			}
			var listen []string
			for _, d := range p.listen {
				listen = append(listen, joined(d.addresses))
			}
			if got := strings.Join(listen, " and "); got != tc.listen {
				t.Errorf("listens at %q, wanted %q", got, tc.listen)
			}
			if !slices.Equal(p.NeedRestart, tc.restart) {
				t.Errorf("needs a restart for %q", p.NeedRestart)
			}
		})
	}
	if _, err := plan(nil, configuration(t, "[ipc]\npath = \"/tmp/ipc\"\n")); err == nil || !strings.Contains(err.Error(), "cannot use ipc.path under systemd") {
		t.Errorf("a socket below /tmp: %v", err)
	}
}

func TestClashes(t *testing.T) {
	a, ours := netip.MustParseAddrPort("0.0.0.0:830"), netip.MustParseAddrPort("127.0.0.1:830")
	find := func(wanted ...netip.AddrPort) ([]portowner.Owner, error) {
		return []portowner.Owner{
			{Wanted: a, Bound: ours, UID: 0},
			{Wanted: a, Bound: netip.MustParseAddrPort("192.0.2.1:830"), Processes: []portowner.Process{{PID: 77, Program: "netopeer2-server"}}},
		}, nil
	}
	err := clashes([]door{{"netconf-ssh", []netip.AddrPort{a}}}, []netip.AddrPort{ours}, find)
	const want = "cannot open the door netconf-ssh at 0.0.0.0:830: netopeer2-server (pid 77) listens at 192.0.2.1:830; end it, or change listen.netconf-ssh.address in nso.toml"
	if err == nil || err.Error() != want {
		t.Errorf("said %v\nwanted %s", err, want)
	}
	if err := clashes(nil, nil, find); err != nil {
		t.Errorf("no door, and %v", err)
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"org.freedesktop.DBus.Error.AccessDenied":                     "sudo nso reload",
		"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": "sudo nso reload",
		"org.freedesktop.systemd1.NoSuchUnit":                         "systemctl daemon-reload",
		"org.freedesktop.DBus.Error.NoReply":                          "cannot start nso-apply.service",
	} {
		if err := refused(dbus.Error{Name: name, Body: []any{"No."}}); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := refused(errors.New("x")); !strings.HasPrefix(err.Error(), "cannot start nso-apply.service: ") {
		t.Error(err)
	}
}

func TestUnits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nso.toml")
	if err := os.WriteFile(file, []byte("[listen.netconf-tcp]\nenabled = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := try(t, "units", "--config", file)
	for _, want := range []string{
		"# /usr/lib/systemd/system/nso.service\n",
		"# /run/systemd/generator/nso-listen@netconf-tcp.socket.d/50-nso.conf\n",
		"\nListenStream=127.0.0.1:2023\n",
		"# /run/systemd/generator/nso.socket.wants/nso-listen@netconf-tcp.socket\n-> /usr/lib/systemd/system/nso-listen@.socket\n",
	} {
		if got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("status %d, %s; no %q", got.status, got.err, want)
		}
	}
	if err := os.WriteFile(file, []byte("[listen.netconf-tcp]\nenable = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := try(t, "units", "--config", file); got.status != 1 || !strings.Contains(got.err, "nso.toml:2: cannot use the key") {
		t.Errorf("status %d, %s", got.status, got.err)
	}
}

// TestDifferences: what is missing, different and left over on a machine.
func TestDifferences(t *testing.T) {
	root := t.TempDir()
	put := func(path, content string) {
		t.Helper()
		p := root + path
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	door := units.Generated + "/nso-listen@cli-ssh.socket.d/50-nso.conf"
	link := units.Generated + "/nso.socket.wants/nso-listen@cli-ssh.socket"
	put(door, "old\n")
	put(link, "-> /target")
	put(units.Generated+"/nso-listen@ipc-tcp.socket.d/50-nso.conf", "left over\n")
	put(units.Generated+"/ssh.socket.d/x.conf", "somebody else's\n")
	wanted := map[string]string{door: "new\n", link: "-> /target\n", units.Shipped + "/nso.socket": "missing\n"}
	there, err := onThisMachine(root, wanted)
	if err != nil {
		t.Fatal(err)
	}
	got := string(differences(there, wanted))
	for _, want := range []string{"-old\n+new\n", "+missing\n", "-left over\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, never := range []string{"target", "somebody"} {
		if strings.Contains(got, never) {
			t.Errorf("%q in\n%s", never, got)
		}
	}
	if got := differences(wanted, wanted); len(got) != 0 {
		t.Errorf("equal ones differ:\n%s", got)
	}
}
