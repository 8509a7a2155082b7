// SPDX-License-Identifier: Apache-2.0

// Package activation takes the sockets that the service manager bound, and tells
// the service manager how the daemon is.
//
// It binds nothing, opens nothing but /proc and the socket of the notification,
// and keeps no state of its own: what was inherited is a value.
//
// Invariants:
//  1. A descriptor is used only after it was inspected against the rule of its
//     name: family, type, protocol, listening, address, and mode and owner of the
//     path of a Unix socket.
//  2. A name without a rule, and a required rule without a descriptor, are errors
//     that name the unit to mend.
//  3. After Inherit no descriptor is open without its close-on-exec flag, and no
//     variable LISTEN_* is left for a child.
//  4. A Unix socket's path is never removed: it is not ours.
//
// The protocols are those of sd_listen_fds(3), sd_notify(3) and
// sd_watchdog_enabled(3).
package activation
