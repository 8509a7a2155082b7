// SPDX-License-Identifier: Apache-2.0

// Package origin finds the statements that an author wrote for the nodes of a
// compiled schema: what compilation uses up, such as if-feature, groupings and
// the order of augments, is read again from the texts that the schema keeps.
//
// It opens no file and changes nothing.
//
// Invariants:
//  1. Everything comes from yang.Module.Source and yang.Submodule.Source.
//  2. What cannot be found is nil, never an error: the schema is the authority,
//     the text an addition to it.
//  3. Recursion is bounded: a grouping is never followed into itself.
//
// RFCs: 7950.
package origin
