// SPDX-License-Identifier: Apache-2.0

package xmlenc

import (
	"errors"
	"slices"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

const (
	nsBase = "urn:ietf:params:xml:ns:netconf:base:1.0"
	nsYang = "urn:ietf:params:xml:ns:yang:1"
)

// ConfigOptions are the options of DecodeConfig.
type ConfigOptions struct {
	// DefaultOperation is merge, replace or none (RFC 6241, 7.2).
	DefaultOperation tree.Op
}

// DecodeOptions are the options of DecodeTree and DecodeNode.
type DecodeOptions struct {
	// ConfigOnly refuses state.
	ConfigOnly bool
	// Report, if set, is told of each error and where it was found, and what is
	// wrong is left out of the tree. Without it, and where XML is not well-formed,
	// the first error ends the reading.
	Report func(e *mgmterr.Error, line, column int)
	// Meta, if set, is given the annotations that modules define (RFC 7952), and
	// what is tagged as a default (RFC 6243) is left out. Without it every such
	// attribute is refused.
	Meta *meta.Node
	// Place, if set, is asked about each node that begins, and what it returns, if
	// that is not nil, is told where the instance is.
	Place func(s *yang.Node) func(p tree.Path, line, column int)
}

// DecodeConfig reads the children of the element that r has open, the <config>
// of an edit-config, and its end tag. What carries no operation of its own ends
// up in the Tree of the Edit around it, so that a plain configuration is one
// Edit with one Tree. The error is all that is wrong, up to a limit (mgmterr.List).
func DecodeConfig(r *xmlstream.Reader, schema *yang.Schema, options ConfigOptions) (*tree.Edit, error) {
	d := newDecoder(r, schema, schema.Root)
	d.edit, d.configOnly = true, true
	f := frame{schema: schema.Root, op: options.DefaultOperation}
	if err := d.children(&f); err != nil {
		return nil, err
	}
	n, err := d.b.Done()
	if err != nil && len(d.refused) == 0 {
		return nil, d.lift(err, nil)
	}
	switch len(d.refused) {
	case 0:
	case 1:
		return nil, d.refused[0]
	default:
		return nil, d.refused
	}
	e := &tree.Edit{Schema: schema.Root, Op: f.op, Children: f.edits}
	if !n.Empty() || f.op == tree.OpReplace {
		e.Tree = n
	}
	return e, nil
}

// DecodeTree reads data. If r has an element open, that is its children and its
// end tag; else it is a document whose root is <data> or <config>, of NETCONF or
// of no namespace, or a single top-level node.
func DecodeTree(r *xmlstream.Reader, schema *yang.Schema, options DecodeOptions) (*tree.Node, error) {
	if r.Depth() > 0 {
		return DecodeNode(r, schema, schema.Root, options)
	}
	t, err := r.Next()
	if err != nil {
		return nil, err
	}
	if t.Kind != xmlstream.Start {
		return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot read the data: there is no element").
			WithInfo("bad-element", "data")
	}
	d := newDecoder(r, schema, schema.Root)
	d.configOnly, d.options = options.ConfigOnly, options
	f := frame{schema: schema.Root, meta: options.Meta}
	if (t.Name.Local == "data" || t.Name.Local == "config") && (t.Name.Space == "" || t.Name.Space == nsBase) {
		err = d.children(&f)
	} else {
		err = d.element(&f, t)
	}
	if err != nil {
		return nil, err
	}
	if t, err = r.Next(); err != nil {
		return nil, err
	} else if t.Kind != xmlstream.EOF {
		return nil, d.fail(mgmterr.MalformedMessage, nil, "cannot read the data: something follows it")
	}
	return d.done()
}

// DecodeNode reads the children of the element that r has open, and its end
// tag, as a node of that schema node: the root, or the input of an rpc.
func DecodeNode(r *xmlstream.Reader, schema *yang.Schema, at *yang.Node, options DecodeOptions) (*tree.Node, error) {
	d := newDecoder(r, schema, at)
	d.configOnly, d.options = options.ConfigOnly, options
	if err := d.children(&frame{schema: at, meta: options.Meta}); err != nil {
		return nil, err
	}
	return d.done()
}

// frame is one open element that is a node with children.
type frame struct {
	schema *yang.Node
	op     tree.Op
	edits  []tree.Edit  // of children that are not plain
	lists  []*yang.Node // ordered by the user, with edits: the order must be kept
	next   int          // guess: index of the child that comes next
	skip   bool         // to be deleted: only keys count
	keys   bool         // one of the keys is wrong, and reported
	meta   *meta.Node   // of the node, made when something has an annotation
	places map[*yang.Node]int
}

type decoder struct {
	r          *xmlstream.Reader
	schema     *yang.Schema
	b          *tree.Builder
	edit       bool // operations are allowed
	configOnly bool
	options    DecodeOptions     // of data, not of edits
	refused    mgmterr.List      // what is wrong in an edit
	pending    []meta.Annotation // of the element at hand
	tagged     bool              // something is tagged as a default
	byDefault  bool              // the element at hand is, in an edit
	seen       []seen            // by yang.Node.ID
	frames     []*frame          // by depth, used again
	depth      int
}

// seen is the last value of a leaf or leaf-list: values repeat.
type seen struct {
	text, canonical string
	ok              bool
	prefix, uri     string // of an identity
}

func newDecoder(r *xmlstream.Reader, schema *yang.Schema, root *yang.Node) *decoder {
	return &decoder{r: r, schema: schema, b: tree.NewBuilder(root)}
}

// Module is the meaning of a prefix in a value (RFC 7950, 9.10.3: without prefix
// the default namespace counts).
func (d *decoder) Module(prefix string) (string, bool) {
	uri, ok := d.r.Lookup(prefix)
	if !ok {
		return "", false
	}
	m := d.schema.ByNamespace(uri)
	if m == nil {
		return "", false
	}
	return m.Name, true
}

// at is the path of the node at hand, or of a child of it.
func (d *decoder) at(child *yang.Node) string {
	p := d.b.Path()
	if child != nil {
		p = append(p, tree.Step{Schema: child})
	}
	if len(p) == 0 {
		return ""
	}
	return p.String()
}

func (d *decoder) fail(tag mgmterr.Tag, child *yang.Node, format string, args ...any) *mgmterr.Error {
	return mgmterr.New(tag, d.at(child), format, args...)
}

// lift gives an error of the builder or of a value its path.
func (d *decoder) lift(err error, child *yang.Node) error {
	if err == nil {
		return nil
	}
	return d.lifted(err, child)
}

func (d *decoder) lifted(err error, child *yang.Node) error {
	var e *mgmterr.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = d.at(child)
	}
	return err
}

