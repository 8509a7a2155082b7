// SPDX-License-Identifier: Apache-2.0

// Package treeprint draws the tree diagram of a module (RFC 8340) from a
// compiled schema.
//
// It reads no file and knows no data.
//
// Invariants:
//  1. The same schema gives the same text, byte for byte.
//  2. Every schema node of the module is drawn exactly once: in the module's
//     tree, below an augment, rpcs, notifications or a structure.
//  3. Where RFC 8340 leaves a choice, the published diagrams of the IETF are
//     followed: types of siblings are aligned, anydata is drawn <anydata>.
//
// RFCs: 8340, 8791 (structures), 8528 (mount points).
package treeprint
