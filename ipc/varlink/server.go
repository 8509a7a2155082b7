// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/journald/event"
)

// Config is what a server is built from.
type Config struct {
	Vendor, Product, Version, URL string // for GetInfo

	Interfaces []Interface
	Limits     Limits

	// Identify is asked once, before a byte is read, who is at the other end;
	// it may keep what it finds in the Conn. An error is a refusal: the reason
	// is logged, the connection closed. Required.
	Identify func(ctx context.Context, conn *Conn) (Origin, error)

	// Narrow, if set, is asked about each call that its access rule has allowed: some
	// connections may do less than their peer. Parameters are a JSON object that fits.
	Narrow func(conn *Conn, method string, parameters []byte) error

	// Refused is told of each connection that is refused, and with op of each call
	// that its access rule refused; nil: they are logged, one a second.
	Refused func(conn *Conn, op string, reason error)

	// CheckReplies compares every reply and error with the description and
	// turns a difference into an internal error: for tests.
	CheckReplies bool

	Log *slog.Logger // nil: none
}

// Server answers calls on any number of listeners.
type Server struct {
	cfg    Config
	limits Limits
	table  *table
	log    *slog.Logger
	books  books
	quiet  quietLog

	life      context.Context // ends when the server does
	stop      context.CancelCauseFunc
	closing   chan struct{} // closed when Shutdown begins
	identify  chan struct{} // a place for each peer that is being identified
	fresh     chan struct{} // a place for each connection that waits for its first answer
	draining  chan struct{} // closed when nothing more is accepted
	running   sync.WaitGroup
	lastID    atomic.Uint64
	incidents atomic.Uint64
	panics    atomic.Uint64
	calls     atomic.Uint64
	refused   atomic.Uint64

	unserved atomic.Int64 // connections that wait for their first answer

	mu        sync.Mutex
	drained   bool
	down      bool
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
}

// NewServer builds the table and refuses it as a whole if any row is wrong.
func NewServer(cfg Config) (*Server, error) {
	s := &Server{
		cfg:       cfg,
		limits:    cfg.Limits.withDefaults(),
		log:       cfg.Log,
		closing:   make(chan struct{}),
		identify:  make(chan struct{}, 64),
		fresh:     make(chan struct{}, 256),
		draining:  make(chan struct{}),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*Conn]struct{}{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Identify == nil {
		return nil, errors.New("cannot build the server: it has no rule for who may connect (Identify)")
	}
	var err error
	if s.table, err = newTable(append(s.ownInterfaces(), cfg.Interfaces...)); err != nil {
		return nil, err
	}
	s.books = books{limits: &s.limits, origins: map[string]*account{}, silent: map[string]*silence{}}
	s.quiet.log = s.log
	s.life, s.stop = context.WithCancelCause(context.Background())
	return s, nil
}

// Stats are counts since the start; Connections and Memory are of now.
type Stats struct {
	Connections int
	Memory      int // bytes of large read buffers
	Calls       uint64
	Refused     uint64 // connections that were turned away
	Panics      uint64
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	return Stats{
		Connections: s.books.open,
		Memory:      s.books.memory,
		Calls:       s.calls.Load(),
		Refused:     s.refused.Load(),
		Panics:      s.panics.Load(),
	}
}

// Panics is how many handlers panicked. It is zero, or there is a bug.
func (s *Server) Panics() uint64 { return s.panics.Load() }

// Conns returns the connections that are open now.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// Open is how many connections of a door are open now.
func (s *Server) Open(door string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.door == door {
			n++
		}
	}
	return n
}

// Serve accepts connections until the listener is closed or the server drains, and
// then returns nil. A lack of descriptors or memory is waited out, and a crowd waits
// in the kernel's queue. door names the listener: Conn.Door.
func (s *Server) Serve(door string, l net.Listener) error {
	s.mu.Lock()
	if s.drained {
		s.mu.Unlock()
		l.Close()
		return ErrShuttingDown
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		s.running.Done()
	}()
	var pause time.Duration
	for {
		select { // no faster than peers are identified and answered
		case s.fresh <- struct{}{}:
		case <-s.draining:
			return nil
		}
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.identify <- struct{}{}
			s.running.Add(1)
			s.unserved.Add(1)
			go func() {
				defer s.running.Done()
				s.receive(door, nc, true)
			}()
			continue
		}
		<-s.fresh
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		// accept(2): EMFILE, ENFILE, ENOBUFS, ENOMEM and errors of the network
		// come here; all of them can pass.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.quiet.warn("cannot accept a connection, waiting", event.Key, event.AcceptFailed, "door", door, "err", err)
		select {
		case <-time.After(pause):
		case <-s.draining:
			return nil
		}
	}
}