// children reads the children of the element of f, and its end tag.
func (d *decoder) children(f *frame) error {
	for {
		t, err := d.r.Next()
		if err != nil {
			return err
		}
		switch t.Kind {
		case xmlstream.Text:
			if !t.White {
				err := d.forgive(d.fail(mgmterr.BadElement, nil, "cannot use text in %s: only elements belong there", name(f.schema)).
					WithInfo("bad-element", name(f.schema)))
				if err != nil {
					return err
				}
			}
		case xmlstream.End, xmlstream.EOF:
			return nil
		case xmlstream.Start:
			if err := d.element(f, t); err != nil {
				return err
			}
		}
	}
}

func name(s *yang.Node) string {
	if s.Kind == yang.KindRoot {
		return "the configuration"
	}
	if s.Kind == yang.KindInput || s.Kind == yang.KindOutput { // their element is that of the operation
		return s.Parent.Name
	}
	return s.Name
}

// find is the child that an element is.
func (d *decoder) find(f *frame, n xmlstream.Name) *yang.Node {
	all := f.schema.DataChildren
	if f.next < len(all) {
		if s := all[f.next]; s.Name == n.Local && s.Module.Namespace == n.Space {
			return s
		}
	}
	return f.schema.ChildNS(n.Space, n.Local)
}

func (d *decoder) unknown(f *frame, n xmlstream.Name) error {
	if d.schema.ByNamespace(n.Space) == nil {
		what := "no module has the namespace " + n.Space
		if n.Space == "" {
			what = "it has no namespace"
		}
		return d.fail(mgmterr.UnknownNamespace, nil, "cannot use element %s: %s", n.Local, what).
			WithInfo("bad-element", n.Local).WithInfo("bad-namespace", n.Space)
	}
	hint := ""
	for _, c := range f.schema.DataChildren {
		if c.Name == n.Local {
			hint = "; there is one in namespace " + c.Module.Namespace
		}
	}
	return d.fail(mgmterr.UnknownElement, nil, "cannot use element %s: there is no such node in %s%s", n.Local, name(f.schema), hint).
		WithInfo("bad-element", n.Local)
}

