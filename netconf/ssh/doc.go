// SPDX-License-Identifier: Apache-2.0

// Package ssh is the door netconf-ssh: NETCONF over SSH.
//
// It binds nothing: listeners are handed to it. Who somebody is, auth says; what is in
// a channel is netconf's. It starts no program, opens no file but host keys, and has no
// shell, no file transfer and no forwarding that could be switched on.
//
// Invariants:
//  1. Before somebody is in, nothing but SSH is parsed, for a limited time, and of a
//     limited number of connections, in all and of one source; beyond a part of that
//     number new ones are dropped at random, so that no crowd keeps everybody out.
//  2. What is not in the table of Algorithms is not spoken: no SHA-1, no CBC, no
//     cipher that takes strict key exchange to be safe.
//  3. A connection has channels of the type "session" alone, and few; a channel has
//     the subsystem "netconf" or nothing. Every other request is refused.
//  4. A host key is never replaced: one that cannot be used is an error.
//  5. A peer that is gone, or reads nothing, ends.
//
// RFC 6242 (NETCONF over SSH), RFC 4253 and 4254 (the transport, channels), RFC 9142
// (which key exchanges).
package ssh
