// SPDX-License-Identifier: Apache-2.0

// Package exec runs commands through nso-exec on booted systems, out of the packages,
// and tries what commands, and the daemon, should not be able to do. Tests are named
// after the rows of the table of attacks.
package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nso.example/nso/exec/wire"
	"nso.example/nso/test/bed"
)

// system is a booted system with nso-exec installed, and enabled for some accounts.
type system struct {
	*bed.Box
	t     *testing.T
	suite string
	user  string            // as whom the rows run commands
	uids  map[string]uint32 // of the accounts that stay
}

// row is a part of the test, most of them a row of the table of attacks.
type row struct {
	name string
	test func(*system)
}

// TestExec boots a system of each release once, and tries the rows in it: those of
// commands, of terminals and of units at once, each as an account or in a unit of its own.
func TestExec(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			s := install(t, suite)
			t.Run("rows", func(t *testing.T) { // has ended when all of them have
				s.lane(t, "units", "nso-exec@uma", units()) // has what depends on systemd
				s.lane(t, "commands", "nso-exec@ann", commands())
				s.lane(t, "terminals", "nso-pty@ann", terminals())
			})
			for _, r := range alone() {
				s.sub(t, r, "nso-exec@uma")
			}
		})
	}
}

// lane runs rows one after the other, beside other lanes.
func (s *system) lane(t *testing.T, name, unit string, rows []row) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if name != "units" {
			bed.Further(t, s.suite)
		}
		for _, r := range rows {
			s.sub(t, r, unit)
		}
	})
}

func (s *system) sub(t *testing.T, r row, unit string) {
	t.Run(r.name, func(t *testing.T) {
		part := *s
		_, part.user, _ = strings.Cut(unit, "@")
		part.t = t
		r.test(&part)
		part.clean(unit)
	})
}

