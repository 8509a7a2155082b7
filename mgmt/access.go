// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"nso.example/nso/ident"
	"nso.example/nso/mgmt/access"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
)

// check is the validation of a transaction (RFC 7950, 8.3.3). What came past
// Txn.Transform has its passwords hashed here.
func (s *Server) check(before, after *tree.Node) (*tree.Node, mgmterr.List) {
	after, err := s.hasher.Hash(before, after)
	if err != nil {
		return nil, txn.Refusals(err)
	}
	root, errs := s.rules.Changed(before, after)
	return root, append(errs, s.access.Mistakes(before, root)...)
}

// Admin reports whether the actor is in the group nso-admin, whose members may
// steer the daemon and see the sessions of others.
func (s *Server) Admin(actor ident.Actor) bool {
	return s.access.Now().Admin(actor.User, actor.Groups)
}

// ExplainDenials sets whether a client that is denied something is told what decided
// it. The log has it always.
func (s *Server) ExplainDenials(yes bool) { s.access.Explain(yes) }

// MayExec asks access control for a protocol operation (RFC 8341, 3.4.4).
func (ss *Session) MayExec(module, rpc string) error { return ss.user.MayExec(module, rpc) }

// MayRun asks access control for an action of the node at p (RFC 8341, 3.1.3).
func (ss *Session) MayRun(p tree.Path, action *yang.Node) error { return ss.user.MayRun(p, action) }

// MayReceive asks access control for a notification (RFC 8341, 3.4.6): see
// access.User.MayReceive.
func (ss *Session) MayReceive(p tree.Path, notification *yang.Node) bool {
	return ss.user.MayReceive(p, notification)
}

// MayUse reports of each command of a user interface, given as its words, whether
// it is offered to the session's user and whether he may run it.
func (ss *Session) MayUse(context string, commands []string) (offered, run []bool) {
	return ss.user.Now().Commands(context, commands)
}

// MayUse is that of somebody who has no session.
func (s *Server) MayUse(actor ident.Actor, context string, commands []string) (offered, run []bool) {
	return s.access.Now().View(actor.User, actor.Groups).Commands(context, commands)
}

// Standing is what access control makes of a user, rules apart.
type Standing = access.Standing

// Standing tells it of a user whom the system knows in these groups.
func (s *Server) Standing(user string, system []string) Standing {
	return s.access.Standing(user, system)
}

// Why is a decision of access control, and what decided.
type Why = access.Why

// Operations are what Explain can be asked about.
func Operations() []string { return nacm.Operations() }

// Explain tells whether access control lets a user do something, and what decides:
// see nacm.View.Explain. Data is not looked at.
func (s *Server) Explain(user string, system []string, operation, object string) (Why, error) {
	return s.access.Why(user, system, operation, object)
}
