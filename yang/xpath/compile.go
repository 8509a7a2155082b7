// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"fmt"
	"regexp"

	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// Expr is an expression resolved against a schema. It is immutable.
type Expr struct {
	source   string
	schema   *yang.Schema
	root     node
	context  *yang.Node
	names    names
	find     *cpath // for Find: root with the wanted value as a predicate
	derefs   map[derefKey]*Expr
	reads    []Read
	all      bool
	warnings []string
	// dummy and without are how a "when" alters the tree that it sees.
	dummy   bool
	without []*yang.Node
}

// derefKey is a leafref type at a leaf: its path begins at the leaf.
type derefKey struct {
	t    *yang.Type
	leaf *yang.Node
}

// names is the meaning of prefixes. It resolves prefixes inside values too.
type names struct {
	resolve func(prefix string) (module string, ok bool)
	def     string // module of a name without prefix, "" for any
}

// Module makes names a value.Resolver.
func (n names) Module(prefix string) (string, bool) {
	if prefix == "" {
		return n.def, true
	}
	return n.resolve(prefix)
}

// Source is the text of the expression.
func (e *Expr) Source() string { return e.source }

// Context is the schema node that the expression was compiled for.
func (e *Expr) Context() *yang.Node { return e.context }

// Warnings says which steps name nothing that the schema has.
func (e *Expr) Warnings() []string { return e.warnings }

// Compiled forms of the parts that need more than their syntax. The other
// parts stay as Parse made them.
type (
	cpath struct {
		absolute   bool
		start      node
		predicates []predicate
		steps      []*cstep
		// stream: steps can be walked depth first without finding a node twice.
		stream bool
	}
	cstep struct {
		axis       axis
		test       matcher
		predicates []predicate
		keyed      int // so many predicates at the front may name keys
		// The one schema node that the step comes from and goes to, if it is
		// known; nil otherwise.
		from, to *yang.Node
		// reach is what the test of a descendant step is for or has something
		// below it that the test is for; nil if that is not worth knowing.
		reach above
	}
	matcher struct {
		kind   tester
		module string // "" is any
		name   string
	}
	predicate struct {
		x          node
		positional bool
		key        *keyTest
	}
	// keyTest is a predicate name = value, or . = value, whose value does not
	// depend on the node that the predicate is asked of.
	keyTest struct {
		module, name string // name "" is the node itself
		value        node
	}
	// wanted is the value that Find looks for.
	wanted struct{}
	// ccall is a call with what could be prepared.
	ccall struct {
		*call
		re   *regexp.Regexp // re-match with a literal pattern
		base string         // derived-from with a literal identity: module:name
	}
)

type tester uint8

const (
	byName tester = iota
	anyElement
	anyNode
	textNode
	nothing
)

// Compile resolves an expression of the schema: prefixes are those of
// x.Module, names without prefix belong to x.Default (RFC 7950, 6.4.1).
func Compile(schema *yang.Schema, x *yang.XPath) (*Expr, error) {
	return compileIn(schema, x, 0)
}

func compileIn(schema *yang.Schema, x *yang.XPath, nesting int) (*Expr, error) {
	def := x.Default
	if def == nil {
		def = x.Module
	}
	n := names{resolve: func(prefix string) (string, bool) {
		m := x.Module.Imports[prefix]
		if m == nil && prefix == x.Module.Prefix {
			m = x.Module
		}
		if m == nil {
			return "", false
		}
		return m.Name, true
	}, def: def.Name}
	context := x.Context
	if context == nil {
		context = schema.Root
	}
	return compile(schema, x.Source, n, context, nesting)
}

// CompileText resolves an expression of a client, to be evaluated at the root
// or anywhere else. resolve gives the module of a prefix; names without prefix
// belong to defaultModule, or with "" to any module.
func CompileText(schema *yang.Schema, text string, resolve func(prefix string) (module string, ok bool), defaultModule string) (*Expr, error) {
	return compile(schema, text, names{resolve, defaultModule}, schema.Root, 0)
}

// CompileAt is CompileText with the schema node that the expression will be
// evaluated at, which makes Reads exact.
func CompileAt(schema *yang.Schema, context *yang.Node, text string, resolve func(prefix string) (module string, ok bool), defaultModule string) (*Expr, error) {
	return compile(schema, text, names{resolve, defaultModule}, context, 0)
}

// maxNesting bounds leafrefs whose path derefs a leafref.
const maxNesting = 8

func compile(schema *yang.Schema, source string, n names, context *yang.Node, nesting int) (*Expr, error) {
	a, err := Parse(source)
	if err != nil {
		return nil, err
	}
	c := &compiler{source: source, schema: schema, names: n}
	e := &Expr{source: source, schema: schema, root: c.expr(a.root), context: context, names: n}
	if c.err != nil {
		return nil, c.err
	}
	e.find = c.finder(a.root)
	an := newAnalysis(schema, e, nesting)
	an.run()
	if an.err != nil {
		return nil, an.err
	}
	return e, nil
}

