// SPDX-License-Identifier: Apache-2.0

package nacm

import (
	"slices"
	"strings"
	"testing"

	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/yangtest"
)

// office is a model with everything that rules speak of.
const office = `module o {
  yang-version 1.1; namespace "urn:o"; prefix o;
  import ietf-netconf-acm { prefix nacm; }
  container desk {
    list drawer { key owner; leaf owner { type string; } leaf v { type string; }
      leaf lock { nacm:default-deny-write; type string; }
      action open;
      action burn { nacm:default-deny-all; }
      notification jammed;
      notification spied { nacm:default-deny-all; }
    }
    list pair { key "a owner"; leaf a { type string; } leaf owner { type string; } leaf v { type string; } }
    list box { key n; leaf n { type uint8; } leaf v { type string; } }
    leaf-list owner { type string; }
    leaf secret { nacm:default-deny-all; type string; }
  }
  rpc ring;
  rpc explode { nacm:default-deny-all; }
  notification fire;
  notification leak { nacm:default-deny-all; }
}`

// news has a notification of another module.
const news = `module news { namespace "urn:news"; prefix n; notification other; notification replayComplete; }`

func officeSchema(t testing.TB) *yang.Schema {
	return yangtest.Schema(t, "ietf-netconf-acm", "ietf-netconf", "ietf-netconf-monitoring", "nso-access", "nc-notifications", office, news)
}

const at = "/ietf-netconf-acm:nacm/"

// in makes ann a member of g, and gives the rules of one list to g. A rule is its
// leaves, separated by blanks; "deny" and "permit" are actions.
func in(rules ...string) []string {
	sets := []string{at + "groups/group[name='g']/user-name=ann", at + "rule-list[name='L']/group=g"}
	for i, r := range rules {
		rule := at + "rule-list[name='L']/rule[name='r" + string(rune('1'+i)) + "']/"
		for _, leaf := range strings.Split(r, " ; ") {
			if !strings.Contains(leaf, "=") {
				leaf = "action=" + leaf
			}
			sets = append(sets, rule+leaf)
		}
	}
	return sets
}

func node(t testing.TB, s *yang.Schema, path string) tree.Path {
	t.Helper()
	p, err := tree.ParsePath(s, path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// asked is one question and the answer that the RFC wants.
type asked struct {
	name      string
	acm       []string
	operation string
	object    string
	want      bool
	by        string
}

func ask(t *testing.T, s *yang.Schema, questions []asked) {
	t.Helper()
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			v := Compile(s, build(t, s, tree.New(s.Root), q.acm...)).View("ann", nil)
			got, err := v.Explain(q.operation, q.object)
			if err != nil || got.Permit != q.want || !strings.Contains(got.By, q.by) {
				t.Errorf("%s %s: %+v (%v), want %v by %q", q.operation, q.object, got, err, q.want, q.by)
			}
		})
	}
}

