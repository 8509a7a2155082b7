// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
	"nso.example/nso/yang/xpath"
)

// xpathSteps bounds one evaluation.
const xpathSteps = 2 * xpath.DefaultBudget

// xpathFilter is an XPath filter (RFC 6241, 8.9).
type xpathFilter struct{ expr *xpath.Expr }

// A session keeps the last few expressions that it compiled: clients that poll
// repeat themselves.
const (
	keptFilters    = 16
	keptFilterText = 2 << 10
)

// xpath compiles a select attribute. Prefixes are those in scope on <filter>
// (RFC 6241, 8.9.1); a name without prefix may be of any module, since most
// people who type one mean that.
func (q *request) xpath(text string) (filter, error) {
	prefixes := q.prefixes(text)
	id := text
	for _, p := range prefixes {
		id += "\x00" + p.prefix + "=" + p.uri
	}
	if f := q.ss.filters[id]; f != nil {
		return f, nil
	}
	expr, err := xpath.CompileText(q.schema(), text, func(prefix string) (string, bool) {
		for _, p := range prefixes {
			if p.prefix == prefix {
				if m := q.schema().ByNamespace(p.uri); m != nil {
					return m.Name, true
				}
				return p.uri, true // of no module: names nothing
			}
		}
		return "", false
	}, "")
	if err != nil {
		return nil, badSelect(err)
	}
	f := &xpathFilter{expr}
	if len(id) <= keptFilterText {
		if q.ss.filters == nil || len(q.ss.filters) >= keptFilters {
			q.ss.filters = make(map[string]*xpathFilter)
		}
		q.ss.filters[id] = f
	}
	return f, nil
}

const cannotUse = "cannot use the XPath of this filter: "

// badSelect says what is wrong with an expression, and where.
func badSelect(err error) *mgmterr.Error {
	why := err.Error()
	if x := (*xpath.Error)(nil); errors.As(err, &x) {
		why = fmt.Sprintf("column %d: %s", x.Column, x.Reason)
	}
	return ofSelect(mgmterr.New(mgmterr.BadAttribute, "", cannotUse+"%s", why))
}

func ofSelect(e *mgmterr.Error) *mgmterr.Error {
	return e.OfType(mgmterr.Protocol).WithInfo("bad-attribute", "select").WithInfo("bad-element", "filter")
}

// prefixes are what may be one in an expression, inside its literals too, with
// what they are bound to on <filter>: later the declarations are out of scope.
func (q *request) prefixes(text string) (known []declaration) {
	for rest := text; ; {
		i := strings.IndexByte(rest, ':')
		if i < 0 {
			return known
		}
		from := i
		for from > 0 && prefixByte(rest[from-1]) {
			from--
		}
		d := declaration{prefix: rest[from:i]}
		rest = rest[i+1:]
		if !slices.ContainsFunc(known, func(k declaration) bool { return k.prefix == d.prefix }) {
			var ok bool
			if d.uri, ok = q.r.Lookup(d.prefix); ok && value.Identifier(d.prefix) {
				known = append(known, d)
			}
		}
	}
}

func prefixByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// tops implements filter: what the expression can read is below what it reads.
func (f *xpathFilter) tops() []*yang.Node {
	reads, all := f.expr.Reads()
	if all {
		return nil
	}
	var tops []*yang.Node
	seen := make(map[*yang.Node]bool)
	for _, r := range reads {
		n := r.Node
		for n.DataParent != nil && n.DataParent.Kind != yang.KindRoot {
			n = n.DataParent
		}
		if n.Kind == yang.KindRoot {
			return nil
		}
		if !seen[n] {
			seen[n] = true
			tops = append(tops, n)
		}
	}
	return tops // nil, which is all, for an expression that reads nothing
}

