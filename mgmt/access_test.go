// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
	"nso.example/nso/yang"
	"nso.example/nso/yang/value"
)

// must commits the sets as admin.
func (w *world) must(ss *Session, sets ...string) {
	w.t.Helper()
	if _, err := w.begin(ss, sets...).Commit(context.Background(), Label{}); err != nil {
		w.t.Fatal(err)
	}
}

// allow lets user do ops with path, as the rule of that name.
func allow(user, name, path, ops string) []string {
	const n = "/ietf-netconf-acm:nacm/"
	rule := n + "rule-list[name='" + user + "']/rule[name='" + name + "']/"
	return []string{n + "groups/group[name='" + user + "']/user-name=" + user, n + "rule-list[name='" + user + "']/group=" + user,
		rule + "path=" + path, rule + "access-operations=" + ops, rule + "action=permit"}
}

func (w *world) allow(admin *Session, user, name, path, ops string) {
	w.t.Helper()
	x := w.begin(admin)
	for _, s := range allow(user, name, path, ops) {
		i := strings.Index(s[strings.LastIndex(s, "]")+1:], "=") + strings.LastIndex(s, "]") + 1
		if j := strings.Index(s, "/path="); j > 0 {
			i = j + len("/path")
		}
		p, err := tree.ParsePath(w.schema, s[:i])
		if err != nil {
			w.t.Fatal(err)
		}
		root := &tree.Edit{Schema: w.schema.Root}
		at := root
		for _, step := range p {
			at.Children = []tree.Edit{{Schema: step.Schema, Key: step.Key}}
			at = &at.Children[0]
		}
		at.Value = s[i+1:]
		if err := x.Apply(root); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		w.t.Fatal(err)
	}
}

const bobsRules = "/ietf-netconf-acm:nacm/rule-list[name='bob']"

// TestRevoked: a right that is taken away is not kept by an open transaction.
func TestRevoked(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	w.must(admin, a+"/v=1")
	w.allow(admin, "bob", "top", "/m:top", "*")
	done, later, reads := w.begin(bob, a+"/v=2"), w.begin(bob), w.begin(bob)
	if reads.Root().Empty() || reads.Base().Empty() {
		t.Fatal("bob reads nothing")
	}
	w.must(admin, "-"+bobsRules)
	_, err := done.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.AccessDenied, "no right")
	wants(t, later.Apply(w.edit(a+"/v=3")), mgmterr.AccessDenied, "no right")
	wants(t, later.ApplyEach(w.edit(a+"/v=3")), mgmterr.AccessDenied, "no right")
	if !reads.Root().Empty() || !reads.Base().Empty() {
		t.Error("bob reads on in a transaction")
	}
	if got := w.value(admin, a+"/v"); got != "1" {
		t.Errorf("value %s", got)
	}
	// Given back, it goes on.
	w.allow(admin, "bob", "top", "/m:top", "*")
	if _, err := done.Commit(context.Background(), Label{}); err != nil {
		t.Error(err)
	}
}

// TestDenied: what was denied is counted (RFC 8341, 3.5.1).
func TestDenied(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	wants(t, bob.Lock(Running), mgmterr.AccessDenied, "lock")
	x := w.begin(bob)
	wants(t, x.Apply(w.edit(a+"/v=1")), mgmterr.AccessDenied, "no right")
	wants(t, x.ApplyEach(w.edit(a+"/v=1")), mgmterr.AccessDenied, "no right")
	wants(t, w.begin(admin).Apply(w.edit("-"+a)), mgmterr.DataMissing, "delete")
	got := w.value(admin, "/ietf-netconf-acm:nacm/denied-operations") + w.value(admin, "/ietf-netconf-acm:nacm/denied-data-writes") +
		w.value(admin, "/ietf-netconf-acm:nacm/denied-notifications")
	if got != "120" {
		t.Errorf("denied operations, writes, notifications: %s", got)
	}
}

// TestOwnRules: what a transaction does to access control does not count in it.
func TestOwnRules(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	w.must(admin, a+"/v=1")
	w.allow(admin, "bob", "nacm", "/ietf-netconf-acm:nacm", "create update delete")
	x := w.begin(bob, "/ietf-netconf-acm:nacm/read-default=permit", "/ietf-netconf-acm:nacm/enable-nacm=false")
	if root := x.Root(); !root.Empty() {
		t.Error("bob reads by rules that are not committed")
	}
	wants(t, x.Apply(w.edit(a+"/v=2")), mgmterr.AccessDenied, "no right")
}

// TestBrokenRule: a rule that would match nothing is not taken for one that works.
func TestBrokenRule(t *testing.T) {
	w := newWorld(t, Options{})
	admin := w.login("admin")
	const path = "/ietf-netconf-acm:nacm/rule-list[name='admin']/rule[name='all']/path"
	x := w.begin(admin)
	e := w.edit(path)
	at := e
	for len(at.Children) > 0 {
		at = &at.Children[0]
	}
	at.Value = "/m:top/gone"
	if err := x.Apply(e); err != nil {
		t.Fatal(err)
	}
	wants(t, x.Validate(context.Background()), mgmterr.InvalidValue, path)
	_, err := x.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InvalidValue, `cannot use "/m:top/gone"`)
}

