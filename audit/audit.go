// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// Trail writes the records.
type Trail struct {
	log    *slog.Logger
	schema *yang.Schema
	gate   gate
	now    func() time.Time
}

// New makes a trail that is written to where log writes.
func New(log *slog.Logger, schema *yang.Schema) *Trail {
	h := always{log.Handler()}
	return &Trail{log: slog.New(h).With(event.Audit, true), schema: schema,
		gate: gate{peers: make(map[string]*bucket)}, now: time.Now}
}

// always is a handler at every level.
type always struct{ slog.Handler }

func (always) Enabled(context.Context, slog.Level) bool { return true }
func (h always) WithAttrs(a []slog.Attr) slog.Handler   { return always{h.Handler.WithAttrs(a)} }
func (h always) WithGroup(name string) slog.Handler     { return always{h.Handler.WithGroup(name)} }

// The levels: an act of somebody is notice, which is between info and warn.
const (
	notice = slog.LevelInfo + 2
	warn   = slog.LevelWarn
)

func (t *Trail) write(level slog.Level, msg string, e event.Name, attrs []slog.Attr) {
	t.log.LogAttrs(context.Background(), level, msg, append(attrs, slog.Any(event.Key, e))...)
}

// who says who acts: nobody known, if there is no user. door is the listener, or the
// transport of a session.
func who(a ident.Actor, door string) []slog.Attr {
	attrs := make([]slog.Attr, 0, 16)
	if a.User == "" {
		return append(attrs, slog.String("door", door))
	}
	attrs = append(attrs, slog.String("user", a.User))
	if a.Own != "" && a.Own != a.User {
		attrs = append(attrs, slog.String("own", a.Own))
	}
	if a.Peer.UID != ident.NoUID { // whom the data alone knows has none
		attrs = append(attrs, slog.Uint64("uid", uint64(a.Peer.UID)))
	}
	attrs = append(attrs, slog.String("login_uid", loginUID(a.Peer.LoginUID)))
	if a.Peer.PID != 0 {
		attrs = append(attrs, slog.Int("pid", int(a.Peer.PID)))
	}
	if door == "" {
		door = a.Door()
	}
	return append(attrs, slog.String("door", door), slog.String("source", a.Source()))
}

