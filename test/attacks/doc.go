// SPDX-License-Identifier: Apache-2.0

// Package attacks holds the pages docs/attacks.md and docs/weaknesses.md to the tests
// that they name, and the attacks that have no other room.
package attacks
