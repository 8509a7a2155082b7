// SPDX-License-Identifier: Apache-2.0

package jsonenc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// DecodeOptions are the options of Decode and DecodeNode.
type DecodeOptions struct {
	// ConfigOnly refuses state.
	ConfigOnly bool
	// MaxBytes bounds the text; 0 means 64 MiB.
	MaxBytes int64
	// Report, if set, is told of each error and where the value begins that it is
	// about, and what is wrong is left out of the tree. Without it, and where the
	// text is no JSON, the first error ends the reading.
	Report func(e *mgmterr.Error, line, column int)
	// Meta, if set, is given the annotations that modules define (RFC 7952), and
	// what is tagged as a default (RFC 6243) is left out. Without it metadata is
	// refused.
	Meta *meta.Node
	// Place, if set, is asked about each node that begins, and what it returns, if
	// that is not nil, is told where the instance is.
	Place func(s *yang.Node) func(p tree.Path, line, column int)
}

// Decode reads a JSON object whose members are top-level nodes, to the end of r.
func Decode(r io.Reader, schema *yang.Schema, options DecodeOptions) (*tree.Node, error) {
	return DecodeNode(r, schema, schema.Root, options)
}

// DecodeNode reads a JSON object as a node of that schema node: the root, or the
// input of an rpc.
func DecodeNode(r io.Reader, schema *yang.Schema, at *yang.Node, options DecodeOptions) (*tree.Node, error) {
	limit := options.MaxBytes
	if limit <= 0 {
		limit = 64 << 20
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read JSON: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, mgmterr.New(mgmterr.TooBig, "", "cannot read JSON: it is longer than %d bytes", limit)
	}
	d := &decoder{scanner: scanner{text: text}, schema: schema, options: options, b: tree.NewBuilder(at)}
	notes := &notes{meta: options.Meta}
	if err := d.object(at, 0, notes); err != nil {
		return nil, err
	}
	if d.peek(); d.pos < len(d.text) {
		return nil, d.fail("something follows the value")
	}
	n, err := d.b.Done()
	if err != nil {
		return tree.New(at), d.forgive(d.lift(err, nil))
	}
	if err = d.settle(n, notes); err != nil || !d.tagged {
		return n, err
	}
	n = meta.Settle(n, options.Meta, func(e *mgmterr.Error) {
		if failed := d.forgive(e); err == nil {
			err = failed
		}
	})
	return n, err
}

type decoder struct {
	scanner
	schema  *yang.Schema
	options DecodeOptions
	b       *tree.Builder
	lists   []*yang.Node // seen in the objects that are open
	keys    bool         // a key of the innermost object is wrong, and reported
	begun   int          // where the value at hand begins
	tagged  bool         // something is tagged as a default
	unions  map[unionForm]*yang.Type
}

func (d *decoder) refuse(tag mgmterr.Tag, child *yang.Node, format string, args ...any) *mgmterr.Error {
	p := d.b.Path()
	if child != nil {
		p = append(p, tree.Step{Schema: child})
	}
	at := ""
	if len(p) > 0 {
		at = p.String()
	}
	return mgmterr.New(tag, at, format, args...)
}

// lift gives an error of the builder or of a value its path.
func (d *decoder) lift(err error, child *yang.Node) error {
	if err == nil {
		return nil
	}
	var e *mgmterr.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = d.refuse("", child, "").Path
	}
	return err
}

// object reads the members of a node into what the builder has open.
func (d *decoder) object(at *yang.Node, depth int, to *notes) error {
	if depth > maxDepth {
		return d.fail("it is nested too deep")
	}
	if err := d.expect('{'); err != nil {
		return d.lift(err, nil)
	}
	open := len(d.lists)
	next := 0 // a guess: the child that comes next
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			d.lists = d.lists[:open]
			return nil
		}
		d.peek()
		d.begun = d.pos
		name, err := d.str()
		if err != nil {
			return err
		}
		if len(name) > 0 && name[0] == '@' && d.options.Meta != nil {
			if err := d.metadata(at, string(name), depth, to); err != nil {
				return err
			}
			continue
		}
		s, err := d.find(at, name, next)
		if err != nil && d.options.Report == nil {
			return err
		}
		if e := d.expect(':'); e != nil {
			return e
		}
		here, lists := d.mark(), len(d.lists)
		if err == nil {
			next = s.Index + 1
			err = d.again(s, open)
			if lists = len(d.lists); err == nil {
				err = d.member(s, depth, to)
			}
		}
		if err != nil {
			if err := d.pass(err, here, depth); err != nil {
				return err
			}
			d.lists = d.lists[:lists]
			d.keys = d.keys || at.Kind == yang.KindList && (s == nil || s.IsKey)
		}
	}
}

