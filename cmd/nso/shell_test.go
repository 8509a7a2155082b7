// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

func TestByName(t *testing.T) {
	for _, c := range []struct {
		argv0 string
		args  []string
		want  []string
	}{
		{"nso", []string{"status"}, []string{"status"}},
		{"/usr/bin/nso", nil, nil},
		{"nso-cli", nil, []string{"cli"}},
		{"-nso-cli", nil, []string{"cli"}},
		{"/usr/bin/nso-cli", []string{"-c", "show status"}, []string{"cli", "-c", "show status"}},
		{"nso-cli", []string{"-c", subsystem}, []string{"netconf"}},
		{"-nso-cli", []string{"-c", subsystem}, []string{"netconf"}},
		// Anything else is a command of the command line, or none.
		{"nso-cli", []string{"-c", subsystem + " -x"}, []string{"cli", "-c", subsystem + " -x"}},
		{"nso-cli", []string{"-c", "/usr/lib/openssh/sftp-server"}, []string{"cli", "-c", "/usr/lib/openssh/sftp-server"}},
		{"nso", []string{"-c", subsystem}, []string{"-c", subsystem}},
		{"-bash", []string{"-c", "id"}, []string{"-c", "id"}},
	} {
		if got := byName(c.argv0, c.args); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q", c.argv0, c.args, got)
		}
	}
}
