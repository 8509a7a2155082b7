// SPDX-License-Identifier: Apache-2.0

// Package netconf is the reception of NETCONF: one session on one connection, from
// the hello to the end, with an operation in each op_*.go.
//
// It reaches data through mgmt.Session alone; it binds nothing, and knows no
// transport: netconf/tcp and netconf/local hand it connections whose peer is
// known.
//
// Invariants:
//  1. An operation is done only after the whole message has been read and is
//     well-formed; nothing is done for half a message.
//  2. Every operation is a row of the table, and a name that is not there is
//     refused.
//  3. Requests of a session are answered in their order (RFC 6241, 4.1).
//  4. What a client sends is bounded in size, depth and time; what it does not
//     read ends its session.
//  5. An error that is neither the client's nor our choice is told as
//     operation-failed with a number; the rest of it is in the log.
//
// RFC 6241 (NETCONF), RFC 6242 (framing), RFC 6022 (get-schema).
package netconf
