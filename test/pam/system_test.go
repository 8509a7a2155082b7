// SPDX-License-Identifier: Apache-2.0

// Package pam logs in through nso-pam on booted systems, with the modules that sites
// use, under the units as they are shipped.
package pam

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/helper"
	"nso.example/nso/test/bed"
	"nso.example/nso/test/instance"
)

// secret is ann's password. It must not appear in the journal.
const secret = "Geheim-47-Wort"

// system is a booted system with nso-pam.socket listening.
type system struct {
	*bed.Box
	t *testing.T
}

// TestPAM logs in on one booted system of each release. What a step changes, the next
// one does not find.
func TestPAM(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			s := install(t, suite)
			for _, step := range []struct {
				name string
				f    func(*testing.T, *system)
			}{
				{"pam_faillock from a fresh boot", lockedOut},
				{"accounts", accounts},
				{"peers", peers},
				{"a hostile daemon", hostileDaemon},
				{"hostile modules", hostileModules},
				{"killed", killed},
				{"crashes in a row", crashes},
				{"a storm of connections", storm},
				{"a hostile source", hostileSource},
				{"the process", process},
				{"the password in memory", memory},
				{"the sandbox", sandboxed},
				{"exposure", exposure},
				{"one-time codes", oneTimeCodes},
				{"RADIUS", radius},
				{"figures", figures},
				{"a directory", directory},
			} {
				t.Run(step.name, func(t *testing.T) {
					s.Step(t, func() {
						s := &system{s.Box, t}
						s.fresh()
						step.f(t, s)
					})
				})
			}
		})
	}
}

// fresh puts back what the steps change.
func (s *system) fresh() {
	s.t.Helper()
	root, err := instance.Root()
	if err != nil {
		s.t.Fatal(err)
	}
	s.Copy(filepath.Join(root, "packaging", "deb", "pam-nso"), "/etc/pam.d/nso", 0o644)
	s.Run("chmod", "0640", "/etc/shadow")
	s.noDropIns()
	s.Run("systemctl", "restart", "nso-pam.socket")
}

// install puts in a booted system what the package nso-pam would, and users.
func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite), t}
	root, err := instance.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nso-pam", "nso-nss"} {
		path, err := instance.Bin(name)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(path, "--version").CombinedOutput(); err != nil {
			t.Fatalf("%s", out) // built without cgo
		}
		s.Copy(path, "/usr/libexec/nso/"+name, 0o755)
	}
	client := filepath.Join(t.TempDir(), "pamlogin")
	build := exec.Command("go", "build", "-o", client, "nso.example/nso/test/pam/pamlogin")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.Copy(client, "/usr/bin/pamlogin", 0o755)
	for _, unit := range []string{"nso-pam.socket", "nso-pam@.service", "nso-helpers.slice", "nso-nss.socket", "nso-nss.service"} {
		s.Copy(filepath.Join(root, "units", "files", unit), "/usr/lib/systemd/system/"+unit, 0o644)
	}
	s.Copy(filepath.Join(root, "packaging", "deb", "pam-nso"), "/etc/pam.d/nso", 0o644)
	s.Write("/usr/lib/sysusers.d/nso.conf", "u nso - \"nso\" /var/lib/nso\nu nso-nss -\nu nso-pam -\n", 0o644)
	s.Run("systemd-sysusers")
	s.Write("/usr/lib/tmpfiles.d/nso-pam.conf", "d /run/nso 0755 root root -\nd /run/nso/helper 0755 root root -\nd /run/faillock 0755 root root -\n", 0o644)
	s.Run("systemd-tmpfiles", "--create", "nso-pam.conf")
	for _, user := range []string{"ann", "expired", "must", "locked", "empty", "rad"} {
		s.Run("useradd", "--create-home", "--user-group", user)
	}
	s.Write("/root/passwords", "ann:"+secret+"\nexpired:"+secret+"\nmust:"+secret+"\nlocked:"+secret+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords && rm /root/passwords")
	s.Run("usermod", "-aG", "dialout,cdrom", "ann")
	s.Run("chage", "-E", "2020-01-01", "expired")
	s.Run("chage", "-d", "0", "must")
	s.Run("usermod", "-L", "locked")
	s.Run("passwd", "-d", "empty")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "start", "nso-pam.socket")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short", "-t", "nso-pam", "-t", "nso-nss", "-t", "systemd", "-n", "40", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// result is what pamlogin prints of a login.
type result struct {
	OK                     bool
	Class                  helper.Class
	Reason, Outward, Error string
	Verdict                helper.Verdict
	Prompts                []helper.Prompt
	Said                   []helper.Text
	MS                     int64
}

// client runs pamlogin as the daemon's user and decodes what it prints.
func (s *system) client(v any, args ...string) {
	s.t.Helper()
	out := s.As("nso", "pamlogin", args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Fatalf("pamlogin %q: %v\n%s", args, err, out)
	}
}

func (s *system) login(args ...string) (r result) {
	s.t.Helper()
	s.client(&r, args...)
	return r
}

// enters and refused: a login that must do that.
func (s *system) enters(args ...string) result {
	s.t.Helper()
	r := s.login(args...)
	if !r.OK {
		s.t.Errorf("%q cannot log in: %s", args, r.Error)
	}
	return r
}

func (s *system) refused(class helper.Class, args ...string) result {
	s.t.Helper()
	r := s.login(args...)
	if r.OK || r.Class != class {
		s.t.Errorf("%q: ok %t, class %q, not %q: %s", args, r.OK, r.Class, class, r.Error)
	}
	return r
}

func (s *system) hostile(kind string, args ...string) (end string) {
	s.t.Helper()
	s.client(&end, append([]string{"-hostile", kind}, args...)...)
	return end
}

// stack sets the file of the service.
func (s *system) stack(lines ...string) {
	s.t.Helper()
	s.Write("/etc/pam.d/nso", strings.Join(lines, "\n")+"\n", 0o644)
}

// dropIn puts a shipped drop-in in force, with what a test adds to it.
func (s *system) dropIn(name, more string) {
	s.t.Helper()
	root, err := instance.Root()
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "packaging", "pam-dropins", name))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Write("/etc/systemd/system/nso-pam@.service.d/"+name, string(text)+more, 0o644)
	s.Run("systemctl", "daemon-reload")
}

func (s *system) noDropIns() {
	s.t.Helper()
	s.Run("rm", "-rf", "/etc/systemd/system/nso-pam@.service.d")
	s.Run("systemctl", "daemon-reload")
}

// healthy: the socket listens, nothing has failed and nothing is left.
func (s *system) healthy() {
	s.t.Helper()
	s.until("no instance is left", func() bool {
		out := s.Run("systemctl", "list-units", "--all", "--no-legend", "--plain", "nso-pam@*")
		return strings.TrimSpace(out) == ""
	})
	if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
		s.t.Errorf("units have failed:\n%s", out)
	}
	if out := s.Run("systemctl", "show", "-P", "ActiveState", "nso-pam.socket"); strings.TrimSpace(out) != "active" {
		s.t.Errorf("nso-pam.socket is %s", out)
	}
}

func (s *system) until(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: it does not come to that", what)
		}
	}
}

// selfTest is the report of an instance, as root asks for it.
func (s *system) selfTest() (report string, holes int) {
	s.t.Helper()
	out, _ := s.Try("/usr/libexec/nso/nso-pam", "--self-test")
	return out, strings.Count(out, "HOLE")
}
