// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

// configuration is what a <source> can name: a datastore, or a configuration that
// is said at once.
type configuration struct {
	store mgmt.Datastore
	edit  *tree.Edit // that replaces everything by it
}

func (c configuration) given() bool { return c.store != "" || c.edit != nil }

// source reads a <source> that may be an inline <config> (RFC 6241, 7.3 and 8.6.4.1).
func (q *request) source(into *configuration) func() error {
	return q.oneOf("source", func(t *xmlstream.Token) (err error) {
		if t.Name == base("config") {
			into.edit, err = xmlenc.DecodeConfig(q.r, q.schema(), xmlenc.ConfigOptions{DefaultOperation: tree.OpReplace})
			return err
		}
		into.store, err = q.named(t)
		return err
	})
}

// parseCopyConfig is <copy-config> (RFC 6241, 7.3).
func parseCopyConfig(q *request) (action, error) {
	var target mgmt.Datastore
	var from configuration
	var mode string
	err := q.params("copy-config", map[string]func() error{"target": q.datastore(&target), "source": q.source(&from),
		withDefaults: q.defaults(&mode)})
	switch {
	case err != nil:
		return nil, err
	case target == "":
		return nil, missing("copy-config", "target")
	case !from.given():
		return nil, missing("copy-config", "source")
	case from.store == target:
		// RFC 6241, 7.3
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot copy %s to itself", target).OfType(mgmterr.Protocol)
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		edit := from.edit
		if edit == nil {
			if mode == reportAllTagged {
				mode = explicit // what is tagged as a default is not set (RFC 6243, 4.5.1)
			}
			// RFC 8341, 3.2.5: what the session may not read is no part of the source.
			root, _, err := reading{store: from.store, defaults: mode}.read(ctx, ss.mgmt)
			if err != nil {
				return nil, err
			}
			edit = &tree.Edit{Schema: ss.mgmt.Schema().Root, Op: tree.OpReplace, Tree: root}
		}
		t, err := ss.mgmt.Begin(ctx, target)
		if err != nil {
			return nil, err
		}
		defer t.Abort()
		if err := t.Apply(edit); err != nil {
			return nil, err
		}
		_, err = t.Commit(ctx, mgmt.Label{})
		return nil, err
	}, nil
}

// parseDeleteConfig is <delete-config> (RFC 6241, 7.4).
func parseDeleteConfig(q *request) (action, error) {
	var target mgmt.Datastore
	if err := q.params("delete-config", map[string]func() error{"target": q.datastore(&target)}); err != nil {
		return nil, err
	}
	if target == "" {
		return nil, missing("delete-config", "target")
	}
	// RFC 6241, 7.4: running cannot be deleted; nor can the candidate, which is
	// always there (8.3).
	return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot delete %s: it is always there; edit-config and discard-changes empty it", target).
		OfType(mgmterr.Protocol)
}
