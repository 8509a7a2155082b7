// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// TestAgent: what the helper says is asked, answers and the cookie are given to it alone,
// and it has a few tries.
func TestAgent(t *testing.T) {
	helper := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(helper, []byte(`#!/bin/sh
read -r cookie
[ "$cookie" = c00kie ] && [ "$1" = ann ] || exit 1
printf 'PAM_TEXT_INFO take \033[31mcare\nPAM_PROMPT_ECHO_OFF Password: \n'
read -r p
[ "$p" = right ] && echo SUCCESS || echo FAILURE
`), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		answers []string
		asked   int
		err     string
	}{
		{"right", []string{"right"}, 1, ""},
		{"wrong, and right", []string{"wrong", "right"}, 2, ""},
		{"wrong", []string{"a", "b", "c", "right"}, 3, ""}, // polkit knows that it was not right
		{"no answer", nil, 1, "nobody"},
		{"two lines", []string{"right\nSUCCESS"}, 1, "cannot use"},
	} {
		var asked []string
		a := &agent{ctx: t.Context(), helper: helper, ask: func(_ context.Context, question string, echo bool) (string, error) {
			asked = append(asked, question)
			if echo || len(asked) > len(tc.answers) {
				return "", errors.New("nobody is there")
			}
			return tc.answers[len(asked)-1], nil
		}}
		var err error
		told := "Do it (org.nso.exec.run).\n"
		for range agentTries {
			var ok bool
			if ok, err = a.helped(t.Context(), told, "ann", "c00kie"); ok || err != nil {
				break
			}
			told = ""
		}
		if len(asked) != tc.asked || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: asked %q, error %v", tc.name, asked, err)
		}
		if len(asked) > 0 && asked[0] != "Do it (org.nso.exec.run).\ntake [31mcare\nPassword: " {
			t.Errorf("%s: it asks %q", tc.name, asked[0])
		}
	}
	// A helper that fails, or that is none.
	a := &agent{ctx: t.Context(), helper: helper, ask: nil}
	if ok, err := a.helped(t.Context(), "", "bob", "c00kie"); ok || err != nil {
		t.Errorf("a helper that fails: %v, %v", ok, err)
	}
	a.helper = "/nonexistent"
	if ok, err := a.helped(t.Context(), "", "ann", "c00kie"); ok || err == nil {
		t.Errorf("no helper: %v, %v", ok, err)
	}
}

// TestAgentStranger: only polkit may ask.
func TestAgentStranger(t *testing.T) {
	a := &agent{ctx: t.Context(), polkit: ":1.7", running: make(map[string]context.CancelFunc)}
	if err := a.BeginAuthentication(":1.8", "org.x", "Type your password", "", nil, "c", nil); err == nil || err.Name != agentFailed {
		t.Errorf("somebody else may ask: %v", err)
	}
	if err := a.BeginAuthentication(":1.7", "org.x", "Type your password", "", nil, "c", []identity{{"unix-group", nil}}); err == nil || err.Name != agentCancelled {
		t.Errorf("nobody could authenticate: %v", err)
	}
	self := identity{"unix-user", map[string]dbus.Variant{"uid": dbus.MakeVariant(uint32(os.Getuid()))}}
	if got := accounts([]identity{{"unix-user", map[string]dbus.Variant{"uid": dbus.MakeVariant(uint32(65534))}}, self}); len(got) != 1 || got[0] == "nobody" {
		t.Errorf("the accounts are %q", got)
	}
}
