// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang/value/schematest"
)

const benchModel = `
module m
leaf limit int32 default=9000
list if key=name
  leaf name string
  leaf mtu int32 must=". <= /limit" default=1500
  leaf type enum:eth,ip mandatory
  leaf parent leafref:../../if/name
  leaf speed int32 when="../type = 'eth'"
  leaf note string`

// benchTree is a list of n entries, the first the parent of the second half.
func benchTree(b *testing.B, n int) (*Rules, *tree.Node) {
	s := schematest.Schema(b, benchModel)
	r := compile(b, s)
	ed := tree.NewEditor(tree.New(s.Root))
	l := s.Root.Child("m", "if")
	for i := range n {
		p := tree.Path{{Schema: l, Key: tree.MakeKey(l, fmt.Sprintf("eth%d", i)), HasKey: true}}
		set := func(leaf, v string) {
			if err := ed.Set(append(p[:1:1], tree.Step{Schema: l.Child("", leaf)}), v); err != nil {
				b.Fatal(err)
			}
		}
		set("type", "eth")
		set("mtu", "1400")
		set("speed", "10")
		if i > n/2 {
			set("parent", "eth0")
		}
	}
	return r, ed.Root()
}

func BenchmarkChanged(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		r, root := benchTree(b, n)
		for name, change := range map[string]string{
			"leaf":      "+/m:if[name='eth3']/mtu=1401",
			"plain":     "+/m:if[name='eth3']/note=x",
			"reference": "+/m:if[name='eth3']/parent=eth2",
			"when":      "+/m:if[name='eth3']/type=ip",
			"create":    "+/m:if[name='new']/type=ip",
			"delete":    "-/m:if[name='eth3']",
		} {
			next := edit(b, r.schema, root, change)
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, errs := r.Changed(root, next); len(errs) > 0 {
						b.Fatal(errs)
					}
				}
			})
		}
	}
}

func BenchmarkFull(b *testing.B) {
	r, root := benchTree(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := r.Full(root); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// BenchmarkChangedAll creates all entries in one edit.
func BenchmarkChangedAll(b *testing.B) {
	r, root := benchTree(b, 100_000)
	empty := tree.New(r.schema.Root)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := r.Changed(empty, root); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}
