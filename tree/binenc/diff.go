// SPDX-License-Identifier: Apache-2.0

package binenc

import (
	"bytes"
	"errors"
	"slices"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// The verbs of a difference.
const (
	verbCreated  = 'C'
	verbDeleted  = 'D'
	verbModified = 'M'
	verbInside   = 'I'
	verbMoved    = 'V'
	verbWhole    = 'W' // all of a list without key, or of a leaf-list of state
)

// EncodeDiff returns what turns old into new. Its size is that of the change.
func EncodeDiff(old, new *tree.Node) []byte {
	e := &encoder{next: firstNumber}
	e.octet(diffMagic)
	var at tree.Path // inside of which the last change was
	for c := range tree.Diff(old, new) {
		up := c.Path[:len(c.Path)-1]
		same := 0
		for same < len(at) && same < len(up) && at[same] == up[same] {
			same++
		}
		for range at[same:] {
			e.end()
		}
		for _, st := range up[same:] {
			e.child(st.Schema)
			e.octet(verbInside)
			e.key(st)
		}
		at = append(at[:same], up[same:]...)
		e.change(c)
	}
	for range at {
		e.end()
	}
	e.end()
	return e.buf
}

// key writes which entry a step is.
func (e *encoder) key(st tree.Step) {
	if st.Schema.Kind == yang.KindList && len(st.Schema.Keys) > 0 {
		for _, v := range st.Key.Values(st.Schema) {
			e.text(v)
		}
	}
}

func (e *encoder) place(s *yang.Node, at tree.Insert) {
	if s.OrderedBy != yang.OrderedByUser {
		return
	}
	e.octet(byte(at.Where))
	if at.Where == tree.After {
		e.anchor(s, at.Anchor)
	}
}

func (e *encoder) anchor(s *yang.Node, k tree.Key) {
	if s.Kind == yang.KindLeafList {
		e.text(string(k))
		return
	}
	e.key(tree.Step{Schema: s, Key: k})
}

func (e *encoder) change(c tree.Change) {
	st := c.Path[len(c.Path)-1]
	s := st.Schema
	e.child(s)
	if !st.HasKey && (s.Kind == yang.KindList || s.Kind == yang.KindLeafList) {
		e.octet(verbWhole)
		switch {
		case c.Kind == tree.Deleted:
			e.number(0)
		default:
			e.held(c.New)
		}
		return
	}
	switch c.Kind {
	case tree.Deleted:
		e.octet(verbDeleted)
		e.entry(st)
	case tree.Moved:
		e.octet(verbMoved)
		e.entry(st)
		e.place(s, c.Insert)
	case tree.Modified:
		e.octet(verbModified)
		e.held(c.New)
	case tree.Created:
		e.octet(verbCreated)
		switch s.Kind {
		case yang.KindList:
			e.place(s, c.Insert)
			e.content(c.New.Node)
		case yang.KindLeafList:
			e.place(s, c.Insert)
			e.text(c.New.Value)
		default:
			e.held(c.New)
		}
	}
}

// entry writes the key or value of an entry, nothing for other nodes.
func (e *encoder) entry(st tree.Step) {
	if st.Schema.Kind == yang.KindLeafList {
		e.text(st.Value)
		return
	}
	e.key(st)
}

// ApplyDiff does a difference that EncodeDiff made with root. What it deletes,
// changes or moves must exist, what it creates must not.
func ApplyDiff(schema *yang.Schema, root *tree.Node, diff []byte) (*tree.Node, error) {
	e, err := decodeDiff(schema, diff)
	if err != nil {
		return nil, err
	}
	return tree.ApplyExact(root, e)
}

func decodeDiff(schema *yang.Schema, diff []byte) (*tree.Edit, error) {
	d := newDecoder(bytes.NewReader(diff), schema)
	if m, err := d.octet(); err != nil || m != diffMagic {
		return nil, d.fail(errors.New("it is no difference between trees"))
	}
	root := &tree.Edit{Schema: schema.Root, Op: tree.OpNone}
	err := d.diff(root, &ref{schema: schema.Root}, 0)
	if err == nil {
		err = d.over()
	}
	if err != nil {
		return nil, d.fail(err)
	}
	return root, nil
}

// diff reads changes below the node at into e.
func (d *decoder) diff(e *tree.Edit, at *ref, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for {
		r, err := d.child(at)
		if err != nil || r == nil {
			return err
		}
		verb, err := d.octet()
		if err != nil {
			return err
		}
		if r.schema == nil {
			// Its shape cannot be told (how many keys?): the names so far are listed.
			return errUnknown
		}
		n := len(e.Children)
		if n == cap(e.Children) {
			e.Children = slices.Grow(e.Children, max(4, n)) // by double: there may be many
		}
		e.Children = append(e.Children, tree.Edit{Schema: r.schema, Op: tree.OpNone})
		if err := d.verb(&e.Children[n], r, verb, depth); err != nil {
			return err
		}
	}
}

func (d *decoder) verb(c *tree.Edit, r *ref, verb byte, depth int) error {
	s := r.schema
	list := s.Kind == yang.KindList
	keyless := list && len(s.Keys) == 0
	switch verb {
	case verbDeleted:
		c.Op = tree.OpDelete
		if keyless {
			return errVerb
		}
		return d.entry(c, s)
	case verbMoved:
		if s.OrderedBy != yang.OrderedByUser || keyless || !list && s.Kind != yang.KindLeafList {
			return errVerb
		}
		if err := d.entry(c, s); err != nil {
			return err
		}
		if err := d.place(c, s); err != nil {
			return err
		}
		if c.Insert.Where == 0 {
			return errVerb
		}
		return nil
	case verbModified:
		if s.Kind != yang.KindLeaf && s.Kind != yang.KindAnydata && s.Kind != yang.KindAnyxml {
			return errVerb
		}
		c.Op = tree.OpReplace
		return d.held(c, s)
	case verbCreated:
		c.Op = tree.OpCreate
		if keyless {
			return errVerb
		}
		return d.created(c, r, depth)
	case verbWhole:
		if !keyless && (s.Kind != yang.KindLeafList || s.Config) {
			return errVerb
		}
		return d.whole(c, r, depth)
	case verbInside:
		if s.Kind != yang.KindContainer && (!list || keyless) {
			return errVerb
		}
		if err := d.entry(c, s); err != nil {
			return err
		}
		return d.diff(c, r, depth+1)
	}
	return errVerb
}

var errVerb = errors.New("a change is of no known kind")

// entry reads the key or value that names an entry.
func (d *decoder) entry(c *tree.Edit, s *yang.Node) (err error) {
	switch s.Kind {
	case yang.KindLeafList:
		c.Value, err = d.value(s)
	case yang.KindList:
		c.Key, err = d.key(s)
	}
	return err
}

func (d *decoder) key(s *yang.Node) (tree.Key, error) {
	values := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		var err error
		if values[i], err = d.value(k); err != nil {
			return "", err
		}
	}
	return tree.MakeKey(s, values...), nil
}

