// SPDX-License-Identifier: Apache-2.0

// Package auth lets somebody in who comes over SSH, or does not: which methods, in
// which order, who is asked about them, and who that is then.
//
// It opens no connection but those to nso-pam, nso-external and nso-keys, keeps no
// password, and decides nothing about access: that is nacm. It knows the words of SSH and
// none of its transport.
//
// Invariants:
//  1. Nobody is in before one whole chain of methods has succeeded, in its order, for
//     one and the same name (RFC 4252, 5.1).
//  2. A key counts if a file says so that only the administrator can write
//     (Keys.Owner), in a line whose options are all understood; or if the data does; or
//     if a file of the user's own does, where root has enabled that.
//  3. Who that is comes from PAM's verdict, or from the system's accounts where there
//     is no nso-pam. A nso-pam that does not answer is a refusal, whoever else would let
//     the user in.
//  4. Root, and whoever else has uid 0, comes in with a key of the system only; what is
//     typed instead reaches nobody.
//  5. From outside all failures look alike: the same methods, the same questions, the
//     same silence, everybody asked, and an answer on the same beat. Only who has given
//     the right password hears that it must be changed.
//  6. No answer of a user is in a log or an error.
//  7. Whom only the data or a program of this site knows has no uid. Of two methods in a
//     row the one that says less decides. If the system has an account of that name, it
//     must be one that may be used now, whoever let the user in.
//
// RFC 4252 (the methods), RFC 4256 (keyboard-interactive), RFC 7317 (users in the data),
// sshd(8) for the form of authorized keys.
package auth
