// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/xpath"
)

const (
	nsPartialLock = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0"
	// maxSelects bounds the expressions of one partial lock.
	maxSelects = 100
)

func partialLock(local string) xmlstream.Name {
	return xmlstream.Name{Space: nsPartialLock, Local: local}
}

// parsePartialLock is <partial-lock> (RFC 5717, 2.4.1).
func parsePartialLock(q *request) (action, error) {
	var selects []string
	var exprs []*xpath.Expr
	err := q.params("partial-lock", map[string]func() error{"select*": func() error {
		b, err := q.r.Text()
		if err != nil {
			return err
		}
		if len(selects) == maxSelects {
			return mgmterr.New(mgmterr.TooBig, "", "cannot lock: there are more than %d <select>", maxSelects).OfType(mgmterr.Protocol)
		}
		text := string(b)
		f, err := q.xpath(text)
		if err != nil { // RFC 5717, 2.4.1: an invalid expression is invalid-value
			return unfit("cannot lock by this XPath: %s", strings.TrimPrefix(err.Error(), cannotUse))
		}
		selects, exprs = append(selects, text), append(exprs, f.(*xpathFilter).expr)
		return nil
	}})
	if err != nil {
		return nil, err
	}
	if len(selects) == 0 {
		return nil, missing("partial-lock", "select")
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		id, nodes, err := ss.mgmt.PartialLock(selects, func(root *tree.Node) ([]tree.Path, error) { return choose(root, exprs) })
		if err != nil {
			return nil, err
		}
		return func(w *xmlstream.Writer) error {
			w.Leaf(nsPartialLock, "lock-id", strconv.FormatUint(uint64(id), 10))
			for _, n := range nodes {
				xmlenc.Path(w, nsPartialLock, "locked-node", ss.mgmt.Schema(), n.String())
			}
			return w.Err()
		}, nil
	}, nil
}

// unfit says that a <select> will not do.
func unfit(format string, args ...any) *mgmterr.Error {
	return mgmterr.New(mgmterr.InvalidValue, "", format, args...).OfType(mgmterr.Protocol).WithInfo("bad-element", "select")
}

// choose are the nodes that the expressions select, each once. The root stands for what
// is at the top.
func choose(root *tree.Node, exprs []*xpath.Expr) (nodes []tree.Path, err error) {
	seen := make(map[string]bool)
	add := func(n *xpath.Node) {
		if n.Default || n.Tree == nil && n.Schema.Kind == yang.KindContainer {
			return // RFC 5717, 2.1.1: what is locked is in running
		}
		p := n.Path() // of a leaf for its text
		if id := p.String(); !seen[id] {
			seen[id] = true
			nodes = append(nodes, p)
		}
	}
	for _, e := range exprs {
		v, err := e.Eval(xpath.Context{Node: xpath.Root(root), Budget: xpathSteps})
		switch {
		case errors.Is(err, xpath.ErrBudget):
			return nil, mgmterr.New(mgmterr.ResourceDenied, "", "cannot lock by this XPath: it takes too many steps").OfType(mgmterr.Protocol)
		case err != nil:
			return nil, unfit("cannot lock by this XPath: %s", err)
		case !v.IsNodes(): // RFC 5717, 2.4.1
			return nil, unfit("cannot lock by this XPath: its result is a value and not a set of nodes").WithAppTag("not-a-node-set")
		}
		for _, n := range v.Nodes() {
			if n.Parent != nil {
				add(n)
				continue
			}
			for c := range root.Children() {
				if c.Schema.Kind == yang.KindList || c.Schema.Kind == yang.KindLeafList {
					return nil, unfit("cannot lock all of the datastore by a partial lock: it has lists at the top; use lock")
				}
				add(n.Below(c.Schema, c.Node, c.Value))
			}
		}
	}
	return nodes, nil
}

// parsePartialUnlock is <partial-unlock> (RFC 5717, 2.4.2).
func parsePartialUnlock(q *request) (action, error) {
	var text string
	if err := q.params("partial-unlock", map[string]func() error{"lock-id": q.text(&text)}); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, missing("partial-unlock", "lock-id")
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as a lock-id: it is the number that partial-lock gave", text).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "lock-id")
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.mgmt.PartialUnlock(uint32(id))
	}, nil
}