// TestRFC8341Section3_4_4 is the order of steps for an rpc.
func TestRFC8341Section3_4_4(t *testing.T) {
	s := officeSchema(t)
	deny := at + "exec-default=deny"
	ask(t, s, []asked{
		{"step 1", append(in("deny"), deny, at+"enable-nacm=false"), "exec", "o:explode", true, "enable-nacm"},
		{"step 3", append(in("deny"), deny), "exec", "ietf-netconf:close-session", true, "3.4.4"},
		{"step 5: no groups, no rules", []string{at + "rule-list[name='L']/group=*", at + "rule-list[name='L']/rule[name='r']/action=deny"}, "exec", "o:ring", true, "exec-default"},
		{"step 6: the order of rule lists", append(in("rpc-name=ring ; deny"), at+"rule-list[name='A']/group=g", at+"rule-list[name='A']/rule[name='1']/action=permit"), "exec", "o:ring", false, `"L"`},
		{"step 6: any group", append(in(), at+"rule-list[name='M']/group=*", at+"rule-list[name='M']/rule[name='1']/action=deny"), "exec", "o:ring", false, `"M"`},
		{"step 7: module", in("module-name=ietf-netconf ; deny", "permit"), "exec", "o:ring", true, "r2"},
		{"step 7: no rule type", in("access-operations=exec ; deny"), "exec", "o:ring", false, "r1"},
		{"step 7: rpc *", in("rpc-name=* ; deny"), "exec", "o:ring", false, "r1"},
		{"step 7: another rpc", in("rpc-name=explode ; deny"), "exec", "o:ring", true, "exec-default"},
		{"step 7: a rule of another type", in("path=/o:desk ; deny", "notification-name=* ; deny"), "exec", "o:ring", true, "exec-default"},
		{"step 7: other operations", in("access-operations=read create ; deny"), "exec", "o:ring", true, "exec-default"},
		{"step 8: permit", append(in("rpc-name=explode ; permit"), deny), "exec", "o:explode", true, "r1"},
		{"step 10", []string{}, "exec", "o:explode", false, "default-deny-all of /o:explode"},
		{"step 11: kill-session", []string{}, "exec", "ietf-netconf:kill-session", false, "step 11"},
		{"step 11: delete-config", []string{}, "exec", "ietf-netconf:delete-config", false, "step 11"},
		{"step 11 has rules before it", in("rpc-name=kill-session ; permit"), "exec", "ietf-netconf:kill-session", true, "r1"},
		{"step 12", []string{}, "exec", "o:ring", true, "exec-default"},
		{"step 13", []string{deny}, "exec", "o:ring", false, "exec-default"},
	})
}

// TestRFC8341Section3_4_5 is the order of steps for data.
func TestRFC8341Section3_4_5(t *testing.T) {
	s := officeSchema(t)
	ask(t, s, []asked{
		{"step 1", append(in("deny"), at+"enable-nacm=false"), "delete", "/o:desk/secret", true, "enable-nacm"},
		{"rule: the node", in("path=/o:desk/drawer/v ; deny"), "read", "/o:desk/drawer[owner='x']/v", false, "r1"},
		{"rule: a descendant", in("path=/o:desk ; permit"), "create", "/o:desk/drawer[owner='x']/lock", true, "r1"},
		{"rule: an ancestor does not match", in("path=/o:desk/drawer ; permit"), "create", "/o:desk/secret", false, "default-deny-all"},
		{"read of what is in what may not be read", in("path=/o:desk/drawer/v ; permit", "path=/o:desk/drawer ; deny"), "read", "/o:desk/drawer[owner='x']/v", false, "r2"},
		{"one operation of many", in("access-operations=create delete ; permit"), "update", "/o:desk/drawer[owner='x']/v", false, "write-default"},
		{"default-deny-all, read", []string{}, "read", "/o:desk/secret", false, "default-deny-all of /o:desk/secret"},
		{"default-deny-all, write", []string{at + "write-default=permit"}, "create", "/o:desk/secret", false, "default-deny-all"},
		{"default-deny-write, read", []string{}, "read", "/o:desk/drawer[owner='x']/lock", true, "read-default"},
		{"default-deny-write, write", []string{at + "write-default=permit"}, "update", "/o:desk/drawer[owner='x']/lock", false, "default-deny-write"},
		{"read-default deny", []string{at + "read-default=deny"}, "read", "/o:desk/owner[.='x']", false, "read-default"},
		{"write-default", []string{at + "write-default=permit"}, "delete", "/o:desk/owner[.='x']", true, "write-default"},
		{"the module of the node", in("module-name=o ; access-operations=create ; permit"), "create", "/o:desk/owner[.='x']", true, "r1"},
	})
}

