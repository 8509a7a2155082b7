// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// merge is the three-way merge of a rebase: what mine changed since base is
// done again on theirs, provided the two sides touched different nodes.
func merge(base, mine, theirs *tree.Node) (*tree.Node, error) {
	touched := make(map[string]bool) // by theirs, every ancestor excluded
	above := make(map[string]bool)   // ancestors of what theirs touched
	for c := range tree.Diff(base, theirs) {
		touched[c.Path.String()] = true
		for i := 1; i < len(c.Path); i++ {
			above[c.Path[:i].String()] = true
		}
	}
	ed := tree.NewEditor(theirs)
	for c := range tree.Diff(base, mine) {
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
