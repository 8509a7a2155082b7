// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
	"sync"
	"sync/atomic"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// View is what one user may do. It does not change; several goroutines may use it.
type View struct {
	policy   *Policy
	rules    []rule // of the rule lists of the user's groups, in order
	commands []commandRule
	open     ops    // operations that are permitted on every data node and rpc
	total    string // why everything is permitted, if it is for no rule

	near     []atomic.Pointer[[]nearRule] // rules for data, by the ID of a schema node, once asked for
	judge    sync.Once
	verdicts []verdict // by the ID of a schema node, once judged
	plain    []verdict // the same, of instances that no rule names by a key or value
	keyed    []*rule   // those that do, for reading
}

// findOpen finds the operations that a rule over everything permits before any
// rule denies them somewhere.
func (v *View) findOpen() {
	var settled ops
	for i := range v.rules {
		r := &v.rules[i]
		total := r.module == "*" && r.rpc == "" && r.notification == "" && (!r.hasPath || r.everywhere)
		todo := r.ops &^ settled
		if total && r.permit && !r.hasPath {
			v.open |= todo
		} else if total && r.permit { // "/" speaks of data alone
			v.open |= todo &^ opExec
		}
		if total || !r.permit {
			settled |= todo
		}
	}
}

// Exec decides whether the protocol operation may be run (RFC 8341, 3.4.4).
func (v *View) Exec(moduleName, rpc string) Decision {
	permit, why := v.exec(moduleName, rpc)
	return why.decision(permit)
}

func (v *View) exec(moduleName, rpc string) (bool, reason) {
	if v.total != "" { // steps 1 and 2
		return true, reason{words: v.total}
	}
	if moduleName == "ietf-netconf" && rpc == "close-session" { // step 3
		return true, reason{words: byAlways}
	}
	for i := range v.rules { // steps 6 to 9
		r := &v.rules[i]
		if r.ops&opExec == 0 || r.hasPath || r.notification != "" {
			continue
		}
		if (r.module == "*" || r.module == moduleName) && (r.rpc == "" || r.rpc == "*" || r.rpc == rpc) {
			return r.permit, reason{rule: r}
		}
	}
	m := v.policy.schema.Module(moduleName)
	if m == nil && v.policy.schema.Root.Child(module, "nacm") == nil {
		return false, reason{words: byNoModule}
	}
	if m != nil {
		if n := v.policy.schema.RPC(m.Namespace, rpc); n != nil && n.DefaultDenyAll {
			return false, reason{mark: n} // step 10
		}
	}
	if moduleName == "ietf-netconf" && (rpc == "kill-session" || rpc == "delete-config") {
		return false, reason{words: byNamed} // step 11
	}
	return v.policy.execPermt, reason{words: byExecDefault} // steps 12 and 13
}

// data decides about one data node (RFC 8341, 3.4.5).
func (v *View) data(p tree.Path, op ops) bool {
	if v.open&op != 0 {
		return true
	}
	permit, _ := v.ask(p, nil, op)
	return permit
}

// ask decides about the data node at p, or about an action or notification of it, and
// says what decided (RFC 8341, 3.4.5).
func (v *View) ask(p tree.Path, member *yang.Node, op ops) (bool, reason) {
	if v.total != "" {
		return true, reason{words: v.total}
	}
	node := member
	if member == nil {
		node = p.Schema()
	}
	near := v.nearest(node)
	for i := range near {
		if r := near[i].rule; r.ops&op != 0 && (!near[i].keyed || r.within(p, member)) {
			return r.permit, reason{rule: r}
		}
	}
	for n := node; n != nil && n.Kind != yang.KindRoot; n = n.Parent {
		if n.DefaultDenyAll || op&(opRead|opExec) == 0 && n.DefaultDenyWrite {
			return false, reason{mark: n} // step 10
		}
	}
	switch op {
	case opRead:
		return v.policy.readPermit, v.fallback(byReadDefault)
	case opExec:
		return v.policy.execPermt, v.fallback(byExecDefault)
	}
	return v.policy.writePermit, v.fallback(byWriteDeflt)
}

// nearRule is a rule that can match instances of a schema node.
type nearRule struct {
	rule  *rule
	keyed bool // it asks something of keys or values: not each instance
}

