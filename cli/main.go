// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/term"

	"nso.example/nso/client"
)

// Options are what Run begins with.
type Options struct {
	Who
	Commands []string // to run; none: what comes in
	NoFiles  string   // why no file is opened; "": they are
	Dial     Dialer   // for programs outside of the daemon; nil: there are none
	Asks     Authorizer
}

// Run runs the CLI on a connection: the commands if there are any, else what the
// operator types if in and out are a terminal, else the lines of in.
func Run(ctx context.Context, c *client.Client, o Options, in *os.File, out io.Writer) error {
	agent, err := Open(ctx, c, o.Who)
	if err != nil {
		return err
	}
	sh := New(agent, out)
	sh.RefuseFiles(o.NoFiles)
	if o.User == "" { // they run as the caller himself
		sh.Executes(o.Dial)
		sh.AuthorizedBy(o.Asks)
	}
	if len(o.Commands) > 0 {
		err := sh.Script(ctx, strings.NewReader(strings.Join(o.Commands, "\n")))
		var s *ScriptError
		if len(o.Commands) == 1 && errors.As(err, &s) && s.Line == 1 {
			return s.Err
		}
		return err
	}
	screen, ok := out.(*os.File)
	if ok && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(screen.Fd())) {
		t, err := OpenLocal(in, screen)
		if err != nil {
			return err
		}
		defer t.Close()
		if o.NoFiles == "" {
			sh.KeepHistory(HistoryFile())
		}
		return sh.Interact(ctx, t)
	}
	return sh.Script(ctx, in)
}

// broken reports whether an error means that the connection cannot be used any
// more: then the daemon said nothing itself, and its session is gone.
func broken(err error) bool {
	var said *client.Error
	var failures Failures
	if errors.As(err, &said) || errors.As(err, &failures) {
		return false
	}
	for _, end := range []error{client.ErrClosed, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET, context.Canceled} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
