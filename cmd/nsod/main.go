// SPDX-License-Identifier: Apache-2.0

// Command nsod is the daemon. It binds nothing, starts nothing and is never root:
// sockets come from systemd, or from `nso run` in the same manner.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/activation"
	"nso.example/nso/cdb"
	"nso.example/nso/cmd/nsod/house"
	"nso.example/nso/config"
	"nso.example/nso/ident"
	"nso.example/nso/journald"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang/load"
)

// version is set by the linker.
var version = "unknown"

func main() {
	level := new(slog.LevelVar)
	log := journald.Open("nsod", os.Stderr, level)
	err := run(os.Args[1:], os.Stdout, log.Logger, level)
	switch {
	case err != nil && log.Native():
		log.Error("nsod: "+err.Error(), event.Key, event.StartFailed)
	case err != nil:
		fmt.Fprintln(os.Stderr, "nsod:", err)
	}
	log.Close()
	if err != nil {
		os.Exit(1)
	}
}

// run is the life of the daemon, in order.
func run(args []string, out io.Writer, log *slog.Logger, level *slog.LevelVar) error {
	// Flags.
	fs := flag.NewFlagSet("nsod", flag.ContinueOnError)
	file := fs.String("config", "", "the configuration `file`; without it, what is in force on this system")
	check := fs.Bool("n", false, "check the configuration and the models, print what was understood, and exit")
	show := fs.Bool("version", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return errors.New("cannot start: usage is nsod [-n] [--config FILE]")
	}
	if *show {
		_, err := fmt.Fprintln(out, version)
		return err
	}

	// Configuration: what is in force, or the file that is asked for.
	read := func() (c *config.Config, err error) {
		if *file != "" {
			return config.Load(*file)
		}
		c, _, err = config.InForce(config.Applied, config.File)
		return c, err
	}
	conf, err := read()
	if err != nil {
		return err
	}
	level.Set(conf.Log.Level.Slog())

	// Models.
	schema, warnings, err := load.Schema(conf.YANG.Path, conf.NETCONF.Features()...)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		log.Debug("model", "warning", w.Error())
	}
	if *check {
		return conf.Print(out)
	}

	// Nobody's root: refuse to hold more than we need.
	if err := activation.RefusePrivilege(); err != nil {
		return err
	}
	syscall.Umask(0o077)
	// Passwords and keys are in here: no core, and no other process of our user looks in.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot close the memory to others: %w", err)
	}

	// Sockets, by name. What is not expected is refused with the unit to fix.
	inherited, err := activation.Inherit(activation.Self(), house.Rules(conf))
	if err != nil {
		return err
	}
	defer inherited.Close()

	// Database.
	if err := os.MkdirAll(conf.State.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the database: %w; see state.dir in nso.toml", err)
	}
	db, err := cdb.Open(filepath.Join(conf.State.Dir, "cdb"), cdb.Options{Schema: schema, Log: log, Startup: conf.NETCONF.Startup,
		Factory: func() (*tree.Node, error) { return nacm.Factory(schema, conf.Access.Admins) }})
	if err != nil {
		return err
	}
	defer func() {
		if err := db.Close(); err != nil {
			log.Error("database", "err", err)
		}
	}()

	// The housekeeper: the only door to data.
	server, err := mgmt.New(mgmt.Options{Schema: schema, DB: db, Log: log, MaxSessions: conf.Limits.Sessions,
		MaxPerUser: conf.Limits.SessionsPerUser, Reserve: conf.Limits.SessionsReserved,
		TxnIdle: time.Duration(conf.Limits.TransactionTimeout)})
	if err != nil {
		return err
	}
	endEvents, err := server.KeepEvents(filepath.Join(conf.State.Dir, "events"))
	if err != nil { // they are kept in memory, and /streams says since when
		log.Warn("events are not kept over a restart", "op", "events", "err", err)
	}
	defer endEvents()

	// Signals. A second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	// Doors.
	h, err := house.Open(house.Options{Version: version, Config: conf, Load: read, Later: *file == "", Keys: house.Keys(*file), Log: log, Level: level, Server: server, Stop: stop}, inherited)
	if err != nil {
		return err
	}
	_, rev := db.Current()
	log.Info("ready", event.Key, event.Ready, "version", version, "txid", rev, "modules", len(schema.Modules), "pid", os.Getpid())
	notify := activation.Notifier{Log: log}
	status := fmt.Sprintf("revision %d, %d modules", rev, len(schema.Modules))
	if err := house.Budget(conf); err != nil {
		log.Warn(err.Error(), "op", "start")
		status += "; " + err.Error()
	}
	notify.Ready(status)
	go func() {
		if err := notify.Watchdog(ctx, h.Healthy); err != nil {
			log.Error("watchdog", "err", err)
		}
	}()

	// SIGHUP reads the configuration again, as `nso reload` does.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			notify.Reloading()
			status := "configuration read again"
			changed, restart, err := h.Reload(ctx)
			server.Audit().Reloaded(ident.Actor{}, "SIGHUP", changed, restart, err)
			if err != nil {
				status = "reload failed: " + err.Error()
			}
			notify.Ready(status)
		}
	}()

	// Work, until told to stop. Clients are told why.
	<-ctx.Done()
	stop()
	notify.Stopping("ending the sessions")
	log.Info("stopping", event.Key, event.Stopping)
	return h.Close(10 * time.Second)
}
