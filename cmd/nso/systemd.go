// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"nso.example/nso/units"
)

// The interfaces of systemd: org.freedesktop.systemd1(5).
const (
	managerName = "org.freedesktop.systemd1"
	managerPath = "/org/freedesktop/systemd1"
	managerFace = managerName + ".Manager"
	// applyTime is more than nso-check.service and nso-apply.service may take.
	applyTime = 4 * time.Minute
)

// startApply starts nso-apply.service as the caller, waits for its end, and says
// what it said.
func startApply(ctx context.Context, t *tool) error {
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	conn, bus, err := serviceManager(ctx)
	if err != nil {
		return fmt.Errorf("cannot reach the service manager: %w; start dbus.service, or do it as root", err)
	}
	defer conn.Close()
	manager := conn.Object(managerName, managerPath)

	if bus {
		if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(managerFace), dbus.WithMatchMember("JobRemoved")); err != nil {
			return fmt.Errorf("cannot wait for the service manager: %w", err)
		}
	}
	ended := make(chan *dbus.Signal, 64)
	conn.Signal(ended)
	if err := manager.CallWithContext(ctx, managerFace+".Subscribe", 0).Err; err != nil {
		return fmt.Errorf("cannot wait for the service manager: %w", err)
	}
	if state(ctx, conn, units.Apply) == "activating" {
		return errors.New("cannot reload: another reload is at work; wait for it, and do it again")
	}
	closeAgent := askFor(ctx, nil)
	var job dbus.ObjectPath
	err = startUnit(ctx, conn, units.Apply).Store(&job)
	closeAgent()
	if err != nil {
		return refused(err)
	}
	for {
		select {
		case s, ok := <-ended:
			if !ok {
				return errors.New("cannot tell whether nso.toml is in force: the service manager has gone; see: systemctl status nso-apply.service")
			}
			if s.Name != managerFace+".JobRemoved" || len(s.Body) < 4 || s.Body[1] != job {
				continue
			}
			if result := s.Body[3]; result != "done" {
				return failed(ctx, conn, result)
			}
			return nil
		case <-ctx.Done():
			return errors.New("cannot tell whether nso.toml is in force: nso-apply.service does not end; see: systemctl status nso-apply.service")
		}
	}
}

// serviceManager connects over the system bus; without one, root does directly.
func serviceManager(ctx context.Context) (conn *dbus.Conn, bus bool, err error) {
	conn, err = dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err == nil || os.Geteuid() != 0 {
		return conn, true, err
	}
	direct, directErr := dbus.Dial("unix:path=/run/systemd/private", dbus.WithContext(ctx))
	if directErr != nil {
		return nil, false, err
	}
	if authErr := direct.Auth([]dbus.Auth{dbus.AuthExternal("0")}); authErr != nil {
		direct.Close()
		return nil, false, err
	}
	return direct, false, nil
}

// startUnit calls StartUnit, and lets polkit ask the caller. (Object.Call of this
// library leaves that flag out.)
func startUnit(ctx context.Context, conn *dbus.Conn, unit string) *dbus.Call {
	body := []any{unit, "replace"}
	return <-conn.SendWithContext(ctx, &dbus.Message{
		Type: dbus.TypeMethodCall, Flags: dbus.FlagAllowInteractiveAuthorization, Body: body,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(managerName),
			dbus.FieldPath:        dbus.MakeVariant(dbus.ObjectPath(managerPath)),
			dbus.FieldInterface:   dbus.MakeVariant(managerFace),
			dbus.FieldMember:      dbus.MakeVariant("StartUnit"),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(body...)),
		},
	}, make(chan *dbus.Call, 1)).Done
}

// refused is an error of StartUnit in the words of who asked.
func refused(err error) error {
	var e dbus.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("cannot start nso-apply.service: %w", err)
	}
	text := e.Error()
	switch e.Name {
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
		return fmt.Errorf("cannot put nso.toml in force: the service manager does not let you start nso-apply.service (%s); do it as root: sudo nso reload", strings.TrimSuffix(text, "."))
	case "org.freedesktop.systemd1.NoSuchUnit":
		return fmt.Errorf("cannot put nso.toml in force: nso-apply.service is not installed or not loaded (%s); use: systemctl daemon-reload", strings.TrimSuffix(text, "."))
	}
	return fmt.Errorf("cannot start nso-apply.service: %s", text)
}

// failed says why nso.toml is not in force: what the unit that failed has logged.
func failed(ctx context.Context, conn *dbus.Conn, result any) error {
	unit, what := units.Apply, "cannot put nso.toml in force"
	if result == "dependency" {
		unit, what = units.Check, "cannot use nso.toml"
	}
	if said := logged(ctx, conn, unit); said != "" {
		return fmt.Errorf("%s:\n%s", what, said)
	}
	return fmt.Errorf("%s: %s has failed (%v); see: systemctl status %s", what, unit, result, unit)
}

// state is a unit's ActiveState.
func state(ctx context.Context, conn *dbus.Conn, unit string) string {
	s, _ := property(ctx, conn, unit, "ActiveState").(string)
	return s
}

func property(ctx context.Context, conn *dbus.Conn, unit, name string) any {
	var path dbus.ObjectPath
	if err := conn.Object(managerName, managerPath).CallWithContext(ctx, managerFace+".LoadUnit", 0, unit).Store(&path); err != nil {
		return nil
	}
	var v dbus.Variant
	if err := conn.Object(managerName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, managerName+".Unit", name).Store(&v); err != nil {
		return nil
	}
	return v.Value()
}

// logged is what the last run of a unit wrote to the journal, if the caller may
// read it.
func logged(ctx context.Context, conn *dbus.Conn, unit string) string {
	id, _ := property(ctx, conn, unit, "InvocationID").([]byte)
	if len(id) == 0 {
		return ""
	}
	for range 10 { // the journal is a moment behind
		out, err := exec.CommandContext(ctx, "journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=20",
			"_SYSTEMD_INVOCATION_ID="+hex.EncodeToString(id)).Output()
		if text := strings.TrimSpace(string(out)); err != nil || text != "" {
			return text
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ""
}
