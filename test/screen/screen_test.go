// SPDX-License-Identifier: Apache-2.0

package screen

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"nso.example/nso/test/bed"
)

// TestScreens: programs that take the terminal, over SSH and on the machine.
func TestScreens(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			bed.Further(t, suite)
			t.Parallel()
			s := install(t, suite)
			for _, part := range []struct {
				name string
				test func(*system)
			}{
				{"top", (*system).top},
				{"vi", (*system).vi},
				{"less", (*system).less},
				{"a password", (*system).password},
				{"sudo", (*system).sudo},
				{"a shell", (*system).shell},
				{"interrupts", (*system).interrupts},
				{"flow control", (*system).flow},
				{"eight bits", (*system).eightBits},
				{"what is left", (*system).left},
				{"hang-up", (*system).hangUp},
				{"on the machine", (*system).local},
				{"authorization", (*system).authorize},
			} {
				s.sub(part.name, func(s *system) { part.test(s); s.clean() })
			}
			if out := s.Run("systemctl", "--failed", "--no-legend", "--plain"); strings.TrimSpace(out) != "" {
				t.Errorf("units have failed:\n%s", out)
			}
		})
	}
}

// top redraws by itself, and when the window has another size.
func (s *system) top() { s.overSSH().top() }

func (x *terminal) top() {
	x.types("execute top")
	x.shows("top - ", "load average", "PID", "COMMAND")
	first := x.screen()
	x.becomes("nothing changes", func() bool { return x.screen() != first })
	x.size("40", "24")
	x.becomes("it is not narrower", func() bool {
		now := x.screen()
		return strings.Contains(now, "PID") && !strings.Contains(now, "COMMAND")
	})
	x.size("120", "40")
	x.shows("COMMAND", "%MEM")
	x.keys("q")
	x.prompts()
	x.size("80", "24")
}

// vi has the whole screen, and gives it back.
func (s *system) vi() { s.overSSH().vi() }

func (x *terminal) vi() {
	x.t.Helper()
	x.Run("sh", "-c", "echo 'the note' >/home/ann/note; rm -f /home/ann/.note.sw?")
	x.clear()
	x.types("execute vi")
	tildes := func() int { return strings.Count("\n"+x.screen(), "\n~") }
	x.becomes("it does not fill the screen", func() bool { return tildes() == 22 && x.is("alternate_on") == "1" })
	x.size("100", "30")
	x.becomes("it does not fill the larger screen", func() bool { return tildes() == 28 })
	x.size("80", "24")
	x.becomes("it does not fill the smaller screen", func() bool { return tildes() == 22 })
	x.keys("o")
	x.types("Grüße, 日本")
	x.tmux("send-keys", "-l", "last")
	x.keys("Escape", "Up", "A", "!", "Escape")
	x.shows("the note", "Grüße, 日本!", "last")
	x.types(":wq")
	x.prompts()
	if got, want := x.Run("cat", "/home/ann/note"), "the note\nGrüße, 日本!\nlast\n"; got != want {
		x.t.Errorf("it wrote %q, not %q", got, want)
	}
	if now := strings.TrimSpace(x.screen()); x.is("alternate_on") != "0" || now != "nso> execute vi\nnso>" {
		x.t.Errorf("the screen is not what it was: %s", now)
	}
}

func (s *system) less() {
	x := s.overSSH()
	x.clear()
	x.types("execute less")
	x.becomes("there is no first page", func() bool {
		return strings.HasPrefix(x.screen(), "line 1\n") && strings.Contains(x.screen(), "\nline 23\n")
	})
	x.keys("Space")
	x.becomes("there is no second page", func() bool { return strings.HasPrefix(x.screen(), "line 24\n") })
	x.keys("G")
	x.shows("line 500", "(END)")
	x.types("?^line 77$")
	x.becomes("it does not find the line", func() bool { return strings.HasPrefix(x.screen(), "line 77\n") })
	x.size("80", "10")
	x.becomes("it does not see the smaller screen", func() bool { return strings.HasSuffix(strings.TrimSpace(x.screen()), "line 85\n:") })
	x.keys("q")
	x.prompts()
	if now := x.screen(); strings.Contains(now, "line ") {
		x.t.Errorf("pages are left:\n%s", now)
	}
}

// password: what is typed is not to be seen, neither while it is typed nor afterwards.
func (s *system) password() {
	x := s.overSSH()
	for _, tc := range []struct{ typed, says string }{{secret, "that is it"}, {"Falsch-11", "ask has ended with exit status 1"}} {
		x.clear()
		x.types("execute ask")
		x.becomes("it does not ask", func() bool { return x.last() == "Password of ann:" })
		x.tmux("send-keys", "-l", tc.typed)
		x.never(tc.typed)
		x.keys("Enter")
		x.shows(tc.says)
		x.prompts()
		x.never(tc.typed)
	}
	if log := s.Run("journalctl", "-b", "-o", "cat", "--no-pager"); strings.Contains(log, secret) {
		s.t.Error("the password is in the journal")
	}
	x.clear()
	x.types("echo is on again")
	x.shows("echo is on again")
}

