// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nso.example/nso/client"
	"nso.example/nso/exec/folder"
	"nso.example/nso/exec/wire"
	"nso.example/nso/ipc/exec"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
)

const programs = `[rule.shout]
description = "say it aloud"
program = "/usr/bin/tr"
arguments = ["--", "{word}", "{more}"]
run-as = "nso-cmd"
users = ["reader"]
[rule.shout.argument.word]
type = "choice"
values = ["yes", "no"]
description = "what to say"
[rule.shout.argument.more]
type = "string"
optional = true
many = 2

[rule.screen]
program = "/usr/bin/top"
run-as = "nso-cmd"
users = ["reader"]
terminal = true

[rule.crash]
program = "/usr/bin/top"
run-as = "nso-cmd"
users = ["reader"]
terminal = true

[rule.guarded]
program = "/usr/bin/true"
run-as = "nso-cmd"
users = ["reader"]
authorize = true

[rule.slow]
program = "/usr/bin/top"
run-as = "nso-cmd"
users = ["reader"]

[rule.sure]
program = "/usr/bin/true"
run-as = "nso-cmd"
users = ["reader"]
confirm = "Really?"
`

// serveUnit is a unit that does what the rules are named after.
func serveUnit(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			s := wire.Serve(conn)
			defer s.Close()
			r, _, err := s.Request()
			if err != nil {
				return
			}
			say := func(text string) { _ = s.Output(wire.Output, append(make([]byte, wire.HeaderSize), text...)) }
			end := func(status int) { _ = s.End(wire.End{Exit: &status}) }
			_ = s.Started(wire.Started{PID: 1})
			switch r.Rule {
			case "shout":
				say(strings.ToUpper(strings.Join(append(r.Values["word"], r.Values["more"]...), " ")) + "\n")
				end(len(r.Values["more"]))
			case "sure":
				end(0)
			case "crash":
				say("\x1b[?1049h\x1b[?25lin the mid")
				_ = s.End(wire.End{Signal: 9})
			case "slow":
				say("begun\n")
				for n := 1; ; n++ {
					f, err := s.Next()
					if err != nil {
						return
					}
					say(fmt.Sprintf("%s %d\n", f.Data, n))
				}
			case "screen":
				_ = s.Credit(wire.Credit)
				say(fmt.Sprintf("top on %s %dx%d\r\n", r.Environment["TERM"], r.Terminal.Columns, r.Terminal.Rows))
				for {
					f, err := s.Next()
					switch {
					case err != nil:
						return
					case f.Kind == wire.WindowSize:
						say(fmt.Sprintf("now %dx%d\r\n", f.Window().Columns, f.Window().Rows))
					case f.Kind == wire.Input:
						for _, b := range f.Data {
							say(fmt.Sprintf("<%d>", b))
							if b == 'q' {
								end(0)
								return
							}
						}
					}
				}
			}
		}()
	}
}

// executes makes a daemon with programs, and the way to them for a user.
func executes(t *testing.T) (*ipctest.Bench, func(user string) Dialer) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules", "a.toml"), []byte(programs), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "unit"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go serveUnit(l)
	b := ipctest.Start(t, ipctest.Schema(t), func(s *mgmt.Server) []varlink.Interface {
		return []varlink.Interface{exec.New(s, exec.Options{
			Rules:     &folder.Folder{Path: filepath.Join(dir, "rules"), Owner: uint32(os.Getuid())},
			RootRules: &folder.Folder{Path: filepath.Join(dir, "none"), Owner: uint32(os.Getuid())},
			Socket:    func(string, bool) string { return filepath.Join(dir, "unit") },
		})}
	})
	return b, func(user string) Dialer {
		return func(context.Context) (*client.Client, error) { return b.Dial(user), nil }
	}
}

// TestExecute: words, values, status and questions.
func TestExecute(t *testing.T) {
	_, as := executes(t)
	var out strings.Builder
	sh := New(newTable(), &out)
	sh.Executes(as("reader"))
	for _, tc := range []struct{ line, out, err string }{
		{"execute shout word yes", "YES\n", ""},
		{"exec sh w no", "NO\n", ""},
		{"execute shout word yes more a more b", "YES A B\n", "shout has ended with exit status 2"},
		{"execute shout word yes | match N", "", ""},
		{"execute shout word maybe", "", "none of yes, no"},
		{"execute shout", "", "it takes word"},
		{"execute shout word", "", "the value of word is missing"},
		{"execute shout loud yes", "", "expected one of word, more"},
		{"execute shout word yes word no", "", "expected more"},
		{"execute nothing", "", "expected one of crash, guarded, screen, shout, slow, sure"},
		{"execute", "", "name a command"},
		{"execute screen", "", "it takes a terminal"},
		{"execute sure", "", "nobody can answer"},
	} {
		out.Reset()
		err := sh.Execute(t.Context(), tc.line)
		if out.String() != tc.out || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %q, error %v", tc.line, out.String(), err)
		}
	}
	for line, want := range map[string]string{
		"execute ":                           "crash guarded screen shout slow sure",
		"execute shout ":                     "word more",
		"execute shout word ":                "yes no",
		"execute shout word yes ":            "more " + enter,
		"execute shout word yes more x more": "more",
	} {
		c, err := sh.Complete(t.Context(), line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		var words []string
		for _, o := range c.Candidates {
			words = append(words, o.Text)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%s: offered are %q, not %q", line, got, want)
		}
	}
	porter := New(newTable(), &out)
	porter.Executes(as("porter"))
	if err := porter.Execute(t.Context(), "execute shout word yes"); err == nil || !strings.Contains(err.Error(), "there is no command for you") {
		t.Errorf("porter: %v", err)
	}
	if err := New(newTable(), &out).Execute(t.Context(), "execute shout word yes"); err == nil {
		t.Error("without a way to programs one is executed")
	}
}

