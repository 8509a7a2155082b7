// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// Modes know the defaults of a schema. They are immutable.
type Modes struct {
	whens [][]*xpath.Expr // by Node.ID
	deep  []bool          // by Node.ID: something below has a default
}

// Compile prepares the defaults of a schema. The error names the "when" that
// cannot be compiled.
func Compile(schema *yang.Schema) (*Modes, error) {
	m := &Modes{whens: make([][]*xpath.Expr, len(schema.Nodes)), deep: make([]bool, len(schema.Nodes))}
	if err := m.walk(schema, schema.Root); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Modes) walk(schema *yang.Schema, n *yang.Node) error {
	for _, s := range n.DataChildren {
		if err := m.walk(schema, s); err != nil {
			return err
		}
		// RFC 7950, 7.8.2: the default of a key is ignored.
		if len(s.Defaults) > 0 && !s.IsKey || m.deep[s.ID] {
			m.deep[n.ID] = true
		}
		for _, x := range s.Whens {
			e, err := xpath.CompileWhen(schema, x, s)
			if err != nil {
				return fmt.Errorf("cannot use the when of %s: %w", s.Path(), err)
			}
			m.whens[s.ID] = append(m.whens[s.ID], e)
		}
	}
	return nil
}

// adder is one run of All.
type adder struct {
	m      *Modes
	b      *tree.Builder
	config bool
	when   int // nesting of "when" that ask for defaults with "when"
	steps  int
	err    error
}

// maxSteps is what all conditions of one tree may take together, as in
// tree/check.
const maxSteps = 2_000_000_000

// All adds every default in use (RFC 6243, 2.1, "report-all"); with configOnly,
// of configuration only. root is the root of a whole tree: conditions look at
// all of it. The error is a condition that takes too long.
func (m *Modes) All(root *tree.Node, configOnly bool) (*tree.Node, error) {
	if !m.deep[root.Schema().ID] {
		return root, nil
	}
	a := &adder{m: m, b: tree.NewBuilder(root.Schema()), config: configOnly, steps: maxSteps}
	n := a.node(xpath.Root(root))
	return n, a.err
}

// InUse reports whether the "when" statements of a node hold, as xpath.Context
// asks; what cannot be told does not hold.
func (m *Modes) InUse(n *xpath.Node) bool {
	return (&adder{m: m, steps: maxSteps}).inUse(n)
}

// inUse reports whether the "when" statements of a node hold.
func (a *adder) inUse(n *xpath.Node) bool {
	whens := a.m.whens[n.Schema.ID]
	if len(whens) == 0 || a.when > 8 { // RFC 7950, 7.21.5 forbids circles
		return true
	}
	a.when++
	defer func() { a.when-- }()
	for _, e := range whens {
		at := n
		for at.Schema != e.Context() && at.Parent != nil {
			at = at.Parent
		}
		ok, err := e.EvalBool(xpath.Context{Node: at, ConfigOnly: n.Schema.Config, InUse: a.inUse, Total: &a.steps})
		if err != nil && a.err == nil {
			a.err = fmt.Errorf("cannot tell which defaults are in use: %w", err)
		}
		if !ok || err != nil {
			return false
		}
	}
	return true
}

// node is n with the defaults in it; n.Tree is nil for a container that exists
// although nothing is in it.
func (a *adder) node(n *xpath.Node) *tree.Node {
	a.b.Open(n.Schema)
	added := false
	for _, s := range n.Schema.DataChildren {
		if a.child(n, s) {
			added = true
		}
	}
	if !added || a.err != nil {
		a.b.Abort()
		return n.Tree
	}
	out, err := a.b.Finish()
	if err != nil { // the tree was one: its keys are there and nothing came twice
		a.err = err
	}
	return out
}

// child puts the child s of n into what is open, and reports whether it is another than
// before.
func (a *adder) child(n *xpath.Node, s *yang.Node) (added bool) {
	deep := a.m.deep[s.ID]
	t, b := n.Tree, a.b
	if t.Has(s) {
		if !deep {
			a.fail(keep(b, t, s))
			return false
		}
		if s.Kind == yang.KindContainer {
			return a.add(t.Container(s), a.node(n.Below(s, t.Container(s), "")))
		}
		for e := range t.List(s).All() {
			if a.add(e, a.node(n.Below(s, e, ""))) {
				added = true
			}
		}
		return added
	}
	if s.IsKey || !deep && len(s.Defaults) == 0 || a.config && !s.Config || !xpath.Defaulted(t, s) {
		return false
	}
	x := n.Below(s, nil, "")
	if x.Default = true; !a.inUse(x) {
		return false
	}
	if s.Kind == yang.KindContainer {
		in := a.node(x)
		return in != nil && a.add(nil, in)
	}
	for _, v := range s.Defaults {
		if s.Kind == yang.KindLeaf {
			a.fail(b.Leaf(s, v))
		} else {
			a.fail(b.LeafListEntry(s, v))
		}
	}
	return true
}

func (a *adder) add(old, n *tree.Node) bool {
	a.fail(a.b.Add(n))
	return old != n
}

func (a *adder) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// keep puts the child s of t into b as it is.
func keep(b *tree.Builder, t *tree.Node, s *yang.Node) error {
	switch s.Kind {
	case yang.KindLeaf:
		v, _ := t.Leaf(s)
		return b.Leaf(s, v)
	case yang.KindContainer:
		return b.Add(t.Container(s))
	case yang.KindList:
		for e := range t.List(s).All() {
			if err := b.Add(e); err != nil {
				return err
			}
		}
	case yang.KindLeafList:
		for v := range t.LeafList(s).All() {
			if err := b.LeafListEntry(s, v); err != nil {
				return err
			}
		}
	default:
		content, _ := t.Any(s)
		return b.Any(s, content)
	}
	return nil
}
