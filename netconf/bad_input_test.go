// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"nso.example/nso/test/peer"
)

// witness is a session that nothing that others do may touch.
func (w *world) witness() (check func()) {
	c := w.open("admin")
	return func() {
		w.t.Helper()
		reply := w.rpc(c, `<get-config><source><running/></source><filter><alone xmlns="urn:test"/></filter></get-config>`)
		if !strings.Contains(reply, ">untouched<") {
			w.t.Fatalf("the other session got %s", reply)
		}
	}
}

const untouched = "/test:alone = untouched"

// Broken framing ends the session (RFC 6242, 4.2), whatever the state.
func TestBrokenFraming(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	check := w.witness()
	for _, text := range []string{
		"garbage", "\n", "\n#", "\n#0\n", "\n#01\nx", "\n#-1\n", "\n#4294967296\n", "\n#99999999999\n", "\n##\n", "\n#abc\n",
		"\n#3\nabc", "\n#3\nabc\n#x", "\n#3\nabc\n##", "\n#3\nabcd\n##\n", "]]>]]>", "\r\n#3\r\nabc", "\n#4294967295\n",
		"\x00\x00\x00", "\n#3\n<a/\n##\n", // well-framed, not well-formed
	} {
		c := w.open("admin")
		if _, err := io.WriteString(c.Conn, text); err != nil {
			t.Fatal(err)
		}
		c.Conn.(*net.UnixConn).CloseWrite()
		w.ended(c)
	}
	// Of base:1.0, what may be wrong is that it ends.
	c := w.open("admin", base10)
	io.WriteString(c.Conn, `<rpc message-id="1" xmlns="`+nsBase+`"><get/></rpc>]]>]]`)
	c.Conn.(*net.UnixConn).CloseWrite()
	w.ended(c)
	w.sessions(1)
	check()
}

