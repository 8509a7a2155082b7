// SPDX-License-Identifier: Apache-2.0

// Package journald is where the log goes: to the journal, in its native protocol
// with every attribute a field of its own, when standard error is the journal;
// else as text on standard error.
//
// It decides nothing about what is logged, reads nothing back and never waits.
//
// Invariants:
//  1. Logging does not block: what the journal does not take at once waits in a
//     backlog of bounded size, in order; what does not fit there is counted, and
//     said when the journal takes records again.
//  2. No value, whatever is in it, can make a field or a record: a value with a
//     newline is written with its length before it, and MESSAGE is one line of
//     printable text.
//  3. A field, a message and a record have largest sizes; what is longer is cut,
//     and says so.
//  4. A value whose methods panic spoils itself, not the record.
//
// The protocol is "Native Journal Protocol" of systemd. Its page names what go-systemd
// sends with; that waits without a limit while the journal's socket is full, and
// remembers its socket in a variable of the package, so only its test of standard
// error is used here.
package journald
