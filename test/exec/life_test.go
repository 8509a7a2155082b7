// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"nso.example/nso/exec/wire"
)

// units are the rows about who may ask, who is run as, and what the programs on the disk
// must be; and about the life of the units.
func units() []row {
	return []row{
		{"who may ask", (*system).peers},
		{"rules that change meanwhile", (*system).reload},
		{"row 41: programs that are exchanged", (*system).row41},
		{"row 42: scripts", (*system).row42},
		{"row 45: names that are numbers", (*system).row45},
		{"row 46: root", (*system).row46},
		{"row 46: root with a terminal", (*system).rootTerminal},
		{"row 47: an account that goes", (*system).row47},
		{"the sandbox", (*system).sandbox},
		{"the daemon is killed", (*system).daemonKilled},
		{"nso-exec is killed", (*system).helperKilled},
		{"nso-exec is held", (*system).helperHeld},
		{"the unit is stopped", (*system).stopped},
	}
}

// alone are the rows that change what all accounts need.
func alone() []row {
	return []row{
		{"rules that others may write", (*system).writable},
		{"row 23: a signal to a number that is another's", (*system).recycled},
		{"pam_systemd", (*system).pamSystemd},
		{"what is in the journal", (*system).audited},
		{"healthy", (*system).healthy},
	}
}

func (s *system) peers() {
	if out := s.Run("stat", "-c", "%U:%G %a", "/run/nso/exec", "/run/nso/exec/uma.sock", "/run/nso/exec/ann.pty"); out != "root:nso 750\nroot:nso 660\nroot:nso 660\n" {
		s.t.Errorf("the sockets are %s", out)
	}
	for _, user := range []string{"uma", "bob", "nso-cmd"} {
		if r := s.askAs(user, s.uma("id")); !strings.Contains(r.Failed, "permission denied") {
			s.t.Errorf("%s: %v", user, r)
		}
	}
	// Who gets by the permissions is asked for by the kernel: root, too.
	if r := s.askAs("root", s.uma("id")); r.Failed == "" || r.End != nil {
		s.t.Errorf("root: %v", r)
	}
	s.runs(s.uma("id"))
	r := s.ask(s.as("bob", "id"))
	if !strings.Contains(r.Failed, "no such file") { // nobody has enabled him
		s.t.Errorf("%v", r)
	}
}

func (s *system) writable() {
	good := command("w", "/usr/bin/id", "")
	file := "/etc/nso/exec.d/w.toml"
	s.Write(file, good, 0o644)
	s.runs(s.uma("w"))
	for what, change := range map[string][]string{
		"chmod 0664": {"chmod", "0664", file}, "chmod 0646": {"chmod", "0646", file}, "another's": {"chown", "uma", file},
		"a link": {"sh", "-c", "mv " + file + " /etc/nso/real; ln -s /etc/nso/real " + file},
		"fifo":   {"sh", "-c", "rm " + file + "; mkfifo " + file}, "folder": {"sh", "-c", "rm " + file + "; mkdir " + file},
		"wrong": {"sh", "-c", "echo 'nonsense = 1' >>" + file},
	} {
		s.Run("rm", "-rf", file)
		s.Write(file, good, 0o644)
		s.Run("chown", "root:root", file)
		s.Run(change[0], change[1:]...)
		if r := s.ask(s.uma("w")); r.Refusal == nil || r.Refusal.Class != wire.NoRule {
			s.t.Errorf("%s: %v", what, r)
		}
		s.runs(s.uma("id")) // the other file counts
	}
	s.Run("rm", "-rf", file)
	s.Run("chmod", "0777", "/etc/nso/exec.d")
	s.refused(wire.NoRule, "rules with errors", s.uma("id"))
	s.Run("chmod", "0755", "/etc/nso/exec.d")
	s.runs(s.uma("id"))
	s.Write("/etc/nso/exec.d/twice.toml", command("id", "/usr/bin/true", ""), 0o644)
	s.refused(wire.NoRule, "rules with errors", s.uma("id"))
	s.Run("rm", "/etc/nso/exec.d/twice.toml")
	s.runs(s.uma("id"))
}

