// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"fmt"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
)

// encodePatch writes changes as the edits of a YANG patch (RFC 8072, 2.3), one element
// after the other; those that are left out are not there.
func encodePatch(schema *yang.Schema, changes []tree.Change, leftOut func(op string) bool) ([]byte, error) {
	return patch{nsPush, false}.encode(schema, changes, leftOut)
}

// patch is how edits are written.
type patch struct {
	space  string
	source bool // with what was there before (RFC 9144, 4)
}

func (p patch) encode(schema *yang.Schema, changes []tree.Change, leftOut func(op string) bool) ([]byte, error) {
	w := xmlstream.NewWriter(nil)
	n := 0
	for _, c := range changes {
		op := patchOperation(c)
		if leftOut(op) {
			continue
		}
		n++
		w.Start(p.space, "edit")
		w.Leaf(p.space, "edit-id", fmt.Sprintf("edit%d", n))
		w.Leaf(p.space, "operation", op)
		w.Leaf(p.space, "target", resource(c.Path))
		if op == "insert" || op == "move" {
			if c.Insert.Where == tree.After {
				point := c.Path.Clone()
				last := &point[len(point)-1]
				if last.Schema.Kind == yang.KindLeafList {
					last.Value = string(c.Insert.Anchor)
				} else {
					last.Key = c.Insert.Anchor
				}
				w.Leaf(p.space, "point", resource(point))
			}
			w.Leaf(p.space, "where", c.Insert.Where.String())
		}
		if op != "delete" && op != "move" {
			w.Start(p.space, "value")
			if err := xmlenc.EncodeChild(w, c.New, xmlenc.Options{Modules: schema.Module}); err != nil {
				return nil, err
			}
			w.End()
		}
		if p.source && (c.Kind == tree.Deleted || c.Kind == tree.Modified) {
			w.Start(p.space, "source-value")
			if err := xmlenc.EncodeChild(w, c.Old, xmlenc.Options{Modules: schema.Module}); err != nil {
				return nil, err
			}
			w.End()
		}
		w.End()
	}
	return w.Bytes(), w.Err()
}

// patchOperation names a change as RFC 8641, 3.5.2 does.
func patchOperation(c tree.Change) string {
	switch c.Kind {
	case tree.Created:
		if c.Insert != (tree.Insert{}) {
			return "insert"
		}
		return "create"
	case tree.Deleted:
		return "delete"
	case tree.Moved:
		return "move"
	}
	return "replace"
}

// resource is the path as a resource identifier below the datastore (RFC 8040, 3.5.3).
func resource(p tree.Path) string {
	var b strings.Builder
	var module *yang.Module
	for _, s := range p {
		b.WriteByte('/')
		if s.Schema.Module != module {
			module = s.Schema.Module
			b.WriteString(module.Name + ":")
		}
		b.WriteString(s.Schema.Name)
		if !s.HasKey {
			continue
		}
		values := []string{s.Value}
		if s.Schema.Kind == yang.KindList {
			values = s.Key.Values(s.Schema)
		}
		for i, v := range values {
			b.WriteByte("=,"[min(i, 1)])
			escape(&b, v)
		}
	}
	return b.String()
}

// escape leaves what RFC 3986 calls unreserved, as it is.
func escape(b *strings.Builder, v string) {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case prefixByte(c), c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}
