// SPDX-License-Identifier: Apache-2.0

// Package screen uses the command line of nso as people do: a real terminal (tmux), a
// real OpenSSH client or "nso cli", and in it programs that take the terminal. What is
// seen on the screen is what counts.
package screen

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

// secret is ann's password and that of root. It must never be on a screen.
const secret = "Geheim-47-Wort"

// system is a booted system with nso and all that commands need.
type system struct {
	*bed.Box
	t *testing.T
}

// programs are the Debian packages whose programs are used.
var programs = []string{"tmux", "vim-tiny", "less", "polkitd", "dbus", "libpam-runtime", "ncurses-bin", "ncurses-term"}

// rule is a rule for ann, with a terminal unless more says otherwise.
func rule(name, program, more string, arguments ...string) string {
	for i, a := range arguments {
		arguments[i] = "'''" + a + "'''"
	}
	if !strings.Contains(more, "terminal") {
		more += "\nterminal = true"
	}
	return "[rule." + name + "]\nprogram = \"" + program + "\"\narguments = [" + strings.Join(arguments, ", ") + "]\nrun-as = \"caller\"\nusers = [\"ann\"]\ndirectory = \"home\"\n" + more + "\n"
}

// ask is a password prompt as su and sudo have it.
const ask = `trap "stty echo" EXIT; stty -echo; printf "Password of %s: " "$USER"; read -r p; stty echo; echo; if [ "$p" = "$(cat secret)" ]; then echo that is it; else echo that is none; exit 1; fi`

