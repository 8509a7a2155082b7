// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/netconf/framing"
	"nso.example/nso/test/peer"
)

// A check that cannot fail is a defect. mutants are servers that are wrong in one way: this
// server behind a proxy that changes what is said.
type mutant struct {
	name string
	// fails are the checks that must fail: all whose names begin with one of these.
	fails string
	// hello changes the server's hello, greeting the client's; "" ends the session.
	hello, greeting func(text string) string
	// request changes an rpc; an answer that is not "" is given instead of asking. Of ""
	// nothing becomes anything.
	request func(rpc string) (changed, answer string)
	// reply changes what comes back: "" is not sent.
	reply func(rpc, reply string) string
	// first and frame frame the hello and what follows it, instead of doing it right.
	first, frame func(text string) string
	keeps        bool // the connection open where the server ends it
	lingers      bool // the session stays when the client's connection is gone
	waits        bool // for the client's hello
	eager        bool // takes an rpc for a hello
	patient      bool // its checks take some seconds
}

// answered is an rpc-reply to rpc.
func answered(rpc, body string) string {
	id := regexp.MustCompile(`message-id="([^"]*)"`).FindString(rpc)
	return `<rpc-reply xmlns="` + nsBase + `" ` + id + `>` + body + `</rpc-reply>`
}

const yes = `<ok/>`

func refusal(kind, word string) string {
	return `<rpc-error><error-type>` + kind + `</error-type><error-tag>` + word + `</error-tag><error-severity>error</error-severity></rpc-error>`
}

