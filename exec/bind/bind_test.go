// SPDX-License-Identifier: Apache-2.0

package bind

import (
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/exec/rule"
	"nso.example/nso/tree"
	"nso.example/nso/tree/jsonenc"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m { yang-version 1.1; namespace "urn:m"; prefix m;
  import nso-exec { prefix x; }
  container box {
    choice way { case a { list if { key "name unit"; leaf name { type string; } leaf unit { type uint8; } leaf mtu { type int32; }
      container deep { leaf v { type string; } leaf w { type string; } }
      action reset { input { leaf delay { type int32; } leaf why { type string; } leaf-list tag { type string; } leaf now { type empty; } }
        output { leaf took { type int32; } leaf by { type string; } } } } } }
    leaf other { type string; }
  }
  leaf state { config false; type string; }
  rpc named { x:rule "by-model"; input { leaf a { type string; } } }
  rpc deep { input { container c { leaf d { type string; } } } }
  rpc idle;
}`

const augmenting = `module n { yang-version 1.1; namespace "urn:n"; prefix n; import m { prefix m; }
  augment "/m:box" { leaf extra { type string; } action go; } }`

func schema(t *testing.T) *yang.Schema {
	return yangtest.Schema(t, model, augmenting, "nso-exec")
}

func rules(t *testing.T, text string) map[string]*rule.Rule {
	t.Helper()
	list, err := rule.Parse("x.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*rule.Rule)
	for _, r := range list {
		all[r.Name] = r
	}
	return all
}

// one is a rule that does operations, with more lines.
func one(name, operations, more string) string {
	return fmt.Sprintf("[rule.%s]\nprogram = \"/x\"\nrun-as = \"caller\"\nusers = [\"*\"]\noperations = [%s]\n%s\n", name, operations, more)
}

func TestPaths(t *testing.T) {
	s := schema(t)
	for path, want := range map[string]string{
		"/m:box/if/reset": "/m:box/if/reset", "/m:box/m:if/m:reset": "/m:box/if/reset", "/m:box/n:go": "/m:box/n:go",
		"/m:idle": "/m:idle", "/m:box/go": "", "/m:nothing": "", "/m:box": "", "/m:box/way/a/if/reset": "",
	} {
		got := ""
		if op := Operation(s, path); op != nil {
			got = Path(op)
		}
		if got != want {
			t.Errorf("%s is the operation %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]bool{"/m:box": true, "/m:box/if/mtu": true, "/m:box/n:extra": true, "/m:state": false, "/m:idle": false, "/m:box/extra": false, "/z:box": false} {
		if n := Data(s, path); (n != nil) != want {
			t.Errorf("%s is the node %v", path, n)
		}
	}
}

func TestFind(t *testing.T) {
	s := schema(t)
	const all = "input = \"json\""
	for _, c := range []struct{ text, operation, want string }{
		{one("a", `"/m:idle"`, ""), "/m:idle", "a"},
		{one("a", `"/m:idle"`, ""), "/m:deep", ""},
		{one("a", `"*"`, all), "/m:idle", ""},
		{one("a", `"/m:idle"`, "") + one("b", `"/m:idle"`, ""), "/m:idle", "the rules a and b both do it; neither counts"},
		{one("by-model", `"*"`, all), "/m:named", "by-model"},
		{one("by-model", `"/m:idle"`, all), "/m:named", `the model wants the rule by-model to do it, and that rule does not permit it: add operations = ["/m:named"]`},
		{one("a", `"/m:idle"`, ""), "/m:named", "the model wants the rule by-model to do it, and there is none of that name"},
		{one("by-model", `"*"`, all) + one("a", `"/m:named"`, all), "/m:named", "a"}, // root's word over the model's
		{one("a", `"/m:deep"`, ""), "/m:deep", "the rule a has no place for c of its input"},
		{one("a", `"/m:deep"`, all), "/m:deep", "a"},
		{one("a", `"/m:named"`, "arguments = [\"{a}\"]\n[rule.a.argument.a]\n"), "/m:named", "a"},
		{one("a", `"/m:named"`, all+"\narguments = [\"{b}\"]\n[rule.a.argument.b]\n"), "/m:named", "the rule a has the argument {b}, and neither"},
		{one("a", `"/m:named"`, all+"\narguments = [\"{b}\"]\n[rule.a.argument.b]\noptional = true\n"), "/m:named", "a"},
		{one("a", `"/m:box/if/reset"`, all+"\narguments = [\"{name}\", \"{unit}\"]\n[rule.a.argument.name]\n[rule.a.argument.unit]\ntype = \"integer\"\n"), "/m:box/if/reset", "a"},
	} {
		r, err := Find(rules(t, c.text), Operation(s, c.operation))
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case r != nil:
			got = r.Name
		}
		if got != c.want && (err == nil || c.want == "" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s by\n%sis done by %q, want %q", c.operation, c.text, got, c.want)
		}
	}
	said := strings.Join(Mistakes(rules(t, one("a", `"/m:nothing"`, "")+"[rule.v]\nprogram = \"/x\"\nrun-as = \"nso-cmd\"\nvalidate = [\"/m:state\"]\n"), s), "\n")
	for _, want := range []string{"the rule a does nothing for /m:nothing", "the rule v validates nothing at /m:state", "nothing does /m:named: the model wants the rule by-model"} {
		if !strings.Contains(said, want) {
			t.Errorf("it is not said that %s:\n%s", want, said)
		}
	}
}

// TestProgram: what a program is given of an input, and what becomes of what it says.
func TestProgram(t *testing.T) {
	s := schema(t)
	reset := Operation(s, "/m:box/if/reset")
	in, out := reset.Input(), reset.Output()
	decode := func(at *yang.Node, text string) *tree.Node {
		n, err := jsonenc.DecodeNode(strings.NewReader(text), s, at, jsonenc.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	at, err := tree.ParsePath(s, "/m:box/if[name='eth0'][unit='3']")
	if err != nil {
		t.Fatal(err)
	}
	const places = "arguments = [\"{name}\", \"{unit}\", \"{delay}\", \"{tag}\", \"{now}\", \"{why}\"]\n[rule.a.argument.name]\n[rule.a.argument.unit]\ntype = \"integer\"\n" +
		"[rule.a.argument.delay]\noptional = true\n[rule.a.argument.tag]\noptional = true\nmany = 4\n[rule.a.argument.now]\ntype = \"flag\"\ntext = \"-n\"\noptional = true\n" +
		"[rule.a.argument.why]\ndefault = \"no reason\"\n"
	r := rules(t, one("a", `"/m:box/if/reset"`, places))["a"]
	if err := Fits(r, reset); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		`{}`:                                 `[/x eth0 3 no reason]`,
		`{"m:delay":7,"m:why":"w"}`:          `[/x eth0 3 7 w]`,
		`{"m:tag":["p","q"],"m:now":[null]}`: `[/x eth0 3 p q -n no reason]`,
	} {
		argv, _, err := r.Argv(Values(r, reset, at, decode(in, input)))
		if err != nil || fmt.Sprint(argv) != want {
			t.Errorf("%s: the arguments are %v, %v", input, argv, err)
		}
	}
	full := decode(in, `{"m:delay":7,"m:why":"a<b"}`)
	for form, want := range map[rule.Form]string{
		rule.JSON: `{"m:delay":7,"m:why":"a<b"}` + "\n", rule.XML: `<reset xmlns="urn:m"><delay>7</delay><why>a&lt;b</why></reset>` + "\n", rule.None: "",
	} {
		x := *r
		x.Input = form
		if text, err := Text(&x, s, reset, full); err != nil || string(text) != want {
			t.Errorf("%s: it reads %s, %v", form, text, err)
		}
	}
	for _, c := range []struct {
		form rule.Form
		said string
		want string // or the beginning of an error
	}{
		{rule.JSON, `{"took":3,"m:by":"x"}`, `{"m:took":3,"m:by":"x"}`},
		{rule.JSON, " \n", `{}`},
		{rule.JSON, `{"took":"3"}`, "error"},
		{rule.JSON, `{"other":3}`, "error"},
		{rule.JSON, `{"took":3} {"took":3}`, "error"},
		{rule.JSON, `done`, "error"},
		{rule.None, `done`, `{}`},
		{rule.XML, `<?xml version="1.0"?><reset xmlns="urn:m"><took>3</took></reset>` + "\n", `{"m:took":3}`},
		{rule.XML, `<reset><took>3</took></reset>`, "error"},
		{rule.XML, `<reset xmlns="urn:m"><took>3</took></reset><x/>`, "error"},
		{rule.XML, `<reset xmlns="urn:m"><took>x</took></reset>`, "error"},
		{rule.XML, `<reset xmlns="urn:m"><took>3`, "error"},
	} {
		x := *r
		x.Output = c.form
		n, err := Answer(&x, s, reset, []byte(c.said))
		if err != nil {
			if c.want != "error" {
				t.Errorf("%s: %v", c.said, err)
			}
			continue
		}
		var b strings.Builder
		if err := jsonenc.Encode(&b, n, jsonenc.Options{}); err != nil || b.String() != c.want || n.Schema() != out {
			t.Errorf("%s is taken as %s, want %s", c.said, b.String(), c.want)
		}
	}
	if n, err := Answer(r, s, Operation(s, "/m:idle"), []byte("anything")); err != nil || !n.Empty() {
		t.Errorf("of an operation without output: %v", err)
	}
}

func TestValidate(t *testing.T) {
	s := schema(t)
	decode := func(text string) *tree.Node {
		n, err := jsonenc.Decode(strings.NewReader(text), s, jsonenc.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const base = `{"m:box":{"if":[{"name":"a","unit":1,"mtu":9,"deep":{"v":"1","w":"2"}},{"name":"b","unit":2}],"other":"o"}}`
	before := decode(base)
	nodes := func(paths ...string) (all []*yang.Node) {
		for _, p := range paths {
			all = append(all, Data(s, p))
		}
		return all
	}
	for _, c := range []struct {
		after string
		paths []string
		want  string
	}{
		{base, []string{"/m:box"}, ""},
		{strings.Replace(base, `"mtu":9`, `"mtu":8`, 1), []string{"/m:box"}, "/m:box"},
		{strings.Replace(base, `"mtu":9`, `"mtu":8`, 1), []string{"/m:box/other", "/m:box/if/mtu"}, "/m:box/if/mtu"},
		{strings.Replace(base, `"mtu":9`, `"mtu":8`, 1), []string{"/m:box/if/deep"}, ""},
		{`{}`, []string{"/m:box/if/mtu"}, "/m:box/if/mtu"},
		{strings.Replace(base, `,{"name":"b","unit":2}`, ``, 1), []string{"/m:box/if/deep/v"}, "/m:box/if/deep/v"},
	} {
		got := ""
		if n := Touched(before, decode(c.after), nodes(c.paths...)); n != nil {
			got = Path(n)
		}
		if got != c.want {
			t.Errorf("%s touches %q of %v, want %q", c.after, got, c.paths, c.want)
		}
	}
	for paths, want := range map[string]string{
		"/m:box/other":                `{"m:box":{"other":"o"}}`,
		"/m:box/if/deep/v":            `{"m:box":{"if":[{"name":"a","unit":1,"deep":{"v":"1"}},{"name":"b","unit":2}]}}`,
		"/m:box/if/deep /m:box/other": `{"m:box":{"if":[{"name":"a","unit":1,"deep":{"v":"1","w":"2"}},{"name":"b","unit":2}],"other":"o"}}`,
		"/m:box":                      base,
		"/m:box/n:extra":              `{}`,
	} {
		text, err := Below(s, before, nodes(strings.Fields(paths)...))
		if err != nil || string(text) != want+"\n" {
			t.Errorf("%s: %s, %v", paths, text, err)
		}
	}
}
