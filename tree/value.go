// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// canonicalValue checks a text in the form of RFC 7951 against the type of s.
func canonicalValue(s *yang.Node, text string) (string, error) {
	return value.Parse(s.Type, text, value.Canonical{Default: s.Module.Name})
}
