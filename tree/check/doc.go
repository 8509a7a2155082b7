// SPDX-License-Identifier: Apache-2.0

// Package check validates a configuration: the constraints of RFC 7950, section
// 8.1, that hold for a whole datastore.
//
// It does the same for one operation or notification beside a datastore.
//
// It reads trees and makes a new one only to delete what a false "when" deletes;
// it does not check the lexical form of values (yang/value did that when they
// came in), nor access.
//
// Invariants:
//  1. Full and Changed give the same tree and the same errors in the same
//     order, if the old tree was valid. Changed looks only at what the
//     difference can affect: the dependency sets of yang/xpath say what that is.
//  2. Default values in use and non-presence containers are validated as if
//     they were stored (RFC 7950, 7.6.1 and 6.4.1).
//  3. Of a datastore only configuration is validated; of an operation or
//     notification all of it, with the datastore and state around it.
//  4. Errors are ordered by the place of their nodes in the document, then by
//     the constraint. At most maxErrors are reported.
//  5. What is remembered between validations (the values of "unique" leafs in long
//     lists) changes no answer, is that of at most maxIndexes lists and takes some
//     20 bytes for each entry of one.
//
// RFCs: 7950 sections 6.4.1, 7.5.3, 7.5.4, 7.6.5, 7.7.5, 7.7.6, 7.8.3, 7.9.4,
// 7.14, 7.15, 7.16, 7.21.5, 8.1, 8.3, 9.9, 9.13 and 15.
package check
