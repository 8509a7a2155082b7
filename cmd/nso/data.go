// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nso.example/nso/cli"
	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	constraints "nso.example/nso/tree/check"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/meta"
	"nso.example/nso/tree/xmlenc"
)

// complaint is an error in a document, as JSON.
type complaint struct {
	Tag     mgmterr.Tag `json:"tag"`
	AppTag  string      `json:"appTag,omitempty"`
	Path    string      `json:"path,omitempty"`
	Line    int         `json:"line,omitempty"`
	Column  int         `json:"column,omitempty"`
	Message string      `json:"message"`
	Info    []toldInfo  `json:"info,omitempty"`
}

type toldInfo struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func tell(e *mgmterr.Error, line, column int) complaint {
	out := complaint{Tag: e.Tag, AppTag: e.AppTag, Path: e.Path, Line: line, Column: column, Message: e.Message}
	for _, i := range e.Info {
		out.Info = append(out.Info, toldInfo{i.Name, i.Value})
	}
	return out
}

// maxTold bounds the errors that are told of one document.
const maxTold = 1000

// dataValidate says whether a document is valid. What a value or name is comes
// first, then the constraints on a document in which all of them are right (RFC
// 7950, 8.3).
func dataValidate(_ context.Context, t *tool) error {
	var m models
	fs := t.dataFlags(&m, true)
	kind := fs.String("type", "config", "")
	around := fs.String("data", "", "")
	if err := t.parse(fs, 1, 1); err != nil {
		return err
	}
	if !slices.Contains([]string{"config", "data", "rpc", "reply", "notification"}, *kind) {
		return &usageError{fmt.Sprintf("cannot validate a %q: it is config, data, rpc, reply or notification; use: %s", *kind, t.usage())}
	}
	operation := *kind != "config" && *kind != "data"
	if *around != "" && !operation {
		return &usageError{"cannot use --data here: it is what an rpc, reply or notification refers to; use: " + t.usage()}
	}
	schema, err := m.schema()
	if err != nil {
		return err
	}
	rules, err := constraints.Compile(schema)
	if err != nil {
		return err
	}
	file := t.args[0]
	list := []complaint{} // a list in JSON even if it is empty
	more := 0
	add := func(e *mgmterr.Error, line, column int) {
		if len(list) == maxTold {
			more++
			return
		}
		list = append(list, tell(e, line, column))
	}
	var unplaced mgmterr.List
	report := func(e *mgmterr.Error, line, column int) {
		if line == 0 {
			unplaced = append(unplaced, e)
		} else {
			add(e, line, column)
		}
	}
	how := reading{configOnly: *kind == "config", report: report, meta: &meta.Node{}}
	var base *tree.Node
	var op *operationReader
	if operation {
		op = &operationReader{kind: *kind, report: report}
		how.at = op.read
		if *around != "" {
			if base, err = t.readData(*around, schema, reading{meta: &meta.Node{}}); err != nil {
				return err
			}
		}
	}
	root, err := t.readData(file, schema, how)
	var bad *badFile
	if errors.As(err, &bad) {
		add(bad.cause, bad.line, bad.column)
	} else if err != nil {
		return err
	}
	var errs mgmterr.List
	if len(list) == 0 && len(unplaced) == 0 {
		if operation {
			errs = rules.Operation(base, op.at, root)
		} else {
			errs = rules.Document(root)
		}
	}
	errs = append(unplaced, errs...)
	places := t.places(file, schema, errs, how, op)
	for _, e := range errs {
		at := places.of(e.Path)
		add(e, at.line, at.column)
	}
	if t.json {
		err := cli.WriteJSON(t.out, map[string]any{"valid": len(list) == 0, "errors": list})
		if err != nil || len(list) == 0 {
			return err
		}
		return exitStatus(1)
	}
	for _, e := range list {
		fmt.Fprintln(t.err, inLine(e.text(file)))
	}
	if more > 0 {
		fmt.Fprintf(t.err, "%s: and %d more\n", file, more)
	}
	if len(list) > 0 {
		return exitStatus(1)
	}
	return nil
}

// text is FILE[:LINE:COLUMN][: TAG[ (APP-TAG)]][: PATH]: MESSAGE.
func (e complaint) text(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Tag != "" {
		fmt.Fprintf(&b, ": %s", e.Tag)
	}
	if e.AppTag != "" {
		fmt.Fprintf(&b, " (%s)", e.AppTag)
	}
	if e.Path != "" {
		fmt.Fprintf(&b, ": %s", e.Path)
	}
	return b.String() + ": " + e.Message
}

// dataConvert writes a document in the other encoding, or the same.
func dataConvert(_ context.Context, t *tool) error {
	var m models
	fs := t.dataFlags(&m, false)
	to := fs.String("to", "", "")
	mode := fs.String("with-defaults", "explicit", "")
	if err := t.parse(fs, 1, 1); err != nil {
		return err
	}
	if *to != "xml" && *to != "json" {
		return &usageError{fmt.Sprintf("cannot convert to %q: say --to xml or --to json; use: %s", *to, t.usage())}
	}
	if !slices.Contains([]string{"all", "explicit", "trim", "all-tagged"}, *mode) {
		return &usageError{fmt.Sprintf("cannot write defaults as %q: it is all, explicit, trim or all-tagged; use: %s", *mode, t.usage())}
	}
	schema, err := m.schema()
	if err != nil {
		return err
	}
	notes := &meta.Node{}
	root, err := t.readData(t.args[0], schema, reading{meta: notes})
	if err != nil {
		return err
	}
	if *mode != "explicit" {
		d, err := defaults.Compile(schema)
		if err != nil {
			return err
		}
		set := root
		if *mode == "trim" {
			root, err = d.Trim(root)
		} else {
			root, err = d.All(root, !hasState(root))
		}
		if err != nil {
			return err
		}
		if *mode == "all-tagged" {
			notes = meta.Tag(notes, set, root)
		}
	}
	if *to == "json" {
		return jsonenc.Encode(t.out, root, jsonenc.Options{Indent: "  ", Schema: schema, Meta: notes})
	}
	w := xmlstream.NewWriter(t.out)
	w.Indent("  ")
	w.Start("urn:ietf:params:xml:ns:netconf:base:1.0", "data")
	if err := xmlenc.Encode(w, root, xmlenc.Options{Modules: schema.Module, Meta: notes}); err != nil {
		return err
	}
	w.End()
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.out)
	return err
}

// hasState reports whether any node is not configuration: only then are the
// defaults of state of interest.
func hasState(n *tree.Node) bool {
	for c := range n.Children() {
		switch {
		case !c.Schema.Config:
			return true
		case c.Node != nil && hasState(c.Node):
			return true
		}
		for e := range c.List.All() {
			if hasState(e) {
				return true
			}
		}
	}
	return false
}
