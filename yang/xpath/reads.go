// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"nso.example/nso/yang"
)

// Read is one schema node that a result may depend on. Apex is the highest
// schema node on the way from the context to it: a change of an instance of
// Node matters only to contexts below the same instance of Apex. The root is
// the apex of absolute paths.
type Read struct{ Node, Apex *yang.Node }

// Reads returns the schema nodes whose instances can change the result, when
// the expression is evaluated at its context node. Instances that exist by
// default are named like others; what their own "when" reads is not. all means
// that the result may depend on anything.
func (e *Expr) Reads() (reads []Read, all bool) { return e.reads, e.all }

// analysis walks the schema as evaluation walks the data.
type analysis struct {
	schema  *yang.Schema
	e       *Expr
	nesting int
	seen    map[Read]bool
	loud    bool // steps that find nothing are worth a warning
	err     error
	current []Read
}

func newAnalysis(schema *yang.Schema, e *Expr, nesting int) *analysis {
	return &analysis{schema: schema, e: e, nesting: nesting, seen: map[Read]bool{}, loud: true,
		current: []Read{{e.context, e.context}}}
}

func (a *analysis) run() {
	a.value(a.expr(a.e.root, a.current))
	if a.e.find != nil {
		a.loud = false
		a.expr(a.e.find, a.current)
	}
}

// read notes what was reached.
func (a *analysis) read(spots []Read) []Read {
	for _, s := range spots {
		if !a.seen[s] {
			a.seen[s] = true
			a.e.reads = append(a.e.reads, s)
			a.choice(s)
		}
	}
	return spots
}

// choice: whether s exists by default hangs on the other cases around it.
func (a *analysis) choice(s Read) {
	if s.Node.Parent == s.Node.DataParent || s.Node == s.Apex {
		return
	}
	var below func(n *yang.Node)
	below = func(n *yang.Node) {
		for _, c := range n.Children {
			r := Read{c, s.Apex}
			switch {
			case c.Kind == yang.KindChoice || c.Kind == yang.KindCase:
				below(c)
			case !a.seen[r]:
				a.seen[r] = true
				a.e.reads = append(a.e.reads, r)
			}
		}
	}
	for p := s.Node.Parent; p != nil && p != s.Node.DataParent; p = p.Parent {
		if p.Kind == yang.KindChoice && (len(s.Node.Defaults) > 0 || s.Node.Kind == yang.KindContainer) {
			below(p)
		}
	}
}

// value notes that the string-value is used: of a container that is all below.
func (a *analysis) value(spots []Read) {
	for _, s := range spots {
		a.read(below(s, nil))
	}
}

func below(s Read, out []Read) []Read {
	for _, c := range s.Node.DataChildren {
		out = append(out, Read{c, s.Apex})
		out = below(Read{c, s.Apex}, out)
	}
	return out
}

// expr returns where the nodes of x can be, at contexts at.
func (a *analysis) expr(x node, at []Read) []Read {
	switch x := x.(type) {
	case *binary:
		l, r := a.expr(x.l, at), a.expr(x.r, at)
		if x.op == "|" {
			return union(l, r)
		}
		if x.op != "and" && x.op != "or" {
			a.value(l)
			a.value(r)
		}
	case *negate:
		a.value(a.expr(x.x, at))
	case *ccall:
		return a.call(x, at)
	case *cpath:
		return a.path(x, at)
	}
	return nil
}

func (a *analysis) call(x *ccall, at []Read) []Read {
	if x.name == "current" {
		return a.read(a.current)
	}
	if len(x.args) == 0 {
		switch x.name {
		case "string", "number", "string-length", "normalize-space":
			a.value(a.read(at))
		}
	}
	for i, arg := range x.args {
		spots := a.expr(arg, at)
		switch x.name {
		case "count", "not", "boolean", "local-name", "name", "namespace-uri":
		case "deref":
			if i == 0 {
				return a.deref(spots)
			}
		default:
			a.value(spots)
		}
	}
	return nil
}

// deref follows the types of the leafs: a leafref's path may read anything
// from the root on, an instance-identifier anything at all.
func (a *analysis) deref(spots []Read) []Read {
	var out []Read
	var follow func(leaf *yang.Node, t *yang.Type, depth int)
	follow = func(leaf *yang.Node, t *yang.Type, depth int) {
		switch {
		case t == nil || depth > 16:
		case t.Base == yang.Union:
			for _, m := range t.Union {
				follow(leaf, m, depth+1)
			}
		case t.Base == yang.InstanceIdentifier:
			a.e.all = true
		case t.Base == yang.Leafref && t.Path != nil:
			key := derefKey{t, leaf}
			e := a.e.derefs[key]
			if e == nil && a.nesting < maxNesting {
				var err error
				x := *t.Path
				x.Context = leaf // RFC 7950, 9.9.2: wherever the type was defined
				if e, err = compileIn(a.schema, &x, a.nesting+1); err != nil {
					if a.err == nil {
						a.err = err
					}
					return
				}
				if a.e.derefs == nil {
					a.e.derefs = map[derefKey]*Expr{}
				}
				a.e.derefs[key] = e
			}
			if e == nil {
				a.e.all = true
				return
			}
			reads, all := e.Reads()
			a.e.all = a.e.all || all
			for _, r := range reads {
				a.read([]Read{{r.Node, a.schema.Root}})
			}
			if t.Target != nil {
				out = append(out, Read{t.Target, a.schema.Root})
			}
		}
	}
	for _, s := range spots {
		follow(s.Node, s.Node.Type, 0)
	}
	return a.read(out)
}

