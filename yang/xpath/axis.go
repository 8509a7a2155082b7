// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"slices"
	"strconv"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// is reports whether the test holds for a schema node as an element.
func (m *matcher) is(s *yang.Node) bool {
	if m.kind == anyNode {
		return true
	}
	if m.kind != byName && m.kind != anyElement || s.Kind == yang.KindRoot {
		return false
	}
	if s.Kind == yang.KindInput || s.Kind == yang.KindOutput {
		s = s.Parent // RFC 7950, 6.4.1: the operation's own name
	}
	return (m.kind == anyElement || s.Name == m.name) && (m.module == "" || s.Module.Name == m.module)
}

func (m *matcher) holds(n *Node) bool {
	if n.text {
		return m.kind == textNode || m.kind == anyNode
	}
	return m.is(n.Schema)
}

// axis gives the nodes of a step in the order of its axis, before predicates.
// Predicates that were used to look entries up are marked in used. It returns
// false if yield or the budget ended it.
func (r *run) axis(s *cstep, n *Node, used *uint64, yield func(*Node) bool) bool {
	if !r.spend(1) {
		return false
	}
	if s.test.kind == nothing {
		return true
	}
	one := func(c *Node) bool { return c == nil || !s.test.holds(c) || yield(c) }
	switch s.axis {
	case self:
		return one(n)
	case parent:
		return one(n.Parent)
	case ancestor, ancestorOrSelf:
		if s.axis == ancestor {
			n = n.Parent
		}
		for ; n != nil; n = n.Parent {
			if !r.spend(1) || !one(n) {
				return false
			}
		}
		return true
	case child:
		return r.childAxis(s, n, used, yield)
	case descendantOrSelf:
		return one(n) && r.descend(&s.test, s.reach, n, yield)
	case descendant:
		return r.descend(&s.test, s.reach, n, yield)
	}
	return r.sideways(s, n, one)
}

// sideways is the axes of siblings and of what follows and precedes.
func (r *run) sideways(s *cstep, n *Node, one func(*Node) bool) bool {
	for ; n.Parent != nil; n = n.Parent {
		var side []*Node
		after := false
		for c := range r.kids(n.Parent) {
			switch {
			case same(c, n):
				after = true
			case after == (s.axis == followingSibling || s.axis == following):
				side = append(side, c)
			}
		}
		if r.err != nil {
			return false
		}
		if s.axis.reverse() {
			slices.Reverse(side)
		}
		for _, c := range side {
			switch s.axis {
			case followingSibling, precedingSibling:
				if !one(c) {
					return false
				}
				continue
			}
			below := []*Node{c}
			r.descend(&matcher{kind: anyNode}, nil, c, func(d *Node) bool { below = append(below, d); return true })
			if s.axis.reverse() {
				slices.Reverse(below)
			}
			for _, d := range below {
				if !one(d) {
					return false
				}
			}
		}
		if s.axis == followingSibling || s.axis == precedingSibling {
			return true
		}
	}
	return r.err == nil
}

func (r *run) childAxis(s *cstep, n *Node, used *uint64, yield func(*Node) bool) bool {
	m := &s.test
	if n.text {
		return true
	}
	switch n.Schema.Kind {
	case yang.KindLeaf, yang.KindLeafList:
		if m.kind == textNode || m.kind == anyNode {
			return yield(r.textOf(n))
		}
		return true
	}
	if m.kind == byName {
		to := s.to
		if s.from != n.Schema {
			to = n.Schema.Child(m.module, m.name)
		}
		if to != nil {
			if !r.entries(s, n, to, used, yield) {
				return false
			}
		} else if m.module == "" { // the bare name may be ambiguous
			for _, c := range n.Schema.DataChildren {
				if c.Name == m.name && !r.children(n, c, yield) {
					return false
				}
			}
		}
	} else if m.kind != textNode {
		for _, c := range n.Schema.DataChildren {
			if m.is(c) && !r.children(n, c, yield) {
				return false
			}
		}
	}
	if r.op != nil && r.op.Parent == n && m.is(r.op.Schema) {
		return yield(r.op)
	}
	return true
}

