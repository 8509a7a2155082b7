// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"iter"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// edit is one node that is new, gone, other or elsewhere.
type edit struct {
	Path  string  `json:"path"`
	Kind  string  `json:"kind"`
	Old   *string `json:"old"`
	New   *string `json:"new"`
	After *string `json:"after"`
}

func (e *edit) size() int {
	n := len(e.Path) + 64
	for _, s := range []*string{e.Old, e.New, e.After} {
		if s != nil {
			n += len(*s)
		}
	}
	return n
}

// paths are what somebody wants to know of; none are everything.
type paths []tree.Path

// place says whether p is at or below one of them, and whether one is below p.
func (w paths) place(p tree.Path) (in, above bool) {
	if len(w) == 0 {
		return true, false
	}
	for _, q := range w {
		n := min(len(p), len(q))
		same := true
		for i := 0; i < n && same; i++ {
			a, b := p[i], q[i]
			same = a.Schema == b.Schema && (!b.HasKey || a.HasKey && a.Key == b.Key && a.Value == b.Value)
		}
		switch {
		case same && n == len(q):
			return true, false
		case same:
			above = true
		}
	}
	return false, above
}

// edits are what makes b of a, as far as it is wanted.
func (w paths) edits(a, b *tree.Node) iter.Seq[edit] {
	return func(yield func(edit) bool) {
		out := &walk{w, yield}
		for c := range tree.Diff(a, b) {
			p := c.Path.Clone()
			on := true
			switch c.Kind {
			case tree.Created:
				on = out.whole(p, c.New, c.Kind, place(p, c.Insert))
			case tree.Deleted:
				on = out.whole(p, c.Old, c.Kind, nil)
			default:
				if in, _ := w.place(p); in {
					e := edit{Path: p.String(), Kind: c.Kind.String()}
					if c.Kind == tree.Moved {
						e.After = place(p, c.Insert)
					} else {
						e.Old, e.New = val(c.Old), val(c.New)
					}
					on = yield(e)
				}
			}
			if !on {
				return
			}
		}
	}
}

// place is the path of the entry before that at p, as an edit has it.
func place(p tree.Path, at tree.Insert) *string {
	last := p[len(p)-1]
	if !last.HasKey || last.Schema.OrderedBy != yang.OrderedByUser {
		return nil
	}
	before := ""
	if at.Where == tree.After {
		q := p.Clone()
		if last.Schema.Kind == yang.KindLeafList {
			q[len(q)-1].Value = string(at.Anchor)
		} else {
			q[len(q)-1].Key = at.Anchor
		}
		before = q.String()
	}
	return &before
}

// val is the value of a leaf, or of an entry of a leaf-list.
func val(c tree.Child) *string {
	if c.Schema == nil || c.Schema.Kind != yang.KindLeaf && c.Schema.Kind != yang.KindLeafList || c.LeafList != nil {
		return nil
	}
	return &c.Value
}

type walk struct {
	want  paths
	yield func(edit) bool
}

// whole tells what came or went, node by node.
func (w *walk) whole(p tree.Path, c tree.Child, kind tree.Kind, after *string) bool {
	in, above := w.want.place(p)
	if !in && !above {
		return true
	}
	if in {
		e := edit{Path: p.String(), Kind: kind.String(), After: after}
		if kind == tree.Created {
			e.New = val(c)
		} else {
			e.Old = val(c)
		}
		if !w.yield(e) {
			return false
		}
	}
	if c.Node == nil {
		return true
	}
	for kid := range c.Node.Children() {
		if kid.Schema.IsKey {
			continue
		}
		at := tree.Insert{Where: tree.First}
		next := func(s tree.Step, c tree.Child) bool {
			p := append(p, s)
			var after *string
			if kind == tree.Created {
				after = place(p, at)
			}
			return w.whole(p, c, kind, after)
		}
		switch {
		case kid.List != nil:
			for e := range kid.List.All() {
				if !next(tree.Step{Schema: kid.Schema, Key: e.Key(), HasKey: true}, tree.Child{Schema: kid.Schema, Node: e}) {
					return false
				}
				at = tree.Insert{Where: tree.After, Anchor: e.Key()}
			}
		case kid.LeafList != nil:
			for v := range kid.LeafList.All() {
				if !next(tree.Step{Schema: kid.Schema, Value: v, HasKey: true}, tree.Child{Schema: kid.Schema, Value: v}) {
					return false
				}
				at = tree.Insert{Where: tree.After, Anchor: tree.Key(v)}
			}
		default:
			if !next(tree.Step{Schema: kid.Schema}, kid) {
				return false
			}
		}
	}
	return true
}
