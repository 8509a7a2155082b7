// SPDX-License-Identifier: Apache-2.0

// Package ident says who is asking: a value made once, at the door, from what the
// kernel tells about a connection, and only ever narrowed.
//
// It starts nothing, writes nothing, reads nothing from the peer but the cleartext
// header of loopback TCP, and decides nothing about access: that is nacm.
//
// Invariants:
//  1. Every unknown is a refusal: a uid without an account, uid 65534 or -1, a
//     process that is gone or another one, an answer that is not the kernel's, not
//     about an established connection, or not about the one that was asked for.
//  2. A decision rests on uid and groups. The pid and the login uid are for the log.
//  3. A loopback TCP peer is asked for again before its first request is believed;
//     only the very same socket counts.
//  4. Acting as another user takes a grant.
//  5. Anything read from outside has a limit and a deadline.
//
// The kernel's interfaces are those of unix(7), sock_diag(7) and pidfd_open(2); the
// names come from systemd's io.systemd.UserDatabase, or from passwd(5) and group(5).
package ident
