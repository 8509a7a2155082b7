// SPDX-License-Identifier: Apache-2.0

// Package portowner says who holds a TCP port of this machine: the program where
// /proc shows it to the caller, else the user.
//
// It reads /proc and, where that does not say it, tries to bind; it keeps nothing
// open.
//
// Invariants:
//  1. An owner is named only if its socket keeps the address from being bound.
//  2. What may not be seen is left out, and never guessed.
//
// proc_net_tcp(5), proc_pid_fd(5), ipv6(7) for IPV6_V6ONLY.
package portowner