// reload: a file that is exchanged by a rename is the old one or the new one.
func (s *system) reload() {
	s.Write("/etc/nso/exec.d/r.toml", command("r", "/usr/bin/echo", "", "old", "{more}")+"[rule.r.argument.more]\n", 0o644)
	s.Write("/etc/nso/r.new", command("r", "/usr/bin/echo", "", "new", "{more}")+"[rule.r.argument.more]\n", 0o644)
	s.Write("/etc/nso/r.old", command("r", "/usr/bin/echo", "", "old", "{more}")+"[rule.r.argument.more]\n", 0o644)
	loop := s.Command(s.t.Context(), "sh", "-c", "while [ ! -e /run/stop ]; do for f in new old; do cp /etc/nso/r.$f /etc/nso/r.x; mv /etc/nso/r.x /etc/nso/exec.d/r.toml; done; done")
	if err := loop.Start(); err != nil {
		s.t.Fatal(err)
	}
	seen, j := make(map[string]int), s.uma("r")
	for range 200 {
		j.Each = append(j.Each, "x")
	}
	for _, r := range s.ask(j).Results {
		seen[r.Out]++
	}
	s.stop(loop)
	if len(seen) > 2 || seen["old x\n"]+seen["new x\n"] != 200 {
		s.t.Errorf("%v", seen)
	}
	s.t.Log(seen)
	s.Run("sh", "-c", "rm -f /etc/nso/r.* /etc/nso/exec.d/r.toml")
}

// stop ends a loop of a shell that looks for the file.
func (s *system) stop(loop *exec.Cmd) {
	s.Run("touch", "/run/stop")
	_ = loop.Wait()
	s.Run("rm", "/run/stop")
}

// row41: what is run is what was looked at.
func (s *system) row41() {
	s.Run("sh", "-c", "mkdir -p /opt/p && cp /usr/bin/echo /opt/p/good && cp /usr/bin/hostile /opt/p/evil && chown bob /opt/p/evil && cp /opt/p/good /opt/p/tool")
	s.Write("/etc/nso/exec.d/p.toml", command("p", "/opt/p/tool", "", "argv", "{more}")+"[rule.p.argument.more]\noptional = true\n"+command("link", "/opt/p/link", "")+command("linked", "/opt/q/tool", ""), 0o644)
	s.runs(s.uma("p"))
	loop := s.Command(s.t.Context(), "sh", "-c", "cd /opt/p; i=0; while [ ! -e /run/stop ]; do ln -sf evil n; mv -T n tool; cp -p evil n; mv -T n tool; cp good n; mv -T n tool; i=$((i+1)); sleep 0.0$((i%4)); done")
	if err := loop.Start(); err != nil {
		s.t.Fatal(err)
	}
	ran, refused, j := 0, 0, s.uma("p")
	for n := range 200 {
		j.Each = append(j.Each, strconv.Itoa(n))
	}
	for n, r := range s.ask(j).Results {
		switch {
		case r.exit() == 0 && r.Out == fmt.Sprintf("argv %d\n", n):
			ran++
		case r.Start != nil && r.Start.Step == "program":
			refused++
		default:
			s.t.Errorf("%v", r)
		}
	}
	s.stop(loop)
	s.t.Logf("%d times the right one, %d times none", ran, refused)
	if ran == 0 || refused == 0 {
		s.t.Error("nothing was exchanged under a command")
	}
	s.Run("sh", "-c", "cd /opt/p; cp good n; mv -T n tool; ln -s tool link; ln -s p /opt/q")
	for _, rule := range []string{"link", "linked"} {
		if r := s.ask(s.ann(rule)); r.Start == nil || !strings.Contains(r.Start.Text, "write the path without links") {
			s.t.Errorf("%v", r)
		}
	}
	for what, change := range map[string]string{"writable": "chmod 0775 /opt/p/tool", "a folder that is writable": "chmod 0777 /opt/p", "sticky, too": "chmod 1777 /opt/p", "another's": "chown bob /opt/p/tool", "a folder of another's": "chown bob /opt/p"} {
		s.Run("sh", "-c", change)
		if r := s.ask(s.uma("p")); r.Start == nil || r.Start.Step != "program" {
			s.t.Errorf("%s: %v", what, r)
		}
		s.Run("sh", "-c", "chown root:root /opt/p /opt/p/tool; chmod 0755 /opt/p /opt/p/tool")
	}
	s.Run("chmod", "0711", "/opt/p/tool") // may be executed and not read
	s.runs(s.uma("p"))
}

