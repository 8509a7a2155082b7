// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"nso.example/nso/client"
)

// netconf is a NETCONF session on standard input and output (RFC 6241): what is
// typed is sent as it is.
func netconf(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 0, 0); err != nil {
		return err
	}
	c, err := dial(ctx)
	if err != nil {
		return err
	}
	conn, err := c.OpenNETCONF(ctx)
	if err != nil {
		c.Close()
		return err
	}
	return client.Relay(ctx, conn, t.in, t.out)
}
