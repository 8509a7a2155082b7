// SPDX-License-Identifier: Apache-2.0

// Package names answers io.systemd.UserDatabase from the C library's name service.
//
// The standard library's os/user asks it, through getpwnam_r(3), getpwuid_r(3),
// getgrgid_r(3) and getgrouplist(3), where the program is built with cgo.
//
// Invariants:
//  1. Only what was asked for by name or number is answered; nothing is listed.
//  2. A lookup ends in time for who asks, and at most 16 are under way, whatever the
//     name service does.
//  3. An error of the name service is told apart from an account that does not exist.
package names
