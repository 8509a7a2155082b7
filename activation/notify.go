// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"nso.example/nso/journald/event"
)

// Notifier tells the service manager how the daemon is (sd_notify(3)). Without one
// it says nothing.
type Notifier struct{ Log *slog.Logger }

// Ready says that the daemon serves, or that a reload is over.
func (n Notifier) Ready(status string) { n.send(daemon.SdNotifyReady, status) }

// Status says in a line what the daemon does.
func (n Notifier) Status(status string) { n.send("", status) }

// Stopping says that the daemon has begun to stop.
func (n Notifier) Stopping(status string) { n.send(daemon.SdNotifyStopping, status) }

// Reloading says that the daemon reads its configuration; Ready says the end.
func (n Notifier) Reloading() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	n.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, ts.Nano()/1000), "")
}

func (n Notifier) send(state, status string) {
	if status != "" {
		status = "STATUS=" + strings.ReplaceAll(status, "\n", " ")
		state = strings.TrimPrefix(state+"\n"+status, "\n")
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.Log.Warn("cannot tell the service manager", "op", "notify", "err", err)
	}
}

// Watchdog tells the service manager twice in its interval that the daemon is
// healthy, for as long as healthy says so, until ctx ends. It returns at once where
// no watchdog is asked for. healthy must not block; it returns what is wrong.
func (n Notifier) Watchdog(ctx context.Context, healthy func() error) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("cannot serve the watchdog: %w", err)
	}
	if interval == 0 {
		return nil
	}
	tick := time.NewTicker(max(interval/2, time.Millisecond))
	defer tick.Stop()
	for {
		if err := healthy(); err != nil {
			n.Log.Error("not healthy, the watchdog is not told", event.Key, event.Unhealthy, "err", err)
			n.Status("not healthy: " + err.Error())
		} else {
			n.send(daemon.SdNotifyWatchdog, "")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
