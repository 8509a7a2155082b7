// SPDX-License-Identifier: Apache-2.0

// Package exec serves org.nso.Exec on the IPC socket: commands that run outside of the
// daemon, as users of the system; and has programs do the rpcs and actions of models,
// and validate commits, where a rule says so.
//
// It runs nothing. It says to nso-exec who asks, and passes on what the two say.
//
// Invariants:
//  1. What may be run is in a rule of root's that names the caller, and not denied by
//     a command rule of access control ("execute RULE"). nso-exec reads the rule again.
//  2. Who asks is the actor of the connection; what the request says of it is refused.
//  3. A command runs in a session: it counts in the limits, is seen and can be ended
//     like any other, and its end ends the command.
//  4. What rules say that does operations of models, or validates, is run for these
//     alone. What validates and cannot be asked refuses the commit.
//  5. A connection that a command is given may call what its rule says, as who asks,
//     and is dead when the command has ended.
//  6. Start, end and refusal are in the audit, with the arguments less the secret ones.
package exec

import (
	"context"
	_ "embed" // the interface description
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mediate"
	"nso.example/nso/mgmt"
)

const name = "org.nso.Exec"

// Transport is that of the sessions in which commands run.
const Transport = "exec"

//go:embed org.nso.Exec.varlink
var description string

// Options say where things are. The zero value is a system's.
type Options struct {
	Rules, RootRules *folder.Folder                          // folder.Commands, folder.AsRoot
	Socket           func(user string, terminal bool) string // wire.Path
	Mediator         mediate.Client
	IPCPath          string  // that commands are told of, "" for none
	Connect          Connect // nil: commands have no connection of their own
	Log              *slog.Logger
}

type room struct {
	server *mgmt.Server
	opts   Options
}

// New makes the interface.
func New(server *mgmt.Server, o Options) varlink.Interface {
	if o.Rules == nil {
		o.Rules = &folder.Folder{Path: folder.Commands}
	}
	if o.RootRules == nil {
		o.RootRules = &folder.Folder{Path: folder.AsRoot}
	}
	if o.Socket == nil {
		o.Socket = wire.Path
	}
	r := &room{server, o}
	if server != nil {
		server.HandleOthers(r.operations)
		r.join()
		r.complain()
	}
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		// Anyone may ask: the answer is what the rules let him do.
		{Name: "List", Access: peer.Anyone, States: varlink.AnyState, Handler: r.list},
		{Name: "Run", Access: peer.Anyone, States: varlink.Fresh, Handler: r.run, Stream: true, Upgrade: true},
	}}
}

// complain logs what is wrong with what rules are bound to.
func (r *room) complain() {
	if r.opts.Log == nil {
		return
	}
	for _, text := range bind.Mistakes(r.rules(), r.server.Schema()) {
		r.opts.Log.Warn(text, "op", "start")
	}
}

// rules are those of both folders. A name that is in both is in neither.
func (r *room) rules() map[string]*rule.Rule {
	all := maps.Clone(r.opts.Rules.Read().Rules)
	if all == nil {
		all = make(map[string]*rule.Rule)
	}
	for n, root := range r.opts.RootRules.Read().Rules {
		if _, twice := all[n]; twice {
			delete(all, n)
			continue
		}
		all[n] = root
	}
	return all
}

// runsAs is the user of the system that a rule runs as for somebody, whose unit is
// asked.
func runsAs(r *rule.Rule, a ident.Actor) (string, error) {
	if r.RunAs != rule.Caller {
		return r.RunAs, nil
	}
	switch {
	case a.Peer.UID == ident.NoUID:
		return "", fmt.Errorf("it runs as its caller, and %s is no user of this system", a.User)
	case a.User != a.Own:
		return "", fmt.Errorf("it runs as its caller, and %s only acts as %s", a.Own, a.User)
	}
	return a.User, nil
}

type argumentReply struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	Values      []string `json:"values"`
	Many        int      `json:"many"`
	Optional    bool     `json:"optional"`
	Secret      bool     `json:"secret"`
}

type ruleReply struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Help        string          `json:"help"`
	Confirm     string          `json:"confirm"`
	RunAs       string          `json:"runAs"`
	Terminal    bool            `json:"terminal"`
	Authorize   bool            `json:"authorize"`
	Arguments   []argumentReply `json:"arguments"`
}