func (d *decoder) place(c *tree.Edit, s *yang.Node) error {
	if s.OrderedBy != yang.OrderedByUser {
		return nil
	}
	w, err := d.octet()
	if err != nil {
		return err
	}
	c.Insert.Where = tree.Where(w)
	switch c.Insert.Where {
	case 0, tree.First:
		return nil
	case tree.After:
	default:
		return errVerb
	}
	if s.Kind == yang.KindLeafList {
		v, err := d.value(s)
		c.Insert.Anchor = tree.Key(v)
		return err
	}
	c.Insert.Anchor, err = d.key(s)
	return err
}

// builder is the one builder, which begins anew.
func (d *decoder) builder(root *yang.Node) *tree.Builder {
	if d.b == nil {
		d.b = tree.NewBuilder(root)
	} else {
		d.b.Begin(root)
	}
	return d.b
}

// created reads what a created node holds.
func (d *decoder) created(c *tree.Edit, r *ref, depth int) error {
	s := r.schema
	if s.Kind == yang.KindList || s.Kind == yang.KindLeafList {
		if err := d.place(c, s); err != nil {
			return err
		}
	}
	switch s.Kind {
	case yang.KindList, yang.KindContainer:
		b := d.builder(s)
		if err := d.content(b, r, depth+1); err != nil {
			return err
		}
		n, err := b.Done()
		if err != nil {
			return err
		}
		c.Tree = n
		if s.Kind == yang.KindList {
			c.Key = n.Key()
		}
		return nil
	case yang.KindLeafList:
		v, err := d.value(s)
		c.Value = v
		return err
	}
	return d.held(c, s)
}

// held reads the value of a leaf or anydata.
func (d *decoder) held(c *tree.Edit, s *yang.Node) (err error) {
	if s.Kind == yang.KindLeaf {
		c.Value, err = d.value(s)
		return err
	}
	c.Any, err = d.any()
	return err
}

// whole reads all entries of a list or leaf-list.
func (d *decoder) whole(c *tree.Edit, r *ref, depth int) error {
	s := r.schema
	c.Op, c.Whole = tree.OpReplace, true
	b := d.builder(s.DataParent)
	for _, k := range s.DataParent.Keys { // of an entry that holds them; any will do
		if err := b.Leaf(k, ""); err != nil {
			return err
		}
	}
	if err := d.holds(b, r, depth); err != nil {
		return err
	}
	n, err := b.Done()
	c.Tree = n
	return err
}
