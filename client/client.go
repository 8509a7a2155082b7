// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/ipc/varlink"
)

// DefaultMaxReply is the limit of one reply in bytes.
const DefaultMaxReply = 64 << 20

// Client is a connection to the daemon. It may be used from any goroutine.
type Client struct {
	// MaxReply is the limit of one reply; set it before the first call.
	MaxReply int

	mu     sync.Mutex // held during a call
	conn   net.Conn
	reader *varlink.Reader
	out    []byte

	cmu    sync.Mutex
	broken error // why the connection is closed
}

var (
	// ErrClosed is returned by calls after Close.
	ErrClosed = errors.New("cannot call: the connection is closed")
	errLeft   = errors.New("cannot call: the replies to an earlier call were not read to their end")
)

// Dial connects to the socket at path, or, if that is empty, to where the
// environment says (FromEnv).
func Dial(ctx context.Context, path string) (*Client, error) {
	if path != "" {
		if err := checkPath(path); err != nil {
			return nil, fmt.Errorf("cannot connect to %s: %w", path, err)
		}
		return DialAddress(ctx, Address{Network: "unix", Path: path})
	}
	a, err := FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	return DialAddress(ctx, a)
}

// DialAddress connects to the address.
func DialAddress(ctx context.Context, a Address) (*Client, error) {
	if a.Network != "unix" {
		return nil, fmt.Errorf("cannot use %s: calls over TCP are not supported; set NSO_IPC_PATH to the daemon's socket", a.Source)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", a.Path)
	if err != nil {
		return nil, dialError(a, err)
	}
	return New(conn), nil
}

func dialError(a Address, err error) error {
	what := a.Path
	if a.Source != "" {
		what += " (from " + a.Source + ")"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot connect to %s: there is no such socket; is the daemon installed and started? %w", what, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot connect to %s: nothing listens there; is the daemon started? %w", what, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot connect to %s: permission denied; users of the group nso-users may: %w", what, err)
	}
	return fmt.Errorf("cannot connect to %s: %w", what, err)
}

// New makes a client of a connection.
func New(conn net.Conn) *Client {
	return &Client{MaxReply: DefaultMaxReply, conn: conn, reader: varlink.NewReader(conn, 0)}
}

// Close closes the connection; a call that is under way fails.
func (c *Client) Close() error { return c.fail(ErrClosed) }

// fail closes the connection and remembers the first reason.
func (c *Client) fail(reason error) error {
	c.cmu.Lock()
	defer c.cmu.Unlock()
	if c.broken != nil {
		return nil
	}
	c.broken = reason
	return c.conn.Close()
}

func (c *Client) usable() error {
	c.cmu.Lock()
	defer c.cmu.Unlock()
	return c.broken
}

// Call calls a method and puts its reply into out. in marshals to a JSON
// object (nil: no parameters); out may be nil. An error reply is an *Error.
func (c *Client) Call(ctx context.Context, method string, in, out any) error {
	return c.CallWithFiles(ctx, method, in, out)
}

// CallWithFiles is Call with descriptors that go with the message. The files
// stay the caller's.
func (c *Client) CallWithFiles(ctx context.Context, method string, in, out any, files ...*os.File) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, err := c.send(ctx, varlink.Request{Method: method}, in, files)
	if err != nil {
		return err
	}
	defer end()
	r, err := c.receive(ctx)
	if err != nil {
		return err
	}
	if r.Continues {
		return c.violated(errors.New("one reply was asked for, and more are announced"))
	}
	return decode(r, out)
}

// CallOneway sends a call that is not replied to.
func (c *Client) CallOneway(ctx context.Context, method string, in any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, err := c.send(ctx, varlink.Request{Method: method, Oneway: true}, in, nil)
	if err == nil {
		end()
	}
	return err
}

// CallMore calls a method and yields its replies as they come; each is valid
// until the next. Leaving the loop before its end closes the connection, for
// that is the only way to stop a Varlink call. Other calls wait meanwhile.
func (c *Client) CallMore(ctx context.Context, method string, in any) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		end, err := c.send(ctx, varlink.Request{Method: method, More: true}, in, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer end()
		complete := false
		defer func() {
			if !complete {
				c.fail(errLeft)
			}
		}()
		for {
			r, err := c.receive(ctx)
			if err == nil {
				err = replyError(r)
			}
			if err != nil {
				complete = true
				yield(nil, err)
				return
			}
			complete = !r.Continues
			if !yield(r.Parameters, nil) || complete {
				return
			}
		}
	}
}

