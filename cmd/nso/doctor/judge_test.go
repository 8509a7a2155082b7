// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// well is a machine without a fault.
func well() *Facts {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &Facts{
		Now: now, Version: "1.0", Caller: "ann",
		Systemd: Systemd{Version: "252.39-1~deb12u1", Booted: true},
		Config:  Config{File: "/run/nso/applied.toml", StateDir: "/var/lib/nso", Path: Path{Name: etc, Exists: true, Mode: 0o640, Owner: "root", Group: "nso"}},
		Units: map[string]Unit{
			"nso.socket":                     {Load: "loaded", Active: "active", File: "enabled"},
			"nso.service":                    {Load: "loaded", Active: "active", Result: "success", PID: 7, Files: 1000, Since: now.Add(-3 * time.Hour)},
			"nso-listen@netconf-tcp.socket":  {Load: "loaded", Active: "active"},
			"nso-listen@netconf-tcp.service": {Load: "loaded", Active: "active"},
		},
		Files: map[string]bool{}, Folders: map[string]error{"/etc/nso/yang": nil},
		IPC:    Path{Name: "/run/nso/ipc", Exists: true, Mode: fs.ModeSocket | 0o660, Owner: "root", Group: "nso-users"},
		Folder: Path{Name: "/run/nso", Exists: true, Mode: fs.ModeDir | 0o755, Owner: "root", Group: "root"},
		Users:  map[string]bool{"nso": true, "nso-users": true}, Members: []string{"ann"}, Group: "nso-users",
		Process: Process{PID: 7, Seen: true, UIDs: []string{"990", "990", "990", "990"}, NoNewPrivs: true, Descriptors: 20},
		Answer:  Answer{Asked: true, Version: "1.0", User: "ann", Admin: true},
		Disk:    Disk{Free: 5 << 30, Size: 10 << 30, FreeNodes: 1 << 20, Node: 1 << 21},
		Doors:   []Door{{Name: "netconf-tcp", Addresses: []string{"127.0.0.1:2023"}}},
	}
}

func TestWell(t *testing.T) {
	r := Judge(well())
	if !r.Healthy {
		t.Error("a machine without a fault is not healthy")
	}
	for _, f := range r.Findings {
		if f.State != On && f.State != Off {
			t.Errorf("%+v", f)
		}
	}
}

