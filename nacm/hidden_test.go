// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"fmt"
	"slices"
	"testing"

	"nso.example/nso/tree"
)

// TestSameQuestions: an edit that names what may not be read is refused after the same
// questions whether it is there or not: nothing is looked up that would take longer.
// And what reads are made of is the same.
func TestSameQuestions(t *testing.T) {
	s := officeSchema(t)
	acl := append(in("path=/o:desk/drawer[owner='x'] ; deny", "path=/o:desk/secret ; deny", "path=/o:desk ; permit"), "/o:desk/drawer[owner='mine']/v=1")
	without := build(t, s, tree.New(s.Root), acl...)
	with := build(t, s, without, "/o:desk/drawer[owner='x']/v=1", "/o:desk/drawer[owner='x']/lock=1", "/o:desk/secret=1")
	views := [2]*View{Compile(s, without).View("ann", nil), Compile(s, with).View("ann", nil)}
	if a, b := views[0].Prune(without), views[1].Prune(with); !tree.Equal(a, b) {
		t.Error("what is left to read differs")
	}
	for _, path := range []string{"/o:desk/drawer[owner='x']", "/o:desk/drawer[owner='x']/v", "/o:desk/secret"} {
		for _, op := range []tree.Op{tree.OpMerge, tree.OpCreate, tree.OpReplace, tree.OpDelete, tree.OpRemove, tree.OpNone} {
			var asked [2][]string
			var refused [2]error
			for i, root := range []*tree.Node{without, with} {
				guard := views[i].Guard()
				e := &tree.Edit{Schema: s.Root}
				last := e
				for _, st := range node(t, s, path) {
					last.Children = []tree.Edit{{Schema: st.Schema, Key: st.Key, Op: tree.OpNone}}
					last = &last.Children[0]
				}
				last.Op, last.Value = op, "1"
				if path == "/o:desk/drawer[owner='x']" {
					last.Value = ""
				}
				_, refused[i] = tree.Apply(root, e, func(p tree.Path, what tree.Access) error {
					asked[i] = append(asked[i], fmt.Sprint(what, " ", p))
					return guard(p, what)
				})
			}
			if !slices.Equal(asked[0], asked[1]) || refused[0] == nil || refused[1] == nil || refused[0].Error() != refused[1].Error() {
				t.Errorf("%s of %s asks %v and %v, and says %v and %v", op, path, asked[0], asked[1], refused[0], refused[1])
			}
		}
	}
}