func install(t *testing.T, suite string) *system {
	t.Helper()
	s := &system{bed.Boot(t, suite, programs...), t}
	dir := bed.Packages(t, "")
	for _, name := range []string{"nso", "nso-exec", "nso-pam", "nso-polkit"} {
		found, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
		if err != nil || len(found) != 1 {
			t.Fatalf("there is no one package %s: %q", name, found)
		}
		s.Copy(found[0], "/var/cache/nso/"+name+".deb", 0o644)
	}
	s.Run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg -i /var/cache/nso/*.deb")
	for _, user := range []string{"ann", "guest"} {
		s.Run("useradd", "--create-home", "--user-group", "--shell", "/usr/bin/bash", user)
	}
	s.Write("/root/passwords", "ann:"+secret+"\nroot:"+secret+"\n", 0o600)
	s.Run("sh", "-c", "chpasswd </root/passwords && rm /root/passwords")
	s.Run("usermod", "-aG", "nso-users", "ann")
	s.Write("/etc/nso/exec.d/test.toml",
		rule("top", "/usr/bin/top", "")+
			rule("vi", "/usr/bin/vim.tiny", "", "note")+
			rule("less", "/usr/bin/less", "", "lines")+
			rule("sh", "/usr/bin/dash", "environment = {PS1 = \"$ \"}", "-i")+
			rule("bash", "/usr/bin/bash", "", "--norc", "--noprofile")+
			rule("ask", "/usr/bin/dash", "", "-c", ask)+
			rule("count", "/usr/bin/dash", "", "-c", "n=0; while sleep 0.02; do n=$((n+1)); echo count $n; done")+
			rule("raw", "/usr/bin/dash", "", "-c", "stty raw -echo; echo ready; head -c 256 | od -An -v -tx1 | tr -d ' \\n'; i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; i=$((i+1)); done")+
			rule("hangup", "/usr/bin/dash", "", "-c", "trap 'echo hung up >>told; exit' HUP; sleep 600 & sleep 601 & echo waiting; wait")+
			rule("crash", "/usr/bin/dash", "", "-c", `printf '\033[?1049h\033[2J\033[?25l\033[?1000h\033[?1h\033=\033[31;1m\033(0unwell'; kill -9 $$`)+
			rule("sudo", "/usr/bin/sudo", "", "-k", "/usr/bin/id", "-un")+
			rule("stubborn", "/usr/bin/dash", "terminal = false", "-c", "trap 'echo no' INT; echo begun; while :; do sleep 0.1; done")+
			rule("ragged", "/usr/bin/printf", "", "no end of line")+
			rule("slow", "/usr/bin/dash", "terminal = false", "-c", "trap 'echo told to stop; exit 7' INT; echo begun; sleep 600 & wait"), 0o644)
	s.Run("sh", "-ec", `chown root:nso /etc/nso/exec.d/test.toml
		seq -f 'line %g' 500 >/home/ann/lines; echo 'the note' >/home/ann/note; echo '`+secret+`' >/home/ann/secret; chown ann:ann /home/ann/*`)
	s.Run("sed", "-i", `/^.listen.cli-ssh.$/,/^$/s/^#enabled = false/enabled = true/`, "/etc/nso/nso.toml")
	s.Run("nso", "reload")
	s.Run("systemctl", "enable", "--now", "nso-exec@ann.socket", "nso-pty@ann.socket")
	s.Run("systemctl", "start", "nso-pam.socket", "nso.socket")
	s.Run("sh", "-ec", `
		mkdir -m 0700 /home/guest/.ssh
		ssh-keygen -q -t ed25519 -N '' -f /home/guest/.ssh/ann
		chown -R guest:guest /home/guest/.ssh
		install -m 0640 -g nso /home/guest/.ssh/ann.pub /etc/nso/ssh/keys.d/ann`)
	s.Write("/usr/share/nso-test/tmux.conf", `set -g default-terminal screen-256color
set -g remain-on-exit on
set -g escape-time 0
set -g status off
`, 0o644)
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := s.Try("journalctl", "-b", "-o", "short-monotonic", "-t", "nsod", "-t", "nso-exec", "-t", "nso-mediate", "-t", "polkitd", "-n", "60", "--no-pager")
			t.Logf("the journal:\n%s", log)
		}
	})
	return s
}

// sub runs a part of a test.
func (s *system) sub(name string, test func(s *system)) {
	s.t.Run(name, func(t *testing.T) { s.Step(t, func() { test(&system{s.Box, t}) }) })
}

// until waits until f is true.
func (s *system) until(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: it does not come to that", what)
		}
	}
}

// terminal is a real one, with a program on it, and somebody in front of it.
type terminal struct {
	*system
	user, name string
}

const ssh = "exec ssh -p 2024 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -i /home/guest/.ssh/ann ann@127.0.0.1"

// open starts a terminal of 80 columns and 24 rows.
func (s *system) open(user, command string) *terminal {
	s.t.Helper()
	x := &terminal{s, user, strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.ToLower(s.t.Name()))}
	x.tmux("-f", "/usr/share/nso-test/tmux.conf", "new-session", "-d", "-x", "80", "-y", "24", command)
	s.t.Cleanup(func() {
		if s.t.Failed() {
			out, _ := x.try("capture-pane", "-p")
			s.t.Logf("the screen:\n%s", out)
		}
		_, _ = x.try("kill-server")
	})
	return x
}

// overSSH is the command line as a real SSH client shows it.
func (s *system) overSSH() *terminal {
	s.t.Helper()
	x := s.open("guest", ssh)
	x.prompts()
	return x
}

func (x *terminal) try(args ...string) (string, error) {
	return x.Try("runuser", append([]string{"-u", x.user, "--", "env", "HOME=/home/" + x.user, "SHELL=/bin/sh", "tmux", "-L", x.name}, args...)...)
}

func (x *terminal) tmux(args ...string) string {
	x.t.Helper()
	out, err := x.try(args...)
	if err != nil {
		x.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return out
}

// keys are pressed: by their name, or their letters.
func (x *terminal) keys(keys ...string) {
	x.t.Helper()
	x.tmux(append([]string{"send-keys"}, keys...)...)
}

// types types a text, and Enter.
func (x *terminal) types(text string) {
	x.t.Helper()
	x.tmux("send-keys", "-l", text)
	x.keys("Enter")
}

// screen is what is to be seen, without the blanks at the ends of lines.
func (x *terminal) screen() string {
	x.t.Helper()
	return x.tmux("capture-pane", "-p")
}

// last is the last line of the screen with something on it.
func (x *terminal) last() string {
	x.t.Helper()
	lines := strings.Split(strings.TrimRight(x.screen(), " \n"), "\n")
	return lines[len(lines)-1]
}

// shows waits until all texts are on the screen.
func (x *terminal) shows(texts ...string) {
	x.t.Helper()
	x.becomes("there is not "+strings.Join(texts, ", "), func() bool {
		now := x.screen()
		for _, t := range texts {
			if !strings.Contains(now, t) {
				return false
			}
		}
		return true
	})
}

func (x *terminal) becomes(what string, f func() bool) {
	x.t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("%s on the screen:\n%s", what, x.screen())
		}
	}
}

// prompts waits for a prompt with nothing behind it, at the beginning of a line.
func (x *terminal) prompts() {
	x.t.Helper()
	x.becomes("there is no prompt", func() bool { return x.last() == "nso>" && x.is("cursor_x") == "5" })
}

// is what tmux knows of its terminal: "alternate_on", "cursor_x".
func (x *terminal) is(format string) string {
	x.t.Helper()
	return strings.TrimSpace(x.tmux("display-message", "-p", "#{"+format+"}"))
}

// size changes the size of the terminal.
func (x *terminal) size(columns, rows string) {
	x.t.Helper()
	x.tmux("resize-window", "-x", columns, "-y", rows)
}

// clear leaves a prompt alone on the screen.
func (x *terminal) clear() {
	x.t.Helper()
	x.keys("C-l")
	x.becomes("there is more than a prompt", func() bool { return strings.TrimSpace(x.screen()) == "nso>" })
}

// clean: nothing of any command is left in the units.
func (s *system) clean() {
	s.t.Helper()
	s.until("no group of a command is left", func() bool {
		out, _ := s.Try("sh", "-c", `find /sys/fs/cgroup/system.slice -path '*nso*' -type d -name 'command-*'`)
		return strings.TrimSpace(out) == ""
	})
}
