// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"slices"
	"testing"
)

// TestFigures prints how long things take. It asserts no time.
func TestFigures(t *testing.T) {
	s := install(t, "bookworm")
	s.Write("/etc/nso/exec.d/figures.toml", command("true", "/usr/bin/true", ""), 0o644)
	median := func(times []float64) float64 {
		slices.Sort(times)
		return times[len(times)/2]
	}
	var first []float64
	for range 10 {
		s.Run("systemctl", "stop", "nso-exec@ann.service")
		first = append(first, s.runs(s.ann("true")).Times[0])
	}
	t.Logf("the first command of an account: %.1f ms (p50 of 10, the service manager's start of the unit in it)", median(first))
	j := s.ann("true")
	j.Repeat = 300
	t.Logf("a later one: %.2f ms (p50 of 300)", median(s.runs(j).Times))
	j.Repeat, j.At = 100, 8
	r := s.runs(j)
	t.Logf("%.0f commands a second, eight at once", float64(len(r.Times))/r.Took*1000)
	before := s.rss(s.helper("ann"))
	j = s.ann("hostile", "what=print", "more=1000000000")
	j.Seconds = 300
	r = s.runs(j)
	t.Logf("1 GB of output, hashed by who reads it: %.0f MB/s; resident %d KiB before, %d after", float64(r.Size)/r.Took/1000, before, s.rss(s.helper("ann")))
}
