// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"embed"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

// secret is everybody's password. It must not appear in the journal.
const secret = "Geheim-47-Wort"

//go:embed testdata
var testdata embed.FS

// system is a booted system with nso and nso-pam installed.
type system struct {
	*bed.Box
	t *testing.T
}

// clients are the Debian packages with clients.
var clients = []string{"python3-ncclient", "sshpass", "yangcli"}

// The users: ann is an administrator of nso, bob may do nothing there. guest is whoever
// runs the clients; no account of the daemon's.
var users = []string{"ann", "bob", "guest", "locked", "expired", "stale"}

// install boots a release, installs the packages as a user would, and opens the doors.
func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite, clients...), t}
	for _, user := range users {
		s.Run("useradd", "--create-home", "--user-group", "--shell", "/bin/bash", user)
	}
	s.Write("/root/passwords", strings.Join(users, ":"+secret+"\n")+":"+secret+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords && rm /root/passwords")
	s.Run("usermod", "-L", "locked")
	s.Run("chage", "-E", "2020-01-01", "expired")
	s.Run("chage", "-d", "0", "stale")

	args := []string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "install"}
	for _, name := range []string{"nso", "nso-pam"} {
		found, err := filepath.Glob(filepath.Join(bed.Packages(t, ""), name+"_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("there is no one package %s: %q", name, found)
		}
		to := "/var/cache/" + filepath.Base(found[0])
		s.Copy(found[0], to, 0o644)
		args = append(args, to)
	}
	s.Run("env", args...)
	for _, door := range []string{"netconf-ssh", "cli-ssh"} {
		s.Run("sed", "-i", `/^.listen.`+door+`.$/,/^$/s/^#enabled = false/enabled = true/`, "/etc/nso/nso.toml")
	}
	s.Run("systemctl", "start", "nso-pam.socket")
	s.Run("nso", "reload")
	s.Run("systemctl", "start", "nso.socket")
	s.Run("nso", "cli", "-c", "configure", "-c", "set nacm groups group nso-admin user-name ann", "-c", "commit")
	s.Run("sh", "-ec", `
		mkdir -m 0700 /home/guest/.ssh
		for key in ann other ca; do ssh-keygen -q -t ed25519 -N '' -f /home/guest/.ssh/$key; done
		chown -R guest:guest /home/guest/.ssh`)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short-monotonic", "-u", "nso*", "-u", "ssh*", "-n", "100", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// answer is how a program ended.
type answer struct {
	out string // standard error included
	err error
}

// client runs a program in the box as guest, with a little environment and input.
func (s *system) client(env []string, input string, program ...string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	args := []string{"--reuid", "guest", "--regid", "guest", "--init-groups", "--", "env", "-C", "/home/guest", "HOME=/home/guest"}
	cmd := s.Command(ctx, "setpriv", append(append(args, env...), program...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer{string(out), err}
}

// in: it must have succeeded, and said all of parts.
func (s *system) in(what string, a answer, parts ...string) {
	s.t.Helper()
	if a.err != nil {
		s.t.Errorf("%s: %v\n%s", what, a.err, a.out)
		return
	}
	s.holds(what, a.out, parts...)
}

// out: it must have failed, by itself, and said all of parts.
func (s *system) out(what string, a answer, parts ...string) {
	s.t.Helper()
	if _, ok := a.err.(*exec.ExitError); !ok {
		s.t.Errorf("%s: was not refused: %v\n%s", what, a.err, a.out)
		return
	}
	s.holds(what, a.out, parts...)
}

func (s *system) holds(what, text string, parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			s.t.Errorf("%s: there is no %q in:\n%s", what, p, text)
		}
	}
}

// mark and since: what the journal has after a moment.
func (s *system) mark() string {
	out := s.Run("journalctl", "-b", "--no-pager", "-n", "1", "--show-cursor", "-o", "cat")
	_, cursor, _ := strings.Cut(out, "-- cursor: ")
	return strings.TrimSpace(cursor)
}

func (s *system) since(mark string) string {
	s.Run("journalctl", "--sync")
	return s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "--after-cursor="+mark)
}

// unfailed: no unit has failed.
func (s *system) unfailed() {
	s.t.Helper()
	if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
		s.t.Errorf("units have failed:\n%s", out)
	}
}
