// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"errors"
	"fmt"
	"math"

	"nso.example/nso/yang"
)

// DefaultBudget is how many steps an evaluation may take if its Context does
// not say: nodes looked at, and every 64 bytes of text made.
const DefaultBudget = 10_000_000

// ErrBudget is returned, wrapped with the expression, when an evaluation takes
// more steps than it may.
var ErrBudget = errors.New("it takes too many steps")

// Context is what an expression is evaluated in.
type Context struct {
	Node *Node // the context node, and what current() gives
	// Budget is the number of steps allowed; 0 is DefaultBudget.
	Budget int
	// Total, if not nil, is a budget that many evaluations share: what each
	// takes is taken from it.
	Total *int
	// ConfigOnly leaves nodes of state out that exist by default, as the
	// accessible tree of a constraint on configuration wants it.
	ConfigOnly bool
	// InUse is asked whether a node that exists by default and has "when"
	// statements does exist; nil is yes (RFC 7950, 7.21.5).
	InUse func(n *Node) bool
	// Scratch, if there is one, is memory that EvalBool and Exists use again.
	Scratch *Scratch
}

// Scratch spares evaluations that give no nodes their garbage. It is for one
// goroutine; a nested evaluation does without it.
type Scratch struct {
	busy  bool
	c     Context
	run   run
	nodes [64]Node
}

// run is one evaluation.
type run struct {
	e     *Expr
	c     *Context
	root  *Node
	op    *Node // the operation or notification that the context is in
	left  int
	given int
	err   error
	want  string
	slab  []Node
	depth int
	dummy Node // see alter
}

// frame is the context of a part: node, position and size (XPath 1).
type frame struct {
	n         *Node
	pos, size int
}

func (e *Expr) start(c *Context) (*run, frame) {
	r := &run{}
	return r, r.start(e, c)
}

func (r *run) start(e *Expr, c *Context) frame {
	*r = run{e: e, c: c, left: c.Budget}
	if r.left <= 0 {
		r.left = DefaultBudget
	}
	if c.Total != nil {
		r.left = min(r.left, *c.Total)
	}
	r.given = r.left
	r.alter()
	r.root = c.Node
	for r.root.Parent != nil {
		switch r.root.Schema.Kind {
		case yang.KindInput, yang.KindOutput, yang.KindNotification:
			r.op = r.root
		}
		r.root = r.root.Parent
	}
	return frame{n: c.Node, pos: 1, size: 1}
}

// borrow is start with the memory of a scratch that nobody else is using; the
// caller calls done.
func (e *Expr) borrow(c Context) (*run, frame) {
	s := c.Scratch
	if s == nil || s.busy {
		own := c
		own.Scratch = nil
		return e.start(&own)
	}
	s.busy, s.c = true, c
	f := s.run.start(e, &s.c)
	s.run.slab = s.nodes[:]
	return &s.run, f
}

// Clear forgets the trees that the last evaluations were about.
func (s *Scratch) Clear() { *s = Scratch{} }

func (r *run) done() error {
	err := r.result()
	if s := r.c.Scratch; s != nil && r == &s.run {
		s.busy = false
	}
	return err
}

func (r *run) result() error {
	if r.c.Total != nil {
		*r.c.Total -= r.given - r.left
	}
	if r.err == nil {
		return nil
	}
	return fmt.Errorf("cannot evaluate the XPath expression %q: %w", r.e.source, r.err)
}

// Eval evaluates the expression.
func (e *Expr) Eval(c Context) (Value, error) {
	r, f := e.start(&c)
	v := r.eval(e.root, f)
	if err := r.result(); err != nil {
		return Value{}, err
	}
	return v, nil
}

// EvalBool is boolean() of the expression; it stops at the first node that
// makes it true.
func (e *Expr) EvalBool(c Context) (bool, error) {
	r, f := e.borrow(c)
	b := r.truth(e.root, f)
	if err := r.done(); err != nil {
		return false, err
	}
	return b, nil
}

// EvalNodes evaluates an expression that gives a node-set.
func (e *Expr) EvalNodes(c Context) ([]*Node, error) {
	v, err := e.Eval(c)
	if err != nil {
		return nil, err
	}
	if !v.IsNodes() {
		return nil, fmt.Errorf("cannot use the XPath expression %q: it gives a %s, not nodes", e.source, v.kind)
	}
	return v.nodes, nil
}

