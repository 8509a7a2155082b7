// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/mgmt"
	"nso.example/nso/test/peer"
)

// One test for each MUST of RFC 6241 that applies to this server and is no
// dialogue of testdata. Section and sentence are named.

// hello reads the server's hello: capabilities and session-id.
func hello(t testing.TB, text string) (capabilities []string, id string) {
	t.Helper()
	r := xmlstream.NewReader(strings.NewReader(text), xmlstream.Limits{})
	for {
		tok, err := r.Next()
		if err != nil {
			t.Fatal(err, text)
		}
		switch {
		case tok.Kind == xmlstream.EOF:
			return capabilities, id
		case tok.Kind != xmlstream.Start:
		case tok.Name == base("capability"):
			b, _ := r.Text()
			capabilities = append(capabilities, string(b))
		case tok.Name == base("session-id"):
			b, _ := r.Text()
			id = string(b)
		}
	}
}

// 3: "All NETCONF messages MUST be encoded in UTF-8", and one that is not, or is
// not well-formed, SHOULD be answered by malformed-message; "no DTD".
func Test3Encoding(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.open("admin")
	for _, bad := range []string{
		"<rpc message-id=\"\xff\" xmlns=\"" + nsBase + "\"><get/></rpc>",
		`<?xml version="1.0" encoding="ISO-8859-1"?><rpc message-id="1" xmlns="` + nsBase + `"><get/></rpc>`,
		"\xff\xfe<\x00r\x00p\x00c\x00/\x00>\x00",
		`<!DOCTYPE rpc SYSTEM "file:///etc/passwd"><rpc message-id="1" xmlns="` + nsBase + `"><get/></rpc>`,
		"<rpc message-id=\"\x01\" xmlns=\"" + nsBase + "\"><get/></rpc>",
		"<rpc message-id=\"1\" xmlns=\"" + nsBase + "\"><get/>\x00</rpc>",
	} {
		if err := c.Send(bad); err != nil {
			t.Fatal(err)
		}
		reply, err := c.Receive()
		if err != nil || !strings.Contains(string(reply), "<error-tag>malformed-message</error-tag>") {
			t.Errorf("%q: %v %s", bad, err, reply)
		}
	}
	w.mustOK(c, `<lock><target><running/></target></lock>`) // it lives
}

// 4.1: "the receiver of the request ... MUST return [other attributes] unmodified
// in the <rpc-reply> element. This includes any xmlns attributes."
func Test4_1Attributes(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.open("admin")
	if err := c.Send(`<rpc xmlns="` + nsBase + `" xmlns:ex="urn:ex" xmlns:unused = 'urn:unused' message-id="xmlns:no=" ex:a="&#x41;&lt;" b="">` +
		`<get><filter/></get></rpc>`); err != nil {
		t.Fatal(err)
	}
	reply, err := c.Receive()
	if err != nil {
		t.Fatal(err)
	}
	r := xmlstream.NewReader(strings.NewReader(string(reply)), xmlstream.Limits{})
	tok, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range tok.Attrs {
		got = append(got, fmt.Sprintf("%s=%s", a.Name, a.Value))
	}
	slices.Sort(got)
	if want := []string{"b=", "message-id=xmlns:no=", "{urn:ex}a=A<"}; !slices.Equal(got, want) {
		t.Errorf("attributes %q, want %q in %s", got, want, reply)
	}
	for prefix, uri := range map[string]string{"ex": "urn:ex", "unused": "urn:unused"} {
		if got, _ := r.Lookup(prefix); got != uri {
			t.Errorf("%s is %q in %s", prefix, got, reply)
		}
	}
}

