// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"errors"

	"nso.example/nso/ident"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
)

// identifier says who is at the other end of a connection of the IPC.
type identifier struct {
	self     uint32 // the daemon's own uid
	diag     *ident.Diag
	resolver *ident.Resolver
}

// actor asks the kernel, and then whoever knows the accounts.
func (i *identifier) actor(ctx context.Context, conn *varlink.Conn) (ident.Actor, error) {
	if unix := conn.UnixConn(); unix != nil {
		p, err := ident.FromUnix(unix, conn.Door())
		if err != nil {
			return ident.Actor{}, err
		}
		return i.resolver.Actor(ctx, p)
	}
	if in, ok := conn.NetConn().(*inside); ok { // the door has said who that is
		return in.actor, nil
	}
	if i.diag == nil {
		return ident.Actor{}, errors.New("cannot tell who is asking: this is no Unix socket")
	}
	// Root is never let in here: its relays would look like itself.
	p, err := ident.FromTCP(conn.NetConn(), i.diag, conn.Door(), ident.Policy{})
	if err != nil {
		return ident.Actor{}, err
	}
	// Asked again when the first call is there, and before it is believed.
	conn.BeforeFirst(p.Verify)
	return i.resolver.Actor(ctx, p.Peer)
}

// origin adds what the limits are told of the daemon's own user: listeners are
// handed over on its connections, and a crowd of others must not keep them out.
func (i *identifier) origin(who func(context.Context, *varlink.Conn) (varlink.Origin, error)) func(context.Context, *varlink.Conn) (varlink.Origin, error) {
	return func(ctx context.Context, conn *varlink.Conn) (varlink.Origin, error) {
		o, err := who(ctx, conn)
		o.Own = err == nil && conn.UnixConn() != nil && peer.Actor(conn).Peer.UID == i.self
		return o, err
	}
}

// narrow asks what a connection that a command was given may call.
func narrow(conn *varlink.Conn, method string, parameters []byte) error {
	if in, ok := conn.NetConn().(*inside); ok && in.may != nil {
		return in.may(method, parameters)
	}
	return nil
}
