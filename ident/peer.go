// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"errors"
	"fmt"
	"slices"
)

// Peer is the other end of a connection as the kernel knows it.
type Peer struct {
	UID    uint32   // effective, at the time of the connect
	GID    uint32   // effective, Unix sockets only; else the account's
	Groups []uint32 // supplementary, Unix sockets only; else the account's

	PID        int32  // 0: not known (TCP). For the log alone
	PIDChecked bool   // a pidfd of the kernel's own said that PID was alive at accept
	LoginUID   uint32 // who logged in, for the audit alone; NoLogin: nobody, as with services

	Door   string // the listener: "ipc", "netconf-tcp" ...
	Source string // "pid 4711" or "127.0.0.1:40000"
}

// NoLogin is the login uid of what no login started.
const NoLogin = ^uint32(0)

// NoUID is the uid of who has none: a user that only the data knows, or that only a
// program of the site does. auth alone makes such peers; at any other door it is refused,
// since there it means that nobody knows who asks.
const NoUID = ^uint32(0)

// overflowUID is nobody, and any uid that the user namespace does not map.
const overflowUID = 65534

// ErrRefused is wrapped by each refusal of a peer.
var ErrRefused = errors.New("refused")

// refuse makes a refusal: what was wrong, in the words of the log.
func refuse(format string, args ...any) error {
	return fmt.Errorf("cannot tell who is asking: "+format+": %w", append(args, ErrRefused)...)
}

// checkUID refuses the uids that name nobody.
func checkUID(uid uint32) error {
	switch uid {
	case overflowUID:
		return refuse("uid 65534 (nobody) stands for any user that is not known here")
	case NoUID:
		return refuse("uid -1 is no user")
	}
	return nil
}

// Actor is a peer that has a name: who acts.
type Actor struct {
	User   string   // the name that access control goes by
	Groups []string // the groups that the system knows User in (RFC 8341, 3.4.5)
	Peer   Peer

	// Own is the name of the peer's uid. It differs from User where the peer acts as
	// User by a grant, or was believed because netconf.tcp.trust is "claimed".
	Own string
}

// Source is where the actor is: "pid 4711" or "127.0.0.1:40000".
func (a Actor) Source() string { return a.Peer.Source }

// Door is the name of the listener that the actor came through.
func (a Actor) Door() string { return a.Peer.Door }

// Grant lets a user act as others.
type Grant struct {
	User string   // who
	As   []string // as whom; "*" is everybody but root
}

// allows reports whether a grant in the list lets user act as other.
func allows(grants []Grant, user, other string) bool {
	for _, g := range grants {
		if g.User == user && (slices.Contains(g.As, other) || other != "root" && slices.Contains(g.As, "*")) {
			return true
		}
	}
	return false
}

// Policy is what is believed of a loopback TCP peer, and who may act as whom.
type Policy struct {
	Claimed   bool // believe the header of any loopback peer (netconf.tcp.trust)
	AllowRoot bool // accept sockets that root owns (netconf.tcp.allow-root)
	Grants    []Grant
}