// Bombs: nothing expands, everything has a limit, and the session lives.
func TestBombs(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched, Options: Options{MessageSize: 1 << 20}})
	check := w.witness()
	c := w.open("admin")
	lol := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><rpc/>`
	rpc := func(s string) string { return `<rpc message-id="1" xmlns="` + nsBase + `">` + s + `</rpc>` }
	for name, text := range map[string]string{
		"entities":         lol,
		"an entity":        rpc("&lol;"),
		"depth":            rpc(strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000)),
		"depth in config":  rpc(config + strings.Repeat("<top>", 10_000) + strings.Repeat("</top>", 10_000) + endConfig),
		"depth in filter":  rpc("<get><filter>" + strings.Repeat("<top>", 10_000) + strings.Repeat("</top>", 10_000) + "</filter></get>"),
		"attributes":       rpc("<get" + manyAttributes(1000) + "/>"),
		"a long attribute": rpc(`<get a="` + strings.Repeat("x", 200_000) + `"/>`),
		"a long name":      rpc("<" + strings.Repeat("x", 5000) + "/>"),
		"namespaces":       rpc("<get" + manyNamespaces(1000) + "/>"),
		"size":             rpc("<!--" + strings.Repeat("x", 2<<20) + "-->"),
		"nesting":          rpc("<get><filter></get></filter>"),
		"a long XPath":     rpc(`<get><filter type="xpath" select="` + strings.Repeat("(", 60_000) + `"/></get>`),
		"a costly XPath":   rpc(`<get><filter type="xpath" select="//*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0]"/></get>`),
	} {
		if err := c.Send(text); err != nil {
			t.Fatal(name, err)
		}
		reply, err := c.Receive()
		if err != nil || !bytes.Contains(reply, []byte("<rpc-error>")) {
			t.Errorf("%s: %v %.300s", name, err, reply)
		}
		check()
	}
	// Four times too large is more than is read to the end.
	big := w.open("admin")
	go big.Send(rpc("<!--" + strings.Repeat("x", 5<<20) + "-->"))
	w.ended(big)
	w.mustOK(c, "<close-session/>")
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func manyNamespaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` xmlns:a%d="urn:%d"`, i, i)
	}
	return b.String()
}

// What is too big is told so, and is not held in memory while it comes.
func TestTooBig(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched, Options: Options{MessageSize: 1 << 20}})
	check := w.witness()
	for _, b := range []string{base10, base11} {
		c := w.open("admin", b)
		reply := w.rpc(c, config+`<alone xmlns="urn:test">`+strings.Repeat("x", 3<<20)+`</alone>`+endConfig)
		if !strings.Contains(reply, "<error-tag>too-big</error-tag>") {
			t.Errorf("%s: %.500s", b, reply)
		}
		w.mustOK(c, `<lock><target><running/></target></lock>`)
		w.mustOK(c, `<close-session/>`)
		w.ended(c)
	}
	check()
}

// A filter is as small as what it means.
func TestFilterOfManyNodes(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	c := w.open("admin")
	ask := func(inner string) string {
		return w.rpc(c, `<get-config><source><running/></source><filter>`+inner+`</filter></get-config>`)
	}
	if reply := ask(strings.Repeat(`<alone xmlns="urn:test"/>`, 200_000)); !strings.Contains(reply, "untouched") {
		t.Errorf("%.300s", reply)
	}
	if reply := ask(strings.Repeat(`<x/>`, 500_000)); !strings.Contains(reply, "<data/>") {
		t.Errorf("%.300s", reply)
	}
	reply := ask(`<top xmlns="urn:test">` + strings.Repeat(`<entry><value>1</value></entry>`, 100_000) + `</top>`)
	if !strings.Contains(reply, "too-big") {
		t.Errorf("%.300s", reply)
	}
}

// Clients that are slow are told nothing and are gone after their time.
func TestSlowClients(t *testing.T) {
	const soon = 300 * time.Millisecond
	w := newWorld(t, worldOptions{before: untouched, Options: Options{HelloTimeout: soon, MessageTime: soon, WriteTime: soon}})
	check := w.witness()
	drip := func(c net.Conn, text string) {
		for i := range text {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	var wait sync.WaitGroup
	start := func(f func()) {
		wait.Add(1)
		go func() { defer wait.Done(); f() }()
	}
	silent := w.connect("admin")
	start(func() { io.Copy(io.Discard, silent) })
	slowHello := w.connect("admin")
	start(func() { io.Copy(io.Discard, slowHello) })
	start(func() { drip(slowHello, `<hello xmlns="`+nsBase+`"><capabilities><capability>`) })
	slowRPC := w.open("admin")
	start(func() { io.Copy(io.Discard, slowRPC.Conn) })
	start(func() { drip(slowRPC.Conn, "\n#500\n<rpc message-id='1' xmlns='"+nsBase+"'>") })
	// One that does not read what it asked for.
	deaf := w.open("admin")
	start(func() {
		for range 20_000 {
			if deaf.Send(`<rpc message-id="1" xmlns="`+nsBase+`"><get/></rpc>`) != nil {
				return
			}
		}
		t.Error("a client that never reads was served without end")
	})
	wait.Wait()
	w.sessions(1)
	check()
}

// A session may be silent between requests for as long as Options say.
func TestIdle(t *testing.T) {
	w := newWorld(t, worldOptions{Options: Options{IdleTimeout: 50 * time.Millisecond, HelloTimeout: 30 * time.Second}})
	c := w.open("admin")
	w.ended(c)
	w.sessions(0)
	if !strings.Contains(w.log.String(), "silent or slow") {
		t.Errorf("the log does not say why:\n%s", w.log)
	}
}

// Half-open: the client has said all that it will, and still gets its answers.
func TestHalfOpen(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	c := w.open("admin")
	if err := c.Send(`<rpc message-id="1" xmlns="` + nsBase + `"><get-config><source><running/></source></get-config></rpc>`); err != nil {
		t.Fatal(err)
	}
	c.Conn.(*net.UnixConn).CloseWrite()
	reply, err := c.Receive()
	if err != nil || !bytes.Contains(reply, []byte("untouched")) {
		t.Fatal(err, string(reply))
	}
	w.ended(c)
	w.sessions(0)
}

// Half a message does nothing (invariant 1).
func TestHalfAnEdit(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	check := w.witness()
	whole := `<rpc message-id="1" xmlns="` + nsBase + `">` + config + `<alone xmlns="urn:test">touched</alone>` + endConfig + `</rpc>`
	for cut := len(whole) - 60; cut < len(whole); cut++ {
		c := w.open("admin")
		fmt.Fprintf(c.Conn, "\n#%d\n%s", cut, whole[:cut])
		c.Conn.(*net.UnixConn).CloseWrite()
		w.ended(c)
		check()
	}
	// Whole XML in a message that does not end.
	c := w.open("admin")
	fmt.Fprintf(c.Conn, "\n#%d\n%s", len(whole), whole)
	c.Conn.(*net.UnixConn).CloseWrite()
	w.ended(c)
	check()
}

// Sessions are bounded, in all and for each user, and those who are kept out
// do not hinder the others.
func TestManySessions(t *testing.T) {
	o := worldOptions{before: untouched}
	o.mgmt.MaxSessions, o.mgmt.MaxPerUser, o.mgmt.Reserve = 100, 60, 10
	o.Patience = time.Millisecond
	w := newWorld(t, o)
	check := w.witness()
	const tries = 10_000
	open := make([]net.Conn, 0, 200)
	refused := 0
	for i := range tries {
		c := w.connect(fmt.Sprintf("user%d", i%3))
		one := make([]byte, 1)
		if _, err := c.Read(one); err != nil {
			refused++
			c.Close()
		} else {
			open = append(open, c)
		}
	}
	if len(open) != 89 || refused != tries-89 { // one is the witness, ten are kept
		t.Errorf("%d sessions, %d refused", len(open), refused)
	}
	admin := w.open("admin") // of those that are kept
	check()
	w.mustOK(admin, "<close-session/>")
	for _, c := range open {
		c.Close()
	}
	w.sessions(1)
	check()
}

// Verify is asked before the first request and not later.
func TestVerify(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	check := w.witness()
	asked := 0
	liar := Peer{Actor: actor("admin"), Transport: "netconf-tcp", Verify: func() error { asked++; return errors.New("another socket") }}
	c := peer.New(w.connectAs(liar))
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	if reply, err := c.RPC(config + `<alone xmlns="urn:test">touched</alone>` + endConfig); err == nil {
		t.Fatalf("answered with %s", reply)
	}
	w.sessions(1)
	if asked != 1 || !strings.Contains(w.log.String(), "another socket") {
		t.Errorf("asked %d times\n%s", asked, w.log)
	}
	check()
	honest := liar
	honest.Verify = func() error { asked++; return nil }
	c = peer.New(w.connectAs(honest))
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	w.rpc(c, "<get/>")
	w.rpc(c, "<get/>")
	w.mustOK(c, "<close-session/>")
	w.ended(c)
	if asked != 2 {
		t.Errorf("asked %d times", asked-1)
	}
}

// A daemon that stops ends its sessions, and no goroutine is left.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t, worldOptions{})
	var conns []*peer.Conn
	for range 20 {
		conns = append(conns, w.open("admin"))
	}
	w.stop()
	for _, c := range conns {
		w.ended(c)
	}
	w.sessions(0)
	w.wait.Wait()
	if log := w.log.String(); strings.Count(log, "the daemon is stopping") < 20 {
		t.Errorf("the log does not say why:\n%s", log)
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+4; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// A panic in a handler ends that session alone and is counted.
func TestPanic(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	check := w.witness()
	w.server.ops[base("frobnicate")] = &operation{name: base("frobnicate"), parse: func(*request) (action, error) { panic("a bug") }}
	c := w.open("admin")
	if _, err := c.RPC("<frobnicate/>"); err == nil {
		t.Error("answered")
	}
	w.sessions(1)
	if n := w.server.panics.Swap(0); n != 1 {
		t.Errorf("%d panics", n)
	}
	if !strings.Contains(w.log.String(), "a bug") {
		t.Error("the log does not have it")
	}
	check()
}

// Edits that take their own author's rights away are refused by whatever way they come, and
// he can go on.
func TestOwnAccess(t *testing.T) {
	w := newWorld(t, worldOptions{before: untouched})
	check := w.witness()
	c := w.open("admin")
	const acm = `<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm" xmlns:nc="` + nsBase + `"`
	gone := acm + ` nc:operation="remove"/>`
	deny := acm + `><rule-list><name>admin</name><rule><name>all</name><action>deny</action></rule></rule-list></nacm>`
	lost := func(what, operation string) {
		t.Helper()
		if reply := w.rpc(c, operation); !strings.Contains(reply, "<error-app-tag>lock-out</error-app-tag>") {
			t.Errorf("%s: %s", what, reply)
		}
		check()
		w.mustOK(c, config+`<alone xmlns="urn:test">untouched</alone>`+endConfig)
	}
	w.mustOK(c, `<copy-config><target><candidate/></target><source><running/></source></copy-config>`)
	rule := w.rpc(c, `<get-config><source><running/></source><filter>`+acm+`><rule-list/></nacm></filter></get-config>`)
	name := func(element string) string {
		_, rest, _ := strings.Cut(rule, "<"+element+">")
		_, rest, _ = strings.Cut(rest, "<name>")
		text, _, _ := strings.Cut(rest, "<")
		return text
	}
	deny = strings.NewReplacer("<name>admin<", "<name>"+name("rule-list")+"<", "<name>all<", "<name>"+name("rule")+"<").Replace(deny)
	lost("an edit that removes", config+gone+endConfig)
	lost("an edit that denies", config+deny+endConfig)
	lost("an edit that replaces all", `<edit-config><target><running/></target><default-operation>replace</default-operation><config><alone xmlns="urn:test">x</alone></config></edit-config>`)
	lost("a copy", `<copy-config><target><running/></target><source><config><alone xmlns="urn:test">x</alone></config></source></copy-config>`)
	w.mustOK(c, strings.Replace(config, "running", "candidate", 1)+gone+endConfig)
	lost("a commit", `<commit/>`)
	lost("a confirmed commit", `<commit><confirmed/></commit>`)
	w.mustOK(c, `<discard-changes/>`)
}

