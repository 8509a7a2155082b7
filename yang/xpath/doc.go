// SPDX-License-Identifier: Apache-2.0

// Package xpath is XPath 1.0 with the functions of YANG: expressions are parsed
// once, resolved against a schema once, and evaluated on trees of package tree.
//
// It writes no data and keeps nothing between evaluations: an Expr is
// immutable and may be used by many goroutines at a time.
//
// Invariants:
//  1. Parse, Compile and Eval end for every input: source length, nesting,
//     and the steps of one evaluation are bounded. An expression that spends
//     its budget is an error, never a wrong answer.
//  2. Names are resolved by Compile; evaluation compares schema nodes.
//  3. The accessible tree is that of RFC 7950, 6.4.1: default values in use
//     and non-presence containers exist although no tree stores them, and a
//     "when" does not see what it decides about (7.21.5).
//  4. A node-set is in document order, without duplicates.
//  5. Reads names every schema node whose instances can change the result.
//
// Elements have no attributes, comments or processing instructions here, there
// are no variables, and id() and lang() find nothing, for YANG data holds none
// of these.
//
// RFCs: 7950 sections 6.4, 7.21.5 and 10; XML Path Language 1.0.
package xpath
