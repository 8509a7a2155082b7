// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"nso.example/nso/cli"
)

// execRun has the daemon run a program of a rule, on the terminal or with the files of
// this process. Its exit status is the program's, or 128 and its signal.
func execRun(ctx context.Context, t *tool) error {
	if err := t.parse(t.flags(false), 1, 1+64); err != nil {
		return err
	}
	values := make(map[string][]string)
	for _, a := range t.args[1:] {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("cannot use %q: write NAME=VALUE", a)
		}
		values[name] = append(values[name], value)
	}
	d := cli.Dialer(dial)
	all, err := d.Programs(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p cli.Program) bool { return p.Name == t.args[0] })
	if i < 0 {
		return fmt.Errorf("cannot run %q: there is no such rule, or it is not for you; see: nso exec explain", t.args[0])
	}
	screen, ok := t.out.(*os.File)
	if !ok {
		return errors.New("cannot run it: standard output is no file")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer stop()
	if all[i].Authorize {
		defer askFor(ctx, nil)()
	}
	end, err := d.Execute(ctx, all[i], values, t.in, screen, t.err)
	switch {
	case err != nil:
		return err
	case end.Start != nil:
		return end.Start
	case end.Signal != 0:
		fmt.Fprintln(t.err, "nso:", all[i].Name+" has ended with", end.String())
		return exitStatus(128 + end.Signal)
	case *end.Exit != 0:
		return exitStatus(*end.Exit)
	}
	return nil
}
