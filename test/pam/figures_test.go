// SPDX-License-Identifier: Apache-2.0

package pam

import (
	"strings"
	"testing"
	"time"
)

// figures prints what a login costs beside what pam_unix takes itself: the hash of
// the password is a cheap one, and pamtester asks the same stack without a unit.
// Nothing here is asserted but that every login succeeds.
func figures(t *testing.T, s *system) {
	s.Write("/root/passwords", "rad:"+secret+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd -c SHA256 -s 1000 </root/passwords; rm /root/passwords")
	s.Write("/root/answer", secret+"\n", 0o600)
	begin := time.Now()
	const own = 20
	out := s.Run("sh", "-c", "for i in $(seq 20); do pamtester nso rad authenticate acct_mgmt </root/answer; done 2>&1")
	if strings.Count(out, "successfully authenticated") != own {
		t.Fatal(out)
	}
	t.Logf("%s: pamtester, with its start: %d ms", t.Name(), time.Since(begin).Milliseconds()/own)
	for _, atOnce := range []string{"1", "8", "32"} {
		var f struct {
			Failed       int
			PerSecond    float64
			P50MS, P99MS int64
			FirstError   string
		}
		s.client(&f, "-times", "30", "-at-once", atOnce, "rad", secret)
		if f.Failed > 0 {
			t.Errorf("%d of 30 logins fail: %s", f.Failed, f.FirstError)
		}
		t.Logf("%s: %s at once: %.0f a second, p50 %d ms, p99 %d ms", t.Name(), atOnce, f.PerSecond, f.P50MS, f.P99MS)
	}
	s.healthy()
}
