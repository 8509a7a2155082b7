// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"slices"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/xmlenc"
)

// parseEditConfig is <edit-config> (RFC 6241, 7.2).
func parseEditConfig(q *request) (action, error) {
	var (
		target              mgmt.Datastore
		defaultOp           = "merge"
		test, errorOption   = "", "stop-on-error"
		edit                *tree.Edit
		url                 string
		configBeforeOptions bool
	)
	word := func(into *string, name string, allowed ...string) func() error {
		return func() error {
			configBeforeOptions = configBeforeOptions || edit != nil
			return q.word(into, name, allowed...)
		}
	}
	err := q.params("edit-config", map[string]func() error{
		"target":            q.datastore(&target),
		"default-operation": word(&defaultOp, "default-operation", "merge", "replace", "none"),
		"test-option":       word(&test, "test-option", "test-then-set", "set", "test-only"),
		"error-option":      word(&errorOption, "error-option", "stop-on-error", "continue-on-error", "rollback-on-error"),
		"config": func() (err error) {
			edit, err = xmlenc.DecodeConfig(q.r, q.schema(), xmlenc.ConfigOptions{DefaultOperation: operationOf(defaultOp)})
			return err
		},
		"url": func() (err error) {
			url, err = q.url()
			return err
		},
	})
	switch {
	case err != nil:
		return nil, err
	case target == "":
		return nil, missing("edit-config", "target")
	case target == mgmt.Startup: // RFC 6241, 8.7.5: not among what can have it
		return nil, mgmterr.New(mgmterr.OperationNotSupported, "", "cannot edit startup: use copy-config, from running or any other source").OfType(mgmterr.Protocol)
	case edit == nil && url == "":
		return nil, missing("edit-config", "config")
	case edit != nil && url != "":
		return nil, mgmterr.New(mgmterr.BadElement, "", "cannot use both <config> and <url>").OfType(mgmterr.Protocol).WithInfo("bad-element", "url")
	case configBeforeOptions && defaultOp != "merge":
		// The configuration is read as it streams by: what it means must be known.
		return nil, mgmterr.New(mgmterr.BadElement, "", "cannot use <default-operation> after <config>: put it before").
			OfType(mgmterr.Protocol).WithInfo("bad-element", "default-operation")
	}
	return func(ctx context.Context, ss *session) (_ func(*xmlstream.Writer) error, err error) {
		if url != "" { // RFC 6241, 8.8.5.1
			if edit, err = ss.load(url, operationOf(defaultOp)); err != nil {
				return nil, err
			}
		}
		return nil, ss.edit(ctx, target, edit, test, errorOption)
	}, nil
}

// word reads a parameter that is one of a few words.
func (q *request) word(into *string, name string, allowed ...string) error {
	if err := q.text(into)(); err != nil {
		return err
	}
	if !slices.Contains(allowed, *into) {
		return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.40q as %s: it is %s or %s", *into, name,
			strings.Join(allowed[:len(allowed)-1], ", "), allowed[len(allowed)-1]).
			OfType(mgmterr.Protocol).WithInfo("bad-element", name)
	}
	return nil
}

func operationOf(word string) tree.Op {
	switch word {
	case "replace":
		return tree.OpReplace
	case "none":
		return tree.OpNone
	}
	return tree.OpMerge
}

// edit makes the edit in a transaction of its own. stop-on-error and
// rollback-on-error are the same here: an edit is done whole or not at all.
// continue-on-error does the parts that can be done and reports the others.
func (ss *session) edit(ctx context.Context, target mgmt.Datastore, edit *tree.Edit, test, errorOption string) error {
	t, err := ss.mgmt.Begin(ctx, target)
	if err != nil {
		return err
	}
	defer t.Abort()
	var refused mgmterr.List
	if errorOption == "continue-on-error" {
		apart(edit)
		refused = t.ApplyEach(edit)
	} else if err := t.Apply(edit); err != nil {
		return err
	}
	// The candidate need not be valid before it is committed (RFC 7950, 8.3.3), so it
	// is tested where that is asked for; running always is (RFC 6241, 7.2).
	if test == "test-only" || test == "test-then-set" && target == mgmt.Candidate {
		err = t.Validate(ctx)
	}
	if err == nil && test != "test-only" {
		_, err = t.Commit(ctx, mgmt.Label{})
	}
	if err != nil && len(refused) > 0 {
		if more := mgmterr.Of(err); more != nil {
			return append(refused, more...)
		}
	}
	if err == nil && len(refused) > 0 {
		return refused
	}
	return err
}

// apart makes an edit for every node, so that each can be done or refused by
// itself.
func apart(e *tree.Edit) {
	if e.Op != tree.OpMerge && e.Op != tree.OpNone {
		return // done whole
	}
	e.Children, e.Tree = e.Split(), nil
	for i := range e.Children {
		apart(&e.Children[i])
	}
}

// parseValidate is <validate> (RFC 6241, 8.6.4.1).
func parseValidate(q *request) (action, error) {
	var from configuration
	if err := q.params("validate", map[string]func() error{"source": q.source(&from)}); err != nil {
		return nil, err
	}
	if !from.given() {
		return nil, missing("validate", "source")
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		if from.store != "" {
			return nil, ss.mgmt.Validate(ctx, from.store, nil)
		}
		edit, err := ss.whole(ctx, from, "")
		if err != nil {
			return nil, err
		}
		return nil, ss.mgmt.Validate(ctx, mgmt.Running, edit) // as it would make that
	}, nil
}
