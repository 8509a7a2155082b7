// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// model is the naive tree that the real one is compared with: maps and slices,
// copied whole before each edit.
type model struct {
	s     *yang.Node
	key   tree.Key
	leaf  map[*yang.Node]string
	any   map[*yang.Node]tree.Any
	kids  map[*yang.Node]*model
	lists map[*yang.Node][]*model
	lls   map[*yang.Node][]string
	// chosen are the nodes that this request has set.
	chosen []*yang.Node
}

func newModel(s *yang.Node) *model {
	return &model{s: s, leaf: map[*yang.Node]string{}, any: map[*yang.Node]tree.Any{}, kids: map[*yang.Node]*model{},
		lists: map[*yang.Node][]*model{}, lls: map[*yang.Node][]string{}}
}

func (m *model) clone() *model {
	c := newModel(m.s)
	c.key = m.key
	for k, v := range m.leaf {
		c.leaf[k] = v
	}
	for k, v := range m.any {
		c.any[k] = v
	}
	for k, v := range m.kids {
		c.kids[k] = v.clone()
	}
	for k, v := range m.lists {
		for _, e := range v {
			c.lists[k] = append(c.lists[k], e.clone())
		}
	}
	for k, v := range m.lls {
		c.lls[k] = slices.Clone(v)
	}
	return c
}

func (m *model) empty() bool {
	return len(m.leaf)+len(m.any)+len(m.kids)+len(m.lists)+len(m.lls) == 0
}

func less(s *yang.Node, a, b string) bool {
	switch s.Type.Base {
	case yang.Uint8, yang.Uint16, yang.Int32, yang.Decimal64:
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return x < y
	}
	return a < b
}

func (m *model) dump(b *strings.Builder, indent string) {
	for _, s := range m.s.DataChildren {
		if v, ok := m.leaf[s]; ok {
			fmt.Fprintf(b, "%s%s %q\n", indent, s.Name, v)
		}
		if v, ok := m.any[s]; ok {
			fmt.Fprintf(b, "%s%s <%d %q>\n", indent, s.Name, v.Format, v.Text)
		}
		if k, ok := m.kids[s]; ok {
			fmt.Fprintf(b, "%s%s\n", indent, s.Name)
			k.dump(b, indent+"  ")
		}
		list := slices.Clone(m.lists[s])
		if s.OrderedBy == yang.OrderedBySystem && len(s.Keys) > 0 {
			sort.SliceStable(list, func(i, j int) bool {
				x, y := list[i].key.Values(s), list[j].key.Values(s)
				for n := range x {
					if x[n] != y[n] {
						return less(s.Keys[n], x[n], y[n])
					}
				}
				return false
			})
		}
		for i, e := range list {
			key := e.key
			if len(s.Keys) == 0 {
				key = ""
			}
			_ = i
			fmt.Fprintf(b, "%s%s %q\n", indent, s.Name, key.Values(s))
			e.dump(b, indent+"  ")
		}
		lls := slices.Clone(m.lls[s])
		if s.OrderedBy == yang.OrderedBySystem && s.Config {
			sort.SliceStable(lls, func(i, j int) bool { return less(s, lls[i], lls[j]) })
		}
		for _, v := range lls {
			fmt.Fprintf(b, "%s%s = %q\n", indent, s.Name, v)
		}
	}
}

func (m *model) String() string {
	var b strings.Builder
	m.dump(&b, "")
	return b.String()
}

// under reports whether s is in that case.
func under(s, c *yang.Node) bool {
	for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
		if p == c {
			return true
		}
	}
	return false
}

// clearCases drops what is in other cases than s.
func (m *model) clearCases(s *yang.Node) {
	drop := func(o *yang.Node) bool {
		for p := s.Parent; p != nil && p != s.DataParent; p = p.Parent {
			if p.Kind == yang.KindCase && under(o, p.Parent) && !under(o, p) {
				return true
			}
		}
		return false
	}
	for _, o := range m.chosen { // the request sets nodes of two cases of a choice
		if drop(o) {
			refuse(mgmterr.BadElement)
		}
	}
	m.chosen = append(m.chosen, s)
	for _, o := range m.s.DataChildren {
		if drop(o) {
			delete(m.leaf, o)
			delete(m.any, o)
			delete(m.kids, o)
			delete(m.lists, o)
			delete(m.lls, o)
		}
	}
}

type refused struct{ tag mgmterr.Tag }

func refuse(tag mgmterr.Tag) { panic(refused{tag}) }

