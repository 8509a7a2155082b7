// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/builtin"
	"nso.example/nso/yang/compile"
	"nso.example/nso/yang/load"
)

// models say which schema data belongs to.
type models struct{ paths, modules []string }

// dataFlags makes the flags that all data commands have.
func (t *tool) dataFlags(m *models, withJSON bool) *flag.FlagSet {
	fs := t.flags(withJSON)
	many := func(to *[]string) func(string) error {
		return func(v string) error { *to = append(*to, v); return nil }
	}
	fs.Func("path", "", many(&m.paths))
	fs.Func("module", "", many(&m.modules))
	return fs
}

// schema implements the modules that are named; without any, what a daemon
// with these paths would.
func (m *models) schema() (*yang.Schema, error) {
	var src compile.Sources
	for _, d := range m.paths {
		if err := src.AddDir(d); err != nil {
			return nil, fmt.Errorf("cannot look for modules: %w", err)
		}
	}
	if len(m.modules) == 0 {
		s, _, err := load.Schema(m.paths)
		return s, err
	}
	if err := src.AddLibrary(builtin.FS()); err != nil {
		return nil, err
	}
	s, _, err := compile.Compile(&src, compile.Options{Implement: m.modules})
	if err != nil {
		return nil, fmt.Errorf("cannot compile the modules: %w", err)
	}
	return s, nil
}

// maxData bounds a file of data.
const maxData = 1 << 30

// reading is how a file is read.
type reading struct {
	configOnly bool
	// report, if set, is told of each error with its line, 0 if not known.
	report func(line int, e *mgmterr.Error)
}

// readData reads a file; "-" is the standard input. Its name says whether it is
// XML or JSON, and if not, its first character.
func (t *tool) readData(file string, s *yang.Schema, how reading) (*tree.Node, error) {
	var in io.Reader = t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			var pe *os.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			return nil, fmt.Errorf("cannot read %s: %w", file, err)
		}
		defer f.Close()
		in = f
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	json, err := isJSON(file, buffered)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	if json {
		opt := jsonenc.DecodeOptions{ConfigOnly: how.configOnly, MaxBytes: maxData}
		if how.report != nil {
			opt.Report = func(e *mgmterr.Error) { how.report(0, e) }
		}
		return jsonenc.Decode(buffered, s, opt)
	}
	r := xmlstream.NewReader(buffered, xmlstream.Limits{Size: maxData})
	opt := xmlenc.DecodeOptions{ConfigOnly: how.configOnly}
	if how.report != nil {
		opt.Report = func(e *mgmterr.Error) { how.report(r.Position().Line, e) }
	}
	return xmlenc.DecodeTree(r, s, opt)
}

func isJSON(file string, r *bufio.Reader) (bool, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		return true, nil
	case ".xml":
		return false, nil
	}
	head, err := r.Peek(r.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		return true, nil
	case bytes.HasPrefix(head, []byte("<")):
		return false, nil
	}
	return false, errors.New("it is neither XML nor JSON")
}

// unread is the error of a file that cannot be read, with its name.
func unread(file string, err error) error {
	if len(mgmterr.Of(err)) > 0 || errors.As(err, new(*xmlstream.Error)) {
		return fmt.Errorf("%s: %w", file, err)
	}
	return err
}

// inLine keeps a text to one line.
func inLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