// ServeConn answers one connection and returns when it is closed.
func (s *Server) ServeConn(door string, nc net.Conn) {
	if !s.count() {
		nc.Close()
		return
	}
	defer s.running.Done()
	s.receive(door, nc, false)
}

// count adds a connection to those that Shutdown waits for.
func (s *Server) count() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.down {
		s.running.Add(1)
	}
	return !s.down
}

// receive lets one peer in, or not, and serves it. An accepted one has a place in
// identify and in fresh, and gives them back.
func (s *Server) receive(door string, nc net.Conn, accepted bool) {
	c := newConn(s, door, nc)
	defer c.finish()
	known := func(string) {}
	if accepted {
		c.place = sync.OnceFunc(func() { <-s.fresh })
		// Who is silent does not hold up the others for long.
		timer := time.AfterFunc(s.limits.Crowd, c.place)
		heard := func() {} // until it is known who it is
		c.answered = sync.OnceFunc(func() {
			timer.Stop()
			heard()
			c.place()
			s.unserved.Add(-1)
		})
		defer c.answered()
		known = func(key string) {
			q := &quiet{key: key}
			place, hush := time.AfterFunc(s.books.borne(key), c.place), time.AfterFunc(s.limits.Crowd, func() { s.books.hush(q) })
			heard = func() {
				place.Stop()
				hush.Stop()
				s.books.heard(q)
			}
		}
	}
	origin, err := s.ask(c)
	if accepted {
		<-s.identify
	}
	if err != nil {
		s.refuse(c, PermissionDenied(), err)
		return
	}
	c.origin = origin
	known(origin.Key)
	var refusal *Error
	if c.account, refusal = s.books.enter(c.ctx, origin); refusal != nil {
		s.refuse(c, refusal, refusal)
		return
	}
	if !s.enter(c) {
		return
	}
	c.log.Debug("connection opened", "door", door, "origin", origin.Key)
	c.serve()
}

// ask calls Identify; a panic of it is a refusal.
func (s *Server) ask(c *Conn) (origin Origin, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, s.limits.Identify)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: see number %d", s.panicked(c, "Identify", p))
		}
	}()
	return s.cfg.Identify(ctx, c)
}

func (s *Server) refuse(c *Conn, e *Error, reason error) {
	s.refused.Add(1)
	if s.cfg.Refused != nil {
		s.cfg.Refused(c, "", reason)
	} else {
		s.quiet.warn("connection refused", "door", c.door, "origin", c.origin.Key, "reason", reason)
	}
	c.writeError(e)
}

func (s *Server) enter(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// Drain accepts nothing more, and returns when every connection that was accepted
// has got its first answer, or ctx is done. What is in the kernel's queue stays there.
func (s *Server) Drain(ctx context.Context) {
	s.mu.Lock()
	if !s.drained {
		s.drained = true
		close(s.draining)
	}
	for l := range s.listeners {
		go l.Close() // one that was made to block closes when the next connection comes
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		left := len(s.listeners)
		s.mu.Unlock()
		if left == 0 && s.unserved.Load() == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Shutdown accepts nothing more, lets the running calls finish and closes
// every connection; streams are told at once. When ctx ends first, what still
// runs is cancelled and its connection closed under it.
func (s *Server) Shutdown(ctx context.Context) error {
	already, cancel := context.WithCancel(ctx)
	cancel()
	s.Drain(already)
	s.mu.Lock()
	if !s.down {
		s.down = true
		close(s.closing)
	}
	for c := range s.conns {
		c.wind()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.stop(ErrShuttingDown)
		return nil
	case <-ctx.Done():
	}
	s.stop(ErrShuttingDown)
	conns := s.Conns()
	for _, c := range conns {
		c.nc.Close()
	}
	select {
	case <-done:
	case <-time.After(s.limits.Linger):
	}
	return fmt.Errorf("cannot wait for %d connections to finish: %w", len(conns), ctx.Err())
}

// panicked counts and logs a panic and returns its number.
func (s *Server) panicked(c *Conn, where string, p any) uint64 {
	s.panics.Add(1)
	number := s.incidents.Add(1)
	c.log.Error("internal error: panic", event.Key, event.Panic, "number", number, "op", where, "err", fmt.Sprint(p), "stack", stack())
	return number
}

// quietLog lets through one warning a second and says how many it held back,
// so that a flood of peers is not a flood of the log.
type quietLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last time.Time
	held int
}

func (q *quietLog) warn(msg string, args ...any) {
	q.mu.Lock()
	now := time.Now()
	if now.Sub(q.last) < time.Second {
		q.held++
		q.mu.Unlock()
		return
	}
	held := q.held
	q.last, q.held = now, 0
	q.mu.Unlock()
	if held > 0 {
		args = append(args, "not_shown", held)
	}
	q.log.Warn(msg, args...)
}
