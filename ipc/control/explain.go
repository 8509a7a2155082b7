// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"slices"

	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
)

// Account is a user as the system knows it.
type Account struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []string `json:"groups"`
}

// Way is one way to log in, and what it knows of a user.
type Way struct {
	Name string `json:"name"` // "publickey", "local", "pam" ...
	// State is "yes", "no", or "unknown": only an attempt would tell.
	State  string `json:"state"`
	Detail string `json:"detail"`
}

// Explaining is what explanations take from the daemon.
type Explaining struct {
	// Account looks a user up; nil without error: the system knows none of that name.
	Account func(ctx context.Context, user string) (*Account, error)
	// Ways tries what can be tried of a login without the user; whole even where that
	// starts a process.
	Ways func(ctx context.Context, user string, whole bool) []Way
	// Denials reports whether clients are told what decided a denial.
	Denials func() bool
	// Sessions is how many sessions a user may have, and how many all.
	Sessions func() (perUser, all int)
}

// about finds whom a question is about: the caller, or for an admin anybody. full
// reports whether the answer may name rules.
func (r *room) about(ctx context.Context, c *varlink.Call, user string) (name string, account *Account, full bool, err error) {
	a := peer.Actor(c.Conn())
	admin := r.server.Admin(a)
	if user == "" || user == a.User {
		return a.User, &Account{a.Peer.UID, a.Peer.GID, orEmpty(a.Groups)}, admin || r.steer.Explain.Denials(), nil
	}
	if !admin {
		return "", nil, false, mgmterr.New(mgmterr.AccessDenied, "", "cannot explain what %.64q may do: that is for members of nso-admin; everybody can ask about himself", user)
	}
	account, err = r.steer.Explain.Account(ctx, user)
	if err != nil {
		return "", nil, false, mgmterr.New(mgmterr.OperationFailed, "", "cannot look %.64q up now: %v", user, err)
	}
	return user, account, true, nil
}

func (a *Account) groups() []string {
	if a == nil {
		return nil
	}
	return a.Groups
}

func (r *room) explainAccess(ctx context.Context, c *varlink.Call) error {
	var in struct {
		User      string `json:"user"`
		Operation string `json:"operation"`
		Object    string `json:"object"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if !slices.Contains(mgmt.Operations(), in.Operation) {
		return varlink.InvalidParameter("operation")
	}
	user, account, full, err := r.about(ctx, c, in.User)
	if err != nil {
		return peer.Failed(name, err)
	}
	w, err := r.server.Explain(user, account.groups(), in.Operation, in.Object)
	// What the models have is for whom NETCONF would show them (RFC 6022, 3.1): for
	// others what is not there is not permitted, like what is.
	schema, _ := r.server.Explain(user, account.groups(), "exec", "ietf-netconf-monitoring:get-schema")
	if !schema.Permit && !r.server.Admin(peer.Actor(c.Conn())) {
		w, full, err = mgmt.Why{Permit: err == nil && w.Permit}, false, nil
	}
	if err != nil {
		return peer.Failed(name, err)
	}
	st := r.server.Standing(user, account.groups())
	if !full { // rules are data that not everybody may read
		w = mgmt.Why{Permit: w.Permit}
		st.Lists = nil
	}
	return c.Reply(map[string]any{"user": user, "permit": w.Permit, "path": w.Path, "list": w.List, "rule": w.Rule, "by": w.By,
		"groups": orEmpty(st.Groups), "lists": orEmpty(st.Lists)})
}

func (r *room) explainLogin(ctx context.Context, c *varlink.Call) error {
	var in struct {
		User string `json:"user"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	user, account, full, err := r.about(ctx, c, in.User)
	if err != nil {
		return peer.Failed(name, err)
	}
	st := r.server.Standing(user, account.groups())
	lists := st.Lists
	if !full {
		lists = nil
	}
	perUser, all := r.steer.Explain.Sessions()
	open := 0
	for _, i := range r.server.List() {
		if i.User == user {
			open++
		}
	}
	ways := r.steer.Explain.Ways(ctx, user, r.server.Admin(peer.Actor(c.Conn())))
	if ways == nil {
		ways = []Way{}
	}
	return c.Reply(map[string]any{"user": user, "account": account, "ways": ways, "enabled": st.Enabled, "externalGroups": st.External,
		"admin": st.Admin, "groups": orEmpty(st.Groups), "lists": orEmpty(lists), "sessions": open, "sessionsPerUser": perUser, "sessionsAll": all})
}
