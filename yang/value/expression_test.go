// SPDX-License-Identifier: Apache-2.0

package value_test

import (
	"slices"
	"testing"

	"nso.example/nso/yang/value"
	"nso.example/nso/yang/yangtest"
)

// scope is what an XML element has in scope.
type scope map[string]string

func (s scope) Module(prefix string) (string, bool) {
	m, ok := s[prefix]
	return m, ok
}

// XPath expressions as values: their prefixes become names of modules, and
// prefixes again on the way out.
func TestExpression(t *testing.T) {
	s := yangtest.Schema(t, `module m { yang-version 1.1; namespace "urn:m"; prefix m; import ietf-yang-types { prefix yang; } import ietf-netconf-acm { prefix nacm; }
		import ietf-interfaces { prefix if; }
		typedef mine { type yang:xpath1.0 { length 1..max; } }
		leaf x { type yang:xpath1.0; } leaf n { type nacm:node-instance-identifier; } leaf d { type mine; default "/if:interfaces"; }
		leaf u { type union { type int8; type yang:xpath1.0; } } leaf r { type leafref { path "../x"; } } leaf s { type string; } }`)
	in := scope{"i": "ietf-interfaces", "ietf-interfaces": "m", "a": "ietf-alarms", "": "m"}
	back := map[string]string{"ietf-interfaces": "p", "ietf-alarms": "q", "m": "m"}
	for _, c := range []struct{ leaf, text, canonical, xml string }{
		{"x", "/i:interfaces/i:interface[i:name='i:eth0']/i:mtu", "/ietf-interfaces:interfaces/ietf-interfaces:interface[ietf-interfaces:name='i:eth0']/ietf-interfaces:mtu",
			"/p:interfaces/p:interface[p:name='i:eth0']/p:mtu"},
		{"n", "/i:interfaces", "/ietf-interfaces:interfaces", "/p:interfaces"},
		{"d", "/i:interfaces", "/ietf-interfaces:interfaces", "/p:interfaces"},
		{"u", "//i:*", "//ietf-interfaces:*", "//p:*"}, {"u", "7", "7", "7"},
		{"r", "i:a", "ietf-interfaces:a", "p:a"},
		{"s", "/i:interfaces", "/i:interfaces", "/i:interfaces"},
		{"x", "name or . = \"i:x\"", "name or . = \"i:x\"", "name or . = \"i:x\""},
		{"x", "child::i:a/descendant-or-self::node()", "child::ietf-interfaces:a/descendant-or-self::node()", "child::p:a/descendant-or-self::node()"},
		{"x", "count(i:a|a:b) > 1.5 and $i:v", "count(ietf-interfaces:a|ietf-alarms:b) > 1.5 and $ietf-interfaces:v", "count(p:a|q:b) > 1.5 and $p:v"},
		{"x", "ietf-interfaces:a", "m:a", "m:a"}, // a prefix that looks like a module
		{"x", "/nobody:a/i:b", "/nobody:a/ietf-interfaces:b", "/nobody:a/p:b"},
		{"x", "a[b = 'i:c", "a[b = 'i:c", "a[b = 'i:c"}, {"x", "i:", "i:", "i:"}, {"x", ":i", ":i", ":i"}, {"x", "\u00e9:b", "\u00e9:b", "\u00e9:b"},
	} {
		typ := s.Root.Child("m", c.leaf).Type
		got, err := value.Parse(typ, c.text, in)
		if err != nil || got != c.canonical {
			t.Errorf("%s %s: %q, %v, want %q", c.leaf, c.text, got, err, c.canonical)
			continue
		}
		if again, err := value.Parse(typ, got, nil); err != nil || again != got {
			t.Errorf("%s %s: canonical %q parses to %q, %v", c.leaf, c.text, got, again, err)
		}
		out := value.Rewrite(typ, got, func(module string) string {
			if p := back[module]; p != "" {
				return p
			}
			return module
		})
		if out != c.xml {
			t.Errorf("%s %s: written as %q, want %q", c.leaf, c.text, out, c.xml)
		}
	}
	if d := s.Root.Child("m", "d").Defaults; len(d) != 1 || d[0] != "/ietf-interfaces:interfaces" {
		t.Errorf("default %v", d)
	}
	x := s.Root.Child("m", "x").Type
	if got := slices.Collect(value.Names(x, "/ietf-interfaces:a[m:b='c:d']")); !slices.Equal(got, []string{"ietf-interfaces", "m"}) || !x.Named {
		t.Errorf("names %v", got)
	}
	for range value.Names(x, "/a:a/b:b") {
		break // and no more
	}
	if s.Root.Child("m", "s").Type.Named {
		t.Error("a string is named")
	}
}
