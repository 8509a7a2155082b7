// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nso.example/nso/activation"
	"nso.example/nso/cmd/nso-nss/names"
	"nso.example/nso/ident"
)

func main() {
	if len(os.Args) > 1 {
		if len(os.Args) == 2 && os.Args[1] == "--version" {
			fmt.Println("nso-nss", version)
			return
		}
		fmt.Fprintln(os.Stderr, "nso-nss: cannot use an argument: there are none")
		os.Exit(2)
	}
	if err := run(slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "nso-nss:", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := activation.RefusePrivilege(); err != nil {
		return err
	}
	in, err := activation.Inherit(activation.Self(), activation.Rules{"nss": {Kind: activation.UnixStream, Path: ident.NameService, Mode: 0o660}})
	if err != nil {
		return err
	}
	defer in.Close()
	daemon, err := names.System.ByName("nso")
	if err != nil {
		return fmt.Errorf("cannot find the daemon's user: %w", err)
	}
	server, err := names.NewServer(names.System, daemon.UID, version, log)
	if err != nil {
		return err
	}
	for _, l := range in.Listeners("nss") {
		go func() {
			if err := server.Serve("nss", l); err != nil {
				log.Error("the door is closed", "err", err)
				stop()
			}
		}()
	}
	activation.Notifier{Log: log}.Ready("answering")
	<-ctx.Done()
	activation.Notifier{Log: log}.Stopping("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
