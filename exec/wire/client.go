// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Directory is where the sockets of the units are.
const Directory = "/run/nso/exec"

// Path is the socket of the commands, or of the terminals, of a user.
func Path(user string, terminal bool) string {
	if terminal {
		return Directory + "/" + user + ".pty"
	}
	return Directory + "/" + user + ".sock"
}

// Command is a command that runs, seen from the daemon. One goroutine calls Next or
// Wait until it ends; others may write, resize and signal.
type Command struct {
	Started
	conn net.Conn
	in   reader
	stop func() bool // watching the context

	sending sync.Mutex // one frame after the other

	mu     sync.Mutex
	more   *sync.Cond // there is credit, or it is over
	credit int
	over   error
}

// Run connects to the socket of a unit and has it start what is asked for. It owns ipc
// no longer than the call. An error is a *Refusal, a *StartError, or the connection's.
// The end of ctx ends the command.
func Run(ctx context.Context, socket string, r Request, ipc *os.File) (*Command, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("cannot reach nso-exec: %w", err)
	}
	return Over(ctx, c, r, ipc)
}

// Absent reports whether an error of Run says that nothing listens there.
func Absent(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) }

// Over is Run on a connection that is there already, and that it owns from now on: to
// the daemon, which passes everything on. ipc goes over a Unix socket alone.
func Over(ctx context.Context, conn net.Conn, r Request, ipc *os.File) (*Command, error) {
	cmd, err := begin(ctx, conn, r, ipc)
	if err != nil {
		conn.Close()
		return nil, err
	}
	cmd.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return cmd, nil
}

func begin(ctx context.Context, conn net.Conn, r Request, ipc *os.File) (*Command, error) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r.Version, r.IPC = Version, ipc != nil
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("cannot ask nso-exec: %w", err)
	}
	if len(text) > MaxRequest {
		return nil, fmt.Errorf("cannot ask nso-exec: the arguments have more than %d KiB", MaxRequest>>10)
	}
	b := append(make([]byte, HeaderSize), text...)
	put(b, request, len(text))
	unsent := write(conn, b, ipc) // who is turned away has an answer, and was not listened to
	c := newCommand(conn)
	f, err := c.in.next("NSE")
	if err != nil {
		if unsent != nil {
			err = unsent
		}
		return nil, fmt.Errorf("cannot start the command: nso-exec has gone: %w", err)
	}
	switch f.Kind {
	case refused:
		no := new(Refusal)
		if err := decode(f.Data, no); err != nil {
			return nil, err
		}
		return nil, no
	case end:
		var e End
		if err := errors.Join(decode(f.Data, &e), e.check()); err != nil {
			return nil, err
		}
		if e.Start == nil {
			return nil, errOrder
		}
		return nil, e.Start
	}
	return c, decode(f.Data, &c.Started)
}

func newCommand(conn net.Conn) *Command {
	c := &Command{conn: conn, in: reader{r: conn}}
	c.more = sync.NewCond(&c.mu)
	return c
}

// write writes b, with a descriptor if there is one.
func write(conn net.Conn, b []byte, ipc *os.File) error {
	if ipc != nil {
		c, ok := conn.(*net.UnixConn)
		if !ok {
			return errors.New("a descriptor goes over a Unix socket alone")
		}
		n, _, err := c.WriteMsgUnix(b, unix.UnixRights(int(ipc.Fd())), nil)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	_, err := conn.Write(b)
	return err
}

// Next reads output, or the end: then the frame has no kind. Data is good until the
// next call.
func (c *Command) Next() (Frame, *End, error) {
	for {
		f, err := c.in.next("coxE")
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Frame{}, nil, c.finish(fmt.Errorf("cannot tell how the command ended: nso-exec has gone: %w", err))
		}
		switch f.Kind {
		case credit:
			if err := c.grant(binary.BigEndian.Uint32(f.Data)); err != nil {
				return Frame{}, nil, c.finish(err)
			}
		case end:
			e := new(End)
			if err := errors.Join(decode(f.Data, e), e.check()); err != nil {
				return Frame{}, nil, c.finish(err)
			}
			_ = c.finish(os.ErrClosed)
			return Frame{}, e, nil
		default:
			return f, nil, nil
		}
	}
}

func (c *Command) grant(n uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int64(c.credit)+int64(n) > Credit {
		return errOrder
	}
	c.credit += int(n)
	c.more.Broadcast()
	return nil
}

// finish ends the connection and whoever waits for credit.
func (c *Command) finish(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over == nil {
		c.over = err
		c.more.Broadcast()
		_ = c.conn.Close()
		if c.stop != nil {
			c.stop()
		}
	}
	return err
}

// Wait hands the output to two writers until the end.
func (c *Command) Wait(out, errs io.Writer) (End, error) {
	for {
		f, e, err := c.Next()
		if err != nil {
			return End{}, err
		}
		if e != nil {
			return *e, nil
		}
		to := out
		if f.Kind == Error {
			to = errs
		}
		if _, err := to.Write(f.Data); err != nil {
			return End{}, c.finish(fmt.Errorf("cannot pass the output on: %w", err))
		}
	}
}

// Close hangs up: what still runs is ended.
func (c *Command) Close() error {
	_ = c.finish(os.ErrClosed)
	return nil
}

// Write sends input, as the command takes it.
func (c *Command) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		n, err := c.take(min(len(p)-sent, MaxInput))
		if err != nil {
			return sent, err
		}
		if err := c.send(Input, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// take waits for credit, and takes at most n of it.
func (c *Command) take(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.credit == 0 && c.over == nil {
		c.more.Wait()
	}
	if c.over != nil {
		return 0, c.over
	}
	n = min(n, c.credit)
	c.credit -= n
	return n, nil
}

// CloseInput says that there is no more input.
func (c *Command) CloseInput() error { return c.send(EndOfInput, nil) }

// Resize sets the size of the terminal.
func (c *Command) Resize(w Window) error {
	return c.send(WindowSize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, w.Rows), w.Columns))
}

// Signal sends a signal by its name: to what is in the foreground of the terminal, or
// to the command's group of processes. KILL is for all that it has started.
func (c *Command) Signal(name string) error {
	if _, ok := Signals()[name]; !ok {
		return fmt.Errorf("cannot send the signal %q: there is none of that name", name)
	}
	return c.send(SendSignal, []byte(name))
}

func (c *Command) send(k Kind, data []byte) error {
	b := append(make([]byte, HeaderSize, HeaderSize+len(data)), data...)
	put(b, k, len(data))
	c.sending.Lock()
	defer c.sending.Unlock()
	_, err := c.conn.Write(b)
	return err
}
