// SPDX-License-Identifier: Apache-2.0

package treeprint

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/origin"
	"nso.example/nso/yang/parse"
)

// Options say what to draw.
type Options struct {
	// Groupings draws the groupings of the module too, with their uses as
	// written.
	Groupings bool
	// Depth is how many levels are drawn, 0 for all. What is left out is
	// drawn as "...".
	Depth int
}

// item is one line of the diagram and what is below it (RFC 8340, 2.6).
type item struct {
	status   byte // + x o
	flags    string
	name     string // with the marks of choices and cases, and the prefix
	opts     string
	keys     string // [k1 k2], which no column is kept for
	typ      string
	features []string
	below    []item
}

// printer draws one module.
type printer struct {
	schema *yang.Schema
	mod    *yang.Module
	texts  *origin.Texts
	prefix map[*yang.Module]string // as mod imports them
	depth  int
	out    strings.Builder
}

// Module draws the diagram of one module of the schema. It ends in a newline.
func Module(s *yang.Schema, m *yang.Module, opt Options) string {
	p := &printer{schema: s, mod: m, texts: origin.New(s), prefix: make(map[*yang.Module]string), depth: opt.Depth}
	for name, other := range m.Imports {
		if old, twice := p.prefix[other]; !twice || name < old {
			p.prefix[other] = name
		}
	}
	p.out.WriteString("module: " + m.Name + "\n")
	p.draw(p.items(own(s.Root.Children, m)), "  ", 1)
	p.augments()
	p.section("rpcs:", own(s.RPCs, m))
	p.section("notifications:", own(s.Notifications, m))
	if opt.Groupings {
		p.groupings()
	}
	p.structures()
	return p.out.String()
}

// own are the nodes of module m.
func own(list []*yang.Node, m *yang.Module) []*yang.Node {
	var out []*yang.Node
	for _, n := range list {
		if n.Module == m {
			out = append(out, n)
		}
	}
	return out
}

// section draws a part of the diagram behind an empty line (RFC 8340, 2.1).
func (p *printer) section(head string, nodes []*yang.Node) {
	if len(nodes) > 0 {
		p.out.WriteString("\n")
		p.part(head, p.items(nodes))
	}
}

func (p *printer) part(head string, items []item) {
	p.out.WriteString("  " + head + "\n")
	p.draw(items, "    ", 1)
}

// augments draws what the module adds to others (RFC 8340, 2.2), in the order
// of its text.
func (p *printer) augments() {
	targets := make(map[*yang.Node][]*yang.Node)
	var order []*yang.Node
	for _, n := range p.schema.Nodes {
		if n.Module == p.mod && n.Parent != nil && n.Parent.Kind != yang.KindRoot && n.Parent.Module != p.mod {
			if targets[n.Parent] == nil {
				order = append(order, n.Parent)
			}
			targets[n.Parent] = append(targets[n.Parent], n)
		}
	}
	separate := map[string]bool{}
	draw := func(target *yang.Node, path string, nodes []*yang.Node) {
		kind := "augment"
		if top(target).Kind == yang.KindStructure {
			kind = "augment-structure" // RFC 8791, 3
		}
		if !separate[kind] {
			separate[kind] = true
			p.out.WriteString("\n")
		}
		p.part(kind+" "+path+":", p.items(nodes))
	}
	for _, a := range p.texts.Augments(p.mod) {
		if a.Target == nil || targets[a.Target] == nil {
			continue
		}
		names := map[string]bool{}
		for _, n := range a.Names() {
			names[n] = true
		}
		var here, rest []*yang.Node
		for _, n := range targets[a.Target] {
			if names[n.Name] {
				here = append(here, n)
			} else {
				rest = append(rest, n)
			}
		}
		targets[a.Target] = rest
		if len(here) > 0 {
			draw(a.Target, strings.Join(strings.Fields(a.Stmt.Argument), ""), here)
		}
	}
	for _, target := range order { // whose augment was not found in the text
		if len(targets[target]) > 0 {
			draw(target, p.path(target), targets[target])
		}
	}
}

func top(n *yang.Node) *yang.Node {
	for n.Parent != nil && n.Parent.Kind != yang.KindRoot {
		n = n.Parent
	}
	return n
}

// path is the path of a node with a prefix at each step.
func (p *printer) path(n *yang.Node) string {
	if n == nil || n.Kind == yang.KindRoot {
		return ""
	}
	return p.path(n.Parent) + "/" + p.prefixOf(n.Module) + ":" + n.Name
}

// prefixOf is the prefix that the module's text knows another by, else that
// module's own.
func (p *printer) prefixOf(m *yang.Module) string {
	if name, ok := p.prefix[m]; ok {
		return name
	}
	return m.Prefix
}

// structures draws yang-data and structure (RFC 8040, 8; RFC 8791, 3).
func (p *printer) structures() {
	for _, kind := range []string{"yang-data", "structure"} {
		first := true
		for _, n := range own(p.schema.Structures, p.mod) {
			if p.structureKind(n) != kind {
				continue
			}
			if first {
				p.out.WriteString("\n")
				first = false
			}
			p.part(kind+" "+n.Name+":", p.items(n.Children))
		}
	}
}

func (p *printer) structureKind(n *yang.Node) string {
	if at := p.texts.Of(n); at != nil {
		if _, name, _ := strings.Cut(at.Stmt.Extension, ":"); name == "yang-data" {
			return name
		}
	}
	return "structure"
}

// groupings draws the groupings at the top of the module (RFC 8340, 2.4).
func (p *printer) groupings() {
	first := true
	for _, t := range p.texts.Tops(p.mod) {
		for _, g := range t.Sub(parse.Grouping) {
			if first {
				p.out.WriteString("\n")
				first = false
			}
			p.part("grouping "+g.Stmt.Argument+":", p.statements(g, ""))
		}
	}
}

// draw writes items and what is below them. The types of siblings stand in one
// column.
func (p *printer) draw(items []item, indent string, level int) {
	if p.depth > 0 && level > p.depth && len(items) > 0 {
		p.out.WriteString(indent + "...\n") // RFC 8340, 2.5
		return
	}
	width := 0
	for _, it := range items {
		if it.keys == "" {
			width = max(width, len(it.name))
		}
	}
	for i, it := range items {
		label := it.name + it.opts
		p.out.WriteString(indent)
		p.out.WriteByte(it.status)
		p.out.WriteString("--" + it.flags)
		if it.flags != "" || !strings.HasPrefix(it.name, ":") {
			p.out.WriteByte(' ')
		}
		p.out.WriteString(label + it.keys)
		if it.typ != "" {
			p.out.WriteString(strings.Repeat(" ", width+len("?")+3-len(label)) + it.typ)
		}
		if len(it.features) > 0 {
			p.out.WriteString(" {" + strings.Join(it.features, ",") + "}?")
		}
		p.out.WriteByte('\n')
		if len(it.below) == 0 {
			continue
		}
		if i == len(items)-1 {
			p.draw(it.below, indent+"   ", level+1)
		} else {
			p.draw(it.below, indent+"|  ", level+1)
		}
	}
}
