// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script is the completion for a shell, as a file.
func script(t *testing.T, shell string) (path, text string) {
	t.Helper()
	got := try(t, "completion", shell)
	if got.status != 0 || got.err != "" {
		t.Fatalf("completion %s: %+v", shell, got)
	}
	path = filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(path, []byte(got.out), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, got.out
}

// TestCompletionBash completes command lines with bash itself.
func TestCompletionBash(t *testing.T) {
	path, _ := script(t, "bash")
	dir := t.TempDir()
	for _, f := range []string{"a b.yang", "c.yang"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line []string // the last word is the one to complete
		want string
	}{
		{[]string{"ki"}, "kick"},
		{[]string{"sche"}, "schema"},
		{[]string{"data", "va"}, "validate"},
		{[]string{"data", "x", ""}, ""},
		{[]string{"status", "--"}, "--json"},
		{[]string{"schema", "check", "--"}, "--path --strict"},
		{[]string{"schema", "check", "--path", ""}, "models"},
		{[]string{"schema", "check", "a"}, "a b.yang"},
		{[]string{"data", "convert", "--to", ""}, "xml json"},
		{[]string{"data", "convert", "--to", "x"}, "xml"},
		{[]string{"data", "convert", "--with-defaults", "e"}, "explicit"},
		{[]string{"completion", "f"}, "fish"},
		{[]string{"version", ""}, ""},
		{[]string{"nothing", ""}, ""},
	} {
		words := "COMP_WORDS=(nso"
		for _, w := range c.line {
			words += " " + single(w)
		}
		program := fmt.Sprintf(". %s; %s); COMP_CWORD=%d; _nso; echo \"${COMPREPLY[*]}\"", single(path), words, len(c.line))
		cmd := exec.Command("bash", "--norc", "-uc", program)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != c.want {
			t.Errorf("nso %s: %q (%v), want %q", strings.Join(c.line, " "), got, err, c.want)
		}
	}
}

// TestCompletionHasAll: every command and option is in the scripts of all shells,
// and each shell that is here can read its own.
func TestCompletionHasAll(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		path, text := script(t, shell)
		for _, c := range commands() {
			for _, word := range strings.Fields(c.name) {
				if !strings.Contains(text, word) {
					t.Errorf("%s: there is no %q", shell, c.name)
				}
			}
			for _, o := range c.options() {
				name := strings.TrimLeft(o.name, "-")
				for _, v := range append(o.values, name) {
					if !strings.Contains(text, v) {
						t.Errorf("%s: %s has no %q", shell, c.name, v)
					}
				}
			}
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not here and cannot read its script", shell)
			continue
		}
		if out, err := exec.Command(shell, "-n", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s cannot read its script: %v\n%s", shell, err, out)
		}
	}
	if got := try(t, "completion", "tcsh"); got.status != 2 || !strings.Contains(got.err, "cannot complete for") {
		t.Errorf("completion for a shell that is not known: %+v", got)
	}
}
