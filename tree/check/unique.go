// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// maxNonUnique is how many leafs one error names of those that have the same values.
const maxNonUnique = 200

// unique compares the entries of a list in n (RFC 7950, 7.8.3). With some, only
// entries that have the values of one of them matter.
func (c *checker) unique(n *xpath.Node, list *yang.Node, some map[tree.Key]bool) {
	for i, group := range list.Unique {
		if some == nil || !c.r.indexes.clear(c, n, list, i, some) {
			c.uniqueGroup(n, list, group, some)
		}
	}
}

func (c *checker) uniqueGroup(n *xpath.Node, list *yang.Node, group []*yang.Node, some map[tree.Key]bool) {
	var wanted map[string]bool
	if some != nil {
		wanted = make(map[string]bool, len(some))
		for k := range some {
			if e := n.Tree.List(list).Get(k); e != nil {
				if v, ok := c.tuple(n.Below(list, e, ""), group); ok {
					wanted[v] = true
				}
			}
		}
		if len(wanted) == 0 {
			return
		}
	}
	var clashes []string
	first := map[string]*tree.Node{}
	more := map[string][]*tree.Node{}
	entry := n.Below(list, nil, "")
	for e := range n.Tree.List(list).All() {
		entry.Tree = e
		v, ok := c.tuple(entry, group)
		if !ok || wanted != nil && !wanted[v] {
			continue
		}
		if first[v] == nil {
			first[v] = e
			continue
		}
		if more[v] == nil {
			clashes = append(clashes, v)
		}
		more[v] = append(more[v], e)
	}
	names := make([]string, len(group))
	for i, leaf := range group {
		names[i] = leaf.Name
	}
	for _, v := range clashes {
		at := n.Below(list, more[v][0], "")
		e := mgmterr.New(mgmterr.OperationFailed, pathOf(at, nil), "cannot use the same %s as in %s",
			strings.Join(names, " and "), pathOf(n.Below(list, first[v], ""), nil))
		e.AppTag = "data-not-unique" // RFC 7950, 15.1
		for _, x := range append([]*tree.Node{first[v]}, more[v]...) {
			for _, leaf := range group {
				if len(e.Info) < maxNonUnique {
					e.Info = append(e.Info, mgmterr.Info{Namespace: yangNamespace, Name: "non-unique", Value: leafPath(n.Below(list, x, ""), leaf)})
				}
			}
		}
		c.report(at, rankUnique, e)
	}
}

func leafPath(entry *xpath.Node, leaf *yang.Node) string {
	p := entry.Path()
	at := len(p)
	for n := leaf; n != entry.Schema; n = n.DataParent {
		p = slices.Insert(p, at, tree.Step{Schema: n})
	}
	return p.String()
}

// tuple is the values of a group of leafs in an entry; ok is false if one of
// them has none, and the entry then counts for nothing.
func (c *checker) tuple(entry *xpath.Node, group []*yang.Node) (string, bool) {
	var b strings.Builder
	for _, leaf := range group {
		v, ok := c.leaf(entry, leaf)
		if !ok {
			return "", false
		}
		fmt.Fprintf(&b, "%d:%s", len(v), v)
	}
	return b.String(), true
}

// leaf is the value of a leaf somewhere below n, its default included.
func (c *checker) leaf(n *xpath.Node, leaf *yang.Node) (v string, ok bool) {
	if leaf.DataParent == n.Schema {
		if v, ok := n.Tree.Leaf(leaf); ok {
			return v, true
		}
		c.kids(n, leaf, func(x *xpath.Node) bool { v, ok = x.Value, true; return false })
		return v, ok
	}
	next := leaf
	for next.DataParent != n.Schema {
		next = next.DataParent
	}
	c.kids(n, next, func(x *xpath.Node) bool { v, ok = c.leaf(x, leaf); return false })
	return v, ok
}
