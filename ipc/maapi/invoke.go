// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"strings"

	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree/jsonenc"
)

// invoke does an rpc or action of a model.
func (r *room) invoke(ctx context.Context, c *varlink.Call) error {
	var in struct {
		Path  string  `json:"path"`
		Input *string `json:"input"`
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
	if in.Input != nil {
		call.Input, err = jsonenc.DecodeNode(strings.NewReader(*in.Input), r.server.Schema(), operate.In(call.Operation), jsonenc.DecodeOptions{})
		if err != nil {
			for _, e := range mgmterr.Of(err) {
				e.Path = call.Within(e.Path)
			}
			return err
		}
	}
	out, err := ss.Invoke(ctx, call)
	if err != nil {
		return err
	}
	var text strings.Builder
	if err := jsonenc.Encode(&text, out, jsonenc.Options{Schema: r.server.Schema()}); err != nil {
		return err
	}
	return c.Reply(map[string]any{"output": text.String()})
}
