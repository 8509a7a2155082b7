// SPDX-License-Identifier: Apache-2.0

package binenc

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

const (
	maxDepth   = 256
	maxName    = 1 << 10
	maxNumbers = 1 << 20 // nodes of a schema
	maxUnknown = 32      // named in an error
	firstRead  = 64 << 10
)

var (
	errDeep    = errors.New("it is nested too deep")
	errShort   = errors.New("it ends too early")
	errLong    = errors.New("there is something after its end")
	errNumber  = errors.New("a number is malformed")
	errRef     = errors.New("a node stands where it cannot be")
	errUnknown = errors.New("unknown nodes")
)

// ref is what a number of the form stands for.
type ref struct {
	schema *yang.Node // nil: the schema has no such node
	kind   yang.Kind
	parent *ref
	name   string // module:name if unknown
}

type decoder struct {
	src     io.Reader
	buf     []byte // buf[pos:] is read and not used
	pos     int
	schema  *yang.Schema
	refs    []*ref
	b       *tree.Builder // of a difference
	unknown []string
	more    int // unknown nodes beyond those in unknown
}

func newDecoder(r io.Reader, schema *yang.Schema) *decoder {
	return &decoder{src: r, schema: schema}
}

// Decode reads a snapshot that Encode wrote, to the end of r.
func Decode(r io.Reader, schema *yang.Schema) (*tree.Node, error) {
	d := newDecoder(r, schema)
	if err := d.fill(len(treeMagic)); err != nil || string(d.buf[:len(treeMagic)]) != treeMagic {
		if err != nil && !errors.Is(err, errShort) {
			return nil, d.fail(err)
		}
		return nil, d.fail(errors.New("it is no tree"))
	}
	d.pos = len(treeMagic)
	b := tree.NewBuilder(schema.Root)
	err := d.content(b, &ref{schema: schema.Root}, 0)
	if err == nil {
		err = d.over()
	}
	if err == nil && len(d.unknown) > 0 {
		err = errUnknown
	}
	if err != nil {
		return nil, d.fail(err)
	}
	root, err := b.Done()
	if err != nil {
		return nil, d.fail(err)
	}
	return root, nil
}

func (d *decoder) fail(err error) error {
	if len(d.unknown) == 0 {
		return fmt.Errorf("cannot read the data: %w", err)
	}
	more := ""
	if d.more > 0 {
		more = fmt.Sprintf(" and %d more", d.more)
	}
	return fmt.Errorf("cannot read the data: the schema has no %s%s; load the modules that it was written with, or newer ones",
		strings.Join(d.unknown, ", "), more)
}

// fill makes sure that n bytes are in buf[pos:].
func (d *decoder) fill(n int) error {
	if len(d.buf)-d.pos >= n {
		return nil
	}
	rest := len(d.buf) - d.pos
	copy(d.buf, d.buf[d.pos:])
	d.buf, d.pos = d.buf[:rest], 0
	for len(d.buf) < n {
		if len(d.buf) == cap(d.buf) {
			// Twice what has come, not what the input claims will come.
			d.buf = slices.Grow(d.buf, max(firstRead, len(d.buf)))
		}
		got, err := d.src.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+got]
		switch {
		case len(d.buf) >= n:
			return nil
		case err == io.EOF:
			return errShort
		case err != nil:
			return err
		}
	}
	return nil
}

// over makes sure that nothing is left.
func (d *decoder) over() error {
	switch err := d.fill(1); {
	case err == nil:
		return errLong
	case errors.Is(err, errShort):
		return nil
	default:
		return err
	}
}

func (d *decoder) octet() (byte, error) {
	if d.pos == len(d.buf) {
		if err := d.fill(1); err != nil {
			return 0, err
		}
	}
	b := d.buf[d.pos]
	d.pos++
	return b, nil
}

// number reads a uvarint of at most 5 bytes, in its shortest form.
func (d *decoder) number() (int, error) {
	v := 0
	for shift := 0; shift < 35; shift += 7 {
		b, err := d.octet()
		if err != nil {
			return 0, err
		}
		v |= int(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 || v > 1<<31-1 {
				return 0, errNumber
			}
			return v, nil
		}
	}
	return 0, errNumber
}

// text reads a text; it is valid until the next read.
func (d *decoder) text() ([]byte, error) {
	n, err := d.number()
	if err != nil {
		return nil, err
	}
	if err := d.fill(n); err != nil {
		return nil, err
	}
	v := d.buf[d.pos : d.pos+n]
	d.pos += n
	return v, nil
}

func (d *decoder) name() (string, error) {
	b, err := d.text()
	if err == nil && len(b) > maxName {
		err = errNumber
	}
	return string(b), err
}

// value reads a canonical value of leaf or leaf-list s.
func (d *decoder) value(s *yang.Node) (string, error) {
	b, err := d.text()
	if err != nil {
		return "", err
	}
	v := string(b)
	return v, d.check(s, v)
}

func (d *decoder) check(s *yang.Node, v string) error {
	if !value.Valid(s.Type, v) {
		if len(v) > 100 {
			v = v[:100] + "..."
		}
		return fmt.Errorf("%q is no value of %s", v, s.Path())
	}
	return nil
}

