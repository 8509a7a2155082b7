// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"nso.example/nso/cli"
)

// polkit(8), and its interfaces.
const (
	polkitName     = "org.freedesktop.PolicyKit1"
	polkitPath     = "/org/freedesktop/PolicyKit1/Authority"
	polkitFace     = polkitName + ".Authority"
	agentFace      = polkitName + ".AuthenticationAgent"
	agentFailed    = polkitName + ".Error.Failed"
	agentCancelled = polkitName + ".Error.Cancelled"

	agentTime    = 5 * time.Second // to register, or to be given up
	agentTries   = 3               // of a password, as many as sudo(8) has
	maxAgentLine = 4 << 10
)

// agentHelpers are where distributions have polkit-agent-helper-1, which asks PAM as
// root and tells polkit what came of it: a password is no business of the daemon's.
var agentHelpers = [...]string{"/usr/lib/polkit-1/polkit-agent-helper-1", "/usr/libexec/polkit-agent-helper-1"}

// agent asks for polkit, on the terminal of this process, about this process alone: it
// is registered for its number, and not for the session of who is logged in. It is none
// to fall back on: for those polkit 122 wants a session, which su(1) and sshd may not make.
type agent struct {
	ctx    context.Context
	helper string
	polkit string // the sender of questions
	ask    cli.Prompt

	mu      sync.Mutex
	over    bool
	running map[string]context.CancelFunc // questions by their cookie
	wait    sync.WaitGroup
}

