// SPDX-License-Identifier: Apache-2.0

// Package nacm is RFC 8341 as a pure function: from the data below /nacm and a
// user with groups to what may be read, written and run.
//
// It logs nothing, holds nothing and knows no session. mgmt asks it and says no.
//
// Invariants:
//  1. A Policy is immutable; it belongs to one /nacm container and is compiled
//     again when that changes.
//  2. The first rule that matches decides (RFC 8341, 3.4.5, step 6); without one
//     the nodes' own default-deny statements, then the defaults.
//  3. A rule whose path names no node of the schema matches nothing, and is
//     among Policy.Mistakes.
//  4. View.Prune and View.Guard cost nothing for whoever may do everything; Prune
//     looks at no instance of what the rules decide for all instances alike.
//  5. A refusal names nothing that its reader may not read. What decided it goes with
//     it for the log (mgmterr.Denial), marked quiet where to tell it would tell more.
//  6. A question about a node is answered by what the rules and the schema say: no
//     data is looked at but the path's own keys.
//  7. Rules about commands (nso-access) guard nothing: what a command does is asked
//     by itself.
package nacm
