// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// statuses warns where a definition refers to one of the same module that is
// nearer to its end (RFC 7950, 7.21.2). It looks at the texts, so that every
// statement is looked at once, however often it is used.
func (c *compiler) statuses(mods []*module) {
	for _, m := range mods {
		if !m.aged {
			continue
		}
		for _, u := range m.units {
			c.statusesIn(u.root, u.scope, yang.Current)
		}
	}
}

// statusesIn looks at what is in s, whose status is in.
func (c *compiler) statusesIn(s *parse.Statement, sc *scope, in yang.Status) {
	sc = c.enter(sc, s)
	for i := range s.Sub {
		d := &s.Sub[i]
		own := max(in, statusOf(d))
		switch d.Keyword {
		case parse.Uses:
			if g := c.findGrouping(d, sc); g != nil {
				c.refers(d, "grouping", g.located, sc, own)
			}
		case parse.Type:
			if builtin(d.Argument) == 0 {
				if t := c.findTypedef(d, sc); t != nil {
					c.refers(d, "type", t.located, sc, in)
				}
			}
		case parse.Base:
			if id := c.findIdentity(d, sc.unit); id != nil {
				c.refers(d, "identity", id.located, sc, in)
			}
		case parse.IfFeature:
			e, err := parse.IfFeatureExpr(d.Argument)
			if err != nil {
				continue
			}
			_, _ = e.Eval(func(f parse.Step) (bool, error) { // asks for every feature
				if m := c.module(sc.unit, f.Prefix, d); m != nil && m.features[f.Name] != nil {
					c.refers(d, "feature", m.features[f.Name].located, sc, in)
				}
				return true, nil
			})
		}
		if len(d.Sub) > 0 && d.Keyword != parse.Unknown {
			c.statusesIn(d, sc, own)
		}
	}
}

// refers warns at s if what it refers to is nearer to its end than s is.
func (c *compiler) refers(s *parse.Statement, what string, to located, sc *scope, status yang.Status) {
	if other := statusOf(to.stmt); other > status && to.sc.unit.mod == sc.unit.mod {
		c.warn(s, "cannot use the %s %q, which is %s, in a definition that is %s", what, to.stmt.Argument, other, status)
	}
}

// refersTo is refers for a node.
func (c *compiler) refersTo(s *parse.Statement, from, to *yang.Node) {
	if to.Status > from.Status && to.Module == from.Module {
		c.warn(s, "cannot let %s, which is %s, refer to %s, which is %s", from.Path(), from.Status, to.Path(), to.Status)
	}
}
