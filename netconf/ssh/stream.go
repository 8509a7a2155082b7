// SPDX-License-Identifier: Apache-2.0

package ssh

import (
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
	under    net.Conn

	mu       sync.Mutex
	writing  bool
	deadline time.Time
	timer    *time.Timer
	over     bool // a write missed its deadline
	closing  sync.Once
}

// pumped is what is read of a channel at once, bytes.
const pumped = 8 << 10

func newStream(ch ssh.Channel, under net.Conn) *stream {
	ours, theirs := net.Pipe()
	s := &stream{Conn: ours, ch: ch, under: under}
	go func() {
		defer theirs.Close() // the end of the channel is the end of the pipe
		_, _ = io.CopyBuffer(struct{ io.Writer }{theirs}, struct{ io.Reader }{ch}, make([]byte, pumped))
	}()
	return s
}

func (s *stream) LocalAddr() net.Addr  { return s.under.LocalAddr() }
func (s *stream) RemoteAddr() net.Addr { return s.under.RemoteAddr() }

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
		s.over = true
		s.under.Close()
	}
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	if s.over || !s.deadline.IsZero() && !time.Now().Before(s.deadline) {
		s.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	s.writing = true
	s.arm()
	s.mu.Unlock()
	n, err := s.ch.Write(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.arm()
	if err != nil && s.over {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// Close ends the channel; to the client, the subsystem has ended well.
func (s *stream) Close() error {
	s.closing.Do(func() {
		s.Conn.Close()
		_, _ = s.ch.SendRequest("exit-status", false, []byte{0, 0, 0, 0}) // RFC 4254, 6.10
		_ = s.ch.Close()
	})
	return nil
}