// TestDiscreet: validation says nothing of what its reader may not read.
func TestDiscreet(t *testing.T) {
	w := newWorld(t, Options{})
	admin, bob := w.login("admin"), w.login("bob")
	w.must(admin, a+"/v=1", "/m:top/l[name='hidden']/ref=a")
	w.allow(admin, "bob", "write", "/m:top", "create update delete")
	w.allow(admin, "bob", "read", "/m:top/l[name='a']", "read")
	txn := w.begin(bob, "-"+a)
	for _, err := range []error{txn.Validate(context.Background()), func() error { _, err := txn.Commit(context.Background(), Label{}); return err }(),
		bob.Validate(context.Background(), Running, w.edit("-"+a))} {
		wants(t, err, mgmterr.DataMissing, "may not read")
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("bob is told: %v", err)
		}
	}
	_, err := w.begin(admin, "-"+a).Commit(context.Background(), Label{})
	wants(t, err, mgmterr.DataMissing, "hidden")
}

// TestRevertAfterConflict: after a revert the same node can be changed.
func TestRevertAfterConflict(t *testing.T) {
	w := newWorld(t, Options{})
	one, two := w.login("admin"), w.login("admin")
	x := w.begin(one, a+"/v=1")
	w.must(two, a+"/v=2")
	_, err := x.Commit(context.Background(), Label{})
	wants(t, err, mgmterr.InUse, "admin changed this node in revision 2")
	if err := x.Revert(); err != nil {
		t.Fatal(err)
	}
	if err := x.Apply(w.edit(a + "/v=3")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Commit(context.Background(), Label{}); err != nil {
		t.Errorf("there is a conflict still: %v", err)
	}
}

// TestApplyEach: what can be done is, and each refusal is told once, up to a number.
func TestApplyEach(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	w.must(ss, a+"/v=1")
	x := w.begin(ss)
	e := &tree.Edit{Schema: w.schema.Root}
	top := tree.Edit{Schema: w.schema.Root.Child("m", "top")}
	l := top.Schema.Child("m", "l")
	entry := func(name string, children ...tree.Edit) {
		top.Children = append(top.Children, tree.Edit{Schema: l, Key: tree.MakeKey(l, name), Children: children})
	}
	v := l.Child("m", "v")
	entry("a", tree.Edit{Schema: v, Op: tree.OpCreate, Value: "2"}) // exists
	entry("b", tree.Edit{Schema: v, Op: tree.OpDelete})             // does not
	entry("c", tree.Edit{Schema: v, Value: "3"})
	e.Children = []tree.Edit{top}
	errs := x.ApplyEach(e)
	if len(errs) != 2 || errs[0].Tag != mgmterr.DataExists || errs[1].Tag != mgmterr.DataMissing {
		t.Errorf("errors %v", errs)
	}
	for path, want := range map[string]bool{a + "/v": true, "/m:top/l[name='b']": true, "/m:top/l[name='c']/v": true, "/m:top/l[name='b']/v": false} {
		p, err := tree.ParsePath(w.schema, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := x.Root().Find(p); ok != want {
			t.Errorf("%s is there: %v", path, ok)
		}
	}
	// A node that is refused is told once, and not once for each node in it.
	bob := w.login("bob")
	top.Children = nil
	entry("z", tree.Edit{Schema: v, Value: "1"}, tree.Edit{Schema: l.Child("m", "ref"), Value: "a"})
	e.Children = []tree.Edit{top}
	if errs := w.begin(bob).ApplyEach(e); len(errs) != 1 {
		t.Errorf("errors %v", errs)
	}
	top.Children = nil
	for i := range 1000 {
		entry(fmt.Sprint(i), tree.Edit{Schema: v, Op: tree.OpDelete})
	}
	e.Children = []tree.Edit{top}
	if errs := w.begin(ss).ApplyEach(e); len(errs) != maxErrors+1 || !strings.Contains(errs[maxErrors].Message, "more") {
		t.Errorf("%d errors", len(errs))
	}
}

// TestStateValid holds our own state against the schema: every value is one of its
// type, every entry has its keys, nothing mandatory is left out.
func TestStateValid(t *testing.T) {
	w := newWorld(t, Options{})
	ss := w.login("admin")
	for _, transport := range []string{"netconf-ssh", "netconf-local", "maapi"} {
		if _, err := w.server.Login(ss.Actor(), Login{Transport: transport}); err != nil {
			t.Fatal(err)
		}
	}
	if err := ss.Lock(Running); err != nil {
		t.Fatal(err)
	}
	root, err := ss.Read(context.Background(), Operational)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(n *tree.Node)
	walk = func(n *tree.Node) {
		for _, s := range n.Schema().DataChildren {
			if s.Mandatory && s.Parent == s.DataParent && !n.Has(s) {
				t.Errorf("%s is left out", s.Path())
			}
		}
		for leaf, v := range n.Leaves() {
			seen++
			if !value.Valid(leaf.Type, v) {
				t.Errorf("%s has the value %q", leaf.Path(), v)
			}
		}
		for c := range n.Children() {
			switch c.Schema.Kind {
			case yang.KindContainer:
				walk(c.Node)
			case yang.KindList:
				for e := range c.List.All() {
					walk(e)
				}
			case yang.KindLeafList:
				for v := range c.LeafList.All() {
					seen++
					if !value.Valid(c.Schema.Type, v) {
						t.Errorf("%s has the value %q", c.Schema.Path(), v)
					}
				}
			}
		}
	}
	walk(root)
	if seen < 100 {
		t.Errorf("%d values: the test tests little", seen)
	}
}
