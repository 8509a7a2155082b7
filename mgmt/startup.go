// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"

	"nso.example/nso/audit"
	"nso.example/nso/mgmt/ledger"
	"nso.example/nso/tree"
)

// HasStartup reports whether there is a startup datastore (RFC 6241, 8.7).
func (s *Server) HasStartup() bool { return s.db.Startup() != nil }

// stores are the datastores that can be written.
func (s *Server) stores() []string {
	all := []string{string(Running), string(Candidate)}
	if s.HasStartup() {
		all = append(all, string(Startup))
	}
	return all
}

// Save makes startup what running is. RFC 8341, 3.2.6: whoever may run copy-config needs
// no right to the nodes.
func (ss *Session) Save(ctx context.Context) error {
	return ss.setStartup(ctx, "copy-config", ss.server.db.Root)
}

// DeleteStartup empties startup: the next start of the daemon begins with factory data
// (RFC 6241, 7.4 and 8.7).
func (ss *Session) DeleteStartup(ctx context.Context) error {
	return ss.setStartup(ctx, "delete-config", func() *tree.Node { return tree.New(ss.server.schema.Root) })
}

func (ss *Session) setStartup(ctx context.Context, op string, to func() *tree.Node) error {
	if err := ss.MayExec("ietf-netconf", op); err != nil {
		return err
	}
	s := ss.server
	if !s.HasStartup() {
		return noDatastore(Startup)
	}
	if err := s.turn.Take(ctx, ss.stop); err != nil {
		return err
	}
	defer s.turn.Give()
	s.mu.Lock()
	err := ss.mayWriteLocked(Startup)
	if err == nil {
		err = s.ledger.Wait().MaySave()
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	_, before := s.db.Current()
	base, root := s.db.Startup(), to()
	rev, err := s.ledger.Startup(ctx, ss.audited(), base, root, Label{})
	if err != nil || rev == before {
		return err
	}
	s.ledger.Publish(ledger.Startup, ss.audited(), base, root)
	s.audit.Committed(audit.Commit{Session: ss.audited(), Before: before, After: rev, Base: base, Root: root, Datastore: ledger.Startup})
	return nil
}

// named is the datastore of a commit as the audit has it.
func named(ds Datastore) string {
	if ds == Running {
		return ""
	}
	return string(ds)
}
