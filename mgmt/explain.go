// SPDX-License-Identifier: Apache-2.0

package mgmt

import "nso.example/nso/nacm"

// Standing is what access control makes of a user, rules apart.
type Standing struct {
	Enabled  bool     // access control is in force
	External bool     // groups of the system count
	Admin    bool     // member of nso-admin
	Groups   []string // that count, in order
	Lists    []string // rule lists that apply, in order
}

// Standing tells it of a user whom the system knows in these groups.
func (s *Server) Standing(user string, system []string) Standing {
	p := s.policy(s.db.Root())
	return Standing{p.Enabled(), p.External(), p.Admin(user, system), p.Groups(user, system), p.Lists(user, system)}
}

// Why is a decision of access control, and what decided.
type Why struct {
	Permit               bool
	Path, List, Rule, By string // see nacm.Why
}

// Operations are what Explain can be asked about.
func Operations() []string { return nacm.Operations() }

// Explain tells whether access control lets a user do something, and what decides:
// see nacm.View.Explain. Data is not looked at.
func (s *Server) Explain(user string, system []string, operation, object string) (Why, error) {
	w, err := s.policy(s.db.Root()).View(user, system).Explain(operation, object)
	return Why{w.Permit, w.Path, w.List, w.Rule, w.By}, err
}
