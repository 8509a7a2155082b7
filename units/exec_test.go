// SPDX-License-Identifier: Apache-2.0

package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExecExposure: what systemd-analyze finds of the units that run commands, as they
// are shipped and with the strict profile.
func TestExecExposure(t *testing.T) {
	tool, dir := analyze(t), t.TempDir()
	strict, err := os.ReadFile("../packaging/exec-dropins/strict.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Static() {
		for _, kind := range []string{"nso-exec@", "nso-pty@"} {
			if f.Path != kind+".service" {
				continue
			}
			for name, to := range map[string]struct{ text, most string }{
				kind + "ann.service": {f.Content, "34"}, kind + "bob.service": {f.Content + "\n" + string(strict), "16"}, // in tenths
			} {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, []byte(to.text), 0o644); err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(tool, "security", "--offline=yes", "--no-pager", "--threshold="+to.most, path).CombinedOutput()
				if err != nil {
					t.Errorf("%s is exposed by more than %s tenths: %v\n%s", name, to.most, err, out)
				}
				for l := range strings.Lines(string(out)) {
					if strings.Contains(l, "Overall exposure level") {
						t.Log(strings.TrimSpace(l))
					}
				}
			}
		}
	}
}

// TestExecVerify: systemd reads the units without a complaint.
func TestExecVerify(t *testing.T) {
	tool, dir := analyze(t), lay(t)
	names := []string{"nso-exec@ann.socket", "nso-exec@ann.service", "nso-pty@ann.socket", "nso-pty@ann.service",
		"nso-exec-root.socket", "nso-exec-root.service", "nso-pty-root.socket", "nso-pty-root.service"}
	cmd := exec.Command(tool, append([]string{"verify", "--man=no", "--generators=no"}, names...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":", "SYSTEMD_LOG_LEVEL=warning")
	out, _ := cmd.CombinedOutput()
	for l := range strings.Lines(string(out)) {
		if (strings.HasPrefix(l, "nso") || strings.HasPrefix(l, dir)) && !strings.Contains(l, "is not executable: No such file or directory") {
			t.Errorf("%s", l)
		}
	}
}
