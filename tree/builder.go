// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"encoding/binary"
	"slices"

	"nso.example/nso/mgmterr"
	"nso.example/nso/yang"
)

// Builder makes a tree from data that comes node by node, as decoders have it:
// Open, Leaf, LeafListEntry, Any and Close. Data may come in any order; what
// comes in the order of the schema and of keys costs least. Memory is that of the
// data. It is not for use by several goroutines.
type Builder struct {
	frames []*frame
	depth  int // frames in use; 0 before the root is opened
}

// frame is a node being built. Its buffers serve the next node at its depth.
type frame struct {
	schema  *yang.Node
	leaves  []byte
	top     int  // greatest index so far, -1 for none
	ordered bool // leaves are in order and none came twice
	kids    []kid
	lists   []listFrame
	// chosen are the cases that a node was set of.
	chosen []*yang.Node
}

// listFrame gathers the entries of one list or leaf-list.
type listFrame struct {
	schema  *yang.Node
	order   ordering
	entries []*Node
	values  []string
	ordered bool
}

// NewBuilder returns a builder of trees with that root (or any other node with
// children, such as an rpc's input).
func NewBuilder(root *yang.Node) *Builder {
	b := &Builder{}
	b.push(root)
	return b
}

func (b *Builder) push(s *yang.Node) *frame {
	if b.depth == len(b.frames) {
		b.frames = append(b.frames, new(frame))
	}
	f := b.frames[b.depth]
	b.depth++
	f.schema, f.leaves, f.top, f.ordered = s, f.leaves[:0], -1, true
	f.kids, f.lists, f.chosen = f.kids[:0], f.lists[:0], f.chosen[:0]
	return f
}

func (b *Builder) frame() *frame { return b.frames[b.depth-1] }

// Schema is the schema node of the innermost open node.
func (b *Builder) Schema() *yang.Node { return b.frame().schema }

// Depth is the number of open nodes; 1 means the root alone.
func (b *Builder) Depth() int { return b.depth }

// Path is the path of the innermost open node. Keys that have not come yet are
// left out with those beside them.
func (b *Builder) Path() Path {
	p := Path{}
	for _, f := range b.frames[1:max(b.depth, 1)] {
		st := Step{Schema: f.schema}
		if n := len(f.schema.Keys); f.schema.Kind == yang.KindList && n > 0 {
			var values []string
			for _, k := range f.schema.Keys {
				for rest := string(f.leaves); rest != ""; {
					var i int
					var v string
					if i, v, rest = nextLeaf(rest); i == k.Index {
						values = append(values, v)
						break
					}
				}
			}
			if st.HasKey = len(values) == n; st.HasKey {
				st.Key = MakeKey(f.schema, values...)
			}
		}
		p = append(p, st)
	}
	return p
}

// Open begins a container or a list entry, a child of the innermost open node.
func (b *Builder) Open(s *yang.Node) { b.push(s) }

// Leaf sets a leaf of the innermost open node to a canonical value.
func (b *Builder) Leaf(s *yang.Node, value string) error {
	f := b.frame()
	if s.Index <= f.top {
		f.ordered = false
	} else {
		f.top = s.Index
	}
	f.leaves = appendLeaf(f.leaves, s.Index, value)
	return f.chose(s)
}

// LeafBytes is Leaf for a value in a buffer.
func (b *Builder) LeafBytes(s *yang.Node, value []byte) error {
	f := b.frame()
	if s.Index <= f.top {
		f.ordered = false
	} else {
		f.top = s.Index
	}
	f.leaves = binary.AppendUvarint(f.leaves, uint64(s.Index))
	f.leaves = binary.AppendUvarint(f.leaves, uint64(len(value)))
	f.leaves = append(f.leaves, value...)
	return f.chose(s)
}

