// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"slices"
	"strings"
)

// exposed: systemd's own measure of units, as they are in force, is at most so many
// tenths.
func (s *system) exposed(most string, units ...string) {
	s.t.Helper()
	for _, u := range units {
		out, err := s.Try("systemd-analyze", "security", "--no-pager", "--threshold="+most, u)
		if err != nil {
			s.t.Errorf("%s is exposed by more than %s tenths: %v", u, most, err)
		}
		for l := range strings.Lines(out) {
			if strings.Contains(l, "Overall exposure level") {
				s.t.Log(strings.TrimSpace(l))
			}
		}
	}
}

// sandbox: the default profile, and the strict one.
func (s *system) sandbox() {
	look := func() map[string]bool {
		s.t.Helper()
		closed := make(map[string]bool)
		r := s.runs(s.uma("hostile", "what=sandbox"))
		for line := range strings.Lines(r.Out) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			closed[name] = value == "true"
		}
		if len(closed) < 20 {
			s.t.Fatalf("%v", r)
		}
		return closed
	}
	open := []string{"network", "home", "write-open"}
	s.Run("install", "-d", "-m", "0777", "/srv/open")
	s.exposed("34", "nso-exec@uma.service", "nso-pty@uma.service")
	for name, closed := range look() {
		if want := !slices.Contains(open, name); closed != want {
			s.t.Errorf("the default profile: %s is closed: %t", name, closed)
		}
	}
	s.Run("sh", "-c", "for u in exec pty; do d=/etc/systemd/system/nso-$u@uma.service.d; mkdir -p $d && cp /usr/share/nso/exec-dropins/strict.conf $d/; done")
	s.Run("systemctl", "daemon-reload")
	s.exposed("16", "nso-exec@uma.service", "nso-pty@uma.service")
	s.exposed("34", "nso-exec@ann.service") // another account's is what it was
	s.Run("systemctl", "stop", "nso-exec@uma.service")
	for name, closed := range look() {
		if !closed {
			s.t.Errorf("the strict profile: %s is open", name)
		}
	}
	// Limits can still be set.
	s.Write("/etc/nso/exec.d/strict.toml", command("strict", "/usr/bin/dash", "umask = \"0077\"\nlimits = {nice = 5}", "-c", "umask; nice"), 0o644)
	if r := s.runs(s.uma("strict")); !strings.HasPrefix(r.Out, "0077\n") || r.Out == "0077\n0\n" {
		s.t.Errorf("%v", r)
	}
	s.Run("rm", "-r", "/etc/systemd/system/nso-exec@uma.service.d", "/etc/systemd/system/nso-pty@uma.service.d")
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "stop", "nso-exec@uma.service")
}
