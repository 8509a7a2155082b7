// SPDX-License-Identifier: Apache-2.0

// Package operate is the invocation of the rpcs and actions of models: what is asked
// of the input, who does it, and what is asked of the output.
//
// It asks no access control and reads no datastore: mgmt.Session.Invoke does, and is
// the only door. It knows no protocol.
//
// Invariants:
//  1. A handler is called with an input that the schema has accepted, in which every
//     default in use is said, on an instance that exists (RFC 7950, 7.14.2 and 7.15).
//  2. What a handler answers reaches nobody before the schema has accepted it; what it
//     has not is told as the operation's failure and never as the client's.
//  3. A handler has a deadline, and its context ends with it.
//  4. An operation without handler is operation-not-supported, with what to do about it.
//
// RFCs: 7950 (6.4.1, 7.14, 7.15), 8342 (6.1, 6.2).
package operate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/yang"
)

// DefaultDeadline is how long a handler may take that says nothing else.
const DefaultDeadline = time.Minute

// Call is what is to be done.
type Call struct {
	Operation *yang.Node // the rpc or action
	At        tree.Path  // instance that has the action; empty for an rpc
	Input     *tree.Node // of the operation's input; nil for nothing
}

// Name is the name of the operation as module:name.
func (c Call) Name() string { return c.Operation.Module.Name + ":" + c.Operation.Name }

// Path is the path of the operation, as errors have it.
func (c Call) Path() string {
	name := "/" + c.Name()
	if len(c.At) == 0 {
		return name
	}
	if c.At.Schema().Module == c.Operation.Module {
		name = "/" + c.Operation.Name
	}
	return c.At.String() + name
}

// schemaPath is Path without keys.
func (c Call) schemaPath() string {
	bare := Call{Operation: c.Operation}
	for _, st := range c.At {
		bare.At = append(bare.At, tree.Step{Schema: st.Schema})
	}
	return bare.Path()
}

// Parse reads the path of an rpc, or of an action with the keys of the entries that it
// is of, as Call.Path writes it.
func Parse(s *yang.Schema, text string) (Call, error) {
	rest, last := "", text
	if i := lastSlash(text); i >= 0 {
		rest, last = text[:i], text[i+1:]
	}
	none := mgmterr.New(mgmterr.UnknownElement, "", "cannot find %.200q: it is no rpc and no action; write /module:name, or the path of a node and the name of its action", text)
	module, name, qualified := strings.Cut(last, ":")
	if !qualified {
		name = last
	}
	if rest == "" {
		for _, r := range s.RPCs {
			if r.Name == name && r.Module.Name == module && qualified && strings.HasPrefix(text, "/") {
				return Call{Operation: r}, nil
			}
		}
		return Call{}, none
	}
	at, err := tree.ParsePath(s, rest)
	if err != nil {
		return Call{}, err
	}
	for _, a := range at.Schema().Actions {
		if a.Name == name && (a.Module.Name == module || !qualified && a.Module == at.Schema().Module) {
			return Call{Operation: a, At: at}, nil
		}
	}
	return Call{}, none
}

// lastSlash is where the last step of a path begins; a value in quotes may have slashes.
func lastSlash(text string) (at int) {
	at = -1
	var quote byte
	for i := range len(text) {
		switch b := text[i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '\'' || b == '"':
			quote = b
		case b == '/':
			at = i
		}
	}
	return at
}

// Within is the path of something in the input or output, which a decoder of that alone
// has given.
func (c Call) Within(path string) string {
	if path == "" || path == "/" {
		return c.Path()
	}
	return c.Path() + "/" + strings.TrimPrefix(path[1:], c.Operation.Module.Name+":")
}

// Request is what a handler is given.
type Request struct {
	Call
	Actor   ident.Actor
	Session uint32
	Door    string // transport of the session
}

// Handler does an operation.
type Handler struct {
	// Do returns the output, nil for none. An error is a *mgmterr.Error or a List,
	// which the client is told, or a bug of the handler's.
	Do func(ctx context.Context, r Request) (*tree.Node, error)
	// Deadline is how long it may take; 0 means DefaultDeadline.
	Deadline time.Duration
}

// Finder finds the handler of an operation that none was registered for: false for none.
// The error says why what is bound cannot be used.
type Finder func(operation *yang.Node) (Handler, bool, error)

// Table is who does what.
type Table struct {
	rules *check.Rules

	mu       sync.RWMutex
	handlers map[*yang.Node]Handler
	find     Finder
}

// New makes an empty table.
func New(rules *check.Rules) *Table {
	return &Table{rules: rules, handlers: make(map[*yang.Node]Handler)}
}

