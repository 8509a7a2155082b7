// SPDX-License-Identifier: Apache-2.0

package accept

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"nso.example/nso/ident"
)

// Conn is a connection that was accepted. Its methods beyond those of net.Conn may be
// called by any goroutine.
type Conn struct {
	net.Conn
	Door  string
	Began time.Time
	From  netip.AddrPort

	gate   *Gate
	source netip.Prefix
	timer  *time.Timer // see late

	spoken atomic.Bool // a byte was read
	// Of gate, under its mu:
	placed, unawaited, known bool // places given back, each once
	user                     string
}

// How long a connection that is silent, or one that waits for its greeting, holds up
// others: those in the kernel's queue, and the end of the door.
const (
	silentTime = time.Second
	crowdTime  = 3 * time.Second
)

// Read notes that the other end has begun to speak.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoken.Load() && !c.spoken.Swap(true) && c.timer.Stop() {
		c.timer.Reset(crowdTime)
	}
	return n, err
}

// late is called when the other end has been silent for long, or is not greeted yet.
func (c *Conn) late() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.place()
	if !c.spoken.Load() {
		c.forget()
	}
}

// place gives back the place in the crowd; under mu.
func (c *Conn) place() {
	if !c.placed && c.gate.crowd != nil {
		<-c.gate.crowd // it is there: nobody waits
	}
	c.placed = true
}

// forget has Drain not wait for the connection; under mu.
func (c *Conn) forget() {
	if !c.unawaited {
		c.gate.awaited--
	}
	c.unawaited = true
}

// Greeted says that the other end has got what it came for, or never will: it holds up
// nobody any more.
func (c *Conn) Greeted() {
	c.timer.Stop()
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.place()
	c.forget()
}

// Known counts the connection as one of actor's user, or says why he may have no more.
func (c *Conn) Known(actor ident.Actor) error {
	g := c.gate
	admin := g.opts.Admin != nil && g.opts.Admin(actor)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.byUser[actor.User] >= g.opts.PerUser:
		return fmt.Errorf("%s has %d connections already", actor.User, g.opts.PerUser)
	case !admin && g.open > g.opts.Connections-g.opts.Reserve:
		return fmt.Errorf("the last %d of %d connections are kept for administrators; raise limits.connections in nso.toml", g.opts.Reserve, g.opts.Connections)
	}
	tally(g.byUser, actor.User, 1)
	c.user = actor.User
	c.met()
	return nil
}

// met ends that the connection is a stranger's; under mu.
func (c *Conn) met() {
	if !c.known {
		c.gate.strangers--
		tally(c.gate.bySource, c.source, -1)
	}
	c.known = true
}

// Refuse notes that the connection is turned away, and why.
func (c *Conn) Refuse(actor ident.Actor, reason error) {
	c.gate.mu.Lock()
	c.gate.refused++
	c.gate.mu.Unlock()
	c.gate.opts.Refused(actor, c.Door, c.from(), reason)
}

// Failed notes failures of the source; see Penalties.
func (c *Conn) Failed(n float64) {
	if p := c.gate.opts.Penalties; p != nil {
		p.Fail(c.From.Addr(), n)
	}
}

func (c *Conn) from() string { return c.RemoteAddr().String() }

// leave ends the connection and all that is counted of it.
func (c *Conn) leave() {
	c.Close()
	c.Greeted()
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	c.met()
	if c.user != "" {
		tally(g.byUser, c.user, -1)
	}
	g.open--
	tally(g.byDoor, c.Door, -1)
}
