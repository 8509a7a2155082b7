// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/ident"
)

// directory: a user who is in no file, but in the name service: nso-pam tells of
// all his groups, and nso-nss tells the daemon who he is where systemd's user database
// does not run.
func directory(t *testing.T, s *system) {
	s.Run("sed", "-i", `s/^\(passwd\|group\|shadow\):.*/& extrausers/`, "/etc/nsswitch.conf")
	s.Write("/var/lib/extrausers/passwd", "dora:x:7000:7000:Dora:/home/dora:/bin/sh\n", 0o644)
	s.Write("/var/lib/extrausers/group", "dora:x:7000:\noperators:x:7001:dora\n", 0o644)
	hash := strings.TrimSpace(s.Run("sh", "-c", "grep ^ann: /etc/shadow | cut -d: -f2"))
	s.Write("/var/lib/extrausers/shadow", "dora:"+hash+":20000:0:99999:7:::\n", 0o640)
	want := []string{"dora", "operators"}
	r := s.enters("dora", secret)
	names := r.Verdict.GroupNames()
	slices.Sort(names)
	if r.Verdict.UID != 7000 || r.Verdict.GID != 7000 || !slices.Equal(names, want) {
		t.Errorf("dora is %+v", r.Verdict)
	}

	_, _ = s.Try("systemctl", "stop", "systemd-userdbd.socket", "systemd-userdbd.service")
	_, _ = s.Try("systemctl", "mask", "systemd-userdbd.socket", "systemd-userdbd.service")
	s.Run("rm", "-f", "/run/systemd/userdb/io.systemd.Multiplexer")
	ask := func(user string) (a struct {
		Account ident.Account
		Error   string
	}) {
		s.client(&a, "-account", user)
		return a
	}
	if a := ask("dora"); !strings.Contains(a.Error, "no such account") {
		t.Errorf("without nso-nss dora is %+v", a)
	}
	s.Run("systemctl", "start", "nso-nss.socket")
	a := ask("dora")
	slices.Sort(a.Account.Groups)
	if a.Account.UID != 7000 || a.Account.GID != 7000 || !slices.Equal(a.Account.Groups, want) {
		t.Errorf("dora is %+v", a)
	}
	if a := ask("no-such-user"); !strings.Contains(a.Error, "no such account") {
		t.Errorf("nobody is %+v", a)
	}
	status := s.Run("sh", "-c", "cat /proc/$(systemctl show -P MainPID nso-nss.service)/status")
	for _, line := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, line) {
			t.Errorf("nso-nss: there is no %q in\n%s", line, status)
		}
	}
	// Nobody else is answered, even where somebody has opened the socket to all.
	s.Run("chmod", "0666", "/run/nso/helper/nss")
	if out := s.As("ann", "pamlogin", "-account", "dora"); strings.Contains(out, "7000") {
		t.Errorf("ann is answered: %s", out)
	}
	s.Run("systemctl", "restart", "nso-nss.socket")
	if a := ask("dora"); a.Account.UID != 7000 {
		t.Errorf("after a restart: %+v", a)
	}
	s.healthy()
}
