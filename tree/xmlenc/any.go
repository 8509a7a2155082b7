// SPDX-License-Identifier: Apache-2.0

package xmlenc

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// content is JSON that becomes one element.
type content struct {
	space, name string
	schema      *yang.Node // nil where the content is not known
	text        string
	attrs       []attribute
	children    []*content
}

type attribute struct{ prefix, space, name, value string }

// any writes an anydata or anyxml node: what came as XML as it came; what came as
// JSON as elements, with the types that the schema knows. JSON that no element can
// be (an array in an array, a name that is none) is the text of the element.
func (e *encoder) any(s *yang.Node, a tree.Any, m *meta.Node) {
	if a.Format == tree.XML {
		e.w.Raw([]byte(a.Text))
		return
	}
	c := &converter{e: e, at: s}
	for root := s; root != nil && c.root == nil; root = root.Parent {
		if root.Kind == yang.KindRoot {
			c.root = root
		}
	}
	top := &content{space: s.Module.Namespace, name: s.Name}
	d := json.NewDecoder(strings.NewReader(a.Text))
	d.UseNumber()
	v, err := parse(d, 0)
	if err == nil {
		err = c.fill(top, v, c.root)
	}
	if err != nil {
		*top = content{space: top.space, name: top.name, text: a.Text}
	}
	e.content(top, s, m)
}

func (e *encoder) content(c *content, s *yang.Node, m *meta.Node) {
	e.w.Start(c.space, c.name)
	if c.schema != nil {
		s = c.schema
	}
	d := e.declarer(s, c.text)
	text := c.text
	if c.schema != nil && c.schema.Type != nil {
		text = value.Rewrite(c.schema.Type, text, d.prefix)
	}
	d.attributes(m)
	for _, a := range c.attrs {
		e.w.AttrNS(a.prefix, a.space, a.name, a.value)
	}
	e.w.Text(text)
	for _, child := range c.children {
		e.content(child, s, nil)
	}
	e.w.End()
}

// object is a JSON object with its members in order.
type object []member

type member struct {
	name  string
	value any // object, []any, string, json.Number, bool or nil
}

// xmlnsNamespace cannot be declared (Namespaces in XML, 3).
const xmlnsNamespace = "http://www.w3.org/2000/xmlns/"

const maxAttributes = 128 // of an element, as xmlstream reads them

const maxAny = 300 // nesting; decoders allow less

var errShape = errors.New("no element can be this")

// parse reads one value.
func parse(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxAny {
		return nil, errShape
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parse(d, depth+1)
			if err != nil {
				return nil, err
			}
			s, _ := name.(string) // the decoder has seen to it
			o = append(o, member{s, v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parse(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	if depth == 0 {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, errShape
		}
	}
	return t, nil
}

// converter makes elements of JSON, within the anydata or anyxml at.
type converter struct {
	e    *encoder
	at   *yang.Node
	root *yang.Node
}

// fill puts a value into an element; below is the schema node whose children it
// may have, nil if that is not known.
func (c *converter) fill(to *content, v any, below *yang.Node) error {
	switch v := v.(type) {
	case object:
		for _, m := range v {
			if err := c.member(to, m, below); err != nil {
				return err
			}
		}
		return c.annotations(to, v)
	case []any:
		if len(v) != 1 || v[0] != nil { // RFC 7951, 6.9: [null] is the value of an empty leaf
			return errShape
		}
	case string:
		to.text = v
	case json.Number:
		to.text = v.String()
	case bool:
		to.text = "false"
		if v {
			to.text = "true"
		}
	}
	if s := to.schema; s != nil && s.Type != nil {
		canonical, err := value.Parse(s.Type, to.text, value.Canonical{Default: s.Module.Name})
		if err != nil {
			to.schema = nil // it is written as it came
		} else {
			to.text = canonical
		}
	}
	return nil
}

func (c *converter) member(to *content, m member, below *yang.Node) error {
	if strings.HasPrefix(m.name, "@") {
		return nil // see annotations
	}
	values, ok := m.value.([]any)
	if !ok || len(values) == 1 && values[0] == nil {
		values = []any{m.value}
	}
	space, local, _ := c.name(m.name, to.space)
	if !value.Identifier(local) || space == xmlstream.XMLNamespace || space == xmlnsNamespace {
		return errShape
	}
	for _, v := range values {
		x := &content{space: space, name: local}
		if below != nil {
			x.schema = below.ChildNS(space, local)
		}
		if err := c.fill(x, v, x.schema); err != nil {
			return err
		}
		to.children = append(to.children, x)
	}
	return nil
}

// name is the namespace of a name (RFC 7951, 4): that of its module; of a name
// without module that around it; and of a module that nobody knows the text
// before the last colon, as jsonenc writes what is of no module.
func (c *converter) name(name, around string) (space, local, prefix string) {
	i := strings.LastIndexByte(name, ':')
	if i < 0 {
		return around, name, ""
	}
	if m := c.e.module(c.at, "", name[:i]); m != nil {
		return m.Namespace, name[i+1:], m.Prefix
	}
	if name[:i] == meta.DefaultModule {
		return meta.DefaultNamespace, name[i+1:], "wd"
	}
	return name[:i], name[i+1:], ""
}

// annotations puts the members that are metadata on to and its children (RFC
// 7952, 5.2).
func (c *converter) annotations(to *content, o object) error {
	var byName map[xmlstream.Name][]*content
	for _, m := range o {
		switch {
		case m.name == "@":
			if err := c.annotate(to, m.value); err != nil {
				return err
			}
		case strings.HasPrefix(m.name, "@"):
			space, local, _ := c.name(m.name[1:], to.space)
			values, ok := m.value.([]any)
			if !ok {
				values = []any{m.value}
			}
			if byName == nil {
				byName = make(map[xmlstream.Name][]*content)
				for _, x := range to.children {
					n := xmlstream.Name{Space: x.space, Local: x.name}
					byName[n] = append(byName[n], x)
				}
			}
			for _, x := range byName[xmlstream.Name{Space: space, Local: local}] {
				if len(values) == 0 {
					break
				}
				if err := c.annotate(x, values[0]); err != nil {
					return err
				}
				values = values[1:]
			}
			if len(values) > 0 {
				return errShape // of nothing
			}
		}
	}
	return nil
}

func (c *converter) annotate(to *content, v any) error {
	if v == nil {
		return nil
	}
	o, ok := v.(object)
	if !ok {
		return errShape
	}
	for _, m := range o {
		x := content{}
		if _, nested := m.value.(object); nested || c.fill(&x, m.value, nil) != nil {
			return errShape
		}
		a := attribute{value: x.text}
		if a.space, a.name, a.prefix = c.name(m.name, ""); !value.Identifier(a.name) || a.space == xmlnsNamespace || a.space == "" && a.name == "xmlns" {
			return errShape
		}
		if len(to.attrs) == maxAttributes {
			return errShape
		}
		for _, have := range to.attrs {
			if have.space == a.space && have.name == a.name {
				return errShape
			}
		}
		to.attrs = append(to.attrs, a)
	}
	return nil
}
