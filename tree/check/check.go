// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
	"nso.example/nso/yang/xpath"
)

// maxErrors is how many errors are reported; the search goes no further.
const maxErrors = 100

// maxRounds bounds how often deletions by "when" lead to more of them.
const maxRounds = 100

// maxSteps is what all expressions of one validation may take together: some
// ten million for 100,000 entries are common, and this is about a minute.
const maxSteps = 2_000_000_000

// yangNamespace is that of the error-info elements of RFC 7950, 15.
const yangNamespace = "urn:ietf:params:xml:ns:yang:1"

// checker is one validation.
type checker struct {
	r     *Rules
	old   *tree.Node
	root  *xpath.Node // of the tree that is checked
	found []found
	// operation: what is checked is no configuration, but an operation or
	// notification beside it.
	operation bool
	when      int // nesting of "when" that ask for defaults with "when"
	removals  []*xpath.Node
	slab      []xpath.Node
	made      int                    // slabs
	steps     int                    // left of maxSteps
	scratch   *xpath.Scratch         // of the rules; nil until an expression is evaluated
	asks      func(*xpath.Node) bool // c.inUse
	off       map[string]bool        // paths of data whose "when" does not hold
}

// found is an error and where it belongs in the order of errors.
type found struct {
	at   *xpath.Node
	rank int
	err  *mgmterr.Error
}

// Ranks of errors at one node. Musts count on from rankMust.
const (
	rankWhen = iota
	rankKey
	rankMandatory
	rankChoice
	rankCount
	rankUnique
	rankRef
	rankMust
)

func (c *checker) full() bool { return len(c.found) >= maxErrors*4 }

func (c *checker) report(at *xpath.Node, rank int, err *mgmterr.Error) {
	if !c.full() {
		c.found = append(c.found, found{at, rank, err})
	}
}

// done gives back what was lent, and the errors.
func (c *checker) done() mgmterr.List {
	if c.scratch != nil {
		c.scratch.Clear()
		c.r.scratches.Put(c.scratch)
	}
	return c.errors()
}

// errors are the errors found, in order, each once.
func (c *checker) errors() mgmterr.List {
	slices.SortStableFunc(c.found, func(a, b found) int {
		if o := order(a.at, b.at); o != 0 {
			return o
		}
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return strings.Compare(a.err.Message, b.err.Message)
	})
	var out mgmterr.List
	for i, f := range c.found {
		if i > 0 {
			last := c.found[i-1]
			if last.rank == f.rank && last.err.Message == f.err.Message && last.err.Path == f.err.Path && order(last.at, f.at) == 0 {
				continue
			}
		}
		if out = append(out, f.err); len(out) == maxErrors {
			break
		}
	}
	return out
}

// order compares places: by the schema among siblings, by key among entries.
func order(a, b *xpath.Node) int {
	if a == b {
		return 0
	}
	da, db := depth(a), depth(b)
	x, y := a, b
	for i := da; i > db; i-- {
		x = x.Parent
	}
	for i := db; i > da; i-- {
		y = y.Parent
	}
	if o := orderLevel(x, y); o != 0 {
		return o
	}
	return da - db
}

func orderLevel(x, y *xpath.Node) int {
	if x == y {
		return 0
	}
	if x.Parent != nil && y.Parent != nil {
		if o := orderLevel(x.Parent, y.Parent); o != 0 {
			return o
		}
	}
	if o := x.Schema.Index - y.Schema.Index; o != 0 {
		return o
	}
	switch x.Schema.Kind {
	case yang.KindList:
		return strings.Compare(string(x.Tree.Key()), string(y.Tree.Key()))
	case yang.KindLeafList:
		return strings.Compare(x.Value, y.Value)
	}
	return 0
}

func depth(n *xpath.Node) int {
	d := 0
	for ; n.Parent != nil; n = n.Parent {
		d++
	}
	return d
}

