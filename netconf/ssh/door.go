// SPDX-License-Identifier: Apache-2.0

package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/audit"
	"nso.example/nso/auth"
	"nso.example/nso/ident"
	"nso.example/nso/journald/event"
	"nso.example/nso/netconf"
)

// Name is the door's, and that of its transport (RFC 6022, 2.1.3).
const Name = "netconf-ssh"

// Options of a Door. Auth and HostKeys are required.
type Options struct {
	Auth     *auth.Authenticator
	HostKeys []ssh.Signer
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
	// without a hello; 30 s.
	HelloTimeout time.Duration
	Keepalive    time.Duration // between questions whether the peer is there; 60 s
	Log          *slog.Logger
}

// Door accepts connections and makes sessions of their channels.
type Door struct {
	server  *netconf.Server
	opts    Options
	config  ssh.ServerConfig
	log     *slog.Logger
	audit   *audit.Trail
	sources *auth.Sources
	random  func() float64

	mu       sync.Mutex
	serving  int // listeners
	open     int
	waiting  int // connections whose user is not known yet
	bySource map[netip.Prefix]int
	perUser  map[string]int
	refused  uint64
	dropped  uint64
	wait     sync.WaitGroup
}

// Algorithms are what is spoken. AES-GCM, and AES-CTR with encrypt-then-MAC: what is
// safe whether or not the peer knows strict key exchange.
func Algorithms() ssh.Config {
	return ssh.Config{
		KeyExchanges: []string{
			ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, "curve25519-sha256@libssh.org",
			ssh.KeyExchangeECDHP256, ssh.KeyExchangeECDHP384, ssh.KeyExchangeECDHP521,
		},
		Ciphers: []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherAES256CTR, ssh.CipherAES128CTR},
		MACs:    []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM},
	}
}

// maxTries is how many answers of one connection may be wrong.
const maxTries = 6

// New makes a door to server.
func New(server *netconf.Server, o Options) (*Door, error) {
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
	def(&o.Connections, 2048)
	def(&o.PerUser, 512)
	def(&o.Strangers, 512)
	during(&o.Grace, 2*time.Minute)
	during(&o.HelloTimeout, 30*time.Second)
	during(&o.Keepalive, time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.HostKeys) == 0 {
		return nil, errors.New("cannot open the door netconf-ssh without a host key")
	}
	d := &Door{server: server, opts: o, log: o.Log.With("door", Name), audit: server.Audit(), sources: auth.NewSources(),
		random: rand.Float64, bySource: make(map[netip.Prefix]int), perUser: make(map[string]int),
		config: ssh.ServerConfig{Config: Algorithms(), MaxAuthTries: maxTries, ServerVersion: "SSH-2.0-nso"}}
	for _, k := range o.HostKeys {
		d.config.AddHostKey(k)
	}
	return d, nil
}

// Connections is how many are open, with a user or not yet.
func (d *Door) Connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// Refused is how many connections were closed before they had a user.
func (d *Door) Refused() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// Wait waits until no connection is open.
func (d *Door) Wait() { d.wait.Wait() }

