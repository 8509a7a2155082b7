// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"errors"
	"strings"

	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
)

// access is the access control that a /nacm container lays down.
type access struct {
	of     *tree.Node
	policy *nacm.Policy
}

// policy is the access control of root: compiled once per change of /nacm. What is
// asked of a session is always that of running as it is.
func (s *Server) policy(root *tree.Node) *nacm.Policy {
	of := nacm.Data(s.schema, root)
	if a := s.access.Load(); a != nil && a.of == of {
		return a.policy
	}
	s.compiling.Lock()
	defer s.compiling.Unlock()
	if a := s.access.Load(); a != nil && a.of == of {
		return a.policy
	}
	p := nacm.Compile(s.schema, root)
	for _, m := range p.Mistakes() {
		s.log.Warn("a rule of access control matches nothing: its path names no node", event.Key, event.RuleMistake, "op", "nacm", "reason", m.At+" is "+m.Path)
	}
	s.access.Store(&access{of, p})
	return p
}

// mistakes are the rules in after, and not in before, that would match nothing:
// a rule that denies and does not work must not be taken for one that does.
func (s *Server) mistakes(before, after *tree.Node) mgmterr.List {
	if nacm.Data(s.schema, before) == nacm.Data(s.schema, after) {
		return nil
	}
	return s.policy(before).NewMistakes(nacm.Compile(s.schema, after), maxErrors)
}

// check is the validation of a transaction (RFC 7950, 8.3.3). What came past
// Txn.Transform has its passwords hashed here.
func (s *Server) check(before, after *tree.Node) (*tree.Node, mgmterr.List) {
	after, err := s.hasher.Hash(before, after)
	if err != nil {
		return nil, txn.Refusals(err)
	}
	root, errs := s.rules.Changed(before, after)
	return root, append(errs, s.mistakes(before, root)...)
}

// Admin reports whether the actor is in the group nso-admin, whose members may
// steer the daemon and see the sessions of others.
func (s *Server) Admin(actor ident.Actor) bool {
	return s.policy(s.db.Root()).Admin(actor.User, actor.Groups)
}

// ExplainDenials sets whether a client that is denied something is told what decided
// it. The log has it always.
func (s *Server) ExplainDenials(yes bool) { s.explain.Store(yes) }

// seen is the view of a session under one policy.
type seen struct {
	policy *nacm.Policy
	view   *nacm.View
}

// view is what the session may do as the data of root, which is running's, has it.
func (ss *Session) view(root *tree.Node) *nacm.View {
	p := ss.server.policy(root)
	if v := ss.seen.Load(); v != nil && v.policy == p {
		return v.view
	}
	v := ss.viewOf(p)
	ss.seen.Store(&seen{p, v})
	return v
}

// viewOf is the session's view of a policy: a recovery session is not asked for its
// rights (RFC 8341, 3.4.4, step 2).
func (ss *Session) viewOf(p *nacm.Policy) *nacm.View {
	if ss.login.Recovery {
		return p.Recovery()
	}
	return p.View(ss.actor.User, ss.actor.Groups)
}

// MayExec asks access control for a protocol operation (RFC 8341, 3.4.4).
func (ss *Session) MayExec(module, rpc string) error {
	d := ss.view(ss.server.db.Root()).Exec(module, rpc)
	return ss.deniedExec(d, module+":"+rpc, "", mgmterr.Protocol)
}

// MayRun asks access control for an action of the node at p (RFC 8341, 3.1.3).
func (ss *Session) MayRun(p tree.Path, action *yang.Node) error {
	d := ss.view(ss.server.db.Root()).Action(p, action)
	return ss.deniedExec(d, action.Name, p.String(), mgmterr.Application)
}

// deniedExec counts, audits and words what may not be run; nil if it may.
func (ss *Session) deniedExec(d nacm.Decision, op, path string, layer mgmterr.Type) error {
	if d.Permit {
		return nil
	}
	ss.server.deniedOps.Add(1)
	name := op[strings.LastIndexByte(op, ':')+1:]
	e := mgmterr.New(mgmterr.AccessDenied, path, "cannot run %s: %s has no right to it", name, ss.actor.User).
		OfType(layer).WithCause(&mgmterr.Denial{By: d.By, Path: path})
	ss.server.audit.Denied(ss.audited(), op, e)
	ss.server.explained(e)
	return e
}

// MayReceive asks access control for a notification: of the node at p, or with an
// empty p one at the top of its module (RFC 8341, 3.4.6). What may not be received is
// dropped in silence, and counted.
func (ss *Session) MayReceive(p tree.Path, notification *yang.Node) bool {
	if ss.view(ss.server.db.Root()).Notification(p, notification).Permit {
		return true
	}
	ss.server.deniedNotes.Add(1)
	return false
}

// MayUse reports of each command of a user interface, given as its words, whether
// it is offered to the session's user and whether he may run it.
func (ss *Session) MayUse(context string, commands []string) (offered, run []bool) {
	return ss.view(ss.server.db.Root()).Commands(context, commands)
}

// MayUse is that of somebody who has no session.
func (s *Server) MayUse(actor ident.Actor, context string, commands []string) (offered, run []bool) {
	return s.policy(s.db.Root()).View(actor.User, actor.Groups).Commands(context, commands)
}

// countDenied counts and audits an edit that access control refused, and tells the
// client why if that is to be. op is "edit" or "commit".
func (ss *Session) countDenied(op string, err error) {
	denied := false
	for _, e := range mgmterr.Of(err) {
		if e.Tag == mgmterr.AccessDenied {
			if !denied {
				denied = true
				ss.server.deniedWrites.Add(1)
				ss.server.audit.Denied(ss.audited(), op, err)
			}
			ss.server.explained(e)
		}
	}
}

// explained adds to a refusal what decided it, if clients are to be told.
func (s *Server) explained(e *mgmterr.Error) {
	var d *mgmterr.Denial
	if s.explain.Load() && errors.As(e, &d) && !d.Quiet {
		e.Message += " (denied by " + d.By + ")"
	}
}

// lockout refuses a commit after which its author could no longer change access
// control, although he can now. RFC 8341 has no such rule; without it a slip takes
// whoever may start a recovery session to mend.
func (t *Txn) lockout() error {
	ss := t.session
	s, before, after := ss.server, t.txn.Base(), t.txn.Root()
	if t.force || ss.login.Recovery || nacm.Data(s.schema, before) == nacm.Data(s.schema, after) {
		return nil
	}
	if ok, _, _ := ss.viewOf(s.policy(before)).Manages(); !ok {
		return nil
	}
	ok, what, d := ss.viewOf(nacm.Compile(s.schema, after)).Manages()
	if ok {
		return nil
	}
	return mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: %s could not %s afterwards (denied by %s), and not undo that; "+
		"if it is meant, use \"commit force\" of the command line", ss.actor.User, what, d.By).WithAppTag("lock-out")
}

// discreet takes out of what a validation found what the session may not read.
func (ss *Session) discreet(errs mgmterr.List) mgmterr.List {
	return ss.view(ss.server.db.Root()).Discreet(errs)
}
