// SPDX-License-Identifier: Apache-2.0

// Package operate has rpcs and actions of a model done by programs on booted systems, out
// of the packages: over NETCONF, as whom the rules say, with validators and with the
// connection that a program is given.
package operate

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

const model = `module work {
  yang-version 1.1;
  namespace "urn:work";
  prefix w;
  import nso-exec { prefix x; }
  rpc whoami { x:rule "whoami"; output { leaf user { type string; } leaf caller { type string; } leaf operation { type string; } } }
  rpc lies { output { leaf truth { type uint8; } } }
  rpc fails;
  rpc linked { output { leaf session { type string; } leaf reads { type boolean; } leaf writes { type boolean; } leaf stops { type boolean; } } }
  rpc unbound;
  container farm {
    list server {
      key name; leaf name { type string; } leaf size { type uint8; }
      action restart { input { leaf why { type string; default "no reason"; } }
        output { leaf user { type string; } leaf name { type string; } leaf path { type string; } leaf why { type string; } } }
    }
  }
}
`

const rules = `[rule.whoami]
program = "/usr/bin/worker"
arguments = ["whoami"]
run-as = "caller"
users = ["*"]
operations = ["*"]

[rule.restart]
program = "/usr/bin/worker"
arguments = ["restart", "--", "{name}"]
run-as = "nso-cmd"
users = ["ann"]
operations = ["/work:farm/server/restart"]
input = "json"
[rule.restart.argument.name]

[rule.lies]
program = "/usr/bin/worker"
arguments = ["lies"]
run-as = "nso-cmd"
users = ["*"]
operations = ["/work:lies"]

[rule.fails]
program = "/usr/bin/worker"
arguments = ["fails"]
run-as = "nso-cmd"
users = ["*"]
operations = ["/work:fails"]

[rule.linked]
program = "/usr/bin/worker"
arguments = ["linked"]
run-as = "caller"
users = ["*"]
operations = ["/work:linked"]
ipc = ["read"]

[rule.check]
program = "/usr/bin/worker"
arguments = ["check"]
run-as = "nso-cmd"
validate = ["/work:farm/server"]
deadline = "2s"
`

type system struct {
	*bed.Box
	t *testing.T
}

func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite), t}
	args := []string{"DEBIAN_FRONTEND=noninteractive", "dpkg", "-i"}
	for _, name := range []string{"nso", "nso-exec"} {
		found, err := filepath.Glob(filepath.Join(bed.Packages(t, ""), name+"_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("there is no one package %s: %q", name, found)
		}
		s.Copy(found[0], "/var/cache/"+filepath.Base(found[0]), 0o644)
		args = append(args, "/var/cache/"+filepath.Base(found[0]))
	}
	s.Run("env", args...)
	worker := filepath.Join(t.TempDir(), "worker")
	build := exec.Command("go", "build", "-o", worker, "nso.example/nso/test/operate/worker")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.Copy(worker, "/usr/bin/worker", 0o755)
	s.Run("useradd", "--create-home", "--user-group", "-G", "nso-users", "ann")
	s.Write("/etc/nso/yang/work.yang", model, 0o644)
	s.Write("/etc/nso/exec.d/work.toml", rules, 0o644)
	s.Run("systemctl", "enable", "--now", "nso-exec@ann.socket", "nso-exec@nso-cmd.socket")
	s.Run("systemctl", "start", "nso.socket")
	s.has(s.netconfAs("root", `<edit-config><target><running/></target><config><nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group>`+
		`<name>nso-admin</name><user-name>ann</user-name></group></groups></nacm></config></edit-config>`)[0], "<ok/>")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short", "-t", "nsod", "-t", "nso-exec", "-n", "60", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// netconf has operations done as ann, one session for all, and returns the replies.
func (s *system) netconf(operations ...string) []string {
	s.t.Helper()
	return s.netconfAs("ann", operations...)
}

func (s *system) netconfAs(user string, operations ...string) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := s.Command(ctx, "runuser", "-u", user, "--", "worker", "netconf")
	cmd.Stdin = strings.NewReader(strings.Join(operations, "\n") + "\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	replies := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(replies) != len(operations) {
		s.t.Fatalf("%d replies to %d operations: %s", len(replies), len(operations), out.String())
	}
	return replies
}

// has checks that a reply has all words.
func (s *system) has(reply string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(reply, w) {
			s.t.Errorf("there is no %s in %s", w, reply)
		}
	}
}

func put(server, size string) string {
	return `<edit-config><target><running/></target><config><farm xmlns="urn:work"><server><name>` + server + `</name><size>` + size + `</size></server></farm></config></edit-config>`
}

func action(server, name string) string {
	return `<action xmlns="urn:ietf:params:xml:ns:yang:1"><farm xmlns="urn:work"><server><name>` + server + `</name>` + name + `</server></farm></action>`
}

// TestOperate boots a system of each release once.
func TestOperate(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			bed.Further(t, suite)
			t.Parallel()
			s := install(t, suite)
			s.operations()
			s.validates()
			s.linked()
			s.shows()
		})
	}
}

