// SPDX-License-Identifier: Apache-2.0

// Package maapi serves org.nso.Maapi on the IPC socket: transactions on the
// configuration, as the caller.
//
// It reaches data through mgmt.Session alone, and holds per connection one
// session and its transactions by handle.
//
// Invariants:
//  1. A session acts as the user that the peer's uid names, or by a grant as another
//     (As). A recovery session is root's, on the Unix socket alone.
//  2. The legal order of the calls on a transaction is txn's; a wrong order is
//     the error BadState.
//  3. A prepared transaction is aborted after ten seconds, and with its
//     connection.
package maapi

import (
	"context"
	_ "embed" // the interface description
	"errors"
	"fmt"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

const name = "org.nso.Maapi"

//go:embed org.nso.Maapi.varlink
var description string

// InSession is the state of a connection that has a session, which may want
// another idle time than one that has none (varlink.Limits.IdleIn).
const InSession varlink.State = 1 << 1

const (
	maxTransactions = 64
	maxLoad         = 64 << 20 // bytes of one Load
	pieceSize       = 256 << 10
	maxWhole        = 16 << 20 // bytes of a text that is not asked for in pieces
	prepareTime     = 10 * time.Second
)

// As gives an actor acting as another user, if a grant lets it (ident.Resolver.As).
type As func(ctx context.Context, actor ident.Actor, user string) (ident.Actor, error)

type room struct {
	server  *mgmt.Server
	as      As            // nil: nobody acts as another
	prepare time.Duration // how long a transaction may stay prepared
}

// caller is what a connection holds. It belongs to the goroutine that serves the
// connection: handlers and OnClose.
type caller struct {
	session *mgmt.Session // nil while there is none
	self    ident.Actor   // who the connection acts as outside of sessions
	txns    map[int64]*transaction
	last    int64
}

type transaction struct {
	write    bool
	txn      *mgmt.Txn  // nil for operational
	snapshot *tree.Node // of operational
	deadline *time.Timer
}

func callerKey() varlink.Key[*caller] { return varlink.Key[*caller]{Name: "maapi"} }

// New makes the interface.
func New(server *mgmt.Server, as As) varlink.Interface {
	return (&room{server, as, prepareTime}).table()
}

func (r *room) table() varlink.Interface {
	row := func(method string, states varlink.State, h varlink.Handler) varlink.Method {
		return varlink.Method{Name: method, Access: peer.Anyone, States: states, Handler: told(h)}
	}
	load := row("Load", InSession, r.load)
	load.MaxMessage = maxLoad
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		// Anyone who connects may open a session: what it may do is asked of
		// access control at every step (RFC 8341).
		row("OpenSession", varlink.Fresh, r.openSession),
		row("CloseSession", InSession, r.closeSession),
		row("Begin", InSession, r.begin),
		row("Get", InSession, r.get),
		row("Exists", InSession, r.exists),
		row("Show", InSession, r.show),
		row("Keys", InSession, r.keys),
		row("Set", InSession, r.set),
		row("Create", InSession, r.create),
		row("Delete", InSession, r.delete),
		row("Move", InSession, r.move),
		load,
		row("Diff", InSession, r.diff),
		row("Revert", InSession, r.revert),
		row("Validate", InSession, r.validate),
		row("Prepare", InSession, r.prepareTxn),
		row("Commit", InSession, r.commit),
		row("Abort", InSession, r.abort),
		row("DryRun", InSession, r.dryRun),
		row("Confirm", InSession, r.confirm),
		row("CancelCommit", InSession, r.cancelCommit),
		row("Unconfirmed", InSession, r.unconfirmed),
		row("Save", InSession, r.save),
		row("History", InSession, r.history),
		row("ShowRevision", InSession, r.showRevision),
		row("Compare", InSession, r.compare),
		row("Rollback", InSession, r.rollback),
		row("Lock", InSession, r.lock),
		row("Unlock", InSession, r.unlock),
		row("Describe", InSession, r.describe),
		row("Commands", InSession, r.commands),
		row("Invoke", InSession, r.invoke),
	}}
}

