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
)

// parseGet is <get> (RFC 6241, 7.7): running configuration and state.
func parseGet(q *request) (action, error) {
	var f filter
	if err := q.params("get", map[string]func() error{"filter": q.filter(&f)}); err != nil {
		return nil, err
	}
	return read(mgmt.Operational, f), nil
}

// parseGetConfig is <get-config> (RFC 6241, 7.1).
func parseGetConfig(q *request) (action, error) {
	var f filter
	var source mgmt.Datastore
	err := q.params("get-config", map[string]func() error{"source": q.datastore(&source), "filter": q.filter(&f)})
	if err != nil {
		return nil, err
	}
	if source == "" {
		return nil, missing("get-config", "source")
	}
	return read(source, f), nil
}

// filter selects a part of the data. nil is everything.
type filter interface {
	// tops are the top-level nodes that the filter can select anything below;
	// nil is all.
	tops() []*yang.Node
	// apply returns what is selected. It does not change root.
	apply(root *tree.Node) (*tree.Node, error)
}

// filter reads a <filter> (RFC 6241, 6 and 8.9.5.1).
func (q *request) filter(into *filter) func() error {
	return func() (err error) {
		// RFC 6241, 7.7: the attributes have no namespace.
		kind, selectText := "subtree", ""
		t := q.token()
		if v, ok := t.Attr("", "type"); ok {
			kind = string(v)
		} else if v, ok := t.Attr(nsBase, "type"); ok { // some clients qualify it
			kind = string(v)
		}
		v, selected := t.Attr("", "select")
		selectText = string(v)
		switch {
		case kind == "subtree":
			*into, err = q.subtree()
		case kind == "xpath" && !selected:
			return mgmterr.New(mgmterr.MissingAttribute, "", "cannot filter by XPath without a select attribute").
				OfType(mgmterr.Protocol).WithInfo("bad-attribute", "select").WithInfo("bad-element", "filter")
		case kind == "xpath":
			if *into, err = q.xpath(selectText); err == nil {
				err = q.r.Skip()
			}
		default:
			return mgmterr.New(mgmterr.BadAttribute, "", "cannot use %.40q as the type of a filter: it is subtree or xpath", kind).
				OfType(mgmterr.Protocol).WithInfo("bad-attribute", "type").WithInfo("bad-element", "filter")
		}
		return err
	}
}

func read(ds mgmt.Datastore, f filter) action {
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		var tops []*yang.Node
		if f != nil {
			if tops = f.tops(); tops != nil && len(tops) == 0 {
				return data(nil, nil), nil
			}
		}
		root, err := ss.mgmt.Read(ctx, ds, tops...)
		if err == nil && f != nil {
			root, err = f.apply(root)
		}
		if err != nil {
			return nil, err
		}
		return data(root, ss.mgmt.Schema().Module), nil
	}
}

// data writes <data>.
func data(root *tree.Node, modules func(string) *yang.Module) func(*xmlstream.Writer) error {
	return func(w *xmlstream.Writer) error {
		w.Start(nsBase, "data")
		if err := xmlenc.Encode(w, root, xmlenc.Options{Modules: modules}); err != nil {
			return err
		}
		w.End()
		return w.Err()
	}
}