// again refuses a list or leaf-list that was there before in the object whose
// lists begin at open.
func (d *decoder) again(s *yang.Node, open int) error {
	if s.Kind != yang.KindList && s.Kind != yang.KindLeafList {
		return nil
	}
	if slices.Contains(d.lists[open:], s) {
		return d.refuse(mgmterr.BadElement, s, "cannot use %s: it is given twice", s.Name).WithInfo("bad-element", s.Name)
	}
	d.lists = append(d.lists, s)
	return nil
}

// find is the child that a name means (RFC 7951, 4).
func (d *decoder) find(at *yang.Node, name []byte, next int) (*yang.Node, error) {
	if next < len(at.DataChildren) {
		if s := at.DataChildren[next]; s.Module == at.Module && s.Name == string(name) {
			return s, d.allowed(s)
		}
	}
	module, local, qualified := strings.Cut(string(name), ":")
	if !qualified {
		module, local = "", string(name)
		if at.Module != nil {
			module = at.Module.Name
		}
	}
	switch {
	case module == "" && !qualified:
		return nil, d.refuse(mgmterr.UnknownElement, nil, "cannot use %.80q: a top-level name needs its module, as module:%.80s", name, local).
			WithInfo("bad-element", local)
	case strings.HasPrefix(string(name), "@"):
		return nil, d.refuse(mgmterr.UnknownElement, nil, "cannot use %.80q: metadata is not supported; leave it out", name).
			WithInfo("bad-element", local)
	case d.schema.Module(module) == nil:
		return nil, d.refuse(mgmterr.UnknownNamespace, nil, "cannot use %.80q: there is no module %.80q", name, module).
			WithInfo("bad-element", local).WithInfo("bad-namespace", module)
	}
	s := at.Child(module, local)
	if s == nil {
		hint := ""
		for _, c := range at.DataChildren {
			if c.Name == local {
				hint = "; did you mean " + c.Module.Name + ":" + c.Name + "?"
			}
		}
		return nil, d.refuse(mgmterr.UnknownElement, nil, "cannot use %.80q: there is no such node%s", name, hint).
			WithInfo("bad-element", local)
	}
	return s, d.allowed(s)
}

func (d *decoder) allowed(s *yang.Node) error {
	if d.options.ConfigOnly && !s.Config {
		return d.refuse(mgmterr.UnknownElement, s, "cannot set %s: it is state, not configuration", s.Name).
			WithInfo("bad-element", s.Name)
	}
	return nil
}

// member reads the value of a child.
func (d *decoder) member(s *yang.Node, depth int, to *notes) error {
	if d.options.Place != nil && s.Kind != yang.KindList && s.Kind != yang.KindContainer {
		if place := d.options.Place(s); place != nil {
			line, column := d.where(d.begun)
			place(append(d.b.Path(), tree.Step{Schema: s}), line, column)
		}
	}
	switch s.Kind {
	case yang.KindContainer:
		if err := d.kind(s, '{', "an object"); err != nil {
			return err
		}
		return d.inner(s, depth, to)
	case yang.KindList, yang.KindLeafList:
		if err := d.kind(s, '[', "an array"); err != nil {
			return err
		}
		d.pos++
		for first := true; ; first = false {
			more, err := d.more(']', first)
			if err != nil || !more {
				return err
			}
			d.peek()
			d.begun = d.pos
			here, lists := d.mark(), len(d.lists)
			if err := d.entry(s, depth, to); err != nil {
				if err := d.pass(err, here, depth); err != nil {
					return err
				}
				d.lists = d.lists[:lists]
			}
		}
	case yang.KindLeaf:
		if d.peek() == '"' && s.Type.Base == yang.String && len(s.Type.Patterns)+len(s.Type.Lengths) == 0 {
			return d.plain(s)
		}
		v, err := d.value(s)
		if err != nil {
			return err
		}
		return d.lift(d.b.Leaf(s, v), s)
	}
	return d.any(s, depth)
}

// any reads an anydata or anyxml node as it stands.
func (d *decoder) any(s *yang.Node, depth int) error {
	c := d.peek()
	from := d.pos
	content := tree.Any{Format: tree.JSON}
	if c == '"' {
		text, err := d.str()
		if err != nil {
			return err
		}
		if isElement(text, s) { // what Encode has written of it
			content = tree.Any{Format: tree.XML, Text: string(text)}
		}
	} else if err := d.skip(depth); err != nil {
		return err
	}
	if content.Format == tree.JSON {
		if s.Kind == yang.KindAnydata && c != '{' { // RFC 7951, 5.5
			return d.refuse(mgmterr.InvalidValue, s, "cannot use this value of anydata %s: it must be an object", s.Name)
		}
		content.Text = string(d.text[from:d.pos])
	}
	return d.lift(d.b.Any(s, content), s)
}

