// SPDX-License-Identifier: Apache-2.0

// Package cdb serves org.nso.Cdb on the IPC socket: reads of one moment, and
// subscriptions to what commits change.
//
// It reaches data through mgmt.Session alone: what a commit hands to who takes part goes
// through Session.See before any of it is told.
//
// Invariants:
//  1. The session of a connection acts as the user that the peer's uid names.
//  2. A subscriber is told each change that he may read once, in order of revisions; who
//     is slow is told the net of several. Nothing is queued for him but the last few
//     versions of running, which all share, and one of his own.
//  3. A commit waits only for who subscribed so that it does (which takes the right to
//     lock), and for each phase no longer than his deadline.
//  4. Whatever becomes of a connection, its subscription, snapshots and session end with it.
//
// RFC 7951 (JSON, paths), RFC 8341 (access control).
package cdb

import (
	"context"
	_ "embed" // the interface description
	"errors"

	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

const name = "org.nso.Cdb"

//go:embed org.nso.Cdb.varlink
var description string

// Subscribed is the state of a connection that has a subscription.
const Subscribed varlink.State = 1 << 4

const (
	maxSnapshots = 64
	pieceSize    = 256 << 10
	maxWhole     = 16 << 20 // bytes of a text that is not asked for in pieces
	maxReading   = 2        // old revisions that are read from the disk at once
)

type room struct {
	server *mgmt.Server
	feed   *feed
	disk   chan struct{} // slots for reading the disk
}

// caller is what a connection holds. It belongs to the goroutine that serves the
// connection: handlers and OnClose.
type caller struct {
	session   *mgmt.Session
	snapshots map[int64]snapshot
	last      int64
	sub       *subscription // nil if it has none
}

// snapshot is a version of running, or what state there was.
type snapshot struct {
	version mgmt.Version
	state   *tree.Node
}

func callerKey() varlink.Key[*caller] { return varlink.Key[*caller]{Name: "cdb"} }

// New makes the interface. It takes part in the commits of server from then on.
func New(server *mgmt.Server) varlink.Interface {
	r := &room{server: server, feed: newFeed(server), disk: make(chan struct{}, maxReading)}
	row := func(method string, states varlink.State, h varlink.Handler) varlink.Method {
		return varlink.Method{Name: method, Access: peer.Anyone, States: states, Handler: told(h)}
	}
	const reading = varlink.Fresh | Subscribed
	watch, next := row("Watch", varlink.Fresh, r.watch), row("Next", Subscribed, r.next)
	watch.Stream, watch.ExpectMore, next.Stream = true, true, true
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		// Anyone who connects may ask: what he may read is asked of access control at
		// every step (RFC 8341).
		row("Snapshot", reading, r.snapshot),
		row("Release", reading, r.release),
		row("Get", reading, r.get),
		row("Exists", reading, r.exists),
		row("Count", reading, r.count),
		row("Subtree", reading, r.subtree),
		row("Entries", reading, r.entries),
		watch,
		row("Subscribe", varlink.Fresh, r.subscribe),
		next,
		row("Done", Subscribed, r.done),
		row("Refuse", Subscribed, r.refuse),
		row("Unsubscribe", Subscribed, r.unsubscribe),
	}}
}

// told turns what a handler refused into the errors of the description.
func told(h varlink.Handler) varlink.Handler {
	return func(ctx context.Context, c *varlink.Call) error { return peer.Failed(name, h(ctx, c)) }
}

// caller is the one of a call, with a session.
func (r *room) caller(c *varlink.Call) (*caller, error) {
	conn := c.Conn()
	if cl, ok := callerKey().Get(conn); ok {
		return cl, nil
	}
	ss, err := r.server.Login(peer.Actor(conn), mgmt.Login{
		Transport: "cdb", Kill: func(reason string) { conn.Close(errors.New(reason)) },
	})
	if err != nil {
		return nil, err
	}
	cl := &caller{session: ss, snapshots: make(map[int64]snapshot)}
	callerKey().Set(conn, cl)
	conn.OnClose(func() {
		cl.leave(errors.New("the connection closed"))
		cl.session.Close("the connection closed", false)
	})
	return cl, nil
}

