// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"strings"
	"testing"

	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/textenc"
	"nso.example/nso/yang/yangtest"
)

// TestRequest holds dialogues about rpcs and actions. What was put in is what comes out.
func TestRequest(t *testing.T) {
	schema := yangtest.Schema(t, ipctest.Module, "ietf-netconf-acm", "nso-access", `module work {
		yang-version 1.1; namespace "urn:work"; prefix w; import net { prefix n; }
		grouping all {
			leaf delay { type uint8; units seconds; default 2; }
			leaf how { type enumeration { enum warm; enum cold; } mandatory true; }
			leaf-list who { type string; }
			leaf now { type empty; }
			container then { leaf message { type string; } }
			list server { key name; leaf name { type string; } leaf port { type uint16; } }
		}
		rpc restart { description "Starts the device again."; input { uses all; } output { uses all; } }
		rpc idle { description "Does nothing."; }
		rpc orphan { description "Nothing does this."; }
		augment "/n:top/n:port" { action reset { description "Resets counters."; input { leaf deep { type boolean; } } output { leaf was { type string; } } } }
	}`)
	b := start(t, schema)
	port := schema.Root.Child("net", "top").Child("net", "port")
	restart := schema.RPC("urn:work", "restart")
	b.Mgmt.Handle(restart, operate.Handler{Do: func(_ context.Context, r operate.Request) (*tree.Node, error) {
		var said strings.Builder
		if err := textenc.Set(&said, r.Input, nil); err != nil {
			return nil, err
		}
		out := tree.NewBuilder(restart.Output())
		for _, c := range restart.Output().DataChildren {
			switch c.Name {
			case "how":
				_ = out.Leaf(c, "cold")
			case "who":
				for line := range strings.Lines(said.String()) {
					_ = out.LeafListEntry(c, strings.TrimSpace(line))
				}
			}
		}
		return out.Done()
	}})
	b.Mgmt.Handle(schema.RPC("urn:work", "idle"), operate.Handler{Do: func(context.Context, operate.Request) (*tree.Node, error) { return nil, nil }})
	reset := port.Actions[0]
	b.Mgmt.Handle(reset, operate.Handler{Do: func(_ context.Context, r operate.Request) (*tree.Node, error) {
		if v, _ := r.Input.Leaf(reset.Input().Child("work", "deep")); v == "true" {
			return nil, mgmterr.New(mgmterr.OperationFailed, "", "cannot go that deep")
		}
		out := tree.NewBuilder(reset.Output())
		_ = out.Leaf(reset.Output().Child("work", "was"), r.At.String())
		return out.Done()
	}})
	dialogues(t, "testdata/request/*.txtar", func(t *testing.T, name, lines string) string {
		var out strings.Builder
		sh := login(t, b, strings.TrimRight(name, "0123456789"), &out)
		return converse(t.Context(), sh, &out, lines, func(*strings.Builder) {})
	})
}