func (r *room) list(_ context.Context, c *varlink.Call) error {
	actor := peer.Actor(c.Conn())
	rules, told := r.rules(), []ruleReply{}
	names := slices.Sorted(maps.Keys(rules))
	offered, _ := r.server.MayUse(actor, "cli", words(names))
	for i, n := range names {
		x := rules[n]
		as, err := runsAs(x, actor)
		if ok, _ := x.Allows(actor.User, actor.Groups); !ok || !x.Command() || !offered[i] || err != nil {
			continue
		}
		out := ruleReply{x.Name, x.Description, x.Help, x.Confirm, as, x.Terminal, x.Authorize, []argumentReply{}}
		for _, name := range x.Names() {
			a := x.Argument[name]
			out.Arguments = append(out.Arguments, argumentReply{name, a.Description, string(a.Type), append([]string{}, a.Values...),
				max(a.Many, 1), a.Optional || a.Default != nil, a.Secret})
		}
		told = append(told, out)
	}
	return c.Reply(map[string]any{"rules": told})
}

// words are the commands of rules, as access control knows them.
func words(rules []string) []string {
	all := make([]string, len(rules))
	for i, n := range rules {
		all[i] = "execute " + n
	}
	return all
}

func (r *room) run(ctx context.Context, c *varlink.Call) error {
	conn, err := c.Upgrade(nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	s := wire.Serve(conn)
	req, file, err := s.Request()
	if err != nil {
		return nil // what follows an upgrade is not varlink's
	}
	if file != nil {
		file.Close()
	}
	actor := peer.Actor(c.Conn())
	if err := r.command(ctx, actor, s, req); err != nil {
		var refusal *wire.Refusal
		var start *wire.StartError
		switch {
		case errors.As(err, &start):
			_ = s.End(wire.End{Start: start})
		case errors.As(err, &refusal):
			_ = s.Refuse(*refusal)
		default:
			_ = s.Refuse(wire.Refusal{Class: wire.Unavailable, Reason: err.Error()})
		}
	}
	return nil
}

func deny(class wire.Class, format string, args ...any) error {
	return &wire.Refusal{Class: class, Reason: fmt.Sprintf("cannot run it: "+format, args...)}
}

// command runs one command in a session of its own. An error says that nothing was
// started.
func (r *room) command(ctx context.Context, actor ident.Actor, s *wire.Served, req wire.Request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ss, err := r.server.Login(actor, mgmt.Login{Transport: Transport, Kill: func(reason string) { cancel(errors.New(reason)) }})
	if err != nil {
		return err
	}
	reason := "the command has ended"
	defer func() { ss.Close(reason, false) }()
	trail := r.server.Audit()
	run := audit.Run{Session: audit.Session{Actor: actor, Door: Transport, ID: ss.ID()}, Rule: req.Rule}
	cmd, done, err := r.start(ctx, actor, ss, req, &run)
	if err != nil {
		trail.RunRefused(run, err)
		reason = "the command was not started"
		return err
	}
	defer done()
	defer cmd.Close()
	// A client that reads nothing holds up the end of nothing.
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	trail.RunBegins(run, cmd.PID)
	began := time.Now()
	if err := s.Started(cmd.Started); err != nil {
		cmd.Close()
	}
	end, err := wire.Relay(s, cmd)
	run.Length = time.Since(began)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		reason = "the command was hung up"
		trail.RunEnds(run, err.Error(), 0)
		return nil // the client has been told by the end of the connection
	}
	trail.RunEnds(run, end.String(), end.Output)
	return nil
}

// start asks everybody who has a say, and then nso-exec.
func (r *room) start(ctx context.Context, actor ident.Actor, ss *mgmt.Session, req wire.Request, run *audit.Run) (*wire.Command, func(), error) {
	if req.User != "" || req.Operation != "" || req.Path != "" || req.UID != 0 || req.Groups != nil || req.Session != "" || req.Address != "" || req.IPCPath != "" || req.IPC {
		return nil, nil, deny(wire.BadRequest, "who asks is not for the request to say")
	}
	x := r.rules()[req.Rule]
	if x == nil || !x.Command() { // what is done by an rpc or action is asked for there
		return nil, nil, deny(wire.NoRule, "there is no rule %.64q that you may use", req.Rule)
	}
	allowed, why := x.Allows(actor.User, actor.Groups)
	if allowed {
		if _, may := ss.MayUse("cli", words([]string{x.Name})); !may[0] {
			allowed, why = false, "a command rule of access control denies it"
		}
	}
	if !allowed {
		run.Reason = why
		return nil, nil, deny(wire.NoRule, "there is no rule %.64q that you may use", req.Rule) // as if it were not there
	}
	if x.Terminal != (req.Terminal != nil) {
		if x.Terminal {
			return nil, nil, deny(wire.BadRequest, "%s takes a terminal", x.Name)
		}
		req.Terminal = nil
	}
	return r.launch(ctx, x, actor, ss.ID(), req, run)
}
