// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/tree/check"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
	container box {
		list if { key name; leaf name { type string; } leaf mtu { type int32; default 1500; }
			action reset {
				input { leaf delay { type int32; default 3; must ". <= ../../mtu"; } leaf why { type string; } }
				output { leaf took { type int32; mandatory true; } leaf left { type leafref { path "/m:box/m:if/m:name"; } } }
			}
		}
	}
	container stats { config false; leaf up { type string; } }
	container other { config false; leaf x { type string; } }
	rpc op {
		input {
			leaf name { type string; mandatory true; }
			leaf if { type leafref { path "/m:box/m:if/m:name"; } }
			leaf loud { type boolean; default false; }
			leaf volume { when "../loud = 'true'"; type int32; default 7; }
			leaf-list tag { type string; default a; default b; }
			choice way { default air; case air { leaf wings { type int32; default 2; } } leaf ship { type string; } }
			container opt { leaf deep { type string; default d; } }
			container on { presence "on"; leaf deep { type string; default d; } }
			list hop { key id; leaf id { type int32; } leaf cost { type int32; default 1; } }
			leaf up { type string; must ". = /m:stats/m:up"; }
			anydata more;
		}
		output { leaf done { type boolean; } }
	}
	rpc idle;
}`

type world struct {
	*testing.T
	schema *yang.Schema
	table  *Table
	data   *tree.Node
	tops   []string // that were asked for
}

func newWorld(t *testing.T) *world {
	s := yangtest.Schema(t, model)
	rules, err := check.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, schema: s, table: New(rules)}
	w.data = w.json(s.Root, `{"m:box":{"if":[{"name":"a","mtu":9}]},"m:stats":{"up":"since"}}`)
	return w
}

func (w *world) json(at *yang.Node, text string) *tree.Node {
	w.Helper()
	n, err := jsonenc.DecodeNode(strings.NewReader(text), w.schema, at, jsonenc.DecodeOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) text(n *tree.Node) string {
	var b strings.Builder
	if err := jsonenc.Encode(&b, n, jsonenc.Options{}); err != nil {
		w.Fatal(err)
	}
	return b.String()
}

func (w *world) around(tops []*yang.Node) (*tree.Node, error) {
	for _, n := range tops {
		w.tops = append(w.tops, n.Name)
	}
	return w.data, nil
}

func (w *world) call(name, at, input string) Call {
	c := Call{Operation: w.schema.RPC("urn:m", name)}
	if at != "" {
		p, err := tree.ParsePath(w.schema, at)
		if err != nil {
			w.Fatal(err)
		}
		c.At, c.Operation = p, p.Schema().Actions[0]
	}
	if input != "" {
		c.Input = w.json(c.Operation.Input(), input)
	}
	return c
}

func (w *world) invoke(c Call) (*tree.Node, error) {
	return w.table.Invoke(w.Context(), Request{Call: c}, w.around)
}

// TestInput: what a handler is given has been accepted and has the defaults in use, and
// of the state only what the conditions read is gathered.
func TestInput(t *testing.T) {
	w := newWorld(t)
	got := ""
	say := Handler{Do: func(_ context.Context, r Request) (*tree.Node, error) {
		got = w.text(r.Input)
		if r.Operation.Kind == yang.KindAction {
			return w.json(r.Operation.Output(), `{"m:took":1}`), nil
		}
		return nil, nil
	}}
	w.table.Handle(w.schema.RPC("urn:m", "op"), say)
	w.table.Handle(w.call("reset", "/m:box/if[name='a']", "").Operation, say)
	const rest = `"m:tag":["a","b"],"m:wings":2,"m:opt":{"deep":"d"}`
	for _, c := range []struct{ name, at, input, want, errs, tops string }{
		{"op", "", `{"m:name":"x"}`, `{"m:name":"x","m:loud":false,` + rest + `}`, "", "stats"},
		{"op", "", `{"m:name":"x","m:loud":true,"m:ship":"s","m:tag":["z"],"m:on":{}}`,
			`{"m:name":"x","m:loud":true,"m:volume":7,"m:tag":["z"],"m:ship":"s","m:opt":{"deep":"d"},"m:on":{"deep":"d"}}`, "", "stats"},
		{"op", "", `{"m:name":"x","m:hop":[{"id":2},{"id":1,"cost":4}],"m:more":{"a":[1]}}`,
			`{"m:name":"x","m:loud":false,` + rest + `,"m:hop":[{"id":1,"cost":4},{"id":2,"cost":1}],"m:more":{"a":[1]}}`, "", "stats"},
		{"op", "", `{"m:name":"x","m:up":"never"}`, "", `/m:op/up: cannot accept up`, "stats"},
		{"op", "", ``, "", "/m:op/name: cannot leave name out", "stats"},
		{"op", "", `{"m:name":"x","m:if":"b"}`, "", "/m:op/if: cannot refer to", "stats"},
		{"reset", "/m:box/if[name='a']", `{"m:why":"x"}`, `{"m:delay":3,"m:why":"x"}`, "", "box box"},
		{"reset", "/m:box/if[name='a']", `{"m:delay":10}`, "", "/m:box/if[name='a']/reset/delay: cannot accept delay", "box"},
		{"reset", "/m:box/if[name='b']", ``, "", "/m:box/if[name='b']: cannot find if, which reset is for", "box"},
	} {
		got, w.tops = "", nil
		_, err := w.invoke(w.call(c.name, c.at, c.input))
		if c.errs == "" && err != nil || c.errs != "" && (err == nil || !strings.HasPrefix(err.Error(), c.errs)) || got != c.want {
			t.Errorf("%s %s: %v, the handler has\n%s, want\n%s", c.at, c.input, err, got, c.want)
		}
		if have := strings.Join(w.tops, " "); have != c.tops {
			t.Errorf("%s %s: the state of %q is read", c.at, c.input, have)
		}
	}
}

// TestOutput: what the schema does not accept reaches nobody.
func TestOutput(t *testing.T) {
	w := newWorld(t)
	reset := w.call("reset", "/m:box/if[name='a']", "")
	for text, want := range map[string]string{
		`{"m:took":3}`:              "",
		`{"m:took":3,"m:left":"a"}`: "",
		`{}`:                        "cannot use the answer of reset, which has run: it is not what the model says; /m:box/if[name='a']/reset/took: cannot leave took out: it is mandatory",
		`{"m:took":3,"m:left":"b"}`: "cannot use the answer of reset, which has run: it is not what the model says; /m:box/if[name='a']/reset/left: cannot refer to \"b\": there is no /m:box/if/name with that value",
		"another":                   "cannot use the answer of reset, which has run: it is not what the model says; it is of another operation",
	} {
		w.table.Handle(reset.Operation, Handler{Do: func(context.Context, Request) (*tree.Node, error) {
			if text == "another" {
				return tree.New(reset.Operation.Input()), nil
			}
			return w.json(reset.Operation.Output(), text), nil
		}})
		out, err := w.invoke(reset)
		if want == "" && (err != nil || w.text(out) != text) || want != "" && (out != nil || fmt.Sprint(err) != want) {
			t.Errorf("%s: %v", text, err)
		}
		if e := mgmterr.Of(err); want != "" && e[0].Tag != mgmterr.OperationFailed {
			t.Errorf("%s is told as the client's fault: %v", text, e)
		}
	}
	// An action that removes what it is of.
	w.table.Handle(reset.Operation, Handler{Do: func(context.Context, Request) (*tree.Node, error) {
		w.data = tree.New(w.schema.Root)
		return w.json(reset.Operation.Output(), `{"m:took":3}`), nil
	}})
	if _, err := w.invoke(reset); err != nil {
		t.Error(err)
	}
}

// TestHandlers: who is asked, and what is said where there is nobody.
func TestHandlers(t *testing.T) {
	w := newWorld(t)
	idle := w.call("idle", "", "")
	_, err := w.invoke(idle)
	e := mgmterr.Of(err)
	if len(e) != 1 || e[0].Tag != mgmterr.OperationNotSupported || !strings.Contains(e[0].Message, `operations = ["/m:idle"] has a program do it`) {
		t.Errorf("without handler: %v", err)
	}
	found, why := true, error(nil)
	ok := Handler{Do: func(context.Context, Request) (*tree.Node, error) { return nil, nil }}
	w.table.Otherwise(func(op *yang.Node) (Handler, bool, error) { return ok, found && op == idle.Operation, why })
	if out, err := w.invoke(idle); err != nil || !out.Empty() {
		t.Errorf("found: %v", err)
	}
	found = false
	if _, err := w.invoke(idle); mgmterr.Of(err)[0].Tag != mgmterr.OperationNotSupported {
		t.Errorf("not found: %v", err)
	}
	why = errors.New("the rule idle is missing")
	if _, err := w.invoke(idle); mgmterr.Of(err)[0].Message != "cannot run idle: the rule idle is missing" {
		t.Errorf("broken: %v", err)
	}
	w.table.Handle(idle.Operation, ok)
	if _, err := w.invoke(idle); err != nil {
		t.Errorf("registered: %v", err)
	}
	if _, err := w.invoke(Call{Operation: w.schema.Root.Child("m", "box")}); mgmterr.Of(err)[0].Tag != mgmterr.OperationNotSupported {
		t.Errorf("of no operation: %v", err)
	}
	wrong := idle
	wrong.Input = tree.New(w.schema.Root)
	if _, err := w.invoke(wrong); mgmterr.Of(err)[0].Tag != mgmterr.UnknownElement {
		t.Errorf("of another input: %v", err)
	}
}

// TestDeadline: a handler that does not end is told to, and the client why.
func TestDeadline(t *testing.T) {
	w := newWorld(t)
	idle := w.call("idle", "", "")
	hang := func(ctx context.Context, _ Request) (*tree.Node, error) { <-ctx.Done(); return nil, ctx.Err() }
	w.table.Handle(idle.Operation, Handler{Do: hang, Deadline: time.Millisecond})
	if _, err := w.invoke(idle); fmt.Sprint(err) != "cannot finish idle: it has taken more than 1ms" {
		t.Error(err)
	}
	w.table.Handle(idle.Operation, Handler{Do: hang})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.table.Invoke(ctx, Request{Call: idle}, w.around); fmt.Sprint(err) != "cannot finish idle: the session has ended" {
		t.Error(err)
	}
	bug := errors.New("a bug")
	w.table.Handle(idle.Operation, Handler{Do: func(context.Context, Request) (*tree.Node, error) { return nil, bug }})
	if _, err := w.invoke(idle); !errors.Is(err, bug) || mgmterr.Of(err) != nil {
		t.Errorf("a bug is told as %v", err)
	}
}

func TestPaths(t *testing.T) {
	w := newWorld(t)
	op, reset := w.call("op", "", ""), w.call("reset", "/m:box/if[name='a']", "")
	for _, c := range [][2]string{
		{op.Path(), "/m:op"}, {op.Within(""), "/m:op"}, {op.Within("/m:hop[id='1']/cost"), "/m:op/hop[id='1']/cost"}, {op.Within("/n:x"), "/m:op/n:x"},
		{reset.Path(), "/m:box/if[name='a']/reset"}, {reset.Within("/m:delay"), "/m:box/if[name='a']/reset/delay"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s, want %s", c[0], c[1])
		}
	}
}

func TestParse(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/m:op", "/m:box/if[name='a']/reset", `/m:box/if[name="a/'b"]/reset`} {
		c, err := Parse(w.schema, path)
		if err != nil || c.Path() != path {
			t.Errorf("%s is %v, %v", path, c, err)
		}
	}
	if c, err := Parse(w.schema, "/m:box/m:if[m:name='a']/m:reset"); err != nil || c.Path() != "/m:box/if[name='a']/reset" {
		t.Errorf("with prefixes it is %v, %v", c, err)
	}
	for _, path := range []string{"", "/", "m:op", "op", "/op", "/m:nothing", "/m:box", "/m:box/if/reset/x", "/m:box/if[name='a']", "/m:box/if[name='a']/x:reset", "/m:op/name"} {
		if c, err := Parse(w.schema, path); err == nil {
			t.Errorf("%q is %v", path, c)
		}
	}
	// A list without keys is no node that an action is of.
	c, err := Parse(w.schema, "/m:box/if/reset")
	if err == nil {
		_, err = w.invoke(c)
	}
	if err == nil {
		t.Error("an action of every entry is done")
	}
}