// LeafListEntry adds an entry to a leaf-list of the innermost open node.
func (b *Builder) LeafListEntry(s *yang.Node, value string) error {
	f := b.frame()
	l := f.list(s)
	if l.ordered && len(l.values) > 0 && l.order.compare(0, l.values[len(l.values)-1], value) >= 0 {
		l.ordered = false
	}
	l.values = append(l.values, value)
	return f.chose(s)
}

// Any sets an anydata or anyxml of the innermost open node.
func (b *Builder) Any(s *yang.Node, content Any) error {
	f := b.frame()
	if err := f.add(&anyData{schema: s, any: content}); err != nil {
		return err
	}
	return f.chose(s)
}

// Close ends the innermost open node: an error says that a leaf or entry came
// twice or that a key is missing, with the path from that node on left to the
// caller. Closing the root is Done.
func (b *Builder) Close() error {
	n, err := b.finish()
	if err != nil {
		return err
	}
	return b.Add(n)
}

// Add puts a finished container or list entry into the innermost open node.
// An empty container without presence is left out.
func (b *Builder) Add(n *Node) error {
	f := b.frame()
	s := n.schema
	if s.Kind == yang.KindList {
		l := f.list(s)
		k := len(s.Keys)
		if l.ordered && len(l.entries) > 0 &&
			l.order.compareKeys(l.entries[len(l.entries)-1].leaves, n.leaves, k) >= 0 {
			l.ordered = false
		}
		l.entries = append(l.entries, n)
		return f.chose(s)
	}
	if n.Empty() && !hasExistence(s) {
		return nil
	}
	if err := f.add(n); err != nil {
		return err
	}
	return f.chose(s)
}

// Finish ends the innermost open node and returns it without putting it into
// its parent.
func (b *Builder) Finish() (*Node, error) { return b.finish() }

// Abort gives the innermost open node up.
func (b *Builder) Abort() { b.depth-- }

// Begin gives up what is open and begins a tree with that root.
func (b *Builder) Begin(root *yang.Node) {
	b.depth = 0
	b.push(root)
}

// Done ends the root and returns the tree. The builder begins again with the
// same root.
func (b *Builder) Done() (*Node, error) {
	root := b.frame().schema
	n, err := b.finish()
	b.Begin(root)
	return n, err
}

func (b *Builder) finish() (*Node, error) {
	f := b.frame()
	b.depth--
	n, err := f.node()
	clear(f.kids)
	for i := range f.lists {
		l := &f.lists[i]
		clear(l.entries)
		clear(l.values)
		l.entries, l.values, l.schema = l.entries[:0], l.values[:0], nil
		if cap(l.entries) > 1<<12 || cap(l.values) > 1<<12 {
			l.entries, l.values = nil, nil
		}
	}
	if cap(f.leaves) > 1<<20 {
		f.leaves = nil
	}
	return n, err
}

func (f *frame) node() (*Node, error) {
	s := f.schema
	if !f.ordered {
		if err := f.sortLeaves(); err != nil {
			return nil, err
		}
	}
	n := &Node{schema: s, leaves: string(f.leaves)}
	if s.Kind == yang.KindList {
		if k := missingKey(n); k != nil {
			// RFC 7950, 7.8.5: all keys must be there.
			return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot use this entry of list %s: key %s is missing", s.Name, k.Name).
				WithInfo("bad-element", k.Name)
		}
	}
	for i := range f.lists {
		k, err := f.lists[i].kid()
		if err != nil {
			return nil, err
		}
		f.kids = append(f.kids, k)
	}
	if len(f.kids) > 0 {
		n.kids = slices.Clone(f.kids)
		slices.SortFunc(n.kids, func(x, y kid) int { return x.Schema().Index - y.Schema().Index })
	}
	return n, nil
}

func missingKey(n *Node) *yang.Node {
	rest := n.leaves
	for i, k := range n.schema.Keys {
		index := -1
		if rest != "" {
			index, _, rest = nextLeaf(rest)
		}
		if index != i {
			return k
		}
	}
	return nil
}