// TestExecuteTerminal: a program has the terminal, every key of it, and then the
// command line has it again, with what was typed behind.
func TestExecuteTerminal(t *testing.T) {
	_, as := executes(t)
	t.Setenv("TERM", "vt100")
	p := openPTY(t, t.Context(), 80, func(sh *Shell) { sh.Executes(as("reader")) })
	p.expect("nso> ")
	p.keys("execute screen\r")
	p.expect("top on vt100 80x24")
	p.keys("a\x03\x1a")
	p.expect("<97>")
	p.expect("<3>")
	p.expect("<26>")
	ioctl(t, p.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100})
	})
	_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH)
	p.expect("now 100x24")
	p.keys("q")
	p.expect("<113>")
	p.expect("nso> ")
	p.keys("execute sure\r")
	p.expect("Really? [yes,no] (no) ")
	p.keys("yes\r")
	p.expect("nso> ")
	p.keys("execute shout word yes\r")
	p.expect("YES")
	p.expect("nso> ")
	p.keys("exit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestExecuteCrash: a program that leaves its terminal in the middle of something does
// not leave that to the command line.
func TestExecuteCrash(t *testing.T) {
	_, as := executes(t)
	p := openPTY(t, t.Context(), 80, func(sh *Shell) { sh.Executes(as("reader")) })
	p.expect("nso> ")
	p.keys("execute crash\r")
	p.expect("\x1b[?2004l\x1b[?1049h\x1b[?25lin the mid\x1b[?1049l\x1b[?25h\x1b(B\x0f\x1b[m" + strings.Repeat(" ", 80) + "\r\x1b[?2004h")
	p.expect("crash has ended with signal 9")
	p.expect("nso> ")
	p.keys("exit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestPrompt: who decides asks the operator, who answers without echo, or does not; a
// question that is taken back leaves the line to the command line.
func TestPrompt(t *testing.T) {
	table := newTable()
	sh := New(table, io.Discard)
	answers := make(chan string, 1)
	asks := func(ctx context.Context, question string, echo bool) {
		text, err := sh.prompt(ctx, question, echo)
		answers <- fmt.Sprintf("%q, %v", text, err)
	}
	var cancel context.CancelFunc
	_, as := executes(t)
	p := openPTY(t, t.Context(), 80, func(own *Shell) {
		sh = own
		own.Executes(as("reader"))
		own.AuthorizedBy(func(ctx context.Context, _ Prompt) func() {
			ctx, cancel = context.WithCancel(ctx)
			done := make(chan struct{})
			go func() { asks(ctx, "It takes an administrator.\nPassword: ", false); close(done) }()
			return func() { <-done }
		})
	})
	for _, step := range []struct{ keys, answer string }{{"Geheim?47\r", `"Geheim?47", <nil>`}, {"\x03", `"", interrupted`}, {"\r", `"", interrupted`}, {"", `"", context canceled`}} {
		p.expect("nso> ")
		p.keys("execute guarded\r")
		p.expect("It takes an administrator.\r\nPassword: ")
		if step.keys == "" {
			cancel()
		} else {
			p.keys(step.keys)
		}
		if got := <-answers; got != step.answer {
			t.Errorf("%q: %s", step.keys, got)
		}
		p.expect("\r\n")
	}
	p.expect("nso> ")
	p.keys("exit\r")
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if strings.Contains(p.shown(), "Geheim") {
		t.Error("the password is on the screen")
	}
}

// TestExecuteInterrupt: the first interrupt is the program's, whose last words are shown;
// the second ends it, and not the command line.
func TestExecuteInterrupt(t *testing.T) {
	_, as := executes(t)
	ours, theirs := net.Pipe()
	go func() { _, _ = io.WriteString(theirs, "execute slow\r") }()
	d := NewDistant(ours, "vt100", func() (int, int) { return 80, 24 }, nil)
	defer d.Close()
	sh := New(newTable(), io.Discard)
	sh.Executes(as("reader"))
	done := make(chan error, 1)
	go func() { done <- sh.Interact(t.Context(), d) }()
	seen, buf := "", make([]byte, 512)
	for _, step := range []struct{ wait, keys string }{{"begun\r\n", "\x03"}, {"INT 1\r\n", "\x03"}, {"interrupted", ""}, {"nso> ", "exit\r"}} {
		for !strings.Contains(seen, step.wait) {
			n, err := theirs.Read(buf)
			if err != nil {
				t.Fatalf("there is no %q in %q: %v", step.wait, seen, err)
			}
			seen += string(buf[:n])
		}
		_, seen, _ = strings.Cut(seen, step.wait)
		if step.keys != "" {
			go func() { _, _ = io.WriteString(theirs, step.keys) }()
		}
	}
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	if err := <-done; err != nil {
		t.Error(err)
	}
	theirs.Close()
}

// TestExecuteFiles: without a terminal a program has the standard files.
func TestExecuteFiles(t *testing.T) {
	_, as := executes(t)
	d := as("reader")
	all, err := d.Programs(t.Context())
	if err != nil || len(all) != 6 {
		t.Fatalf("%v, %v", all, err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	end, err := d.Execute(t.Context(), all[3], map[string][]string{"word": {"no"}, "more": {"way"}}, in, out, new(bytes.Buffer))
	if err != nil || end.Exit == nil || *end.Exit != 1 {
		t.Errorf("the end is %v, %v", end, err)
	}
	if text, _ := os.ReadFile(out.Name()); string(text) != "NO WAY\n" {
		t.Errorf("it said %q", text)
	}
	if _, err := d.Execute(t.Context(), all[2], nil, in, out, new(bytes.Buffer)); err == nil {
		t.Error("a program that takes a terminal runs without one")
	}
}
