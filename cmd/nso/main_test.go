// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nso.example/nso/config"
)

// tried is one run of the tool.
type tried struct {
	status   int
	out, err string
}

func try(t *testing.T, args ...string) tried {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var out, errs bytes.Buffer
	status := dispatch(context.Background(), args, null, &out, &errs)
	return tried{status, out.String(), errs.String()}
}

func TestUsage(t *testing.T) {
	t.Setenv("NSO_IPC_PATH", filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		args   []string
		status int
		err    string
	}{
		{nil, 2, "without a command"},
		{[]string{"bogus"}, 2, `cannot run "bogus"`},
		{[]string{"status", "extra"}, 2, `"extra" is too much; use: nso status [--json]`},
		{[]string{"status", "--bogus"}, 2, "use: nso status [--json]"},
		{[]string{"kick"}, 2, "an argument is missing; use: nso kick ID [REASON]"},
		{[]string{"log-level", "loud"}, 2, "one of debug, info, warn and error"},
		{[]string{"kick", "zero"}, 2, "no number of a session"},
		{[]string{"kick", "0"}, 2, "no number of a session"},
		{[]string{"check"}, 2, "an argument is missing"},
		{[]string{"cli", "-u", "ann"}, 1, "there is no such socket"},
		{[]string{"explain", "nacm", "ann", "read"}, 2, "an argument is missing; use: nso explain nacm"},
		{[]string{"explain", "login", "a", "b"}, 2, `"b" is too much`},
		{[]string{"status"}, 1, "cannot connect to "},
		{[]string{"cli"}, 1, "there is no such socket"},
		{[]string{"netconf"}, 1, "cannot connect to "},
		{[]string{"check", "/nonexistent/nso.toml"}, 1, "cannot "},
	} {
		got := try(t, c.args...)
		if got.status != c.status || !strings.HasPrefix(got.err, "nso: cannot ") || !strings.Contains(got.err, c.err) || got.out != "" {
			t.Errorf("nso %s: status %d, said %q, %q", strings.Join(c.args, " "), got.status, got.out, got.err)
		}
	}
	if got := try(t, "--help"); got.status != 0 || !strings.Contains(got.out, "nso status [--json]") || got.err != "" {
		t.Errorf("help: %+v", got)
	}
	if got := try(t, "version"); got.status != 0 || got.out != "nso unknown\n" {
		t.Errorf("version: %+v", got)
	}
}

