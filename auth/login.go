// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/helper"
	"nso.example/nso/ident"
	"nso.example/nso/users"
)

// Backend is one of those who are asked about a password: login.methods of nso.toml.
type Backend string

// The backends there are.
const (
	Local    Backend = "local"    // users in the data (RFC 7317)
	PAM      Backend = "pam"      // the system, through nso-pam
	External Backend = "external" // a program of the site, through nso-external
)

// Options of an Authenticator. Resolver is required.
type Options struct {
	Keys     Keys
	UserKeys *helper.UserKeys    // nil: a file of a user's own never counts
	Users    func() *users.Users // in the data as it is now; nil: none
	Resolver *ident.Resolver
	PAM      *helper.PAM // nil: accounts are not checked beyond that they exist
	External *helper.External
	// Backends are asked about a password in this order, until one accepts; nil is PAM
	// alone, if there is one.
	Backends []Backend
	// Chains are the ways in; nil is DefaultChains, or keys alone where there is nobody to
	// ask about a password.
	Chains []Chain
	Method helper.Method // what the user wants: the helpers are told
	// Tried is told of each answer of a user, for the audit; nil is nobody.
	Tried func(Attempt)
}

// Attempt is one method that a user has tried.
type Attempt struct {
	User   string // as the client says it, if Err is not nil
	Door   string
	Source netip.AddrPort
	Method Method
	By     string // who has accepted: a Backend, or where the key was
	Err    error  // nil: it has succeeded
}

// Authenticator lets in whom it knows. It may be used by many goroutines.
type Authenticator struct {
	opts   Options
	first  []Method // that a chain begins with
	checks chan struct{}
	now    func() time.Time
}

