// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// ctype is a compiled type statement. Nodes share t unless the type holds a
// leafref, whose target depends on where the leaf is.
type ctype struct {
	t       *yang.Type
	def     located // the default statement that t.Default comes from
	leafref bool    // t is or contains a leafref
	path    *parse.Leafref
	pathAt  located
	members []*ctype // of a union
	size    int      // how many types it has, unions within dissolved
	// fixed says that require-instance was given.
	fixed bool
	// values are those of all enums or bits, be they disabled.
	values map[string]int64
}

// plainType identifies a type statement that restricts nothing.
type plainType struct {
	td   *typedef
	base yang.Base
	name string
}

// builtin returns the built-in type of that name, 0 if there is none.
func builtin(name string) yang.Base {
	for b := yang.Binary; b <= yang.Union; b++ {
		if b.String() == name {
			return b
		}
	}
	return 0
}

// typeOf compiles a type statement, once. It returns nil after an error.
func (c *compiler) typeOf(s *parse.Statement, sc *scope) *ctype {
	if ct, known := c.types[s]; known {
		return ct
	}
	ct := c.compileType(s, sc)
	c.types[s] = ct
	return ct
}

func (c *compiler) compileType(s *parse.Statement, sc *scope) *ctype {
	name := s.Argument
	key := plainType{name: name}
	var from *ctype
	if key.base = builtin(name); key.base != 0 {
		from = &ctype{t: &yang.Type{Base: key.base}}
	} else {
		if key.td = c.findTypedef(s, sc); key.td == nil {
			return nil
		}
		if from = c.typedefType(key.td); from == nil {
			return nil
		}
	}
	bare := len(s.Sub) == 0 && key.base != yang.Union
	if bare {
		if ct := c.plain[key]; ct != nil {
			return ct
		}
	}
	t := *from.t
	t.Name = name
	ct := &ctype{t: &t, def: from.def, leafref: from.leafref, path: from.path, pathAt: from.pathAt, members: from.members, size: from.size, fixed: from.fixed, values: from.values}
	if len(from.t.Typedefs) >= maxTypedefs {
		c.fail(s, "cannot derive more than %d types from each other", maxTypedefs)
		return nil
	}
	if key.td != nil {
		t.Typedefs = append([]string{key.td.sc.unit.mod.ym.Name + ":" + key.td.stmt.Argument}, from.t.Typedefs...)
		t.Named = t.Named || t.Base == yang.String && t.Typedefs[0] == "ietf-yang-types:xpath1.0"
	}
	errs := len(c.errs)
	r := restrictor{c: c, s: s, sc: sc, ct: ct, t: &t, derived: key.td != nil}
	r.restrict()
	if len(c.errs) > errs {
		return nil
	}
	t.Seal()
	if bare {
		c.plain[key] = ct
	}
	return ct
}

// typedefType compiles the type of a typedef with its default and units.
func (c *compiler) typedefType(td *typedef) *ctype {
	switch td.state {
	case busy: // RFC 7950, 7.3: no circular references
		c.fail(td.stmt, "cannot define the typedef %q through itself", td.stmt.Argument)
		return nil
	case done:
		return td.ct
	}
	td.state = busy
	defer func() { td.state = done }()
	ts := td.stmt.First(parse.Type)
	from := c.typeOf(ts, td.sc)
	if from == nil {
		return nil
	}
	def, units := td.stmt.First(parse.Default), td.stmt.First(parse.Units)
	if def != nil || units != nil {
		t := *from.t
		copied := *from
		copied.t = &t
		if def != nil {
			t.Default, t.HasDefault = def.Argument, true
			copied.def = located{def, td.sc}
			if t.Base == yang.Empty { // RFC 7950, 9.11.2
				c.fail(def, "cannot give the type empty a default")
				return nil
			}
			// Without its module's features and identities, what is only
			// imported is judged where it is used.
			if !copied.leafref && td.sc.unit.mod.ym.Implemented {
				if c.work(&t, copied.def); c.halted {
					return nil
				}
				if _, err := c.canonical(&t, copied.def); err != nil && c.importOnly(&t, copied.def) == nil {
					c.fail(def, "%s", err)
					return nil
				}
			}
		}
		if units != nil {
			t.Units = units.Argument
		}
		from = &copied
	}
	td.ct = from
	return from
}

// unusedTypedefs compiles the typedefs that nobody uses, for their errors.
func (c *compiler) unusedTypedefs() {
	for _, m := range c.modules {
		for _, u := range m.units {
			c.typedefsIn(u.root)
		}
	}
}

func (c *compiler) typedefsIn(s *parse.Statement) {
	for i := range s.Sub {
		d := &s.Sub[i]
		switch d.Keyword {
		case parse.Typedef:
			if td := c.typedefs[d]; td != nil {
				c.typedefType(td)
			}
		case parse.Grouping, parse.Container, parse.List, parse.Choice, parse.Case, parse.Augment, parse.Rpc, parse.Action, parse.Input,
			parse.Output, parse.Notification:
			c.typedefsIn(d)
		}
	}
}

// instance returns the type for one leaf: t itself, or for types with leafrefs
// a copy whose targets are found later.
func (c *compiler) instance(ct *ctype, n *yang.Node) *yang.Type {
	if !ct.leafref {
		return ct.t
	}
	if c.halted {
		return ct.t
	}
	t := *ct.t
	if t.Base == yang.Leafref {
		t.Path = &yang.XPath{Source: ct.pathAt.stmt.Argument, Module: ct.pathAt.sc.unit.names, Default: n.Module, Context: n,
			Pos: position(ct.pathAt.stmt)}
		c.leafrefs = append(c.leafrefs, &pendingLeafref{n: n, t: &t, ct: ct})
		return &t
	}
	t.Union = make([]*yang.Type, len(ct.members))
	for i, m := range ct.members {
		t.Union[i] = c.instance(m, n)
	}
	return &t
}

func position(s *parse.Statement) yang.Position {
	return yang.Position{File: s.File.Name, Line: int(s.Line), Column: int(s.Column)}
}