// told turns what a handler refused into the errors of the description.
func told(h varlink.Handler) varlink.Handler {
	return func(ctx context.Context, c *varlink.Call) error {
		err := h(ctx, c)
		var bad *mgmt.StateError
		if errors.As(err, &bad) {
			return &varlink.Error{Name: name + ".BadState", Parameters: map[string]any{"state": bad.State.String(), "message": bad.Error()}}
		}
		return peer.Failed(name, err)
	}
}

func (r *room) openSession(ctx context.Context, c *varlink.Call) error {
	var in struct {
		User     *string `json:"user"`
		Recovery *bool   `json:"recovery"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	conn := c.Conn()
	self := peer.Actor(conn)
	actor := self
	if in.User != nil {
		var err error
		if actor, err = r.actAs(ctx, conn, self, *in.User); err != nil {
			return err
		}
	}
	recovery := in.Recovery != nil && *in.Recovery
	if recovery && conn.UnixConn() == nil {
		err := mgmterr.New(mgmterr.AccessDenied, "", "cannot open a recovery session here: that takes the daemon's Unix socket")
		r.server.Audit().LoginRefused(self, conn.Door(), err)
		return err
	}
	ss, err := r.server.Login(actor, mgmt.Login{
		Transport: transport(conn), Recovery: recovery,
		Kill: func(reason string) { conn.Close(errors.New(reason)) },
	})
	if err != nil {
		return err
	}
	cl, again := callerKey().Get(conn)
	if !again {
		cl = &caller{}
		callerKey().Set(conn, cl)
		conn.OnClose(func() { cl.end("the connection closed") })
	}
	cl.session, cl.self, cl.txns = ss, self, make(map[int64]*transaction)
	peer.Become(conn, actor)
	conn.SetState(InSession)
	return c.Reply(map[string]any{"usid": ss.ID(), "user": ss.Actor().User})
}

// transport is how a session is listed: as what the daemon's own command line is spoken
// over, else as this interface's.
func transport(conn *varlink.Conn) string {
	if door := conn.Door(); door == "cli-ssh" {
		return door
	}
	return "maapi"
}

// actAs is the actor of a connection acting as another user.
func (r *room) actAs(ctx context.Context, conn *varlink.Conn, self ident.Actor, user string) (ident.Actor, error) {
	if user == self.User {
		return self, nil
	}
	err := fmt.Errorf("cannot act as %.100q: nobody can here", user)
	if r.as != nil {
		var other ident.Actor
		if other, err = r.as(ctx, self, user); err == nil {
			r.server.Audit().ActingAs(other, conn.Door(), "access.grant of nso.toml, asked for by the client")
			return other, nil
		}
	}
	r.server.Audit().LoginRefused(self, conn.Door(), err)
	if errors.Is(err, ident.ErrRefused) || r.as == nil {
		return self, mgmterr.New(mgmterr.AccessDenied, "", "cannot act as %.100q: no access.grant in nso.toml lets %s", user, self.User)
	}
	return self, mgmterr.New(mgmterr.OperationFailed, "", "cannot act as %.100q: its account is not known now; the log says why", user)
}

// end closes the session of the connection, if it has one, and what it holds.
func (cl *caller) end(reason string) {
	for _, t := range cl.txns {
		t.disarm()
	}
	if cl.session != nil {
		cl.session.Close(reason, false)
	}
	cl.session, cl.txns = nil, nil
}

func (r *room) closeSession(_ context.Context, c *varlink.Call) error {
	cl := of(c)
	cl.end("closed by the client")
	peer.Become(c.Conn(), cl.self)
	c.Conn().SetState(varlink.Fresh)
	return c.Reply(nil)
}

// of is the caller of a call: the state table guarantees that there is one.
func of(c *varlink.Call) *caller {
	cl, _ := callerKey().Get(c.Conn())
	return cl
}

func (r *room) begin(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Datastore mgmt.Datastore `json:"datastore"`
		ReadWrite bool           `json:"readWrite"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	cl := of(c)
	if len(cl.txns) >= maxTransactions {
		return mgmterr.New(mgmterr.ResourceDenied, "", "cannot begin: this session has %d transactions; end one", maxTransactions)
	}
	t := &transaction{write: in.ReadWrite}
	var err error
	switch {
	case in.Datastore != mgmt.Operational:
		if in.ReadWrite {
			// What NETCONF asks of whoever edits (RFC 8341, 3.4.4). It also keeps
			// the commit lock from those who have nothing to commit.
			if err := cl.session.MayExec("ietf-netconf", "edit-config"); err != nil {
				return err
			}
		}
		t.txn, err = cl.session.Begin(ctx, in.Datastore)
	case in.ReadWrite:
		err = mgmterr.New(mgmterr.OperationNotSupported, "", "cannot write operational: it is read only; begin it without readWrite")
	default:
		t.snapshot, err = cl.session.Read(ctx, mgmt.Operational)
	}
	if err != nil {
		return err
	}
	cl.last++
	cl.txns[cl.last] = t
	return c.Reply(map[string]any{"th": cl.last})
}

// transaction finds the one that th names.
func (cl *caller) transaction(th int64) (*transaction, error) {
	t := cl.txns[th]
	if t == nil {
		return nil, &varlink.Error{Name: name + ".NoSuchTransaction", Parameters: map[string]any{"th": th}}
	}
	return t, nil
}

// writable finds a transaction that was begun to write.
func (cl *caller) writable(th int64) (*transaction, error) {
	t, err := cl.transaction(th)
	if err == nil && !t.write {
		return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot edit: the transaction was begun to read; begin one with readWrite")
	}
	return t, err
}

// root is what the transaction shows its session.
func (t *transaction) root() *tree.Node {
	if t.txn != nil {
		return t.txn.Root()
	}
	return t.snapshot
}

type onTxn struct {
	TH int64 `json:"th"`
}

func (r *room) revert(_ context.Context, c *varlink.Call) error {
	return simple(c, func(t *transaction) error { return t.txn.Revert() })
}

func (r *room) validate(ctx context.Context, c *varlink.Call) error {
	return simple(c, func(t *transaction) error { return t.txn.Validate(ctx) })
}

// simple is a call on a writable transaction that replies nothing.
func simple(c *varlink.Call, do func(*transaction) error) error {
	var in onTxn
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	if err := do(t); err != nil {
		return err
	}
	return c.Reply(nil)
}

func (r *room) prepareTxn(ctx context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		Force *bool `json:"force"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	if in.Force != nil && *in.Force {
		t.txn.Force()
	}
	if err := t.txn.Prepare(ctx); err != nil {
		return err
	}
	t.disarm()
	t.deadline = time.AfterFunc(r.prepare, t.txn.Abort)
	return c.Reply(nil)
}

func (r *room) abort(_ context.Context, c *varlink.Call) error {
	var in onTxn
	if err := c.Decode(&in); err != nil {
		return err
	}
	cl := of(c)
	t, err := cl.transaction(in.TH)
	if err != nil {
		return err
	}
	t.disarm()
	if t.txn != nil {
		t.txn.Abort()
	}
	delete(cl.txns, in.TH)
	return c.Reply(nil)
}

// disarm stops the deadline of a prepared transaction.
func (t *transaction) disarm() {
	if t.deadline != nil {
		t.deadline.Stop()
		t.deadline = nil
	}
}

// maxCommands is how many commands one call may ask about.
const maxCommands = 1000

// commands tells which commands of a user interface the session's user is offered, and
// which he may run.
func (r *room) commands(_ context.Context, c *varlink.Call) error {
	var in struct {
		Context  string   `json:"context"`
		Commands []string `json:"commands"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if len(in.Commands) > maxCommands {
		return varlink.InvalidParameter("commands")
	}
	type may struct {
		Offered bool `json:"offered"`
		Run     bool `json:"run"`
	}
	offered, run := of(c).session.MayUse(in.Context, in.Commands)
	all := make([]may, len(in.Commands))
	for i := range all {
		all[i] = may{offered[i], run[i]}
	}
	return c.Reply(map[string]any{"commands": all})
}

func (r *room) lock(_ context.Context, c *varlink.Call) error {
	return onStore(c, of(c).session.Lock)
}

func (r *room) unlock(_ context.Context, c *varlink.Call) error {
	return onStore(c, of(c).session.Unlock)
}

func onStore(c *varlink.Call, do func(mgmt.Datastore) error) error {
	var in struct {
		Datastore mgmt.Datastore `json:"datastore"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if err := do(in.Datastore); err != nil {
		return err
	}
	return c.Reply(nil)
}
