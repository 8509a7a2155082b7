// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// trees compares all nodes of the module: at the top, and where it augments
// others.
func (c *comparison) trees() {
	old, new := c.old, c.new
	c.lists(nil, nil, own(old.schema.Root.Children, old.mod), own(new.schema.Root.Children, new.mod))
	c.lists(nil, nil, own(old.schema.RPCs, old.mod), own(new.schema.RPCs, new.mod))
	c.lists(nil, nil, own(old.schema.Notifications, old.mod), own(new.schema.Notifications, new.mod))
	c.lists(nil, nil, own(old.schema.Structures, old.mod), own(new.schema.Structures, new.mod))
	before, after := old.augmented(), new.augmented()
	for _, t := range before.order {
		c.lists(nil, nil, before.nodes[t], after.nodes[t])
	}
	for _, t := range after.order {
		if before.nodes[t] == nil {
			c.lists(nil, nil, nil, after.nodes[t])
		}
	}
}

func own(list []*yang.Node, m *yang.Module) []*yang.Node {
	var out []*yang.Node
	for _, n := range list {
		if n.Module == m {
			out = append(out, n)
		}
	}
	return out
}

// additions are what a module adds to nodes of others, by their path.
type additions struct {
	order []string
	nodes map[string][]*yang.Node
}

func (s side) augmented() additions {
	a := additions{nodes: make(map[string][]*yang.Node)}
	for _, n := range s.schema.Nodes {
		if n.Module != s.mod || n.Parent == nil || n.Parent.Kind == yang.KindRoot || n.Parent.Module == s.mod {
			continue
		}
		path := n.Parent.Path()
		if a.nodes[path] == nil {
			a.order = append(a.order, path)
		}
		a.nodes[path] = append(a.nodes[path], n)
	}
	return a
}

// lists compares two sets of siblings below the nodes oldUp and newUp, nil at
// the top.
func (c *comparison) lists(oldUp, newUp *yang.Node, old, new []*yang.Node) {
	find := func(list []*yang.Node, name string) (int, *yang.Node) {
		for i, k := range list {
			if k.Name == name {
				return i, k
			}
		}
		return -1, nil
	}
	for _, n := range old {
		if _, k := find(new, n.Name); k != nil {
			c.node(n, k)
			continue
		}
		pos := c.new.top()
		if newUp != nil {
			pos = c.new.at(newUp)
		}
		c.forbid(c.name(n), pos, "11", "remove the %s %q: %s", n.Kind, n.Name, sObsolete)
	}
	last := map[[2]string]int{}
	for _, n := range new {
		i, k := find(old, n.Name)
		if k == nil {
			c.added(newUp, n)
			continue
		}
		texts := [2]string{}
		if newUp == nil { // a module may be split into submodules, or joined again
			texts = [2]string{k.Pos.File, n.Pos.File}
		}
		if before, more := last[texts]; more && i < before && isDefinition(n) {
			c.forbid(c.name(n), c.new.at(n), "11", "move the %s %q: data definitions keep their order", n.Kind, n.Name)
		} else {
			last[texts] = i
		}
	}
}

func isDefinition(n *yang.Node) bool {
	return n.IsData() || n.Kind == yang.KindChoice || n.Kind == yang.KindCase
}

// added judges a new node.
func (c *comparison) added(up, n *yang.Node) {
	pos, path := c.new.at(n), c.name(n)
	if up != nil && up.Kind == yang.KindChoice || !mandatory(n) || c.onFresh(n) {
		c.allow(path, pos, "adds the %s %q", n.Kind, n.Name)
		return
	}
	c.forbid(path, pos, "11", "add the mandatory %s %q to what is published: make it optional, or dependent on a new feature", n.Kind, n.Name)
}

// mandatory is RFC 7950, 3: "mandatory node".
func mandatory(n *yang.Node) bool {
	switch n.Kind {
	case yang.KindLeaf, yang.KindChoice, yang.KindAnydata, yang.KindAnyxml:
		return n.Mandatory
	case yang.KindList, yang.KindLeafList:
		return n.MinElements > 0
	case yang.KindContainer:
		return !n.HasPresence && slices.ContainsFunc(n.Children, mandatory)
	}
	return false
}

// onFresh reports whether a node depends on a new feature.
func (c *comparison) onFresh(n *yang.Node) bool {
	for _, expr := range c.features(c.new, n) {
		if e, err := parse.IfFeatureExpr(expr); err == nil {
			// Without the new features it must not be there.
			on, err := e.Eval(func(f parse.Step) (bool, error) { return f.Prefix != "" || !c.fresh[f.Name], nil })
			if err == nil && !on {
				return true
			}
		}
	}
	return false
}