func (r *run) textOf(n *Node) *Node {
	t := r.new(n, n.Schema)
	t.text, t.Value = true, n.Value
	return t
}

// entries is children, by key where the predicates say all keys.
func (r *run) entries(s *cstep, n *Node, to *yang.Node, used *uint64, yield func(*Node) bool) bool {
	if _, other := r.altered(n, to); s.keyed > 0 && !other {
		switch to.Kind {
		case yang.KindList:
			if len(to.Keys) > 0 {
				if done, more := r.byKeys(s, n, to, used, yield); done {
					return more
				}
			}
		case yang.KindLeafList:
			if to.Config && n.Tree.LeafList(to) != nil {
				if done, more := r.byValue(s, n, to, used, yield); done {
					return more
				}
			}
		}
	}
	return r.children(n, to, yield)
}

// most is how many combinations of key values are looked up one by one.
const most = 64

func (r *run) byKeys(s *cstep, n *Node, list *yang.Node, used *uint64, yield func(*Node) bool) (done, more bool) {
	var room [4][]string
	all := room[:0]
	marks := uint64(0)
	combinations := 1
	for _, key := range list.Keys {
		found := false
		for i := 0; i < s.keyed && i < 63; i++ {
			t := s.predicates[i].key
			if t == nil || t.name != key.Name || t.module != "" && t.module != key.Module.Name {
				continue
			}
			values, ok := r.keyValues(key.Type, t.value, n)
			if !ok {
				continue
			}
			all, found = append(all, values), true
			marks |= 1 << i
			combinations *= len(values)
			break
		}
		if !found || combinations > most {
			return false, true
		}
	}
	*used |= marks
	entries := n.Tree.List(list)
	if entries == nil {
		return true, true
	}
	pick := make([]string, len(all))
	for c := range combinations {
		for i, v := range all {
			pick[i] = v[c%len(v)]
			c /= len(v)
		}
		if !r.spend(1) {
			return true, false
		}
		e := entries.Get(tree.MakeKey(list, pick...))
		if e == nil || !hasKeys(e, list, pick) {
			continue
		}
		x := r.new(n, list)
		x.Tree = e
		if !yield(x) {
			return true, false
		}
	}
	return true, true
}

// hasKeys makes sure that an entry was found by the texts and not by a number
// that they can be read as.
func hasKeys(e *tree.Node, list *yang.Node, values []string) bool {
	for i, k := range list.Keys {
		if v, _ := e.Leaf(k); v != values[i] {
			return false
		}
	}
	return true
}

func (r *run) byValue(s *cstep, n *Node, list *yang.Node, used *uint64, yield func(*Node) bool) (done, more bool) {
	for i := 0; i < s.keyed && i < 63; i++ {
		t := s.predicates[i].key
		if t == nil || t.name != "" {
			continue
		}
		values, ok := r.keyValues(list.Type, t.value, n)
		if !ok {
			continue
		}
		*used |= 1 << i
		for _, v := range values {
			if !r.spend(1) {
				return true, false
			}
			if n.Tree.LeafList(list).Has(v) {
				x := r.new(n, list)
				x.Value = v
				if !yield(x) {
					return true, false
				}
			}
		}
		return true, true
	}
	return false, true
}

// keyValues are the texts that a leaf of type t can have to be equal to x; ok is
// false if they cannot be listed.
func (r *run) keyValues(t *yang.Type, x node, n *Node) (values []string, ok bool) {
	v := r.eval(x, frame{n: n, pos: 1, size: 1})
	switch v.kind {
	case text:
		if canon, ok := r.e.names.canonical(t, v.s); ok && canon != v.s {
			return []string{v.s, canon}, true
		}
		return []string{v.s}, true
	case nodeSet:
		if len(v.nodes) > most {
			return nil, false
		}
		for _, m := range v.nodes {
			if s := m.String(); !slices.Contains(values, s) {
				values = append(values, s)
			}
		}
		return values, true
	case numeric:
		switch t.Base {
		case yang.Int8, yang.Int16, yang.Int32, yang.Uint8, yang.Uint16, yang.Uint32:
			// One text for each number; 64-bit ones are not exact in XPath.
			if i := int64(v.n); float64(i) == v.n {
				return []string{strconv.FormatInt(i, 10)}, true
			}
			return nil, true
		}
	}
	return nil, false
}