// pathOf is the instance path of a node, or of its child s.
func pathOf(n *xpath.Node, s *yang.Node) string {
	p := n.Path()
	if s != nil {
		p = append(p, tree.Step{Schema: s})
	}
	return p.String()
}

func (c *checker) context(n *xpath.Node) xpath.Context {
	if c.asks == nil {
		c.asks = c.inUse
		c.scratch, _ = c.r.scratches.Get().(*xpath.Scratch)
		if c.scratch == nil {
			c.scratch = new(xpath.Scratch)
		}
	}
	return xpath.Context{Node: n, ConfigOnly: !c.operation, InUse: c.asks, Scratch: c.scratch, Total: &c.steps}
}

// below makes a child of n.
func (c *checker) below(n *xpath.Node, s *yang.Node, t *tree.Node, v string) *xpath.Node {
	if len(c.slab) == 0 {
		c.slab = make([]xpath.Node, 8)
		if c.made++; c.made > 2 {
			c.slab = make([]xpath.Node, 256)
		}
	}
	x := n.Into(&c.slab[0], s, t, v)
	c.slab = c.slab[1:]
	return x
}

// holds evaluates an expression for n, at n or at the node above it that the
// expression was written for (RFC 7950, 7.21.5).
func (c *checker) holds(e *xpath.Expr, n *xpath.Node) bool {
	for n.Schema != e.Context() && n.Parent != nil {
		n = n.Parent
	}
	ok, err := e.EvalBool(c.context(n))
	if err != nil {
		tag := mgmterr.OperationFailed
		if errors.Is(err, xpath.ErrBudget) {
			tag = mgmterr.ResourceDenied
		}
		c.report(n, rankWhen, mgmterr.New(tag, pathOf(n, nil), "%s", err))
		return true
	}
	return ok
}

// inUse reports whether the "when" statements of a node hold.
func (c *checker) inUse(n *xpath.Node) bool {
	p := c.r.point(n.Schema)
	if p == nil || len(p.whens) == 0 {
		return true
	}
	if c.when > 8 { // RFC 7950, 7.21.5 forbids circles
		return true
	}
	c.when++
	defer func() { c.when-- }()
	for _, w := range p.whens {
		if !c.holds(w, n) {
			return false
		}
	}
	return true
}

// kids gives the instances of the child s of n, those that exist by default
// included. It returns false if yield did.
func (c *checker) kids(n *xpath.Node, s *yang.Node, yield func(*xpath.Node) bool) bool {
	t := n.Tree
	switch s.Kind {
	case yang.KindLeaf:
		if v, ok := t.Leaf(s); ok {
			return yield(c.below(n, s, nil, v))
		}
	case yang.KindContainer:
		if k := t.Container(s); k != nil {
			return yield(c.below(n, s, k, ""))
		}
	case yang.KindList:
		for e := range t.List(s).All() {
			if !yield(c.below(n, s, e, "")) {
				return false
			}
		}
		return true
	case yang.KindLeafList:
		if l := t.LeafList(s); l.Len() > 0 {
			for v := range l.All() {
				if !yield(c.below(n, s, nil, v)) {
					return false
				}
			}
			return true
		}
	default:
		return !t.Has(s) || yield(c.below(n, s, nil, ""))
	}
	if !xpath.Defaulted(t, s) {
		return true
	}
	x := c.below(n, s, nil, "")
	if x.Default = true; !c.inUse(x) {
		return true
	}
	if s.Kind == yang.KindContainer {
		return yield(x)
	}
	for _, d := range s.Defaults {
		x := c.below(n, s, nil, d)
		if x.Default = true; !yield(x) {
			return false
		}
	}
	return true
}

// explicit reports whether data says that n is there.
func explicit(n *xpath.Node) bool {
	return !n.Default && (n.Tree != nil || n.Schema.Kind != yang.KindContainer)
}

