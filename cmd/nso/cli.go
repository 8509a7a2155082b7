// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"nso.example/nso/cli"
	"nso.example/nso/client"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, "; ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

const noFiles = "this command line opens none; send its lines through a pipe, or the file with NETCONF"

func runCLI(ctx context.Context, t *tool) error {
	o := cli.Options{Dial: dial, Asks: askFor}
	fs := t.flags(false)
	fs.Var((*list)(&o.Commands), "c", "")
	fs.StringVar(&o.User, "u", "", "")
	fs.BoolVar(&o.Recovery, "recovery", false, "")
	shut := fs.Bool("no-files", false, "")
	if err := t.parse(fs, 0, 0); err != nil {
		return err
	}
	if *shut {
		o.NoFiles = noFiles
	}
	c, err := dial(ctx)
	if err != nil {
		return err
	}
	return operate(ctx, c, o, t.in, t.out)
}

// operate runs the command line on a connection. Ctrl-C is the CLI's own.
func operate(ctx context.Context, c *client.Client, o cli.Options, in *os.File, out io.Writer) error {
	defer c.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return cli.Run(ctx, c, o, in, out)
}