type compiler struct {
	source string
	schema *yang.Schema
	names  names
	err    error
}

func (c *compiler) fail(col int, format string, args ...any) {
	if c.err == nil {
		c.err = &Error{Source: c.source, Column: col, Reason: fmt.Sprintf(format, args...)}
	}
}

func (c *compiler) expr(n node) node {
	switch n := n.(type) {
	case *binary:
		return &binary{op: n.op, l: c.expr(n.l), r: c.expr(n.r), col: n.col}
	case *negate:
		return &negate{c.expr(n.x)}
	case *call:
		return c.call(n)
	case *path:
		return c.path(n)
	}
	return n
}

func (c *compiler) call(n *call) node {
	out := &ccall{call: &call{name: n.name, col: n.col, args: make([]node, len(n.args))}}
	for i, a := range n.args {
		out.args[i] = c.expr(a)
	}
	f, _ := function(n.name)
	switch n.name {
	case "count", "sum", "deref", "enum-value", "bit-is-set", "derived-from", "derived-from-or-self":
		if resultKind(n.args[0]) != nodeSet {
			c.fail(n.col, "the first argument of %s() is not a node-set", n.name)
		}
	case "re-match":
		if p, ok := n.args[1].(literal); ok {
			re, err := value.TranslatePattern(string(p))
			if err != nil {
				c.fail(n.col, "%s", err)
			}
			out.re = re
		}
	case "local-name", "namespace-uri", "name":
		if len(n.args) > 0 && resultKind(n.args[0]) != nodeSet {
			c.fail(n.col, "the argument of %s() is not a node-set", n.name)
		}
	}
	if f.result == boolean && len(n.args) == 2 && (n.name == "derived-from" || n.name == "derived-from-or-self") {
		if id, ok := n.args[1].(literal); ok {
			base, ok := c.names.identity(string(id))
			if !ok {
				c.fail(n.col, "the prefix of identity %q is not declared", string(id))
			}
			out.base = base
		}
	}
	return out
}

func (c *compiler) path(n *path) *cpath {
	out := &cpath{absolute: n.absolute}
	if n.start != nil {
		if resultKind(n.start) != nodeSet {
			c.fail(n.col, "a predicate or step follows what is not a node-set")
		}
		out.start = c.expr(n.start)
		out.predicates = c.predicates(n.predicates)
	}
	for i, s := range n.steps {
		next := &cstep{axis: s.axis, test: c.test(s), predicates: c.predicates(s.predicates)}
		next.keyed = keyed(next.predicates)
		// a//b is a/descendant::b unless positions are counted (XPath 2.5).
		if k := len(out.steps); k > 0 && i > 0 && next.axis == child && !positional(next.predicates) {
			if last := out.steps[k-1]; last.axis == descendantOrSelf && last.test.kind == anyNode && len(last.predicates) == 0 {
				next.axis = descendant
				out.steps = out.steps[:k-1]
			}
		}
		out.steps = append(out.steps, next)
	}
	for _, s := range out.steps {
		if (s.axis == descendant || s.axis == descendantOrSelf) && s.test.kind == byName {
			s.reach = c.reach(&s.test)
		}
	}
	out.stream = streams(out)
	return out
}

// above is a set of schema nodes: a bit for each ID.
type above []uint64

func (a above) has(n *yang.Node) bool { return a[n.ID/64]&(1<<(n.ID%64)) != 0 }

// reach is the schema nodes that a test is for and everything above them.
func (c *compiler) reach(m *matcher) above {
	a := make(above, len(c.schema.Nodes)/64+1)
	for _, n := range c.schema.Nodes {
		if n.Name != m.name || !m.is(n) {
			continue
		}
		for p := n; p != nil && !a.has(p); p = p.DataParent {
			a[p.ID/64] |= 1 << (p.ID % 64)
		}
	}
	return a
}

// streams reports whether the steps after the first ones up can be walked depth
// first without meeting a node twice. Positions need the whole set.
func streams(p *cpath) bool {
	down, descended := false, false
	for _, s := range p.steps {
		switch s.axis {
		case self:
		case parent:
			if down {
				return false
			}
		case child:
			down = true
		case descendant, descendantOrSelf:
			if descended {
				return false
			}
			down, descended = true, true
		default:
			return false
		}
		if positional(s.predicates) {
			return false
		}
	}
	return true
}

func positional(ps []predicate) bool {
	for _, p := range ps {
		if p.positional {
			return true
		}
	}
	return false
}

