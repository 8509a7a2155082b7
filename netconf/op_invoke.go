// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// nsYang is the namespace of <action>.
const nsYang = "urn:ietf:params:xml:ns:yang:1"

// parseRPC is an rpc of a model (RFC 7950, 7.14.2).
func parseRPC(q *request, rpc *yang.Node) (action, error) {
	return q.call(mgmt.Call{Operation: rpc})
}

// parseAction is <action>: the containers and lists on the way to the node that has the
// action, with the keys of the entries, and in the innermost the action (RFC 7950,
// 7.15.2).
func parseAction(q *request) (action, error) {
	t, err := q.element()
	if err != nil {
		return nil, err
	}
	if t.Kind != xmlstream.Start {
		return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot tell which action is meant: <action> is empty").
			OfType(mgmterr.Protocol).WithInfo("bad-element", "action")
	}
	act, err := q.descend(q.schema().Root, nil, t.Name)
	if err != nil {
		return nil, err
	}
	return act, q.nothingMore()
}

// nothingMore reads the end of an element in which there can be one action.
func (q *request) nothingMore() error {
	t, err := q.element()
	if err == nil && t.Kind == xmlstream.Start { // RFC 7950, 7.15.2: one action in an rpc
		err = mgmterr.New(mgmterr.BadElement, "", "cannot use <%s> here: an rpc has one action", t.Name.Local).
			OfType(mgmterr.Protocol).WithInfo("bad-element", t.Name.Local)
	}
	return err
}

// descend reads a child of the node at a path: on the way to the action, or the action.
func (q *request) descend(in *yang.Node, at tree.Path, name xmlstream.Name) (action, error) {
	for _, a := range in.Actions {
		if a.Name == name.Local && a.Module.Namespace == name.Space {
			return q.call(mgmt.Call{Operation: a, At: at})
		}
	}
	s := in.ChildNS(name.Space, name.Local)
	switch {
	case s == nil && q.schema().ByNamespace(name.Space) == nil:
		return nil, mgmterr.New(mgmterr.UnknownNamespace, pathOf(at), "cannot use element %s: no module has the namespace %q", name.Local, name.Space).
			WithInfo("bad-element", name.Local).WithInfo("bad-namespace", name.Space)
	case s == nil:
		return nil, mgmterr.New(mgmterr.UnknownElement, pathOf(at), "cannot find an action %s here, nor a node that could have one", name.Local).
			WithInfo("bad-element", name.Local)
	case s.Kind != yang.KindContainer && s.Kind != yang.KindList:
		return nil, mgmterr.New(mgmterr.BadElement, pathOf(at), "cannot use element %s in <action>: only containers, lists and their keys lead to an action", name.Local).
			WithInfo("bad-element", name.Local)
	}
	at = append(at, tree.Step{Schema: s})
	next, err := q.keys(s, at)
	if err != nil {
		return nil, err
	}
	act, err := q.descend(s, at, next)
	if err != nil {
		return nil, err
	}
	return act, q.nothingMore()
}

func pathOf(at tree.Path) string {
	if len(at) == 0 {
		return ""
	}
	return at.String()
}

// keys reads the keys of an entry, which come first (RFC 7950, 7.8.5), into the last step
// of its path, and returns the element that follows.
func (q *request) keys(s *yang.Node, at tree.Path) (next xmlstream.Name, err error) {
	last := &at[len(at)-1]
	values, left := make([]string, len(s.Keys)), len(s.Keys)
	have := make([]bool, len(s.Keys))
	for {
		t, err := q.element()
		if err != nil {
			return next, err
		}
		if t.Kind != xmlstream.Start {
			return next, mgmterr.New(mgmterr.MissingElement, pathOf(at), "cannot tell which action of %s is meant", s.Name).WithInfo("bad-element", s.Name)
		}
		k := s.ChildNS(t.Name.Space, t.Name.Local)
		if k == nil || !k.IsKey {
			if left > 0 {
				return next, mgmterr.New(mgmterr.MissingElement, pathOf(at), "cannot tell which entry of %s is meant: its keys must be there, before all else", s.Name).
					WithInfo("bad-element", s.Name)
			}
			return t.Name, nil
		}
		path := pathOf(append(at[:len(at):len(at)], tree.Step{Schema: k}))
		if have[k.Index] {
			return next, mgmterr.New(mgmterr.BadElement, path, "cannot use the key %s twice", k.Name).WithInfo("bad-element", k.Name)
		}
		text, err := q.r.Text()
		if err != nil {
			return next, err
		}
		if values[k.Index], err = value.Parse(k.Type, string(text), inScope{q}); err != nil {
			return next, located(err, func(string) string { return path })
		}
		have[k.Index] = true
		if left--; left == 0 {
			last.Key, last.HasKey = tree.MakeKey(s, values...), true
		}
	}
}

// inScope gives the prefixes in a value their meaning (RFC 7950, 9.10.3).
type inScope struct{ q *request }

func (s inScope) Module(prefix string) (string, bool) {
	uri, ok := s.q.r.Lookup(prefix)
	m := s.q.schema().ByNamespace(uri)
	if !ok || m == nil {
		return "", false
	}
	return m.Name, true
}

// located gives the errors of a part their paths in the whole.
func located(err error, path func(string) string) error {
	for _, e := range mgmterr.Of(err) {
		e.Path = path(e.Path)
	}
	return err
}

// call reads the input of an operation, whose element is open. Whoever may not run it
// learns nothing of what it takes.
func (q *request) call(c mgmt.Call) (action, error) {
	if err := q.ss.mgmt.MayInvoke(c.Operation, c.At); err != nil {
		return nil, err
	}
	in, err := xmlenc.DecodeNode(q.r, q.schema(), c.Operation.Input(), xmlenc.DecodeOptions{})
	if err != nil {
		return nil, located(err, c.Within)
	}
	c.Input = in
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		out, err := ss.mgmt.Invoke(ctx, c)
		if err != nil || out.Empty() { // RFC 7950, 7.14.4: then it is <ok/>
			return nil, err
		}
		return func(w *xmlstream.Writer) error {
			return xmlenc.Encode(w, out, xmlenc.Options{Modules: ss.mgmt.Schema().Module})
		}, nil
	}, nil
}
