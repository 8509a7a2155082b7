// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
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
	user   []int    // keys that are the variable USER; for a leaf-list its value
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

// forUser puts a user's name in place of the variable USER. It reports whether that
// can be: a name that is no value of a key's type matches nothing.
func (r *rule) forUser(schema *yang.Schema, user string) bool {
	var path []step
	for i, s := range r.path {
		if len(s.user) == 0 {
			continue
		}
		if path == nil {
			path = slices.Clone(r.path)
		}
		t := &path[i]
		t.user = nil
		if s.schema.Kind == yang.KindLeafList {
			v, err := value.Parse(s.schema.Type, user, value.Canonical{Default: s.schema.Module.Name})
			if err != nil {
				return false
			}
			t.value, t.keyed = v, true
			continue
		}
		t.some = slices.Clone(s.some)
		for _, k := range s.user {
			key := s.schema.Keys[k]
			v, err := value.Parse(key.Type, user, value.Canonical{Default: key.Module.Name})
			if err != nil {
				return false
			}
			t.some = append(t.some, keyIs{k, v})
		}
		t.complete()
	}
	if path != nil {
		r.path = path
	}
	return true
}

// complete makes one key of all keys.
func (r *step) complete() {
	if len(r.some) < len(r.schema.Keys) {
		return
	}
	keys := make([]string, len(r.schema.Keys))
	for _, k := range r.some {
		keys[k.index] = k.value
	}
	r.key, r.keyed, r.some = tree.MakeKey(r.schema, keys...), true, nil
}

// parsePath reads the path of a rule (RFC 8341, node-instance-identifier): an
// instance-identifier in which keys may be left out, for all entries, and may be the
// variable USER. It may end at an action or a notification of a node. The type is
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
			if child = operation(n, module, name); child == nil {
				return nil, false
			}
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

// operation is an action or notification of a data node.
func operation(n *yang.Node, module, name string) *yang.Node {
	for _, all := range [][]*yang.Node{n.Actions, n.Notifications} {
		for _, c := range all {
			if c.Name == name && (module == "" || c.Module.Name == module) {
				return c
			}
		}
	}
	return nil
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

// isUser stands for the variable USER among values: no value of YANG has a NUL.
const isUser = "\x00USER"

// predicates reads [key='value']... of a list or [.='value'] of a leaf-list. A
// key that is left out may have any value (RFC 8341, node-instance-identifier).
func predicates(s *step, rest string) (string, bool) {
	values := make(map[string]string)
	for strings.HasPrefix(rest, "[") {
		name, after, ok := strings.Cut(rest[1:], "=")
		after = strings.TrimLeft(after, " ")
		var text, end string
		user := false
		switch {
		case !ok || after == "":
			return rest, false
		case after[0] == '\'' || after[0] == '"':
			text, end, ok = strings.Cut(after[1:], after[:1])
		default:
			end, user = strings.CutPrefix(after, "$USER")
			ok = user
		}
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
		if rest = end[1:]; user {
			values[name] = isUser
		}
	}
	switch {
	case len(values) == 0:
		return rest, true
	case s.schema.Kind == yang.KindLeafList && values["."] == isUser:
		s.user = []int{0}
		return rest, len(values) == 1
	case s.schema.Kind == yang.KindLeafList:
		v, err := value.Parse(s.schema.Type, values["."], value.Canonical{Default: s.schema.Module.Name})
		s.value, s.keyed = v, true
		return rest, err == nil && len(values) == 1
	case s.schema.Kind != yang.KindList:
		return rest, false
	}
	found := 0
	for i, k := range s.schema.Keys {
		text, ok := values[k.Name]
		if !ok {
			continue
		}
		found++
		if text == isUser {
			s.user = append(s.user, i)
			continue
		}
		v, err := value.Parse(k.Type, text, value.Canonical{Default: k.Module.Name})
		if err != nil {
			return rest, false
		}
		s.some = append(s.some, keyIs{i, v})
	}
	s.complete()
	return rest, found == len(values) // else something is no key
}