// askFor lets polkit ask the caller until end is called. Where it cannot, nobody is
// asked, and polkit's refusal says so.
func askFor(ctx context.Context, ask cli.Prompt) (end func()) {
	none := func() {}
	i := slices.IndexFunc(agentHelpers[:], exists)
	if os.Geteuid() == 0 || i < 0 { // polkit lets root do what he wants
		return none
	}
	closeTerminal := none
	if ask == nil {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			return none
		}
		saved, err := term.GetState(int(tty.Fd()))
		if err != nil {
			tty.Close()
			return none
		}
		ask = onTerminal(tty)
		closeTerminal = func() {
			_ = term.Restore(int(tty.Fd()), saved)
			tty.Close()
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &agent{ctx: ctx, helper: agentHelpers[i], ask: ask, running: make(map[string]context.CancelFunc)}
	conn, err := a.register()
	if err != nil {
		cancel()
		closeTerminal()
		return none
	}
	return func() {
		a.mu.Lock()
		a.over = true
		a.mu.Unlock()
		cancel()
		a.wait.Wait()
		conn.Close() // polkit unregisters whose connection ends
		closeTerminal()
	}
}

func (a *agent) register() (*dbus.Conn, error) {
	// The connection is not the context's: its end is ours to say.
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(a.ctx, agentTime)
	defer cancel()
	path := dbus.ObjectPath("/org/nso/agent/" + rand.Text())
	err = conn.Export(a, path, agentFace)
	if err == nil {
		err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.StartServiceByName", 0, polkitName, uint32(0)).Err
	}
	if err == nil {
		err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, polkitName).Store(&a.polkit)
	}
	var start uint64
	if err == nil {
		start, err = ownStart()
	}
	if err == nil {
		self := struct {
			Kind    string
			Details map[string]dbus.Variant
		}{"unix-process", map[string]dbus.Variant{
			"pid": dbus.MakeVariant(uint32(os.Getpid())), "start-time": dbus.MakeVariant(start), "uid": dbus.MakeVariant(int32(os.Getuid())),
		}}
		err = conn.Object(polkitName, polkitPath).CallWithContext(ctx, polkitFace+".RegisterAuthenticationAgentWithOptions", 0,
			self, "C.UTF-8", string(path), map[string]dbus.Variant{}).Err
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// ownStart is field 22 of proc_pid_stat(5), behind the name, which may hold anything.
func ownStart() (uint64, error) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return 0, errors.New("cannot read when this process was started")
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// identity is who may authenticate.
type identity struct {
	Kind    string
	Details map[string]dbus.Variant
}

// BeginAuthentication asks the operator, for polkit. When it returns, polkit looks at
// what the helper has told it.
func (a *agent) BeginAuthentication(from dbus.Sender, action, message, _ string, _ map[string]string, cookie string, who []identity) *dbus.Error {
	if string(from) != a.polkit {
		return dbus.NewError(agentFailed, []any{"only polkit may ask"})
	}
	a.mu.Lock()
	if a.over || a.running[cookie] != nil || len(a.running) > 0 { // one question at a time
		a.mu.Unlock()
		return dbus.NewError(agentCancelled, []any{"nobody can be asked now"})
	}
	ctx, cancel := context.WithCancel(a.ctx)
	a.running[cookie] = cancel
	a.wait.Add(1)
	a.mu.Unlock()
	defer func() {
		cancel()
		a.mu.Lock()
		delete(a.running, cookie)
		a.mu.Unlock()
		a.wait.Done()
	}()
	if err := a.authenticate(ctx, shownText(action), shownText(message), cookie, who); err != nil {
		return dbus.NewError(agentCancelled, []any{err.Error()})
	}
	return nil
}

// CancelAuthentication takes a question back.
func (a *agent) CancelAuthentication(from dbus.Sender, cookie string) *dbus.Error {
	if string(from) != a.polkit {
		return dbus.NewError(agentFailed, []any{"only polkit may say that"})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel := a.running[cookie]; cancel != nil {
		cancel()
	}
	return nil
}

// authenticate asks as often as somebody may be wrong. An error is that nobody has
// answered.
func (a *agent) authenticate(ctx context.Context, action, message, cookie string, who []identity) error {
	told := fmt.Sprintf("%s (%s).\n", strings.TrimSuffix(message, "."), action)
	name, err := a.choose(ctx, told, accounts(who))
	if err != nil {
		return err
	}
	told += "The password of " + name + ".\n"
	for range agentTries {
		ok, err := a.helped(ctx, told, name, cookie)
		if ok || err != nil {
			return err
		}
		told = "That was not right.\n"
	}
	return nil
}

// accounts are the names of users, the caller's alone if he is one of them.
func accounts(who []identity) (names []string) {
	for _, w := range who {
		uid, ok := w.Details["uid"].Value().(uint32)
		if w.Kind != "unix-user" || !ok {
			continue
		}
		u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
		switch {
		case err != nil:
		case int64(uid) == int64(os.Getuid()):
			return []string{u.Username}
		default:
			names = append(names, u.Username)
		}
	}
	return names
}

func (a *agent) choose(ctx context.Context, told string, names []string) (string, error) {
	switch len(names) {
	case 0:
		return "", errors.New("there is nobody who could authenticate")
	case 1:
		return names[0], nil
	}
	for {
		name, err := a.ask(ctx, told+"Who authenticates? One of "+strings.Join(names, ", ")+": ", true)
		if err != nil || slices.Contains(names, name) {
			return name, err
		}
		told = ""
	}
}

// helped has the helper authenticate an account: it says what PAM asks, line by line, and
// gets the answers.
func (a *agent) helped(ctx context.Context, told, name, cookie string) (bool, error) {
	cmd := exec.CommandContext(ctx, a.helper, name)
	cmd.Env = []string{"LANG=C.UTF-8"}
	cmd.WaitDelay = agentTime
	in, err := cmd.StdinPipe()
	if err != nil {
		return false, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	defer func() {
		in.Close()
		_ = cmd.Wait()
	}()
	if _, err := io.WriteString(in, cookie+"\n"); err != nil {
		return false, err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxAgentLine)
	for lines.Scan() {
		kind, text, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "PAM_PROMPT_ECHO_OFF", "PAM_PROMPT_ECHO_ON":
			answer, err := a.ask(ctx, told+strings.TrimRight(shownText(text), " ")+" ", kind == "PAM_PROMPT_ECHO_ON")
			if err != nil {
				return false, err
			}
			if strings.ContainsAny(answer, "\n\x00") || len(answer) > maxAgentLine {
				return false, errors.New("cannot use that answer")
			}
			told = ""
			if _, err := io.WriteString(in, answer+"\n"); err != nil {
				return false, err
			}
		case "PAM_ERROR_MSG", "PAM_TEXT_INFO":
			told += shownText(text) + "\n"
		case "SUCCESS":
			return true, nil
		case "FAILURE":
			return false, nil
		}
	}
	return false, errors.Join(lines.Err(), ctx.Err())
}

// shownText has nothing in it that a terminal would not just show.
func shownText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text[:min(len(text), maxAgentLine)])
}

// onTerminal asks on a terminal, whatever its mode is.
func onTerminal(tty *os.File) cli.Prompt {
	return func(ctx context.Context, question string, echo bool) (string, error) {
		if _, err := io.WriteString(tty, strings.ReplaceAll(question, "\n", "\r\n")); err != nil {
			return "", err
		}
		type answer struct {
			text string
			err  error
		}
		read := make(chan answer, 1)
		go func() { // it cannot be taken back: the process ends soon, if nobody answers
			if echo {
				line, err := bufio.NewReaderSize(tty, 256).ReadString('\n')
				read <- answer{strings.TrimRight(line, "\r\n"), err}
				return
			}
			b, err := term.ReadPassword(int(tty.Fd()))
			read <- answer{string(b), err}
		}()
		select {
		case r := <-read:
			_, _ = io.WriteString(tty, "\r\n")
			if r.err == nil && r.text == "" {
				r.err = errors.New("there is no answer")
			}
			return r.text, r.err
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
