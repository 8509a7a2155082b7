// SPDX-License-Identifier: Apache-2.0

// Package cli is the operator's language: operational and configuration mode,
// with completion and help from the schema. It runs in the caller's process, as
// the caller, or in the daemon for somebody who came over SSH, and speaks with the
// daemon through an Agent.
//
// It may not import anything of the daemon but the client: what it knows of the
// schema it asks for, and what may be seen or done the daemon decides.
//
// Invariants:
//  1. A word is understood by the schema alone: completion, help and execution
//     go through the same resolver.
//  2. What a line does is decided before anything of it is done: a line that
//     cannot be understood changes nothing.
//  3. Files are opened by the caller's process, with his rights; where it runs in the
//     daemon none is (RefuseFiles).
//  4. Without a terminal nothing is asked: the first error ends the script, and
//     changes that were not committed are an error.
//  5. Control characters of data reach the terminal escaped: the daemon's texts
//     are escaped there, and words of errors are quoted here.
//
// RFCs: 7950 (statements that help comes from), 7951 (6.11, instance paths).
package cli
