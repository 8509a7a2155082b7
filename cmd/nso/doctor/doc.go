// SPDX-License-Identifier: Apache-2.0

// Package doctor looks at the machine that nso is installed on, as whoever asks
// may see it, and says what is on, what is off, and what is wrong with the remedy.
//
// It changes nothing and starts nothing. Look gathers the facts, Judge is a pure
// function of them, Write draws the screen.
//
// Invariants:
//  1. A finding that is not good names its remedy.
//  2. What may not be seen is said to be unseen, and is never taken for healthy
//     or for broken.
//  3. Nothing that a look touches can make it hang: connections and calls have
//     deadlines.
package doctor
