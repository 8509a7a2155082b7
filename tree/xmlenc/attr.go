// SPDX-License-Identifier: Apache-2.0

package xmlenc

import (
	"bytes"
	"slices"
	"strconv"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// attributes reads the attributes of RFC 6241, 7.2 and RFC 7950, 7.7.9 and 7.8.6.
func (d *decoder) attributes(s *yang.Node, op tree.Op, t *xmlstream.Token) (_ tree.Op, at tree.Insert, err error) {
	var insert, anchor string
	var anchorName string
	for i := range t.Attrs {
		a := &t.Attrs[i]
		switch {
		case a.Name.Space == xmlstream.XMLNamespace:
			continue // xml:lang and its kind say nothing about data
		case d.edit && a.Name.Space == nsBase && a.Name.Local == "operation":
			var ok bool
			if op, ok = operation(string(a.Value)); !ok {
				return op, at, d.badAttribute(s, "operation", "it is one of merge, replace, create, delete and remove, not "+quote(a.Value))
			}
		case d.edit && a.Name.Space == nsYang && a.Name.Local == "insert":
			insert = string(a.Value)
		case d.edit && a.Name.Space == nsYang && (a.Name.Local == "key" || a.Name.Local == "value"):
			anchorName, anchor = a.Name.Local, string(a.Value)
		case d.edit && a.Name.Space == meta.DefaultNamespace && a.Name.Local == "default" && (s.Kind == yang.KindLeaf || s.Kind == yang.KindLeafList):
			word := string(a.Value)
			if d.byDefault = word == "true" || word == "1"; !d.byDefault && word != "false" && word != "0" {
				return op, at, d.badAttribute(s, "default", "it is true or false")
			}
		case d.options.Meta != nil && a.Name.Space != "" && s.Kind != yang.KindAnyxml:
			if err := d.annotation(s, a); err != nil {
				return op, at, err
			}
		case a.Name.Space != nsBase && a.Name.Space != nsYang && (s.Kind == yang.KindAnydata || s.Kind == yang.KindAnyxml):
			continue // content
		default:
			return op, at, d.fail(mgmterr.UnknownAttribute, s, "cannot use attribute %s of %s%s", a.Name.Local, s.Name, d.hint(a.Name)).
				WithInfo("bad-attribute", a.Name.Local).WithInfo("bad-element", s.Name)
		}
	}
	if insert == "" && anchorName == "" {
		return op, at, nil
	}
	at, err = d.insert(s, insert, anchorName, anchor)
	return op, at, err
}

// defaulted reads a value that is tagged as the default (RFC 6243, 4.5.2): it must be that,
// and will not be said. A create is still refused where the value has been said.
func (d *decoder) defaulted(f *frame, s *yang.Node, op tree.Op, v string) error {
	if !slices.Contains(s.Defaults, v) {
		return d.fail(mgmterr.InvalidValue, s, "cannot tag %s as the default of %s: it is not that", quote([]byte(v)), s.Name)
	}
	switch op {
	case tree.OpNone:
		return nil
	case tree.OpCreate:
		f.edits = append(f.edits, tree.Edit{Schema: s, Op: op, Value: v})
	}
	f.edits = append(f.edits, tree.Edit{Schema: s, Op: tree.OpRemove, Value: v})
	return nil
}

// annotation reads an attribute that a module defines (RFC 7952, 5.1).
func (d *decoder) annotation(s *yang.Node, a *xmlstream.Attr) error {
	def := meta.ByNamespace(d.schema, a.Name.Space, a.Name.Local)
	if def == nil {
		return d.fail(mgmterr.UnknownAttribute, s, "cannot use attribute %s of %s: no module in use defines such an annotation in namespace %s", a.Name.Local, s.Name, a.Name.Space).
			WithInfo("bad-attribute", a.Name.Local).WithInfo("bad-element", s.Name)
	}
	v, err := value.Parse(def.Type, string(a.Value), d)
	if err != nil {
		return d.badAttribute(s, a.Name.Local, err.Error())
	}
	if s.Kind == yang.KindAnydata {
		return nil // it stays with the content
	}
	if def.Module.Name == meta.DefaultModule {
		if s.Kind != yang.KindLeaf && s.Kind != yang.KindLeafList { // RFC 6243, 6
			return d.badAttribute(s, a.Name.Local, "only leafs and leaf-lists have defaults")
		}
		d.tagged = true
	}
	d.pending = append(d.pending, meta.Annotation{Def: def, Value: v})
	return nil
}

func (d *decoder) hint(n xmlstream.Name) string {
	switch {
	case d.edit && n.Space == "" && n.Local == "operation":
		return ": give it the namespace " + nsBase
	case d.edit && n.Space == "" && (n.Local == "insert" || n.Local == "key" || n.Local == "value"):
		return ": give it the namespace " + nsYang
	case !d.edit && n.Local == "operation":
		return ": operations belong into an edit-config"
	}
	return ""
}

// quote bounds what an error says back.
func quote(v []byte) string {
	if len(v) > 60 {
		v = append(slices.Clone(v[:60]), "..."...)
	}
	return strconv.Quote(string(v))
}

func operation(word string) (tree.Op, bool) {
	switch word {
	case "merge":
		return tree.OpMerge, true
	case "replace":
		return tree.OpReplace, true
	case "create":
		return tree.OpCreate, true
	case "delete":
		return tree.OpDelete, true
	case "remove":
		return tree.OpRemove, true
	}
	return 0, false
}

func (d *decoder) badAttribute(s *yang.Node, attribute, why string) error {
	return d.fail(mgmterr.BadAttribute, s, "cannot use attribute %s of %s: %s", attribute, s.Name, why).
		WithInfo("bad-attribute", attribute).WithInfo("bad-element", s.Name)
}

// insert makes a place of the attributes insert and key or value.
func (d *decoder) insert(s *yang.Node, insert, anchorName, anchor string) (at tree.Insert, err error) {
	if s.OrderedBy != yang.OrderedByUser || s.Kind != yang.KindList && s.Kind != yang.KindLeafList {
		return at, d.fail(mgmterr.UnknownAttribute, s, "cannot use attribute insert of %s: it is not ordered by the user", s.Name).
			WithInfo("bad-attribute", "insert").WithInfo("bad-element", s.Name)
	}
	want := "key"
	if s.Kind == yang.KindLeafList {
		want = "value"
	}
	switch insert {
	case "first":
		at.Where = tree.First
	case "last":
		at.Where = tree.Last
	case "before":
		at.Where = tree.Before
	case "after":
		at.Where = tree.After
	default:
		return at, d.badAttribute(s, "insert", "it is one of first, last, before and after, not "+quote([]byte(insert)))
	}
	if at.Where == tree.First || at.Where == tree.Last {
		return at, nil
	}
	if anchorName != want {
		return at, d.fail(mgmterr.MissingAttribute, s, "cannot insert %s: attribute %s is missing, which says %s what", s.Name, want, insert).
			WithInfo("bad-attribute", want).WithInfo("bad-element", s.Name)
	}
	if s.Kind == yang.KindLeafList {
		v, err := value.Parse(s.Type, anchor, d)
		if err != nil {
			return at, d.badAttribute(s, "value", err.Error())
		}
		at.Anchor = tree.Key(v)
		return at, nil
	}
	at.Anchor, err = d.keyOf(s, anchor)
	return at, err
}

// keyOf reads the key attribute: the predicates of an instance-identifier with
// the prefixes in scope, as [p:name='value'] (RFC 7950, 7.8.6).
func (d *decoder) keyOf(s *yang.Node, text string) (tree.Key, error) {
	bad := func(why string) (tree.Key, error) { return "", d.badAttribute(s, "key", why) }
	values := make([]string, len(s.Keys))
	have := make([]bool, len(s.Keys))
	for rest := bytes.TrimSpace([]byte(text)); len(rest) > 0; {
		p := predicate(rest)
		if p == nil {
			return bad("it is not in the form [prefix:name='value']")
		}
		module := s.Module.Name
		if p.prefix != "" {
			var ok bool
			if module, ok = d.Module(p.prefix); !ok {
				return bad("the prefix " + quote([]byte(p.prefix)) + " is not that of a module")
			}
		}
		k := s.Child(module, p.name)
		if k == nil || !k.IsKey || have[k.Index] {
			return bad(quote([]byte(p.name)) + " is no key of " + s.Name + ", or is given twice")
		}
		v, err := value.Parse(k.Type, p.value, d)
		if err != nil {
			return bad(err.Error())
		}
		values[k.Index], have[k.Index] = v, true
		rest = bytes.TrimSpace(rest[p.size:])
	}
	if slices.Contains(have, false) {
		return bad("a key of " + s.Name + " is missing")
	}
	return tree.MakeKey(s, values...), nil
}

type keyPredicate struct {
	prefix, name, value string
	size                int
}

// predicate reads one [prefix:name='value'].
func predicate(b []byte) *keyPredicate {
	var p keyPredicate
	i := 0
	blank := func() {
		for i < len(b) && bytes.IndexByte([]byte(" \t\r\n"), b[i]) >= 0 {
			i++
		}
	}
	eat := func(c byte) bool {
		blank()
		if i < len(b) && b[i] == c {
			i++
			return true
		}
		return false
	}
	if !eat('[') {
		return nil
	}
	blank()
	from := i
	for i < len(b) && nameByte(b[i]) {
		i++
	}
	p.name = string(b[from:i])
	if pre, local, ok := bytes.Cut(b[from:i], []byte(":")); ok {
		p.prefix, p.name = string(pre), string(local)
	}
	if !eat('=') {
		return nil
	}
	blank()
	if i >= len(b) || b[i] != '\'' && b[i] != '"' {
		return nil
	}
	end := bytes.IndexByte(b[i+1:], b[i])
	if end < 0 {
		return nil
	}
	p.value = string(b[i+1 : i+1+end])
	i += end + 2
	if !eat(']') {
		return nil
	}
	p.size = i
	return &p
}

// dropAttributes takes attributes, by their names as written, out of the start
// tag that raw begins with.
func dropAttributes(raw []byte, names []string) []byte {
	if len(names) == 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	i := 1
	for i < len(raw) && !isBlank(raw[i]) && raw[i] != '>' && raw[i] != '/' {
		i++
	}
	out = append(out, raw[:i]...)
	for i < len(raw) {
		from := i
		for i < len(raw) && isBlank(raw[i]) {
			i++
		}
		if i >= len(raw) || raw[i] == '>' || raw[i] == '/' {
			return append(out, raw[i:]...)
		}
		begin := i
		for i < len(raw) && raw[i] != '=' && !isBlank(raw[i]) {
			i++
		}
		attr := string(raw[begin:i])
		for i < len(raw) && raw[i] != '"' && raw[i] != '\'' {
			i++
		}
		if i >= len(raw) {
			break
		}
		end := bytes.IndexByte(raw[i+1:], raw[i])
		if end < 0 {
			break
		}
		i += end + 2
		if !slices.Contains(names, attr) {
			out = append(out, raw[from:i]...)
		}
	}
	return out
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
