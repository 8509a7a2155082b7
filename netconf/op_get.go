// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
)

// parseGet is <get> (RFC 6241, 7.7): running configuration and state.
func parseGet(q *request) (action, error) {
	r := reading{store: mgmt.Operational}
	err := q.params("get", map[string]func() error{"filter": q.filter(&r.filter), withDefaults: q.defaults(&r.defaults)})
	if err != nil {
		return nil, err
	}
	return r.action(nsBase), nil
}

// parseGetConfig is <get-config> (RFC 6241, 7.1).
func parseGetConfig(q *request) (action, error) {
	var r reading
	err := q.params("get-config", map[string]func() error{"source": q.datastore(&r.store), "filter": q.filter(&r.filter),
		withDefaults: q.defaults(&r.defaults)})
	if err != nil {
		return nil, err
	}
	if r.store == "" {
		return nil, missing("get-config", "source")
	}
	return r.action(nsBase), nil
}

// filter selects a part of the data. nil is everything.
type filter interface {
	// tops are the top-level nodes that the filter can select anything below;
	// nil is all.
	tops() []*yang.Node
	// apply returns what is selected, each selected node with so many levels; 0 is all.
	// It does not change root.
	apply(root *tree.Node, depth int) (*tree.Node, error)
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
