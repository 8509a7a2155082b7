// SPDX-License-Identifier: Apache-2.0

package party

import (
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// dataNodes are the nodes of data that a schema node stands for: of a choice or a case,
// what is in it.
func dataNodes(n *yang.Node) (all []*yang.Node) {
	if n.Kind != yang.KindChoice && n.Kind != yang.KindCase {
		return []*yang.Node{n}
	}
	for _, c := range n.Children {
		all = append(all, dataNodes(c)...)
	}
	return all
}

// wanted are the schema nodes that members have named.
type wanted struct {
	nodes map[*yang.Node]bool
	above map[*yang.Node]bool // their ancestors
}

func want(members []*member) wanted {
	w := wanted{make(map[*yang.Node]bool), make(map[*yang.Node]bool)}
	for _, m := range members {
		for _, n := range m.paths {
			w.nodes[n] = true
			for up := n.DataParent; up != nil && !w.above[up]; up = up.DataParent {
				w.above[up] = true
			}
		}
	}
	return w
}

// concerned are those of members who are to be asked about a change.
func (w wanted) concerned(members []*member, before, after *tree.Node) (all []*member) {
	var hit map[*yang.Node]bool
	if len(w.nodes) > 0 {
		hit = w.touched(before, after)
	}
	for _, m := range members {
		asked := len(m.paths) == 0
		for i := 0; i < len(m.paths) && !asked && len(hit) > 0; i++ {
			asked = hit[m.paths[i]]
		}
		if asked {
			all = append(all, m)
		}
	}
	return all
}

// touched are the wanted nodes at or below which something changes.
func (w wanted) touched(before, after *tree.Node) map[*yang.Node]bool {
	hit := make(map[*yang.Node]bool)
	root := after.Schema()
	for c := range tree.Diff(before, after) {
		if w.nodes[root] {
			hit[root] = true
		}
		for _, step := range c.Path {
			if w.nodes[step.Schema] {
				hit[step.Schema] = true
			}
		}
		if w.above[c.Path.Schema()] && c.Kind != tree.Moved {
			w.inside(c.Old.Node, hit)
			w.inside(c.New.Node, hit)
		}
		if len(hit) == len(w.nodes) {
			break
		}
	}
	return hit
}

// inside adds the wanted nodes in what came or went.
func (w wanted) inside(n *tree.Node, hit map[*yang.Node]bool) {
	if n == nil {
		return
	}
	for c := range n.Children() {
		if w.nodes[c.Schema] {
			hit[c.Schema] = true
		}
		if !w.above[c.Schema] {
			continue
		}
		w.inside(c.Node, hit)
		for e := range c.List.All() {
			w.inside(e, hit)
		}
	}
}
