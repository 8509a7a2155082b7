// SPDX-License-Identifier: Apache-2.0

// Package varlink is the reception of the IPC socket: a Varlink server whose
// only way to offer a method is a row in a table, and the wire codec that the
// client shares with it.
//
// It may not touch data, sessions, identities or configuration: who a peer is
// and what it may do comes in as functions (Config.Identify, Method.Access).
//
// Invariants:
//
//  1. A method without an access rule, without legal states or without a
//     handler does not come to life: NewServer refuses it and names it.
//  2. The methods of the table are exactly the methods of the interface
//     description, and parameters reach a handler only when they fit it.
//  3. The order of the questions is access, state, parameters: a peer that is
//     refused learns nothing else.
//  4. Everything a peer sends has a limit in bytes, depth, number and time,
//     and what all peers together make the server hold has one too.
//  5. A descriptor that no method asked for is never installed, and one that
//     was installed is closed on every path unless the handler took it.
//  6. One goroutine reads a connection, calls the handlers and writes the
//     replies. While a call takes long a second one reads ahead, within the
//     pipelining limit, only to see whether the client is still there.
//  7. A panic of a handler ends its call, not the process; it is counted, and
//     the client is given a number and nothing else.
//
// Lock order: Server.mu before Conn.mu; Conn.wmu and watcher.mu are leaves.
//
// Sources: https://varlink.org (Method-Call, Interface-Definition, Service);
// RFC 8259 (JSON); unix(7) for SCM_RIGHTS.
package varlink
