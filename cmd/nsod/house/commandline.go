// SPDX-License-Identifier: Apache-2.0

package house

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"nso.example/nso/cli"
	"nso.example/nso/client"
	"nso.example/nso/ident"
	"nso.example/nso/sshd"
)

// inside is a connection of the house to its own Varlink server, for somebody whom a
// door has let in: it has that user's rights and no others.
type inside struct {
	net.Conn
	actor ident.Actor
	may   func(method string, parameters []byte) error // nil: everything that the actor may
}

// SetWriteDeadline does nothing for a command line, which reads what is written here and
// shows it to somebody, who has a deadline of his own.
func (c *inside) SetWriteDeadline(t time.Time) error {
	if c.may != nil {
		return c.Conn.SetWriteDeadline(t)
	}
	return nil
}

const (
	readTime  = 10 * time.Minute // for somebody who does not read, with a paused terminal for one
	noFiles   = "the daemon opens no file that a user names; paste its lines, send it with NETCONF, or load it with 'nso cli' on the machine itself"
	failed    = 1
	cancelled = 130 // as a shell says of a program that an interrupt ended
)

// commandLine is the command line on a channel: on a terminal, a command, or lines.
func (h *House) commandLine(ctx context.Context, s *sshd.Session) int {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		h.ipc.ServeConn(doorCLISSH, &inside{Conn: theirs, actor: s.Actor})
		end(errors.New("the daemon has ended the session"))
	}()
	c := client.New(ours)
	defer func() {
		c.Close()
		<-served
	}()
	go func() {
		select {
		case <-s.Gone():
			end(errors.New("the other end has hung up"))
		case <-ctx.Done():
		}
	}()
	in, out, errs := paced{s, s}, paced{s, s}, paced{s, s.Stderr()}
	if s.Terminal != nil {
		errs = out
	}
	err := h.operate(ctx, c, s, in, out)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errCancelled):
		return cancelled
	}
	text := "nso: " + err.Error() + "\n"
	if s.Terminal != nil {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, _ = io.WriteString(errs, text)
	return failed
}

var errCancelled = errors.New("interrupted")

func (h *House) operate(ctx context.Context, c *client.Client, s *sshd.Session, in, out io.ReadWriter) error {
	dial := func(context.Context) (*client.Client, error) {
		ours, theirs := net.Pipe()
		go h.ipc.ServeConn(doorCLISSH, &inside{Conn: theirs, actor: s.Actor})
		return client.New(ours), nil
	}
	agent, err := cli.Open(ctx, c, cli.Who{})
	if err != nil {
		return err
	}
	s.Greeted()
	var t *cli.Distant
	if s.Terminal != nil {
		t = cli.NewDistant(in, s.Terminal.Name, s.Terminal.Size, s.Terminal.Resized())
		defer t.Close()
		if s.Command != "" {
			out = lines{out}
		}
	}
	sh := cli.New(agent, out)
	sh.RefuseFiles(noFiles)
	sh.Executes(dial)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	interrupt := func() { cancel(errCancelled) }
	if t != nil {
		t.Signals(s.Command != "")
		if s.Command == "" {
			interrupt = t.Interrupt
		}
	}
	go func() {
		var typed <-chan struct{}
		if t != nil && s.Command != "" {
			typed = t.Interrupts()
		}
		for {
			select {
			case <-s.Interrupts():
				interrupt()
			case <-typed:
				interrupt()
			case <-ctx.Done():
				return
			}
		}
	}()
	switch {
	case s.Command != "":
		err = sh.Script(ctx, strings.NewReader(s.Command))
		var e *cli.ScriptError
		if errors.As(err, &e) && e.Line == 1 && !strings.Contains(s.Command, "\n") {
			err = e.Err
		}
	case t != nil:
		err = sh.Interact(ctx, t)
	default:
		err = sh.Script(ctx, in)
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("cannot go on: %w", context.Cause(ctx))
	}
	return err
}

// paced is a way to and from somebody who has so long to read what he is sent.
type paced struct {
	s *sshd.Session
	io.Writer
}

func (p paced) Read(b []byte) (int, error) { return p.s.Read(b) }

func (p paced) Write(b []byte) (int, error) {
	_ = p.s.SetWriteDeadline(time.Now().Add(readTime))
	return p.Writer.Write(b)
}

// lines ends lines as a terminal takes them.
type lines struct{ io.ReadWriter }

func (l lines) Write(b []byte) (int, error) {
	if _, err := io.WriteString(l.ReadWriter, strings.ReplaceAll(string(b), "\n", "\r\n")); err != nil {
		return 0, err
	}
	return len(b), nil
}