// TestRFC8341Actions: to run an action takes exec on it and read on the way to it
// (RFC 8341, 3.1.3).
func TestRFC8341Actions(t *testing.T) {
	s := officeSchema(t)
	const open, burn = "/o:desk/drawer[owner='x']/open", "/o:desk/drawer[owner='x']/burn"
	ask(t, s, []asked{
		{"default", []string{}, "exec", open, true, "exec-default"},
		{"exec-default deny", []string{at + "exec-default=deny"}, "exec", open, false, "exec-default"},
		{"the way may not be read", []string{at + "read-default=deny"}, "exec", open, false, "read-default, of reading /o:desk"},
		{"the entry may not be read", in("path=/o:desk/drawer[owner='x'] ; access-operations=read ; deny"), "exec", open, false, "r1"},
		{"default-deny-all", []string{}, "exec", burn, false, "default-deny-all of /o:desk/drawer/burn"},
		{"by the path of the action", in("path=/o:desk/drawer/burn ; access-operations=exec ; permit"), "exec", burn, true, "r1"},
		{"by the path of one instance", in("path=/o:desk/drawer[owner='y']/burn ; permit"), "exec", burn, false, "default-deny-all"},
		{"by the path of a node above", in("path=/o:desk ; access-operations=exec ; deny"), "exec", open, false, "r1"},
		{"the path of an action is not its node's", in("path=/o:desk/drawer/open ; deny"), "read", "/o:desk/drawer[owner='x']", true, "read-default"},
		{"a rule for rpcs is none for actions", in("rpc-name=* ; deny"), "exec", open, true, "exec-default"},
		{"no rule type", in("access-operations=exec ; deny"), "exec", open, false, "r1"},
		{"the module of the action", in("module-name=o ; access-operations=exec ; deny"), "exec", open, false, "r1"},
	})
}

// TestRFC8341Section3_4_6 is the order of steps for a notification.
func TestRFC8341Section3_4_6(t *testing.T) {
	s := officeSchema(t)
	const jammed, spied = "/o:desk/drawer[owner='x']/jammed", "/o:desk/drawer[owner='x']/spied"
	deny := at + "read-default=deny"
	ask(t, s, []asked{
		{"step 1", append(in("deny"), at+"enable-nacm=false"), "notify", "o:leak", true, "enable-nacm"},
		{"step 3: replayComplete", append(in("deny"), deny), "notify", "nc-notifications:replayComplete", true, "3.4.6"},
		{"step 3: notificationComplete", append(in("deny"), deny), "notify", "nc-notifications:notificationComplete", true, "3.4.6"},
		{"step 3: no other", append(in(), deny), "notify", "news:other", false, "read-default"},
		{"step 3: not of any module", append(in(), deny), "notify", "news:replayComplete", false, "read-default"},
		{"step 7: name", in("notification-name=fire ; deny"), "notify", "o:fire", false, "r1"},
		{"step 7: another name", in("notification-name=leak ; deny"), "notify", "o:fire", true, "read-default"},
		{"step 7: any name", in("module-name=o ; notification-name=* ; deny"), "notify", "o:fire", false, "r1"},
		{"step 7: no rule type", in("access-operations=read ; deny"), "notify", "o:fire", false, "r1"},
		{"step 7: other operations", in("notification-name=fire ; access-operations=exec ; deny"), "notify", "o:fire", true, "read-default"},
		{"step 7: other types", in("rpc-name=* ; deny", "path=/o:desk ; deny"), "notify", "o:fire", true, "read-default"},
		{"step 10", []string{}, "notify", "o:leak", false, "default-deny-all of /o:leak"},
		{"step 10 has rules before it", in("notification-name=leak ; permit"), "notify", "o:leak", true, "r1"},
		{"step 11", []string{}, "notify", "o:fire", true, "read-default"},
		{"step 12", []string{deny}, "notify", "o:fire", false, "read-default"},
		{"of data", []string{}, "notify", jammed, true, "read-default"},
		{"of data: default-deny-all", []string{}, "notify", spied, false, "default-deny-all"},
		{"of data: by its path", in("path=/o:desk/drawer/spied ; permit"), "notify", spied, true, "r1"},
		{"of data: by its name", in("notification-name=jammed ; deny"), "notify", jammed, false, "r1"},
		{"of data: the entry may not be read", in("path=/o:desk/drawer[owner='x'] ; deny"), "notify", jammed, false, "r1"},
		{"of data: another entry may not be read", in("path=/o:desk/drawer[owner='y'] ; deny"), "notify", jammed, true, "read-default"},
	})
}