// nearest are the rules that can match instances of a node, in order: of fifty rules
// few do.
func (v *View) nearest(node *yang.Node) []nearRule {
	var slot *atomic.Pointer[[]nearRule]
	if node.ID < len(v.near) {
		slot = &v.near[node.ID]
		if found := slot.Load(); found != nil {
			return *found
		}
	}
	var found []nearRule
	for i := range v.rules {
		r := &v.rules[i]
		if r.rpc != "" || r.module != "*" && r.module != node.Module.Name {
			continue
		}
		switch {
		case r.notification != "":
			// A rule for notifications by name is for those of data nodes too.
			if node.Kind != yang.KindNotification || r.notification != "*" && r.notification != node.Name {
				continue
			}
		case r.hasPath && !r.everywhere && !below(node, r.path[len(r.path)-1].schema):
			continue
		}
		found = append(found, nearRule{r, slices.ContainsFunc(r.path, func(s step) bool { return !s.anyEntry() })})
	}
	if slot != nil {
		slot.Store(&found)
	}
	return found
}

// fallback is the reason where nothing but a default decides.
func (v *View) fallback(words string) reason {
	if v.policy.schema.Root.Child(module, "nacm") == nil {
		words = byNoModule
	}
	return reason{words: words}
}

// within reports whether the node, or an action or notification of it, is the one that
// the rule's path names, or below it.
func (r *rule) within(p tree.Path, member *yang.Node) bool {
	path := r.path
	if last := path[len(path)-1].schema; last.Kind == yang.KindAction || last.Kind == yang.KindNotification {
		if last != member || len(p) != len(path)-1 {
			return false
		}
		path = path[:len(path)-1]
	}
	return within(p, path)
}

// within reports whether p is the node that the rule's path names, or below it.
func within(p tree.Path, rule []step) bool {
	if len(p) < len(rule) {
		return false
	}
	for i, s := range rule {
		if !s.fits(p[i]) {
			return false
		}
	}
	return true
}

// Guard is asked for every node that an edit touches; nil if all is permitted. The
// cause of what it refuses is a *mgmterr.Denial.
func (v *View) Guard() tree.Guard {
	const write = opCreate | opUpdate | opDelete
	if v.open&write == write {
		return nil
	}
	return func(p tree.Path, what tree.Access) error {
		op, word := opUpdate, "change"
		switch what {
		case tree.Create:
			op, word = opCreate, "create"
		case tree.Delete:
			op, word = opDelete, "delete"
		}
		if what == tree.See {
			if v.Reads(p) {
				return nil
			}
			return mgmterr.New(mgmterr.AccessDenied, "", "cannot see it")
		}
		if v.data(p, op) {
			return nil
		}
		if what == tree.Name {
			if v.Reads(p) || v.data(p, opCreate) || v.data(p, opDelete) {
				return nil
			}
			return v.denied(mgmterr.New(mgmterr.AccessDenied, p.String(), "cannot edit %s: no right to it", p.Schema().Name), p, op, false)
		}
		// Whoever may not read a node is not told whether it was there, nor what or
		// where something is in what was to be deleted.
		if v.visible(p) == len(p) {
			return v.denied(mgmterr.New(mgmterr.AccessDenied, p.String(), "cannot %s %s: no right to it", word, p.Schema().Name), p, op, false)
		}
		if what == tree.Delete {
			return v.denied(mgmterr.New(mgmterr.AccessDenied, "/", "cannot delete it: no right to something in it that you may not read"), p, op, true)
		}
		return v.denied(mgmterr.New(mgmterr.AccessDenied, p.String(), "cannot edit %s: no right to it", p.Schema().Name), p, op, false)
	}
}

// denied adds to a refusal what decided it. quiet says that this is for the log alone.
func (v *View) denied(e *mgmterr.Error, p tree.Path, op ops, quiet bool) error {
	_, why := v.ask(p, nil, op)
	return e.WithCause(&mgmterr.Denial{By: why.String(), Path: p.String(), Quiet: quiet})
}

// visible is how many steps of p, from the root, may be read: the rest is left out
// of what the user sees.
func (v *View) visible(p tree.Path) int {
	for i := range p {
		if !p[i].Schema.IsKey && !v.data(p[:i+1], opRead) {
			return i
		}
	}
	return len(p)
}

// Reads reports whether the node at p, if there is one, is among what Prune leaves.
func (v *View) Reads(p tree.Path) bool {
	return v.open&opRead != 0 || v.visible(p) == len(p)
}
