// SPDX-License-Identifier: Apache-2.0

package users

import (
	"sync/atomic"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Current are the users of data that changes: compiled once per change of theirs.
type Current struct{ last atomic.Pointer[compiled] }

// compiled are the users that a container of the data lays down.
type compiled struct {
	of    *tree.Node
	users *Users
}

// Of are the users in root (RFC 7317, 3.5).
func (c *Current) Of(schema *yang.Schema, root *tree.Node) *Users {
	of := Data(schema, root)
	if a := c.last.Load(); a != nil && a.of == of {
		return a.users
	}
	u := Compile(of)
	c.last.Store(&compiled{of, u})
	return u
}
