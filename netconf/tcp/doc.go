// SPDX-License-Identifier: Apache-2.0

// Package tcp is the door netconf-tcp: NETCONF in clear on the loopback interface,
// behind a header in which the client says who it is, which the kernel is asked
// about.
//
// It binds nothing: listeners are handed to it. It reads the header and leaves
// everything after it to netconf.
//
// Invariants:
//  1. Who a client is comes from the kernel: asked at accept, after the header, and
//     before the first request is done. The header can only agree with it, or be
//     let say more by the policy.
//  2. A connection that is refused is closed without a word; the reason is in the
//     log.
//  3. What one user can open is bounded before anything is read.
//  4. No error of accept ends the door but the end of its listener.
//
// RFC 6241 (NETCONF); RFC 4742 and 6242 speak of other transports.
package tcp
