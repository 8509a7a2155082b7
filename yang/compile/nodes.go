// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"slices"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// inherited is what a node takes over from those above it.
type inherited struct {
	config    bool
	operation bool // inside an rpc, action or notification
	keyless   bool // inside a list without key
	structure bool // in a structure
	status    yang.Status
	whens     []*yang.XPath // of choices and cases between here and the data parent
}

// nodes makes the final nodes of all drafts.
func (c *compiler) nodes(mods []*module) {
	s := c.schema
	for _, m := range c.modules {
		s.Modules = append(s.Modules, m.ym)
	}
	slices.SortFunc(s.Modules, func(a, b *yang.Module) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Revision, b.Revision))
	})
	s.Nodes = make([]*yang.Node, 0, c.cost+1)
	c.drafts = make([]*draft, 0, c.cost+1)
	s.Root = c.node(c.root, nil, inherited{config: true})
	for _, d := range c.rpcs {
		if n := c.node(d, nil, inherited{operation: true}); n != nil {
			s.RPCs = append(s.RPCs, n)
		}
	}
	for _, d := range c.notifs {
		if n := c.node(d, nil, inherited{operation: true}); n != nil {
			s.Notifications = append(s.Notifications, n)
		}
	}
	for _, d := range slices.Concat(c.rpcs, c.notifs) { // RFC 7950, 6.2.1, for what choices hold
		if n := d.node; n != nil && c.dataChild(s.Root, n.Module, n.Name) != nil {
			c.fail(d.at.stmt, "cannot use the name %q twice at the top of %s", n.Name, n.Module.Name)
		}
	}
	for _, d := range c.structs {
		if n := c.node(d, nil, inherited{config: true, structure: true}); n != nil {
			s.Structures = append(s.Structures, n)
		}
	}
	for _, m := range mods {
		c.moduleExtensions(m)
	}
}

// maxKeys bounds the keys of one list.
const maxKeys = 64

// maxWhens bounds the conditions of one node.
const maxWhens = 64

// alloc makes a node in one of a few large pieces of memory.
func (c *compiler) alloc() *yang.Node {
	const chunk = 256
	if len(c.slab) == cap(c.slab) {
		c.slab = make([]yang.Node, 0, chunk)
	}
	c.slab = c.slab[:len(c.slab)+1]
	return &c.slab[len(c.slab)-1]
}

// node makes the node of a draft and those below it; nil if it is disabled.
func (c *compiler) node(d *draft, parent *yang.Node, in inherited) *yang.Node {
	switch {
	case c.halted, d.removed:
		return nil
	case d.disabled && !c.scratching:
		c.scratch(d, parent, in)
		return nil
	}
	n := c.alloc()
	*n = yang.Node{ID: len(c.schema.Nodes), Kind: d.kind, Name: d.name, Index: -1, Parent: parent}
	c.schema.Nodes = append(c.schema.Nodes, n)
	c.drafts = append(c.drafts, d)
	d.node = n
	if d.mod != nil {
		n.Module = d.mod.ym
	}
	if parent != nil {
		n.DataParent = parent
		if parent.Kind == yang.KindChoice || parent.Kind == yang.KindCase {
			n.DataParent = parent.DataParent
		}
	}
	c.describe(d, n, &in)
	c.conditions(d, n, &in)
	if d.typ.stmt != nil {
		c.typed(d, n)
	}
	below := in
	if n.Kind != yang.KindChoice && n.Kind != yang.KindCase {
		below.whens = nil
	}
	if n.Kind >= yang.KindRPC && n.Kind <= yang.KindNotification {
		below.operation, below.config = true, false
	}
	below.keyless = in.keyless || n.Kind == yang.KindList && d.key == nil
	data := n
	if n.Kind == yang.KindChoice || n.Kind == yang.KindCase {
		data = n.DataParent
	}
	for _, k := range d.kids {
		kn := c.node(k, n, below)
		if kn == nil {
			continue
		}
		if k.kind == yang.KindAction || k.kind == yang.KindNotification {
			switch { // RFC 7950, 7.15 and 7.16
			case below.operation:
				c.fail(k.at.stmt, "cannot use the %s %q here: it cannot be inside an rpc, action or notification", k.kind, k.name)
			case below.keyless:
				c.fail(k.at.stmt, "cannot use the %s %q here: it cannot be inside a list without a key", k.kind, k.name)
			}
		}
		switch k.kind {
		case yang.KindAction:
			data.Actions = append(data.Actions, kn)
			continue
		case yang.KindNotification:
			data.Notifications = append(data.Notifications, kn)
			continue
		}
		n.Children = append(n.Children, kn)
		if kn.IsData() {
			data.DataChildren = append(data.DataChildren, kn)
		}
	}
	if d.at.stmt != nil {
		n.Pos = position(d.at.stmt)
		c.finishNode(d, n)
	} else if d.parent != nil && d.parent.at.stmt != nil {
		n.Pos = position(d.parent.at.stmt)
	}
	c.index(n)
	return n
}

