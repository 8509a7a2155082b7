// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"context"
	"errors"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// grace is what nso-exec has, beside a rule's deadline, to start a unit and to end it.
const grace = 10 * time.Second

// operations finds the program that does an rpc or action.
func (r *room) operations(operation *yang.Node) (operate.Handler, bool, error) {
	x, err := bind.Find(r.rules(), operation)
	if x == nil || err != nil {
		return operate.Handler{}, false, err
	}
	return operate.Handler{
		Do:       func(ctx context.Context, q operate.Request) (*tree.Node, error) { return r.operate(ctx, x, q) },
		Deadline: x.Deadline + grace,
	}, true, nil
}

// operate has a program do an rpc or action. Access control has been asked.
func (r *room) operate(ctx context.Context, x *rule.Rule, q operate.Request) (*tree.Node, error) {
	name := q.Operation.Name
	run := audit.Run{Session: audit.Session{Actor: q.Actor, Door: q.Door, ID: q.Session}, Rule: x.Name}
	if ok, why := x.Allows(q.Actor.User, q.Actor.Groups); !ok {
		run.Reason = why
		err := mgmterr.New(mgmterr.AccessDenied, q.Path(), "cannot run %s: the rule %s, whose program does it, is not for %s", name, x.Name, q.Actor.User)
		r.server.Audit().RunRefused(run, err)
		return nil, err
	}
	schema := r.server.Schema()
	input, err := bind.Text(x, schema, q.Operation, q.Input)
	if err != nil {
		return nil, err
	}
	req := wire.Request{Values: bind.Values(x, q.Operation, q.At, q.Input), Operation: bind.Path(q.Operation)}
	if len(q.At) > 0 {
		req.Path = q.At.String()
	}
	t, err := r.talk(ctx, x, q.Actor, run, req, input)
	switch {
	case errors.Is(err, errTooMuch):
		return nil, mgmterr.New(mgmterr.TooBig, "", "cannot use the answer of %s: it has more than %d bytes", name, bind.MaxAnswer)
	case err != nil:
		return nil, notStarted(ctx, q, err)
	}
	if why := t.failure(x); why != nil {
		return nil, mgmterr.New(mgmterr.OperationFailed, q.Path(), "cannot run %s: %s", name, why)
	}
	out, err := bind.Answer(x, schema, q.Operation, t.out)
	if err != nil { // XML that is none too
		return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot use the answer of %s, which has run: it is not what the model says; %s", name, err).WithCause(err)
	}
	return out, nil
}

// notStarted is what the client is told where no program has ended.
func notStarted(ctx context.Context, q operate.Request, err error) error {
	if ctx.Err() != nil {
		return err // whoever ended it says why
	}
	var no *wire.Refusal
	tag, path := mgmterr.OperationFailed, q.Path()
	if errors.As(err, &no) {
		switch no.Class {
		case wire.Denied:
			tag = mgmterr.AccessDenied
		case wire.BadArgument:
			tag = mgmterr.InvalidValue
		case wire.Busy:
			tag = mgmterr.ResourceDenied
		}
	}
	return mgmterr.New(tag, path, "cannot run %s: %s", q.Operation.Name, err).WithCause(err)
}
