// SPDX-License-Identifier: Apache-2.0

package treetest

import (
	"math/rand/v2"
	"strconv"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Random returns a random tree of the schema that All makes, state included.
func Random(r *rand.Rand, s *yang.Schema) *tree.Node {
	b := tree.NewBuilder(s.Root)
	fill(r, b, s.Root)
	n, err := b.Done()
	if err != nil {
		panic(err) // in a test: the generator is wrong
	}
	return n
}

func fill(r *rand.Rand, b *tree.Builder, n *yang.Node) {
	cases := map[*yang.Node]*yang.Node{} // of each choice the chosen one
	for _, s := range n.DataChildren {
		if !chosen(r, cases, s) || !s.IsKey && r.IntN(3) == 0 {
			continue
		}
		count := r.IntN(5)
		switch s.Kind {
		case yang.KindLeaf:
			if !s.IsKey { // an entry's keys are there already
				check(b.Leaf(s, Value(r, s)))
			}
		case yang.KindAnydata:
			check(b.Any(s, tree.Any{Format: tree.XML, Text: `<blob xmlns="urn:test:t"><x xmlns="urn:x">&lt;</x></blob>`}))
		case yang.KindContainer:
			b.Open(s)
			fill(r, b, s)
			check(b.Close())
		case yang.KindLeafList:
			seen := map[string]bool{}
			for range count {
				if v := Value(r, s); !seen[v] {
					seen[v] = s.Config
					check(b.LeafListEntry(s, v))
				}
			}
		case yang.KindList:
			seen := map[tree.Key]bool{}
			for range count {
				var values []string
				for _, k := range s.Keys {
					values = append(values, Value(r, k))
				}
				key := tree.MakeKey(s, values...)
				if seen[key] {
					continue
				}
				seen[key] = len(s.Keys) > 0
				b.Open(s)
				for i, k := range s.Keys {
					check(b.Leaf(k, values[i]))
				}
				fill(r, b, s)
				check(b.Close())
			}
		}
	}
}

func chosen(r *rand.Rand, cases map[*yang.Node]*yang.Node, s *yang.Node) bool {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind != yang.KindCase {
			continue
		}
		if c := cases[p.Parent]; c == nil {
			cases[p.Parent] = p.Parent.Children[r.IntN(len(p.Parent.Children))]
		}
		if cases[p.Parent] != p {
			return false
		}
	}
	return true
}

func check(err error) {
	if err != nil {
		panic(err) // in a test: the generator is wrong
	}
}

// Value returns a random canonical value of a leaf or leaf-list of All.
func Value(r *rand.Rand, s *yang.Node) string {
	switch s.Type.Base {
	case yang.Uint8:
		return strconv.Itoa(r.IntN(256))
	case yang.Uint16, yang.Uint64:
		return strconv.Itoa(r.IntN(1 << 16))
	case yang.Int32:
		return strconv.Itoa(r.IntN(1<<16) - 1<<15)
	case yang.Decimal64:
		return strconv.Itoa(r.IntN(40)-20) + "." + strconv.Itoa(1+r.IntN(9))
	case yang.Boolean:
		return strconv.FormatBool(r.IntN(2) == 0)
	case yang.Empty:
		return ""
	case yang.IdentityRef:
		return []string{"t:eth", "aug:tunnel"}[r.IntN(2)]
	case yang.InstanceIdentifier:
		return []string{"/t:top-leaf", "/t:net/interface[name='a']/mtu", "/t:net/interface[name='a']/aug:extra"}[r.IntN(3)]
	}
	return []string{"", "a", "b", " two words ", "it's", `a"b`, "<&>]]>", "é\n\tü", "eth0", "eth10", "日本"}[r.IntN(11)]
}
