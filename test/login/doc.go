// SPDX-License-Identifier: Apache-2.0

// Package login has the clients that people use come in to a booted system where the
// packages are installed: over the daemon's own doors, and over an OpenSSH server.
//
// It is tests alone, and speaks none of the protocols itself where a client of somebody
// else's does.
package login
