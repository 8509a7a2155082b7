// SPDX-License-Identifier: Apache-2.0

// Command nso-netconf-subsystem is the subsystem "netconf" of an OpenSSH server
// (RFC 6242): it carries standard input and output to a NETCONF session in the
// daemon, as the user who logged in.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"nso.example/nso/client"
)

// version is set by the linker.
var version = "unknown"

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintf(os.Stderr, "nso-netconf-subsystem %s: cannot take arguments: it is a subsystem of sshd\n", version)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer stop()
	if err := relay(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "nso-netconf-subsystem:", err)
		os.Exit(1)
	}
}

func relay(ctx context.Context) error {
	c, err := client.Dial(ctx, "")
	if err != nil {
		return err
	}
	conn, err := c.OpenNETCONF(ctx)
	if err != nil {
		c.Close()
		return err
	}
	return client.Relay(ctx, conn, os.Stdin, os.Stdout)
}