func loginUID(uid uint32) string {
	if uid == ident.NoLogin {
		return "unset"
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// Session is who acts, and in which session.
type Session struct {
	Actor ident.Actor
	Door  string // transport
	ID    uint32
}

func (s Session) attrs() []slog.Attr {
	return append(who(s.Actor, s.Door), slog.Uint64("usid", uint64(s.ID)))
}

// Login is a session that was opened.
func (t *Trail) Login(s Session) { t.write(notice, "session opened", event.Login, s.attrs()) }

// Recovery is the begin or the end of a session in which access control is not
// enforced (RFC 8341, 1.1).
func (t *Trail) Recovery(s Session, begins bool) {
	if begins {
		t.write(warn, "recovery session opened", event.Recovery, s.attrs())
		return
	}
	t.write(warn, "recovery session closed", event.RecoveryEnded, s.attrs())
}

// LoginRefused is a session that was not opened although it is known who asks.
func (t *Trail) LoginRefused(a ident.Actor, door string, reason error) {
	t.refusal("session refused", event.LoginRefused, uidKey(a), append(who(a, door), slog.Any("reason", reason)))
}

// Refused is a connection that was turned away at a door. What is not known of the
// actor is zero; source is where the connection is from.
func (t *Trail) Refused(a ident.Actor, door, source string, reason error) {
	key, attrs := "unknown at "+door+" "+network(source), []slog.Attr{slog.String("door", door), slog.String("source", source)}
	if a.User != "" {
		key, attrs = uidKey(a), who(a, door)
	}
	t.refusal("connection refused", event.Refused, key, append(attrs, slog.Any("reason", reason)))
}

// network is what of an address one host cannot choose at will: of IPv6 64 bits.
func network(source string) string {
	a, err := netip.ParseAddrPort(source)
	if err != nil {
		return ""
	}
	addr := a.Addr().Unmap().WithZone("")
	p, _ := addr.Prefix(min(addr.BitLen(), 64))
	return p.String()
}

// uidKey is whose records are counted together.
func uidKey(a ident.Actor) string {
	if a.Peer.UID == ident.NoUID {
		return "user " + a.User
	}
	return "uid " + strconv.FormatUint(uint64(a.Peer.UID), 10)
}

// refusal is written unless the same peer has caused too many.
func (t *Trail) refusal(msg string, e event.Name, peer string, attrs []slog.Attr) {
	held, ok := t.gate.pass(string(e)+" "+peer, t.now())
	if !ok {
		return
	}
	if held > 0 {
		attrs = append(attrs, slog.Int("held_back", held))
	}
	t.write(warn, msg, e, attrs)
}

// maxDenied is how many paths of one denial are named.
const maxDenied = 8

// Denied is what access control did not allow. op is what was asked for; errs says
// at which nodes and by which rules (mgmterr.Denial), and may be nil.
func (t *Trail) Denied(s Session, op string, errs error) {
	attrs := append(s.attrs(), slog.String("op", op))
	var paths, rules, reason []string
	for _, e := range mgmterr.Of(errs) {
		if e.Tag != mgmterr.AccessDenied || len(paths) >= maxDenied {
			continue
		}
		path := e.Path
		var d *mgmterr.Denial
		if errors.As(e, &d) {
			path = d.Path // e's may leave out what its reader may not see
			if by := clip(d.By); !slices.Contains(rules, by) {
				rules = append(rules, by)
			}
		}
		if path != "" {
			paths = append(paths, PathText(t.schema, path))
		}
	}
	if len(paths) > 0 {
		attrs, reason = append(attrs, slog.Any("path", paths)), append(reason, "at "+paths[0])
	}
	if len(rules) > 0 {
		attrs, reason = append(attrs, slog.Any("rule", rules)), append(reason, "denied by "+rules[0])
	}
	if len(reason) > 0 {
		attrs = append(attrs, slog.String("reason", strings.Join(reason, ", ")))
	}
	t.refusal("access denied", event.Denied, uidKey(s.Actor), attrs)
}

// clip bounds the name of a rule: it is data.
func clip(text string) string {
	if len(text) > 256 {
		return strings.ToValidUTF8(text[:256], "") + "..."
	}
	return text
}

// DeniedCall is a call of an interface that its rule did not allow.
func (t *Trail) DeniedCall(a ident.Actor, door, op string, reason error) {
	t.refusal("access denied", event.Denied, uidKey(a), append(who(a, door), slog.String("op", op), slog.Any("reason", reason)))
}

// Commit is a change of the configuration that was decided.
type Commit struct {
	Session         Session
	Before, After   uint64 // revisions
	Base, Root      *tree.Node
	Datastore       string // "" for running
	Label, Comment  string
	Prepare, Length time.Duration
}

// Committed is written after the decision and before the reply.
func (t *Trail) Committed(c Commit) {
	// The commit has happened, whatever happens here.
	defer func() {
		if p := recover(); p != nil {
			t.write(slog.LevelError, "internal error: panic", event.Panic, []slog.Attr{slog.String("op", "audit"), slog.String("err", fmt.Sprint(p))})
		}
	}()
	ch := changesOf(c.Base, c.Root)
	attrs := append(c.Session.attrs(), slog.Uint64("txid", c.After), slog.Uint64("before", c.Before),
		slog.Any("change", ch.changes), slog.Any("path", ch.paths))
	if ch.more != "" {
		attrs = append(attrs, slog.String("more", ch.more))
	}
	if c.Datastore != "" {
		attrs = append(attrs, slog.String("datastore", c.Datastore))
	}
	if c.Label != "" {
		attrs = append(attrs, slog.String("label", c.Label))
	}
	if c.Comment != "" {
		attrs = append(attrs, slog.String("comment", c.Comment))
	}
	t.write(notice, "commit", event.Commit, append(attrs, slog.Duration("prepare", c.Prepare), slog.Duration("dur", c.Length)))
}

// The changes that are named, and those that are counted beside.
const (
	maxChanges = 32
	maxCount   = 1000
)

type changes struct {
	changes, paths []string
	more           string
}

func changesOf(before, after *tree.Node) (c changes) {
	more := 0
	for d := range tree.Diff(before, after) {
		if len(c.paths) < maxChanges {
			path := Path(d.Path)
			c.paths = append(c.paths, path)
			c.changes = append(c.changes, d.Kind.String()+" "+path)
			continue
		}
		if more++; more == maxCount {
			c.more = "at least " + strconv.Itoa(more)
			return c
		}
	}
	if more > 0 {
		c.more = strconv.Itoa(more)
	}
	return c
}

// ActingAs is a user who acts as another, and why he may.
func (t *Trail) ActingAs(a ident.Actor, door, reason string) {
	t.write(warn, "acting as another user", event.ActingAs, append(who(a, door), slog.String("reason", reason)))
}

// Kicked is a session that somebody else ended.
func (t *Trail) Kicked(by ident.Actor, door string, target uint32, reason string) {
	t.write(notice, "session kicked", event.Kicked, append(who(by, door), slog.Uint64("target", uint64(target)), slog.String("reason", reason)))
}

// Reloaded is that nso.toml was read again, or could not be.
func (t *Trail) Reloaded(by ident.Actor, door string, changed, restart []string, err error) {
	if err != nil {
		t.write(slog.LevelError, "cannot reload", event.ReloadFailed, append(who(by, door), slog.Any("err", err)))
		return
	}
	t.write(notice, "configuration read again", event.Reload, append(who(by, door), slog.Any("changed", changed), slog.Any("restart", restart)))
}

// Stopped is somebody who asked the daemon to end.
func (t *Trail) Stopped(by ident.Actor, door string) {
	t.write(notice, "stop asked for", event.StopAsked, who(by, door))
}

// Level is a change of the log level.
func (t *Trail) Level(by ident.Actor, door, before, level string) {
	t.write(notice, "log level changed", event.LogLevel, append(who(by, door), slog.String("before_level", before), slog.String("level", level)))
}
