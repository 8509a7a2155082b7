// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Served is the helper's side of one connection. Prompts and texts come from one
// goroutine; a verdict may come from another one, when time is over.
type Served struct {
	conn    net.Conn
	prompts int
	texts   int
	answer  []byte // the last one, until it is forgotten

	mu   sync.Mutex // of what is written
	done bool       // the verdict is out: nothing more is
}

// Serve is the helper's side of a connection.
func Serve(conn net.Conn) *Served { return &Served{conn: conn} }

// Request reads what is asked for, and sets the deadline of the connection.
func (s *Served) Request() (Request, error) {
	_ = s.conn.SetDeadline(time.Now().Add(FirstFrame))
	kind, payload, err := readFrame(s.conn, "LC")
	if err != nil {
		return Request{}, fmt.Errorf("cannot read the request: %w", err)
	}
	r := Request{Check: true, Deadline: WholeTime}
	if kind == frameLogin {
		if r, err = parseRequest(payload); err != nil {
			return Request{}, fmt.Errorf("cannot use the request: %w", err)
		}
	}
	_ = s.conn.SetDeadline(time.Now().Add(r.Deadline))
	return r, nil
}

// errDone: the verdict is out.
var errDone = errors.New("cannot go on with the conversation: the verdict is given")

func (s *Served) send(kind byte, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errDone
	}
	s.done = kind == frameVerdict || kind == frameReport
	return writeFrame(s.conn, kind, payload)
}

// Ask asks the user. The answer has no NUL; it belongs to Served, which overwrites it
// in Forget, and when it asks again or tells something: then libpam has its own copy.
func (s *Served) Ask(text string, echo bool) ([]byte, error) {
	s.Forget()
	if s.prompts++; s.prompts > MaxPrompts {
		return nil, fmt.Errorf("cannot ask the user more than %d questions in one login", MaxPrompts)
	}
	kind := byte(frameHidden)
	if echo {
		kind = frameShown
	}
	if err := s.send(kind, short(text)); err != nil {
		return nil, fmt.Errorf("cannot ask the user: %w", err)
	}
	_, answer, err := readFrame(s.conn, "A")
	if err != nil {
		return nil, fmt.Errorf("cannot read the user's answer: %w", err)
	}
	s.answer = answer
	if err := checkAnswer(answer); err != nil {
		return nil, fmt.Errorf("cannot use the user's answer: %w", err)
	}
	return answer, nil
}

// Tell tells the user something. What is too much is left out.
func (s *Served) Tell(text string, isError bool) error {
	s.Forget()
	if s.texts++; s.texts > MaxTexts {
		return nil
	}
	kind := byte(frameInfo)
	if isError {
		kind = frameError
	}
	if err := s.send(kind, short(text)); err != nil {
		return fmt.Errorf("cannot tell the user: %w", err)
	}
	return nil
}

// short is a text as it may be sent: valid UTF-8 of the length that is allowed.
func short(text string) []byte {
	if len(text) > maxText {
		text = text[:maxText]
	}
	return []byte(strings.ToValidUTF8(text, ""))
}

// Forget overwrites the last answer, which is the only one that is still there.
func (s *Served) Forget() {
	clear(s.answer)
	s.answer = nil
}

// Allow gives the verdict that the user has logged in.
func (s *Served) Allow(v Verdict) error {
	payload, err := v.encode()
	if err != nil {
		return errors.Join(err, s.Refuse(&Refusal{Class: Internal, Reason: err.Error()}))
	}
	return s.verdict(frameVerdict, payload)
}

// Refuse gives the verdict that the user has not logged in.
func (s *Served) Refuse(r *Refusal) error {
	r.Reason = string(short(r.Reason))
	payload, err := r.encode()
	if err != nil {
		return err
	}
	return s.verdict(frameVerdict, payload)
}

// Report answers a Check.
func (s *Served) Report(probes []Probe) error {
	payload, err := json.Marshal(reportWire{probes})
	if err != nil {
		return err
	}
	return s.verdict(frameReport, payload)
}

// verdict writes the last frame, for which there is time beyond the deadline.
func (s *Served) verdict(kind byte, payload []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	if err := s.send(kind, payload); err != nil {
		return fmt.Errorf("cannot give the verdict: %w", err)
	}
	return nil
}
