// SPDX-License-Identifier: Apache-2.0

// Package tree holds instance data of a YANG schema as persistent trees: a
// version is a pointer, and a changed version shares everything that did not
// change with the one before it.
//
// It may not touch text of any encoding, files, the clock or goroutines; values
// come in canonical form (RFC 7950, 6.1.4 and the "canonical form" sections of
// section 9), names inside values as module:name (RFC 7951, 6.8 and 6.11).
//
// Invariants:
//  1. A Node, List, LeafList and everything below is never written to once
//     it can be seen outside this package. What an unfinished Apply, Editor or
//     Builder made carries its token and may be written by it alone.
//  2. Only explicit data is stored: no defaults, and no non-presence container
//     that is empty (RFC 7950, 7.5.1).
//  3. All leaves of a Node are one packed string, in order of the schema's
//     Index, keys first: the encoded key of an entry is a prefix of it.
//  4. Entries of a list or leaf-list ordered by the system are sorted by value,
//     numbers as numbers; ordered by the user, as the user said (RFC 7950,
//     7.7.7). Lists without key and leaf-lists of state have positions only:
//     they are compared, merged and reported as a whole.
//  5. Apply never leaves two cases of one choice behind (RFC 7950, 7.9).
//  6. Equal parts of two versions that came from one another are the same
//     pointer, so Diff costs what changed.
//
// Access control (Guard) is asked first about every node that an edit names and
// names nothing in (Name): whoever has no right of any kind to it learns neither
// whether it is there nor what it holds. Then it is asked as RFC 8341, 3.2.4
// demands, for what the edit would do and not for what it says:
//   - create, update and delete are asked for every node that comes, changes its
//     value (or its place in a user-ordered list) and goes, one by one: to
//     delete a list entry takes the right to delete each node in it;
//   - a node that stays as it is asks nothing, whatever the operation; "replace"
//     is therefore the creates, updates and deletes that it comes to;
//   - non-presence containers have no existence of their own (RFC 7950, 7.5.1)
//     and are never asked for themselves;
//   - nodes of other cases that a choice drops are side effects and are not
//     asked for;
//   - an explicit create or delete is asked before it is said whether the node
//     exists, so that a refusal does not give away what is there.
//
// RFCs: 6241 (7.2), 7950 (7.5.8, 7.6.7, 7.7.9, 7.8.6, 7.9.6, 8.3.1), 7951 (6.11),
// 8341 (3.2.4).
package tree
