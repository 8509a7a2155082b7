// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"fmt"
	"strings"
	"time"
)

// folderOfSockets: who has taken the daemon over cannot put another socket in the
// place of one of ours, and the sockets outlive the daemon.
func (s *system) folderOfSockets() {
	for _, command := range []string{
		"mv /run/nso/ipc /run/nso/other", "rm -f /run/nso/ipc", "ln -s /tmp /run/nso/link", "touch /run/nso/file", "mv /run/nso /run/other",
		"rmdir /run/nso/helper", "touch /run/nso/helper/file", "touch /run/nso/applied.toml", "chmod 0666 /run/nso/ipc", "mkdir /run/nso-2",
	} {
		if out, err := s.as("nso", "sh", "-c", command); err == nil {
			s.t.Errorf("the user nso can %s: %s", command, out)
		}
	}
	sockets := []string{"stat", "-c", "%i %n %U:%G %a", "/run/nso", "/run/nso/ipc"}
	s.want("root", []string{"nso", "status"})
	before := s.Run(sockets[0], sockets[1:]...)
	s.holds(before, "/run/nso root:root 755", "/run/nso/ipc root:nso-users 660")
	for range 2 {
		s.Run("systemctl", "stop", "nso.service")
		if now := s.Run(sockets[0], sockets[1:]...); now != before {
			s.t.Errorf("without the daemon the sockets are\n%s, and were\n%s", now, before)
		}
		s.want("ann", []string{"nso", "whoami"}, "ann")
	}
	if now := s.Run(sockets[0], sockets[1:]...); now != before {
		s.t.Errorf("after restarts the sockets are\n%s, and were\n%s", now, before)
	}
}

// oddPeers: in a user namespace of its own the daemon would know nobody but root and
// itself, and lets nobody else in; a program that is set-uid is who owns it.
func (s *system) oddPeers() {
	const dropIn = "/etc/systemd/system/nso.service.d/users.conf"
	s.Write(dropIn, "[Service]\nPrivateUsers=yes\n", 0o644)
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "stop", "nso.service")
	mark := s.mark()
	if out, err := s.as("ann", "timeout", "10", "nso", "whoami"); err == nil {
		s.t.Errorf("with PrivateUsers= ann is let in: %s", out)
	}
	s.until("the journal says why", func() bool {
		said := s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "--after-cursor="+mark)
		return strings.Contains(said, "65534")
	})
	s.Run("rm", dropIn)
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "restart", "nso.service")
	s.want("ann", []string{"nso", "whoami"}, "ann")

	s.Run("install", "-o", "eve", "-g", "eve", "-m", "4755", "/usr/bin/nso", "/usr/bin/nso-of-eve")
	s.want("ann", []string{"nso-of-eve", "whoami"}, "eve")
	s.refused("ann", []string{"nso-of-eve", "status"}, "only its administrators")
	s.Run("rm", "/usr/bin/nso-of-eve")
}

// idle opens connections of ann's that say nothing, and prints how many stay.
const idle = `import os, socket, sys, time
kind, n = sys.argv[1], int(sys.argv[2])
all = []
for i in range(n):
    c = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
    c.settimeout(2)
    try:
        c.connect("/run/nso/ipc" if kind == "unix" else ("127.0.0.1", int(kind)))
        all.append(c)
    except OSError:
        pass
print("connected", len(all), flush=True)
time.sleep(float(sys.argv[3]))
`

// idleCrowd: two thousand connections of ann's that say nothing, at the IPC socket and
// at the doors, keep nobody else out.
func (s *system) idleCrowd() {
	s.Write("/usr/share/idle.py", idle, 0o644)
	for kind, n := range map[string]int{"unix": 2000, "2023": 1000, "830": 1000} {
		wait := s.background("ann", "prlimit", "--nofile=8192", "python3", "/usr/share/idle.py", kind, fmt.Sprint(n), "8")
		s.until("they are there", func() bool {
			out, _ := s.Try("sh", "-c", "ss -Hx state connected src /run/nso/ipc; ss -Htn state established sport = 2023 or sport = 830")
			return strings.Count(out, "\n") > 100
		})
		begin := time.Now()
		s.want("bob", []string{"nso", "whoami"}, "bob")
		s.want("root", []string{"nso", "status"}, "running")
		// Over SSH nobody knows whose the connections are, and a source is an address.
		s.want("ann", sshSessionFrom("127.0.0.9", "ann"), "<hello", "<ok/>")
		if kind != "2023" {
			s.want("bob", []string{"ncpeer", get}, "<rpc-reply")
		}
		s.t.Logf("%s: among idle connections of ann's, bob, root and SSH are served in %d ms", kind, time.Since(begin).Milliseconds())
		s.holds(wait(), "connected")
	}
	if st := s.status(); st.Panics != 0 {
		s.t.Errorf("%d panics", st.Panics)
	}
}

// grants: installing nso-pam enables its sockets and starts nothing; the daemon's user
// starts nothing either, also beside the packages that the mediator has its grants
// from; and those are gone with the packages. (What the mediator may is in
// test/mediate.)
func (s *system) grants() {
	s.apt(older, "nso-pam", "nso-exec", "nso-polkit")
	for _, unit := range []string{"nso-pam.socket", "nso-nss.socket"} {
		if st, on := s.active(unit), s.enabled(unit); st != "inactive" || on != "enabled" {
			s.t.Errorf("installing left %s %s and %s", unit, st, on)
		}
	}
	for _, user := range []string{"nso", "nso-pam", "nso-nss"} {
		for _, command := range []string{
			"systemctl --no-ask-password start nso-pam.socket", "systemctl --no-ask-password start nso-exec@bob.socket", "systemctl --no-ask-password stop nso.socket",
			"systemctl --no-ask-password daemon-reload", "systemctl --no-ask-password enable nso-exec@bob.socket", "systemd-run --no-ask-password --unit=evil true",
			"systemd-run --no-ask-password --unit=nso-exec@evil true", "pkexec --disable-internal-agent true", "sudo -n true",
		} {
			if out, err := s.as(user, "sh", "-c", command); err == nil {
				s.t.Errorf("%s can %s: %s", user, command, out)
			}
		}
	}
	// No bus, no right: also for who would have one.
	s.Run("nso", "reload")
	if out, err := s.Try("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run/dbus && mount -t tmpfs none /run/systemd && exec timeout 50 nso reload"); err == nil && !strings.Contains(out, "nothing has changed") {
		s.t.Errorf("without a bus: %s", out)
	}
	const grants = "find /etc/polkit-1 /usr/share/polkit-1 /etc/sudoers.d /usr/lib/systemd/system -name '*nso*' | grep -e polkit -e sudo -e mediate || true"
	s.holds(s.Run("sh", "-c", grants), "nso")
	s.Run("apt-get", "-y", "-q", "purge", "nso-polkit", "nso-exec", "nso-pam")
	if out := s.Run("sh", "-c", grants); out != "" {
		s.t.Errorf("purged, and left:\n%s", out)
	}
}
