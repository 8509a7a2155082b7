// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/textenc"
)

const (
	persistSize = 1024 // of the token of a confirmed commit
	wordsSize   = 4096 // of a label or comment
	nsCommit    = "urn:nso:commit"
)

// rehearse answers what a commit of the candidate would change of running.
func rehearse(format string) action {
	return func(_ context.Context, ss *session) (func(*xmlstream.Writer) error, error) {
		before, after, err := ss.mgmt.DryCommit()
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		switch format {
		case "cli":
			err = textenc.DiffCurly(&text, before, after)
		case "set":
			err = textenc.DiffSet(&text, before, after)
		default:
			var edits []byte
			edits, err = patch{nsCommit, true}.encode(ss.mgmt.Schema(), slices.Collect(changesOf(before, after)), nothing)
			text.Write(edits)
		}
		if err != nil {
			return nil, err
		}
		return func(w *xmlstream.Writer) error {
			if format == "xml" {
				w.Start(nsCommit, "edits")
				w.Raw(text.Bytes())
				w.End()
			} else {
				w.Leaf(nsCommit, "difference", text.String())
			}
			return w.Err()
		}, nil
	}
}

// parseCommit is <commit> (RFC 6241, 8.3.4.1 and 8.4.5.1).
func parseCommit(q *request) (action, error) {
	o := mgmt.CommitOptions{Timeout: 600 * time.Second} // RFC 6241, 8.4.5.1
	given := ""                                         // a parameter that makes sense with <confirmed> alone
	rehearsal := ""
	words := func(name string, into *string) func() error {
		return func() error {
			b, err := q.r.Text()
			if *into = string(b); err == nil && (len(b) == 0 || len(b) > wordsSize) {
				err = mgmterr.New(mgmterr.InvalidValue, "", "cannot use this %s: it has 1 to %d bytes", name, wordsSize).
					OfType(mgmterr.Protocol).WithInfo("bad-element", name)
			}
			return err
		}
	}
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
		"persist-id":          q.persistent("persist-id", &o.PersistID),
		nsCommit + " label":   words("label", &o.Label.Label),
		nsCommit + " comment": words("comment", &o.Label.Comment),
		nsCommit + " dry-run": func() error { return q.word(&rehearsal, "dry-run", "cli", "set", "xml") },
	})
	if err != nil {
		return nil, err
	}
	if given != "" && !o.Confirmed {
		return nil, mgmterr.New(mgmterr.MissingElement, "", "cannot use <%s> without <confirmed>", given).
			OfType(mgmterr.Protocol).WithInfo("bad-element", "confirmed")
	}
	if rehearsal != "" {
		return rehearse(rehearsal), nil
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
