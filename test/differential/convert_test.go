// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/defaults"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
)

// json writes the children of the root as JSON, "" where JSON cannot say it: text
// between elements, elements in a leaf, namespaces of no module.
func (e *element) json(s *yang.Schema) string {
	var b strings.Builder
	if !e.object(&b, s, "") || len(e.children) == 0 {
		return ""
	}
	return b.String()
}

func (e *element) object(b *strings.Builder, s *yang.Schema, space string) bool {
	if e.afterText != "" {
		return false
	}
	groups := map[string][]*element{}
	var order []string
	for _, c := range e.children {
		m := s.ByNamespace(c.space)
		if m == nil {
			return false
		}
		name := c.name
		if c.space != space {
			name = m.Name + ":" + name
		}
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], c)
	}
	b.WriteByte('{')
	for i, name := range order {
		if i > 0 {
			b.WriteByte(',')
		}
		all := groups[name]
		list := all[0].schema.Kind == yang.KindList || all[0].schema.Kind == yang.KindLeafList
		if !list && len(all) > 1 {
			return false // two members of one name: RFC 8259, 4, leaves open what it means
		}
		fmt.Fprintf(b, "%q:", name)
		if list {
			b.WriteByte('[')
		}
		for k, c := range all {
			if k > 0 {
				b.WriteByte(',')
			}
			switch {
			case c.any != "":
				b.WriteString(anyJSON(c))
			case c.schema.Type == nil:
				if !c.object(b, s, c.space) {
					return false
				}
			case len(c.children) > 0 || c.afterText != "":
				return false
			default:
				v := c.valueJSON()
				if v == nil {
					return false
				}
				b.Write(v)
			}
		}
		if list {
			b.WriteByte(']')
		}
	}
	b.WriteByte('}')
	return true
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// valueJSON is the value of a leaf: as its type wants it, or what was damaged in the
// form that is likely.
func (e *element) valueJSON() []byte {
	if e.value != "" || e.text == "" && e.schema.Type.Base == yang.Empty {
		return jsonenc.AppendValue(nil, e.schema.Type, e.value)
	}
	switch e.schema.Type.Base {
	case yang.InstanceIdentifier:
		return nil // in JSON it is another one
	case yang.String, yang.Enumeration, yang.Int64, yang.Uint64, yang.Decimal64, yang.Bits, yang.Binary, yang.IdentityRef:
	default:
		if number.MatchString(e.text) || e.text == "true" || e.text == "false" {
			return []byte(e.text)
		}
	}
	if strings.HasPrefix(e.text, "/") && e.schema.Type.Named {
		return nil
	}
	b, _ := json.Marshal(e.text) // of a string
	return b
}

// contents are what maker.any puts into an anydata, as XML and as JSON: no numbers,
// which yanglint guesses, and nothing twice, which it writes wrongly.
func contents() [][2]string {
	return [][2]string{
		{`<zz>abc</zz>`, `{"zz":"abc"}`},
		{`<zz><y>abc</y></zz>`, `{"zz":{"y":"abc"}}`},
		{`<zz>a &lt; b</zz><yy><x><w>c</w></x></yy>`, `{"zz":"a < b","yy":{"x":{"w":"c"}}}`},
	}
}

func anyJSON(e *element) string {
	for _, c := range contents() {
		if strings.Contains(e.any, ">"+c[0]+"</"+e.schema.Name) {
			return c[1]
		}
	}
	return "{}"
}

// sameJSON compares our tree and our JSON of it, with all defaults, with the
// oracle's: the data, its canonical values, their JSON types and all names.
func sameJSON(s *yang.Schema, modes *defaults.Modes, root *tree.Node, theirs string) string {
	all, err := modes.All(root, true)
	if err != nil {
		return err.Error()
	}
	read, err := jsonenc.Decode(strings.NewReader(theirs), s, jsonenc.DecodeOptions{})
	if err != nil {
		return fmt.Sprintf("we cannot read its JSON: %v\n%s", err, theirs)
	}
	if d := differences(all, read); d != "" {
		return d
	}
	var b strings.Builder
	if err := jsonenc.Encode(&b, all, jsonenc.Options{Schema: s}); err != nil {
		return err.Error()
	}
	x, y := sorted(b.String()), sorted(theirs)
	switch {
	case x == y:
	case sorted(strings.ToLower(b.String())) == sorted(strings.ToLower(theirs)):
		return fmt.Sprintf("letters differ: %s\nyanglint has    %s", x, y)
	default:
		return fmt.Sprintf("JSON differs: %s\nyanglint has    %s", x, y)
	}
	return ""
}

