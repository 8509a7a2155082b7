// SPDX-License-Identifier: Apache-2.0

// Package schematest makes small schemas for tests of the rooms that are below
// the compiler, from an indented outline:
//
//	module m
//	identity base
//	identity derived base
//	container top presence
//	  list item key=name must="count(../item) < 9" unique="a b" min=1 max=8
//	    leaf name string
//	    leaf mtu uint16 default=1500 when="../name = 'x'"
//	  leaf ref leafref:/top/item/name
//	  leaf kind identityref:base
//	  leaf color enum:red,green
//	  choice c mandatory default=one
//	    case one
//	      leaf a empty
//
// Several modules may follow one another; their prefixes are their names. A
// line may begin with an indented "augmenting M": the node belongs to module M.
// Everything is trusted: a mistake in an outline fails the test.
package schematest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

type outline struct {
	t       testing.TB
	s       *yang.Schema
	m       *yang.Module
	modules map[string]*yang.Module
	late    []func()
}

// Schema makes the schema of an outline.
func Schema(t testing.TB, text string) *yang.Schema {
	t.Helper()
	o := &outline{t: t, s: &yang.Schema{}, modules: map[string]*yang.Module{}}
	o.s.Root = &yang.Node{Kind: yang.KindRoot, Config: true, Index: -1}
	o.add(o.s.Root)
	stack := []*yang.Node{o.s.Root}
	for i, line := range strings.Split(text, "\n") {
		fields := split(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		line = strings.ReplaceAll(line, "\t", "  ")
		depth := (len(line)-len(strings.TrimLeft(line, " ")))/2 + 1
		if depth > len(stack) {
			t.Fatalf("line %d is indented too far: %s", i+1, line)
		}
		stack = stack[:depth]
		if n := o.line(stack[depth-1], fields); n != nil {
			stack = append(stack, n)
		}
	}
	for _, n := range o.s.Nodes {
		o.dissolve(n)
	}
	for i := 0; i < len(o.late); i++ {
		o.late[i]()
	}
	o.s.Seal()
	return o.s
}

// split cuts a line at blanks outside of double quotes.
func split(line string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	for _, c := range line + " " {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted || c == '\t':
			if b.Len() > 0 {
				out = append(out, b.String())
				b.Reset()
			}
		default:
			b.WriteRune(c)
		}
	}
	return out
}

func (o *outline) add(n *yang.Node) {
	n.ID = len(o.s.Nodes)
	o.s.Nodes = append(o.s.Nodes, n)
}

func (o *outline) line(parent *yang.Node, f []string) *yang.Node {
	switch f[0] {
	case "module":
		m := &yang.Module{Name: f[1], Prefix: f[1], Namespace: "urn:" + f[1], Version: "1.1", Implemented: true}
		o.m, o.modules[f[1]] = m, m
		for _, other := range o.modules {
			other.Imports = o.modules
		}
		o.s.Modules = append(o.s.Modules, m)
		return nil
	case "identity":
		o.identity(f)
		return nil
	}
	m := o.m
	if f[0] == "augmenting" {
		m, f = o.modules[f[1]], f[2:]
	}
	n := &yang.Node{Name: f[1], Module: m, Parent: parent, Config: parent.Config, Index: -1}
	for k := yang.KindContainer; k <= yang.KindStructure; k++ {
		if k.String() == f[0] {
			n.Kind = k
		}
	}
	if n.Kind == yang.KindRoot {
		o.t.Fatalf("%q is no kind of node", f[0])
	}
	o.add(n)
	f = f[2:]
	if n.Kind == yang.KindLeaf || n.Kind == yang.KindLeafList {
		n.Type = o.typ(n, f[0])
		f = f[1:]
	}
	for _, a := range f {
		o.attribute(n, a)
	}
	parent.Children = append(parent.Children, n)
	return n
}

func (o *outline) attribute(n *yang.Node, a string) {
	k, v, _ := strings.Cut(a, "=")
	number := func() uint64 {
		i, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			o.t.Fatal(err)
		}
		return i
	}
	switch k {
	case "presence":
		n.HasPresence, n.Presence = true, "here"
	case "mandatory":
		n.Mandatory = true
	case "user":
		n.OrderedBy = yang.OrderedByUser
	case "config":
		n.Config = v == "true"
	case "min":
		n.MinElements = number()
	case "max":
		n.MaxElements = number()
	case "must":
		x, tag, _ := strings.Cut(v, " @")
		n.Musts = append(n.Musts, &yang.Must{XPath: o.xpath(n, n, x), ErrorAppTag: tag})
	case "when":
		context := n
		if n.Kind == yang.KindChoice || n.Kind == yang.KindCase {
			context = nil // the data parent, which is known later
		}
		x := o.xpath(n, context, v)
		n.Whens = append(n.Whens, x)
	case "default":
		o.late = append(o.late, func() {
			if n.Kind == yang.KindChoice {
				for _, c := range n.Children {
					if c.Name == v {
						n.DefaultCase = c
					}
				}
				return
			}
			for _, d := range strings.Split(v, ",") {
				c, err := value.ParseDefault(n.Type, d, value.SchemaText{Text: n.Module})
				if err != nil {
					o.t.Fatal(err)
				}
				n.Defaults = append(n.Defaults, c)
			}
		})
	case "key":
		o.late = append([]func(){func() {
			for i, name := range strings.Fields(v) {
				for j, c := range n.DataChildren {
					if c.Name == name {
						c.IsKey = true
						n.Keys = append(n.Keys, c)
						copy(n.DataChildren[i+1:j+1], n.DataChildren[i:j])
						n.DataChildren[i] = c
					}
				}
			}
			for i, c := range n.DataChildren {
				c.Index = i
			}
		}}, o.late...)
	case "unique":
		o.late = append(o.late, func() {
			var group []*yang.Node
			for _, path := range strings.Fields(v) {
				c := n
				for _, step := range strings.Split(path, "/") {
					c = o.child(c, step)
				}
				group = append(group, c)
			}
			n.Unique = append(n.Unique, group)
		})
	default:
		o.t.Fatalf("%q is no attribute", a)
	}
}

