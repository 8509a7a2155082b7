// SPDX-License-Identifier: Apache-2.0

package sshd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/accept"
	"nso.example/nso/audit"
	"nso.example/nso/auth"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
)

// Options of a Server. HostKeys and Audit are required.
type Options struct {
	HostKeys []ssh.Signer
	Audit    *audit.Trail
	// Banner is shown before a login (RFC 4252, 5.4); "": nothing is.
	Banner string
	// Admin reports who may have the connections that are kept; nil is nobody.
	Admin func(ident.Actor) bool
	// Connections is how many may be open, and Reserve how many of those are kept
	// for Admin; 2048 and 0.
	Connections, Reserve int
	// PerUser is how many a user may have; 512.
	PerUser int
	// Strangers is how many connections may be open whose user is not known yet, a
	// quarter of them of one source; from a quarter on new ones are dropped at random,
	// with a chance that grows. 512.
	Strangers int
	Grace     time.Duration // from the connection to a known user; 2 min
	// HelloTimeout is how long a connection may be without a channel, and a channel
	// without a program; 30 s.
	HelloTimeout time.Duration
	Keepalive    time.Duration // between questions whether the peer is there; 60 s
	// RekeyAfter is how many bytes are sent or received with the same keys; 1 GiB
	// (RFC 4253, 9).
	RekeyAfter uint64
	Log        *slog.Logger
}

// Server is what several doors share: host keys, limits, and what is held against a
// source.
type Server struct {
	*accept.Gate
	opts      Options
	config    ssh.ServerConfig
	log       *slog.Logger
	panics    atomic.Uint64
	incidents atomic.Uint64
	logins    atomic.Int64 // since tidy was called
	quiet     *time.Timer  // calls tidy
}

// Algorithms are what is spoken. AES-GCM, and AES-CTR with encrypt-then-MAC or, for the
// libssh2 of Debian 12, with encrypt-and-MAC: what is safe whether or not the
// peer knows strict key exchange.
func Algorithms() ssh.Config {
	return ssh.Config{
		KeyExchanges: []string{
			ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, "curve25519-sha256@libssh.org",
			ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521,
		},
		Ciphers: []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherAES256CTR, ssh.CipherAES128CTR},
		MACs:    []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM, ssh.HMACSHA256, ssh.HMACSHA512},
	}
}

const (
	maxTries  = 6        // wrong answers of one connection
	maxBanner = 16 << 10 // bytes
	// noLogin is what is held against a source whose connection tried nothing, in
	// wrong answers.
	noLogin = 0.2
)

// New makes a server without doors.
func New(o Options) (*Server, error) {
	def := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	during := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Strangers, 512)
	during(&o.Grace, 2*time.Minute)
	during(&o.HelloTimeout, 30*time.Second)
	during(&o.Keepalive, time.Minute)
	if o.RekeyAfter == 0 {
		o.RekeyAfter = 1 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case len(o.HostKeys) == 0:
		return nil, errors.New("cannot open a door of SSH without a host key")
	case len(o.Banner) > maxBanner:
		return nil, fmt.Errorf("cannot show login.banner: it has more than %d bytes", maxBanner)
	}
	s := &Server{opts: o, log: o.Log,
		config: ssh.ServerConfig{Config: Algorithms(), MaxAuthTries: maxTries, ServerVersion: "SSH-2.0-nso"}}
	s.config.RekeyThreshold = o.RekeyAfter
	if text := strings.TrimRight(o.Banner, "\r\n"); text != "" {
		s.config.BannerCallback = func(ssh.ConnMetadata) string { return text + "\n" }
	}
	for _, k := range o.HostKeys {
		s.config.AddHostKey(k)
	}
	s.quiet = time.AfterFunc(quietTime, s.tidy)
	s.Gate = accept.New(accept.Options{Connections: o.Connections, Reserve: o.Reserve, PerUser: o.PerUser, Admin: o.Admin,
		Strangers: o.Strangers, Penalties: accept.NewPenalties(), Refused: o.Audit.Refused, Log: o.Log})
	return s, nil
}

// A login leaves about as much garbage as a session holds, and stacks that have grown:
// when many have come in, and then none for a while, that is given back.
const (
	manyLogins = 100
	quietTime  = 3 * time.Second
)