// Find returns the first node of the expression's node-set whose value is the
// one given, or nil: the target of a leafref. It is a look-up where the path
// ends at the key of a list.
func (e *Expr) Find(c Context, value string) (*Node, error) {
	r, f := e.start(&c)
	var found *Node
	r.search(f, value, func(n *Node) { found = n })
	return found, r.result()
}

// Exists reports whether Find finds a node.
func (e *Expr) Exists(c Context, value string) (bool, error) {
	r, f := e.borrow(c)
	found := false
	r.search(f, value, func(*Node) { found = true })
	return found, r.done()
}

func (r *run) search(f frame, value string, found func(*Node)) {
	take := func(n *Node) bool {
		if n.String() != value {
			return true
		}
		found(n)
		return false
	}
	if r.want = value; r.e.find != nil {
		r.each(r.e.find, f, take)
	} else {
		r.any(r.e.root, f, take)
	}
}

func (k kind) String() string { return [...]string{"node-set", "boolean", "number", "string"}[k] }

// spend takes steps from the budget; false means that it is gone.
func (r *run) spend(n int) bool {
	if r.left -= n; r.left < 0 && r.err == nil {
		r.err = ErrBudget
	}
	return r.err == nil
}

// made charges for a text.
func (r *run) made(s string) Value {
	r.spend(len(s) / 64)
	return textValue(s)
}

func (r *run) fail(format string, args ...any) Value {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	return Value{}
}

func (r *run) eval(x node, f frame) Value {
	if !r.spend(1) {
		return Value{}
	}
	switch x := x.(type) {
	case literal:
		return textValue(string(x))
	case wanted:
		return textValue(r.want)
	case number:
		return numberValue(float64(x))
	case *negate:
		return numberValue(-r.eval(x.x, f).Number())
	case *cpath:
		return nodesValue(r.path(x, f))
	case *ccall:
		return r.call(x, f)
	case *binary:
		return r.binary(x, f)
	}
	return r.fail("internal error: unknown part %T", x)
}

func (r *run) binary(x *binary, f frame) Value {
	switch x.op {
	case "or":
		return boolValue(r.truth(x.l, f) || r.truth(x.r, f))
	case "and":
		return boolValue(r.truth(x.l, f) && r.truth(x.r, f))
	case "=", "!=", "<", "<=", ">", ">=":
		return boolValue(r.compare(x, f))
	case "|":
		l, u := r.eval(x.l, f), r.eval(x.r, f)
		if l.kind != nodeSet || u.kind != nodeSet {
			return r.fail("one side of | is not a node-set")
		}
		out := append(append(make([]*Node, 0, len(l.nodes)+len(u.nodes)), l.nodes...), u.nodes...)
		return nodesValue(r.arrange(out))
	}
	a, b := r.eval(x.l, f).Number(), r.eval(x.r, f).Number()
	switch x.op {
	case "+":
		return numberValue(a + b)
	case "-":
		return numberValue(a - b)
	case "*":
		return numberValue(a * b)
	case "div":
		return numberValue(a / b)
	case "mod":
		return numberValue(math.Mod(a, b)) // truncating, sign of a: as XPath 3.5
	}
	return r.fail("internal error: unknown operator %q", x.op)
}

// truth is boolean(x).
func (r *run) truth(x node, f frame) bool {
	if p, ok := x.(*cpath); ok {
		found := false
		r.each(p, f, func(*Node) bool { found = true; return false })
		return found
	}
	return r.eval(x, f).Bool()
}

// any gives the nodes of x, in any order, until yield returns false.
func (r *run) any(x node, f frame, yield func(*Node) bool) {
	if p, ok := x.(*cpath); ok {
		r.each(p, f, yield)
		return
	}
	for _, n := range r.eval(x, f).nodes {
		if !yield(n) {
			return
		}
	}
}

// each is any for a path: depth first where no node can come twice.
func (r *run) each(p *cpath, f frame, yield func(*Node) bool) {
	if !p.stream || p.start != nil {
		for _, n := range r.path(p, f) {
			if !yield(n) {
				return
			}
		}
		return
	}
	n := f.n
	if p.absolute {
		n = r.root
	}
	r.walk(p.steps, n, yield)
}

