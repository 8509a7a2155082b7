// SPDX-License-Identifier: Apache-2.0

// Command nso-pam asks PAM about one login: systemd starts it for each connection to
// nso-pam.socket, with the connection as its standard input, and it ends with the
// verdict.
//
// It opens no session, sets no credentials, changes no password, and starts nothing
// itself (modules do). It must be built with cgo; without, it only says so.
//
// Invariants:
//  1. It serves the uid of the user nso. Root gets a report of the sandbox, no login.
//  2. The name of the PAM service is "nso", whatever the daemon asks for.
//  3. A login is what pam_authenticate and pam_acct_mgmt both allow, for the name that
//     was asked for: a module that changes PAM_USER makes it a refusal.
//  4. It ends with status 0 whatever a user, a module or the daemon does.
//  5. No answer of a user is in a core, in a log, in the environment or in arguments,
//     nor in a Go string of its own; the process is not dumpable.
//
// The protocol is that of package helper.
package main

// version is set by the linker.
var version = "unknown"
