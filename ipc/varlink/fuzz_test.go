// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// converse sends what the fuzzer made up, after what brings the connection into
// a state, and reads all that comes. Every answer must be a reply, and the
// server must be as before.
func converse(f *testing.F, opening string) {
	f.Add([]byte(pingX))
	f.Add([]byte(`{"method":"org.example.test.Count","parameters":{"to":3},"more":true}` + "\x00" + pingX))
	f.Add([]byte(`{"method":"org.example.test.Raw","upgrade":true}` + "\x00raw"))
	f.Add([]byte(`{"method":"org.example.test.Whoami"}` + "\x00{}\x00"))
	f.Add([]byte(`{"method":"org.example.test.Move","parameters":{"to":{"x":1,"y":2},"how":"fly","tags":["a"],"more":{"k":{"x":0,"y":0}}}}` + "\x00"))
	f.Add([]byte("\x00\x00[[[[\x00"))
	b := start(f, func(c *Config) {
		c.Log = nil
		c.Limits.Message, c.Limits.Depth = 2000, 10
		c.Limits.FirstMessage, c.Limits.MessageTime = time.Second, time.Second
		c.Limits.Linger = 10 * time.Millisecond
		// Those that wait for the test, or panic because they are told to, are
		// no use here.
		for i := range c.Interfaces[0].Methods {
			switch m := &c.Interfaces[0].Methods[i]; m.Name {
			case "Hang", "Wait", "Fail", "Give":
				m.Handler = empty
			case "Count":
				m.Handler = func(ctx context.Context, call *Call) error {
					if len(call.Parameters) > len(`{"to":100}`) {
						return InvalidParameter("to")
					}
					return count(ctx, call)
				}
			}
		}
		c.CheckReplies = false
	})
	f.Fuzz(func(t *testing.T, input []byte) {
		p := b.dialIn(t)
		defer p.conn.Close()
		go func() {
			p.conn.Write(append([]byte(opening), input...))
			p.conn.CloseWrite()
		}()
		if strings.Contains(opening, "upgrade") { // then it is an echo
			p.want(p.read(), "{}")
			early := bytes.Clone(p.r.Buffered())
			rest, err := io.ReadAll(p.conn)
			if got := append(early, rest...); err != nil || !bytes.Equal(got, input) {
				t.Fatalf("%q came back as %q: %v", input, got, err)
			}
			return
		}
		upgraded := bytes.Contains(input, []byte("pgrade")) || bytes.Contains(input, []byte(`\u`))
		for {
			msg, err := p.r.Next(1 << 20)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the server hangs")
			}
			if err != nil {
				if !upgraded && errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal("half a reply")
				}
				break
			}
			if _, err := ParseResponse(msg); err != nil && !upgraded {
				t.Fatalf("%q: %v", msg, err)
			}
		}
		if n := b.server.Panics(); n != 0 {
			t.Fatal(n, "panics")
		}
	})
}

func FuzzServerFresh(f *testing.F) { converse(f, "") }

func FuzzServerLoggedIn(f *testing.F) {
	converse(f, `{"method":"org.example.test.Login"}`+"\x00")
}

func FuzzServerHalfMessage(f *testing.F) {
	converse(f, pingX+`{"method":"org.example.test.Ping","parameters":{"text":"`)
}

func FuzzServerUpgraded(f *testing.F) {
	converse(f, `{"method":"org.example.test.Raw","upgrade":true}`+"\x00")
}

// FuzzRequest: what is taken can be written again, and means the same.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"method":"a.b.C","parameters":{"x":[1]},"more":true,"oneway":false,"upgrade":null}`))
	f.Add([]byte(`{"method":"\u0061"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		sniffMethod(b, 64)
		r, err := parseRequest(b, 64)
		if err != nil {
			return
		}
		again := Request{string(r.method), r.parameters, r.oneway, r.more, r.upgrade}
		text := bytes.TrimSuffix(again.Append(nil), []byte{0})
		r2, err := parseRequest(text, 64)
		if err != nil || !bytes.Equal(r2.method, r.method) || !bytes.Equal(r2.parameters, r.parameters) ||
			r2.oneway != r.oneway || r2.more != r.more || r2.upgrade != r.upgrade {
			t.Fatalf("%q became %q: %v", b, text, err)
		}
	})
}