// What check prints parses again, to the same; so does its JSON say the same.
func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nso.toml")
	if err := os.WriteFile(file, []byte("[limits]\nsessions = 77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := try(t, "check", file)
	if got.status != 0 || got.err != "" {
		t.Fatalf("%+v", got)
	}
	c, err := config.Parse("printed", got.out)
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.Sessions != 77 {
		t.Errorf("sessions is %d after printing and reading", c.Limits.Sessions)
	}
	got = try(t, "check", "--json", file)
	var v struct{ Limits struct{ Sessions int } }
	if err := json.Unmarshal([]byte(got.out), &v); err != nil || v.Limits.Sessions != 77 {
		t.Errorf("%+v: %v", got, err)
	}
	if err := os.WriteFile(file, []byte("[limits]\nsession = 77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := try(t, "check", file); got.status != 1 || !strings.Contains(got.err, "sessions") {
		t.Errorf("a misspelt key: %+v", got)
	}
}

// serve answers each call with the next reply.
func serve(t *testing.T, replies ...string) (calls chan string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ipc")
	t.Setenv("NSO_IPC_PATH", path)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	calls = make(chan string, len(replies))
	go func() {
		for _, reply := range replies {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := conn.Read(buf)
			calls <- strings.TrimRight(string(buf[:n]), "\x00")
			_, _ = conn.Write([]byte(reply + "\x00"))
			conn.Close()
		}
	}()
	return calls
}

func TestCalls(t *testing.T) {
	for _, c := range []struct {
		args             []string
		reply            string
		status           int
		call, out, wrong string
	}{
		{[]string{"sessions"}, `{"parameters":{"sessions":[{"id":3,"user":"ann","transport":"netconf-tcp","source":"127.0.0.1:9","since":"2024-01-01T00:00:00Z","locks":["running"]}]}}`,
			0, `org.nso.Control.Sessions`, "ID  USER  TRANSPORT    SOURCE       SINCE                 LOCKS\n3   ann   netconf-tcp  127.0.0.1:9  2024-01-01T00:00:00Z  running\n", ""},
		{[]string{"whoami"}, `{"parameters":{"uid":1000,"gid":1000,"pid":5,"user":"ann","own":"ann","groups":["nso-admin"],"door":"ipc","admin":true,"source":"pid 5","loginUid":1000,"accessGroups":["nso-admin","x"],"sessions":2}}`,
			0, `org.nso.Control.WhoAmI`, "user               ann\nuid, gid           1000, 1000\nlogin uid          1000\npid                5\ndoor               ipc\ngroups             nso-admin\nof access control  nso-admin, x\nadministrator      yes\nsessions           2\n", ""},
		{[]string{"explain", "nacm", "ann", "command", "show", "status"}, `{"parameters":{"user":"ann","permit":false,"path":"","list":"l","rule":"r","by":"rule \"r\" of rule-list \"l\"","groups":["g"],"lists":["l"]}}`,
			0, `"object":"show status"`, "permitted   no\ndecided by  rule \"r\" of rule-list \"l\"\nat          -\nuser        ann\ngroups      g\nrule lists  l\n", ""},
		{[]string{"explain", "login"}, `{"parameters":{"user":"ann","account":null,"ways":[{"name":"publickey","state":"no","detail":"none"},{"name":"pam","state":"unknown","detail":""}],"enabled":true,"externalGroups":false,"admin":false,"groups":[],"lists":[],"sessions":0,"sessionsPerUser":128,"sessionsAll":1024}}`,
			0, `"user":""`, "user            ann\naccount         the system knows none of this name\nways in         publickey: no (none)\n                pam: unknown\naccess control  by rules\n" +
				"its groups      none (groups of the system do not count: enable-external-groups is false)\nits rule lists  none\nadministrator   no\nsessions        0 open of 128; 1024 in all\n", ""},
		{[]string{"log-level"}, `{"parameters":{"level":"info"}}`, 0, `org.nso.Control.LogLevel`, "info\n", ""},
		{[]string{"log-level", "debug"}, `{"parameters":{"level":"debug"}}`, 0, `"level":"debug"`, "debug\n", ""},
		{[]string{"kick", "7", "go", "home"}, `{"parameters":{}}`, 0, `"reason":"go home"`, "", ""},
		{[]string{"kick", "7"}, `{"error":"org.nso.Control.Failed","parameters":{"errors":[{"type":"protocol","tag":"invalid-value","message":"cannot kick 7: there is no such session"}]}}`,
			1, `"id":7`, "", "nso: cannot kick 7: there is no such session\n"},
		{[]string{"stop"}, `{"error":"org.varlink.service.PermissionDenied","parameters":{}}`, 1, "Stop", "", "nso: cannot do this: the daemon lets only its administrators; \"nso whoami\" says who you are to it\n"},
		{[]string{"reload"}, `{"parameters":{"changed":["log.level"],"needRestart":["ipc.path"]}}`, 0, "Reload", "changed: log.level\nchanges with a restart only: ipc.path\n", ""},
	} {
		calls := serve(t, c.reply)
		got := try(t, c.args...)
		if got.status != c.status || got.out != c.out || got.err != c.wrong {
			t.Errorf("nso %s: %+v, want %+v", strings.Join(c.args, " "), got, c)
		}
		if call := <-calls; !strings.Contains(call, c.call) {
			t.Errorf("nso %s called %s", strings.Join(c.args, " "), call)
		}
	}
}

// Without an installed daemon and without a variable, one's own instance is found.
func TestOwnInstance(t *testing.T) {
	for _, name := range []string{"NSO_IPC_PATH", "NCS_IPC_PATH", "NCS_IPC_ADDR", "NCS_IPC_PORT"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	t.Setenv("HOME", dir)
	if os.Geteuid() == 0 { // root's is not below its home
		if got := instances(); got[0] != "/var/lib/nso-run/ipc" {
			t.Errorf("got %v", got)
		}
		return
	}
	if got := instances(); len(got) != 2 || got[0] != filepath.Join(dir, "nso/ipc") || got[1] != "/var/lib/nso-run/ipc" {
		t.Errorf("got %v", got)
	}
}
