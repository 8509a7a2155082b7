// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

const model = `module m {
  yang-version 1.1; namespace "urn:m"; prefix m;
  import ietf-netconf-acm { prefix nacm; }
  container top {
    list l { key name; leaf name { type string; } leaf v { type string; } leaf secret { nacm:default-deny-all; type string; } }
    leaf guarded { nacm:default-deny-write; type string; }
    leaf-list tag { type string; }
  }
  leaf other { type string; }
  rpc ping;
  rpc reboot { nacm:default-deny-all; }
}`

func schema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "ietf-system", model)
}

// build sets "path=value" in a tree; a leaf-list's value is its entry.
func build(t testing.TB, s *yang.Schema, base *tree.Node, sets ...string) *tree.Node {
	t.Helper()
	ed := tree.NewEditor(base)
	for _, set := range sets {
		path, v := set, ""
		if i := strings.LastIndex(set, "="); i > strings.LastIndex(set, "]") && i > 0 {
			path, v = set[:i], set[i+1:]
		}
		if i := strings.Index(set, "/path="); i > 0 {
			path, v = set[:i+5], set[i+6:]
		}
		p, err := tree.ParsePath(s, path)
		if err != nil {
			t.Fatalf("%s: %v", set, err)
		}
		if last := &p[len(p)-1]; last.Schema.Kind == yang.KindLeafList {
			last.Value, last.HasKey = v, true
		}
		if err := ed.Set(p, v); err != nil {
			t.Fatalf("%s: %v", set, err)
		}
	}
	return ed.Root()
}

func data(t *testing.T, s *yang.Schema, base *tree.Node) *tree.Node {
	return build(t, s, base, "/m:top/l[name='a']/v=1", "/m:top/l[name='a']/secret=x", "/m:top/l[name='b']/v=2",
		"/m:top/guarded=g", "/m:top/tag=t1", "/m:top/tag=t2", "/m:other=o")
}

// paths lists everything in a tree, for comparing.
func paths(root *tree.Node) (all []string) {
	for c := range tree.Diff(tree.New(root.Schema()), root) {
		all = append(all, flatten(c.Path.String(), c.New)...)
	}
	return all
}

func flatten(at string, c tree.Child) (all []string) {
	if c.Node == nil {
		return []string{at}
	}
	for k := range c.Node.Children() {
		switch {
		case k.List != nil:
			for e := range k.List.All() {
				step := tree.Path{{Schema: k.Schema, Key: e.Key(), HasKey: true}}
				text := step.String()
				all = append(all, flatten(at+"/"+text[strings.Index(text, ":")+1:], tree.Child{Schema: k.Schema, Node: e})...)
			}
		case k.LeafList != nil:
			for v := range k.LeafList.All() {
				all = append(all, at+"/"+k.Schema.Name+"="+v)
			}
		case k.Node != nil:
			all = append(all, flatten(at+"/"+k.Schema.Name, k)...)
		default:
			all = append(all, at+"/"+k.Schema.Name)
		}
	}
	return all
}

func TestFactory(t *testing.T) {
	s := schema(t)
	f, err := Factory(s, []string{"root", "alice"})
	if err != nil {
		t.Fatal(err)
	}
	root := data(t, s, f)
	p := Compile(s, root)
	for user, want := range map[string]bool{"root": true, "alice": true, "bob": false} {
		v := p.View(user, nil)
		if p.Admin(user, nil) != want {
			t.Errorf("%s admin: %v", user, !want)
		}
		if open := v.Guard() == nil; open != want {
			t.Errorf("%s may write everything: %v", user, open)
		}
		if whole := v.Prune(root) == root; whole != want {
			t.Errorf("%s reads everything: %v", user, whole)
		}
		for _, op := range []string{"get", "kill-session", "lock"} {
			if v.Exec("ietf-netconf", op).Permit != want {
				t.Errorf("%s may run %s: %v", user, op, !want)
			}
		}
		if !v.Exec("ietf-netconf", "close-session").Permit {
			t.Errorf("%s cannot close the session", user)
		}
	}
	if got := paths(p.View("bob", nil).Prune(root)); len(got) != 0 {
		t.Errorf("bob reads %v", got)
	}
}

