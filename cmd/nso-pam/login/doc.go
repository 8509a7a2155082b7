// SPDX-License-Identifier: Apache-2.0

// Package login holds one conversation with libpam, and looks up who has logged in.
//
// It calls pam_authenticate and pam_acct_mgmt and nothing else of PAM: no session, no
// credentials, no change of a password. It logs nothing. Without cgo it is empty.
//
// Invariants:
//  1. The name of the service is a constant.
//  2. Both calls must succeed, for the name that was asked for. An empty password is
//     none, even where the system's own stack says nullok.
//  3. An answer is copied once, to the memory that the module overwrites.
//
// Sources: pam(3), pam_conv(3), getgrouplist(3).
package login
