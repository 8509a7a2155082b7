// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/test/instance"
)

// shown is what a terminal was shown.
type shown struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestCommandLineOverSSH is a real instance with the door cli-ssh.
func TestCommandLineOverSSH(t *testing.T) {
	dir := instance.ForTest(t)
	address, err := instance.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	i, err := instance.New(filepath.Join(dir, "run"), "--cli-ssh", address, "--yang", filepath.Join(dir, "models"))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Start(); err != nil {
		t.Fatal(err)
	}
	defer i.Kill()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if err := instance.Authorize(i.Dir, me.Username, ssh.MarshalAuthorizedKey(signer.PublicKey())); err != nil {
		t.Fatal(err)
	}
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: me.Username, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: time.Minute})
	if err != nil {
		t.Fatalf("%v\n%s", err, i.Log())
	}
	defer c.Close()

	run := func(command, in string) (out, errs string, status int) {
		t.Helper()
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var o, e bytes.Buffer
		s.Stdout, s.Stderr, s.Stdin = &o, &e, strings.NewReader(in)
		if command != "" {
			err = s.Run(command)
		} else if err = s.Shell(); err == nil {
			err = s.Wait()
		}
		var exit *ssh.ExitError
		switch {
		case errors.As(err, &exit):
			status = exit.ExitStatus()
		case err != nil:
			t.Fatalf("%q: %v\n%s", command, err, i.Log())
		}
		return o.String(), e.String(), status
	}
	for _, k := range []struct {
		command, in, out, errs string
		status                 int
	}{
		{"show sessions", "", "cli-ssh", "", 0},
		{"show configuration nacm | match enable", "", "enable-nacm true;\n", "", 0},
		{"", "configure\nset nacm read-default permit\ncommit\n", "", "", 0},
		{"show configuration nacm | match read-default", "", "read-default permit;\n", "", 0},
		{"shwo", "", "", `nso: cannot read "shwo"`, 1},
		{"configure\nset nacm read-default deny", "", "", "changes were not committed", 1},
		{"configure\nload merge xml /etc/passwd", "", "", "the daemon opens no file that a user names", 1},
		{"", "show status\nbad\nshow status\n", "running", "nso: line 2: cannot read", 1},
		{"", "show \xff\n", "", "nso: line 1:", 1},
	} {
		out, errs, status := run(k.command, k.in)
		if !strings.Contains(out, k.out) || !strings.Contains(errs, k.errs) || k.errs == "" && errs != "" || status != k.status {
			t.Errorf("%q %q: %q, %q, %d", k.command, k.in, out, errs, status)
		}
	}

	// On a terminal.
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	screen := &shown{}
	keys, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Stdout = screen
	if err := s.RequestPty("xterm", 24, 100, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	from := 0
	expect := func(text string) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			all := screen.String()
			if n := strings.Index(all[from:], text); n >= 0 {
				from += n + len(text)
				return
			}
			if time.Now().After(end) {
				t.Fatalf("never saw %q; saw %q\n%s", text, all, i.Log())
			}
		}
	}
	for _, k := range []struct{ keys, seen string }{
		{"", "nso> "}, {"conf\t", "igure "}, {"\r", "nso# "}, {"set na\t", "nacm "}, {"?", "Possible completions:\r\n"},
		{"\x03", "nso# "}, {"set nacm exec-default permit\n", "nso# "}, {"compare\r", "exec-default"}, {"exit\r", "[yes,no]"}, {"yes\r", "nso> "},
		{"show configuration | count\r\n", "Count: "}, {"", "nso> "},
	} {
		if _, err := io.WriteString(keys, k.keys); err != nil {
			t.Fatal(err)
		}
		expect(k.seen)
	}
	// An escape sequence without end is no way to keep the daemon busy.
	if _, err := io.WriteString(keys, "\x1b["+strings.Repeat("1", 1000)); err != nil {
		t.Fatal(err)
	}
	expect("there is no end to its escape sequence")
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 1 {
		t.Errorf("it ends with %v", err)
	}
	c.Close()
	for end := time.Now().Add(30 * time.Second); strings.Count(i.Log(), "session closed") < strings.Count(i.Log(), "session opened"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("sessions outlive their connection\n%s", i.Log())
		}
	}
	if strings.Contains(i.Log(), "panic") {
		t.Errorf("a panic:\n%s", i.Log())
	}
}
