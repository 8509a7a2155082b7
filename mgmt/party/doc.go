// SPDX-License-Identifier: Apache-2.0

// Package party asks those who take part in a commit, in two phases: prepare, and then
// commit or abort.
//
// It decides nothing about data and holds no lock that a reader takes; mgmt has the
// turn to commit while it asks.
//
// Invariants:
//
//  1. Who has not answered within his deadline, or has panicked, is expelled: he is named,
//     and nothing of this commit or a later one waits for him.
//  2. Who gave a ticket is told once how it ended, also one who has left meanwhile, or
//     who gave it too late; for those two nobody waits.
//  3. One who takes part is asked about one commit at a time.
//  4. Who named paths is asked only if something at or below one of them changes. What that
//     costs depends on the change, not on how many take part.
//  5. Lower priorities are asked first and told of an outcome first, and of an abort last.
//     Those of one priority are asked at once, and all that they refuse is told.
package party
