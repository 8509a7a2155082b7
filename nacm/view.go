// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"sync"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// View is what one user may do. It does not change; several goroutines may use it.
type View struct {
	policy *Policy
	rules  []rule // of the rule lists of the user's groups, in order
	open   ops    // operations that are permitted on every data node and rpc

	judge    sync.Once
	verdicts []verdict // by the ID of a schema node, once judged
}

// findOpen finds the operations that a rule over everything permits before any
// rule denies them somewhere.
func (v *View) findOpen() {
	var settled ops
	for _, r := range v.rules {
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

// Exec reports whether the protocol operation may be run (RFC 8341, 3.4.4).
func (v *View) Exec(moduleName, rpc string) bool {
	if v.open&opExec != 0 || moduleName == "ietf-netconf" && rpc == "close-session" { // 3.4.4, step 3
		return true
	}
	for _, r := range v.rules {
		if r.ops&opExec == 0 || r.hasPath || r.notification != "" {
			continue
		}
		if (r.module == "*" || r.module == moduleName) && (r.rpc == "" || r.rpc == "*" || r.rpc == rpc) {
			return r.permit
		}
	}
	if moduleName == "ietf-netconf" && (rpc == "kill-session" || rpc == "delete-config") {
		return false // 3.4.4, step 11
	}
	if m := v.policy.schema.Module(moduleName); m != nil {
		if n := v.policy.schema.RPC(m.Namespace, rpc); n != nil && n.DefaultDenyAll {
			return false // RFC 8341, 3.4.4, step 10
		}
	}
	return v.policy.execPermt
}

// data decides about one data node (RFC 8341, 3.4.5).
func (v *View) data(p tree.Path, op ops) bool {
	if v.open&op != 0 {
		return true
	}
	node := p.Schema()
	for _, r := range v.rules {
		if r.ops&op == 0 || r.rpc != "" || r.notification != "" {
			continue
		}
		if r.module != "*" && r.module != node.Module.Name {
			continue
		}
		if r.hasPath && !r.everywhere && !within(p, r.path) {
			continue
		}
		return r.permit
	}
	for n := node; n != nil && n.Kind != yang.KindRoot; n = n.Parent {
		if n.DefaultDenyAll || op != opRead && n.DefaultDenyWrite {
			return false // step 10
		}
	}
	if op == opRead {
		return v.policy.readPermit
	}
	return v.policy.writePermit
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

// Guard is asked for every node that an edit touches; nil if all is permitted.
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
		if v.data(p, op) {
			return nil
		}
		if what == tree.Name {
			if v.Reads(p) || v.data(p, opCreate) || v.data(p, opDelete) {
				return nil
			}
			return mgmterr.New(mgmterr.AccessDenied, p.String(), "cannot edit %s: no right to it", p.Schema().Name)
		}
		// Whoever may not read a node is not told whether it was there, nor what was
		// in a node that was to be deleted.
		at := p.String()
		if seen := v.visible(p); seen < len(p) {
			if word = "edit"; what == tree.Delete {
				at = p[:seen].String()
			}
		}
		return mgmterr.New(mgmterr.AccessDenied, at, "cannot %s %s: no right to it", word, p.Schema().Name)
	}
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