func (c *compiler) test(s *step) matcher {
	m := matcher{name: s.test.name}
	switch s.test.kind {
	case "node":
		m.kind = anyNode
		return m
	case "text":
		m.kind = textNode
		return m
	case "comment", "processing-instruction":
		m.kind = nothing
		return m
	}
	if s.axis == attribute || s.axis == namespace {
		m.kind = nothing
	}
	if s.test.prefix != "" {
		module, ok := c.names.resolve(s.test.prefix)
		if !ok {
			c.fail(s.col, "the prefix %q is not declared", s.test.prefix)
		}
		m.module = module
	} else if s.test.name != "*" {
		m.module = c.names.def
	}
	if s.test.name == "*" && m.kind == byName {
		m.kind = anyElement
	}
	return m
}

func (c *compiler) predicates(ns []node) []predicate {
	var out []predicate
	for _, n := range ns {
		parts := conjuncts(n, nil)
		if usesPosition(n) { // every conjunct counts in the same set
			parts = []node{n}
		}
		for _, part := range parts {
			p := predicate{positional: resultKind(part) == numeric || usesPosition(part)}
			if len(parts) > 1 && resultKind(part) == numeric {
				part = &call{name: "boolean", args: []node{part}}
				p.positional = usesPosition(part)
			}
			p.x = c.expr(part)
			p.key = c.keyTest(part)
			out = append(out, p)
		}
	}
	return out
}

// conjuncts takes a and b and c apart.
func conjuncts(n node, out []node) []node {
	if b, ok := n.(*binary); ok && b.op == "and" {
		return conjuncts(b.r, conjuncts(b.l, out))
	}
	return append(out, n)
}

// keyed is how many predicates stand before the first that counts positions:
// their order does not matter.
func keyed(ps []predicate) int {
	for i, p := range ps {
		if p.positional {
			return i
		}
	}
	return len(ps)
}

func (c *compiler) keyTest(n node) *keyTest {
	b, ok := n.(*binary)
	if !ok || b.op != "=" {
		return nil
	}
	l, r := b.l, b.r
	if contextFree(l) {
		l, r = r, l
	}
	p, ok := l.(*path)
	if !ok || !contextFree(r) || p.absolute || p.start != nil || len(p.steps) != 1 || len(p.steps[0].predicates) > 0 {
		return nil
	}
	s := p.steps[0]
	switch {
	case s.axis == self && s.test.kind == "node":
		return &keyTest{value: c.expr(r)}
	case s.axis == child && s.test.kind == "" && s.test.name != "*":
		m := c.test(s)
		return &keyTest{module: m.module, name: m.name, value: c.expr(r)}
	}
	return nil
}

// contextFree reports whether n has the same value for every context node.
func contextFree(n node) bool {
	switch n := n.(type) {
	case number, literal, wanted:
		return true
	case *binary:
		return contextFree(n.l) && contextFree(n.r)
	case *negate:
		return contextFree(n.x)
	case *path:
		return n.absolute || n.start != nil && contextFree(n.start)
	case *call:
		if n.name == "current" || n.name == "true" || n.name == "false" {
			return true
		}
		if len(n.args) == 0 || n.name == "lang" || n.name == "id" {
			return false
		}
		for _, a := range n.args {
			if !contextFree(a) {
				return false
			}
		}
		return true
	}
	return false
}

// usesPosition reports whether n calls position() or last() for its own
// context.
func usesPosition(n node) bool {
	switch n := n.(type) {
	case *binary:
		return usesPosition(n.l) || usesPosition(n.r)
	case *negate:
		return usesPosition(n.x)
	case *call:
		if n.name == "position" || n.name == "last" {
			return true
		}
		for _, a := range n.args {
			if usesPosition(a) {
				return true
			}
		}
	case *path:
		return n.start != nil && usesPosition(n.start)
	}
	return false
}

// finder is the path with the wanted value as a predicate: on the list if the
// last step is a leaf in it, so that a leafref to a key is a look-up, else on
// the last step itself.
func (c *compiler) finder(n node) *cpath {
	p, ok := n.(*path)
	if !ok || len(p.steps) == 0 {
		return nil
	}
	k := len(p.steps) - 1
	last := p.steps[k]
	if last.axis != child || last.test.kind != "" || len(last.predicates) > 0 {
		return nil
	}
	want := func(l *step) *binary {
		return &binary{op: "=", l: &path{steps: []*step{l}}, r: wanted{}}
	}
	steps := append([]*step{}, p.steps...)
	itself := *last
	itself.predicates = []node{want(&step{axis: self, test: test{kind: "node"}})}
	steps[k] = &itself
	if k > 0 && steps[k-1].axis == child && !positional(c.predicates(steps[k-1].predicates)) {
		list := *steps[k-1]
		list.predicates = append(append([]node{}, list.predicates...), want(last))
		steps[k-1] = &list
	}
	return c.path(&path{absolute: p.absolute, start: p.start, predicates: p.predicates, steps: steps})
}
