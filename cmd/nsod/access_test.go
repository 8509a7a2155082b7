// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"nso.example/nso/client"
)

// caller is a connection to the local socket.
type caller struct {
	p *place
	c *client.Client
}

func (p *place) caller() caller {
	p.Helper()
	c, err := client.Dial(p.Context(), p.dir+"/ipc")
	p.must(err)
	p.Cleanup(func() { c.Close() })
	return caller{p, c}
}

type in map[string]any

// call makes a call and returns what it was refused with, "" if it was not.
func (c caller) call(method string, args in, out any) string {
	c.p.Helper()
	err := c.c.Call(c.p.Context(), "org.nso."+method, args, out)
	var refused *client.Error
	if errors.As(err, &refused) {
		return refused.Name + string(refused.Parameters)
	}
	c.p.must(err)
	return ""
}

func (c caller) must(method string, args in, out any) {
	c.p.Helper()
	if refused := c.call(method, args, out); refused != "" {
		c.p.Fatalf("%s: %s", method, refused)
	}
}

// set makes settings in a transaction, and commits.
func (c caller) set(force bool, edits ...[2]string) string {
	c.p.Helper()
	var begun struct{ TH int64 }
	c.must("Maapi.Begin", in{"datastore": "running", "readWrite": true}, &begun)
	for _, e := range edits {
		if path, ok := strings.CutPrefix(e[0], "-"); ok {
			c.must("Maapi.Delete", in{"th": begun.TH, "path": path}, nil)
		} else {
			c.must("Maapi.Set", in{"th": begun.TH, "path": e[0], "value": e[1]}, nil)
		}
	}
	refused := c.call("Maapi.Commit", in{"th": begun.TH, "force": force}, nil)
	if refused != "" {
		c.must("Maapi.Abort", in{"th": begun.TH}, nil)
	}
	return refused
}

type whoAmI struct {
	User, Own string
	Admin     bool
}

// TestActing: a user acts as another by a grant alone, in a session alone; with
// access.explain a client hears what decides. Both are in force with a reload.
func TestActing(t *testing.T) {
	p := newPlace(t, "")
	nsod := p.daemon()
	me := p.caller()
	if refused := me.call("Maapi.OpenSession", in{"user": "bin"}, nil); !strings.Contains(refused, "no access.grant in nso.toml lets") {
		t.Errorf("without a grant: %q", refused)
	}
	more := "explain = true\n[[access.grant]]\nuser = \"" + p.self + "\"\nas = [\"bin\"]\n"
	if os.Getuid() == 0 {
		more += "[netconf.tcp]\nallow-root = true\n"
	}
	p.configure(more)
	var changed struct{ Changed []string }
	me.must("Control.Reload", nil, &changed)
	if got := strings.Join(changed.Changed, "; "); !strings.Contains(got, "access.explain") || !strings.Contains(got, "access.grant") {
		t.Errorf("a reload changed %s", got)
	}
	for _, user := range []string{"daemon", "root", "nobody", "no-such-user", "../bin"} {
		if user != p.self {
			if refused := me.call("Maapi.OpenSession", in{"user": user}, nil); !strings.Contains(refused, "Failed") {
				t.Errorf("as %s: %q", user, refused)
			}
		}
	}
	me.must("Maapi.OpenSession", in{"user": "bin"}, nil)
	var who whoAmI
	me.must("Control.WhoAmI", nil, &who)
	if who != (whoAmI{"bin", p.self, false}) {
		t.Errorf("in the session it is %+v", who)
	}
	if refused := me.call("Control.Status", nil, nil); !strings.Contains(refused, "PermissionDenied") {
		t.Errorf("bin steers the daemon: %q", refused)
	}
	if refused := me.call("Maapi.Begin", in{"datastore": "running", "readWrite": true}, nil); !strings.Contains(refused, "denied by exec-default") {
		t.Errorf("bin hears %q", refused)
	}
	var sessions struct {
		Sessions []struct {
			User, Own string
			Recovery  bool
		}
	}
	p.caller().must("Control.Sessions", nil, &sessions)
	if len(sessions.Sessions) != 1 || sessions.Sessions[0].User != "bin" || sessions.Sessions[0].Own != p.self {
		t.Errorf("sessions: %+v", sessions)
	}
	me.must("Maapi.CloseSession", nil, nil)
	me.must("Control.WhoAmI", nil, &who)
	if who != (whoAmI{p.self, p.self, true}) {
		t.Errorf("after the session it is %+v", who)
	}
	me.must("Control.Stop", nil, nil)
	if _, said := nsod.end(p); !strings.Contains(said, "event=acting-as") || !strings.Contains(said, "user=bin own="+p.self) {
		t.Errorf("the audit does not say who acts: %s", said)
	}
}

// TestRecovery: root mends the rules of a daemon that lets nobody change them; nobody
// else can, and root without asking for it neither.
func TestRecovery(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, whose the recovery session is: sudo make test")
	}
	p := newPlace(t, "")
	nsod := p.daemon()
	me := p.caller()
	me.must("Maapi.OpenSession", nil, nil)
	lock := [2]string{"-/ietf-netconf-acm:nacm/groups/group[name='nso-admin']/user-name[.='root']"}
	if refused := me.set(false, lock); !strings.Contains(refused, "lock-out") {
		t.Errorf("a commit that locks root out: %q", refused)
	}
	if refused := me.set(true, lock); refused != "" {
		t.Fatalf("forced: %s", refused)
	}
	// It holds at once, in the session that is open.
	if refused := me.call("Maapi.Begin", in{"datastore": "running", "readWrite": true}, nil); !strings.Contains(refused, "access-denied") {
		t.Errorf("root goes on: %q", refused)
	}
	if refused := p.caller().call("Maapi.OpenSession", in{"user": "bin", "recovery": true}, nil); !strings.Contains(refused, "Failed") {
		t.Errorf("a recovery session as another: %q", refused)
	}
	mend := p.caller()
	mend.must("Maapi.OpenSession", in{"recovery": true}, nil)
	if refused := mend.set(false, [2]string{"/ietf-netconf-acm:nacm/groups/group[name='nso-admin']/user-name", "root"}); refused != "" {
		t.Errorf("a recovery session cannot mend: %s", refused)
	}
	var sessions struct{ Sessions []struct{ Recovery bool } }
	me.must("Control.Sessions", nil, &sessions)
	if len(sessions.Sessions) != 2 || sessions.Sessions[0].Recovery || !sessions.Sessions[1].Recovery {
		t.Errorf("sessions: %+v", sessions)
	}
	mend.must("Maapi.CloseSession", nil, nil)
	me.must("Control.Stop", nil, nil)
	_, said := nsod.end(p)
	for _, event := range []string{"event=recovery-session\n", "event=recovery-session-ended\n"} {
		if strings.Count(said, event) != 1 {
			t.Errorf("the audit does not have %q once: %s", event, said)
		}
	}
}
