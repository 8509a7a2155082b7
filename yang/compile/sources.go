// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nso.example/nso/yang/parse"
)

// Sources says where the text of a module or submodule is found by name and
// revision. What was added first wins for the same name and revision. The zero
// value is empty and ready to use.
type Sources struct {
	byName map[string][]*source
	count  int
}

// source is one text.
type source struct {
	name     string
	revision string // "" until known
	known    bool   // revision is known
	file     string // for messages and Module.File
	text     []byte
	read     func() ([]byte, error)
	parsed   *parse.File
	err      error
	library  bool // there to be imported, or named: All passes it over
}

// maxSources bounds how many files are looked at.
const maxSources = 20000

// AddDir adds the files NAME.yang and NAME@REVISION.yang of a directory
// (RFC 7950, 5.2). It does not look into directories below.
func (s *Sources) AddDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot read the module directory: %w", err)
	}
	return s.addEntries(entries, func(name string) string { return filepath.Join(dir, name) }, func(name string) (fs.File, error) {
		return os.Open(filepath.Join(dir, name))
	})
}

// AddFS is AddDir for the top of a file system.
func (s *Sources) AddFS(fsys fs.FS) error {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return fmt.Errorf("cannot read the modules: %w", err)
	}
	return s.addEntries(entries, func(name string) string { return name }, fsys.Open)
}

// AddLibrary is AddFS for modules that Options.All does not implement: they are
// there to be imported, or to be named.
func (s *Sources) AddLibrary(fsys fs.FS) error {
	var lib Sources
	if err := lib.AddFS(fsys); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(lib.byName)) {
		for _, src := range lib.byName[name] {
			src.library = true
			if err := s.add(src); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Sources) addEntries(entries []fs.DirEntry, show func(string) string, open func(string) (fs.File, error)) error {
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), ".yang")
		if !ok || e.IsDir() || base == "" {
			continue
		}
		name, revision, known := strings.Cut(base, "@")
		file := e.Name()
		err := s.add(&source{name: name, revision: revision, known: known, file: show(file),
			read: func() ([]byte, error) { return readAll(open, file) }})
		if err != nil {
			return err
		}
	}
	return nil
}

// readAll reads one regular file up to the limit of a text.
func readAll(open func(string) (fs.File, error), name string) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	text := make([]byte, 0, min(info.Size(), parse.MaxText)+512)
	for {
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return nil, err
		case len(text) > parse.MaxText:
			return text, nil // the parser refuses it
		}
		text = slices.Grow(text, 512)
	}
}

// AddText adds one text; its name and revision are read from it. file stands
// in messages.
func (s *Sources) AddText(file string, text []byte) error {
	_, err := s.addText(file, text)
	return err
}

func (s *Sources) addText(file string, text []byte) (*parse.File, error) {
	parsed, err := parse.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return parsed, s.add(&source{name: parsed.Root.Argument, revision: newest(parsed.Root), known: true, file: file, text: text, parsed: parsed})
}

// AddFile adds one file whatever it is called, and tells what it holds.
func (s *Sources) AddFile(file string) (name, revision string, err error) {
	text, err := readAll(func(n string) (fs.File, error) { return os.Open(n) }, file)
	if err != nil {
		return "", "", fmt.Errorf("cannot read the module: %w", err)
	}
	parsed, err := s.addText(file, text)
	if err != nil {
		return "", "", err
	}
	return parsed.Root.Argument, newest(parsed.Root), nil
}

func (s *Sources) add(src *source) error {
	if s.byName == nil {
		s.byName = make(map[string][]*source)
	}
	if s.count++; s.count > maxSources {
		return fmt.Errorf("cannot use more than %d module files", maxSources)
	}
	s.byName[src.name] = append(s.byName[src.name], src)
	return nil
}

// load reads and parses the text once.
func (src *source) load() (*parse.File, error) {
	if src.parsed != nil || src.err != nil {
		return src.parsed, src.err
	}
	if src.read != nil {
		text, err := src.read()
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			src.err = parse.Errors{{File: src.file, Message: "cannot read the file: " + err.Error()}}
			return nil, src.err
		}
		src.text = text
	}
	if src.parsed, src.err = parse.Parse(src.file, src.text); src.err != nil {
		return nil, src.err
	}
	revision := newest(src.parsed.Root)
	switch {
	case src.parsed.Root.Argument != src.name:
		src.err = parse.Errors{src.parsed.Root.Errorf("cannot use the file as %q: it holds %q; name the file %s.yang", src.name,
			src.parsed.Root.Argument, src.parsed.Root.Argument)}
	case src.known && src.revision != revision:
		src.err = parse.Errors{src.parsed.Root.Errorf("cannot use the file as revision %q: it holds revision %q", src.revision, revision)}
	}
	if src.err != nil {
		src.parsed = nil
		return nil, src.err
	}
	src.revision, src.known = revision, true
	return src.parsed, nil
}

// newest is the latest date of the revision statements, or "".
func newest(root *parse.Statement) string {
	last := ""
	for r := range root.All(parse.Revision) {
		last = max(last, r.Argument)
	}
	return last
}

// find returns the text of that name at that revision, or the newest one if
// revision is "". It returns nil if there is none.
func (s *Sources) find(name, revision string) (*source, error) {
	var best *source
	var failed error
	for _, src := range s.byName[name] {
		if !src.known { // NAME.yang: only the text tells
			if _, err := src.load(); err != nil {
				failed = err
				continue
			}
		}
		switch {
		case revision != "" && src.revision == revision:
			return src, nil
		case revision == "" && (best == nil || src.revision > best.revision):
			best = src
		}
	}
	if best == nil {
		return nil, failed
	}
	return best, nil
}

// names are the names that Options.All implements, sorted.
func (s *Sources) names() []string {
	out := make([]string, 0, len(s.byName))
	for n, list := range s.byName {
		if !list[0].library {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
