// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"sync"

	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// Rules are the constraints of a schema, compiled. They are for many goroutines at
// a time.
type Rules struct {
	schema *yang.Schema
	points []*point // by Node.ID
	// triggers are what a change of an instance of the node with that ID can
	// affect.
	triggers [][]trigger
	// anything are the triggers of expressions that may read anything.
	anything []trigger
	// inUnique are the lists whose "unique" a node is part of, by its ID.
	inUnique [][]*yang.Node
	indexes  *indexes
	// scratches are *xpath.Scratch that no validation is using.
	scratches sync.Pool
}

// point is what is asked of the instances of one schema node.
type point struct {
	node  *yang.Node
	whens []*xpath.Expr
	musts []must
	refs  map[*yang.Type]*xpath.Expr // paths of the leafrefs in the node's type
	refer bool                       // the type has references that must exist
	needs needs
	deep  bool // this or something below asks something
	// deepWhen: this or something below has a "when".
	deepWhen bool
	// reach is the least depth of an apex that a change in this or below can
	// reach, and comes that of what new nodes can reach; far if there is none.
	reach, comes int
}

type must struct {
	*yang.Must
	expr *xpath.Expr
}

// needs is what an instance asks of its children.
type needs struct {
	mandatory []*yang.Node // leaf, anydata, anyxml
	choices   []*yang.Node
	counted   []*yang.Node // lists and leaf-lists with min- or max-elements
	unique    []*yang.Node
}

func (n *needs) any() bool {
	return len(n.mandatory)+len(n.choices)+len(n.counted)+len(n.unique) > 0
}

// aspect is a part of what a point asks.
type aspect uint8

const (
	aspectWhen aspect = iota
	aspectMust
	aspectRef
	aspectNeeds
	aspectUnique // of the list that is the point
)

// trigger says that instances of a point below the same instance of apex as a
// change have to be looked at again.
type trigger struct {
	point  *point
	aspect aspect
	apex   *yang.Node
	depth  int // of apex in data: 0 for the root
	// target: the changed node is what a leafref points to, so only references
	// to a value that went are affected.
	target bool
}

// Compile prepares the constraints of a schema. The error names the expression
// that cannot be compiled.
func Compile(schema *yang.Schema) (*Rules, error) {
	r := &Rules{schema: schema, points: make([]*point, len(schema.Nodes)),
		triggers: make([][]trigger, len(schema.Nodes)), inUnique: make([][]*yang.Node, len(schema.Nodes)),
		indexes: &indexes{from: indexFrom, all: map[indexKey]*index{}}}
	if err := r.walk(schema.Root); err != nil {
		return nil, err
	}
	for _, p := range r.points {
		if p != nil {
			r.depend(p)
		}
	}
	r.extent(schema.Root)
	return r, r.operations()
}

// operations compiles what Operation asks. No change of data triggers any of it.
func (r *Rules) operations() error {
	for _, n := range r.schema.Nodes {
		switch {
		case isOperation(n):
			if err := r.walk(n); err != nil {
				return err
			}
		case n.IsData() && !n.Config && len(n.Whens) > 0 && home(n).Kind == yang.KindRoot:
			// Of state: whether a default is in use that an expression reads.
			r.points[n.ID] = &point{node: n}
			if err := r.conditions(r.points[n.ID], n); err != nil {
				return err
			}
		}
	}
	return nil
}

// home is the top of the document that a node is in: the root of a datastore, an
// operation, a notification or a structure.
func home(n *yang.Node) *yang.Node {
	for n.DataParent != nil && !isOperation(n) {
		n = n.DataParent
	}
	return n
}

// conditions compiles the "when" statements of a node for a point.
func (r *Rules) conditions(p *point, n *yang.Node) error {
	for _, x := range n.Whens {
		e, err := xpath.CompileWhen(r.schema, x, n)
		if err != nil {
			return wrap(n, x.Pos, "when", err)
		}
		p.whens = append(p.whens, e)
	}
	return nil
}

const far = 1 << 30

// extent fills in reach and comes, once all triggers are filed.
func (r *Rules) extent(n *yang.Node) (reach, comes int) {
	reach, comes = far, far
	for _, t := range r.triggers[n.ID] {
		reach = min(reach, t.depth)
		if !t.target || len(n.Defaults) > 0 {
			comes = min(comes, t.depth)
		}
	}
	for _, c := range n.DataChildren {
		if c.Config {
			a, b := r.extent(c)
			reach, comes = min(reach, a), min(comes, b)
		}
	}
	r.points[n.ID].reach, r.points[n.ID].comes = reach, comes
	return reach, comes
}

