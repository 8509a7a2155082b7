// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"net"
	"net/netip"
)

// TCP is a loopback TCP peer.
type TCP struct {
	Peer          Peer
	diag          *Diag
	local, remote netip.AddrPort // of the peer's socket
	first         owner
}

// FromTCP asks the kernel who owns the other end of an accepted loopback connection.
// GID and Groups stay empty: they are the account's (Resolver.Actor). Root is
// refused unless the policy allows it. Verify must be called when the header has
// been read and before the first request is done.
func FromTCP(conn net.Conn, diag *Diag, door string, policy Policy) (*TCP, error) {
	local, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	remote, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return nil, refuse("this is no TCP connection")
	}
	t := &TCP{diag: diag, local: unmap(local), remote: unmap(remote)}
	if !t.local.Addr().IsLoopback() || !t.remote.Addr().IsLoopback() {
		return nil, refuse("%v to %v is not on the loopback interface", t.local, t.remote)
	}
	o, err := diag.ask(t.local, t.remote)
	if err != nil {
		return nil, refuse("%v: %w", t.local, err)
	}
	if err := checkUID(o.uid); err != nil {
		return nil, err
	}
	if o.uid == 0 && !policy.AllowRoot {
		return nil, refuse("%v belongs to root, which netconf.tcp.allow-root in nso.toml does not let in; use the IPC socket", t.local)
	}
	t.first = o
	t.Peer = Peer{UID: o.uid, LoginUID: NoLogin, Door: door, Source: t.local.String()}
	return t, nil
}

// Verify asks again. The peer must have the very same socket open still, as the
// same user: what it sent is then its own.
func (t *TCP) Verify() error {
	o, err := t.diag.ask(t.local, t.remote)
	switch {
	case err != nil:
		return refuse("%v: %w", t.local, err)
	case o != t.first:
		return refuse("%v is another socket, or another user's, than before", t.local)
	}
	return nil
}

// unmap gives an address in one form: IPv4 as such, and no zone, which loopback
// has not.
func unmap(a *net.TCPAddr) netip.AddrPort {
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}
