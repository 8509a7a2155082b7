// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

// Relay passes both directions and the end of its input, and ends with the other
// end, though its input may stay open.
func TestRelay(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, open := range []bool{false, true} {
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		in, write := io.Pipe()
		heard := make(chan string, 1)
		go func() {
			if open { // answers and leaves, without waiting for an end
				b := make([]byte, 5)
				_, _ = io.ReadFull(peer, b)
				heard <- string(b)
			} else {
				b, _ := io.ReadAll(peer)
				heard <- string(b)
			}
			_, _ = io.WriteString(peer, "answer")
			peer.Close()
		}()
		go func() {
			_, _ = io.Copy(write, strings.NewReader("hello"))
			if !open {
				write.Close()
			}
		}()
		var out bytes.Buffer
		if err := Relay(t.Context(), conn, in, &out); err != nil {
			t.Errorf("open %v: %v", open, err)
		}
		if h := <-heard; h != "hello" || out.String() != "answer" {
			t.Errorf("open %v: heard %q, answered %q", open, h, out.String())
		}
		in.Close()
	}
}

// A daemon that accepts and says nothing is not waited for without end.
func TestOpenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := net.Pipe()
		defer peer.Close()
		go func() { _, _ = io.Copy(io.Discard, peer) }()
		_, err := New(conn).OpenNETCONF(t.Context())
		if err == nil || err.Error() != "cannot open a NETCONF session: the daemon does not answer" {
			t.Error(err)
		}
	})
}
