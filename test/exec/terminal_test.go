// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"encoding/json"
	"fmt"
	"strings"

	"nso.example/nso/exec/wire"
)

// terminals are the rows about commands with a terminal.
func terminals() []row {
	return []row{
		{"a shell", (*system).shell},
		{"row 20: pushing input into a terminal", (*system).row20},
		{"row 21: what keeps the terminal", (*system).row21},
		{"row 24: stops", (*system).row24},
		{"row 30: the size of the window", (*system).row30},
		{"interrupts", (*system).interrupts},
		{"hang-up", (*system).hangUp},
		{"eight bits", (*system).eightBits},
		{"a screen", (*system).screen},
	}
}

// shell: a shell as one knows it, on a terminal that is the user's.
func (s *system) shell() {
	j := s.terminal("sh")
	j.Steps = []step{{Send: "PS1='> '; tty; stat -c '%U:%G %a' $(tty); test -t 0 && test -t 1 && test -t 2 && echo all\n"}, {Wait: "all\r\n", Send: "echo $((6*7))\n"}, {Wait: "42", Send: "exit 3\n"}}
	r := s.ask(j)
	for _, want := range []string{"/dev/pts/", "ann:tty 620", "all"} {
		if !strings.Contains(r.Out, want) {
			s.t.Errorf("there is no %q in %v", want, r)
		}
	}
	if r.exit() != 3 {
		s.t.Errorf("%v", r)
	}
}

