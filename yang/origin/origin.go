// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// Texts are the texts of a schema. They are parsed when first asked for; one
// Texts is for one goroutine.
type Texts struct {
	schema *yang.Schema
	files  map[string]*file
	// brought remembers what a uses brings, by its statement.
	brought  map[*parse.Statement][]string
	augments map[*yang.Module][]Augment
}

// file is one text of a module: its own, or that of a submodule.
type file struct {
	mod    *yang.Module
	source []byte
	name   string
	read   bool
	root   *Place
	at     map[position]*Place
}

type position struct{ line, column int32 }

// Place is a statement with those around it.
type Place struct {
	Stmt   *parse.Statement
	Up     *Place // nil for a module or submodule
	Module *yang.Module
	texts  *Texts
}

// New returns the texts of a schema.
func New(s *yang.Schema) *Texts {
	t := &Texts{schema: s, files: make(map[string]*file), brought: make(map[*parse.Statement][]string),
		augments: make(map[*yang.Module][]Augment)}
	for _, m := range s.Modules {
		t.add(m, m.File, m.Source)
		for _, sub := range m.Submodules {
			t.add(m, sub.File, sub.Source)
		}
	}
	return t
}

func (t *Texts) add(m *yang.Module, name string, source []byte) {
	if old := t.files[name]; old == nil || m.Implemented {
		t.files[name] = &file{mod: m, name: name, source: source}
	}
}

// get is a parsed text, or nil.
func (t *Texts) get(name string) *file {
	f := t.files[name]
	if f == nil {
		return nil
	}
	if !f.read {
		f.read = true
		parsed, err := parse.Parse(f.name, f.source)
		if err != nil { // the compiler has read it, so it is not empty but absent
			return nil
		}
		f.at = make(map[position]*Place)
		f.root = &Place{Stmt: parsed.Root, Module: f.mod, texts: t}
		f.index(f.root)
	}
	if f.root == nil {
		return nil
	}
	return f
}

func (f *file) index(p *Place) {
	f.at[position{p.Stmt.Line, p.Stmt.Column}] = p
	for i := range p.Stmt.Sub {
		if s := &p.Stmt.Sub[i]; len(s.Sub) > 0 || s.Keyword == parse.Uses || IsNode(s.Keyword) {
			f.index(p.down(s))
		}
	}
}

func (p *Place) down(s *parse.Statement) *Place {
	return &Place{Stmt: s, Up: p, Module: p.Module, texts: p.texts}
}

// IsNode reports whether a statement makes a schema node.
func IsNode(k parse.Keyword) bool {
	switch k {
	case parse.Container, parse.List, parse.Leaf, parse.LeafList, parse.Choice, parse.Case, parse.Anydata, parse.Anyxml,
		parse.Rpc, parse.Action, parse.Input, parse.Output, parse.Notification:
		return true
	}
	return false
}

// Tops are the module statement of m and those of its submodules.
func (t *Texts) Tops(m *yang.Module) []*Place {
	var out []*Place
	names := []string{m.File}
	for _, sub := range m.Submodules {
		names = append(names, sub.File)
	}
	for _, name := range names {
		if f := t.get(name); f != nil && f.mod == m {
			out = append(out, f.root)
		}
	}
	return out
}

// Of is the statement that a schema node comes from; nil for one that no
// statement of its own stands for, as the case that a short-hand implies.
func (t *Texts) Of(n *yang.Node) *Place {
	f := t.get(n.Pos.File)
	if f == nil {
		return nil
	}
	p := f.at[position{int32(n.Pos.Line), int32(n.Pos.Column)}]
	switch {
	case p == nil:
		return nil
	case n.Kind == yang.KindStructure:
		if p.Stmt.Keyword != parse.Unknown || p.Stmt.Argument != n.Name {
			return nil
		}
	case p.Stmt.Keyword.String() != n.Kind.String():
		return nil
	case n.Kind != yang.KindInput && n.Kind != yang.KindOutput && p.Stmt.Argument != n.Name:
		return nil
	}
	return p
}

