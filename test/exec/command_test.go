// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/exec/wire"
)

// commands are the rows about commands without a terminal.
func commands() []row {
	return []row{
		{"who is it", (*system).first},
		{"row 22: what ignores signals and forks twice", (*system).row22},
		{"row 22: what leaves its control group", (*system).escape},
		{"row 23: a kill that comes late", (*system).row23},
		{"row 25: a fork bomb", (*system).row25},
		{"row 26: output that nobody takes", (*system).row26},
		{"row 27: the tail of the output", (*system).row27},
		{"row 28: exit status and signals", (*system).row28},
		{"row 29: what cannot be started", (*system).row29},
		{"row 31: names of variables", (*system).row31},
		{"row 32: values of variables", (*system).row32},
		{"row 33: the search path", (*system).row33},
		{"row 34: the working directory", (*system).row34},
		{"row 35 to 38: umask, cores, limits and signals", (*system).row35to38},
		{"row 39, 40: arguments", (*system).row39and40},
		{"row 43: argc", (*system).row43},
		{"row 44: groups", (*system).row44},
		{"input", (*system).input},
		{"the socket of a command", (*system).ipc},
		{"deadline, and one at a time", (*system).deadline},
		{"what the log says", (*system).log},
	}
}

// first: the service manager has become the user, and who asked is told.
func (s *system) first() {
	r := s.runs(s.ann("env"))
	got := strings.Split(strings.TrimSuffix(r.Out, "\x00"), "\x00")
	want := []string{"HOME=/home/ann", "LANG=C.UTF-8", "LOGNAME=ann", "NSO_ADDRESS=192.0.2.1", "NSO_GROUPS=nso-guest", "NSO_IPC_PATH=/run/nso/ipc",
		"NSO_SESSION=7", "NSO_USER=ann", "PATH=/usr/local/bin:/usr/bin:/bin", "SHELL=/bin/sh", "SITE=lab", "USER=ann"}
	if !slices.Equal(got, want) {
		s.t.Errorf("the environment is %q, want %q", got, want)
	}
	s.refused(wire.NoRule, "no rule of that name", s.ann("no-such"))
	s.refused(wire.Denied, "neither the user ann nor", s.ann("opers"))
	s.refused(wire.Denied, "neither the user ann nor", s.ann("noone"))
	s.refused(wire.Denied, "runs as bob", s.ann("bobs"))
	oper := s.ann("opers")
	oper.Request.Groups = []string{"nso-oper"}
	s.runs(oper)
	other := s.ann("id")
	other.Request.UID = 4711
	s.refused(wire.Denied, "which is ann (uid 4711)", other)
	other = s.ann("id")
	other.Request.User, other.Request.UID = "bob", s.uid("bob")
	s.refused(wire.Denied, "neither the user bob", other)
	s.refused(wire.Denied, "it has a terminal", s.ann("sh"))
	other = s.terminal("id")
	s.refused(wire.Denied, "it has no terminal", other)
}

func (s *system) row22() {
	r := s.ask(s.ann("hostile", "what=orphan", "more=left-of-22"))
	if r.exit() != 0 || !r.End.Killed {
		s.t.Errorf("%v", r)
	}
	s.none("left-of-22")
	j := s.ann("hostile", "what=ignore")
	j.Steps = []step{{Wait: "ready", HangUp: true}}
	s.ask(j)
	s.none("hostile ignore")
	// It is told, and then killed.
	j.Steps = []step{{Wait: "ready", Signal: "TERM"}, {Sleep: 100, Signal: "KILL"}}
	if r := s.ask(j); r.End == nil || r.End.Signal != 9 {
		s.t.Errorf("%v", r)
	}
}

func (s *system) escape() {
	r := s.ask(s.ann("hostile", "what=escape"))
	if r.exit() != 0 || !r.End.Killed || !strings.Contains(r.Out, "helper <nil>") || !strings.Contains(r.Out, "mine <nil>") {
		s.t.Errorf("%v", r)
	}
	s.none("escaped")
	s.runs(s.ann("id"))
}

