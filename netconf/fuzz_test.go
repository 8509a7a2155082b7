// SPDX-License-Identifier: Apache-2.0

package netconf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"nso.example/nso/cdb"
	"nso.example/nso/internal/xmlstream"
	"nso.example/nso/netconf/framing"
)

// script is a connection whose client has said everything already.
type script struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// whole runs a session of which the client says text, and holds what the server
// says against its own framing and XML.
func (w *world) whole(text []byte, chunked bool) {
	w.t.Helper()
	before := w.db.Root()
	s := &script{in: bytes.NewReader(text)}
	w.server.Serve(w.ctx, s, Peer{Actor: actor("admin"), Transport: "netconf-tcp"}, time.Now())
	r := framing.NewReader(&s.out, 0)
	notification := xmlstream.Name{Space: nsNotification, Local: "notification"}
	for n := 0; ; n++ {
		if err := r.Next(); err != nil {
			if !errors.Is(err, io.EOF) {
				w.t.Fatalf("message %d of the server: %v", n, err)
			}
			break
		}
		x := xmlstream.NewReader(r, xmlstream.Limits{})
		root, err := x.Next()
		if err != nil || n == 0 && root.Name != base("hello") || n > 0 && root.Name != base("rpc-reply") && root.Name != notification {
			w.t.Fatalf("message %d of the server: %v %v", n, err, root)
		}
		for err == nil && root.Kind != xmlstream.EOF {
			root, err = x.Next()
		}
		if err != nil {
			w.t.Fatalf("message %d of the server: %v", n, err)
		}
		if n == 0 && chunked {
			if err := r.Chunked(); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	if n := w.server.Panics(); n != 0 {
		w.t.Fatalf("%d panics:\n%s", n, w.log)
	}
	if n := len(w.mgmt.List()); n != 0 {
		w.t.Fatalf("%d sessions are left", n)
	}
	if now := w.db.Root(); now != before { // each run begins with the same
		if _, err := w.db.Commit(context.Background(), now, before, cdb.Meta{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

const fuzzData = `/test:top/note = n
/test:top/entry[name='one']/value = 1
/test:top/tag = a
/test:top/job[id='j']/what = w
/test:alone = x`

func fuzzWorld(f *testing.F) *world {
	return newWorld(f, worldOptions{before: fuzzData, Options: Options{MessageSize: 1 << 20}})
}

func clientHello(b string) string {
	return `<hello xmlns="` + nsBase + `"><capabilities><capability>` + b + `</capability></capabilities></hello>`
}

// seeds are requests to begin with.
func seeds() []string {
	rpc := func(s string) string { return `<rpc message-id="1" xmlns="` + nsBase + `">` + s + `</rpc>` }
	return []string{
		rpc(`<get><filter><top xmlns="urn:test"><entry><name>one</name></entry></top></filter></get>`),
		rpc(`<get-config><source><running/></source><filter type="xpath" xmlns:t="urn:test" select="/t:top/t:entry[t:name='one']"/></get-config>`),
		rpc(config + `<top xmlns="urn:test" xmlns:nc="` + nsBase + `"><entry nc:operation="delete"><name>one</name></entry><tag>b</tag></top>` + endConfig),
		rpc(`<edit-config><target><running/></target><default-operation>none</default-operation><test-option>set</test-option><error-option>continue-on-error</error-option><config/></edit-config>`),
		rpc(`<lock><target><running/></target></lock>`), rpc(`<unlock><target><running/></target></unlock>`),
		rpc(`<kill-session><session-id>1</session-id></kill-session>`), rpc(`<close-session/>`),
		rpc(`<validate><source><config><alone xmlns="urn:test">y</alone></config></source></validate>`),
		rpc(`<get-schema xmlns="` + nsMonitoring + `"><identifier>test</identifier></get-schema>`),
		rpc(establish(allEvents + `<stream-xpath-filter>/e:a[1]</stream-xpath-filter><replay-start-time>2001-01-01T00:00:00Z</replay-start-time>`)),
		rpc(onChange(`<yp:datastore-subtree-filter><alone xmlns="urn:test"/></yp:datastore-subtree-filter><yp:on-change><yp:excluded-change>move</yp:excluded-change></yp:on-change>`)),
		rpc(onChange(`<yp:periodic><yp:period>10</yp:period><yp:anchor-time>2001-01-01T00:00:00Z</yp:anchor-time></yp:periodic><stop-time>2999-01-01T00:00:00Z</stop-time>`)),
		rpc(modify("2147483648", `<yp:on-change/>`)), rpc(rpcOnID("delete-subscription", "2147483648")), rpc(rpcOnID("resync-subscription", "2147483648")),
		`<!DOCTYPE a><a/>`, `<rpc/>`,
	}
}

// FuzzBeforeHello: everything that a client can say, from the first byte on.
func FuzzBeforeHello(f *testing.F) {
	w := fuzzWorld(f)
	for _, b := range []string{base10, base11} {
		f.Add([]byte(clientHello(b) + "]]>]]>"))
	}
	f.Add([]byte(clientHello(base10) + "]]>]]>" + seeds()[0] + "]]>]]>"))
	f.Add([]byte("\n#5\nhello\n##\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w.t = t
		// Which framing the server speaks is the client's to choose.
		hello, _, _ := strings.Cut(string(text), "]]>]]>")
		chosen, err := readHello(xmlstream.NewReader(strings.NewReader(hello), xmlstream.Limits{Size: helloSize, Depth: 8}))
		chunked := false
		for _, c := range chosen {
			chunked = chunked || err == nil && c == base11
		}
		w.whole(text, chunked)
	})
}

// FuzzSession10: what follows a hello of base:1.0.
func FuzzSession10(f *testing.F) {
	w := fuzzWorld(f)
	for _, s := range seeds() {
		f.Add([]byte(s + "]]>]]>" + s + "]]>]]>"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w.t = t
		w.whole(append([]byte(clientHello(base10)+"]]>]]>"), text...), false)
	})
}

// FuzzSession11: what follows a hello of base:1.1, framing and all.
func FuzzSession11(f *testing.F) {
	w := fuzzWorld(f)
	for _, s := range seeds() {
		f.Add([]byte(fmt.Sprintf("\n#%d\n%s\n##\n\n#%d\n%s\n#%d\n%s\n##\n", len(s), s, 3, s[:3], len(s)-3, s[3:])))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w.t = t
		w.whole(append([]byte(clientHello(base11)+"]]>]]>"), text...), true)
	})
}

// FuzzOperation: one well-framed message of base:1.1, so that the fuzzer gets
// at once to what is in it.
func FuzzOperation(f *testing.F) {
	w := fuzzWorld(f)
	for _, s := range seeds() {
		f.Add(strings.TrimSuffix(strings.TrimPrefix(s, `<rpc message-id="1" xmlns="`+nsBase+`">`), "</rpc>"))
	}
	f.Fuzz(func(t *testing.T, operation string) {
		w.t = t
		s := `<rpc message-id="1" xmlns="` + nsBase + `" xmlns:t="urn:test" xmlns:nc="` + nsBase + `">` + operation + `</rpc>`
		w.whole([]byte(clientHello(base11)+"]]>]]>"+fmt.Sprintf("\n#%d\n%s\n##\n", len(s), s)), true)
	})
}
