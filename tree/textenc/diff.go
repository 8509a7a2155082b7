// SPDX-License-Identifier: Apache-2.0

package textenc

import (
	"io"
	"slices"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// DiffCurly writes what b changes in a: under a line [edit PATH] for each place,
// statements that go with a margin of -, that come with +, and that only move
// within a list with !. Nothing is written for equal trees.
func DiffCurly(w io.Writer, a, b *tree.Node) error {
	p := newPrinter(w)
	var at tree.Path
	first := true
	for c := range tree.Diff(a, b) {
		parent := c.Path[:max(len(c.Path)-1, 0)]
		if first || !slices.Equal(at, parent) {
			first, at = false, append(at[:0], parent...)
			p.buf = append(p.buf, "[edit"...)
			if len(parent) > 0 {
				p.buf = append(p.buf, ' ')
				p.words(parent)
			}
			p.buf = append(p.buf, ']')
			p.line()
		}
		if !p.change(c) {
			break
		}
	}
	return p.flush()
}

func (p *printer) change(c tree.Change) bool {
	if c.Kind == tree.Moved {
		p.buf = append(p.buf, "!  "...)
		p.words(c.Path[len(c.Path)-1:])
		if c.New.Node != nil && hasBody(c.New.Node) {
			p.buf = append(p.buf, " { ... }"...)
		} else {
			p.buf = append(p.buf, ';')
		}
		return p.line()
	}
	ok := true
	if c.Kind != tree.Created {
		p.margin = "-  "
		ok = p.child(c.Old, 0)
	}
	if ok && c.Kind != tree.Deleted {
		p.margin = "+  "
		ok = p.child(c.New, 0)
	}
	p.margin = ""
	return ok
}

// DiffSet writes what b changes in a as lines of the CLI that make b of a:
// delete, set, and insert for the order of a list that the user orders.
func DiffSet(w io.Writer, a, b *tree.Node) error {
	p := newPrinter(w)
	for c := range tree.Diff(a, b) {
		if !p.command(a, b, c) {
			break
		}
	}
	return p.flush()
}

func (p *printer) command(a, b *tree.Node, c tree.Change) bool {
	ok := true
	switch c.Kind {
	case tree.Deleted:
		p.buf = append(p.buf, "delete "...)
		p.words(c.Path)
		return p.line()
	case tree.Created:
		ok = p.setAt(c.Path, c.New)
	case tree.Modified:
		return p.setAt(c.Path, c.New)
	}
	last := &c.Path[len(c.Path)-1]
	if !ok || c.Insert.Where == 0 || c.Kind == tree.Created && appended(a, b, c.Path) {
		return ok
	}
	p.buf = append(p.buf, "insert "...)
	p.words(c.Path)
	switch {
	case c.Insert.Where != tree.After:
		p.buf = append(append(p.buf, ' '), c.Insert.Where.String()...)
	case last.Schema.Kind == yang.KindLeafList:
		p.buf = append(p.buf, " after "...)
		p.value(last.Schema, string(c.Insert.Anchor))
	default:
		p.buf = append(p.buf, " after"...)
		p.keys(last.Schema, c.Insert.Anchor)
	}
	return p.line()
}

// appended reports whether a set line alone puts the entry at path, of a list
// that the user orders (RFC 7950, 7.7.7), in its place: the last.
func appended(a, b *tree.Node, path tree.Path) bool {
	step := path[len(path)-1]
	whole := path.Clone()
	whole[len(whole)-1] = tree.Step{Schema: step.Schema}
	if _, old := a.Find(whole); !old {
		return true // the list is new: its entries come in their order
	}
	list, _ := b.Find(whole)
	n := 0
	for range list.List.From(step.Key) {
		if n++; n > 1 {
			return false
		}
	}
	last := ""
	for v := range list.LeafList.All() {
		last = v
	}
	return n == 1 || last == step.Value && list.LeafList.Len() > 0
}
