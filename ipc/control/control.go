// SPDX-License-Identifier: Apache-2.0

// Package control serves org.nso.Control on the IPC socket: the daemon's status,
// its sessions, reload and stop, and the hand-over of listeners.
//
// It knows no datastore. What it steers comes in as functions (Steering).
//
// Invariants:
//  1. WhoAmI is for whoever can connect, and so is what Explain tells him of himself;
//     Listen is for the daemon's own user on the Unix socket; everything else is for
//     nso-admin.
//  2. Stop answers first.
//  3. A listener that was handed over lives as long as the connection that it
//     came on, and not longer.
package control

import (
	"context"
	_ "embed" // the interface description
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/ipc/peer"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
)

const name = "org.nso.Control"

//go:embed org.nso.Control.varlink
var description string

// Door is a listener as status shows it.
type Door struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Connections int    `json:"connections"`
}

// Steering is what the daemon lets itself be asked. All fields are required.
type Steering struct {
	Version  string
	PID, UID int
	Doors    func() []Door
	Resident func() int64  // bytes
	Panics   func() uint64 // recovered in any room
	Reload   func(ctx context.Context) (changed, needRestart []string, err error)
	Stop     func()
	Level    *slog.LevelVar // of the log
	Explain  Explaining
	// Listen serves listeners that were handed over, and owns the files from then
	// on. It returns their addresses and what ends them; dropped is called when the
	// daemon ends them itself.
	Listen func(ctx context.Context, name string, files []*os.File, dropped func(reason error)) (addresses []string, drop func(), err error)
}

// Holding is the state of a connection that a listener was handed over on: it is
// silent for as long as the listener is there (varlink.Limits.IdleIn).
const Holding varlink.State = 1 << 8

// maxListeners is how many addresses a door may have.
const maxListeners = 16

type room struct {
	server *mgmt.Server
	steer  Steering
}

// New makes the interface.
func New(server *mgmt.Server, steer Steering) varlink.Interface {
	r := &room{server, steer}
	admin := peer.Admin(server)
	return varlink.Interface{Name: name, Description: description, Methods: []varlink.Method{
		{Name: "WhoAmI", Access: peer.Anyone, States: varlink.AnyState, Handler: r.whoAmI},
		{Name: "ExplainAccess", Access: peer.Anyone, States: varlink.AnyState, Handler: r.explainAccess},
		{Name: "ExplainLogin", Access: peer.Anyone, States: varlink.AnyState, Handler: r.explainLogin},
		{Name: "Status", Access: admin, States: varlink.AnyState, Handler: r.status},
		{Name: "Sessions", Access: admin, States: varlink.AnyState, Handler: r.sessions},
		{Name: "Kick", Access: admin, States: varlink.AnyState, Handler: r.kick},
		{Name: "Reload", Access: admin, States: varlink.AnyState, Handler: r.reload},
		{Name: "Stop", Access: admin, States: varlink.AnyState, Handler: r.stop},
		{Name: "LogLevel", Access: admin, States: varlink.AnyState, Handler: r.logLevel},
		{Name: "Listen", Access: peer.Self(uint32(steer.UID)), States: varlink.Fresh, Handler: r.listen, MaxDescriptors: maxListeners},
	}}
}

func (r *room) whoAmI(_ context.Context, c *varlink.Call) error {
	a := peer.Actor(c.Conn())
	st := r.server.Standing(a.User, a.Groups)
	var login *uint32
	if a.Peer.LoginUID != ident.NoLogin {
		login = &a.Peer.LoginUID
	}
	open := 0
	for _, i := range r.server.List() {
		if i.User == a.User {
			open++
		}
	}
	return c.Reply(map[string]any{
		"uid": a.Peer.UID, "gid": a.Peer.GID, "pid": a.Peer.PID, "user": a.User, "groups": orEmpty(a.Groups),
		"door": c.Conn().Door(), "admin": st.Admin, "own": a.Own, "source": a.Source(), "loginUid": login,
		"accessGroups": orEmpty(st.Groups), "sessions": open,
	})
}

type moduleReply struct {
	Name        string `json:"name"`
	Revision    string `json:"revision"`
	Implemented bool   `json:"implemented"`
}