// operations: an rpc as the caller, an action of an entry as another user, and what goes
// wrong in the words of the programs.
func (s *system) operations() {
	r := s.netconf(`<whoami xmlns="urn:work"/>`, put("web", "3"), action("web", "<restart><why>slow</why></restart>"), action("web", "<restart/>"),
		action("none", "<restart/>"), `<lies xmlns="urn:work"/>`, `<fails xmlns="urn:work"/>`, `<unbound xmlns="urn:work"/>`, `<whoami xmlns="urn:work"><x/></whoami>`)
	s.has(r[0], `<user xmlns="urn:work">ann</user>`, ">ann</caller>", ">/work:whoami</operation>")
	s.has(r[1], "<ok/>")
	s.has(r[2], `<user xmlns="urn:work">nso-cmd</user>`, ">web</name>", ">/work:farm/server[name='web']</path>", ">slow</why>")
	s.has(r[3], ">no reason</why>")
	s.has(r[4], "data-missing", "cannot find server, which restart is for")
	s.has(r[5], "operation-failed", "cannot use the answer of lies, which has run", "truth")
	s.has(r[6], "operation-failed", "cannot run fails: the battery is empty")
	s.has(r[7], "operation-not-supported", "has a program do it, see nso-exec(8)")
	s.has(r[8], "unknown-element")
	log := s.Run("journalctl", "-b", "-o", "json", "--no-pager", "NSO_AUDIT=1", "-t", "nsod")
	s.has(log, `"NSO_OP":"work:whoami"`, `"NSO_COMMAND":"restart"`, `"NSO_RUN_AS":"nso-cmd"`)
	// A rule that goes takes the operation with it, at once.
	s.Run("sed", "-i", "s/^operations = ...work:fails../operations = []/", "/etc/nso/exec.d/work.toml")
	s.has(s.netconf(`<fails xmlns="urn:work"/>`)[0], "operation-not-supported")
	// What does an operation is no command.
	if out, err := s.Try("runuser", "-u", "ann", "--", "nso", "exec", "run", "whoami"); err == nil || !strings.Contains(out, "there is no such rule") {
		s.t.Errorf("as a command it says %s (%v)", out, err)
	}
}

// validates: a program refuses a commit, and one that cannot be asked refuses it too.
func (s *system) validates() {
	r := s.netconf(put("db", "9"), put("db", "10"), `<get-config><source><running/></source></get-config>`, put("db", "66"))
	s.has(r[0], "<ok/>")
	s.has(r[1], "operation-failed", "server db is too large for this site", "/w:farm/w:server</error-path>", "<error-app-tag>check</error-app-tag>")
	s.has(r[2], "<name>db</name><size>9</size>")
	s.has(r[3], "validator-failed", "has taken more than 2s", "/etc/nso/exec.d/work.toml")
	s.Run("systemctl", "stop", "nso-exec@nso-cmd.socket", "nso-exec@nso-cmd.service")
	r = s.netconf(put("db", "8"), `<edit-config><target><running/></target><config><nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><read-default>deny</read-default></nacm></config></edit-config>`)
	s.has(r[0], "validator-failed", "nso-exec@nso-cmd.socket is not enabled")
	s.has(r[1], "<ok/>") // elsewhere nobody is asked
	s.Run("systemctl", "start", "nso-exec@nso-cmd.socket")
	s.has(s.netconf(put("db", "8"))[0], "<ok/>")
}

// linked: a program is given a connection that may do what its rule says, and that is dead
// when it has ended, also for whom it was given away to.
func (s *system) linked() {
	s.Run("install", "-d", "-m", "0777", "/usr/share/work")
	s.Run("systemd-run", "--unit=holder", "--quiet", "worker", "hold", "/usr/share/work/what")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := s.Try("test", "-S", "/usr/share/work/holder"); err == nil {
			break
		}
		if time.Now().After(end) {
			s.t.Fatal("the holder does not listen")
		}
	}
	s.has(s.netconf(`<linked xmlns="urn:work"/>`)[0], ">ann</session>", ">true</reads>", ">false</writes>", ">false</stops>")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := s.Try("cat", "/usr/share/work/what")
		if err == nil && out != "" {
			if strings.TrimSpace(out) != "dead" {
				s.t.Errorf("the connection is %s after its command", out)
			}
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("the holder has not said what became of it")
		}
	}
}

// shows: root is told what is bound, and what is bound to nothing.
func (s *system) shows() {
	s.has(s.Run("nso", "exec", "list"), "does /work:farm/server/restart", "does what models name it for", "validates /work:farm/server", "as nso-cmd, for commits", "may call the daemon read")
	s.Write("/etc/nso/exec.d/work.toml", strings.Replace(rules, "[rule.whoami]", "[rule.whereami]", 1), 0o644)
	out, err := s.Try("nso", "exec", "check")
	if err == nil {
		s.t.Error("a rule that is missing is nothing to say of")
	}
	s.has(out, "nothing does /work:whoami: the model wants the rule whoami to do it")
	out, err = s.Try("nso", "check", "/etc/nso/nso.toml")
	if err != nil {
		s.t.Errorf("%s (%v)", out, err)
	}
	s.has(out, "warning: nothing does /work:whoami")
	s.has(s.netconf(`<whoami xmlns="urn:work"/>`)[0], "operation-not-supported", "wants the rule whoami")
}
