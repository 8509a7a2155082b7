// SPDX-License-Identifier: Apache-2.0

package mgmt

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"nso.example/nso/ident"
	"nso.example/nso/mgmterr"
	"nso.example/nso/tree"
)

const (
	acm   = "/ietf-netconf-acm:nacm"
	admin = acm + "/rule-list[name='admin']/rule[name='all']"
)

// TestLockOut: a commit after which its author could change access control no more is
// refused, on whichever way it would come to that, unless he forces it.
func TestLockOut(t *testing.T) {
	for name, sets := range map[string][]string{
		"the rule goes":              {"-" + admin},
		"the rule list goes":         {"-" + acm + "/rule-list[name='admin']"},
		"the groups go":              {"-" + acm + "/groups/group[name='nso-admin']"},
		"the rule denies":            {admin + "/action=deny"},
		"the rule is for reading":    {admin + "/access-operations=read"},
		"no right to run an edit":    {admin + "/access-operations=create read update delete"},
		"no right to read what is":   {admin + "/access-operations=create update delete exec"},
		"the rule is of one module":  {admin + "/module-name=m"},
		"no right to delete a rule":  {admin + "/access-operations=create read update exec"},
		"the rule is for rpcs alone": {admin + "/rpc-name=*"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			ss := w.login("admin")
			x := w.begin(ss, sets...)
			_, err := x.Commit(context.Background(), Label{})
			wants(t, err, mgmterr.OperationFailed, "commit force")
			if l := mgmterr.Of(err); len(l) != 1 || l[0].AppTag != "lock-out" {
				t.Errorf("%v has no tag of its own", err)
			}
			wants(t, x.Prepare(context.Background()), mgmterr.OperationFailed, "commit force")
			if err := ss.MayExec("ietf-netconf", "lock"); err != nil {
				t.Errorf("it was committed: %v", err)
			}
			x.Force()
			if _, err := x.Commit(context.Background(), Label{}); err != nil {
				t.Errorf("forced: %v", err)
			}
		})
	}
	// What does not lock out is not in the way, nor is what somebody may do who never
	// could change access control.
	w := newWorld(t, Options{})
	ss, bob := w.login("admin"), w.login("bob")
	w.must(ss, acm+"/exec-default=permit", acm+"/groups/group[name='nso-admin']", admin+"/comment=x")
	w.allow(ss, "bob", "switch", acm+"/write-default", "*")
	w.must(bob, acm+"/write-default=permit")
	w.must(ss, acm+"/enable-nacm=false", "-"+admin)
}

// TestRecovery: root, and nobody else, is not asked for its rights in a recovery
// session; its begin and end are in the audit.
func TestRecovery(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})), MaxSessions: 2, Reserve: 1})
	out := w.begin(w.login("admin"), "-"+acm+"/groups/group[name='nso-admin']")
	out.Force()
	if _, err := out.Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	root := func(p ident.Peer) ident.Actor { return ident.Actor{User: "root", Own: "root", Peer: p} }
	for name, a := range map[string]ident.Actor{
		"another user":         {User: "ann", Own: "ann", Peer: ident.Peer{UID: 1000, PID: 7}},
		"root from elsewhere":  root(ident.Peer{UID: 0}),
		"who acts as root":     {User: "root", Own: "ann", Peer: ident.Peer{UID: 1000, PID: 7}},
		"root acting as other": {User: "ann", Own: "root", Peer: ident.Peer{UID: 0, PID: 7}},
		"who is called root":   root(ident.Peer{UID: 1000, PID: 7}),
		"who has no uid":       root(ident.Peer{UID: 1<<32 - 1, PID: 7}),
	} {
		log.Reset()
		ss, err := w.server.Login(a, Login{Recovery: true})
		if err == nil {
			t.Errorf("%s has a recovery session", name)
			ss.Close("x", false)
		}
		wants(t, err, mgmterr.AccessDenied, "root alone")
		if !strings.Contains(log.String(), "event=login-refused") {
			t.Errorf("%s is not in the audit: %s", name, &log)
		}
	}
	log.Reset()
	ss, err := w.server.Login(root(ident.Peer{UID: 0, PID: 7, Source: "pid 7"}), Login{Transport: "maapi", Recovery: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "event=recovery-session\n") {
		t.Errorf("told as %s", &log)
	}
	if all := w.server.List(); !all[len(all)-1].Recovery || all[0].Recovery {
		t.Errorf("sessions are %+v", all)
	}
	if got := w.value(ss, acm+"/enable-nacm"); got != "true" {
		t.Errorf("root reads %q", got)
	}
	w.must(ss, acm+"/groups/group[name='nso-admin']", acm+"/read-default=permit", "-"+admin)
	log.Reset()
	ss.Close("done", false)
	if !strings.Contains(log.String(), "event=recovery-session-ended") {
		t.Errorf("the end is told as %s", &log)
	}
}

// TestExplained: what decided a denial is in the audit, and told to the client only if
// that is wanted; and then nothing of what he may not read.
func TestExplained(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	ss, bob := w.login("admin"), w.login("bob")
	w.must(ss, a+"/v=1", a+"/ref=a")
	w.allow(ss, "bob", "list", "/m:top/l", "create delete update read")
	deny := bobsRules + "/rule[name='hidden']/"
	w.allow(ss, "bob", "hidden", "/m:top/l/ref", "*")
	w.must(ss, deny+"action=deny")
	rules := w.begin(ss)
	root := w.edit("/ietf-netconf-acm:nacm/rule-list[name='bob']/rule[name='hidden']")
	list := &root.Children[0].Children[0].Children[0]
	list.Op, list.Insert = tree.OpMerge, tree.Insert{Where: tree.First}
	if err := rules.Apply(root); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Commit(context.Background(), Label{}); err != nil {
		t.Fatal(err)
	}
	for _, explain := range []bool{false, true} {
		w.server.ExplainDenials(explain)
		for edit, c := range map[string]struct{ why, path, told string }{
			a + "/ref=a":     {`rule \"hidden\" of rule-list \"bob\"`, "/m:top/l[name='a']/ref", `denied by rule "hidden" of rule-list "bob"`},
			"-" + a:          {`rule \"hidden\" of rule-list \"bob\"`, "/m:top/l[name='a']/ref", ""},
			"/m:top/must-be": {"write-default", "/m:top/must-be", "denied by write-default"},
		} {
			log.Reset()
			err := w.begin(bob).Apply(w.edit(edit))
			wants(t, err, mgmterr.AccessDenied, "no right")
			if err == nil {
				continue
			}
			if !strings.Contains(log.String(), c.why) || !strings.Contains(log.String(), c.path) {
				t.Errorf("%s is in the audit as %s", edit, &log)
			}
			if told := strings.Contains(err.Error(), "denied by"); told != (explain && c.told != "") || told && !strings.Contains(err.Error(), c.told) {
				t.Errorf("%s: explain %v tells %v", edit, explain, err)
			}
			if edit == "-"+a && strings.Contains(err.Error(), "'a']/ref") {
				t.Errorf("%s tells that there is a ref: %v", edit, err)
			}
		}
		log.Reset()
		err := bob.Lock(Running)
		if told := strings.Contains(err.Error(), "denied by exec-default"); told != explain || !strings.Contains(log.String(), "rule=[exec-default]") {
			t.Errorf("lock: explain %v tells %v and logs %s", explain, err, &log)
		}
	}
	// What a log has of rules is bounded.
	if len(log.String()) > 1000 {
		t.Errorf("%d bytes", log.Len())
	}
}
