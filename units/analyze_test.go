// SPDX-License-Identifier: Apache-2.0

package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/config"
)

// analyze is systemd-analyze, or the test is skipped.
func analyze(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing: apt-get install systemd")
	}
	return path
}

// lay writes the shipped units and those of a configuration with every door.
func lay(t *testing.T) string {
	t.Helper()
	c, err := config.Parse("nso.toml", `[listen]
netconf-tcp = {enabled = true, address = ["127.0.0.1:830", "[::1]:830"]}
netconf-ssh = {enabled = true}
cli-ssh = {enabled = true}
ipc-tcp = {enabled = true}
[ipc]
path = "/run/netops/ipc"
group = "root-like"
[state]
dir = "/srv/nso"
[limits]
connections = 100000
`)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Generate(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range append(Static(), made...) {
		p := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if f.Link != "" {
			err = os.Symlink(filepath.Join(dir, filepath.Base(f.Link)), p)
		} else {
			err = os.WriteFile(p, []byte(f.Content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestExposure: what systemd-analyze finds that could still be taken, of ten.
func TestExposure(t *testing.T) {
	tool, dir := analyze(t), t.TempDir()
	for _, f := range Static() {
		if err := os.WriteFile(filepath.Join(dir, f.Path), []byte(f.Content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for unit, threshold := range map[string]string{ // in tenths
		Service: "5", "nso-listen@.service": "5", Check: "5",
		"nso-mediate.service":   "5",
		"nso-keys@.service":     "4",
		"nso-external@.service": "12", // a program of the site, with the network
		Apply:                   "20", // root, which moves sockets
	} {
		out, err := exec.Command(tool, "security", "--offline=yes", "--no-pager", "--threshold="+threshold, filepath.Join(dir, unit)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is exposed by more than %s tenths: %v\n%s", unit, threshold, err, out)
		}
		for l := range strings.Lines(string(out)) {
			if strings.Contains(l, "Overall exposure level") {
				t.Log(strings.TrimSpace(l))
			}
		}
	}
}

// TestVerify: systemd reads every unit without a complaint, shipped and generated.
func TestVerify(t *testing.T) {
	tool, dir := analyze(t), lay(t)
	names := []string{Socket, "nso-diag.socket", Service, Check, Apply, Mend, "nso-mediate.socket", "nso-mediate.service", "nso-mediate-sudo.service",
		"nso-external.socket", "nso-external@1.service", "nso-keys@ann.socket", "nso-keys@ann.service"}
	for _, d := range config.Default().Listen.Doors() {
		names = append(names, DoorSocket(d.Name), "nso-listen@"+d.Name+".service")
	}
	cmd := exec.Command(tool, append([]string{"verify", "--man=no", "--generators=no"}, names...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":", "SYSTEMD_LOG_LEVEL=warning")
	out, err := cmd.CombinedOutput()
	for l := range strings.Lines(string(out)) {
		if !strings.HasPrefix(l, "nso") && !strings.HasPrefix(l, dir) {
			continue // another unit of this machine
		}
		if strings.Contains(l, "is not executable: No such file or directory") {
			continue // the programs are not installed here
		}
		t.Errorf("%s", l)
	}
	if len(out) == 0 && err != nil {
		t.Error(err)
	}
	// And that it would complain.
	if err := os.WriteFile(filepath.Join(dir, "nso-diag.socket"), []byte("[Socket]\nListenNetlik=inet-diag 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(tool, "verify", "--man=no", "--generators=no", "nso-diag.socket")
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), "ListenNetlik") {
		t.Errorf("a wrong unit is verified:\n%s", out)
	}
}
