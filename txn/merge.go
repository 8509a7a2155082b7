// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"iter"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// merge is the three-way merge of a rebase: what mine changed since base is
// done again on theirs, provided the two sides touched different nodes, and no
// two cases of one choice.
func merge(base, mine, theirs *tree.Node) (*tree.Node, error) {
	t := touched{
		nodes: make(map[string]bool), above: make(map[string]bool), cases: make(map[choice]*yang.Node),
	}
	for c := range changes(base, theirs) {
		t.add(c)
	}
	ed := tree.NewEditor(theirs)
	for c := range changes(base, mine) {
		if at := t.meets(c); at != "" {
			return nil, conflict(at)
		}
		if err := ed.Replay(c); err != nil {
			// What it refers to is not there any more: the entry that it was put behind.
			return nil, conflict(c.Path.String()).WithCause(err)
		}
	}
	return ed.Root(), nil
}

func conflict(at string) *mgmterr.Error {
	return mgmterr.New(mgmterr.InUse, at,
		"cannot commit: somebody else changed this node since the transaction began; look at the difference and try again").
		WithAppTag("conflict")
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

// touched is what one side of a merge did.
type touched struct {
	nodes map[string]bool       // by path
	above map[string]bool       // ancestors of nodes
	cases map[choice]*yang.Node // the cases that something came to be in
}

// choice is a choice in one node of the data.
type choice struct {
	parent string
	schema *yang.Node
}

func (t *touched) add(c tree.Change) {
	t.nodes[c.Path.String()] = true
	for i := 1; i < len(c.Path); i++ {
		t.above[c.Path[:i].String()] = true
	}
	for at, k := range chosen(c) {
		t.cases[at] = k
	}
}

// meets returns the path at which c meets what the other side touched, or "".
func (t *touched) meets(c tree.Change) string {
	for i := 1; i <= len(c.Path); i++ {
		if p := c.Path[:i].String(); t.nodes[p] {
			return p
		}
	}
	// A node that this side removed or made whole, with the other's change inside it.
	if p := c.Path.String(); t.above[p] {
		return p
	}
	// To choose one case removes the others (RFC 7950, 7.9).
	for at, k := range chosen(c) {
		if other := t.cases[at]; other != nil && other != k {
			return c.Path.String()
		}
	}
	return ""
}

// chosen iterates over the cases that a change has set something in.
func chosen(c tree.Change) iter.Seq2[choice, *yang.Node] {
	return func(yield func(choice, *yang.Node) bool) {
		if c.Kind == tree.Deleted {
			return
		}
		for i, st := range c.Path {
			for p := st.Schema.Parent; p != nil && p != st.Schema.DataParent; p = p.Parent {
				if p.Kind == yang.KindCase && !yield(choice{c.Path[:i].String(), p.Parent}, p) {
					return
				}
			}
		}
	}
}
