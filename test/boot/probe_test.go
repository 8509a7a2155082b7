// SPDX-License-Identifier: Apache-2.0

package boot

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// mayDo is what a program in our units can do; everything else that test/probe
// tries must be out of reach. Each line has its reason.
func mayDo(unit string) []string {
	may := []string{
		"read /etc/passwd",             // names of users
		"read /dev/null",               // PrivateDevices= has it
		"read /etc/nso/nso.toml",       // its configuration
		"write /tmp", "write /var/tmp", // its own, gone with it
		"socket unix",          // IPC, the journal, systemd's user database
		"connect /run/nso/ipc", // as any other member of nso-users
		"connect /run/systemd/journal/stdout",
		"connect /run/systemd/userdb/io.systemd.NameServiceSwitch",
	}
	if unit == "nso.service" {
		may = append(may, "write /var/lib/nso") // StateDirectory=
	}
	return may
}

// sandbox puts the probe in the place of the program of each unit.
func (s *system) sandbox() {
	out := filepath.Join(s.t.TempDir(), "probe")
	cmd := exec.Command("go", "build", "-o", out, "nso.example/nso/test/probe")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, text)
	}
	s.Copy(out, "/usr/lib/nso-probe", 0o755)
	s.Run("sh", "-c", "command -v ipcmk >/dev/null && ipcmk -M 4096 || true")
	s.Run("systemctl", "stop", "nso.service")
	for _, unit := range []string{"nso.service", "nso-listen@netconf-tcp.service"} {
		dir := "/etc/systemd/system/" + unit + ".d"
		s.Write(dir+"/probe.conf", "[Service]\nType=oneshot\nExecStart=\nExecStart=/usr/lib/nso-probe\nRestart=no\nWatchdogSec=0\nExecStopPost=\n", 0o644)
		s.Run("systemctl", "daemon-reload")
		mark := s.mark()
		s.Run("systemctl", "start", unit)
		log := s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-u", unit, "--after-cursor="+mark)
		s.Run("rm", "-r", dir)
		s.Run("systemctl", "daemon-reload")
		s.Try("systemctl", "stop", unit)
		s.judge(unit, log)
	}
	s.Run("systemctl", "restart", "nso.socket")
}

func (s *system) judge(unit, log string) {
	s.t.Helper()
	may, tried := mayDo(unit), 0
	for line := range strings.Lines(log) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "probe ")
		if !ok {
			continue
		}
		name, result, _ := strings.Cut(line, ": ")
		tried++
		// These errors come from behind the check for the right.
		reached := slices.Contains([]string{"done", "invalid argument", "bad address"}, result)
		switch {
		case name == "end":
		case reached && !slices.Contains(may, name):
			s.t.Errorf("%s: a taken-over program could: %s (%s)", unit, name, result)
		case !reached && slices.Contains(may, name):
			s.t.Errorf("%s: what it needs is out of reach: %s: %s", unit, name, result)
		}
	}
	if tried < 80 || !strings.Contains(log, "probe end: done") {
		s.t.Errorf("%s: the probe made %d tries and did not end:\n%s", unit, tried, log)
	}
}
