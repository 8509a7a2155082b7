// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"nso.example/nso/mgmt/operate"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

// The examples of RFC 7950, 7.14.4 and 7.15.3, as modules.
const (
	rockModel = `module rock { yang-version 1.1; namespace "http://example.net/rock"; prefix rock;
  rpc rock-the-house { input { leaf zip-code { type string; } } }
}`
	farmModel = `module example-server-farm { yang-version 1.1; namespace "urn:example:server-farm"; prefix sfarm;
  import ietf-yang-types { prefix yang; }
  list server { key name; leaf name { type string; }
    action reset {
      input { leaf reset-at { type yang:date-and-time; mandatory true; } }
      output { leaf reset-finished-at { type yang:date-and-time; mandatory true; } }
    }
  }
}`
	// callModel has what the examples have not.
	callModel = `module call { yang-version 1.1; namespace "urn:call"; prefix c;
  import ietf-netconf-acm { prefix nacm; }
  identity animal; identity dog { base animal; }
  container zoo {
    leaf open { type boolean; }
    list cage { key "kind number"; leaf kind { type identityref { base animal; } } leaf number { type uint8; } leaf size { type uint8; }
      container door { action shut { input { leaf loud { type boolean; } } } action break; }
      action feed {
        input { leaf what { type string; mandatory true; } leaf much { type uint8; default 2; must ". <= ../../size" { error-message "it is too small"; error-app-tag too-small; } }
          leaf friend { type leafref { path "/c:zoo/c:cage/c:number"; } } choice way { leaf by-hand { type empty; } leaf by-fork { type empty; } } }
        output { leaf-list eaten { type string; } leaf by { type identityref { base animal; } } container rest { leaf much { type uint8; } } }
      }
    }
  }
  rpc sum { input { leaf-list number { type uint8; min-elements 1; } } output { leaf total { type uint16; } } }
  rpc lie { output { leaf truth { type uint8; mandatory true; } } }
  rpc refuse; rpc break; rpc unbound;
  rpc closed { nacm:default-deny-all; input { leaf x { type uint8; } } }
}`
)

// withCalls registers who does what these models have.
func withCalls(w *world) {
	at := func(operation *yang.Node, do func(ctx context.Context, r operate.Request, b *tree.Builder) error) {
		w.mgmt.Handle(operation, operate.Handler{Do: func(ctx context.Context, r operate.Request) (*tree.Node, error) {
			b := tree.NewBuilder(operation.Output())
			if err := do(ctx, r, b); err != nil {
				return nil, err
			}
			return b.Done()
		}})
	}
	rpc := func(name string) *yang.Node { return w.schema.RPC("urn:call", name) }
	leaf := func(b *tree.Builder, name, value string) error { return b.Leaf(b.Schema().Child("", name), value) }
	nothing := func(context.Context, operate.Request, *tree.Builder) error { return nil }
	at(w.schema.RPC("http://example.net/rock", "rock-the-house"), nothing)
	at(w.schema.Root.Child("example-server-farm", "server").Actions[0], func(_ context.Context, _ operate.Request, b *tree.Builder) error {
		return leaf(b, "reset-finished-at", "2014-07-29T13:42:12Z")
	})
	cage := w.schema.Root.Child("call", "zoo").Child("", "cage")
	at(cage.Child("", "door").Actions[0], nothing)
	at(cage.Actions[0], func(_ context.Context, r operate.Request, b *tree.Builder) error {
		in := r.Operation.Children[0]
		what, _ := r.Input.Leaf(in.Child("", "what"))
		much, _ := r.Input.Leaf(in.Child("", "much")) // a default
		eaten := b.Schema().Child("", "eaten")
		if err := errors.Join(b.LeafListEntry(eaten, what), b.LeafListEntry(eaten, "of "+r.At.String()), leaf(b, "by", "call:dog")); err != nil {
			return err
		}
		b.Open(b.Schema().Child("", "rest"))
		return errors.Join(leaf(b, "much", much), b.Close())
	})
	at(rpc("sum"), func(_ context.Context, r operate.Request, b *tree.Builder) error {
		return leaf(b, "total", "42")
	})
	at(rpc("lie"), nothing)
	at(rpc("closed"), nothing)
	at(rpc("refuse"), func(context.Context, operate.Request, *tree.Builder) error {
		return mgmterr.List{mgmterr.New(mgmterr.ResourceDenied, "/call:zoo/open", "cannot refuse: it is too late").WithAppTag("late"),
			mgmterr.New(mgmterr.OperationFailed, "", "cannot do it either")}
	})
	at(rpc("break"), func(context.Context, operate.Request, *tree.Builder) error {
		return errors.New("a secret of the program")
	})
}

func callSchema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, "ietf-netconf", "ietf-netconf-acm", "ietf-netconf-monitoring", "ietf-yang-library", "ietf-datastores",
		"ietf-yang-types", rockModel, farmModel, callModel)
}

// TestInvokeDialogues holds the conversations of testdata/invoke: rpcs and actions of
// models (RFC 7950, 7.14 and 7.15).
func TestInvokeDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/invoke/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	s := callSchema(t)
	for _, file := range files {
		holdDialogue(t, file, worldOptions{schema: s}, withCalls)
	}
}

// BenchmarkInvoke is an rpc and an action whose handlers are in the process, over the
// protocol: to reach, 0.1 ms.
func BenchmarkInvoke(b *testing.B) {
	w := newWorld(b, worldOptions{schema: callSchema(b), before: "/call:zoo/cage[kind='call:dog'][number='1']/size = 3"})
	withCalls(w)
	c := w.open("admin", base11)
	for name, text := range map[string]string{
		"rpc": `<sum xmlns="urn:call"><number>40</number><number>2</number></sum>`,
		"action": `<action xmlns="urn:ietf:params:xml:ns:yang:1"><zoo xmlns="urn:call"><cage><kind>dog</kind><number>1</number>` +
			`<feed><what>meat</what></feed></cage></zoo></action>`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Call(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	w.mustOK(c, "<close-session/>")
}
