// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"nso.example/nso/tree"
	"nso.example/nso/users"
)

// accounts are the users that a container of the data lays down.
type accounts struct {
	of    *tree.Node
	users *users.Users
}

// Users are the users in running (RFC 7317, 3.5): compiled once per change of theirs.
func (s *Server) Users() *users.Users {
	of := users.Data(s.schema, s.db.Root())
	if a := s.accounts.Load(); a != nil && a.of == of {
		return a.users
	}
	u := users.Compile(of)
	s.accounts.Store(&accounts{of, u})
	return u
}