func (s *system) row23() {
	j := s.ann("hostile", "what=exit", "more=0")
	j.Repeat, j.At = 25, 4
	j.Steps = []step{{Signal: "KILL"}, {Signal: "INT"}}
	before := s.helper("ann")
	s.ask(j)
	if after := s.helper("ann"); before != after {
		s.t.Errorf("the helper was killed: %s, now %s", before, after)
	}
}

func (s *system) row25() {
	s.Write("/etc/nso/exec.d/bomb.toml", command("bomb", "/usr/bin/hostile", "deadline = \"2s\"\nlimits = {processes = 50, memory = \"64M\"}", "bomb", "boom-25", "4"), 0o644)
	controllers := s.Run("cat", "/sys/fs/cgroup/system.slice/cgroup.controllers")
	done := make(chan result)
	go func() { done <- s.ask(s.ann("bomb")) }()
	time.Sleep(time.Second)
	s.runs(s.ann("id")) // others are served meanwhile
	r := <-done
	if r.End == nil || r.End.Reason != wire.Deadline || r.End.Signal != 9 {
		s.t.Errorf("%v", r)
	}
	// What cannot be enforced is said.
	for limit, controller := range map[string]string{"processes": "pids", "memory": "memory"} {
		if r.Started != nil && slices.Contains(r.Started.Unenforced, limit) == strings.Contains(controllers, controller) {
			s.t.Errorf("the limit of %s is said not to be set: %q; there are %s", limit, r.Started.Unenforced, controllers)
		}
	}
	s.none("boom-25")
}

func (s *system) rss(pid string) int {
	s.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(s.Run("sh", "-c", "awk '/^VmRSS/{print $2}' /proc/"+pid+"/status")))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *system) row26() {
	s.runs(s.ann("id"))
	before := s.rss(s.helper("ann"))
	j := s.ann("hostile", "what=print", "more=4000000000")
	j.At, j.Steps = 4, []step{{Wait: "0123", Stall: 3000}, {HangUp: true}}
	done := make(chan bool)
	go func() { s.ask(j); close(done) }()
	time.Sleep(2 * time.Second)
	during := s.rss(s.helper("ann"))
	<-done
	s.t.Logf("resident: %d KiB before, %d with four floods that nobody reads", before, during)
	if during > before+16<<10 {
		s.t.Errorf("the helper has grown from %d to %d KiB", before, during)
	}
	s.none("hostile print")
	if r := s.runs(s.ann("shell", "script=yes | head -2")); r.Out != "y\ny\n" {
		s.t.Errorf("%v", r)
	}
}

func (s *system) row27() {
	times := 100
	if os.Getenv("NSO_RELEASES") == "all" {
		times = 1000
	}
	for name, j := range map[string]job{"pipe": s.ann("hostile", "what=print", "more=1048576"), "terminal": s.terminal("pty", "what=print", "more=1048576")} {
		j.Repeat, j.At, j.Seconds = times/2, 2, 600
		r := s.runs(j)
		if r.Size != 1<<20 || len(r.Times) != times {
			s.t.Errorf("%s: %d bytes after %d times: %v", name, r.Size, len(r.Times), r.Failed)
		}
	}
	// Somebody who is not of the command holds the end of its output.
	r := s.ask(s.ann("shell", "script=setsid sleep 30 & echo told"))
	if r.Out != "told\n" || !r.End.Killed {
		s.t.Errorf("%v", r)
	}
}

func (s *system) row28() {
	j := s.ann("exit")
	for n := range 256 {
		j.Each = append(j.Each, "exit "+strconv.Itoa(n))
	}
	for n, r := range s.ask(j).Results {
		if r.exit() != n || r.End.Signal != 0 {
			s.t.Errorf("exit %d: %v", n, r)
		}
	}
	signals := []int{1, 2, 9, 11, 13, 15, 6, 10, 34, 64}
	j.Each = nil
	for _, n := range signals {
		j.Each = append(j.Each, "kill -"+strconv.Itoa(n)+" $$; sleep 5")
	}
	for i, r := range s.ask(j).Results {
		if r.End == nil || r.End.Exit != nil || r.End.Signal != signals[i] {
			s.t.Errorf("signal %d: %v", signals[i], r)
		}
	}
}