// 4.1: requests of a session are answered in their order: "requests ... MUST be
// processed serially", pipelined ones too.
func Test4_5Pipelining(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, bases := range [][]string{{base10}, {base11}} {
		c := w.open("admin", bases...)
		const n = 200
		var sent strings.Builder
		for i := range n {
			op := `<get><filter/></get>`
			if i%3 == 1 {
				op = `<frobnicate/>`
			}
			message := fmt.Sprintf(`<rpc message-id="%d" xmlns="%s">%s</rpc>`, i, nsBase, op)
			if bases[0] == base10 {
				sent.WriteString(message + "]]>]]>")
			} else { // in two chunks
				fmt.Fprintf(&sent, "\n#10\n%s\n#%d\n%s\n##\n", message[:10], len(message)-10, message[10:])
			}
		}
		go io.WriteString(c.Conn, sent.String())
		for i := range n {
			reply, err := c.Receive()
			if err != nil || !strings.Contains(string(reply), `message-id="`+strconv.Itoa(i)+`"`) {
				t.Fatalf("%d: %v %s", i, err, reply)
			}
		}
		w.mustOK(c, "<close-session/>")
		w.ended(c)
	}
}

// 4.3: error-type, error-tag and error-severity are mandatory, in this order.
func Test4_3ErrorOrder(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.open("admin")
	reply := w.rpc(c, config+`<top xmlns="urn:test"><entry><name>a</name><value>x</value></entry></top>`+endConfig)
	at := -1
	for _, name := range []string{"<error-type>", "<error-tag>", "<error-severity>", "<error-path", "<error-message"} {
		i := strings.Index(reply, name)
		if i <= at {
			t.Errorf("%s is not in its place in %s", name, reply)
		}
		at = i
	}
}

// 8.1: "each peer MUST send at least the base NETCONF capability"; "a server
// sending the <hello> element MUST include a <session-id>"; both capability and
// id are well-formed and there is one id for each session.
func Test8_1ServerHello(t *testing.T) {
	w := newWorld(t, worldOptions{})
	seen := make(map[string]bool)
	for range 3 {
		c := w.open("admin")
		capabilities, id := hello(t, c.Hello)
		if n, err := strconv.ParseUint(id, 10, 32); err != nil || n == 0 || seen[id] {
			t.Errorf("session-id %q", id)
		}
		seen[id] = true
		for _, want := range []string{base10, base11,
			"urn:ietf:params:netconf:capability:writable-running:1.0", "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
			"urn:ietf:params:netconf:capability:validate:1.1", "urn:ietf:params:netconf:capability:xpath:1.0",
			"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring&revision=2010-10-04",
		} {
			if !slices.Contains(capabilities, want) {
				t.Errorf("the hello lacks %s:\n%s", want, strings.Join(capabilities, "\n"))
			}
		}
	}
}

// 8.1: "The server MUST NOT [wait] to receive the capability set from the other
// side": it speaks first to a client that is silent.
func Test8_1ServerSpeaksFirst(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := peer.New(w.connect("admin"))
	if text, err := c.Receive(); err != nil || !strings.Contains(string(text), "<hello ") {
		t.Fatal(err, string(text))
	}
}

