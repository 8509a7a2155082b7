// SPDX-License-Identifier: Apache-2.0

package varlink

import (
	"context"
	"sync"
	"time"
)

// Limits bound what peers can make the server do. A zero field means its
// default; NoLimit, for the idle times only, means none.
type Limits struct {
	Message         int           // bytes of a message; a Method may allow more. Default 1 MiB
	Depth           int           // nesting of JSON. Default 64
	Identify        time.Duration // for Config.Identify. Default 5 s
	FirstMessage    time.Duration // from connect to a whole first message. Default 10 s
	MessageTime     time.Duration // from the first to the last byte of a message. Default 30 s
	Idle            time.Duration // between messages. Default 10 min
	Write           time.Duration // for a client that does not read its replies. Default 10 s
	Crowd           time.Duration // how long a silent connection, or one over a limit, holds up others. Default 3 s
	Linger          time.Duration // for a client to read the error before the close. Default 1 s
	Pipeline        int           // calls that are read while another one runs. Default 64
	Connections     int           // in all. Default 2048
	PerOrigin       int           // of one origin (one uid). Default 512
	Reserved        int           // of Connections, for origins with Reserved. Default 32
	Own             int           // beyond Connections, for origins with Own. Default 16
	Memory          int           // bytes in all of read buffers larger than 64 KiB. Default 256 MiB
	MemoryPerOrigin int           // the same of one origin. Default 64 MiB

	// IdleIn replaces Idle while the connection is in exactly this state.
	IdleIn map[State]time.Duration
}

// NoLimit as an idle time lets a connection be silent for ever.
const NoLimit time.Duration = -1

func (l Limits) withDefaults() Limits {
	number := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	span := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	number(&l.Message, 1<<20)
	number(&l.Depth, DefaultDepth)
	span(&l.Identify, 5*time.Second)
	span(&l.FirstMessage, 10*time.Second)
	span(&l.MessageTime, 30*time.Second)
	span(&l.Idle, 10*time.Minute)
	span(&l.Write, 10*time.Second)
	span(&l.Crowd, 3*time.Second)
	span(&l.Linger, time.Second)
	number(&l.Pipeline, 64)
	number(&l.Connections, 2048)
	number(&l.PerOrigin, 512)
	number(&l.Reserved, 32)
	number(&l.Own, 16)
	number(&l.Memory, 256<<20)
	number(&l.MemoryPerOrigin, 64<<20)
	l.Reserved = min(l.Reserved, l.Connections/2)
	return l
}

func (l *Limits) idle(s State) time.Duration {
	if d, ok := l.IdleIn[s]; ok {
		return d
	}
	return l.Idle
}

// Origin says for the limits where a connection comes from.
type Origin struct {
	Key      string // connections with the same key share a limit: "uid 1000"
	Reserved bool   // may use the connections that are kept for administrators
	Own      bool   // is the daemon's own user, for whom there is always room
}

// books counts what is open and what is held, in all and per origin.
type books struct {
	mu      sync.Mutex
	limits  *Limits
	open    int
	memory  int
	origins map[string]*account
	silent  map[string]*silence
	left    int // ever
	patient patience
}

// silence is what an origin holds up others with: connections that were silent for as
// long as that is borne.
type silence struct {
	open  int       // now
	until time.Time // for so long more are not borne as long
}

const (
	manySilent = 64
	grudge     = time.Minute
)

// quiet is a connection of an origin until it is heard of.
type quiet struct {
	key           string
	counted, over bool
}

// hush notes that a connection has been silent for as long as that is borne.
func (b *books) hush(q *quiet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.over {
		return
	}
	q.counted = true
	s := b.silent[q.key]
	if s == nil {
		s = &silence{}
		b.silent[q.key] = s
	}
	if s.open++; s.open >= manySilent {
		s.until = time.Now().Add(grudge)
	}
}

// heard notes that a connection is silent no more, or gone.
func (b *books) heard(q *quiet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.counted && !q.over {
		s := b.silent[q.key]
		if s.open--; s.open == 0 && time.Now().After(s.until) {
			delete(b.silent, q.key)
		}
	}
	q.over = true
}

// borne is how long one more connection of an origin may be silent while others wait.
// Of one that has had many, it is so short that they are not noticed.
func (b *books) borne(key string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.silent[key]; s != nil {
		if time.Now().Before(s.until) {
			return b.limits.Crowd / 128
		}
		if s.open == 0 {
			delete(b.silent, key)
		}
	}
	return b.limits.Crowd
}

type account struct {
	open    int
	left    int // since there was none
	memory  int
	patient patience
}

// patience waits for a place that a limit keeps: clients that come and go at once are
// many for a moment only. Where that was in vain it is over for a while.
type patience struct{ lost time.Time }

const sulk = 10 * time.Second

// brisk is how many must leave meanwhile for the wait to be prolonged.
const brisk = 32

// enter is admit that waits.
func (b *books) enter(ctx context.Context, o Origin) (*account, *Error) {
	a, refusal := b.admit(o)
	if refusal == nil {
		return a, nil
	}
	p, left := b.patience(o)
	b.mu.Lock()
	angry, before := time.Since(p.lost) < sulk, *left
	b.mu.Unlock()
	last := before
	for end, more := time.Now().Add(b.limits.Crowd), 2; refusal != nil && !angry; {
		if time.Now().After(end) {
			b.mu.Lock()
			going := *left - last
			last = *left
			b.mu.Unlock()
			if more == 0 || going < brisk {
				break
			}
			end, more = time.Now().Add(b.limits.Crowd), more-1
		}
		select {
		case <-ctx.Done():
			return nil, shuttingDown()
		case <-time.After(5 * time.Millisecond):
		}
		a, refusal = b.admit(o)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if refusal != nil && *left == before { // they did not come and go
		p.lost = time.Now()
	}
	return a, refusal
}

// patience is that of the limit which keeps an origin out, with the number of those
// who have left.
func (b *books) patience(o Origin) (p *patience, left *int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.origins[o.Key]; a != nil && a.open >= b.limits.PerOrigin {
		return &a.patient, &a.left
	}
	return &b.patient, &b.left
}

// admit enters a connection, or says why not.
func (b *books) admit(o Origin) (*account, *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := b.limits.Connections
	switch {
	case o.Own:
		limit += b.limits.Own
	case !o.Reserved:
		limit -= b.limits.Reserved
	}
	if b.open >= limit {
		return nil, tooMany("the daemon", limit)
	}
	a := b.origins[o.Key]
	if a == nil {
		a = &account{}
	}
	if a.open >= b.limits.PerOrigin {
		return nil, tooMany(o.Key, b.limits.PerOrigin)
	}
	b.origins[o.Key] = a
	a.open++
	b.open++
	return a, nil
}

func (b *books) leave(o Origin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.left++
	if a := b.origins[o.Key]; a != nil {
		a.left++
		if a.open--; a.open == 0 {
			delete(b.origins, o.Key)
		}
	}
}

func (b *books) grow(a *account, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.memory+n > b.limits.Memory || a.memory+n > b.limits.MemoryPerOrigin {
		return false
	}
	b.memory += n
	a.memory += n
	return true
}

func (b *books) free(a *account, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory -= n
	a.memory -= n
}
