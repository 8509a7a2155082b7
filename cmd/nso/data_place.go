// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
)

// place is where a node begins in a file; the zero place is not known.
type place struct{ line, column int }

// places are by instance path.
type places map[string]place

// places finds what errors are about. It reads the file again, so that a document
// without errors pays nothing; one that cannot be read twice has no places. op is
// nil for data.
func (t *tool) places(file string, schema *yang.Schema, errs mgmterr.List, how reading, op *operationReader) places {
	if len(errs) == 0 || file == "-" {
		return nil
	}
	want := places{}
	nodes := map[*yang.Node]bool{}
	for _, e := range errs {
		if op != nil { // messages are small: all nodes will do
			for p := e.Path; len(p) > 1; p = above(p) {
				want[p] = place{}
			}
			continue
		}
		path, err := tree.ParsePath(schema, e.Path)
		if err != nil {
			continue
		}
		for i := range path {
			want[path[:i+1].String()] = place{}
			nodes[path[i].Schema] = true
			if last := path[:i+1].Clone(); path[i].Schema.Kind == yang.KindLeafList {
				last[i].HasKey = false
				want[last.String()] = place{}
			}
		}
	}
	found := func(p tree.Path, line, column int) {
		k := p.String()
		if op != nil {
			k = op.full(k)
		}
		if at, ok := want[k]; ok && at.line == 0 {
			want[k] = place{line, column}
		}
	}
	how.report = func(*mgmterr.Error, int, int) {}
	how.meta = &meta.Node{}
	how.place = func(s *yang.Node) func(tree.Path, int, int) {
		if op != nil || nodes[s] {
			return found
		}
		return nil
	}
	_, _ = t.readData(file, schema, how) // it was read before; what is found is found
	return want
}

// of is the place of a path, or of the nearest node above that the file has.
func (p places) of(path string) place {
	for len(path) > 1 {
		if at := p[path]; at.line > 0 {
			return at
		}
		path = above(path)
	}
	return place{}
}

// above is a path without its last step, or without the predicate of a leaf-list.
func above(path string) string {
	quote := byte(0)
	cut := 0
	for i := range len(path) {
		switch c := path[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '/':
			cut = i
		}
	}
	if i := strings.LastIndex(path, "[.="); i > cut {
		return path[:i]
	}
	return path[:cut]
}
