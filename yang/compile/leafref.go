// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// pendingLeafref is a leafref whose target is to be found.
type pendingLeafref struct {
	n      *yang.Node
	t      *yang.Type
	ct     *ctype
	state  state
	target *yang.Node
	steps  int // how many leafrefs deref() follows to find it
	err    error
}

// resolveLeafrefs finds the targets of all leafrefs (RFC 7950, 9.9.2).
func (c *compiler) resolveLeafrefs() {
	c.byType = make(map[*yang.Type]*pendingLeafref, len(c.leafrefs))
	for _, l := range c.leafrefs {
		c.byType[l.t] = l
	}
	for _, l := range c.leafrefs {
		if c.halted {
			return
		}
		c.resolve(l)
		if c.again {
			continue
		}
		target, err := l.target, l.err
		if err == nil && target.Kind != yang.KindLeaf && target.Kind != yang.KindLeafList {
			err = fmt.Errorf("%s is no leaf or leaf-list", target.Path())
		}
		// RFC 7950, 9.9.5: configuration refers to configuration.
		if err == nil && l.t.RequireInstance && l.n.Config && !target.Config && !c.underStructure(l.n) {
			err = fmt.Errorf("%s is state, and the leafref is configuration that requires it", target.Path())
		}
		if err != nil {
			c.failAt(l.ct.pathAt.stmt, l.n, "cannot use the path %q: %s", l.ct.pathAt.stmt.Argument, err)
			continue
		}
		if p := l.ct.pathAt; p.sc.unit.mod.ym == l.n.Module {
			c.refersTo(p.stmt, l.n, target)
		}
		l.t.Target = target
	}
	if len(c.errs) > 0 || c.again {
		return
	}
	w := typeWalk{size: make(map[*yang.Type]extent)}
	for _, l := range c.leafrefs {
		if c.halted {
			return
		}
		if err := w.visit(l.t, 0); err != nil {
			c.failAt(l.ct.pathAt.stmt, l.n, "%s", err)
		} else if l.n.Type != l.t { // a union around it
			if err := w.visit(l.n.Type, 0); err != nil {
				c.failAt(l.ct.pathAt.stmt, l.n, "%s", err)
			}
		}
	}
}

// resolve finds the target of one leafref, and of those that its deref() needs.
func (c *compiler) resolve(l *pendingLeafref) {
	if l.state != fresh {
		return
	}
	l.state = busy
	l.target, l.err = c.follow(l.ct.path, l, l.n, l.ct.pathAt.sc.unit)
	l.state = done
}

// through is the node that a leafref leads to, on the way of another.
func (c *compiler) through(l, next *pendingLeafref) (*yang.Node, error) {
	c.depth++
	defer func() { c.depth-- }()
	switch {
	case next == nil:
		return nil, fmt.Errorf("deref() needs a leafref")
	case next.state == busy:
		return nil, fmt.Errorf("it comes back to itself through deref()")
	case c.depth > maxLeafrefs:
		return nil, fmt.Errorf("cannot follow more than %d leafrefs", maxLeafrefs)
	}
	c.resolve(next)
	if l.steps = max(l.steps, next.steps+1); l.steps > maxLeafrefs {
		return nil, fmt.Errorf("cannot follow more than %d leafrefs", maxLeafrefs)
	}
	return next.target, next.err
}

// failAt is fail for what is wrong with one of perhaps many uses of a
// statement: it says which.
func (c *compiler) failAt(s *parse.Statement, n *yang.Node, format string, args ...any) {
	c.fail(s, "%s: %s", fmt.Sprintf(format, args...), "at "+n.Path())
}

// typeWalk follows leafrefs to leafrefs, through unions: it refuses those that
// come back to themselves or to very many types, and completes Type.Named.
type typeWalk struct {
	size map[*yang.Type]extent
}

// extent is how many types one comes to and over how many steps; zero while
// that is being found out.
type extent struct{ types, steps int }

// maxLeafrefs is how many leafrefs and unions may follow each other.
const maxLeafrefs = 48

func (w *typeWalk) visit(t *yang.Type, depth int) error {
	if t.Base != yang.Leafref && t.Base != yang.Union {
		return nil
	}
	switch size, seen := w.size[t]; {
	case seen && size.types == 0:
		return fmt.Errorf("cannot let a leafref refer to itself")
	case seen:
		return nil
	}
	w.size[t] = extent{}
	total := extent{types: 1}
	below := t.Union
	if t.Base == yang.Leafref {
		below = []*yang.Type{t.Target.Type}
	}
	for _, m := range below {
		err := error(nil)
		if depth >= maxLeafrefs {
			err = fmt.Errorf("cannot follow more than %d leafrefs and unions", maxLeafrefs)
		} else if m != nil {
			err = w.visit(m, depth+1)
		}
		if m != nil {
			t.Named = t.Named || m.Named
			total.types += max(w.size[m].types, 1)
			total.steps = max(total.steps, w.size[m].steps+1)
		}
		switch {
		case err != nil:
		case total.steps > maxLeafrefs:
			err = fmt.Errorf("cannot follow more than %d leafrefs and unions", maxLeafrefs)
		case total.types > maxMembers:
			err = fmt.Errorf("cannot use a type that comes to more than %d types", maxMembers)
		}
		if err != nil {
			w.size[t] = extent{types: 1} // complained about once
			return err
		}
	}
	w.size[t] = total
	return nil
}

