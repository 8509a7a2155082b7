// SPDX-License-Identifier: Apache-2.0

// Package xmlenc is the XML form of trees and edits (RFC 7950, the "XML
// encoding" sections of chapter 7; RFC 6241, 7.2), read and written as a stream.
//
// It may not touch messages or sessions: a caller hands it a reader that stands
// in an open element, or a writer, and goes on with it afterwards.
//
// Invariants:
//  1. No document is held: memory is that of the resulting tree or edit.
//  2. Values are checked and made canonical on the way in, with the prefixes in
//     scope resolved; prefixes are declared where they are used on the way out.
//  3. What is not understood is refused: unknown elements, namespaces,
//     attributes (annotations that nobody asked for or defines, too), text between
//     elements.
//  4. Errors are *mgmterr.Error with tag, path and info as RFC 6241, Appendix A
//     wants them; XML that is not well-formed is an *xmlstream.Error.
//  5. What an anydata or anyxml came with as JSON is written as elements, by the
//     types of the schema where it knows the content; JSON that XML has no form for
//     is text.
//
// A Reader is left wherever an error was found.
//
// RFCs: 6241 (7.2, Appendix A), 6243 (3.4), 7950 (7.5.7, 7.6.6, 7.7.8, 7.8.5, 7.7.9, 7.8.6,
// 8.3.1, 9.10.3, 9.13.2), 7951 (5.5, 5.6), 7952 (5.1).
package xmlenc