func (s *system) row29() {
	s.Run("mkdir", "-p", "/opt/t")
	s.Write("/opt/t/plain", "no program\n", 0o755)
	s.Write("/opt/t/closed", "#!/usr/bin/sh\n", 0o644)
	s.Write("/opt/t/interpreter", "#!/no/such\n", 0o755)
	s.Copy(built(s.t, "hostile"), "/opt/t/busy", 0o755)
	text := ""
	for _, n := range []string{"missing", "plain", "closed", "interpreter", "busy"} {
		text += command(n, "/opt/t/"+n, "")
	}
	text += command("nowhere", "/usr/bin/id", "directory = \"/no/such\"")
	s.Write("/etc/nso/exec.d/start.toml", text, 0o644)
	s.Run("sh", "-c", "sleep 30 3>>/opt/t/busy >/dev/null 2>&1 & sleep 0.2")
	for rule, want := range map[string]struct {
		step  string
		errno int
	}{"missing": {"program", 2}, "plain": {"exec", 8}, "closed": {"program", 13}, "interpreter": {"program", 2}, "busy": {"exec", 26}, "nowhere": {"directory", 2}} {
		r := s.ask(s.ann(rule))
		if r.Start == nil || r.Start.Step != want.step || int(r.Start.Errno) != want.errno {
			s.t.Errorf("%s: %v", rule, r)
		}
	}
	if r := s.ask(s.ann("hostile", "what=exit", "more=127")); r.exit() != 127 { // is none
		s.t.Errorf("%v", r)
	}
}

func (s *system) row31() {
	j := s.ann("env")
	j.EachEnv = []string{"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_DEBUG", "ld_preload", "Ld_Preload", "BASH_ENV", "BASH_FUNC_id%%", "ENV", "IFS", "PS4",
		"SHELLOPTS", "PROMPT_COMMAND", "CDPATH", "PATH", "path", "HOME", "USER", "LOGNAME", "SHELL", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "PERL5LIB",
		"PERL5OPT", "PERLLIB", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "GIT_SSH_COMMAND", "GIT_DIR", "GCONV_PATH",
		"LOCPATH", "NLSPATH", "TERMINFO", "TERMCAP", "TMPDIR", "MALLOC_CHECK_", "GLIBC_TUNABLES", "RESOLV_HOST_CONF", "HOSTALIASES", "LOCALDOMAIN", "EDITOR",
		"VISUAL", "PAGER", "LESSOPEN", "MANPAGER", "BROWSER", "SSH_AUTH_SOCK", "DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET", "LISTEN_FDS",
		"NSO_USER", "NSO_GROUPS", "NSO_IPC_FD", "NSO_SESSION", "nso_user", "http_proxy", "GODEBUG", "SITE", "A=B", "", "1A", "A B"}
	for i := range j.EachEnv {
		j.EachEnv[i] += "=x"
	}
	for i, r := range s.ask(j).Results {
		if r.Refusal == nil || r.Refusal.Class != wire.BadArgument {
			s.t.Errorf("%s: %v", j.EachEnv[i], r)
		}
	}
}