// sortLeaves puts leaves that came out of order in order.
func (f *frame) sortLeaves() error {
	type leaf struct {
		index int
		text  string
	}
	var all []leaf
	for rest := string(f.leaves); rest != ""; {
		i, _, after := nextLeaf(rest)
		all = append(all, leaf{i, rest[:len(rest)-len(after)]})
		rest = after
	}
	slices.SortStableFunc(all, func(x, y leaf) int { return x.index - y.index })
	f.leaves = f.leaves[:0]
	for i, l := range all {
		if i > 0 && all[i-1].index == l.index {
			return twice(f.schema.DataChildren[l.index], "")
		}
		f.leaves = append(f.leaves, l.text...)
	}
	return nil
}

// twice is the error for what may come once only.
func twice(s *yang.Node, what string) error {
	return mgmterr.New(mgmterr.BadElement, "", "cannot use %s %s%s: it is given twice", s.Kind, s.Name, what).
		WithInfo("bad-element", s.Name)
}

func (f *frame) add(k kid) error {
	for _, have := range f.kids {
		if have.Schema() == k.Schema() {
			return twice(k.Schema(), "")
		}
	}
	f.kids = append(f.kids, k)
	return nil
}

func (f *frame) list(s *yang.Node) *listFrame {
	for i := len(f.lists) - 1; i >= 0; i-- {
		if f.lists[i].schema == s {
			return &f.lists[i]
		}
	}
	if len(f.lists) < cap(f.lists) {
		f.lists = f.lists[:len(f.lists)+1] // with the slices of an earlier one
	} else {
		f.lists = append(f.lists, listFrame{})
	}
	l := &f.lists[len(f.lists)-1]
	l.schema, l.order, l.ordered = s, orderingOf(s), true
	l.entries, l.values = l.entries[:0], l.values[:0] // of one that was given up
	return l
}

// kid makes the list or leaf-list.
func (l *listFrame) kid() (kid, error) {
	s := l.schema
	how := shapeOf(s)
	if s.Kind == yang.KindLeafList {
		if how == positional || l.ordered {
			return leafListOf(s, l.values), nil
		}
		compare := func(a, b string) int { return l.order.compare(0, a, b) }
		values := l.values
		if how == ranked {
			values = slices.Clone(values)
		}
		slices.SortFunc(values, compare)
		for i := range values[1:] {
			if values[i] == values[i+1] {
				// RFC 7950, 7.7: values of configuration are unique.
				return nil, twice(s, " "+shorten(values[i]))
			}
		}
		return leafListOf(s, l.values), nil
	}
	if how == positional || l.ordered {
		return listOf(s, l.entries), nil
	}
	keys := len(s.Keys)
	compare := func(a, b *Node) int { return l.order.compareKeys(a.leaves, b.leaves, keys) }
	entries := l.entries
	if how == ranked {
		entries = slices.Clone(entries)
	}
	slices.SortFunc(entries, compare)
	for i := range entries[1:] {
		if compare(entries[i], entries[i+1]) == 0 {
			st := Step{Schema: s, Key: entries[i].Key(), HasKey: true}
			// RFC 7950, 7.8.2: keys are unique.
			return nil, twice(s, string(st.appendPredicates(nil, s.Module)))
		}
	}
	return listOf(s, l.entries), nil
}

// chose notes the cases that s is in; two of one choice are an error.
func (f *frame) chose(s *yang.Node) error {
	if s.Parent == s.DataParent {
		return nil
	}
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p.Kind != yang.KindCase {
			continue
		}
		known := false
		for _, c := range f.chosen {
			if c == p {
				known = true
			} else if c.Parent == p.Parent {
				// RFC 7950, 8.3.1: nodes of two cases.
				return mgmterr.New(mgmterr.BadElement, "", "cannot use %s: there is also another case of choice %s; keep one of them",
					s.Name, p.Parent.Name).WithInfo("bad-element", s.Name)
			}
		}
		if !known {
			f.chosen = append(f.chosen, p)
		}
	}
	return nil
}
