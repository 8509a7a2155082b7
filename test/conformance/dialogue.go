// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"nso.example/nso/netconf/framing"
	"nso.example/nso/test/peer"
)

const (
	nsBase         = "urn:ietf:params:xml:ns:netconf:base:1.0"
	nsACM          = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
	nsModel        = "urn:nso:conformance"
	nsMonitoring   = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
	nsDefaults     = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
	nsDefault      = "urn:ietf:params:xml:ns:netconf:default:1.0"
	nsNotification = "urn:ietf:params:xml:ns:netconf:notification:1.0"
	nsNMDA         = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
	nsLibrary      = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
	capability     = "urn:ietf:params:netconf:capability:"

	messageLimit = 64 << 20
)

// dialogue is the sessions of one check. Its first session is open when it begins.
type dialogue struct {
	dial     dialer
	pace     time.Duration
	end      time.Time
	sessions []*session
	touched  bool // something was asked for that may have changed the server
}

// session is one session with the server.
type session struct {
	*peer.Conn
	d        *dialogue
	hello    *element
	id       string
	number   int
	events   []*element // notifications that came between replies
	lastSeen *element
}

func (d *dialogue) fail(format string, args ...any) { panic(stop{err: fmt.Errorf(format, args...)}) }

func (d *dialogue) skip(why string) { panic(stop{skip: why}) }

