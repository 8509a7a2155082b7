// SPDX-License-Identifier: Apache-2.0

package maapi

import (
	"context"
	"strings"
	"testing"

	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/mgmt/operate"
	"nso.example/nso/tree"
	"nso.example/nso/yang/yangtest"
)

// TestInvoke: an rpc and an action, with their input and output as JSON.
func TestInvoke(t *testing.T) {
	s := yangtest.Schema(t, ipctest.Module, "ietf-netconf-acm", "nso-access", `module work { yang-version 1.1; namespace "urn:work"; prefix w; import net { prefix n; }
		rpc add { input { leaf a { type uint8; } leaf b { type uint8; default 2; } } output { leaf sum { type uint16; } } }
		augment "/n:top" { action reset { input { leaf why { type string; mandatory true; } } } } }`)
	b := ipctest.Start(t, s, ours)
	add := s.RPC("urn:work", "add")
	b.Mgmt.Handle(add, operate.Handler{Do: func(_ context.Context, r operate.Request) (*tree.Node, error) {
		out := tree.NewBuilder(add.Output())
		v, _ := r.Input.Leaf(add.Input().Child("work", "b"))
		if err := out.Leaf(out.Schema().Child("work", "sum"), "4"+v); err != nil {
			return nil, err
		}
		return out.Done()
	}})
	b.Mgmt.Handle(s.Root.Child("net", "top").Actions[0], operate.Handler{Do: func(context.Context, operate.Request) (*tree.Node, error) { return nil, nil }})
	u := open(t, b, "admin")
	for _, c := range []struct{ path, input, want string }{
		{"/work:add", `{"work:a":40}`, `{"work:sum":42}`},
		{"/work:add", "", `{"work:sum":42}`},
		{"/work:add", `{"a":40,"b":3}`, `{"work:sum":43}`},
		{"/net:top/work:reset", `{"why":"x"}`, `{}`},
		{"/net:top/work:reset", "", `"path":"/net:top/work:reset/why","message":"cannot leave why out`},
		{"/work:add", `{"a":400}`, `"path":"/work:add/a","message":"cannot use \"400\"`},
		{"/work:add", `{"c":4}`, `"path":"/work:add","message":"cannot use`},
		{"/work:none", "", `cannot find \"/work:none\"`},
		{"/net:top", "", `cannot find \"/net:top\"`},
	} {
		in := p{"path": c.path}
		if c.input != "" {
			in["input"] = c.input
		}
		var out struct{ Output string }
		err := u.call("Invoke", in, &out)
		got := out.Output
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s %s says %s, want %s", c.path, c.input, got, c.want)
		}
	}
	set := func(kv ...any) (all []p) {
		for i := 0; i < len(kv); i += 2 {
			all = append(all, p{"path": kv[i], "value": kv[i+1]})
		}
		return all
	}
	for _, c := range []struct {
		path, format string
		settings     []p
		want         string
	}{
		{"/work:add", "", set("/a", "40"), `{"work:sum":42}`},
		{"/work:add", "curly", set("/work:a", "+40", "/b", "3"), "sum 43;\n"},
		{"/work:add", "nonsense", nil, "format"},
		{"/work:add", "", set("/a", nil), `"path":"/work:add/a","message":"cannot set a without a value"`},
		{"/work:add", "", set("/a", "400"), `"path":"/work:add/a"`},
		{"/work:add", "", set("/sum", "1"), `there is no \"sum\"`},
		{"/work:add", "", set("/", "1"), "cannot set the input as a whole"},
		{"/work:add", "", set("a", "1"), "it must begin with /"},
	} {
		in := p{"path": c.path, "format": c.format}
		if c.settings != nil {
			in["settings"] = c.settings
		}
		var out struct{ Output string }
		err := u.call("Invoke", in, &out)
		got := out.Output
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s %v says %s, want %s", c.path, c.settings, got, c.want)
		}
	}
	if err := u.call("Invoke", p{"path": "/work:add", "input": "{}", "settings": set("/a", "1")}, nil); err == nil {
		t.Error("two inputs are taken")
	}
	var seen struct {
		Node                 struct{ Kind string }
		Children, Operations []struct {
			Name     string
			Operates bool
		}
	}
	if err := u.call("Describe", p{"path": "/work:add"}, &seen); err != nil || seen.Node.Kind != "rpc" || len(seen.Children) != 2 {
		t.Errorf("the rpc: %+v, %v", seen, err)
	}
	if err := u.call("Describe", p{"path": "/net:top"}, &seen); err != nil || len(seen.Operations) != 1 || seen.Operations[0].Name != "reset" {
		t.Errorf("what has an action: %+v, %v", seen, err)
	}
	if err := u.call("Describe", p{"path": "/net:top/work:reset"}, &seen); err != nil || seen.Node.Kind != "action" || seen.Children[0].Name != "why" {
		t.Errorf("the action: %+v, %v", seen, err)
	}
	if err := u.call("Describe", p{"path": "/work:add/a"}, &seen); err != nil || seen.Node.Kind != "leaf" {
		t.Errorf("a node of the input: %+v, %v", seen, err)
	}
	if err := open(t, b, "porter").call("Invoke", p{"path": "/net:top/work:reset", "input": `{"nonsense":1}`}, nil); err == nil || !strings.Contains(err.Error(), "no right") {
		t.Errorf("who may not: %v", err)
	}
}