// TestRFC8341NodeInstanceIdentifier is the type of a rule's path: keys may be left
// out, and may be the variable USER.
func TestRFC8341NodeInstanceIdentifier(t *testing.T) {
	s := officeSchema(t)
	mine := func(path string) []string {
		return append(in("path="+path+" ; permit"), at+"read-default=deny", at+"write-default=deny")
	}
	ask(t, s, []asked{
		{"all keys", mine("/o:desk/pair[a='1'][owner='2']"), "create", "/o:desk/pair[a='1'][owner='2']/v", true, "r1"},
		{"some keys", mine("/o:desk/pair[owner='2']"), "create", "/o:desk/pair[a='9'][owner='2']/v", true, "r1"},
		{"some keys, others", mine("/o:desk/pair[owner='2']"), "create", "/o:desk/pair[a='2'][owner='1']/v", false, "write-default"},
		{"the user's own", mine("/o:desk/drawer[owner=$USER]"), "create", "/o:desk/drawer[owner='ann']/v", true, "r1"},
		{"another's", mine("/o:desk/drawer[owner=$USER]"), "create", "/o:desk/drawer[owner='bob']/v", false, "write-default"},
		{"a user in quotes is a name", mine("/o:desk/drawer[owner='$USER']"), "create", "/o:desk/drawer[owner='ann']/v", false, "write-default"},
		{"one key of two", mine("/o:desk/pair[owner = $USER ]"), "create", "/o:desk/pair[a='9'][owner='ann']/v", true, "r1"},
		{"a key and the user", mine("/o:desk/pair[a='1'][owner=$USER]"), "create", "/o:desk/pair[a='1'][owner='ann']/v", true, "r1"},
		{"another key and the user", mine("/o:desk/pair[a='1'][owner=$USER]"), "create", "/o:desk/pair[a='2'][owner='ann']/v", false, "write-default"},
		{"of a leaf-list", mine("/o:desk/owner[.=$USER]"), "create", "/o:desk/owner[.='ann']", true, "r1"},
		{"of a leaf-list, another", mine("/o:desk/owner[.=$USER]"), "create", "/o:desk/owner[.='bob']", false, "write-default"},
		{"a name that is no value of the key", mine("/o:desk/box[n=$USER]"), "create", "/o:desk/box[n='1']/v", false, "write-default"},
	})
	// Two users of the same groups have views of their own.
	p := Compile(s, build(t, s, tree.New(s.Root), append(mine("/o:desk/drawer[owner=$USER]"), at+"groups/group[name='g']/user-name=bob")...))
	for user, want := range map[string]bool{"ann": true, "bob": false} {
		if got := p.View(user, nil).Write(node(t, s, "/o:desk/drawer[owner='ann']"), tree.Create).Permit; got != want {
			t.Errorf("%s may create ann's: %v", user, got)
		}
	}
	for _, bad := range []string{"/o:desk/drawer[owner=$NAME]", "/o:desk/drawer[owner=$USER", "/o:desk/drawer[owner=USER]", "/o:desk/drawer[v=$USER]",
		"/o:desk/drawer[owner=$USER][owner=$USER]", "/o:desk/secret[.=$USER]", "/o:desk/drawer/open/x", "/o:desk/drawer/nothing", "/o:desk/open"} {
		m := Compile(s, build(t, s, tree.New(s.Root), mine(bad)...)).Mistakes()
		if len(m) != 1 || m[0].Path != bad {
			t.Errorf("%s: %v", bad, m)
		}
	}
}

