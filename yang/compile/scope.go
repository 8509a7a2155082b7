// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// scope is where names of typedefs and groupings are looked up (RFC 7950, 5.5
// and 6.2.1): a statement that defines some, and outwards from there.
type scope struct {
	unit   *unit
	parent *scope // nil at the top of a text
	// What the statement defines; at the top the module has it.
	groupings map[string]*grouping
	typedefs  map[string]*typedef
}

// enter returns the scope inside s.
func (c *compiler) enter(sc *scope, s *parse.Statement) *scope {
	if in := c.scopes[s]; in != nil {
		return in
	}
	return sc
}

// located is a statement with the scope that its names are looked up in.
type located struct {
	stmt *parse.Statement
	sc   *scope
}

// grouping is a grouping and where it was defined.
type grouping struct {
	located // sc is the scope that the grouping stands in
	busy    bool
	used    bool
}

// typedef is a typedef and where it was defined.
type typedef struct {
	located
	state state
	ct    *ctype
}

// state is how far the work on something that may be circular has come.
type state uint8

const (
	fresh state = iota
	busy
	done
)

// split cuts a name at its prefix.
func split(ref string) (prefix, name string) {
	if p, n, ok := strings.Cut(ref, ":"); ok {
		return p, n
	}
	return "", ref
}

// module finds what a prefix stands for in the text of u, "" being the module
// itself. It fails at s if there is none.
func (c *compiler) module(u *unit, prefix string, s *parse.Statement) *module {
	if prefix == "" {
		return u.mod
	}
	m := u.prefixes[prefix]
	if m == nil {
		c.fail(s, "cannot find the prefix %q among the imports of %s", prefix, u.root.Argument)
	}
	return m
}

// definitions collects what all modules define at their top, and checks the
// names of what they define below it.
func (c *compiler) definitions() {
	for _, m := range c.modules {
		m.groupings, m.typedefs = make(map[string]*grouping), make(map[string]*typedef)
		m.features, m.identities = make(map[string]*feature), make(map[string]*identity)
		m.extensions = make(map[string]*parse.Statement)
		for _, u := range m.units {
			u.scope = &scope{unit: u}
			for i := range u.root.Sub {
				s := &u.root.Sub[i]
				twice := false
				m.aged = m.aged || statusOf(s) != yang.Current
				switch at := (located{s, u.scope}); s.Keyword {
				case parse.Grouping:
					_, twice = m.groupings[s.Argument]
					m.groupings[s.Argument] = &grouping{located: at}
					c.grouped[s] = m.groupings[s.Argument]
				case parse.Typedef:
					_, twice = m.typedefs[s.Argument]
					m.typedefs[s.Argument] = &typedef{located: at}
					c.typedefs[s] = m.typedefs[s.Argument]
					c.typedefName(s)
				case parse.Feature:
					_, twice = m.features[s.Argument]
					m.features[s.Argument] = &feature{located: at}
				case parse.Identity:
					_, twice = m.identities[s.Argument]
					m.identities[s.Argument] = c.newIdentity(m, at)
				case parse.Extension:
					_, twice = m.extensions[s.Argument]
					m.extensions[s.Argument] = s
				}
				if twice { // RFC 7950, 6.2.1
					c.fail(s, "cannot define the %s %q twice in the module", s.Keyword, s.Argument)
				}
			}
		}
		for _, u := range m.units {
			for i := range u.root.Sub {
				s := &u.root.Sub[i]
				if s.Keyword == parse.Unknown {
					prefix, name := split(s.Extension)
					if def := u.prefixes[prefix]; def == nil || carries(def, name) != carriesTemplate && carries(def, name) != carriesStructure {
						continue
					}
				}
				c.inner(s, u.scope)
			}
		}
	}
}

