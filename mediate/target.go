// SPDX-License-Identifier: Apache-2.0

package mediate

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is a manner of being reached.
type Kind string

// The kinds.
const (
	Exec Kind = "exec" // commands without a terminal, as a user
	Pty  Kind = "pty"  // commands with a terminal, as a user
	PAM  Kind = "pam"  // logins
)

// Target is what the mediator may start: the socket of a helper.
type Target struct {
	Kind Kind
	User string // of exec and pty, whom the helper runs as
}

// MaxUser is the longest name that a unit is started for: what systemd takes for
// User= where it is strict (systemd.exec(5)), and nso-exec serves.
const MaxUser = 31

// CheckUser says what is wrong with a name that is to be part of a unit's: it is
// lower-case letters, digits, _ and -, and begins with a letter or _. So it has no
// escape, is no number that could be a uid, and is the whole name or none of it. Root
// has units of its own, which no mediator starts.
func CheckUser(name string) error {
	switch {
	case name == "" || len(name) > MaxUser:
		return fmt.Errorf("a name of %d bytes; it has 1 to %d", len(name), MaxUser)
	case name == "root":
		return errors.New("root is reached by nso-exec-root.socket alone, which root enables")
	}
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-') {
			return fmt.Errorf("a name %.40q; it is lower-case letters, digits, _ and -, and begins with a letter or _", name)
		}
	}
	return nil
}

// Check says what is wrong with a target.
func (t Target) Check() error {
	switch t.Kind {
	case Exec, Pty:
		return CheckUser(t.User)
	case PAM:
		if t.User != "" {
			return errors.New("a user with what has none")
		}
		return nil
	}
	return fmt.Errorf("a kind %.40q that does not exist", string(t.Kind))
}

// Unit is the socket unit of a target that has been checked.
func (t Target) Unit() string {
	if t.Kind == PAM {
		return "nso-pam.socket"
	}
	return "nso-" + string(t.Kind) + "@" + t.User + ".socket"
}

// Command is a command that somebody wants to run, for polkit's rules to decide.
type Command struct {
	Rule    string // its name in /etc/nso/exec.d
	Program string // absolute
	RunAs   string // user that it runs as
	User    string // who wants it
	Door    string // by which he came
	Source  string // address or process
	// Process and UID are those of who wants it if he is on this machine: an agent on
	// his terminal can be asked for a password. Process is 0 otherwise.
	Process int32
	UID     uint32
	// Interactive lets polkit ask him.
	Interactive bool
}

// maxWord bounds each text of a Command.
const maxWord = 512

// Check says what is wrong with a command.
func (c Command) Check() error {
	for _, w := range []struct{ name, text string }{
		{"rule", c.Rule}, {"program", c.Program}, {"run-as", c.RunAs}, {"user", c.User}, {"door", c.Door}, {"source", c.Source},
	} {
		if w.text == "" || len(w.text) > maxWord || strings.ContainsFunc(w.text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
			return fmt.Errorf("a %s that is empty, too long, or has control characters", w.name)
		}
	}
	if c.Process < 0 || c.Process == 0 && c.Interactive {
		return errors.New("somebody to be asked who is not on this machine")
	}
	return nil
}
