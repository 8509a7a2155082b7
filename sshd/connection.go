// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/accept"
	"nso.example/nso/ident"
)

// Limits of a connection.
const (
	maxChannels = 8
	maxRequests = 32 // of a channel, before it has a program
	lastWords   = 3 * time.Second

	beforeLogin = 128 << 10 // bytes that a stranger can send
	// untaken is what can be sent for a channel that no program takes: its window, which
	// is 2 MiB, and what is around it. The window alone would let in millions of packets
	// of a byte each.
	untaken = 3 << 20
)

// metered is a connection that can send so much, and no more before it is taken.
type metered struct {
	net.Conn
	left atomic.Int64
}

var errTooMuch = errors.New("cannot take what it sends: it is too much")

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	if m.left.Add(-int64(n)) < 0 {
		m.Conn.Close()
		return 0, errTooMuch
	}
	return n, err
}

// connection is one whose user is known.
type connection struct {
	door  *Door
	conn  *accept.Conn
	meter *metered
	ssh   ssh.Conn
	actor ident.Actor
	open  int           // channels; of the goroutine of serve alone
	ended chan struct{} // one for each channel that has ended
	wait  sync.WaitGroup
	asked atomic.Bool // a question whether the peer is there has no answer yet
	quota atomic.Int64
}

// taken says that a program has taken something.
func (c *connection) taken() { c.meter.left.Store(c.quota.Load()) }

// allow sets what can be sent, for the channels that there are.
func (c *connection) allow() {
	c.quota.Store(int64(c.open+1) * untaken)
	c.taken()
}

// serve serves the channels of a connection until it ends, or ctx does.
func (c *connection) serve(ctx context.Context, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	defer func() {
		c.conn.Close()
		c.wait.Wait()
	}()
	idle := time.NewTimer(c.door.server.opts.HelloTimeout)
	defer idle.Stop()
	alive := time.NewTicker(c.door.server.opts.Keepalive)
	defer alive.Stop()
	c.allow()
	for {
		select {
		case n, ok := <-channels:
			if !ok {
				return
			}
			if c.channel(ctx, n) {
				c.open++
				c.allow()
				idle.Stop()
			}
		case r, ok := <-requests:
			if !ok {
				return
			}
			_ = r.Reply(false, nil) // no forwarding: each is refused (RFC 4254, 7.1)
		case <-c.ended:
			if c.open--; c.open == 0 {
				idle.Reset(c.door.server.opts.HelloTimeout)
			}
			c.allow()
		case <-alive.C:
			if c.asked.Swap(true) {
				return
			}
			c.allow()
			go c.ask()
		case <-idle.C:
			return
		case <-ctx.Done():
			c.farewell(channels, requests)
			return
		}
	}
}

// farewell waits until the programs have said why they end.
func (c *connection) farewell(channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	over := time.NewTimer(lastWords)
	defer over.Stop()
	for c.open > 0 {
		select {
		case n, ok := <-channels:
			if !ok {
				return
			}
			_ = n.Reject(ssh.ResourceShortage, "the daemon is stopping")
		case r, ok := <-requests:
			if !ok {
				return
			}
			_ = r.Reply(false, nil)
		case <-c.ended:
			c.open--
		case <-over.C:
			return
		}
	}
}

// ask asks whether the peer is there; any answer will do.
func (c *connection) ask() {
	if _, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil); err == nil {
		c.asked.Store(false)
	}
}

// channel begins a channel, or refuses it.
func (c *connection) channel(ctx context.Context, n ssh.NewChannel) bool {
	switch {
	case n.ChannelType() != "session":
		_ = n.Reject(ssh.UnknownChannelType, "only sessions are served here")
		return false
	case c.open >= maxChannels:
		_ = n.Reject(ssh.ResourceShortage, "too many sessions on one connection")
		return false
	}
	ch, requests, err := n.Accept()
	if err != nil {
		return false
	}
	s := newSession(c, ch)
	c.wait.Go(func() {
		defer func() { c.ended <- struct{}{} }()
		defer c.door.server.recover(c.door.log)
		s.serve(ctx, requests)
	})
	return true
}
