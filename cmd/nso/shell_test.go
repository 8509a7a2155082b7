// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

func TestByName(t *testing.T) {
	for _, c := range []struct {
		argv0, shell string
		args, want   []string
	}{
		{"nso", "/bin/bash", []string{"status"}, []string{"status"}},
		{"nso", "/usr/bin/nso-cli", []string{"status"}, []string{"status"}},
		{"/usr/bin/nso", "", nil, nil},
		{"nso-cli", "/bin/bash", nil, []string{"cli"}},
		{"-nso-cli", "/usr/bin/nso-cli", nil, []string{"cli", "--no-files"}},
		{"-nso-cli", "/bin/bash", nil, []string{"cli", "--no-files"}}, // su -, with SHELL of before
		{"/usr/bin/nso-cli", "/bin/bash", []string{"-c", "show status"}, []string{"cli", "-c", "show status"}},
		{"nso-cli", "/usr/bin/nso-cli", []string{"-c", "show status"}, []string{"cli", "--no-files", "-c", "show status"}},
		{"nso-cli", "/usr/bin/nso-cli", []string{"-c", subsystem}, []string{"netconf"}},
		{"-nso-cli", "", []string{"-c", subsystem}, []string{"netconf"}},
		// Anything else is a command of the command line, or none.
		{"nso-cli", "", []string{"-c", subsystem + " -x"}, []string{"cli", "-c", subsystem + " -x"}},
		{"nso-cli", "", []string{"-c", "/usr/lib/openssh/sftp-server"}, []string{"cli", "-c", "/usr/lib/openssh/sftp-server"}},
		{"nso", "", []string{"-c", subsystem}, []string{"-c", subsystem}},
		{"-bash", "", []string{"-c", "id"}, []string{"-c", "id"}},
	} {
		if got := byName(c.argv0, c.shell, c.args); !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %q", c.argv0, c.args, got)
		}
	}
}
