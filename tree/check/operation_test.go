// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const operationModel = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
	leaf limit { type int32; default 10; }
	container box {
		list if { key name; leaf name { type string; } leaf type { type string; } leaf mtu { type int32; default 1500; }
			action reset {
				input {
					leaf delay { type int32; must ". <= ../../mtu" { error-message "too long"; error-app-tag long; } }
					leaf speed { when "../../type = 'eth'"; type int32; }
					leaf twin { type leafref { path "../../../if/name"; } }
				}
				output { leaf took { type int32; mandatory true; } }
			}
			notification flap { leaf times { type int32; mandatory true; must ". < ../../mtu"; } }
		}
		action wipe { input { must "count(../if) > 0"; leaf really { type boolean; } } }
	}
	container stats { config false; leaf up { type string; } leaf kind { type string; default plain; } }
	augment "/m:box" { when "m:if[m:name = 'b']"; action extra { input { leaf x { type string; } } } }
	rpc op {
		input {
			leaf name { type string; mandatory true; }
			leaf if { type leafref { path "/m:box/m:if/m:name"; } }
			leaf mtu { type leafref { path "/m:box/m:if[m:name = current()/../if]/m:mtu"; } }
			leaf up { type leafref { path "/m:stats/m:up"; } }
			leaf which { type instance-identifier; }
			leaf level { type int32; default 5; must ". <= /m:limit"; }
			leaf loud { type string; when "../level > 3"; }
			leaf kind { type string; must ". = /m:stats/m:kind"; }
			leaf self { type string; must "/m:op/m:name = ."; }
			container opt { presence "on"; leaf must-have { type string; mandatory true; } }
			choice way { mandatory true; leaf by-air { type string; }
				case by-sea { when "name != 'rail'"; leaf ship { type string; } leaf port { type string; mandatory true; } } }
			list hop { key id; unique addr; max-elements 3; leaf id { type int32; } leaf addr { type string; } leaf cost { type int32; must "sum(../../hop/cost) < 100"; } }
			leaf-list tag { type string; min-elements 1; }
			leaf after { type leafref { path "../hop/id"; } }
		}
		output { leaf done { type string; must ". = 'yes' or ../why"; } leaf why { type string; } }
	}
	notification event { must "what or which"; leaf what { type leafref { path "/m:box/m:if/m:name"; } } leaf which { type string; } }
}`

const operationBase = `{"m:box":{"if":[{"name":"a","type":"eth","mtu":9},{"name":"b","type":"ip"}]},"m:stats":{"up":"since"}}`

// operationBaseAll is operationBase with all defaults.
const operationBaseAll = `{"m:limit":10,"m:box":{"if":[{"name":"a","type":"eth","mtu":9},{"name":"b","type":"ip","mtu":1500}]},"m:stats":{"up":"since","kind":"plain"}}`

// fill builds the content of a node from JSON as encoding/json reads it.
func fill(t *testing.T, b *tree.Builder, from map[string]any) {
	t.Helper()
	ok := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range from {
		s := b.Schema().Child("", name)
		if s == nil {
			t.Fatalf("no %s in %s", name, b.Schema().Path())
		}
		switch v := v.(type) {
		case map[string]any:
			b.Open(s)
			fill(t, b, v)
			ok(b.Close())
		case []any:
			for _, x := range v {
				if s.Kind == yang.KindLeafList {
					ok(b.LeafListEntry(s, fmt.Sprint(x)))
					continue
				}
				b.Open(s)
				fill(t, b, x.(map[string]any))
				ok(b.Close())
			}
		default:
			ok(b.Leaf(s, fmt.Sprint(v)))
		}
	}
}

func TestOperation(t *testing.T) {
	s := yangtest.Schema(t, operationModel)
	r := compile(t, s)
	base, err := jsonenc.Decode(strings.NewReader(operationBase), s, jsonenc.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := r.Full(base); len(errs) > 0 {
		t.Fatal(errs)
	}
	const least = `"name":"x","by-air":"y","tag":["t"]`
	cases := []struct {
		where, what, text string
		errors            string
	}{
		{"", "op", `{` + least + `}`, ""},
		{"", "op", `{}`, "missing-element /m:op/name cannot leave name out: it is mandatory {bad-element name}\n" +
			"data-missing missing-choice /m:op cannot leave way out: one of by-air, by-sea is needed {missing-choice way}\n" +
			"operation-failed too-few-elements /m:op/tag cannot have 0 entries of tag: at least 1 are needed"},
		{"", "op", `{` + least + `,"if":"a","mtu":9}`, ""},
		{"", "op", `{` + least + `,"if":"c"}`, `data-missing instance-required /m:op/if cannot refer to "c": there is no /m:box/if/name with that value`},
		{"", "op", `{` + least + `,"if":"a","mtu":1500}`, `data-missing instance-required /m:op/mtu cannot refer to "1500": there is no /m:box/if/mtu with that value`},
		{"", "op", `{` + least + `,"if":"b","mtu":1500}`, ""},
		{"", "op", `{` + least + `,"up":"since"}`, ""},
		{"", "op", `{` + least + `,"up":"never"}`, `data-missing instance-required /m:op/up cannot refer to "never": there is no /m:stats/up with that value`},
		{"", "op", `{` + least + `,"which":"/m:box/if[name='b']/mtu"}`, ""},
		{"", "op", `{` + least + `,"which":"/m:box/if[name='z']"}`, `data-missing instance-required /m:op/which cannot refer to "/m:box/if[name='z']": it does not exist`},
		{"", "op", `{` + least + `,"level":11}`, `operation-failed must-violation /m:op/level cannot accept level: the condition ". <= /m:limit" does not hold`},
		{"", "op", `{` + least + `,"loud":"x"}`, ""},
		{"", "op", `{` + least + `,"loud":"x","level":2}`, `unknown-element /m:op/loud cannot set loud here: it exists only if "../level > 3" holds {bad-element loud}`},
		{"", "op", `{` + least + `,"kind":"plain"}`, ""}, // a default of state
		{"", "op", `{` + least + `,"kind":"other"}`, `operation-failed must-violation /m:op/kind cannot accept kind: the condition ". = /m:stats/m:kind" does not hold`},
		{"", "op", `{` + least + `,"self":"x"}`, ""}, // the operation is in the accessible tree
		{"", "op", `{` + least + `,"self":"y"}`, `operation-failed must-violation /m:op/self cannot accept self: the condition "/m:op/m:name = ." does not hold`},
		{"", "op", `{` + least + `,"opt":{}}`, "missing-element /m:op/opt/must-have cannot leave must-have out: it is mandatory {bad-element must-have}"},
		{"", "op", `{"name":"x","ship":"s","tag":["t"]}`, "missing-element /m:op/port cannot leave port out: it is mandatory {bad-element port}"},
		{"", "op", `{"name":"x","ship":"s","port":"p","tag":["t"]}`, ""},
		{"", "op", `{"name":"rail","ship":"s","port":"p","tag":["t"]}`, `unknown-element /m:op/ship cannot set ship here: it exists only if "name != 'rail'" holds {bad-element ship}` + "\n" +
			`unknown-element /m:op/port cannot set port here: it exists only if "name != 'rail'" holds {bad-element port}`},
		{"", "op", `{` + least + `,"hop":[{"id":1,"addr":"p"},{"id":2,"addr":"q"}],"after":2}`, ""},
		{"", "op", `{` + least + `,"hop":[{"id":1}],"after":2}`, `data-missing instance-required /m:op/after cannot refer to "2": there is no /m:op/input/hop/id with that value`},
		{"", "op", `{` + least + `,"hop":[{"id":1,"addr":"p"},{"id":2,"addr":"p"}]}`, "operation-failed data-not-unique /m:op/hop[id='2'] cannot use the same addr as in /m:op/hop[id='1'] " +
			"{non-unique /m:op/hop[id='1']/addr} {non-unique /m:op/hop[id='2']/addr}"},
		{"", "op", `{` + least + `,"hop":[{"id":1},{"id":2},{"id":3},{"id":4}]}`, "operation-failed too-many-elements /m:op/hop cannot have 4 entries of hop: at most 3 are allowed"},
		{"", "op", `{` + least + `,"hop":[{"id":1,"cost":60},{"id":2,"cost":60}]}`,
			`operation-failed must-violation /m:op/hop[id='1']/cost cannot accept cost: the condition "sum(../../hop/cost) < 100" does not hold` + "\n" +
				`operation-failed must-violation /m:op/hop[id='2']/cost cannot accept cost: the condition "sum(../../hop/cost) < 100" does not hold`},
		{"", "op output", `{"done":"yes"}`, ""},
		{"", "op output", `{"done":"no"}`, `operation-failed must-violation /m:op/done cannot accept done: the condition ". = 'yes' or ../why" does not hold`},
		{"", "op output", `{"done":"no","why":"w"}`, ""},
		{"", "event", `{"what":"a"}`, ""},
		{"", "event", `{"what":"z"}`, `data-missing instance-required /m:event/what cannot refer to "z": there is no /m:box/if/name with that value`},
		{"", "event", `{}`, `operation-failed must-violation /m:event cannot accept event: the condition "what or which" does not hold`},
		{"/m:box/if[name='a']", "reset", `{"delay":9,"speed":1,"twin":"b"}`, ""},
		{"/m:box/if[name='a']", "reset", `{"delay":10}`, "operation-failed long /m:box/if[name='a']/reset/delay too long"},
		{"/m:box/if[name='b']", "reset", `{"delay":1500}`, ""},
		{"/m:box/if[name='b']", "reset", `{"speed":1}`, `unknown-element /m:box/if[name='b']/reset/speed cannot set speed here: it exists only if "../../type = 'eth'" holds {bad-element speed}`},
		{"/m:box/if[name='a']", "reset", `{"twin":"c"}`, `data-missing instance-required /m:box/if[name='a']/reset/twin cannot refer to "c": there is no /m:box/if/name with that value`},
		{"/m:box/if[name='c']", "reset", `{}`, "data-missing /m:box/if[name='c'] cannot find if, which reset is for"},
		{"/m:box/if[name='a']", "reset output", `{}`, "missing-element /m:box/if[name='a']/reset/took cannot leave took out: it is mandatory {bad-element took}"},
		{"/m:box/if[name='a']", "flap", `{"times":8}`, ""},
		{"/m:box/if[name='a']", "flap", `{"times":9}`, `operation-failed must-violation /m:box/if[name='a']/flap/times cannot accept times: the condition ". < ../../mtu" does not hold`},
		{"/m:box", "wipe", `{"really":true}`, ""},
		{"/m:box", "extra", `{"x":"1"}`, ""},
	}
	var documents []operationDocument
	for _, c := range cases {
		op := findOperation(t, s, c.what)
		var content map[string]any
		if err := json.Unmarshal([]byte(c.text), &content); err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		b := tree.NewBuilder(op)
		fill(t, b, content)
		n, err := b.Done()
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		var at tree.Path
		if c.where != "" {
			if at, err = tree.ParsePath(s, c.where); err != nil {
				t.Fatal(err)
			}
		}
		if got := show(r.Operation(base, at, n)); got != c.errors {
			t.Errorf("%s %s %s: got\n%s\nwant\n%s", c.where, c.what, c.text, got, c.errors)
		}
		documents = append(documents, operationDocument{c.what, c.where, c.text, c.errors == ""})
	}
	t.Run("yanglint", func(t *testing.T) { askYanglint(t, documents) })
}

// Conditions of an augment hold for the actions in it, and what must hold where
// nothing is in the datastore is asked of the defaults.
func TestOperationAround(t *testing.T) {
	s := yangtest.Schema(t, operationModel)
	r := compile(t, s)
	box := tree.Path{{Schema: s.Root.Child("m", "box")}}
	extra, wipe := tree.New(findOperation(t, s, "extra")), tree.New(findOperation(t, s, "wipe"))
	if got := show(r.Operation(nil, box, extra)); !strings.HasPrefix(got, "unknown-element /m:box/extra cannot set extra here") {
		t.Errorf("a false when: %s", got)
	}
	if got := show(r.Operation(nil, box, wipe)); !strings.HasPrefix(got, "operation-failed must-violation /m:box/wipe cannot accept wipe") {
		t.Errorf("a must of the input: %s", got)
	}
	for what, errs := range map[string]string{
		"of another place": show(r.Operation(nil, nil, wipe)), "of nothing": show(r.Operation(nil, nil, nil)),
		"of data": show(r.Operation(nil, nil, tree.New(s.Root))), "too deep": show(r.Operation(nil, box, tree.New(findOperation(t, s, "op")))),
	} {
		if !strings.HasPrefix(errs, "unknown-element") {
			t.Errorf("an operation %s: %q", what, errs)
		}
	}
}

func findOperation(t *testing.T, s *yang.Schema, what string) *yang.Node {
	t.Helper()
	name, kind, _ := strings.Cut(what, " ")
	for _, n := range s.Nodes {
		if isOperation(n) && nameOf(n) == name && (n.Kind == yang.KindOutput) == (kind == "output") {
			return n
		}
	}
	t.Fatalf("no operation %s", what)
	return nil
}

type operationDocument struct {
	what, where, text string
	valid             bool
}

// askYanglint compares the verdicts with those of an independent implementation.
func askYanglint(t *testing.T, documents []operationDocument) {
	program, err := exec.LookPath("yanglint")
	if err != nil {
		t.Skip("cannot compare with yanglint: install the package libyang2-tools")
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	// It does not see defaults in what it is given around the operation.
	module, base := write("m.yang", operationModel), write("base.json", operationBaseAll)
	for _, d := range documents {
		name, kind, _ := strings.Cut(d.what, " ")
		typ := "rpc"
		switch {
		case kind == "output":
			typ = "reply"
		case name == "event" || name == "flap":
			typ = "notif"
		}
		text := fmt.Sprintf(`{"m:%s":%s}`, name, d.text)
		if entry, ok := strings.CutPrefix(d.where, "/m:box/if[name='"); ok {
			text = fmt.Sprintf(`{"m:box":{"if":[{"name":%q,%q:%s}]}}`, strings.TrimSuffix(entry, "']"), name, d.text)
		} else if d.where != "" {
			text = fmt.Sprintf(`{"m:box":{"m:%s":%s}}`, name, d.text)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		said, err := exec.CommandContext(ctx, program, "-t", typ, "-O", base, module, write("op.json", text)).CombinedOutput()
		cancel()
		if (err == nil) != d.valid {
			t.Errorf("%s %s: we say %t, yanglint: %v\n%s", typ, text, d.valid, err, said)
		}
	}
}