func (r *Rules) point(n *yang.Node) *point {
	if n.ID < len(r.points) {
		return r.points[n.ID]
	}
	return nil
}

// walk compiles n and everything below.
func (r *Rules) walk(n *yang.Node) error {
	p := &point{node: n}
	r.points[n.ID] = p
	if err := r.conditions(p, n); err != nil {
		return err
	}
	if n.Kind == yang.KindInput || n.Kind == yang.KindOutput { // of an augment with an action in it
		if err := r.conditions(p, n.Parent); err != nil {
			return err
		}
	}
	p.deepWhen = len(p.whens) > 0
	for _, m := range n.Musts {
		e, err := xpath.Compile(r.schema, m.XPath)
		if err != nil {
			return wrap(n, m.XPath.Pos, "must", err)
		}
		p.musts = append(p.musts, must{m, e})
	}
	if n.Type != nil {
		if err := r.references(p, n.Type, 0); err != nil {
			return wrap(n, n.Pos, "path", err)
		}
	}
	operation := isOperation(home(n))
	for _, c := range n.Children {
		if err := r.choices(p, c, operation); err != nil {
			return err
		}
	}
	p.deep = len(p.whens) > 0 || len(p.musts) > 0 || p.refer || p.needs.any()
	for _, c := range n.DataChildren {
		if !c.Config && !operation {
			continue
		}
		switch c.Kind {
		case yang.KindLeaf, yang.KindAnydata, yang.KindAnyxml:
			if c.Mandatory && !c.IsKey {
				p.needs.mandatory = append(p.needs.mandatory, c)
			}
		case yang.KindList, yang.KindLeafList:
			if c.MinElements > 0 || c.MaxElements > 0 {
				p.needs.counted = append(p.needs.counted, c)
			}
		}
		if len(c.Unique) > 0 {
			p.needs.unique = append(p.needs.unique, c)
			r.unique(c)
		}
		if err := r.walk(c); err != nil {
			return err
		}
		p.deep = p.deep || r.points[c.ID].deep
		p.deepWhen = p.deepWhen || r.points[c.ID].deepWhen
	}
	p.deep = p.deep || p.needs.any()
	return nil
}

func wrap(n *yang.Node, pos yang.Position, what string, err error) error {
	where := ""
	if pos.File != "" {
		where = fmt.Sprintf("%s:%d:%d: ", pos.File, pos.Line, pos.Column)
	}
	return fmt.Errorf("%s%s of %s: %w", where, what, n.Path(), err)
}

// choices collects the choices below a node, those in cases included.
func (r *Rules) choices(p *point, c *yang.Node, operation bool) error {
	if c.Kind != yang.KindChoice && c.Kind != yang.KindCase {
		return nil
	}
	if c.Kind == yang.KindChoice && (c.Config || operation) {
		p.needs.choices = append(p.needs.choices, c)
		own := &point{node: c}
		r.points[c.ID] = own
		if err := r.conditions(own, c); err != nil {
			return err
		}
	}
	for _, n := range c.Children {
		if err := r.choices(p, n, operation); err != nil {
			return err
		}
	}
	return nil
}

// references compiles the paths of the leafrefs that values of n can be.
func (r *Rules) references(p *point, t *yang.Type, depth int) error {
	switch {
	case depth > 32:
	case t.Base == yang.Union:
		for _, m := range t.Union {
			if err := r.references(p, m, depth+1); err != nil {
				return err
			}
		}
	case t.Base == yang.InstanceIdentifier:
		p.refer = p.refer || t.RequireInstance
	case t.Base == yang.Leafref && t.RequireInstance && t.Path != nil:
		x := *t.Path
		x.Context = p.node // RFC 7950, 9.9.2: the leaf, wherever the type was defined
		e, err := xpath.Compile(r.schema, &x)
		if err != nil {
			return err
		}
		if p.refs == nil {
			p.refs = map[*yang.Type]*xpath.Expr{}
		}
		p.refs[t], p.refer = e, true
	}
	return nil
}

