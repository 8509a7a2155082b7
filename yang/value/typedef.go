// SPDX-License-Identifier: Apache-2.0

package value

import (
	"net/netip"
	"strings"

	"nso.example/nso/yang"
)

// described gives a string the canonical form that the description of its
// typedef asks for, where a pattern cannot (RFC 6991 and 9911, sections 3 and
// 4): without it, one address could be two entries of a list. A form that the
// type does not take itself is left as it was.
func described(t *yang.Type, text string) string {
	out := text
	for _, d := range t.Typedefs {
		switch d {
		case "ietf-inet-types:ipv6-address": // RFC 5952, 4
			if a, err := netip.ParseAddr(text); err == nil {
				out = a.String()
			}
		case "ietf-inet-types:ipv6-address-and-prefix":
			if p, err := netip.ParsePrefix(text); err == nil {
				out = p.String()
			}
		case "ietf-inet-types:ipv4-prefix", "ietf-inet-types:ipv6-prefix": // the bits of hosts are zero
			if p, err := netip.ParsePrefix(text); err == nil {
				out = p.Masked().String()
			}
		case "ietf-yang-types:mac-address", "ietf-yang-types:phys-address", "ietf-yang-types:hex-string", "ietf-yang-types:uuid",
			"ietf-inet-types:domain-name":
			out = strings.ToLower(text)
		default:
			continue
		}
		break
	}
	if out != text && !matches(t, out) {
		return text
	}
	return out
}

// plainAddress reports whether a text is an IP address that the patterns of its
// typedefs take, and t has no others: to ask them costs most of reading an address.
func plainAddress(t *yang.Type, text string) bool {
	const v4, v6, noZone = "ietf-inet-types:ipv4-address", "ietf-inet-types:ipv6-address", "-no-zone"
	for i, d := range t.Typedefs {
		if last := i == len(t.Typedefs)-1; last && (d == v4 && len(t.Patterns) == 1+i || d == v6 && len(t.Patterns) == 2+i) {
			a, err := netip.ParseAddr(text)
			return err == nil && a.Is4() == (d == v4) && strings.IndexByte(text, '%') < 0 && (a.Is4() || strings.IndexByte(text, '.') < 0)
		} else if last || d != v4+noZone && d != v6+noZone {
			return false
		}
	}
	return false
}

// matches reports whether an ASCII text keeps the restrictions of t.
func matches(t *yang.Type, text string) bool {
	for _, p := range t.Patterns {
		if p.Regexp != nil && p.Regexp.MatchString(text) == p.Invert {
			return false
		}
	}
	return inLength(t.Lengths, uint64(len(text)))
}
