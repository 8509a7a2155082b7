// SPDX-License-Identifier: Apache-2.0

package journald

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/journald/event"
)

// Bounds of what waits for the journal.
const (
	maxBacklog      = 1 << 20 // bytes
	maxBacklogCount = 4096
	firstPause      = 10 * time.Millisecond
	lastPause       = time.Second
	closeTime       = time.Second
	batch           = 64 // records sent before others may log
)

// socket sends records to the journal, and never waits.
type socket struct {
	path string
	head []byte // of the records that it makes itself

	mu      sync.Mutex
	fd      int // -1: not connected
	backlog [][]byte
	size    int  // bytes in backlog
	lost    int  // not yet said
	waiting bool // a goroutine empties the backlog
	closed  bool
	idle    sync.Cond // broadcast when waiting ends
}

func dial(path, program string) (*socket, error) {
	s := &socket{path: path, fd: -1, head: appendField(nil, "SYSLOG_IDENTIFIER", program)}
	s.idle.L = &s.mu
	if err := s.connect(); err != nil {
		return nil, fmt.Errorf("cannot reach the journal: %w", err)
	}
	return s, nil
}

// connect makes the socket anew. Connected, so that a full queue is told as such.
func (s *socket) connect() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: s.path}); err != nil {
		unix.Close(fd)
		return err
	}
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
	s.fd = fd
	return nil
}

// write sends a record, or keeps it for later, or counts it as lost.
func (s *socket) write(record []byte, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.backlog) == 0 {
		switch s.send(record) {
		case sent:
			return
		case hopeless:
			s.lose()
			return
		}
	}
	if len(s.backlog) >= maxBacklogCount || s.size+len(record) > maxBacklog {
		s.lose()
		return
	}
	kept := make([]byte, 0, len(record)+48)
	kept = append(kept, record...)
	if !at.IsZero() { // the journal's own time will be that of its arrival
		kept = appendField(kept, event.FieldName("time"), at.UTC().Format(time.RFC3339Nano))
	}
	s.backlog = append(s.backlog, kept)
	s.size += len(kept)
	s.later()
}

func (s *socket) lose() {
	s.lost++
	s.later()
}

// later has a goroutine empty the backlog. mu is held.
func (s *socket) later() {
	if s.waiting {
		return
	}
	s.waiting = true
	go s.empty()
}

func (s *socket) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.idle.Broadcast()
	defer func() { s.waiting = false }()
	for pause := firstPause; !s.closed; pause = min(2*pause, lastPause) {
		fd := s.fd
		s.mu.Unlock()
		await(fd, pause)
		s.mu.Lock()
		if s.closed {
			return
		}
		n := s.drain()
		for ; n == batch && !s.closed; n = s.drain() {
			s.mu.Unlock() // others may log
			s.mu.Lock()
		}
		if len(s.backlog) == 0 && s.lost == 0 {
			return
		}
		if n > 0 {
			pause = firstPause / 2
		}
	}
}

// await returns when the journal may take a record, or after so long.
func await(fd int, limit time.Duration) {
	if fd >= 0 {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(fds, int(limit.Milliseconds())); err == nil && (n == 0 || fds[0].Revents == unix.POLLOUT) {
			return
		}
	}
	time.Sleep(limit)
}

// drain sends what it can of a batch, and says at the end what was lost. mu is held.
func (s *socket) drain() (n int) {
	for ; n < batch && len(s.backlog) > 0; n++ {
		switch s.send(s.backlog[0]) {
		case full:
			return n
		case hopeless:
			s.lost++
		}
		s.size -= len(s.backlog[0])
		s.backlog[0] = nil
		if s.backlog = s.backlog[1:]; len(s.backlog) == 0 {
			s.backlog = nil
		}
	}
	if len(s.backlog) == 0 && s.lost > 0 && s.send(s.lostRecord()) == sent {
		s.lost = 0
	}
	return n
}

func (s *socket) lostRecord() []byte {
	b := append([]byte(nil), s.head...)
	lost := strconv.Itoa(s.lost)
	for _, e := range event.All() {
		if e.Name == event.RecordsLost {
			b = appendField(b, "MESSAGE_ID", e.ID)
		}
	}
	b = appendField(b, event.FieldName(event.Key), string(event.RecordsLost))
	b = appendField(b, event.FieldName("lost"), lost)
	b = appendField(b, "PRIORITY", "4")
	return appendField(b, "MESSAGE", "records were lost: the journal took none for a while lost="+lost)
}

// outcome is what became of a record.
type outcome uint8

const (
	sent     outcome = iota
	full             // later, perhaps
	hopeless         // this one never
)

// send tries once, and once more after a new connect. mu is held.
func (s *socket) send(record []byte) outcome {
	for try := range 2 {
		if s.fd >= 0 && try == 0 || s.connect() == nil {
			switch err := s.transmit(record); {
			case err == nil:
				return sent
			case errors.Is(err, unix.EAGAIN):
				return full
			case !gone(err):
				return hopeless
			}
		}
	}
	return full // nobody listens: journald may come back
}

// gone says that the other end is another socket by now, or none.
func gone(err error) bool {
	for _, e := range []error{unix.ECONNREFUSED, unix.ECONNRESET, unix.ENOTCONN, unix.EPIPE, unix.EDESTADDRREQ} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *socket) transmit(record []byte) error {
	err := s.sendmsg(record, nil)
	if !errors.Is(err, unix.EMSGSIZE) && !errors.Is(err, unix.ENOBUFS) {
		return err
	}
	// Too large for a datagram: in a file of memory, sealed so that the journal may
	// read it where it is.
	fd, err := unix.MemfdCreate("nso-record", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for rest := record; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		rest = rest[max(n, 0):]
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	return s.sendmsg(nil, unix.UnixRights(fd))
}

func (s *socket) sendmsg(data, rights []byte) error {
	for {
		_, err := unix.SendmsgN(s.fd, data, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// close waits a moment for the backlog, and ends the socket.
func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	giveUp := time.AfterFunc(closeTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed = true
		s.idle.Broadcast()
	})
	defer giveUp.Stop()
	for s.waiting && !s.closed {
		s.idle.Wait()
	}
	s.closed = true
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}