// built builds a program of the tests.
func built(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", path, "nso.example/nso/test/exec/"+name)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{Box: bed.Boot(t, suite), t: t, suite: suite}
	s.prepare()
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short-monotonic", "-t", "nso-exec", "-t", "systemd", "-t", "(nso-exec)", "-n", "60", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// prepare installs the packages, and makes accounts and rules.
func (s *system) prepare() {
	t := s.t
	t.Helper()
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
	s.Copy(built(t, "asker"), "/usr/bin/asker", 0o755)
	s.Copy(built(t, "hostile"), "/usr/bin/hostile", 0o755)
	for _, user := range []string{"ann", "uma", "bob", "gone"} {
		s.Run("useradd", "--create-home", "--user-group", "--shell", "/bin/bash", user)
	}
	s.Run("usermod", "-aG", "dialout,cdrom", "ann")
	s.uids = map[string]uint32{"ann": s.uid("ann"), "uma": s.uid("uma"), "bob": s.uid("bob")}
	s.rules()
	s.Run("systemctl", "enable", "--now", "nso-exec@ann.socket", "nso-pty@ann.socket", "nso-exec@uma.socket")
}

// command is a rule that is written as the tests need it.
func command(name, program, more string, arguments ...string) string {
	quoted := make([]string, len(arguments))
	for i, a := range arguments {
		quoted[i] = strconv.Quote(a)
	}
	return fmt.Sprintf("[rule.%s]\nprogram = %q\narguments = [%s]\nrun-as = \"caller\"\nusers = [\"ann\", \"uma\"]\n%s\n", name, program, strings.Join(quoted, ", "), more)
}

// rules puts the rules of the tests on the disk.
func (s *system) rules() {
	s.t.Helper()
	text := command("id", "/usr/bin/id", "") +
		command("env", "/usr/bin/env", "pass = [\"LANG\", \"TZ\", \"COLUMNS\"]\nenvironment = {SITE = \"lab\"}", "-0") +
		command("cat", "/usr/bin/cat", "") +
		command("status", "/usr/bin/cat", "", "/proc/self/status") +
		command("shell", "/usr/bin/dash", "directory = \"home\"", "-c", "{script}") + "[rule.shell.argument.script]\ntype = \"text\"\n" +
		command("home", "/usr/bin/pwd", "directory = \"home\"") +
		command("hostile", "/usr/bin/hostile", "", "{what}", "{more}") +
		"[rule.hostile.argument.what]\ntype = \"string\"\n[rule.hostile.argument.more]\nmany = 8\noptional = true\n" +
		command("limited", "/usr/bin/hostile", "umask = \"0077\"\nlimits = {files = 64, core = 0, cpu = 7, file-size = \"1M\", nice = 5, processes = 20, memory = \"64M\"}", "{what}") +
		"[rule.limited.argument.what]\n" +
		command("exit", "/usr/bin/dash", "", "-c", "{more}") + "[rule.exit.argument.more]\ntype = \"text\"\n" +
		command("brief", "/usr/bin/hostile", "deadline = \"1s\"", "ignore") +
		command("alone", "/usr/bin/sleep", "alone = true", "2") +
		command("mixed", "/usr/bin/hostile", "", "argv", "--level={level}", "{verbose}", "{pin}", "{host}", "--", "{file}") +
		"[rule.mixed.argument.level]\ntype = \"integer\"\nmin = 1\nmax = 9\ndefault = 3\n" +
		"[rule.mixed.argument.verbose]\ntype = \"flag\"\ntext = \"-v\"\n" +
		"[rule.mixed.argument.pin]\nsecret = true\noptional = true\n" +
		"[rule.mixed.argument.host]\ntype = \"host\"\n[rule.mixed.argument.file]\n" +
		command("sh", "/usr/bin/bash", "terminal = true\ndirectory = \"home\"", "--norc", "--noprofile") +
		command("pty", "/usr/bin/hostile", "terminal = true", "{what}", "{more}") +
		"[rule.pty.argument.what]\n[rule.pty.argument.more]\noptional = true\n" +
		command("ptyshell", "/usr/bin/dash", "terminal = true", "-c", "{script}") + "[rule.ptyshell.argument.script]\ntype = \"text\"\n" +
		"[rule.bobs]\nprogram = \"/usr/bin/id\"\nrun-as = \"bob\"\nusers = [\"ann\"]\n" +
		"[rule.opers]\nprogram = \"/usr/bin/id\"\nrun-as = \"caller\"\ngroups = [\"nso-oper\"]\n" +
		"[rule.noone]\nprogram = \"/usr/bin/id\"\nrun-as = \"caller\"\n" +
		"[rule.asroot]\nprogram = \"/usr/bin/id\"\nrun-as = \"root\"\nusers = [\"*\"]\n"
	s.Write("/etc/nso/exec.d/test.toml", text, 0o644)
}

// Step and job are those of asker.
type step struct {
	Wait, Send, Signal string
	Data               []byte
	Bytes              int
	Close              bool
	Rows, Cols         uint16
	Stall, Sleep       int
	HangUp             bool
}

type job struct {
	Socket  string
	Request wire.Request
	Steps   []step
	Repeat  int
	At      int
	IPC     bool
	Each    []string
	EachEnv []string
	Raw     []byte
	Jobs    []job
	Plain   string
	Seconds int
}

type result struct {
	Refusal *wire.Refusal
	Start   *wire.StartError
	Started *wire.Started
	End     *wire.End
	Out     string
	Err     string
	Hash    string
	Size    int64
	IPC     string
	Failed  string
	Times   []float64
	Took    float64
	Results []result
}

// exit is the exit status, or -1.
func (r result) exit() int {
	if r.End == nil || r.End.Exit == nil {
		return -1
	}
	return *r.End.Exit
}

func (r result) String() string {
	text, _ := json.Marshal(r)
	return string(text)
}

func (s *system) uid(user string) uint32 {
	s.t.Helper()
	if uid, ok := s.uids[user]; ok {
		return uid
	}
	n, err := strconv.Atoi(strings.TrimSpace(s.Run("id", "-u", user)))
	if err != nil {
		s.t.Fatal(err)
	}
	return uint32(n)
}

// as is a job of ann's; values are name=value, or name alone with the next as value.
func (s *system) as(user, rule string, values ...string) job {
	s.t.Helper()
	j := job{Socket: wire.Path(user, false), Request: wire.Request{
		Rule: rule, User: user, UID: s.uid(user), Groups: []string{"nso-guest"}, Session: "7", Address: "192.0.2.1", IPCPath: "/run/nso/ipc",
		Values: make(map[string][]string)}}
	for _, v := range values {
		name, value, _ := strings.Cut(v, "=")
		j.Request.Values[name] = append(j.Request.Values[name], value)
	}
	return j
}

func (s *system) ann(rule string, values ...string) job { return s.as("ann", rule, values...) }

func (s *system) uma(rule string, values ...string) job { return s.as("uma", rule, values...) }

// terminal is a job with a terminal.
func (s *system) terminal(rule string, values ...string) job {
	j := s.ann(rule, values...)
	j.Socket, j.Request.Terminal, j.Request.Input = wire.Path("ann", true), &wire.Window{Rows: 24, Columns: 80}, true
	return j
}

// ask has the daemon's user ask.
func (s *system) ask(j job) (r result) {
	s.t.Helper()
	return s.askAs("nso", j)
}

func (s *system) askAs(user string, j job) (r result) {
	s.t.Helper()
	r, err := s.tryAsk(user, j)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// tryAsk is askAs where asker may be killed meanwhile.
func (s *system) tryAsk(user string, j job) (r result, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(max(j.Seconds, 90))*time.Second)
	defer cancel()
	cmd := s.Command(ctx, "setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", "asker", j.Request.User)
	cmd.Stdin = bytes.NewReader(text)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if errs.Len() > 0 {
		s.t.Logf("%s: %s", j.Request.Rule, errs.String())
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &r)
	}
	if err != nil {
		err = fmt.Errorf("asker: %w\n%s%s", err, out.String(), errs.String())
	}
	return r, err
}

