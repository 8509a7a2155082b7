// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"os"
	"strings"
	"testing"
)

// TestOutside: where there is no sandbox the report says so. What it says inside is
// tested on booted systems.
func TestOutside(t *testing.T) {
	holes := make(map[string]bool)
	for _, p := range Probe() {
		if p.Name == "" || p.Found == "" {
			t.Errorf("an empty line: %+v", p)
		}
		if !p.OK {
			holes[p.Name] = true
		}
	}
	for _, name := range []string{"privileges", "network", "siblings"} {
		if !holes[name] {
			t.Errorf("%s: no hole is found where there is no sandbox", name)
		}
	}
	if left, err := os.ReadDir(faillockFolder()); err == nil {
		for _, e := range left {
			if strings.HasPrefix(e.Name(), "nso-self-test") {
				t.Errorf("%s is left", e.Name())
			}
		}
	}
}

// TestExcuse: only what a drop-in names is excused.
func TestExcuse(t *testing.T) {
	count := func(name string) (n int) {
		for _, p := range Probe() {
			if p.Name == name && !p.OK {
				n++
			}
		}
		return n
	}
	before := count("network")
	t.Setenv("NSO_PAM_NETWORK", "1")
	if count("network") != before {
		t.Error("any value excuses")
	}
	t.Setenv("NSO_PAM_NETWORK", "yes")
	if n := count("network"); n >= before {
		t.Errorf("%d holes with the excuse, %d without", n, before)
	}
}
