// SPDX-License-Identifier: Apache-2.0

// Package sandbox finds out from the inside what nso-pam@.service allows, and compares
// it with what the unit and its drop-ins mean to allow.
//
// It tries only what does nothing if it is possible after all, but for one file of its
// own in the folder of pam_faillock, which it removes. It reads no secret: it opens
// /etc/shadow and reads nothing of it.
//
// Invariants:
//  1. A sandbox is proven by what a try got, never by what a unit file says: systemd
//     leaves out silently what a kernel or a container does not offer.
//  2. A drop-in that opens something says so in a variable, NSO_PAM_NETWORK,
//     NSO_PAM_HOME, NSO_PAM_DEVICES or NSO_PAM_AUDIT, which only root's unit files set;
//     nothing else makes a hole no hole.
//
// Sources: capabilities(7), proc(5), systemd.exec(5).
package sandbox
