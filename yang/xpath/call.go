// SPDX-License-Identifier: Apache-2.0

package xpath

import (
	"math"
	"strings"
	"unicode/utf8"

	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// compare is XPath 3.4: with node-sets, whether any node makes it true.
func (r *run) compare(x *binary, f frame) bool {
	lset, rset := resultKind(x.l) == nodeSet, resultKind(x.r) == nodeSet
	switch {
	case lset && rset:
		return r.compareSets(x, f)
	case lset:
		return r.compareSet(x.op, x.l, r.eval(x.r, f), f)
	case rset:
		return r.compareSet(mirror(x.op), x.r, r.eval(x.l, f), f)
	}
	a, b := r.eval(x.l, f), r.eval(x.r, f)
	switch {
	case x.op != "=" && x.op != "!=":
		return numbers(x.op, a.Number(), b.Number())
	case a.kind == boolean || b.kind == boolean:
		return (a.Bool() == b.Bool()) == (x.op == "=")
	case a.kind == numeric || b.kind == numeric:
		return numbers(x.op, a.Number(), b.Number())
	}
	return (a.String() == b.String()) == (x.op == "=")
}

// compareSet compares a node-set with a value that is none.
func (r *run) compareSet(op string, set node, v Value, f frame) bool {
	if v.kind == boolean {
		b := r.truth(set, f)
		if op == "=" || op == "!=" {
			return (b == v.b) == (op == "=")
		}
		return numbers(op, boolValue(b).Number(), v.Number())
	}
	found := false
	r.any(set, f, func(n *Node) bool {
		s := n.String()
		switch {
		case op != "=" && op != "!=", v.kind == numeric:
			found = numbers(op, parseNumber(s), v.Number())
		default:
			equal := s == v.s
			if !equal {
				c, ok := r.e.names.canonical(n.Schema.Type, v.s)
				equal = ok && c == s
			}
			found = equal == (op == "=")
		}
		return !found && r.spend(1)
	})
	return found
}

func (r *run) compareSets(x *binary, f frame) bool {
	left := r.eval(x.l, f).nodes
	if len(left) == 0 {
		return false
	}
	found := false
	switch x.op {
	case "=":
		texts := make(map[string]bool, len(left))
		for _, n := range left {
			texts[n.String()] = true
		}
		r.any(x.r, f, func(n *Node) bool { found = texts[n.String()]; return !found && r.spend(1) })
	case "!=":
		// True unless all texts on both sides are one.
		first, mixed := left[0].String(), false
		for _, n := range left {
			mixed = mixed || n.String() != first
		}
		r.any(x.r, f, func(n *Node) bool { found = mixed || n.String() != first; return !found && r.spend(1) })
	default:
		// Only the extremes matter.
		lo, hi := math.Inf(1), math.Inf(-1)
		any := false
		for _, n := range left {
			if v := parseNumber(n.String()); !math.IsNaN(v) {
				lo, hi, any = min(lo, v), max(hi, v), true
			}
		}
		if !any {
			return false
		}
		r.any(x.r, f, func(n *Node) bool {
			v := parseNumber(n.String())
			found = numbers(x.op, lo, v) || numbers(x.op, hi, v)
			return !found && r.spend(1)
		})
	}
	return found
}

func mirror(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func numbers(op string, a, b float64) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

// call evaluates a function (XPath 4; RFC 7950, 10).
func (r *run) call(x *ccall, f frame) Value {
	arg := func(i int) Value { return r.eval(x.args[i], f) }
	// str is an argument as a string; without it, the context node.
	str := func(i int) string {
		if i < len(x.args) {
			return arg(i).String()
		}
		return f.n.String()
	}
	switch x.name {
	case "last":
		return numberValue(float64(f.size))
	case "position":
		return numberValue(float64(f.pos))
	case "count":
		return numberValue(r.count(x.args[0], f))
	case "sum":
		sum := 0.0
		for _, n := range arg(0).nodes {
			sum += parseNumber(n.String())
		}
		return numberValue(sum)
	case "floor":
		return numberValue(math.Floor(arg(0).Number()))
	case "ceiling":
		return numberValue(math.Ceil(arg(0).Number()))
	case "round":
		return numberValue(round(arg(0).Number()))
	case "number":
		if len(x.args) > 0 {
			return numberValue(arg(0).Number())
		}
		return numberValue(parseNumber(f.n.String()))
	case "string":
		return r.made(str(0))
	case "string-length":
		return numberValue(float64(utf8.RuneCountInString(str(0))))
	case "normalize-space":
		return r.made(strings.Join(strings.FieldsFunc(str(0), isSpace), " "))
	case "concat":
		var b strings.Builder
		for i := range x.args {
			s := str(i)
			if !r.spend(len(s) / 64) {
				break
			}
			b.WriteString(s)
		}
		return textValue(b.String())
	case "substring":
		length := math.Inf(1)
		if len(x.args) > 2 {
			length = round(arg(2).Number())
		}
		return r.made(substring(str(0), round(arg(1).Number()), length))
	case "substring-before":
		before, _, found := strings.Cut(str(0), str(1))
		if !found {
			before = ""
		}
		return textValue(before)
	case "substring-after":
		_, after, _ := strings.Cut(str(0), str(1))
		return textValue(after)
	case "translate":
		return r.made(translate(str(0), str(1), str(2)))
	case "starts-with":
		return boolValue(strings.HasPrefix(str(0), str(1)))
	case "contains":
		return boolValue(strings.Contains(str(0), str(1)))
	case "boolean":
		return boolValue(r.truth(x.args[0], f))
	case "not":
		return boolValue(!r.truth(x.args[0], f))
	case "true":
		return boolValue(true)
	case "false", "lang": // no xml:lang in data
		return boolValue(false)
	case "id": // no attributes of type ID in data
		return nodesValue(nil)
	case "current":
		return nodesValue([]*Node{r.c.Node})
	case "local-name", "name", "namespace-uri":
		n := f.n
		if len(x.args) > 0 {
			nodes := arg(0).nodes
			if len(nodes) == 0 {
				return textValue("")
			}
			n = nodes[0]
		}
		return textValue(nameOf(x.name, n))
	}
	return r.yangCall(x, f)
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// nameOf is XPath 4.1; the qualified name has the module's name as its prefix.
func nameOf(function string, n *Node) string {
	if n.text || n.Schema.Kind == yang.KindRoot {
		return ""
	}
	module, name := n.name()
	switch function {
	case "name":
		return module + ":" + name
	case "namespace-uri":
		s := n.Schema
		if s.Module == nil {
			s = s.Parent
		}
		return s.Module.Namespace
	}
	return name
}

// count need not visit entries where a path ends at a list without predicates.
func (r *run) count(x node, f frame) float64 {
	if p, ok := x.(*cpath); ok && len(p.steps) > 0 {
		k := len(p.steps) - 1
		last := p.steps[k]
		if last.axis == child && last.test.kind == byName && len(last.predicates) == 0 && last.to != nil &&
			last.to.Kind == yang.KindList {
			front := *p
			front.steps = p.steps[:k]
			n := 0
			for _, parent := range r.path(&front, f) {
				if _, other := r.altered(parent, last.to); other || parent.Schema != last.from {
					n = -1
					break
				}
				n += parent.Tree.List(last.to).Len()
			}
			if n >= 0 {
				return float64(n)
			}
		}
	}
	return float64(len(r.eval(x, f).nodes))
}

// substring takes the characters at positions from (1-based) to before
// from+length (XPath 4.2); NaN compares false.
func substring(s string, from, length float64) string {
	start, end := -1, len(s)
	pos := 0.0
	for i := range s {
		pos++
		in := pos >= from && pos < from+length
		if in && start < 0 {
			start = i
		}
		if !in && start >= 0 {
			end = i
			break
		}
	}
	if start < 0 {
		return ""
	}
	return s[start:end]
}

func translate(s, from, to string) string {
	target := []rune(to)
	table := map[rune]rune{}
	i := 0
	for _, c := range from {
		if _, twice := table[c]; !twice {
			table[c] = -1
			if i < len(target) {
				table[c] = target[i]
			}
		}
		i++
	}
	return strings.Map(func(c rune) rune {
		if t, ok := table[c]; ok {
			return t
		}
		return c
	}, s)
}

// yangCall is the functions of RFC 7950, 10.
func (r *run) yangCall(x *ccall, f frame) Value {
	switch x.name {
	case "re-match": // 10.2.1
		s, re := r.eval(x.args[0], f).String(), x.re
		if re == nil {
			var err error
			if re, err = value.TranslatePattern(r.eval(x.args[1], f).String()); err != nil {
				return r.fail("%w", err)
			}
			r.spend(1000)
		}
		r.spend(len(s) / 16)
		return boolValue(r.err == nil && re.MatchString(s))
	case "deref": // 10.3.1
		nodes := r.eval(x.args[0], f).nodes
		if len(nodes) == 0 {
			return nodesValue(nil)
		}
		return nodesValue(r.deref(nodes[0]))
	case "derived-from", "derived-from-or-self": // 10.4
		base := x.base
		if base == "" {
			var ok bool
			if base, ok = r.e.names.identity(r.eval(x.args[1], f).String()); !ok {
				return boolValue(false)
			}
		}
		found := false
		r.any(x.args[0], f, func(n *Node) bool {
			if n.Schema.Type != nil {
				id := value.Identity(n.Schema.Type, n.Value)
				found = id != nil && (derives(id, base) || x.name == "derived-from-or-self" && named(id, base))
			}
			return !found && r.spend(1)
		})
		return boolValue(found)
	case "enum-value": // 10.5.1
		nodes := r.eval(x.args[0], f).nodes
		if len(nodes) > 0 && nodes[0].Schema.Type != nil {
			if t := value.Resolve(nodes[0].Schema.Type, nodes[0].Value); t != nil {
				if e, ok := t.Enum(nodes[0].Value); ok && t.Base == yang.Enumeration {
					return numberValue(float64(e.Value))
				}
			}
		}
		return numberValue(math.NaN())
	case "bit-is-set": // 10.6.1
		nodes := r.eval(x.args[0], f).nodes
		bit := r.eval(x.args[1], f).String()
		if len(nodes) == 0 || nodes[0].Schema.Type == nil || !value.Identifier(bit) {
			return boolValue(false)
		}
		t := value.Resolve(nodes[0].Schema.Type, nodes[0].Value)
		return boolValue(t != nil && t.Base == yang.Bits && strings.Contains(" "+nodes[0].Value+" ", " "+bit+" "))
	}
	return r.fail("internal error: unknown function %q", x.name)
}

// identity is the name of an identity as module:name; "" as its module is any.
func (n names) identity(s string) (string, bool) {
	prefix, name, found := strings.Cut(strings.TrimSpace(s), ":")
	if !found {
		return n.def + ":" + prefix, true
	}
	module, ok := n.resolve(prefix)
	return module + ":" + name, ok
}

func named(id *yang.Identity, base string) bool {
	module, name, _ := strings.Cut(base, ":")
	return id.Name == name && (module == "" || id.Module.Name == module)
}

func derives(id *yang.Identity, base string) bool {
	for _, b := range id.Bases {
		if named(b, base) || derives(b, base) {
			return true
		}
	}
	return false
}

// deref follows a leafref or instance-identifier.
func (r *run) deref(n *Node) []*Node {
	if n.Schema.Type == nil || n.text {
		return nil
	}
	var out []*Node
	each := func(t *yang.Type) bool {
		switch t.Base {
		case yang.Leafref:
			if e := r.e.derefs[derefKey{t, n.Schema}]; e != nil {
				out = r.targets(e, n)
			}
		case yang.InstanceIdentifier:
			if target, ok := Instance(r.e.schema, r.root, n.Value); ok {
				out = []*Node{target}
			}
		}
		return len(out) == 0 && r.err == nil
	}
	references(n.Schema.Type, n.Value, each)
	return out
}

// references gives the leafrefs and instance-identifiers that a value of t may
// be of: t itself, or the members of a union.
func references(t *yang.Type, v string, yield func(*yang.Type) bool) bool {
	switch t.Base {
	case yang.Union:
		for _, m := range t.Union {
			if value.Valid(m, v) && !references(m, v, yield) {
				return false
			}
		}
		return true
	case yang.Leafref, yang.InstanceIdentifier:
		return yield(t)
	}
	return true
}

// targets evaluates the path of a leafref at n and keeps the nodes that have
// n's value.
func (r *run) targets(e *Expr, n *Node) []*Node {
	c := *r.c
	c.Node, c.Budget, c.Total, c.Scratch = n, max(r.left, 1), nil, nil
	inner, f := e.start(&c)
	inner.want = n.Value
	var out []*Node
	if e.find != nil {
		out = inner.path(e.find, f)
	} else {
		for _, m := range inner.eval(e.root, f).nodes {
			if m.String() == n.Value {
				out = append(out, m)
			}
		}
	}
	r.left = inner.left
	if inner.err != nil && r.err == nil {
		r.err = inner.err
	}
	return out
}
