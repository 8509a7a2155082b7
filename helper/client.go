// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// PAMSocket is where systemd listens for nso-pam@.service.
const PAMSocket = "/run/nso/helper/pam"

// ErrUnavailable is wrapped when the helper cannot be asked, or does not answer as
// the protocol says.
var ErrUnavailable = errors.New("PAM cannot be asked")

// PAM asks PAM, through nso-pam. Many goroutines may use it.
type PAM struct {
	Socket string // "": PAMSocket
	Queue  *Queue // nil: nobody waits, nobody is turned away
}

// Conversation is one login.
type Conversation struct {
	User   string
	Source netip.Addr // where the user is; the zero Addr: on this machine, not over IP
	Method Method

	// Account asks only whether the account may be used now, and who that is: for who
	// has shown a key already. No password is asked for.
	Account bool

	// Answer is called for each prompt and returns what the user answers; what it
	// returns is overwritten once it is sent. An error ends the conversation, and
	// Converse returns it. A door that has been given a password already answers the
	// first prompt with it, and an error to any further one.
	Answer func(ctx context.Context, p Prompt) ([]byte, error)
}

// Prompt is what a module wants to know. Texts have no control characters but ends of
// lines.
type Prompt struct {
	Said []Text // said since the last prompt
	Text string
	Echo bool // show what is typed
}

// Converse holds a conversation in the place that the queue gives it. It returns the
// account that has logged in, or an error: a *Refusal, one that wraps ErrBusy or
// ErrUnavailable, that of Answer, or that of ctx. Outward is what to tell the user.
func (p *PAM) Converse(ctx context.Context, c Conversation) (Verdict, error) {
	if err := CheckUser(c.User); err != nil { // costs no place and no process
		return Verdict{}, &Refusal{Class: Auth, Reason: err.Error()}
	}
	if p.Queue == nil {
		return p.converse(ctx, c)
	}
	enter := p.Queue.Enter
	if c.Account {
		enter = p.Queue.EnterAccount
	}
	place, err := enter(ctx, c.Source)
	if err != nil {
		return Verdict{}, err
	}
	v, err := p.converse(ctx, c)
	place.Leave(err == nil)
	return v, err
}

func (p *PAM) converse(ctx context.Context, c Conversation) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, WholeTime)
	defer cancel()
	conn, stop, err := p.dial(ctx)
	if err != nil {
		return Verdict{}, err
	}
	defer stop()
	v, err := converse(ctx, conn, c)
	var refusal *Refusal
	var left *answerError
	switch {
	case err == nil || errors.As(err, &refusal):
		return v, err
	case errors.As(err, &left):
		return Verdict{}, left.error
	case ctx.Err() != nil:
		return Verdict{}, fmt.Errorf("cannot log in: %w", context.Cause(ctx))
	}
	return Verdict{}, fmt.Errorf("cannot log in: %w: %w", ErrUnavailable, err)
}

// dial connects. The connection ends with ctx, and with stop.
func (p *PAM) dial(ctx context.Context) (net.Conn, func(), error) {
	socket := p.Socket
	if socket == "" {
		socket = PAMSocket
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot log in: %w: %w; start nso-pam.socket (package nso-pam)", ErrUnavailable, err)
	}
	cut := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() { cut(); _ = conn.Close() }, nil
}

// answerError is an error of Conversation.Answer, told apart from the helper's.
type answerError struct{ error }

// converse is the daemon's side of the protocol.
func converse(ctx context.Context, conn net.Conn, c Conversation) (Verdict, error) {
	r := Request{User: c.User, Source: c.Source, Method: c.Method, Account: c.Account, Deadline: WholeTime}
	if end, ok := ctx.Deadline(); ok {
		r.Deadline = max(time.Until(end), time.Millisecond)
	}
	payload, err := r.encode()
	if err != nil {
		return Verdict{}, err
	}
	if err := writeFrame(conn, frameLogin, payload); err != nil {
		return Verdict{}, err
	}
	var said []Text
	prompts, texts := 0, 0
	for {
		kind, payload, err := readFrame(conn, "pPieV")
		if err != nil {
			return Verdict{}, fmt.Errorf("nso-pam gave no verdict: %w", err)
		}
		switch kind {
		case frameVerdict:
			v, err := parseVerdict(payload, c.User)
			v.Said = said
			var refusal *Refusal
			if errors.As(err, &refusal) {
				refusal.Said, v.Said = said, nil
			}
			return v, err
		case frameInfo, frameError:
			if texts++; texts > MaxTexts {
				return Verdict{}, fmt.Errorf("nso-pam says more than %d things", MaxTexts)
			}
			said = append(said, Text{kind == frameError, clean(string(payload))})
		default:
			if prompts++; prompts > MaxPrompts {
				return Verdict{}, fmt.Errorf("nso-pam asks more than %d questions", MaxPrompts)
			}
			answer, err := c.Answer(ctx, Prompt{Said: said, Text: clean(string(payload)), Echo: kind == frameShown})
			if err != nil {
				clear(answer)
				return Verdict{}, &answerError{err}
			}
			said = nil
			if err := sendAnswer(conn, answer); err != nil {
				return Verdict{}, err
			}
		}
	}
}

// sendAnswer sends an answer and overwrites it.
func sendAnswer(conn net.Conn, answer []byte) error {
	defer clear(answer)
	if err := checkAnswer(answer); err != nil {
		return &Refusal{Class: Auth, Reason: "cannot use the answer: " + err.Error()}
	}
	return writeFrame(conn, frameAnswer, answer)
}

// Probe is one thing that a helper tried inside its sandbox.
type Probe struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"` // what was found
}

type reportWire struct {
	Probes []Probe `json:"probes"`
}

// Check asks an instance of nso-pam@.service, as the units have made it, what its
// sandbox is like. It takes uid 0 or the daemon's.
func (p *PAM) Check(ctx context.Context) ([]Probe, error) {
	ctx, cancel := context.WithTimeout(ctx, WholeTime)
	defer cancel()
	conn, stop, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	probes, err := check(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot check nso-pam: %w: %w", ErrUnavailable, err)
	}
	return probes, nil
}

func check(conn net.Conn) ([]Probe, error) {
	if err := writeFrame(conn, frameCheck, nil); err != nil {
		return nil, err
	}
	_, payload, err := readFrame(conn, "R")
	if err != nil {
		return nil, fmt.Errorf("nso-pam gave no report: %w", err)
	}
	var w reportWire
	if err := decode(payload, &w); err != nil {
		return nil, err
	}
	for i := range w.Probes {
		w.Probes[i].Name, w.Probes[i].Found = clean(w.Probes[i].Name), clean(w.Probes[i].Found)
	}
	return w.Probes, nil
}
