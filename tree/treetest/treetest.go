// SPDX-License-Identifier: Apache-2.0

// Package treetest makes small schemas by hand for the tests of the tree rooms:
// no YANG text, no compiler. Nothing but tests may import it.
package treetest

import (
	"nso.example/nso/yang"
)

// Module returns an implemented module; its prefix is its name.
func Module(name string) *yang.Module {
	m := &yang.Module{Name: name, Namespace: "urn:test:" + name, Prefix: name, Version: "1.1", Implemented: true}
	m.Imports = map[string]*yang.Module{name: m}
	return m
}

// Type returns a type of that base, unrestricted.
func Type(b yang.Base) *yang.Type {
	t := &yang.Type{Base: b, Name: b.String(), Named: b == yang.IdentityRef || b == yang.InstanceIdentifier}
	if b == yang.Decimal64 {
		t.FractionDigits = 2
	}
	t.Seal()
	return t
}

// Builder adds nodes below one node. Methods return the node added.
type Builder struct {
	Module *yang.Module
	At     *yang.Node
}

func (b Builder) add(n *yang.Node) *yang.Node {
	n.Module, n.Parent = b.Module, b.At
	n.Config = b.At.Kind == yang.KindRoot || b.At.Config
	b.At.Children = append(b.At.Children, n)
	return n
}

// In is b for the children of n.
func (b Builder) In(n *yang.Node) Builder { return Builder{b.Module, n} }

// Leaf adds a leaf.
func (b Builder) Leaf(name string, t yang.Base) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindLeaf, Name: name, Type: Type(t)})
}

// LeafList adds a leaf-list.
func (b Builder) LeafList(name string, t yang.Base, by yang.OrderedBy) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindLeafList, Name: name, Type: Type(t), OrderedBy: by})
}

// Container adds a container.
func (b Builder) Container(name string, presence bool) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindContainer, Name: name, HasPresence: presence})
}

// Any adds an anydata node.
func (b Builder) Any(name string) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindAnydata, Name: name})
}

// List adds a list; keys are names of leaves added later.
func (b Builder) List(name string, by yang.OrderedBy, keys ...string) *yang.Node {
	n := b.add(&yang.Node{Kind: yang.KindList, Name: name, OrderedBy: by})
	for _, k := range keys {
		n.Keys = append(n.Keys, &yang.Node{Name: k}) // Seal puts the real one in
	}
	return n
}

// Choice adds a choice, Case a case of it.
func (b Builder) Choice(name string) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindChoice, Name: name, Index: -1})
}

// Case adds a case.
func (b Builder) Case(name string) *yang.Node {
	return b.add(&yang.Node{Kind: yang.KindCase, Name: name, Index: -1})
}

// Seal makes a schema of a root and its modules.
func Seal(root *yang.Node, modules ...*yang.Module) *yang.Schema {
	s := &yang.Schema{Root: root, Modules: modules}
	var walk func(n, dataParent *yang.Node)
	walk = func(n, dataParent *yang.Node) {
		n.ID = len(s.Nodes)
		s.Nodes = append(s.Nodes, n)
		n.DataParent = dataParent
		below := n
		if n.Kind == yang.KindChoice || n.Kind == yang.KindCase {
			below = dataParent
		}
		for _, c := range n.Children {
			walk(c, below)
		}
		if below == n {
			number(n)
		}
	}
	walk(root, nil)
	s.Seal()
	return s
}

func number(n *yang.Node) {
	var all []*yang.Node
	var gather func(*yang.Node)
	gather = func(p *yang.Node) {
		for _, c := range p.Children {
			if c.IsData() {
				all = append(all, c)
			} else {
				gather(c)
			}
		}
	}
	gather(n)
	for i, k := range n.Keys {
		for _, c := range all {
			if c.Name == k.Name {
				n.Keys[i] = c
				c.IsKey, c.Mandatory = true, true
			}
		}
	}
	n.DataChildren = append(n.DataChildren, n.Keys...)
	for _, c := range all {
		if !c.IsKey {
			n.DataChildren = append(n.DataChildren, c)
		}
	}
	for i, c := range n.DataChildren {
		c.Index = i
	}
}

// Flat is the schema of a flat list: module flat, container top, list entry with
// key name and leaf value.
func Flat() *yang.Schema {
	m := Module("flat")
	root := &yang.Node{Kind: yang.KindRoot, Index: -1, Config: true}
	b := Builder{m, root}
	e := b.In(b.Container("top", false)).List("entry", yang.OrderedBySystem, "name")
	b.In(e).Leaf("name", yang.String)
	b.In(e).Leaf("value", yang.String)
	return Seal(root, m)
}