// New makes an Authenticator.
func New(o Options) (*Authenticator, error) {
	if o.Backends == nil && o.PAM != nil {
		o.Backends = []Backend{PAM}
	}
	if o.Chains == nil {
		o.Chains = DefaultChains()
		if len(o.Backends) == 0 {
			o.Chains = WithoutPasswords(o.Chains)
		}
	}
	if err := checkChains(o.Chains); err != nil {
		return nil, err
	}
	for _, b := range o.Backends {
		if b == Local && o.Users == nil || b == PAM && o.PAM == nil || b == External && o.External == nil {
			return nil, fmt.Errorf("cannot ask %q about passwords: it is not there", string(b))
		}
	}
	if len(o.Backends) == 0 && slices.ContainsFunc(o.Chains, Chain.asks) {
		return nil, errors.New("cannot ask for passwords without somebody who knows them; see login.methods in nso.toml")
	}
	// Passwords are hashed on half of the processors: the rest of the daemon goes on.
	a := &Authenticator{opts: o, now: time.Now, checks: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	a.first, _ = next(o.Chains, nil)
	return a, nil
}

// Login is the attempt of one connection to come in. The callbacks of one connection
// come one after the other.
type Login struct {
	a      *Authenticator
	ctx    context.Context
	door   string
	source netip.AddrPort

	user     string   // that this is about, from the first method on
	done     []Method // that have succeeded
	key      keyFile  // where the key was, once one has succeeded
	by       Backend  // who has accepted the password, once one has
	verdict  *helper.Verdict
	accepted helper.Accepted // of External
	own      *ownKeys        // the user's own file, once it was asked for
	actor    *ident.Actor    // who is in
	failures int             // wrong answers, but for keys that are only offered
	reason   error           // of the last failure
	slow     bool            // the user's own file was asked for since the last answer
	pam      bool            // PAM was asked about a password since the last answer
}

// Begin begins the attempt of a connection from source. ctx ends with the connection
// and has a deadline.
func (a *Authenticator) Begin(ctx context.Context, door string, source netip.AddrPort) *Login {
	return &Login{a: a, ctx: ctx, door: door, source: source}
}

// Configure has a server ask this attempt.
func (l *Login) Configure(c *ssh.ServerConfig) {
	first := l.callbacks(l.a.first)
	c.PublicKeyCallback, c.PasswordCallback, c.KeyboardInteractiveCallback = first.PublicKeyCallback, first.PasswordCallback, first.KeyboardInteractiveCallback
	c.VerifiedPublicKeyCallback = l.signed
	c.PublicKeyAuthAlgorithms = KeyAlgorithms()
}

func (l *Login) callbacks(methods []Method) ssh.ServerAuthCallbacks {
	var c ssh.ServerAuthCallbacks
	for _, m := range methods {
		switch m {
		case PublicKey:
			c.PublicKeyCallback = l.offered
		case Password:
			c.PasswordCallback = l.password
		case KeyboardInteractive:
			c.KeyboardInteractiveCallback = l.interactive
		}
	}
	return c
}

// Actor is who is in; false if nobody is.
func (l *Login) Actor() (ident.Actor, bool) {
	if l.actor == nil {
		return ident.Actor{}, false
	}
	return *l.actor, true
}

// Methods are those that have succeeded, for the log.
func (l *Login) Methods() string {
	words := make([]string, len(l.done))
	for i, m := range l.done {
		words[i] = string(m)
	}
	return strings.Join(words, ",")
}

// Failures is how many answers were wrong.
func (l *Login) Failures() int { return l.failures }

// Reason says why nobody is in, for the log; nil if nothing was tried.
func (l *Login) Reason() error {
	if l.reason == nil {
		return nil
	}
	return fmt.Errorf("%.64q by %w", l.user, l.reason)
}

// errDenied is all that the transport hears of a failure.
var errDenied = errors.New("permission denied")

// A beat is the time between two moments at which failures are answered, so that how
// long it took to find one does not tell what was found.
const (
	beat = 25 * time.Millisecond
	// To start nso-keys@USER.service takes a tenth of a second: the first answer about a
	// key is on this beat, for every name, on a machine where any user has that.
	keysBeat = 500 * time.Millisecond
	// PAM takes longer for a name that it knows: it hashes the password for that alone.
	pamBeat = 250 * time.Millisecond
	// And then it waits, at random: pam_unix from one to three seconds.
	waitBeat = 4 * time.Second
)

// onBeat is when a failure is answered that took so long to find.
func (l *Login) onBeat(took time.Duration) time.Duration {
	wait := beat
	switch {
	case l.slow:
		wait = keysBeat
	case l.pam && took > time.Second:
		wait = waitBeat
	case l.pam:
		wait = pamBeat
	}
	l.slow, l.pam = false, false
	return wait - took%wait
}

// fail notes a failure and answers on the beat.
func (l *Login) fail(m Method, began time.Time, err error) error {
	l.reason = fmt.Errorf("%s: %w", m, err)
	t := time.NewTimer(l.onBeat(time.Since(began)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
	return errDenied
}

// wrong is fail of an answer that counts.
func (l *Login) wrong(m Method, began time.Time, err error) error {
	l.failures++
	l.tell(Attempt{User: l.user, Method: m, Err: err})
	return l.fail(m, began, err)
}

func (l *Login) tell(a Attempt) {
	if l.a.opts.Tried != nil {
		a.Door, a.Source = l.door, l.source
		l.a.opts.Tried(a)
	}
}

// of checks that all methods are about one user.
func (l *Login) of(user string) error {
	if user == "" {
		return errors.New("there is no name")
	}
	if l.user == "" {
		l.user = user
	}
	if user != l.user {
		return fmt.Errorf("the name was changed to %.64q", user)
	}
	return nil
}

// offered says whether a key would do (RFC 4252, 7): nothing is proved yet.
func (l *Login) offered(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	began := time.Now()
	perms, _, err := l.allow(c.User(), key)
	if err != nil {
		return nil, l.fail(PublicKey, began, err)
	}
	return perms, nil
}

// signed is called when the client has shown that it has the key.
func (l *Login) signed(c ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	began := time.Now()
	perms, where, err := l.allow(c.User(), key) // it may be another one than when the key was offered
	if err != nil {
		return nil, l.wrong(PublicKey, began, err)
	}
	l.key = where
	return l.passed(PublicKey, began, string(where), perms)
}

// passed notes a method that has succeeded, and lets the user in when nothing more is
// wanted.
func (l *Login) passed(m Method, began time.Time, by string, perms *ssh.Permissions) (*ssh.Permissions, error) {
	done := append(slices.Clone(l.done), m)
	methods, enough := next(l.a.opts.Chains, done)
	if !enough {
		l.done = done
		l.tell(Attempt{User: l.user, Method: m, By: by})
		return nil, &ssh.PartialSuccessError{Next: l.callbacks(methods)} // RFC 4252, 5.1
	}
	actor, err := l.account(slices.Contains(done, PublicKey))
	if err != nil {
		return nil, l.wrong(m, began, err)
	}
	l.done, l.actor = done, &actor
	l.tell(Attempt{User: l.user, Method: m, By: by})
	return perms, nil
}
