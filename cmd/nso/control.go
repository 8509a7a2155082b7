// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

func kick(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 1, 1<<10); err != nil {
		return err
	}
	id, err := strconv.ParseUint(t.args[0], 10, 32)
	if err != nil || id == 0 {
		return &usageError{fmt.Sprintf("cannot kick %q: it is no number of a session; \"nso sessions\" lists them", t.args[0])}
	}
	in := map[string]any{"id": id}
	if len(t.args) > 1 {
		in["reason"] = strings.Join(t.args[1:], " ")
	}
	return call(ctx, "Kick", in, nil)
}

func stop(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 0, 0); err != nil {
		return err
	}
	return call(ctx, "Stop", nil, nil)
}
