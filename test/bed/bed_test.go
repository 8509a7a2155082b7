// SPDX-License-Identifier: Apache-2.0

package bed

import (
	"strings"
	"testing"
)

// TestBoot boots both releases that the packages are for.
func TestBoot(t *testing.T) {
	for suite, version := range map[string]string{"bookworm": "252", "trixie": "257"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			b := Boot(t, suite)
			if out := b.Run("systemctl", "--version"); !strings.HasPrefix(out, "systemd "+version) {
				t.Errorf("systemd is %q, want %s", strings.SplitN(out, "\n", 2)[0], version)
			}
			if out := b.Run("sh", "-c", "cat /proc/1/comm"); strings.TrimSpace(out) != "systemd" {
				t.Errorf("PID 1 is %q", out)
			}
		})
	}
}