// never: a text is not on the screen, nor a moment later.
func (x *terminal) never(text string) {
	x.t.Helper()
	for range 10 {
		if strings.Contains(x.screen(), text) {
			x.t.Errorf("%q is on the screen:\n%s", text, x.screen())
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// sudo itself, where root lets the unit use it: by the drop-in of the package.
func (s *system) sudo() {
	x := s.overSSH()
	x.types("execute sudo")
	x.shows("sudo has ended with exit status 1")
	s.Run("sh", "-ec", `echo 'ann ALL=(root) /usr/bin/id -un' >/etc/sudoers.d/ann
		mkdir -p /etc/systemd/system/nso-pty@ann.service.d
		cp /usr/share/nso/exec-dropins/sudo.conf /etc/systemd/system/nso-pty@ann.service.d/
		systemctl daemon-reload; systemctl stop nso-pty@ann.service`)
	defer s.Run("sh", "-ec", `rm -r /etc/systemd/system/nso-pty@ann.service.d; systemctl daemon-reload; systemctl stop nso-pty@ann.service`)
	x.clear()
	x.types("execute sudo")
	x.shows("password for ann:")
	x.types("Falsch-11")
	x.shows("Sorry, try again.")
	x.types(secret)
	x.becomes("it does not run", func() bool { return strings.Contains(x.screen(), "\nroot\n") })
	x.prompts()
	x.never(secret)
}

// shell: the window, the keys of job control, characters that are several bytes.
func (s *system) shell() {
	x := s.overSSH()
	x.types("execute sh")
	x.becomes("there is no shell", func() bool { return x.last() == "$" })
	x.types("tput cols; stty size; echo $TERM")
	x.shows("80\n24 80\nscreen-256color")
	x.types("trap 'echo now $(stty size)' WINCH")
	x.size("91", "33")
	x.types("")
	x.shows("now 33 91")
	x.types("tput cols; tput lines")
	x.shows("91\n33")
	x.types("clear; sleep 4713")
	x.until("it sleeps", func() bool { _, err := x.Try("pgrep", "-u", "ann", "-x", "sleep"); return err == nil })
	x.keys("C-c")
	x.types("echo status $?")
	x.shows("^C", "status 130")
	x.types("sleep 4714")
	x.keys("C-z")
	x.shows("Stopped")
	x.types("jobs; echo in the 'foreground'")
	x.shows("in the foreground")
	x.types("fg")
	x.keys("C-c")
	x.types("jobs; echo none of them")
	x.shows("\nnone of them")
	x.types("sleep 4715")
	x.keys(`C-\`)
	x.shows(`^\`)
	x.types("cat")
	x.keys("a", "ü", "ß", "BSpace", "BSpace", "b", "Enter", "C-d")
	x.shows("\nab\nab\n")
	x.types("exit 3")
	x.shows("sh has ended with exit status 3")
	x.prompts()
}

// interrupts: Ctrl-C is the program's, also where it has no terminal, and the session
// lives on; so is a break.
func (s *system) interrupts() {
	x := s.overSSH()
	x.types("execute slow")
	x.shows("begun")
	x.keys("C-c")
	x.shows("told to stop", "slow has ended with exit status 7")
	x.prompts()
	x.types("execute stubborn")
	x.shows("begun")
	x.keys("C-c")
	x.shows("no")
	x.keys("C-c")
	x.shows("interrupted")
	x.prompts()
	x.clear()
	x.types("execute count")
	x.shows("count 3")
	x.keys("C-c")
	x.shows("count has ended with signal 2")
	x.prompts()
	x.clear()
	x.types("execute count")
	x.shows("count 3")
	x.keys("Enter")
	x.tmux("send-keys", "-l", "~B") // ssh sends a break
	x.shows("count has ended with signal 2")
	x.prompts()
	x.types("exit")
	x.becomes("the session does not end", func() bool { return x.is("pane_dead") == "1" && x.is("pane_dead_status") == "0" })
}

// flow: the terminal stands still, and goes on.
func (s *system) flow() {
	x := s.overSSH()
	x.types("execute count")
	x.shows("count 10")
	x.keys("C-s")
	still := ""
	x.becomes("it goes on", func() bool {
		still = x.screen()
		time.Sleep(500 * time.Millisecond)
		return x.screen() == still
	})
	x.keys("C-q")
	x.becomes("it does not go on", func() bool { return x.screen() != still })
	x.keys("C-c")
	x.prompts()
}

// eightBits: SSH and the terminal change no byte, either way.
func (s *system) eightBits() {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := strings.Fields(strings.Replace(strings.TrimPrefix(ssh, "exec "), "ssh", "ssh -tt -e none", 1))
	cmd := s.Command(ctx, "runuser", append([]string{"-u", "guest", "--", "env", "TERM=xterm"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	var seen bytes.Buffer
	for _, step := range []struct{ wait, send string }{
		{"nso> ", "execute raw\r"}, {"ready\n", string(all)}, {hex.EncodeToString(all) + string(all), ""}, {"nso> ", "exit\r"},
	} {
		buf := make([]byte, 4096)
		for !bytes.Contains(seen.Bytes(), []byte(step.wait)) {
			n, err := out.Read(buf)
			if err != nil {
				s.t.Fatalf("there is no %q in %q: %v", step.wait, seen.Bytes(), err)
			}
			seen.Write(buf[:n])
		}
		seen.Next(bytes.Index(seen.Bytes(), []byte(step.wait)) + len(step.wait))
		if _, err := in.Write([]byte(step.send)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// left: what a program leaves of the terminal is not the command line's.
func (s *system) left() {
	x := s.overSSH()
	x.types("execute crash")
	x.shows("crash has ended with signal 9")
	x.prompts()
	for _, mode := range []string{"alternate_on 0", "cursor_flag 1", "mouse_any_flag 0", "keypad_flag 0", "keypad_cursor_flag 0"} {
		if name, want, _ := strings.Cut(mode, " "); x.is(name) != want {
			x.t.Errorf("%s is %s", name, x.is(name))
		}
	}
	x.types("show nothing")
	x.shows("nso> show nothing", "cannot ")
	x.types("execute ragged")
	x.shows("no end of line\nnso>")
	x.prompts()
	x.types("execute ragged")
	x.prompts()
}

// hangUp: the client goes in the middle of it. The programs hear of it, and nothing stays.
func (s *system) hangUp() {
	s.Run("sh", "-c", "rm -f /home/ann/.note.sw? /home/ann/told")
	x := s.overSSH()
	x.types("execute vi")
	x.becomes("there is no vi", func() bool { return x.is("alternate_on") == "1" })
	x.keys("o")
	x.tmux("send-keys", "-l", "not yet written")
	x.shows("not yet written")
	s.Run("pkill", "-KILL", "-u", "guest", "-x", "ssh")
	s.until("vi ends", func() bool { _, err := s.Try("pgrep", "-f", "vim.tiny"); return err != nil })
	s.clean()
	if out := s.Run("sh", "-c", "strings -a /home/ann/.note.swp 2>/dev/null || cat -v /home/ann/.note.swp"); !strings.Contains(out, "not yet written") {
		s.t.Errorf("vi was not told in time to keep what it had: %s", out)
	}
	s.Run("sh", "-c", "rm -f /home/ann/.note.sw?")
	_, _ = x.try("kill-server")

	x = s.overSSH()
	x.types("execute hangup")
	x.shows("waiting")
	s.Run("pkill", "-KILL", "-u", "guest", "-x", "ssh")
	s.until("it is told", func() bool { out, _ := s.Try("cat", "/home/ann/told"); return strings.Contains(out, "hung up") })
	s.until("nothing is left", func() bool { _, err := s.Try("pgrep", "-u", "ann", "-x", "sleep"); return err != nil })
	log := s.Run("journalctl", "-b", "-o", "cat", "-u", "nso.service", "--no-pager")
	if !strings.Contains(log, "command ended") {
		s.t.Errorf("the end is not in the journal:\n%s", log)
	}
}

// local is the same with "nso cli", and "nso exec run", on a terminal of the machine.
func (s *system) local() {
	x := s.open("ann", "exec nso cli")
	x.prompts()
	x.top()
	x.vi()
	x.types("execute slow")
	x.shows("begun")
	x.keys("C-c")
	x.shows("told to stop", "slow has ended with exit status 7")
	x.prompts()
	x.types("execute crash")
	x.shows("crash has ended with signal 9")
	x.prompts()
	x.types("execute hangup")
	x.shows("waiting")
	s.Run("rm", "-f", "/home/ann/told")
	x.tmux("kill-server") // the terminal goes
	s.until("it is told", func() bool { out, _ := s.Try("cat", "/home/ann/told"); return strings.Contains(out, "hung up") })

	x = s.open("ann", "nso exec run crash; nso exec run ragged; stty -a; exec sleep 1000")
	x.shows("no end of line", " echo ", " icanon ")
	if x.is("alternate_on") != "0" || x.is("cursor_flag") != "1" {
		x.t.Error("the terminal is not what it was")
	}
}
