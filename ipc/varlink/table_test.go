// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"strings"
	"testing"
)

func TestTableRefusals(t *testing.T) {
	free := func(context.Context, *Conn) error { return nil }
	good := Method{Name: "Do", Access: free, States: AnyState, Handler: empty}
	const idl = "interface a.b\nmethod Do() -> ()\n"
	with := func(change func(*Method)) []Method {
		m := good
		change(&m)
		return []Method{m}
	}
	for _, c := range []struct {
		name, idl string
		methods   []Method
		want      string
	}{
		{"good", idl, []Method{good}, ""},
		{"no access", idl, with(func(m *Method) { m.Access = nil }), "interface a.b: cannot serve Do: it has no access rule"},
		{"no states", idl, with(func(m *Method) { m.States = 0 }), "cannot serve Do: it is legal in no state"},
		{"no handler", idl, with(func(m *Method) { m.Handler = nil }), "cannot serve Do: it has no handler"},
		{"descriptors", idl, with(func(m *Method) { m.MaxDescriptors = 254 }), "0 to 253 descriptors"},
		{"not described", idl, append(with(func(m *Method) { m.Name = "Other" }), good), "cannot serve Other: the description does not have it"},
		{"not in the table", idl, nil, "cannot serve Do: the description has it, the table has not"},
		{"twice", idl, []Method{good, good}, "it is in the table twice"},
		{"other name", "interface a.c\nmethod Do() -> ()", []Method{good}, "its description is of a.c"},
		{"no text", "", []Method{good}, "cannot read the interface description"},
		{"unportable", "interface a.b\nmethod Do(x: any) -> ()", []Method{good}, "varlinkctl does not read the type any in line 2"},
	} {
		i := Interface{Name: "a.b", Description: c.idl, Methods: c.methods}
		_, err := NewServer(Config{Interfaces: []Interface{i}, Identify: anyone1})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if check := i.Check(); (check == nil) != (err == nil) {
			t.Errorf("%s: Check says %v, NewServer %v", c.name, check, err)
		}
	}
	i := Interface{Name: "a.b", Description: idl, Methods: []Method{good}}
	if _, err := NewServer(Config{Interfaces: []Interface{i, i}, Identify: anyone1}); err == nil {
		t.Error("an interface twice")
	}
	if _, err := NewServer(Config{}); err == nil || !strings.Contains(err.Error(), "who may connect") {
		t.Errorf("no Identify: %v", err)
	}
}

func anyone1(context.Context, *Conn) (Origin, error) { return Origin{Key: "uid 1"}, nil }

// Every row that a server offers, our own too, has its access rule.
func TestTableWalk(t *testing.T) {
	b := start(t, nil)
	if len(b.server.table.methods) < 10 {
		t.Fatal("where are the methods?")
	}
	for name, e := range b.server.table.methods {
		if e.Access == nil || e.States == 0 || e.Handler == nil || e.in == nil || e.out == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
