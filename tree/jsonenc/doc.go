// SPDX-License-Identifier: Apache-2.0

// Package jsonenc is the JSON form of trees (RFC 7951), read and written without
// a document in between.
//
// It may not touch messages or sessions.
//
// Invariants:
//
//  1. Names are qualified where the module changes and nowhere else on the way
//     out (RFC 7951, 4); on the way in a qualified name is right everywhere.
//
//  2. Values are checked and made canonical on the way in; their JSON type must
//     be the one that RFC 7951, 6 gives to their YANG type.
//
//  3. What is not understood is refused: unknown names, names given twice,
//     metadata that nobody asked for or defines (RFC 7952), anything after the value.
//
//  4. Memory is bounded by DecodeOptions.MaxBytes and a multiple of it.
//
//  5. What an anydata or anyxml came with as XML keeps its structure as JSON, by the
//     types of the schema where it knows the content; XML that JSON has no form for
//     is a string that Decode makes the same XML again.
//
// Errors are *mgmterr.Error with the path; JSON that is none is a *SyntaxError
// around a malformed-message, with line and column.
//
// RFCs: 6243 (3.4), 7951 (all), 7952 (5.2), 8259.
package jsonenc
