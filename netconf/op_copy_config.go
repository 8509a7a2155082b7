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

// configuration is what a <source> or <target> can name: a datastore, an entry of the
// store of files, or a configuration that is said at once.
type configuration struct {
	store mgmt.Datastore
	file  string
	edit  *tree.Edit // that replaces everything by it
}

func (c configuration) given() bool { return c.store != "" || c.file != "" || c.edit != nil }

// source reads a <source> that may be an inline <config> (RFC 6241, 7.3 and 8.6.4.1).
func (q *request) source(into *configuration) func() error {
	return q.oneOf("source", func(t *xmlstream.Token) (err error) {
		if t.Name == base("config") {
			into.edit, err = xmlenc.DecodeConfig(q.r, q.schema(), xmlenc.ConfigOptions{DefaultOperation: tree.OpReplace})
			return err
		}
		return q.named(t, into)
	})
}

// target reads a <target> that may be a url (RFC 6241, 8.8.5).
func (q *request) target(into *configuration) func() error {
	return q.oneOf("target", func(t *xmlstream.Token) error { return q.named(t, into) })
}

func (q *request) named(t *xmlstream.Token, into *configuration) (err error) {
	if t.Name == base("url") {
		into.file, err = q.url()
		return err
	}
	into.store, err = q.store(t)
	return err
}

// parseCopyConfig is <copy-config> (RFC 6241, 7.3 and 8.8.5.2).
func parseCopyConfig(q *request) (action, error) {
	var target, from configuration
	var mode string
	err := q.params("copy-config", map[string]func() error{"target": q.target(&target), "source": q.source(&from),
		withDefaults: q.defaults(&mode)})
	switch {
	case err != nil:
		return nil, err
	case !target.given():
		return nil, missing("copy-config", "target")
	case !from.given():
		return nil, missing("copy-config", "source")
	case from == target:
		// RFC 6241, 7.3
		return nil, mgmterr.New(mgmterr.InvalidValue, "", "cannot copy %s to itself", target.store+mgmt.Datastore(target.file)).OfType(mgmterr.Protocol)
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		if target.store == mgmt.Startup && from.store == mgmt.Running {
			return nil, ss.mgmt.Save(ctx)
		}
		edit, err := ss.whole(ctx, from, mode)
		if err != nil {
			return nil, err
		}
		if target.file != "" {
			root, err := tree.Apply(tree.New(ss.mgmt.Schema().Root), edit, nil)
			if err != nil {
				return nil, err
			}
			return nil, ss.save(target.file, root)
		}
		t, err := ss.mgmt.Begin(ctx, target.store)
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

// whole is the edit that replaces everything by a configuration.
func (ss *session) whole(ctx context.Context, from configuration, mode string) (*tree.Edit, error) {
	switch {
	case from.edit != nil:
		return from.edit, nil
	case from.file != "":
		return ss.load(from.file, tree.OpReplace)
	case mode == reportAllTagged:
		mode = explicit // what is tagged as a default is not set (RFC 6243, 4.5.1)
	}
	// RFC 8341, 3.2.6: what the session may not read is no part of the source.
	root, _, err := reading{store: from.store, defaults: mode}.read(ctx, ss.mgmt)
	return &tree.Edit{Schema: ss.mgmt.Schema().Root, Op: tree.OpReplace, Tree: root}, err
}

// parseDeleteConfig is <delete-config> (RFC 6241, 7.4 and 8.8.5.3).
func parseDeleteConfig(q *request) (action, error) {
	var target configuration
	if err := q.params("delete-config", map[string]func() error{"target": q.target(&target)}); err != nil {
		return nil, err
	}
	switch {
	case !target.given():
		return nil, missing("delete-config", "target")
	case target.store == mgmt.Startup: // RFC 6241, 8.7
		return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
			return nil, ss.mgmt.DeleteStartup(ctx)
		}, nil
	case target.file == "":
		// RFC 6241, 7.4: running cannot be deleted; nor can the candidate, which is
		// always there (8.3).
		return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot delete %s: it is always there; edit-config and discard-changes empty it", target.store).
			OfType(mgmterr.Protocol)
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.server.opts.Files.Delete(ss.mgmt.Actor().User, target.file)
	}, nil
}
