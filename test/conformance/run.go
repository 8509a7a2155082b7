// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"nso.example/nso/test/peer"
)

// check is one sentence of an RFC.
type check struct {
	name  string // RFC and section, and what
	needs string // capabilities without their common prefix, with blanks between
	run   func(d *dialogue)
}

// Result is what became of a check.
type Result struct {
	Name, Skipped string
	Err           error
}

// Run runs the checks that want asks for, one after the other.
func Run(dial func() (net.Conn, error), want func(name string) bool, tell func(Result)) (passed, failed, skipped int) {
	for _, c := range checks() {
		if !want(c.name) {
			continue
		}
		r := Result{Name: c.name}
		d := &dialogue{dial: dial}
		func() {
			defer d.end()
			defer func() {
				switch p := recover().(type) {
				case nil:
				case stop:
					r.Err, r.Skipped = p.err, p.skip
				default:
					panic(p)
				}
			}()
			a := d.open()
			for _, n := range strings.Fields(c.needs) {
				if !strings.Contains(a.Hello, capability+n) {
					panic(stop{skip: "the server does not announce " + n})
				}
			}
			c.run(d)
		}()
		switch {
		case r.Skipped != "":
			skipped++
		case r.Err != nil:
			failed++
		default:
			passed++
		}
		tell(r)
	}
	return passed, failed, skipped
}

const capability = "urn:ietf:params:netconf:capability:"

// stop ends a check.
type stop struct {
	err  error
	skip string
}

// dialogue is the sessions of one check. Its first session is open when it begins.
type dialogue struct {
	dial     func() (net.Conn, error)
	sessions []*session
}

type session struct {
	*peer.Conn
	d  *dialogue
	id string
}

var sessionID = regexp.MustCompile(`<(?:\w+:)?session-id[^>]*>\s*(\d+)\s*<`)

func (d *dialogue) fail(format string, args ...any) { panic(stop{err: fmt.Errorf(format, args...)}) }

// open opens one more session.
func (d *dialogue) open(bases ...string) *session {
	conn, err := d.dial()
	if err != nil {
		d.fail("cannot connect: %v", err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	s := &session{Conn: peer.New(conn), d: d}
	d.sessions = append(d.sessions, s)
	if err := s.Open(bases...); err != nil {
		d.fail("no session: %v", err)
	}
	if m := sessionID.FindStringSubmatch(s.Hello); m != nil {
		s.id = m[1]
	}
	return s
}

// first is the session that is there.
func (d *dialogue) first() *session { return d.sessions[0] }

// end puts the server back as it was, and closes all sessions.
func (d *dialogue) end() {
	if len(d.sessions) > 0 {
		for _, s := range d.sessions {
			s.Close()
		}
		if conn, err := d.dial(); err == nil {
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			c := peer.New(conn)
			if c.Open() == nil {
				target := "candidate"
				if strings.Contains(c.Hello, capability+"writable-running") {
					target = "running"
				}
				for _, op := range []string{"<cancel-commit/>", "<discard-changes/>", edit(target, remove), "<commit/>"} {
					// What is not needed is refused; what is in use is so until the server
					// has seen that the sessions are gone.
					for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
						if reply, err := c.RPC(op); err != nil || !strings.Contains(reply, ">in-use<") {
							break
						}
					}
				}
			}
			c.Close()
		}
	}
}

// rpc sends an operation and returns the reply.
func (s *session) rpc(operation string) string {
	reply, err := s.RPC(operation)
	if err != nil {
		s.d.fail("no reply to %.200s: %v", operation, err)
	}
	return reply
}

func (s *session) ok(operation string) {
	if reply := s.rpc(operation); !regexp.MustCompile(`<(\w+:)?ok\s*/?>`).MatchString(reply) {
		s.d.fail("%.200s was answered with %.400s", operation, reply)
	}
}

// refused wants an rpc-error with one of the tags, and parts of the reply.
func (s *session) refused(operation, tags string, parts ...string) {
	reply := s.rpc(operation)
	found := false
	for _, tag := range strings.Split(tags, "|") {
		found = found || regexp.MustCompile(`<(\w+:)?error-tag>\s*`+tag+`\s*<`).MatchString(reply)
	}
	if !found {
		s.d.fail("%.200s was not refused with %s: %.400s", operation, tags, reply)
	}
	for _, p := range append(parts, "error-type>", "error-severity>") { // RFC 6241, 4.3: mandatory
		if !strings.Contains(reply, p) {
			s.d.fail("%.200s: no %s in the error %.400s", operation, p, reply)
		}
	}
}

// shows wants parts in a reply; with a "!" before, not.
func (s *session) shows(operation string, parts ...string) {
	reply := s.rpc(operation)
	if strings.Contains(reply, "rpc-error>") {
		s.d.fail("%.200s was refused: %.400s", operation, reply)
	}
	for _, p := range parts {
		if q, not := strings.CutPrefix(p, "!"); not == strings.Contains(reply, q) {
			s.d.fail("%.200s: %s is not so in %.400s", operation, p, reply)
		}
	}
}
