// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value/schematest"
)

// edit applies lines: +PATH, +PATH=VALUE, -PATH.
func edit(t testing.TB, s *yang.Schema, root *tree.Node, text string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(root)
	for _, line := range strings.Split(text, ";") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		path, value := line[1:], ""
		if i := strings.LastIndex(path, "="); i > strings.LastIndex(path, "]") {
			path, value = path[:i], path[i+1:]
		}
		p, err := tree.ParsePath(s, path)
		if err == nil && line[0] == '-' {
			err = ed.Delete(p)
		} else if err == nil {
			err = ed.Set(p, value)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return ed.Root()
}

func show(errs mgmterr.List) string {
	var out []string
	for _, e := range errs {
		s := fmt.Sprintf("%s %s %s %s", e.Tag, e.AppTag, e.Path, e.Message)
		for _, i := range e.Info {
			s += fmt.Sprintf(" {%s %s}", i.Name, i.Value)
		}
		out = append(out, strings.ReplaceAll(s, "  ", " "))
	}
	return strings.Join(out, "\n")
}

func compile(t testing.TB, s *yang.Schema) *Rules {
	t.Helper()
	r, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each story has an outline and steps: an edit of a valid tree and the errors
// expected. A step without errors makes the next tree.
func TestStories(t *testing.T) {
	for _, story := range []struct {
		name, model string
		steps       []struct{ edit, errors string }
	}{
		{"mandatory leaf", `
module m
container a presence
  leaf x string mandatory
  container np
    leaf y string mandatory
list l key=k
  leaf k string
  leaf v string mandatory`, []struct{ edit, errors string }{
			{"", ""},
			{"+/m:a", "data-missing /m:a/x cannot leave x out: it is mandatory\ndata-missing /m:a/np/y cannot leave y out: it is mandatory"},
			{"+/m:a; +/m:a/x=1; +/m:a/np/y=2", ""},
			{"-/m:a/np/y", "data-missing /m:a/np/y cannot leave y out: it is mandatory"},
			{"-/m:a", ""},
			{"+/m:l[k='1']", "data-missing /m:l[k='1']/v cannot leave v out: it is mandatory"},
			{"+/m:l[k='1']/v=1", ""},
			{"-/m:l[k='1']/v", "data-missing /m:l[k='1']/v cannot leave v out: it is mandatory"},
		}},
		{"mandatory at the top", `
module m
leaf x string mandatory
container np
  leaf y string mandatory`, []struct{ edit, errors string }{
			{"", "data-missing /m:x cannot leave x out: it is mandatory\ndata-missing /m:np/y cannot leave y out: it is mandatory"},
			{"+/m:x=1", "data-missing /m:np/y cannot leave y out: it is mandatory"},
		}},
		{"choice", `
module m
container a presence
  choice c mandatory
    case one
      leaf x string
      leaf y string mandatory
    case two
      container z
        leaf w string`, []struct{ edit, errors string }{
			{"+/m:a", "data-missing missing-choice /m:a cannot leave c out: one of one, two is needed {missing-choice c}"},
			{"+/m:a/x=1", "data-missing /m:a/y cannot leave y out: it is mandatory"},
			{"+/m:a/z/w=1", ""},
			{"+/m:a/y=1", ""},
			{"-/m:a/y", "data-missing missing-choice /m:a cannot leave c out: one of one, two is needed {missing-choice c}"},
			{"+/m:a/x=1; -/m:a/y", "data-missing /m:a/y cannot leave y out: it is mandatory"},
			{"-/m:a/y; +/m:a/z/w=2", ""},
		}},
		{"elements", `
module m
container a
  list l key=k min=1 max=2
    leaf k string
  leaf-list n int32 max=2`, []struct{ edit, errors string }{
			{"", "operation-failed too-few-elements /m:a/l cannot have 0 entries of l: at least 1 are needed"},
			{"+/m:a/l[k='a']", ""},
			{"+/m:a/l[k='b']; +/m:a/l[k='c']; +/m:a/n[.='1']; +/m:a/n[.='2']; +/m:a/n[.='3']",
				"operation-failed too-many-elements /m:a/l cannot have 3 entries of l: at most 2 are allowed\n" +
					"operation-failed too-many-elements /m:a/n cannot have 3 entries of n: at most 2 are allowed"},
			{"-/m:a/l[k='a']", "operation-failed too-few-elements /m:a/l cannot have 0 entries of l: at least 1 are needed"},
		}},
		{"unique", `
module m
list l key=k unique="ip c/port"
  leaf k string
  leaf ip string
  container c
    leaf port int32 default=80
  leaf other string`, []struct{ edit, errors string }{
			{"+/m:l[k='a']/ip=1", ""},
			{"+/m:l[k='b']/c/port=81", ""},
			{"+/m:l[k='b']/ip=1", ""},
			{"+/m:l[k='c']/ip=1", "operation-failed data-not-unique /m:l[k='c'] cannot use the same ip and port as in /m:l[k='a'] " +
				"{non-unique /m:l[k='a']/ip} {non-unique /m:l[k='a']/c/port} {non-unique /m:l[k='c']/ip} {non-unique /m:l[k='c']/c/port}"},
			{"-/m:l[k='b']/c/port", "operation-failed data-not-unique /m:l[k='b'] cannot use the same ip and port as in /m:l[k='a'] " +
				"{non-unique /m:l[k='a']/ip} {non-unique /m:l[k='a']/c/port} {non-unique /m:l[k='b']/ip} {non-unique /m:l[k='b']/c/port}"},
			{"+/m:l[k='c']/other=1; +/m:l[k='d']/other=1", ""},
		}},
		{"must", `
module m
container a must="not(x) or x = ../b @my-tag"
  leaf x string
leaf b string default=one
container e must="f > 5"
  leaf f int32 default=7 must=". mod 2 = 1"`, []struct{ edit, errors string }{
			{"+/m:a/x=one", ""},
			{"+/m:b=two", "operation-failed my-tag /m:a cannot accept a: the condition \"not(x) or x = ../b\" does not hold"},
			{"+/m:b=two; +/m:a/x=two", ""},
			{"-/m:b", "operation-failed my-tag /m:a cannot accept a: the condition \"not(x) or x = ../b\" does not hold"},
			{"+/m:e/f=4", "operation-failed must-violation /m:e cannot accept e: the condition \"f > 5\" does not hold\n" +
				"operation-failed must-violation /m:e/f cannot accept f: the condition \". mod 2 = 1\" does not hold"},
		}},
		{"leafref", `
module m
list if key=name
  leaf name string
  leaf mtu int32 default=1500
list user key=id
  leaf id string
  leaf if leafref:../../if/name
  leaf mtu leafref:/if[name=current()/../if]/mtu
  leaf weak weakref:/if/name
  leaf-list many leafref:/if/name
  leaf either leafref:/if/name|int32`, []struct{ edit, errors string }{
			{"+/m:if[name='a']; +/m:if[name='b']/mtu=9; +/m:user[id='1']/if=a", ""},
			{"+/m:user[id='2']/if=c", "data-missing instance-required /m:user[id='2']/if cannot refer to \"c\": there is no /m:if/name with that value"},
			{"+/m:user[id='2']/weak=c", ""},
			{"-/m:if[name='a']", "data-missing instance-required /m:user[id='1']/if cannot refer to \"a\": there is no /m:if/name with that value"},
			{"-/m:if[name='a']; -/m:user[id='1']/if", ""},
			{"+/m:user[id='1']/if=b; +/m:user[id='1']/mtu=9", ""},
			{"+/m:if[name='b']/mtu=10", "data-missing instance-required /m:user[id='1']/mtu cannot refer to \"9\": there is no /m:if/mtu with that value"},
			{"-/m:if[name='b']/mtu", "data-missing instance-required /m:user[id='1']/mtu cannot refer to \"9\": there is no /m:if/mtu with that value"},
			{"+/m:if[name='c']; +/m:user[id='1']/if=c", "data-missing instance-required /m:user[id='1']/mtu cannot refer to \"9\": there is no /m:if/mtu with that value"},
			{"-/m:if[name='b']/mtu; +/m:user[id='1']/mtu=1500", ""},
			{"+/m:if[name='b']/mtu=8", "data-missing instance-required /m:user[id='1']/mtu cannot refer to \"1500\": there is no /m:if/mtu with that value"},
			{"+/m:user[id='1']/many[.='b']; +/m:user[id='1']/many[.='x']", "data-missing instance-required /m:user[id='1']/many[.='x'] cannot refer to \"x\": there is no /m:if/name with that value"},
			{"+/m:user[id='1']/either=5; +/m:user[id='2']/either=b", ""},
		}},
		{"instance-identifier", `
module m
leaf p instance-identifier
leaf q instance-identifier:weak
list l key=k
  leaf k string
  leaf d string default=x`, []struct{ edit, errors string }{
			{"+/m:p=/m:l[k='1']", "data-missing instance-required /m:p cannot refer to \"/m:l[k='1']\": it does not exist"},
		}},
		{"when", `
module m
leaf type enum:eth,ip
container eth when="../type = 'eth'"
  leaf speed int32
  leaf duplex string mandatory
leaf mtu int32 when="../type = 'ip'" default=1500
leaf big string when="../mtu > 1000"
list l key=k
  leaf k string
  leaf only string when="../k = 'a'"`, []struct{ edit, errors string }{
			{"+/m:type=eth; +/m:eth/duplex=full", ""},
			{"+/m:mtu=9", "unknown-element /m:mtu cannot set mtu here: it exists only if \"../type = 'ip'\" holds {bad-element mtu}"},
			{"+/m:type=ip", ""}, // the container goes
			{"+/m:eth/speed=1", "unknown-element /m:eth cannot set eth here: it exists only if \"../type = 'eth'\" holds {bad-element eth}\n" +
				"data-missing /m:eth/duplex cannot leave duplex out: it is mandatory"},
			{"+/m:big=x", ""},
			{"+/m:mtu=7", ""}, // big goes
			{"+/m:mtu=1001; +/m:big=y", ""},
			{"+/m:type=eth", "data-missing /m:eth/duplex cannot leave duplex out: it is mandatory"},
			{"+/m:type=eth; +/m:eth/duplex=half", ""}, // mtu goes, and so does big
			{"+/m:l[k='a']/only=1; +/m:l[k='b']", ""},
			{"+/m:l[k='b']/only=1", "unknown-element /m:l[k='b']/only cannot set only here: it exists only if \"../k = 'a'\" holds {bad-element only}"},
		}},
		{"when of a choice", `
module m
leaf on boolean
choice c mandatory when="on = 'true'"
  case one
    leaf x string
  case two
    leaf y string`, []struct{ edit, errors string }{
			{"", ""},
			{"+/m:on=true", "data-missing missing-choice / cannot leave c out: one of one, two is needed {missing-choice c}"},
			{"+/m:on=true; +/m:x=1", ""},
			{"-/m:on", ""},
			{"+/m:y=1", "unknown-element /m:y cannot set y here: it exists only if \"on = 'true'\" holds {bad-element y}"},
		}},
	} {
		s := schematest.Schema(t, story.model)
		r := compile(t, s)
		root := tree.New(s.Root)
		for _, step := range story.steps {
			next := root
			if story.name == "instance-identifier" {
				continue
			}
			next = edit(t, s, root, step.edit)
			same(t, story.name+": "+step.edit, r, root, next)
			made, errs := r.reference(root, next)
			if got := show(errs); got != step.errors {
				t.Errorf("%s: %s: got\n%s\nwant\n%s", story.name, step.edit, got, step.errors)
			}
			if step.errors == "" {
				root = made
			}
		}
	}
}

// same: Changed says what the reference says, if the old tree was valid.
func same(t testing.TB, what string, r *Rules, old, root *tree.Node) bool {
	t.Helper()
	if _, errs := r.Full(old); len(errs) > 0 {
		return true
	}
	a, ea := r.reference(old, root)
	b, eb := r.Changed(old, root)
	if !tree.Equal(a, b) {
		t.Errorf("%s: Changed gives another tree", what)
		return false
	}
	if show(ea) != show(eb) {
		t.Errorf("%s: the reference says\n%s\nChanged says\n%s", what, show(ea), show(eb))
		return false
	}
	return true
}

func TestInstanceIdentifier(t *testing.T) {
	s := schematest.Schema(t, `
module m
leaf p instance-identifier
leaf q instance-identifier:weak
list l key=k
  leaf k string
  leaf d string default=x`)
	r := compile(t, s)
	set := func(root *tree.Node, leaf, v string) *tree.Node {
		ed := tree.NewEditor(root)
		if err := ed.Set(tree.Path{{Schema: s.Root.Child("m", leaf)}}, v); err != nil {
			t.Fatal(err)
		}
		return ed.Root()
	}
	good := edit(t, s, tree.New(s.Root), "+/m:l[k='1']; +/m:l[k='2']")
	for _, v := range []string{"/m:l[k='1']", "/m:l[k='1']/k", "/m:l[k='1']/d"} {
		root := set(set(good, "p", v), "q", "/m:l[k='9']")
		if _, errs := r.Changed(good, root); len(errs) > 0 {
			t.Errorf("%s: %v", v, errs)
		}
		gone := edit(t, s, root, "-/m:l[k='1']")
		if _, errs := r.Changed(root, gone); len(errs) != 1 || errs[0].AppTag != "instance-required" || errs[0].Tag != mgmterr.DataMissing {
			t.Errorf("%s is gone: %v", v, errs)
		}
		same(t, v, r, root, gone)
		if _, errs := r.Changed(root, edit(t, s, root, "-/m:l[k='2']")); len(errs) > 0 {
			t.Errorf("%s: another is gone: %v", v, errs)
		}
	}
}

func TestAutomaticDeletion(t *testing.T) {
	s := schematest.Schema(t, `
module m
leaf a string
leaf b string when="../a"
leaf c string when="../b"
leaf d string default=x when="../c"
leaf e string when="../d"
list l key=k when="../c"
  leaf k string`)
	r := compile(t, s)
	root := edit(t, s, tree.New(s.Root), "+/m:a=1; +/m:b=1; +/m:c=1; +/m:e=1; +/m:l[k='1']; +/m:l[k='2']")
	if _, errs := r.Full(root); len(errs) > 0 {
		t.Fatal(errs)
	}
	got, errs := r.Changed(root, edit(t, s, root, "-/m:a"))
	if len(errs) > 0 || !got.Empty() {
		t.Errorf("left: %d, %v", got.Count(), errs)
	}
	if full, errs := r.Full(edit(t, s, root, "-/m:a")); len(errs) > 0 || !full.Empty() {
		t.Errorf("Full leaves: %d, %v", full.Count(), errs)
	}
	if root.Count() != 6 {
		t.Error("the tree that was checked has changed")
	}
}

func TestChangedFromNothing(t *testing.T) {
	s := schematest.Schema(t, "module m\nleaf a string must=\"../b\"\nleaf b string")
	r := compile(t, s)
	if _, errs := r.Changed(nil, edit(t, s, tree.New(s.Root), "+/m:a=1")); len(errs) != 1 {
		t.Errorf("%v", errs)
	}
	if _, errs := r.Changed(nil, edit(t, s, tree.New(s.Root), "+/m:a=1; +/m:b=1")); len(errs) != 0 {
		t.Errorf("%v", errs)
	}
}

func TestNil(t *testing.T) {
	s := schematest.Schema(t, "module m\nleaf a string mandatory")
	r := compile(t, s)
	if root, errs := r.Full(nil); len(errs) != 1 || root == nil {
		t.Errorf("Full: %v", errs)
	}
	if _, errs := r.Changed(edit(t, s, tree.New(s.Root), "+/m:a=1"), nil); len(errs) != 1 {
		t.Errorf("Changed: %v", errs)
	}
}

// What one edit creates may hold more than one condition that fails; the list
// is in document order whatever the order of the edit was.
func TestOrder(t *testing.T) {
	s := schematest.Schema(t, `
module m
list l key=k
  leaf k int32
  leaf a string must="false()"
  leaf b string must="false()" must="1 = 2"
leaf z string must="false()"`)
	r := compile(t, s)
	want := ""
	for i, text := range []string{
		"+/m:z=1; +/m:l[k='2']/b=1; +/m:l[k='1']/b=1; +/m:l[k='2']/a=1", "+/m:l[k='1']/b=1; +/m:l[k='2']/a=1; +/m:l[k='2']/b=1; +/m:z=1",
	} {
		_, errs := r.Changed(nil, edit(t, s, tree.New(s.Root), text))
		if got := show(errs); i == 0 {
			want = got
		} else if got != want || len(errs) != 6 || errs[0].Path != "/m:l[k='1']/b" || errs[5].Path != "/m:z" {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestCompileRefused(t *testing.T) {
	for _, model := range []string{
		"module m\nleaf a string must=\"foo:b\"", "module m\nleaf a string when=\"(\"", "module m\nleaf b string\nleaf a leafref:/q:b",
	} {
		if _, err := Compile(schematest.Schema(t, model)); err == nil || !strings.Contains(err.Error(), "/m:a") {
			t.Errorf("%q: %v", model, err)
		}
	}
}

func TestManyErrors(t *testing.T) {
	s := schematest.Schema(t, "module m\nlist l key=k\n  leaf k int32\n  leaf v string mandatory")
	r := compile(t, s)
	ed := tree.NewEditor(tree.New(s.Root))
	for i := range 1000 {
		l := s.Root.Child("m", "l")
		if err := ed.Create(tree.Path{{Schema: l, Key: tree.MakeKey(l, fmt.Sprint(i)), HasKey: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, errs := r.Full(ed.Root()); len(errs) != maxErrors {
		t.Errorf("%d errors", len(errs))
	}
}