func (s *system) row32() {
	j := s.ann("env")
	good := []string{"LANG=de_CH.UTF-8", "LANG=C", "TZ=Europe/Zurich", "TZ=CET-1CEST,M3.5.0,M10.5.0/3", "COLUMNS=80"}
	bad := []string{"LANG=../../tmp/x", "LANG=/tmp/x", "LANG=%n", "TZ=/etc/shadow", "TZ=:/etc/shadow", "TZ=../../etc/shadow", "TZ=a\nb", "COLUMNS=() { id; }", "COLUMNS=\x1b[2J", "LANG="}
	j.EachEnv = slices.Concat(good, bad)
	for i, r := range s.ask(j).Results {
		if i < len(good) && (r.exit() != 0 || !strings.Contains("\x00"+r.Out, "\x00"+good[i]+"\x00")) {
			s.t.Errorf("%s: %v", good[i], r)
		}
		if i >= len(good) && (r.Refusal == nil || r.Refusal.Class != wire.BadArgument) {
			s.t.Errorf("%s: %v", j.EachEnv[i], r)
		}
	}
	j = s.terminal("ptyshell", "script=echo \"<$TERM>\"")
	j.EachEnv = []string{"TERM=xterm-256color", "TERM=vt100", "TERM=../x", "TERM=/tmp/x", "TERM=a%n", "TERM=" + strings.Repeat("x", 300)}
	for i, r := range s.ask(j).Results {
		if ok := r.exit() == 0 && strings.Contains(r.Out, "<"+strings.TrimPrefix(j.EachEnv[i], "TERM=")+">"); ok != (i < 2) {
			s.t.Errorf("%s: %v", j.EachEnv[i], r)
		}
	}
}

func (s *system) row33() {
	s.Write("/home/ann/ls", "#!/usr/bin/sh\necho hijacked\n", 0o755)
	s.Write("/home/ann/id", "#!/usr/bin/sh\necho hijacked\n", 0o755)
	if r := s.runs(s.ann("shell", "script=ls; id -un; pwd")); strings.Contains(r.Out, "hijacked") || !strings.HasSuffix(r.Out, "ann\n/home/ann\n") {
		s.t.Errorf("%v", r)
	}
	s.Write("/etc/nso/exec.d/relative.toml", command("relative", "ls", ""), 0o644)
	s.refused(wire.NoRule, "no rule of that name can be used", s.ann("relative"))
	s.runs(s.ann("id")) // the other files count
	s.Run("rm", "/etc/nso/exec.d/relative.toml")
}

func (s *system) row34() {
	if r := s.runs(s.ann("shell", "script=pwd")); r.Out != "/home/ann\n" {
		s.t.Errorf("%v", r)
	}
	s.Write("/etc/nso/exec.d/cwd.toml", command("cwd", "/usr/bin/pwd", ""), 0o644)
	if r := s.runs(s.ann("cwd")); r.Out != "/\n" {
		s.t.Errorf("%v", r)
	}
	s.Run("mv", "/home/ann", "/home/ann.away")
	if r := s.ask(s.ann("home")); r.Start == nil || r.Start.Step != "directory" {
		s.t.Errorf("%v", r)
	}
	s.Run("mv", "/home/ann.away", "/home/ann")
}

func (s *system) row35to38() {
	status := s.runs(s.ann("status")).Out
	for _, want := range []string{"Umask:\t0022\n", "SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "SigCgt:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(status, want) {
			s.t.Errorf("the status has no %q:\n%s", want, status)
		}
	}
	show := func(name string) string {
		return strings.TrimSpace(s.Run("systemctl", "show", "-P", name, "nso-exec@ann.service"))
	}
	got := strings.Fields(s.runs(s.ann("shell", "script=ulimit -S -n; ulimit -H -n; ulimit -S -c; ulimit -H -c")).Out)
	want := []string{show("LimitNOFILESoft"), show("LimitNOFILE"), show("LimitCORESoft"), show("LimitCORE")}
	for i := range want {
		if want[i] == "infinity" {
			want[i] = "unlimited"
		}
		if n, err := strconv.ParseUint(want[i], 10, 64); err == nil && n > 1<<30 {
			want[i] = "unlimited"
		}
	}
	// pam_limits may lower or raise what the unit says; it says nothing as installed.
	if !slices.Equal(got[:1], want[:1]) {
		s.t.Errorf("the limits are %q, those of the unit %q", got, want)
	}
	out := s.runs(s.ann("limited", "what=limits")).Out
	for _, want := range []string{"core 0 0\n", "cpu 7 7\n", "fsize 1048576 1048576\n", " 64\n"} {
		if !strings.Contains(out, want) {
			s.t.Errorf("the limits have no %q:\n%s", want, out)
		}
	}
	s.Write("/etc/nso/exec.d/set.toml", command("set", "/usr/bin/dash", "umask = \"0077\"\nlimits = {nice = 5}", "-c", "umask; nice"), 0o644)
	if r := s.runs(s.ann("set")); !strings.HasPrefix(r.Out, "0077\n") || r.Out == "0077\n0\n" {
		s.t.Errorf("%v", r)
	}
	// A core of the helper would hold who asks for what.
	pid := s.helper("ann")
	if out := s.Run("stat", "-c", "%U", "/proc/"+pid+"/environ"); strings.TrimSpace(out) != "root" {
		s.t.Errorf("the helper is dumpable: its memory is %s's", out)
	}
	if r := s.runs(s.ann("hostile", "what=spy")); strings.Count(r.Out, "true") != 4 || strings.Contains(r.Out, "false") {
		s.t.Errorf("a command sees into the helper: %v", r)
	}
}

