// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nso.example/nso/helper"
)

// accounts: pam_unix and the accounts that may not log in.
func accounts(t *testing.T, s *system) {
	r := s.enters("ann", secret)
	names := r.Verdict.GroupNames()
	slices.Sort(names)
	if want := strings.TrimSpace(s.Run("id", "-u", "ann")); fmt.Sprint(r.Verdict.UID) != want || r.Verdict.User != "ann" || r.Verdict.Home != "/home/ann" {
		t.Errorf("ann is %+v, uid %s", r.Verdict, want)
	}
	if strings.Join(names, " ") != "ann cdrom dialout" {
		t.Errorf("ann's groups are %q", names)
	}
	if len(r.Prompts) != 1 || r.Prompts[0].Text != "Password: " || r.Prompts[0].Echo {
		t.Errorf("prompts: %+v", r.Prompts)
	}
	wrong := s.refused(helper.Auth, "ann", "wrong")
	unknown := s.refused(helper.Auth, "no-such-user", "wrong")
	locked := s.refused(helper.Auth, "locked", secret)
	empty := s.refused(helper.Auth, "empty", "")
	expired := s.refused(helper.Denied, "expired", secret) // Debian's stack does not say why
	if !strings.Contains(expired.Reason, "account has expired") {
		t.Errorf("expired: %s", expired.Reason)
	}
	must := s.refused(helper.PasswordExpired, "must", secret)
	notYet := s.refused(helper.Auth, "must", "wrong") // who does not know it learns nothing
	for _, r := range []result{unknown, locked, empty, expired, notYet} {
		if r.Outward != wrong.Outward || fmt.Sprint(r.Prompts) != fmt.Sprint(wrong.Prompts) {
			t.Errorf("differs from outside: %q %+v", r.Outward, r.Prompts)
		}
	}
	if !strings.Contains(must.Outward, "passwd") {
		t.Errorf("no remedy: %q", must.Outward)
	}
	// PAM's delay of two seconds is random by half of it: no name is answered at once.
	for what, r := range map[string]result{"wrong": wrong, "unknown": unknown, "locked": locked} {
		if r.MS < 900 {
			t.Errorf("%s: refused after %d ms, without PAM's delay", what, r.MS)
		}
	}
	t.Logf("%s: right %d ms; wrong %d, unknown %d, locked %d ms", t.Name(), r.MS, wrong.MS, unknown.MS, locked.MS)
	for _, name := range []string{"../../etc/passwd", "a b", "ann\n", "1000", "-x", ""} {
		s.refused(helper.Auth, "--", name, secret)
	}
	s.refused(helper.Auth, "ann", strings.Repeat("x", 512))
	// The local door, and the other methods.
	s.enters("-source", "", "-method", "cli", "ann", secret)
	s.enters("-source", "2001:db8::7", "-method", "web", "ann", secret)
	// A stack that says why, and a module that is told where the user is.
	s.stack("auth required pam_unix.so", "auth required pam_warn.so", "account required pam_unix.so")
	s.enters("ann", secret)
	s.refused(helper.AccountExpired, "expired", secret)
	s.refused(helper.PasswordExpired, "must", secret)
	if out := s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-t", "nso-pam"); !strings.Contains(out, "terminal=[nso-netconf]") || !strings.Contains(out, "rhost=[192.0.2.7]") || !strings.Contains(out, "service=[nso]") {
		t.Errorf("pam_warn does not see where the user is:\n%s", out)
	}
	// As Fedora has it.
	s.Run("chmod", "0000", "/etc/shadow")
	s.enters("ann", secret)
	s.refused(helper.Auth, "ann", "wrong")
	s.healthy()
	if out := s.Run("journalctl", "-b", "-o", "export", "--no-pager"); strings.Contains(out, secret) {
		t.Error("the password is in the journal")
	}
}

// peers: nobody but the daemon's user can ask for a login.
func peers(t *testing.T, s *system) {
	if out := s.As("ann", "pamlogin", "ann", secret); !strings.Contains(out, "permission denied") || strings.Contains(out, `"OK":true`) {
		t.Errorf("ann reaches the socket: %s", out)
	}
	if out := s.Run("pamlogin", "ann", secret); strings.Contains(out, `"OK":true`) || !strings.Contains(out, "no verdict") {
		t.Errorf("root gets a login: %s", out)
	}
	// Even where somebody has opened the socket to all.
	s.Run("chmod", "0666", "/run/nso/helper/pam")
	if out := s.As("ann", "pamlogin", "ann", secret); strings.Contains(out, `"OK":true`) || !strings.Contains(out, "no verdict") {
		t.Errorf("ann gets a login: %s", out)
	}
	s.enters("ann", secret)
	s.healthy()
	// Without the socket there is no login, and it says what to do.
	s.Run("systemctl", "stop", "nso-pam.socket")
	if r := s.login("ann", secret); r.OK || !strings.Contains(r.Error, "nso-pam.socket") || r.Outward != "cannot log in: permission denied" {
		t.Errorf("without a socket: %+v", r)
	}
	s.Run("systemctl", "start", "nso-pam.socket")
	s.enters("ann", secret)
}

