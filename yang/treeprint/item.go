// SPDX-License-Identifier: Apache-2.0

package treeprint

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/origin"
	"nso.example/nso/yang/parse"
)

// items are the lines of schema nodes, and all below them.
func (p *printer) items(nodes []*yang.Node) []item {
	out := make([]item, 0, len(nodes))
	for _, n := range nodes {
		if (n.Kind == yang.KindInput || n.Kind == yang.KindOutput) && len(n.Children) == 0 {
			continue
		}
		out = append(out, p.item(n))
	}
	return out
}

func (p *printer) item(n *yang.Node) item {
	it := item{status: [...]byte{'+', 'x', 'o'}[n.Status], flags: flags(n), name: n.Name, features: p.texts.Features(n)}
	if n.Module != p.mod { // RFC 8340, 2.6
		it.name = p.prefixOf(n.Module) + ":" + n.Name
	}
	switch n.Kind {
	case yang.KindChoice:
		it.name = "(" + it.name + ")"
		it.opts = optional(!n.Mandatory)
	case yang.KindCase:
		it.name = ":(" + it.name + ")"
	case yang.KindContainer:
		if n.HasPresence {
			it.opts = "!"
		}
	case yang.KindList:
		it.opts = "*"
		if len(n.Keys) > 0 {
			names := make([]string, len(n.Keys))
			for i, k := range n.Keys {
				names[i] = k.Name
			}
			it.keys = " [" + strings.Join(names, " ") + "]"
		}
	case yang.KindLeafList:
		it.opts, it.typ = "*", p.typeOf(n)
	case yang.KindLeaf:
		it.opts, it.typ = optional(!n.Mandatory && !n.IsKey), p.typeOf(n)
	case yang.KindAnydata, yang.KindAnyxml:
		it.opts, it.typ = optional(!n.Mandatory), "<"+n.Kind.String()+">"
	}
	it.below = p.items(n.Children)
	data := n
	if n.Kind == yang.KindCase {
		data = n.DataParent
	}
	if data == nil {
		return it
	}
	for _, list := range [][]*yang.Node{data.Actions, data.Notifications} {
		for _, k := range list {
			if k.Parent == n { // those in a case are kept at its data parent
				it.below = append(it.below, p.item(k))
			}
		}
	}
	return it
}

func optional(yes bool) string {
	if yes {
		return "?"
	}
	return ""
}

// flags are rw, ro, -w, -x, -n or mp (RFC 8340, 2.6); none in a structure,
// whose nodes are no data of a datastore (RFC 8791, 3), and none for a case.
func flags(n *yang.Node) string {
	switch n.Kind {
	case yang.KindCase:
		return ""
	case yang.KindRPC, yang.KindAction:
		return "-x"
	case yang.KindNotification:
		return "-n"
	}
	for _, x := range n.Extensions {
		if x.Name == "mount-point" && x.Module.Name == "ietf-yang-schema-mount" { // RFC 8528, 4.1
			return "mp"
		}
	}
	for a := n; a != nil; a = a.Parent {
		switch a.Kind {
		case yang.KindInput:
			return "-w"
		case yang.KindOutput, yang.KindNotification:
			return "ro"
		case yang.KindStructure:
			return ""
		}
	}
	if n.Config {
		return "rw"
	}
	return "ro"
}

// typeOf is the name of a type as written, or the path of a leafref.
func (p *printer) typeOf(n *yang.Node) string {
	t := n.Type
	if t == nil {
		return ""
	}
	if t.Name != "leafref" || t.Path == nil {
		return t.Name
	}
	return "-> " + p.short(t.Path)
}

// short is the path of a leafref without the prefixes that the module's own
// text could leave out (RFC 8340, 2.6).
func (p *printer) short(x *yang.XPath) string {
	return rePrefix(x.Source, func(prefix string) string {
		m := x.Module.Imports[prefix]
		switch {
		case m == nil:
			return prefix + ":"
		case m == p.mod:
			return ""
		}
		return p.prefixOf(m) + ":"
	})
}

