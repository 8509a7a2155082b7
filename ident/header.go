// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Header is what a client of the cleartext door says about itself before NETCONF
// begins: [user;address/port;proto;uid;gid;gids;directory;groups;]
type Header struct {
	User      string
	Address   netip.AddrPort // where the client, or the one it relays, comes from
	Proto     string         // how that one came: "tcp", "ssh" ...
	UID, GID  uint32
	GIDs      []uint32 // supplementary
	Directory string   // home, or ""
	Groups    []string // names, for access control
}

// maxHeader is the most that is read for a header, newline and all.
const maxHeader = 1024

// String writes the header as it is sent, without a newline.
func (h Header) String() string {
	gids := make([]string, len(h.GIDs))
	for i, g := range h.GIDs {
		gids[i] = strconv.FormatUint(uint64(g), 10)
	}
	return fmt.Sprintf("[%s;%s/%d;%s;%d;%d;%s;%s;%s;]", h.User, h.Address.Addr(), h.Address.Port(), h.Proto,
		h.UID, h.GID, strings.Join(gids, ","), h.Directory, strings.Join(h.Groups, ","))
}

func badHeader(format string, args ...any) error {
	return fmt.Errorf("cannot read the header: "+format+": %w", append(args, ErrRefused)...)
}

// ParseHeader reads a header from its [ to its ], with a newline behind it or not.
func ParseHeader(text string) (Header, error) {
	if len(text) > maxHeader {
		return Header{}, badHeader("it has more than %d bytes", maxHeader)
	}
	body, ok := strings.CutPrefix(strings.TrimSuffix(text, "\n"), "[")
	if !ok {
		return Header{}, badHeader("it does not begin with [; this door wants [user;address/port;proto;uid;gid;gids;directory;groups;] first")
	}
	if body, ok = strings.CutSuffix(body, ";]"); !ok {
		return Header{}, badHeader("it does not end with ;]")
	}
	f := strings.Split(body, ";")
	if len(f) != 8 {
		return Header{}, badHeader("it has %d fields and not 8: user;address/port;proto;uid;gid;gids;directory;groups", len(f))
	}
	h := Header{User: f[0], Proto: f[2], Directory: f[6]}
	if !validName(h.User) || strings.ContainsAny(h.User, "[]") {
		return Header{}, badHeader("%q is no user's name", h.User)
	}
	address, port, _ := strings.Cut(f[1], "/")
	addr, err := netip.ParseAddr(address)
	number, ok := parseID(port)
	if err != nil || !ok || number > 65535 || addr.Zone() != "" {
		return Header{}, badHeader("%q is no address/port", f[1])
	}
	h.Address = netip.AddrPortFrom(addr, uint16(number))
	if len(h.Proto) == 0 || len(h.Proto) > 16 || strings.Trim(h.Proto, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return Header{}, badHeader("%q is no protocol's name", h.Proto)
	}
	if h.UID, ok = parseID(f[3]); !ok {
		return Header{}, badHeader("%q is no uid", f[3])
	}
	if h.GID, ok = parseID(f[4]); !ok {
		return Header{}, badHeader("%q is no gid", f[4])
	}
	if f[5] != "" {
		for _, text := range strings.Split(f[5], ",") {
			gid, ok := parseID(text)
			if !ok {
				return Header{}, badHeader("%q is no gid", text)
			}
			h.GIDs = append(h.GIDs, gid)
		}
	}
	if h.Directory != "" && (!path.IsAbs(h.Directory) || strings.ContainsFunc(h.Directory, func(r rune) bool { return r < ' ' || r == 0x7f || r == '[' || r == ']' })) {
		return Header{}, badHeader("%q is no absolute path", h.Directory)
	}
	if f[7] != "" {
		h.Groups = strings.Split(f[7], ",")
		for _, g := range h.Groups {
			if !validName(g) || strings.ContainsAny(g, "[]") {
				return Header{}, badHeader("%q is no group's name", g)
			}
		}
	}
	return h, nil
}

