// SPDX-License-Identifier: Apache-2.0

package xmlenc

import (
	"errors"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
)

// refusals bounds what is told to be wrong in an edit; what comes after is not read.
const refusals = 100

// forgive reports an error of the data and returns nil, if somebody wants to
// know of all of them. An error of XML itself stays: nothing can be read after it.
func (d *decoder) forgive(err error) error {
	var e *mgmterr.Error
	if !errors.As(err, &e) {
		return err
	}
	if d.edit {
		if d.refused = append(d.refused, e); len(d.refused) == refusals {
			return d.refused
		}
		return nil
	}
	if d.options.Report == nil {
		return err
	}
	at := d.r.Begin()
	d.options.Report(e, at.Line, at.Column)
	return nil
}

// element is child, and where errors are only reported it goes on after the
// element that is wrong.
func (d *decoder) element(f *frame, t *xmlstream.Token) error {
	if d.options.Report == nil && !d.edit {
		return d.child(f, t)
	}
	name, level, nodes, frames := t.Name, d.r.Depth(), d.b.Depth(), d.depth
	err := d.child(f, t)
	if err == nil {
		return nil
	}
	if err = d.forgive(err); err != nil {
		return err
	}
	if s := d.find(f, name); f.schema.Kind == yang.KindList && (s == nil || s.IsKey) {
		f.keys = true // what is wrong is, or may have been meant as, a key
	}
	for d.depth = frames; d.b.Depth() > nodes; {
		d.b.Abort()
	}
	for d.r.Depth() >= level {
		if _, err := d.r.Next(); err != nil {
			return err
		}
	}
	return nil
}

// done is the tree, without what is wrong.
func (d *decoder) done() (*tree.Node, error) {
	root := d.b.Schema()
	n, err := d.b.Done()
	if err != nil {
		return tree.New(root), d.forgive(d.lift(err, nil))
	}
	if !d.tagged {
		return n, nil
	}
	n = meta.Settle(n, d.options.Meta, func(e *mgmterr.Error) {
		switch {
		case d.options.Report != nil:
			d.options.Report(e, 0, 0)
		case err == nil:
			err = e
		}
	})
	return n, err
}
