// SPDX-License-Identifier: Apache-2.0

// Package runner serves the socket of one unit: each connection is one command, which
// is started, fed, listened to and ended here.
//
// It becomes nobody: the service manager has made the process the user that its
// commands run as. It trusts the daemon in who asks, and in nothing else.
//
// Invariants:
//  1. Only the daemon's uid is served, as the kernel tells it.
//  2. No rule, no run: the rule is read from root's folder at that moment, and program,
//     arguments, environment and whom it runs as are made and checked from it here.
//  3. A command does not outlive its connection, its deadline or this process; nothing
//     that it has started outlives it.
//  4. The end is told after the last byte of output, unless nobody takes that.
//  5. Memory does not grow with what a command writes, or with what is sent to it.
//  6. What a program was started with is in the log with the secrets left out, and so
//     is how it ended.
package runner
