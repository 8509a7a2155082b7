// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
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

// Door accepts connections and makes sessions of them.
type Door struct {
	server *netconf.Server
	opts   Options
	log    *slog.Logger
	audit  *audit.Trail

	crowd chan struct{} // a place for each connection that is not greeted yet

	mu      sync.Mutex
	serving int // listeners
	waiting int // connections that are not greeted yet
	open    int
	perUser map[uint32]int
	refused uint64
	wait    sync.WaitGroup
}

// New makes a door to server.
func New(server *netconf.Server, o Options) *Door {
	if o.Connections == 0 {
		o.Connections = 2048
	}
	if o.PerUser == 0 {
		o.PerUser = 512
	}
	if o.HelloTimeout == 0 {
		o.HelloTimeout = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Door{server: server, opts: o, log: o.Log.With("door", Name), audit: server.Audit(), crowd: make(chan struct{}, 256), perUser: make(map[uint32]int)}
}

// Connections is how many are open, with a session or not yet.
func (d *Door) Connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// Refused is how many connections were closed without a session.
func (d *Door) Refused() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// Wait waits until no connection is open.
func (d *Door) Wait() { d.wait.Wait() }

// Drain waits until nothing is accepted any more, which is for whoever closes the
// listeners, and until every connection that was accepted has its hello, or ctx is
// done.
func (d *Door) Drain(ctx context.Context) {
	for {
		d.mu.Lock()
		left := d.serving + d.waiting
		d.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// How long a connection that is silent, or one that waits for its session, holds up
// those that wait in the kernel's queue.
const (
	silentTime = time.Second
	crowdTime  = 3 * time.Second
)

// Accepting after a failure begins again after these times.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// Serve accepts connections until ctx ends or the listener is closed; it closes
// the listener. Sessions live until ctx ends: they outlive the listener. Serve may
// be called for several listeners.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	d.count(&d.serving, 1)
	defer d.count(&d.serving, -1)
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	pause := time.Duration(0)
	for {
		select { // a crowd waits in the kernel's queue
		case d.crowd <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := listener.Accept()
		if err == nil {
			pause = 0
			d.accepted(ctx, conn)
			continue
		}
		<-d.crowd
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF):
			return nil
		}
		// No descriptor left (EMFILE, ENFILE), no memory, a client that is gone
		// already: the next one may have more luck.
		pause = min(max(2*pause, firstPause), lastPause)
		d.log.Warn("cannot accept a connection", event.Key, event.AcceptFailed, "err", err, "dur", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (d *Door) count(n *int, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*n += by
}

// accepted starts a goroutine for a connection, if there is room for one at all. The
// connection has a place in the crowd, and gives it back.
func (d *Door) accepted(ctx context.Context, conn net.Conn) {
	began := time.Now()
	d.mu.Lock()
	room := d.open < d.opts.Connections
	if room {
		d.open++
		d.waiting++
		d.wait.Add(1)
	} else {
		d.refused++
	}
	first := d.refused == 1 || d.refused%1000 == 0
	d.mu.Unlock()
	leave := sync.OnceFunc(func() { <-d.crowd })
	if !room {
		leave()
		conn.Close()
		if first { // who is turned away by the thousand must not fill the log
			d.audit.Refused(ident.Actor{}, Name, conn.RemoteAddr().String(),
				fmt.Errorf("all %d are in use; raise limits.connections in nso.toml", d.opts.Connections))
		}
		return
	}
	timer := time.AfterFunc(silentTime, leave)
	greeted := sync.OnceFunc(func() {
		timer.Stop()
		leave()
		d.count(&d.waiting, -1)
	})
	go func() {
		defer d.wait.Done()
		defer greeted()
		defer func() {
			d.mu.Lock()
			d.open--
			d.mu.Unlock()
		}()
		defer conn.Close()
		defer d.server.Recover(d.log)
		d.serve(ctx, conn, began, func() { timer.Reset(crowdTime) }, greeted)
	}()
}

// serve is the life of one connection. spoken is called when it has said who it is,
// greeted when it has its hello.
func (d *Door) serve(ctx context.Context, conn net.Conn, began time.Time, spoken, greeted func()) {
	deadline := began.Add(d.opts.HelloTimeout)
	conn.SetDeadline(deadline)
	// A daemon that stops does not wait for headers.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	policy := d.opts.Policy()
	asked, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	peer, actor, err := d.identify(asked, conn, policy)
	if err != nil {
		d.refuse(conn, actor, err)
		return
	}
	uid := peer.Peer.UID
	if err := d.enter(uid, actor); err != nil {
		d.refuse(conn, actor, err)
		return
	}
	defer d.leave(uid)
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
		d.refuse(conn, own, err)
		return
	}
	if policy.Claimed || actor.User != own.User {
		d.audit.ActingAs(actor, Name, map[bool]string{true: `netconf.tcp.trust is "claimed"`, false: "access.grant"}[policy.Claimed])
	}
	spoken()
	if !stop() { // ctx has ended
		return
	}
	conn.SetDeadline(time.Time{})
	d.server.Serve(ctx, &behindHeader{conn, rest}, netconf.Peer{Actor: actor, Transport: Name, Verify: peer.Verify, Greeted: greeted}, began)
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

// enter counts a connection of a user, or says why it may have no more.
func (d *Door) enter(uid uint32, actor ident.Actor) error {
	admin := d.opts.Admin != nil && d.opts.Admin(actor)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.perUser[uid] >= d.opts.PerUser:
		return fmt.Errorf("uid %d has %d connections already", uid, d.opts.PerUser)
	case !admin && d.open > d.opts.Connections-d.opts.Reserve:
		return fmt.Errorf("the last %d of %d connections are kept for administrators; raise limits.connections in nso.toml", d.opts.Reserve, d.opts.Connections)
	}
	d.perUser[uid]++
	return nil
}

func (d *Door) leave(uid uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.perUser[uid]--; d.perUser[uid] == 0 {
		delete(d.perUser, uid)
	}
}

func (d *Door) refuse(conn net.Conn, actor ident.Actor, reason error) {
	d.mu.Lock()
	d.refused++
	d.mu.Unlock()
	d.audit.Refused(actor, Name, conn.RemoteAddr().String(), reason)
}

// behindHeader is a connection whose header has been read.
type behindHeader struct {
	net.Conn
	rest io.Reader
}

func (c *behindHeader) Read(p []byte) (int, error) { return c.rest.Read(p) }
