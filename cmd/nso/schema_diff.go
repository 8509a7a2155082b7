// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"nso.example/nso/yang"
	"nso.example/nso/yang/revise"
)

// schemaDiff says what a new revision of a module must not change, one finding
// a line on the standard output: FILE:LINE:COL: PATH: message (RFC 7950, 11).
func schemaDiff(_ context.Context, t *tool) error {
	var paths []string
	fs := t.schemaFlags(&paths)
	all := fs.Bool("all", false, "")
	if err := t.parse(fs, 2, 2); err != nil {
		return err
	}
	modules, err := readModules(t.args)
	if err != nil {
		return t.wrong(err)
	}
	for _, g := range modules {
		if g.owner != "" {
			return fmt.Errorf("cannot compare %s: it is a submodule; compare the module %s that it belongs to", g.file, g.owner)
		}
	}
	old, new := revision{given: modules[0], paths: paths}, revision{given: modules[1], paths: paths}
	for _, r := range []*revision{&old, &new} {
		if err := r.compile(nil); err != nil {
			return t.wrong(err)
		}
	}
	if err := probeBoth(&old, &new); err != nil {
		return err
	}
	var out bytes.Buffer
	forbidden := false
	for _, f := range revise.Compare(old.schema, old.module(), new.schema, new.module()) {
		mark := ""
		switch {
		case f.Forbidden:
			forbidden = true
		case !*all:
			continue
		default:
			mark = "allowed: "
		}
		fmt.Fprintf(&out, "%s:%d:%d: %s%s: %s (RFC 7950, %s)\n", f.Pos.File, f.Pos.Line, f.Pos.Column, mark, f.Path, oneLine(f.Message), f.Section)
	}
	if _, err := out.WriteTo(t.out); err != nil {
		return err
	}
	if forbidden {
		return exitStatus(1)
	}
	return nil
}

// revision is one of the two that are compared.
type revision struct {
	given
	paths  []string
	schema *yang.Schema
}

func (r *revision) module() *yang.Module { return r.schema.Module(r.name) }

// compile makes the schema, with a probe of definitions in it if there are any.
func (r *revision) compile(definitions []string) error {
	modules := []given{r.given}
	if len(definitions) > 0 {
		modules = append(modules, given{file: revise.ProbeName, name: revise.ProbeName, text: []byte(revise.Probe(r.module(), definitions))})
	}
	schema, _, err := compileModules(modules, r.paths, false)
	if err == nil {
		r.schema = schema
	}
	return err
}

// probeBoth brings the typedefs and groupings that both revisions have into
// both schemas. Those that do not compile outside their module are left out.
func probeBoth(old, new *revision) error {
	there := make(map[string]bool)
	for _, d := range revise.Definitions(old.schema, old.module()) {
		there[d] = true
	}
	var both []string
	for _, d := range revise.Definitions(new.schema, new.module()) {
		if there[d] {
			both = append(both, d)
		}
	}
	usable := usable(both, func(list []string) error {
		a, b := *old, *new
		if err := a.compile(list); err != nil {
			return err
		}
		return b.compile(list)
	})
	if len(usable) == 0 {
		return nil
	}
	for _, r := range []*revision{old, new} {
		if err := r.compile(usable); err != nil {
			return fmt.Errorf("internal error: cannot compile the definitions of %s together: %w", r.name, err)
		}
	}
	return nil
}

// usable leaves out, or brings into another form, what does not compile: what
// the errors name, else by halving the list.
func usable(list []string, try func([]string) error) []string {
	if len(list) == 0 {
		return nil
	}
	err := try(list)
	if err == nil {
		return list
	}
	named := revise.Named(err.Error())
	var good, other []string
	for _, d := range list {
		if len(list) > 1 && !slices.Contains(named, d) {
			good = append(good, d)
		} else if o := revise.Other(d); o != "" {
			other = append(other, o)
		}
	}
	if len(good) == len(list) {
		half := len(list) / 2
		return append(usable(list[:half:half], try), usable(list[half:], try)...)
	}
	return append(usable(good, try), usable(other, try)...)
}
