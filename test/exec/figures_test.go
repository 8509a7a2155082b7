// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"os"
	"slices"
	"testing"
)

// TestFigures prints how long things take, beside what the same machine takes at that
// moment for a plain fork and exec. It asserts no time.
func TestFigures(t *testing.T) {
	if os.Getenv("NSO_BENCH") == "" {
		t.Skip("figures are for make bench, which sets NSO_BENCH=1")
	}
	s := install(t, "bookworm")
	s.Write("/etc/nso/exec.d/figures.toml", command("true", "/usr/bin/true", ""), 0o644)
	median := func(times []float64) float64 {
		slices.Sort(times)
		return times[len(times)/2]
	}
	plain := job{Plain: "/usr/bin/true"}
	var first []float64
	for range 10 {
		s.Run("systemctl", "stop", "nso-exec@ann.service")
		first = append(first, s.runs(s.ann("true")).Times[0])
	}
	j := s.ann("true")
	j.Repeat, plain.Repeat = 100, 100
	var ours, least []float64
	for range 5 { // by turns, since other work on the machine comes and goes
		ours, least = append(ours, s.runs(j).Times...), append(least, s.runs(plain).Times...)
	}
	t.Logf("the first command of an account: %.0f ms (p50 of 10, with the service manager's start of the unit), %.0f times a fork and exec", median(first), median(first)/median(least))
	t.Logf("a later one: %.2f ms (p50 of 500), a fork and exec of the same program %.2f ms: %.2f ms more, %.1f times", median(ours), median(least), median(ours)-median(least), median(ours)/median(least))
	j.Repeat, j.At, plain.Repeat, plain.At = 100, 8, 100, 8
	a, b := s.runs(j), s.runs(plain)
	perSecond := func(r result) float64 { return float64(len(r.Times)) / r.Took * 1000 }
	t.Logf("%.0f commands a second, eight at once; %.0f by fork and exec: %.2f of it", perSecond(a), perSecond(b), perSecond(a)/perSecond(b))
	before := s.rss(s.helper("ann"))
	j = s.ann("hostile", "what=print", "more=1000000000")
	j.Seconds = 300
	r := s.runs(j)
	t.Logf("1 GB of output, hashed by who reads it: %.0f MB/s; resident %d KiB before, %d after", float64(r.Size)/r.Took/1000, before, s.rss(s.helper("ann")))
}