// TestRFC8341Section3_4_5Groups: which groups count.
func TestRFC8341Groups(t *testing.T) {
	s := officeSchema(t)
	rules := append(in("deny"), at+"groups/group[name='h']/user-name=ann", at+"groups/group[name='h']/user-name=bob")
	p := Compile(s, build(t, s, tree.New(s.Root), rules...))
	for _, c := range []struct {
		user   string
		system []string
		groups []string
		lists  []string
	}{
		{"ann", nil, []string{"g", "h"}, []string{"L"}},
		{"bob", nil, []string{"h"}, nil},
		{"bob", []string{"g"}, []string{"g", "h"}, []string{"L"}},
		{"eve", []string{"x"}, []string{"x"}, nil},
		{"eve", nil, nil, nil},
	} {
		if g, l := p.Groups(c.user, c.system), p.Lists(c.user, c.system); !slices.Equal(g, c.groups) || !slices.Equal(l, c.lists) {
			t.Errorf("%s in %v: groups %v, rule lists %v", c.user, c.system, g, l)
		}
	}
	p = Compile(s, build(t, s, tree.New(s.Root), append(rules, at+"enable-external-groups=false")...))
	if g := p.Groups("bob", []string{"g"}); !slices.Equal(g, []string{"h"}) || p.External() {
		t.Errorf("with enable-external-groups false bob is in %v", g)
	}
}

// The examples of RFC 8341, appendix A, with the questions that their text answers.

// TestRFC8341AppendixA_1: who is in which group.
func TestRFC8341AppendixA_1(t *testing.T) {
	s := officeSchema(t)
	p := Compile(s, build(t, s, tree.New(s.Root), at+"groups/group[name='admin']/user-name=admin", at+"groups/group[name='admin']/user-name=andy",
		at+"groups/group[name='limited']/user-name=wilma", at+"groups/group[name='limited']/user-name=bam-bam",
		at+"groups/group[name='guest']/user-name=guest", at+"groups/group[name='guest']/user-name=guest@example.com"))
	for user, want := range map[string]string{"andy": "admin", "bam-bam": "limited", "guest@example.com": "guest", "fred": ""} {
		if got := strings.Join(p.Groups(user, nil), " "); got != want {
			t.Errorf("%s is in %q", user, got)
		}
	}
}

// TestRFC8341AppendixA_2: a rule for a whole module, for and against.
func TestRFC8341AppendixA_2(t *testing.T) {
	s := officeSchema(t)
	const state = "/ietf-netconf-monitoring:netconf-state"
	ask(t, s, []asked{
		{"guests see nothing of monitoring", in("module-name=ietf-netconf-monitoring ; deny"), "read", state, false, "r1"},
		{"and run nothing of it", in("module-name=ietf-netconf-monitoring ; deny"), "exec", "ietf-netconf-monitoring:get-schema", false, "r1"},
		{"the limited read it", in("module-name=ietf-netconf-monitoring ; access-operations=read ; permit", "module-name=* ; access-operations=exec ; permit"), "read", state, true, "r1"},
		{"and run everything", in("module-name=ietf-netconf-monitoring ; access-operations=read ; permit", "module-name=* ; access-operations=exec ; permit"), "exec", "o:ring", true, "r2"},
		{"an admin does all", in("module-name=* ; permit"), "exec", "o:explode", true, "r1"},
	})
}

// TestRFC8341AppendixA_3: rules for protocol operations.
func TestRFC8341AppendixA_3(t *testing.T) {
	s := officeSchema(t)
	limited := in("module-name=ietf-netconf ; rpc-name=kill-session ; access-operations=exec ; permit", "module-name=ietf-netconf ; rpc-name=delete-config ; access-operations=exec ; deny")
	ask(t, s, []asked{
		{"kill-session", limited, "exec", "ietf-netconf:kill-session", true, "r1"},
		{"delete-config", limited, "exec", "ietf-netconf:delete-config", false, "r2"},
		{"edit-config", append(limited, at+"exec-default=deny"), "exec", "ietf-netconf:edit-config", false, "exec-default"},
	})
}

