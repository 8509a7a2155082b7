// SPDX-License-Identifier: Apache-2.0

package polkit

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"nso.example/nso/mediate"
)

// TestStartTime: the name of a process can look like the rest of the line (row 7).
func TestStartTime(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	for _, name := range []string{"sh", "a) S 1 (b", "x y", ")", ""} {
		if n, err := parseStart("77 (" + name + ")" + rest); err != nil || n != 4711 {
			t.Errorf("%q: %d, %v", name, n, err)
		}
	}
	for _, bad := range []string{"", "77 (sh) S 1", "77 sh S"} {
		if _, err := parseStart(bad); err == nil {
			t.Errorf("%q has a start time", bad)
		}
	}
}

// TestProcess: one that has ended is nobody.
func TestProcess(t *testing.T) {
	s, release, err := process(int32(os.Getpid()), uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	release()
	if s.Kind != "unix-process" || s.Details["pid"].Value() != uint32(os.Getpid()) || s.Details["start-time"].Value().(uint64) == 0 {
		t.Errorf("the subject is %v", s)
	}
	cmd := exec.Command("/bin/true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	for { // it has ended, and is not reaped
		if _, release, err := process(int32(cmd.Process.Pid), 0); err != nil {
			break
		} else {
			release()
		}
	}
}

// TestRoot: what is granted for accounts is not asked about for root.
func TestRoot(t *testing.T) {
	if a, b := actionOf(mediate.Command{RunAs: "bob"}), actionOf(mediate.Command{RunAs: "root"}); a != "org.nso.exec.run" || b != "org.nso.exec.run-root" {
		t.Errorf("polkit is asked about %q, and for root about %q", a, b)
	}
	policy, err := os.ReadFile("../../../packaging/polkit/org.nso.policy")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{action, actionAsRoot} {
		if !strings.Contains(string(policy), `<action id="`+a+`">`) {
			t.Errorf("the policy has no %s", a)
		}
	}
}
