// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"slices"
	"strings"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/txn"
	"nso.example/nso/yang"
)

// Call is an rpc or action of a model that is to be done.
type Call = operate.Call

// Ticket is what somebody who takes part in a commit has prepared.
type Ticket = txn.Ticket

// Handle registers who does an rpc or action of a model.
func (s *Server) Handle(operation *yang.Node, h operate.Handler) { s.operations.Handle(operation, h) }

// HandleOthers says who is asked for handlers of what Handle was not called for.
func (s *Server) HandleOthers(find operate.Finder) { s.operations.Otherwise(find) }

// Does reports whether something does an operation.
func (s *Server) Does(operation *yang.Node) bool { return s.operations.Does(operation) }

// MayInvoke asks access control for an rpc or action: of an action every node on the way
// must be readable, too (RFC 8341, 3.1.3 and 3.4.4). Invoke asks by itself.
func (ss *Session) MayInvoke(operation *yang.Node, at tree.Path) error {
	if operation.Kind == yang.KindAction {
		return ss.MayRun(at, operation)
	}
	return ss.MayExec(operation.Module.Name, operation.Name)
}

// Invoke does an rpc or action of a model: the only door to them. The output is empty
// where the operation has none.
func (ss *Session) Invoke(ctx context.Context, c Call) (*tree.Node, error) {
	if err := ss.MayInvoke(c.Operation, c.At); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // what a session waits for ends when it does
		select {
		case <-ss.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	s, begin := ss.server, time.Now()
	out, err := s.operations.Invoke(ctx, operate.Request{Call: c, Actor: ss.actor, Session: ss.id, Door: ss.login.Transport}, s.around)
	if list := mgmterr.Of(err); list != nil {
		err = ss.discreetCall(c, list)
	}
	s.audit.Invoked(audit.Invocation{Session: ss.audited(), Operation: c.Operation, At: c.At, Input: c.Input, Err: err, Length: time.Since(begin)})
	return out, err
}

// discreetCall is discreet of what was found around the call; its own input whoever wrote
// it may read.
func (ss *Session) discreetCall(c Call, errs mgmterr.List) mgmterr.List {
	inside := func(e *mgmterr.Error) bool { return strings.HasPrefix(e.Path, c.Path()) }
	others := slices.DeleteFunc(slices.Clone(errs), inside)
	own := slices.DeleteFunc(slices.Clone(errs), func(e *mgmterr.Error) bool { return !inside(e) })
	return append(own, ss.user.Discreet(others)...)
}

// around is running with the state below the given top-level nodes, nil for all: what is
// around an operation (RFC 8342, 6.1).
func (s *Server) around(tops []*yang.Node) (*tree.Node, error) {
	root := s.db.Root()
	for _, st := range s.state {
		if tops == nil || slices.Contains(tops, st.top) {
			if part := st.f(); part != nil {
				root = tree.Merge(root, part)
			}
		}
	}
	return root, nil
}
