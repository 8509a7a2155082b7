// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// subsystem is what sshd(8) tells the login shell of a user to run who asks for
// NETCONF.
const subsystem = "/usr/libexec/nso/nso-netconf-subsystem"

// byName is the command line of nso for the name that it was started by. By the name
// nso-cli it can be a login shell: it runs its own commands alone, whether typed, from a
// pipe or with -c, as sshd has it. Whoever asks sshd for a program, a copy of files or
// another subsystem gets what the command line says of a word that it does not know.
func byName(argv0, shell string, args []string) []string {
	const name = "nso-cli"
	base := filepath.Base(argv0)
	// login(1), su(1) and sshd(8) put a hyphen before the name of a login shell.
	if strings.TrimPrefix(base, "-") != name {
		return args
	}
	if slices.Equal(args, []string{"-c", subsystem}) {
		return []string{"netconf"}
	}
	// Whose shell this is has no other way to files, and gets none here. With -c there
	// is no hyphen; SHELL is set by who starts the shell.
	if base != name || filepath.Base(shell) == name {
		args = append([]string{"--no-files"}, args...)
	}
	return append([]string{"cli"}, args...)
}
