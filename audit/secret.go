// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"slices"
	"strings"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// hidden stands where a secret was.
const hidden = "***"

// Secret reports whether the values of a leaf or leaf-list are not to be told: it
// is under default-deny-all (RFC 8341, 3.2.5), or its type or that of what it refers
// to is one for secrets, or its name says so.
func Secret(n *yang.Node) bool {
	return DeniedToAll(n) || named(n.Name) || n.Type != nil && secretType(n.Type, 0)
}

// DeniedToAll reports whether a node or one that it is in is under default-deny-all.
// The rules of access control are (RFC 8341, 5), and do not count: they are closed, not
// secret, and who was let into which group is the first thing that an audit asks.
func DeniedToAll(n *yang.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.DefaultDenyAll && n.Module.Name != "ietf-netconf-acm" {
			return true
		}
	}
	return false
}

// maxRefers bounds leafrefs to leafrefs and unions in unions.
const maxRefers = 16

func secretType(t *yang.Type, depth int) bool {
	if depth > maxRefers {
		return true
	}
	for _, name := range t.Typedefs { // module:name
		_, local, _ := strings.Cut(name, ":")
		if named(local) {
			return true
		}
	}
	if t.Target != nil && (DeniedToAll(t.Target) || named(t.Target.Name) || t.Target.Type != nil && secretType(t.Target.Type, depth+1)) {
		return true
	}
	return slices.ContainsFunc(t.Union, func(m *yang.Type) bool { return secretType(m, depth+1) })
}

// named reports whether a name is one that models give to secrets, as crypt-hash of
// iana-crypt-hash (RFC 7317) and password of many.
func named(name string) bool {
	for word := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		switch word {
		case "password", "passwd", "passphrase", "secret", "psk", "crypt", "encrypted", "community":
			return true
		}
	}
	return false
}

// maxPath is the longest path that is written whole, and maxKey the longest value in it.
const (
	maxPath = 1024
	maxKey  = 128
)

// Path is an instance path as the audit writes it: secrets left out, and bounded.
func Path(p tree.Path) string {
	var open tree.Path // a copy, once something must be changed
	for i, s := range p {
		if !s.HasKey {
			continue
		}
		if safe, changed := step(s); changed {
			if open == nil {
				open = p.Clone()
			}
			open[i] = safe
		}
	}
	if open == nil {
		open = p
	}
	return short(open.String(), maxPath)
}

// step is a step of a path with its secrets, and what is too long, replaced.
func step(s tree.Step) (_ tree.Step, changed bool) {
	safe := func(n *yang.Node, v string) string {
		switch {
		case Secret(n):
			return hidden
		case n.Type.Base == yang.InstanceIdentifier: // may name a key that is one
			v = bare(v)
		}
		return short(v, maxKey)
	}
	switch {
	case s.Schema.Kind == yang.KindLeafList:
		v := safe(s.Schema, s.Value)
		changed, s.Value = v != s.Value, v
	case len(s.Schema.Keys) > 0:
		values := s.Key.Values(s.Schema)
		for i, k := range s.Schema.Keys {
			v := safe(k, values[i])
			changed, values[i] = changed || v != values[i], v
		}
		if changed {
			s.Key = tree.MakeKey(s.Schema, values...)
		}
	}
	return s, changed
}

// short cuts a text.
func short(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "") + "..."
}

// PathText is Path of a path in text. One that names nothing in the schema is
// written without its predicates.
func PathText(schema *yang.Schema, text string) string {
	if p, err := tree.ParsePath(schema, text); err == nil {
		return Path(p)
	}
	return short(bare(text), maxPath)
}

// bare is the text of a path up to its first predicate.
func bare(text string) string {
	if i := strings.IndexByte(text, '['); i >= 0 {
		return text[:i] + "[" + hidden + "]..."
	}
	return text
}