func (s *system) row42() {
	s.Run("mkdir", "-p", "/opt/s", "/opt/open")
	s.Write("/opt/s/script", "#!/usr/bin/sh\necho \"$0 $1\"\n", 0o755)
	s.Write("/opt/open/script", "#!/usr/bin/sh\necho bad\n", 0o755)
	s.Write("/opt/s/bare", "#!sh\necho bad\n", 0o755)
	s.Write("/opt/s/mine", "#!/opt/s/interpreter -x\n", 0o755)
	s.Run("cp", "/usr/bin/hostile", "/opt/s/interpreter")
	s.Run("chmod", "0777", "/opt/open", "/opt/s/interpreter")
	s.Write("/etc/nso/exec.d/s.toml", command("script", "/opt/s/script", "", "one")+command("open", "/opt/open/script", "")+command("bare", "/opt/s/bare", "")+command("mine", "/opt/s/mine", ""), 0o644)
	if r := s.runs(s.uma("script")); r.Out != "/opt/s/script one\n" {
		s.t.Errorf("%v", r)
	}
	for _, rule := range []string{"open", "bare", "mine"} {
		if r := s.ask(s.ann(rule)); r.Start == nil || r.Start.Step != "program" {
			s.t.Errorf("%v", r)
		}
	}
}

func (s *system) row45() {
	for _, kind := range []string{"exec", "pty"} {
		for _, name := range []string{"0", "root"} {
			for _, suffix := range []string{".socket", ".service"} {
				if out, err := s.Try("systemctl", "start", "nso-"+kind+"@"+name+suffix); err == nil || !strings.Contains(out, "masked") {
					s.t.Errorf("%s@%s%s: %v: %s", kind, name, suffix, err, out)
				}
			}
		}
	}
	s.Run("useradd", "--uid", "4294", "--create-home", "num")
	s.Run("useradd", "--non-unique", "--uid", "0", "--no-create-home", "toor")
	var all sync.WaitGroup
	for _, name := range []string{"-1", "4294967295", "65534", "4294", "toor", "nobody", "nso", "no-such", `a\x2db`, `..`, `uma\x20`, "00"} {
		all.Go(func() { s.odd(name) })
	}
	all.Wait()
	s.Try("systemctl", "reset-failed")
	s.Run("userdel", "-f", "toor")
}

