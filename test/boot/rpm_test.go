// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/test/bed"
)

// stubs stand in the rpm database for what this system has from Debian packages.
// The binaries and scripts of the package under test are real, and so is systemd.
const stubs = `Name: debian
Version: 12
Release: 1
Summary: what Debian has
License: none
BuildArch: noarch
Provides: systemd = 252, shadow-utils, /bin/sh, pam, polkit, sudo
%description
What Debian has.
%files
`

// TestRPM installs, upgrades and removes the rpm with its scriptlets.
func TestRPM(t *testing.T) {
	t.Parallel()
	s := &system{bed.Boot(t, "bookworm"), t}
	s.Run("useradd", "--create-home", "--user-group", "ann")
	s.Write("/root/stubs.spec", stubs, 0o644)
	s.Run("rpmbuild", "-bb", "--quiet", "/root/stubs.spec")
	s.Run("sh", "-c", "rpm -i --justdb /root/rpmbuild/RPMS/noarch/debian-*.rpm")
	s.rpm(older, "-i")
	if st := s.active("nso.socket"); st != "inactive" {
		t.Errorf("installing left nso.socket %s", st)
	}
	s.want("root", []string{"stat", "-c", "%U:%G %a", "/run/nso", "/etc/nso", "/etc/nso/nso.toml", "/run/nso/applied.toml"},
		"root:root 755\nroot:nso 750\nroot:nso 640\nroot:nso 640\n")
	if out, _ := s.Try("rpm", "-V", "nso"); strings.TrimSpace(out) != "" {
		t.Errorf("what lies there is not what was packed:\n%s", out)
	}
	s.Run("systemctl", "enable", "--now", "nso.socket")
	s.Run("usermod", "-aG", "nso-users", "ann")
	s.want("root", []string{"nso", "cli", "-c", "configure", "-c", "set nacm groups group nso-admin user-name ann", "-c", "commit"})
	s.want("root", []string{"nso", "doctor"}, "\nhealthy")
	pid := s.main()

	s.rpm(newer, "-U")
	if now := s.main(); now == pid || now == "0" {
		t.Errorf("after the upgrade the daemon is %s, was %s", now, pid)
	}
	s.want("ann", []string{"nso", "status"}, "revision 2")
	s.want("root", []string{"grep", "-cx", "/usr/bin/nso-cli", "/etc/shells"}, "1\n")

	s.Run("rpm", "-e", "nso")
	for _, unit := range []string{"nso.socket", "nso.service"} {
		if st := s.active(unit); st == "active" {
			t.Errorf("%s is %s after the removal", unit, st)
		}
	}
	s.want("root", []string{"ls", "/var/lib/nso"}, "cdb")
	s.refused("root", []string{"grep", "-x", "/usr/bin/nso-cli", "/etc/shells"})
	if failed := s.Run("systemctl", "--failed", "--no-legend"); failed != "" {
		t.Errorf("failed:\n%s", failed)
	}
}

func (s *system) rpm(version, how string) {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(bed.Packages(s.t, version), "nso-[0-9]*.rpm"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("there is no one package nso: %q", found)
	}
	to := "/var/cache/" + filepath.Base(found[0])
	s.Copy(found[0], to, 0o644)
	for line := range strings.Lines(s.Run("rpm", how, to)) {
		// Debian's rpm warns of itself; systemctl tells of the preset.
		if !strings.HasPrefix(line, "rpm: ") && !strings.HasPrefix(line, "Created symlink") {
			s.t.Errorf("rpm %s says: %s", how, line)
		}
	}
}