// child reads one element, whose start tag is t.
func (d *decoder) child(f *frame, t *xmlstream.Token) error {
	s := d.find(f, t.Name)
	if f.skip && (s == nil || !s.IsKey) {
		return d.r.Skip()
	}
	if s == nil {
		return d.unknown(f, t.Name)
	}
	var place func(tree.Path, int, int)
	var begin xmlstream.Position
	if d.options.Place != nil {
		if place = d.options.Place(s); place != nil {
			begin = d.r.Begin()
		}
	}
	f.next = s.Index
	if s.Kind != yang.KindList && s.Kind != yang.KindLeafList {
		f.next++
	}
	if d.configOnly && !s.Config {
		return d.fail(mgmterr.UnknownElement, s, "cannot set %s: it is state, not configuration", s.Name).
			WithInfo("bad-element", s.Name)
	}
	op := f.op
	var at tree.Insert
	d.pending, d.byDefault = d.pending[:0], false
	if len(t.Attrs) > 0 {
		var err error
		if op, at, err = d.attributes(s, op, t); err != nil {
			return err
		}
		if s.IsKey && (op == tree.OpDelete || op == tree.OpRemove) && op != f.op {
			return d.fail(mgmterr.BadAttribute, s, "cannot %s key %s: put the operation on the entry", op, s.Name).
				WithInfo("bad-attribute", "operation").WithInfo("bad-element", s.Name)
		}
		if s.IsKey {
			op = f.op // a key is what it is
		}
	}
	gone := op == tree.OpDelete || op == tree.OpRemove
	plain := op == f.op && at.Where == 0 && !gone && !d.byDefault
	if plain && len(f.lists) > 0 && contains(f.lists, s) {
		plain = false
	}
	if !plain && s.OrderedBy == yang.OrderedByUser && !contains(f.lists, s) {
		f.lists = append(f.lists, s)
	}
	switch s.Kind {
	case yang.KindContainer, yang.KindList:
		if place != nil || d.options.Meta != nil {
			return d.noted(f, s, place, begin)
		}
		return d.inner(f, s, op, at, plain, gone)
	case yang.KindLeaf, yang.KindLeafList:
		if place != nil {
			place(append(d.b.Path(), tree.Step{Schema: s}), begin.Line, begin.Column)
		}
		return d.leaf(f, s, op, at, plain || f.skip, gone)
	}
	if place != nil {
		place(append(d.b.Path(), tree.Step{Schema: s}), begin.Line, begin.Column)
	}
	return d.any(f, s, op, t, plain, gone)
}

func contains(lists []*yang.Node, s *yang.Node) bool {
	for _, l := range lists {
		if l == s {
			return true
		}
	}
	return false
}

// inner reads a container or a list entry.
func (d *decoder) inner(f *frame, s *yang.Node, op tree.Op, at tree.Insert, plain, gone bool) error {
	if d.depth == len(d.frames) {
		d.frames = append(d.frames, new(frame))
	}
	c := d.frames[d.depth]
	*c = frame{schema: s, op: op, skip: gone, lists: c.lists[:0]}
	d.depth++
	defer func() { d.depth-- }()
	d.b.Open(s)
	if err := d.children(c); err != nil {
		return err
	}
	if c.keys {
		d.b.Abort()
		return nil
	}
	if plain && len(c.edits) == 0 {
		return d.lift(d.b.Close(), s)
	}
	n, err := d.b.Finish()
	if err != nil {
		return d.lift(err, s)
	}
	e := tree.Edit{Schema: s, Op: op, Insert: at, Children: c.edits, Key: n.Key()}
	if !gone && !n.Empty() {
		e.Tree = n
	}
	f.edits = append(f.edits, e)
	if s.OrderedBy == yang.OrderedByUser && !contains(f.lists, s) {
		f.lists = append(f.lists, s) // plain by itself, with edits inside
	}
	return nil
}

// noted is inner for data whose annotations or place somebody wants to know.
func (d *decoder) noted(f *frame, s *yang.Node, place func(tree.Path, int, int), begin xmlstream.Position) error {
	if d.depth == len(d.frames) {
		d.frames = append(d.frames, new(frame))
	}
	c := d.frames[d.depth]
	*c = frame{schema: s}
	if len(d.pending) > 0 {
		c.meta = &meta.Node{Annotations: slices.Clone(d.pending)}
	}
	d.depth++
	defer func() { d.depth-- }()
	d.b.Open(s)
	if err := d.children(c); err != nil {
		return err
	}
	if place != nil {
		place(d.b.Path(), begin.Line, begin.Column)
	}
	if c.keys {
		d.b.Abort()
		return nil
	}
	n, err := d.b.Finish()
	if err != nil {
		return d.lift(err, s)
	}
	d.note(f, s, string(n.Key()), c.meta)
	return d.lift(d.b.Add(n), s)
}

// note puts the table of a child into that of f.
func (d *decoder) note(f *frame, s *yang.Node, key string, n *meta.Node) {
	if d.options.Meta == nil {
		return
	}
	at := 0
	if meta.Placed(s) {
		if f.places == nil {
			f.places = make(map[*yang.Node]int)
		}
		at = f.places[s]
		f.places[s]++
	}
	if n.Empty() {
		return
	}
	if f.meta == nil {
		f.meta = &meta.Node{}
	}
	f.meta.Put(s, meta.Key(s, key, at), n)
}

