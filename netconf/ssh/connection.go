// SPDX-License-Identifier: Apache-2.0

package ssh

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/ident"
	"nso.example/nso/netconf"
)

// Subsystem is the one there is (RFC 6242, 3).
const Subsystem = "netconf"

// Limits of a connection whose user is known.
const (
	maxChannels = 8
	maxRequests = 32 // of a channel, before it has a subsystem
	lastWords   = 3 * time.Second
)

// connection is one whose user is known.
type connection struct {
	door  *Door
	conn  net.Conn
	actor ident.Actor
	open  int           // channels; of the goroutine of serve alone
	ended chan struct{} // one for each channel that has ended
	wait  sync.WaitGroup
}

// serve serves the channels of a connection until it ends, or ctx does.
func (c *connection) serve(ctx context.Context, channels <-chan ssh.NewChannel) {
	defer func() {
		c.conn.Close()
		c.wait.Wait()
	}()
	idle := time.NewTimer(c.door.opts.HelloTimeout)
	defer idle.Stop()
	for {
		select {
		case n, ok := <-channels:
			if !ok {
				return
			}
			if c.channel(ctx, n) {
				c.open++
				idle.Stop()
			}
		case <-c.ended:
			if c.open--; c.open == 0 {
				idle.Reset(c.door.opts.HelloTimeout)
			}
		case <-idle.C:
			return
		case <-ctx.Done():
			// The sessions are told why they end; then it is the end.
			over := time.NewTimer(lastWords)
			defer over.Stop()
			for c.open > 0 {
				select {
				case n, ok := <-channels:
					if !ok {
						return
					}
					_ = n.Reject(ssh.ResourceShortage, "the daemon is stopping")
				case <-c.ended:
					c.open--
				case <-over.C:
					return
				}
			}
			return
		}
	}
}

// channel begins a channel, or refuses it.
func (c *connection) channel(ctx context.Context, n ssh.NewChannel) bool {
	began := time.Now()
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
	c.wait.Go(func() {
		defer func() { c.ended <- struct{}{} }()
		defer c.door.server.Recover(c.door.log)
		c.session(ctx, ch, requests, began)
	})
	return true
}

// session answers the requests of a channel, and runs what one of them begins.
func (c *connection) session(ctx context.Context, ch ssh.Channel, requests <-chan *ssh.Request, began time.Time) {
	// The channel is there until both sides have closed it (RFC 4254, 5.3): until then
	// it counts, and its requests are taken, since they would hold up the others.
	defer func() {
		_ = ch.Close()
		guard := time.AfterFunc(c.door.opts.HelloTimeout, func() { c.conn.Close() })
		defer guard.Stop()
		ssh.DiscardRequests(requests)
	}()
	late := time.NewTimer(c.door.opts.HelloTimeout)
	defer late.Stop()
	for range maxRequests {
		select {
		case r, ok := <-requests:
			if !ok {
				return
			}
			run := c.program(r)
			if r.WantReply {
				_ = r.Reply(run != nil, nil)
			}
			if run != nil {
				go ssh.DiscardRequests(requests)
				run(ctx, ch, began)
				return
			}
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// program is what a request begins, nil for what is refused: terminals, environments,
// shells, commands, forwarding, and every subsystem but one. The command line over SSH
// will be another case here.
func (c *connection) program(r *ssh.Request) func(context.Context, ssh.Channel, time.Time) {
	if r.Type != "subsystem" {
		return nil
	}
	var name struct{ Name string } // RFC 4254, 6.5
	if err := ssh.Unmarshal(r.Payload, &name); err != nil || name.Name != Subsystem {
		return nil
	}
	return func(ctx context.Context, ch ssh.Channel, began time.Time) {
		c.door.server.Serve(ctx, newStream(ch, c.conn), netconf.Peer{Actor: c.actor, Transport: Name}, began)
	}
}

// alive asks now and then whether the peer is still there, and ends the connection
// when it does not answer.
func (c *connection) alive(ctx context.Context, sc ssh.Conn) {
	every := c.door.opts.Keepalive
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		guard := time.AfterFunc(every, func() { c.conn.Close() })
		_, _, err := sc.SendRequest("keepalive@openssh.com", true, nil) // any answer will do
		guard.Stop()
		if err != nil {
			return
		}
	}
}
