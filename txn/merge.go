// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"iter"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// merge is the three-way merge of a rebase: what mine changed since base is
// done again on theirs, provided the two sides touched different nodes.
func merge(base, mine, theirs *tree.Node) (*tree.Node, error) {
	touched := make(map[string]bool) // by theirs, every ancestor excluded
	above := make(map[string]bool)   // ancestors of what theirs touched
	for c := range changes(base, theirs) {
		touched[c.Path.String()] = true
		for i := 1; i < len(c.Path); i++ {
			above[c.Path[:i].String()] = true
		}
	}
	ed := tree.NewEditor(theirs)
	for c := range changes(base, mine) {
		if at := collision(c, touched, above); at != "" {
			return nil, mgmterr.New(mgmterr.InUse, at,
				"cannot commit: somebody else changed this node since the transaction began; look at the difference and try again").
				WithAppTag("conflict")
		}
		if err := replay(ed, c); err != nil {
			return nil, err
		}
	}
	return ed.Root(), nil
}

// changes is tree.Diff with containers without presence dissolved: such a one is
// there because of what is in it, so two sides that both made it, or both emptied
// it, have not touched the same node.
func changes(a, b *tree.Node) iter.Seq[tree.Change] {
	return func(yield func(tree.Change) bool) {
		for c := range tree.Diff(a, b) {
			if !dissolve(c, yield) {
				return
			}
		}
	}
}

func dissolve(c tree.Change, yield func(tree.Change) bool) bool {
	whole := c.New
	if c.Kind == tree.Deleted {
		whole = c.Old
	}
	if s := c.Path.Schema(); c.Kind == tree.Modified || c.Kind == tree.Moved || s.Kind != yang.KindContainer || s.HasPresence {
		return yield(c)
	}
	empty := tree.New(whole.Node.Schema())
	before, after := empty, whole.Node
	if c.Kind == tree.Deleted {
		before, after = after, before
	}
	above := c.Path.Clone()
	for in := range tree.Diff(before, after) {
		in.Path = append(above[:len(above):len(above)], in.Path...)
		if !dissolve(in, yield) {
			return false
		}
	}
	return true
}

// collision returns the path at which c meets what theirs touched, or "".
func collision(c tree.Change, touched, above map[string]bool) string {
	for i := 1; i <= len(c.Path); i++ {
		if p := c.Path[:i].String(); touched[p] {
			return p
		}
	}
	// A node that mine removed or made whole, with their change inside it.
	if p := c.Path.String(); above[p] {
		return p
	}
	return ""
}

// replay does one change again.
func replay(ed *tree.Editor, c tree.Change) error {
	path := c.Path.Clone()
	switch c.Kind {
	case tree.Deleted:
		return ed.Delete(path)
	case tree.Moved:
		return ed.Move(path, c.Insert)
	}
	return ed.Put(path, c.New)
}