// proxy serves a mutant on a socket of its own.
func proxy(t *testing.T, server string, m mutant) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "m")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { m.serve(c, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return path
}

// serve is one connection to a mutant.
func (m mutant) serve(c net.Conn, server string) {
	defer c.Close()
	s, err := net.Dial("unix", server)
	if err != nil {
		return
	}
	defer s.Close()
	over := time.Now().Add(time.Minute)
	c.SetDeadline(over)
	s.SetDeadline(over)
	fromClient, toClient := framing.NewReader(c, 1<<26), framing.NewWriter(c)
	fromServer, toServer := framing.NewReader(s, 1<<26), framing.NewWriter(s)
	pass := func(r *framing.Reader) (string, error) {
		if err := r.Next(); err != nil {
			return "", err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	}
	send := func(w *framing.Writer, text string) error {
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		return w.End()
	}
	raw := func(f func(string) string, w *framing.Writer, text string) error {
		if f == nil {
			return send(w, text)
		}
		_, err := io.WriteString(c, f(text))
		return err
	}
	hello, err := pass(fromServer)
	if err != nil {
		return
	}
	if m.hello != nil {
		hello = m.hello(hello)
	}
	theirs := ""
	if m.waits {
		if theirs, err = pass(fromClient); err != nil {
			return
		}
	}
	if raw(m.first, toClient, hello) != nil {
		return
	}
	if theirs == "" {
		if theirs, err = pass(fromClient); err != nil {
			return
		}
	}
	early := ""
	if m.eager && strings.HasPrefix(theirs, "<rpc") {
		early, theirs = theirs, `<hello xmlns="`+nsBase+`"><capabilities>`+capa(peer.Base10)+`</capabilities></hello>`
	}
	if m.greeting != nil {
		theirs = m.greeting(theirs)
	}
	if theirs == "" || send(toServer, theirs) != nil {
		return
	}
	if strings.Contains(theirs, peer.Base11) && strings.Contains(hello, peer.Base11) {
		fromClient.Chunked()
		toClient.Chunked()
		fromServer.Chunked()
		toServer.Chunked()
	}
	if early != "" {
		send(toServer, early)
	}
	var mu sync.Mutex
	var asked []string
	var back sync.WaitGroup
	defer back.Wait()
	defer s.Close()
	back.Go(func() {
		for {
			reply, err := pass(fromServer)
			if err != nil {
				if !m.keeps {
					c.Close()
				}
				return
			}
			mu.Lock()
			rpc := ""
			if !strings.Contains(reply, "<notification") && len(asked) > 0 {
				rpc, asked = asked[0], asked[1:]
			}
			if m.reply != nil {
				reply = m.reply(rpc, reply)
			}
			if reply != "" {
				err = raw(m.frame, toClient, reply)
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	for {
		rpc, err := pass(fromClient)
		if err != nil {
			if m.keeps { // what is wrong with the framing does not matter to it
				io.Copy(io.Discard, c)
			}
			if m.lingers {
				time.Sleep(4 * time.Second)
			}
			return
		}
		changed, answer := rpc, ""
		if m.request != nil {
			changed, answer = m.request(rpc)
		}
		mu.Lock()
		if answer != "" {
			err = raw(m.frame, toClient, answered(rpc, answer))
		} else if err = nil; changed != "" {
			asked = append(asked, rpc)
			err = send(toServer, changed)
		}
		mu.Unlock()
		if err != nil {
			return
		}
	}
}

// instead answers what contains a word without asking.
func instead(word, answer string) func(string) (string, string) {
	return func(rpc string) (string, string) {
		if strings.Contains(rpc, word) {
			return rpc, answer
		}
		return rpc, ""
	}
}

// without takes what matches out of requests.
func without(pattern, by string) func(string) (string, string) {
	re := regexp.MustCompile(pattern)
	return func(rpc string) (string, string) { return re.ReplaceAllString(rpc, by), "" }
}

// lies changes what matches in replies.
func lies(pattern, by string) func(string, string) string {
	re := regexp.MustCompile(pattern)
	return func(_, reply string) string { return re.ReplaceAllString(reply, by) }
}

func greetsWith(pattern, by string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(hello string) string { return re.ReplaceAllString(hello, by) }
}

// TestMain lets many mutants be tried at once: they wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "12")
	os.Exit(m.Run())
}

// TestMutants: each check fails on a server that is wrong in what it asks for; a check
// that does not is none. What no mutant is for is held to two that are wrong in all.
func TestMutants(t *testing.T) {
	all := checks()
	var mu sync.Mutex
	caught := make(map[string]bool)
	try := func(t *testing.T, m mutant, want func(c check) bool, each func(r Result)) {
		path, deadline := proxy(t, serve(t, false), m), 3*time.Second
		if m.patient {
			deadline = 8 * time.Second
		}
		Run(Options{Dial: dialUnix(path), Deadline: deadline, GiveUp: len(all), Want: want, Tell: func(r Result) {
			mu.Lock()
			defer mu.Unlock()
			caught[r.id] = caught[r.id] || r.Err != nil
			each(r)
		}})
	}
	t.Run("one", func(t *testing.T) {
		for _, m := range mutants() {
			t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				names := strings.Fields(m.fails)
				for _, n := range names {
					if !slices.ContainsFunc(all, func(c check) bool { return strings.HasPrefix(c.id, n) }) {
						t.Errorf("there is no check %s", n)
					}
				}
				try(t, m, func(c check) bool {
					return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(c.id, n) })
				}, func(r Result) {
					if r.Err != nil && strings.Contains(r.Err.Error(), "too little time") {
						t.Errorf("%s: %v", r.id, r.Err)
					}
					if r.Err == nil {
						t.Errorf("%s passes, or is skipped (%s): %s", r.id, r.Skipped, r.says)
					}
				})
			})
		}
	})
	specific := len(caught)
	left := func(c check) bool { mu.Lock(); defer mu.Unlock(); return !caught[c.id] }
	for _, m := range []mutant{
		{name: "refuses all", reply: func(rpc, _ string) string { return answered(rpc, refusal("application", "operation-failed")) }},
		{name: "says ok to all", reply: func(rpc, _ string) string { return answered(rpc, yes) }},
	} {
		try(t, m, left, func(Result) {})
	}
	for _, c := range all {
		if !caught[c.id] {
			t.Errorf("%s cannot fail: %s", c.id, c.says)
		}
	}
	t.Logf("%d checks, %d of them by a mutant of their own", len(all), specific)
}
