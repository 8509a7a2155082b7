// SPDX-License-Identifier: Apache-2.0

package xpath

// AST is a parsed expression whose names have no meaning yet.
type AST struct {
	Source string
	root   node
}

// Prefixes returns the prefixes that the expression's names use, each once, in
// order of appearance.
func (a *AST) Prefixes() []string {
	var out []string
	seen := map[string]bool{"": true}
	walk(a.root, func(n node) {
		if p, ok := n.(*path); ok {
			for _, s := range p.steps {
				if !seen[s.test.prefix] {
					seen[s.test.prefix] = true
					out = append(out, s.test.prefix)
				}
			}
		}
	})
	return out
}

// node is an expression. The column counts from 1.
type node interface{}

type (
	// binary is l op r with op one of | or and = != < <= > >= + - * div mod.
	binary struct {
		op   string
		l, r node
		col  int
	}
	negate  struct{ x node }
	number  float64
	literal string
	call    struct {
		name string
		args []node
		col  int
	}
	// path is a location path, or a filter expression with a path behind it
	// (start and startPredicates).
	path struct {
		absolute   bool
		start      node
		predicates []node // of start
		steps      []*step
		col        int
	}
	step struct {
		axis       axis
		test       test
		predicates []node
		col        int
	}
	// test is a node test. name "*" matches every name; kind is "node",
	// "text", "comment" or "processing-instruction" for a node type, else "".
	test struct{ prefix, name, kind string }
)

type axis uint8

const (
	child axis = iota
	parent
	self
	descendant
	descendantOrSelf
	ancestor
	ancestorOrSelf
	followingSibling
	precedingSibling
	following
	preceding
	attribute
	namespace
)

func axisOf(name string) (axis, bool) {
	for i, n := range [...]string{"child", "parent", "self", "descendant", "descendant-or-self", "ancestor",
		"ancestor-or-self", "following-sibling", "preceding-sibling", "following", "preceding", "attribute",
		"namespace"} {
		if n == name {
			return axis(i), true
		}
	}
	return 0, false
}

// reverse reports whether positions on the axis count backwards (XPath 2.4).
func (a axis) reverse() bool {
	switch a {
	case parent, ancestor, ancestorOrSelf, preceding, precedingSibling:
		return true
	}
	return false
}

// walk calls f for n and everything below it.
func walk(n node, f func(node)) {
	f(n)
	switch n := n.(type) {
	case *binary:
		walk(n.l, f)
		walk(n.r, f)
	case *negate:
		walk(n.x, f)
	case *call:
		for _, a := range n.args {
			walk(a, f)
		}
	case *path:
		if n.start != nil {
			walk(n.start, f)
		}
		for _, p := range n.predicates {
			walk(p, f)
		}
		for _, s := range n.steps {
			for _, p := range s.predicates {
				walk(p, f)
			}
		}
	}
}
