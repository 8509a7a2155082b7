// SPDX-License-Identifier: Apache-2.0

// Package binenc is the compact binary form of trees and of differences between
// two trees, for snapshots and the journal.
//
// It may not touch files: it writes to an io.Writer and reads from an io.Reader.
// Integrity (checksums, what to do about a torn end) is the caller's.
//
// Invariants:
//  1. The form names nodes by module and name, once each, where they first come:
//     a schema that has grown reads what an older one wrote. Nodes that the
//     schema does not have are an error that lists them; nothing is dropped.
//  2. The decoder believes nothing: memory is bounded by a multiple of the input,
//     values are checked against their types, every error is an error.
//  3. A difference is strict: what it creates must not exist, what it deletes,
//     changes or moves must.
//
// The form: a magic word, then the content of the root. Content is a sequence of
// records, each beginning with a uvarint: 0 ends it; 1 says what the next number
// (2, 3, ...) stands for below this node: module, name and kind; any other is a
// child, followed by what it holds. Texts are a uvarint and so many bytes.
//
//	leaf       text
//	anydata    format, text
//	container  content
//	list       number of entries, content of each (keys first)
//	leaf-list  number of entries, text of each
//
// In a difference a child is followed by a verb: created (with content, a place
// if the user orders it, or a value), deleted (with a key), modified (with a
// value), inside (with a key, and a difference) or moved (with key and place).
package binenc