// TestRFC8341AppendixA_4: rules for data, one inside the other.
func TestRFC8341AppendixA_4(t *testing.T) {
	s := officeSchema(t)
	rules := in("path=/ietf-netconf-acm:nacm ; deny", "path=/o:desk/drawer[owner=\"dummy\"] ; access-operations=read create ; permit",
		"path=/o:desk/drawer ; access-operations=read ; permit", "path=/o:desk ; access-operations=* ; permit")
	ask(t, s, []asked{
		{"access control is nobody's", rules, "read", "/ietf-netconf-acm:nacm/enable-nacm", false, "r1"},
		{"one entry is made", rules, "create", "/o:desk/drawer[owner='dummy']/v", true, "r2"},
		{"another is read", rules, "read", "/o:desk/drawer[owner='x']/v", true, "r3"},
		{"and changed by the rule for all", rules, "update", "/o:desk/drawer[owner='x']/v", true, "r4"},
	})
}

// TestRFC8341AppendixA_5: rules for notifications.
func TestRFC8341AppendixA_5(t *testing.T) {
	s := officeSchema(t)
	ask(t, s, []asked{
		{"one is not for guests", in("module-name=o ; notification-name=fire ; access-operations=read ; deny"), "notify", "o:fire", false, "r1"},
		{"others are", in("module-name=o ; notification-name=fire ; access-operations=read ; deny"), "notify", "news:other", true, "read-default"},
	})
}

// TestCommands: rules about commands of a user interface.
func TestCommands(t *testing.T) {
	s := officeSchema(t)
	rule := func(list, name string, leaves ...string) (sets []string) {
		for _, l := range leaves {
			sets = append(sets, at+"rule-list[name='"+list+"']/nso-access:command-rule[name='"+name+"']/"+l)
		}
		return sets
	}
	one := slices.Concat(in(), rule("L", "1", "command=show status", "action=permit"), rule("L", "2", "command=show *", "action=deny"),
		rule("L", "3", "context=web", "action=deny"), rule("L", "4", "command=commit", "access-operations=exec", "action=deny"))
	ask(t, s, []asked{
		{"first that matches", one, "command", "show status", true, `rule "1"`},
		{"more words", one, "command", "show sessions", false, `rule "2"`},
		{"no more words", one, "command", "show", false, `rule "2"`},
		{"words, not letters", one, "command", "showing", true, "cmd-exec-default"},
		{"exactly", one, "command", "commit check", true, "cmd-exec-default"},
		{"to run", one, "command", "commit", false, `rule "4"`},
		{"another interface", one, "command", "quit", true, "cmd-exec-default"},
		{"default", append(one, at+"nso-access:cmd-exec-default=deny"), "command", "quit", false, "cmd-exec-default"},
		{"off", append(one, at+"enable-nacm=false"), "command", "show sessions", true, "enable-nacm"},
	})
	v := Compile(s, build(t, s, tree.New(s.Root), one...)).View("ann", nil)
	if v.Command("cli", []string{"commit"}, true).Permit || !v.Command("cli", []string{"commit"}, false).Permit {
		t.Error("commit is to be offered and not run")
	}
	if v.Command("web", []string{"quit"}, true).Permit {
		t.Error("the rule for web is not")
	}
	if d := Compile(s, build(t, s, tree.New(s.Root), one...)).View("eve", nil).Command("cli", []string{"show", "sessions"}, true); !d.Permit {
		t.Errorf("rules of others count: %+v", d)
	}
}