// noteValue is note for a leaf or an entry of a leaf-list.
func (d *decoder) noteValue(f *frame, s *yang.Node, v string) {
	if d.options.Meta == nil || len(d.pending) == 0 && !meta.Placed(s) {
		return
	}
	d.note(f, s, v, &meta.Node{Annotations: slices.Clone(d.pending)})
}

// leaf reads a leaf or an entry of a leaf-list.
func (d *decoder) leaf(f *frame, s *yang.Node, op tree.Op, at tree.Insert, plain, gone bool) error {
	text, err := d.r.Text()
	if err != nil {
		var e *xmlstream.Error
		if errors.As(err, &e) && e.Kind == xmlstream.Content {
			return d.fail(mgmterr.BadElement, s, "cannot use elements in %s %s: it holds a value", s.Kind, s.Name).
				WithInfo("bad-element", s.Name)
		}
		return err
	}
	if gone && s.Kind == yang.KindLeaf && !s.IsKey {
		f.edits = append(f.edits, tree.Edit{Schema: s, Op: op}) // whatever its value
		return nil
	}
	if plain && s.Kind == yang.KindLeaf && s.Type.Base == yang.String && !s.Type.Named && len(s.Type.Patterns)+len(s.Type.Lengths) == 0 {
		if len(d.pending) > 0 {
			d.noteValue(f, s, "")
		}
		return d.lift(d.b.LeafBytes(s, text), s)
	}
	v, err := d.value(s, text)
	if err != nil {
		return d.lift(err, s)
	}
	d.noteValue(f, s, v)
	switch {
	case d.byDefault:
		return d.defaulted(f, s, op, v)
	case !plain:
		f.edits = append(f.edits, tree.Edit{Schema: s, Op: op, Value: v, Insert: at})
		return nil
	case s.Kind == yang.KindLeafList:
		return d.lift(d.b.LeafListEntry(s, v), s)
	}
	return d.lift(d.b.Leaf(s, v), s)
}

func (d *decoder) value(s *yang.Node, text []byte) (string, error) {
	if s.Type.Named { // means what the prefixes in scope make of it
		if s.Type.Base == yang.IdentityRef {
			return d.identity(s, text)
		}
		return value.Parse(s.Type, string(text), d)
	}
	if s.ID >= len(d.seen) {
		d.seen = append(d.seen, make([]seen, s.ID+1-len(d.seen))...)
	}
	c := &d.seen[s.ID]
	if c.ok && c.text == string(text) {
		return c.canonical, nil
	}
	raw := string(text)
	v, err := value.Parse(s.Type, raw, d)
	if err == nil && len(raw) <= 64 {
		*c = seen{text: raw, canonical: v, ok: true}
	}
	return v, err
}

// identity is value for an identity: the last one, if its prefix is still bound to
// the same namespace.
func (d *decoder) identity(s *yang.Node, text []byte) (string, error) {
	for s.ID >= len(d.seen) {
		d.seen = append(d.seen, make([]seen, s.ID+1-len(d.seen))...)
	}
	c := &d.seen[s.ID]
	if c.ok && c.text == string(text) {
		if uri, ok := d.r.Lookup(c.prefix); ok && uri == c.uri {
			return c.canonical, nil
		}
	}
	raw := string(text)
	v, err := value.Parse(s.Type, raw, d)
	if err == nil && len(raw) <= 64 {
		prefix, _, found := strings.Cut(raw, ":")
		if !found {
			prefix = ""
		}
		if uri, ok := d.r.Lookup(prefix); ok {
			*c = seen{raw, v, true, prefix, uri}
		}
	}
	return v, err
}

// any reads an anydata or anyxml node as it stands.
func (d *decoder) any(f *frame, s *yang.Node, op tree.Op, t *xmlstream.Token, plain, gone bool) error {
	if gone {
		f.edits = append(f.edits, tree.Edit{Schema: s, Op: op})
		return d.r.Skip()
	}
	var drop []string
	for _, a := range t.Attrs {
		if a.Name.Space == nsBase || a.Name.Space == nsYang {
			drop = append(drop, a.Prefix+":"+a.Name.Local)
		}
	}
	raw, err := d.r.Raw(nil)
	if err != nil {
		return err
	}
	content := tree.Any{Format: tree.XML, Text: string(dropAttributes(raw, drop))}
	if plain {
		return d.lift(d.b.Any(s, content), s)
	}
	f.edits = append(f.edits, tree.Edit{Schema: s, Op: op, Any: content})
	return nil
}
