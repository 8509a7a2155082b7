// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"fmt"
	"io"
	"testing"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

// ward is a model with a list to be long, and fifty containers to have rules.
func ward() string {
	m := `module b { yang-version 1.1; namespace "urn:b"; prefix b; container big { list entry { key name; leaf name { type string; } leaf value { type int32; } leaf pw { type string; } } }`
	for i := range 50 {
		m += fmt.Sprintf(` container c%d { list l { key k; leaf k { type string; } leaf v { type string; } } }`, i)
	}
	return m + "}"
}

// wardRules are fifty rules of a user who may do nearly everything; keyed of them name
// entries of the long list.
func wardRules(keyed int) (sets []string) {
	sets = []string{at + "groups/group[name='g']/user-name=ann", at + "rule-list[name='L']/group=g", at + "read-default=deny"}
	rule := func(i int, leaves ...string) {
		for _, l := range leaves {
			sets = append(sets, fmt.Sprintf("%srule-list[name='L']/rule[name='r%02d']/%s", at, i, l))
		}
	}
	for i := range 47 {
		switch {
		case i < keyed:
			rule(i, fmt.Sprintf("path=/b:big/entry[name='e%d']", i*1000), "action=deny")
		case i%3 == 0:
			rule(i, fmt.Sprintf("path=/b:c%d/l[k='x']/v", i), "access-operations=update create", "action=deny")
		case i%3 == 1:
			rule(i, fmt.Sprintf("path=/b:c%d", i), "action=deny")
		default:
			rule(i, "rpc-name=op"+fmt.Sprint(i), "access-operations=exec", "action=deny")
		}
	}
	rule(47, "notification-name=n", "action=deny")
	rule(48, "module-name=ietf-netconf-acm", "action=deny")
	rule(49, "module-name=b", "action=permit")
	return sets
}

func long(b *testing.B, s *yang.Schema, root *tree.Node, entries int) *tree.Node {
	big := s.Root.Child("b", "big")
	entry := big.Child("b", "entry")
	ed := tree.NewEditor(root)
	for i := range entries {
		k := tree.MakeKey(entry, fmt.Sprintf("e%d", i))
		for _, leaf := range []string{"value", "pw"} {
			if err := ed.Set(tree.Path{{Schema: big}, {Schema: entry, Key: k, HasKey: true}, {Schema: entry.Child("b", leaf)}}, "7"); err != nil {
				b.Fatal(err)
			}
		}
	}
	return ed.Root()
}

// BenchmarkRulesGet is a get of 100,000 entries: written as XML, and what fifty rules
// add to that before. "none" is whoever may read everything.
func BenchmarkRulesGet(b *testing.B) {
	s := yangtest.Schema(b, "ietf-netconf-acm", ward())
	root := long(b, s, build(b, s, tree.New(s.Root)), 100_000)
	encode := func(b *testing.B, n *tree.Node) {
		w := xmlstream.NewWriter(io.Discard)
		if err := xmlenc.Encode(w, n, xmlenc.Options{}); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			encode(b, root)
		}
	})
	for _, keyed := range []int{0, 10} {
		with := build(b, s, root, wardRules(keyed)...)
		v := Compile(s, with).View("ann", nil)
		v.Prune(with)
		b.Run(fmt.Sprintf("50-rules-%d-of-the-list", keyed), func(b *testing.B) {
			for b.Loop() {
				encode(b, v.Prune(with))
			}
		})
		b.Run(fmt.Sprintf("prune-alone-%d-of-the-list", keyed), func(b *testing.B) {
			for b.Loop() {
				v.Prune(with)
			}
		})
	}
}

// BenchmarkRulesEdit is an edit of one entry of 100,000 with fifty rules, and without.
func BenchmarkRulesEdit(b *testing.B) {
	s := yangtest.Schema(b, "ietf-netconf-acm", ward())
	root := long(b, s, build(b, s, tree.New(s.Root), wardRules(10)...), 100_000)
	big := s.Root.Child("b", "big")
	entry := big.Child("b", "entry")
	edit := &tree.Edit{Schema: s.Root, Children: []tree.Edit{{Schema: big, Children: []tree.Edit{{Schema: entry, Key: tree.MakeKey(entry, "e77777"),
		Children: []tree.Edit{{Schema: entry.Child("b", "value"), Value: "8"}}}}}}}
	for name, guard := range map[string]tree.Guard{"none": nil, "50-rules": Compile(s, root).View("ann", nil).Guard()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := tree.Apply(root, edit, guard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRulesGuard is what the rules alone take of that edit: three questions.
func BenchmarkRulesGuard(b *testing.B) {
	s := yangtest.Schema(b, "ietf-netconf-acm", ward())
	root := build(b, s, tree.New(s.Root), wardRules(10)...)
	guard := Compile(s, root).View("ann", nil).Guard()
	p := node(b, s, "/b:big/entry[name='e77777']/value")
	for b.Loop() {
		for _, what := range []tree.Access{tree.Name, tree.Update, tree.See} {
			if err := guard(p, what); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkRulesCompile is what a change of access control costs once.
func BenchmarkRulesCompile(b *testing.B) {
	s := yangtest.Schema(b, "ietf-netconf-acm", ward())
	root := build(b, s, tree.New(s.Root), wardRules(10)...)
	for b.Loop() {
		Compile(s, root).View("ann", nil)
	}
}