// row20: the terminal of a command is a new one; what it pushes into that is in no
// input of who asks, who has a terminal, too.
func (s *system) row20() {
	text, err := json.Marshal(s.terminal("pty", "what=tiocsti"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Write("/var/cache/job20", string(text), 0o644)
	s.Write("/var/cache/front20", "#!/bin/sh\nsetpriv --reuid nso --regid nso --init-groups -- asker </var/cache/job20 >/var/cache/result20\ntimeout 1 cat >/var/cache/left20\n", 0o755)
	s.Run("sh", "-c", "mkfifo /run/typed && { sleep 20 >/run/typed & } && timeout 40 script -qec /var/cache/front20 /dev/null </run/typed >/dev/null; kill $!; rm /run/typed")
	if out := s.Run("cat", "/var/cache/left20"); out != "" {
		s.t.Errorf("the terminal of who asks has the input %q", out)
	}
	out := s.Run("cat", "/var/cache/result20")
	s.t.Log(out) // newer kernels refuse it in the command's own terminal, too
	if !strings.Contains(out, "tiocsti: ") {
		s.t.Errorf("the command did not try: %s", out)
	}
	// A command without a terminal has none to be found.
	if r := s.runs(s.ann("hostile", "what=tty")); !strings.Contains(r.Out, "no such device or address") {
		s.t.Errorf("%v", r)
	}
}

func (s *system) row21() {
	r := s.ask(s.terminal("ptyshell", "script=setsid sleep 4711 & nohup sleep 4711 & sleep 4711 & echo left"))
	if r.exit() != 0 || !r.End.Killed || !strings.Contains(r.Out, "left") {
		s.t.Errorf("%v", r)
	}
	s.none("sleep 4711")
}

// row24: a job in the background that reads or writes is stopped, and nobody else.
func (s *system) row24() {
	j := s.terminal("sh")
	j.Steps = []step{{Send: "PS1='> '; set -m; cat &\n"}, {Sleep: 3000}, {Send: "jobs\n"}, {Wait: "Stopped", Send: "stty tostop; (echo from behind) &\n"},
		{Send: "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do jobs -l | grep -q 'tty output' && break; sleep 1; done; jobs -l; stty -tostop; echo is-$((40+2))\n"}, {Wait: "is-42", Send: "kill -9 %1 %2; wait; exit 0\nexit 0\n"}}
	r := s.ask(j)
	if r.exit() != 0 || !strings.Contains(r.Out, "tty input") || !strings.Contains(r.Out, "tty output") {
		s.t.Errorf("%v", r)
	}
}

func (s *system) row30() {
	j := s.terminal("pty", "what=winsize")
	j.Steps = []step{{Wait: "size 24 80", Rows: 50, Cols: 132}, {Wait: "size 50 132", Rows: 65535, Cols: 65535}, {Wait: "size 65535 65535", Rows: 1, Cols: 1}}
	if r := s.runs(j); !strings.HasPrefix(r.Out, "size 24 80\r\n") || !strings.HasSuffix(r.Out, "size 1 1\r\n") {
		s.t.Errorf("%v", r)
	}
	for _, size := range [][2]int{{0, 0}, {65536, 1}, {-1, 1}} { // the second and third cannot be said
		text := fmt.Sprintf(`{"v":1,"rule":"ptyshell","values":{"script":["stty size"]},"user":"ann","uid":%d,"terminal":{"rows":%d,"columns":%d}}`, s.uid("ann"), size[0], size[1])
		r := s.ask(job{Socket: wire.Path("ann", true), Raw: append([]byte{'R', 0, 0, byte(len(text))}, text...)})
		if ok := strings.Contains(r.Out, "S\x00"); ok != (size[0] == 0) {
			s.t.Errorf("%v: %v", size, r)
		}
	}
}

func (s *system) interrupts() {
	for name, st := range map[string]step{"a key": {Send: "\x03"}, "INT": {Signal: "INT"}, "TERM": {Signal: "TERM"}, "KILL": {Signal: "KILL"}, "QUIT": {Signal: "QUIT"}} {
		j := s.terminal("ptyshell", "script=echo ready; exec sleep 600")
		st.Wait = "ready"
		j.Steps = []step{st}
		if r := s.ask(j); r.End == nil || r.End.Signal == 0 {
			s.t.Errorf("%s: %v", name, r)
		}
	}
	// What is in the foreground gets it, and not the shell.
	j := s.terminal("sh")
	j.Steps = []step{{Send: "PS1='> '; echo re\"\"ady; sleep 600\n"}, {Wait: "ready", Sleep: 2000}, {Signal: "INT"}, {Send: "echo still-$((40+2))\n"}, {Wait: "still-42", Send: "exit 0\n"}}
	s.runs(j)
}

func (s *system) hangUp() {
	j := s.terminal("sh")
	j.Steps = []step{{Send: "trap '' HUP TERM; nohup sleep 4712 & setsid sleep 4712 & sleep 4712 & echo re\"\"ady\n"}, {Wait: "ready", HangUp: true}}
	s.ask(j)
	s.none("sleep 4712")
}

// eightBits: a raw terminal changes no byte, either way.
func (s *system) eightBits() {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	j := s.terminal("ptyshell", "script=stty raw -echo; echo ready; head -c 256 | od -An -v -tx1 | tr -d ' \\n'; hostile bytes")
	j.Steps = []step{{Wait: "ready", Data: all}}
	r := s.runs(j)
	if want := fmt.Sprintf("%x", all); !strings.Contains(r.Out, want) {
		s.t.Errorf("what came in is another: %q", r.Out)
	}
	// JSON has made characters of what is no UTF-8: the size tells.
	if r.Size != int64(len("ready\n")+512+256) {
		s.t.Errorf("what came out has %d bytes: %v", r.Size, r)
	}
}

// screen: a program that takes the whole screen.
func (s *system) screen() {
	s.Write("/etc/nso/exec.d/top.toml", command("top", "/usr/bin/top", "terminal = true"), 0o644)
	j := s.terminal("top")
	j.Request.Environment = map[string]string{"TERM": "xterm"}
	j.Steps = []step{{Wait: "load average", Rows: 10, Cols: 40}, {Wait: "COMMAND", Send: "q"}}
	if r := s.runs(j); !strings.Contains(r.Out, "\x1b[") {
		s.t.Errorf("%v", r)
	}
}
