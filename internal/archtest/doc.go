// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the architecture of the house as tests: which floor a
// room is on, what it may import, how large it may grow. The law is floors.txt.
package archtest