func (c *comparison) features(s side, n *yang.Node) []string {
	out := s.texts.Features(n)
	p := s.texts.Of(n)
	for i := range out {
		if p != nil {
			out[i] = absoluteFeatures(p, out[i])
		}
	}
	return out
}

// node compares two nodes of the same name, and all below them.
func (c *comparison) node(old, new *yang.Node) {
	path := c.name(new)
	if old.Kind != new.Kind {
		c.forbid(path, c.new.at(new), "11", "make a %s of the %s %q: give the new definition a new name", new.Kind, old.Kind, new.Name)
		return
	}
	c.inherited(path, old, new)
	c.values(path, old, new)
	c.numbers(path, old, new)
	c.constraints(path, old, new)
	c.conditions(path, c.new.at(new, parse.IfFeature), new.Kind.String(), c.features(c.old, old), c.features(c.new, new), mandatory(new))
	if old.Type != nil && new.Type != nil && !c.sameTypedef(old, new) {
		c.types(path, new, old.Type, new.Type)
	}
	c.prose(path, old, new)
	c.lists(old, new, c.below(c.old, old.Children), c.below(c.new, new.Children))
	c.lists(old, new, c.below(c.old, old.Actions), c.below(c.new, new.Actions))
	c.lists(old, new, c.below(c.old, old.Notifications), c.below(c.new, new.Notifications))
}

// below leaves out what other modules add: that is their revision.
func (c *comparison) below(s side, list []*yang.Node) []*yang.Node { return own(list, s.mod) }

// inherited compares config and status, which nodes take from those above: a
// change is noted where it begins.
func (c *comparison) inherited(path string, old, new *yang.Node) {
	above := func(same func(a, b *yang.Node) bool) bool {
		return old.Parent != nil && new.Parent != nil && same(old.Parent, new.Parent)
	}
	if old.Config != new.Config && !above(func(a, b *yang.Node) bool { return a.Config == old.Config && b.Config == new.Config }) {
		pos := c.new.at(new, parse.Config)
		switch {
		case old.Config:
			c.forbid(path, pos, "11", "make state of the configuration %q: %s", new.Name, sSemantics)
		case mandatory(new):
			c.forbid(path, pos, "11", "make configuration of the state %q: it is mandatory", new.Name)
		default:
			c.allow(path, pos, "makes configuration of the state %q", new.Name)
		}
	}
	if old.Status != new.Status && !above(func(a, b *yang.Node) bool { return a.Status == old.Status && b.Status == new.Status }) {
		c.status(path, c.new.at(new, parse.Status), old.Status, new.Status)
	}
}

// values compares mandatory, presence, default and units.
func (c *comparison) values(path string, old, new *yang.Node) {
	at := func(k parse.Keyword) yang.Position { return c.new.at(new, k) }
	switch {
	case !old.Mandatory && new.Mandatory && !(new.IsKey || new.Kind == yang.KindCase):
		c.forbid(path, at(parse.Mandatory), "11", "make the %s %q mandatory", new.Kind, new.Name)
	case old.Mandatory && !new.Mandatory:
		c.allow(path, at(parse.Mandatory), "makes the %s %q optional", new.Kind, new.Name)
	}
	if old.HasPresence != new.HasPresence {
		c.forbid(path, at(parse.Presence), "11", "add or remove the presence of the container %q: %s", new.Name, sSemantics)
	}
	ownValue := func(k parse.Keyword) bool { // not that of a typedef, which is compared by itself
		a, b := c.old.texts.Of(old), c.new.texts.Of(new)
		return !c.sameTypedef(old, new) || a != nil && a.Stmt.First(k) != nil || b != nil && b.Stmt.First(k) != nil
	}
	switch {
	case slices.Equal(old.Defaults, new.Defaults) || !ownValue(parse.Default):
	case len(old.Defaults) == 0:
		c.allow(path, at(parse.Default), "adds the default %s", strings.Join(new.Defaults, " "))
	case len(new.Defaults) == 0:
		c.forbid(path, at(parse.Default), "11", "remove the default %s: a default may be added only", strings.Join(old.Defaults, " "))
	default:
		c.forbid(path, at(parse.Default), "11", "change the default from %s to %s: a default may be added only", strings.Join(old.Defaults, " "), strings.Join(new.Defaults, " "))
	}
	if a, b := nameOf(old.DefaultCase), nameOf(new.DefaultCase); a != b {
		c.forbid(path, at(parse.Default), "11", "change the default case of the choice %q from %q to %q: %s", new.Name, a, b, sSemantics)
	}
	switch {
	case old.Units == new.Units || !ownValue(parse.Units):
	case old.Units == "":
		c.allow(path, at(parse.Units), "adds the units %s", new.Units)
	default:
		c.forbid(path, at(parse.Units), "11", "change the units from %q to %q: units may be added only", old.Units, new.Units)
	}
}