// canonical is a literal as a value of t in the form of RFC 7951, where values
// hold names: a module's text writes them with its own prefixes.
func (n names) canonical(t *yang.Type, s string) (string, bool) {
	if t == nil || !t.Named {
		return "", false
	}
	c, err := value.Parse(t, s, n)
	return c, err == nil
}

// kids iterates over all children of n in document order.
func (r *run) kids(n *Node) func(func(*Node) bool) {
	return func(yield func(*Node) bool) {
		if n.text {
			return
		}
		switch n.Schema.Kind {
		case yang.KindLeaf, yang.KindLeafList:
			yield(r.textOf(n))
			return
		}
		for _, c := range n.Schema.DataChildren {
			if !r.children(n, c, yield) {
				return
			}
		}
		if r.op != nil && r.op.Parent == n {
			yield(r.op)
		}
	}
}

// children gives the instances of the child c of n, those by default included.
func (r *run) children(n *Node, c *yang.Node, yield func(*Node) bool) bool {
	if !r.spend(1) {
		return false
	}
	if x, other := r.altered(n, c); other {
		return x == nil || yield(x)
	}
	switch c.Kind {
	case yang.KindLeaf:
		if v, ok := n.Tree.Leaf(c); ok {
			x := r.new(n, c)
			x.Value = v
			return yield(x)
		}
	case yang.KindContainer:
		if t := n.Tree.Container(c); t != nil {
			x := r.new(n, c)
			x.Tree = t
			return yield(x)
		}
	case yang.KindList:
		i := 0
		for e := range n.Tree.List(c).All() {
			i++
			if !r.spend(1) {
				return false
			}
			x := r.new(n, c)
			if x.Tree, x.place = e, uint32(i); !yield(x) {
				return false
			}
		}
		return true
	case yang.KindLeafList:
		i := 0
		for v := range n.Tree.LeafList(c).All() {
			i++
			if !r.spend(1) {
				return false
			}
			x := r.new(n, c)
			if x.Value, x.place = v, uint32(i); !yield(x) {
				return false
			}
		}
		if i > 0 {
			return true
		}
	default:
		if n.Tree.Has(c) {
			return yield(r.new(n, c))
		}
		return true
	}
	if r.c.ConfigOnly && !c.Config || !Defaulted(n.Tree, c) {
		return true
	}
	x := r.new(n, c)
	x.Default = true
	if len(c.Whens) > 0 && r.c.InUse != nil && !r.c.InUse(x) {
		return true
	}
	if c.Kind == yang.KindContainer {
		return yield(x)
	}
	for i, d := range c.Defaults {
		if i > 0 {
			x = r.new(n, c)
			x.Default = true
		}
		if x.Value, x.place = d, uint32(i+1); !yield(x) {
			return false
		}
	}
	return true
}

// descend gives what is below n in document order. reach, if not nil, holds the
// schema nodes that the test is for and all above them: nothing else is entered.
func (r *run) descend(m *matcher, reach above, n *Node, yield func(*Node) bool) bool {
	if n.depth > maxTree {
		r.fail("the data is nested too deeply")
		return false
	}
	visit := func(c *Node) bool {
		return (!m.holds(c) || yield(c)) && (c.text || r.descend(m, reach, c, yield))
	}
	switch n.Schema.Kind {
	case yang.KindLeaf, yang.KindLeafList:
		if m.kind == textNode || m.kind == anyNode {
			return yield(r.textOf(n))
		}
		return true
	}
	for _, c := range n.Schema.DataChildren {
		if reach != nil && !reach.has(c) {
			continue
		}
		if !r.children(n, c, visit) {
			return false
		}
	}
	if r.op != nil && r.op.Parent == n {
		return visit(r.op)
	}
	return r.err == nil
}

const maxTree = 1000