// unique notes which nodes make the entries of a list worth comparing again.
func (r *Rules) unique(list *yang.Node) {
	for _, group := range list.Unique {
		for _, leaf := range group {
			for n := leaf; n != list && n != nil; n = n.DataParent {
				r.inUnique[n.ID] = append(r.inUnique[n.ID], list)
				if n.Parent == n.DataParent && len(n.Whens) == 0 {
					continue
				}
				// Whether a default is in use hangs on its neighbours.
				for _, c := range n.DataParent.DataChildren {
					r.inUnique[c.ID] = append(r.inUnique[c.ID], list)
				}
			}
		}
	}
	r.inUnique[list.ID] = append(r.inUnique[list.ID], list)
}

func depthOf(n *yang.Node) int {
	d := 0
	for ; n.DataParent != nil; n = n.DataParent {
		d++
	}
	return d
}

// depend files the triggers of a point.
func (r *Rules) depend(p *point) {
	if p.node.Kind == yang.KindChoice {
		// A choice's own when matters to what its parent needs.
		if parent := r.point(p.node.DataParent); parent != nil {
			for _, e := range p.whens {
				r.file(trigger{point: parent, aspect: aspectNeeds}, e)
			}
		}
		return
	}
	for _, e := range p.whens {
		r.file(trigger{point: p, aspect: aspectWhen}, e)
		if len(p.node.Defaults) == 0 && p.node.Kind != yang.KindContainer {
			continue
		}
		for _, list := range r.inUnique[p.node.ID] { // its default may come and go
			r.file(trigger{point: r.points[list.ID], aspect: aspectUnique}, e)
		}
	}
	for _, m := range p.musts {
		r.file(trigger{point: p, aspect: aspectMust}, m.expr)
	}
	if hasInstance(p.node.Type, 0) {
		r.anything = append(r.anything, trigger{point: p, aspect: aspectRef, apex: r.schema.Root})
	}
	for t, e := range p.refs {
		r.fileRef(p, t, e)
	}
}

func hasInstance(t *yang.Type, depth int) bool {
	if t == nil || depth > 32 {
		return false
	}
	for _, m := range t.Union {
		if hasInstance(m, depth+1) {
			return true
		}
	}
	return t.Base == yang.InstanceIdentifier && t.RequireInstance
}

// file adds the trigger for all that e reads.
func (r *Rules) file(t trigger, e *xpath.Expr) {
	reads, all := r.closure(e)
	if all {
		t.apex = r.schema.Root
		r.anything = append(r.anything, t)
		return
	}
	for _, read := range reads {
		t.apex, t.depth = read.Apex, depthOf(read.Apex)
		r.add(read.Node, t)
	}
}

func (r *Rules) add(n *yang.Node, t trigger) {
	for _, old := range r.triggers[n.ID] {
		if old == t {
			return
		}
	}
	r.triggers[n.ID] = append(r.triggers[n.ID], t)
}

// closure is what e reads, and what the "when" of nodes reads that exist by
// default: if that changes, so may the result.
func (r *Rules) closure(e *xpath.Expr) ([]xpath.Read, bool) {
	reads, all := e.Reads()
	reads = append([]xpath.Read{}, reads...)
	seen := map[xpath.Read]bool{}
	for _, x := range reads {
		seen[x] = true
	}
	for i := 0; i < len(reads) && !all; i++ {
		x := reads[i]
		if len(x.Node.Defaults) == 0 && x.Node.Kind != yang.KindContainer {
			continue
		}
		p := r.point(x.Node)
		if p == nil {
			continue
		}
		for _, w := range p.whens {
			more, whenAll := w.Reads()
			all = all || whenAll
			for _, m := range more {
				if depthOf(x.Apex) < depthOf(m.Apex) {
					m.Apex = x.Apex
				}
				if !seen[m] {
					seen[m] = true
					reads = append(reads, m)
				}
			}
		}
	}
	return reads, all
}

// fileRef adds the triggers of a leafref: the target itself, and the leafs that
// the predicates of its path read.
func (r *Rules) fileRef(p *point, t *yang.Type, e *xpath.Expr) {
	reads, all := r.closure(e)
	if all {
		r.anything = append(r.anything, trigger{point: p, aspect: aspectRef, apex: r.schema.Root})
		return
	}
	for _, read := range reads {
		if read.Node.Type == nil {
			continue // containers and lists: their leafs say more
		}
		r.add(read.Node, trigger{point: p, aspect: aspectRef, apex: read.Apex, depth: depthOf(read.Apex),
			target: read.Node == t.Target && read.Apex != p.node})
	}
}
