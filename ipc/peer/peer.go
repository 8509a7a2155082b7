// SPDX-License-Identifier: Apache-2.0

// Package peer is what the interfaces on the IPC socket share: who is at the
// other end of a connection, the rules that ask for it, and how a refusal of
// mgmt is told.
//
// It serves nothing itself.
//
// Invariants:
//  1. The actor of a connection is set by Identify, from the kernel's word, and is
//     another one only while a session acts as that by a grant (Become).
//  2. An error that is no mgmterr leaves this room unchanged, so that varlink
//     answers it with a number and logs it.
package peer

import (
	"context"
	"errors"
	"fmt"

	"nso.example/nso/ident"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
)

const actorKey = "actor"

func key() varlink.Key[ident.Actor] { return varlink.Key[ident.Actor]{Name: actorKey} }

// Identifier makes the function that identifies each connection: from is
// ident's rule for Unix sockets. Members of nso-admin may use the connections
// that are kept for administrators.
func Identifier(server *mgmt.Server, from func(ctx context.Context, conn *varlink.Conn) (ident.Actor, error)) func(context.Context, *varlink.Conn) (varlink.Origin, error) {
	return func(ctx context.Context, conn *varlink.Conn) (varlink.Origin, error) {
		actor, err := from(ctx, conn)
		if err != nil {
			return varlink.Origin{}, err
		}
		key().Set(conn, actor)
		origin := fmt.Sprintf("uid %d", actor.Peer.UID)
		if actor.Peer.UID == ident.NoUID { // which many users have
			origin = "user " + actor.User
		}
		return varlink.Origin{Key: origin, Reserved: server.Admin(actor)}, nil
	}
}

// Actor is who the connection acts as.
func Actor(conn *varlink.Conn) ident.Actor {
	a, _ := key().Get(conn)
	return a
}

// Become lets the connection act as another from now on; a grant has allowed it. The
// limits stay those of the peer.
func Become(conn *varlink.Conn, actor ident.Actor) { key().Set(conn, actor) }

// Anyone lets in whoever could connect: for questions about the peer itself.
func Anyone(context.Context, *varlink.Conn) error { return nil }

// Admin lets in the members of the group nso-admin.
func Admin(server *mgmt.Server) varlink.Authorizer {
	return func(_ context.Context, conn *varlink.Conn) error {
		if a := Actor(conn); !server.Admin(a) {
			return fmt.Errorf("%s is not in the group nso-admin", a.User)
		}
		return nil
	}
}

// Self lets in the daemon's own user, on the Unix socket alone.
func Self(uid uint32) varlink.Authorizer {
	return func(_ context.Context, conn *varlink.Conn) error {
		switch a := Actor(conn); {
		case conn.UnixConn() == nil:
			return errors.New("this is no Unix socket")
		case a.Peer.UID != uid:
			return fmt.Errorf("uid %d is not the daemon's own", a.Peer.UID)
		}
		return nil
	}
}

// RPCError is the type RpcError of the interface descriptions.
type RPCError struct {
	Type    string  `json:"type"`
	Tag     string  `json:"tag"`
	AppTag  *string `json:"appTag"`
	Path    *string `json:"path"`
	Message string  `json:"message"`
}

// Failed turns what mgmt refused into the error Failed of an interface; any
// other error stays as it is.
func Failed(iface string, err error) error {
	var already *varlink.Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	list := mgmterr.Of(err)
	if list == nil {
		return err
	}
	told := make([]RPCError, len(list))
	for i, e := range list {
		told[i] = RPCError{Type: string(e.Type), Tag: string(e.Tag), Message: e.Message}
		if told[i].Type == "" {
			told[i].Type = string(mgmterr.Application)
		}
		if e.AppTag != "" {
			told[i].AppTag = &e.AppTag
		}
		if e.Path != "" {
			told[i].Path = &e.Path
		}
	}
	return &varlink.Error{Name: iface + ".Failed", Parameters: map[string]any{"errors": told}}
}
