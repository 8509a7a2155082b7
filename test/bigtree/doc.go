// SPDX-License-Identifier: Apache-2.0

// Command bigtree measures trees of millions of leaves: memory, look-ups, XPath,
// a validated change, and what the collector of garbage costs. It holds the trees
// itself, so that no door, disk or client is part of a figure. Each line is a
// name, a value and, where one is set, the goal. Times are of the processor, where
// nothing is said of collections going on: those are of the clock, and mean little
// on a machine that does other work.
//
// It stops no more than it measures: it ends with an error if something goes
// wrong, not if a goal is missed.
package main