// apply does an edit as RFC 6241, 7.2 and RFC 7950 tell it, word by word.
func (m *model) apply(e *tree.Edit) (tag mgmterr.Tag) {
	defer func() {
		if r := recover(); r != nil {
			tag = r.(refused).tag
		}
	}()
	if e.Op == tree.OpDelete || e.Op == tree.OpRemove || e.Op == tree.OpReplace {
		*m = *newModel(m.s)
	}
	if e.Op != tree.OpDelete && e.Op != tree.OpRemove {
		m.children(e)
	}
	return ""
}

func sets(o tree.Op) bool { return o == tree.OpMerge || o == tree.OpReplace || o == tree.OpCreate }

func (m *model) children(e *tree.Edit) {
	outer := m.chosen
	m.chosen = nil
	all := e.Split()
	for i := range all {
		m.edit(&all[i])
	}
	m.chosen = outer
}

func check(op tree.Op, exists, subject bool) (done bool) {
	switch {
	case op == tree.OpCreate && exists:
		refuse(mgmterr.DataExists)
	case op == tree.OpDelete && !exists, op == tree.OpNone && !exists && subject:
		refuse(mgmterr.DataMissing)
	case op == tree.OpRemove && !exists:
		return true
	}
	return false
}

func (m *model) edit(e *tree.Edit) {
	s := e.Schema
	gone := e.Op == tree.OpDelete || e.Op == tree.OpRemove
	switch s.Kind {
	case yang.KindLeaf:
		_, ok := m.leaf[s]
		if check(e.Op, ok, true) || e.Op == tree.OpNone {
			return
		}
		if gone {
			delete(m.leaf, s)
			return
		}
		m.clearCases(s)
		m.leaf[s] = e.Value
	case yang.KindAnydata:
		_, ok := m.any[s]
		if check(e.Op, ok, true) || e.Op == tree.OpNone {
			return
		}
		if gone {
			delete(m.any, s)
			return
		}
		m.any[s] = e.Any
	case yang.KindContainer:
		c, ok := m.kids[s]
		if check(e.Op, ok, s.HasPresence) {
			return
		}
		if gone {
			delete(m.kids, s)
			return
		}
		if !ok || e.Op == tree.OpReplace {
			c = newModel(s)
		}
		c.children(e)
		if c.empty() && !s.HasPresence {
			delete(m.kids, s)
			return
		}
		if sets(e.Op) || !ok {
			m.clearCases(s)
		}
		m.kids[s] = c
	case yang.KindList:
		m.entry(e)
	case yang.KindLeafList:
		m.leafListEntry(e)
	}
}

func (m *model) entry(e *tree.Edit) {
	s := e.Schema
	i := slices.IndexFunc(m.lists[s], func(x *model) bool { return x.key == e.Key })
	if e.Whole {
		if !check(e.Op, len(m.lists[s]) > 0, true) {
			delete(m.lists, s)
		}
		return
	}
	if check(e.Op, i >= 0, true) {
		return
	}
	if e.Op == tree.OpDelete || e.Op == tree.OpRemove {
		m.lists[s] = slices.Delete(m.lists[s], i, i+1)
		if len(m.lists[s]) == 0 {
			delete(m.lists, s)
		}
		return
	}
	c := newModel(s)
	if i >= 0 {
		c = m.lists[s][i]
	}
	if i < 0 || e.Op == tree.OpReplace {
		c = newModel(s)
		c.key = e.Key
		for n, v := range e.Key.Values(s) {
			c.leaf[s.Keys[n]] = v
		}
	}
	c.children(e)
	m.lists[s] = insertAt(m.lists[s], i, c, e.Insert, s, func(x *model) bool { return x.key == e.Insert.Anchor })
}

func insertAt[T any](list []T, i int, x T, at tree.Insert, s *yang.Node, isAnchor func(T) bool) []T {
	if at.Where == 0 || s.OrderedBy != yang.OrderedByUser {
		if i >= 0 {
			list[i] = x
			return list
		}
		return append(list, x)
	}
	a := -1
	if at.Where == tree.Before || at.Where == tree.After {
		if a = slices.IndexFunc(list, isAnchor); a < 0 {
			refuse(mgmterr.BadAttribute)
		}
		if a == i {
			list[i] = x
			return list
		}
	}
	if i >= 0 {
		list = slices.Delete(list, i, i+1)
		if a > i {
			a--
		}
	}
	switch at.Where {
	case tree.First:
		return slices.Insert(list, 0, x)
	case tree.Before:
		return slices.Insert(list, a, x)
	case tree.After:
		return slices.Insert(list, a+1, x)
	}
	return append(list, x)
}

