// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Call is one call while its handler runs. It is for the handler's goroutine.
type Call struct {
	// Parameters is the object of parameters. It fits the description of the
	// method; the bytes are valid until the handler returns.
	Parameters json.RawMessage

	conn     *Conn
	entry    *entry
	request  request
	fds      []int
	replied  bool // the last reply is out
	upgraded bool
}

// Conn is the connection that the call came over.
func (c *Call) Conn() *Conn { return c.conn }

// Method is the full name of the method.
func (c *Call) Method() string { return c.entry.full }

// More says that the client takes several replies.
func (c *Call) More() bool { return c.request.more }

// Oneway says that the client wants no reply: none is sent, whatever is done.
func (c *Call) Oneway() bool { return c.request.oneway }

// WantsUpgrade says that the client asks to change the protocol.
func (c *Call) WantsUpgrade() bool { return c.request.upgrade }

// Decode puts the parameters into v. A field that v does not have, or a value
// that it cannot take, is an InvalidParameter error which names the field and
// which the handler can return as it is.
func (c *Call) Decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(c.Parameters))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) && wrongType.Field != "" {
		return InvalidParameter(wrongType.Field)
	}
	if _, name, ok := strings.Cut(err.Error(), "json: unknown field "); ok {
		return InvalidParameter(strings.Trim(name, `"`))
	}
	return InvalidParameter("parameters")
}

// Appender is a reply that writes its own JSON object.
type Appender interface {
	AppendJSON(b []byte) ([]byte, error)
}

var errReplied = errors.New("cannot reply to a call twice")

// Reply sends the last or only reply. v marshals to a JSON object (nil: the
// empty one); a json.RawMessage or an Appender is the quickest.
func (c *Call) Reply(v any) error { return c.reply(v, false) }

// ReplyContinues sends a reply that others will follow. The client must have
// asked for more.
func (c *Call) ReplyContinues(v any) error {
	if !c.request.more && !c.request.oneway {
		return ExpectedMore()
	}
	return c.reply(v, true)
}

// ReplyError sends an error as the last reply; name is fully qualified.
func (c *Call) ReplyError(name string, v any) error {
	if c.replied {
		return errReplied
	}
	s := c.conn.server
	if s.cfg.CheckReplies {
		if _, ok := s.table.errors[name]; !ok {
			return fmt.Errorf("cannot reply with the error %s: no interface describes it", name)
		}
	}
	out := append(c.conn.out[:0], `{"error":`...)
	out = append(appendString(out, name), `,"parameters":`...)
	out, err := c.appendParameters(out, v, s.table.errors[name])
	if err != nil {
		return err
	}
	return c.send(append(out, '}', 0), false)
}

func (c *Call) reply(v any, continues bool) error {
	if c.replied {
		return errReplied
	}
	out := append(c.conn.out[:0], `{"parameters":`...)
	out, err := c.appendParameters(out, v, c.entry.out)
	if err != nil {
		return err
	}
	if continues {
		out = append(out, `,"continues":true`...)
	}
	return c.send(append(out, '}', 0), continues)
}

func (c *Call) send(out []byte, continues bool) error {
	if !continues {
		c.replied = true
	}
	if c.request.oneway {
		return nil
	}
	err := c.conn.write(out)
	if cap(out) <= smallBuffer {
		c.conn.out = out[:0]
	}
	return err
}

func (c *Call) appendParameters(out []byte, v any, shape *Type) ([]byte, error) {
	start := len(out)
	var err error
	switch v := v.(type) {
	case nil:
		out = append(out, '{', '}')
	case json.RawMessage:
		if len(v) == 0 {
			v = json.RawMessage("{}")
		}
		out = append(out, v...)
	case Appender:
		out, err = v.AppendJSON(out)
	default:
		out, err = c.conn.encode(out, v)
	}
	switch text := out[start:]; {
	case err != nil:
	case len(text) < 2 || text[0] != '{':
		err = errors.New("the parameters are not a JSON object")
	case bytes.IndexByte(text, 0) >= 0:
		err = errors.New("the parameters hold a NUL")
	case c.conn.server.cfg.CheckReplies && shape != nil:
		err = fits(shape, text, c.conn.server.limits.Depth)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot reply to %s: %w", c.entry.full, err)
	}
	return out, nil
}

// TakeFiles hands over the descriptors that came with the message, at most
// Method.MaxDescriptors; the handler closes them. What it does not take is
// closed when it returns.
func (c *Call) TakeFiles() []*os.File {
	files := make([]*os.File, len(c.fds))
	for i, fd := range c.fds {
		files[i] = os.NewFile(uintptr(fd), "descriptor of "+c.entry.full)
	}
	c.fds = nil
	return files
}

// Upgrade sends v as the last reply and hands over the connection, with what
// the client has sent since. It is the handler's until the handler returns;
// then the server closes it. The context still ends with the server, but no
// longer with the client: the handler sees that in its reads.
func (c *Call) Upgrade(v any) (net.Conn, error) {
	if !c.request.upgrade {
		return nil, InvalidParameter("upgrade")
	}
	if c.request.oneway {
		return nil, InvalidParameter("oneway")
	}
	if err := c.reply(v, false); err != nil {
		return nil, err
	}
	c.upgraded = true
	conn := c.conn
	conn.watch.end()
	conn.lasting()
	if err := conn.nc.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("cannot upgrade: %w", err)
	}
	return &upgradedConn{Conn: conn.nc, rest: bytes.Clone(conn.reader.Buffered())}, nil
}

// upgradedConn gives what was read too far before it reads on.
type upgradedConn struct {
	net.Conn
	rest []byte
}

func (u *upgradedConn) Read(p []byte) (int, error) {
	if len(u.rest) > 0 {
		n := copy(p, u.rest)
		if u.rest = u.rest[n:]; len(u.rest) == 0 {
			u.rest = nil
		}
		return n, nil
	}
	return u.Conn.Read(p)
}
