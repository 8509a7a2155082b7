// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// maxOpen bounds how long a session is waited for: longer than systemd gives the
// daemon to start.
const maxOpen = 150 * time.Second

// OpenNETCONF turns the connection into a NETCONF session as the caller: what
// follows on it are the hellos of RFC 6241, 8.1. The client cannot be used any
// more.
func (c *Client) OpenNETCONF(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxOpen, errors.New("the daemon does not answer"))
	defer cancel()
	conn, err := c.Upgrade(ctx, "org.nso.Netconf.Open", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot open a NETCONF session: %w", err)
	}
	return conn, nil
}

// Relay copies in to the connection and the connection to out, until the other
// end closes. The end of in is passed on, and what is still answered is waited
// for. It closes the connection; the reading of in may outlast it.
func Relay(ctx context.Context, conn net.Conn, in io.Reader, out io.Writer) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	go func() {
		_, err := io.Copy(conn, in)
		if half, ok := conn.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		if err != nil {
			conn.Close()
		}
	}()
	if _, err := io.Copy(out, conn); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("cannot relay: %w", err)
	}
	return nil
}