func (m *model) leafListEntry(e *tree.Edit) {
	s := e.Schema
	i := slices.Index(m.lls[s], e.Value)
	if e.Whole {
		if !check(e.Op, len(m.lls[s]) > 0, true) {
			delete(m.lls, s)
		}
		return
	}
	if check(e.Op, i >= 0, true) || e.Op == tree.OpNone {
		return
	}
	if e.Op == tree.OpDelete || e.Op == tree.OpRemove {
		m.lls[s] = slices.Delete(m.lls[s], i, i+1)
		if len(m.lls[s]) == 0 {
			delete(m.lls, s)
		}
		return
	}
	m.clearCases(s)
	m.lls[s] = insertAt(m.lls[s], i, e.Value, e.Insert, s, func(x string) bool { return x == string(e.Insert.Anchor) })
}

// random makes edits of configuration.
type random struct{ *rand.Rand }

func (r random) pick(words ...string) string { return words[r.IntN(len(words))] }

func (r random) value(s *yang.Node) string {
	switch s.Type.Base {
	case yang.Uint8, yang.Uint16:
		return strconv.Itoa(r.IntN(13))
	case yang.Int32:
		return strconv.Itoa(r.IntN(13) - 6)
	case yang.Decimal64:
		return fmt.Sprintf("%d.%d", r.IntN(12)-3, 1+r.IntN(3))
	case yang.Boolean:
		return r.pick("true", "false")
	case yang.Empty:
		return ""
	case yang.IdentityRef:
		return r.pick("t:eth", "aug:tunnel")
	case yang.InstanceIdentifier:
		return r.pick("/t:top-leaf", "/t:net/interface[name='a']/mtu", "/t:net/interface[name='a']/aug:extra")
	}
	return r.pick("a", "b", "c", "d", "", "eth0", "eth10", "it's", `"q"`, "é<&>", strings.Repeat("long", 40))
}

func (r random) key(s *yang.Node) tree.Key {
	var values []string
	for _, k := range s.Keys {
		values = append(values, r.value(k))
	}
	return tree.MakeKey(s, values...)
}

func (r random) op(strict bool) tree.Op {
	ops := []tree.Op{tree.OpMerge, tree.OpMerge, tree.OpMerge, tree.OpReplace, tree.OpRemove}
	if strict {
		ops = append(ops, tree.OpCreate, tree.OpDelete, tree.OpNone)
	}
	return ops[r.IntN(len(ops))]
}

// edit is a random edit of s and below. Above strict operations, which mostly
// fail, there are few.
func (r random) edit(s *yang.Node, depth int, strict bool) tree.Edit {
	e := tree.Edit{Schema: s, Op: r.op(strict)}
	if s.Kind == yang.KindRoot || depth < 2 && r.IntN(4) > 0 {
		e.Op = tree.OpMerge
	}
	place := func() tree.Insert {
		if s.OrderedBy != yang.OrderedByUser || r.IntN(2) == 0 {
			return tree.Insert{}
		}
		in := tree.Insert{Where: tree.Where(1 + r.IntN(4))}
		if in.Where > tree.Last {
			if s.Kind == yang.KindList {
				in.Anchor = r.key(s)
			} else {
				in.Anchor = tree.Key(r.value(s))
			}
		}
		return in
	}
	switch s.Kind {
	case yang.KindLeaf:
		e.Value = r.value(s)
		return e
	case yang.KindLeafList:
		e.Value, e.Insert = r.value(s), place()
		e.Whole = (e.Op == tree.OpDelete || e.Op == tree.OpRemove) && r.IntN(4) == 0
		return e
	case yang.KindAnydata:
		e.Any = tree.Any{Format: tree.XML, Text: r.pick("<x/>", "text", "")}
		return e
	case yang.KindList:
		e.Key, e.Insert = r.key(s), place()
		e.Whole = (e.Op == tree.OpDelete || e.Op == tree.OpRemove) && r.IntN(4) == 0
	}
	used := map[string]bool{}
	for n := r.IntN(6); n > 0 && len(s.DataChildren) > 0; n-- {
		c := s.DataChildren[r.IntN(len(s.DataChildren))]
		if c.IsKey || !c.Config {
			continue
		}
		for range 1 + r.IntN(3) {
			x := r.edit(c, depth+1, strict)
			id := fmt.Sprint(c.ID, x.Key, x.Value)
			if c.Kind != yang.KindList && c.Kind != yang.KindLeafList {
				id = fmt.Sprint(c.ID)
			}
			if x.Whole || used[id] {
				continue // a node once, so that the guard's questions are those of the difference
			}
			used[id] = true
			e.Children = append(e.Children, x)
		}
	}
	return e
}
