// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/origin"
	"nso.example/nso/yang/parse"
)

// module compares what is said of the module itself.
func (c *comparison) module() {
	old, new, pos := c.old.mod, c.new.mod, c.new.top()
	path := "module " + new.Name
	if old.Name != new.Name {
		c.forbid(path, pos, "11", "change the name of the module from %s: others import it by that name", old.Name)
	}
	root := c.new.root()
	if root == nil {
		return
	}
	at := func(k parse.Keyword) yang.Position {
		if s := root.Stmt.First(k); s != nil {
			return position(s)
		}
		return pos
	}
	if old.Namespace != new.Namespace {
		c.forbid(path, at(parse.Namespace), "11", "change the namespace from %s: all XML elements carry it", old.Namespace)
	}
	if old.Prefix != new.Prefix {
		c.allow(path, at(parse.Prefix), "changes the prefix from %s", old.Prefix)
	}
	published := map[string]bool{}
	if r := c.old.root(); r != nil {
		for s := range r.Stmt.All(parse.Revision) {
			published[s.Argument] = true
		}
	}
	first := root.Stmt.First(parse.Revision)
	switch {
	case first == nil:
		c.forbid(path, pos, "11", "publish a change without a revision statement: add one")
	case published[first.Argument]:
		c.forbid(path, position(first), "11", "publish a change without a new revision: add a revision statement before that of %s", first.Argument)
	case first.Argument < old.Revision:
		c.forbid(path, position(first), "7.1.9", "give the new revision the date %s: the old one has %s", first.Argument, old.Revision)
	}
}

func (s side) root() *origin.Place {
	if tops := s.texts.Tops(s.mod); len(tops) > 0 {
		return tops[0]
	}
	return nil
}

// definition are the statements at the top that are no nodes.
func (s side) definitions(k parse.Keyword) (names []string, byName map[string]*origin.Place) {
	byName = make(map[string]*origin.Place)
	for _, t := range s.texts.Tops(s.mod) {
		for _, p := range t.Sub(k) {
			if byName[p.Stmt.Argument] == nil {
				names = append(names, p.Stmt.Argument)
				byName[p.Stmt.Argument] = p
			}
		}
	}
	return names, byName
}

// definitions compares features, identities, extensions, and which typedefs
// and groupings there are; Probe says what is in those.
func (c *comparison) definitions() {
	for _, k := range []parse.Keyword{parse.Feature, parse.Identity, parse.Extension, parse.Typedef, parse.Grouping} {
		oldNames, olds := c.old.definitions(k)
		newNames, news := c.new.definitions(k)
		for _, name := range oldNames {
			path := k.String() + " " + name
			if news[name] == nil {
				c.forbid(path, c.new.top(), "11", "remove the %s %q: others may use it; %s", k, name, sObsolete)
				continue
			}
			c.definition(k, path, olds[name], news[name])
		}
		for _, name := range newNames {
			if olds[name] == nil {
				c.allow(k.String()+" "+name, position(news[name].Stmt), "adds the %s %q", k, name)
			}
		}
	}
}

func (c *comparison) definition(k parse.Keyword, path string, old, new *origin.Place) {
	pos := position(new.Stmt)
	c.statusText(path, old.Stmt, new.Stmt)
	switch k {
	case parse.Feature, parse.Identity:
		c.conditions(path, pos, k.String(), conditionsOf(old), conditionsOf(new), false)
	case parse.Extension:
		a, b := old.Stmt.First(parse.Argument), new.Stmt.First(parse.Argument)
		if (a == nil) != (b == nil) || a != nil && (a.Argument != b.Argument || a.Text(parse.YinElement) != b.Text(parse.YinElement)) {
			c.forbid(path, pos, "11", "change the argument of the extension: %s", sSemantics)
		}
	case parse.Typedef:
		c.typedefs[new.Stmt.Argument] = true
	}
	if k != parse.Identity {
		return
	}
	bases := func(p *origin.Place) (out []string) {
		for s := range p.Stmt.All(parse.Base) {
			out = append(out, absolute(p, s.Argument))
		}
		return out
	}
	before, after := bases(old), bases(new)
	for _, b := range before {
		if !slices.Contains(after, b) {
			c.forbid(path, pos, "11", "remove the base %s of the identity: a base may be added only", b)
		}
	}
	for _, b := range after {
		if !slices.Contains(before, b) {
			c.allow(path, pos, "adds the base %s", b)
		}
	}
}

// absolute is a name with its module, so that prefixes do not count.
func absolute(p *origin.Place, name string) string {
	prefix, local, found := strings.Cut(name, ":")
	if !found {
		prefix, local = "", name
	}
	m := p.ByPrefix(prefix)
	switch {
	case m == nil:
		return name
	case m == p.Module:
		return local
	}
	return m.Name + ":" + local
}

// conditionsOf are the if-feature expressions of a statement.
func conditionsOf(p *origin.Place) []string {
	out := p.IfFeatures()
	for i := range out {
		out[i] = absoluteFeatures(p, out[i])
	}
	return out
}

func absoluteFeatures(p *origin.Place, expr string) string {
	words := strings.FieldsFunc(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(expr), func(r rune) bool { return r == ' ' })
	for i, w := range words {
		if w != "(" && w != ")" {
			words[i] = absolute(p, w)
		}
	}
	return strings.Join(words, " ")
}

// conditions compares if-feature statements.
func (c *comparison) conditions(path string, pos yang.Position, what string, old, new []string, mandatory bool) {
	for _, f := range new {
		if !slices.Contains(old, f) {
			c.forbid(path, pos, "11", "make the %s depend on the feature %s: an if-feature may be removed only", what, f)
		}
	}
	for _, f := range old {
		switch {
		case slices.Contains(new, f):
		case mandatory:
			c.forbid(path, pos, "11", "remove the if-feature %s of a mandatory %s: servers without the feature would have to have it", f, what)
		default:
			c.allow(path, pos, "removes the if-feature %s", f)
		}
	}
}

// statusText compares the status statements of definitions.
func (c *comparison) statusText(path string, old, new *parse.Statement) {
	c.status(path, position(new), statusOf(old), statusOf(new))
	if d := new.First(parse.Description); plain(old.Text(parse.Description)) != plain(new.Text(parse.Description)) {
		pos := position(new)
		if d != nil {
			pos = position(d)
		}
		c.allow(path, pos, "changes the description, which must not change the meaning")
	}
}

func statusOf(s *parse.Statement) yang.Status {
	for st := yang.Current; st <= yang.Obsolete; st++ {
		if st.String() == s.Text(parse.Status) {
			return st
		}
	}
	return yang.Current
}

func (c *comparison) status(path string, pos yang.Position, old, new yang.Status) {
	switch {
	case new < old:
		c.forbid(path, pos, "11", "change the status from %s back to %s", old, new)
	case new > old:
		c.allow(path, pos, "changes the status from %s to %s", old, new)
	}
}
