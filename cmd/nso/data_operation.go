// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// operationReader reads an rpc, its reply or a notification: the element of the
// operation, or the path of elements to an action or notification of a data node,
// with the keys of the entries on it (RFC 7950, 7.15.2 and 7.16.2); in XML perhaps
// in the <rpc>, <action> or <notification> of the protocol.
type operationReader struct {
	kind   string
	report func(e *mgmterr.Error, line, column int)
	at     tree.Path // of the node that has it
	name   string    // as paths have it: /module:name, or /name in a node of the same module
	module string
}

// begin notes what was found, and has errors told with paths that begin there.
func (o *operationReader) begin(d *document, found *yang.Node) {
	s := found
	if s.Kind != yang.KindNotification {
		s = s.Parent
	}
	o.module = s.Module.Name
	o.name = "/" + s.Name
	if len(o.at) == 0 || o.at.Schema().Module != s.Module {
		o.name = "/" + o.module + ":" + s.Name
	}
	tell := d.xml.Report
	report := func(e *mgmterr.Error, line, column int) {
		e.Path = o.full(e.Path)
		tell(e, line, column)
	}
	d.xml.Report, d.opt.Report = report, report
}

// full is the path of something in the operation.
func (o *operationReader) full(path string) string {
	at := o.path() + o.name
	if path == "" || path == "/" {
		return at
	}
	return at + "/" + strings.TrimPrefix(path[1:], o.module+":")
}

func (o *operationReader) read(d *document) (*tree.Node, error) {
	o.at = nil
	if d.json {
		return o.readJSON(d)
	}
	return o.readXML(d)
}

// find is what a name in the node at stands for: the input, output or
// notification, or a node on the way to one.
func (o *operationReader) find(schema *yang.Schema, at *yang.Node, is func(*yang.Node) bool) (found, way *yang.Node) {
	operations, notifications := at.Actions, at.Notifications
	if at.Kind == yang.KindRoot {
		operations, notifications = schema.RPCs, schema.Notifications
	}
	if o.kind == "notification" {
		for _, n := range notifications {
			if is(n) {
				return n, nil
			}
		}
	} else {
		for _, op := range operations {
			if !is(op) {
				continue
			}
			if o.kind == "reply" {
				return op.Output(), nil
			}
			return op.Input(), nil
		}
	}
	for _, c := range at.DataChildren {
		if is(c) && (c.Kind == yang.KindContainer || c.Kind == yang.KindList) {
			return nil, c
		}
	}
	return nil, nil
}

func (o *operationReader) unknown(at *yang.Node, name string) error {
	what := "an rpc or action"
	if o.kind == "notification" {
		what = "a notification"
	}
	where := "at the top"
	if at.Kind != yang.KindRoot {
		where = "in " + at.Name
	}
	return mgmterr.New(mgmterr.UnknownElement, o.path(), "cannot find %s %.80s %s", what, name, where).WithInfo("bad-element", name)
}

func (o *operationReader) path() string {
	if len(o.at) == 0 {
		return ""
	}
	return o.at.String()
}

const (
	nsNetconf      = "urn:ietf:params:xml:ns:netconf:base:1.0"
	nsNotification = "urn:ietf:params:xml:ns:netconf:notification:1.0"
	nsYang         = "urn:ietf:params:xml:ns:yang:1"
)

func (o *operationReader) readXML(d *document) (*tree.Node, error) {
	r := d.reader()
	n, err := o.descend(d, r, d.schema.Root)
	if at := r.Begin(); err != nil && len(mgmterr.Of(err)) > 0 {
		o.report(mgmterr.Of(err)[0], at.Line, at.Column)
		return nil, nil
	}
	for err == nil { // the ends of what is around it
		var t *xmlstream.Token
		if t, err = r.Next(); err == nil && t.Kind == xmlstream.EOF {
			break
		} else if err == nil && (t.Kind == xmlstream.Start || t.Kind == xmlstream.Text && !t.White) {
			err = mgmterr.New(mgmterr.MalformedMessage, o.path(), "cannot use what follows the operation")
		}
	}
	return n, err
}

