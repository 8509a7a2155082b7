// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"nso.example/nso/audit"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
	"nso.example/nso/mediate"
)

// Connect gives a command a connection to this daemon: who is at it is the actor, and
// may is asked about each call. theirs is the command's end, for the caller to close;
// hangUp ends the connection, whoever holds it by then.
type Connect func(actor ident.Actor, may func(method string, parameters []byte) error) (theirs *os.File, hangUp func(), err error)

// launch has a rule's program started for somebody who may run it. done is to be called
// when the command has ended.
func (r *room) launch(ctx context.Context, x *rule.Rule, actor ident.Actor, session uint32, req wire.Request, run *audit.Run) (cmd *wire.Command, done func(), err error) {
	as, err := runsAs(x, actor)
	if err != nil {
		return nil, nil, deny(wire.Denied, "%s", err)
	}
	argv, shown, err := x.Argv(req.Values)
	if err != nil {
		return nil, nil, &wire.Refusal{Class: wire.BadArgument, Reason: err.Error()}
	}
	run.RunAs, run.Argv = as, shown
	if x.Authorize {
		c := mediate.Command{Rule: x.Name, Program: argv[0], RunAs: as, User: actor.User, Door: actor.Door(), Source: actor.Source()}
		if actor.Peer.PID > 0 {
			c.Process, c.UID, c.Interactive = actor.Peer.PID, actor.Peer.UID, true
		}
		if err := r.opts.Mediator.Authorize(ctx, c); err != nil {
			return nil, nil, deny(wire.Denied, "%s", err)
		}
	}
	req.Rule, req.User, req.UID, req.Groups = x.Name, actor.User, actor.Peer.UID, actor.Groups
	req.Address, req.IPCPath = actor.Source(), r.opts.IPCPath
	if session != 0 {
		req.Session = strconv.FormatUint(uint64(session), 10)
	}
	done = func() {}
	var ipc *os.File
	if x.IPC != nil && r.opts.Connect != nil {
		if ipc, done, err = r.opts.Connect(actor, x.MayCall); err != nil {
			return nil, nil, deny(wire.Unavailable, "there is no connection for it: %s", err)
		}
		defer ipc.Close()
	}
	if cmd, err = r.reach(ctx, as, x.Terminal, req, ipc); err != nil {
		done()
		return nil, nil, err
	}
	return cmd, done, nil
}

// reach asks the unit of a user, and has it started where it is not there.
func (r *room) reach(ctx context.Context, as string, terminal bool, req wire.Request, ipc *os.File) (*wire.Command, error) {
	path := r.opts.Socket(as, terminal)
	cmd, err := wire.Run(ctx, path, req, ipc)
	if err == nil || !wire.Absent(err) {
		return cmd, err
	}
	kind, unit := mediate.Exec, "nso-exec@"+as+".socket"
	if terminal {
		kind, unit = mediate.Pty, "nso-pty@"+as+".socket"
	}
	if as == rule.Root {
		return nil, deny(wire.Unavailable, "root is reached by a unit of its own, which is not enabled; see nso-exec-root in nso-exec(8)")
	}
	if err := r.opts.Mediator.Start(ctx, mediate.Target{Kind: kind, User: as}); err != nil {
		return nil, deny(wire.Unavailable, "%s is not enabled, and could not be started: %s; root enables it: systemctl enable --now %s", unit, err, unit)
	}
	return wire.Run(ctx, path, req, ipc)
}

// told is what a program has said, and how it ended.
type told struct {
	out  []byte
	last string // line of its standard error, "" for none
	end  wire.End
}

var errTooMuch = errors.New("it says more than can be taken")

// talk hands a program its input and takes what it says, for an operation or a
// validation: somebody waits for the whole of it.
func (r *room) talk(ctx context.Context, x *rule.Rule, actor ident.Actor, run audit.Run, req wire.Request, input []byte) (t told, err error) {
	trail := r.server.Audit()
	req.Input = len(input) > 0
	cmd, done, err := r.launch(ctx, x, actor, run.Session.ID, req, &run)
	if err != nil {
		trail.RunRefused(run, err)
		return t, err
	}
	defer done()
	defer cmd.Close()
	trail.RunBegins(run, cmd.PID)
	if req.Input {
		go func() {
			if _, err := cmd.Write(input); err == nil { // one that reads nothing has ended
				_ = cmd.CloseInput()
			}
		}()
	}
	out, errs := &limited{max: bind.MaxAnswer}, &tail{}
	t.end, err = cmd.Wait(out, errs)
	run.Length = t.end.Took
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		trail.RunEnds(run, err.Error(), uint64(out.b.Len()))
		return t, err
	}
	trail.RunEnds(run, t.end.String(), t.end.Output)
	t.out, t.last = out.b.Bytes(), errs.line()
	return t, nil
}

// failure is why a program that has ended has not done what it was for, nil if it has.
func (t told) failure(x *rule.Rule) error {
	switch e := t.end; {
	case e.Reason == wire.Deadline:
		return fmt.Errorf("its program has taken more than %v", x.Deadline)
	case e.Exit != nil && *e.Exit == 0:
		return nil
	case e.Start != nil:
		return errors.New(e.Start.Text)
	case t.last != "":
		return errors.New(t.last)
	default:
		return fmt.Errorf("its program has ended with %s, and says nothing", e)
	}
}

// limited takes so much and no more.
type limited struct {
	b   bytes.Buffer
	max int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.max {
		return 0, errTooMuch
	}
	return l.b.Write(p)
}

// maxLine is how much of a line of standard error is told.
const maxLine = 1024

// tail keeps the end of what is written.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 8 * maxLine
	if t.b = append(t.b, p[max(0, len(p)-most):]...); len(t.b) > most {
		t.b = append(t.b[:0], t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}

// line is the last line that has something in it, fit to be shown.
func (t *tail) line() string {
	text := strings.TrimRight(strings.ToValidUTF8(string(t.b), "?"), " \t\r\n")
	text = text[strings.LastIndexByte(text, '\n')+1:]
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
	if text = strings.TrimSpace(text); len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "..."
	}
	return text
}
