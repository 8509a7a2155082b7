// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/journald/event"
)

// Conn is one connection of a client. Its methods may be called from any
// goroutine, but for OnClose, BeforeFirst and Key.Set, which belong to Identify and
// the handlers.
type Conn struct {
	server  *Server
	nc      net.Conn
	id      uint64
	door    string
	since   time.Time
	origin  Origin
	account *account // nil until the connection is admitted
	log     *slog.Logger
	quiet   quietLog
	ctx     context.Context
	cancel  context.CancelCauseFunc
	state   atomic.Uint32
	reader  *Reader
	watch   watcher

	// Of the connection's goroutine alone:
	limit    int       // of the message that is being read
	deadline time.Time // for reading, as it was set last
	started  time.Time // when the message that is being read began
	greeted  bool      // a first message was read
	first    func() error
	place    func() // gives back the place in the crowd; nil: it has none
	answered func() // the first answer is out; nil: nobody counts
	hooks    []func()
	out      []byte
	encoder  *json.Encoder // writes into encoded
	encoded  []byte

	wmu           sync.Mutex
	writeDeadline time.Time

	vmu    sync.Mutex
	values map[any]any

	mu      sync.Mutex
	busy    bool
	stream  bool // the running call is one
	closing bool
}

func newConn(s *Server, door string, nc net.Conn) *Conn {
	c := &Conn{server: s, nc: nc, id: s.lastID.Add(1), door: door, since: time.Now()}
	c.log = s.log.With("conn", c.id)
	c.quiet.log = c.log
	c.ctx, c.cancel = context.WithCancelCause(s.life)
	c.state.Store(uint32(Fresh))
	c.reader = NewReader(nc, 0)
	c.watch.c = c
	return c
}

// ID is a number that no other connection of this server has.
func (c *Conn) ID() uint64 { return c.id }

// Door is the name of the listener that the connection came through.
func (c *Conn) Door() string { return c.door }

// Since is when the connection was accepted.
func (c *Conn) Since() time.Time { return c.since }

// Origin is what Identify answered.
func (c *Conn) Origin() Origin { return c.origin }

// NetConn is the connection itself: to ask about it, not to read or write.
func (c *Conn) NetConn() net.Conn { return c.nc }

// UnixConn is NetConn, if it is one of a Unix socket, or nil.
func (c *Conn) UnixConn() *net.UnixConn {
	u, _ := c.nc.(*net.UnixConn)
	return u
}

// State is the state that the connection is in.
func (c *Conn) State() State { return State(c.state.Load()) }

// SetState moves the connection to another state.
func (c *Conn) SetState(s State) { c.state.Store(uint32(s)) }

// Context ends with the connection; its cause says why.
func (c *Conn) Context() context.Context { return c.ctx }

// Close ends the connection for this reason: a call that runs is cancelled.
func (c *Conn) Close(reason error) {
	c.cancel(reason)
	c.nc.Close()
}

// OnClose has f called when the connection is over and its last handler has
// returned; the last one first.
func (c *Conn) OnClose(f func()) { c.hooks = append(c.hooks, f) }

// BeforeFirst has f called when the first message is there, before it is looked at:
// an error of it is a refusal, as one of Identify is.
func (c *Conn) BeforeFirst(f func() error) { c.first = f }

// Key names a value that an interface package keeps with a connection. Two
// keys are the same if name and type are.
type Key[T any] struct{ Name string }

// Set keeps v with the connection.
func (k Key[T]) Set(c *Conn, v T) {
	c.vmu.Lock()
	defer c.vmu.Unlock()
	if c.values == nil {
		c.values = map[any]any{}
	}
	c.values[k] = v
}

// Get returns what was kept, and whether anything was.
func (k Key[T]) Get(c *Conn) (v T, ok bool) {
	c.vmu.Lock()
	defer c.vmu.Unlock()
	v, ok = c.values[k].(T)
	return v, ok
}

// Delete forgets what was kept.
func (k Key[T]) Delete(c *Conn) {
	c.vmu.Lock()
	defer c.vmu.Unlock()
	delete(c.values, k)
}

// finish undoes all that the connection holds.
func (c *Conn) finish() {
	c.watch.end()
	c.cancel(ErrGone)
	for i := len(c.hooks) - 1; i >= 0; i-- {
		c.runHook(c.hooks[i])
	}
	c.nc.Close()
	c.reader.Close()
	if c.account != nil {
		c.server.books.leave(c.origin)
		c.log.Debug("connection closed", "dur", time.Since(c.since), "reason", context.Cause(c.ctx))
	}
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
}

func (c *Conn) runHook(f func()) {
	defer func() {
		if p := recover(); p != nil {
			c.server.panicked(c, "OnClose", p)
		}
	}()
	f()
}

