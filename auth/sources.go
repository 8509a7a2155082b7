// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Sources remembers which sources fail, and for how long they stay outside. A source
// is an IPv4 address or an IPv6 network of 64 bits, which one host can use at will. It
// may be used by many goroutines.
type Sources struct {
	now func() time.Time

	mu     sync.Mutex
	failed map[netip.Prefix]debt
}

// debt is what a source has failed, and when that was true.
type debt struct {
	points float64
	at     time.Time
}

// Each failure is a point, and a point is forgiven after forgiveTime. Whoever has
// maxPoints waits until he has less.
const (
	maxPoints   = 30
	capPoints   = 60
	forgiveTime = 10 * time.Second
	maxSources  = 4096 // of more, those with the least are forgotten
)

// NewSources remembers nobody.
func NewSources() *Sources {
	return &Sources{now: time.Now, failed: make(map[netip.Prefix]debt)}
}

// SourceOf is the source of an address.
func SourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// Check says whether connections of an address may come in.
func (s *Sources) Check(a netip.Addr) error {
	key := SourceOf(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.left(key); left >= maxPoints {
		return fmt.Errorf("%s has failed too often; it is let in again after %s",
			key, time.Duration((left-maxPoints+1)*float64(forgiveTime)).Round(time.Second))
	}
	return nil
}

// left is what is not forgiven yet.
func (s *Sources) left(key netip.Prefix) float64 {
	d, ok := s.failed[key]
	if !ok {
		return 0
	}
	return max(0, d.points-float64(s.now().Sub(d.at))/float64(forgiveTime))
}

// Fail notes failures.
func (s *Sources) Fail(a netip.Addr, n int) {
	if n == 0 {
		return
	}
	key := SourceOf(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	points := min(capPoints, s.left(key)+float64(n))
	if _, ok := s.failed[key]; !ok && len(s.failed) >= maxSources {
		s.forget()
	}
	s.failed[key] = debt{points, s.now()}
}

// forget drops who is forgiven, or else whoever has the least.
func (s *Sources) forget() {
	var least netip.Prefix
	few := float64(capPoints + 1)
	for key := range s.failed {
		left := s.left(key)
		if left == 0 {
			delete(s.failed, key)
		} else if left < few {
			least, few = key, left
		}
	}
	if len(s.failed) >= maxSources {
		delete(s.failed, least)
	}
}