func change(name string, f func(*Unit)) func(*Facts) {
	return func(all *Facts) {
		u := all.Units[name]
		f(&u)
		all.Units[name] = u
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func(*Facts)
		area   string
		state  State
		text   string
		remedy string
	}{
		{"no systemd", func(f *Facts) { f.Systemd = Systemd{} }, "systemd", Bad, "not booted with systemd", "nso run"},
		{"old systemd", func(f *Facts) { f.Systemd.Version = "249.11-0ubuntu3" }, "systemd", Bad, "version 249.11", "252"},
		{"no bus", func(f *Facts) { f.Systemd.Version, f.Systemd.Error = "", errors.New("no bus") }, "systemd", Unseen, "no bus", "system bus"},
		{"broken file", func(f *Facts) { f.Config.Error = errors.New("cannot read nso.toml:3: x") }, "config", Bad, "nso.toml:3", "nso check"},
		{"broken edit", func(f *Facts) { f.Config.Edited = errors.New("cannot read nso.toml:3: x") }, "config", Warn, "nso.toml:3", "last good one"},
		{"edit not applied", func(f *Facts) { f.Config.Differs = true }, "config", Warn, "not in force", "nso reload"},
		{"file of another", func(f *Facts) { f.Config.Path.OwnerID, f.Config.Path.Owner = 7, "eve" }, "config", Bad, "belongs to eve", "chown"},
		{"file of all", func(f *Facts) { f.Config.Path.Mode = 0o666 }, "config", Bad, "0666", "chmod 0640"},
		{"file unseen", func(f *Facts) { f.Config.Unseen = true }, "config", Unseen, "may not be read by ann", "root"},
		{"no folder of models", func(f *Facts) { f.Folders["/x"] = errors.New("open /x: no such file") }, "config", Bad, "/x", "yang.path"},
		{"no user", func(f *Facts) { f.Users["nso"] = false }, "accounts", Bad, `"nso"`, "systemd-sysusers"},
		{"no member", func(f *Facts) { f.Members = nil }, "accounts", Warn, "nobody else", "usermod"},
		{"not installed", func(f *Facts) { delete(f.Units, "nso.socket") }, "socket", Bad, "no nso.socket", "install"},
		{"socket off", change("nso.socket", func(u *Unit) { u.Active = "inactive" }), "socket", Bad, "doors are closed", "systemctl start nso.socket"},
		{"socket failed", change("nso.socket", func(u *Unit) { u.Active, u.Result = "failed", "resources" }), "socket", Bad, "resources", "journalctl"},
		{"socket not enabled", change("nso.socket", func(u *Unit) { u.File = "disabled" }), "socket", Warn, "next boot", "enable"},
		{"socket removed", func(f *Facts) { f.IPC.Exists = false }, "socket", Bad, "removed", "restart"},
		{"no socket", func(f *Facts) { f.IPC.Mode = 0o660 }, "socket", Bad, "no socket", "remove"},
		{"open to all", func(f *Facts) { f.IPC.Mode = fs.ModeSocket | 0o666 }, "socket", Bad, "0666", "ipc.mode"},
		{"folder of another", func(f *Facts) { f.Folder.OwnerID = 990 }, "socket", Bad, "another socket", "chown"},
		{"folder open", func(f *Facts) { f.Folder.Mode = fs.ModeDir | 0o777 }, "socket", Bad, "another socket", "chmod"},
		{"daemon failed", change("nso.service", func(u *Unit) { u.Active, u.Result, u.Status = "failed", "exit-code", 1 }), "daemon", Bad, "3 h ago (exit-code, exit status 1)", "journalctl"},
		{"daemon held", change("nso.service", func(u *Unit) { u.Active, u.Result, u.Status = "activating", "exit-code", 1 }), "daemon", Bad, "exit-code", "journalctl"},
		{"daemon idle", change("nso.service", func(u *Unit) { u.Active = "inactive" }), "daemon", Off, "first connection", ""},
		{"root", func(f *Facts) { f.Process.UIDs[0] = "0" }, "daemon", Bad, "runs as root", "User="},
		{"capability", func(f *Facts) { f.Process.Capabilities = true }, "daemon", Bad, "capability", "drop-in"},
		{"privileges", func(f *Facts) { f.Process.NoNewPrivs = false }, "daemon", Bad, "gain", "NoNewPrivileges"},
		{"crashed before", change("nso.service", func(u *Unit) { u.Restarts = 2 }), "daemon", Warn, "2 times", "journalctl"},
		{"may not connect", func(f *Facts) { f.Answer.Error = &fs.PathError{Err: fs.ErrPermission} }, "daemon", Unseen, "ann may not", "usermod"},
		{"hangs", func(f *Facts) { f.Answer.Error = errors.New("deadline exceeded") }, "daemon", Bad, "deadline", "restart"},
		{"old daemon", func(f *Facts) { f.Answer.Version = "0.9" }, "daemon", Warn, "0.9", "restart"},
		{"descriptors", func(f *Facts) { f.Process.Descriptors = 900 }, "limits", Bad, "900 of 1000", "LimitNOFILE"},
		{"door closed", func(f *Facts) { delete(f.Units, "nso-listen@netconf-tcp.socket") }, "door netconf-tcp", Bad, "127.0.0.1:2023 is not open", "systemctl start nso-listen@netconf-tcp.socket"},
		{"door failed", change("nso-listen@netconf-tcp.socket", func(u *Unit) { u.Active = "failed" }), "door netconf-tcp", Bad, "failed", "journalctl"},
		{"door taken", func(f *Facts) { f.Doors[0].Taken = []string{"127.0.0.1:2023 by sshd"} }, "door netconf-tcp", Bad, "by sshd", "listen.netconf-tcp.address"},
		{"hand-over failed", change("nso-listen@netconf-tcp.service", func(u *Unit) { u.Active = "failed" }), "door netconf-tcp", Bad, "handed over", "journalctl"},
		{"door too many", change("nso-listen@cli-ssh.socket", func(u *Unit) { u.Active = "active" }), "doors", Warn, "cli-ssh", "nso reload"},
		{"no PAM service", change("nso-pam.socket", func(u *Unit) { u.Active = "active" }), "login", Bad, PAMService, "nso-pam"},
		{"PAM not started", change("nso-pam.socket", func(u *Unit) { u.Active = "inactive" }), "login", Off, "systemctl enable --now nso-pam.socket", ""},
		{"PAM failed", change("nso-pam.socket", func(u *Unit) { u.Active = "failed" }), "login", Bad, "failed", "journalctl"},
		{"exec on", change("nso-exec@bob.socket", func(u *Unit) { u.Active = "active" }), "exec", On, "nso-exec@bob.socket", ""},
		{"polkit gone", func(f *Facts) { f.Files[PolkitActions] = true }, "polkit", Bad, "refused", "polkitd"},
		{"disk full", func(f *Facts) { f.Disk.Free = 1 << 20 }, "disk", Bad, "1.0 MiB", "make room"},
		{"disk nearly full", func(f *Facts) { f.Disk.Free = 100 << 20 }, "disk", Warn, "100.0 MiB", "make room"},
		{"no inodes", func(f *Facts) { f.Disk.FreeNodes = 3 }, "disk", Bad, "3 files", "make room"},
		{"read-only", func(f *Facts) { f.Disk.ReadOnly = true }, "disk", Bad, "read-only", "writable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := well()
			c.break_(f)
			r := Judge(f)
			if r.Healthy != (c.state != Bad) {
				t.Errorf("healthy: %v", r.Healthy)
			}
			for _, g := range r.Findings {
				if g.Area == c.area && g.State == c.state && strings.Contains(g.Text, c.text) && strings.Contains(g.Remedy, c.remedy) {
					return
				}
			}
			t.Errorf("no finding %q %s %q %q in\n%+v", c.area, c.state, c.text, c.remedy, r.Findings)
		})
	}
}

// Nothing is said to be wrong without a remedy, whatever is wrong at once.
func TestRemedies(t *testing.T) {
	f := well()
	f.Config.Error, f.Members, f.Disk.ReadOnly, f.Users = errors.New("x"), nil, true, nil
	delete(f.Units, "nso.socket")
	for _, g := range Judge(f).Findings {
		if g.State != On && g.State != Off && g.Remedy == "" {
			t.Errorf("no remedy: %+v", g)
		}
	}
}