// leave ends the subscription, if there is one.
func (cl *caller) leave(why error) {
	if cl.sub != nil {
		cl.sub.close(why)
		cl.sub = nil
	}
}

// from says what is read.
type from struct {
	Datastore *mgmt.Datastore `json:"datastore"`
	Revision  *uint64         `json:"revision"`
	Snapshot  *int64          `json:"snapshot"`
}

// what finds it.
func (r *room) what(ctx context.Context, cl *caller, f from) (s snapshot, err error) {
	ds := mgmt.Running
	if f.Datastore != nil {
		ds = *f.Datastore
	}
	switch {
	case f.Snapshot != nil && (f.Datastore != nil || f.Revision != nil):
		return s, varlink.InvalidParameter("snapshot")
	case f.Snapshot != nil:
		s, ok := cl.snapshots[*f.Snapshot]
		if !ok {
			return s, noSnapshot(*f.Snapshot)
		}
		return s, nil
	case ds == mgmt.Operational && f.Revision == nil:
		s.version = r.server.Version()
		s.state, err = cl.session.Read(ctx, ds)
	case ds != mgmt.Running:
		return s, varlink.InvalidParameter("datastore")
	case f.Revision != nil:
		s.version, err = r.at(ctx, cl.session, *f.Revision)
	default:
		s.version = r.server.Version()
	}
	return s, err
}

// at is running as it was at a revision. What it takes is what the history takes.
func (r *room) at(ctx context.Context, ss *mgmt.Session, rev uint64) (mgmt.Version, error) {
	if err := ss.MayExec("ietf-netconf", "get-config"); err != nil {
		return mgmt.Version{}, err
	}
	if now := r.server.Version(); now.Revision == rev {
		return now, nil
	}
	select {
	case r.disk <- struct{}{}:
		defer func() { <-r.disk }()
	case <-ctx.Done():
		return mgmt.Version{}, ctx.Err()
	}
	v, err := r.server.VersionAt(ctx, rev)
	if errors.Is(err, mgmt.ErrNotKept) {
		return v, &varlink.Error{Name: name + ".StartAnew", Parameters: map[string]any{
			"revision": rev, "message": "cannot go back to this revision: it is not kept, or was never made; begin with what there is now"}}
	}
	return v, err
}

func noSnapshot(n int64) error {
	return &varlink.Error{Name: name + ".NoSuchSnapshot", Parameters: map[string]any{"snapshot": n}}
}

// root is what the session may read of it now.
func (s snapshot) root(ss *mgmt.Session) *tree.Node {
	if s.state != nil {
		return s.state
	}
	return ss.See(s.version)
}

func (r *room) snapshot(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Datastore *mgmt.Datastore `json:"datastore"`
		Revision  *uint64         `json:"revision"`
	}
	cl, err := r.decode(c, &in)
	if err != nil {
		return err
	}
	if len(cl.snapshots) >= maxSnapshots {
		return mgmterr.New(mgmterr.ResourceDenied, "", "cannot keep another snapshot: this connection has %d; release one", maxSnapshots)
	}
	s, err := r.what(ctx, cl, from{Datastore: in.Datastore, Revision: in.Revision})
	if err != nil {
		return err
	}
	cl.last++
	cl.snapshots[cl.last] = s
	return c.Reply(map[string]any{"snapshot": cl.last, "revision": s.version.Revision})
}

func (r *room) release(_ context.Context, c *varlink.Call) error {
	var in struct {
		Snapshot int64 `json:"snapshot"`
	}
	cl, err := r.decode(c, &in)
	if err != nil {
		return err
	}
	if _, ok := cl.snapshots[in.Snapshot]; !ok {
		return noSnapshot(in.Snapshot)
	}
	delete(cl.snapshots, in.Snapshot)
	return c.Reply(nil)
}

// decode is the parameters and the caller of a call.
func (r *room) decode(c *varlink.Call, in any) (*caller, error) {
	if err := c.Decode(in); err != nil {
		return nil, err
	}
	return r.caller(c)
}
