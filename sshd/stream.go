// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// stream is a channel as a connection: with deadlines, which a channel has not. What
// is read goes through a pipe. A write that misses its deadline ends the whole
// connection: there is no other way to have a writer back whose peer does not read.
type stream struct {
	net.Conn // the end of the pipe that is read from; its addresses are not used
	ch       ssh.Channel
	under    *connection

	mu       sync.Mutex
	writing  bool
	deadline time.Time
	timer    *time.Timer
	missed   bool // a write missed its deadline
	closing  sync.Once
}

// What is read of a channel at once, bytes: little while little comes.
const (
	fewBytes  = 512
	manyBytes = 16 << 10
)

func newStream(ch ssh.Channel, under *connection) *stream {
	ours, theirs := net.Pipe()
	s := &stream{Conn: ours, ch: ch, under: under}
	go s.pump(theirs)
	return s
}

// pump moves what comes into the pipe. The end of the channel is the end of the pipe.
func (s *stream) pump(to net.Conn) {
	defer to.Close()
	buf := make([]byte, fewBytes)
	for {
		n, err := s.ch.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			s.under.taken()
		}
		switch {
		case err != nil:
			return
		case n == fewBytes && len(buf) == fewBytes:
			buf = make([]byte, manyBytes)
		case n < fewBytes && len(buf) > fewBytes:
			buf = make([]byte, fewBytes)
		}
	}
}

func (s *stream) LocalAddr() net.Addr  { return s.under.conn.LocalAddr() }
func (s *stream) RemoteAddr() net.Addr { return s.under.conn.RemoteAddr() }

func (s *stream) SetDeadline(t time.Time) error {
	_ = s.SetWriteDeadline(t)
	return s.SetReadDeadline(t)
}

func (s *stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.arm()
	return nil
}

// arm has the timer watch the write that is under way.
func (s *stream) arm() {
	switch {
	case !s.writing || s.deadline.IsZero():
		if s.timer != nil {
			s.timer.Stop()
		}
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(s.deadline), s.expired)
	default:
		s.timer.Reset(time.Until(s.deadline))
	}
}

func (s *stream) expired() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing && !s.deadline.IsZero() && !time.Now().Before(s.deadline) {
		s.missed = true
		s.under.conn.Close()
	}
}

// What is written to a channel at once, bytes: transport and cipher keep a buffer of the
// largest. Few have so much to say that larger ones are quicker.
const (
	smallWrite = 1 << 10
	largeWrite = 16 << 10
)

func (s *stream) Write(p []byte) (n int, err error) {
	size := smallWrite
	if len(p) > 4*smallWrite {
		size = largeWrite
	}
	for first := true; first || len(p) > 0; first = false {
		m, err := s.write(s.ch, p[:min(size, len(p))])
		n += m
		if err != nil {
			return n, err
		}
		p = p[m:]
	}
	return n, nil
}

// stderr is the stream beside (RFC 4254, 5.2). It is not for another goroutine than
// the one that writes to the stream.
type stderr struct{ *stream }

func (e stderr) Write(p []byte) (int, error) { return e.write(e.ch.Stderr(), p) }

func (s *stream) write(to io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	if s.missed || !s.deadline.IsZero() && !time.Now().Before(s.deadline) {
		s.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	s.writing = true
	s.arm()
	s.mu.Unlock()
	n, err := to.Write(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.arm()
	if err != nil && s.missed {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Close ends the channel; to the client, what it was for has ended well.
func (s *stream) Close() error {
	s.finish(0)
	return nil
}

const noStatus = -1

// finish ends the channel with an exit status, or without.
func (s *stream) finish(status int) {
	s.closing.Do(func() {
		s.Conn.Close()
		if status != noStatus { // RFC 4254, 6.10; there is no EOF before the close, which says as much
			_, _ = s.ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
		}
		_ = s.ch.Close()
	})
}
