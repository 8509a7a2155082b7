// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// deviations applies those of all modules (RFC 7950, 7.20.3).
func (c *compiler) deviations(mods []*module) {
	for _, m := range mods {
		m.ym.Deviations = nil
	}
	for _, m := range mods {
		for _, u := range m.units {
			for s := range u.root.All(parse.Deviation) {
				c.deviation(located{s, u.scope}, m)
			}
		}
	}
	for _, m := range mods {
		slices.Sort(m.ym.Deviations)
	}
}

func (c *compiler) deviation(at located, by *module) {
	steps, err := parse.SchemaPath(at.stmt.Argument)
	if err != nil {
		c.fail(at.stmt, "cannot use the path %q: %s", at.stmt.Argument, err)
		return
	}
	d := c.target(at, steps)
	if d == nil {
		return
	}
	first := at.sc.unit.mod
	if steps[0].Prefix != "" {
		first = at.sc.unit.prefixes[steps[0].Prefix]
	}
	if to := c.byName[first.ym.Name].ym; to != by.ym && !slices.Contains(to.Deviations, by.ym.Name) {
		to.Deviations = append(to.Deviations, by.ym.Name)
	}
	list := slices.Collect(at.stmt.All(parse.Deviate))
	if len(list) == 0 {
		c.fail(at.stmt, "cannot use a deviation without a deviate statement")
	}
	for _, s := range list {
		if s.Argument == "not-supported" {
			if len(list) > 1 {
				c.fail(s, "cannot combine deviate not-supported with others")
			}
			c.remove(d)
			return
		}
		for i := range s.Sub {
			p := &s.Sub[i]
			if !may(d.kind, p.Keyword) {
				c.fail(p, "cannot deviate the %s of the %s %q", p.Keyword, d.kind, d.name)
				continue
			}
			switch s.Argument {
			case "add":
				c.deviateAdd(d, located{p, at.sc})
			case "replace":
				c.deviateReplace(d, located{p, at.sc})
			case "delete":
				c.deviateDelete(d, located{p, at.sc})
			}
		}
	}
}

// remove takes a node out of the schema; it stays a target, for what else may
// refer to it. Every rpc has an input and an output, be they empty (RFC 7950,
// 7.14).
func (c *compiler) remove(d *draft) {
	if d.kind != yang.KindInput && d.kind != yang.KindOutput {
		d.disabled, d.removed = true, true
		return
	}
	for _, k := range d.kids {
		k.disabled, k.removed = true, true
	}
	d.musts = nil
}

// single is where a node keeps a property that it has at most once.
func (d *draft) single(k parse.Keyword) **parse.Statement {
	switch k {
	case parse.Config:
		return &d.config
	case parse.Mandatory:
		return &d.mandatory
	case parse.MinElements:
		return &d.minimum
	case parse.MaxElements:
		return &d.maximum
	}
	return nil
}

func (c *compiler) deviateAdd(d *draft, p located) {
	k := p.stmt.Keyword
	if at := d.single(k); at != nil {
		if *at != nil { // RFC 7950, 7.20.3.2
			c.fail(p.stmt, "cannot add %s to the %s %q: it has one, use deviate replace", k, d.kind, d.name)
			return
		}
		*at = p.stmt
		return
	}
	switch k {
	case parse.Units:
		if d.units.stmt != nil {
			c.fail(p.stmt, "cannot add units to the %s %q: it has some, use deviate replace", d.kind, d.name)
			return
		}
		d.units = p
	case parse.Default:
		if d.kind != yang.KindLeafList && len(d.defaults) > 0 {
			c.fail(p.stmt, "cannot add a default to the %s %q: it has one, use deviate replace", d.kind, d.name)
			return
		}
		d.defaults = append(slices.Clone(d.defaults), p)
	case parse.Must:
		d.musts = append(slices.Clone(d.musts), p)
	case parse.Unique:
		d.uniques = append(slices.Clone(d.uniques), p)
	case parse.Unknown:
		d.extensions = append(slices.Clone(d.extensions), p)
	}
}

func (c *compiler) deviateReplace(d *draft, p located) {
	k := p.stmt.Keyword
	if at := d.single(k); at != nil {
		// What is not said has its default value, which published deviations
		// replace as well.
		if *at == nil {
			c.warn(p.stmt, "cannot replace the %s of the %s %q: it has none, use deviate add", k, d.kind, d.name)
		}
		*at = p.stmt
		return
	}
	switch k {
	case parse.Type:
		d.typ = p
	case parse.Units:
		if d.units.stmt == nil {
			c.warn(p.stmt, "cannot replace the units of the %s %q: it has none, use deviate add", d.kind, d.name)
		}
		d.units = p
	case parse.Default:
		if len(d.defaults) == 0 {
			c.warn(p.stmt, "cannot replace the default of the %s %q: it has none, use deviate add", d.kind, d.name)
		}
		d.defaults = []located{p}
	case parse.Unknown:
		d.extensions = append(slices.Clone(d.extensions), p)
	}
}

func (c *compiler) deviateDelete(d *draft, p located) {
	same := func(l located) bool { return l.stmt.Argument == p.stmt.Argument }
	switch k := p.stmt.Keyword; k {
	case parse.Units:
		if d.units.stmt == nil || !same(d.units) {
			c.fail(p.stmt, "cannot delete the units %q of the %s %q: it does not have them", p.stmt.Argument, d.kind, d.name)
			return
		}
		d.units = located{}
	case parse.Default, parse.Must, parse.Unique:
		list := map[parse.Keyword]*[]located{parse.Default: &d.defaults, parse.Must: &d.musts, parse.Unique: &d.uniques}[k]
		if k == parse.Unique {
			same = func(l located) bool { return sameNames(l.stmt.Argument, p.stmt.Argument) }
		}
		i := slices.IndexFunc(*list, same)
		if i < 0 {
			c.fail(p.stmt, "cannot delete the %s %q of the %s %q: it does not have it", k, p.stmt.Argument, d.kind, d.name)
			return
		}
		*list = slices.Delete(slices.Clone(*list), i, i+1)
	case parse.Unknown:
		d.extensions = slices.DeleteFunc(slices.Clone(d.extensions), func(l located) bool {
			return l.stmt.Extension == p.stmt.Extension && l.stmt.Argument == p.stmt.Argument
		})
	}
}

// sameNames compares the arguments of two unique statements, whatever prefixes
// and white space they have.
func sameNames(a, b string) bool {
	x, errX := uniquePaths(a)
	y, errY := uniquePaths(b)
	if errX != nil || errY != nil || len(x) != len(y) {
		return false
	}
	for i := range x {
		if !slices.EqualFunc(x[i], y[i], func(p, q parse.Step) bool { return p.Name == q.Name }) {
			return false
		}
	}
	return true
}