// TestRecoveryView: nothing is denied, and it is said why.
func TestRecoveryView(t *testing.T) {
	s := officeSchema(t)
	root := build(t, s, tree.New(s.Root), append(in("deny"), "/o:desk/secret=x")...)
	v := Compile(s, root).Recovery()
	if v.Prune(root) != root || v.Guard() != nil || !v.Exec("o", "explode").Permit || !v.Command("cli", []string{"x"}, true).Permit {
		t.Error("a recovery session is denied something")
	}
	if w, err := v.Explain("notify", "o:leak"); err != nil || !w.Permit || !strings.Contains(w.By, "recovery") {
		t.Errorf("%+v, %v", w, err)
	}
	if ok, what, _ := v.Manages(); !ok {
		t.Errorf("it could not %s", what)
	}
}

// FuzzPath: whatever the path of a rule, it is read or a mistake, and is no panic.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"/", "/o:desk/pair[a='1'][owner=$USER]", "/o:desk/drawer[owner=\"x\"]/open", "/o:desk/owner[.=$USER]", "/o:desk[", "/o:desk/box[n=$USER]/v", "/:", "/o:desk/pair[owner=$USER][a=''"} {
		f.Add(p)
	}
	s := officeSchema(f)
	f.Fuzz(func(t *testing.T, text string) {
		path, ok := parsePath(s, text)
		if !ok {
			return
		}
		r := rule{path: path, hasPath: true}
		if r.forUser(s, "ann") {
			for _, st := range r.path {
				if len(st.user) > 0 {
					t.Fatalf("%q has a variable left", text)
				}
			}
			_ = r.within(tree.Path{{Schema: path[0].schema}}, nil)
		}
	})
}

// FuzzExplain: whatever is asked, there is an answer or an error.
func FuzzExplain(f *testing.F) {
	for _, op := range append(Operations(), "", "frob") {
		for _, object := range []string{"/", "", "//", "//o:ring", "/o:desk", "/o:desk/", "o:ring", ":", "/o:desk/drawer[owner='x']/open", "/o:desk/drawer[owner='/']/jammed", "/o:desk/drawer/open", "show status", "/o:ring"} {
			f.Add(op, object)
		}
	}
	s := officeSchema(f)
	v := Compile(s, build(f, s, tree.New(s.Root), in("path=/o:desk/drawer[owner=$USER] ; deny", "permit")...)).View("ann", nil)
	f.Fuzz(func(t *testing.T, op, object string) {
		if w, err := v.Explain(op, object); err == nil && w.By == "" {
			t.Errorf("%s %q is decided by nothing: %+v", op, object, w)
		}
	})
}

// TestViewsAreApart: what one user's view has worked out is not another's, and views of
// many users and goroutines do not mix.
func TestViewsAreApart(t *testing.T) {
	s := officeSchema(t)
	root := build(t, s, tree.New(s.Root), append(in("path=/o:desk/drawer[owner=$USER] ; permit"), at+"read-default=deny", at+"groups/group[name='g']/user-name=bob")...)
	root = build(t, s, root, "/o:desk/drawer[owner='ann']/v=1", "/o:desk/drawer[owner='bob']/v=2")
	p := Compile(s, root)
	done := make(chan string)
	for i := range 40 {
		user := []string{"ann", "bob", "eve", "$USER"}[i%4]
		go func() {
			said := ""
			v := p.View(user, nil)
			for _, owner := range []string{"ann", "bob"} {
				d := v.Write(tree.Path{{Schema: s.Root.Child("o", "desk")}, {Schema: s.Root.Child("o", "desk").Child("o", "drawer"),
					Key: tree.MakeKey(s.Root.Child("o", "desk").Child("o", "drawer"), owner), HasKey: true}}, tree.Create)
				if d.Permit != (owner == user) {
					said += user + " and the drawer of " + owner + "; "
				}
			}
			done <- said
		}()
	}
	for range 40 {
		if said := <-done; said != "" {
			t.Error(said)
		}
	}
}
