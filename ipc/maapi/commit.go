// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"io"
	"strings"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/textenc"
	"nso.example/nso/tree/xmlenc"
)

const (
	defaultTimeout = 600 // seconds until a commit is reverted (RFC 6241, 8.4.5.1)
	maxText        = 4096
	maxPersist     = 1024
	maxHistory     = 1000
)

// how is how a commit is made, as the client says it.
type how struct {
	Label     *string `json:"label"`
	Comment   *string `json:"comment"`
	Force     *bool   `json:"force"`
	Confirmed *bool   `json:"confirmed"`
	Timeout   *int64  `json:"timeout"`
	Persist   *string `json:"persist"`
	PersistID *string `json:"persistId"`
}

func (h how) options() (o mgmt.CommitOptions, err error) {
	for _, f := range []struct {
		from *string
		to   *string
		most int
		name string
	}{{h.Label, &o.Label.Label, maxText, "label"}, {h.Comment, &o.Label.Comment, maxText, "comment"},
		{h.Persist, &o.Persist, maxPersist, "persist"}, {h.PersistID, &o.PersistID, maxPersist, "persistId"}} {
		if f.from == nil {
			continue
		}
		if len(*f.from) > f.most || strings.ContainsRune(*f.from, 0) {
			return o, varlink.InvalidParameter(f.name)
		}
		*f.to = *f.from
	}
	o.Confirmed = h.Confirmed != nil && *h.Confirmed
	seconds := int64(defaultTimeout)
	if h.Timeout != nil {
		seconds = *h.Timeout
	}
	switch {
	case seconds < 1 || seconds > 1<<32-1 || h.Timeout != nil && !o.Confirmed:
		return o, varlink.InvalidParameter("timeout")
	case h.Persist != nil && !o.Confirmed:
		return o, varlink.InvalidParameter("persist")
	}
	o.Timeout = time.Duration(seconds) * time.Second
	return o, nil
}

func (r *room) commit(ctx context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		how
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	cl := of(c)
	t, err := cl.writable(in.TH)
	if err != nil {
		return err
	}
	o, err := in.options()
	if err != nil {
		return err
	}
	if in.Force != nil && *in.Force {
		t.txn.Force()
	}
	rev, err := t.txn.CommitWith(ctx, o)
	t.disarm()
	if err != nil {
		return err
	}
	delete(cl.txns, in.TH)
	return c.Reply(map[string]any{"revision": rev})
}

// confirm confirms what waits by a commit that changes nothing.
func (r *room) confirm(ctx context.Context, c *varlink.Call) error {
	var in how
	if err := c.Decode(&in); err != nil {
		return err
	}
	o, err := in.options()
	if err != nil {
		return err
	}
	if rev, _, _ := r.server.Unconfirmed(); rev == 0 {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot confirm: no commit waits to be confirmed").OfType(mgmterr.Protocol)
	}
	ss := of(c).session
	if err := ss.MayExec("ietf-netconf", "commit"); err != nil {
		return err
	}
	t, err := ss.Begin(ctx, mgmt.Running)
	if err != nil {
		return err
	}
	defer t.Abort()
	rev, err := t.CommitWith(ctx, mgmt.CommitOptions{Label: o.Label, PersistID: o.PersistID})
	if err != nil {
		return err
	}
	return c.Reply(map[string]any{"revision": rev})
}

func (r *room) cancelCommit(_ context.Context, c *varlink.Call) error {
	var in how
	if err := c.Decode(&in); err != nil {
		return err
	}
	o, err := in.options()
	if err != nil {
		return err
	}
	ss := of(c).session
	if err := ss.MayExec("ietf-netconf", "cancel-commit"); err != nil {
		return err
	}
	if in.Force != nil && *in.Force {
		err = ss.ForceCancel()
	} else {
		err = ss.CancelCommit(o.PersistID)
	}
	if err != nil {
		return err
	}
	return c.Reply(nil)
}

func (r *room) unconfirmed(_ context.Context, c *varlink.Call) error {
	rev, user, until := r.server.Unconfirmed()
	out := map[string]any{"revision": rev, "user": user, "until": ""}
	if rev != 0 {
		out["until"] = until.UTC().Format(time.RFC3339)
	}
	return c.Reply(out)
}

