// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"slices"
	"testing"
)

func parseOne(t *testing.T, text string) *Rule {
	t.Helper()
	rules, err := Parse("x.toml", text)
	if err != nil || len(rules) != 1 {
		t.Fatal(err)
	}
	return rules[0]
}

// TestMayCall: a connection may do what its rule says, and no word means more than it
// says.
func TestMayCall(t *testing.T) {
	const head = "[rule.x]\nprogram = \"/x\"\nrun-as = \"caller\"\nusers = [\"*\"]\n"
	const maapi = "org.nso.Maapi."
	for _, c := range []struct {
		ipc, method, parameters string
		may                     bool
	}{
		{`["read"]`, maapi + "OpenSession", `{}`, true},
		{`["read"]`, maapi + "OpenSession", `{"user":null,"recovery":false}`, true},
		{`["read"]`, maapi + "OpenSession", `{"user":"ann"}`, false},
		{`["read"]`, maapi + "OpenSession", `{"recovery":true}`, false},
		{`["read"]`, maapi + "OpenSession", `{"recovery":false,"recovery":true}`, false},
		{`["read"]`, maapi + "Begin", `{"datastore":"running","readWrite":false}`, true},
		{`["read"]`, maapi + "Begin", `{"datastore":"running","readWrite":true}`, false},
		{`["read"]`, maapi + "Begin", `{"datastore":"running","READWRITE":true}`, false},
		{`["read"]`, maapi + "Begin", `{"datastore":"running","readWrite":false,"readwrite":true}`, false},
		{`["write"]`, maapi + "Begin", `{"datastore":"running","readWrite":true}`, true},
		{`["read"]`, maapi + "Show", `{}`, true},
		{`["read"]`, maapi + "Set", `{}`, false},
		{`["read"]`, maapi + "Lock", `{}`, false},
		{`["write"]`, maapi + "Commit", `{}`, true},
		{`["write"]`, maapi + "Invoke", `{}`, false},
		{`["write"]`, "org.nso.Exec.Run", `{}`, false},
		{`["write"]`, "org.nso.Control.Stop", `{}`, false},
		{`["org.nso.Control.Status"]`, "org.nso.Control.Status", `{}`, true},
		{`["org.nso.Control.Status"]`, "org.nso.Control.Stop", `{}`, false},
		{`["org.nso.Control.Status"]`, maapi + "OpenSession", `{}`, false},
		{`[]`, "org.varlink.service.GetInfo", `{}`, true},
		{`[]`, maapi + "OpenSession", `{}`, false},
	} {
		r := parseOne(t, head+"ipc = "+c.ipc+"\n")
		if err := r.MayCall(c.method, []byte(c.parameters)); (err == nil) != c.may {
			t.Errorf("ipc = %s, %s %s: %v", c.ipc, c.method, c.parameters, err)
		}
	}
}

// TestValidator: it is the daemon's and nobody else's, and takes no longer than commits
// can wait.
func TestValidator(t *testing.T) {
	r := parseOne(t, "[rule.x]\nprogram = \"/x\"\nrun-as = \"nso-cmd\"\nvalidate = [\"/a:b\"]\n")
	if ok, _ := r.Allows("root", []string{"nso-admin"}); ok || r.Command() || r.Deadline != DefaultValidation {
		t.Errorf("a validator is %+v", r)
	}
	if ok, _ := r.Allows(Daemon, nil); !ok {
		t.Error("the daemon may not run it")
	}
}

// TestPlace: a program is told what it does, and for which node.
func TestPlace(t *testing.T) {
	r := parseOne(t, "[rule.x]\nprogram = \"/x\"\nrun-as = \"caller\"\nusers = [\"*\"]\noperations = [\"/a:b\"]\n")
	if r.Command() || r.Input != None || r.Output != JSON {
		t.Errorf("the rule is %+v", r)
	}
	env, err := r.Environ(Account{Name: "ann"}, Asker{User: "ann", Operation: "/a:b/c", Path: "/a:b[n='x y']"}, nil)
	if err != nil || !slices.Contains(env, "NSO_OPERATION=/a:b/c") || !slices.Contains(env, "NSO_PATH=/a:b[n='x y']") {
		t.Errorf("%q, %v", env, err)
	}
	if _, err := r.Environ(Account{Name: "ann"}, Asker{User: "ann", Path: "/a:b[n='x\ny']"}, nil); err == nil {
		t.Error("a path of two lines is a variable")
	}
}
