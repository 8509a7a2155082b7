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

func runCLI(ctx context.Context, t *tool) error {
	var commands list
	fs := t.flags(false)
	fs.Var(&commands, "c", "")
	var who cli.Who
	fs.StringVar(&who.User, "u", "", "")
	fs.BoolVar(&who.Recovery, "recovery", false, "")
	if err := t.parse(fs, 0, 0); err != nil {
		return err
	}
	c, err := dial(ctx)
	if err != nil {
		return err
	}
	return operate(ctx, c, who, commands, t.in, t.out)
}

// operate runs the command line on a connection. Ctrl-C is the CLI's own.
func operate(ctx context.Context, c *client.Client, who cli.Who, commands []string, in *os.File, out io.Writer) error {
	defer c.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return cli.Run(ctx, c, who, commands, in, out)
}
