// SPDX-License-Identifier: Apache-2.0

// Package sshd is the transport of the doors that speak SSH: keys, logins, channels.
//
// It binds nothing: listeners are handed to it. Who somebody is, auth says; what a
// channel is for, the programs of its door do. It starts no process, opens no file but
// host keys, and has no file transfer and no forwarding that could be switched on.
//
// Invariants:
//  1. Before somebody is in, nothing but SSH is parsed, for a limited time, a limited
//     number of bytes, and of a limited number of connections (package accept).
//  2. What is not in the table of Algorithms is not spoken: no SHA-1, no CBC, no
//     cipher that takes strict key exchange to be safe.
//  3. A connection has channels of the type "session" alone, and few; a channel has
//     one program of its door. Every other request is refused.
//  4. A host key is never replaced: one that cannot be used is an error.
//  5. A peer that is gone, or reads nothing, ends. What it can send that nobody takes
//     is bounded.
//  6. A program that panics ends its own channel.
//
// RFC 4253 and 4254 (the transport, channels), RFC 4252 (5.4, the banner), RFC 4335
// (break), RFC 9142 (which key exchanges).
package sshd
