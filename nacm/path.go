// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// step is one step of a rule's path. It is every entry of a list or leaf-list
// but for what it asks of keys or value.
type step struct {
	schema *yang.Node
	key    tree.Key // all keys, if all are given
	value  string   // of a leaf-list entry
	keyed  bool     // key or value is set
	some   []keyIs  // keys, if not all are given
}

// keyIs asks for the value of a key.
type keyIs struct {
	index int // in schema.Keys
	value string
}

// fits reports whether the step names s.
func (r step) fits(s tree.Step) bool {
	if s.Schema != r.schema || r.keyed && (s.Key != r.key || s.Value != r.value) {
		return false
	}
	if len(r.some) == 0 {
		return true
	}
	values := s.Key.Values(s.Schema)
	for _, k := range r.some {
		if k.index >= len(values) || values[k.index] != k.value {
			return false
		}
	}
	return true
}

// anyEntry reports whether the step asks nothing of keys or value.
func (r step) anyEntry() bool { return !r.keyed && len(r.some) == 0 }

// parsePath reads the path of a rule (RFC 8341, node-instance-identifier): an
// instance-identifier in which keys may be left out, for all entries. The type is
// a string, so what its prefixes meant where it was written is not known here:
// they are taken as module names, then as the modules' own prefixes.
func parsePath(schema *yang.Schema, text string) ([]step, bool) {
	var p []step
	n := schema.Root
	module := ""
	for rest := text; rest != ""; {
		if rest[0] != '/' {
			return nil, false
		}
		end := strings.IndexAny(rest[1:], "/[")
		name := rest[1:]
		if end >= 0 {
			name = rest[1 : 1+end]
		}
		rest = rest[1+len(name):]
		if prefix, local, ok := strings.Cut(name, ":"); ok {
			module, name = moduleOf(schema, prefix), local
		}
		child := n.Child(module, name)
		if child == nil {
			return nil, false
		}
		n, module = child, child.Module.Name
		s := step{schema: n}
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

// predicates reads [key='value']... of a list or [.='value'] of a leaf-list. A
// key that is left out may have any value (RFC 8341, node-instance-identifier).
func predicates(s *step, rest string) (string, bool) {
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
		if _, twice := values[name]; twice {
			return rest, false
		}
		values[name] = text
		rest = end[1:]
	}
	switch {
	case len(values) == 0:
		return rest, true
	case s.schema.Kind == yang.KindLeafList:
		v, err := value.Parse(s.schema.Type, values["."], value.Canonical{Default: s.schema.Module.Name})
		s.value, s.keyed = v, true
		return rest, err == nil && len(values) == 1
	case s.schema.Kind != yang.KindList:
		return rest, false
	}
	var keys []string
	for i, k := range s.schema.Keys {
		text, ok := values[k.Name]
		if !ok {
			continue
		}
		v, err := value.Parse(k.Type, text, value.Canonical{Default: k.Module.Name})
		if err != nil {
			return rest, false
		}
		keys, s.some = append(keys, v), append(s.some, keyIs{i, v})
	}
	if len(keys) == len(s.schema.Keys) {
		s.key, s.keyed, s.some = tree.MakeKey(s.schema, keys...), true, nil
	}
	return rest, len(keys) == len(values) // else something is no key
}