func (s *Server) tidy() {
	if s.logins.Swap(0) < manyLogins {
		return
	}
	for range 3 { // a stack shrinks by a half at a time
		runtime.GC()
	}
	debug.FreeOSMemory()
}

// Panics is how many channels and connections ended in a panic. It is zero, or there
// is a bug.
func (s *Server) Panics() uint64 { return s.panics.Load() }

// recover ends a panic, which is a bug of ours. It is to be deferred.
func (s *Server) recover(log *slog.Logger) {
	if p := recover(); p != nil {
		s.panics.Add(1)
		log.Error("internal error: panic", event.Key, event.Panic, "number", s.incidents.Add(1), "err", p, "stack", string(debug.Stack()))
	}
}

// Programs are what the channels of a door can be for. What is nil is refused.
type Programs struct {
	Subsystems map[string]Program
	// Shell runs for a shell, and for a command (Session.Command). Only a door that has
	// it gives terminals.
	Shell Program
}

// Door is one way in.
type Door struct {
	server   *Server
	name     string
	auth     *auth.Authenticator
	programs Programs
	log      *slog.Logger
}

// Door makes a door; in says who comes in.
func (s *Server) Door(name string, in *auth.Authenticator, p Programs) *Door {
	return &Door{server: s, name: name, auth: in, programs: p, log: s.log.With("door", name)}
}

// Connections is how many are open, with a user or not yet.
func (d *Door) Connections() int { return d.server.Connections(d.name) }

// Serve accepts connections until ctx ends or the listener is closed; it closes
// the listener. Connections live until ctx ends: they outlive the listener. Serve may
// be called for several listeners.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	return d.server.Serve(ctx, d.name, listener, func(c *accept.Conn) {
		defer d.server.recover(d.log)
		d.serve(ctx, c)
	})
}

// handshake is what came of one.
type handshake struct {
	conn     ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	actor    ident.Actor
	in       bool
	err      error
}

// shake makes keys and lets somebody in, or not.
func (d *Door) shake(ctx context.Context, conn *accept.Conn, m *metered) (h handshake) {
	asked, cancel := context.WithDeadline(ctx, conn.Began.Add(d.server.opts.Grace))
	defer cancel()
	login := d.auth.Begin(asked, d.name, conn.From)
	config := d.server.config
	login.Configure(&config)
	var sc *ssh.ServerConn
	sc, h.channels, h.requests, h.err = ssh.NewServerConn(m, &config)
	failures := float64(login.Failures())
	if h.err == nil {
		h.conn = sc
		h.actor, h.in = login.Actor()
	}
	if !h.in {
		failures += noLogin
		if reason := login.Reason(); reason != nil {
			h.err = reason
		} else {
			h.err = fmt.Errorf("nobody tried to log in: %w", h.err)
		}
	} else {
		d.log.Debug("a user is known", "user", h.actor.User, "source", h.actor.Source(), "op", login.Methods())
	}
	conn.Failed(failures)
	return h
}

// serve is the life of one connection.
func (d *Door) serve(ctx context.Context, conn *accept.Conn) {
	_ = conn.SetDeadline(conn.Began.Add(d.server.opts.Grace))
	// A daemon that stops does not wait for strangers.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	m := &metered{Conn: conn}
	m.left.Store(beforeLogin)
	// In a goroutine of its own: cryptography takes much of a stack, which this one
	// would keep as long as the connection lives.
	shaken := make(chan handshake, 1)
	go func() {
		h := handshake{err: errors.New("internal error: see the log")}
		defer func() { shaken <- h }()
		defer d.server.recover(d.log)
		h = d.shake(ctx, conn, m)
	}()
	h := <-shaken
	if h.conn != nil {
		defer func() { // what nobody takes would keep its goroutine for ever
			conn.Close()
			go ssh.DiscardRequests(h.requests)
			for range h.channels {
			}
		}()
	}
	if h.in {
		h.err = conn.Known(h.actor)
	}
	if !h.in || h.err != nil {
		conn.Refuse(h.actor, h.err)
		return
	}
	if !stop() { // ctx has ended
		return
	}
	if d.server.logins.Add(1) >= manyLogins {
		d.server.quiet.Reset(quietTime)
	}
	_ = conn.SetDeadline(time.Time{})
	c := &connection{door: d, conn: conn, meter: m, ssh: h.conn, actor: h.actor, ended: make(chan struct{}, maxChannels)}
	c.serve(ctx, h.channels, h.requests)
}
