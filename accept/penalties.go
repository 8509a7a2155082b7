// SPDX-License-Identifier: Apache-2.0

package accept

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Penalties remembers which sources fail, and for how long they stay outside. A source
// is an IPv4 address or an IPv6 network of 64 bits, which one host can use at will. It
// may be used by many goroutines.
type Penalties struct {
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
	maxSources  = 4096 // of more, many of those with the least are forgotten
)

// NewPenalties remembers nobody.
func NewPenalties() *Penalties {
	return &Penalties{now: time.Now, failed: make(map[netip.Prefix]debt)}
}

// Source is the source of an address.
func Source(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// Check says whether connections of an address may come in.
func (s *Penalties) Check(a netip.Addr) error {
	key := Source(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.left(key); left >= maxPoints {
		return fmt.Errorf("%s has failed too often; it is let in again after %s",
			key, time.Duration((left-maxPoints+1)*float64(forgiveTime)).Round(time.Second))
	}
	return nil
}

// left is what is not forgiven yet.
func (s *Penalties) left(key netip.Prefix) float64 {
	d, ok := s.failed[key]
	if !ok {
		return 0
	}
	return max(0, d.points-float64(s.now().Sub(d.at))/float64(forgiveTime))
}

// Fail notes failures.
func (s *Penalties) Fail(a netip.Addr, n float64) {
	if n <= 0 {
		return
	}
	key := Source(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	points := min(capPoints, s.left(key)+n)
	if _, ok := s.failed[key]; !ok && len(s.failed) >= maxSources {
		s.forget()
	}
	s.failed[key] = debt{points, s.now()}
}

// forget drops who is forgiven, and those with no more than the average of the others:
// many at once, so that a crowd of sources does not take long.
func (s *Penalties) forget() {
	sum := 0.0
	for key := range s.failed {
		if left := s.left(key); left > 0 {
			sum += left
		} else {
			delete(s.failed, key)
		}
	}
	average := sum / float64(max(1, len(s.failed)))
	for key := range s.failed {
		if len(s.failed) >= maxSources/2 && s.left(key) <= average {
			delete(s.failed, key)
		}
	}
}
