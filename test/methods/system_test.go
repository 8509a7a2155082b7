// SPDX-License-Identifier: Apache-2.0

// Package methods logs in by each method of login.methods, and by keys from each place
// where they can be, at a booted system where the packages are installed.
//
// It is tests alone. The client is OpenSSH.
package methods

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

// The passwords. None may appear in the journal or in the database.
const (
	ofSystem   = "Geheim-47-Wort"
	ofData     = "Lokal-11-Wort"
	ofSite     = `Extern;22"]\`
	ofSiteOnce = "Extern 22"
)

//go:embed testdata
var testdata embed.FS

type system struct {
	*bed.Box
	t *testing.T
}

// TestMethods is one booted system; what a step changes, the next one finds.
func TestMethods(t *testing.T) {
	s := install(t, "bookworm")
	for _, step := range []struct {
		name string
		f    func(*system)
	}{
		{"a user of the data", local},
		{"who reads the hashes", hashes},
		{"a key of the data", keyOfTheData},
		{"a user's own keys", ownKeys},
		{"a program of the site, JSON", externalJSON},
		{"a program of the site, classic", externalClassic},
		{"order", order},
		{"two factors", factors},
		{"failures look alike", alike},
		{"no secret is left behind", secrets},
	} {
		t.Run(step.name, func(t *testing.T) { s.Step(t, func() { step.f(&system{s.Box, t}) }) })
	}
}

// install boots, installs the packages as a user would, and opens netconf-ssh.
func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite, "python3-ncclient", "sshpass", "yangcli"), t}
	for _, user := range []string{"ann", "locked", "guest"} {
		s.Run("useradd", "--create-home", "--user-group", "--shell", "/bin/bash", user)
	}
	s.Write("/root/passwords", "ann:"+ofSystem+"\nlocked:"+ofSystem+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords && rm /root/passwords")
	s.Run("usermod", "-L", "locked")
	args := []string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "install"}
	packages := bed.Packages(t, "")
	for _, name := range []string{"nso", "nso-pam", "nso-exec"} {
		found, err := filepath.Glob(filepath.Join(packages, name+"_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("there is no one package %s: %q", name, found)
		}
		to := "/var/cache/" + filepath.Base(found[0])
		s.Copy(found[0], to, 0o644)
		args = append(args, to)
	}
	s.Run("env", args...)
	for _, unit := range []string{"nso-external.socket", "nso-keys@ann.socket"} {
		if out, err := s.Try("systemctl", "is-enabled", unit); err == nil {
			t.Errorf("%s is enabled by the package: %s", unit, out)
		}
	}
	s.Run("sed", "-i", `/^.listen.netconf-ssh.$/,/^$/s/^#enabled = false/enabled = true/;s/^#methods = .*/methods = ["local", "pam"]/;s/^#ssh = .*/ssh = ["publickey", "keyboard-interactive", "password"]/;s/^#external = .*/external = "json"/`, "/etc/nso/nso.toml")
	s.Run("systemctl", "start", "nso-pam.socket")
	s.Run("nso", "reload")
	s.Run("systemctl", "start", "nso.socket")
	s.Run("sh", "-ec", `mkdir -m 0700 /home/guest/.ssh
		for key in ann kira other; do ssh-keygen -q -t ed25519 -N '' -f /home/guest/.ssh/$key; done
		chown -R guest: /home/guest/.ssh`)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short-monotonic", "-u", "nso*", "-n", "120", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// configure commits commands of the CLI as root.
func (s *system) configure(commands ...string) {
	s.t.Helper()
	args := []string{"cli", "-c", "configure"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	s.Run("nso", append(args, "-c", "commit")...)
}

// conf changes a key of nso.toml and restarts the daemon, whom that takes.
func (s *system) conf(key, value string) {
	s.t.Helper()
	s.Run("sed", "-i", "s/^"+key+" = .*/"+key+" = "+value+"/", "/etc/nso/nso.toml")
	s.Run("nso", "reload")
	s.Run("systemctl", "restart", "nso.service")
}

const hello = `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>`

// got is what came of a login.
type got struct {
	in   bool
	out  string
	took time.Duration
	// From the audit: the session, and the attempts that were refused.
	session map[string]string
	by      []string
	reasons []string
}

// password logs in by a password, over the method given.
func (s *system) password(method, user, password, rpc string) got {
	s.t.Helper()
	s.Write("/home/guest/password", password+"\n", 0o644)
	return s.ssh(user, rpc, "sshpass", "-f", "/home/guest/password", "ssh", "-o", "PreferredAuthentications="+method, "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1")
}

func (s *system) key(user, key string) got {
	s.t.Helper()
	return s.ssh(user, "", "ssh", "-i", "/home/guest/.ssh/"+key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "PreferredAuthentications=publickey")
}

// ssh runs OpenSSH as guest for a session with one rpc.
func (s *system) ssh(user, rpc string, program ...string) got {
	s.t.Helper()
	mark := s.mark()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := append([]string{"--reuid", "guest", "--regid", "guest", "--init-groups", "--", "env", "-C", "/home/guest", "HOME=/home/guest"}, program...)
	args = append(args, "-p", "830", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-s", user+"@127.0.0.1", "netconf")
	cmd := s.Command(ctx, "setpriv", args...)
	cmd.Stdin = strings.NewReader(hello + rpc + `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="9"><close-session/></rpc>]]>]]>`)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	g := got{out: string(out), took: time.Since(began)}
	g.in = err == nil && strings.Contains(g.out, "<ok/>")
	for _, record := range s.since(mark) {
		switch record["NSO_EVENT"] {
		case "login":
			g.session = record
		case "authenticated":
			g.by = append(g.by, record["NSO_BY"])
		case "not-authenticated":
			g.reasons = append(g.reasons, record["NSO_REASON"])
		}
	}
	return g
}

func (s *system) mark() string {
	out := s.Run("journalctl", "-b", "--no-pager", "-n", "1", "--show-cursor", "-o", "cat")
	_, cursor, _ := strings.Cut(out, "-- cursor: ")
	return strings.TrimSpace(cursor)
}

// since is what the journal has after a moment. (With a filter, journalctl of systemd 252
// leaves out the first record after a cursor.)
func (s *system) since(mark string) (records []map[string]string) {
	s.Run("journalctl", "--sync")
	for line := range strings.Lines(s.Run("journalctl", "-b", "-o", "json", "--no-pager", "--after-cursor="+mark)) {
		var all map[string]any
		if err := json.Unmarshal([]byte(line), &all); err != nil {
			continue
		}
		record := make(map[string]string)
		for k, v := range all {
			record[k] = fmt.Sprint(v)
		}
		records = append(records, record)
	}
	return records
}

// enters: somebody is in, by whom the audit says, and with that uid; "" is none.
func (s *system) enters(what string, g got, by, uid string) {
	s.t.Helper()
	if !g.in {
		s.t.Errorf("%s: is refused: %s\n%v", what, g.out, g.reasons)
		return
	}
	if strings.Join(g.by, ",") != by || g.session["NSO_UID"] != uid {
		s.t.Errorf("%s: the audit says by %q, uid %q; want %s, %q", what, g.by, g.session["NSO_UID"], by, uid)
	}
}

// refused: nobody is in, and the audit says why.
func (s *system) refused(what string, g got, reason string) {
	s.t.Helper()
	if g.in || g.session != nil || len(g.by) > 0 {
		s.t.Errorf("%s: is in: %s", what, g.out)
	}
	if len(g.reasons) != 1 || !strings.Contains(g.reasons[0], reason) {
		s.t.Errorf("%s: the audit says %q; want %q", what, g.reasons, reason)
	}
}