func (a *analysis) path(p *cpath, at []Read) []Read {
	switch {
	case p.start != nil:
		at = a.expr(p.start, at)
		a.predicates(p.predicates, at)
	case p.absolute:
		at = []Read{{a.schema.Root, a.schema.Root}}
	}
	for _, s := range p.steps {
		next := a.step(s, at)
		if len(next) == 0 && len(at) > 0 && s.test.kind == byName && a.loud && !a.e.all {
			a.e.warnings = append(a.e.warnings, "nothing is named "+s.test.String()+" there")
			a.loud = false
		}
		if s.axis == child && len(at) == 1 && len(next) == 1 && s.test.kind == byName {
			s.from, s.to = at[0].Node, next[0].Node
		}
		at = a.read(next)
		a.predicates(s.predicates, at)
	}
	return at
}

func (m matcher) String() string {
	if m.module == "" {
		return m.name
	}
	return m.module + ":" + m.name
}

func (a *analysis) predicates(ps []predicate, at []Read) {
	for _, p := range ps {
		spots := a.expr(p.x, at)
		if p.positional {
			a.value(spots)
		}
	}
}

// up is the parent in data: the input of an operation is its top, below the
// root or the node that has the action.
func up(n *yang.Node) *yang.Node {
	switch n.Kind {
	case yang.KindInput, yang.KindOutput, yang.KindNotification:
		if n.Kind != yang.KindNotification && n.Parent != nil {
			n = n.Parent
		}
		return n.DataParent
	}
	return n.DataParent
}

func (a *analysis) parent(s Read) (Read, bool) {
	if s.Node == a.schema.Root {
		return s, false
	}
	p := up(s.Node)
	if p == nil {
		p = a.schema.Root
	}
	if s.Apex == s.Node {
		return Read{p, p}, true
	}
	return Read{p, s.Apex}, true
}

func (a *analysis) step(s *cstep, at []Read) []Read {
	var out []Read
	seen := map[Read]bool{}
	add := func(r Read) {
		if !seen[r] && (s.test.kind == textNode || s.test.is(r.Node)) {
			seen[r] = true
			out = append(out, r)
		}
	}
	under := func(r Read) {
		for _, b := range below(r, nil) {
			add(b)
		}
		a.operation(r, add)
	}
	for _, r := range at {
		switch s.axis {
		case self:
			add(r)
		case parent:
			if p, ok := a.parent(r); ok {
				add(p)
			}
		case ancestor, ancestorOrSelf:
			if s.axis == ancestorOrSelf {
				add(r)
			}
			for p, ok := a.parent(r); ok; p, ok = a.parent(p) {
				add(p)
			}
		case child:
			for _, c := range r.Node.DataChildren {
				add(Read{c, r.Apex})
			}
			a.operation(r, add)
			if s.test.kind == textNode || s.test.kind == anyNode {
				add(r) // the text of a leaf
			}
		case descendantOrSelf:
			add(r)
			under(r)
		case descendant:
			under(r)
			if s.test.kind == textNode || s.test.kind == anyNode {
				add(r)
			}
		case followingSibling, precedingSibling:
			if p, ok := a.parent(r); ok {
				for _, c := range p.Node.DataChildren {
					add(Read{c, p.Apex})
				}
			}
		case following, preceding:
			under(Read{a.schema.Root, a.schema.Root})
		}
	}
	return out
}

// operation adds the operation of the context below the node that has it.
func (a *analysis) operation(r Read, add func(Read)) {
	for n := a.e.context; n != nil; n = n.DataParent {
		switch n.Kind {
		case yang.KindInput, yang.KindOutput, yang.KindNotification:
			p := up(n)
			if p == nil {
				p = a.schema.Root
			}
			if p == r.Node {
				add(Read{n, r.Apex})
			}
			return
		}
	}
}

func union(a, b []Read) []Read {
	seen := make(map[Read]bool, len(a)+len(b))
	out := make([]Read, 0, len(a)+len(b))
	for _, list := range [][]Read{a, b} {
		for _, r := range list {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}
