// SPDX-License-Identifier: Apache-2.0

// Command nso-nss tells the daemon, which is pure Go and sees only the files, of the
// accounts that the C library's name service knows: those of LDAP, SSSD, winbind and
// whatever else nsswitch.conf names.
//
// It runs as a user of its own without any right. It must be built with cgo; without,
// it only says so.
//
// Invariants:
//  1. It answers the uid of the user nso and root.
//  2. It speaks io.systemd.UserDatabase, and lists nothing: who asks must know a name
//     or a number.
//  3. A name service that does not answer makes an error, never "there is no such
//     account", and holds a bounded number of threads.
package main

// version is set by the linker.
var version = "unknown"
