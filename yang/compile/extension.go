// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

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
	x, known := c.kept[at.stmt]
	if !known {
		x = c.makeExtension(at)
		c.kept[at.stmt] = x
	}
	return x
}

func (c *compiler) makeExtension(at located) *yang.Extension {
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
	c.misplaced(at, x)
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
	if !c.holds(s, parse.Leaf, parse.When, parse.Must, parse.Default, parse.Config, parse.Mandatory) || !c.enabled(s, at.sc.unit) {
		return
	}
	if slices.ContainsFunc(m.ym.Annotations, func(a *yang.Annotation) bool { return a.Name == s.Argument }) {
		c.fail(s, "cannot define the annotation %q twice in the module", s.Argument)
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
