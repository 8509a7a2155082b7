// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
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
		nodes := len(v.policy.schema.Nodes)
		v.verdicts, v.plain = make([]verdict, nodes), make([]verdict, nodes)
		v.judgeBelow(v.policy.schema.Root, v.verdicts, false)
		v.judgeBelow(v.policy.schema.Root, v.plain, true)
		for i := range v.rules {
			if r := &v.rules[i]; r.ops&opRead != 0 && slices.ContainsFunc(r.path, func(s step) bool { return !s.anyEntry() }) {
				v.keyed = append(v.keyed, r)
			}
		}
	})
	pr := pruner{view: v, table: v.verdicts}
	pr.walk(root)
	if len(pr.found) == 0 {
		return root
	}
	ed := tree.NewEditor(root)
	for _, f := range pr.found {
		var err error
		if f.entry != nil {
			err = ed.Put(f.path, tree.Child{Schema: f.entry.Schema(), Node: f.entry})
		} else {
			err = ed.Delete(f.path)
		}
		if err != nil {
			return tree.New(root.Schema()) // cannot happen; nothing is the safe answer
		}
	}
	return ed.Root()
}

// judgeBelow fills verdicts for what is below n, and reports whether all of it may be
// read. plain is for instances that no rule names by a key or value.
func (v *View) judgeBelow(n *yang.Node, verdicts []verdict, plain bool) bool {
	all := true
	for _, c := range n.DataChildren {
		below := v.judgeBelow(c, verdicts, plain)
		got := v.verdict(c, plain)
		if got == always && below {
			got = wholly
		}
		verdicts[c.ID] = got
		all = all && got == wholly
	}
	return all
}

// verdict is data, step by step, for all instances of n.
func (v *View) verdict(n *yang.Node, plain bool) verdict {
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
			if some && plain {
				continue
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

// pruner collects what is to be done to leave what may be read.
type pruner struct {
	view  *View
	table []verdict // verdicts, or plain inside of what no rule names
	at    tree.Path
	found []change
}

// change takes away what is at a path, or puts an entry back.
type change struct {
	path  tree.Path
	entry *tree.Node
}

func (pr *pruner) walk(n *tree.Node) {
	for c := range n.Children() {
		switch pr.table[c.Schema.ID] {
		case wholly:
		case never:
			pr.drop(tree.Step{Schema: c.Schema}) // all entries at once
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
		if pr.table[c.Schema.ID] == depends && pr.list(c) {
			return
		}
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

// list looks at a list of which rules name some entries, by all their keys: at those,
// and of the others at no more than the rules for all of them take. It reports whether
// that could be done.
func (pr *pruner) list(c tree.Child) bool {
	named, ok := pr.named(c.Schema)
	if !ok {
		return false
	}
	switch plain := pr.view.plain[c.Schema.ID]; {
	case plain == wholly:
		for _, k := range named {
			if e := c.List.Get(k); e != nil {
				pr.visit(tree.Step{Schema: c.Schema, Key: k, HasKey: true}, e)
			}
		}
	case plain == never && c.Schema.OrderedBy != yang.OrderedByUser: // else they would lose their places
		pr.drop(tree.Step{Schema: c.Schema})
		for _, k := range named {
			if e := c.List.Get(k); e != nil {
				pr.island(tree.Step{Schema: c.Schema, Key: k, HasKey: true}, e)
			}
		}
	default:
		for e := range c.List.All() {
			step := tree.Step{Schema: c.Schema, Key: e.Key(), HasKey: true}
			if _, is := slices.BinarySearch(named, step.Key); is {
				pr.visit(step, e)
				continue
			}
			pr.table = pr.view.plain
			if plain == never {
				pr.drop(step)
			} else {
				pr.visit(step, e)
			}
			pr.table = pr.view.verdicts
		}
	}
	return true
}

// named are the keys, in order, of the entries of a list that rules name here. It
// reports whether that is all that rules with keys have to do with it.
func (pr *pruner) named(list *yang.Node) (keys []tree.Key, ok bool) {
	depth := len(pr.at)
	for _, r := range pr.view.keyed {
		fits := r.module == "*" || r.module == list.Module.Name || len(r.path) > depth
		for i := 0; fits && i < min(depth, len(r.path)); i++ {
			fits = r.path[i].fits(pr.at[i])
		}
		if !fits || len(r.path) > depth && r.path[depth].schema != list {
			continue
		}
		if len(r.path) <= depth || !r.path[depth].keyed {
			return nil, false
		}
		keys = append(keys, r.path[depth].key)
	}
	slices.Sort(keys)
	return slices.Compact(keys), true
}

// visit looks at one node, and reports whether it may be read.
func (pr *pruner) visit(step tree.Step, in *tree.Node) bool {
	pr.at = append(pr.at, step)
	ok := step.Schema.IsKey || pr.table[step.Schema.ID] == always || pr.view.data(pr.at, opRead)
	if ok && in != nil {
		pr.walk(in)
	}
	pr.at = pr.at[:len(pr.at)-1]
	if !ok {
		pr.drop(step)
	}
	return ok
}

// island puts back an entry of a list that was taken away, if it may be read.
func (pr *pruner) island(step tree.Step, e *tree.Node) {
	pr.at = append(pr.at, step)
	if pr.view.data(pr.at, opRead) {
		pr.found = append(pr.found, change{pr.at.Clone(), e})
		pr.walk(e)
	}
	pr.at = pr.at[:len(pr.at)-1]
}

func (pr *pruner) drop(step tree.Step) {
	pr.found = append(pr.found, change{path: append(pr.at.Clone(), step)})
}
