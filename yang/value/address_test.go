// SPDX-License-Identifier: Apache-2.0

package value_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"nso.example/nso/yang/value"
	"nso.example/nso/yang/yangtest"
)

// What is taken for an address without its patterns is what they take.
func TestPlainAddress(t *testing.T) {
	s := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m; import ietf-inet-types { prefix inet; }
		leaf a { type inet:ipv4-address; } leaf b { type inet:ipv6-address; } leaf c { type inet:ipv4-address-no-zone; } leaf d { type inet:ipv6-address-no-zone; }
		leaf e { type inet:ipv4-address { pattern "1.*"; } } }`)
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("0123456789abcdefF::::....%x")
	valid := 0
	for range 60_000 {
		var text []byte
		switch r.IntN(3) {
		case 0:
			var a [16]byte
			for i := range a {
				if r.IntN(2) == 0 {
					a[i] = byte(r.Uint32())
				}
			}
			text = []byte(netip.AddrFrom16(a).String())
		case 1:
			var a [4]byte
			for i := range a {
				a[i] = byte(r.Uint32())
			}
			text = []byte(netip.AddrFrom4(a).String())
		default:
			for range r.IntN(20) {
				text = append(text, alphabet[r.IntN(len(alphabet))])
			}
		}
		for range r.IntN(3) {
			if len(text) > 0 {
				text[r.IntN(len(text))] = alphabet[r.IntN(len(alphabet))]
			}
		}
		for _, leaf := range s.Root.DataChildren {
			want := true
			for _, p := range leaf.Type.Patterns {
				want = want && p.Regexp.MatchString(string(text)) != p.Invert
			}
			if want {
				valid++
			}
			if _, err := value.Parse(leaf.Type, string(text), nil); (err == nil) != want {
				t.Fatalf("%s %q: %v, the patterns say %t", leaf.Name, text, err, want)
			}
		}
	}
	if valid < 10_000 {
		t.Errorf("only %d addresses", valid)
	}
}
