// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"context"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/ident"
)

// Program is what a channel is for. It returns its exit status (RFC 4254, 6.10). ctx
// ends with the daemon; see Session for the other end.
type Program func(ctx context.Context, s *Session) (status int)

// Session is a channel of somebody who is in, as a connection: what the other end
// types, and what it is shown. It has deadlines; one for writing that is missed ends the
// whole connection. Closing it ends the program well.
type Session struct {
	*stream
	Actor    ident.Actor
	Began    time.Time // when the channel was opened
	Command  string    // that was asked for; "": a shell, or a subsystem
	Terminal *Terminal // nil: there is none

	conn       *connection
	program    Program
	done       chan struct{} // closed when the program has ended
	gone       chan struct{}
	interrupts chan struct{}
}

func newSession(c *connection, ch ssh.Channel) *Session {
	return &Session{stream: newStream(ch, c), Actor: c.actor, Began: time.Now(), conn: c,
		done: make(chan struct{}), gone: make(chan struct{}), interrupts: make(chan struct{}, 1)}
}

// Greeted says that the program has begun: a daemon that stops need not wait for it.
func (s *Session) Greeted() { s.conn.conn.Greeted() }

// Gone is closed when the other end has hung up: it is not there any more, while the end
// of what can be read only says that it sends nothing more.
func (s *Session) Gone() <-chan struct{} { return s.gone }

// Interrupts tells of each signal INT and each break (RFC 4254, 6.9; RFC 4335).
func (s *Session) Interrupts() <-chan struct{} { return s.interrupts }

// Stderr is where errors go (RFC 4254, 5.2).
func (s *Session) Stderr() io.Writer { return stderr{s.stream} }

// Terminal is what the other end said of its own.
type Terminal struct {
	Name    string // of its kind: "xterm"
	size    atomic.Uint64
	resized chan struct{}
}

// maxSize is the most of columns and of rows that is believed.
const maxSize = 1 << 14

// Size is how many columns and rows there are; 0: not known.
func (t *Terminal) Size() (columns, rows int) {
	v := t.size.Load()
	return int(v >> 32), int(uint32(v))
}

// Resized tells of a new size.
func (t *Terminal) Resized() <-chan struct{} { return t.resized }

func (t *Terminal) resize(columns, rows uint32) {
	t.size.Store(uint64(min(columns, maxSize))<<32 | uint64(min(rows, maxSize)))
	select {
	case t.resized <- struct{}{}:
	default:
	}
}

// serve answers the requests of a channel, and runs what one of them begins.
func (s *Session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	status := noStatus
	if s.begin(ctx, requests) {
		// The goroutine that lasts is a new one, with a small stack.
		s.conn.wait.Go(func() {
			defer close(s.done)
			code := crashed
			defer func() { s.finish(code) }()
			defer s.conn.door.server.recover(s.conn.door.log)
			code = s.program(ctx, s)
		})
		s.attend(requests)
		status = 0
	} else {
		close(s.done)
	}
	close(s.gone)
	s.finish(status)
	// The channel is there until both sides have closed it (RFC 4254, 5.3): until then
	// it counts, and its requests are taken, since they would hold up the others.
	guard := time.AfterFunc(s.conn.door.server.opts.HelloTimeout, func() { s.conn.conn.Close() })
	ssh.DiscardRequests(requests)
	guard.Stop()
	<-s.done
}

// attend does the requests of a channel until its program is over, or the other end.
func (s *Session) attend(requests <-chan *ssh.Request) {
	for {
		select {
		case r, ok := <-requests:
			if !ok {
				return
			}
			done, over := s.later(r)
			_ = r.Reply(done, nil)
			if over {
				return
			}
		case <-s.done:
			return
		}
	}
}

// crashed is the exit status of a program that panicked.
const crashed = 70 // EX_SOFTWARE, sysexits.h

// begin takes requests until one of them begins a program.
func (s *Session) begin(ctx context.Context, requests <-chan *ssh.Request) bool {
	late := time.NewTimer(s.conn.door.server.opts.HelloTimeout)
	defer late.Stop()
	for range maxRequests {
		select {
		case r, ok := <-requests:
			if !ok {
				return false
			}
			_ = r.Reply(s.first(r), nil)
			if s.program != nil {
				return true
			}
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// first does a request of a channel that has no program yet, and says whether it could.
// Environments, other subsystems, forwarding and whatever there may be are refused.
func (s *Session) first(r *ssh.Request) bool {
	programs := s.conn.door.programs
	switch r.Type {
	case "subsystem": // RFC 4254, 6.5
		var p struct{ Name string }
		if ssh.Unmarshal(r.Payload, &p) != nil || s.Terminal != nil {
			return false
		}
		s.program = programs.Subsystems[p.Name]
	case "shell":
		if len(r.Payload) != 0 {
			return false
		}
		s.program = programs.Shell
	case "exec":
		var p struct{ Command string }
		if ssh.Unmarshal(r.Payload, &p) != nil || programs.Shell == nil {
			return false
		}
		s.program, s.Command = programs.Shell, p.Command
	case "pty-req":
		if programs.Shell == nil || s.Terminal != nil {
			return false
		}
		s.Terminal = terminal(r.Payload)
		return s.Terminal != nil
	case "window-change":
		return s.window(r.Payload)
	}
	return s.program != nil
}

// later does a request while the program runs, and says whether it could, and whether
// the channel is over with that.
func (s *Session) later(r *ssh.Request) (done, over bool) {
	switch r.Type {
	case "window-change":
		return s.window(r.Payload), false
	case "break": // RFC 4335, 3: how long it is meant to be
		if len(r.Payload) != 4 || s.conn.door.programs.Shell == nil {
			return false, false
		}
		s.interrupt()
		return true, false
	case "signal": // RFC 4254, 6.9
		var p struct{ Name string }
		if ssh.Unmarshal(r.Payload, &p) != nil {
			return false, false
		}
		switch p.Name {
		case "INT":
			s.interrupt()
			return true, false
		case "HUP", "KILL", "QUIT", "TERM":
			return true, true
		}
	}
	return false, false
}

func (s *Session) interrupt() {
	select {
	case s.interrupts <- struct{}{}:
	default:
	}
}

// window reads what a window-change says (RFC 4254, 6.7).
func (s *Session) window(payload []byte) bool {
	if s.Terminal == nil || len(payload) != 16 {
		return false
	}
	s.Terminal.resize(binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:]))
	return true
}

// terminal reads what a pty-req says (RFC 4254, 6.2); nil if that cannot be used. The
// modes are of a line discipline that we do not have.
func terminal(payload []byte) *Terminal {
	var p struct {
		Name                                string
		Columns, Rows, PixelWide, PixelHigh uint32
		Modes                               string
	}
	const maxModes = 1 << 10
	if ssh.Unmarshal(payload, &p) != nil || len(p.Name) > 64 || len(p.Modes) > maxModes {
		return nil
	}
	for _, c := range []byte(p.Name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '+':
		default:
			return nil
		}
	}
	t := &Terminal{Name: p.Name, resized: make(chan struct{}, 1)}
	t.resize(p.Columns, p.Rows)
	return t
}
