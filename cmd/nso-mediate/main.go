// SPDX-License-Identifier: Apache-2.0

// Command nso-mediate starts the sockets of the helpers for the daemon, as polkit or
// sudo allows, and asks polkit about commands. It can do neither itself, and serves
// the daemon's user alone.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"nso.example/nso/activation"
	"nso.example/nso/cmd/nso-mediate/polkit"
	"nso.example/nso/cmd/nso-mediate/serve"
	"nso.example/nso/cmd/nso-mediate/sudo"
	"nso.example/nso/ident"
	"nso.example/nso/mediate"
)

// version is set by the linker.
var version = "unknown"

func main() {
	way := ""
	if len(os.Args) == 2 {
		way = os.Args[1]
	}
	var how serve.Way
	switch way {
	case "--version":
		fmt.Println("nso-mediate", version)
		return
	case "polkit":
		how = polkit.Way{}
	case "sudo":
		how = sudo.Way{}
	default:
		fmt.Fprintln(os.Stderr, "nso-mediate: cannot start: usage is nso-mediate polkit|sudo; nso-mediate.socket starts it")
		os.Exit(2)
	}
	if err := run(how, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: withoutTime}))); err != nil {
		fmt.Fprintln(os.Stderr, "nso-mediate:", err)
		os.Exit(1)
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{} // the journal has it
	}
	return a
}

func run(how serve.Way, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := activation.RefusePrivilege(); err != nil {
		return err
	}
	in, err := activation.Inherit(activation.Self(), activation.Rules{"mediate": {Kind: activation.UnixStream, Path: mediate.Socket, Mode: 0o660}})
	if err != nil {
		return err
	}
	defer in.Close()
	accounts := ident.NewResolver()
	daemon, err := accounts.ByName(ctx, "nso")
	if err != nil {
		return fmt.Errorf("cannot find the daemon's user: %w", err)
	}
	activation.Notifier{Log: log}.Ready("answering")
	defer activation.Notifier{Log: log}.Stopping("stopping")
	return serve.Serve(ctx, in.Listeners("mediate")[0], serve.Options{Daemon: daemon.UID, Accounts: accounts, Way: how, Log: log})
}
