// SPDX-License-Identifier: Apache-2.0

// Package mgmt is the only door to data: a Session carries who is asking, and
// every read, edit, lock and commit goes through one.
//
// It joins cdb, txn, nacm and check, and does nothing that they can do. The
// reception rooms (netconf, ipc, cli) import mgmt and none of them.
//
// Invariants:
//
//  1. There is no way to a tree but Session.Read, Session.See, Txn.Root and Txn.Base, and all
//     have passed access control (RFC 8341) for the session's actor, as running
//     has it at that moment. An edit is asked about when it is made, and again at
//     the commit if access control has changed since.
//
//  2. Nobody writes to a client while the turn to commit is held.
//
//  3. Order of a commit: turn, rebase, access control, validate, prepare, journal
//     append (the decision), swap of the root, outcome to participants, turn free.
//     The turn is freed by a panic too.
//
//  4. A session that ends aborts its transactions and frees its locks, before
//     its number can be seen as free.
//
//  5. Readers take the root pointer and never wait for a writer.
//
//  6. What a session waits for ends when the session does.
//
// Lock order: Txn.mu, turn, Server.mu; then those of the rooms below, each for itself. None
// is held while a session's Kill function runs.
//
// RFC 6241 (sessions, locks, editing), RFC 8341 (access control), RFC 8342
// (datastores).
package mgmt