// Upgrade calls a method that changes the protocol, and hands over the
// connection after its reply; the client cannot be used any more.
func (c *Client) Upgrade(ctx context.Context, method string, in, out any) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end, err := c.send(ctx, varlink.Request{Method: method, Upgrade: true}, in, nil)
	if err != nil {
		return nil, err
	}
	r, err := c.receive(ctx)
	end()
	if err != nil {
		return nil, err
	}
	if err := decode(r, out); err != nil {
		return nil, err
	}
	c.cmu.Lock()
	defer c.cmu.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	c.broken = errors.New("cannot call: the connection was upgraded to another protocol")
	rest := append([]byte(nil), c.reader.Buffered()...)
	return &upgraded{Conn: c.conn, rest: rest}, nil
}

// upgraded gives what was read too far before it reads on.
type upgraded struct {
	net.Conn
	rest []byte
}

func (u *upgraded) Read(p []byte) (int, error) {
	if len(u.rest) > 0 {
		n := copy(p, u.rest)
		u.rest = u.rest[n:]
		return n, nil
	}
	return u.Conn.Read(p)
}

// CloseWrite ends what is sent, and leaves the other direction open.
func (u *upgraded) CloseWrite() error {
	if half, ok := u.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// send writes the call and arranges for ctx to interrupt it; end undoes that.
func (c *Client) send(ctx context.Context, r varlink.Request, in any, files []*os.File) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.usable(); err != nil {
		return nil, err
	}
	switch in := in.(type) {
	case nil:
	case json.RawMessage:
		r.Parameters = in
	default:
		if r.Parameters, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("cannot call %s: %w", r.Method, err)
		}
	}
	end = c.interruptedBy(ctx)
	out := r.Append(c.out[:0])
	if cap(out) <= 64<<10 {
		c.out = out
	}
	if err := c.write(out, files); err != nil {
		// A daemon that refuses the connection says why before it closes it.
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			if reply, rerr := c.receive(ctx); rerr == nil && reply.Error != "" {
				err = replyError(reply)
			}
		}
		end()
		c.fail(fmt.Errorf("cannot call: the connection is closed after an error: %w", err))
		return nil, c.reason(ctx, fmt.Errorf("cannot call %s: %w", r.Method, err))
	}
	return end, nil
}

// interruptedBy closes the connection when ctx ends before the call does.
func (c *Client) interruptedBy(ctx context.Context) (end func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() {
		c.fail(fmt.Errorf("cannot call: the connection was closed with an interrupted call: %w", context.Cause(ctx)))
	})
	return func() { stop() }
}

func (c *Client) write(b []byte, files []*os.File) error {
	if len(files) == 0 {
		_, err := c.conn.Write(b)
		return err
	}
	u, ok := c.conn.(*net.UnixConn)
	if !ok {
		return errors.New("descriptors can only be passed over a Unix socket")
	}
	fds := make([]int, 0, len(files))
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return err
		}
		// Control, unlike Fd, leaves the file in non-blocking mode; the caller
		// keeps the files open meanwhile.
		if err := raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return err
		}
	}
	// The descriptors go with the first byte (unix(7)); a long message may need
	// more than one write.
	n, _, err := u.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	if err == nil && n < len(b) {
		_, err = u.Write(b[n:])
	}
	return err
}

func (c *Client) receive(ctx context.Context) (varlink.Response, error) {
	msg, err := c.reader.Next(c.MaxReply)
	if err != nil {
		c.fail(fmt.Errorf("cannot call: the connection is closed after an error: %w", err))
		return varlink.Response{}, c.reason(ctx, fmt.Errorf("cannot read the reply: %w", err))
	}
	r, err := varlink.ParseResponse(msg)
	if err != nil {
		return varlink.Response{}, c.violated(err)
	}
	return r, nil
}

// violated closes a connection whose other end does not keep to the protocol.
func (c *Client) violated(err error) error {
	err = fmt.Errorf("cannot understand the daemon: %w", err)
	c.fail(err)
	return err
}

// reason prefers what ended the call to what that did to the connection.
func (c *Client) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	if broken := c.usable(); broken == ErrClosed {
		return ErrClosed
	}
	return err
}

func replyError(r varlink.Response) error {
	if r.Error == "" {
		return nil
	}
	return &Error{Name: r.Error, Parameters: append(json.RawMessage(nil), r.Parameters...)}
}

func decode(r varlink.Response, out any) error {
	if err := replyError(r); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	text := r.Parameters
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	if raw, ok := out.(*json.RawMessage); ok {
		*raw = append((*raw)[:0], text...)
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("cannot understand the reply: %w", err)
	}
	return nil
}
