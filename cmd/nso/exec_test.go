// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExecRules(t *testing.T) {
	dir := t.TempDir()
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "x.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("[rule.a]\ndescription = \"says what\"\nprogram = \"/no/such\"\nrun-as = \"caller\"\ngroups = [\"ops\"]\narguments = [\"{p}\"]\n[rule.a.argument.p]\nsecret = true\n" +
		"[rule.b]\nprogram = \"/usr/bin/env\"\nrun-as = \"root\"\ndirectory = \"/no/such\"\n")
	got := try(t, "exec", "list", dir)
	if got.status != 0 || !strings.Contains(got.out, "a                    as caller, for %ops\n") || !strings.Contains(got.out, "says what") || !strings.Contains(got.out, "for nobody") {
		t.Errorf("%+v", got)
	}
	if got := try(t, "exec", "list", "--json", dir); got.status != 0 || !strings.Contains(got.out, `"name": "a"`) && !strings.Contains(got.out, `"name":"a"`) {
		t.Errorf("%+v", got)
	}
	got = try(t, "exec", "check", dir)
	for _, want := range []string{"x.toml:1: a: cannot use /no/such", "x.toml:1: a: p is a secret", "x.toml:9: b: it runs as root", "x.toml:9: b: it is for nobody", "x.toml:9: b: cannot use the folder /no/such"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("there is no %q in %+v", want, got)
		}
	}
	if got.status != 1 {
		t.Errorf("%+v", got)
	}
	put("[rule.a]\nprogram = \"/usr/bin/env\"\nrun-as = \"caller\"\nusers = [\"*\"]\noperations = [\"/ietf-system:system-restart\", \"/no:such\", \"*\"]\nipc = [\"read\"]\n" +
		"[rule.b]\nprogram = \"/usr/bin/env\"\nrun-as = \"caller\"\nusers = [\"*\"]\noperations = [\"/ietf-system:set-current-datetime\"]\n" +
		"[rule.c]\nprogram = \"/usr/bin/env\"\nrun-as = \"daemon\"\nvalidate = [\"/ietf-system:system/hostname\", \"/ietf-system:system-state\"]\n")
	got = try(t, "exec", "list", dir)
	for _, want := range []string{"does /ietf-system:system-restart\n", "does what models name it for\n", "may call the daemon read\n", "as daemon, for commits\n", "validates /ietf-system:system/hostname\n"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("there is no %q in %+v", want, got)
		}
	}
	got = try(t, "exec", "check", dir)
	for _, want := range []string{"the rule a does nothing for /no:such", "nothing does /ietf-system:set-current-datetime: the rule b has no place for current-datetime of its input",
		"the rule c validates nothing at /ietf-system:system-state"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("there is no %q in %+v", want, got)
		}
	}
	if got.status != 1 || strings.Contains(got.err, "system-restart") {
		t.Errorf("%+v", got)
	}
	put("[rule.a]\nshell = true\n")
	if got := try(t, "exec", "check", dir); got.status != 1 || !strings.Contains(got.err, "x.toml:2: cannot use the key") {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"root", "0", "1000", "-1", "a@b", "../x", ""} {
		if got := try(t, "exec", "allow", "--", name); got.status != 1 || !strings.Contains(got.err, "cannot use the account") {
			t.Errorf("%q: %+v", name, got)
		}
	}
	if got := try(t, "exec", "allow", "no-such-account"); got.status != 1 || !strings.Contains(got.err, "cannot find the account") {
		t.Errorf("%+v", got)
	}
	if got := try(t, "exec", "explain", "no-such-rule"); got.status != 1 || !strings.Contains(got.err, "no rule of that name") {
		t.Errorf("%+v", got)
	}
	if got := try(t, "exec", "deny"); got.status != 2 {
		t.Errorf("%+v", got)
	}
}
