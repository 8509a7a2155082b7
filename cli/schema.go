// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"
)

// node is a schema node as the daemon described it. Children are asked for when
// they are needed, once.
type node struct {
	Schema
	parent   *node
	label    string // name, with the module where siblings share the name
	path     string // schema path without choices and cases
	children []*node
	// operations are its rpcs or actions.
	operations []*node
	loaded     bool
}

func (n *node) isRoot() bool { return n.parent == nil }
func (n *node) isList() bool { return n.Kind == "list" }
func (n *node) isLeafList() bool {
	return n.Kind == "leaf-list"
}

// inner reports whether n has children in data.
func (n *node) inner() bool { return n.isRoot() || n.isList() || n.Kind == "container" }

// operation reports whether n is an rpc or action. Its children are those of its input.
func (n *node) operation() bool { return n.Kind == "rpc" || n.Kind == "action" }

// schemas is the schema as far as it was asked for.
type schemas struct {
	agent Agent
	root  *node
}

func newSchemas(a Agent) *schemas {
	return &schemas{agent: a, root: &node{path: "/", label: "", Schema: Schema{Kind: "root", Config: true}}}
}

// childrenOf returns the data children of n in the order of the schema.
func (s *schemas) childrenOf(ctx context.Context, n *node) ([]*node, error) {
	if n.loaded || !n.inner() && !n.operation() {
		return n.children, nil
	}
	_, described, operations, err := s.agent.Describe(ctx, n.path)
	if err != nil {
		return nil, err
	}
	n.children, n.operations, n.loaded = n.named(described), n.named(operations), true
	return n.children, nil
}

// named are nodes below n, with labels that tell them apart.
func (n *node) named(described []Schema) []*node {
	count := make(map[string]int, len(described))
	for i := range described {
		count[described[i].Name]++
	}
	all := make([]*node, 0, len(described))
	for i := range described {
		d := &described[i]
		c := &node{Schema: *d, parent: n, label: d.Name}
		if count[d.Name] > 1 {
			c.label = d.Module + ":" + d.Name
		}
		c.path = strings.TrimSuffix(n.path, "/") + "/" + c.step()
		all = append(all, c)
	}
	return all
}

// step is the name of n in a path: with its module where that changes
// (RFC 7951, 6.11).
func (n *node) step() string {
	if n.parent.isRoot() || n.parent.Module != n.Module {
		return n.Module + ":" + n.Name
	}
	return n.Name
}

// keys returns the nodes of the keys of a list, in their order.
func (s *schemas) keys(ctx context.Context, list *node) ([]*node, error) {
	children, err := s.childrenOf(ctx, list)
	if err != nil {
		return nil, err
	}
	keys := make([]*node, 0, len(list.Keys))
	for _, name := range list.Keys {
		for _, c := range children {
			if c.Name == name && c.IsKey {
				keys = append(keys, c)
			}
		}
	}
	return keys, nil
}

// find looks up a word among nodes: the whole label, the name with its module,
// or the beginning of exactly one label. It returns the candidates otherwise.
func find(nodes []*node, text string) (*node, []*node) {
	var matches []*node
	for _, c := range nodes {
		if c.label == text || c.Module+":"+c.Name == text {
			return c, nil
		}
		if strings.HasPrefix(c.label, text) || strings.HasPrefix(c.Name, text) {
			matches = append(matches, c)
		}
	}
	if len(matches) == 1 && text != "" {
		return matches[0], nil
	}
	return nil, matches
}

// predicate is one predicate of an instance path.
func predicate(name, value string) string { return "[" + name + "=" + literal(value) + "]" }

// literal is an XPath literal; a text with both kinds of quotes has none and
// becomes a concat().
func literal(v string) string {
	switch {
	case !strings.Contains(v, "'"):
		return "'" + v + "'"
	case !strings.Contains(v, `"`):
		return `"` + v + `"`
	}
	return "concat('" + strings.Join(strings.Split(v, "'"), `',"'",'`) + "')"
}

// pathWords is an instance path in the words of the CLI, or the path itself if
// it is none.
func pathWords(path string) string {
	var b strings.Builder
	for rest := path; rest != ""; {
		if rest[0] != '/' {
			return printable(path)
		}
		name := rest[1:]
		end := strings.IndexAny(name, "/[")
		if end < 0 {
			end = len(name)
		}
		name, rest = name[:end], name[end:]
		if _, after, ok := strings.Cut(name, ":"); ok {
			name = after
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(printable(name))
		for strings.HasPrefix(rest, "[") {
			v, after, ok := predicateValue(rest)
			if !ok {
				return printable(path)
			}
			b.WriteString(" " + quote(v))
			rest = after
		}
	}
	return b.String()
}

// predicateValue reads [name='value'], [.='value'] or [3].
func predicateValue(s string) (value, rest string, ok bool) {
	eq, end := strings.IndexByte(s, '='), strings.IndexByte(s, ']')
	if end < 0 {
		return "", "", false
	}
	if eq < 0 || end < eq {
		return s[1:end], s[end+1:], true
	}
	s = s[eq+1:]
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", "", false
	}
	end = strings.IndexByte(s[1:], s[0])
	if end < 0 || !strings.HasPrefix(s[end+2:], "]") {
		return "", "", false
	}
	return s[1 : end+1], s[end+3:], true
}