// connect opens a connection, trying again while the server is away.
func (d *dialogue) connect() net.Conn {
	for {
		conn, err := d.dial()
		if err == nil {
			return bounded{conn, d.end}
		}
		if time.Until(d.end) < time.Second {
			d.fail("cannot connect: %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// raw is a connection that has no session yet; it is closed with the others.
func (d *dialogue) raw() *session {
	conn := d.connect()
	s := &session{d: d, Conn: &peer.Conn{Conn: conn, R: framing.NewReader(conn, messageLimit), W: framing.NewWriter(conn)}}
	conn.SetDeadline(d.end)
	d.sessions = append(d.sessions, s)
	return s
}

// open opens one more session.
func (d *dialogue) open(bases ...string) *session {
	s := d.raw()
	if err := s.Open(bases...); err != nil {
		d.sessions = d.sessions[:len(d.sessions)-1]
		s.Conn.Close()
		d.fail("no session: %v", err)
	}
	s.greeted()
	time.Sleep(d.pace)
	return s
}

// greeted reads the server's hello.
func (s *session) greeted() {
	e, err := parse([]byte(s.Hello))
	if err != nil {
		s.d.fail("the hello: %v", err)
	}
	s.hello = e
	s.id = e.child("session-id").value()
}

// first is the session that is there.
func (d *dialogue) first() *session { return d.sessions[0] }

// capabilities are those of the hello.
func (s *session) capabilities() (all []string) {
	for _, c := range s.hello.all("capability") {
		all = append(all, c.value())
	}
	return all
}

// lacks says why a check cannot be held: "" if it can. What is needed is a capability
// without its common prefix, "module:NAME", "acm" for a writable /nacm, or one of them
// with a "!" before.
func (s *session) lacks(need string) string {
	name, not := strings.CutPrefix(need, "!")
	has := false
	switch module, ok := strings.CutPrefix(name, "module:"); {
	case ok:
		has = s.implements(module)
	case strings.HasPrefix(name, "base:"):
		has = slices.Contains(s.capabilities(), "urn:ietf:params:netconf:"+name)
	default:
		has = slices.ContainsFunc(s.capabilities(), func(c string) bool {
			rest, ok := strings.CutPrefix(c, capability)
			return ok && strings.HasPrefix(rest, name)
		})
	}
	switch {
	case has && not:
		return "the server announces " + name
	case !has && !not:
		return "the server does not announce " + name
	}
	return ""
}

// implements tells whether the server says so of a module, in its hello or its library.
func (s *session) implements(module string) bool {
	for _, c := range s.capabilities() {
		_, query, _ := strings.Cut(c, "?")
		if slices.Contains(strings.Split(query, "&"), "module="+module) {
			return true
		}
	}
	if !slices.ContainsFunc(s.capabilities(), func(c string) bool { return strings.HasPrefix(c, capability+"yang-library:") }) {
		return false
	}
	reply, err := s.ask(`<get><filter><yang-library xmlns="` + nsLibrary + `"><module-set><module><name>` + module + `</name></module></module-set></yang-library></filter></get>`)
	return err == nil && strings.Contains(reply.flat(), "/module/name="+module+"\n")
}

// work is the datastore that edits are made in: running where that can be written.
func (s *session) work() string {
	if s.lacks("writable-running") == "" {
		return "running"
	}
	return "candidate"
}

// harmless are the operations that leave nothing to be put back.
var harmless = []string{"<get", "<validate"}

// ask sends an operation and returns the rpc-reply; notifications are put aside.
func (s *session) ask(operation string) (*element, error) {
	if !s.d.touched && !slices.ContainsFunc(harmless, func(h string) bool { return strings.HasPrefix(operation, h) }) {
		s.d.touched = true
	}
	time.Sleep(s.d.pace)
	s.number++
	id := fmt.Sprint(s.number)
	if err := s.Send(`<rpc message-id="` + id + `" xmlns="` + nsBase + `">` + operation + `</rpc>`); err != nil {
		return nil, err
	}
	e, err := s.reply()
	if err == nil {
		if got, _ := e.attr("", "message-id"); got != id {
			err = fmt.Errorf("the reply has message-id %q and not %q", got, id)
		}
	}
	return e, err
}

// reply reads on to the next rpc-reply.
func (s *session) reply() (*element, error) {
	for {
		b, err := s.Receive()
		if err != nil {
			return nil, err
		}
		e, err := parse(b)
		switch {
		case err != nil:
			return nil, err
		case e.is("rpc-reply"):
			s.lastSeen = e
			return e, nil
		case e.name.Local == "notification" && len(s.events) < 1000:
			s.events = append(s.events, e)
		default:
			return nil, fmt.Errorf("instead of a reply the server sent %.300q", b)
		}
	}
}

// event waits for a notification that holds an element of that name; "" is any.
func (s *session) event(local string) *element {
	for i := 0; ; i++ {
		for i >= len(s.events) {
			b, err := s.Receive()
			if err != nil {
				s.d.fail("no notification of %s: %v", local, err)
			}
			e, err := parse(b)
			if err != nil {
				s.d.fail("%v", err)
			}
			s.events = append(s.events, e)
		}
		if e := s.events[i]; e.name.Local == "notification" && (local == "" || e.child(local) != nil) {
			return e
		}
	}
}

// rpc sends an operation and returns the reply.
func (s *session) rpc(operation string) *element {
	e, err := s.ask(operation)
	if err != nil {
		s.d.fail("no reply to %.200s: %v", operation, err)
	}
	return e
}

// errors are the rpc-errors of severity error in a reply.
func (e *element) errors() (all []*element) {
	for _, c := range e.children {
		if c.is("rpc-error") && c.child("error-severity").value() != "warning" {
			all = append(all, c)
		}
	}
	return all
}

// ok wants <ok/>.
func (s *session) ok(operation string) {
	if e := s.rpc(operation); e.child("ok") == nil {
		s.d.fail("%.200s was answered with %.400s", operation, e.flat())
	}
}

// tried does not mind what becomes of it.
func (s *session) tried(operation string) { s.rpc(operation) }

// refused wants an rpc-error with one of the tags, and in its error-info what is said as
// NAME=VALUE.
func (s *session) refused(operation, tags string, infos ...string) *element {
	return s.isRefusal(operation, s.rpc(operation), tags, infos...)
}

func (s *session) isRefusal(operation string, reply *element, tags string, infos ...string) *element {
	for _, e := range reply.errors() {
		if tags != "" && !slices.Contains(strings.Split(tags, "|"), e.child("error-tag").value()) {
			continue
		}
		info := e.child("error-info")
		for _, i := range infos {
			name, want, _ := strings.Cut(i, "=")
			got := info.child(name).value()
			if _, local, ok := strings.Cut(got, ":"); ok && name != "bad-namespace" {
				got = local // a prefix is the server's choice
			}
			if got != want {
				s.d.fail("%.200s: the error-info has not %s: %.500s", operation, i, reply.flat())
			}
		}
		return e
	}
	s.d.fail("%.200s was not refused with %s: %.400s", operation, tags, reply.flat())
	return nil
}

// data wants data and returns its element.
func (s *session) data(operation string) *element {
	e := s.rpc(operation)
	if data := e.child("data"); data != nil && len(e.errors()) == 0 {
		return data
	}
	s.d.fail("%.200s was answered with %.400s", operation, e.flat())
	return nil
}

// shows wants parts in the data, as they are in element.flat; with a "!" before, not.
func (s *session) shows(operation string, parts ...string) {
	flat := s.data(operation).flat()
	for _, p := range parts {
		if q, not := strings.CutPrefix(p, "!"); not == strings.Contains(flat, q) {
			s.d.fail("%.300s: it is not so that %s in %.600s", operation, p, flat)
		}
	}
}

// exactly wants this element of data and nothing else, as XML.
func (s *session) exactly(operation, want string) {
	w, err := parse([]byte(want))
	if err != nil {
		panic(err)
	}
	// Containers in which nothing is are no data.
	if got := s.data(operation).pruned(); got.canonical() != w.pruned().canonical() {
		s.d.fail("%.300s: the data are\n%.900s\nand not\n%.900s", operation, got.flat(), w.flat())
	}
}

// over wants the server to end the connection.
func (s *session) over() {
	s.SetReadDeadline(s.d.end)
	var n net.Error
	if _, err := io.Copy(io.Discard, s.Conn); errors.As(err, &n) && n.Timeout() {
		s.d.fail("the server keeps the connection open")
	}
}

// soon tries something until it is so, less and less often: some servers do nothing of their
// own while they are asked.
func (d *dialogue) soon(what string, is func() bool) {
	for wait := 20 * time.Millisecond; !is(); wait = min(2*wait, 1500*time.Millisecond) {
		left := time.Until(d.end) - 300*time.Millisecond
		if left <= 0 {
			d.fail("%s", what)
		}
		time.Sleep(min(wait, left))
	}
}

// tidy closes all sessions and puts the server back as it was.
func (d *dialogue) tidy(within time.Duration) (litter error) {
	for _, s := range d.sessions {
		s.Close()
	}
	if !d.touched {
		return nil
	}
	j := &dialogue{dial: d.dial, pace: d.pace, end: time.Now().Add(within)}
	defer func() {
		for _, s := range j.sessions {
			s.Close()
		}
		if p, ok := recover().(stop); ok {
			litter = fmt.Errorf("cannot put back what the check changed: %w", p.err)
		}
	}()
	a := j.open()
	if a.lacks("confirmed-commit:1.1") == "" {
		// What is not needed is refused.
		a.tried(`<cancel-commit><persist-id>` + token + `</persist-id></cancel-commit>`)
		a.tried(`<cancel-commit/>`)
	}
	// What is in use is so until the server has seen that the sessions are gone.
	again := func(operation string) (last *element) {
		j.soon("in use: "+operation, func() bool {
			last = a.rpc(operation)
			return !strings.Contains(last.flat(), "error-tag=in-use") && !strings.Contains(last.flat(), "error-tag=lock-denied")
		})
		return last
	}
	if a.lacks("candidate") == "" {
		again(`<discard-changes/>`)
	}
	removal := removeGroups
	if a.implements("nso-conformance") {
		removal += removeModel
	}
	if last := again(edit(a.work(), removal)); last.child("ok") == nil {
		j.fail("%.300s", last.flat())
	}
	if a.work() == "candidate" {
		if last := again(`<commit/>`); last.child("ok") == nil {
			again(`<discard-changes/>`)
			j.fail("%.300s", last.flat())
		}
	}
	return nil
}
