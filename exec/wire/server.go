// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Served is nso-exec's side of a connection. One goroutine reads; any may write.
type Served struct {
	conn net.Conn
	in   reader

	mu  sync.Mutex // writing
	err error      // of the first write that failed
}

// Serve serves a connection that was accepted.
func Serve(conn net.Conn) *Served {
	return &Served{conn: conn, in: reader{r: conn}}
}

// Close ends the connection, and with it whoever reads or writes.
func (s *Served) Close() error { return s.conn.Close() }

// Request reads the request, and the socket that came with it, nil for none.
func (s *Served) Request() (Request, *os.File, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return Request{}, nil, err
	}
	file, err := s.first()
	var r Request
	if err == nil {
		r, err = s.request()
	}
	if err == nil && r.IPC != (file != nil) {
		err = errors.New("cannot read the request: it says otherwise than whether a socket comes with it")
	}
	if err == nil {
		err = s.conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return Request{}, nil, err
	}
	return r, file, nil
}

// first reads the first byte, with the descriptor that comes with it on a Unix socket.
// Later ones the kernel drops, since nobody asks for them.
func (s *Served) first() (*os.File, error) {
	conn, ok := s.conn.(*net.UnixConn)
	if !ok {
		_, err := io.ReadFull(s.conn, s.in.header[:1])
		return nil, err
	}
	control := make([]byte, unix.CmsgSpace(4))
	n, oobn, flags, _, err := conn.ReadMsgUnix(s.in.header[:1], control)
	file, fdErr := descriptor(control[:oobn], flags)
	switch {
	case err != nil:
		return file, err
	case n == 0:
		return file, io.EOF
	}
	return file, fdErr
}

func (s *Served) request() (r Request, err error) {
	if _, err := io.ReadFull(s.in.r, s.in.header[1:]); err != nil {
		return r, err
	}
	f, err := s.in.body(string(request))
	if err != nil {
		return r, err
	}
	if err := decode(f.Data, &r); err != nil {
		return r, err
	}
	if r.Version != Version {
		return r, fmt.Errorf("cannot serve version %d of the request: this is %d; install nso and nso-exec of one version", r.Version, Version)
	}
	return r, nil
}

// descriptor takes the one descriptor of a message.
func descriptor(control []byte, flags int) (*os.File, error) {
	var fds []int
	messages, err := unix.ParseSocketControlMessage(control)
	for i := range messages {
		if rights, rightsErr := unix.ParseUnixRights(&messages[i]); rightsErr == nil {
			fds = append(fds, rights...)
		}
	}
	if err != nil || flags&unix.MSG_CTRUNC != 0 || len(fds) > 1 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return nil, errors.New("cannot read the request: more comes with it than one descriptor")
	}
	if len(fds) == 0 {
		return nil, nil
	}
	unix.CloseOnExec(fds[0]) // ReadMsgUnix has asked for that
	return os.NewFile(uintptr(fds[0]), "ipc"), nil
}

// Next reads what the daemon sends while the command runs. io.EOF: it has gone.
func (s *Served) Next() (Frame, error) { return s.in.next("iews") }

// Refuse says that nothing is started, and why.
func (s *Served) Refuse(r Refusal) error {
	if len(r.Reason) > maxReport/8 { // JSON makes up to six bytes of one
		r.Reason = r.Reason[:maxReport/8]
	}
	return s.report(refused, r)
}

// Started says that the program runs.
func (s *Served) Started(st Started) error { return s.report(started, st) }

// End says how the command ended.
func (s *Served) End(e End) error {
	if err := e.check(); err != nil {
		return err
	}
	if e.Start != nil && len(e.Start.Text) > maxReport/8 {
		short := *e.Start
		short.Text, e.Start = short.Text[:maxReport/8], &short
	}
	return s.report(end, e)
}

// Credit lets the daemon send more input.
func (s *Served) Credit(n int) error {
	b := make([]byte, HeaderSize, HeaderSize+4)
	return s.send(binary.BigEndian.AppendUint32(b, uint32(n)), credit)
}

// Output sends output. The first HeaderSize bytes of b are overwritten.
func (s *Served) Output(k Kind, b []byte) error { return s.send(b, k) }

func (s *Served) report(k Kind, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("internal error: cannot write a frame: %w", err)
	}
	return s.send(append(make([]byte, HeaderSize), text...), k)
}

func (s *Served) send(b []byte, k Kind) error {
	n := len(b) - HeaderSize
	if least, most := k.limit(); n < least || n > most {
		return fmt.Errorf("internal error: cannot write a frame %q of %d bytes", byte(k), n)
	}
	put(b, k, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err // part of a frame may have gone out
	}
	_, s.err = s.conn.Write(b)
	return s.err
}

// Expire ends writes that have not gone out by a time.
func (s *Served) Expire(t time.Time) error { return s.conn.SetWriteDeadline(t) }