// descend reads the children of at up to the operation, and it.
func (o *operationReader) descend(d *document, r *xmlstream.Reader, at *yang.Node) (*tree.Node, error) {
	keys := map[*yang.Node]string{}
	for {
		t, err := r.Next()
		if err != nil {
			return nil, err
		}
		if t.Kind == xmlstream.EOF || t.Kind == xmlstream.End {
			return nil, o.unknown(at, "element")
		}
		if t.Kind != xmlstream.Start {
			continue
		}
		name := t.Name
		if at.Kind == yang.KindRoot && wrapper(name) {
			continue
		}
		if name.Space == nsNotification && name.Local == "eventTime" {
			if err := r.Skip(); err != nil {
				return nil, err
			}
			continue
		}
		if k := at.ChildNS(name.Space, name.Local); k != nil && k.IsKey {
			// The value is checked where the entry is made: as a key leaf is.
			n, err := keyLeaf(d, r, k)
			if err != nil {
				return nil, err
			}
			keys[k] = n
			if len(keys) == len(at.Keys) {
				values := make([]string, len(at.Keys))
				for i, k := range at.Keys {
					values[i] = keys[k]
				}
				last := &o.at[len(o.at)-1]
				last.Key, last.HasKey = tree.MakeKey(at, values...), true
			}
			continue
		}
		found, way := o.find(d.schema, at, func(n *yang.Node) bool { return n.Name == name.Local && n.Module.Namespace == name.Space })
		switch {
		case at.Kind == yang.KindList && len(keys) < len(at.Keys):
			return nil, mgmterr.New(mgmterr.MissingElement, o.path(), "cannot tell the entry of list %s: its keys must come first", at.Name)
		case found != nil:
			o.begin(d, found)
			return xmlenc.DecodeNode(r, d.schema, found, d.xml)
		case way == nil:
			return nil, o.unknown(at, name.Local)
		}
		o.at = append(o.at, tree.Step{Schema: way})
		return o.descend(d, r, way)
	}
}

func wrapper(n xmlstream.Name) bool {
	return n.Space == nsNetconf && (n.Local == "rpc" || n.Local == "rpc-reply") || n.Space == nsYang && n.Local == "action" ||
		n.Space == nsNotification && n.Local == "notification"
}

// keyLeaf reads the value of a key.
func keyLeaf(d *document, r *xmlstream.Reader, k *yang.Node) (string, error) {
	text, err := r.Text()
	if err != nil {
		return "", err
	}
	return value.Parse(k.Type, string(text), inScope{r, d.schema})
}

// inScope gives the prefixes of an element their meaning.
type inScope struct {
	r      *xmlstream.Reader
	schema *yang.Schema
}

// Module is the meaning of a prefix in a value (RFC 7950, 9.10.3).
func (s inScope) Module(prefix string) (string, bool) {
	uri, ok := s.r.Lookup(prefix)
	m := s.schema.ByNamespace(uri)
	if !ok || m == nil {
		return "", false
	}
	return m.Name, true
}

