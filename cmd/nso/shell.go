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
// nso-cli it is a login shell: it runs its own commands alone, whether typed, from a
// pipe or with -c, as sshd has it. Whoever asks sshd for a program, a copy of files or
// another subsystem gets what the command line says of a word that it does not know.
func byName(argv0 string, args []string) []string {
	// login(1), su(1) and sshd(8) put a hyphen before the name of a login shell.
	if strings.TrimPrefix(filepath.Base(argv0), "-") != "nso-cli" {
		return args
	}
	if slices.Equal(args, []string{"-c", subsystem}) {
		return []string{"netconf"}
	}
	return append([]string{"cli"}, args...)
}
