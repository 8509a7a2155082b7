// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// Features are the if-feature expressions that a node depends on by itself:
// those of its own statement, and those of the uses, refine and augment
// statements that brought it (RFC 7950, 7.20.2), without those of the nodes
// above it. They all hold; each is there once.
func (t *Texts) Features(n *yang.Node) []string {
	p := t.Of(n)
	if p == nil { // a case that is only implied says nothing; its node does (RFC 7950, 7.9.2)
		return nil
	}
	out := p.IfFeatures()
	if p.Up != nil && p.Up.Stmt.Keyword == parse.Augment {
		out = append(out, p.Up.IfFeatures()...)
	}
	chain := t.uses(n, p)
	for i, u := range chain {
		if i == 0 && u.Up.Stmt.Keyword == parse.Augment {
			out = append(out, u.Up.IfFeatures()...)
		}
		out = append(out, u.IfFeatures()...)
	}
	return unique(append(out, t.refined(n)...))
}

// uses is the chain of uses statements, outermost first, that brought a node
// whose statement stands directly in a grouping.
func (t *Texts) uses(n *yang.Node, p *Place) []*Place {
	if p.Up == nil || p.Up.Stmt.Keyword != parse.Grouping {
		return nil
	}
	for _, host := range t.hosts(n) {
		if chain := t.chain(host, p.Up.Stmt, map[*parse.Statement]bool{}); chain != nil {
			return chain
		}
	}
	return nil
}

// hosts are the statements in which a uses can stand that brings n: that of its
// parent, the module's, and the augments of the parent.
func (t *Texts) hosts(n *yang.Node) []*Place {
	var out []*Place
	parent := n.Parent
	if parent != nil && parent.Kind == yang.KindCase && t.Of(parent) == nil {
		parent = parent.Parent
	}
	if parent == nil || parent.Kind == yang.KindRoot {
		return t.Tops(n.Module)
	}
	if p := t.Of(parent); p != nil {
		out = append(out, p)
	}
	for _, a := range t.Augments(n.Module) {
		if a.Target == parent {
			out = append(out, a.Place)
		}
	}
	for _, u := range t.around(parent) {
		for _, a := range u.uses.Sub(parse.Augment) {
			if u.below(a.Stmt.Argument) == parent {
				out = append(out, a)
			}
		}
	}
	return out
}

// user is a uses statement and one of the nodes that it brought.
type user struct {
	uses *Place
	top  *yang.Node
}

// around are the uses statements that brought n or nodes above it.
func (t *Texts) around(n *yang.Node) []user {
	var out []user
	for at := n; at != nil && at.Kind != yang.KindRoot; at = at.Parent {
		p := t.Of(at)
		if p == nil || p.Up == nil || p.Up.Stmt.Keyword != parse.Grouping {
			continue
		}
		hosts := t.Tops(at.Module)
		if at.Parent != nil && at.Parent.Kind != yang.KindRoot {
			hosts = nil
			if h := t.Of(at.Parent); h != nil {
				hosts = append(hosts, h)
			}
			for _, a := range t.Augments(at.Module) {
				if a.Target == at.Parent {
					hosts = append(hosts, a.Place)
				}
			}
		}
		for _, h := range hosts {
			for _, u := range t.chain(h, p.Up.Stmt, map[*parse.Statement]bool{}) {
				out = append(out, user{u, at})
			}
		}
	}
	return out
}

// below is the node that a relative path of a refine or augment names.
func (u user) below(path string) *yang.Node {
	steps, err := parse.SchemaPath(path)
	if err != nil || len(steps) == 0 || steps[0].Name != u.top.Name {
		return nil
	}
	n := u.top
	for _, st := range steps[1:] {
		if n = child(n, st.Name, n.Module); n == nil {
			return nil
		}
	}
	return n
}

// chain is the way from a statement to a grouping over uses statements.
func (t *Texts) chain(host *Place, grouping *parse.Statement, busy map[*parse.Statement]bool) []*Place {
	for _, u := range host.Sub(parse.Uses) {
		g := u.Grouping()
		if g == nil || busy[g.Stmt] {
			continue
		}
		if g.Stmt == grouping {
			return []*Place{u}
		}
		busy[g.Stmt] = true // a second way is as good as the first
		if rest := t.chain(g, grouping, busy); rest != nil {
			return append([]*Place{u}, rest...)
		}
	}
	return nil
}

// refined are the if-feature statements of refines of n (RFC 7950, 7.13.2).
func (t *Texts) refined(n *yang.Node) []string {
	var out []string
	for _, u := range t.around(n) {
		for _, r := range u.uses.Sub(parse.Refine) {
			if r.Stmt.First(parse.IfFeature) != nil && u.below(r.Stmt.Argument) == n {
				out = append(out, r.IfFeatures()...)
			}
		}
	}
	return out
}

// Augment is an augment statement at the top of a module.
type Augment struct {
	*Place
	Target *yang.Node // nil if it is not part of the schema
}

// Augments are the augment statements of a module, as written, those of
// structures (RFC 8791) included.
func (t *Texts) Augments(m *yang.Module) []Augment {
	if known, ok := t.augments[m]; ok {
		return known
	}
	var out []Augment
	for _, top := range t.Tops(m) {
		for i := range top.Stmt.Sub {
			s := &top.Stmt.Sub[i]
			_, name, _ := strings.Cut(s.Extension, ":")
			if s.Keyword == parse.Augment || s.Keyword == parse.Unknown && name == "augment-structure" {
				p := t.at(top, s)
				out = append(out, Augment{p, t.target(p)})
			}
		}
	}
	t.augments[m] = out
	return out
}

// target resolves the absolute path of an augment.
func (t *Texts) target(p *Place) *yang.Node {
	steps, err := parse.SchemaPath(p.Stmt.Argument)
	if err != nil || len(steps) == 0 {
		return nil
	}
	first := p.ByPrefix(steps[0].Prefix)
	if first == nil {
		return nil
	}
	if own := t.schema.Module(first.Name); own != nil {
		first = own
	}
	tops := [][]*yang.Node{t.schema.Root.Children, t.schema.RPCs, t.schema.Notifications}
	if p.Stmt.Keyword == parse.Unknown {
		tops = [][]*yang.Node{t.schema.Structures}
	}
	var n *yang.Node
	for _, list := range tops {
		for _, c := range list {
			if c.Name == steps[0].Name && c.Module == first {
				n = c
			}
		}
	}
	for _, st := range steps[1:] {
		m := p.ByPrefix(st.Prefix)
		if n == nil || m == nil {
			return nil
		}
		if own := t.schema.Module(m.Name); own != nil {
			m = own
		}
		n = child(n, st.Name, m)
	}
	return n
}

// child is a schema child, an action or a notification of a node.
func child(n *yang.Node, name string, m *yang.Module) *yang.Node {
	for _, list := range [][]*yang.Node{n.Children, n.Actions, n.Notifications} {
		for _, c := range list {
			if c.Name == name && c.Module == m {
				return c
			}
		}
	}
	return nil
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
