// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"strconv"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// verdict is what the rules say of reading a node of the schema without looking at
// an instance.
type verdict uint8

const (
	depends verdict = iota // on the instance
	never                  // no instance may be read
	always                 // each may be read, if what is above it may
	wholly                 // and so may everything below it
)

// Prune returns root less what may not be read: left out in silence
// (RFC 8341, 3.2.4).
func (v *View) Prune(root *tree.Node) *tree.Node {
	if v.open&opRead != 0 {
		return root
	}
	v.judge.Do(func() {
		v.verdicts = make([]verdict, len(v.policy.schema.Nodes))
		v.judgeBelow(v.policy.schema.Root)
	})
	pr := pruner{view: v}
	pr.walk(root)
	if len(pr.found) == 0 {
		return root
	}
	ed := tree.NewEditor(root)
	for _, p := range pr.found {
		if err := ed.Delete(p); err != nil {
			return tree.New(root.Schema()) // cannot happen; nothing is the safe answer
		}
	}
	return ed.Root()
}

// judgeBelow fills verdicts for what is below n, and reports whether all of it may be read.
func (v *View) judgeBelow(n *yang.Node) bool {
	all := true
	for _, c := range n.DataChildren {
		below := v.judgeBelow(c)
		got := v.verdict(c)
		if got == always && below {
			got = wholly
		}
		v.verdicts[c.ID] = got
		all = all && got == wholly
	}
	return all
}

// verdict is data, step by step, for all instances of n.
func (v *View) verdict(n *yang.Node) verdict {
	if n.IsKey { // readable with the entry: RFC 8341, 3.2.4
		return always
	}
	var permits, denies bool // rules for some instances that were passed over
	settle := func(permit bool) verdict {
		switch {
		case permit && denies, !permit && permits:
			return depends
		case permit:
			return always
		}
		return never
	}
	for _, r := range v.rules {
		if r.ops&opRead == 0 || r.rpc != "" || r.notification != "" || r.module != "*" && r.module != n.Module.Name {
			continue
		}
		if r.hasPath && !r.everywhere {
			if !below(n, r.path[len(r.path)-1].schema) {
				continue
			}
			some := false
			for _, s := range r.path {
				some = some || !s.anyEntry()
			}
			if some {
				permits, denies = permits || r.permit, denies || !r.permit
				continue
			}
		}
		return settle(r.permit)
	}
	for up := n; up != nil && up.Kind != yang.KindRoot; up = up.Parent {
		if up.DefaultDenyAll {
			return settle(false)
		}
	}
	return settle(v.policy.readPermit)
}

// below reports whether n is top or in it.
func below(n, top *yang.Node) bool {
	for ; n != nil; n = n.DataParent {
		if n == top {
			return true
		}
	}
	return false
}

// pruner collects the topmost nodes that may not be read.
type pruner struct {
	view  *View
	at    tree.Path
	found []tree.Path
}

func (pr *pruner) walk(n *tree.Node) {
	for c := range n.Children() {
		switch pr.view.verdicts[c.Schema.ID] {
		case wholly:
		case never:
			pr.at = append(pr.at, tree.Step{Schema: c.Schema}) // all entries at once
			pr.drop()
			pr.at = pr.at[:len(pr.at)-1]
		default:
			pr.child(c)
		}
	}
}

func (pr *pruner) child(c tree.Child) {
	switch {
	case c.Schema.Kind == yang.KindList && len(c.Schema.Keys) == 0:
		// No rule tells one entry from another.
		if !pr.visit(tree.Step{Schema: c.Schema}, nil) {
			return
		}
		i := 0
		for e := range c.List.All() {
			i++
			pr.visit(tree.Step{Schema: c.Schema, Key: tree.Key(strconv.Itoa(i)), HasKey: true}, e)
		}
	case c.Schema.Kind == yang.KindList:
		for e := range c.List.All() {
			pr.visit(tree.Step{Schema: c.Schema, Key: e.Key(), HasKey: true}, e)
		}
	case c.Schema.Kind == yang.KindLeafList:
		for value := range c.LeafList.All() {
			pr.visit(tree.Step{Schema: c.Schema, Value: value, HasKey: true}, nil)
		}
	default:
		pr.visit(tree.Step{Schema: c.Schema}, c.Node)
	}
}

// visit looks at one node, and reports whether it may be read.
func (pr *pruner) visit(step tree.Step, in *tree.Node) bool {
	pr.at = append(pr.at, step)
	ok := step.Schema.IsKey || pr.view.verdicts[step.Schema.ID] == always || pr.view.data(pr.at, opRead)
	if !ok {
		pr.drop()
	} else if in != nil {
		pr.walk(in)
	}
	pr.at = pr.at[:len(pr.at)-1]
	return ok
}

func (pr *pruner) drop() { pr.found = append(pr.found, pr.at.Clone()) }
