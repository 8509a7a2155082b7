// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/test/instance"
)

// sandboxed: an instance finds what the unit means and nothing else; each drop-in
// opens what it says; and what is taken away from the unit is found.
func sandboxed(t *testing.T, s *system) {
	s.Run("sh", "-c", "mkdir -p /run/nso && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/nso/ipc\")'")
	clean := func(what string) {
		t.Helper()
		if report, holes := s.selfTest(); holes != 0 || strings.Count(report, "ok ") < 30 {
			t.Errorf("%s:\n%s", what, report)
		}
	}
	clean("as shipped")
	if out := s.As("nso", "/usr/libexec/nso/nso-pam", "--self-test"); strings.Contains(out, "HOLE") {
		t.Errorf("for the daemon:\n%s", out)
	}
	for _, name := range []string{"radius.conf", "otp.conf", "home.conf", "u2f.conf", "audit.conf", "nonroot.conf"} {
		s.dropIn(name, "")
		clean(name)
		if name != "otp.conf" && name != "nonroot.conf" { // and it is the variable that excuses it
			s.dropIn(name, "UnsetEnvironment=NSO_PAM_NETWORK NSO_PAM_HOME NSO_PAM_DEVICES NSO_PAM_AUDIT\n")
			if report, holes := s.selfTest(); holes == 0 && name != "u2f.conf" {
				t.Errorf("%s opens nothing:\n%s", name, report)
			}
		}
		s.noDropIns()
	}
	for line, found := range map[string]string{
		"NoNewPrivileges=no\nSystemCallFilter=\nRestrictSUIDSGID=no\nRestrictNamespaces=no\nMemoryDenyWriteExecute=no\nLockPersonality=no\nRestrictRealtime=no\nRestrictAddressFamilies=\nSystemCallArchitectures=\nPrivateDevices=no\nProtectKernelTunables=no\nProtectKernelModules=no\nProtectKernelLogs=no\nProtectClock=no\nProtectHostname=no": "privileges",
		"SystemCallFilter=":                                    "siblings",
		"RestrictNamespaces=no\nSystemCallFilter=":             "namespaces",
		"CapabilityBoundingSet=CAP_CHOWN":                      "CapBnd",
		"CapabilityBoundingSet=":                               "", // all that there was is gone: what is missing is no hole
		"TemporaryFileSystem=\nBindPaths=\nBindReadOnlyPaths=": "socket",
		"BindPaths=": "faillock",
		"PrivateNetwork=no\nRestrictAddressFamilies=AF_INET": "network",
		"RestrictAddressFamilies=":                           "network",
		"ProtectSystem=no":                                   "read-only",
		"ProtectHome=no":                                     "home",
		"PrivateDevices=no":                                  "",
		"MemoryDenyWriteExecute=no":                          "code",
		"LimitCORE=infinity":                                 "", // nso-pam does that itself, too
		"InaccessiblePaths=/etc/shadow":                      "shadow",
	} {
		s.Write("/etc/systemd/system/nso-pam@.service.d/hole.conf", "[Service]\n"+line+"\n", 0o644)
		s.Run("systemctl", "daemon-reload")
		report, _ := s.selfTest()
		if found != "" && !strings.Contains(report, "HOLE  "+found) {
			t.Errorf("%q is not found out as %s:\n%s", line, found, report)
		}
	}
	s.noDropIns()
	clean("in the end")
	s.enters("ann", secret)
	s.healthy()
}

// exposure holds systemd's own figure for the units, on each release, and for each
// drop-in what its text says.
func exposure(t *testing.T, s *system) {
	exposure := func(unit string) float64 {
		t.Helper()
		out, _ := s.Try("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
		_, after, _ := strings.Cut(out, "Overall exposure level for ")
		_, after, _ = strings.Cut(after, ": ")
		word, _, _ := strings.Cut(after, " ")
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			t.Fatalf("%s: %v\n%s", unit, err, out)
		}
		return n
	}
	for unit, most := range map[string]float64{"nso-pam@x.service": 1.2, "nso-nss.service": 0.5} {
		n := exposure(unit)
		if n > most {
			t.Errorf("%s: %.1f, more than %.1f", unit, n, most)
		}
		t.Logf("%s: %s %.1f", t.Name(), unit, n)
	}
	root, err := instance.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "packaging", "pam-dropins", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no drop-ins")
	}
	for _, f := range files {
		s.dropIn(filepath.Base(f), "")
		n := exposure("nso-pam@x.service")
		text, _ := exec.Command("grep", "-o", "Exposure: .*", f).Output()
		says := strings.Trim(strings.TrimPrefix(strings.TrimSpace(string(text)), "Exposure: "), ".")
		if most, err := strconv.ParseFloat(says, 64); err == nil && n > most || err != nil && (says != "as without it" || n > 1.2) {
			t.Errorf("%s: %.1f, and its text says %q", f, n, says)
		}
		t.Logf("%s: %s %.1f", t.Name(), filepath.Base(f), n)
		s.noDropIns()
	}
}

// process looks at a live instance from outside.
func process(t *testing.T, s *system) {
	cmd := s.Command(t.Context(), "setpriv", "--reuid", "nso", "--regid", "nso", "--init-groups", "--", "pamlogin", "-hostile", "linger", "ann")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var status string
	s.until("it is up", func() bool {
		out, err := s.Try("sh", "-c", "cat /proc/$(pgrep -x nso-pam)/status")
		status = out
		return err == nil && strings.Contains(out, "NoNewPrivs:\t1")
	})
	for _, want := range []string{"CapEff:\t0000000020000004", "CapBnd:\t0000000020000004", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "VmSwap:\t       0 kB"} {
		if !strings.Contains(status, want) {
			t.Errorf("there is no %q in\n%s", want, status)
		}
	}
	if out := s.Run("sh", "-c", "cat /proc/$(pgrep -x nso-pam)/cgroup"); !strings.Contains(out, "nso-helpers.slice/nso-pam@") {
		t.Errorf("its cgroup is %s", out)
	}
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "Threads") {
			t.Logf("%s: %s", t.Name(), strings.TrimSpace(line))
		}
	}
	s.Run("pkill", "-x", "nso-pam")
}
