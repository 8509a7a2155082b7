// SPDX-License-Identifier: Apache-2.0

// Package yang holds the nouns of a compiled YANG schema (RFC 7950): what a
// module, a schema node, a type and a constraint are once every statement has
// been resolved.
//
// It reads no text and no data: yang/parse reads modules, yang/compile makes a
// Schema of them, and the rooms above only look at the result.
//
// Invariants:
//  1. A Schema is immutable once compile has returned it and is shared freely.
//  2. Node.ID is dense: Schema.Nodes[n.ID] == n.
//  3. Node.Index is the place of a data node among DataChildren of its data
//     parent, keys first, in the order of the list's "key" statement
//     (RFC 7950, 7.8.5), then schema order. Trees keep children in that order.
//  4. Names inside values are kept in the form of RFC 7951 (module:name);
//     prefixes exist at the edges only.
package yang
