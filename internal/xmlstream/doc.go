// SPDX-License-Identifier: Apache-2.0

// Package xmlstream reads and writes the XML of NETCONF as a stream: a strict
// pull parser and an appending writer, both namespace-aware and both without an
// allocation for each element.
//
// It knows nothing of schemas, messages or sessions, starts no goroutine and
// touches no file. It imports the standard library alone.
//
// Invariants:
//
//  1. Only well-formed, namespace-well-formed XML 1.0 in UTF-8 passes. What is
//     not understood is refused: document type declarations, entities other
//     than the five predefined ones, other encodings, forbidden characters.
//  2. Nothing expands: a token is never longer than its text in the document
//     (plus declarations that Raw repeats). Memory is bounded by Limits, never
//     by the document.
//  3. The verdict and the tokens do not depend on how the bytes arrive.
//  4. Between two tags there is at most one Text token, and it is not empty:
//     comments, processing instructions, CDATA borders and references do not
//     split it.
//  5. A token is valid until the next call on its Reader. Names are strings of
//     their own and stay valid.
//  6. The Writer's output is well-formed whatever the text: characters that XML
//     cannot carry become U+FFFD and are counted.
//
// Standards: XML 1.0 (fifth edition), Namespaces in XML 1.0 (third edition),
// RFC 3629; RFC 6241, section 3 (all messages are UTF-8, no DTD).
package xmlstream