// sameXML compares our tree and our XML of it with the oracle's.
func sameXML(s *yang.Schema, root *tree.Node, theirs string) string {
	theirs = "<data>" + theirs + "</data>"
	read, err := xmlenc.DecodeTree(xmlstream.NewBytes([]byte(theirs), xmlstream.Limits{}), s, xmlenc.DecodeOptions{})
	if err != nil {
		return fmt.Sprintf("we cannot read its XML: %v\n%s", err, theirs)
	}
	if d := differences(root, read); d != "" {
		return d
	}
	w := xmlstream.NewWriter(nil)
	w.Start("", "data")
	if err := xmlenc.Encode(w, root, xmlenc.Options{Modules: s.Module}); err != nil {
		return err.Error()
	}
	w.End()
	x, y := flat(string(w.Bytes())), flat(theirs)
	switch {
	case x == y:
	case flat(strings.ToLower(string(w.Bytes()))) == flat(strings.ToLower(theirs)):
		return fmt.Sprintf("letters differ: %s\nyanglint has    %s", x, y)
	default:
		return fmt.Sprintf("XML differs: %s\nyanglint has   %s", x, y)
	}
	return ""
}

// differences are those of two trees, but for anydata, whose text may differ.
func differences(ours, theirs *tree.Node) string {
	if tree.Equal(ours, theirs) {
		return ""
	}
	var b strings.Builder
	for c := range tree.Diff(ours, theirs) {
		if c.Old.Any.Format != 0 && c.New.Any.Format != 0 {
			continue
		}
		fmt.Fprintf(&b, "%s %s: %q, yanglint has %q\n", c.Kind, c.Path, c.Old.Value, c.New.Value)
	}
	if b.Len() == 0 {
		return ""
	}
	return "data differs:\n" + b.String()
}

// sorted is JSON with all members and entries in order and without empty objects:
// what is in no order may be in any (RFC 7951, 5.4), and a container without
// presence may be left out (RFC 7950, 7.5.7).
func sorted(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err.Error()
	}
	b, err := json.Marshal(ordered(v))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func ordered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			x = ordered(x)
			if m, ok := x.(map[string]any); ok && len(m) == 0 {
				delete(v, k)
			} else {
				v[k] = x
			}
		}
	case []any:
		for i := range v {
			v[i] = ordered(v[i])
		}
		key := func(x any) string {
			b, _ := json.Marshal(x) // of what was JSON
			return string(b)
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(key(a), key(b)) })
	}
	return v
}

var prefixes = regexp.MustCompile(`[A-Za-z_][\w.-]*:`)

// flat is XML with all names and prefixes in values resolved, children in order
// and without empty elements.
func flat(text string) string {
	r := xmlstream.NewBytes([]byte(text), xmlstream.Limits{})
	if _, err := r.Next(); err != nil {
		return err.Error()
	}
	out, err := flatten(r)
	if err != nil {
		return err.Error()
	}
	return out
}

func flatten(r *xmlstream.Reader) (string, error) {
	var children []string
	text, inner := "", false
	for {
		t, err := r.Next()
		if err != nil {
			return "", err
		}
		switch t.Kind {
		case xmlstream.Text:
			text = string(t.Text)
		case xmlstream.Start:
			inner = true
			name := "{" + t.Name.Space + "}" + t.Name.Local
			in, err := flatten(r)
			if err != nil {
				return "", err
			}
			if in != "" {
				children = append(children, name+"("+in+")")
			}
		default:
			if !inner {
				return prefixes.ReplaceAllStringFunc(text, func(p string) string {
					if uri, ok := r.Lookup(p[:len(p)-1]); ok {
						return "{" + uri + "}"
					}
					return p
				}), nil
			}
			slices.Sort(children)
			return strings.Join(children, " "), nil
		}
	}
}