func (o *outline) xpath(n, context *yang.Node, source string) *yang.XPath {
	x := &yang.XPath{Source: source, Module: n.Module, Default: n.Module, Context: context}
	if context == nil {
		o.late = append(o.late, func() { x.Context = n.DataParent })
	}
	return x
}

func (o *outline) child(n *yang.Node, name string) *yang.Node {
	if _, local, ok := strings.Cut(name, ":"); ok {
		name = local
	}
	for _, c := range n.DataChildren {
		if c.Name == name {
			return c
		}
	}
	o.t.Fatalf("%s has no child %s", n.Path(), name)
	return nil
}

// typ reads a type: NAME, NAME:ARGUMENT, and alternatives with | for a union.
func (o *outline) typ(n *yang.Node, text string) *yang.Type {
	if strings.Contains(text, "|") {
		u := &yang.Type{Base: yang.Union, Name: "union"}
		for _, m := range strings.Split(text, "|") {
			t := o.typ(n, m)
			u.Union, u.Named = append(u.Union, t), u.Named || t.Named
		}
		return u
	}
	name, arg, _ := strings.Cut(text, ":")
	t := &yang.Type{Name: name, RequireInstance: true}
	switch name {
	case "enum":
		t.Base = yang.Enumeration
		for i, e := range strings.Split(arg, ",") {
			t.Enums = append(t.Enums, yang.Enum{Name: e, Value: int32(i)})
		}
	case "bits":
		t.Base = yang.Bits
		for i, b := range strings.Split(arg, ",") {
			t.Bits = append(t.Bits, yang.Bit{Name: b, Position: uint32(i)})
		}
	case "identityref":
		t.Base, t.Named, t.Bases = yang.IdentityRef, true, []*yang.Identity{o.findIdentity(arg)}
	case "instance-identifier":
		t.Base, t.Named, t.RequireInstance = yang.InstanceIdentifier, true, arg != "weak"
	case "decimal64":
		t.Base, t.FractionDigits = yang.Decimal64, 2
	case "leafref", "weakref":
		t.Base, t.RequireInstance = yang.Leafref, name == "leafref"
		t.Path = o.xpath(n, n, arg)
		o.late = append(o.late, func() { t.Target = o.target(n, arg); t.Named = t.Target.Type.Named })
	default:
		for b := yang.Binary; b <= yang.Union; b++ {
			if b.String() == name {
				t.Base = b
			}
		}
		if t.Base == 0 {
			o.t.Fatalf("there is no type %s", name)
		}
	}
	t.Seal()
	return t
}

// target follows the path of a leafref by its names alone.
func (o *outline) target(n *yang.Node, path string) *yang.Node {
	for {
		open, end := strings.IndexByte(path, '['), strings.IndexByte(path, ']')
		if open < 0 || end < open {
			break
		}
		path = path[:open] + path[end+1:]
	}
	at := n
	for _, s := range strings.Split(path, "/") {
		switch s {
		case "":
			at = o.s.Root
		case ".":
		case "..":
			at = at.DataParent
		default:
			at = o.child(at, s)
		}
	}
	return at
}

// dissolve lists the data children of n.
func (o *outline) dissolve(n *yang.Node) {
	if n.Kind == yang.KindChoice || n.Kind == yang.KindCase {
		return
	}
	var whens []*yang.XPath
	var take func(at *yang.Node)
	take = func(at *yang.Node) {
		for _, c := range at.Children {
			c.DataParent = n
			if c.Kind == yang.KindChoice || c.Kind == yang.KindCase {
				whens = append(whens, c.Whens...)
				take(c)
				whens = whens[:len(whens)-len(c.Whens)]
				continue
			}
			c.Whens = append(c.Whens[:len(c.Whens):len(c.Whens)], whens...)
			if c.IsData() {
				c.Index = len(n.DataChildren)
				n.DataChildren = append(n.DataChildren, c)
			}
		}
	}
	take(n)
}
func (o *outline) identity(f []string) {
	id := &yang.Identity{Name: f[1], Module: o.m, Enabled: true}
	for _, b := range f[2:] {
		id.Bases = append(id.Bases, o.findIdentity(b))
	}
	o.m.Identities = append(o.m.Identities, id)
	for _, m := range o.s.Modules {
		for _, b := range m.Identities {
			if id.DerivedFrom(b) {
				b.Derived = append(b.Derived, id)
				slices.SortFunc(b.Derived, func(x, y *yang.Identity) int { return strings.Compare(x.String(), y.String()) })
			}
		}
	}
}

func (o *outline) findIdentity(name string) *yang.Identity {
	for _, m := range o.s.Modules {
		for _, id := range m.Identities {
			if id.Name == name {
				return id
			}
		}
	}
	o.t.Fatalf("there is no identity %s", name)
	return nil
}
