// SPDX-License-Identifier: Apache-2.0

// Package helper holds the words that the daemon speaks with nso-pam, both sides of
// them, and the queue in front of it; and the daemon's side of nso-external (External)
// and nso-keys (UserKeys), whose other side is a program of the site and the system's own.
//
// It calls no PAM, looks up no account, starts nothing and logs nothing: the client
// side is linked into the daemon and is pure Go, the server side is what cmd/nso-pam
// is built on. Neither trusts the other.
//
// The wire. A connection to nso-pam.socket is one login: systemd starts a process for
// it, and it ends with the verdict. Both sides send frames:
//
//	byte 0     what it is
//	byte 1-2   length of what follows, big-endian
//	byte 3...  that many bytes
//
//	daemon to helper
//	  L  login      JSON {"v":1,"user":…,"source":"192.0.2.1","method":"cli","deadline_ms":…}, at most 4,096 bytes;
//	             with "account":true PAM is asked about the account alone
//	  C  check      nothing; asks for a report of the sandbox instead of a login
//	  A  answer     the bytes of the answer, at most 511, no NUL
//	helper to daemon
//	  p  prompt     text; what is typed is not shown      P  prompt, what is typed is shown
//	  i  information, text                                e  error, text
//	  V  verdict    JSON, at most 65,535 bytes: see Verdict and Refusal
//	  R  report     JSON {"probes":[{"name":…,"ok":…,"found":…}]}
//
// The order: L, then any of p P i e, where the helper reads one A after each p and P,
// then V; or C, then R. A secret is in no JSON, so that it is in one piece of memory
// that can be overwritten.
//
// Invariants:
//  1. A frame has a limit by its kind, and memory is taken after the limit was asked.
//     Whatever is not expected at that point of the order ends the connection.
//  2. A name that no rule allows, an answer with a NUL and one of more than 511 bytes
//     do not reach PAM (PAM_MAX_RESP_SIZE is 512, and C strings end at a NUL).
//  3. There are at most 16 prompts and 64 texts, 10 seconds for the first frame and 120
//     for all.
//  4. An answer is overwritten when it was sent, and when PAM is done with it.
//  5. Anything but a whole, consistent verdict that says yes is a refusal.
//  6. From outside all refusals read alike (Outward), but for one that only who knows
//     the password can get: that it must be changed.
//  7. One source never has more than its share of the conversations at once, and
//     places are kept for those who have been here before.
//  8. A program of a site is believed when it has ended, and has given one whole answer of
//     at most 4 KiB within 10 seconds. What its form cannot carry is not sent.
//  9. Whoever has no socket for his keys starts nothing; whoever has starts one process a
//     second at most, and 64 KiB of what it reads within 3 seconds are used.
//
// Sources: pam(3), pam_conv(3), RFC 4256 for what a conversation is in SSH.
package helper