// wind tells the connection that the server shuts down.
func (c *Conn) wind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	switch {
	case !c.busy:
		c.nc.SetReadDeadline(past())
	case c.stream:
		c.cancel(ErrShuttingDown)
	}
}

func past() time.Time { return time.Unix(1, 0) }

// serve reads calls and answers them, one after the other.
func (c *Conn) serve() {
	for _, e := range c.server.table.withFDs {
		if e.MaxDescriptors > c.reader.maxFDs && c.may(e) == nil {
			c.reader.acceptDescriptors(e.MaxDescriptors)
		}
	}
	c.reader.grow = func(n int) bool { return c.server.books.grow(c.account, n) }
	c.reader.free = func(n int) { c.server.books.free(c.account, n) }
	for {
		msg, err := c.next()
		if err != nil {
			c.goodbye(err)
			return
		}
		if f := c.first; f != nil {
			c.first = nil
			if err := f(); err != nil {
				c.server.refuse(c, PermissionDenied(), err)
				return
			}
		}
		more := c.dispatch(msg)
		if c.answered != nil {
			c.answered()
		}
		if !more {
			return
		}
	}
}

// next returns the next message.
func (c *Conn) next() ([]byte, error) {
	c.limit = c.server.limits.Message
	c.started = time.Time{}
	for {
		if msg, ok := c.reader.Take(); ok {
			if err := c.raise(msg); err != nil {
				return nil, err
			}
			c.greeted = true
			return msg, nil
		}
		if err := c.raise(c.reader.Buffered()); err != nil {
			return nil, err
		}
		if err := c.arm(); err != nil {
			return nil, err
		}
		if err := c.reader.Fill(c.limit); err != nil {
			return nil, c.explain(err)
		}
	}
}

// raise allows a message that is larger than the limit if it calls a method
// which takes such messages, from a peer with access to it.
func (c *Conn) raise(msg []byte) error {
	if len(msg) <= c.limit {
		return nil
	}
	method := sniffMethod(msg, c.server.limits.Depth)
	e := c.server.table.methods[string(method)]
	if e != nil && e.MaxMessage > c.limit && c.may(e) == nil {
		c.limit = e.MaxMessage
	}
	if len(msg) > c.limit {
		return tooLarge(c.limit)
	}
	return nil
}

// arm sets the deadline for the next read. Setting it costs more than looking
// at the clock, so one that is nearly right stays.
func (c *Conn) arm() error {
	l := &c.server.limits
	var span time.Duration
	from := time.Now()
	switch {
	case c.reader.Len() > 0:
		if c.started.IsZero() {
			c.started = from
		}
		from, span = c.started, l.MessageTime
		if !c.greeted {
			span = min(span, l.FirstMessage-c.started.Sub(c.since))
		}
	case !c.greeted:
		from, span = c.since, l.FirstMessage
	default:
		span = l.idle(c.State())
	}
	var want time.Time
	if span != NoLimit {
		want = from.Add(span)
	}
	late := want.Sub(c.deadline)
	if c.deadline.Equal(want) || !want.IsZero() && !c.deadline.IsZero() && late >= 0 && late < min(span/8, time.Second) {
		return c.stillOpen()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return shuttingDown()
	}
	c.deadline = want
	return c.nc.SetReadDeadline(want)
}

func (c *Conn) stillOpen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return shuttingDown()
	}
	return nil
}

// explain turns the end of reading into what the client is told, if anything.
func (c *Conn) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if err := c.stillOpen(); err != nil {
			return err
		}
		if c.reader.Len() > 0 {
			return timedOut("the rest of the message")
		}
		if !c.greeted {
			return timedOut("a first message")
		}
		return timedOut("another message")
	case errors.Is(err, errNoMemory):
		return noMemory()
	case err == io.EOF && c.reader.Len() > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// goodbye says why the connection is closed, and gives the client a moment to
// read it while it may still be writing.
func (c *Conn) goodbye(err error) {
	c.cancel(err)
	e, ok := err.(*Error)
	if !ok {
		return
	}
	c.log.Debug("closing", "err", e)
	if c.writeError(e) == nil && e.Name != errShuttingDown {
		c.linger()
	}
}

func (c *Conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(c.server.limits.Linger))
	c.mu.Unlock()
	c.reader.Close() // the large buffer goes before the wait
	sink := make([]byte, firstBuffer)
	for total := 0; total < 1<<20; {
		n, err := c.nc.Read(sink)
		if err != nil {
			return
		}
		total += n
	}
}

