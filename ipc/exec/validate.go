// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/exec/bind"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/rule"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ident"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// validators ask programs about what a commit would make of the configuration. A
// validator that cannot be asked refuses.
type validators struct {
	room *room

	mu    sync.Mutex
	known map[string]*rule.Rule
	asked time.Time // for rules
}

// fresh is how old the rules may be that a commit is asked about.
const fresh = time.Second

// whole is what all that validates one commit may take together.
const whole = rule.MaxValidation + 5*time.Second

// join has programs take part in commits, for as long as the daemon runs.
func (r *room) join() {
	v := &validators{room: r, known: make(map[string]*rule.Rule)}
	member := mgmt.Member{Name: "validators", Deadline: whole + 5*time.Second, Participant: v}
	// Who was expelled would refuse no more.
	member.Expelled = func(error) { r.server.Join(member) }
	r.server.Join(member)
}

// rules are those that validate. What was one before, and is in no file that can be
// read, stays one while some file cannot: nso-exec will not run it, which refuses.
func (v *validators) rules() []*rule.Rule {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.asked) > fresh {
		now := make(map[string]*rule.Rule)
		broken := false
		for _, f := range []*folder.Folder{v.room.opts.Rules, v.room.opts.RootRules} {
			set := f.Read()
			broken = broken || slices.ContainsFunc(set.Errs, func(err error) bool { return !folder.Missing(err) })
			for n, x := range set.Rules {
				if len(x.Validate) > 0 {
					now[n] = x
				}
			}
		}
		if broken {
			for n, x := range v.known {
				if now[n] == nil {
					now[n] = x
				}
			}
		}
		v.known, v.asked = now, time.Now()
	}
	return slices.SortedFunc(maps.Values(v.known), func(a, b *rule.Rule) int { return strings.Compare(a.Name, b.Name) })
}

// Prepare asks every validator below whose paths something changes.
func (v *validators) Prepare(ctx context.Context, before, after *tree.Node) (mgmt.Ticket, error) {
	rules := v.rules()
	if len(rules) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, whole, errors.New("there was no time left for it"))
	defer cancel()
	refused := make([]mgmterr.List, len(rules))
	places := make(chan struct{}, 8)
	var wait sync.WaitGroup
	for i, x := range rules {
		nodes, at := v.nodes(x), (*yang.Node)(nil)
		if at = bind.Touched(before, after, nodes); at == nil {
			continue
		}
		wait.Go(func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-ctx.Done():
			}
			if err := v.ask(ctx, x, nodes, at, after); err != nil {
				refused[i] = mgmterr.List{err}
			}
		})
	}
	wait.Wait()
	if all := slices.Concat(refused...); len(all) > 0 {
		return nil, all
	}
	return nil, nil
}

func (v *validators) nodes(x *rule.Rule) (all []*yang.Node) {
	for _, p := range x.Validate {
		if n := bind.Data(v.room.server.Schema(), p); n != nil {
			all = append(all, n)
		}
	}
	return all
}

// ask asks one. at is the node that has changed, or in which something has.
func (v *validators) ask(ctx context.Context, x *rule.Rule, nodes []*yang.Node, at *yang.Node, after *tree.Node) *mgmterr.Error {
	unable := func(why error) *mgmterr.Error {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot commit: %s, which validates %s, cannot be asked: %s; without its answer nothing is changed there. "+
			"Root takes it out of use by taking validate out of the rule, in %s", x.Name, bind.Path(at), why, x.File).WithAppTag("validator-failed").WithCause(why)
	}
	text, err := bind.Below(v.room.server.Schema(), after, nodes)
	if err != nil {
		return unable(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, x.Deadline+grace, errors.New("it has not answered in time"))
	defer cancel()
	actor := ident.Actor{User: rule.Daemon, Own: rule.Daemon, Peer: ident.Peer{UID: ident.NoUID, LoginUID: ident.NoLogin, Door: "commit"}}
	t, err := v.room.talk(ctx, x, actor, audit.Run{Session: audit.Session{Actor: actor, Door: "commit"}, Rule: x.Name}, wire.Request{Operation: "validate"}, text)
	if err != nil {
		return unable(err)
	}
	why := t.failure(x)
	switch {
	case why == nil:
		return nil
	case t.end.Start != nil || t.end.Reason != "" || t.end.Signal != 0:
		return unable(why)
	}
	return mgmterr.New(mgmterr.OperationFailed, bind.Path(at), "%s", why).WithAppTag(x.Name)
}
