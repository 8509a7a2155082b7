// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/audit"
	"nso.example/nso/ident"
	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/journald/event"
	"nso.example/nso/mgmt"
	"nso.example/nso/mgmt/subscription"
	"nso.example/nso/mgmterr"
	"nso.example/nso/netconf/files"
	"nso.example/nso/netconf/framing"
	"nso.example/nso/tree"
)

// The namespaces of RFC 6241 and RFC 6022.
const (
	nsBase       = "urn:ietf:params:xml:ns:netconf:base:1.0"
	nsMonitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
	nsNMDA       = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
	nsFactory    = "urn:ietf:params:xml:ns:yang:ietf-factory-default"
	base10       = "urn:ietf:params:netconf:base:1.0" // RFC 6241, 8.1
	base11       = "urn:ietf:params:netconf:base:1.1"
)

// Options of a Server. Zero values are good.
type Options struct {
	MessageSize  int64         // of a request, bytes; 64 MiB
	HelloTimeout time.Duration // from the connection to a whole hello; 30 s
	IdleTimeout  time.Duration // between requests; none
	MessageTime  time.Duration // from the first to the last byte of a request; 5 min
	WriteTime    time.Duration // for a client that does not read; 60 s
	// Patience is how long a connection may wait for its session where a limit leaves
	// none: clients that come and go at once are many for a moment only; 5 s.
	Patience time.Duration
	// PrivateCandidate gives each session a candidate of its own.
	PrivateCandidate bool
	// Files holds what urls name (RFC 6241, 8.8); nil: there are none.
	Files *files.Store
	Log   *slog.Logger
}

// Server serves NETCONF sessions.
type Server struct {
	mgmt         *mgmt.Server
	opts         Options
	log          *slog.Logger
	ops          map[xmlstream.Name]*operation
	capabilities []string
	table        subscription.Table
	incidents    atomic.Uint64
	panics       atomic.Uint64
}

