// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// parsePath reads the path of a rule (RFC 8341, node-instance-identifier): an
// instance-identifier in which keys may be left out, for all entries. The type is
// a string, so what its prefixes meant where it was written is not known here:
// they are taken as module names, then as the modules' own prefixes.
func parsePath(schema *yang.Schema, text string) (tree.Path, bool) {
	var p tree.Path
	n := schema.Root
	module := ""
	for rest := text; rest != ""; {
		if rest[0] != '/' {
			return nil, false
		}
		end := strings.IndexAny(rest[1:], "/[")
		step := rest[1:]
		if end >= 0 {
			step = rest[1 : 1+end]
		}
		rest = rest[1+len(step):]
		if prefix, name, ok := strings.Cut(step, ":"); ok {
			module, step = moduleOf(schema, prefix), name
		}
		child := n.Child(module, step)
		if child == nil {
			return nil, false
		}
		n, module = child, child.Module.Name
		s := tree.Step{Schema: n}
		var ok bool
		if rest, ok = predicates(&s, rest); !ok {
			return nil, false
		}
		p = append(p, s)
	}
	return p, len(p) > 0
}

func moduleOf(schema *yang.Schema, prefix string) string {
	if schema.Module(prefix) != nil {
		return prefix
	}
	for _, m := range schema.Modules {
		if m.Prefix == prefix && m.Implemented {
			return m.Name
		}
	}
	return prefix
}

// predicates reads [key='value']... of a list or [.='value'] of a leaf-list.
func predicates(s *tree.Step, rest string) (string, bool) {
	values := make(map[string]string)
	for strings.HasPrefix(rest, "[") {
		name, after, ok := strings.Cut(rest[1:], "=")
		after = strings.TrimLeft(after, " ")
		if !ok || after == "" || after[0] != '\'' && after[0] != '"' {
			return rest, false
		}
		text, end, ok := strings.Cut(after[1:], after[:1])
		if end = strings.TrimLeft(end, " "); !ok || !strings.HasPrefix(end, "]") {
			return rest, false
		}
		name = strings.TrimSpace(name)
		if i := strings.IndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		values[name] = text
		rest = end[1:]
	}
	if len(values) == 0 {
		return rest, true
	}
	if s.Schema.Kind == yang.KindLeafList {
		v, err := value.Parse(s.Schema.Type, values["."], value.Canonical{Default: s.Schema.Module.Name})
		s.Value, s.HasKey = v, true
		return rest, err == nil && len(values) == 1
	}
	if s.Schema.Kind != yang.KindList || len(values) != len(s.Schema.Keys) || len(values) == 0 {
		return rest, false // some keys only: names no set of entries that we know
	}
	keys := make([]string, len(s.Schema.Keys))
	for i, k := range s.Schema.Keys {
		text, ok := values[k.Name]
		v, err := value.Parse(k.Type, text, value.Canonical{Default: k.Module.Name})
		if !ok || err != nil {
			return rest, false
		}
		keys[i] = v
	}
	s.Key, s.HasKey = tree.MakeKey(s.Schema, keys...), true
	return rest, true
}