// TestOper: the group nso-oper reads all but what is marked, and writes nothing.
func TestOper(t *testing.T) {
	s := schema(t)
	f, err := Factory(s, []string{"root"})
	if err != nil {
		t.Fatal(err)
	}
	const user = "/ietf-system:system/authentication/user[name='u']"
	root := data(t, s, build(t, s, f, "/ietf-netconf-acm:nacm/groups/group[name='nso-oper']/user-name=olga", user+"/password=$6$salt$hash"))
	p := Compile(s, root)
	v := p.View("olga", nil)
	got := paths(v.Prune(root))
	if slices.Contains(got, user+"/password") || !slices.Contains(got, user+"/name") && !slices.Contains(got, user) {
		t.Errorf("of a user of the data olga reads %v", got)
	}
	if slices.Contains(got, "/m:top/l[name='a']/secret") || !slices.Contains(got, "/m:top/guarded") {
		t.Errorf("olga reads %v", got)
	}
	for _, path := range got {
		if strings.Contains(path, "nacm") {
			t.Errorf("olga reads the access control: %s", path)
		}
	}
	g := v.Guard()
	for _, path := range []string{"/m:other", "/m:top/guarded", "/m:top/l[name='a']/v"} {
		at, err := tree.ParsePath(s, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range []tree.Access{tree.Create, tree.Update, tree.Delete} {
			l := mgmterr.Of(g(at, what))
			if len(l) != 1 || l[0].Tag != mgmterr.AccessDenied || l[0].Path != path {
				t.Errorf("olga may %s %s: %v", what, path, l)
			}
		}
	}
	if v.Exec("ietf-netconf", "edit-config").Permit || !v.Exec("ietf-netconf", "get").Permit || !v.Exec("ietf-netconf-monitoring", "get-schema").Permit {
		t.Error("olga's operations are wrong")
	}
	if !p.View("x", []string{"nso-oper"}).Exec("ietf-netconf", "get").Permit {
		t.Error("a group of the system does not count")
	}
}

// TestRules walks the order of RFC 8341, 3.4.5.
func TestRules(t *testing.T) {
	s := schema(t)
	const r = "/ietf-netconf-acm:nacm/"
	member := r + "groups/group[name='g']/user-name=u"
	list := r + "rule-list[name='1']/"
	for _, c := range []struct {
		name string
		acl  []string
		path string
		op   ops
		want bool
	}{
		{"step 1: disabled permits", []string{r + "enable-nacm=false"}, "/m:other", opUpdate, true},
		{"defaults: read permit", nil, "/m:other", opRead, true},
		{"defaults: write deny", nil, "/m:other", opCreate, false},
		{"write-default permit", []string{r + "write-default=permit"}, "/m:other", opCreate, true},
		{"step 10: deny-write beats write-default", []string{r + "write-default=permit"}, "/m:top/guarded", opUpdate, false},
		{"step 10: deny-write lets read", nil, "/m:top/guarded", opRead, true},
		{"step 10: deny-all beats read-default", nil, "/m:top/l[name='a']/secret", opRead, false},
		{"a rule beats deny-all", []string{member, list + "group=g", list + "rule[name='1']/path=/m:top/l/secret", list + "rule[name='1']/action=permit"},
			"/m:top/l[name='a']/secret", opRead, true},
		{"descendants match", []string{member, list + "group=g", list + "rule[name='1']/path=/m:top", list + "rule[name='1']/action=permit"},
			"/m:top/l[name='a']/v", opCreate, true},
		{"the path alone", []string{member, list + "group=g", list + "rule[name='1']/path=/m:top", list + "rule[name='1']/action=permit"},
			"/m:other", opCreate, false},
		{"one entry", []string{member, list + "group=g", list + `rule[name='1']/path=/m:top/l[name="a"]`, list + "rule[name='1']/action=permit"},
			"/m:top/l[name='a']/v", opUpdate, true},
		{"not another entry", []string{member, list + "group=g", list + `rule[name='1']/path=/m:top/l[name="a"]`, list + "rule[name='1']/action=permit"},
			"/m:top/l[name='b']/v", opUpdate, false},
		{"operations", []string{member, list + "group=g", list + "rule[name='1']/access-operations=create update", list + "rule[name='1']/action=permit"},
			"/m:other", opDelete, false},
		{"first rule wins", []string{member, list + "group=g", list + "rule[name='z']/action=deny", list + "rule[name='a']/action=permit"},
			"/m:other", opRead, false},
		{"module", []string{member, list + "group=g", list + "rule[name='1']/module-name=ietf-system", list + "rule[name='1']/action=deny"},
			"/m:other", opRead, true},
		{"not my group", []string{member, list + "group=h", list + "rule[name='1']/action=deny"}, "/m:other", opRead, true},
		{"any group", []string{member, list + "group=*", list + "rule[name='1']/action=deny"}, "/m:other", opRead, false},
		{"no group at all: rules are not asked", []string{list + "group=*", list + "rule[name='1']/action=deny"}, "/m:other", opRead, true},
		{"a path that is nowhere matches nothing", []string{member, list + "group=g", list + "rule[name='1']/path=/m:gone", list + "rule[name='1']/action=deny"},
			"/m:other", opRead, true},
		{"an rpc rule is not for data", []string{member, list + "group=g", list + "rule[name='1']/rpc-name=*", list + "rule[name='1']/action=deny"},
			"/m:other", opRead, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := build(t, s, tree.New(s.Root), c.acl...)
			p, err := tree.ParsePath(s, c.path)
			if err != nil {
				t.Fatal(err)
			}
			v := Compile(s, root).View("u", nil)
			if got := v.data(p, c.op); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			// What is open by construction must be what the rules say.
			if v.open&c.op != 0 && !c.want {
				t.Error("held to be open, and denied by the rules")
			}
		})
	}
}

