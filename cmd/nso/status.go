// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"nso.example/nso/cli"
)

func status(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	var s cli.Status
	if err := call(ctx, "Status", nil, &s); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, s)
	}
	return cli.WriteStatus(t.out, &s)
}

func sessions(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	var s struct {
		Sessions []cli.SessionInfo `json:"sessions"`
	}
	if err := call(ctx, "Sessions", nil, &s); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, s)
	}
	return cli.WriteSessions(t.out, s.Sessions)
}

func whoami(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	var who struct {
		UID    int64    `json:"uid"`
		GID    int64    `json:"gid"`
		PID    int64    `json:"pid"`
		User   string   `json:"user"`
		Groups []string `json:"groups"`
		Door   string   `json:"door"`
		Admin  bool     `json:"admin"`
	}
	if err := call(ctx, "WhoAmI", nil, &who); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, who)
	}
	groups, admin := "none", "no"
	if len(who.Groups) > 0 {
		groups = strings.Join(who.Groups, ", ")
	}
	if who.Admin {
		admin = "yes"
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "user\t%s\nuid, gid\t%d, %d\npid\t%d\ndoor\t%s\ngroups\t%s\nadministrator\t%s\n",
		who.User, who.UID, who.GID, who.PID, who.Door, groups, admin)
	return w.Flush()
}
