// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// View is what one user may do. It is immutable.
type View struct {
	policy *Policy
	rules  []rule // of the rule lists of the user's groups, in order
	open   ops    // operations that are permitted on every data node and rpc
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
// A step of the rule without keys is every entry.
func within(p, rule tree.Path) bool {
	if len(p) < len(rule) {
		return false
	}
	for i, s := range rule {
		if p[i].Schema != s.Schema || s.HasKey && (p[i].Key != s.Key || p[i].Value != s.Value) {
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
		return mgmterr.New(mgmterr.AccessDenied, p.String(), "cannot %s %s: no right to it", word, p.Schema().Name)
	}
}

// Prune returns root less what may not be read: left out in silence
// (RFC 8341, 3.2.4).
func (v *View) Prune(root *tree.Node) *tree.Node {
	if v.open&opRead != 0 {
		return root
	}
	var denied []tree.Path
	v.walk(root, nil, &denied)
	if len(denied) == 0 {
		return root
	}
	ed := tree.NewEditor(root)
	for _, p := range denied {
		if err := ed.Delete(p); err != nil {
			return tree.New(root.Schema()) // cannot happen; nothing is the safe answer
		}
	}
	return ed.Root()
}

// walk collects the topmost nodes that may not be read.
func (v *View) walk(n *tree.Node, at tree.Path, denied *[]tree.Path) {
	visit := func(step tree.Step, below *tree.Node) {
		p := append(at[:len(at):len(at)], step)
		switch {
		case step.Schema.IsKey: // readable with the entry: RFC 8341, 3.2.4
		case !v.data(p, opRead):
			*denied = append(*denied, p)
		case below != nil:
			v.walk(below, p, denied)
		}
	}
	for c := range n.Children() {
		switch c.Schema.Kind {
		case yang.KindList:
			for e := range c.List.All() {
				visit(tree.Step{Schema: c.Schema, Key: e.Key(), HasKey: true}, e)
			}
		case yang.KindLeafList:
			for value := range c.LeafList.All() {
				visit(tree.Step{Schema: c.Schema, Value: value, HasKey: true}, nil)
			}
		default:
			visit(tree.Step{Schema: c.Schema}, c.Node)
		}
	}
}
