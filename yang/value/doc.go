// SPDX-License-Identifier: Apache-2.0

// Package value checks the text of a leaf against its YANG type and brings it
// into canonical form (RFC 7950, section 9).
//
// It sees types only: it reads no schema text and no data tree, so whether the
// target of a leafref or an instance-identifier exists is not its question
// (tree/check asks that).
//
// Invariants:
//  1. A canonical value parses to itself with the resolver Canonical.
//  2. Names inside a canonical value are in the form of RFC 7951: an identity
//     is module:name (6.8), an instance-identifier names the module of its
//     first node and wherever the module changes (6.11).
//     The names in an XPath expression (ietf-yang-types:xpath1.0) that have a
//     prefix have that of their module.
//  3. Every pattern is matched in time linear in the length of the value, and
//     a pattern that would compile to an unreasonable size is refused.
//  4. An error is a *mgmterr.Error with tag invalid-value and without a path
//     (RFC 7950, 8.3.1); the text names what would have been accepted.
//  5. Typedefs of ietf-inet-types and ietf-yang-types whose description says so
//     have one canonical form, too: addresses, prefixes, names of domains,
//     hexadecimal strings.
//
// RFCs: 7950 section 9; 5952 section 4; 9911 sections 3 and 4; 7951 sections 6.8 and 6.11; 4648 section 4; XML Schema
// part 2, appendix F (regular expressions).
package value