// apply implements filter: the nodes that are selected, whole, with the keys of
// the entries around them (RFC 6241, 8.9.1).
func (f *xpathFilter) apply(root *tree.Node, depth int) (*tree.Node, error) {
	if root == nil {
		return nil, nil
	}
	v, err := f.expr.Eval(xpath.Context{Node: xpath.Root(root), Budget: xpathSteps})
	switch {
	case errors.Is(err, xpath.ErrBudget):
		return nil, mgmterr.New(mgmterr.ResourceDenied, "", "cannot filter by this XPath: it takes too many steps").OfType(mgmterr.Protocol)
	case err != nil:
		return nil, badSelect(err)
	case !v.IsNodes():
		// RFC 6241, 8.9.1: only a node-set will do.
		return nil, ofSelect(mgmterr.New(mgmterr.InvalidValue, "", "cannot filter by this XPath: its result is a value and not a set of nodes"))
	}
	p := &picker{build: tree.NewBuilder(root.Schema()), depth: depth}
	for _, n := range v.Nodes() {
		if n.Parent == nil {
			return cut(root, depth)
		}
		if err := p.pick(n); err != nil {
			return nil, err
		}
	}
	if err := p.leave(0); err != nil {
		return nil, err
	}
	return p.build.Done()
}

// picker makes a tree of nodes that come in document order.
type picker struct {
	depth int // of what is selected; 0 is all
	build *tree.Builder
	open  []*tree.Node // containers and entries being built, outermost first
	whole *tree.Node   // the last one taken whole: what follows inside it is there
	chain []*xpath.Node
	last  leaf // the last leaf taken: its text may be selected too
}

type leaf struct {
	parent *tree.Node
	schema *yang.Node
	value  string
}

func (p *picker) pick(n *xpath.Node) error {
	text := n.Parent.Schema == n.Schema
	if text { // stands for its leaf
		n = n.Parent
	}
	if n.Default || n.Schema.IsData() && n.Tree == nil && (n.Schema.Kind == yang.KindContainer || n.Schema.Kind == yang.KindList) {
		return nil // exists by default only, and defaults are not reported
	}
	p.chain = p.chain[:0]
	for up := n.Parent; up.Parent != nil; up = up.Parent {
		p.chain = append(p.chain, up)
	}
	depth := len(p.chain)
	same := 0
	for same < depth && same < len(p.open) && p.open[same] == p.chain[depth-1-same].Tree {
		same++
	}
	if same == len(p.open) && same < depth && p.whole != nil && p.chain[depth-1-same].Tree == p.whole {
		return nil
	}
	if err := p.leave(same); err != nil {
		return err
	}
	for i := depth - 1 - same; i >= 0; i-- {
		if err := p.enter(p.chain[i].Tree); err != nil {
			return err
		}
	}
	return p.take(n, text)
}

// enter opens a node on the way to what is selected.
func (p *picker) enter(n *tree.Node) error {
	p.whole, p.last = nil, leaf{}
	p.open = append(p.open, n)
	p.build.Open(n.Schema())
	for _, k := range n.Schema().Keys {
		if v, ok := n.Leaf(k); ok {
			if err := p.build.Leaf(k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave closes what is open below depth.
func (p *picker) leave(depth int) error {
	for len(p.open) > depth {
		p.whole, p.last = nil, leaf{}
		p.open = p.open[:len(p.open)-1]
		if err := p.build.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (p *picker) take(n *xpath.Node, text bool) error {
	s := n.Schema
	if n.Tree != nil {
		if n.Tree == p.whole {
			return nil
		}
		p.whole = n.Tree
		part, err := cut(n.Tree, p.depth)
		if err != nil {
			return err
		}
		return p.build.Add(part)
	}
	p.whole = nil
	var parent *tree.Node
	if len(p.open) > 0 {
		parent = p.open[len(p.open)-1]
	}
	this := leaf{parent, s, n.Value}
	if s.IsKey || text && this == p.last {
		return nil // there already
	}
	p.last = this
	switch s.Kind {
	case yang.KindLeaf:
		return p.build.Leaf(s, n.Value)
	case yang.KindLeafList:
		return p.build.LeafListEntry(s, n.Value)
	case yang.KindAnydata, yang.KindAnyxml:
		return p.build.Any(s, n.Child().Any)
	}
	return nil
}
