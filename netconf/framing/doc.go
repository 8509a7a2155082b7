// SPDX-License-Identifier: Apache-2.0

// Package framing cuts a byte stream into NETCONF messages and back: the
// end-of-message framing of base:1.0 and the chunked framing of base:1.1.
//
// It knows nothing of XML, sessions or sockets: deadlines are set on the
// connection by the caller, who also decides when both sides have said base:1.1.
//
// Invariants:
//
//  1. The messages do not depend on how the bytes arrive.
//  2. No byte of the next message is given out with this one, and none that came
//     early is lost when the framing changes.
//  3. Memory is one buffer, whatever the peer announces: a message streams.
//  4. After an error nothing more is read or written: the session is over
//     (RFC 6242, 4.2).
//  5. The Writer writes no message that the peer's framing would end early.
//
// Standards: RFC 6242, sections 4.1 to 4.3.
package framing