// 8.1: what is no proper hello of a client ends the session.
func Test8_1ClientHello(t *testing.T) {
	const caps = `<capabilities><capability>` + base10 + `</capability></capabilities>`
	good := []string{
		`<hello xmlns="` + nsBase + `">` + caps + `</hello>`,
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<nc:hello xmlns:nc="` + nsBase + `"><nc:capabilities><nc:capability> ` + base10 +
			"\n</nc:capability><nc:capability>urn:x</nc:capability></nc:capabilities></nc:hello>\n",
		`<hello xmlns="` + nsBase + `">` + caps + `<more xmlns="urn:more"><a/></more></hello>`,
		`<hello xmlns="` + nsBase + `"><capabilities><capability>` + base10 + `?colour=red</capability></capabilities></hello>`,
	}
	bad := map[string]string{
		"a session-id":    `<hello xmlns="` + nsBase + `">` + caps + `<session-id>4</session-id></hello>`, // "MUST terminate"
		"no base":         `<hello xmlns="` + nsBase + `"><capabilities><capability>urn:x</capability></capabilities></hello>`,
		"nothing":         `<hello xmlns="` + nsBase + `"/>`,
		"no namespace":    `<hello>` + caps + `</hello>`,
		"an rpc":          `<rpc message-id="1" xmlns="` + nsBase + `"><close-session/></rpc>`,
		"text":            `<hello xmlns="` + nsBase + `">hello` + caps + `</hello>`,
		"no XML":          `hello`,
		"cut":             `<hello xmlns="` + nsBase + `">` + caps,
		"a DTD":           `<!DOCTYPE hello><hello xmlns="` + nsBase + `">` + caps + `</hello>`,
		"an element":      `<hello xmlns="` + nsBase + `"><capabilities><capability><a/></capability></capabilities></hello>`,
		"too many":        `<hello xmlns="` + nsBase + `"><capabilities>` + strings.Repeat(`<capability>`+base10+`</capability>`, 1001) + `</capabilities></hello>`,
		"too deep":        `<hello xmlns="` + nsBase + `">` + strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20) + caps + `</hello>`,
		"too long":        `<hello xmlns="` + nsBase + `"><!--` + strings.Repeat("x", helloSize) + `-->` + caps + `</hello>`,
		"base 1.1 framed": "\n#5\nhello\n##\n",
	}
	w := newWorld(t, worldOptions{Options: Options{HelloTimeout: 1 << 36}})
	for _, text := range good {
		c := peer.New(w.connect("admin"))
		if err := c.Send(text); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Receive(); err != nil {
			t.Fatal(err)
		}
		w.mustOK(c, "<close-session/>")
		w.ended(c)
	}
	before := w.mgmt.Status().Counters.BadHellos
	for name, text := range bad {
		c := w.connect("admin")
		go io.WriteString(c, text+"]]>]]>")
		w.ended(c)
		if log := w.log.String(); !strings.Contains(log, "no session: ") {
			t.Errorf("%s: the log does not say why:\n%s", name, log)
		}
	}
	w.sessions(0)
	if n := w.mgmt.Status().Counters.BadHellos - before; n != uint32(len(bad)) {
		t.Errorf("%d bad hellos are counted and not %d", n, len(bad))
	}
}

// RFC 6242, 4.1: chunked framing exactly when both say base:1.1.
func TestRFC6242_4_1Framing(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, tt := range []struct {
		bases   []string
		chunked bool
	}{{[]string{base10}, false}, {[]string{base11}, true}, {[]string{base10, base11}, true}, {[]string{base11, base10}, true}} {
		c := w.connect("admin")
		caps := ""
		for _, b := range tt.bases {
			caps += "<capability>" + b + "</capability>"
		}
		rpc := `<rpc message-id="1" xmlns="` + nsBase + `"><close-session/></rpc>`
		if tt.chunked {
			rpc = fmt.Sprintf("\n#%d\n%s\n##\n", len(rpc), rpc)
		} else {
			rpc += "]]>]]>"
		}
		// All at once: the framing changes between two bytes of one segment.
		if _, err := io.WriteString(c, `<hello xmlns="`+nsBase+`"><capabilities>`+caps+`</capabilities></hello>]]>]]>`+rpc); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(c)
		_, answer, ok := strings.Cut(string(all), "]]>]]>")
		if err != nil || !ok || strings.HasPrefix(answer, "\n#") != tt.chunked || !strings.Contains(answer, "<ok/>") {
			t.Errorf("%v: %v %q", tt.bases, err, answer)
		}
	}
}

// 7.5: "a lock MUST be released when the session ends", whichever way.
func Test7_5LockEndsWithSession(t *testing.T) {
	w := newWorld(t, worldOptions{})
	other := w.open("admin")
	for name, end := range map[string]func(c *peer.Conn){
		"dropped": func(c *peer.Conn) { c.Close() },
		"broken":  func(c *peer.Conn) { io.WriteString(c.Conn, "garbage") },
	} {
		c := w.open("admin")
		w.mustOK(c, `<lock><target><running/></target></lock>`)
		end(c)
		w.sessions(1)
		if reply := w.rpc(other, `<lock><target><running/></target></lock>`); !strings.Contains(reply, "<ok/>") {
			t.Errorf("%s: %s", name, reply)
		}
		w.mustOK(other, `<unlock><target><running/></target></unlock>`)
	}
}

// 7.9: "the server MUST abort any operations currently in process, release any
// locks and resources" of a session that is killed, also while it reads slowly.
func Test7_9KillHalfSent(t *testing.T) {
	w := newWorld(t, worldOptions{})
	victim := w.open("admin")
	w.mustOK(victim, `<lock><target><running/></target></lock>`)
	_, id := hello(t, victim.Hello)
	io.WriteString(victim.Conn, "\n#1000\n"+`<rpc message-id="1" xmlns="`+nsBase+`"><edit-config>`)
	c := w.open("admin")
	w.mustOK(c, `<kill-session><session-id>`+id+`</session-id></kill-session>`)
	w.mustOK(c, `<lock><target><running/></target></lock>`)
	w.ended(victim)
	w.sessions(1)
}

// RFC 6022, 2.1.5: the counters count.
func TestRFC6022Counters(t *testing.T) {
	w := newWorld(t, worldOptions{})
	c := w.open("admin")
	w.rpc(c, `<get><filter/></get>`)
	w.rpc(c, `<frobnicate/>`)
	if err := c.Send("<nothing/>"); err != nil {
		t.Fatal(err)
	}
	c.Receive()
	reply := w.rpc(c, `<get><filter><netconf-state xmlns="`+nsMonitoring+`"><sessions/><capabilities/></netconf-state></filter></get>`)
	for _, want := range []string{"<in-rpcs>2</in-rpcs>", "<in-bad-rpcs>1</in-bad-rpcs>", "<out-rpc-errors>2</out-rpc-errors>",
		"<username>admin</username>", "<capability>" + base11 + "</capability>"} {
		if !strings.Contains(reply, want) {
			t.Errorf("no %s in %s", want, reply)
		}
	}
	w.mustOK(c, "<close-session/>")
	w.sessions(0)
	if got := w.mgmt.Status().RPCs; got != (mgmt.SessionCounters{InRPCs: 4, InBadRPCs: 1, OutRPCErrors: 2}) {
		t.Errorf("in all %+v", got)
	}
}

// TestFarewell: a session that is ended from outside is told why.
func TestFarewell(t *testing.T) {
	for _, base := range []string{peer.Base10, peer.Base11} {
		w := newWorld(t, worldOptions{before: untouched})
		c := w.open("admin", base)
		w.rpc(c, "<get-config><source><running/></source></get-config>")
		if err := w.mgmt.Kick(w.mgmt.List()[0].ID, "enough is enough"); err != nil {
			t.Fatal(err)
		}
		text, err := c.Receive()
		if err != nil || !strings.Contains(string(text), "<error-type>transport</error-type>") || !strings.Contains(string(text), "the session is ended: enough is enough") {
			t.Errorf("it is told %s, %v", text, err)
		}
		w.ended(c.Conn)
	}
}

// TestPatience: where a limit leaves no session the next is waited for.
func TestPatience(t *testing.T) {
	o := worldOptions{before: untouched}
	o.mgmt.MaxPerUser, o.Patience = 1, 20*time.Second
	w := newWorld(t, o)
	one := w.open("admin")
	two := w.connect("admin")
	first := make([]byte, 1)
	two.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := two.Read(first); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a session more than the limit: %v", err)
	}
	one.Close()
	two.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := two.Read(first); err != nil {
		t.Fatal(err)
	}
	two.Close()
}
