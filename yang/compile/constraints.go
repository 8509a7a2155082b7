// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// constraints computes what needs all nodes and types: defaults.
func (c *compiler) constraints() {
	for id, n := range c.schema.Nodes {
		if n.Kind == yang.KindLeaf || n.Kind == yang.KindLeafList {
			c.defaults(c.drafts[id], n)
			if c.halted {
				return
			}
		}
	}
}

// valueKey is a default for a type; leaves share types.
type valueKey struct {
	t   *yang.Type
	def *parse.Statement
}

// defaults fills in the canonical default values of a leaf or leaf-list.
func (c *compiler) defaults(d *draft, n *yang.Node) {
	if n.Type == nil {
		return
	}
	list := d.defaults
	if len(list) == 0 {
		ct := c.typeOf(d.typ.stmt, d.typ.sc)
		// RFC 7950, 7.6.1 and 7.7.2: the type's default counts unless a value
		// must be there; YANG 1 has no defaults of leaf-lists.
		if !n.Type.HasDefault || ct.def.stmt == nil || n.Mandatory || n.MinElements > 0 ||
			n.Kind == yang.KindLeafList && !c.version11(d.at.stmt) {
			return
		}
		list = []located{ct.def}
	}
	if n.Type.Base == yang.Empty { // RFC 7950, 9.11.2
		c.fail(list[0].stmt, "cannot give the type empty a default")
		return
	}
	seen := make(map[string]bool, len(list))
	var values []string
	for _, def := range list {
		key := valueKey{n.Type, def.stmt}
		v, known := c.values[key]
		if !known {
			var err error
			if c.work(n.Type, def); c.halted {
				return
			}
			if !c.demandDefault(n.Type, def) {
				continue // once more, with that module
			}
			if v, err = c.canonical(n.Type, def); err != nil {
				c.failAt(def.stmt, n, "%s", err)
				return
			}
			c.values[key] = v
		}
		if seen[v] && n.Config { // RFC 7950, 7.7: the values of configuration are unique
			c.failAt(def.stmt, n, "cannot use the default %q twice", def.stmt.Argument)
			return
		}
		seen[v] = true
		values = append(values, v)
	}
	if n.IsKey { // RFC 7950, 7.8.2: checked and then ignored
		return
	}
	n.Defaults = values
}

// fields splits at YANG's white space.
func fields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}
