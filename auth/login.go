// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/helper"
	"nso.example/nso/ident"
)

// Options of an Authenticator. Resolver is required.
type Options struct {
	Keys     Keys
	Resolver *ident.Resolver
	PAM      *helper.PAM // nil: no passwords, and accounts are not checked beyond that they exist
	// Chains are the ways in; nil is DefaultChains.
	Chains []Chain
	Method helper.Method // what the user wants: PAM is told
}

// Authenticator lets in whom it knows. It may be used by many goroutines.
type Authenticator struct {
	opts  Options
	first []Method // that a chain begins with
	now   func() time.Time
}

// New makes an Authenticator.
func New(o Options) (*Authenticator, error) {
	if o.Chains == nil {
		o.Chains = DefaultChains()
		if o.PAM == nil {
			o.Chains = o.Chains[:1]
		}
	}
	if err := checkChains(o.Chains); err != nil {
		return nil, err
	}
	for _, c := range o.Chains {
		if o.PAM == nil && (slices.Contains(c, Password) || slices.Contains(c, KeyboardInteractive)) {
			return nil, errors.New("cannot ask for passwords without PAM")
		}
	}
	a := &Authenticator{opts: o, now: time.Now}
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
	verdict  *helper.Verdict
	actor    *ident.Actor // who is in
	failures int          // wrong answers, but for keys that are only offered
	reason   error        // of the last failure
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

// beat is the time between two moments at which failures are answered, so that how
// long it took to find one does not tell what was found.
const beat = 25 * time.Millisecond

// fail notes a failure and answers on the beat.
func (l *Login) fail(m Method, began time.Time, err error) error {
	l.reason = fmt.Errorf("%s: %w", m, err)
	took := time.Since(began)
	t := time.NewTimer(beat - took%beat)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
	return errDenied
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
	err := l.of(c.User())
	var perms *ssh.Permissions
	if err == nil {
		perms, err = l.a.opts.Keys.allow(l.user, key, l.source.Addr(), l.a.now())
	}
	if err != nil {
		return nil, l.fail(PublicKey, began, err)
	}
	return perms, nil
}

// signed is called when the client has shown that it has the key.
func (l *Login) signed(c ssh.ConnMetadata, key ssh.PublicKey, _ *ssh.Permissions, _ string) (*ssh.Permissions, error) {
	began := time.Now()
	err := l.of(c.User())
	var perms *ssh.Permissions
	if err == nil { // the file may be another one than when the key was offered
		perms, err = l.a.opts.Keys.allow(l.user, key, l.source.Addr(), l.a.now())
	}
	if err != nil {
		l.failures++
		return nil, l.fail(PublicKey, began, err)
	}
	return l.passed(PublicKey, began, perms)
}

// passed notes a method that has succeeded, and lets the user in when nothing more is
// wanted.
func (l *Login) passed(m Method, began time.Time, perms *ssh.Permissions) (*ssh.Permissions, error) {
	done := append(slices.Clone(l.done), m)
	methods, enough := next(l.a.opts.Chains, done)
	if !enough {
		l.done = done
		return nil, &ssh.PartialSuccessError{Next: l.callbacks(methods)} // RFC 4252, 5.1
	}
	actor, err := l.account(slices.Contains(done, PublicKey))
	if err != nil {
		l.failures++
		return nil, l.fail(m, began, err)
	}
	l.done, l.actor = done, &actor
	return perms, nil
}

// account says who the user is, and that the account may be used.
func (l *Login) account(withKey bool) (ident.Actor, error) {
	if l.verdict == nil && l.a.opts.PAM != nil {
		v, err := l.a.opts.PAM.Converse(l.ctx, helper.Conversation{
			User: l.user, Source: l.source.Addr(), Method: l.a.opts.Method, Account: true,
			Answer: func(context.Context, helper.Prompt) ([]byte, error) {
				return nil, errors.New("a module asks for something although a key was shown")
			}})
		switch {
		case err == nil:
			l.verdict = &v
		case !errors.Is(err, helper.ErrUnavailable) || !errors.Is(err, fs.ErrNotExist):
			return ident.Actor{}, err
		}
	}
	peer := ident.Peer{LoginUID: ident.NoLogin, Door: l.door, Source: l.source.String()}
	var actor ident.Actor
	if v := l.verdict; v != nil {
		peer.UID, peer.GID = v.UID, v.GID
		actor = ident.Actor{User: v.User, Own: v.User, Groups: v.GroupNames(), Peer: peer}
	} else {
		account, err := l.a.opts.Resolver.ByName(l.ctx, l.user)
		if err != nil {
			return ident.Actor{}, err
		}
		peer.UID = account.UID
		if actor, err = l.a.opts.Resolver.Actor(l.ctx, peer); err != nil {
			return ident.Actor{}, err
		}
	}
	switch {
	case actor.User != l.user:
		return ident.Actor{}, fmt.Errorf("its uid %d is that of %q", actor.Peer.UID, actor.User)
	case actor.Peer.UID == 0 && !withKey:
		return ident.Actor{}, errors.New("root comes in with a key only")
	}
	return actor, nil
}

// junk is what PAM gets in place of what is typed for root: a right password then
// takes as long as a wrong one, and is not found out.
const junk = "\b\n\r\x7fINCORRECT"

// typed is what PAM is to be given of an answer.
func (l *Login) typed(answer []byte) []byte {
	if slices.Contains(l.done, PublicKey) || !l.isRoot() {
		return answer
	}
	clear(answer)
	return []byte(junk)
}

func (l *Login) isRoot() bool {
	if l.user == "root" {
		return true
	}
	account, err := l.a.opts.Resolver.ByName(l.ctx, l.user)
	return err == nil && account.UID == 0
}

// password is the method of RFC 4252, 8: one answer to one question.
func (l *Login) password(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	began := time.Now()
	defer clear(password)
	answered := false
	return l.pam(c, Password, began, nil, func(_ context.Context, p helper.Prompt) ([]byte, error) {
		if answered || p.Echo {
			return nil, errors.New("PAM asks for more than a password; the client must use keyboard-interactive")
		}
		answered = true
		return l.typed(bytes.Clone(password)), nil
	})
}

// interactive is RFC 4256: each question of PAM is a round.
func (l *Login) interactive(c ssh.ConnMetadata, challenge ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	began := time.Now()
	tell := func(text string) {
		_, _ = challenge("", text, nil, nil) // RFC 4256, 3.2: a request without questions
	}
	asked := false
	perms, err := l.pam(c, KeyboardInteractive, began, tell, func(_ context.Context, p helper.Prompt) ([]byte, error) {
		asked = true
		answers, err := challenge("", said(p.Said), []string{p.Text}, []bool{p.Echo})
		switch {
		case err != nil:
			return nil, errors.New("the client gave no answer")
		case len(answers) != 1:
			return nil, fmt.Errorf("the client gave %d answers to one question", len(answers))
		}
		return l.typed([]byte(answers[0])), nil
	})
	if errors.Is(err, errDenied) && !asked {
		// Refused before PAM was asked, or asked anything: that looks like a wrong
		// password too.
		_, _ = challenge("", "", []string{"Password: "}, []bool{false})
	}
	return perms, err
}

func said(texts []helper.Text) string {
	var b strings.Builder
	for _, t := range texts {
		b.WriteString(strings.TrimSpace(t.Text) + "\n")
	}
	return strings.TrimSpace(b.String())
}

// pam holds the conversation of a method. tell, if set, tells the user something.
func (l *Login) pam(c ssh.ConnMetadata, m Method, began time.Time, tell func(string), answer func(context.Context, helper.Prompt) ([]byte, error)) (*ssh.Permissions, error) {
	err := l.of(c.User())
	var v helper.Verdict
	if err == nil {
		v, err = l.a.opts.PAM.Converse(l.ctx, helper.Conversation{User: l.user, Source: l.source.Addr(), Method: l.a.opts.Method, Answer: answer})
	}
	if err != nil {
		l.failures++
		var r *helper.Refusal
		if errors.As(err, &r) && r.Class == helper.PasswordExpired {
			// Who has given the right password is told so (RFC 4252, 5.4 and 8 have words
			// for it that we cannot use: we change no password).
			text := strings.TrimSpace(said(r.Said) + "\n" + helper.Outward(err))
			if tell != nil {
				tell(text)
				return nil, l.fail(m, began, err)
			}
			_ = l.fail(m, began, err)
			return nil, &ssh.BannerError{Err: errDenied, Message: text + "\n"}
		}
		return nil, l.fail(m, began, err)
	}
	l.verdict = &v
	if text := said(v.Said); text != "" && tell != nil {
		tell(text)
	}
	return l.passed(m, began, nil)
}
