// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
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
func (s *Server) mistakes(before, after *tree.Node) (errs mgmterr.List) {
	if nacm.Data(s.schema, before) == nacm.Data(s.schema, after) {
		return nil
	}
	known := make(map[nacm.Mistake]bool)
	for _, m := range s.policy(before).Mistakes() {
		known[m] = true
	}
	for _, m := range nacm.Compile(s.schema, after).Mistakes() {
		if !known[m] && len(errs) < maxErrors {
			errs = append(errs, mgmterr.New(mgmterr.InvalidValue, m.At, "cannot use %.200q as the path of a rule: it names no node; "+
				"write module names as prefixes, as in /ietf-interfaces:interfaces/interface[name='eth0']", m.Path))
		}
	}
	return errs
}

// check is the validation of a transaction (RFC 7950, 8.3.3).
func (s *Server) check(before, after *tree.Node) (*tree.Node, mgmterr.List) {
	root, errs := s.rules.Changed(before, after)
	return root, append(errs, s.mistakes(before, root)...)
}

// Admin reports whether the actor is in the group nso-admin, whose members may
// steer the daemon and see the sessions of others.
func (s *Server) Admin(actor ident.Actor) bool {
	return s.policy(s.db.Root()).Admin(actor.User, actor.Groups)
}

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
	v := p.View(ss.actor.User, ss.actor.Groups)
	ss.seen.Store(&seen{p, v})
	return v
}

// MayExec asks access control for a protocol operation (RFC 8341, 3.4.4).
func (ss *Session) MayExec(module, rpc string) error {
	if ss.view(ss.server.db.Root()).Exec(module, rpc) {
		return nil
	}
	ss.server.deniedOps.Add(1)
	ss.server.audit.Denied(ss.audited(), module+":"+rpc, nil)
	return mgmterr.New(mgmterr.AccessDenied, "", "cannot run %s: %s has no right to it", rpc, ss.actor.User).OfType(mgmterr.Protocol)
}

// countDenied counts and audits an edit that access control refused. op is "edit" or
// "commit".
func (ss *Session) countDenied(op string, err error) {
	for _, e := range mgmterr.Of(err) {
		if e.Tag == mgmterr.AccessDenied {
			ss.server.deniedWrites.Add(1)
			ss.server.audit.Denied(ss.audited(), op, err)
			return
		}
	}
}

// discreet takes out of what a validation found what the session may not read:
// the paths and values of others (RFC 8341, 3.2.4).
func (ss *Session) discreet(errs mgmterr.List) mgmterr.List {
	view := ss.view(ss.server.db.Root())
	readable := func(path string) bool {
		if path == "" || path == "/" {
			return true
		}
		p, err := tree.ParsePath(ss.server.schema, path)
		return err == nil && view.Reads(p)
	}
	out := make(mgmterr.List, 0, len(errs))
	hidden := false
	for _, e := range errs {
		ok := readable(e.Path)
		for _, i := range e.Info {
			if i.Name == "non-unique" { // RFC 7950, 15.1: paths
				ok = ok && readable(i.Value)
			}
		}
		switch {
		case ok:
			out = append(out, e)
		case !hidden:
			hidden = true
			out = append(out, mgmterr.New(e.Tag, "", "cannot do it: a condition of the model on nodes that you may not read would not hold"))
		}
	}
	return out
}
