// SPDX-License-Identifier: Apache-2.0

// Package access is the access control of running (RFC 8341) as sessions ask for it: one
// policy at a time, compiled when it changes, and what a user may do under it.
//
// It gives no data to anybody; mgmt asks it on every way to data.
//
// Invariants:
//
//  1. What is asked is asked of the policy that running has at that moment.
//  2. A refusal is counted, audited, and tells the client what decided only if that is
//     to be.
//  3. A recovery session is not asked for its rights (RFC 8341, 3.4.4, step 2).
package access

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmterr"
	"nso.example/nso/nacm"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// maxMistakes is how many rules that match nothing a commit is refused for at once.
const maxMistakes = 100

// Control is the access control of a server.
type Control struct {
	schema  *yang.Schema
	log     *slog.Logger
	audit   *audit.Trail
	running func() *tree.Node

	current   atomic.Pointer[compiled]
	compiling sync.Mutex  // one compiles, others wait for it
	explain   atomic.Bool // to clients what decided a denial
	// What has been denied (RFC 8341, 3.5.1).
	operations, writes, notifications atomic.Uint32
}

// compiled is the policy that a /nacm container lays down.
type compiled struct {
	of     *tree.Node
	policy *nacm.Policy
}

// New makes the access control of what running is.
func New(schema *yang.Schema, log *slog.Logger, trail *audit.Trail, running func() *tree.Node) *Control {
	return &Control{schema: schema, log: log, audit: trail, running: running}
}

// Policy is what root lays down: compiled once per change of /nacm.
func (c *Control) Policy(root *tree.Node) *nacm.Policy {
	of := nacm.Data(c.schema, root)
	if a := c.current.Load(); a != nil && a.of == of {
		return a.policy
	}
	c.compiling.Lock()
	defer c.compiling.Unlock()
	if a := c.current.Load(); a != nil && a.of == of {
		return a.policy
	}
	p := nacm.Compile(c.schema, root)
	for _, m := range p.Mistakes() {
		c.log.Warn("a rule of access control matches nothing: its path names no node", event.Key, event.RuleMistake, "op", "nacm", "reason", m.At+" is "+m.Path)
	}
	c.current.Store(&compiled{of, p})
	return p
}

// Now is the policy of running.
func (c *Control) Now() *nacm.Policy { return c.Policy(c.running()) }

// Mistakes are the rules in after, and not in before, that would match nothing:
// a rule that denies and does not work must not be taken for one that does.
func (c *Control) Mistakes(before, after *tree.Node) mgmterr.List {
	if nacm.Data(c.schema, before) == nacm.Data(c.schema, after) {
		return nil
	}
	return c.Policy(before).NewMistakes(nacm.Compile(c.schema, after), maxMistakes)
}

// Explain sets whether a client that is denied something is told what decided it. The
// log has it always.
func (c *Control) Explain(yes bool) { c.explain.Store(yes) }

// Denied is how much has been denied.
func (c *Control) Denied() (operations, writes, notifications uint32) {
	return c.operations.Load(), c.writes.Load(), c.notifications.Load()
}

// explained adds to a refusal what decided it, if clients are to be told.
func (c *Control) explained(e *mgmterr.Error) {
	var d *mgmterr.Denial
	if c.explain.Load() && errors.As(e, &d) && !d.Quiet {
		e.Message += " (denied by " + d.By + ")"
	}
}

// User is the access control of one session.
type User struct {
	control  *Control
	session  audit.Session
	recovery bool
	seen     atomic.Pointer[seen]
}

// seen is a view with the policy that it is of.
type seen struct {
	policy *nacm.Policy
	view   *nacm.View
}

// User is what a session may do.
func (c *Control) User(session audit.Session, recovery bool) *User {
	return &User{control: c, session: session, recovery: recovery}
}

func (u *User) actor() ident.Actor { return u.session.Actor }

// View is what the user may do as the data of root, which is running's, has it.
func (u *User) View(root *tree.Node) *nacm.View {
	p := u.control.Policy(root)
	if v := u.seen.Load(); v != nil && v.policy == p {
		return v.view
	}
	v := u.Under(p)
	u.seen.Store(&seen{p, v})
	return v
}

