// SPDX-License-Identifier: Apache-2.0

// Package auth lets somebody in who comes over SSH, or does not: which methods, in
// which order, and who that is then.
//
// It opens no connection but that to nso-pam, keeps no password, and decides nothing
// about access: that is nacm. It knows the words of SSH and none of its transport.
//
// Invariants:
//  1. Nobody is in before one whole chain of methods has succeeded, in its order, for
//     one and the same name (RFC 4252, 5.1).
//  2. A key counts if a file says so that only the administrator can write
//     (Keys.Owner), in a line whose options are all understood.
//  3. Who that is comes from PAM's verdict, or from the system's accounts where there
//     is no nso-pam. A nso-pam that does not answer is a refusal.
//  4. Root comes in with a key only; what it types instead never reaches PAM.
//  5. From outside all failures look alike: the same methods, the same silence, and an
//     answer on the same beat. Only who has given the right password hears that it
//     must be changed.
//  6. No answer of a user is in a log or an error.
//
// RFC 4252 (the methods), RFC 4256 (keyboard-interactive), sshd(8) for the form of
// authorized keys.
package auth
