// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"strconv"
	"unicode/utf8"
)

// Limits of an expression.
const (
	maxSource = 64 << 10
	maxDepth  = 250    // nesting of parentheses, predicates and arguments
	maxNodes  = 20_000 // parts
)

// Parse reads an expression. The error is an *Error and says the column.
func Parse(source string) (*AST, error) {
	if len(source) > maxSource {
		return nil, &Error{Source: source, Column: 1, Reason: "it is longer than " + strconv.Itoa(maxSource) + " bytes"}
	}
	if !utf8.ValidString(source) {
		return nil, &Error{Source: source, Column: 1, Reason: "it is not valid UTF-8"}
	}
	p := &parser{lex: lexer{src: source}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected("the end")
	}
	return &AST{Source: source, root: n}, nil
}

type parser struct {
	lex   lexer
	tok   token // the next one
	ahead *token
	depth int
	nodes int
}

func (p *parser) advance() (err error) {
	if p.ahead != nil {
		p.tok, p.ahead = *p.ahead, nil
		return nil
	}
	p.tok, err = p.lex.next()
	return err
}

// peek is the token after the next one. The lexer's state is as after p.tok.
func (p *parser) peek() (token, error) {
	if p.ahead == nil {
		t, err := p.lex.next()
		if err != nil {
			return t, err
		}
		p.ahead = &t
	}
	return *p.ahead, nil
}

func (p *parser) is(sign string) bool { return p.tok.kind == tokSign && p.tok.text == sign }

func (p *parser) col() int { return column(p.lex.src, p.tok.pos) }

func (p *parser) unexpected(want string) error {
	if p.tok.kind == tokEnd {
		return p.lex.errorf(p.tok.pos, "it ends where %s is expected", want)
	}
	return p.lex.errorf(p.tok.pos, "%q where %s is expected", p.tok.text, want)
}

func (p *parser) expect(sign string) error {
	if !p.is(sign) {
		return p.unexpected(strconv.Quote(sign))
	}
	return p.advance()
}

// made counts the parts of the expression.
func (p *parser) made() error {
	if p.nodes++; p.nodes > maxNodes {
		return p.lex.errorf(p.tok.pos, "it has more than %d parts", maxNodes)
	}
	return nil
}

func (p *parser) expr() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.lex.errorf(p.tok.pos, "it is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	return p.binary(0)
}

// level returns the binary operators of a level of precedence, lowest first
// (XPath 3.4 and 3.5).
func level(i int) []string {
	switch i {
	case 0:
		return []string{"or"}
	case 1:
		return []string{"and"}
	case 2:
		return []string{"=", "!="}
	case 3:
		return []string{"<=", "<", ">=", ">"}
	case 4:
		return []string{"+", "-"}
	case 5:
		return []string{"*", "div", "mod"}
	}
	return nil
}

func (p *parser) binary(at int) (node, error) {
	ops := level(at)
	if ops == nil {
		return p.unary()
	}
	l, err := p.binary(at + 1)
	if err != nil {
		return nil, err
	}
	for chain := 0; p.tok.kind == tokSign; chain++ {
		op := ""
		for _, o := range ops {
			if p.tok.text == o {
				op = o
			}
		}
		if op == "" {
			break
		}
		if chain >= maxDepth*4 { // the tree leans left: its depth is the chain's length
			return nil, p.lex.errorf(p.tok.pos, "more than %d operators in a row", maxDepth*4)
		}
		col := p.col()
		if err := p.made(); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		r, err := p.binary(at + 1)
		if err != nil {
			return nil, err
		}
		l = &binary{op: op, l: l, r: r, col: col}
	}
	return l, nil
}

