// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/origin"
	"nso.example/nso/yang/parse"
)

// ProbeName is the name of the module that Probe makes.
const ProbeName = "nso-revise-probe"

// The forms in which Probe uses a definition: NAME behind it.
const (
	formTypedef  = "typedef."
	formGrouping = "grouping." // as data
	formInput    = "input."    // in an rpc, where lists need no keys
)

// Definitions are what Probe can use of a module: its typedefs and groupings.
func Definitions(s *yang.Schema, m *yang.Module) []string {
	var out []string
	for _, top := range origin.New(s).Tops(m) {
		for _, d := range top.Sub(parse.Typedef) {
			out = append(out, formTypedef+d.Stmt.Argument)
		}
		for _, g := range top.Sub(parse.Grouping) {
			out = append(out, formGrouping+g.Stmt.Argument)
		}
	}
	return out
}

// Other is another form of a definition, to be tried where one does not
// compile; "" if there is none.
func Other(definition string) string {
	if name, ok := strings.CutPrefix(definition, formGrouping); ok {
		return formInput + name
	}
	return ""
}

// Named are the definitions that a text names by the path of a node in a probe,
// as the errors of a compiler do.
func Named(text string) []string {
	var out []string
	for {
		_, rest, found := strings.Cut(text, "/"+ProbeName+":")
		if !found {
			return out
		}
		end := strings.IndexFunc(rest, func(r rune) bool {
			return !(r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
		})
		if end < 0 {
			end = len(rest)
		}
		out = append(out, strings.TrimRight(rest[:end], "."))
		text = rest[end:]
	}
}

// Probe is the text of a module that uses definitions of m, as others may do:
// compiled together with m, it brings them into the schema, where Compare finds
// them. Not every definition compiles outside its module: a leafref may leave
// its grouping.
func Probe(m *yang.Module, definitions []string) string {
	var b strings.Builder
	b.WriteString("module " + ProbeName + " { yang-version 1.1; namespace urn:nso:revise; prefix nso-revise-probe; import " + m.Name + " { prefix m;")
	if m.Revision != "" {
		b.WriteString(" revision-date " + m.Revision + ";")
	}
	b.WriteString(" }\n")
	for _, d := range definitions {
		form, name, _ := strings.Cut(d, ".")
		switch form + "." {
		case formTypedef:
			b.WriteString("leaf " + d + " { config false; type m:" + name + "; }\n")
		case formGrouping:
			b.WriteString("container " + d + " { uses m:" + name + "; }\n")
		case formInput:
			b.WriteString("rpc " + d + " { input { uses m:" + name + "; } }\n")
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func (s side) probe() *yang.Module { return s.schema.Module(ProbeName) }

// typedef is the type of a typedef at the top of the module, by module:name.
func (s side) typedef(name string) *yang.Type {
	_, name, _ = strings.Cut(name, ":")
	if p := s.probe(); p != nil {
		for _, n := range s.schema.Root.Children {
			if n.Module == p && n.Name == formTypedef+name {
				return n.Type
			}
		}
	}
	return nil
}

// probes compares what the probes of both sides bring.
func (c *comparison) probes() {
	old, new := c.old.probe(), c.new.probe()
	if old == nil || new == nil {
		return
	}
	_, typedefs := c.new.definitions(parse.Typedef)
	inner := &comparison{old: side{c.old.schema, old, c.old.texts}, new: side{c.new.schema, new, c.new.texts},
		seen: c.seen, fresh: c.fresh, typedefs: c.typedefs, oldName: c.oldName, newName: c.newName}
	inner.name = func(n *yang.Node) string {
		path := strings.TrimPrefix(strings.ReplaceAll(n.Path(), ProbeName+":", ""), "/")
		if rest, ok := strings.CutPrefix(path, formInput); ok {
			path = formGrouping + strings.Replace(rest, "/input", "", 1)
		}
		return strings.Replace(path, ".", " ", 1)
	}
	olds := map[string]*yang.Node{}
	for _, n := range tops(c.old.schema, old) {
		olds[n.Name] = n
	}
	for _, n := range tops(c.new.schema, new) {
		if olds[n.Name] == nil { // what is gone or new is noted already
			continue
		}
		inner.found = nil
		inner.node(olds[n.Name], n)
		name, isTypedef := strings.CutPrefix(n.Name, formTypedef)
		for _, f := range inner.found {
			if f.Pos.File == new.File {
				if !isTypedef || typedefs[name] == nil {
					continue
				}
				f.Pos = memberOf(typedefs[name].Stmt, f)
			}
			c.found = append(c.found, f)
		}
	}
}

// tops are the nodes and rpcs of a module.
func tops(s *yang.Schema, m *yang.Module) []*yang.Node {
	return append(own(s.Root.Children, m), own(s.RPCs, m)...)
}

// memberOf is the place in a typedef that a finding is about.
func memberOf(s *parse.Statement, f Finding) yang.Position {
	t := s.First(parse.Type)
	if t == nil {
		return position(s)
	}
	for i := range t.Sub {
		if sub := &t.Sub[i]; (sub.Keyword == parse.Enum || sub.Keyword == parse.Bit) && strings.Contains(f.Message, `"`+sub.Argument+`"`) {
			return position(sub)
		}
	}
	return position(t)
}
