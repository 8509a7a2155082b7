// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"nso.example/nso/cli"
)

// explainAccess is "nso explain nacm": may a user do something, and what decides.
func explainAccess(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 3, 1<<10); err != nil {
		return err
	}
	in := map[string]any{"user": t.args[0], "operation": t.args[1], "object": strings.Join(t.args[2:], " ")}
	var why struct {
		User   string   `json:"user"`
		Permit bool     `json:"permit"`
		Path   string   `json:"path"`
		List   string   `json:"list"`
		Rule   string   `json:"rule"`
		By     string   `json:"by"`
		Groups []string `json:"groups"`
		Lists  []string `json:"lists"`
	}
	if err := call(ctx, "ExplainAccess", in, &why); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, why)
	}
	table(t.out, [][2]string{
		{"permitted", yesNo(why.Permit)},
		{"decided by", orDash(why.By)},
		{"at", orDash(why.Path)},
		{"user", why.User},
		{"groups", orNone(why.Groups)},
		{"rule lists", orNone(why.Lists)},
	})
	if why.By == "" {
		fmt.Fprintln(t.out, "What decided is told to members of nso-admin, and to all with access.explain in nso.toml.")
	}
	return nil
}

// explainLogin is "nso explain login": what a login would come to, without one.
func explainLogin(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 1); err != nil {
		return err
	}
	user := ""
	if len(t.args) > 0 {
		user = t.args[0]
	}
	var l struct {
		User    string `json:"user"`
		Account *struct {
			UID    uint32   `json:"uid"`
			GID    uint32   `json:"gid"`
			Groups []string `json:"groups"`
		} `json:"account"`
		Ways []struct {
			Name   string `json:"name"`
			State  string `json:"state"`
			Detail string `json:"detail"`
		} `json:"ways"`
		Enabled         bool     `json:"enabled"`
		ExternalGroups  bool     `json:"externalGroups"`
		Admin           bool     `json:"admin"`
		Groups          []string `json:"groups"`
		Lists           []string `json:"lists"`
		Sessions        int      `json:"sessions"`
		SessionsPerUser int      `json:"sessionsPerUser"`
		SessionsAll     int      `json:"sessionsAll"`
	}
	if err := call(ctx, "ExplainLogin", map[string]any{"user": user}, &l); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, l)
	}
	rows := [][2]string{{"user", l.User}}
	if l.Account == nil {
		rows = append(rows, [2]string{"account", "the system knows none of this name"})
	} else {
		rows = append(rows, [2]string{"uid, gid", fmt.Sprintf("%d, %d", l.Account.UID, l.Account.GID)},
			[2]string{"groups of the system", orNone(l.Account.Groups)})
	}
	for i, w := range l.Ways {
		name := ""
		if i == 0 {
			name = "ways in"
		}
		text := w.Name + ": " + w.State
		if w.Detail != "" {
			text += " (" + w.Detail + ")"
		}
		rows = append(rows, [2]string{name, text})
	}
	access := "by rules"
	if !l.Enabled {
		access = "off: everybody may do everything (enable-nacm is false)"
	}
	groups := orNone(l.Groups)
	if !l.ExternalGroups {
		groups += " (groups of the system do not count: enable-external-groups is false)"
	}
	rows = append(rows, [2]string{"access control", access}, [2]string{"its groups", groups}, [2]string{"its rule lists", orNone(l.Lists)},
		[2]string{"administrator", yesNo(l.Admin)},
		[2]string{"sessions", fmt.Sprintf("%d open of %d; %d in all", l.Sessions, l.SessionsPerUser, l.SessionsAll)})
	table(t.out, rows)
	return nil
}

// whoami prints who the daemon takes the caller for.
func whoami(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 0); err != nil {
		return err
	}
	var who struct {
		UID          int64    `json:"uid"`
		GID          int64    `json:"gid"`
		PID          int64    `json:"pid"`
		User         string   `json:"user"`
		Own          string   `json:"own"`
		Groups       []string `json:"groups"`
		Door         string   `json:"door"`
		Source       string   `json:"source"`
		LoginUID     *int64   `json:"loginUid"`
		Admin        bool     `json:"admin"`
		AccessGroups []string `json:"accessGroups"`
		Sessions     int64    `json:"sessions"`
	}
	if err := call(ctx, "WhoAmI", nil, &who); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, who)
	}
	login := "none: no login began this"
	if who.LoginUID != nil {
		login = fmt.Sprint(*who.LoginUID)
	}
	table(t.out, [][2]string{
		{"user", who.User},
		{"uid, gid", fmt.Sprintf("%d, %d", who.UID, who.GID)},
		{"login uid", login},
		{"pid", fmt.Sprint(who.PID)},
		{"door", who.Door},
		{"groups", orNone(who.Groups)},
		{"of access control", orNone(who.AccessGroups)},
		{"administrator", yesNo(who.Admin)},
		{"sessions", fmt.Sprint(who.Sessions)},
	})
	return nil
}

func table(out io.Writer, rows [][2]string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\n", r[0], printable(r[1]))
	}
	_ = w.Flush()
}

// printable is a text of the daemon on one line of a terminal: names are data.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
