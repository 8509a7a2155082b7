// SPDX-License-Identifier: Apache-2.0

// Package lock is who has locked what: datastores whole (RFC 6241, 7.5), and parts of
// running (RFC 5717).
//
// It knows sessions by number, no clock, and data only as far as it is asked about a
// difference. Who uses a Table holds a lock around it; Parts have one of their own, since
// a look at a difference may take long.
//
// Invariants:
//
//  1. A lock is granted whole or not at all.
//  2. A datastore has one holder; a node of running, with what is below it, is in partial
//     locks of one session only.
//  3. What a session holds is free when it is released, and nothing else.
//  4. A number of a partial lock is not used again while the lock is there. How many there
//     are is bounded, and how many nodes they name.
package lock
