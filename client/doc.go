// SPDX-License-Identifier: Apache-2.0

// Package client talks to the daemon over its IPC socket: Varlink calls, calls
// with several replies, upgrades to a raw stream, and passing of descriptors.
//
// It may not import anything of the daemon but the wire codec of ipc/varlink.
//
// Invariants:
//
//  1. One call is under way on a connection at a time; others wait for it.
//  2. A call that does not end as the protocol says (a cancelled context, a
//     reply that cannot be read, an iterator that is left early) closes the
//     connection: the next reply on it could be to anything.
//  3. A reply has a limit in bytes.
//
// Sources: https://varlink.org (Method-Call); unix(7) for SCM_RIGHTS.
package client
