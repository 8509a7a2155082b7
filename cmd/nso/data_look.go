// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"nso.example/nso/cli"
	"nso.example/nso/tree"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/meta"
	"nso.example/nso/tree/textenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// change is a difference, as JSON.
type change struct {
	Path   string          `json:"path"`
	Change string          `json:"change"`
	Old    json.RawMessage `json:"old,omitempty"`
	New    json.RawMessage `json:"new,omitempty"`
	// Place is of an entry ordered by the user: "first", or "after" that entry.
	Place string `json:"place,omitempty"`
	After string `json:"after,omitempty"`
}

// dataDiff says what B changes in A. Its exit status is that of diff: 0 for
// the same, 1 for a difference, 2 for trouble.
func dataDiff(_ context.Context, t *tool) error {
	var m models
	fs := t.dataFlags(&m, true)
	set := fs.Bool("set", false, "")
	if err := t.parse(fs, 2, 2); err != nil {
		return err
	}
	if *set && t.json {
		return &usageError{"cannot write --set and --json at a time; use: " + t.usage()}
	}
	differ, err := t.diff(&m, *set)
	switch {
	case err != nil:
		fmt.Fprintf(t.err, "nso: %v\n", err)
		return exitStatus(2)
	case differ:
		return exitStatus(1)
	}
	return nil
}

func (t *tool) diff(m *models, set bool) (differ bool, err error) {
	schema, err := m.schema()
	if err != nil {
		return false, err
	}
	var trees [2]*tree.Node
	for i, file := range t.args {
		if trees[i], err = t.readData(file, schema, reading{meta: &meta.Node{}}); err != nil {
			return false, err
		}
	}
	a, b := trees[0], trees[1]
	differ = !tree.Equal(a, b)
	switch {
	case set:
		return differ, textenc.DiffSet(t.out, a, b)
	case !t.json:
		return differ, textenc.DiffCurly(t.out, a, b)
	}
	list := []change{}
	for c := range tree.Diff(a, b) {
		x := change{Path: c.Path.String(), Change: c.Kind.String()}
		if c.Kind != tree.Moved {
			if x.Old, err = jsonOf(c.Old); err == nil {
				x.New, err = jsonOf(c.New)
			}
			if err != nil {
				return false, err
			}
		}
		switch c.Insert.Where {
		case tree.First:
			x.Place = "first"
		case tree.After:
			at := c.Path.Clone()
			last := &at[len(at)-1]
			if last.Key = c.Insert.Anchor; last.Schema.Kind == yang.KindLeafList {
				last.Key, last.Value = "", string(c.Insert.Anchor)
			}
			x.Place, x.After = "after", at.String()
		}
		list = append(list, x)
	}
	return differ, cli.WriteJSON(t.out, list)
}

// jsonOf is what a path names as JSON, nil for nothing.
func jsonOf(c tree.Child) (json.RawMessage, error) {
	object := func(n *tree.Node) (json.RawMessage, error) {
		var b strings.Builder
		err := jsonenc.Encode(&b, n, jsonenc.Options{})
		return json.RawMessage(b.String()), err
	}
	var parts []json.RawMessage
	switch {
	case c.Schema == nil:
		return nil, nil
	case c.Node != nil:
		return object(c.Node)
	case c.List != nil:
		for e := range c.List.All() {
			x, err := object(e)
			if err != nil {
				return nil, err
			}
			parts = append(parts, x)
		}
		return json.Marshal(parts)
	case c.LeafList != nil:
		for v := range c.LeafList.All() {
			parts = append(parts, jsonenc.AppendValue(nil, c.Schema.Type, v))
		}
		return json.Marshal(parts)
	case c.Any.Format == tree.JSON:
		return json.RawMessage(c.Any.Text), nil
	case c.Any.Format == tree.XML:
		return json.Marshal(c.Any.Text)
	}
	return jsonenc.AppendValue(nil, c.Schema.Type, c.Value), nil
}

// dataXPath evaluates an expression at the root of a document.
func dataXPath(_ context.Context, t *tool) error {
	var m models
	fs := t.dataFlags(&m, true)
	file := fs.String("data", "", "")
	if err := t.parse(fs, 1, 1); err != nil {
		return err
	}
	if *file == "" {
		return &usageError{"cannot evaluate without --data FILE; use: " + t.usage()}
	}
	schema, err := m.schema()
	if err != nil {
		return err
	}
	// A name belongs to whatever module has it; a prefix is that of a module, or
	// the module's name.
	e, err := xpath.CompileText(schema, t.args[0], func(prefix string) (string, bool) {
		if schema.Module(prefix) != nil {
			return prefix, true
		}
		for _, m := range schema.Modules {
			if m.Prefix == prefix && m.Implemented {
				return m.Name, true
			}
		}
		return "", false
	}, "")
	if err != nil {
		return err
	}
	root, err := t.readData(*file, schema, reading{meta: &meta.Node{}})
	if err != nil {
		return err
	}
	modes, err := defaults.Compile(schema)
	if err != nil {
		return err
	}
	v, err := e.Eval(xpath.Context{Node: xpath.Root(root), Budget: math.MaxInt32, ConfigOnly: !hasState(root), InUse: modes.InUse})
	if err != nil {
		return err
	}
	return t.value(v)
}

// value prints the result of an expression: of a node-set a line for each node.
func (t *tool) value(v xpath.Value) error {
	if t.json {
		return cli.WriteJSON(t.out, jsonValue(v))
	}
	if !v.IsNodes() {
		_, err := fmt.Fprintln(t.out, inLine(v.String()))
		return err
	}
	for _, n := range v.Nodes() {
		line := n.Path().String()
		if n.Schema.Type != nil {
			line += " = " + string(jsonenc.AppendValue(nil, n.Schema.Type, n.Value))
		}
		if n.Default {
			line += "  (default)"
		}
		if _, err := fmt.Fprintln(t.out, line); err != nil {
			return err
		}
	}
	return nil
}

func jsonValue(v xpath.Value) any {
	switch x := v.Native().(type) {
	case []*xpath.Node:
		type node struct {
			Path    string          `json:"path"`
			Value   json.RawMessage `json:"value,omitempty"`
			Default bool            `json:"default,omitempty"`
		}
		nodes := make([]node, len(x))
		for i, n := range x {
			nodes[i] = node{Path: n.Path().String(), Default: n.Default}
			if n.Schema.Type != nil {
				nodes[i].Value = jsonenc.AppendValue(nil, n.Schema.Type, n.Value)
			}
		}
		return nodes
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return v.String() // JSON has no such numbers
		}
		return x
	default:
		return x
	}
}
