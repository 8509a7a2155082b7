// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// element is an element of a message. The server is not believed: the reader is
// encoding/xml, and not that of the server under test.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*element
	text     string
	scope    map[string]string // prefixes, those of the parents too
	doctype  bool              // of the root: a document type declaration came
}

// parse reads a message.
func parse(b []byte) (*element, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the message is not UTF-8")
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	top := &element{scope: map[string]string{"xml": "http://www.w3.org/XML/1998/namespace"}}
	open := []*element{top}
	doctype := false
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the message is not XML: %w in %.200q", err, b)
		}
		last := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: t.Name, attrs: slices.Clone(t.Attr), scope: last.scope}
			for _, a := range e.attrs {
				prefix, ok := a.Name.Local, a.Name.Space == "xmlns"
				if a.Name == (xml.Name{Local: "xmlns"}) {
					prefix, ok = "", true
				}
				if ok {
					copied := map[string]string{prefix: a.Value}
					for p, u := range e.scope {
						if p != prefix {
							copied[p] = u
						}
					}
					e.scope = copied
				}
			}
			last.children = append(last.children, e)
			if open = append(open, e); len(open) > 200 {
				return nil, errors.New("the message is more than 200 elements deep")
			}
		case xml.EndElement:
			if len(last.children) > 0 && strings.TrimSpace(last.text) == "" {
				last.text = ""
			}
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(t)
		case xml.Directive:
			doctype = true
		}
	}
	if len(top.children) != 1 || strings.TrimSpace(top.text) != "" {
		return nil, fmt.Errorf("the message is no single element: %.200q", b)
	}
	root := top.children[0]
	root.doctype = doctype
	return root, nil
}

// is tells whether e is a NETCONF element of that name.
func (e *element) is(local string) bool { return e.name == xml.Name{Space: nsBase, Local: local} }

// attr is an attribute, or "" and false.
func (e *element) attr(space, local string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name == (xml.Name{Space: space, Local: local}) {
			return a.Value, true
		}
	}
	return "", false
}

// all are the descendants of that name, of any namespace, in their order.
func (e *element) all(local string) (found []*element) {
	for _, c := range e.children {
		if c.name.Local == local {
			found = append(found, c)
		}
		found = append(found, c.all(local)...)
	}
	return found
}

// child is the first child of that name, or nil.
func (e *element) child(local string) *element {
	if e != nil {
		for _, c := range e.children {
			if c.name.Local == local {
				return c
			}
		}
	}
	return nil
}

// value is the trimmed text; of no element "".
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text)
}

// flat has a line for each element below e, without prefixes: /top/users/user/name=fred.
func (e *element) flat() string {
	var b strings.Builder
	e.flatten(&b, "")
	return b.String()
}

func (e *element) flatten(b *strings.Builder, path string) {
	for _, c := range e.children {
		below := path + "/" + c.name.Local
		b.WriteString(below)
		if len(c.children) == 0 {
			b.WriteString("=" + c.value())
		}
		for _, a := range c.attrs {
			if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
				b.WriteString(" @" + a.Name.Local + "=" + a.Value)
			}
		}
		b.WriteString("\n")
		c.flatten(b, below)
	}
}

// pruned is e without the elements below it in which nothing is.
func (e *element) pruned() *element {
	copied := *e
	copied.children = nil
	for _, c := range e.children {
		if c = c.pruned(); len(c.children) > 0 || c.value() != "" {
			copied.children = append(copied.children, c)
		}
	}
	return &copied
}

// canonical is the same text for the same content: namespaces for prefixes, no white
// space around, siblings sorted. Texts of error-message are left out: they are free.
func (e *element) canonical() string {
	var parts []string
	for _, c := range e.children {
		parts = append(parts, c.canonical())
	}
	slices.Sort(parts)
	var attrs []string
	for _, a := range e.attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			attrs = append(attrs, fmt.Sprintf(" {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value))
		}
	}
	slices.Sort(attrs)
	text := e.value()
	if e.is("error-message") {
		text, attrs = "", nil
	}
	return fmt.Sprintf("<{%s}%s%s>%s%s</>", e.name.Space, e.name.Local, strings.Join(attrs, ""), text, strings.Join(parts, ""))
}
