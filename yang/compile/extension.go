// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// extension finds the module that defines the extension which s uses, and its
// name. Uses of what nobody defines are an error (RFC 7950, 7.19).
func (c *compiler) extension(at located) (*module, string) {
	prefix, name := split(at.stmt.Extension)
	m := c.module(at.sc.unit, prefix, at.stmt)
	if m == nil {
		return nil, ""
	}
	def := m.extensions[name]
	if def == nil {
		c.fail(at.stmt, "cannot find the extension %q in %s", at.stmt.Extension, m.ym.Name)
		return nil, ""
	}
	switch arg := def.First(parse.Argument); { // RFC 7950, 7.19.2
	case arg == nil && at.stmt.HasArgument:
		c.fail(at.stmt, "cannot give %s an argument: its definition has none", at.stmt.Extension)
	case arg != nil && !at.stmt.HasArgument:
		c.fail(at.stmt, "cannot use %s without its argument %s", at.stmt.Extension, arg.Argument)
	}
	return m, name
}

// keep is the use of an extension as it stays in the schema.
func (c *compiler) keep(at located) *yang.Extension {
	m, name := c.extension(at)
	if m == nil {
		return nil
	}
	x := &yang.Extension{Module: m.ym, Name: name, Argument: at.stmt.Argument}
	for i := range at.stmt.Sub {
		if s := &at.stmt.Sub[i]; s.Keyword == parse.Unknown {
			if k := c.keep(located{s, at.sc}); k != nil {
				x.Children = append(x.Children, k)
			}
		}
	}
	return x
}

// nodeExtension applies or keeps an extension of a node.
func (c *compiler) nodeExtension(n *yang.Node, at located) {
	x := c.keep(at)
	if x == nil {
		return
	}
	if x.Module.Name == "ietf-netconf-acm" { // RFC 8341, 3.2.5 and 3.4.2
		switch x.Name {
		case "default-deny-write":
			n.DefaultDenyWrite = true
			return
		case "default-deny-all":
			n.DefaultDenyAll = true
			return
		}
	}
	n.Extensions = append(n.Extensions, x)
}

// carried are the extensions that carry YANG statements and stand at the top
// of a module.
type carried uint8

const (
	carriesNothing carried = iota
	carriesData            // yang-data, structure
	carriesAugment         // augment-structure
	carriesAnnotation
)

func carries(m *module, name string) carried {
	switch m.ym.Name + ":" + name {
	case "ietf-restconf:yang-data", "ietf-yang-structure-ext:structure": // RFC 8040, 8; RFC 8791
		return carriesData
	case "ietf-yang-structure-ext:augment-structure":
		return carriesAugment
	case "ietf-yang-metadata:annotation": // RFC 7952
		return carriesAnnotation
	}
	return carriesNothing
}

// structures drafts the structures of a text.
func (c *compiler) structures(m *module, u *unit) {
	for i := range u.root.Sub {
		s := &u.root.Sub[i]
		if s.Keyword != parse.Unknown {
			continue
		}
		def, name := c.extension(located{s, u.scope})
		if def == nil || carries(def, name) != carriesData {
			continue
		}
		if errs := parse.CheckAs(s, parse.Container); len(errs) > 0 {
			c.addErrors(errs)
			continue
		}
		c.inner(s, u.scope)
		d := &draft{kind: yang.KindStructure, name: s.Argument, mod: m, at: located{s, u.scope}}
		c.read(d, s, u.scope)
		c.spend(s, 1)
		c.children(d, s, u.scope, m, 1)
		c.structs = append(c.structs, d)
	}
}

// augmentStructures applies the augment-structure statements of all modules.
func (c *compiler) augmentStructures(mods []*module) {
	for _, m := range mods {
		for _, u := range m.units {
			for i := range u.root.Sub {
				s := &u.root.Sub[i]
				if s.Keyword != parse.Unknown {
					continue
				}
				def, name := c.extension(located{s, u.scope})
				if def == nil || carries(def, name) != carriesAugment {
					continue
				}
				if errs := parse.CheckAs(s, parse.Augment); len(errs) > 0 {
					c.addErrors(errs)
					continue
				}
				c.augmentStructure(located{s, u.scope}, m)
			}
		}
	}
}

func (c *compiler) augmentStructure(at located, m *module) {
	steps, err := parse.SchemaPath(at.stmt.Argument)
	if err != nil || !strings.HasPrefix(at.stmt.Argument, "/") {
		c.fail(at.stmt, "cannot use %q as the path of a structure", at.stmt.Argument)
		return
	}
	d := &draft{kids: c.structs}
	for _, st := range steps {
		sm := c.module(at.sc.unit, st.Prefix, at.stmt)
		if sm == nil {
			return
		}
		if d == nil || !c.demand(sm) {
			return
		}
		if d = d.find(sm, st.Name); d == nil {
			c.fail(at.stmt, "cannot find the node %q of the path %q among the structures", st, at.stmt.Argument)
			return
		}
	}
	c.augment(d, at.stmt, at.sc, m, depthOf(d))
}

// moduleExtensions keeps the extensions at the top of a module and compiles
// its annotations.
func (c *compiler) moduleExtensions(m *module) {
	m.ym.Extensions, m.ym.Annotations = nil, nil
	for _, u := range m.units {
		for i := range u.root.Sub {
			s := &u.root.Sub[i]
			if s.Keyword != parse.Unknown {
				continue
			}
			at := located{s, u.scope}
			def, name := c.extension(at)
			if def == nil {
				continue
			}
			switch carries(def, name) {
			case carriesAnnotation:
				c.annotation(m, at)
			case carriesNothing:
				if x := c.keep(at); x != nil {
					m.ym.Extensions = append(m.ym.Extensions, x)
				}
			}
		}
	}
}

// annotation compiles a metadata annotation (RFC 7952, 3).
func (c *compiler) annotation(m *module, at located) {
	s := at.stmt
	if errs := parse.CheckAs(s, parse.Leaf); len(errs) > 0 {
		c.addErrors(errs)
		return
	}
	if !c.enabled(s, at.sc.unit) {
		return
	}
	ct := c.typeOf(s.First(parse.Type), at.sc)
	if ct == nil {
		return
	}
	if ct.leafref {
		c.fail(s, "cannot give an annotation a type with a leafref")
		return
	}
	m.ym.Annotations = append(m.ym.Annotations, &yang.Annotation{Name: s.Argument, Module: m.ym, Type: ct.t,
		Units: s.Text(parse.Units), Status: statusOf(s), Description: s.Text(parse.Description)})
}
