// SPDX-License-Identifier: Apache-2.0

// Package parse reads the text of one YANG module into statements and checks
// each against the grammar of RFC 7950 (YANG 1.1) and RFC 6020 (YANG 1).
//
// It knows one text at a time: it follows no import, resolves no name and
// gives no statement a meaning beyond its syntax (yang/compile does).
//
// Invariants:
//  1. A tree that Parse returns without error obeys section 14 of the RFC of
//     its version: every statement stands where it may, as often as it may,
//     with an argument of the right syntax.
//  2. Every error names file, line, column and the statements around it.
//  3. Text is bounded in size, depth and length of names before memory is
//     spent on it: a tree costs at most a small multiple of its text.
//  4. Statements are never changed after Parse has returned them; strings are
//     cut out of the text, not copied, where nothing had to be unescaped.
//
// RFCs: 7950 (sections 6 and 14), 6020 (sections 6 and 12), 3629.
package parse
