// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"strings"
	"time"
)

// killed is SIGKILL: the next connection brings it back with the data.
func (s *system) killed() {
	s.set("before-the-kill")
	old := s.main()
	s.Run("kill", "-9", old)
	s.want("ann", []string{"ncpeer", get}, "<hostname>before-the-kill</hostname>")
	if now := s.main(); now == old || now == "0" {
		s.t.Errorf("the daemon is %s, was %s", now, old)
	}
}

// hung is SIGSTOP: the watchdog ends it.
func (s *system) hung() {
	s.set("before-the-stop")
	old := s.main()
	s.Run("kill", "-STOP", old)
	s.until("the watchdog", func() bool { return s.main() != old })
	s.want("ann", []string{"ncpeer", get}, "<hostname>before-the-stop</hostname>")
	s.holds(s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-u", "nso.service"), "atchdog")
}

// stopped is systemctl stop while sessions are open: they end, what was committed
// is kept, and the next connection starts it again.
func (s *system) stopped() {
	s.set("before-systemctl")
	wait := s.background("ann", "ncpeer", "-hold", edit("held"))
	cli := s.background("ann", "sh", "-c", "(echo configure; sleep 60) | nso cli")
	s.until("the sessions", func() bool { return s.status().Sessions >= 2 })
	s.until("the commit", func() bool { out, _ := s.as("ann", "ncpeer", get); return strings.Contains(out, "held") })
	s.Run("systemctl", "stop", "nso.service")
	if out := wait(); !strings.Contains(out, "ended") {
		s.t.Errorf("the NETCONF session ended with %s", out)
	}
	if st := s.Run("systemctl", "show", "--value", "-p", "Result", "nso.service"); strings.TrimSpace(st) != "success" {
		s.t.Errorf("the service ended with %s", st)
	}
	s.want("ann", []string{"ncpeer", get}, "<hostname>held</hostname>")
	_ = cli // ends with its sleep or with the box
}

// refusals are starts that must not be, each with the reason in the journal.
func (s *system) refusals() {
	for _, c := range []struct {
		name, unit, text string
		says             string
	}{
		{"root", "nso.service", "[Service]\nUser=root\n", "cannot start as root"},
		{"a capability", "nso.service", "[Service]\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n", "cannot start with capabilities"},
		{"a descriptor of no known name", "nso-tcp.socket", "[Socket]\nFileDescriptorName=telnet\n", "telnet"},
		{"a socket that is open to all", "nso.socket", "[Socket]\nSocketMode=0666\n", "0666"},
		{"NETCONF in clear for the world", "nso-tcp.socket", "[Socket]\nListenStream=\nListenStream=0.0.0.0:2023\n", "loopback"},
		{"another path", "nso.socket", "[Socket]\nListenStream=\nListenStream=/run/nso/other\n", "/run/nso/other"},
	} {
		all := []string{"nso.service", "nso.socket", "nso-tcp.socket", "nso-diag.socket"}
		s.Run("systemctl", append([]string{"stop"}, all...)...)
		dropIn := "/etc/systemd/system/" + c.unit + ".d/test.conf"
		s.Write(dropIn, c.text, 0o644)
		s.Run("systemctl", "daemon-reload")
		since := s.mark()
		if out, err := s.Try("systemctl", "start", "nso.service"); err == nil {
			s.t.Errorf("%s: the daemon started: %s", c.name, out)
		}
		// journald cannot always tell the unit of a process that has ended at once: look
		// at all, and wait for what it has not read yet.
		said := ""
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			said = s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "--after-cursor="+since)
			if strings.Contains(said, "nsod: cannot") && strings.Contains(said, c.says) {
				break
			}
			if time.Now().After(end) {
				s.t.Errorf("%s: the journal does not say %q:\n%s", c.name, c.says, said)
				break
			}
		}
		s.Run("rm", dropIn)
		s.Run("systemctl", "daemon-reload")
	}
	s.Run("systemctl", "stop", "nso.service", "nso.socket", "nso-tcp.socket", "nso-diag.socket")
	s.Run("systemctl", "start", "nso.socket", "nso-tcp.socket", "nso-diag.socket")
	s.want("ann", []string{"nso", "whoami"})
}
