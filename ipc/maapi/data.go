// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/tree/xmlenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

type atPath struct {
	onTxn
	Path string `json:"path"`
}

// located decodes a call on a path into in, of which at is a part, and finds
// transaction and path.
func (r *room) located(c *varlink.Call, in any, at *atPath) (*transaction, tree.Path, error) {
	if err := c.Decode(in); err != nil {
		return nil, nil, err
	}
	t, err := of(c).transaction(at.TH)
	if err != nil {
		return nil, nil, err
	}
	p, err := r.path(at.Path)
	return t, p, err
}

func (r *room) path(text string) (tree.Path, error) {
	if text == "/" || text == "" {
		return nil, nil
	}
	return tree.ParsePath(r.server.Schema(), text)
}

func (r *room) get(_ context.Context, c *varlink.Call) error {
	var in atPath
	t, p, err := r.located(c, &in, &in)
	if err != nil {
		return err
	}
	if len(p) == 0 || p.Schema().Kind != yang.KindLeaf {
		return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot get %s: it is no leaf", in.Path)
	}
	if child, ok := t.root().Find(p); ok {
		return c.Reply(map[string]any{"value": child.Value})
	}
	return c.Reply(map[string]any{"value": nil})
}

func (r *room) exists(_ context.Context, c *varlink.Call) error {
	var in atPath
	t, p, err := r.located(c, &in, &in)
	if err != nil {
		return err
	}
	ok := len(p) == 0
	if !ok {
		_, ok = t.root().Find(p)
	}
	return c.Reply(map[string]any{"exists": ok})
}

func (r *room) show(_ context.Context, c *varlink.Call) error {
	var in struct {
		atPath
		Format string `json:"format"`
	}
	t, p, err := r.located(c, &in, &in.atPath)
	if err != nil {
		return err
	}
	return whole(c, in.Format, t.root(), p)
}

// only is root with nothing in it but what is at p, its ancestors' keys
// included: the form in which a subtree is told in XML and JSON.
func only(root *tree.Node, p tree.Path) *tree.Node {
	if len(p) == 0 {
		return root
	}
	ed := tree.NewEditor(tree.New(root.Schema()))
	child, ok := root.Find(p)
	if !ok {
		return ed.Root()
	}
	if err := ed.Put(p, child); err != nil {
		return tree.New(root.Schema())
	}
	return ed.Root()
}

// pieces sends a text in replies of bounded size: each but the last continues.
type pieces struct {
	call *varlink.Call
	buf  bytes.Buffer
}

