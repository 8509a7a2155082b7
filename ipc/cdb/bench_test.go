// SPDX-License-Identifier: Apache-2.0

package cdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"nso.example/nso/client"
	"nso.example/nso/ipc/ipctest"
	"nso.example/nso/ipc/varlink"
	"nso.example/nso/mgmt"
)

// BenchmarkGet is the round trip of a small call.
func BenchmarkGet(b *testing.B) {
	w := start(b)
	w.commit("/net:top/name = n")
	c, ctx := w.Dial("admin"), context.Background()
	for b.Loop() {
		if _, ok, err := c.Get(ctx, "/net:top/name", client.At{}); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit is a commit of one leaf with so many subscribers whom it concerns, and so
// many whom it does not: ns/commit is how long the committer waits while they have nothing else to do.
// ns/op is to the moment in which the last of them has it. All ends are in this process.
func BenchmarkCommit(b *testing.B) {
	for _, n := range [][2]int{{0, 0}, {1, 0}, {100, 1000}} {
		b.Run(fmt.Sprintf("%d of %d", n[0], n[0]+n[1]), func(b *testing.B) {
			const many = 4096
			w := with(b, ipctest.StartWith(b, mgmt.Options{Schema: schema(b), MaxSessions: many, MaxPerUser: many}, varlink.Limits{Connections: many, PerOrigin: many}, ours))
			ctx, cancel := context.WithCancel(context.Background())
			ready := make(chan bool, many)
			for i := range n[0] + n[1] {
				path := "/net:top/name"
				if i >= n[0] {
					path = "/net:top/port"
				}
				c := w.Dial("admin")
				go func() {
					defer c.Close()
					for n, err := range c.Watch(ctx, client.Subscription{Paths: []string{path}, Replay: true}) {
						if err != nil {
							return
						}
						if !n.More {
							ready <- true
						}
					}
				}()
			}
			for range n[0] + n[1] {
				<-ready
			}
			waits := time.Duration(0)
			i := 0
			for b.Loop() {
				i++
				begin := time.Now()
				w.commit(fmt.Sprintf("/net:top/name = %d", i))
				waits += time.Since(begin)
				for range n[0] {
					<-ready
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(waits.Nanoseconds())/float64(i), "ns/commit")
			cancel()
			w.Sessions(1)
		})
	}
}
