// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"errors"

	"nso.example/nso/mgmterr"
)

// mark is a place in the text that a reading can go on at.
type mark struct{ pos, nodes int }

func (d *decoder) mark() mark { return mark{d.pos, d.b.Depth()} }

// forgive reports an error of the data and returns nil, if somebody wants to
// know of all of them. What is no JSON stays: nothing can be read after it.
func (d *decoder) forgive(err error) error {
	var e *mgmterr.Error
	if d.options.Report == nil || !errors.As(err, &e) || e.Tag == mgmterr.MalformedMessage {
		return err
	}
	line, column := d.where(d.begun)
	d.options.Report(e, line, column)
	return nil
}

// pass forgives an error in the value that begins at m, and reads over it.
func (d *decoder) pass(err error, m mark, depth int) error {
	if err = d.forgive(err); err != nil {
		return err
	}
	for d.b.Depth() > m.nodes {
		d.b.Abort()
	}
	d.pos = m.pos
	return d.skip(depth)
}
