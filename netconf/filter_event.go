// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/subscription"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

// passing decides whether an event, a tree of Schema.Events, is sent: whole or not at
// all (RFC 8639, 2.2).
type passing func(body *tree.Node) (bool, error)

// eventXPath passes what an expression holds true of (RFC 5277, 3.6; RFC 8639, 2.2).
func eventXPath(schema *yang.Schema, text string, resolve func(prefix string) (string, bool)) (passing, error) {
	events := *schema
	events.Root = schema.Events
	expr, err := xpath.CompileText(&events, text, resolve, "")
	if err != nil {
		return nil, badSelect(err)
	}
	return func(body *tree.Node) (bool, error) {
		v, err := expr.Eval(xpath.Context{Node: xpath.Root(body), Budget: xpathSteps})
		if err != nil {
			return false, err
		}
		return v.Bool(), nil
	}, nil
}

// eventSubtree passes what a filter selects something of.
func eventSubtree(f filter) passing {
	return func(body *tree.Node) (bool, error) {
		got, err := f.apply(body, 0)
		return err == nil && !got.Empty(), err
	}
}

// subtreeText reads a subtree filter that is kept as it was written.
func (q *request) subtreeText(a *asking) func() error {
	return func() error {
		raw, err := q.r.Raw(nil)
		if err != nil {
			return err
		}
		a.Filter.Subtree = string(raw)
		a.compile = func(a *asking) error { return a.subtree(q.ss, a.Filter.Subtree) }
		return tooLong(len(raw))
	}
}

// xpathText reads an XPath filter, with what its prefixes mean where it stands: those
// in scope, and the names of modules.
func (q *request) xpathText(a *asking) func() error {
	return func() error {
		text, err := q.r.Text()
		if err != nil {
			return err
		}
		a.Filter.XPath = string(text)
		known := q.prefixes(a.Filter.XPath)
		a.compile = func(a *asking) error { return a.xpath(q.schema(), a.Filter.XPath, known) }
		return tooLong(len(a.Filter.XPath))
	}
}

func tooLong(n int) error {
	if n <= subscriptionText {
		return nil
	}
	return mgmterr.New(mgmterr.TooBig, "", "cannot keep a filter of more than %d KB", subscriptionText>>10).OfType(mgmterr.Protocol)
}

// choose makes the filter ready, with what it names in /filters. The error is a reason
// to refuse.
func (a *asking) choose(ctx context.Context, ss *session) error {
	a.chosen = chosen{key: "all"}
	compile := a.compile
	if a.Filter.Name != "" {
		f, err := ss.keptFilter(ctx, a.Stream != "", a.Filter.Name)
		if err != nil {
			return err
		}
		compile = func(a *asking) error {
			switch {
			case f.Subtree != "":
				return a.subtree(ss, f.Subtree)
			case f.XPath != "":
				return a.xpath(ss.mgmt.Schema(), f.XPath, nil)
			}
			return nil
		}
	}
	if compile == nil {
		return nil
	}
	err := compile(a)
	if err == nil {
		return nil
	}
	why := err.Error()
	if list := mgmterr.Of(err); list != nil {
		why = list[0].Message
	}
	return a.hint(because(subscribed+":filter-unsupported", "%s", why), "filter-failure-hint", why)
}

func (a *asking) subtree(ss *session, raw string) error {
	q := &request{ss: ss, r: xmlstream.NewBytes([]byte(raw), xmlstream.Limits{})}
	root := q.schema().Root
	if a.Stream != "" {
		root = q.schema().Events
	}
	if _, err := q.r.Next(); err != nil {
		return err
	}
	f, err := q.subtreeOf(root)
	if err != nil {
		return err
	}
	if a.Stream != "" {
		a.passes = eventSubtree(f)
		return nil
	}
	a.selects, a.key = f, raw
	return nil
}

// resolver gives the modules of prefixes: as declared, else modules are known by their
// names (RFC 8639, 4).
func resolver(schema *yang.Schema, known []declaration) func(prefix string) (string, bool) {
	return func(prefix string) (string, bool) {
		for _, p := range known {
			if p.prefix == prefix {
				if m := schema.ByNamespace(p.uri); m != nil {
					return m.Name, true
				}
				return p.uri, true // of no module: names nothing
			}
		}
		return prefix, schema.Module(prefix) != nil
	}
}

func (a *asking) xpath(schema *yang.Schema, text string, known []declaration) error {
	resolve := resolver(schema, known)
	if a.Stream != "" {
		var err error
		a.passes, err = eventXPath(schema, text, resolve)
		return err
	}
	expr, err := xpath.CompileText(schema, text, resolve, "")
	if err != nil {
		return badSelect(err)
	}
	a.selects, a.key = &xpathFilter{expr}, text
	for _, p := range known {
		a.key += "\x00" + p.prefix + "=" + p.uri
	}
	return nil
}

var errNoFilter = errors.New("there is no such filter")

// keptFilter is a filter of /filters as the session may read it (RFC 8639, 3.2).
func (ss *session) keptFilter(ctx context.Context, stream bool, name string) (f subscription.Filter, err error) {
	kind, module, list := "datastore", yangPush, "selection-filter"
	if stream {
		kind, module, list = "stream", subscribed, "stream-filter"
	}
	root, err := ss.mgmt.Read(ctx, mgmt.Running)
	if err != nil {
		return f, err
	}
	schema := ss.mgmt.Schema()
	top := schema.Root.Child(subscribed, "filters")
	if top == nil {
		return f, errNoFilter
	}
	s := top.Child(module, list)
	e := root.Container(top).List(s).Get(tree.MakeKey(s, name))
	if e == nil {
		return f, because(subscribed+":filter-unsupported", "cannot subscribe: there is no filter %.80q in /filters", name).WithCause(errNoFilter)
	}
	f.XPath, _ = e.Leaf(s.Child(module, kind+"-xpath-filter"))
	if c, ok := e.Any(s.Child(module, kind+"-subtree-filter")); ok {
		w := xmlstream.NewWriter(nil)
		err = xmlenc.EncodeChild(w, tree.Child{Schema: s.Child(module, kind+"-subtree-filter"), Any: c}, xmlenc.Options{Modules: schema.Module})
		f.Subtree = string(w.Bytes())
	}
	if err == nil {
		err = tooLong(len(f.Subtree) + len(f.XPath))
	}
	return f, err
}
