// SPDX-License-Identifier: Apache-2.0

// Package run is "nso run": it does for one instance of the daemon what systemd
// does for the installed one. It binds the sockets, becomes the user that the
// daemon runs as, and starts nsod with the sockets passed to it.
//
// It knows nothing of what the daemon does with them. It is the only part that
// binds, and besides nso-exec the only one that starts a program.
//
// Invariants:
//  1. Started by root it does three things as root: look up the user, give it the
//     folder of the instance, open nsod's file. Then it becomes that user for good:
//     no group, no capability, no_new_privs. Nothing is read or bound before.
//  2. nsod gets its sockets at descriptor 3 and up with LISTEN_PID, LISTEN_FDS and
//     LISTEN_FDNAMES, and no other descriptor but 0, 1 and 2 (sd_listen_fds(3)).
//  3. One instance has one folder: a lock is held on it as long as nso run lives.
//  4. nsod does not outlive nso run, and nso run ends when nsod does, with its
//     exit status.
package run
