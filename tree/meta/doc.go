// SPDX-License-Identifier: Apache-2.0

// Package meta holds metadata annotations (RFC 7952) beside a tree: a table that
// decoders fill and encoders read, so that trees know nothing of it and a
// document without annotations costs nothing.
//
// It may not touch text of any encoding, files, the clock or goroutines.
//
// Invariants:
//  1. A table names instances by schema node and key, not by pointer: it fits
//     every version of a tree in which they stand.
//  2. Only annotations that an implemented module defines are known, and the
//     attribute "default" of RFC 6243, which no statement does.
//  3. A nil *Node is a valid empty table for everything that reads.
//  4. "default" never stays in a tree as data that somebody has set: Settle takes
//     the node out.
//
// RFCs: 6243 (3.4, 4.5.1), 7952 (3, 5).
package meta