// runs is ask of a job that must end with exit status 0.
func (s *system) runs(j job) result {
	s.t.Helper()
	r := s.ask(j)
	if r.exit() != 0 {
		s.t.Errorf("%s: %v", j.Request.Rule, r)
	}
	return r
}

// refused is ask of a job that must be refused, in words.
func (s *system) refused(class wire.Class, words string, j job) {
	s.t.Helper()
	r := s.ask(j)
	if r.Refusal == nil || r.Refusal.Class != class || !strings.Contains(r.Refusal.Reason, words) {
		s.t.Errorf("%s %v: %v, want a refusal of class %s with %q", j.Request.Rule, j.Request.Values, r, class, words)
	}
}

// refusedAll is refused of several jobs.
func (s *system) refusedAll(class wire.Class, words string, jobs []job) {
	s.t.Helper()
	for i, r := range s.ask(job{Jobs: jobs}).Results {
		if r.Refusal == nil || r.Refusal.Class != class || !strings.Contains(r.Refusal.Reason, words) {
			s.t.Errorf("%s %v: %v, want a refusal of class %s with %q", jobs[i].Request.Rule, jobs[i].Request.Values, r, class, words)
		}
	}
}

// none: no process of the account has a word in its command line.
func (s *system) none(word string) {
	s.t.Helper()
	var out string
	for range 50 {
		if out, _ = s.Try("pgrep", "-u", s.user, "-af", word); strings.TrimSpace(out) == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Errorf("processes are left:\n%s", out)
}

// clean: no group of a command is left below the unit.
func (s *system) clean(unit string) {
	s.t.Helper()
	var out string
	for range 50 {
		if out, _ = s.Try("sh", "-c", `find /sys/fs/cgroup/system.slice -path '*/`+unit+`.service/*' -type d \( -name 'command-*' -o -name mine \)`); strings.TrimSpace(out) == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Errorf("control groups are left:\n%s", out)
}

func (s *system) helper(user string) string {
	s.t.Helper()
	return strings.TrimSpace(s.Run("systemctl", "show", "-P", "MainPID", "nso-exec@"+user+".service"))
}
