// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// module is a module with its submodules and all that they define at the top.
type module struct {
	ym         *yang.Module
	units      []*unit // the module's own text first
	loading    bool
	groupings  map[string]*grouping
	typedefs   map[string]*typedef
	features   map[string]*feature
	identities map[string]*identity
	extensions map[string]*parse.Statement
	aged       bool   // something in it is deprecated or obsolete
	holder     *draft // of the data nodes, rpcs and notifications of this build
}

// unit is one text: its own prefixes and its own imports.
type unit struct {
	mod      *module
	root     *parse.Statement
	prefixes map[string]*module
	// names is what XPath and values in this text look prefixes up in: the
	// module, or a double of it with the imports of a submodule.
	names *yang.Module
	scope *scope
}

func (c *compiler) version11(s *parse.Statement) bool { return s.File.Version == "1.1" }

// loadAll loads what the options name and everything that needs.
func (c *compiler) loadAll() {
	var roots []string
	for _, want := range c.opt.Implement {
		name, revision, _ := strings.Cut(want, "@")
		if old, twice := c.pinned[name]; twice && old != revision {
			c.errs = append(c.errs, &parse.Error{Message: fmt.Sprintf("cannot implement %s twice", name)})
			return
		}
		c.pinned[name] = revision
		roots = append(roots, name)
	}
	if c.opt.All {
		for _, name := range c.sources.names() {
			if _, named := c.pinned[name]; named {
				continue
			}
			if c.isSubmodule(name) {
				continue
			}
			c.pinned[name] = ""
			roots = append(roots, name)
		}
	}
	for _, name := range roots {
		m := c.load(name, c.pinned[name], nil)
		if m == nil {
			continue
		}
		m.ym.Implemented = true
		c.byName[name] = m
	}
}

func (c *compiler) isSubmodule(name string) bool {
	src, err := c.sources.find(name, "")
	if err != nil || src == nil {
		return false // load says why
	}
	f, err := src.load()
	return err == nil && f.Root.Keyword == parse.Submodule
}

// text finds and parses a module or submodule that from asks for.
func (c *compiler) text(name, revision string, from *parse.Statement) (*source, *parse.File) {
	src, err := c.sources.find(name, revision)
	if src == nil && err == nil {
		at := ""
		if revision != "" {
			at = " at revision " + revision
		}
		if from != nil {
			c.fail(from, "cannot find %q%s in the module path", name, at)
		} else {
			c.errs = append(c.errs, &parse.Error{Message: fmt.Sprintf("cannot find the module %q%s in the module path", name, at)})
		}
		return nil, nil
	}
	var f *parse.File
	if err == nil {
		f, err = src.load()
	}
	if err != nil {
		c.addErrors(err)
		return nil, nil
	}
	return src, f
}

// addErrors adds errors of a text, once.
func (c *compiler) addErrors(err error) {
	var list parse.Errors
	if !errors.As(err, &list) {
		list = parse.Errors{{Message: err.Error()}}
	}
	for _, e := range list {
		if len(c.errs) < maxErrors && (len(c.errs) == 0 || *c.errs[len(c.errs)-1] != *e) {
			c.errs = append(c.errs, e)
		}
	}
}