// dispatch answers one message and says whether the connection goes on.
func (c *Conn) dispatch(msg []byte) bool {
	s := c.server
	s.calls.Add(1)
	fds, overflow := c.reader.Descriptors()
	call := Call{conn: c, fds: fds}
	defer func() { closeAll(call.fds) }()
	var err error
	call.request, err = parseRequest(msg, s.limits.Depth)
	e, _ := err.(*Error)
	if err != nil && e == nil {
		c.goodbye(malformed(err))
		return false
	}
	if e == nil {
		e = c.examine(&call, overflow)
	}
	if e != nil {
		return call.request.oneway || c.writeError(e) == nil
	}
	if !c.begin(call.entry) {
		c.goodbye(shuttingDown())
		return false
	}
	err = c.invoke(&call)
	c.watch.end()
	more := c.conclude(&call, err)
	if !c.end() && more {
		c.goodbye(shuttingDown())
		return false
	}
	return more
}

// examine asks all that must hold before a handler sees the call: the method
// is there, the peer may, the state is right, the parameters fit.
func (c *Conn) examine(call *Call, overflow bool) *Error {
	s := c.server
	req := &call.request
	e := s.table.methods[string(req.method)]
	if e == nil {
		return s.table.missing(shorten(req.method))
	}
	call.entry = e
	if err := c.access(e); err != nil {
		return err
	}
	if State(c.state.Load())&e.States == 0 {
		return wrongState(e.full)
	}
	if req.upgrade && !e.Method.Upgrade {
		return InvalidParameter("upgrade")
	}
	if e.ExpectMore && !req.more && !req.oneway {
		return ExpectedMore()
	}
	call.Parameters = req.parameters
	if call.Parameters == nil {
		call.Parameters = []byte("{}")
	}
	if err := fits(e.in, call.Parameters, s.limits.Depth); err != nil {
		var fe *fieldError
		if errors.As(err, &fe) {
			return InvalidParameter(shorten([]byte(fe.path)))
		}
		return malformed(err)
	}
	if narrow := s.cfg.Narrow; narrow != nil {
		if err := narrow(c, e.full, call.Parameters); err != nil {
			return c.forbidden(e, err)
		}
	}
	if e.MaxDescriptors > 0 && (overflow || len(call.fds) > e.MaxDescriptors) {
		return badDescriptors(e.full, e.MaxDescriptors)
	}
	if e.MaxDescriptors == 0 {
		closeAll(call.fds)
		call.fds = nil
	}
	return nil
}

// may asks the access rule of a method; a panic of it is a refusal.
func (c *Conn) may(e *entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = internalError(c.server.panicked(c, e.full, p))
		}
	}()
	return e.Access(c.ctx, c)
}

// access is may for a call: a refusal is logged. A flood of them on one
// connection does not hide those of another.
func (c *Conn) access(e *entry) *Error {
	if err := c.may(e); err != nil {
		return c.forbidden(e, err)
	}
	return nil
}

// forbidden notes why a call is refused, and gives what the peer is told.
func (c *Conn) forbidden(e *entry, err error) *Error {
	if refused := c.server.cfg.Refused; refused != nil {
		refused(c, e.full, err)
	} else {
		c.quiet.warn("access refused", "origin", c.origin.Key, "op", e.full, "reason", err)
	}
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return PermissionDenied()
}

func shorten(text []byte) string {
	const most = 200
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}

// begin enters a call, unless the server shuts down.
func (c *Conn) begin(e *entry) bool {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return false
	}
	c.busy, c.stream = true, e.Stream
	c.mu.Unlock()
	c.watch.begin(e.Stream)
	return true
}

// lasting makes the running call one that Shutdown cancels at once.
func (c *Conn) lasting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream = true; c.closing {
		c.cancel(ErrShuttingDown)
	}
}

// end leaves a call and says whether there may be another.
func (c *Conn) end() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.stream = false, false
	return !c.closing
}

func (c *Conn) invoke(call *Call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = internalError(c.server.panicked(c, call.entry.full, p))
		}
	}()
	return call.entry.Handler(c.ctx, call)
}

// conclude sends what the handler left to be sent and says whether the
// connection can go on.
func (c *Conn) conclude(call *Call, err error) bool {
	if err == nil && !call.replied && !call.request.oneway {
		err = errors.New("the handler did not reply")
	}
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
	case c.ctx.Err() != nil && errors.Is(context.Cause(c.ctx), ErrShuttingDown):
		e = shuttingDown()
	case c.ctx.Err() != nil:
		return false // the client went, or was sent, away
	default:
		number := c.server.incidents.Add(1)
		c.log.Error("internal error", event.Key, event.InternalError, "number", number, "op", call.entry.full, "err", err)
		e = internalError(number)
	}
	if e != nil && !call.replied && !call.request.oneway && c.writeError(e) != nil {
		return false
	}
	return !call.upgraded && c.ctx.Err() == nil
}

func stack() string { return string(debug.Stack()) }
