// SPDX-License-Identifier: Apache-2.0

package value_test

import (
	"testing"

	"nso.example/nso/yang/value"
	"nso.example/nso/yang/yangtest"
)

// The canonical forms that typedefs describe, through unions and narrower types.
func TestDescribed(t *testing.T) {
	s := yangtest.Schema(t, `module m { namespace "urn:m"; prefix m; import ietf-inet-types { prefix inet; } import ietf-yang-types { prefix yang; }
		typedef upper { type yang:mac-address { pattern '[0-9A-F:]*'; } }
		leaf ip { type inet:ip-address; } leaf nozone { type inet:ip-address-no-zone; } leaf prefix { type inet:ip-prefix; } leaf both { type inet:ip-address-and-prefix; }
		leaf host { type inet:host; } leaf mac { type yang:mac-address; } leaf upper { type upper; } leaf uuid { type yang:uuid; } leaf text { type string; }
		leaf ref { type leafref { path "/m:ip"; } } }`)
	for _, c := range []struct{ leaf, text, canonical string }{
		{"ip", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"}, {"ip", "0::", "::"}, {"ip", "::9:0eaf", "::9:eaf"}, {"ip", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"ip", "FE80::1%eth0", "fe80::1%eth0"}, {"ip", "192.0.2.1", "192.0.2.1"}, {"ip", "192.0.2.1%eth0", "192.0.2.1%eth0"},
		{"ref", "2001:DB8::1", "2001:db8::1"}, {"nozone", "FE80::0", "fe80::"},
		{"prefix", "192.0.2.7/24", "192.0.2.0/24"}, {"prefix", "2001:DB8:0::7/32", "2001:db8::/32"}, {"prefix", "0.0.0.0/0", "0.0.0.0/0"},
		{"prefix", "::/08", "::/08"}, // no number that netip knows: as it came
		{"both", "192.0.2.7/24", "192.0.2.7/24"}, {"both", "2001:DB8:0::7/32", "2001:db8::7/32"},
		{"host", "Router.Example.COM", "router.example.com"}, {"host", "2001:DB8::1", "2001:db8::1"},
		{"mac", "00:AA:bb:00:00:01", "00:aa:bb:00:00:01"}, {"upper", "00:AA:BB:00:00:01", "00:AA:BB:00:00:01"},
		{"uuid", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}, {"text", "2001:DB8::1", "2001:DB8::1"},
	} {
		leaf := s.Root.Child("m", c.leaf)
		got, err := value.Parse(leaf.Type, c.text, nil)
		if err != nil || got != c.canonical {
			t.Errorf("%s %s: %q, %v, want %q", c.leaf, c.text, got, err, c.canonical)
			continue
		}
		if again, err := value.Parse(leaf.Type, got, nil); err != nil || again != got {
			t.Errorf("%s %s: canonical %q parses to %q, %v", c.leaf, c.text, got, again, err)
		}
	}
}
