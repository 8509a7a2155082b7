// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
	"nso.example/nso/yang/xpath"
)

// This file is where the languages inside YANG come in: values and XPath.

// canonical checks a default against its type and returns its canonical form.
// Prefixes in it are those of the text that it stands in (RFC 7950, 9.10.3).
func (c *compiler) canonical(t *yang.Type, def located) (string, error) {
	text, err := value.ParseDefault(t, def.stmt.Argument, value.SchemaText{Text: def.sc.unit.names})
	if err != nil {
		return "", fmt.Errorf("cannot use the default %q: %w", def.stmt.Argument, err)
	}
	return text, nil
}

// demandDefault implements the module of the identity that a default names: a
// value is valid only if its module is implemented (RFC 7950, 9.10.2). It
// reports whether it is implemented already.
func (c *compiler) demandDefault(t *yang.Type, def located) bool {
	m := c.importOnly(t, def)
	return m == nil || c.demand(m)
}

// importOnly is the module, not implemented, of the identity that a default
// names, or nil.
func (c *compiler) importOnly(t *yang.Type, def located) *module {
	if !t.Named {
		return nil
	}
	prefix, name := split(strings.TrimSpace(def.stmt.Argument))
	m := def.sc.unit.mod
	if prefix != "" {
		m = def.sc.unit.prefixes[prefix]
	}
	if m == nil || c.byName[m.ym.Name] != nil {
		return nil
	}
	id := m.identities[name]
	if id == nil {
		return nil
	}
	names := false
	value.Members(t, func(member *yang.Type) bool {
		if member.Base == yang.IdentityRef {
			names = !slices.ContainsFunc(member.Bases, func(b *yang.Identity) bool { return !id.yi.DerivedFrom(b) })
			return !names
		}
		_, err := value.ParseDefault(member, def.stmt.Argument, value.SchemaText{Text: def.sc.unit.names})
		return err != nil // RFC 7950, 9.12: the first member that takes it
	})
	if !names {
		return nil
	}
	return m
}

// maxWork bounds what checking defaults takes: for each, its length times the
// states of all patterns that it may meet.
const maxWork = 30_000_000

// work counts what checking a default takes.
func (c *compiler) work(t *yang.Type, def located) {
	states := 1
	value.Members(t, func(m *yang.Type) bool {
		for _, p := range m.Patterns {
			states += c.patterns[p.Source].states
		}
		states += 1 + len(m.Bases)
		return states < maxWork
	})
	if c.worked += states * (1 + len(def.stmt.Argument)); c.worked > maxWork {
		c.halt(def.stmt, "cannot check defaults as long and patterns as large as these")
	}
}

// xpath makes the noun of an expression and checks its syntax and prefixes.
// node is where it is evaluated, user the module that the using text is in.
func (c *compiler) xpath(at located, node *yang.Node, user *yang.Module) *yang.XPath {
	u := at.sc.unit
	if !c.checked[at.stmt] {
		c.checked[at.stmt] = true
		ast, err := xpath.Parse(at.stmt.Argument)
		if err != nil {
			c.fail(at.stmt, "%s", err)
		} else {
			for _, p := range ast.Prefixes() {
				if c.module(u, p, at.stmt) == nil {
					break
				}
			}
		}
	}
	return &yang.XPath{Source: at.stmt.Argument, Module: u.names, Default: user, Context: node, Pos: position(at.stmt)}
}
