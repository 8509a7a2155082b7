// SPDX-License-Identifier: Apache-2.0

// Package textenc writes data trees as text for people: the curly form
// (interface eth0 { mtu 1500; }), set lines that load again in the CLI, and the
// difference of two trees in both forms.
//
// It reads nothing and knows no rights: the tree that it is given is what may
// be seen.
//
// Invariants:
//  1. No character of a value reaches the output that could steer a terminal:
//     what does not print is escaped.
//  2. A word is quoted where the CLI would not read it back as the same word.
//  3. A name carries its module only where two children of one parent share it,
//     and an identity only where two that the type allows share it.
//  4. Memory is bounded by one buffer, whatever the size of the tree.
//
// RFCs: 7950 (7.5.1 for presence, 7.7.7 for the order that a user gave).
package textenc
