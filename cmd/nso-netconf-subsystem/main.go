// SPDX-License-Identifier: Apache-2.0

// Command nso-netconf-subsystem is the subsystem "netconf" of an OpenSSH server
// (RFC 6242): it carries standard input and output to a NETCONF session in the
// daemon, as the user who logged in.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"nso.example/nso/client"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, "/dev/log"))
}

// run returns the exit status.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer, log string) int {
	status, err := 1, relay(ctx, args, in, out)
	switch {
	case err == nil:
		return 0
	case len(args) > 0:
		status = 2
	}
	fmt.Fprintln(errs, "nso-netconf-subsystem:", err)
	report(log, err)
	return status
}

func relay(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("cannot take arguments: this is a subsystem of sshd (version %s)", version)
	}
	c, err := client.Dial(ctx, "")
	if err != nil {
		return err
	}
	conn, err := c.OpenNETCONF(ctx)
	if err != nil {
		c.Close()
		return err
	}
	return client.Relay(ctx, conn, in, out)
}

// report puts the reason in the system's log as well, where sshd has its own: many
// clients do not show the standard error of a subsystem. A log that takes nothing is
// not waited for.
func report(path string, err error) {
	conn, dialErr := net.DialTimeout("unixgram", path, time.Second)
	if dialErr != nil {
		return
	}
	defer conn.Close()
	const authError = 4<<3 | 3 // facility and severity (RFC 3164, 4.1.1)
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(conn, "<%d>nso-netconf-subsystem[%d]: %s", authError, os.Getpid(), strings.ReplaceAll(err.Error(), "\n", "; "))
}