// inner registers the typedefs and groupings inside s, and refuses those that
// hide one of a scope around them (RFC 7950, 5.5).
func (c *compiler) inner(s *parse.Statement, sc *scope) {
	if len(s.Sub) == 0 {
		return
	}
	in := sc
	for i := range s.Sub {
		if k := s.Sub[i].Keyword; k == parse.Typedef || k == parse.Grouping {
			in = &scope{unit: sc.unit, parent: sc, groupings: make(map[string]*grouping), typedefs: make(map[string]*typedef)}
			c.scopes[s] = in
			break
		}
	}
	for i := range s.Sub {
		d := &s.Sub[i]
		switch d.Keyword {
		case parse.Typedef, parse.Grouping:
			m := sc.unit.mod
			m.aged = m.aged || statusOf(d) != yang.Current
		}
		switch d.Keyword {
		case parse.Typedef:
			c.typedefName(d)
			if old := c.lookupTypedef(in, d.Argument); old != nil {
				c.fail(d, "cannot define the typedef %q: line %d of %s does it already", d.Argument, old.stmt.Line, old.stmt.File.Name)
			}
			in.typedefs[d.Argument] = &typedef{located: located{d, in}}
			c.typedefs[d] = in.typedefs[d.Argument]
		case parse.Grouping:
			if old := c.lookupGrouping(in, d.Argument); old != nil {
				c.fail(d, "cannot define the grouping %q: line %d of %s does it already", d.Argument, old.stmt.Line, old.stmt.File.Name)
			}
			in.groupings[d.Argument] = &grouping{located: located{d, in}}
			c.grouped[d] = in.groupings[d.Argument]
		}
	}
	for i := range s.Sub {
		d := &s.Sub[i]
		switch d.Keyword {
		case parse.Grouping, parse.Container, parse.List, parse.Choice, parse.Case, parse.Augment, parse.Rpc, parse.Action, parse.Input,
			parse.Output, parse.Notification, parse.Uses:
			c.inner(d, in)
		}
	}
}

// typedefName: RFC 7950, 7.3: the names of built-in types are taken.
func (c *compiler) typedefName(s *parse.Statement) {
	if builtin(s.Argument) != 0 {
		c.fail(s, "cannot name a typedef %q: that is a built-in type", s.Argument)
	}
}

// lookupGrouping finds a grouping without prefix from the inside outwards.
func (c *compiler) lookupGrouping(sc *scope, name string) *grouping {
	for ; sc.parent != nil; sc = sc.parent {
		if g := sc.groupings[name]; g != nil {
			return g
		}
	}
	return sc.unit.mod.groupings[name]
}

// lookupTypedef is lookupGrouping for typedefs.
func (c *compiler) lookupTypedef(sc *scope, name string) *typedef {
	for ; sc.parent != nil; sc = sc.parent {
		if t := sc.typedefs[name]; t != nil {
			return t
		}
	}
	return sc.unit.mod.typedefs[name]
}

// findGrouping resolves the argument of a uses.
func (c *compiler) findGrouping(s *parse.Statement, sc *scope) *grouping {
	prefix, name := split(s.Argument)
	m := c.module(sc.unit, prefix, s)
	if m == nil {
		return nil
	}
	var g *grouping
	if m == sc.unit.mod {
		g = c.lookupGrouping(sc, name)
	} else {
		g = m.groupings[name]
	}
	if g == nil {
		c.fail(s, "cannot find the grouping %q in %s", s.Argument, m.ym.Name)
	}
	return g
}

// findTypedef resolves the name of a type.
func (c *compiler) findTypedef(s *parse.Statement, sc *scope) *typedef {
	prefix, name := split(s.Argument)
	m := c.module(sc.unit, prefix, s)
	if m == nil {
		return nil
	}
	var t *typedef
	if m == sc.unit.mod {
		t = c.lookupTypedef(sc, name)
	} else {
		t = m.typedefs[name]
	}
	if t == nil {
		c.fail(s, "cannot find the type %q in %s", s.Argument, m.ym.Name)
	}
	return t
}
