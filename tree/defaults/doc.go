// SPDX-License-Identifier: Apache-2.0

// Package defaults adds the default values in use to a tree, and takes values
// away that are no more than that: the modes of RFC 6243.
//
// Pure: trees in, trees out. A tree as it is stored is the mode "explicit"
// already.
//
// Invariants:
//  1. A default is in use as RFC 7950, 7.6.1 and 7.7.2 have it: its case is the
//     one in use and its "when" holds.
//  2. Trim takes away only what All brings back: All(Trim(t)) is All(t). A leaf
//     whose value keeps a case selected stays, even if it is the default of that
//     leaf (RFC 7950, 7.9.3): without it the default would not be in use.
//  3. What does not change is shared with the tree that came in.
//
// RFCs: 6243 (2.1, 2.2, 2.3), 7950 (7.5.1, 7.6.1, 7.7.2, 7.8.2, 7.9.3, 7.21.5).
package defaults
