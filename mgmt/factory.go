// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"errors"

	"nso.example/nso/audit"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

// OnReset registers what a factory reset does beside the datastores. It must not be
// called once sessions exist.
func (s *Server) OnReset(f func() error) { s.wipe = append(s.wipe, f) }

// handleReset registers factory-reset (RFC 8808, 2), if the schema has it.
func (s *Server) handleReset() {
	for _, op := range s.schema.RPCs {
		if op.Module.Name == "ietf-factory-default" && op.Name == "factory-reset" {
			s.Handle(op, operate.Handler{Do: func(ctx context.Context, r operate.Request) (*tree.Node, error) {
				return nil, s.reset(ctx, r)
			}})
		}
	}
}

// mayReset asks the locks, with the turn.
func (s *Server) mayReset(session uint32, running *tree.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ds := range s.stores() {
		if err := s.locks.MayWrite(ds, session); err != nil {
			return err
		}
	}
	if w := s.ledger.Wait(); w != nil {
		return mgmterr.New(mgmterr.InUse, "", "cannot reset: a commit of %s has to be confirmed or cancelled first", w.User)
	}
	return s.parts.MayChange(session, running, s.factory)
}

// reset makes every datastore what it is in a new database (RFC 8808, 2). Who takes part
// in commits cannot refuse it; locks of others can.
func (s *Server) reset(ctx context.Context, r operate.Request) error {
	if err := s.turn.Take(ctx, nil); err != nil {
		return err
	}
	defer s.turn.Give()
	if err := s.mayReset(r.Session, s.db.Root()); err != nil {
		return err
	}
	if err := s.ledger.Reset(ctx, audit.Session{Actor: r.Actor, Door: r.Door, ID: r.Session}, s.factory); err != nil {
		return err
	}
	s.mu.Lock()
	for c := range s.candidates {
		*c = candidate{}
	}
	s.mu.Unlock()
	var err error
	for _, f := range s.wipe {
		err = errors.Join(err, f())
	}
	if err != nil {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot reset all: the datastores are reset, and some files are left; the log says which").WithCause(err)
	}
	return nil
}
