// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"fmt"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang/value/schematest"
)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("/m:top/m:item[m:name=current()/../m:ref]/m:mtu > 1500 and not(../m:x)"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEval evaluates on a list of 100,000 entries.
func BenchmarkEval(b *testing.B) {
	s := schematest.Schema(b, model)
	ed := tree.NewEditor(load(b, s, data))
	top := s.Root.Child("m", "top")
	item := top.Child("", "item")
	for i := range 100_000 {
		p := tree.Path{{Schema: top}, {Schema: item, Key: tree.MakeKey(item, fmt.Sprintf("if%d", i)), HasKey: true}}
		if err := ed.Create(p); err != nil {
			b.Fatal(err)
		}
	}
	root := ed.Root()
	for _, source := range []string{
		"/m:top/m:item[m:name='if77777']/m:mtu = 1500", "../m:item[m:name=current()]/m:mtu > 1500", "not(../m:size) or ../m:size > 5",
		"count(../m:item) < 5", "re-match(., 'eth[0-9]+')", "/m:top/m:item[m:mtu=7]", "count(//m:y)",
	} {
		node := at(b, s, root, "/m:top/ref")
		e, err := CompileAt(s, node.Schema, source, prefixes, "")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			scratch := &Scratch{}
			for b.Loop() {
				if _, err := e.EvalBool(Context{Node: node, Scratch: scratch}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	node := at(b, s, root, "/m:top/ref")
	e, err := CompileAt(s, node.Schema, "../m:item/m:name", prefixes, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Exists", func(b *testing.B) {
		b.ReportAllocs()
		scratch := &Scratch{}
		for b.Loop() {
			if ok, err := e.Exists(Context{Node: node, Scratch: scratch}, "if500"); err != nil || !ok {
				b.Fatal(err)
			}
		}
	})
}
