// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"nso.example/nso/cli"
)

// logLevel tells the least level that the daemon logs, or sets it until the daemon
// restarts.
func logLevel(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(true), 0, 1); err != nil {
		return err
	}
	in := map[string]any{}
	if len(t.args) == 1 {
		switch t.args[0] {
		case "debug", "info", "warn", "error":
			in["level"] = t.args[0]
		default:
			return &usageError{fmt.Sprintf("cannot set the level %q: it is one of debug, info, warn and error", t.args[0])}
		}
	}
	var now struct {
		Level string `json:"level"`
	}
	if err := call(ctx, "LogLevel", in, &now); err != nil {
		return err
	}
	if t.json {
		return cli.WriteJSON(t.out, now)
	}
	_, err := fmt.Fprintln(t.out, now.Level)
	return err
}
