// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecondTry: a test that fails once is run again and named, one that fails twice
// has failed, and so has one with a panic.
func TestSecondTry(t *testing.T) {
	dir := t.TempDir()
	count := filepath.Join(dir, "count")
	if out, err := exec.Command("go", "build", "-o", count, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"go.mod": "module nso.example/m\n\ngo 1.26\n",
		"m_test.go": `package m

import (
	"os"
	"testing"
)

func TestFine(t *testing.T) {}

func TestOnce(t *testing.T) {
	t.Run("step", func(t *testing.T) {
		if _, err := os.Stat("seen"); err != nil && os.Getenv("FAIL") != "" {
			os.WriteFile("seen", nil, 0o600)
			t.Error("the first time")
		}
	})
}

func TestTwice(t *testing.T) {
	switch os.Getenv("FAIL") {
	case "twice":
		t.Error("always")
	case "panic":
		panic("no")
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for fails, want := range map[string]struct {
		line string
		ok   bool
	}{
		"":      {"\ntests: 4 passed, 0 failed, 0 skipped\n", true},
		"once":  {"\npassed only at the second try, alone: nso.example/m TestOnce\n", true},
		"twice": {" 3 failed, 0 skipped\n", false},
		"panic": {"panic: no", false},
	} {
		os.Remove(filepath.Join(dir, "seen"))
		cmd := exec.Command(count, "--", "go", "test", "-json", "-count=1", "./...")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "FAIL="+fails, "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if (err == nil) != want.ok || !strings.Contains(string(out), want.line) || fails == "panic" && strings.Contains(string(out), "once more") {
			// Indented, or the lines would be taken for this test's.
			t.Errorf("FAIL=%q: %v\n  %s", fails, err, strings.ReplaceAll(string(out), "\n", "\n  "))
		}
	}
}
