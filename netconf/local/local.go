// SPDX-License-Identifier: Apache-2.0

// Package local serves org.nso.Netconf on the IPC socket: NETCONF sessions for
// programs on this machine, and for those who come in over its OpenSSH.
//
// It knows the call that begins a session and nothing of what follows.
//
// Invariants:
//  1. A session acts as the user that the peer's uid names.
//  2. Whoever can connect may open a session: what it can do there is the access
//     control's to say (RFC 8341).
//
// RFC 6241 (NETCONF).
package local

import (
	"context"
	_ "embed" // the interface description
	"time"

	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/netconf"
)

const name = "org.nso.Netconf"

// transport is the session's, for the log and for monitoring.
const transport = "netconf-local"

//go:embed org.nso.Netconf.varlink
var description string

// New makes the interface.
func New(server *netconf.Server) varlink.Interface {
	open := func(ctx context.Context, c *varlink.Call) error {
		conn, err := c.Upgrade(nil)
		if err != nil {
			return err
		}
		server.Serve(ctx, conn, netconf.Peer{Actor: peer.Actor(c.Conn()), Transport: transport}, time.Now())
		return nil
	}
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		{Name: "Open", Access: peer.Anyone, States: varlink.Fresh, Handler: open, Stream: true, Upgrade: true},
	}}
}