// describe fills in config, status, texts and extensions.
func (c *compiler) describe(d *draft, n *yang.Node, in *inherited) {
	// RFC 7950, 7.21.1: ignored in operations; RFC 8791, 3, and 8040, 8: in structures.
	if d.config != nil && !in.operation && !in.structure && n.Kind < yang.KindRPC {
		want := d.config.Argument == "true"
		if want && !in.config {
			c.fail(d.config, "cannot make the %s %q configuration below a node that is not", n.Kind, n.Name)
		}
		in.config = want
	}
	n.Config = in.config && n.Kind < yang.KindRPC || n.Kind == yang.KindStructure && in.config
	if d.status != nil {
		own := status(d.status.Argument)
		if own < in.status { // RFC 7950, 7.21.2
			c.warn(d.status, "cannot give the %s %q the status %s below a node that is %s", n.Kind, n.Name, own, in.status)
		}
		in.status = own
	}
	n.Status = in.status
	if d.description != nil {
		n.Description = d.description.Argument
	}
	if d.reference != nil {
		n.Reference = d.reference.Argument
	}
	if d.units.stmt != nil {
		n.Units = d.units.stmt.Argument
	}
	if d.presence != nil {
		n.Presence, n.HasPresence = d.presence.Argument, true
	}
	if d.orderedBy != nil && d.orderedBy.Argument == "user" && n.Config { // RFC 7950, 7.7.7: ignored for state
		n.OrderedBy = yang.OrderedByUser
	}
	n.Mandatory = d.mandatory != nil && d.mandatory.Argument == "true"
	if d.minimum != nil {
		n.MinElements = uint64(integer(d.minimum.Argument))
	}
	if d.maximum != nil && d.maximum.Argument != "unbounded" {
		n.MaxElements = uint64(integer(d.maximum.Argument))
		if n.MinElements > n.MaxElements {
			c.fail(d.maximum, "cannot ask for at least %d and at most %d entries of %q", n.MinElements, n.MaxElements, n.Name)
		}
	}
	for _, x := range d.extensions {
		c.nodeExtension(n, x)
	}
}

// status reads the argument of a status statement.
func status(arg string) yang.Status {
	for s := yang.Current; s <= yang.Obsolete; s++ {
		if s.String() == arg {
			return s
		}
	}
	return yang.Current
}

// conditions fills in when and must. The whens of choices and cases go down to
// the data nodes in them.
func (c *compiler) conditions(d *draft, n *yang.Node, in *inherited) {
	for _, w := range d.whens {
		context := n
		if !w.own {
			context = n.DataParent
			if context == nil {
				context = c.schema.Root // a uses at the top of a module
			}
			if context == nil {
				context = c.schema.Nodes[0]
			}
		}
		if w.x == nil || w.x.Context != context {
			w.x = c.xpath(w.located, context, w.user.ym)
		}
		n.Whens = append(n.Whens, w.x)
	}
	if n.Whens == nil {
		n.Whens = in.whens[:len(in.whens):len(in.whens)]
	} else {
		n.Whens = append(n.Whens, in.whens...)
	}
	if in.whens = n.Whens; len(in.whens) > maxWhens {
		c.halt(d.whens[0].stmt, "cannot make a node depend on more than %d when statements", maxWhens)
	}
	for _, m := range d.musts {
		n.Musts = append(n.Musts, &yang.Must{XPath: c.xpath(m, n, n.Module), ErrorMessage: m.stmt.Text(parse.ErrorMessage),
			ErrorAppTag: m.stmt.Text(parse.ErrorAppTag), Description: m.stmt.Text(parse.Description)})
	}
}

