// SPDX-License-Identifier: Apache-2.0

package revise

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/origin"
	"nso.example/nso/yang/parse"
)

// Finding is one change.
type Finding struct {
	// Forbidden is false for a change that section 11 allows.
	Forbidden bool
	// Section is that of RFC 7950 with the sentence that decides.
	Section string
	// Path is the schema path of the node, or the statement and its name, as
	// "typedef percent".
	Path string
	// Pos is where the new text has the change; for what it lacks, the
	// statement around the gap.
	Pos     yang.Position
	Message string
}

// Sentences of section 11, in our words, as the end of a message.
const (
	sSemantics = "this is none of the changes that are allowed to a published definition"
	sObsolete  = "give it the status obsolete instead"
)

// side is one revision.
type side struct {
	schema *yang.Schema
	mod    *yang.Module
	texts  *origin.Texts
}

func newSide(s *yang.Schema, m *yang.Module) side {
	return side{schema: s, mod: m, texts: origin.New(s)}
}

// comparison is one run.
type comparison struct {
	old, new side
	found    []Finding
	seen     map[string]bool
	// fresh are the features that only the new module has.
	fresh map[string]bool
	// oldName and newName are what the modules are called, which are not mod
	// where a probe is compared.
	oldName, newName string
	// typedefs at the top of both modules that are compared by themselves.
	typedefs map[string]bool
	// name is what the path of a node is called.
	name func(n *yang.Node) string
}

// Compare compares a module of the old schema with one of the new schema. Both
// schemas should have the same modules beside it. A module made by Probe that
// both have is compared too: it stands for typedefs and groupings.
func Compare(old *yang.Schema, oldModule *yang.Module, new *yang.Schema, newModule *yang.Module) []Finding {
	c := &comparison{old: newSide(old, oldModule), new: newSide(new, newModule), seen: make(map[string]bool),
		fresh: make(map[string]bool), typedefs: make(map[string]bool), name: (*yang.Node).Path,
		oldName: oldModule.Name, newName: newModule.Name}
	if string(oldModule.Source) == string(newModule.Source) && submodulesEqual(oldModule, newModule) {
		return nil
	}
	for _, f := range newModule.Features {
		if !slices.Contains(oldModule.Features, f) {
			c.fresh[f] = true
		}
	}
	c.module()
	c.definitions()
	c.trees()
	c.probes()
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return c.found
}

func submodulesEqual(a, b *yang.Module) bool {
	return slices.EqualFunc(a.Submodules, b.Submodules, func(x, y yang.Submodule) bool {
		return x.Name == y.Name && string(x.Source) == string(y.Source)
	})
}

// note adds a finding once: a grouping is found at each place that uses it.
func (c *comparison) note(f Finding) {
	key := fmt.Sprintf("%s:%d:%d:%s", f.Pos.File, f.Pos.Line, f.Pos.Column, f.Message)
	if !c.seen[key] {
		c.seen[key] = true
		c.found = append(c.found, f)
	}
}

func (c *comparison) forbid(path string, pos yang.Position, section, format string, args ...any) {
	c.note(Finding{Forbidden: true, Section: section, Path: path, Pos: pos, Message: "cannot " + fmt.Sprintf(format, args...)})
}

func (c *comparison) allow(path string, pos yang.Position, format string, args ...any) {
	c.note(Finding{Section: "11", Path: path, Pos: pos, Message: fmt.Sprintf(format, args...)})
}

func position(s *parse.Statement) yang.Position {
	return yang.Position{File: s.File.Name, Line: int(s.Line), Column: int(s.Column)}
}

// at is the place of a substatement of a node, else that of the node.
func (s side) at(n *yang.Node, chain ...parse.Keyword) yang.Position {
	if p := s.texts.Of(n); p != nil {
		st := p.Stmt
		for _, k := range chain {
			sub := st.First(k)
			if sub == nil {
				break
			}
			st = sub
		}
		return position(st)
	}
	return n.Pos
}

// top is the place of the module statement.
func (s side) top() yang.Position {
	if tops := s.texts.Tops(s.mod); len(tops) > 0 {
		return position(tops[0].Stmt)
	}
	return yang.Position{File: s.mod.File, Line: 1, Column: 1}
}

// plain is an expression with single blanks.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }
