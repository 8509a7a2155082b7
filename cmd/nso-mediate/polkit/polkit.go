// SPDX-License-Identifier: Apache-2.0

// Package polkit asks polkit whether a command may be run, and systemd to start the
// sockets of the helpers, which asks polkit in its turn.
//
// It speaks to the two over the system bus, and names no unit that mediate.Target
// did not make.
//
// Invariants:
//  1. Whatever is not an authorization is a refusal: an error, a challenge, a time
//     limit, a bus that is not there.
//  2. Who is on this machine is asked about as himself: his process with its start
//     time and his uid, or a pidfd where polkit knows them. Who is not, as the
//     mediator, with what is known of him in the details.
package polkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"nso.example/nso/mediate"
)

// Way is the mediator's way by polkit.
type Way struct{}

const (
	action       = "org.nso.exec.run"
	actionAsRoot = "org.nso.exec.run-root" // of its own: what is granted for accounts is not for root

	authority     = "org.freedesktop.PolicyKit1"
	authorityPath = "/org/freedesktop/PolicyKit1/Authority"
	authorityFace = authority + ".Authority"

	manager     = "org.freedesktop.systemd1"
	managerPath = "/org/freedesktop/systemd1"
	managerFace = manager + ".Manager"

	// quick bounds a question that nobody has to think about.
	quick = 10 * time.Second
)

// Start starts the socket of a target and waits until it listens.
func (Way) Start(ctx context.Context, t mediate.Target) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	unit := t.Unit()
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot start %s: there is no system bus: %w", unit, err)
	}
	defer conn.Close()
	m := conn.Object(manager, managerPath)
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(managerFace), dbus.WithMatchMember("JobRemoved")); err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	ended := make(chan *dbus.Signal, 64)
	conn.Signal(ended)
	if err := m.CallWithContext(ctx, managerFace+".Subscribe", 0).Err; err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	var job dbus.ObjectPath
	if err := m.CallWithContext(ctx, managerFace+".StartUnit", 0, unit, "fail").Store(&job); err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	for {
		select {
		case s, ok := <-ended:
			switch {
			case !ok:
				return fmt.Errorf("cannot start %s: the system bus has gone", unit)
			case s.Name != managerFace+".JobRemoved" || len(s.Body) < 4 || s.Body[1] != job:
			case s.Body[3] != "done":
				return fmt.Errorf("cannot start %s: the job ended as %q; see: systemctl status %s", unit, s.Body[3], unit)
			default:
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("cannot start %s: it does not come in time", unit)
		}
	}
}

// subject is polkit's: who is asked about.
type subject struct {
	Kind    string
	Details map[string]dbus.Variant
}

// verdict is polkit's answer.
type verdict struct {
	Authorized, Challenge bool
	Details               map[string]string
}

const allowInteraction = 1 // AllowUserInteraction

// Authorize asks polkit about a command.
func (Way) Authorize(ctx context.Context, c mediate.Command) error {
	flags := uint32(0)
	if c.Interactive {
		flags = allowInteraction
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, quick)
		defer cancel()
	}
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot ask polkit: there is no system bus: %w", err)
	}
	defer conn.Close()
	who := subject{"system-bus-name", map[string]dbus.Variant{"name": dbus.MakeVariant(conn.Names()[0])}}
	if c.Process > 0 {
		var release func()
		if who, release, err = process(c.Process, c.UID); err != nil {
			return fmt.Errorf("cannot ask polkit about process %d: %w", c.Process, err)
		}
		defer release()
	}
	details := map[string]string{
		"rule": c.Rule, "command": c.Program, "run-as": c.RunAs, "user": c.User, "door": c.Door, "source": c.Source,
		"polkit.message": "Authentication is required to run $(rule) ($(command)) as $(run-as)",
	}
	return check(ctx, conn, who, actionOf(c), details, flags)
}

func actionOf(c mediate.Command) string {
	if c.RunAs == "root" {
		return actionAsRoot
	}
	return action
}

func check(ctx context.Context, conn *dbus.Conn, who subject, action string, details map[string]string, flags uint32) error {
	a, id := conn.Object(authority, authorityPath), rand.Text()
	var v verdict
	err := a.CallWithContext(ctx, authorityFace+".CheckAuthorization", 0, who, action, details, flags, id).Store(&v)
	switch {
	case ctx.Err() != nil:
		// He need not be asked any longer.
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = a.CallWithContext(short, authorityFace+".CancelCheckAuthorization", 0, id).Err
		return errors.New("cannot wait for polkit any longer")
	case err != nil:
		return fmt.Errorf("cannot ask polkit: %w", err)
	case v.Authorized:
		return nil
	case v.Challenge:
		return fmt.Errorf("polkit wants an administrator's authentication for %s, and nobody is there to be asked; allow it by a rule in /etc/polkit-1/rules.d", action)
	}
	return fmt.Errorf("polkit does not authorize %s", action)
}

// process is a process of this machine, as the user that it runs as: what all
// versions of polkit know (its start time tells it from a later one of its number),
// and the pidfd that 124 and later prefer.
func process(pid int32, uid uint32) (subject, func(), error) {
	fd, err := unix.PidfdOpen(int(pid), 0)
	if err != nil {
		return subject{}, nil, fmt.Errorf("it is gone: %w", err)
	}
	release := func() { _ = unix.Close(fd) }
	start, err := startTime(pid)
	if err == nil {
		err = alive(fd)
	}
	if err != nil {
		release()
		return subject{}, nil, err
	}
	return subject{"unix-process", map[string]dbus.Variant{
		"pid": dbus.MakeVariant(uint32(pid)), "start-time": dbus.MakeVariant(start), "uid": dbus.MakeVariant(int32(uid)),
		"pidfd": dbus.MakeVariant(dbus.UnixFD(fd)),
	}}, release, nil
}

func alive(pidfd int) error {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		switch n, err := unix.Poll(fds, 0); {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n != 0:
			return errors.New("it has ended")
		default:
			return nil
		}
	}
}

// startTime is field 22 of proc_pid_stat(5). A name may hold blanks and parentheses:
// what follows its last one counts.
func startTime(pid int32) (uint64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(int(pid)) + "/stat")
	if err != nil {
		return 0, err
	}
	return parseStart(string(text))
}

func parseStart(stat string) (uint64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const at = 22 - 3 // the first field after the name is the third
	if len(fields) <= at {
		return 0, errors.New("its entry in /proc is short")
	}
	return strconv.ParseUint(fields[at], 10, 64)
}
