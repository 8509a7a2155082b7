// SPDX-License-Identifier: Apache-2.0

// Package config is nso.toml as one struct: what root or an operator decides about
// the daemon before it starts.
//
// It opens the files that Load and InForce are given and nothing else; it starts nothing and
// asks nobody. What can change at run time is YANG data and not here.
//
// Invariants:
//  1. A key that is not a field is an error with file, line and the nearest field.
//  2. What Print writes parses again, to an equal Config.
//  3. Each field has a doc tag; the example and the manual page are made of them.
//  4. A Config that Parse returned has been checked: paths are absolute, ports are
//     not 0, the cleartext doors are on loopback.
//  5. What is in force under systemd is said by InForce and by nobody else: the
//     daemon, the generator and the tools cannot disagree.
package config