// Drain waits until nothing is accepted any more, which is for whoever closes the
// listeners, or ctx is done. Who is not known yet is not waited for: it may take
// minutes, and he loses nothing.
func (d *Door) Drain(ctx context.Context) {
	for {
		d.mu.Lock()
		left := d.serving
		d.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// Accepting after a failure begins again after these times.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// Serve accepts connections until ctx ends or the listener is closed; it closes
// the listener. Connections live until ctx ends: they outlive the listener. Serve may
// be called for several listeners.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	d.count(&d.serving, 1)
	defer d.count(&d.serving, -1)
	defer listener.Close()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	pause := time.Duration(0)
	for {
		conn, err := listener.Accept()
		if err == nil {
			pause = 0
			d.accepted(ctx, conn)
			continue
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF):
			return nil
		}
		pause = min(max(2*pause, firstPause), lastPause)
		d.log.Warn("cannot accept a connection", event.Key, event.AcceptFailed, "err", err, "dur", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (d *Door) count(n *int, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*n += by
}

// remote is where a connection comes from.
func remote(conn net.Conn) netip.AddrPort {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// accepted starts a goroutine for a connection, if there is room for one at all.
func (d *Door) accepted(ctx context.Context, conn net.Conn) {
	began := time.Now()
	from := remote(conn)
	source := auth.SourceOf(from.Addr())
	err := d.sources.Check(from.Addr())
	d.mu.Lock()
	if err == nil {
		err = d.room(source)
	}
	first := false
	if err == nil {
		d.open++
		d.waiting++
		d.bySource[source]++
		d.wait.Add(1)
	} else {
		d.refused++
		d.dropped++
		first = d.dropped == 1 || d.dropped%1000 == 0
	}
	d.mu.Unlock()
	if err != nil {
		conn.Close()
		if first { // who is turned away by the thousand must not fill the log
			d.audit.Refused(ident.Actor{}, Name, from.String(), err)
		}
		return
	}
	known := sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting--
		if d.bySource[source]--; d.bySource[source] == 0 {
			delete(d.bySource, source)
		}
	})
	go func() {
		defer d.wait.Done()
		defer d.count(&d.open, -1)
		defer known()
		defer conn.Close()
		defer d.server.Recover(d.log)
		d.serve(ctx, conn, from, began, known)
	}()
}

// room says whether there is room for one more of a source; under mu.
func (d *Door) room(source netip.Prefix) error {
	begin, all := d.opts.Strangers/4, d.opts.Strangers
	switch {
	case d.open >= d.opts.Connections:
		return fmt.Errorf("all %d are in use; raise limits.connections in nso.toml", d.opts.Connections)
	case d.bySource[source] >= max(1, all/4):
		return fmt.Errorf("%s has %d connections that have not logged in", source, d.bySource[source])
	case d.waiting >= all:
		return fmt.Errorf("%d connections have not logged in", d.waiting)
	case d.waiting >= begin && d.random() < float64(d.waiting-begin)/float64(all-begin):
		return fmt.Errorf("%d connections have not logged in; some of the new ones are dropped", d.waiting)
	}
	return nil
}

// serve is the life of one connection. known is called when its user is.
func (d *Door) serve(ctx context.Context, conn net.Conn, from netip.AddrPort, began time.Time, known func()) {
	deadline := began.Add(d.opts.Grace)
	_ = conn.SetDeadline(deadline)
	asked, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// A daemon that stops does not wait for strangers.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	login := d.opts.Auth.Begin(asked, Name, from)
	config := d.config
	login.Configure(&config)
	sc, channels, requests, err := ssh.NewServerConn(conn, &config)
	failures := login.Failures()
	actor, in := login.Actor()
	if err != nil || !in {
		d.sources.Fail(from.Addr(), failures+1)
		if reason := login.Reason(); reason != nil {
			err = reason
		} else {
			err = fmt.Errorf("nobody tried to log in: %w", err)
		}
		d.refuse(from, ident.Actor{}, err)
		return
	}
	d.sources.Fail(from.Addr(), failures)
	defer func() { // what nobody takes would keep its goroutine for ever
		conn.Close()
		for range channels {
		}
	}()
	go ssh.DiscardRequests(requests) // no forwarding: each is refused (RFC 4254, 7.1)
	if err := d.enter(actor); err != nil {
		d.refuse(from, actor, err)
		return
	}
	defer d.leave(actor)
	if !stop() { // ctx has ended
		return
	}
	known()
	_ = conn.SetDeadline(time.Time{})
	d.log.Debug("a user is known", "user", actor.User, "source", actor.Source(), "op", login.Methods())
	within, end := context.WithCancel(ctx)
	defer end()
	c := &connection{door: d, conn: conn, actor: actor, ended: make(chan struct{}, maxChannels)}
	go c.alive(within, sc)
	c.serve(ctx, channels)
}

// enter counts a connection of a user, or says why it may have no more.
func (d *Door) enter(actor ident.Actor) error {
	admin := d.opts.Admin != nil && d.opts.Admin(actor)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.perUser[actor.User] >= d.opts.PerUser:
		return fmt.Errorf("%s has %d connections already", actor.User, d.opts.PerUser)
	case !admin && d.open > d.opts.Connections-d.opts.Reserve:
		return fmt.Errorf("the last %d of %d connections are kept for administrators; raise limits.connections in nso.toml", d.opts.Reserve, d.opts.Connections)
	}
	d.perUser[actor.User]++
	return nil
}

func (d *Door) leave(actor ident.Actor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.perUser[actor.User]--; d.perUser[actor.User] == 0 {
		delete(d.perUser, actor.User)
	}
}

func (d *Door) refuse(from netip.AddrPort, actor ident.Actor, reason error) {
	d.audit.Refused(actor, Name, from.String(), reason)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused++
}
