// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/meta"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
)

// withDefaults names the parameter of RFC 6243, 4.5 in the operations of RFC 6241.
const withDefaults = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults with-defaults"

// The modes of RFC 6243, 3. The server's own is explicit.
const (
	reportAll       = "report-all"
	reportAllTagged = "report-all-tagged"
	trim            = "trim"
	explicit        = "explicit"
)

// defaults reads <with-defaults>.
func (q *request) defaults(into *string) func() error {
	return func() error {
		if err := q.text(into)(); err != nil {
			return err
		}
		switch *into {
		case reportAll, reportAllTagged, trim, explicit:
			return nil
		}
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.40q as with-defaults: it is report-all, report-all-tagged, trim or explicit", *into).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "with-defaults")
	}
}

// reading is what a request wants to see.
type reading struct {
	store    mgmt.Datastore
	filter   filter // nil is everything
	defaults string // a mode of RFC 6243; "" is explicit
	depth    int    // levels of what is selected (RFC 8526, 3.1.1); 0 is all
	only     only
	origin   bool // tell where each node comes from (RFC 8342, 5.3.4)
}

// action reads, and writes <data> of the namespace of the operation.
func (r reading) action(space string) action {
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		root, tags, err := r.read(ctx, ss.mgmt)
		if err != nil {
			return nil, err
		}
		return func(w *xmlstream.Writer) error {
			w.Start(space, "data")
			if err := xmlenc.Encode(w, root, xmlenc.Options{Modules: ss.mgmt.Schema().Module, Meta: tags}); err != nil {
				return err
			}
			w.End()
			return w.Err()
		}, nil
	}
}

func (r reading) read(ctx context.Context, s *mgmt.Session) (root *tree.Node, tags *meta.Node, err error) {
	var tops []*yang.Node
	if r.filter != nil {
		if tops = r.filter.tops(); tops != nil && len(tops) == 0 {
			return nil, nil, nil
		}
	}
	d, err := s.Data(ctx, r.store, tops...)
	if err != nil {
		return nil, nil, err
	}
	switch root = d.Set; {
	case r.defaults == trim:
		root, err = d.Trim()
	case r.defaults == reportAll, r.defaults == reportAllTagged, r.only.byOrigin(), r.origin:
		root, err = d.All()
	}
	if err != nil {
		return nil, nil, err
	}
	if r.only.byOrigin() || r.origin || r.defaults == reportAllTagged {
		tags = meta.Tag(nil, d.Set, root)
	}
	if r.only.some() {
		if root, err = r.only.shape(root, 0, tags); err != nil {
			return nil, nil, err
		}
	}
	if r.filter != nil {
		root, err = r.filter.apply(root, r.depth)
	} else {
		root, err = cut(root, below(r.depth))
	}
	if r.origin {
		return root, origins(s.Schema(), root, tags, r.defaults == reportAllTagged), err
	}
	if r.defaults != reportAllTagged {
		tags = nil
	}
	return root, tags, err
}