// typed compiles the type of a leaf or leaf-list.
func (c *compiler) typed(d *draft, n *yang.Node) {
	ct := c.typeOf(d.typ.stmt, d.typ.sc)
	if ct == nil {
		return
	}
	if ct.leafref { // each leaf has a copy
		c.spend(d.typ.stmt, ct.size)
	}
	n.Type = c.instance(ct, n)
	if b := n.Type.Base; !c.scratching && (b == yang.Enumeration && len(n.Type.Enums) == 0 || b == yang.Bits && len(n.Type.Bits) == 0) {
		c.fail(d.typ.stmt, "cannot use %s whose names are all disabled by if-feature", b)
	}
	if n.Units == "" {
		n.Units = ct.t.Units // RFC 7950, 7.3.3
	}
}

// finishNode checks what concerns a node and its children.
func (c *compiler) finishNode(d *draft, n *yang.Node) {
	switch n.Kind {
	case yang.KindList:
		c.keys(d, n)
		c.uniques(d, n)
	case yang.KindChoice:
		c.defaultCase(d, n)
	case yang.KindLeaf:
		if n.Mandatory && len(d.defaults) > 0 { // RFC 7950, 7.6.4
			c.fail(d.defaults[0].stmt, "cannot give the mandatory leaf %q a default", n.Name)
		}
	case yang.KindLeafList:
		if n.MinElements > 0 && len(d.defaults) > 0 { // RFC 7950, 7.7.4
			c.warn(d.defaults[0].stmt, "cannot give the leaf-list %q, which has min-elements, a default", n.Name)
		}
	}
}

// index gives the data children of n, which is complete, their places.
func (c *compiler) index(n *yang.Node) {
	if n.Kind == yang.KindChoice || n.Kind == yang.KindCase {
		return
	}
	c.duplicates(n)
	for i, k := range n.DataChildren {
		k.Index = i
	}
}

// keys resolves the key of a list (RFC 7950, 7.8.2).
func (c *compiler) keys(d *draft, n *yang.Node) {
	if d.key == nil {
		if n.Config && n.Kind == yang.KindList && !c.underStructure(n) {
			c.fail(d.at.stmt, "cannot use the list %q as configuration without a key", n.Name)
		}
		return
	}
	names, err := parse.Names(d.key.Argument)
	if err != nil {
		c.fail(d.key, "cannot use the key %q: %s", d.key.Argument, err)
		return
	}
	for _, st := range names {
		leaf := c.dataChild(n, n.Module, st.Name)
		switch {
		case leaf == nil || leaf.Kind != yang.KindLeaf || leaf.Parent != n:
			c.fail(d.key, "cannot use %q as a key of the list %q: it has no such leaf", st, n.Name)
			return
		case leaf.IsKey:
			c.fail(d.key, "cannot use %q twice in the key of the list %q", st, n.Name)
			return
		case len(n.Keys) >= maxKeys:
			c.fail(d.key, "cannot use more than %d keys in the list %q", maxKeys, n.Name)
			return
		case leaf.Config != n.Config:
			c.fail(d.key, "cannot use %q as a key: its config differs from that of the list %q", st, n.Name)
			return
		case leaf.Type != nil && leaf.Type.Base == yang.Empty && !c.version11(d.key): // RFC 6020, 7.8.2
			c.fail(d.key, "cannot use %q of type empty as a key: that needs yang-version 1.1", st)
			return
		case len(leaf.Whens) > 0 || c.drafts[leaf.ID].hasIfFeature(): // RFC 7950, 7.20.2, 7.21.5
			c.fail(d.key, "cannot use %q as a key: it has a when or an if-feature", st)
			return
		}
		c.refersTo(d.key, n, leaf)
		leaf.IsKey = true
		n.Keys = append(n.Keys, leaf)
	}
	rest := slices.DeleteFunc(slices.Clone(n.DataChildren), func(k *yang.Node) bool { return k.IsKey })
	n.DataChildren = append(slices.Clone(n.Keys), rest...)
}

func (d *draft) hasIfFeature() bool {
	return d.at.stmt != nil && d.at.stmt.First(parse.IfFeature) != nil
}

func (c *compiler) underStructure(n *yang.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Kind == yang.KindStructure {
			return true
		}
	}
	return false
}

// uniquePaths reads the argument of "unique".
func uniquePaths(arg string) ([][]parse.Step, error) {
	var out [][]parse.Step
	for _, w := range fields(arg) {
		steps, err := parse.SchemaPath(w)
		if err != nil {
			return nil, err
		}
		out = append(out, steps)
	}
	return out, nil
}

