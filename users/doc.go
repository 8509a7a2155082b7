// SPDX-License-Identifier: Apache-2.0

// Package users knows the users in the data (RFC 7317, 3.5): whether a password is
// theirs and which keys are, and it hashes the passwords that clients write in clear.
//
// It is pure: trees go in, answers come out. It opens nothing, logs nothing, and does
// not decide who may come in: that is auth.
//
// Invariants:
//  1. No password in clear leaves Hasher.Hash: what a transaction holds, validates and
//     journals are hashes.
//  2. A check of a password costs the same for every name, whether there is such a user
//     or not, and whatever its hash: that of the costliest hash in the data.
//  3. What a hash or a password can cost has a limit (maxRounds, MaxPassword).
//  4. Users are immutable and belong to one subtree; mgmt makes them again when that
//     changes.
//  5. No password, and no part of a hash, is in an error.
//
// RFC 7317 (ietf-system, iana-crypt-hash), crypt(5) for the methods.
package users
