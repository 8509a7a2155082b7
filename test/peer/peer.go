// SPDX-License-Identifier: Apache-2.0

// Package peer is a raw NETCONF client for the tests and the benchmark: it sends
// what it is told, also what no good client would, and gives back the bytes.
package peer

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"nso.example/nso/netconf/framing"
)

// Base10 and Base11 are the capabilities of RFC 6241, 8.1.
const (
	Base10 = "urn:ietf:params:netconf:base:1.0"
	Base11 = "urn:ietf:params:netconf:base:1.1"
	NS     = "urn:ietf:params:xml:ns:netconf:base:1.0"
)

// Conn is a session, or what comes before one.
type Conn struct {
	net.Conn
	R     *framing.Reader
	W     *framing.Writer
	Hello string // of the server
	id    int
	reply bytes.Buffer
}

// Header is the cleartext header of the process that runs this, as it is.
func Header(conn net.Conn) string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	return fmt.Sprintf("[%s;%s/%s;tcp;%d;%d;;/;;]\n", name, host, port, os.Getuid(), os.Getgid())
}

// New wraps a connection that is past its header.
func New(conn net.Conn) *Conn {
	return &Conn{Conn: conn, R: framing.NewReader(conn, 1<<30), W: framing.NewWriter(conn)}
}

// DialTCP opens a session over TCP with the true header and the given base
// capabilities (both of none are given).
func DialTCP(address string, bases ...string) (*Conn, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, Header(conn)); err != nil {
		return nil, err
	}
	c := New(conn)
	if err := c.Open(bases...); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// Open exchanges the hellos.
func (c *Conn) Open(bases ...string) error {
	if len(bases) == 0 {
		bases = []string{Base10, Base11}
	}
	hello := `<hello xmlns="` + NS + `"><capabilities>`
	for _, b := range bases {
		hello += "<capability>" + b + "</capability>"
	}
	if err := c.Send(hello + "</capabilities></hello>"); err != nil {
		return err
	}
	text, err := c.Receive()
	if err != nil {
		return fmt.Errorf("cannot read the server's hello: %w", err)
	}
	c.Hello = string(text)
	if strings.Contains(c.Hello, Base11) && bases[len(bases)-1] == Base11 {
		if err := c.R.Chunked(); err != nil {
			return err
		}
		return c.W.Chunked()
	}
	return nil
}

// Send sends one message.
func (c *Conn) Send(text string) error {
	c.SetDeadline(time.Now().Add(120 * time.Second))
	if _, err := io.WriteString(c.W, text); err != nil {
		return err
	}
	return c.W.End()
}

// Receive reads one message; it is valid until the next call.
func (c *Conn) Receive() ([]byte, error) {
	c.SetDeadline(time.Now().Add(120 * time.Second))
	if err := c.R.Next(); err != nil {
		return nil, err
	}
	c.reply.Reset()
	if _, err := c.reply.ReadFrom(c.R); err != nil {
		return nil, err
	}
	return c.reply.Bytes(), nil
}

// RPC sends an operation and returns the whole reply.
func (c *Conn) RPC(operation string) (string, error) {
	b, err := c.Call(operation)
	return string(b), err
}

// Call is RPC whose reply is valid until the next call.
func (c *Conn) Call(operation string) ([]byte, error) {
	c.id++
	if err := c.Send(`<rpc message-id="` + strconv.Itoa(c.id) + `" xmlns="` + NS + `">` + operation + `</rpc>`); err != nil {
		return nil, err
	}
	return c.Receive()
}

// OK runs an operation that must be answered with ok.
func (c *Conn) OK(operation string) error {
	b, err := c.Call(operation)
	if err == nil && !bytes.Contains(b, []byte("<ok/>")) {
		err = fmt.Errorf("not ok: %.2000s", b)
	}
	return err
}
