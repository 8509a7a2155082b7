// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func quick(c *Config) { c.Log, c.CheckReplies = nil, false }

// BenchmarkRoundTrip is one small call over the socket, both ends in this
// process.
func BenchmarkRoundTrip(b *testing.B) {
	p := start(b, quick).dial()
	p.conn.SetDeadline(deadlineNone)
	msg := []byte(pingX)
	b.ReportAllocs()
	for b.Loop() {
		p.conn.Write(msg)
		if _, err := p.r.Next(1 << 20); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawRoundTrip is the floor: an echo over the same kind of socket.
func BenchmarkRawRoundTrip(b *testing.B) {
	p := start(b, quick).dial()
	p.conn.SetDeadline(deadlineNone)
	p.send(`{"method":"org.example.test.Raw","upgrade":true}`)
	p.read()
	msg := []byte(pingX)
	buf := make([]byte, len(msg))
	for b.Loop() {
		p.conn.Write(msg)
		if _, err := io.ReadFull(p.conn, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPipelined is 100 calls written at once.
func BenchmarkPipelined(b *testing.B) {
	p := start(b, quick).dial()
	p.conn.SetDeadline(deadlineNone)
	msg := []byte(strings.Repeat(pingX, 100))
	for b.Loop() {
		p.conn.Write(msg)
		for range 100 {
			if _, err := p.r.Next(1 << 20); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/call")
}

// BenchmarkStream is one call with 1000 replies.
func BenchmarkStream(b *testing.B) {
	p := start(b, quick).dial()
	p.conn.SetDeadline(deadlineNone)
	for b.Loop() {
		p.send(`{"method":"org.example.test.Count","parameters":{"to":1000},"more":true}`)
		for range 1000 {
			if _, err := p.r.Next(1 << 20); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/reply")
}

// BenchmarkConnect is connect, one call and close.
func BenchmarkConnect(b *testing.B) {
	s := start(b, quick)
	for b.Loop() {
		p := s.dial()
		p.call(strings.TrimSuffix(pingX, "\x00"))
		p.conn.Close()
	}
}

// BenchmarkLargeMessage is 5 MiB of parameters.
func BenchmarkLargeMessage(b *testing.B) {
	p := start(b, quick).dial()
	p.conn.SetDeadline(deadlineNone)
	msg := `{"method":"org.example.test.Big","parameters":{"text":"` + strings.Repeat("x", 5<<20) + `"}}`
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		p.call(msg)
	}
}

// BenchmarkIdleConnections reports what a silent connection costs, both ends
// together: the server's end, and a socket and a buffer of ours.
func BenchmarkIdleConnections(b *testing.B) {
	const n = 400
	for b.Loop() {
		s := start(b, quick)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range n {
			s.dial().call(strings.TrimSuffix(pingX, "\x00"))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		used := after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse
		b.ReportMetric(float64(used)/n, "B/conn")
		b.StopTimer()
		for _, c := range s.server.Conns() {
			c.Close(io.EOF)
		}
		b.StartTimer()
	}
}

func BenchmarkScanAndCheck(b *testing.B) {
	d, err := ParseIDL(testIDL)
	if err != nil {
		b.Fatal(err)
	}
	move := d.Lookup(MethodMember, "Move").In
	var tags strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&tags, `,"tag number %d"`, i)
	}
	msg := []byte(`{"method":"org.example.test.Move","parameters":{"to":{"x":1,"y":2},"tags":["a"` + tags.String() + `],"more":{}}}`)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := parseRequest(msg, 64)
		if err != nil {
			b.Fatal(err)
		}
		if err := fits(move, r.parameters, 64); err != nil {
			b.Fatal(err)
		}
	}
}
