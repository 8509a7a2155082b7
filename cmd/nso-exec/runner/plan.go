// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/cmd/nso-exec/cgroup"
	"nso.example/nso/cmd/nso-exec/start"
	"nso.example/nso/exec/program"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
)

// lookUpTime is what a look-up of the account may take.
const lookUpTime = 5 * time.Second

// plan is a command before it is started.
type plan struct {
	rule    *rule.Rule
	program *program.File
	argv    []string
	shown   []string // argv with the secrets left out
	env     []string
	dir     string
	socket  *os.File // for the command to use, nil for none
	request wire.Request
}

func refuse(class wire.Class, format string, args ...any) error {
	return &wire.Refusal{Class: class, Reason: fmt.Sprintf(format, args...)}
}

// plan decides whether a request may be done, and what is to be done. An error is a
// *wire.Refusal or a *wire.StartError.
func (u *Unit) plan(ctx context.Context, r wire.Request, socket *os.File) (*plan, error) {
	if err := wellFormed(r); err != nil {
		return nil, err
	}
	set := u.Rules.Read()
	ru := set.Rules[r.Rule]
	if ru == nil {
		for _, err := range set.Errs {
			u.Log.Error("rules", "err", err)
		}
		if len(set.Errs) > 0 {
			return nil, refuse(wire.NoRule, "cannot run %q: no rule of that name can be used, and there are rules with errors; see: nso exec check", r.Rule)
		}
		return nil, refuse(wire.NoRule, "cannot run %q: there is no rule of that name", r.Rule)
	}
	if err := u.may(ru, r); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	account, err := u.Account(ctx)
	if err != nil {
		return nil, refuse(wire.Unavailable, "cannot run %s: the account %s cannot be found: %v", r.Rule, u.User, err)
	}
	if account.UID != u.UID { // deleted, and made again
		return nil, refuse(wire.Unavailable, "cannot run %s: %s has uid %d now, and this unit runs as %d; restart it: systemctl stop nso-exec@%[2]s.service", r.Rule, u.User, account.UID, u.UID)
	}
	p := &plan{rule: ru, socket: socket, request: r}
	if p.argv, p.shown, err = ru.Argv(r.Values); err != nil {
		return nil, refuse(wire.BadArgument, "%v", err)
	}
	who := rule.Asker{User: r.User, Groups: r.Groups, Session: r.Session, Address: r.Address, IPCPath: r.IPCPath, Operation: r.Operation, Path: r.Path}
	if socket != nil {
		if err := connected(socket); err != nil {
			return nil, refuse(wire.BadRequest, "%v", err)
		}
		who.IPCFD = "3"
	}
	if p.env, err = ru.Environ(rule.Account{Name: u.User, Home: account.Home, Root: u.Root}, who, r.Environment); err != nil {
		return nil, refuse(wire.BadArgument, "%v", err)
	}
	if p.dir = ru.Directory; p.dir == "home" {
		if p.dir = account.Home; !strings.HasPrefix(p.dir, "/") {
			return nil, refuse(wire.Unavailable, "cannot run %s: %s has no home", r.Rule, u.User)
		}
	}
	if p.program, err = program.Open(ru.Program, u.UID); err != nil {
		failed := &wire.StartError{Step: "program", Text: err.Error()}
		errors.As(err, &failed.Errno)
		return nil, failed
	}
	return p, nil
}

// wellFormed refuses what the daemon would never send.
func wellFormed(r wire.Request) error {
	if !rule.ValidName(r.Rule) {
		return refuse(wire.BadRequest, "cannot run %.64q: it is no name of a rule", r.Rule)
	}
	for _, s := range slices.Concat([]string{r.User, r.Session, r.Address, r.IPCPath}, r.Groups) {
		if len(s) > 256 || strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
			return refuse(wire.BadRequest, "cannot run %s: who asks has a name or an address that cannot be", r.Rule)
		}
	}
	if len(r.Groups) > 1024 || slices.ContainsFunc(r.Groups, func(g string) bool { return g == "" || strings.Contains(g, ",") }) {
		return refuse(wire.BadRequest, "cannot run %s: who asks is in groups that cannot be", r.Rule)
	}
	return nil
}

// may asks whether a rule is for this unit and for who asks.
func (u *Unit) may(ru *rule.Rule, r wire.Request) error {
	if ok, why := ru.Allows(r.User, r.Groups); !ok {
		return refuse(wire.Denied, "cannot run %s: %s", r.Rule, why)
	}
	switch ru.RunAs {
	case rule.Caller:
		if u.Root {
			return refuse(wire.Denied, "cannot run %s: it runs as who asks, and this unit is for what runs as root", r.Rule)
		}
		if r.User != u.User || r.UID != u.UID {
			return refuse(wire.Denied, "cannot run %s: it runs as who asks, which is %s (uid %d), and this unit runs as %s (uid %d)", r.Rule, r.User, r.UID, u.User, u.UID)
		}
	case u.User:
	default:
		return refuse(wire.Denied, "cannot run %s: it runs as %s, and this unit runs as %s", r.Rule, ru.RunAs, u.User)
	}
	switch {
	case ru.Terminal && !u.Terminal:
		return refuse(wire.Denied, "cannot run %s: it has a terminal, and this unit has none; ask nso-pty@%s", r.Rule, u.User)
	case !ru.Terminal && u.Terminal:
		return refuse(wire.Denied, "cannot run %s: it has no terminal, and this unit is for those; ask nso-exec@%s", r.Rule, u.User)
	case ru.Terminal && r.Terminal == nil:
		return refuse(wire.BadRequest, "cannot run %s: the size of its terminal is missing", r.Rule)
	case !ru.Terminal && r.Terminal != nil:
		return refuse(wire.BadRequest, "cannot run %s: it has no terminal", r.Rule)
	}
	return nil
}

// connected refuses a descriptor that is no connected Unix socket: a folder or another
// process's memory is nothing to hand to a command.
func connected(f *os.File) error {
	fd := int(f.Fd())
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil && domain == unix.AF_UNIX {
		_, err = unix.Getpeername(fd)
	}
	if err != nil || domain != unix.AF_UNIX {
		return errors.New("cannot pass the descriptor on: it is no connected Unix socket")
	}
	return nil
}

// limits are the limits of a rule: those of a group, and those of each process. The
// runtime has raised the soft one of open files of this process, and no command's.
func (u *Unit) limits(l rule.Limits) (cgroup.Limits, []start.Limit) {
	var g cgroup.Limits
	if l.Memory != nil {
		g.Memory = *l.Memory
	}
	if l.Processes != nil {
		g.Processes = *l.Processes
	}
	var list []start.Limit
	if l.Files == nil && u.Files > 0 {
		list = append(list, start.Limit{Resource: unix.RLIMIT_NOFILE, Value: unix.RLIM_INFINITY, Soft: u.Files})
	}
	for _, r := range []struct {
		resource int
		value    *uint64
	}{{unix.RLIMIT_CPU, l.CPU}, {unix.RLIMIT_NOFILE, l.Files}, {unix.RLIMIT_FSIZE, l.FileSize}, {unix.RLIMIT_CORE, l.Core}} {
		if r.value != nil {
			list = append(list, start.Limit{Resource: r.resource, Value: *r.value})
		}
	}
	return g, list
}

// quoted are arguments as they are to be logged: one line, each told from the next.
func quoted(argv []string) string {
	var b strings.Builder
	for i, a := range argv {
		if b.Len() > 2048 {
			fmt.Fprintf(&b, " ... %d more", len(argv)-i)
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.QuoteToASCII(a[:min(len(a), 512)]))
	}
	return b.String()
}
