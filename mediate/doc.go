// SPDX-License-Identifier: Apache-2.0

// Package mediate is the words that the daemon and nso-mediate speak: what the
// mediator may be asked for, and nothing that names a unit.
//
// It decides nothing, and knows neither polkit nor sudo.
//
// Invariants:
//  1. A request says who is to be reached and in which manner; which unit that is,
//     is this room's to say (Target.Unit), from a name that has been checked.
//  2. One request a connection, of 8 KiB at most; an unknown field is an error.
//  3. Whatever is not a yes is a no: an error, a time limit, a mediator that is not
//     there.
package mediate
