// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// identity is an identity being resolved (RFC 7950, 7.18).
type identity struct {
	located
	yi    *yang.Identity
	state state
}

func (c *compiler) newIdentity(m *module, at located) *identity {
	id := &identity{located: at, yi: &yang.Identity{Name: at.stmt.Argument, Module: m.ym, Description: at.stmt.Text(parse.Description)}}
	id.yi.Status = statusOf(at.stmt)
	m.ym.Identities = append(m.ym.Identities, id.yi)
	return id
}

func statusOf(s *parse.Statement) yang.Status {
	return status(s.Text(parse.Status))
}

// maxDerived bounds how many pairs of identities are derived from each other.
const maxDerived = 1_000_000

// identities links all identities with their bases and what is derived from
// them.
func (c *compiler) identities() {
	derived := make(map[*yang.Identity][]*yang.Identity)
	for _, m := range c.modules {
		for _, id := range m.identities {
			id.state = fresh
			id.yi.Bases, id.yi.Derived = nil, nil
		}
	}
	for _, m := range c.modules {
		for _, yi := range m.ym.Identities {
			id := m.identities[yi.Name]
			c.bases(id, derived)
			yi.Enabled = c.enabled(id.stmt, id.sc.unit)
		}
	}
	if len(c.errs) > 0 {
		return
	}
	total := 0
	for _, m := range c.modules {
		for _, yi := range m.ym.Identities {
			if derived[yi] == nil {
				continue
			}
			seen := map[*yang.Identity]bool{yi: true}
			todo := []*yang.Identity{yi}
			for len(todo) > 0 {
				next := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				for _, d := range derived[next] {
					if !seen[d] {
						seen[d] = true
						yi.Derived = append(yi.Derived, d)
						if total++; total > maxDerived {
							c.fail(m.identities[yi.Name].stmt, "cannot derive so many identities from each other: more than %d pairs", maxDerived)
							return
						}
						todo = append(todo, d)
					}
				}
			}
			slices.SortFunc(yi.Derived, func(a, b *yang.Identity) int {
				return cmp.Or(strings.Compare(a.Module.Name, b.Module.Name), strings.Compare(a.Name, b.Name),
					strings.Compare(a.Module.Revision, b.Module.Revision))
			})
		}
	}
}

// bases resolves the base statements of one identity.
func (c *compiler) bases(id *identity, derived map[*yang.Identity][]*yang.Identity) {
	if id.state != fresh {
		return
	}
	id.state = busy
	for s := range id.stmt.All(parse.Base) {
		base := c.findIdentity(s, id.sc.unit)
		if base == nil {
			continue
		}
		if base.state == busy { // RFC 7950, 7.18.2
			c.fail(s, "cannot derive the identity %q from itself", id.yi.Name)
			continue
		}
		c.bases(base, derived)
		id.yi.Bases = append(id.yi.Bases, base.yi)
		if c.implementedIdentity(id) == id {
			derived[base.yi] = append(derived[base.yi], id.yi)
		}
	}
	id.state = done
}

// findIdentity resolves the argument of a base statement.
func (c *compiler) findIdentity(s *parse.Statement, u *unit) *identity {
	prefix, name := split(s.Argument)
	m := c.module(u, prefix, s)
	if m == nil {
		return nil
	}
	id := m.identities[name]
	if id == nil {
		c.fail(s, "cannot find the identity %q in %s", s.Argument, m.ym.Name)
		return nil
	}
	return c.implementedIdentity(id)
}

// implementedIdentity is the identity of the same name in the implemented
// revision of its module: it is the same identity (RFC 7950, 5.6.5: values are
// those of what is implemented).
func (c *compiler) implementedIdentity(id *identity) *identity {
	if m := c.byName[id.yi.Module.Name]; m != nil {
		if other := m.identities[id.yi.Name]; other != nil {
			return other
		}
	}
	return id
}
