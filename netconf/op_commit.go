// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"strconv"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
)

// persistSize bounds the token of a confirmed commit.
const persistSize = 1024

// parseCommit is <commit> (RFC 6241, 8.3.4.1 and 8.4.5.1).
func parseCommit(q *request) (action, error) {
	o := mgmt.CommitOptions{Timeout: 600 * time.Second} // RFC 6241, 8.4.5.1
	given := ""                                         // a parameter that makes sense with <confirmed> alone
	err := q.params("commit", map[string]func() error{
		"confirmed": q.empty(&o.Confirmed),
		"confirm-timeout": func() error {
			var text string
			if err := q.text(&text)(); err != nil {
				return err
			}
			given = "confirm-timeout"
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil || n == 0 {
				return mgmterr.New(mgmterr.InvalidValue, "", "cannot use %.20q as confirm-timeout: it is 1..4294967295 seconds", text).
					OfType(mgmterr.Protocol).WithInfo("bad-element", "confirm-timeout")
			}
			o.Timeout = time.Duration(n) * time.Second
			return nil
		},
		"persist": func() error {
			given = "persist"
			return q.persistent("persist", &o.Persist)()
		},
		"persist-id": q.persistent("persist-id", &o.PersistID),
	})
	if err != nil {
		return nil, err
	}
	if given != "" && !o.Confirmed {
		return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot use <%s> without <confirmed>", given).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "confirmed")
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		_, err := ss.mgmt.CommitCandidate(ctx, o)
		return nil, err
	}, nil
}

// parseCancelCommit is <cancel-commit> (RFC 6241, 8.4.4.1).
func parseCancelCommit(q *request) (action, error) {
	var id string
	if err := q.params("cancel-commit", map[string]func() error{"persist-id": q.persistent("persist-id", &id)}); err != nil {
		return nil, err
	}
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.mgmt.CancelCommit(id)
	}, nil
}

// parseDiscardChanges is <discard-changes> (RFC 6241, 8.3.4.2).
func parseDiscardChanges(q *request) (action, error) {
	if err := q.params("discard-changes", nil); err != nil {
		return nil, err
	}
	return func(ctx context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		return nil, ss.mgmt.Discard(ctx)
	}, nil
}

// empty reads a parameter that is there or not.
func (q *request) empty(into *bool) func() error {
	return func() error {
		var text string
		if err := q.text(&text)(); err != nil {
			return err
		}
		if *into = true; text != "" {
			return mgmterr.New(mgmterr.BadElement, "", "cannot use text in an element that is empty").OfType(mgmterr.Protocol)
		}
		return nil
	}
}

// persistent reads the token of a confirmed commit. An empty one would be none.
func (q *request) persistent(name string, into *string) func() error {
	return func() error {
		b, err := q.r.Text()
		if err != nil {
			return err
		}
		if *into = string(b); *into == "" || len(*into) > persistSize {
			return mgmterr.New(mgmterr.InvalidValue, "", "cannot use this %s: it has 1 to %d bytes", name, persistSize).
				OfType(mgmterr.Protocol).WithInfo("bad-element", name)
		}
		return nil
	}
}
