// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/parse"
)

// Options say what to make of the sources.
type Options struct {
	// Implement names the modules to implement, as "name" (its newest
	// revision) or "name@revision". What they import is found by itself.
	Implement []string
	// All implements every module of the sources, at its newest revision
	// unless Implement names another.
	All bool
	// Features restricts the features of a module to those listed. All
	// features of implemented modules that are not a key here are supported.
	Features map[string][]string
	// Strict makes errors of what published models get wrong and others
	// tolerate: see Warning.
	Strict bool
	// MaxNodes bounds the schema; 0 means DefaultMaxNodes.
	MaxNodes int
}

// Limits of a schema.
const (
	DefaultMaxNodes = 1_000_000
	// maxDepth is how deep schema nodes may be nested.
	maxDepth  = 500
	maxErrors = 100
)

// Warning is something that RFC 7950 forbids and that is let pass unless
// Options.Strict is set, at its place.
type Warning = parse.Error

// compiler holds the state of one run.
type compiler struct {
	opt      Options
	sources  *Sources
	errs     parse.Errors
	warnings []Warning
	said     map[failKey]bool // warnings, too
	failures int
	// halted is set by what makes going on pointless, such as too many nodes.
	halted bool

	byKey   map[string]*module // name@revision
	byName  map[string]*module // implemented ones
	modules []*module          // in order of loading
	pinned  map[string]string  // revision that Implement asks for
	again   bool               // another module is to be implemented

	typedefs map[*parse.Statement]*typedef
	grouped  map[*parse.Statement]*grouping
	types    map[*parse.Statement]*ctype
	plain    map[plainType]*ctype
	patterns map[string]*compiledPattern
	states   int // of all patterns
	worked   int // see work
	checked  map[*parse.Statement]bool
	kept     map[*parse.Statement]*yang.Extension
	scopes   map[*parse.Statement]*scope
	// met are the if-feature statements that were evaluated.
	met map[*parse.Statement]bool
	// always takes every if-feature for met.
	always bool
	// scratching: see scratch.
	scratching bool

	build
}

// build is what is made anew when another module turns out to be needed.
type build struct {
	root     *draft
	rpcs     []*draft
	notifs   []*draft
	structs  []*draft
	cost     int
	schema   *yang.Schema
	slab     []yang.Node
	drafts   []*draft // by Node.ID
	leafrefs []*pendingLeafref
	byType   map[*yang.Type]*pendingLeafref
	depth    int // of leafrefs that deref() follows
	values   map[valueKey]string
	kids     map[*yang.Node]map[string][]*yang.Node // see dataChild
}

// Compile makes a schema of the modules that the options name. The error is a
// parse.Errors, unless the options themselves are wrong. It may be called
// again with the same sources, but not at the same time.
func Compile(sources *Sources, opt Options) (*yang.Schema, []Warning, error) {
	if opt.MaxNodes == 0 {
		opt.MaxNodes = DefaultMaxNodes
	}
	c := &compiler{
		opt: opt, sources: sources,
		byKey: make(map[string]*module), byName: make(map[string]*module),
		pinned:   make(map[string]string),
		typedefs: make(map[*parse.Statement]*typedef), grouped: make(map[*parse.Statement]*grouping),
		types: make(map[*parse.Statement]*ctype), plain: make(map[plainType]*ctype),
		patterns: make(map[string]*compiledPattern), checked: make(map[*parse.Statement]bool), kept: make(map[*parse.Statement]*yang.Extension),
		scopes: make(map[*parse.Statement]*scope), said: make(map[failKey]bool), met: make(map[*parse.Statement]bool),
	}
	schema := c.run()
	if opt.Strict {
		for i := range c.warnings {
			c.errs = append(c.errs, &c.warnings[i])
		}
		c.warnings = nil
	}
	if len(c.errs) > 0 {
		return nil, c.warnings, c.errs
	}
	return schema, c.warnings, nil
}