// rePrefix replaces the prefixes in the path of a leafref, which has no
// strings, and takes out its blanks.
func rePrefix(path string, as func(string) string) string {
	var b strings.Builder
	for len(path) > 0 {
		n := 0
		for n < len(path) && isName(path[n]) {
			n++
		}
		switch {
		case n > 0 && n < len(path) && path[n] == ':':
			b.WriteString(as(path[:n]))
			n++
		case n > 0:
			b.WriteString(path[:n])
		default:
			n = 1
			if !strings.ContainsAny(path[:1], " \t\r\n") {
				b.WriteString(path[:1])
			}
		}
		path = path[n:]
	}
	return b.String()
}

func isName(c byte) bool {
	return c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// statements are the lines of the nodes in a grouping, whose config nobody
// knows before it is used: without flags, and each uses as one line of its own
// (RFC 8340, 2.4).
func (p *printer) statements(at *origin.Place, flags string) []item {
	var out []item
	for i := range at.Stmt.Sub {
		s := &at.Stmt.Sub[i]
		if !origin.IsNode(s.Keyword) && s.Keyword != parse.Uses {
			continue
		}
		down := &origin.Place{Stmt: s, Up: at, Module: at.Module}
		if at.Stmt.Keyword == parse.Choice && s.Keyword != parse.Case { // RFC 7950, 7.9.2
			out = append(out, item{status: '+', name: ":(" + s.Argument + ")", below: []item{p.statement(down, flags)}})
			continue
		}
		out = append(out, p.statement(down, flags))
	}
	return out
}

func (p *printer) statement(at *origin.Place, flags string) item {
	s := at.Stmt
	it := item{status: '+', name: s.Argument, flags: flags, features: at.IfFeatures()}
	switch s.Text(parse.Status) {
	case "deprecated":
		it.status = 'x'
	case "obsolete":
		it.status = 'o'
	}
	switch {
	case flags != "":
	case s.Text(parse.Config) == "true":
		it.flags = "rw"
	case s.Text(parse.Config) == "false":
		it.flags, flags = "ro", "ro"
	}
	mandatory := s.Text(parse.Mandatory) == "true"
	switch s.Keyword {
	case parse.Uses:
		it.flags = "-u"
		return it
	case parse.Choice:
		it.name, it.opts = "("+s.Argument+")", optional(!mandatory)
	case parse.Case:
		it.name, it.flags = ":("+s.Argument+")", ""
	case parse.Container:
		if s.First(parse.Presence) != nil {
			it.opts = "!"
		}
	case parse.List:
		it.opts = "*"
		if key := strings.Fields(s.Text(parse.Key)); len(key) > 0 {
			it.keys = " [" + strings.Join(key, " ") + "]"
		}
	case parse.LeafList:
		it.opts, it.typ = "*", p.written(s)
	case parse.Leaf:
		it.opts, it.typ = optional(!mandatory && !isKey(at)), p.written(s)
	case parse.Anydata, parse.Anyxml:
		it.opts, it.typ = optional(!mandatory), "<"+s.Keyword.String()+">"
	case parse.Action:
		it.flags = "-x"
	case parse.Notification:
		it.flags, flags = "-n", "ro"
	case parse.Input:
		it.name, it.flags, flags = "input", "-w", "-w"
	case parse.Output:
		it.name, it.flags, flags = "output", "ro", "ro"
	}
	it.below = p.statements(at, flags)
	return it
}

func isKey(at *origin.Place) bool {
	if at.Up == nil || at.Up.Stmt.Keyword != parse.List {
		return false
	}
	for _, k := range strings.Fields(at.Up.Stmt.Text(parse.Key)) {
		if _, name, ok := strings.Cut(k, ":"); k == at.Stmt.Argument || ok && name == at.Stmt.Argument {
			return true
		}
	}
	return false
}

// written is the type of a leaf in a grouping.
func (p *printer) written(s *parse.Statement) string {
	t := s.First(parse.Type)
	if t == nil {
		return ""
	}
	if t.Argument != "leafref" {
		return t.Argument
	}
	return "-> " + rePrefix(t.Text(parse.Path), func(prefix string) string {
		if prefix == p.mod.Prefix {
			return ""
		}
		return prefix + ":"
	})
}
