// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"strings"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// invoke does an rpc or action of a model.
func (r *room) invoke(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Path     string    `json:"path"`
		Input    *string   `json:"input"`
		Settings []setting `json:"settings"`
		Format   string    `json:"format"`
	}
	if err := c.Decode(&in); err != nil {
		return err
	}
	call, err := operate.Parse(r.server.Schema(), in.Path)
	if err != nil {
		return err
	}
	ss := of(c).session
	// Who may not run it learns nothing of what it takes.
	if err := ss.MayInvoke(call.Operation, call.At); err != nil {
		return err
	}
	switch {
	case in.Input != nil && in.Settings != nil:
		return varlink.InvalidParameter("settings")
	case in.Settings != nil:
		if call.Input, err = settle(r.server.Schema(), call, in.Settings); err != nil {
			return err
		}
	case in.Input != nil:
		call.Input, err = jsonenc.DecodeNode(strings.NewReader(*in.Input), r.server.Schema(), call.Operation.Input(), jsonenc.DecodeOptions{})
		if err != nil {
			return within(call, err)
		}
	}
	out, err := ss.Invoke(ctx, call)
	if err != nil {
		return err
	}
	var text strings.Builder
	switch in.Format {
	case "":
		err = jsonenc.Encode(&text, out, jsonenc.Options{Schema: r.server.Schema()})
	default:
		err = write(&text, in.Format, out, nil)
	}
	if err != nil {
		return err
	}
	return c.Reply(map[string]any{"output": text.String()})
}

// setting is the type Setting of the description.
type setting struct {
	Path  string  `json:"path"`
	Value *string `json:"value"`
}

// settle puts an input together.
func settle(schema *yang.Schema, call mgmt.Call, all []setting) (*tree.Node, error) {
	top := call.Operation.Input()
	ed := tree.NewEditor(tree.New(top))
	for _, set := range all {
		p, err := tree.ParsePathIn(schema, top, set.Path)
		if err != nil {
			return nil, within(call, err)
		}
		if len(p) == 0 {
			return nil, mgmterr.New(mgmterr.InvalidValue, call.Path(), "cannot set the input as a whole: name a node of it")
		}
		if s := p.Schema(); s.Kind == yang.KindLeaf || s.Kind == yang.KindLeafList && !p[len(p)-1].HasKey {
			if set.Value == nil && s.Type.Base != yang.Empty {
				return nil, mgmterr.New(mgmterr.InvalidValue, call.Within(p.String()), "cannot set %s without a value", s.Name)
			}
			text := ""
			if set.Value != nil {
				text = *set.Value
			}
			v, err := value.Parse(s.Type, text, value.Canonical{})
			if err == nil {
				if last := &p[len(p)-1]; s.Kind == yang.KindLeafList {
					last.Value, last.HasKey = v, true
				}
				err = ed.Set(p, v)
			}
			if err != nil {
				return nil, within(call, at(err, p.String()))
			}
		} else if set.Value != nil {
			return nil, mgmterr.New(mgmterr.InvalidValue, call.Within(p.String()), "cannot give %s a value: it is a %s", s.Name, s.Kind)
		} else if err := ed.Set(p, ""); err != nil {
			return nil, within(call, err)
		}
	}
	return ed.Root(), nil
}

// within gives the errors of an input their paths in the whole.
func within(call mgmt.Call, err error) error {
	for _, e := range mgmterr.Of(err) {
		e.Path = call.Within(e.Path)
	}
	return err
}
