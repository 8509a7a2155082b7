// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"sync"
	"time"
)

// Refusals of one peer: so many at once, then one in so long.
const (
	burst    = 50
	interval = time.Second
	maxPeers = 1024 // that are told apart; the others share
)

// gate lets through the records that one peer causes, as long as they are not too many.
type gate struct {
	mu    sync.Mutex
	peers map[string]*bucket
	swept time.Time
}

type bucket struct {
	left int
	at   time.Time
	held int
}

// pass reports whether a record may be written, and how many were held back before it.
func (g *gate) pass(peer string, now time.Time) (held int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.peers[peer]
	if b == nil {
		if len(g.peers) >= maxPeers {
			g.sweep(now)
		}
		if len(g.peers) >= maxPeers {
			peer = ""
		}
		if b = g.peers[peer]; b == nil {
			b = &bucket{left: burst, at: now}
			g.peers[peer] = b
		}
	}
	if n := int(now.Sub(b.at) / interval); n > 0 {
		b.left, b.at = min(b.left+n, burst), b.at.Add(time.Duration(n)*interval)
	}
	if b.left == 0 {
		b.held++
		return 0, false
	}
	b.left--
	held, b.held = b.held, 0
	return held, true
}

// sweep forgets who was quiet for long enough; not more often than it can help.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < interval {
		return
	}
	g.swept = now
	for peer, b := range g.peers {
		if now.Sub(b.at) >= burst*interval && b.held == 0 {
			delete(g.peers, peer)
		}
	}
}