func (p *parser) unary() (node, error) {
	minus := 0
	for p.is("-") {
		minus++
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	n, err := p.union()
	if err != nil || minus == 0 {
		return n, err
	}
	n = &negate{n}
	if minus%2 == 0 {
		n = &negate{n}
	}
	return n, nil
}

func (p *parser) union() (node, error) {
	l, err := p.path()
	if err != nil {
		return nil, err
	}
	for chain := 0; p.is("|"); chain++ {
		if chain >= maxDepth*4 {
			return nil, p.lex.errorf(p.tok.pos, "more than %d operators in a row", maxDepth*4)
		}
		col := p.col()
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.made(); err != nil {
			return nil, err
		}
		r, err := p.path()
		if err != nil {
			return nil, err
		}
		l = &binary{op: "|", l: l, r: r, col: col}
	}
	return l, nil
}

// path is PathExpr (XPath 3.3): a location path, or a primary expression with
// predicates and steps.
func (p *parser) path() (node, error) {
	if err := p.made(); err != nil {
		return nil, err
	}
	out := &path{col: p.col()}
	filter := p.tok.kind == tokLiteral || p.tok.kind == tokNumber || p.is("(")
	if p.tok.kind == tokName && !p.tok.colon && p.tok.text != "*" && !nodeType(p.tok.text) {
		t, err := p.peek()
		if err != nil {
			return nil, err
		}
		filter = t.kind == tokSign && t.text == "("
	}
	if filter {
		primary, err := p.primary()
		if err != nil {
			return nil, err
		}
		if out.predicates, err = p.predicates(); err != nil {
			return nil, err
		}
		if len(out.predicates) == 0 && !p.is("/") && !p.is("//") {
			return primary, nil
		}
		out.start = primary
		for p.is("/") || p.is("//") {
			if err := p.slash(out); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch {
	case p.is("/"):
		out.absolute = true
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.stepAhead() {
			return out, nil // the root alone
		}
	case p.is("//"):
		out.absolute = true
		if err := p.slash(out); err != nil {
			return nil, err
		}
		return out, p.more(out)
	}
	s, err := p.step()
	if err != nil {
		return nil, err
	}
	out.steps = append(out.steps, s)
	return out, p.more(out)
}

func (p *parser) more(out *path) error {
	for p.is("/") || p.is("//") {
		if err := p.slash(out); err != nil {
			return err
		}
	}
	return nil
}

// slash reads / or // and the step behind it.
func (p *parser) slash(out *path) error {
	if p.is("//") { // XPath 2.5: /descendant-or-self::node()/
		out.steps = append(out.steps, &step{axis: descendantOrSelf, test: test{kind: "node"}, col: p.col()})
	}
	if err := p.advance(); err != nil {
		return err
	}
	s, err := p.step()
	if err != nil {
		return err
	}
	out.steps = append(out.steps, s)
	return p.made()
}

func (p *parser) stepAhead() bool {
	return p.tok.kind == tokName || p.is(".") || p.is("..") || p.is("@")
}

func (p *parser) step() (*step, error) {
	s := &step{col: p.col()}
	switch {
	case p.is("."), p.is(".."):
		s.axis, s.test.kind = self, "node"
		if p.is("..") {
			s.axis = parent
		}
		// XPath 2.5: an abbreviated step has no predicates.
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.is("[") {
			return nil, p.lex.errorf(p.tok.pos, "a predicate cannot follow . or ..; write self::node() or parent::node()")
		}
		return s, nil
	case p.is("@"):
		s.axis = attribute
		if err := p.advance(); err != nil {
			return nil, err
		}
	case p.tok.kind == tokName && !p.tok.colon:
		t, err := p.peek()
		if err != nil {
			return nil, err
		}
		if t.kind == tokSign && t.text == "::" {
			a, ok := axisOf(p.tok.text)
			if !ok {
				return nil, p.lex.errorf(p.tok.pos, "there is no axis %q", p.tok.text)
			}
			s.axis = a
			if err := p.advance(); err != nil {
				return nil, err
			}
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
	}
	if p.tok.kind != tokName {
		return nil, p.unexpected("a node name")
	}
	s.test.prefix, s.test.name = p.tok.prefix, p.tok.text
	isType := !p.tok.colon && nodeType(p.tok.text)
	if err := p.advance(); err != nil {
		return nil, err
	}
	if isType && p.is("(") {
		s.test = test{kind: s.test.name}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind == tokLiteral && s.test.kind == "processing-instruction" {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	var err error
	s.predicates, err = p.predicates()
	return s, err
}

func nodeType(name string) bool {
	switch name {
	case "node", "text", "comment", "processing-instruction":
		return true
	}
	return false
}

func (p *parser) predicates() ([]node, error) {
	var out []node
	for p.is("[") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.expr()
		if err != nil {
			return nil, err
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
		if err := p.made(); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func (p *parser) primary() (node, error) {
	t, col := p.tok, p.col()
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch t.kind {
	case tokLiteral:
		return literal(t.text), nil
	case tokNumber:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil && f == 0 { // out of range is infinity, as in XPath
			return nil, p.lex.errorf(t.pos, "%q is not a number", t.text)
		}
		return number(f), nil
	case tokSign: // "("
		n, err := p.expr()
		if err != nil {
			return nil, err
		}
		return n, p.expect(")")
	}
	// A function call.
	if err := p.expect("("); err != nil {
		return nil, err
	}
	c := &call{name: t.text, col: col}
	for !p.is(")") {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.expr()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	f, ok := function(c.name)
	if !ok {
		return nil, p.lex.errorf(t.pos, "there is no function %s()", c.name)
	}
	if n := len(c.args); n < f.min || n > f.max {
		return nil, p.lex.errorf(t.pos, "%s() takes %s, not %d", c.name, f.arity(), n)
	}
	return c, nil
}
