// SPDX-License-Identifier: Apache-2.0

// Package journal is the durable log of the configuration database: records in
// the order of their revisions, and snapshots that stand for all before them.
//
// It knows bytes, not trees, and imports nothing of the house. It starts no
// goroutine but the one that prepares the next segment file.
//
// Invariants:
//  1. A record that Append acknowledged is read back whole after kill -9, power
//     cut and full disk. One that was not acknowledged is wholly there or wholly
//     absent, and all before it is there.
//  2. Revisions are 1, 2, 3, ... without a gap, in the order of the calls.
//  3. After a failed write or sync nothing is appended any more (Linux reports a
//     failed fsync once and forgets the data); readers go on.
//  4. Nothing that recovery believes is only in the page cache: it writes the
//     last batch again, and syncs, before it answers.
//  5. Damage is an error with file, offset and remedy. Only bytes that no
//     acknowledgement can have covered are cut.
//  6. A directory entry is made durable before anything relies on it, and a file
//     leaves its old name durably before it is written anew.
//  7. No length read from a file makes it allocate more than the file holds.
//
// Lock order: Log.snap, Log.flush, Log.alloc, Log.mu. Only mu is taken by readers,
// and no write or sync is done under it.
//
// # Directory
//
//	lock             flock against a second opener
//	seg-REV          a segment in use; REV (16 hex digits) is its first revision
//	spare-N          a segment ready for use: allocated, written, synced
//	snap-REV         a snapshot of revision REV
//	reserve          space for the next snapshot, which is written into it
//	tmp-...          work in progress, removed at Open
//
// # Segment, little endian
//
// A header in its first 4096 bytes, then records, each at a multiple of 8:
//
//	 0 crc32c of all behind it     4 length, header included
//	 8 salt of the segment        16 revision
//	24 time, Unix nanoseconds     32 place in its batch (0 is the first)
//	36 length of the meta part    40 kind, the caller's
//	44 flags (1: end of segment)  48 meta, payload
//
// The salt is drawn anew each time a file becomes a segment, so what a recycled
// file held before is never taken for a record, and what follows a bad record can
// be found and judged: records of one batch share one sync and may be torn in any
// manner; a record that follows a bad one of an earlier batch proves damage.
package journal