// Handle registers the handler of an operation.
func (t *Table) Handle(operation *yang.Node, h Handler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handlers[operation] = h
}

// Otherwise says who is asked for the handlers of other operations.
func (t *Table) Otherwise(find Finder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.find = find
}

// Does reports whether there is a handler of an operation, or what is bound to it is wrong.
func (t *Table) Does(operation *yang.Node) bool {
	t.mu.RLock()
	_, ok := t.handlers[operation]
	find := t.find
	t.mu.RUnlock()
	if !ok && find != nil {
		_, found, err := find(operation)
		return found || err != nil
	}
	return ok
}

// handler is who does an operation.
func (t *Table) handler(c Call) (Handler, error) {
	t.mu.RLock()
	h, ok := t.handlers[c.Operation]
	find := t.find
	t.mu.RUnlock()
	var why error
	if !ok && find != nil {
		h, ok, why = find(c.Operation)
	}
	switch {
	case why != nil:
		return h, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot run %s: %s", c.Operation.Name, why).OfType(mgmterr.Protocol)
	case !ok:
		return h, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot run %s: nothing does it on this system; "+
			"a rule in /etc/nso/exec.d with operations = [%q] has a program do it, see nso-exec(8)", c.Operation.Name, c.schemaPath()).OfType(mgmterr.Protocol)
	}
	return h, nil
}

// World gives the data around an operation: running, and the state below these top-level
// nodes; nil means all, and one that is empty none.
type World func(tops []*yang.Node) (*tree.Node, error)

// Invoke does an operation. Who asks has been permitted to.
func (t *Table) Invoke(ctx context.Context, r Request, world World) (*tree.Node, error) {
	in, out := r.Operation.Input(), r.Operation.Output()
	if in == nil || out == nil {
		return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot run %s: it is no rpc and no action", r.Operation.Name)
	}
	h, err := t.handler(r.Call)
	if err != nil {
		return nil, err
	}
	if r.Input == nil {
		r.Input = tree.New(in)
	}
	if r.Input.Schema() != in {
		return nil, mgmterr.New(mgmterr.UnknownElement, r.Path(), "cannot run %s with the input of another operation", r.Operation.Name)
	}
	around, err := t.around(r.At, in, world)
	if err != nil {
		return nil, err
	}
	if errs := t.rules.Operation(around, r.At, r.Input); len(errs) > 0 {
		return nil, errs
	}
	if r.Input, err = t.rules.Complete(around, r.At, r.Input); err != nil {
		return nil, err
	}
	answer, err := do(ctx, h, r)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		answer = tree.New(out)
	}
	return t.accept(r, out, answer, around, world)
}

// do calls the handler, for no longer than its deadline.
func do(ctx context.Context, h Handler, r Request) (*tree.Node, error) {
	limit := h.Deadline
	if limit <= 0 {
		limit = DefaultDeadline
	}
	late := mgmterr.New(mgmterr.OperationFailed, "", "cannot finish %s: it has taken more than %v", r.Operation.Name, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	answer, err := h.Do(ctx, r)
	if err != nil && mgmterr.Of(err) == nil && ctx.Err() != nil {
		if errors.Is(context.Cause(ctx), late) {
			return nil, late.WithCause(err)
		}
		return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot finish %s: the session has ended", r.Operation.Name).WithCause(err)
	}
	return answer, err
}

// accept asks the schema about an answer. What is around it is what there is now (RFC
// 7950, 6.4.1), or was, where the operation has removed the node that it was of.
func (t *Table) accept(r Request, out *yang.Node, answer, before *tree.Node, world World) (*tree.Node, error) {
	bad := func(why error) error {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot use the answer of %s, which has run: it is not what the model says; %s", r.Operation.Name, why).WithCause(why)
	}
	if answer.Schema() != out {
		return nil, bad(errors.New("it is of another operation"))
	}
	around, err := t.around(r.At, out, world)
	if err != nil {
		return nil, err
	}
	if _, ok := around.Find(r.At); !ok {
		around = before
	}
	if errs := t.rules.Operation(around, r.At, answer); len(errs) > 0 {
		return nil, bad(errs[0])
	}
	return answer, nil
}

// around is the data that an operation is in and that its conditions read (RFC 8342, 6.1
// and 6.2: the operational state).
func (t *Table) around(at tree.Path, of *yang.Node, world World) (*tree.Node, error) {
	tops, all := t.rules.Around(of)
	if all {
		return world(nil)
	}
	if len(at) > 0 && !slices.Contains(tops, at[0].Schema) {
		tops = append(slices.Clone(tops), at[0].Schema)
	}
	if tops == nil {
		tops = []*yang.Node{}
	}
	return world(tops)
}
