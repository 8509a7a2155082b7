// SPDX-License-Identifier: Apache-2.0

package accept

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
)

// Options of a Gate. Refused is required.
type Options struct {
	// Connections is how many may be open, and Reserve how many of those are kept for
	// Admin; 2048 and 0.
	Connections, Reserve int
	// PerUser is how many a user may have; 512.
	PerUser int
	// Admin reports who may have the connections that are kept; nil is nobody.
	Admin func(ident.Actor) bool
	// Strangers is how many connections may be open whose user is not known yet, a
	// quarter of them of one source; from a quarter on new ones are dropped at random,
	// with a chance that grows. 0: as many as Connections, from anywhere.
	Strangers int
	// Penalties keep sources out that failed; nil: none.
	Penalties *Penalties
	// Crowd is how many connections may wait to be greeted; the others wait in the
	// kernel's queue. 0: none does.
	Crowd int
	// Refused is told of each connection that is turned away. It is the audit's to
	// hold back what would flood it.
	Refused func(a ident.Actor, door, source string, reason error)
	Log     *slog.Logger
}

// Gate accepts and counts the connections of one door, or of several that share
// their limits.
type Gate struct {
	opts   Options
	log    *slog.Logger
	crowd  chan struct{} // a place for each connection that is not greeted yet; nil: no limit
	random func() float64
	wait   sync.WaitGroup

	mu        sync.Mutex
	serving   int // listeners
	awaited   int // connections that Drain waits for
	open      int
	strangers int
	byDoor    map[string]int
	bySource  map[netip.Prefix]int // strangers
	byUser    map[string]int
	refused   uint64
}

// New makes a Gate.
func New(o Options) *Gate {
	if o.Connections == 0 {
		o.Connections = 2048
	}
	if o.PerUser == 0 {
		o.PerUser = 512
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{opts: o, log: o.Log, random: rand.Float64,
		byDoor: make(map[string]int), bySource: make(map[netip.Prefix]int), byUser: make(map[string]int)}
	if o.Crowd > 0 {
		g.crowd = make(chan struct{}, o.Crowd)
	}
	return g
}

// Connections is how many of a door are open, with a user or not yet.
func (g *Gate) Connections(door string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byDoor[door]
}

// Refused is how many connections were turned away.
func (g *Gate) Refused() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// Wait waits until no connection is open.
func (g *Gate) Wait() { g.wait.Wait() }

// Drain waits until nothing is accepted any more, which is for whoever closes the
// listeners, and until everybody who was accepted is greeted, or ctx is done. Who is
// silent is not waited for.
func (g *Gate) Drain(ctx context.Context) {
	for {
		g.mu.Lock()
		left := g.serving + g.awaited
		g.mu.Unlock()
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

// Idle reports an error if something is counted still: for tests, after Wait.
func (g *Gate) Idle() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != 0 || g.strangers != 0 || g.awaited != 0 || len(g.crowd) != 0 || len(g.byDoor)+len(g.bySource)+len(g.byUser) != 0 {
		return fmt.Errorf("counted still: %d open, %d strangers, %d awaited, %d places, %v, %v, %v",
			g.open, g.strangers, g.awaited, len(g.crowd), g.byDoor, g.bySource, g.byUser)
	}
	return nil
}

// Accepting after a failure begins again after these times.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// Serve accepts connections until ctx ends or the listener is closed; it closes the
// listener. serve is called for each connection in a goroutine of its own, and must not
// panic; what it leaves open is closed. Connections outlive the listener. Serve may be
// called for several listeners.
func (g *Gate) Serve(ctx context.Context, door string, listener net.Listener, serve func(*Conn)) error {
	g.count(&g.serving, 1)
	defer g.count(&g.serving, -1)
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	pause := time.Duration(0)
	for {
		if g.crowd != nil {
			select {
			case g.crowd <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
		}
		conn, err := listener.Accept()
		if err == nil {
			pause = 0
			g.accepted(door, conn, serve)
			continue
		}
		if g.crowd != nil {
			<-g.crowd
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		// No descriptor left (EMFILE, ENFILE), no memory, a client that is gone
		// already: the next one may have more luck.
		pause = min(max(2*pause, firstPause), lastPause)
		g.log.Warn("cannot accept a connection", event.Key, event.AcceptFailed, "door", door, "err", err, "dur", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (g *Gate) count(n *int, by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*n += by
}

// tally adds to a count of a map that keeps no zeros; under mu.
func tally[K comparable](m map[K]int, key K, by int) {
	if m[key] += by; m[key] == 0 {
		delete(m, key)
	}
}

// accepted starts a goroutine for a connection, if there is room for one. The
// connection has a place in the crowd, and gives it back.
func (g *Gate) accepted(door string, conn net.Conn, serve func(*Conn)) {
	c := &Conn{Conn: conn, Door: door, Began: time.Now(), From: remote(conn), gate: g}
	c.source = Source(c.From.Addr())
	if err := g.enter(c); err != nil {
		if g.crowd != nil {
			<-g.crowd
		}
		conn.Close()
		g.opts.Refused(ident.Actor{}, door, c.from(), err)
		return
	}
	c.timer = time.AfterFunc(silentTime, c.late)
	go func() {
		defer g.wait.Done()
		defer c.leave()
		serve(c)
	}()
}

// enter counts a connection, or says why there is no room for it.
func (g *Gate) enter(c *Conn) error {
	var err error
	if g.opts.Penalties != nil {
		err = g.opts.Penalties.Check(c.From.Addr())
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		err = g.room(c.source)
	}
	if err != nil {
		g.refused++
		return err
	}
	g.open++
	g.awaited++
	g.strangers++
	tally(g.byDoor, c.Door, 1)
	tally(g.bySource, c.source, 1)
	g.wait.Add(1)
	return nil
}

// room says whether there is room for one more of a source; under mu.
func (g *Gate) room(source netip.Prefix) error {
	begin, all := g.opts.Strangers/4, g.opts.Strangers
	switch {
	case g.open >= g.opts.Connections:
		return fmt.Errorf("all %d are in use; raise limits.connections in nso.toml", g.opts.Connections)
	case all == 0:
		return nil
	case g.bySource[source] >= max(1, begin):
		return fmt.Errorf("%s has %d connections that have not logged in", source, g.bySource[source])
	case g.strangers >= all:
		return fmt.Errorf("%d connections have not logged in", g.strangers)
	case g.strangers >= begin && g.random() < float64(g.strangers-begin)/float64(all-begin):
		return fmt.Errorf("%d connections have not logged in; some of the new ones are dropped", g.strangers)
	}
	return nil
}

// remote is where a connection comes from.
func remote(conn net.Conn) netip.AddrPort {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