func (r *room) dryRun(_ context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		Format string `json:"format"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	before, after, err := t.txn.DryRun()
	if err != nil {
		return err
	}
	return difference(c, in.Format, before, after)
}

// difference replies what b changes in a.
func difference(c *varlink.Call, format string, a, b *tree.Node) (err error) {
	out := &pieces{call: c}
	switch format {
	case "curly":
		err = textenc.DiffCurly(out, a, b)
	case "set":
		err = textenc.DiffSet(out, a, b)
	default:
		return varlink.InvalidParameter("format")
	}
	if err != nil {
		return err
	}
	return out.end()
}

// whole replies what is at a path as text.
func whole(c *varlink.Call, format string, root *tree.Node, p tree.Path) error {
	out := &pieces{call: c}
	if err := write(out, format, root, p); err != nil {
		return err
	}
	return out.end()
}

// write writes what is at p in a format of Show.
func write(out io.Writer, format string, root *tree.Node, p tree.Path) error {
	switch format {
	case "curly":
		return textenc.Curly(out, root, p)
	case "set":
		return textenc.Set(out, root, p)
	case "json":
		return jsonenc.Encode(out, only(root, p), jsonenc.Options{Indent: "  "})
	case "xml":
		return inXML(out, only(root, p))
	}
	return varlink.InvalidParameter("format")
}

func inXML(out io.Writer, root *tree.Node) error {
	w := xmlstream.NewWriter(out)
	w.Indent("  ")
	if err := xmlenc.Encode(w, root, xmlenc.Options{}); err != nil {
		return err
	}
	return w.Flush()
}

func (r *room) save(ctx context.Context, c *varlink.Call) error {
	if err := of(c).session.Save(ctx); err != nil {
		return err
	}
	return c.Reply(nil)
}

func (r *room) history(_ context.Context, c *varlink.Call) error {
	var in struct {
		Before *uint64 `json:"before"`
		Limit  *int    `json:"limit"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	limit, before := maxHistory, uint64(0)
	if in.Limit != nil && *in.Limit > 0 && *in.Limit < limit {
		limit = *in.Limit
	}
	if in.Before != nil {
		before = *in.Before
	}
	found, err := of(c).session.History(before, limit)
	if err != nil {
		return err
	}
	type entry struct {
		Revision  uint64 `json:"revision"`
		Time      string `json:"time"`
		User      string `json:"user"`
		Door      string `json:"door"`
		Source    string `json:"source"`
		Label     string `json:"label"`
		Comment   string `json:"comment"`
		Confirmed bool   `json:"confirmed"`
		Kept      bool   `json:"kept"`
	}
	all := make([]entry, len(found))
	for i, e := range found {
		all[i] = entry{e.Revision, e.Time.UTC().Format(time.RFC3339), e.User, e.Door, e.Source, e.Label, e.Comment, e.Confirmed, e.Kept}
	}
	return c.Reply(map[string]any{"commits": all})
}

func (r *room) showRevision(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Revision uint64 `json:"revision"`
		Format   string `json:"format"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	root, err := of(c).session.At(ctx, in.Revision)
	if err != nil {
		return err
	}
	return whole(c, in.Format, root, nil)
}

func (r *room) compare(ctx context.Context, c *varlink.Call) error {
	var in struct {
		From   uint64  `json:"from"`
		To     *uint64 `json:"to"`
		Format string  `json:"format"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	ss := of(c).session
	from, err := ss.At(ctx, in.From)
	if err != nil {
		return err
	}
	var to *tree.Node
	if in.To != nil {
		to, err = ss.At(ctx, *in.To)
	} else {
		to, err = ss.Read(ctx, mgmt.Running)
	}
	if err != nil {
		return err
	}
	return difference(c, in.Format, from, to)
}

func (r *room) rollback(ctx context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		Revision uint64 `json:"revision"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	if err := t.txn.Rollback(ctx, in.Revision); err != nil {
		return err
	}
	return c.Reply(nil)
}
