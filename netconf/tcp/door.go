// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"nso.example/nso/accept"
	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/netconf"
)

// Name is the door's, and that of its transport.
const Name = "netconf-tcp"

// Options of a Door. Diag, Resolver and Policy are required.
type Options struct {
	Diag     *ident.Diag
	Resolver *ident.Resolver
	// Policy is asked for each connection, so that it can change.
	Policy func() ident.Policy
	// Admin reports who may have the connections that are kept; nil is nobody.
	Admin func(ident.Actor) bool
	// Connections is how many may be open, and Reserve how many of those are kept
	// for Admin; 2048 and 0.
	Connections, Reserve int
	// PerUser is how many a uid may have; 512.
	PerUser int
	// HelloTimeout is how long header and hello may take together; 30 s. The
	// hello's part is netconf's to watch.
	HelloTimeout time.Duration
	Log          *slog.Logger
}

// Door makes sessions of connections.
type Door struct {
	*accept.Gate
	server *netconf.Server
	opts   Options
	log    *slog.Logger
	audit  *audit.Trail
}

// crowd is how many connections may wait for their hello; the others wait in the
// kernel's queue.
const crowd = 256

// New makes a door to server.
func New(server *netconf.Server, o Options) *Door {
	if o.HelloTimeout == 0 {
		o.HelloTimeout = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{server: server, opts: o, log: o.Log.With("door", Name), audit: server.Audit()}
	d.Gate = accept.New(accept.Options{Connections: o.Connections, Reserve: o.Reserve, PerUser: o.PerUser, Admin: o.Admin,
		Crowd: crowd, Refused: d.audit.Refused, Log: o.Log})
	return d
}

// Connections is how many are open, with a session or not yet.
func (d *Door) Connections() int { return d.Gate.Connections(Name) }

// Serve accepts connections until ctx ends or the listener is closed; it closes
// the listener. Sessions live until ctx ends: they outlive the listener. Serve may
// be called for several listeners.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	return d.Gate.Serve(ctx, Name, listener, func(c *accept.Conn) {
		defer d.server.Recover(d.log)
		d.serve(ctx, c)
	})
}

// serve is the life of one connection.
func (d *Door) serve(ctx context.Context, conn *accept.Conn) {
	deadline := conn.Began.Add(d.opts.HelloTimeout)
	conn.SetDeadline(deadline)
	// A daemon that stops does not wait for headers.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	policy := d.opts.Policy()
	asked, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	peer, actor, err := d.identify(asked, conn, policy)
	if err == nil {
		err = conn.Known(actor)
	}
	if err != nil {
		conn.Refuse(actor, err)
		return
	}
	header, rest, err := ident.ReadHeader(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("no header came in time")
	}
	if err == nil {
		err = peer.Verify()
	}
	own := actor
	if err == nil {
		actor, err = d.opts.Resolver.Check(asked, header, actor, policy)
	}
	if err != nil {
		conn.Refuse(own, err)
		return
	}
	if policy.Claimed || actor.User != own.User {
		d.audit.ActingAs(actor, Name, map[bool]string{true: `netconf.tcp.trust is "claimed"`, false: "access.grant"}[policy.Claimed])
	}
	if !stop() { // ctx has ended
		return
	}
	conn.SetDeadline(time.Time{})
	d.server.Serve(ctx, &behindHeader{conn, rest}, netconf.Peer{Actor: actor, Transport: Name, Verify: peer.Verify, Greeted: conn.Greeted}, conn.Began)
}

// identify asks the kernel who is at the other end, and who that is by name.
func (d *Door) identify(ctx context.Context, conn net.Conn, policy ident.Policy) (*ident.TCP, ident.Actor, error) {
	peer, err := ident.FromTCP(conn, d.opts.Diag, Name, policy)
	if err != nil {
		return nil, ident.Actor{}, err
	}
	actor, err := d.opts.Resolver.Actor(ctx, peer.Peer)
	return peer, actor, err
}

// behindHeader is a connection whose header has been read.
type behindHeader struct {
	net.Conn
	rest io.Reader
}

func (c *behindHeader) Read(p []byte) (int, error) { return c.rest.Read(p) }
