// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"testing"

	"nso.example/nso/ident"
	"nso.example/nso/tree"
)

// BenchmarkEdit is one entry edited and committed in a list of so many, on a disk
// in memory, by whoever may do everything and by whoever may write that list.
func BenchmarkEdit(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		w := newWorld(b, Options{})
		admin := w.login("admin")
		w.allow(admin, "bob", "top", "/m:top", "*")
		x := w.begin(admin)
		l := w.schema.Root.Child("m", "top").Child("m", "l")
		v := l.Child("m", "v")
		edit := func(i, value int) *tree.Edit {
			return &tree.Edit{Schema: w.schema.Root, Children: []tree.Edit{{Schema: l.DataParent, Children: []tree.Edit{
				{Schema: l, Key: tree.MakeKey(l, fmt.Sprint(i)), Children: []tree.Edit{{Schema: v, Value: fmt.Sprint(value % 256)}}}}}}}
		}
		for i := range n {
			if err := x.Apply(edit(i, 1)); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := x.Commit(context.Background(), Label{}); err != nil {
			b.Fatal(err)
		}
		for _, user := range []string{"admin", "bob"} {
			b.Run(fmt.Sprintf("%s/%d", user, n), func(b *testing.B) {
				ss, err := w.server.Login(ident.Actor{User: user}, Login{})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i++
					x, err := ss.Begin(context.Background(), Running)
					if err == nil {
						err = x.Apply(edit(n/2, i))
					}
					if err == nil {
						_, err = x.Commit(context.Background(), Label{})
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