func nameOf(n *yang.Node) string {
	if n == nil {
		return ""
	}
	return n.Name
}

// numbers compares how many entries there may be, and in which order.
func (c *comparison) numbers(path string, old, new *yang.Node) {
	at := func(k parse.Keyword) yang.Position { return c.new.at(new, k) }
	switch {
	case new.MinElements > old.MinElements:
		c.forbid(path, at(parse.MinElements), "11", "raise min-elements from %d to %d", old.MinElements, new.MinElements)
	case new.MinElements < old.MinElements:
		c.allow(path, at(parse.MinElements), "lowers min-elements from %d to %d", old.MinElements, new.MinElements)
	}
	const unbounded = ^uint64(0)
	a, b := old.MaxElements-1, new.MaxElements-1 // 0 is unbounded
	switch {
	case b < a && a == unbounded:
		c.forbid(path, at(parse.MaxElements), "11", "limit max-elements to %d", new.MaxElements)
	case b < a:
		c.forbid(path, at(parse.MaxElements), "11", "lower max-elements from %d to %d", old.MaxElements, new.MaxElements)
	case b > a:
		c.allow(path, at(parse.MaxElements), "allows more entries than %d", old.MaxElements)
	}
	if old.OrderedBy != new.OrderedBy && old.Config == new.Config {
		c.forbid(path, at(parse.OrderedBy), "11", "change who orders %q: %s", new.Name, sSemantics)
	}
	if names(old.Keys) != names(new.Keys) {
		c.forbid(path, at(parse.Key), "11", "change the key from %q to %q: %s", names(old.Keys), names(new.Keys), sSemantics)
	}
	uniques := func(n *yang.Node) []string {
		var out []string
		for _, u := range n.Unique {
			paths := make([]string, len(u))
			for i, l := range u {
				paths[i] = strings.TrimPrefix(l.Path(), n.Path()+"/")
			}
			slices.Sort(paths)
			out = append(out, strings.Join(paths, " "))
		}
		return out
	}
	before, after := uniques(old), uniques(new)
	for _, u := range after {
		if !slices.Contains(before, u) {
			c.forbid(path, at(parse.Unique), "11", "add or change the unique %q: %s", u, sSemantics)
		}
	}
	for _, u := range before {
		if !slices.Contains(after, u) {
			c.forbid(path, c.new.at(new), "11", "remove the unique %q: %s", u, sSemantics)
		}
	}
}

func names(list []*yang.Node) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Name
	}
	return strings.Join(out, " ")
}

// constraints compares must and when.
func (c *comparison) constraints(path string, old, new *yang.Node) {
	musts := func(n *yang.Node) (out []*yang.XPath) {
		for _, m := range n.Musts {
			out = append(out, m.XPath)
		}
		return out
	}
	c.expressions(path, new, "must", musts(old), musts(new))
	a, b := old.Whens, new.Whens
	if old.Parent != nil && (old.Parent.Kind == yang.KindChoice || old.Parent.Kind == yang.KindCase) {
		a, b = without(a, old.Parent.Whens), without(b, new.Parent.Whens)
	}
	c.expressions(path, new, "when", a, b)
}

// without leaves out what a choice or case hands down, which is noted there.
func without(list, above []*yang.XPath) []*yang.XPath {
	var out []*yang.XPath
	for _, x := range list {
		if !slices.Contains(above, x) {
			out = append(out, x)
		}
	}
	return out
}

func (c *comparison) expressions(path string, n *yang.Node, what string, old, new []*yang.XPath) {
	has := func(list []*yang.XPath, x *yang.XPath) bool {
		return slices.ContainsFunc(list, func(y *yang.XPath) bool { return plain(x.Source) == plain(y.Source) })
	}
	for _, x := range new {
		if !has(old, x) {
			c.forbid(path, x.Pos, "11", "add or change the %s %q, unless all that was valid still is", what, plain(x.Source))
		}
	}
	if len(new) < len(old) {
		for _, x := range old {
			if !has(new, x) {
				c.allow(path, c.new.at(n), "removes the %s %q", what, plain(x.Source))
			}
		}
	}
}

func (c *comparison) prose(path string, old, new *yang.Node) {
	if plain(old.Description) != plain(new.Description) {
		c.allow(path, c.new.at(new, parse.Description), "changes the description, which must not change the meaning")
	}
	if plain(old.Reference) != plain(new.Reference) {
		c.allow(path, c.new.at(new, parse.Reference), "changes the reference")
	}
}