func (c *compiler) run() *yang.Schema {
	c.loadAll()
	if len(c.errs) > 0 {
		return nil
	}
	c.definitions()
	if len(c.errs) > 0 {
		return nil
	}
	for {
		c.demandTargets()
		c.features()
		c.identities()
		c.unusedTypedefs()
		if len(c.errs) > 0 {
			return nil
		}
		c.again = false
		warnings := len(c.warnings)
		c.tree()
		if !c.again || c.halted {
			break
		}
		// Another module is to be implemented: with it, everything anew.
		c.warnings, c.errs = c.warnings[:warnings], nil
		c.failures, c.worked = 0, 0
		clear(c.said)
		clear(c.checked)
		clear(c.kept)
		clear(c.types)
		clear(c.plain)
		for _, t := range c.typedefs {
			t.ct, t.state = nil, fresh
		}
	}
	if len(c.errs) > 0 {
		return nil
	}
	c.schema.Seal()
	return c.schema
}

// tree builds the schema tree of all implemented modules.
func (c *compiler) tree() {
	c.build = build{root: &draft{kind: yang.KindRoot}, schema: &yang.Schema{}, kids: make(map[*yang.Node]map[string][]*yang.Node),
		values: make(map[valueKey]string)}
	mods := c.implemented()
	for _, m := range mods {
		c.top(m)
	}
	if c.halted || len(c.errs) > 0 {
		return
	}
	c.augments(mods)
	c.augmentStructures(mods)
	c.deviations(mods)
	if c.halted || c.again {
		return
	}
	c.nodes(mods) // for more errors, although an augment may have found none to augment
	if len(c.errs) > 0 || c.again {
		return
	}
	c.resolveLeafrefs()
	if len(c.errs) > 0 || c.again {
		return
	}
	c.constraints()
	if !c.again {
		c.unusedGroupings(mods)
	}
	if len(c.errs) == 0 && !c.again {
		c.statuses(mods)
	}
}

// implemented are the implemented modules, sorted by name.
func (c *compiler) implemented() []*module {
	var out []*module
	for _, m := range c.byName {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *module) int { return strings.Compare(a.ym.Name, b.ym.Name) })
	return out
}

// demand implements a module that was only imported so far (RFC 7950, 5.6.5).
// It reports whether the module is implemented already.
func (c *compiler) demand(m *module) bool {
	if c.byName[m.ym.Name] != nil {
		return true
	}
	m.ym.Implemented = true
	c.byName[m.ym.Name] = m
	c.again = true
	return false
}

// failKey is something said of a statement, which may be in many places of the
// schema.
type failKey struct {
	at      *parse.Statement
	message string
}

// once reports whether it is said for the first time.
func (c *compiler) once(s *parse.Statement, format string, args []any) (string, bool) {
	key := failKey{s, fmt.Sprintf(format, args...)}
	if c.said[key] {
		return "", false
	}
	c.said[key] = true
	return key.message, true
}

// fail notes an error.
func (c *compiler) fail(s *parse.Statement, format string, args ...any) {
	if c.failures++; len(c.errs) >= maxErrors || c.failures > 3*maxErrors {
		c.halted = true
	} else if message, first := c.once(s, format, args); first {
		c.errs = append(c.errs, s.Errorf("%s", message))
	}
}

// warn notes what is an error only when strict, and then as the last.
func (c *compiler) warn(s *parse.Statement, format string, args ...any) {
	if len(c.warnings) < 10*maxErrors {
		if message, first := c.once(s, format, args); first {
			c.warnings = append(c.warnings, *s.Errorf("%s", message))
		}
	}
}

// halt notes an error that ends the run.
func (c *compiler) halt(s *parse.Statement, format string, args ...any) {
	if !c.halted {
		c.halted = true
		c.errs = append(c.errs, s.Errorf(format, args...))
	}
}
