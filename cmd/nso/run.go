// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"nso.example/nso/cli"
	"nso.example/nso/client"
	"nso.example/nso/cmd/nso/run"
)

// runInstance is "nso run"; on a terminal it ends in the command line.
func runInstance(ctx context.Context, t *tool) error {
	code := run.Main(ctx, t.args, t.in, t.out, t.err, func(ctx context.Context, socket string) error {
		c, err := client.Dial(ctx, socket)
		if err != nil {
			return err
		}
		return operate(ctx, c, cli.Options{}, t.in, t.out)
	})
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}
