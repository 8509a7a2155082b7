// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// OpenExec turns the connection into one of a command: what follows on it are the words
// of exec/wire, of which the first is the request. The client cannot be used any more.
func (c *Client) OpenExec(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxOpen, errors.New("the daemon does not answer"))
	defer cancel()
	conn, err := c.Upgrade(ctx, "org.nso.Exec.Run", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot run a command: %w", err)
	}
	return conn, nil
}