// entry reads one entry of an array.
func (d *decoder) entry(s *yang.Node, depth int, to *notes) error {
	if s.Kind == yang.KindList {
		if err := d.kind(s, '{', "an object for each entry"); err != nil {
			return err
		}
		return d.inner(s, depth, to)
	}
	v, err := d.value(s)
	if err != nil {
		return err
	}
	if to != nil && d.options.Meta != nil {
		to.value(s, v)
	}
	return d.lift(d.b.LeafListEntry(s, v), s)
}

func (d *decoder) kind(s *yang.Node, want byte, what string) error {
	if d.peek() != want {
		return d.refuse(mgmterr.InvalidValue, s, "cannot use this value of %s %s: it must be %s", s.Kind, s.Name, what)
	}
	return nil
}

func (d *decoder) inner(s *yang.Node, depth int, to *notes) error {
	var place func(tree.Path, int, int)
	begun := d.begun
	if d.options.Place != nil {
		place = d.options.Place(s)
	}
	d.b.Open(s)
	outer := d.keys
	d.keys = false
	var in *notes
	if d.options.Meta != nil {
		in = &notes{}
	}
	err := d.object(s, depth+1, in)
	keys := d.keys
	d.keys = outer
	if err != nil {
		return err
	}
	if place != nil {
		line, column := d.where(begun)
		place(d.b.Path(), line, column)
	}
	if keys {
		d.b.Abort()
		return nil
	}
	if in == nil {
		return d.lift(d.b.Close(), s)
	}
	n, err := d.b.Finish()
	if err != nil {
		return d.lift(err, s)
	}
	if err := d.settle(n, in); err != nil {
		return err
	}
	to.put(s, string(n.Key()), in.meta)
	return d.lift(d.b.Add(n), s)
}

// plain reads a string that any text will do for.
func (d *decoder) plain(s *yang.Node) error {
	text, err := d.str()
	if err != nil {
		return err
	}
	for _, c := range text {
		if c < ' ' || c >= 0x7f { // RFC 7950, 9.4: not every character is one
			v, err := value.Parse(s.Type, string(text), nil)
			if err == nil {
				err = d.b.Leaf(s, v)
			}
			return d.lift(err, s)
		}
	}
	return d.lift(d.b.LeafBytes(s, text), s)
}

// value reads a value of leaf or leaf-list s (RFC 7951, 6).
func (d *decoder) value(s *yang.Node) (string, error) {
	want := formOf(s.Type)
	var text []byte
	var have form
	var err error
	switch c := d.peek(); c {
	case '"':
		text, err = d.str()
	case '[':
		from := d.pos
		d.pos++
		if d.peek(); bytes.HasPrefix(d.text[d.pos:], []byte("null")) {
			d.pos += len("null")
			have = isEmpty
			err = d.expect(']')
			break
		}
		d.pos = from
		return "", d.refuse(mgmterr.InvalidValue, s, "cannot use an array as the value of %s %s", s.Kind, s.Name)
	case '{':
		return "", d.refuse(mgmterr.InvalidValue, s, "cannot use an object as the value of %s %s", s.Kind, s.Name)
	default:
		text, err = d.word()
		switch {
		case err != nil:
		case string(text) == "null":
			return "", d.refuse(mgmterr.InvalidValue, s, "cannot use null as the value of %s %s", s.Kind, s.Name)
		case text[0] == 't' || text[0] == 'f':
			have = isBoolean
		default:
			have = isNumber
		}
	}
	if err != nil {
		return "", err
	}
	if want != have && want != isUnion {
		return "", d.refuse(mgmterr.InvalidValue, s, "cannot use %.80q as %s: it must be %s (RFC 7951, 6)", text, s.Name, want)
	}
	of := s.Type
	if want == isUnion {
		if of = d.narrow(s.Type, have); len(of.Union) == 0 {
			return "", d.refuse(mgmterr.InvalidValue, s, "cannot use %.80q as %s: no type of its union is %s (RFC 7951, 6.10)", text, s.Name, have)
		}
	}
	v, err := value.Parse(of, string(text), value.Canonical{Default: s.Module.Name})
	return v, d.lift(err, s)
}

type unionForm struct {
	t *yang.Type
	f form
}

// narrow is a union with those of its types alone that have that form in JSON (RFC
// 7951, 6.10: a value is encoded as one of its type is).
func (d *decoder) narrow(t *yang.Type, f form) *yang.Type {
	if n := d.unions[unionForm{t, f}]; n != nil {
		return n
	}
	n := *t
	n.Base, n.Union = yang.Union, nil
	value.Members(t, func(m *yang.Type) bool {
		if formOf(m) == f {
			n.Union = append(n.Union, m)
		}
		return true
	})
	if d.unions == nil {
		d.unions = make(map[unionForm]*yang.Type)
	}
	d.unions[unionForm{t, f}] = &n
	return &n
}
