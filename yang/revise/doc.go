// SPDX-License-Identifier: Apache-2.0

// Package revise says what changed between two revisions of a module, and which
// of the changes RFC 7950, section 11, forbids.
//
// It reads no file and compiles nothing: both schemas are given.
//
// Invariants:
//  1. Equal modules give no finding.
//  2. A change that section 11 does not name as allowed is forbidden, as it
//     demands of everything that changes semantics.
//  3. Where two expressions (must, when, pattern) cannot be compared, a change
//     counts as forbidden, and the message says on which condition it is not.
//  4. Findings are in the order of the new text.
//
// RFCs: 7950 (sections 3, 7.1.9 and 11).
package revise
