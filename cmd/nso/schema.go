// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/parse"
	"nso.example/nso/yang/treeprint"
)

// schemaFlags makes the flags that all schema commands have.
func (t *tool) schemaFlags(paths *[]string) *flag.FlagSet {
	fs := t.flags(false)
	fs.Func("path", "", func(dir string) error {
		*paths = append(*paths, dir)
		return nil
	})
	return fs
}

// given is a module file named on the command line.
type given struct {
	file, name, revision string
	text                 []byte
	// owner is the module that a submodule belongs to.
	owner string
}

// want is what compile.Options.Implement calls it.
func (g given) want() string {
	switch {
	case g.owner != "":
		return g.owner
	case g.revision != "":
		return g.name + "@" + g.revision
	}
	return g.name
}

// readModules reads files; the error is a parse.Errors of all that is wrong.
func readModules(files []string) ([]given, error) {
	var out []given
	var wrong parse.Errors
	for _, file := range files {
		g, err := readModule(file)
		var list parse.Errors
		switch {
		case err == nil:
			out = append(out, g)
		case errors.As(err, &list):
			wrong = append(wrong, list...)
		default:
			wrong = append(wrong, &parse.Error{File: file, Message: err.Error()})
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return out, nil
}

func readModule(file string) (given, error) {
	f, err := os.Open(file)
	if err != nil {
		return given{}, cannotRead(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, parse.MaxText+1)) // the parser refuses one byte too many
	if err != nil {
		return given{}, cannotRead(err)
	}
	parsed, err := parse.Parse(file, text)
	if err != nil {
		return given{}, err
	}
	g := given{file: file, name: parsed.Root.Argument, text: text, owner: parsed.Root.Text(parse.BelongsTo)}
	for r := range parsed.Root.All(parse.Revision) {
		g.revision = max(g.revision, r.Argument)
	}
	return g, nil
}

func cannotRead(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("cannot read the file: %w", err)
}

// compileModules implements the given modules. What they import is looked for
// among them, in the paths, beside them, and among the built-in modules.
func compileModules(modules []given, paths []string, strict bool) (*yang.Schema, []compile.Warning, error) {
	var src compile.Sources
	var want []string
	for _, g := range modules {
		if err := src.AddText(g.file, g.text); err != nil {
			return nil, nil, err
		}
		if w := g.want(); !slices.Contains(want, w) && (g.owner == "" || !slices.ContainsFunc(modules, func(o given) bool { return o.name == g.owner })) {
			want = append(want, w)
		}
	}
	dirs := slices.Clone(paths)
	for _, g := range modules {
		if d := filepath.Dir(g.file); !slices.Contains(dirs, d) && d != "/dev" {
			dirs = append(dirs, d)
		}
	}
	for _, d := range dirs {
		if err := src.AddDir(d); err != nil {
			return nil, nil, err
		}
	}
	if err := src.AddLibrary(builtin.FS()); err != nil {
		return nil, nil, err
	}
	all, err := closure(&src, want)
	if err != nil {
		return nil, nil, err
	}
	schema, warnings, err := compile.Compile(&src, compile.Options{Implement: all, Strict: strict})
	if err != nil { // an imported module may be wrong where nobody uses it
		if s, w, again := compile.Compile(&src, compile.Options{Implement: want, Strict: strict}); again == nil {
			return s, w, nil
		}
	}
	return schema, warnings, err
}

// closure are modules and all that they import: with those implemented too,
// their features are supported, and what augments point into is there.
func closure(src *compile.Sources, want []string) ([]string, error) {
	const probe = "nso-schema-probe"
	var text strings.Builder
	fmt.Fprintf(&text, "module %s { namespace urn:nso:probe; prefix nso-schema-probe;", probe)
	for i, w := range want {
		name, revision, dated := strings.Cut(w, "@")
		fmt.Fprintf(&text, " import %s { prefix p%d;", name, i)
		if dated {
			fmt.Fprintf(&text, " revision-date %s;", revision)
		}
		text.WriteString(" }")
	}
	text.WriteString(" }")
	if err := src.AddText(probe, []byte(text.String())); err != nil {
		return nil, err
	}
	schema, _, err := compile.Compile(src, compile.Options{Implement: []string{probe}})
	if err != nil {
		return nil, err
	}
	out := slices.Clone(want)
	for _, m := range schema.Modules {
		if m.Name == probe || schema.Module(m.Name) != m {
			continue
		}
		if slices.ContainsFunc(want, func(w string) bool { name, _, _ := strings.Cut(w, "@"); return name == m.Name }) {
			continue
		}
		if m.Revision != "" {
			out = append(out, m.Name+"@"+m.Revision)
		} else {
			out = append(out, m.Name)
		}
	}
	return out, nil
}

// rounds are sets of modules that can be implemented together: two revisions
// of one module cannot (RFC 7950, 5.6.5).
func rounds(modules []given) [][]given {
	var out [][]given
	count := make(map[string]int)
	for _, g := range modules {
		if i := count[g.name]; i < len(out) {
			out[i] = append(out[i], g)
		} else {
			out = append(out, []given{g})
		}
		count[g.name]++
	}
	return out
}

// schemaCheck says what is wrong with modules, on the standard error output.
func schemaCheck(_ context.Context, t *tool) error {
	var paths []string
	fs := t.schemaFlags(&paths)
	strict := fs.Bool("strict", false, "")
	if err := t.parse(fs, 1, maxFiles); err != nil {
		return err
	}
	modules, err := readModules(t.args)
	if err != nil {
		return t.wrong(err)
	}
	failed := false
	for _, set := range rounds(modules) {
		_, warnings, err := compileModules(set, paths, *strict)
		t.warn(warnings)
		if err != nil {
			failed = true
			var status exitStatus
			if err = t.wrong(err); !errors.As(err, &status) {
				return err
			}
		}
	}
	if failed {
		return exitStatus(1)
	}
	return nil
}

// maxFiles bounds what one command reads.
const maxFiles = 10000

// schemaTree draws modules.
func schemaTree(_ context.Context, t *tool) error {
	var paths []string
	var opt treeprint.Options
	fs := t.schemaFlags(&paths)
	fs.BoolVar(&opt.Groupings, "groupings", false, "")
	fs.IntVar(&opt.Depth, "depth", 0, "")
	if err := t.parse(fs, 1, maxFiles); err != nil {
		return err
	}
	if opt.Depth < 0 {
		return &usageError{"cannot draw a negative depth; use: " + t.usage()}
	}
	modules, err := readModules(t.args)
	if err != nil {
		return t.wrong(err)
	}
	var out bytes.Buffer
	for _, set := range rounds(modules) {
		schema, warnings, err := compileModules(set, paths, false)
		t.warn(warnings)
		if err != nil {
			return t.wrong(err)
		}
		for _, name := range names(set) {
			if out.Len() > 0 {
				out.WriteByte('\n')
			}
			out.WriteString(treeprint.Module(schema, schema.Module(name), opt))
		}
	}
	_, err = out.WriteTo(t.out)
	return err
}

// names are the modules that a set of files stands for, each once.
func names(set []given) []string {
	var out []string
	for _, g := range set {
		if name := cmp.Or(g.owner, g.name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// wrong prints errors, one a line, as FILE:LINE:COL: message.
func (t *tool) wrong(err error) error {
	var list parse.Errors
	if !errors.As(err, &list) {
		return err
	}
	for _, e := range inOrder(list) {
		fmt.Fprintln(t.err, oneLine(e.Error()))
	}
	return exitStatus(1)
}

func (t *tool) warn(list []compile.Warning) {
	all := make([]*parse.Error, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	for _, w := range inOrder(all) {
		marked := *w
		marked.Message = "warning: " + w.Message
		fmt.Fprintln(t.err, oneLine(marked.Error()))
	}
}

// inOrder sorts by place.
func inOrder(list []*parse.Error) []*parse.Error {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *parse.Error) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return list
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
