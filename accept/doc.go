// SPDX-License-Identifier: Apache-2.0

// Package accept is the way in that doors on the network have in common: it takes
// connections from a listener, counts them, and turns away those for whom there is
// no room.
//
// It reads nothing of a connection and does not know what is spoken there: who
// somebody is, the door says.
//
// Invariants:
//  1. No error of accept(2) ends a door but the end of its listener.
//  2. What is open is bounded: in all, of one user, and, while nobody is known, of one
//     source. Of those who are not known, some are dropped at random before the last
//     place is taken, so that no crowd keeps everybody out.
//  3. A part of the connections is kept for administrators.
//  4. Who is turned away hears nothing; the reason is told to Refused.
//  5. Whoever was accepted, and has begun to speak, is waited for when a door closes.
package accept
