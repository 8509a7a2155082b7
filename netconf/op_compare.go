// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"slices"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

const nsCompare = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"

// parseCompare is <compare> (RFC 9144, 4): what is to be done to the source to have the
// target.
func parseCompare(q *request) (action, error) {
	var source, target reading
	var by filter
	var all, origin bool
	one := func(f func() (filter, error)) func() error {
		return func() (err error) {
			if by != nil {
				return mgmterr.New(mgmterr.BadElement, "", "cannot use two filters at once").OfType(mgmterr.Protocol).WithInfo("bad-element", q.token().Name.Local)
			}
			by, err = f()
			return err
		}
	}
	err := q.params("compare", map[string]func() error{
		"source": q.identity(&source.store), "target": q.identity(&target.store),
		"all": q.empty(&all), "report-origin": q.empty(&origin),
		"subtree-filter": one(q.subtree),
		"xpath-filter": one(func() (filter, error) {
			text, err := q.r.Text()
			if err != nil {
				return nil, err
			}
			return q.xpath(string(text))
		}),
	})
	switch {
	case err != nil:
		return nil, err
	case source.store == "":
		return nil, missing("compare", "source")
	case target.store == "":
		return nil, missing("compare", "target")
	case origin:
		return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot report origins in a comparison: get-data tells them").OfType(mgmterr.Protocol)
	}
	for r, other := range map[*reading]*reading{&source: &target, &target: &source} {
		r.filter = by
		// RFC 9144, 4: state is in one of the two only, and left out unless all is asked for.
		r.only.config = !all && other.store != mgmt.Operational
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		from, err := source.compared(ctx, ss.mgmt)
		if err != nil {
			return nil, err
		}
		to, err := target.compared(ctx, ss.mgmt)
		if err != nil {
			return nil, err
		}
		if by != nil && from.Empty() && to.Empty() {
			return func(w *xmlstream.Writer) error { w.Leaf(nsCompare, "no-matches", ""); return w.Err() }, nil
		}
		edits, err := patch{nsCompare, true}.encode(ss.mgmt.Schema(), slices.Collect(changesOf(from, to)), nothing)
		if err != nil {
			return nil, err
		}
		return func(w *xmlstream.Writer) error {
			w.Start(nsCompare, "differences")
			if len(edits) > 0 {
				w.Start(nsCompare, "yang-patch")
				w.Leaf(nsCompare, "patch-id", "compare")
				w.Raw(edits)
				w.End()
			}
			w.End()
			return w.Err()
		}, nil
	}, nil
}

// compared is what is set of a datastore, less what the filter leaves out.
func (r reading) compared(ctx context.Context, s *mgmt.Session) (*tree.Node, error) {
	if r.store == intended {
		r.store = mgmt.Running
	}
	root, _, err := r.read(ctx, s)
	if root == nil {
		root = tree.New(s.Schema().Root)
	}
	return root, err
}

// changesOf are the changes from a to b, to keep.
func changesOf(a, b *tree.Node) func(func(tree.Change) bool) {
	return func(yield func(tree.Change) bool) {
		for c := range tree.Diff(a, b) {
			c.Path = c.Path.Clone()
			if !yield(c) {
				return
			}
		}
	}
}

// nothing leaves nothing out.
func nothing(string) bool { return false }
