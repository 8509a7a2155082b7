// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// What is in a text and not in the schema is an error all the same: what an
// if-feature takes out, and groupings that nobody uses. They are made into
// nodes as the others are, which are forgotten again. Paths are left alone:
// they may lead out of a grouping, and into modules that nobody implements.

// scratch makes the nodes of a draft for their errors.
func (c *compiler) scratch(d *draft, parent *yang.Node, in inherited) {
	nodes, leafrefs, slab, was := len(c.schema.Nodes), len(c.leafrefs), c.slab, c.scratching
	c.slab, c.scratching = nil, true
	c.node(d, parent, in)
	c.slab, c.scratching = slab, was
	for i := nodes; i < len(c.drafts); i++ {
		delete(c.kids, c.schema.Nodes[i])
		c.drafts[i].node = nil
	}
	c.schema.Nodes, c.drafts, c.leafrefs = c.schema.Nodes[:nodes], c.drafts[:nodes], c.leafrefs[:leafrefs]
}

// unusedGroupings checks the groupings that no implemented module uses.
func (c *compiler) unusedGroupings(mods []*module) {
	if len(c.errs) > 0 {
		return
	}
	for _, m := range mods {
		for _, u := range m.units {
			c.groupingsIn(u.root, m)
		}
	}
}

func (c *compiler) groupingsIn(s *parse.Statement, m *module) {
	for i := range s.Sub {
		d := &s.Sub[i]
		switch d.Keyword {
		case parse.Grouping:
			if g := c.grouped[d]; g != nil && !g.used {
				c.tryGrouping(g, m)
			}
			c.groupingsIn(d, m)
		case parse.Container, parse.List, parse.Choice, parse.Case, parse.Augment, parse.Rpc, parse.Action, parse.Input, parse.Output,
			parse.Notification:
			c.groupingsIn(d, m)
		}
	}
}

// tryGrouping checks one grouping by itself. As in a structure, a list needs no
// key: the grouping may be for state.
func (c *compiler) tryGrouping(g *grouping, m *module) {
	holder := &draft{kind: yang.KindStructure, name: g.stmt.Argument, mod: m, at: g.located}
	g.busy = true
	c.children(holder, g.stmt, g.sc, m, 0)
	g.busy = false
	if c.halted {
		return
	}
	c.scratch(holder, nil, inherited{config: true})
	c.tryDefaults(holder)
}

// tryDefaults checks the defaults below a draft as far as no leafref decides.
func (c *compiler) tryDefaults(d *draft) {
	if d.typ.stmt != nil && !d.disabled {
		if ct := c.typeOf(d.typ.stmt, d.typ.sc); ct != nil && !ct.leafref {
			for _, def := range d.defaults {
				if c.work(ct.t, def); c.halted {
					return
				}
				if _, err := c.canonical(ct.t, def); err != nil && c.importOnly(ct.t, def) == nil {
					c.fail(def.stmt, "%s", err)
				}
			}
		}
	}
	for _, k := range d.kids {
		c.tryDefaults(k)
	}
}