// follow walks a path of the leafref l through the schema, as data would be
// walked.
func (c *compiler) follow(p *parse.Leafref, l *pendingLeafref, leaf *yang.Node, u *unit) (*yang.Node, error) {
	at := leaf
	switch {
	case p.Deref != nil:
		ref, err := c.follow(p.Deref, l, leaf, u)
		if err != nil || c.again {
			return nil, err
		}
		if ref.Type == nil || ref.Type.Base != yang.Leafref {
			return nil, fmt.Errorf("deref() needs a leafref, and %s is none", ref.Path())
		}
		if at, err = c.through(l, c.byType[ref.Type]); err != nil || c.again {
			return nil, err
		}
	case p.Absolute:
		at = c.schema.Root
		if c.underStructure(leaf) {
			at = nil // the structure is the document (RFC 8791, 3)
		}
	}
	for range p.Up {
		if at == c.schema.Root || at == nil {
			return nil, fmt.Errorf("it has more ../ than there are levels above %s", leaf.Path())
		}
		at = c.up(at)
	}
	for i, st := range p.Steps {
		m := leaf.Module // RFC 7950, 6.4.1
		if st.Prefix != "" {
			pm := u.prefixes[st.Prefix]
			if pm == nil {
				return nil, fmt.Errorf("the prefix %q is not among the imports of %s", st.Prefix, u.root.Argument)
			}
			m = pm.ym
			if !c.demand(pm) {
				return nil, nil // once more, with that module (RFC 7950, 5.6.5)
			}
		}
		var next *yang.Node
		if at != nil {
			next = c.dataChild(at, m, st.Name)
		}
		if next == nil && i == 0 && (at == c.schema.Root || at == nil) {
			next = c.operation(leaf, m, st.Name)
		}
		if next == nil {
			where := "the top of the schema"
			if at != nil && at != c.schema.Root {
				where = at.Path()
			}
			why := ""
			if c.isDisabled(at, m, st.Name) {
				why = "; an if-feature that is not met took it out"
			}
			return nil, fmt.Errorf("there is no node %q below %s%s", st.Step, where, why)
		}
		at = next
		if err := c.predicates(st, at, l, leaf, u); err != nil {
			return nil, err
		}
	}
	if at == nil || at == c.schema.Root {
		return nil, fmt.Errorf("it names no leaf")
	}
	return at, nil
}

// predicates checks [key = current()/../leaf] (RFC 7950, 9.9.2).
func (c *compiler) predicates(st parse.PathStep, list *yang.Node, l *pendingLeafref, leaf *yang.Node, u *unit) error {
	for _, p := range st.Predicates {
		key := c.dataChild(list, list.Module, p.Key.Name)
		switch {
		case list.Kind != yang.KindList:
			return fmt.Errorf("%s is no list and has no keys", list.Path())
		case key == nil || !key.IsKey:
			return fmt.Errorf("%q is no key of %s", p.Key, list.Path())
		}
		value, err := c.follow(p.Value, l, leaf, u)
		if err != nil {
			return err
		}
		if value != nil && value.Kind != yang.KindLeaf && value.Kind != yang.KindLeafList {
			return fmt.Errorf("%s is no leaf", value.Path())
		}
	}
	return nil
}

// up is the parent in data; input and output stand for their operation, and
// what a top-level operation is in is the root (RFC 7950, 6.4.1).
func (c *compiler) up(n *yang.Node) *yang.Node {
	p := n.DataParent
	switch n.Kind {
	case yang.KindInput, yang.KindOutput:
		p = n.Parent.DataParent
	case yang.KindStructure:
		return nil
	}
	if p == nil {
		return c.schema.Root
	}
	return p
}

// operation finds the operation, notification or structure that leaf is in as
// a child of the root.
func (c *compiler) operation(leaf *yang.Node, m *yang.Module, name string) *yang.Node {
	for n := leaf; n != nil; n = n.Parent {
		in := n
		if n.Kind == yang.KindInput || n.Kind == yang.KindOutput {
			n = n.Parent
		}
		if n.Parent == nil && n.Name == name && n.Module == m {
			return in
		}
		if n.Kind == yang.KindStructure { // yang-data: its nodes are the top
			if k := c.dataChild(n, m, name); k != nil {
				return k
			}
		}
	}
	return nil
}

// dataChild is Node.Child before the schema is sealed.
func (c *compiler) dataChild(n *yang.Node, m *yang.Module, name string) *yang.Node {
	if len(n.DataChildren) > 32 {
		index := c.kids[n]
		if index == nil {
			index = make(map[string][]*yang.Node, len(n.DataChildren))
			for _, k := range n.DataChildren {
				index[k.Name] = append(index[k.Name], k)
			}
			c.kids[n] = index
		}
		return pick(index[name], m, name)
	}
	return pick(n.DataChildren, m, name)
}

func pick(list []*yang.Node, m *yang.Module, name string) *yang.Node {
	for _, k := range list {
		if k.Name == name && (k.Module == m || k.Module.Name == m.Name) {
			return k
		}
	}
	return nil
}

// isDisabled: the node would be there with other features.
func (c *compiler) isDisabled(n *yang.Node, m *yang.Module, name string) bool {
	if n == nil {
		return false
	}
	var look func(d *draft) bool
	look = func(d *draft) bool {
		for _, k := range d.kids {
			if k.name == name && k.mod.ym.Name == m.Name ||
				(k.kind == yang.KindChoice || k.kind == yang.KindCase) && look(k) {
				return true
			}
		}
		return false
	}
	return look(c.drafts[n.ID])
}
