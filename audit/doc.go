// SPDX-License-Identifier: Apache-2.0

// Package audit is the trail of who did what: one record for each login, refusal,
// denial, commit and act upon the daemon, in the log and marked as audit.
//
// It decides nothing, and reads no data but what it is to name.
//
// Invariants:
//  1. What is done is done: nothing here fails, waits or panics into its caller.
//  2. A record is written at every log level.
//  3. No value of a node is written; of a path, no key or value that is secret by
//     its model (Secret).
//  4. A record is bounded, and so are the records that one peer can cause by being
//     refused: those held back are counted in the next one.
//
// RFC 8341 (default-deny-all), RFC 7317 (crypt-hash).
package audit
