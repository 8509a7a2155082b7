// SPDX-License-Identifier: Apache-2.0

// Package rfc holds docs/rfc/index.md to the code: the tests that it names exist, and
// the sections that the code cites are in it.
package rfc