// readJSON takes the names on the way off, and puts blanks in their place: lines
// and columns stay.
func (o *operationReader) readJSON(d *document) (*tree.Node, error) {
	text, err := io.ReadAll(io.LimitReader(d.in, maxData+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxData {
		return nil, mgmterr.New(mgmterr.TooBig, "", "cannot read JSON: it is longer than %d bytes", maxData)
	}
	whole := text
	for at := d.schema.Root; ; {
		found, way, rest, err := o.step(d.schema, at, text)
		if err == nil && found != nil {
			o.begin(d, found)
			return jsonenc.DecodeNode(bytes.NewReader(rest), d.schema, found, d.opt)
		}
		if err == nil {
			at, text = way, rest
			continue
		}
		begin := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
		var syntax *json.SyntaxError
		switch {
		case errors.As(err, &syntax):
			begin = int(syntax.Offset) - 1
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			begin = len(whole)
		}
		begin = max(0, min(begin, len(whole)))
		line := bytes.Count(whole[:begin], []byte{'\n'})
		column := utf8.RuneCount(whole[bytes.LastIndexByte(whole[:begin], '\n')+1 : begin])
		e := mgmterr.New(mgmterr.MalformedMessage, "", "cannot read JSON: %v", err)
		if l := mgmterr.Of(err); len(l) > 0 {
			e = l[0]
		}
		return nil, &badFile{line: line + 1, column: column + 1, cause: e}
	}
}

// step reads an object that is the node at: rest is the value of the operation
// found in it, or of the node that is on the way.
func (o *operationReader) step(schema *yang.Schema, at *yang.Node, text []byte) (found, way *yang.Node, rest []byte, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	// A list has one entry, as a path names one.
	for _, open := range []json.Delim{'[', '{'} {
		if open == '[' && at.Kind != yang.KindList {
			continue
		}
		if t, err := d.Token(); err != nil {
			return nil, nil, nil, err
		} else if t != open {
			return nil, nil, nil, mgmterr.New(mgmterr.InvalidValue, o.path(), "cannot use this value: it must begin with %v", open)
		}
	}
	var keys []string
	var given uint64 // which of them
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, nil, nil, err
		}
		name, _ := t.(string)
		module, local, ok := strings.Cut(name, ":")
		if !ok {
			module, local = "", name
			if at.Module != nil {
				module = at.Module.Name
			}
		}
		if k := at.Child(module, local); k != nil && k.IsKey {
			var text any = string(raw)
			if raw[0] == '"' {
				if err := json.Unmarshal(raw, &text); err != nil {
					return nil, nil, nil, err
				}
			}
			v, err := value.Parse(k.Type, text.(string), value.Canonical{Default: k.Module.Name})
			if err != nil {
				return nil, nil, nil, err
			}
			if keys == nil {
				keys = make([]string, len(at.Keys))
			}
			keys[k.Index], given = v, given|1<<k.Index
			continue
		}
		if found != nil || way != nil {
			return nil, nil, nil, mgmterr.New(mgmterr.BadElement, o.path(), "cannot use %.80q: there is another operation beside it", name).WithInfo("bad-element", local)
		}
		if found, way = o.find(schema, at, func(n *yang.Node) bool { return n.Name == local && n.Module.Name == module }); found == nil && way == nil {
			return nil, nil, nil, o.unknown(at, name)
		}
		// Blanks before it, but for the ends of lines.
		end := int(d.InputOffset())
		rest = bytes.Map(func(c rune) rune {
			if c == '\n' {
				return c
			}
			return ' '
		}, text[:end-len(raw)])
		rest = append(rest, raw...)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, nil, err
	}
	if at.Kind == yang.KindList {
		if d.More() {
			return nil, nil, nil, mgmterr.New(mgmterr.BadElement, o.path(), "cannot use a second entry of list %s: the operation is of one", at.Name)
		}
		if _, err := d.Token(); err != nil {
			return nil, nil, nil, err
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, nil, mgmterr.New(mgmterr.MalformedMessage, o.path(), "cannot read JSON: something follows the value")
	}
	if found == nil && way == nil {
		return nil, nil, nil, mgmterr.New(mgmterr.MissingElement, o.path(), "cannot find the operation: this object is empty")
	}
	if at.Kind == yang.KindList {
		last := &o.at[len(o.at)-1]
		if len(at.Keys) == 0 || given != 1<<len(at.Keys)-1 {
			return nil, nil, nil, mgmterr.New(mgmterr.MissingElement, o.path(), "cannot tell the entry of list %s: its keys are missing", at.Name)
		}
		last.Key, last.HasKey = tree.MakeKey(at, keys...), true
	}
	if way != nil {
		o.at = append(o.at, tree.Step{Schema: way})
	}
	return found, way, rest, nil
}