// all checks n and everything below it.
func (c *checker) all(n *xpath.Node) bool {
	p := c.r.point(n.Schema)
	if p == nil || !p.deep {
		return true
	}
	c.node(p, n)
	for _, s := range n.Schema.DataChildren {
		if q := c.r.point(s); q != nil && q.deep {
			if !c.kids(n, s, c.all) {
				return false
			}
		}
	}
	return !c.full()
}

// node checks n itself and what it needs.
func (c *checker) node(p *point, n *xpath.Node) {
	c.musts(p, n)
	if p.refer {
		c.reference(p, n)
	}
	if p.needs.any() {
		c.needs(p, n)
	}
}

func (c *checker) musts(p *point, n *xpath.Node) {
	for i, m := range p.musts {
		if c.holds(m.expr, n) {
			continue
		}
		// RFC 7950, 15.4 and 7.5.4.
		e := mgmterr.New(mgmterr.OperationFailed, pathOf(n, nil), "cannot accept %s: the condition %q does not hold",
			nameOf(n.Schema), m.XPath.Source)
		if m.ErrorMessage != "" {
			e.Message = m.ErrorMessage
		}
		if e.AppTag = "must-violation"; m.ErrorAppTag != "" {
			e.AppTag = m.ErrorAppTag
		}
		c.report(n, rankMust+i, e)
	}
}

// reference checks that what a value refers to exists (RFC 7950, 9.9 and 9.13).
func (c *checker) reference(p *point, n *xpath.Node) {
	ok, what := c.exists(p, p.node.Type, n)
	if ok {
		return
	}
	e := mgmterr.New(mgmterr.DataMissing, pathOf(n, nil), "cannot refer to %q: %s", n.Value, what)
	c.report(n, rankRef, e.WithAppTag("instance-required")) // RFC 7950, 15.5
}

// exists reports whether the value of n, as one of t, refers to what exists. Of
// a union any member that fits will do (RFC 7950, 9.12).
func (c *checker) exists(p *point, t *yang.Type, n *xpath.Node) (bool, string) {
	switch t.Base {
	case yang.Leafref:
		e := p.refs[t]
		if e == nil {
			return true, ""
		}
		ok, err := e.Exists(c.context(n), n.Value)
		if err != nil {
			return false, err.Error()
		}
		if ok {
			return true, ""
		}
		return false, "there is no " + t.Target.Path() + " with that value"
	case yang.InstanceIdentifier:
		if !t.RequireInstance {
			return true, ""
		}
		at, ok := xpath.Instance(c.r.schema, c.root, n.Value)
		for ; ok && at.Parent != nil; at = at.Parent {
			ok = !at.Default || c.inUse(at)
		}
		return ok, "it does not exist"
	case yang.Union:
		why := ""
		for _, m := range t.Union {
			if !value.Valid(m, n.Value) {
				continue
			}
			ok, what := c.exists(p, m, n)
			if ok {
				return true, ""
			}
			if why == "" {
				why = what
			}
		}
		return why == "", why
	}
	return true, ""
}

// needs checks what n asks of its children.
func (c *checker) needs(p *point, n *xpath.Node) {
	c.counts(p, n)
	for _, s := range p.needs.unique {
		if n.Tree.List(s).Len() > 1 {
			c.unique(n, s, nil)
		}
	}
}

