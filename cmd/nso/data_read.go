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
	"nso.example/nso/tree/meta"
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
	// report, if set, is told of each error in the data with its line and column.
	report func(e *mgmterr.Error, line, column int)
	// meta, if set, is given the annotations; without it they are refused.
	meta *meta.Node
	// place, if set, is told where nodes stand, as the decoders have it.
	place func(s *yang.Node) func(p tree.Path, line, column int)
	// at is what the document is, as operation gives it; nil is data.
	at func(*document) (*tree.Node, error)
}

// document is an open file.
type document struct {
	in     *bufio.Reader
	json   bool
	schema *yang.Schema
	xml    xmlenc.DecodeOptions
	opt    jsonenc.DecodeOptions
}

// readData reads a file; "-" is the standard input. Its name says whether it is
// XML or JSON, and if not, its first character. Errors begin with the file's name,
// and if the file is at fault with the line and column too; *badFile is that.
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
	d := &document{in: bufio.NewReaderSize(in, 64<<10), schema: s}
	var err error
	if d.json, err = isJSON(file, d.in); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	var first *badFile
	report := how.report
	if report == nil {
		report = func(e *mgmterr.Error, line, column int) {
			if first == nil {
				first = &badFile{file, line, column, e}
			}
		}
	}
	d.xml = xmlenc.DecodeOptions{ConfigOnly: how.configOnly, Report: report, Meta: how.meta, Place: how.place}
	d.opt = jsonenc.DecodeOptions{ConfigOnly: how.configOnly, MaxBytes: maxData, Report: report, Meta: how.meta, Place: how.place}
	read := how.at
	if read == nil {
		read = (*document).data
	}
	n, err := read(d)
	var bad *xmlstream.Error
	var syntax *jsonenc.SyntaxError
	var told *badFile
	switch {
	case errors.As(err, &told):
		told.file = file
		return nil, told
	case first != nil: // it is told before what may come after it
		return nil, first
	case errors.As(err, &bad) && bad.Kind != xmlstream.IO:
		return nil, &badFile{file, bad.Line, bad.Column, mgmterr.New(mgmterr.MalformedMessage, "", "cannot read XML: %s", bad.Message)}
	case errors.As(err, &syntax):
		return nil, &badFile{file, syntax.Line, syntax.Column, mgmterr.New(mgmterr.MalformedMessage, "", "cannot read JSON: %s", syntax.Why)}
	case len(mgmterr.Of(err)) > 0:
		return nil, &badFile{file, 0, 0, mgmterr.Of(err)[0]}
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return n, nil
}

func (d *document) data() (*tree.Node, error) {
	if d.json {
		return jsonenc.Decode(d.in, d.schema, d.opt)
	}
	return xmlenc.DecodeTree(d.reader(), d.schema, d.xml)
}

func (d *document) reader() *xmlstream.Reader {
	return xmlstream.NewReader(d.in, xmlstream.Limits{Size: maxData})
}

// badFile is an error in a file; without a line it is about the whole.
type badFile struct {
	file         string
	line, column int
	cause        *mgmterr.Error
}

// Error is FILE[:LINE:COLUMN]: [PATH: ]MESSAGE.
func (e *badFile) Error() string {
	c := complaint{Path: e.cause.Path, Line: e.line, Column: e.column, Message: e.cause.Message}
	return c.text(e.file)
}

func (e *badFile) Unwrap() error { return e.cause }

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

// inLine keeps a text to one line.
func inLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
