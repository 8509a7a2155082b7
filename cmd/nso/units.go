// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"nso.example/nso/config"
	"nso.example/nso/units"
)

// printUnits writes all unit files of a configuration, or how they differ from
// those of this machine.
func printUnits(_ context.Context, t *tool) error {
	fset := t.flags(false)
	compare := fset.Bool("diff", false, "")
	file := fset.String("config", "", "")
	if err := t.parse(fset, 0, 0); err != nil {
		return err
	}
	c, err := config.Edited(config.File)
	if *file != "" {
		c, err = config.Load(*file)
	}
	if err != nil {
		return err
	}
	made, err := units.Generate(c)
	if err != nil {
		return err
	}
	wanted := make(map[string]string)
	for dir, files := range map[string][]units.File{units.Shipped: units.Static(), units.Generated: made} {
		for _, f := range files {
			p := filepath.Join(dir, f.Path)
			if *compare && units.Package(f.Path) != "nso" && !exists(p) {
				continue // a package that need not be there
			}
			wanted[p] = text(f)
		}
	}
	if !*compare {
		for _, p := range sorted(wanted) {
			if _, err := fmt.Fprintf(t.out, "# %s\n%s\n", p, wanted[p]); err != nil {
				return err
			}
		}
		return nil
	}
	installed, err := onThisMachine("", wanted)
	if err != nil {
		return err
	}
	changes := differences(installed, wanted)
	if len(changes) == 0 {
		return nil
	}
	if _, err := t.out.Write(changes); err != nil {
		return err
	}
	return exitStatus(1)
}

// text is what stands for a file: its content, or where a link leads.
func text(f units.File) string {
	if f.Link != "" {
		return "-> " + f.Link + "\n"
	}
	return f.Content
}

func sorted(m map[string]string) []string {
	paths := make([]string, 0, len(m))
	for p := range m {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// onThisMachine reads the files of wanted that are there below root, and what else
// the generator has made.
func onThisMachine(root string, wanted map[string]string) (map[string]string, error) {
	paths := sorted(wanted)
	for _, pattern := range []string{"nso*.d/*", units.Socket + ".wants/*"} {
		more, err := filepath.Glob(filepath.Join(root, units.Generated, pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range more {
			paths = append(paths, strings.TrimPrefix(p, root))
		}
	}
	found := make(map[string]string)
	for _, p := range paths {
		target, err := os.Readlink(root + p)
		if err == nil {
			found[p] = "-> " + target + "\n"
			continue
		}
		content, err := os.ReadFile(root + p)
		switch {
		case err == nil:
			found[p] = string(content)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("cannot compare the units: %w", err)
		}
	}
	return found, nil
}

// differences is a diff from what is there to what is wanted.
func differences(there, wanted map[string]string) []byte {
	all := make(map[string]string)
	for _, m := range []map[string]string{there, wanted} {
		for p := range m {
			all[p] = ""
		}
	}
	var out []byte
	for _, p := range sorted(all) {
		name := func(m map[string]string) string {
			if _, ok := m[p]; !ok {
				return "/dev/null"
			}
			return p
		}
		out = append(out, diff.Diff(name(there), []byte(there[p]), name(wanted), []byte(wanted[p]))...)
	}
	return out
}