// Locks of sessions that are dead or as good as dead are free again.
func TestDeadPeers(t *testing.T) {
	const soon = 300 * time.Millisecond
	w := newWorld(t, worldOptions{before: untouched, Options: Options{MessageTime: soon, WriteTime: soon}})
	rpc := `<rpc message-id="1" xmlns="` + nsBase + `"><get/></rpc>`
	var wait sync.WaitGroup
	defer wait.Wait()
	for name, dies := range map[string]func(c *peer.Conn){
		"gone":              func(c *peer.Conn) { c.Close() },
		"reads no more":     func(c *peer.Conn) { c.Conn.(*net.UnixConn).CloseRead() },
		"half a message":    func(c *peer.Conn) { io.WriteString(c.Conn, "\n#1000\n"+rpc) },
		"a message, slowly": func(c *peer.Conn) { io.WriteString(c.Conn, "\n#1000\n"); time.Sleep(soon) },
		"deaf": func(c *peer.Conn) {
			for c.Send(rpc) == nil {
			}
		},
	} {
		c, other := w.open("admin"), w.open("admin")
		w.mustOK(c, `<lock><target><running/></target></lock>`)
		w.mustOK(c, `<lock><target><candidate/></target></lock>`)
		w.mustOK(c, strings.Replace(config, "running", "candidate", 1)+`<alone xmlns="urn:test">touched</alone>`+endConfig)
		wait.Go(func() { dies(c) })
		if name == "reads no more" { // it is found out when there is something to tell it
			w.mustOK(other, `<close-session/>`)
			c.Send(rpc)
			other = w.open("admin")
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			reply := w.rpc(other, `<lock><target><candidate/></target></lock>`)
			if strings.Contains(reply, "<ok/>") {
				break
			}
			if !strings.Contains(reply, "lock-denied") || time.Now().After(end) {
				t.Fatalf("%s: %s", name, reply)
			}
		}
		if reply := w.rpc(other, `<get-config><source><candidate/></source></get-config>`); strings.Contains(reply, ">touched<") {
			t.Errorf("%s: its changes are there", name)
		}
		w.mustOK(other, config+`<alone xmlns="urn:test">untouched</alone>`+endConfig)
		w.mustOK(other, `<close-session/>`)
		c.Close()
		w.sessions(0)
	}
}
