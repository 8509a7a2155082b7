// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// carried are the extensions that carry YANG statements and stand at the top
// of a module.
type carried uint8

const (
	carriesNothing carried = iota
	carriesTemplate
	carriesStructure
	carriesAugment
	carriesAnnotation
)

func carries(m *module, name string) carried {
	switch m.ym.Name + ":" + name {
	case "ietf-restconf:yang-data": // RFC 8040, 8
		return carriesTemplate
	case "ietf-yang-structure-ext:structure": // RFC 8791
		return carriesStructure
	case "ietf-yang-structure-ext:augment-structure":
		return carriesAugment
	case "ietf-yang-metadata:annotation": // RFC 7952
		return carriesAnnotation
	}
	return carriesNothing
}

// carriers are the uses of extensions at the top of a text that carry what is
// asked for.
func (c *compiler) carriers(u *unit, what carried) []*parse.Statement {
	var out []*parse.Statement
	for i := range u.root.Sub {
		s := &u.root.Sub[i]
		if s.Keyword != parse.Unknown {
			continue
		}
		if def, name := c.extension(located{s, u.scope}); def != nil && carries(def, name) == what {
			out = append(out, s)
		}
	}
	return out
}

// holds checks what is in such a use: as in the statement that it is like, but
// for what is left out.
func (c *compiler) holds(s *parse.Statement, like parse.Keyword, without ...parse.Keyword) bool {
	if errs := parse.CheckAs(s, like); len(errs) > 0 {
		c.addErrors(errs)
		return false
	}
	for i := range s.Sub {
		if d := &s.Sub[i]; slices.Contains(without, d.Keyword) {
			c.fail(d, "cannot use %s in %s", d.Name(), s.Extension)
			return false
		}
	}
	return true
}

// structures drafts the structures of a text. Their names are in the name
// space of data nodes (RFC 8791, 3): see structureNames.
func (c *compiler) structures(m *module, u *unit) {
	for _, s := range c.carriers(u, carriesStructure) {
		if !c.holds(s, parse.Container, parse.When, parse.IfFeature, parse.Presence, parse.Config, parse.Action, parse.Notification) {
			continue
		}
		if !isIdentifier(s.Argument) {
			c.fail(s, "cannot use %q as the name of a structure: it is no identifier", s.Argument)
			continue
		}
		c.structure(m, u, s)
	}
	for _, s := range c.carriers(u, carriesTemplate) {
		if !c.holds(s, parse.Container, parse.When, parse.IfFeature, parse.Presence, parse.Config, parse.Must, parse.Status, parse.Typedef,
			parse.Grouping, parse.Action, parse.Notification, parse.Description, parse.Reference) {
			continue
		}
		c.always = true // RFC 8040, 8: "The if-feature-stmt is ignored if present"
		d := c.structure(m, u, s)
		c.always = false
		if !d.oneContainer() && !c.halted {
			c.fail(s, "cannot use %s %q: it must come to exactly one container", s.Extension, s.Argument)
		}
	}
}

func (c *compiler) structure(m *module, u *unit, s *parse.Statement) *draft {
	d := &draft{kind: yang.KindStructure, name: s.Argument, mod: m, at: located{s, u.scope}}
	c.read(d, s, u.scope)
	c.spend(s, 1)
	c.children(d, s, u.scope, m, 1)
	c.structs = append(c.structs, d)
	return d
}

func isIdentifier(s string) bool {
	steps, err := parse.Names(s)
	return err == nil && len(steps) == 1 && steps[0].Prefix == "" && steps[0].Name == s
}

// oneContainer reports whether the children of d come to exactly one container:
// one, or a choice whose cases each do (RFC 8040, 8).
func (d *draft) oneContainer() bool {
	if len(d.kids) != 1 {
		return false
	}
	k := d.kids[0]
	if k.kind == yang.KindChoice {
		return len(k.kids) > 0 && !slices.ContainsFunc(k.kids, func(cs *draft) bool { return !cs.oneContainer() })
	}
	return k.kind == yang.KindContainer
}

// structureNames refuses a structure that has the name of another or of a node
// at the top of its module, and two templates of one name.
func (c *compiler) structureNames(m *module) {
	nodes, templates := make(map[string]bool), make(map[string]bool)
	for _, d := range m.holder.kids {
		nodes[d.name] = true
	}
	for _, d := range c.structs {
		if d.mod != m {
			continue
		}
		seen := nodes
		if !isStructure(d) {
			seen = templates
		}
		if seen[d.name] {
			c.fail(d.at.stmt, "cannot use the name %q twice at the top of %s", d.name, m.ym.Name)
		}
		seen[d.name] = true
	}
}

// isStructure tells a structure from a yang-data template.
func isStructure(d *draft) bool { return strings.HasSuffix(d.at.stmt.Extension, ":structure") }

// augmentStructures applies the augment-structure statements of all modules.
func (c *compiler) augmentStructures(mods []*module) {
	var todo []pendingAugment
	for _, m := range mods {
		for _, u := range m.units {
			for _, s := range c.carriers(u, carriesAugment) {
				if !c.holds(s, parse.Augment, parse.When, parse.IfFeature, parse.Action, parse.Notification) {
					continue
				}
				steps, err := parse.SchemaPath(s.Argument)
				if err != nil || !strings.HasPrefix(s.Argument, "/") {
					c.fail(s, "cannot use %q as the path of a structure", s.Argument)
					continue
				}
				todo = append(todo, pendingAugment{located{s, u.scope}, m, steps})
			}
		}
	}
	slices.SortStableFunc(todo, func(a, b pendingAugment) int { return len(a.steps) - len(b.steps) }) // see augments
	for _, a := range todo {
		c.augmentStructure(a)
	}
}

func (c *compiler) augmentStructure(a pendingAugment) {
	d := &draft{kids: c.structs}
	for _, st := range a.steps {
		m := c.module(a.sc.unit, st.Prefix, a.stmt)
		if m == nil || !c.demand(m) {
			return
		}
		next := d.find(m, st.Name)
		if next == nil || d.parent == nil && next.kind == yang.KindStructure && !isStructure(next) {
			c.fail(a.stmt, "cannot find the node %q of the path %q among the structures", st, a.stmt.Argument)
			return
		}
		d = next
	}
	c.augment(d, a.stmt, a.sc, a.mod, depthOf(d))
}

// misplaced refuses what is valid at the top of a module only (RFC 8791, 3 and
// 4; RFC 7952, 3). A yang-data in another place is ignored (RFC 8040, 8).
func (c *compiler) misplaced(at located, x *yang.Extension) {
	switch x.Module.Name + ":" + x.Name {
	case "ietf-yang-structure-ext:structure", "ietf-yang-structure-ext:augment-structure", "ietf-yang-metadata:annotation":
		c.fail(at.stmt, "cannot use %s here: it belongs at the top of a module", at.stmt.Extension)
	}
}