// Interfaces is the schema of interfaces with eight leaves each, for figures.
func Interfaces() *yang.Schema {
	m := Module("ifs")
	root := &yang.Node{Kind: yang.KindRoot, Index: -1, Config: true}
	b := Builder{m, root}
	e := b.In(b.Container("interfaces", false)).List("interface", yang.OrderedBySystem, "name")
	for _, name := range []string{"name", "description", "type", "enabled", "link-up-down-trap-enable", "mtu", "speed", "alias"} {
		b.In(e).Leaf(name, yang.String)
	}
	return Seal(root, m)
}

// All is a schema with a node of every kind, in modules t and aug.
//
//	t:net
//	  interface* [name]     name, mtu, enabled, type (identityref), tag* , dns* (user), blob (anydata),
//	                        aug:extra, aug:where (instance-identifier)
//	    ipv4!               forwarding, address* [ip]: ip, length
//	    opts                a, b
//	    (mode)              access: vlan, acc/x; trunk: allowed*, native, (style) one: s1; two: s2
//	  ace* [name] (user)    name, action, match/src
//	  pair* [a b]           a uint8, b string, c
//	t:stats (state)         sample* (no key): v, w; reading*; counter* [id]: id, n
//	t:top-leaf
//	t:limit* uint16
//	aug:bare!
func All() *yang.Schema {
	m, aug := Module("t"), Module("aug")
	base := &yang.Identity{Name: "type", Module: m, Enabled: true}
	for _, id := range []*yang.Identity{
		{Name: "tunnel", Module: aug, Enabled: true, Bases: []*yang.Identity{base}},
		{Name: "eth", Module: m, Enabled: true, Bases: []*yang.Identity{base}},
	} {
		base.Derived = append(base.Derived, id)
		id.Module.Identities = append(id.Module.Identities, id)
	}
	m.Identities = append(m.Identities, base)
	root := &yang.Node{Kind: yang.KindRoot, Index: -1, Config: true}
	b := Builder{m, root}
	net := b.In(b.Container("net", false))
	i := net.In(net.List("interface", yang.OrderedBySystem, "name"))
	i.Leaf("mtu", yang.Uint16)
	i.Leaf("name", yang.String) // not the first: Index must put it there
	i.Leaf("enabled", yang.Boolean)
	i.Leaf("type", yang.IdentityRef).Type.Bases = []*yang.Identity{base}
	i.LeafList("tag", yang.String, yang.OrderedBySystem)
	i.LeafList("dns", yang.String, yang.OrderedByUser)
	i.Any("blob")
	ip := i.In(i.Container("ipv4", true))
	ip.Leaf("forwarding", yang.Boolean)
	addr := ip.In(ip.List("address", yang.OrderedBySystem, "ip"))
	addr.Leaf("ip", yang.String)
	addr.Leaf("length", yang.Uint8)
	opts := i.In(i.Container("opts", false))
	opts.Leaf("a", yang.String)
	opts.Leaf("b", yang.Empty)
	mode := i.In(i.Choice("mode"))
	access := mode.In(mode.Case("access"))
	access.Leaf("vlan", yang.Uint16)
	acc := access.Container("acc", false)
	access.In(acc).Leaf("x", yang.String)
	trunk := mode.In(mode.Case("trunk"))
	trunk.LeafList("allowed", yang.Uint16, yang.OrderedBySystem)
	trunk.Leaf("native", yang.Uint16)
	style := trunk.In(trunk.Choice("style"))
	style.In(style.Case("one")).Leaf("s1", yang.String)
	style.In(style.Case("two")).Leaf("s2", yang.String)
	ai := Builder{aug, i.At}
	ai.Leaf("extra", yang.Int32)
	ai.Leaf("where", yang.InstanceIdentifier)
	ace := net.In(net.List("ace", yang.OrderedByUser, "name"))
	ace.Leaf("name", yang.String)
	ace.Leaf("action", yang.String)
	ace.In(ace.Container("match", false)).Leaf("src", yang.String)
	pair := net.In(net.List("pair", yang.OrderedBySystem, "a", "b"))
	pair.Leaf("b", yang.String)
	pair.Leaf("a", yang.Uint8)
	pair.Leaf("c", yang.Decimal64)
	st := b.Container("stats", false)
	st.Config = false
	stats := b.In(st)
	sample := stats.In(stats.List("sample", yang.OrderedBySystem))
	sample.Leaf("v", yang.Int32)
	sample.Leaf("w", yang.String)
	stats.LeafList("reading", yang.String, yang.OrderedBySystem)
	counter := stats.In(stats.List("counter", yang.OrderedBySystem, "id"))
	counter.Leaf("id", yang.String)
	counter.Leaf("n", yang.Uint64)
	b.Leaf("top-leaf", yang.String)
	b.LeafList("limit", yang.Uint16, yang.OrderedBySystem)
	Builder{aug, root}.Container("bare", true)
	return Seal(root, m, aug)
}
