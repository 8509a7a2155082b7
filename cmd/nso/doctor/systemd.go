// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// systemd asks PID 1 for our units, over the system bus, which everybody may.
func (f *Facts) systemd(ctx context.Context) {
	if _, err := os.Lstat("/run/systemd/system"); err == nil { // sd_booted(3)
		f.Systemd.Booted = true
	}
	if !f.Systemd.Booted {
		return
	}
	conn, err := sd.NewConnection(func() (*dbus.Conn, error) {
		return dbus.ConnectSystemBus(dbus.WithContext(ctx))
	})
	if err != nil {
		f.Systemd.Error = err
		return
	}
	defer conn.Close()
	version, err := conn.GetManagerProperty("Version")
	if err != nil {
		f.Systemd.Error = err
		return
	}
	f.Systemd.Version = strings.Trim(version, `"`)
	names := []string{"nso.socket", "nso-diag.socket", "nso.service", "nso-pam.socket", "nso-nss.socket", "nso-mediate.socket"}
	loaded, err := conn.ListUnitsByPatternsContext(ctx, nil, []string{"nso-*"})
	if err != nil {
		f.Systemd.Version, f.Systemd.Error = "", err
		return
	}
	for _, u := range loaded {
		if !slices.Contains(names, u.Name) {
			names = append(names, u.Name)
		}
	}
	for _, name := range names {
		all, err := conn.GetAllPropertiesContext(ctx, name)
		if err != nil {
			continue
		}
		if u := unit(all); u.Load != "not-found" {
			f.Units[name] = u
		}
	}
	f.PolkitOn = polkit(ctx)
}

func unit(all map[string]any) Unit {
	text := func(key string) string { s, _ := all[key].(string); return s }
	number := func(key string) uint64 {
		switch n := all[key].(type) {
		case uint64:
			return n
		case uint32:
			return uint64(n)
		}
		return 0
	}
	u := Unit{Load: text("LoadState"), Active: text("ActiveState"), Sub: text("SubState"), File: text("UnitFileState"),
		Result: text("Result"), Text: text("StatusText"), Restarts: uint32(number("NRestarts")), PID: uint32(number("MainPID")),
		Connections: uint32(number("NConnections")), Files: number("LimitNOFILESoft")}
	u.Status, _ = all["ExecMainStatus"].(int32)
	u.NeedReload, _ = all["NeedDaemonReload"].(bool)
	if us := number("StateChangeTimestamp"); us != 0 {
		u.Since = time.UnixMicro(int64(us))
	}
	return u
}

// polkit reports whether the system bus has polkit, or would start it.
func polkit(ctx context.Context) bool {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return false
	}
	defer conn.Close()
	var all []string
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.ListActivatableNames", 0).Store(&all); err != nil {
		return false
	}
	return slices.Contains(all, "org.freedesktop.PolicyKit1")
}
