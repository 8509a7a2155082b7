// SPDX-License-Identifier: Apache-2.0

// Package wire holds the words that the daemon speaks with nso-exec, both sides of
// them.
//
// It starts nothing, looks up nothing and decides nothing: the client side is linked
// into the daemon, the server side is what cmd/nso-exec is built on. Neither trusts the
// other.
//
// A connection is one command. It begins with the request, and is over with the
// command; the command does not outlive it. Both sides send frames:
//
//	byte 0     what it is
//	byte 1-3   length of what follows, big-endian
//	byte 4...  that many bytes
//
//	daemon to nso-exec
//	  R  request    JSON, at most 65,536 bytes: see Request. A connected socket may come
//	                with it (SCM_RIGHTS), for the command to use
//	  i  input      at most 65,536 bytes, and no more than there is credit for
//	  e  end of input
//	  w  window     rows, columns: two bytes each
//	  s  signal     its name, as in kill(1): INT
//	nso-exec to daemon
//	  N  refused    JSON: see Refusal. Nothing was started, and nothing follows
//	  S  started    JSON: see Started
//	  c  credit     four bytes: so many bytes more of input may be sent
//	  o  output     at most 262,144 bytes; of a terminal, all that it shows
//	  x  error      the same, of standard error
//	  E  end        JSON: see End. Nothing follows
//
// The order: R; then N, or E with what could not be started, or S, any of c o x, and E.
// The daemon sends i e w s between S and E.
//
// Invariants:
//  1. A frame has a limit by its kind, and memory is taken after the limit was asked.
//     What is not expected at that point of the order ends the connection.
//  2. Whoever reads slowly slows the command down, and costs no memory: output is read
//     from the command when what was read before is with the daemon.
//  3. Input that the command does not take is not sent, so that a signal behind it
//     arrives.
//  4. An end is whole: an exit status, a signal, or what kept the command from being
//     started, and never two of them.
package wire
