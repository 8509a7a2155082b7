// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
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
	user := fs.String("u", "", "")
	if err := t.parse(fs, 0, 0); err != nil {
		return err
	}
	if *user != "" {
		return errors.New("cannot act as " + *user + ": acting as another user is not there yet; log in as that user")
	}
	c, err := dial(ctx)
	if err != nil {
		return err
	}
	return operate(ctx, c, commands, t.in, t.out)
}

// operate runs the command line on a connection. Ctrl-C is the CLI's own.
func operate(ctx context.Context, c *client.Client, commands []string, in *os.File, out io.Writer) error {
	defer c.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return cli.Run(ctx, c, commands, in, out)
}
