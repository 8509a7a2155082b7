// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"nso.example/nso/helper"
)

// junk is what everybody gets in place of what is typed for root: a right password then
// takes as long as a wrong one, and is not found out.
const junk = "\b\n\r\x7fINCORRECT"

// typed is what may be shown of an answer.
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

// talk is what is said with a user in one method.
type talk struct {
	l *Login
	// ask is how the user is asked; an error ends the method.
	ask  func(helper.Prompt) ([]byte, error)
	tell func(string) // nil: he cannot be told anything

	asked    bool
	password []byte // the first hidden answer; nil: none yet
	used     bool   // PAM has had it
	answered time.Time
}

// put asks the user.
func (t *talk) put(p helper.Prompt) ([]byte, error) {
	t.asked = true
	answer, err := t.ask(p)
	t.answered = time.Now()
	return answer, err
}

// first is a copy of the password, which is asked for unless the user has given one.
func (t *talk) first() ([]byte, error) {
	if t.password == nil {
		answer, err := t.put(helper.Prompt{Text: "Password: "})
		if err != nil {
			return nil, err
		}
		t.password = answer
		if t.password == nil {
			t.password = []byte{}
		}
	}
	return t.l.typed(bytes.Clone(t.password)), nil
}

// answer is what PAM hears: the password to its first hidden question, and the user
// himself to the others.
func (t *talk) answer(_ context.Context, p helper.Prompt) ([]byte, error) {
	if !p.Echo && !t.used {
		t.used = true
		if t.password == nil {
			answer, err := t.put(p)
			if err != nil {
				return nil, err
			}
			t.password = bytes.Clone(answer)
			return t.l.typed(answer), nil
		}
		if text := said(p.Said); text != "" && t.tell != nil {
			t.tell(text)
		}
		return t.first()
	}
	answer, err := t.put(p)
	if err != nil {
		return nil, err
	}
	return t.l.typed(answer), nil
}

// password is the method of RFC 4252, 8: one answer to one question.
func (l *Login) password(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	defer clear(password)
	t := &talk{l: l, password: bytes.Clone(password), answered: time.Now(), asked: true,
		ask: func(helper.Prompt) ([]byte, error) {
			return nil, errors.New("PAM asks for more than a password; the client must use keyboard-interactive")
		}}
	if t.password == nil {
		t.password = []byte{}
	}
	return l.judged(c, Password, t)
}

// interactive is RFC 4256: each question is a round.
func (l *Login) interactive(c ssh.ConnMetadata, challenge ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	t := &talk{l: l, answered: time.Now(),
		tell: func(text string) {
			_, _ = challenge("", text, nil, nil) // RFC 4256, 3.2: a request without questions
		},
		ask: func(p helper.Prompt) ([]byte, error) {
			answers, err := challenge("", said(p.Said), []string{p.Text}, []bool{p.Echo})
			switch {
			case err != nil:
				return nil, errors.New("the client gave no answer")
			case len(answers) != 1:
				return nil, fmt.Errorf("the client gave %d answers to one question", len(answers))
			}
			return []byte(answers[0]), nil
		}}
	perms, err := l.judged(c, KeyboardInteractive, t)
	if errors.Is(err, errDenied) && !t.asked {
		// Refused before anybody was asked, or asked anything: that looks like a wrong
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

// judged has the backends judge what the user says, and answers for the method.
func (l *Login) judged(c ssh.ConnMetadata, m Method, t *talk) (*ssh.Permissions, error) {
	defer func() { clear(t.password) }()
	err := l.of(c.User())
	j := judgement{talk: t}
	if err == nil {
		err = l.judge(&j)
	}
	if err != nil {
		denied := l.wrong(m, t.answered, err)
		if j.expired == nil {
			return nil, denied
		}
		// Who has given the right password is told so (RFC 4252, 5.4 and 8 have words
		// for it that we cannot use: we change no password).
		text := strings.TrimSpace(said(j.expired.Said) + "\n" + helper.Outward(j.expired))
		if t.tell != nil {
			t.tell(text)
			return nil, denied
		}
		return nil, &ssh.BannerError{Err: denied, Message: text + "\n"}
	}
	if l.by == "" || less(j.by, l.by) {
		l.by = j.by
	}
	if j.said != "" && t.tell != nil {
		t.tell(j.said)
	}
	return l.passed(m, t.answered, string(j.by), nil)
}

// less reports whether a says less about a user than b.
func less(a, b Backend) bool {
	says := []Backend{Local, External, PAM}
	return slices.Index(says, a) < slices.Index(says, b)
}

// judgement is what came of asking the backends.
type judgement struct {
	talk    *talk
	by      Backend         // who has accepted
	said    string          // for the user who is in
	expired *helper.Refusal // what PAM said to who gave the right password, which must be changed
}

// judge asks one backend after the other. Whoever refuses, or is not there, leaves it to
// the next: all are asked about a name that nobody knows, and about a wrong password.
func (l *Login) judge(j *judgement) error {
	var reasons error
	for _, b := range l.a.opts.Backends {
		final, err := l.asks(b, j)
		if err == nil {
			j.by, j.expired = b, nil
			return nil
		}
		if err = fmt.Errorf("%s: %w", b, err); reasons != nil {
			err = fmt.Errorf("%w; %w", reasons, err)
		}
		reasons = err
		if final {
			break
		}
	}
	return reasons
}

// asks asks one backend. An error is final if nobody else is to be asked.
func (l *Login) asks(b Backend, j *judgement) (final bool, err error) {
	if b == PAM {
		return l.askPAM(j)
	}
	password, err := j.talk.first()
	if err != nil {
		return true, err
	}
	defer clear(password)
	if b == Local {
		select {
		case l.a.checks <- struct{}{}:
			defer func() { <-l.a.checks }()
			return false, l.a.opts.Users().Check(l.user, password)
		case <-l.ctx.Done():
			return true, context.Cause(l.ctx)
		}
	}
	a, err := l.a.opts.External.Ask(l.ctx, helper.Question{User: l.user, Password: password, Source: l.source.Addr(), Method: l.a.opts.Method})
	if err != nil {
		return errors.Is(err, helper.ErrAbort) || l.ctx.Err() != nil, err
	}
	l.accepted, j.said = a, a.Said
	return false, nil
}

func (l *Login) askPAM(j *judgement) (final bool, err error) {
	l.pam = true
	v, err := l.a.opts.PAM.Converse(l.ctx, helper.Conversation{User: l.user, Source: l.source.Addr(), Method: l.a.opts.Method, Answer: j.talk.answer})
	var r *helper.Refusal
	switch {
	case err == nil:
		l.verdict, j.said = &v, said(v.Said)
		return false, nil
	case errors.As(err, &r):
		if r.Class == helper.PasswordExpired {
			j.expired = r
		}
		return false, err
	}
	return !notThere(err), err
}