func (d *decoder) any() (tree.Any, error) {
	f, err := d.octet()
	if err != nil {
		return tree.Any{}, err
	}
	if tree.Format(f) != tree.XML && tree.Format(f) != tree.JSON {
		return tree.Any{}, errors.New("an anydata is in no known format")
	}
	b, err := d.text()
	return tree.Any{Format: tree.Format(f), Text: string(b)}, err
}

// child reads which child of parent comes next; nil is the end.
func (d *decoder) child(parent *ref) (*ref, error) {
	n, err := d.number()
	if err != nil || n == recordEnd {
		return nil, err
	}
	if n == recordDefine {
		if err := d.define(parent); err != nil {
			return nil, err
		}
		if n, err = d.number(); err != nil {
			return nil, err
		}
	}
	if n < firstNumber || n-firstNumber >= len(d.refs) {
		return nil, errRef
	}
	r := d.refs[n-firstNumber]
	switch {
	case r.schema != nil && r.schema.DataParent != parent.schema:
		return nil, errRef
	case r.schema == nil && r.parent != parent:
		return nil, errRef
	}
	return r, nil
}

func (d *decoder) define(parent *ref) error {
	if len(d.refs) >= maxNumbers {
		return errNumber
	}
	module, err := d.name()
	if err != nil {
		return err
	}
	name, err := d.name()
	if err != nil {
		return err
	}
	k, err := d.octet()
	if err != nil {
		return err
	}
	r := &ref{kind: yang.Kind(k), parent: parent}
	switch r.kind {
	case yang.KindContainer, yang.KindList, yang.KindLeaf, yang.KindLeafList, yang.KindAnydata, yang.KindAnyxml:
	default:
		return errors.New("a node is of no known kind")
	}
	if parent.schema != nil {
		r.schema = parent.schema.Child(module, name)
	}
	switch {
	case r.schema == nil || module == "":
		r.schema = nil
		r.name = module + ":" + name
		d.note(parent, r.name)
	case r.schema.Kind != r.kind:
		d.note(parent, fmt.Sprintf("%s %s:%s (it is a %s now)", r.kind, module, name, r.schema.Kind))
		r.schema = nil
	}
	d.refs = append(d.refs, r)
	return nil
}

// note takes an unknown node down, unless what holds it is unknown too.
func (d *decoder) note(parent *ref, name string) {
	if parent.schema == nil {
		return
	}
	if len(d.unknown) == maxUnknown {
		d.more++
		return
	}
	at := parent.schema.Path()
	if at == "/" {
		at = ""
	}
	d.unknown = append(d.unknown, at+"/"+name)
}

// content reads content of the node at into what b has open, until its end.
func (d *decoder) content(b *tree.Builder, at *ref, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for {
		r, err := d.child(at)
		if err != nil || r == nil {
			return err
		}
		if r.schema == nil {
			err = d.skip(r, depth)
		} else {
			err = d.holds(b, r, depth)
		}
		if err != nil {
			return err
		}
	}
}

// holds reads what a child holds.
func (d *decoder) holds(b *tree.Builder, r *ref, depth int) error {
	s := r.schema
	switch r.kind {
	case yang.KindLeaf:
		v, err := d.text()
		if err != nil {
			return err
		}
		if t := s.Type; t.Base != yang.String || len(t.Patterns)+len(t.Lengths) > 0 {
			if err := d.check(s, string(v)); err != nil {
				return err
			}
		} else if err := checkText(s, v); err != nil {
			return err
		}
		return b.LeafBytes(s, v)
	case yang.KindContainer:
		b.Open(s)
		if err := d.content(b, r, depth+1); err != nil {
			return err
		}
		return b.Close()
	case yang.KindList:
		n, err := d.number()
		for ; err == nil && n > 0; n-- {
			b.Open(s)
			if err = d.content(b, r, depth+1); err == nil {
				err = b.Close()
			}
		}
		return err
	case yang.KindLeafList:
		n, err := d.number()
		for ; err == nil && n > 0; n-- {
			var v string
			if v, err = d.value(s); err == nil {
				err = b.LeafListEntry(s, v)
			}
		}
		return err
	}
	a, err := d.any()
	if err != nil {
		return err
	}
	return b.Any(s, a)
}

// checkText is check for a string without restrictions, without making one of
// what is plain ASCII.
func checkText(s *yang.Node, v []byte) error {
	for _, c := range v {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f {
			if !value.Valid(s.Type, string(v)) {
				return fmt.Errorf("a text that is none stands at %s", s.Path())
			}
			return nil
		}
	}
	return nil
}

// skip reads over an unknown node.
func (d *decoder) skip(r *ref, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	below := func() error {
		for {
			c, err := d.child(r)
			if err != nil || c == nil {
				return err
			}
			if err := d.skip(c, depth+1); err != nil {
				return err
			}
		}
	}
	var err error
	n := 1
	switch r.kind {
	case yang.KindContainer:
		return below()
	case yang.KindList:
		n, err = d.number()
		for ; err == nil && n > 0; n-- {
			err = below()
		}
		return err
	case yang.KindLeafList:
		n, err = d.number()
	case yang.KindAnydata, yang.KindAnyxml:
		_, err = d.octet()
	}
	for ; err == nil && n > 0; n-- {
		_, err = d.text()
	}
	return err
}
