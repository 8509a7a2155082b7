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
//     attributes, text between elements.
//  4. Errors are *mgmterr.Error with tag, path and info as RFC 6241, Appendix A
//     wants them; XML that is not well-formed is an *xmlstream.Error.
//
// A Reader is left wherever an error was found.
//
// RFCs: 6241 (7.2, Appendix A), 7950 (7.5.7, 7.6.6, 7.7.8, 7.8.5, 7.7.9, 7.8.6,
// 8.3.1, 9.10.3, 9.13.2).
package xmlenc