// uniques resolves the unique statements of a list (RFC 7950, 7.8.3).
func (c *compiler) uniques(d *draft, n *yang.Node) {
	for _, u := range d.uniques {
		paths, err := uniquePaths(u.stmt.Argument)
		if err != nil {
			c.fail(u.stmt, "cannot use the unique %q: %s", u.stmt.Argument, err)
			return
		}
		var leaves []*yang.Node
		config := 0
		for _, steps := range paths {
			at := d
			for _, st := range steps {
				if c.module(u.sc.unit, st.Prefix, u.stmt) == nil {
					return
				}
				// Prefixes of the text that a grouping is in say nothing where it is used.
				next := at.find(nil, st.Name)
				if next == nil {
					c.fail(u.stmt, "cannot find the node %q of the unique %q", st, u.stmt.Argument)
					return
				}
				if at = next; at.kind == yang.KindList {
					c.fail(u.stmt, "cannot use %q in a unique: it is inside another list", st)
					return
				}
			}
			if at.kind != yang.KindLeaf {
				c.fail(u.stmt, "cannot use %q in a unique: it is no leaf", at.name)
				return
			}
			leaf := at.node
			if leaf == nil {
				leaves = nil // disabled: no entry has them all, and so it never applies
				break
			}
			if leaf.Config {
				config++
			}
			c.refersTo(u.stmt, n, leaf)
			leaves = append(leaves, leaf)
		}
		if len(leaves) > 0 && config != 0 && config != len(leaves) {
			c.fail(u.stmt, "cannot mix configuration and state in the unique %q", u.stmt.Argument)
			return
		}
		if len(leaves) > 0 {
			n.Unique = append(n.Unique, leaves)
		}
	}
}

// defaultCase resolves the default of a choice (RFC 7950, 7.9.3).
func (c *compiler) defaultCase(d *draft, n *yang.Node) {
	if len(d.defaults) == 0 {
		return
	}
	s := d.defaults[0].stmt
	if n.Mandatory {
		c.fail(s, "cannot give the mandatory choice %q a default", n.Name)
		return
	}
	_, name := split(s.Argument)
	for _, k := range n.Children {
		if k.Name == name {
			n.DefaultCase = k
		}
	}
	if n.DefaultCase == nil {
		if k := d.find(nil, name); k == nil {
			c.fail(s, "cannot find the default case %q of the choice %q", s.Argument, n.Name)
		}
		return // disabled
	}
	for _, k := range n.DefaultCase.Children {
		if mandatory(k) {
			c.fail(s, "cannot use the case %q as default: its %s %q is mandatory", name, k.Kind, k.Name)
		}
	}
}

// mandatory: a "mandatory node" as RFC 7950, 3, defines it.
func mandatory(n *yang.Node) bool {
	switch {
	case n.Mandatory, n.MinElements > 0:
		return true
	case n.Kind == yang.KindContainer && !n.HasPresence:
		return slices.ContainsFunc(n.Children, mandatory)
	}
	return false
}

// sibling is a name in the scope of one data parent (RFC 7950, 6.2.1).
type sibling struct {
	mod  *yang.Module
	name string
}

// duplicates refuses two nodes of the same name under one parent, whatever
// choices and cases they are in, and whatever if-feature they have.
func (c *compiler) duplicates(n *yang.Node) {
	d := c.drafts[n.ID]
	if len(d.kids) < 2 && (len(d.kids) == 0 || d.kids[0].kind != yang.KindChoice) {
		return
	}
	seen := make(map[sibling]bool, len(d.kids))
	note := func(k *draft, in map[sibling]bool) {
		what := sibling{k.mod.ym, k.name}
		if in[what] {
			s := k.at.stmt
			if s == nil {
				s = k.parent.at.stmt
			}
			c.fail(s, "cannot use the name %q twice in %s %q", k.name, n.Kind, n.Name)
		}
		in[what] = true
	}
	var walk func(kids []*draft)
	walk = func(kids []*draft) {
		for _, k := range kids {
			if k.removed {
				continue
			}
			note(k, seen)
			if k.kind != yang.KindChoice {
				continue
			}
			cases := make(map[sibling]bool, len(k.kids))
			for _, cs := range k.kids {
				if !cs.removed {
					note(cs, cases)
					walk(cs.kids)
				}
			}
		}
	}
	walk(d.kids)
}