// odd: nothing runs in a unit of such a name.
func (s *system) odd(name string) {
	unit := "nso-exec@" + name
	_, _ = s.Try("systemctl", "start", "--", unit+".socket")
	user := name
	if strings.Contains(name, `\`) {
		user = strings.NewReplacer(`\x2d`, "-", `\x20`, " ").Replace(name)
	}
	j := s.uma("id")
	for _, socket := range []string{wire.Path(user, false), wire.Path(name, false)} {
		j.Socket, j.Seconds = socket, 10
		if r, err := s.tryAsk("nso", j); err != nil || r.Started != nil || r.End != nil {
			s.t.Errorf("%s runs: %v %v", name, r, err)
		}
	}
	_, _ = s.Try("systemctl", "stop", "--", unit+".socket", unit+".service")
}

func (s *system) row46() {
	if r := s.ask(s.uma("asroot")); r.Refusal == nil || r.Refusal.Class != wire.Denied {
		s.t.Errorf("%v", r)
	}
	for _, unit := range []string{"nso-exec-root.socket", "nso-pty-root.socket"} {
		if out, _ := s.Try("systemctl", "is-enabled", unit); strings.TrimSpace(out) != "disabled" {
			s.t.Errorf("%s is %s", unit, out)
		}
	}
	j := s.uma("asroot")
	j.Socket = wire.Path("root", false)
	if r := s.ask(j); !strings.Contains(r.Failed, "no such file") {
		s.t.Errorf("%v", r)
	}
	// Where a site enables it, its rules are others.
	s.Run("systemctl", "start", "nso-exec-root.socket")
	s.refused(wire.NoRule, "no rule", j)
	s.Write("/etc/nso/exec-root.d/r.toml", "[rule.asroot]\nprogram = \"/usr/bin/id\"\nrun-as = \"root\"\nusers = [\"uma\"]\n[rule.caller]\nprogram = \"/usr/bin/id\"\nrun-as = \"caller\"\nusers = [\"*\"]\n", 0o644)
	if r := s.runs(j); !strings.HasPrefix(r.Out, "uid=0(root) gid=0(root)") {
		s.t.Errorf("%v", r)
	}
	j.Request.Rule = "caller"
	s.refused(wire.Denied, "this unit is for what runs as root", j)
	j.Request.User, j.Request.UID = "root", 0
	s.refused(wire.Denied, "this unit is for what runs as root", j)
	s.Run("systemctl", "stop", "nso-exec-root.socket", "nso-exec-root.service")
	s.Run("rm", "/etc/nso/exec-root.d/r.toml")
}

// rootTerminal: the same with a terminal, which is enabled by itself.
func (s *system) rootTerminal() {
	j := s.terminal("asroot")
	j.Socket = wire.Path("root", true)
	if r := s.ask(j); !strings.Contains(r.Failed, "no such file") {
		s.t.Errorf("%v", r)
	}
	s.Run("systemctl", "start", "nso-pty-root.socket")
	s.Write("/etc/nso/exec-root.d/t.toml", "[rule.asroot]\nprogram = \"/usr/bin/dash\"\narguments = [\"-c\", \"id -u; stat -c %U:%G $(tty)\"]\nrun-as = \"root\"\nusers = [\"ann\"]\nterminal = true\n", 0o644)
	if r := s.runs(j); r.Out != "0\r\nroot:tty\r\n" {
		s.t.Errorf("%v", r)
	}
	// The one without a terminal is none the more there for it.
	other := s.ann("asroot")
	other.Socket = wire.Path("root", false)
	if r := s.ask(other); !strings.Contains(r.Failed, "no such file") {
		s.t.Errorf("%v", r)
	}
	s.Run("systemctl", "stop", "nso-pty-root.socket", "nso-pty-root.service")
	s.Run("rm", "/etc/nso/exec-root.d/t.toml")
	// Whoever enables it is told what that is.
	for _, args := range [][]string{{"root"}, {"--terminal", "root"}, {"0"}} {
		if out, err := s.Try("nso", append([]string{"exec", "allow"}, args...)...); err == nil || !strings.Contains(out, "root") {
			s.t.Errorf("nso exec allow %q: %s", args, out)
		}
	}
}

// row47: the unit has a uid, which may be nobody's, or another's, a moment later.
func (s *system) row47() {
	s.Run("systemctl", "start", "nso-exec@gone.socket")
	s.Write("/etc/nso/exec.d/gone.toml", "[rule.wait]\nprogram = \"/usr/bin/sleep\"\narguments = [\"4\"]\nrun-as = \"gone\"\nusers = [\"uma\"]\n", 0o644)
	j := s.uma("wait")
	j.Socket = wire.Path("gone", false)
	done := make(chan result)
	go func() { done <- s.ask(j) }()
	for range 100 {
		if _, err := s.Try("pgrep", "-u", "gone", "sleep"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Run("userdel", "-f", "gone")
	s.refused(wire.Unavailable, "the account gone cannot be found", j)
	if r := <-done; r.exit() != 0 { // what runs is ended by nobody
		s.t.Errorf("%v", r)
	}
	s.Run("useradd", "--uid", "4711", "gone")
	s.refused(wire.Unavailable, "has uid 4711 now", j)
	s.Run("systemctl", "stop", "nso-exec@gone.service")
	s.runs(j)
	s.Run("userdel", "-f", "gone")
	s.Run("systemctl", "stop", "nso-exec@gone.service")
	j.Seconds = 10
	if r := s.ask(j); r.Started != nil {
		s.t.Errorf("%v", r)
	}
	s.Run("systemctl", "stop", "nso-exec@gone.socket")
	s.Try("systemctl", "reset-failed")
	s.Run("rm", "/etc/nso/exec.d/gone.toml")
}

func (s *system) daemonKilled() {
	go func() {
		time.Sleep(2 * time.Second)
		s.Try("pkill", "-KILL", "-f", "^asker uma")
	}()
	if r, err := s.tryAsk("nso", s.uma("hostile", "what=ignore")); err == nil {
		s.t.Errorf("%v", r)
	}
	s.none("hostile ignore")
	s.runs(s.uma("id"))
}

func (s *system) helperKilled() {
	go func() {
		time.Sleep(time.Second)
		s.Try("sh", "-c", "kill -9 $(systemctl show -P MainPID nso-exec@uma.service)")
	}()
	r := s.ask(s.uma("hostile", "what=ignore"))
	if !strings.Contains(r.Failed, "nso-exec has gone") {
		s.t.Errorf("%v", r)
	}
	s.none("hostile ignore")
	s.runs(s.uma("id"))
	// A command can do it, too, to its own unit.
	r = s.ask(s.uma("hostile", "what=kill-helper"))
	if !strings.Contains(r.Failed, "nso-exec has gone") {
		s.t.Errorf("%v", r)
	}
	s.none("hostile kill-helper")
	s.runs(s.uma("id"))
}

// helperHeld: a command stops who serves it, or freezes its group, and the service
// manager ends that.
func (s *system) helperHeld() {
	const dir = "/etc/systemd/system/nso-exec@uma.service.d"
	s.Write(dir+"/watchdog.conf", "[Service]\nWatchdogSec=2\n", 0o644) // as installed it is twenty
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "stop", "nso-exec@uma.service")
	for _, what := range []string{"stop-helper", "freeze-helper"} {
		if r := s.ask(s.uma("hostile", "what="+what)); !strings.Contains(r.Failed, "nso-exec has gone") {
			s.t.Errorf("%v", r)
		}
		s.runs(s.uma("id"))
		s.none(what)
	}
	s.Run("rm", "-r", dir)
	s.Run("systemctl", "daemon-reload")
	s.Run("systemctl", "stop", "nso-exec@uma.service")
}

func (s *system) stopped() {
	go func() {
		time.Sleep(time.Second)
		s.Try("systemctl", "stop", "nso-exec@uma.service")
	}()
	r := s.ask(s.uma("shell", "script=echo ready; exec sleep 600"))
	if r.Failed == "" && (r.End == nil || r.End.Signal != 15) {
		s.t.Errorf("%v", r)
	}
	s.none("sleep 600")
	s.runs(s.uma("id")) // the socket has started it again
}

// pamSystemd: where a site puts it into the service, nothing is run rather than run
// where nobody ends it.
func (s *system) pamSystemd() {
	s.Run("systemctl", "stop", "nso-exec@uma.service")
	s.Run("cp", "-p", "/etc/pam.d/nso-exec", "/root/pam")
	s.Run("sh", "-c", "echo 'session required pam_systemd.so' >>/etc/pam.d/nso-exec")
	r := s.ask(s.uma("id"))
	if r.Started != nil || !strings.Contains(r.String(), "pam_systemd") {
		s.t.Errorf("%v", r)
	}
	s.Run("cp", "-p", "/root/pam", "/etc/pam.d/nso-exec")
	s.Run("systemctl", "stop", "nso-exec@uma.service") // what is held
	s.Try("systemctl", "reset-failed")
	s.runs(s.uma("id"))
}

func (s *system) healthy() {
	if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
		s.t.Errorf("units have failed:\n%s", out)
	}
	log := s.Run("journalctl", "-b", "-t", "nso-exec", "-o", "cat", "--no-pager")
	for _, bad := range []string{"panic", "internal error", "goroutine "} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the journal has %q", bad)
		}
	}
}

// recycled: numbers come round every few seconds, with late signals to commands all the
// time, and no process of the same user gets one. (Linux before 6.14 has one limit for
// all namespaces, and it is not this test's to change.)
func (s *system) recycled() {
	release := strings.TrimSpace(s.Run("uname", "-r"))
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 || major < 6 || major == 6 && minor < 14 {
		s.t.Skipf("Linux %s has one number of pids for all namespaces: try on 6.14 or newer", release)
	}
	limit := func(to string) string {
		s.t.Helper()
		const path = "/proc/sys/kernel/pid_max"
		cmd := exec.CommandContext(s.t.Context(), "nsenter", "-t", s.Command(s.t.Context(), "true").Args[2], "--pid", "sh", "-c", "cat "+path+"; echo "+to+" >"+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	before := limit("500")
	defer limit(before)
	if now := strings.TrimSpace(s.Run("cat", "/proc/sys/kernel/pid_max")); now != "500" {
		s.t.Fatalf("there are %s pids", now)
	}
	// Bystanders: a process of the same user each 10 ms, that nobody signals.
	s.Write("/usr/bin/bystander", "#!/usr/bin/dash\nn=0\nwhile [ ! -e /run/stop ]; do sleep 0.01; r=$?; n=$((n+1)); [ $r = 0 ] || echo killed $r $n; done\necho seen $n\n", 0o755)
	bystander := s.Command(s.t.Context(), "setpriv", "--reuid", "uma", "--regid", "uma", "--clear-groups", "--", "/usr/bin/bystander")
	var out strings.Builder
	bystander.Stdout = &out
	if err := bystander.Start(); err != nil {
		s.t.Fatal(err)
	}
	helper := s.helper("uma")
	var jobs []job
	for n := range 300 {
		j := s.uma("exit", "more=exit 0")
		for _, name := range []string{"INT", "TERM", "KILL", "USR1"}[n%4:] {
			j.Steps = append(j.Steps, step{Signal: name}, step{Sleep: 1})
		}
		jobs = append(jobs, j)
	}
	pids := make(map[int]int)
	for _, r := range s.ask(job{Jobs: jobs, Seconds: 120}).Results {
		if r.Started == nil || r.End == nil {
			s.t.Errorf("%v", r)
			continue
		}
		pids[r.Started.PID]++
	}
	s.Run("touch", "/run/stop")
	if err := bystander.Wait(); err != nil {
		s.t.Errorf("the bystander: %v", err)
	}
	s.Run("rm", "/run/stop")
	if strings.Contains(out.String(), "killed") || !strings.Contains(out.String(), "seen") {
		s.t.Errorf("a bystander got a signal: %s", out.String())
	}
	if after := s.helper("uma"); after != helper {
		s.t.Errorf("nso-exec was killed: %s, now %s", helper, after)
	}
	if len(pids) == len(jobs) {
		s.t.Error("no number came twice: nothing was seen")
	}
	s.t.Logf("%d commands had %d numbers; bystanders: %s", len(jobs), len(pids), strings.TrimSpace(out.String()))
}

// audited: what the daemon says of a command, and what nso-exec says, with nothing of
// what is secret, in the words of the user or in any other record.
func (s *system) audited() {
	s.Run("usermod", "-aG", "nso-users", "uma")
	s.Run("systemctl", "start", "nso.socket")
	const secret = "4713-hidden"
	// As a user who has logged in: pam_loginuid is what sets the number.
	out := s.Run("sh", "-c", "echo $(id -u uma) >/proc/self/loginuid; exec setpriv --reuid uma --regid uma --init-groups -- nso exec run mixed host=example.org file=audited pin="+secret)
	if !strings.Contains(out, secret) { // the program has it
		s.t.Errorf("the command got no secret: %s", out)
	}
	out, err := s.Try("setpriv", "--reuid", "uma", "--regid", "uma", "--init-groups", "--", "nso", "exec", "run", "mixed", "host=-rf", "file=audited", "pin="+secret)
	if err == nil {
		s.t.Errorf("it ran: %s", out)
	}
	uid := strconv.Itoa(int(s.uid("uma")))
	var records []map[string]any
	for line := range strings.Lines(s.Run("journalctl", "-b", "-o", "json", "--no-pager", "-u", "nso.service")) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err == nil && r["NSO_COMMAND"] == "mixed" {
			records = append(records, r)
		}
	}
	want := []map[string]string{
		{"MESSAGE": "command started", "NSO_USER": "uma", "NSO_UID": uid, "NSO_LOGIN_UID": uid, "NSO_RUN_AS": "uma"},
		{"MESSAGE": "command ended", "NSO_USER": "uma", "NSO_UID": uid, "NSO_LOGIN_UID": uid, "NSO_RUN_AS": "uma", "NSO_REASON": "exit status 0"},
		{"MESSAGE": "command refused", "NSO_USER": "uma", "NSO_UID": uid},
	}
	if len(records) != len(want) {
		s.t.Fatalf("%d records: %v", len(records), records)
	}
	for i, w := range want {
		for name, value := range w {
			if got := fmt.Sprint(records[i][name]); got != value && !(name == "MESSAGE" && strings.HasPrefix(got, value)) {
				s.t.Errorf("%s of record %d is %q, want %q: %v", name, i, got, value, records[i])
			}
		}
	}
	for i, names := range [][]string{{"NSO_SESSION", "NSO_SOURCE", "NSO_ARGV"}, {"NSO_SESSION", "NSO_BYTES", "NSO_DURATION_USEC", "NSO_ARGV"}, {"NSO_REASON"}} {
		for _, name := range names {
			if records[i][name] == nil {
				s.t.Errorf("record %d has no %s: %v", i, name, records[i])
			}
		}
	}
	helper := s.Run("journalctl", "-b", "-o", "cat", "--no-pager", "-t", "nso-exec")
	for _, w := range []string{"op=start", "op=end", "user=uma", "audited", "as=uma", `result="exit status 0"`, "bytes="} {
		found := false
		for line := range strings.Lines(helper) {
			found = found || strings.Contains(line, "rule=mixed") && strings.Contains(line, w)
		}
		if !found {
			s.t.Errorf("nso-exec does not say %s", w)
		}
	}
	if all := s.Run("journalctl", "-b", "-o", "json", "--all", "--no-pager"); strings.Contains(all, secret) {
		s.t.Error("the secret is in the journal")
	}
	if files, _ := s.Try("grep", "-rl", secret, "/var/lib/nso", "/var/log", "/run/nso", "/run/log"); strings.TrimSpace(files) != "" {
		s.t.Errorf("the secret is in %s", files)
	}
}
