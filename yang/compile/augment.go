// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// pendingAugment is a top-level augment.
type pendingAugment struct {
	located
	mod   *module
	steps []parse.Step
}

// augments applies the top-level augments of all modules; one may point into
// what another brings (RFC 7950, 7.17).
func (c *compiler) augments(mods []*module) {
	var todo []pendingAugment
	for _, m := range mods {
		for _, u := range m.units {
			for s := range u.root.All(parse.Augment) {
				steps, err := parse.SchemaPath(s.Argument)
				if err != nil || s.Argument[0] != '/' {
					c.fail(s, "cannot augment %q: the path of an augment at the top of a module begins with /", s.Argument)
					continue
				}
				todo = append(todo, pendingAugment{located{s, u.scope}, m, steps})
			}
		}
	}
	// What an augment adds lies below its target: with short paths first, the
	// targets that others bring are there in time.
	slices.SortStableFunc(todo, func(a, b pendingAugment) int { return len(a.steps) - len(b.steps) })
	for _, a := range todo {
		if d := c.target(a.located, a.steps); d != nil && !c.halted {
			c.augment(d, a.stmt, a.sc, a.mod, depthOf(d))
		}
	}
}

func depthOf(d *draft) int {
	n := 0
	for ; d != nil; d = d.parent {
		n++
	}
	return n
}

// demandTargets implements all modules that the targets of augments and
// deviations of implemented ones lead through (RFC 7950, 5.6.5).
func (c *compiler) demandTargets() {
	for todo := c.implemented(); len(todo) > 0; todo = todo[1:] {
		for _, u := range todo[0].units {
			for i := range u.root.Sub {
				s := &u.root.Sub[i]
				if s.Keyword != parse.Augment && s.Keyword != parse.Deviation {
					continue
				}
				steps, _ := parse.SchemaPath(s.Argument) // others say what is wrong with it
				for _, st := range steps {
					if m := u.prefixes[st.Prefix]; m != nil && !c.demand(m) {
						todo = append(todo, m)
					}
				}
			}
		}
	}
}

// target finds the node of an absolute schema node identifier, whose modules
// are all implemented: see demandTargets.
func (c *compiler) target(at located, steps []parse.Step) *draft {
	var d *draft
	for i, st := range steps {
		m := c.module(at.sc.unit, st.Prefix, at.stmt)
		if m == nil {
			return nil
		}
		if i == 0 {
			d = c.byName[m.ym.Name].holder.find(m, st.Name)
		} else {
			d = d.find(m, st.Name)
		}
		if d == nil {
			c.fail(at.stmt, "cannot find the node %q of the path %q in the schema", st, at.stmt.Argument)
			return nil
		}
	}
	return d
}

// augment adds nodes to a target (RFC 7950, 7.17).
func (c *compiler) augment(d *draft, s *parse.Statement, sc *scope, mod *module, depth int) {
	switch d.kind {
	case yang.KindContainer, yang.KindList, yang.KindChoice, yang.KindCase, yang.KindInput, yang.KindOutput, yang.KindNotification,
		yang.KindStructure:
	default:
		c.fail(s, "cannot augment a %s", d.kind)
		return
	}
	for i := range s.Sub {
		p := &s.Sub[i]
		bad := false
		switch p.Keyword {
		case parse.Case:
			bad = d.kind != yang.KindChoice
		case parse.Uses:
			bad = d.kind == yang.KindChoice
		case parse.Action, parse.Notification: // RFC 7950, 7.17
			bad = d.kind != yang.KindContainer && d.kind != yang.KindList && d.kind != yang.KindCase
		}
		if bad {
			c.fail(p, "cannot add a %s to a %s", p.Keyword, d.kind)
			return
		}
	}
	before := len(d.kids)
	c.children(d, s, sc, mod, depth)
	enabled := c.enabled(s, sc.unit)
	var w *when
	if p := s.First(parse.When); p != nil {
		w = &when{located: located{p, sc}, user: mod}
	}
	foreign := s.Argument[0] == '/' && d.mod != nil && d.mod.ym.Name != mod.ym.Name
	for _, k := range d.kids[before:] {
		if !enabled {
			k.disabled = true
		}
		if k.status == nil {
			k.status = s.First(parse.Status)
		}
		if w != nil {
			k.whens = append(k.whens, w)
		} else if foreign && !k.disabled {
			c.augmentedMandatory(k)
		}
	}
}

// augmentedMandatory: without a when, an augment of another module's node must
// not make what was valid invalid (RFC 7950, 7.17).
func (c *compiler) augmentedMandatory(d *draft) {
	if d.disabled || len(d.whens) > 0 || d.config != nil && d.config.Argument == "false" || !c.configurable(d) {
		return
	}
	at := d.at.stmt
	switch d.kind {
	case yang.KindLeaf, yang.KindAnydata, yang.KindAnyxml, yang.KindChoice:
		if d.mandatory != nil && d.mandatory.Argument == "true" {
			c.fail(at, "cannot add the mandatory %s %q to another module without a when", d.kind, d.name)
		}
	case yang.KindList, yang.KindLeafList:
		if d.minimum != nil && integer(d.minimum.Argument) > 0 {
			c.fail(at, "cannot add the %s %q with min-elements to another module without a when", d.kind, d.name)
		}
	case yang.KindContainer:
		if d.presence == nil {
			for _, k := range d.kids {
				c.augmentedMandatory(k)
			}
		}
	}
}

// configurable reports whether a node can be configuration, as far as its
// ancestors say.
func (c *compiler) configurable(d *draft) bool {
	for ; d != nil; d = d.parent {
		switch {
		case d.kind >= yang.KindRPC:
			return false
		case d.config != nil:
			return d.config.Argument == "true"
		}
	}
	return true
}
