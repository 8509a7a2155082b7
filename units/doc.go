// SPDX-License-Identifier: Apache-2.0

// Package units is the way from configuration to unit files, as a pure function,
// and the home of those that the packages install (files/).
//
// It opens, starts and asks nothing: who calls it writes, prints or compares.
//
// Invariants:
//  1. Equal configurations give equal bytes, in order of the paths.
//  2. What Generate returns holds only the directives of its table, only values
//     that were parsed and are printed anew, and links to shipped units alone.
//  3. A configuration that cannot be expressed is an error that names the key and
//     the remedy. Nothing is ever left to a default instead.
//  4. The shipped files and Generate say together what the configuration says: for
//     the default one the shipped files are all.
//
// systemd.unit(5), systemd.socket(5), systemd.generator(7).
package units