// ReadHeader reads a header from a connection, which must have a deadline. What
// follows is read from the reader it returns, which leaves out one newline right
// behind the header. It waits for nothing behind the header, since a client may
// wait for our hello first.
func ReadHeader(r io.Reader) (Header, io.Reader, error) {
	buf := make([]byte, maxHeader)
	n := 0
	for {
		m, err := r.Read(buf[n:])
		if i := bytes.IndexByte(buf[n:n+m], ']'); i >= 0 {
			end := n + i + 1
			h, err := ParseHeader(string(buf[:end]))
			return h, &behind{rest: buf[end : n+m], r: r, fresh: true}, err
		}
		n += m
		switch {
		case n > 0 && buf[0] != '[':
			_, err := ParseHeader(string(buf[:n]))
			return Header{}, nil, err
		case n == maxHeader:
			return Header{}, nil, badHeader("it has more than %d bytes", maxHeader)
		case err == io.EOF:
			return Header{}, nil, badHeader("the connection ended within it")
		case err != nil:
			return Header{}, nil, fmt.Errorf("cannot read the header: %w", err)
		}
	}
}

// behind is what follows a header.
type behind struct {
	rest  []byte // read with the header
	r     io.Reader
	fresh bool // nothing was read yet: a newline may come
}

func (b *behind) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		var n int
		var err error
		if len(b.rest) > 0 {
			n = copy(p, b.rest)
			b.rest = b.rest[n:]
		} else {
			b.rest = nil
			n, err = b.r.Read(p)
		}
		if b.fresh && n > 0 {
			b.fresh = false
			if p[0] == '\n' {
				n = copy(p, p[1:n])
			}
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

// Check compares what a header says with what the kernel says and returns who acts.
// actor is the peer as Actor named it. Everything that the header claims must be
// the actor's own, or a grant must let the actor be who it claims to be. With
// netconf.tcp.trust = "claimed" the header alone counts.
func (r *Resolver) Check(ctx context.Context, h Header, actor Actor, policy Policy) (Actor, error) {
	if policy.Claimed {
		names, err := r.GroupNames(ctx, append([]uint32{h.GID}, h.GIDs...))
		if err != nil {
			return Actor{}, err
		}
		actor.User = h.User
		actor.Groups = slices.Clone(h.Groups)
		for _, n := range names {
			if !slices.Contains(actor.Groups, n) {
				actor.Groups = append(actor.Groups, n)
			}
		}
		return actor, nil
	}
	uids := []uint32{actor.Peer.UID}
	gid := actor.Peer.GID
	if h.User != actor.User {
		other, err := r.As(ctx, actor, h.User, policy)
		if err != nil {
			return Actor{}, fmt.Errorf("the header says user %q and the kernel says %q: %w", h.User, actor.User, err)
		}
		account, err := r.ByName(ctx, h.User)
		if err != nil {
			return Actor{}, errors.Join(err, ErrRefused)
		}
		actor, gid = other, account.GID
		uids = append(uids, account.UID)
	}
	if !slices.Contains(uids, h.UID) {
		return Actor{}, lie("uid %d and the kernel says %d", h.UID, actor.Peer.UID)
	}
	for _, g := range append([]uint32{h.GID}, h.GIDs...) {
		if g == gid {
			continue
		}
		names, err := r.GroupNames(ctx, []uint32{g})
		if err != nil {
			return Actor{}, err
		}
		if len(names) == 0 || !slices.Contains(actor.Groups, names[0]) {
			return Actor{}, lie("gid %d, which is no group of %s", g, actor.User)
		}
	}
	for _, g := range h.Groups {
		if !slices.Contains(actor.Groups, g) {
			return Actor{}, lie("group %q, which is no group of %s", g, actor.User)
		}
	}
	return actor, nil
}

func lie(format string, args ...any) error {
	return fmt.Errorf("cannot believe the header: it says "+format+": %w", append(args, ErrRefused)...)
}
