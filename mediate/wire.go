// SPDX-License-Identifier: Apache-2.0

package mediate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Socket is where systemd listens for nso-mediate.service.
const Socket = "/run/nso/helper/mediate"

// Limits of a connection.
const (
	MaxRequest = 8 << 10
	MaxReply   = 4 << 10
	FirstTime  = 5 * time.Second   // from connect to the whole request
	WholeTime  = 120 * time.Second // of a question that somebody may be asked about
)

// ErrUnavailable is wrapped where there is no mediator.
var ErrUnavailable = errors.New("there is no mediator: install nso-polkit or nso-sudo, or enable the unit as root")

// Refusal is a no of the mediator, with its reason.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// request is one of its two fields.
type request struct {
	V     int      `json:"v"`
	Start *target  `json:"start,omitempty"`
	Run   *command `json:"run,omitempty"`
}

type target struct {
	Kind Kind   `json:"kind"`
	User string `json:"user,omitempty"`
}

type command struct {
	Rule        string `json:"rule"`
	Program     string `json:"program"`
	RunAs       string `json:"runAs"`
	User        string `json:"user"`
	Door        string `json:"door"`
	Source      string `json:"source"`
	Process     int32  `json:"process,omitempty"`
	UID         uint32 `json:"uid,omitempty"`
	Interactive bool   `json:"interactive,omitempty"`
}

type reply struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

const version = 1

// Request is what a connection asks for: one of the two.
type Request struct {
	Start *Target
	Run   *Command
}

// ReadRequest reads and checks the request of a connection.
func ReadRequest(r io.Reader) (Request, error) {
	line, err := readLine(r, MaxRequest)
	if err != nil {
		return Request{}, fmt.Errorf("cannot read the request: %w", err)
	}
	var w request
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Request{}, fmt.Errorf("cannot use the request: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Request{}, errors.New("cannot use the request: something follows it")
	}
	switch {
	case w.V != version:
		return Request{}, errors.New("cannot use the request: the daemon is of another version than nso-mediate; install the same of both")
	case (w.Start == nil) == (w.Run == nil):
		return Request{}, errors.New("cannot use the request: it asks for one thing, to start or to run")
	}
	var out Request
	if w.Start != nil {
		t := Target(*w.Start)
		out.Start, err = &t, t.Check()
	} else {
		c := Command(*w.Run)
		out.Run, err = &c, c.Check()
	}
	if err != nil {
		return Request{}, fmt.Errorf("cannot use the request: it has %w", err)
	}
	return out, nil
}

// WriteReply answers a request; nil is a yes.
func WriteReply(w io.Writer, refusal error) error {
	out := reply{OK: refusal == nil}
	if refusal != nil {
		out.Reason = fmt.Sprintf("%.1000s", refusal)
	}
	return writeLine(w, out)
}

func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// readLine reads one line of at most limit bytes, without its end.
func readLine(r io.Reader, limit int64) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(r, limit)).ReadBytes('\n')
	switch {
	case err == io.EOF && int64(len(line)) == limit:
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	case err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

// Client asks the mediator. The zero Client asks at Socket.
type Client struct{ Path string }

// Start has the socket of a helper started. The error is a *Refusal, or wraps
// ErrUnavailable, or is that of the connection.
func (c Client) Start(ctx context.Context, t Target) error {
	if err := t.Check(); err != nil {
		return fmt.Errorf("cannot start a helper: it has %w", err)
	}
	w := target(t)
	return c.ask(ctx, request{V: version, Start: &w})
}

// Authorize asks whether a command may be run.
func (c Client) Authorize(ctx context.Context, cmd Command) error {
	if err := cmd.Check(); err != nil {
		return fmt.Errorf("cannot ask about the command: it has %w", err)
	}
	w := command(cmd)
	return c.ask(ctx, request{V: version, Run: &w})
}

func (c Client) ask(ctx context.Context, r request) error {
	path := c.Path
	if path == "" {
		path = Socket
	}
	ctx, cancel := context.WithTimeout(ctx, WholeTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("cannot ask the mediator: %w: %w", ErrUnavailable, err)
	}
	defer conn.Close()
	// The mediator ends what it does for us when the connection ends.
	cut := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer cut()
	if err := writeLine(conn, r); err != nil {
		return fmt.Errorf("cannot ask the mediator: %w", err)
	}
	line, err := readLine(conn, MaxReply)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("cannot tell what the mediator says: %w; see: journalctl -u nso-mediate", err)
	}
	var out reply
	switch err := json.Unmarshal(line, &out); {
	case err != nil:
		return fmt.Errorf("cannot read what the mediator says: %w", err)
	case !out.OK:
		return &Refusal{out.Reason}
	}
	return nil
}
