// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/test/bed"
)

// apt puts packages of a version in the box, as a user would.
func (s *system) apt(version string, names ...string) string {
	s.t.Helper()
	args := []string{"DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "-o", "Dpkg::Options::=--force-confdef", "install"}
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join(bed.Packages(s.t, version), name+"_*.deb"))
		if err != nil || len(found) != 1 {
			s.t.Fatalf("there is no one package %s: %q", name, found)
		}
		to := "/var/cache/" + filepath.Base(found[0])
		s.Copy(found[0], to, 0o644)
		args = append(args, to)
	}
	return s.Run("env", args...)
}

// The older one is that of all tests, so that it need not be made.
const older, newer = "", "99.0.0"

// TestPackage is what somebody does with the packages, from the first
// installation to the purge.
func TestPackage(t *testing.T) {
	suites(t, func(t *testing.T, suite string) {
		s := &system{bed.Boot(t, suite), t}
		for _, user := range []string{"ann", "bob", "eve"} {
			s.Run("useradd", "--create-home", "--user-group", user)
		}
		s.Copy(ncpeer(t), "/usr/bin/ncpeer", 0o755)
		t.Cleanup(func() {
			if t.Failed() {
				log, _ := s.Try("journalctl", "-b", "-o", "short-monotonic", "-u", "nso*", "-n", "80", "--no-pager")
				t.Logf("the journal:\n%s", log)
			}
		})
		for _, step := range []struct {
			name string
			f    func(*system)
		}{
			{"install", (*system).packageInstall},
			{"start", (*system).packageStart},
			{"doctor", (*system).packageDoctor},
			{"a door by reload", (*system).packageDoor},
			{"NETCONF over SSH", (*system).sshDoor},
			{"the folder of the sockets", (*system).folderOfSockets},
			{"odd peers", (*system).oddPeers},
			{"two thousand idle", (*system).idleCrowd},
			{"grants", (*system).grants},
			{"passwords", (*system).secrets},
			{"the proof", (*system).proof},
			{"exposure", (*system).packageExposure},
			{"the sandbox", (*system).sandbox},
			{"a full disk", (*system).fullDisk},
			{"boots", (*system).packageBoots},
			{"upgrade", (*system).packageUpgrade},
			{"remove, and install again", (*system).packageRemove},
			{"purge", (*system).packagePurge},
		} {
			if !t.Run(step.name, func(t *testing.T) { step.f(&system{s.Box, t}) }) {
				return
			}
		}
	})
}

func (s *system) enabled(unit string) string {
	out, _ := s.Try("systemctl", "is-enabled", unit)
	return strings.TrimSpace(out)
}

func (s *system) packageInstall() {
	out := s.apt(older, "nso")
	for _, word := range []string{"rror", "arning", "ailed"} {
		if strings.Contains(out, word) {
			s.t.Errorf("the installation says %q:\n%s", word, out)
		}
	}
	if st := s.enabled("nso.socket"); st != "enabled" {
		s.t.Errorf("nso.socket is %s", st)
	}
	if st := s.active("nso.socket"); st != "inactive" {
		s.t.Errorf("installing left nso.socket %s", st)
	}
	if out, err := s.Try("nso", "whoami"); err == nil {
		s.t.Errorf("before the start of the socket somebody answers: %s", out)
	}
	s.want("root", []string{"stat", "-c", "%U:%G %a", "/run/nso", "/etc/nso", "/etc/nso/nso.toml", "/run/nso/applied.toml"},
		"root:root 755\nroot:nso 750\nroot:nso 640\nroot:nso 640\n")
	out = s.Run("sh", "-c", "dpkg -L nso | xargs -d '\n' -I{} find {} -maxdepth 0 -perm /6000")
	if out != "" {
		s.t.Errorf("setuid or setgid:\n%s", out)
	}
	if failed := s.Run("systemctl", "--failed", "--no-legend"); failed != "" {
		s.t.Errorf("failed:\n%s", failed)
	}
}

func (s *system) packageStart() {
	s.open()
	s.want("root", []string{"nso", "status"}, "running")
	s.refused("ann", []string{"nso", "whoami"}, "nso-users")
	s.Run("usermod", "-aG", "nso-users", "ann")
	s.Run("usermod", "-aG", "nso-users", "bob")
	s.want("ann", []string{"nso", "whoami", "--json"}, `"user": "ann"`, `"admin": false`)
	s.refused("ann", []string{"nso", "status"}, "administrators")
	// root lets ann in, by the data
	s.want("root", []string{"nso", "cli", "-c", "configure", "-c", "set nacm groups group nso-admin user-name ann", "-c", "commit"})
	s.want("ann", []string{"nso", "status"}, "running")
	s.want("root", []string{"stat", "-c", "%U:%G %a", "/run/nso/ipc", "/var/lib/nso"}, "root:nso-users 660\nnso:nso 700\n")
}

func (s *system) packageDoctor() {
	s.want("root", []string{"nso", "doctor"}, "socket", "/run/nso/ipc, root:nso-users 0660", "without capabilities", "\nhealthy")
	s.want("ann", []string{"nso", "doctor"}, "an administrator", "\nhealthy")
	s.want("root", []string{"nso", "doctor", "--json"}, `"healthy": true`)
	s.Run("systemctl", "stop", "nso.socket")
	s.refused("root", []string{"nso", "doctor"}, "-> systemctl start nso.socket", "not healthy")
	s.open()
	s.want("root", []string{"nso", "status"})
	s.Run("chmod", "0666", "/etc/nso/nso.toml")
	s.refused("root", []string{"nso", "doctor"}, "-> chmod 0640 /etc/nso/nso.toml")
	s.Run("chmod", "0640", "/etc/nso/nso.toml")
}

