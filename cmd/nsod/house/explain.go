// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nso.example/nso/auth"
	"nso.example/nso/helper"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/control"
)

// explaining is what explanations of access and logins take.
func (h *House) explaining() control.Explaining {
	return control.Explaining{
		Account:  h.account,
		Ways:     h.ways,
		Denials:  func() bool { return h.config().Access.Explain },
		Sessions: func() (int, int) { l := h.opts.Config.Limits; return l.SessionsPerUser, l.Sessions },
	}
}

// account looks a user up; nil if the system knows none of the name.
func (h *House) account(ctx context.Context, user string) (*control.Account, error) {
	a, err := h.resolver.ByName(ctx, user)
	switch {
	case errors.Is(err, ident.ErrNoAccount):
		return nil, nil
	case err != nil:
		return nil, err
	}
	groups := a.Groups
	if groups == nil {
		groups = []string{}
	}
	return &control.Account{UID: a.UID, GID: a.GID, Groups: groups}, nil
}

// as lets an actor act as another user, if a grant of nso.toml does.
func (h *House) as(ctx context.Context, actor ident.Actor, user string) (ident.Actor, error) {
	return h.resolver.As(ctx, actor, user, *h.policy.Load())
}

// ways tries what of a login can be tried without the user. whole asks PAM too, which
// starts a process.
func (h *House) ways(ctx context.Context, user string, whole bool) []control.Way {
	if err := helper.CheckUser(user); err != nil {
		return []control.Way{{Name: "any", State: no, Detail: err.Error()}}
	}
	all := []control.Way{h.socketWay(ctx, user), h.keysWay(user), h.dataKeysWay(user), ownKeysWay(user)}
	for _, m := range h.config().Login.Methods {
		switch m {
		case "local":
			all = append(all, h.localWay(user))
		case "pam":
			all = append(all, pamWay(ctx, user, whole))
		default:
			all = append(all, control.Way{Name: m, State: unknown, Detail: "only a login tells"})
		}
	}
	return all
}

// States of a way in.
const (
	yes     = "yes"
	no      = "no"
	unknown = "unknown"
)

// socketWay is the local socket, which its group may connect to.
func (h *House) socketWay(ctx context.Context, user string) control.Way {
	w := control.Way{Name: "local socket", State: unknown}
	group := h.config().IPC.Group
	a, err := h.account(ctx, user)
	switch {
	case err != nil:
		w.Detail = err.Error()
	case a == nil:
		w.State, w.Detail = no, "the system knows no such account"
	case a.UID == 0:
		w.State = yes
	case group == "":
		w.Detail = "the group of the socket is that of whoever binds it"
	case slices.Contains(a.Groups, group):
		w.State, w.Detail = yes, "in the group "+group
	default:
		w.State, w.Detail = no, "not in the group "+group
	}
	return w
}

// keysWay are the keys that the administrator lists.
func (h *House) keysWay(user string) control.Way {
	w := control.Way{Name: "publickey", State: no}
	prints, err := h.opts.Keys.Fingerprints(user)
	switch file := h.opts.Keys.Dir + "/" + user; {
	case errors.Is(err, fs.ErrNotExist):
		w.Detail = "there is no " + file
	case err != nil:
		w.Detail = err.Error()
	case len(prints) == 0:
		w.Detail = file + " has no key"
	default:
		w.State, w.Detail = yes, fmt.Sprintf("%d in %s: %s", len(prints), file, strings.Join(prints, " "))
	}
	return w
}

// dataKeysWay are the keys in the data (RFC 7317, 3.5.2).
func (h *House) dataKeysWay(user string) control.Way {
	w := control.Way{Name: "publickey", State: no, Detail: "there is none below /ietf-system:system/authentication"}
	var prints []string
	for _, k := range h.server.Users().Keys(user) {
		if p := auth.Fingerprint(k.Data); p != "" {
			prints = append(prints, p)
		}
	}
	if len(prints) > 0 {
		w.State, w.Detail = yes, fmt.Sprintf("%d below /ietf-system:system/authentication: %s", len(prints), strings.Join(prints, " "))
	}
	return w
}

// ownKeysWay is the user's own file, which only a login reads.
func ownKeysWay(user string) control.Way {
	w := control.Way{Name: "publickey", State: no, Detail: "nso-keys@" + user + ".socket is not there: the user's own ~/.ssh does not count"}
	if _, err := os.Lstat(filepath.Join(helper.KeysSockets, user)); err == nil {
		w.State, w.Detail = unknown, "~/.ssh/authorized_keys of the user is read at a login"
	}
	return w
}

// localWay is a password in the data.
func (h *House) localWay(user string) control.Way {
	if err := h.server.Users().Checkable(user); err != nil {
		return control.Way{Name: "local", State: no, Detail: err.Error()}
	}
	return control.Way{Name: "local", State: yes, Detail: "the user has a password in the data; it was not tried"}
}

// pamWay asks PAM about the account alone; the password only a login can try.
func pamWay(ctx context.Context, user string, whole bool) control.Way {
	w := control.Way{Name: "pam", State: unknown, Detail: "asked for members of nso-admin only"}
	if !whole {
		return w
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := (&helper.PAM{}).Converse(ctx, helper.Conversation{User: user, Method: helper.CLI, Account: true,
		Answer: func(context.Context, helper.Prompt) ([]byte, error) {
			return nil, errors.New("a module asks for something although only the account was asked about")
		}})
	var refused *helper.Refusal
	switch {
	case err == nil:
		w.State, w.Detail = yes, "the account may log in; the password was not tried"
	case errors.As(err, &refused):
		w.State, w.Detail = no, refused.Error()
	case errors.Is(err, fs.ErrNotExist):
		w.Detail = "nso-pam.socket is not there: the package nso-pam brings it, and root starts it"
	default:
		w.Detail = err.Error()
	}
	return w
}
