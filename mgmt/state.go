// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"nso.example/nso/mgmt/state"
	"nso.example/nso/tree"
)

// addOwnState registers the state that the server itself has: RFC 6022, RFC 8341
// and RFC 8525.
func (s *Server) addOwnState() {
	add := func(module, name string, f func() (*tree.Node, error)) {
		top := s.schema.Root.Child(module, name)
		if top == nil {
			return
		}
		s.AddState(top, func() *tree.Node {
			n, err := f()
			if err != nil {
				s.log.Error("internal error: cannot build state", "err", err, "op", name)
			}
			return n
		})
	}
	// once is for what does not change while the daemon runs.
	once := func(n *tree.Node, err error) func() (*tree.Node, error) {
		return func() (*tree.Node, error) { return n, err }
	}
	add("ietf-netconf-acm", "nacm", func() (*tree.Node, error) {
		operations, writes, notifications := s.access.Denied()
		return state.AccessControl{Operations: operations, Writes: writes, Notifications: notifications}.Tree(s.schema)
	})
	add("ietf-netconf-monitoring", "netconf-state", func() (*tree.Node, error) { return s.monitoring().Tree(s.schema) })
	add("nc-notifications", "netconf", func() (*tree.Node, error) {
		created, aged := s.stream.Log()
		return state.Streams(s.schema, created, aged)
	})
	add("ietf-yang-library", "yang-library", once(state.Library(s.schema, append(s.stores(), "intended", string(Operational), string(Factory))...)))
	add("ietf-yang-library", "modules-state", once(state.ModulesState(s.schema)))
}

// monitoring is what RFC 6022, 2.1 asks for.
func (s *Server) monitoring() state.Monitoring {
	sessions := s.List()
	st := s.Status()
	m := state.Monitoring{Start: st.Start, BadHellos: st.Counters.BadHellos, InSessions: st.Counters.InSessions,
		Dropped: st.Counters.DroppedSessions, Counters: st.RPCs}
	for _, i := range sessions {
		m.Sessions = append(m.Sessions, state.Session{ID: i.ID, Transport: i.Transport, User: i.User, Host: i.Host(), Login: i.Since, Counters: i.Counters})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ds := range s.stores() {
		d := state.Datastore{Name: ds}
		if held, ok := s.locks.Held(ds); ok {
			d.Holder, d.Locked = held.Session, held.Since
		}
		if ds == string(Running) {
			for _, p := range s.parts.All() {
				part := state.Part{ID: p.ID, Holder: p.Session, Locked: p.Since, Select: p.Select}
				for _, n := range p.Nodes {
					part.Nodes = append(part.Nodes, n.String())
				}
				d.Parts = append(d.Parts, part)
			}
		}
		m.Datastores = append(m.Datastores, d)
	}
	return m
}

// ContentID changes when the set of modules does (RFC 8525, 3).
func (s *Server) ContentID() string { return state.ContentID(s.schema) }
