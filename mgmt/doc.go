// SPDX-License-Identifier: Apache-2.0

// Package mgmt is the only door to data: a Session carries who is asking, and
// every read, edit, lock and commit goes through one.
//
// It joins cdb, txn, nacm and check, and does nothing that they can do. The
// reception rooms (netconf, ipc, cli) import mgmt and none of them.
//
// Invariants:
//  1. There is no way to a tree but Session.Read and Txn.Root, and both have
//     passed access control (RFC 8341) for the session's actor.
//  2. Nobody writes to a client while the commit lock is held.
//  3. Order of a commit: commit lock, rebase, validate, prepare, journal append
//     (the decision), swap of the root, outcome to participants, unlock.
//  4. A session that ends aborts its transactions and frees its locks, before
//     its number can be seen as free.
//  5. Readers take the root pointer and never wait for a writer.
//
// Lock order: Server.commit before Server.mu. Neither is held while a session's
// Kill function runs.
//
// RFC 6241 (sessions, locks, editing), RFC 8341 (access control), RFC 8342
// (datastores).
package mgmt
