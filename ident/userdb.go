// SPDX-License-Identifier: Apache-2.0

package ident

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// userdb is systemd's user database, io.systemd.UserDatabase over Varlink: JSON
// objects, each ended by a NUL, on a Unix stream. It knows what nsswitch.conf
// names, dynamic users of units, and homes of systemd-homed. nso-nss speaks the same,
// for the accounts of directories where systemd's does not run.
type userdb struct{ path, service string }

// UserDatabase is where systemd-userdbd answers for every source of users.
const UserDatabase = "/run/systemd/userdb/io.systemd.Multiplexer"

// NameService is where nso-nss answers, and NameServiceName the name that it has.
const (
	NameService     = "/run/nso/helper/nss"
	NameServiceName = "org.nso.NameService"
)

const (
	multiplexer   = "io.systemd.Multiplexer"
	userdbTimeout = 10 * time.Second // of a directory service behind it
	userdbMessage = 1 << 20          // the largest record that is read
)

// errNoDatabase: nobody listens there, so this system does not use it.
var errNoDatabase = errors.New("systemd's user database does not run")

type userRecord struct {
	UserName      string  `json:"userName"`
	Realm         string  `json:"realm"`
	UID           *uint32 `json:"uid"`
	GID           *uint32 `json:"gid"`
	HomeDirectory string  `json:"homeDirectory"`
}

type groupRecord struct {
	GroupName string  `json:"groupName"`
	GID       *uint32 `json:"gid"`
}

func (u userdb) byUID(ctx context.Context, uid uint32) (Account, error) {
	a, err := u.user(ctx, map[string]any{"uid": uid})
	if err == nil && a.UID != uid {
		return Account{}, fmt.Errorf("systemd's user database answered for uid %d", a.UID)
	}
	return a, err
}

func (u userdb) byName(ctx context.Context, name string) (Account, error) {
	a, err := u.user(ctx, map[string]any{"userName": name})
	if err == nil && a.Name != name {
		return Account{}, fmt.Errorf("systemd's user database answered for user %q", a.Name)
	}
	return a, err
}

func (u userdb) user(ctx context.Context, parameters map[string]any) (Account, error) {
	var reply struct {
		Record userRecord `json:"record"`
	}
	err := u.call(ctx, "GetUserRecord", parameters, false, func(p json.RawMessage) error { return json.Unmarshal(p, &reply) })
	if err != nil {
		return Account{}, err
	}
	r := reply.Record
	if r.Realm != "" && r.UserName != "" {
		r.UserName += "@" + r.Realm // the full name of a user of a realm
	}
	if r.UID == nil || r.GID == nil {
		return Account{}, errors.New("systemd's user database has no uid or gid for the user")
	}
	a := Account{Name: r.UserName, UID: *r.UID, GID: *r.GID, Home: r.HomeDirectory}
	primary, err := u.groupName(ctx, a.GID)
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return Account{}, err
	}
	if primary != "" {
		a.Groups = append(a.Groups, primary)
	}
	err = u.call(ctx, "GetMemberships", map[string]any{"userName": a.Name}, true, func(p json.RawMessage) error {
		var m struct {
			UserName  string `json:"userName"`
			GroupName string `json:"groupName"`
		}
		if err := json.Unmarshal(p, &m); err != nil {
			return err
		}
		if m.UserName == a.Name && validName(m.GroupName) && !slices.Contains(a.Groups, m.GroupName) {
			if len(a.Groups) >= maxGroups {
				return errors.New("too many groups")
			}
			a.Groups = append(a.Groups, m.GroupName)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNoAccount) { // that is: in no further group
		return Account{}, err
	}
	return a, nil
}

func (u userdb) groupName(ctx context.Context, gid uint32) (string, error) {
	var reply struct {
		Record groupRecord `json:"record"`
	}
	err := u.call(ctx, "GetGroupRecord", map[string]any{"gid": gid}, false, func(p json.RawMessage) error { return json.Unmarshal(p, &reply) })
	switch {
	case err != nil:
		return "", err
	case reply.Record.GID == nil || *reply.Record.GID != gid:
		return "", errors.New("systemd's user database answered for another group")
	}
	return reply.Record.GroupName, nil
}

// call asks once. With more, each is called for every reply.
func (u userdb) call(ctx context.Context, method string, parameters map[string]any, more bool, each func(json.RawMessage) error) error {
	ctx, cancel := context.WithTimeout(ctx, userdbTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", u.path)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("cannot ask systemd's user database: %w", err)
		}
		return fmt.Errorf("%w: %w", errNoDatabase, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	parameters["service"] = u.service
	request := map[string]any{"method": "io.systemd.UserDatabase." + method, "parameters": parameters}
	if more {
		request["more"] = true
	}
	message, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(message, 0)); err != nil {
		return fmt.Errorf("cannot ask systemd's user database: %w", err)
	}
	r := bufio.NewReader(conn)
	for range maxGroups {
		message, err := untilNUL(r, userdbMessage)
		if err != nil {
			return fmt.Errorf("cannot read the answer of systemd's user database: %w", err)
		}
		var reply struct {
			Error      string          `json:"error"`
			Parameters json.RawMessage `json:"parameters"`
			Continues  bool            `json:"continues"`
		}
		if err := json.Unmarshal(message, &reply); err != nil {
			return fmt.Errorf("cannot read the answer of systemd's user database: %w", err)
		}
		switch reply.Error {
		case "":
		case "io.systemd.UserDatabase.NoRecordFound":
			return ErrNoAccount
		default:
			return fmt.Errorf("systemd's user database answers %.100q", reply.Error)
		}
		if err := each(reply.Parameters); err != nil {
			return fmt.Errorf("cannot read the answer of systemd's user database: %w", err)
		}
		if !reply.Continues {
			return nil
		}
		if !more {
			break
		}
	}
	return errors.New("systemd's user database answers without end")
}

// untilNUL reads a message of at most limit bytes, without its NUL.
func untilNUL(r *bufio.Reader, limit int) ([]byte, error) {
	var message []byte
	for {
		part, err := r.ReadSlice(0)
		message = append(message, part...)
		switch {
		case len(message) > limit:
			return nil, fmt.Errorf("a message has more than %d bytes", limit)
		case err == nil:
			return message[:len(message)-1], nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}
