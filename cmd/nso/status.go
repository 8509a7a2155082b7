// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

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