func (r *room) status(_ context.Context, c *varlink.Call) error {
	st := r.server.Status()
	modules := make([]moduleReply, 0, len(r.server.Schema().Modules))
	for _, m := range r.server.Schema().Modules {
		modules = append(modules, moduleReply{m.Name, m.Revision, m.Implemented})
	}
	return c.Reply(map[string]any{
		"version": r.steer.Version, "pid": r.steer.PID, "uid": r.steer.UID,
		"started": st.Start.UTC().Format(time.RFC3339), "uptimeSeconds": int(time.Since(st.Start).Seconds()),
		"doors": r.steer.Doors(), "sessions": st.Sessions, "revision": st.Revision, "modules": modules,
		"resident": r.steer.Resident(), "panics": r.steer.Panics(),
	})
}

type sessionReply struct {
	ID        uint32   `json:"id"`
	User      string   `json:"user"`
	Transport string   `json:"transport"`
	Source    string   `json:"source"`
	Since     string   `json:"since"`
	Locks     []string `json:"locks"`
	Own       string   `json:"own"`
	Recovery  bool     `json:"recovery"`
}

func (r *room) sessions(_ context.Context, c *varlink.Call) error {
	all := []sessionReply{}
	for _, i := range r.server.List() {
		locks := i.Locks
		if locks == nil {
			locks = []string{}
		}
		all = append(all, sessionReply{i.ID, i.User, i.Transport, i.Source, i.Since.UTC().Format(time.RFC3339), locks, i.Own, i.Recovery})
	}
	return c.Reply(map[string]any{"sessions": all})
}

func (r *room) kick(_ context.Context, c *varlink.Call) error {
	var in struct {
		ID     int64   `json:"id"`
		Reason *string `json:"reason"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if in.ID < 1 || in.ID > 1<<32-1 {
		return varlink.InvalidParameter("id")
	}
	a := peer.Actor(c.Conn())
	reason := "kicked by " + a.User + " (uid " + strconv.FormatUint(uint64(a.Peer.UID), 10) + ")"
	if in.Reason != nil && *in.Reason != "" {
		reason += ": " + *in.Reason
	}
	if err := r.server.Kick(uint32(in.ID), reason); err != nil {
		return peer.Failed(name, err)
	}
	r.server.Audit().Kicked(a, c.Conn().Door(), uint32(in.ID), reason)
	return c.Reply(nil)
}

func (r *room) reload(ctx context.Context, c *varlink.Call) error {
	changed, restart, err := r.steer.Reload(ctx)
	r.server.Audit().Reloaded(peer.Actor(c.Conn()), c.Conn().Door(), changed, restart, err)
	if err != nil {
		return peer.Failed(name, err)
	}
	return c.Reply(map[string]any{"changed": orEmpty(changed), "needRestart": orEmpty(restart)})
}

// levelNamed is the level of a name, as log.level in nso.toml has it.
func levelNamed(name string) (slog.Level, bool) {
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if levelName(l) == name {
			return l, true
		}
	}
	return 0, false
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

func orEmpty(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func (r *room) stop(_ context.Context, c *varlink.Call) error {
	r.server.Audit().Stopped(peer.Actor(c.Conn()), c.Conn().Door())
	err := c.Reply(nil)
	r.steer.Stop()
	return err
}

// logLevel tells the least level that is logged and, if one is given, changes it
// until the daemon restarts.
func (r *room) logLevel(_ context.Context, c *varlink.Call) error {
	var in struct {
		Level *string `json:"level"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	if in.Level != nil {
		level, ok := levelNamed(*in.Level)
		if !ok {
			return varlink.InvalidParameter("level")
		}
		before := r.steer.Level.Level()
		r.steer.Level.Set(level)
		r.server.Audit().Level(peer.Actor(c.Conn()), c.Conn().Door(), levelName(before), levelName(level))
	}
	return c.Reply(map[string]any{"level": levelName(r.steer.Level.Level())})
}

func (r *room) listen(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	files := c.TakeFiles()
	if len(files) == 0 {
		return peer.Failed(name, mgmterr.New(mgmterr.InvalidValue, "", "cannot take the listener %.64q: no descriptor came with the call", in.Name))
	}
	conn := c.Conn()
	addresses, drop, err := r.steer.Listen(ctx, in.Name, files, conn.Close)
	if err != nil {
		return peer.Failed(name, err)
	}
	conn.OnClose(drop)
	conn.SetState(Holding)
	return c.Reply(map[string]any{"addresses": addresses})
}