// load returns a module with all its imports, or nil after an error.
func (c *compiler) load(name, revision string, from *parse.Statement) *module {
	src, f := c.text(name, revision, from)
	if f == nil {
		return nil
	}
	key := name + "@" + src.revision
	if m := c.byKey[key]; m != nil {
		if m.loading {
			c.fail(from, "cannot import %q: the modules import each other in a circle", name) // RFC 7950, 7.1.5
			return nil
		}
		return m
	}
	root := f.Root
	if root.Keyword != parse.Module {
		if from == nil {
			from = root
		}
		c.fail(from, "cannot use %q as a module: it is a submodule of %q", name, root.Text(parse.BelongsTo))
		return nil
	}
	m := &module{ym: &yang.Module{
		Name: name, Namespace: root.Text(parse.Namespace), Prefix: root.Text(parse.Prefix), Revision: src.revision,
		Version: f.Version, Organization: root.Text(parse.Organization), Contact: root.Text(parse.Contact),
		Description: root.Text(parse.Description), Source: src.text, File: src.file, Imports: make(map[string]*yang.Module),
	}, loading: true}
	c.byKey[key] = m
	u := &unit{mod: m, root: root, names: m.ym}
	m.units = []*unit{u}
	c.includes(m, u, map[string]bool{})
	for _, u := range m.units {
		c.imports(u)
	}
	m.loading = false
	c.modules = append(c.modules, m)
	return m
}

// includes adds the submodules that a text includes (RFC 7950, 7.1.6).
func (c *compiler) includes(m *module, u *unit, seen map[string]bool) {
	for inc := range u.root.All(parse.Include) {
		if seen[inc.Argument] {
			continue
		}
		seen[inc.Argument] = true
		src, f := c.text(inc.Argument, inc.Text(parse.RevisionDate), inc)
		if f == nil {
			continue
		}
		root := f.Root
		switch {
		case root.Keyword != parse.Submodule:
			c.fail(inc, "cannot include %q: it is a module", inc.Argument)
			continue
		case root.Text(parse.BelongsTo) != m.ym.Name: // RFC 7950, 7.2.2
			c.fail(inc, "cannot include %q: it belongs to the module %q", inc.Argument, root.Text(parse.BelongsTo))
			continue
		case f.Version != m.ym.Version: // RFC 7950, 12
			c.fail(inc, "cannot include %q: it has yang-version %s, the module has %s", inc.Argument, f.Version, m.ym.Version)
			continue
		}
		m.ym.Submodules = append(m.ym.Submodules, yang.Submodule{Name: inc.Argument, Revision: src.revision, Source: src.text, File: src.file})
		sub := &unit{mod: m, root: root}
		m.units = append(m.units, sub)
		c.includes(m, sub, seen)
	}
}

// imports loads what a text imports and learns its prefixes.
func (c *compiler) imports(u *unit) {
	own := u.root.First(parse.Prefix)
	if b := u.root.First(parse.BelongsTo); b != nil {
		own = b.First(parse.Prefix)
	}
	u.prefixes = map[string]*module{own.Argument: u.mod}
	names := map[string]*yang.Module{own.Argument: u.mod.ym}
	for imp := range u.root.All(parse.Import) {
		revision := imp.Text(parse.RevisionDate)
		if pinned := c.pinned[imp.Argument]; revision == "" {
			revision = pinned
		}
		if imp.Argument == u.mod.ym.Name {
			c.fail(imp, "cannot import %q into itself", imp.Argument)
			continue
		}
		m := c.load(imp.Argument, revision, imp)
		if m == nil {
			continue
		}
		if imp.First(parse.RevisionDate) != nil && !c.version11(imp) && m.ym.Version == "1.1" { // RFC 7950, 12
			c.warn(imp, "cannot import %q by revision: it has yang-version 1.1, and this module has not", imp.Argument)
		}
		prefix := imp.First(parse.Prefix)
		if u.prefixes[prefix.Argument] != nil { // RFC 7950, 7.1.4
			c.fail(prefix, "cannot use the prefix %q twice", prefix.Argument)
			continue
		}
		u.prefixes[prefix.Argument] = m
		names[prefix.Argument] = m.ym
	}
	switch {
	case u.names != nil:
		u.names.Imports = names
	case within(names, u.mod.ym.Imports):
		u.names = u.mod.ym
	default:
		double := *u.mod.ym
		double.Imports = names
		u.names = &double
	}
}

func within(small, large map[string]*yang.Module) bool {
	for k, v := range maps.All(small) {
		if large[k] != v {
			return false
		}
	}
	return true
}
