// SPDX-License-Identifier: Apache-2.0

package parse

// What a text may cost. The largest published modules have 1 MB and 30 levels.
const (
	// MaxText is the greatest size of one text in bytes.
	MaxText = 16 << 20
	// MaxDepth is how deep statements may be nested.
	MaxDepth = 500
	// MaxIdentifier is the greatest length of a name; RFC 7950, 6.2, asks for
	// 64 at least.
	MaxIdentifier = 1024
	// maxErrors is how many errors of one text are reported.
	maxErrors = 100
)