// Now is what the user may do as running is.
func (u *User) Now() *nacm.View { return u.View(u.control.running()) }

// Under is what the user may do under a policy.
func (u *User) Under(p *nacm.Policy) *nacm.View {
	if u.recovery {
		return p.Recovery()
	}
	return p.View(u.actor().User, u.actor().Groups)
}

// MayExec asks for a protocol operation (RFC 8341, 3.4.4).
func (u *User) MayExec(module, rpc string) error {
	return u.deniedExec(u.Now().Exec(module, rpc), module+":"+rpc, "", mgmterr.Protocol)
}

// MayRun asks for an action of the node at p (RFC 8341, 3.1.3).
func (u *User) MayRun(p tree.Path, action *yang.Node) error {
	return u.deniedExec(u.Now().Action(p, action), action.Name, p.String(), mgmterr.Application)
}

// deniedExec counts, audits and words what may not be run; nil if it may.
func (u *User) deniedExec(d nacm.Decision, op, path string, layer mgmterr.Type) error {
	if d.Permit {
		return nil
	}
	u.control.operations.Add(1)
	name := op[strings.LastIndexByte(op, ':')+1:]
	e := mgmterr.New(mgmterr.AccessDenied, path, "cannot run %s: %s has no right to it", name, u.actor().User).
		OfType(layer).WithCause(&mgmterr.Denial{By: d.By, Path: path})
	u.control.audit.Denied(u.session, op, e)
	u.control.explained(e)
	return e
}

// MayReceive asks for a notification: of the node at p, or with an empty p one at the top
// of its module (RFC 8341, 3.4.6). What may not be received is dropped in silence, and
// counted.
func (u *User) MayReceive(p tree.Path, notification *yang.Node) bool {
	if u.Now().Notification(p, notification).Permit {
		return true
	}
	u.control.notifications.Add(1)
	return false
}

// Refused counts and audits an edit that access control refused, and tells the client
// why if that is to be. op is "edit" or "commit".
func (u *User) Refused(op string, err error) {
	denied := false
	for _, e := range mgmterr.Of(err) {
		if e.Tag == mgmterr.AccessDenied {
			if !denied {
				denied = true
				u.control.writes.Add(1)
				u.control.audit.Denied(u.session, op, err)
			}
			u.control.explained(e)
		}
	}
}

// Lockout refuses a change after which its author could no longer change access
// control, although he can now. RFC 8341 has no such rule; without it a slip takes
// whoever may start a recovery session to mend.
func (u *User) Lockout(before, after *tree.Node) error {
	c := u.control
	if u.recovery || nacm.Data(c.schema, before) == nacm.Data(c.schema, after) {
		return nil
	}
	if ok, _, _ := u.Under(c.Policy(before)).Manages(); !ok {
		return nil
	}
	ok, what, d := u.Under(nacm.Compile(c.schema, after)).Manages()
	if ok {
		return nil
	}
	return mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: %s could not %s afterwards (denied by %s), and not undo that; "+
		"if it is meant, use \"commit force\" of the command line", u.actor().User, what, d.By).WithAppTag("lock-out")
}

// Discreet takes out of what a validation found what the user may not read.
func (u *User) Discreet(errs mgmterr.List) mgmterr.List { return u.Now().Discreet(errs) }

// Standing is what access control makes of a user, rules apart.
type Standing struct {
	Enabled  bool     // access control is in force
	External bool     // groups of the system count
	Admin    bool     // member of nso-admin
	Groups   []string // that count, in order
	Lists    []string // rule lists that apply, in order
}

// Standing tells it of a user whom the system knows in these groups.
func (c *Control) Standing(user string, system []string) Standing {
	p := c.Now()
	return Standing{p.Enabled(), p.External(), p.Admin(user, system), p.Groups(user, system), p.Lists(user, system)}
}

// Why is a decision of access control, and what decided.
type Why struct {
	Permit               bool
	Path, List, Rule, By string // see nacm.Why
}

// Why tells whether access control lets a user do something, and what decides: see
// nacm.View.Explain.
func (c *Control) Why(user string, system []string, operation, object string) (Why, error) {
	w, err := c.Now().View(user, system).Explain(operation, object)
	return Why{w.Permit, w.Path, w.List, w.Rule, w.By}, err
}