// Write collects, and sends full pieces to a client that takes more than one.
func (p *pieces) Write(b []byte) (int, error) {
	p.buf.Write(b)
	if !p.call.More() && p.buf.Len() > maxWhole {
		return 0, varlink.ExpectedMore()
	}
	for p.call.More() && p.buf.Len() > pieceSize {
		text := p.buf.Next(cut(p.buf.Bytes(), pieceSize))
		if err := p.call.ReplyContinues(map[string]string{"text": string(text)}); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// cut is the largest size up to n that divides no character.
func cut(b []byte, n int) int {
	for n > 0 && b[n]&0xC0 == 0x80 {
		n--
	}
	return n
}

func (p *pieces) end() error { return p.call.Reply(map[string]string{"text": p.buf.String()}) }

func (r *room) keys(_ context.Context, c *varlink.Call) error {
	var in struct {
		atPath
		Prefix *string   `json:"prefix"`
		After  *[]string `json:"after"`
		Limit  *int      `json:"limit"`
	}
	t, p, err := r.located(c, &in, &in.atPath)
	if err != nil {
		return err
	}
	if len(p) == 0 || p.Schema().Kind != yang.KindList || len(p.Schema().Keys) == 0 {
		return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot list keys: %s is no list with keys", in.Path)
	}
	limit := 1000
	if in.Limit != nil && *in.Limit > 0 && *in.Limit < limit {
		limit = *in.Limit
	}
	list := p.Schema()
	from := tree.Key("")
	if in.After != nil {
		if from, err = makeKey(list, *in.After); err != nil {
			return at(err, in.Path)
		}
	}
	type key struct {
		Values []string `json:"values"`
	}
	entries, more := []key{}, false
	child, _ := t.root().Find(p)
	all := child.List.All()
	if from != "" {
		all = child.List.From(from)
	}
	for e := range all {
		k := e.Key()
		values := k.Values(list)
		if k == from || in.Prefix != nil && !strings.HasPrefix(values[0], *in.Prefix) {
			continue
		}
		if more = len(entries) == limit; more {
			break
		}
		entries = append(entries, key{values})
	}
	return c.Reply(map[string]any{"entries": entries, "more": more})
}

// makeKey is the key of these values, checked.
func makeKey(list *yang.Node, values []string) (tree.Key, error) {
	if len(values) != len(list.Keys) {
		return "", varlink.InvalidParameter("after")
	}
	canonical := make([]string, len(values))
	for i, k := range list.Keys {
		v, err := value.Parse(k.Type, values[i], value.Canonical{Default: k.Module.Name})
		if err != nil {
			return "", err
		}
		canonical[i] = v
	}
	return tree.MakeKey(list, canonical...), nil
}

func (r *room) set(_ context.Context, c *varlink.Call) error {
	var in struct {
		atPath
		Value *string `json:"value"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	return r.edit(c, in.atPath, tree.OpMerge, func(last *tree.Edit, keyed bool) error {
		s := last.Schema
		text := ""
		if in.Value != nil {
			text = *in.Value
		}
		switch {
		case s.Kind == yang.KindLeaf || s.Kind == yang.KindLeafList && !keyed:
			if in.Value == nil && s.Type.Base != yang.Empty {
				return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot set %s without a value", s.Name)
			}
			v, err := value.Parse(s.Type, text, value.Canonical{})
			if err != nil {
				return at(err, in.Path)
			}
			last.Value = v
		case in.Value != nil:
			return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot give %s a value: it is a %s", s.Name, s.Kind)
		}
		return nil
	})
}

// at gives the errors of a value the path that they are about.
func at(err error, path string) error {
	list := mgmterr.Of(err)
	if list == nil {
		return err
	}
	for _, e := range list {
		if e.Path == "" {
			e.Path = path
		}
	}
	return list
}

func (r *room) create(_ context.Context, c *varlink.Call) error {
	var in atPath
	if err := c.Decode(&in); err != nil {
		return err
	}
	return r.edit(c, in, tree.OpCreate, func(last *tree.Edit, keyed bool) error {
		if k := last.Schema.Kind; k == yang.KindLeaf || (k == yang.KindList || k == yang.KindLeafList) && !keyed {
			return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot create %s: use Set, or name the keys", last.Schema.Name)
		}
		return nil
	})
}

func (r *room) delete(_ context.Context, c *varlink.Call) error {
	var in atPath
	if err := c.Decode(&in); err != nil {
		return err
	}
	return r.edit(c, in, tree.OpDelete, func(last *tree.Edit, keyed bool) error {
		if k := last.Schema.Kind; k == yang.KindList || k == yang.KindLeafList {
			last.Whole = !keyed // without keys: every entry
		}
		return nil
	})
}

func (r *room) move(_ context.Context, c *varlink.Call) error {
	var in struct {
		atPath
		Where  string  `json:"where"`
		Anchor *string `json:"anchor"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	where, ok := map[string]tree.Where{"first": tree.First, "last": tree.Last, "before": tree.Before, "after": tree.After}[in.Where]
	if !ok {
		return varlink.InvalidParameter("where")
	}
	insert := tree.Insert{Where: where}
	var anchor tree.Step
	if where == tree.Before || where == tree.After {
		if in.Anchor == nil {
			return varlink.InvalidParameter("anchor")
		}
		p, err := r.path(*in.Anchor)
		if err != nil {
			return err
		}
		if len(p) > 0 {
			anchor = p[len(p)-1]
		}
		if insert.Anchor = anchor.Key; anchor.HasKey && anchor.Schema.Kind == yang.KindLeafList {
			insert.Anchor = tree.Key(anchor.Value)
		}
	}
	return r.edit(c, in.atPath, tree.OpNone, func(last *tree.Edit, keyed bool) error {
		s := last.Schema
		switch {
		case s.Kind != yang.KindList && s.Kind != yang.KindLeafList || !keyed:
			return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot move %s: name one entry of a list", s.Name)
		case s.OrderedBy != yang.OrderedByUser:
			return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot move %s: the system orders this list", s.Name)
		case anchor.HasKey && anchor.Schema != s || anchor.Schema != nil && !anchor.HasKey:
			return mgmterr.New(mgmterr.InvalidValue, *in.Anchor, "cannot move %s there: the anchor is no entry of the same list", s.Name)
		}
		last.Insert = insert
		return nil
	})
}

// edit makes one edit at a path: the last step with op, shaped by finish.
func (r *room) edit(c *varlink.Call, in atPath, op tree.Op, finish func(last *tree.Edit, keyed bool) error) error {
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	p, err := r.path(in.Path)
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot edit the root itself: name a node")
	}
	for _, s := range p {
		if !s.Schema.Config {
			return mgmterr.New(mgmterr.InvalidValue, in.Path, "cannot edit %s: it is state, not configuration", s.Schema.Name)
		}
	}
	up := tree.OpMerge
	if op == tree.OpDelete || op == tree.OpNone { // nothing above it is made
		up = tree.OpNone
	}
	root, last := chain(p, up)
	root.Schema = r.server.Schema().Root
	last.Op = op
	if finish != nil {
		if err := finish(last, p[len(p)-1].HasKey); err != nil {
			return err
		}
	}
	if err := t.txn.Apply(root); err != nil {
		return err
	}
	return c.Reply(nil)
}

// chain is an edit of the root with one child each down to the last step.
func chain(p tree.Path, op tree.Op) (root, last *tree.Edit) {
	root = &tree.Edit{Op: op}
	last = root
	for _, s := range p {
		last.Children = []tree.Edit{{Schema: s.Schema, Op: op, Key: s.Key, Value: s.Value}}
		last = &last.Children[0]
	}
	return root, last
}

func (r *room) load(_ context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		Format    string `json:"format"`
		Operation string `json:"operation"`
		Text      string `json:"text"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).writable(in.TH)
	if err != nil {
		return err
	}
	op := tree.OpMerge
	switch in.Operation {
	case "merge":
	case "replace":
		op = tree.OpReplace
	default:
		return varlink.InvalidParameter("operation")
	}
	var root *tree.Node
	switch in.Format {
	case "xml":
		rd := xmlstream.NewBytes([]byte(in.Text), xmlstream.Limits{})
		root, err = xmlenc.DecodeTree(rd, r.server.Schema(), xmlenc.DecodeOptions{ConfigOnly: true})
	case "json":
		root, err = jsonenc.Decode(strings.NewReader(in.Text), r.server.Schema(), jsonenc.DecodeOptions{ConfigOnly: true})
	default:
		return varlink.InvalidParameter("format")
	}
	var broken *xmlstream.Error
	if errors.As(err, &broken) {
		return mgmterr.New(mgmterr.MalformedMessage, "", "cannot read the text: %v", broken).OfType(mgmterr.RPC)
	}
	if err != nil {
		return err
	}
	if err := t.txn.Apply(&tree.Edit{Schema: r.server.Schema().Root, Op: op, Tree: root}); err != nil {
		return err
	}
	return c.Reply(nil)
}

func (r *room) diff(_ context.Context, c *varlink.Call) error {
	var in struct {
		onTxn
		Format string `json:"format"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	t, err := of(c).transaction(in.TH)
	if err != nil {
		return err
	}
	if t.txn == nil {
		return mgmterr.New(mgmterr.OperationFailed, "", "cannot compare: the transaction only reads")
	}
	return difference(c, in.Format, t.txn.Base(), t.txn.Root())
}
