// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"nso.example/nso/helper"
	"nso.example/nso/ident"
)

// account says who the user is, and that the account may be used.
func (l *Login) account(withKey bool) (ident.Actor, error) {
	if err := helper.CheckUser(l.user); err != nil {
		return ident.Actor{}, err
	}
	peer := ident.Peer{LoginUID: ident.NoLogin, Door: l.door, Source: l.source.String()}
	switch {
	case l.key == inData || l.by == Local:
		return l.guest(peer, nil)
	case l.by == External:
		return l.guest(peer, &l.accepted)
	}
	if err := l.usable(); err != nil {
		return ident.Actor{}, err
	}
	actor, err := l.known(peer)
	switch {
	case err != nil:
		return ident.Actor{}, err
	case actor.User != l.user:
		return ident.Actor{}, fmt.Errorf("its uid %d is that of %q", actor.Peer.UID, actor.User)
	case actor.Peer.UID == 0 && !withKey:
		return ident.Actor{}, errRoot
	}
	return actor, nil
}

var errRoot = errors.New("root comes in with a key of the system only")

// usable asks PAM whether the account may be used, if it has not said so already.
func (l *Login) usable() error {
	if l.verdict != nil || l.a.opts.PAM == nil {
		return nil
	}
	v, err := l.a.opts.PAM.Converse(l.ctx, helper.Conversation{
		User: l.user, Source: l.source.Addr(), Method: l.a.opts.Method, Account: true,
		Answer: func(context.Context, helper.Prompt) ([]byte, error) {
			return nil, errors.New("a module asks for something although only the account was asked about")
		}})
	switch {
	case err == nil:
		l.verdict = &v
	case !notThere(err):
		return err
	}
	return nil
}

// notThere reports whether there is no nso-pam at all.
func notThere(err error) bool {
	return errors.Is(err, helper.ErrUnavailable) && errors.Is(err, fs.ErrNotExist)
}

// known is who the system says that the user is.
func (l *Login) known(peer ident.Peer) (ident.Actor, error) {
	if v := l.verdict; v != nil {
		peer.UID, peer.GID = v.UID, v.GID
		return ident.Actor{User: v.User, Own: v.User, Groups: v.GroupNames(), Peer: peer}, nil
	}
	account, err := l.a.opts.Resolver.ByName(l.ctx, l.user)
	if err != nil {
		return ident.Actor{}, err
	}
	peer.UID = account.UID
	return l.a.opts.Resolver.Actor(l.ctx, peer)
}

// guest is a user whom the data, or a program of the site, has let in. He has no uid,
// unless the program names that of the very account of this name; and the groups that
// the program names, or those of /nacm alone.
func (l *Login) guest(peer ident.Peer, says *helper.Accepted) (ident.Actor, error) {
	peer.UID, peer.GID = ident.NoUID, ident.NoUID
	actor := ident.Actor{User: l.user, Own: l.user, Peer: peer}
	if says != nil {
		actor.Groups = says.Groups
	}
	account, err := l.a.opts.Resolver.ByName(l.ctx, l.user)
	switch {
	case errors.Is(err, ident.ErrNoAccount) && l.user != "root":
		return actor, nil
	case err != nil:
		return ident.Actor{}, err
	case account.UID == 0:
		return ident.Actor{}, errRoot
	case says != nil && says.HasUID && says.UID != account.UID:
		return ident.Actor{}, fmt.Errorf("the program of this site says uid %d, and the account has %d", says.UID, account.UID)
	}
	if err := l.usable(); err != nil {
		return ident.Actor{}, err
	}
	if v := l.verdict; v != nil && v.UID != account.UID {
		return ident.Actor{}, fmt.Errorf("PAM says uid %d, and the account has %d", v.UID, account.UID)
	}
	if says != nil && says.HasUID {
		actor.Peer.UID, actor.Peer.GID = account.UID, account.GID
	}
	return actor, nil
}