func (s *system) packageExposure() {
	for _, unit := range []string{"nso.service", "nso-listen@netconf-tcp.service"} {
		if out, err := s.Try("systemd-analyze", "security", "--no-pager", "--threshold=5", unit); err != nil { // 0.5
			s.t.Errorf("%s is exposed: %v\n%s", unit, err, out[max(0, len(out)-400):])
		}
	}
	out, err := s.Try("systemd-analyze", "verify", "--man=no", "nso.socket", "nso-diag.socket", "nso.service", "nso-check.service", "nso-apply.service")
	if err != nil || strings.Contains(out, "nso") {
		s.t.Errorf("the unit files: %v\n%s", err, out)
	}
}

func (s *system) packageDoor() {
	s.Run("sed", "-i", `/^.listen.netconf-tcp.$/,/^$/s/^#enabled = false/enabled = true/`, "/etc/nso/nso.toml")
	before := s.main()
	s.want("root", []string{"nso", "reload"}, "netconf-tcp")
	s.want("ann", []string{"ncpeer", edit("one")}, "<ok/>")
	if now := s.main(); now != before {
		s.t.Errorf("the daemon was %s and is %s", before, now)
	}
	s.want("root", []string{"nso", "doctor"}, "door netconf-tcp", "127.0.0.1:2023", "\nhealthy")
}

// packageBoots: after a power cut the doors are open again; with a broken file the
// system boots, the doors are closed and say why, and mending the file is enough.
func (s *system) packageBoots() {
	s.Reboot()
	if st := s.active("nso.service"); st != "inactive" {
		s.t.Errorf("after the boot, and before any connection, the daemon is %s", st)
	}
	s.want("ann", []string{"ncpeer", get}, "one")
	s.want("root", []string{"nso", "doctor"}, "\nhealthy")

	s.Run("cp", "-p", "/etc/nso/nso.toml", "/etc/nso/nso.toml.good")
	s.Run("sh", "-c", "echo 'no TOML at all' >>/etc/nso/nso.toml")
	s.Reboot("nso.socket", "nso-check.service", "nso-apply.service")
	s.refused("root", []string{"nso", "doctor"}, "/etc/nso/nso.toml:", "not healthy")
	for _, unit := range []string{"nso.socket", "nso-listen@netconf-tcp.socket"} {
		if st := s.active(unit); st == "active" {
			s.t.Errorf("%s is active without a configuration", unit)
		}
	}
	s.holds(s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-u", "nso-check.service"), "/etc/nso/nso.toml:")
	s.Run("sh", "-c", "cat /etc/nso/nso.toml.good >/etc/nso/nso.toml; rm /etc/nso/nso.toml.good")
	s.until("the doors are open", func() bool { return s.active("nso-listen@netconf-tcp.socket") == "active" })
	s.want("ann", []string{"ncpeer", get}, "one")
	s.want("root", []string{"nso", "doctor"}, "\nhealthy")
}

func (s *system) packageUpgrade() {
	bed.Packages(s.t, newer) // before a session waits for it
	pid, listener := s.main(), s.Run("systemctl", "show", "--value", "-p", "InvocationID", "nso-listen@netconf-tcp.socket")
	wait := s.background("ann", "ncpeer", "--hold", get)
	s.until("a session", func() bool { return s.status().Sessions > 0 })
	s.apt(newer, "nso")
	if out := wait(); !strings.Contains(out, "the daemon is stopping") {
		s.t.Errorf("the session was not told why it ended: %q", out)
	}
	s.want("ann", []string{"nso", "status"}, "running")
	s.want("root", []string{"dpkg-query", "-W", "nso"}, newer)
	if now := s.main(); now == pid {
		s.t.Error("the old daemon still runs")
	}
	s.want("ann", []string{"ncpeer", get}, "one")
	if now := s.Run("systemctl", "show", "--value", "-p", "InvocationID", "nso-listen@netconf-tcp.socket"); now != listener {
		s.t.Error("the upgrade has closed a door for a moment")
	}
	s.want("root", []string{"nso", "doctor"}, "\nhealthy")
}

func (s *system) packageRemove() {
	s.Run("apt-get", "-y", "-q", "remove", "nso")
	for _, unit := range []string{"nso.socket", "nso.service", "nso-listen@netconf-tcp.socket"} {
		if st := s.active(unit); st == "active" {
			s.t.Errorf("%s is %s after the removal", unit, st)
		}
	}
	s.want("root", []string{"grep", "-c", "netconf-tcp", "/etc/nso/nso.toml"})
	s.want("root", []string{"ls", "/var/lib/nso"}, "cdb")
	if failed := s.Run("systemctl", "--failed", "--no-legend"); failed != "" {
		s.t.Errorf("failed:\n%s", failed)
	}
	s.apt(newer, "nso")
	s.open()
	s.want("ann", []string{"ncpeer", get}, "one")
}

func (s *system) packagePurge() {
	s.Run("apt-get", "-y", "-q", "purge", "nso")
	for _, path := range []string{"/var/lib/nso", "/etc/nso", "/run/nso"} {
		if _, err := os.Lstat(s.Path(path)); err == nil && path != "/run/nso" {
			s.t.Errorf("%s is left", path)
		}
	}
	out := s.Run("sh", "-c", "ls /run/systemd/generator* /etc/systemd/system/*.wants 2>/dev/null | grep nso || true")
	if out != "" {
		s.t.Errorf("left in systemd:\n%s", out)
	}
	s.apt(newer, "nso")
	s.open()
	s.want("root", []string{"nso", "doctor"}, "\nhealthy")
}