func (r *run) walk(steps []*cstep, n *Node, yield func(*Node) bool) bool {
	if len(steps) == 0 {
		return yield(n)
	}
	s, rest := steps[0], steps[1:]
	used := uint64(0)
	return r.axis(s, n, &used, func(c *Node) bool {
		for i := range s.predicates {
			if used&(1<<min(i, 63)) == 0 || i >= 63 {
				if !r.truth(s.predicates[i].x, frame{c, 1, 1}) {
					return r.err == nil
				}
			}
		}
		return r.walk(rest, c, yield)
	})
}

// path evaluates a path to a node-set in document order.
func (r *run) path(p *cpath, f frame) []*Node {
	var nodes []*Node
	flat := true // all at one depth
	switch {
	case p.start != nil:
		v := r.eval(p.start, f)
		if v.kind != nodeSet {
			r.fail("a step follows what is not a node-set")
			return nil
		}
		if nodes = v.nodes; len(p.predicates) > 0 {
			nodes = r.filter(p.predicates, 0, append([]*Node{}, nodes...))
		}
		for _, n := range nodes {
			flat = flat && n.depth == nodes[0].depth
		}
	case p.absolute:
		nodes = []*Node{r.root}
	default:
		nodes = []*Node{f.n}
	}
	for _, s := range p.steps {
		if len(nodes) == 0 || r.err != nil {
			return nil
		}
		nodes, flat = r.step(s, nodes, flat)
	}
	return nodes
}

// step takes one step from every node. flat says that the nodes are all at one
// depth, and so none is above another.
func (r *run) step(s *cstep, nodes []*Node, flat bool) ([]*Node, bool) {
	if s.axis == self && s.test.kind == anyNode && len(s.predicates) == 0 {
		return nodes, flat
	}
	single := len(nodes) == 1
	var out, some []*Node
	for _, n := range nodes {
		used := uint64(0)
		some = some[:0]
		r.axis(s, n, &used, func(c *Node) bool {
			some = append(some, c)
			return true
		})
		if r.err != nil {
			return nil, false
		}
		if used != 0 && len(some) > 1 {
			some = r.arrange(some)
		}
		if len(s.predicates) > 0 {
			some = r.filter(s.predicates, used, some)
		}
		if s.axis.reverse() {
			for i, j := 0, len(some)-1; i < j; i, j = i+1, j-1 {
				some[i], some[j] = some[j], some[i]
			}
		}
		if single {
			out = some
		} else {
			out = append(out, some...)
		}
	}
	switch s.axis {
	case self:
		return out, flat
	case child:
		if !flat {
			out = r.arrange(out)
		}
		return out, flat
	case parent:
		if flat { // those of one parent stand together
			k := 0
			for _, n := range out {
				if k == 0 || !same(out[k-1], n) {
					out[k] = n
					k++
				}
			}
			return out[:k], true
		}
		return r.arrange(out), false
	case followingSibling, precedingSibling:
		if !single {
			out = r.arrange(out)
		}
		return out, flat
	case descendant, descendantOrSelf:
		if !flat {
			out = r.arrange(out)
		}
		return out, false
	}
	if !single {
		out = r.arrange(out)
	}
	return out, false
}

// filter keeps the nodes that all predicates hold for, those marked in used
// excepted. Nodes are in the order of the axis; on a reverse axis that is
// against the document.
func (r *run) filter(ps []predicate, used uint64, nodes []*Node) []*Node {
	for i := range ps {
		if i < 63 && used&(1<<i) != 0 {
			continue
		}
		p := &ps[i]
		k := 0
		for j, n := range nodes {
			f := frame{n: n, pos: j + 1, size: len(nodes)}
			keep := false
			if !p.positional {
				keep = r.truth(p.x, f)
			} else if v := r.eval(p.x, f); v.kind == numeric {
				keep = v.n == float64(f.pos) // XPath 2.4
			} else {
				keep = v.Bool()
			}
			if r.err != nil {
				return nil
			}
			if keep {
				nodes[k] = n
				k++
			}
		}
		nodes = nodes[:k]
	}
	return nodes
}

// new takes a Node from the slab.
func (r *run) new(parent *Node, s *yang.Node) *Node {
	if len(r.slab) == 0 {
		size := 8
		if r.depth > 2 {
			size = 256
		}
		r.depth++
		r.slab = make([]Node, size)
	}
	n := &r.slab[0]
	r.slab = r.slab[1:]
	*n = Node{Parent: parent, Schema: s, depth: parent.depth + 1}
	return n
}
