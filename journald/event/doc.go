// SPDX-License-Identifier: Apache-2.0

// Package event is the catalogue of what the daemon tells the journal: the events
// with their fixed ids, the fields of their records, and the texts from which
// packaging/nso.catalog and docs/journal.md are made.
//
// It logs nothing and imports nothing of the house, so that every room can name
// its events.
//
// Invariants:
//  1. An id never changes and is never used again: programs watch for it.
//  2. Every event is used by some room, and every record that names an event names
//     one of these: tests hold both.
//
// The form of the catalogue is that of journalctl --update-catalog
// (systemd's catalog format).
package event
