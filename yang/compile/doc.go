// SPDX-License-Identifier: Apache-2.0

// Package compile turns the statements of YANG modules into a yang.Schema: it
// finds imports and includes, resolves every name, expands groupings, applies
// refines, augments, deviations and features, and checks what RFC 7950 demands
// of the result.
//
// It sees no instance data. It reads files only through Sources, and those
// only below the directories that were added.
//
// Invariants:
//  1. Compile returns a Schema that fulfils the contract of package yang, or an
//     error of type parse.Errors whose entries name file, line and column;
//     never both, and never a part of a schema.
//  2. The same sources and options give the same schema, node for node.
//  3. Text is not trusted: the number of schema nodes, their depth, the states
//     of all patterns, the work on defaults and the number of reported errors
//     are bounded, and every kind of recursion that RFC 7950 forbids is refused.
//  4. A module that an augment, a deviation, the path of a leafref or a default
//     of an implemented module names anything of is implemented as well (RFC
//     7950, 5.6.5 and 9.10.2). A when or must implements nothing: what is not
//     implemented is not in the accessible tree (6.4.1).
//
// Order of work: load -> features -> identities -> drafts (statements expanded
// into a tree that can still change) -> augments -> deviations -> nodes ->
// leafrefs -> defaults, keys, expressions.
//
// RFCs: 7950, 6020; 8040 section 8 and 8791 (structures); 7952 (annotations);
// 8341 (default-deny).
package compile
