// SPDX-License-Identifier: Apache-2.0

package names

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// ErrNone is wrapped when the name service knows no such user or group.
var ErrNone = errors.New("there is none")

// Account is a user.
type Account struct {
	Name     string
	UID, GID uint32
	Home     string
}

// Group is a group.
type Group struct {
	Name string
	GID  uint32
}

// Source is a name service.
type Source struct {
	ByName      func(name string) (Account, error)
	ByUID       func(uid uint32) (Account, error)
	GroupByGID  func(gid uint32) (Group, error)
	GroupByName func(name string) (Group, error)
	Memberships func(userName string) ([]Group, error) // of all groups, the primary one too
}

// System is the C library's name service.
var System = Source{
	ByName: func(name string) (Account, error) { return account(user.Lookup(name)) },
	ByUID:  func(uid uint32) (Account, error) { return account(user.LookupId(text(uid))) },
	GroupByGID: func(gid uint32) (Group, error) {
		return group(user.LookupGroupId(text(gid)))
	},
	GroupByName: func(name string) (Group, error) { return group(user.LookupGroup(name)) },
	Memberships: memberships,
}

func text(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	return uint32(n), err
}

func account(u *user.User, err error) (Account, error) {
	if err != nil {
		return Account{}, told(err)
	}
	a := Account{Name: u.Username, Home: u.HomeDir}
	if a.UID, err = number(u.Uid); err == nil {
		a.GID, err = number(u.Gid)
	}
	return a, err
}

func group(g *user.Group, err error) (Group, error) {
	if err != nil {
		return Group{}, told(err)
	}
	gid, err := number(g.Gid)
	return Group{g.Name, gid}, err
}

// told makes the standard library's ways to say it one.
func told(err error) error {
	var name user.UnknownUserError
	var uid user.UnknownUserIdError
	var group user.UnknownGroupError
	var gid user.UnknownGroupIdError
	if errors.As(err, &name) || errors.As(err, &uid) || errors.As(err, &group) || errors.As(err, &gid) {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	return err
}

func memberships(name string) ([]Group, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, told(err)
	}
	if u.Username != name { // a C string ends at a NUL; some services know no case
		return nil, ErrNone
	}
	gids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, gid := range gids {
		g, err := group(user.LookupGroupId(gid))
		switch {
		case errors.Is(err, ErrNone): // no rule can speak of it
		case err != nil:
			return nil, err
		default:
			groups = append(groups, g)
		}
	}
	return groups, nil
}