func TestExec(t *testing.T) {
	s := schema(t)
	const r = "/ietf-netconf-acm:nacm/"
	member := r + "groups/group[name='g']/user-name=u"
	list := r + "rule-list[name='1']/"
	for _, c := range []struct {
		name, module, rpc string
		acl               []string
		want              bool
	}{
		{"default permit", "m", "ping", nil, true},
		{"default-deny-all", "m", "reboot", nil, false},
		{"step 11: kill-session", "ietf-netconf", "kill-session", nil, false},
		{"exec-default deny", "m", "ping", []string{r + "exec-default=deny"}, false},
		{"close-session always", "ietf-netconf", "close-session", []string{r + "exec-default=deny"}, true},
		{"permitted by name", "m", "reboot", []string{member, list + "group=g", list + "rule[name='1']/rpc-name=reboot", list + "rule[name='1']/action=permit"}, true},
		{"not by another's", "m", "reboot", []string{member, list + "group=g", list + "rule[name='1']/rpc-name=ping", list + "rule[name='1']/action=permit"}, false},
		{"a path rule is not for rpcs", "m", "reboot", []string{member, list + "group=g", list + "rule[name='1']/path=/", list + "rule[name='1']/action=permit"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := Compile(s, build(t, s, tree.New(s.Root), c.acl...)).View("u", nil)
			if got := v.Exec(c.module, c.rpc).Permit; got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestPruneKeepsKeys: an entry that may be read has its keys (RFC 8341, 3.2.4).
func TestPrune(t *testing.T) {
	s := schema(t)
	const list = "/ietf-netconf-acm:nacm/rule-list[name='1']/"
	root := build(t, s, tree.New(s.Root), "/ietf-netconf-acm:nacm/groups/group[name='g']/user-name=u", list+"group=g",
		list+"rule[name='1']/path=/m:top/l[name='b']", list+"rule[name='1']/action=deny",
		list+"rule[name='2']/path=/m:top/l/name", list+"rule[name='2']/action=deny",
		list+"rule[name='3']/path=/m:top/tag[.='t1']", list+"rule[name='3']/action=deny")
	root = data(t, s, root)
	got := paths(Compile(s, root).View("u", nil).Prune(root))
	want := []string{"/m:top/l[name='a']/name", "/m:top/l[name='a']/v", "/m:top/guarded", "/m:top/tag=t2", "/m:other"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("reads\n%v, want\n%v", got, want)
	}
}

func TestNoModule(t *testing.T) {
	s := yangtest.Schema(t, strings.Replace(strings.ReplaceAll(model, "nacm:default-deny-all;", ""), "nacm:default-deny-write;", "", 1))
	v := Compile(s, tree.New(s.Root)).View("root", nil)
	if v.Exec("m", "ping").Permit || v.Guard() == nil {
		t.Error("a schema without access control lets somebody in")
	}
}