func (s *system) row39and40() {
	r := s.runs(s.ann("mixed", "host=example.org", "file=-rf", "verbose=true", "level=9"))
	want := []string{"/usr/bin/hostile", "argv", "--level=9", "-v", "example.org", "--", "-rf"}
	for i, w := range want {
		if !strings.Contains(r.Out, fmt.Sprintf("%d %q\n", i, w)) {
			s.t.Errorf("argument %d is not %q:\n%s", i, w, r.Out)
		}
	}
	if n := strings.Count(r.Out, "\n"); n != len(want) {
		s.t.Errorf("%d arguments:\n%s", n, r.Out)
	}
	odd := []string{"$(id)", "`id`", "; id", "&& id", "| id", "> /tmp/x", "*", "~", "$HOME", "'", "\"", "\\", "{host}", "%s", "--", "-rf", "a b", "ä"}
	var jobs []job
	for _, v := range odd {
		jobs = append(jobs, s.ann("mixed", "host=example.org", "file="+v))
	}
	for i, r := range s.ask(job{Jobs: jobs}).Results {
		if r.exit() != 0 || !strings.Contains(r.Out, fmt.Sprintf("5 %q\n", odd[i])) {
			s.t.Errorf("%q: %v", odd[i], r)
		}
	}
	jobs = nil
	for _, bad := range []string{"host=-rf", "host=--help", "host=a b", "host=$(id)", "host=a\nb", "host=", "host=a\x00b", "level=10", "level=03", "level=x", "verbose=yes", "pin=-x", "file=a\nb", "file=\x1b[2J", "file=", "nope=1"} {
		values := []string{"host=example.org", "file=f"}
		name, _, _ := strings.Cut(bad, "=")
		values = slices.DeleteFunc(values, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		jobs = append(jobs, s.ann("mixed", append(values, bad)...))
	}
	s.refusedAll(wire.BadArgument, "cannot ", jobs)
	s.refused(wire.BadArgument, "the argument host is missing", s.ann("mixed", "file=f"))
	s.refused(wire.BadArgument, "2 values for host", s.ann("mixed", "file=f", "host=a", "host=b"))
}

func (s *system) row43() {
	// There is no way to say argv: it is the rule's, and begins with the program.
	if r := s.ask(s.ann("cat")); r.exit() != 0 || r.Out != "" {
		s.t.Errorf("%v", r)
	}
	var jobs []job
	raw := func(b []byte) { jobs = append(jobs, job{Socket: wire.Path("ann", false), Raw: b}) }
	requests := []string{`{"v":1,"rule":"id","user":"ann","uid":1000,"argv":[]}`, `{"v":1,"rule":"id","user":"ann","uid":1000,"program":"/usr/bin/id"}`, `{"v":1}`,
		`{"v":2,"rule":"id"}`, `{}`, `[]`, `{"v":1,"rule":"id","user":"ann","uid":-1}`, `{"v":1,"rule":"../id","user":"ann","uid":1000}`, `{"v":1,"rule":"id","user":"a\u0000b","uid":1000}`, `{"v":1} {"v":1}`}
	for _, text := range requests {
		raw(append([]byte{'R', 0, 0, byte(len(text))}, text...))
	}
	for _, text := range []string{"R\xff\xff\xff", "R\x00\x00\x00", "i\x00\x00\x01x", "\x00\x00\x00\x00", "S\x00\x00\x02{}", "GET / HTTP/1.0\r\n\r\n"} {
		raw([]byte(text))
	}
	for i, r := range s.ask(job{Jobs: jobs}).Results {
		if len(r.Out) == 0 || r.Out[0] != 'N' || i < len(requests) && !strings.Contains(r.Out, `"class":"request"`) {
			s.t.Errorf("%q: %v", jobs[i].Raw, r)
		}
	}
	s.runs(s.ann("id"))
}

func (s *system) row44() {
	want := s.Run("id", "ann")
	if r := s.runs(s.ann("id")); r.Out != want {
		s.t.Errorf("a command is %s, a login %s", r.Out, want)
	}
}

func (s *system) input() {
	j := s.ann("cat")
	j.Request.Input, j.Steps = true, []step{{Bytes: 3 << 20, Close: true}}
	if r := s.runs(j); r.Size != 3<<20 {
		s.t.Errorf("%v", r)
	}
	// Who does not read his input can be ended all the same.
	s.Write("/etc/nso/exec.d/deaf.toml", command("deaf", "/usr/bin/sleep", "", "600"), 0o644)
	j = s.ann("deaf")
	j.Request.Input, j.Steps = true, []step{{Bytes: 64 << 10}, {Signal: "TERM"}}
	if r := s.ask(j); r.End == nil || r.End.Signal != 15 {
		s.t.Errorf("%v", r)
	}
	// All bytes there are.
	if r := s.runs(s.ann("hostile", "what=bytes")); r.Size != 256 {
		s.t.Errorf("%v", r)
	}
}

func (s *system) ipc() {
	j := s.ann("hostile", "what=ipc")
	j.IPC = true
	if r := s.runs(j); r.IPC != "hello from the command" {
		s.t.Errorf("%v", r)
	}
	// Nothing else is handed down.
	j = s.ann("shell", "script=ls /proc/self/fd; readlink /proc/self/fd/3; echo $NSO_IPC_FD")
	j.IPC = true
	if r := s.runs(j); !strings.HasPrefix(r.Out, "0\n1\n2\n3\n4\nsocket:") || !strings.HasSuffix(r.Out, "\n3\n") { // 4 is the folder
		s.t.Errorf("%v", r)
	}
	if r := s.runs(s.ann("shell", "script=ls /proc/self/fd; echo \"<$NSO_IPC_FD>\"")); r.Out != "0\n1\n2\n3\n<>\n" {
		s.t.Errorf("%v", r)
	}
}

func (s *system) deadline() {
	r := s.ask(s.ann("brief"))
	if r.End == nil || r.End.Reason != wire.Deadline || r.End.Signal != 9 {
		s.t.Errorf("%v", r)
	}
	done := make(chan result)
	go func() { done <- s.ask(s.ann("alone")) }()
	time.Sleep(time.Second)
	s.refused(wire.Busy, "one at a time", s.ann("alone"))
	if r := <-done; r.exit() != 0 {
		s.t.Errorf("%v", r)
	}
	s.runs(s.ann("alone"))
}

func (s *system) log() {
	s.runs(s.ann("mixed", "host=example.org", "file=f", "pin=4711-secret"))
	journal := s.Run("journalctl", "-b", "-t", "nso-exec", "-o", "cat", "--no-pager")
	if strings.Contains(journal, "4711-secret") || !strings.Contains(journal, `\"***\"`) {
		s.t.Error("the secret of a command is in the journal, or is not left out")
	}
	for _, want := range []string{"rule=mixed user=ann usid=7 source=192.0.2.1 op=start", "op=end", `result=\"exit status 0\"`} {
		if !strings.Contains(journal, strings.ReplaceAll(want, `\"`, `"`)) {
			s.t.Errorf("the journal has no %s", want)
		}
	}
}