// counts is needs without what compares entries.
func (c *checker) counts(p *point, n *xpath.Node) {
	t := n.Tree
	for _, m := range p.needs.mandatory {
		if !t.Has(m) && c.asked(n, m) {
			e := mgmterr.New(mgmterr.DataMissing, pathOf(n, m), "cannot leave %s out: it is mandatory", m.Name)
			if c.operation { // a message lacks an element (RFC 6241, appendix A)
				e.Tag = mgmterr.MissingElement
				e = e.WithInfo("bad-element", m.Name)
			}
			c.report(n, rankMandatory, e)
		}
	}
	for _, choice := range p.needs.choices {
		c.choice(n, choice)
	}
	for _, s := range p.needs.counted {
		have := uint64(t.List(s).Len() + t.LeafList(s).Len())
		if s.MaxElements > 0 && have > s.MaxElements { // RFC 7950, 15.2
			e := mgmterr.New(mgmterr.OperationFailed, pathOf(n, s), "cannot have %d entries of %s: at most %d are allowed", have, s.Name, s.MaxElements)
			c.report(n, rankCount, e.WithAppTag("too-many-elements"))
		}
		if have < s.MinElements && c.asked(n, s) { // RFC 7950, 15.3
			if len(s.Defaults) > 0 && have == 0 {
				continue // the defaults are in use
			}
			e := mgmterr.New(mgmterr.OperationFailed, pathOf(n, s), "cannot have %d entries of %s: at least %d are needed", have, s.Name, s.MinElements)
			c.report(n, rankCount, e.WithAppTag("too-few-elements"))
		}
	}
}

// keys makes sure that every entry below n has its keys (RFC 7950, 7.8.2). What
// edits made has them; a tree from elsewhere may not.
func (c *checker) keys(n *xpath.Node) {
	for child := range n.Tree.Children() {
		switch {
		case child.Node != nil:
			c.keys(n.Below(child.Schema, child.Node, ""))
		case child.List != nil && (child.Schema.Config || c.operation):
			entry := n.Below(child.Schema, nil, "")
			for e := range child.List.All() {
				entry.Tree = e
				for _, k := range child.Schema.Keys {
					if _, ok := e.Leaf(k); !ok {
						err := mgmterr.New(mgmterr.MissingElement, pathOf(n, child.Schema), "cannot leave out the key %s", k.Name)
						c.report(n, rankKey, err.WithInfo("bad-element", k.Name))
					}
				}
				if !e.OnlyLeaves() {
					c.keys(entry)
				}
			}
		}
	}
}

// asked reports whether a child that is not there is asked for: its case is in
// use and its "when" holds (RFC 7950, 7.6.5).
func (c *checker) asked(n *xpath.Node, s *yang.Node) bool {
	return xpath.CaseInUse(n.Tree, s) && c.inUse(n.Below(s, nil, ""))
}

func (c *checker) choice(n *xpath.Node, choice *yang.Node) {
	var there []string
	for _, k := range choice.Children {
		if anyOf(n.Tree, k) {
			there = append(there, k.Name)
		}
	}
	switch {
	case len(there) > 1: // RFC 7950, 7.9
		e := mgmterr.New(mgmterr.BadElement, pathOf(n, nil), "cannot have nodes of two cases of %s at a time: %s", choice.Name, strings.Join(there, ", "))
		c.report(n, rankChoice, e.WithInfo("bad-element", there[1]))
	case len(there) == 0 && choice.Mandatory && xpath.CaseInUse(n.Tree, choice) && c.choiceInUse(n, choice):
		names := make([]string, len(choice.Children))
		for i, k := range choice.Children {
			names[i] = k.Name
		}
		// RFC 7950, 15.6.
		e := mgmterr.New(mgmterr.DataMissing, pathOf(n, nil), "cannot leave %s out: one of %s is needed", choice.Name, strings.Join(names, ", "))
		e.AppTag = "missing-choice"
		e.Info = append(e.Info, mgmterr.Info{Namespace: yangNamespace, Name: "missing-choice", Value: choice.Name})
		c.report(n, rankChoice, e)
	}
}

// choiceInUse evaluates the "when" of a choice, which is no node in data, at
// its parent.
func (c *checker) choiceInUse(n *xpath.Node, choice *yang.Node) bool {
	for _, w := range c.r.point(choice).whens {
		if !c.holds(w, n) {
			return false
		}
	}
	return true
}

func anyOf(t *tree.Node, s *yang.Node) bool {
	if s.IsData() {
		return t.Has(s)
	}
	for _, c := range s.Children {
		if anyOf(t, c) {
			return true
		}
	}
	return false
}