// hostileDaemon: a daemon that was taken over gets nothing out of nso-pam, breaks
// nothing, and the next login works.
func hostileDaemon(t *testing.T, s *system) {
	for kind, want := range map[string]string{
		"garbage": "", "half": "", "fields": "unknown field", "long": "", "version": "different versions",
		"names": "cannot log in as", "NUL": "", "leave": "left",
	} {
		end := s.hostile(kind, "ann", secret)
		if strings.Contains(end, `"ok\":true`) || strings.Contains(end, `ok":true`) || !strings.Contains(end, want) {
			t.Errorf("%s ends with %s", kind, end)
		}
	}
	// Descriptors are not taken, and the answer that they come with is one.
	if end := s.hostile("descriptors", "ann", secret); !strings.Contains(end, `\"ok\":true`) {
		t.Errorf("descriptors: %s", end)
	}
	if end := s.hostile("silence"); !strings.Contains(end, "EOF") && !strings.Contains(end, "cannot read the request") {
		t.Errorf("silence: %s", end)
	}
	s.enters("ann", secret)
	s.healthy()
}

// hostileModules: so does a module.
func hostileModules(t *testing.T, s *system) {
	s.hostileModule()
	use := func(what string) {
		s.stack("auth required pam_unix.so", "auth required /usr/lib/pam_hostile.so "+what, "account required pam_unix.so")
	}
	use("rename")
	if r := s.refused(helper.Denied, "ann", secret); !strings.Contains(r.Reason, "changed the user's name") {
		t.Errorf("rename: %s", r.Reason)
	}
	use("crash")
	for range 20 {
		if r := s.login("ann", secret); r.OK || !strings.Contains(r.Error, "no verdict") || r.Class != "" {
			t.Fatalf("crash: %+v", r)
		}
	}
	use("print")
	s.enters("ann", secret)
	use("endless")
	answers := slices.Repeat([]string{"x"}, 30)
	if r := s.login(append([]string{"ann", secret}, answers...)...); r.OK || len(r.Prompts) != helper.MaxPrompts {
		t.Errorf("endless: ok %t, %d prompts: %s", r.OK, len(r.Prompts), r.Error)
	}
	use("talk")
	r := s.enters("ann", secret)
	if len(r.Said) != helper.MaxTexts || strings.Contains(fmt.Sprint(r.Said), "\x1b") {
		t.Errorf("talk: %d texts", len(r.Said))
	}
	use("binary")
	if r := s.login("ann", secret); r.OK {
		t.Errorf("binary: %+v", r)
	}
	use("hang")
	if r := s.login("-patience", "3s", "ann", secret); r.OK {
		t.Errorf("hang: %+v", r)
	}
	s.healthy() // its own clock ends it
	use("nothing")
	s.enters("ann", secret)
	s.healthy()
}

// killed: what is killed in mid-conversation is a refusal, and the socket stays.
func killed(t *testing.T, s *system) {
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := s.Command(ctx, "setpriv", "--reuid", "nso", "--regid", "nso", "--init-groups", "--", "pamlogin", "-hostile", "linger", "ann")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s.until("it is killed", func() bool { _, err := s.Try("pkill", "-SEGV", "-x", "nso-pam"); return err == nil })
		err := cmd.Wait()
		cancel()
		if err != nil || !strings.Contains(out.String(), "EOF") && !strings.Contains(out.String(), "reset") {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	s.enters("ann", secret)
	s.healthy()
	if out, _ := s.Try("sh", "-c", "find /var/lib/systemd/coredump /core* -type f 2>/dev/null"); strings.TrimSpace(out) != "" {
		t.Errorf("there are cores: %s", out)
	}
}

// hostileSource: a hundred wrong passwords a second from one source keep nobody
// else out for long.
func hostileSource(t *testing.T, s *system) {
	var f struct {
		Login                result
		Wrong, Turned, Other int64
		Error                string
	}
	s.client(&f, "-flood", "100", "ann", secret)
	// Two seconds for who is before him, and the login; in the order of their coming he
	// would wait for all.
	if !f.Login.OK || f.Login.MS > 15_000 {
		t.Errorf("the login takes %d ms: %s", f.Login.MS, f.Login.Error)
	}
	if f.Wrong == 0 || f.Turned == 0 || f.Other != 0 {
		t.Errorf("%d wrong, %d turned away, %d else: %s", f.Wrong, f.Turned, f.Other, f.Error)
	}
	t.Logf("%s: in after %d ms among %d wrong ones and %d turned away", t.Name(), f.Login.MS, f.Wrong, f.Turned)
	s.healthy()
}