// New makes a server, and registers what it knows of the monitoring state.
func New(m *mgmt.Server, o Options) *Server {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.MessageSize == 0 {
		o.MessageSize = 64 << 20
	}
	def(&o.HelloTimeout, 30*time.Second)
	def(&o.MessageTime, 5*time.Minute)
	def(&o.WriteTime, time.Minute)
	def(&o.Patience, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{mgmt: m, opts: o, log: o.Log, ops: make(map[xmlstream.Name]*operation)}
	for i := range operations {
		op := &operations[i]
		s.ops[op.name] = op
	}
	s.capabilities = s.listCapabilities()
	if o.Files != nil {
		m.OnReset(o.Files.Clear)
	}
	if top := m.Schema().Root.Child("ietf-netconf-monitoring", "netconf-state"); top != nil {
		state := s.capabilityState()
		m.AddState(top, func() *tree.Node { return state })
	}
	if top := m.Schema().Root.Child(subscribed, "subscriptions"); top != nil {
		m.AddState(top, func() *tree.Node { return s.stateOf(s.table.Tree(m.Schema())) })
	}
	if top := m.Schema().Root.Child(subscribed, "streams"); top != nil {
		m.AddState(top, func() *tree.Node {
			created, aged := m.ReplayLog()
			return s.stateOf(subscription.Streams(m.Schema(), created, aged))
		})
	}
	return s
}

// stateOf is a part of the state that could be built, nil if not.
func (s *Server) stateOf(n *tree.Node, err error) *tree.Node {
	if err != nil {
		s.log.Error("internal error: cannot build state", "err", err, "op", "subscriptions")
	}
	return n
}

// Audit is the trail of who did what.
func (s *Server) Audit() *audit.Trail { return s.mgmt.Audit() }

// Panics is how many sessions ended in a panic. It is zero, or there is a bug.
func (s *Server) Panics() uint64 { return s.panics.Load() }

// listCapabilities are what the hello says (RFC 6241, 8; RFC 7950, 5.6.4).
func (s *Server) listCapabilities() []string {
	const c = "urn:ietf:params:netconf:capability:"
	all := []string{
		base10, base11,
		c + "writable-running:1.0",  // RFC 6241, 8.2
		c + "candidate:1.0",         // 8.3
		c + "confirmed-commit:1.1",  // 8.4
		c + "rollback-on-error:1.0", // 8.5
		c + "validate:1.1",          // 8.6
		c + "xpath:1.0",             // 8.9
		c + "partial-lock:1.0",      // RFC 5717, 2.4
		c + "notification:1.0",      // RFC 5277, 3.1.1
		c + "interleave:1.0",        // RFC 5277, 6
		// RFC 6243, 4.3; RFC 8526, 3.1.1.2: operational shows what is in use.
		c + "with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim",
		c + "with-operational-defaults:1.0?basic-mode=report-all&also-supported=report-all-tagged,trim,explicit",
	}
	if s.mgmt.HasStartup() {
		all = append(all, c+"startup:1.0") // 8.7.3
	}
	if s.opts.Files != nil {
		all = append(all, c+"url:1.0?scheme=file") // 8.8.3
	}
	schema := s.mgmt.Schema()
	if m := schema.Module("ietf-yang-library"); m != nil && m.Implemented {
		// RFC 8525, 4: revision and content-id of the library.
		all = append(all, fmt.Sprintf(c+"yang-library:1.1?revision=%s&content-id=%s", m.Revision, s.mgmt.ContentID()))
	}
	for _, m := range schema.Modules {
		if !m.Implemented || m.Version == "1.1" { // RFC 7950, 5.6.4: those are in the library alone
			continue
		}
		uri := m.Namespace + "?module=" + m.Name
		if m.Revision != "" {
			uri += "&revision=" + m.Revision
		}
		if len(m.Features) > 0 {
			uri += "&features=" + strings.Join(m.Features, ",")
		}
		if len(m.Deviations) > 0 {
			uri += "&deviations=" + strings.Join(m.Deviations, ",")
		}
		all = append(all, uri)
	}
	return all
}

// capabilityState is /netconf-state/capabilities (RFC 6022, 2.1.1).
func (s *Server) capabilityState() *tree.Node {
	schema := s.mgmt.Schema()
	ed := tree.NewEditor(tree.New(schema.Root))
	for _, c := range s.capabilities {
		p, err := tree.ParsePath(schema, "/ietf-netconf-monitoring:netconf-state/capabilities/capability")
		if err == nil {
			p[len(p)-1].Value, p[len(p)-1].HasKey = c, true
			err = ed.Set(p, c)
		}
		if err != nil {
			s.log.Error("internal error: cannot list the capabilities", "err", err)
			break
		}
	}
	return ed.Root()
}

// Peer is a connection whose other end is known.
type Peer struct {
	Actor     ident.Actor
	Transport string // "netconf-tcp" ...
	// Verify, if set, is asked once more before the first request is believed.
	Verify func() error
	// Greeted, if set, is called when the server's hello is out.
	Greeted func()
}

// Serve runs a session on conn until it ends, and closes conn. began is when the
// connection was accepted: the hello timeout counts from there.
func (s *Server) Serve(ctx context.Context, conn net.Conn, p Peer, began time.Time) {
	defer conn.Close()
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	ss := &session{server: s, conn: conn, peer: p, ctx: within, cancel: cancel,
		log: s.log.With("door", p.Transport, "user", p.Actor.User, "source", p.Actor.Source())}
	var err error
	ss.mgmt, err = s.mgmt.Login(p.Actor, mgmt.Login{Transport: p.Transport, Kill: ss.kill, PrivateCandidate: s.opts.PrivateCandidate,
		Until: began.Add(min(s.opts.Patience, s.opts.HelloTimeout))})
	if err != nil {
		return // mgmt has said it
	}
	ss.log = ss.log.With("usid", ss.mgmt.ID())
	stop := context.AfterFunc(ctx, func() { ss.kill("the daemon is stopping") })
	defer stop()
	reason, dropped := "internal error: see the log", true
	defer func() { ss.mgmt.Close(reason, dropped) }()
	defer ss.dynamics.end()
	defer ss.notifying.Wait()
	defer cancel()
	defer s.Recover(ss.log)
	reason, dropped = ss.run(began)
}

// Recover ends a panic, which is a bug of ours: it is counted and logged, and ends
// one connection. It is to be deferred.
func (s *Server) Recover(log *slog.Logger) {
	if p := recover(); p != nil {
		s.panics.Add(1)
		log.Error("internal error: panic", event.Key, event.Panic, "number", s.incidents.Add(1), "err", p, "stack", string(debug.Stack()))
	}
}

const closedByClient = "closed by the client"

// session is one session on one connection. One goroutine runs it; kill comes
// from others.
type session struct {
	server *Server
	conn   net.Conn
	peer   Peer
	mgmt   *mgmt.Session
	ctx    context.Context
	cancel context.CancelFunc
	log    *slog.Logger

	in      *framing.Reader
	out     *framing.Writer
	xml     *xmlstream.Reader
	head    head
	filters map[string]*xpathFilter // compiled lately
	w       *xmlstream.Writer
	v11     bool
	first   bool // the next request is the first
	ending  bool // close-session has been answered
	killed  atomic.Pointer[string]

	writing    sync.Mutex     // a reply or an event, whole
	notifying  sync.WaitGroup // who sends events
	subscribed atomic.Bool
	dynamics   dynamics
	notices    *xmlstream.Writer // guarded by writing
	afterwards func()            // of the reply that is being made
}

// lastWords is how long a killed session may take for the reply that it owes.
const lastWords = 2 * time.Second

// kill ends the session from outside: the operation that runs is finished, and
// no other is begun.
func (ss *session) kill(reason string) {
	ss.killed.CompareAndSwap(nil, &reason)
	ss.cancel()
	past := time.Unix(1, 0)
	ss.conn.SetReadDeadline(past)
	ss.conn.SetWriteDeadline(time.Now().Add(lastWords))
}

// timed is the connection with a deadline on every write.
type timed struct{ *session }

func (t timed) Write(p []byte) (int, error) {
	t.conn.SetWriteDeadline(time.Now().Add(t.server.opts.WriteTime))
	if t.killed.Load() != nil {
		t.conn.SetWriteDeadline(time.Now().Add(lastWords))
	}
	return t.conn.Write(p)
}

// until sets the deadline for reading; a killed session keeps its own.
func (ss *session) until(t time.Time) {
	ss.conn.SetReadDeadline(t)
	if ss.killed.Load() != nil {
		ss.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// run is the life of the session. It returns why it ended, and whether that was
// without a close-session.
func (ss *session) run(began time.Time) (reason string, dropped bool) {
	limits := xmlstream.Limits{Size: ss.server.opts.MessageSize}
	// What is too big for the XML reader is read to its end, and answered; what is
	// much too big is not.
	ss.in = framing.NewReader(ss.conn, 4*ss.server.opts.MessageSize)
	ss.out = framing.NewWriter(timed{ss})
	ss.xml = xmlstream.NewReader(strings.NewReader(""), limits)
	ss.w = xmlstream.NewWriter(ss.out)
	ss.first = true
	ss.until(began.Add(ss.server.opts.HelloTimeout))
	if err := ss.hello(); err != nil {
		ss.server.mgmt.CountBadHello()
		return ss.why("no session: ", err), true
	}
	for !ss.ending {
		var idle time.Time
		if d := ss.server.opts.IdleTimeout; d > 0 {
			idle = time.Now().Add(d)
		}
		ss.until(idle)
		if err := ss.in.Next(); err != nil {
			ss.farewell()
			return ss.why("", err), true
		}
		ss.until(time.Now().Add(ss.server.opts.MessageTime))
		if err := ss.request(); err != nil {
			return ss.why("", err), true
		}
	}
	return closedByClient, false
}

// farewell tells the client why it is killed, in the one way that every client can
// read: an error that answers no request. RFC 6241 has no other; its message-id is
// optional (appendix B).
func (ss *session) farewell() {
	reason := ss.killed.Load()
	if reason == nil {
		return
	}
	ss.writing.Lock()
	defer ss.writing.Unlock()
	ss.w.Start(nsBase, "rpc-reply")
	ss.rpcError(mgmterr.New(mgmterr.OperationFailed, "", "the session is ended: %s", *reason).OfType(mgmterr.Transport))
	_ = ss.endReply() // it is the end anyway
}

// why says in a few words why a session ended.
func (ss *session) why(prefix string, err error) string {
	if r := ss.killed.Load(); r != nil {
		return *r
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return prefix + "the client was silent or slow for too long"
	default:
		return prefix + err.Error()
	}
}
