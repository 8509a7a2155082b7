// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"bytes"
	"context"
	"encoding/json"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

type target struct {
	from
	Path string `json:"path"`
}

// located decodes a call into in, of which at is a part, and finds what it is about.
func (r *room) located(ctx context.Context, c *varlink.Call, in any, at *target) (*tree.Node, tree.Path, error) {
	cl, err := r.decode(c, in)
	if err != nil {
		return nil, nil, err
	}
	p, err := tree.ParsePath(r.server.Schema(), at.Path)
	if err != nil {
		return nil, nil, err
	}
	s, err := r.what(ctx, cl, at.from)
	if err != nil {
		return nil, nil, err
	}
	return s.root(cl.session), p, nil
}

func (r *room) get(ctx context.Context, c *varlink.Call) error {
	var in target
	root, p, err := r.located(ctx, c, &in, &in)
	if err != nil {
		return err
	}
	if len(p) == 0 || p.Schema().Kind != yang.KindLeaf {
		return mgmterr.New(mgmterr.InvalidValue, p.String(), "cannot get %s: it is no leaf", p)
	}
	if child, ok := root.Find(p); ok {
		return c.Reply(map[string]any{"value": child.Value})
	}
	return c.Reply(map[string]any{"value": nil})
}

func (r *room) exists(ctx context.Context, c *varlink.Call) error {
	var in target
	root, p, err := r.located(ctx, c, &in, &in)
	if err != nil {
		return err
	}
	_, ok := root.Find(p)
	return c.Reply(map[string]any{"exists": ok || len(p) == 0})
}

// many says whether a path names a list or leaf-list as a whole.
func many(p tree.Path) bool {
	if len(p) == 0 || p[len(p)-1].HasKey {
		return false
	}
	k := p.Schema().Kind
	return k == yang.KindList || k == yang.KindLeafList
}

func noList(p tree.Path) error {
	return mgmterr.New(mgmterr.InvalidValue, p.String(), "cannot count entries: %s is no list or leaf-list; leave out the last keys", p)
}

func (r *room) count(ctx context.Context, c *varlink.Call) error {
	var in target
	root, p, err := r.located(ctx, c, &in, &in)
	if err != nil {
		return err
	}
	if !many(p) {
		return noList(p)
	}
	child, _ := root.Find(p)
	return c.Reply(map[string]any{"count": child.List.Len() + child.LeafList.Len()})
}

func (r *room) subtree(ctx context.Context, c *varlink.Call) error {
	var in target
	root, p, err := r.located(ctx, c, &in, &in)
	if err != nil {
		return err
	}
	if len(p) > 0 { // with nothing beside it
		ed := tree.NewEditor(tree.New(root.Schema()))
		if child, ok := root.Find(p); ok {
			if err := ed.Put(p, child); err != nil {
				return err
			}
		}
		root = ed.Root()
	}
	out := &pieces{call: c}
	if err := jsonenc.Encode(out, root, jsonenc.Options{Schema: r.server.Schema()}); err != nil {
		return err
	}
	return c.Reply(map[string]string{"text": out.buf.String()})
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
		n := pieceSize
		for p.buf.Bytes()[n]&0xC0 == 0x80 { // in the middle of a character
			n--
		}
		if err := p.call.ReplyContinues(map[string]string{"text": string(p.buf.Next(n))}); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// entry is one of a list or leaf-list.
type entry struct {
	Keys []string        `json:"keys"`
	Data json.RawMessage `json:"data,omitempty"`
}

const maxEntries = 1000

func (r *room) entries(ctx context.Context, c *varlink.Call) error {
	var in struct {
		target
		After *[]string `json:"after"`
		Limit *int      `json:"limit"`
	}
	root, p, err := r.located(ctx, c, &in, &in.target)
	if err != nil {
		return err
	}
	if !many(p) {
		return noList(p)
	}
	limit := maxEntries
	if in.Limit != nil {
		if *in.Limit < 1 {
			return varlink.InvalidParameter("limit")
		}
		limit = min(limit, *in.Limit)
	}
	after := in.After
	list := p.Schema()
	if after != nil && len(*after) != max(1, len(list.Keys)) || after != nil && list.Kind == yang.KindList && len(list.Keys) == 0 {
		return varlink.InvalidParameter("after")
	}
	child, _ := root.Find(p)
	page, size, more := []entry{}, 0, false
	// add reports whether there is room for more.
	add := func(e entry) bool {
		if more = len(page) >= limit || size > pieceSize; more {
			return false
		}
		page = append(page, e)
		size += len(e.Data) + 32
		return true
	}
	if list.Kind == yang.KindLeafList {
		skip := after != nil
		for v := range child.LeafList.All() {
			if skip {
				skip = v != (*after)[0]
				continue
			}
			if !add(entry{Keys: []string{v}}) {
				break
			}
		}
		return c.Reply(map[string]any{"entries": page, "more": more})
	}
	all, last := child.List.All(), tree.Key("")
	if after != nil {
		if last, err = key(list, *after); err != nil {
			return err
		}
		all = child.List.From(last)
	}
	for e := range all {
		if after != nil && e.Key() == last {
			continue
		}
		if more = len(page) >= limit || size > pieceSize; more {
			break
		}
		var data bytes.Buffer
		if err := jsonenc.Encode(&data, e, jsonenc.Options{Schema: r.server.Schema()}); err != nil {
			return err
		}
		keys := []string{}
		if len(list.Keys) > 0 {
			keys = e.Key().Values(list)
		}
		add(entry{keys, data.Bytes()})
	}
	return c.Reply(map[string]any{"entries": page, "more": more})
}

// key is the key of these values, checked.
func key(list *yang.Node, values []string) (tree.Key, error) {
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