// Sub are the substatements of that keyword.
func (p *Place) Sub(k parse.Keyword) []*Place {
	var out []*Place
	for i := range p.Stmt.Sub {
		if s := &p.Stmt.Sub[i]; s.Keyword == k {
			out = append(out, p.down(s))
		}
	}
	return out
}

// IfFeatures are the arguments of a statement's if-feature statements.
func (p *Place) IfFeatures() []string {
	var out []string
	for s := range p.Stmt.All(parse.IfFeature) {
		out = append(out, strings.Join(strings.Fields(s.Argument), " "))
	}
	return out
}

// top is the module or submodule statement around p.
func (p *Place) top() *Place {
	for p.Up != nil {
		p = p.Up
	}
	return p
}

// ByPrefix is the module that a prefix means in the text of p, or nil.
func (p *Place) ByPrefix(prefix string) *yang.Module {
	root := p.top().Stmt
	own := root.Text(parse.Prefix)
	if b := root.First(parse.BelongsTo); b != nil {
		own = b.Text(parse.Prefix)
	}
	if prefix == "" || prefix == own {
		return p.Module
	}
	for imp := range root.All(parse.Import) {
		if imp.Text(parse.Prefix) != prefix {
			continue
		}
		if date := imp.Text(parse.RevisionDate); date != "" {
			for _, m := range p.texts.schema.Modules {
				if m.Name == imp.Argument && m.Revision == date {
					return m
				}
			}
		}
		return p.texts.schema.Module(imp.Argument)
	}
	return nil
}

// Grouping is the grouping that a uses statement names (RFC 7950, 5.5): the
// nearest around it, else one at the top of the module. It is nil if there is
// none.
func (p *Place) Grouping() *Place {
	prefix, name, found := strings.Cut(p.Stmt.Argument, ":")
	if !found {
		prefix, name = "", p.Stmt.Argument
	}
	m := p.ByPrefix(prefix)
	if m == nil {
		return nil
	}
	if m == p.Module {
		for up := p.Up; up != nil; up = up.Up {
			if g := up.grouping(name); g != nil {
				return g
			}
		}
	}
	for _, top := range p.texts.Tops(m) {
		if g := top.grouping(name); g != nil {
			return g
		}
	}
	return nil
}

func (p *Place) grouping(name string) *Place {
	for i := range p.Stmt.Sub {
		if s := &p.Stmt.Sub[i]; s.Keyword == parse.Grouping && s.Argument == name {
			return p.texts.at(p, s)
		}
	}
	return nil
}

// at is the one Place of a statement, so that places can be compared.
func (t *Texts) at(up *Place, s *parse.Statement) *Place {
	if f := t.get(s.File.Name); f != nil {
		if p := f.at[position{s.Line, s.Column}]; p != nil && p.Stmt == s {
			return p
		}
	}
	return up.down(s)
}

// Names are the names of the schema nodes that p brings directly below itself,
// those of the groupings that it uses included.
func (p *Place) Names() []string { return p.names(map[*parse.Statement]bool{}) }

func (p *Place) names(busy map[*parse.Statement]bool) []string {
	var out []string
	for i := range p.Stmt.Sub {
		s := &p.Stmt.Sub[i]
		switch {
		case s.Keyword == parse.Uses:
			out = append(out, p.texts.bring(p.down(s), busy)...)
		case s.Keyword == parse.Input || s.Keyword == parse.Output:
			out = append(out, s.Keyword.String())
		case IsNode(s.Keyword):
			out = append(out, s.Argument)
		}
	}
	return out
}

// bring are the names that a uses brings.
func (t *Texts) bring(uses *Place, busy map[*parse.Statement]bool) []string {
	if known, ok := t.brought[uses.Stmt]; ok {
		return known
	}
	g := uses.Grouping()
	if g == nil || busy[g.Stmt] {
		return nil
	}
	busy[g.Stmt] = true
	names := g.names(busy)
	delete(busy, g.Stmt)
	t.brought[uses.Stmt] = names
	return names
}
