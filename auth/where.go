// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/helper"
	"nso.example/nso/users"
)

// keyFile is where a key was found.
type keyFile string

// Where keys are.
const (
	inKeysD keyFile = "keys.d" // the administrator's folder
	inData  keyFile = "data"   // authorized-key of RFC 7317
	inHome  keyFile = "home"   // the user's own file, through nso-keys@USER.socket
)

// ownKeys is what is in the user's own file. It is asked for once in a connection.
type ownKeys struct {
	text []byte
	err  error
}

// allow says whether user may come in with key, and where that is written.
func (l *Login) allow(user string, key ssh.PublicKey) (*ssh.Permissions, keyFile, error) {
	if err := l.of(user); err != nil {
		return nil, "", err
	}
	now, from := l.a.now(), l.source.Addr()
	perms, err := l.a.opts.Keys.allow(l.user, key, from, now)
	if err == nil {
		return perms, inKeysD, nil
	}
	if l.a.opts.Users != nil {
		if listed(l.a.opts.Users().Keys(l.user), key) && helper.CheckUser(l.user) == nil && checkKey(key) == nil {
			return &ssh.Permissions{}, inData, nil
		}
	}
	if perms := l.home(key, from, now, &err); perms != nil {
		return perms, inHome, nil
	}
	return nil, "", err
}

// home looks for key in the user's own file, or adds to err why it is not there.
func (l *Login) home(key ssh.PublicKey, from netip.Addr, now time.Time, err *error) *ssh.Permissions {
	k := l.a.opts.UserKeys
	if k == nil {
		return nil
	}
	if l.own == nil {
		l.slow = k.Any()
		l.own = &ownKeys{err: fs.ErrNotExist}
		if l.slow && !l.isRoot() {
			l.own.text, l.own.err = k.Read(l.ctx, l.user)
		}
	}
	if errors.Is(l.own.err, fs.ErrNotExist) { // as with nearly everybody
		return nil
	}
	perms, e := (*ssh.Permissions)(nil), l.own.err
	if e == nil {
		e = checkKey(key)
	}
	if e == nil {
		perms, e = allowsText(l.own.text, l.user, key, from, now)
	}
	if e != nil {
		*err = fmt.Errorf("%w; own keys: %w", *err, e)
		return nil
	}
	return perms
}

// listed reports whether a key is among those of a user in the data. A certificate is
// not: they have no authorities.
func listed(keys []users.Key, key ssh.PublicKey) bool {
	if _, is := key.(*ssh.Certificate); is {
		return false
	}
	blob := key.Marshal()
	return slices.ContainsFunc(keys, func(k users.Key) bool {
		return bytes.Equal(k.Data, blob) && (k.Algorithm == key.Type() ||
			key.Type() == ssh.KeyAlgoRSA && (k.Algorithm == ssh.KeyAlgoRSASHA256 || k.Algorithm == ssh.KeyAlgoRSASHA512))
	})
}
