// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// promise is what a log has told its user, over all its lives.
type promise struct {
	acked    uint64            // nothing up to here may be missing
	certain  map[uint64]string // what it must be
	possible map[uint64][]string
	snap     uint64 // the newest snapshot is of this revision or later
	lives    int
}

func newPromise() *promise {
	return &promise{certain: make(map[uint64]string), possible: make(map[uint64][]string)}
}

func (p *promise) clone() *promise {
	c := newPromise()
	c.acked, c.snap, c.lives = p.acked, p.snap, p.lives
	for r, v := range p.certain {
		c.certain[r] = v
	}
	for r, v := range p.possible {
		c.possible[r] = append([]string(nil), v...)
	}
	return c
}

// enqueue is an append whose outcome ack tells.
func (p *promise) enqueue(l *Log, n int) (Ticket, error) {
	v := text(uint64(p.lives)<<32|l.assigned+1, n)
	t, err := l.Enqueue(Any, Record{Meta: []byte(v[:1]), Payload: []byte(v)})
	if err == nil {
		p.possible[t.rev] = append(p.possible[t.rev], v)
	}
	return t, err
}

func (p *promise) ack(t Ticket) error {
	rev, err := t.Wait()
	if err == nil {
		v := p.possible[rev]
		p.certain[rev], p.acked = v[len(v)-1], max(p.acked, rev)
	}
	return err
}

func (p *promise) snapshot(l *Log) error {
	rev := l.Revision()
	err := l.Snapshot(rev, func(w io.Writer) error {
		_, err := io.WriteString(w, text(rev, 5000))
		return err
	})
	if err == nil {
		p.snap = rev
	}
	return err
}

// check compares l, just opened, with what was promised. What it shows is from
// then on a promise too.
func (p *promise) check(l *Log) error {
	p.lives++
	last := l.Revision()
	if last < p.acked {
		return fmt.Errorf("revision %d was acknowledged, the last is %d", p.acked, last)
	}
	snap, r, err := l.SnapshotReader()
	switch {
	case errors.Is(err, ErrNoSnapshot) && p.snap == 0:
	case err != nil || snap < p.snap:
		return fmt.Errorf("snapshot of revision %d, want %d: %w", snap, p.snap, err)
	default:
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != text(snap, 5000) {
			return fmt.Errorf("snapshot of revision %d: %d bytes, %w", snap, len(got), err)
		}
	}
	first := l.Stats().FirstRevision
	if first > snap+1 {
		return fmt.Errorf("snapshot %d, records from %d on", snap, first)
	}
	next := first
	for r, err := range l.Records(first, Any) {
		if err != nil {
			return err
		}
		v := string(r.Payload)
		if r.Revision != next || string(r.Meta) != v[:1] {
			return fmt.Errorf("revision %d where %d should be", r.Revision, next)
		}
		if want, ok := p.certain[next]; ok && v != want {
			return fmt.Errorf("revision %d is %.40q, acknowledged was %.40q", next, v, want)
		}
		known := false
		for _, w := range p.possible[next] {
			known = known || v == w
		}
		if !known {
			return fmt.Errorf("revision %d is %.40q, which nobody appended", next, v)
		}
		p.certain[next] = v
		next++
	}
	if next != last+1 {
		return fmt.Errorf("records end before %d, the last revision is %d", next, last)
	}
	p.acked, p.snap = last, snap
	return nil
}

// life does a bit of everything until an error.
func (p *promise) life(l *Log, rng *rand.Rand, steps int) error {
	for range steps {
		switch k := rng.IntN(10); {
		case k < 6: // a batch
			var ts []Ticket
			for range 1 + rng.IntN(4) {
				n := []int{40, 300, 300, 1400}[rng.IntN(4)] // equal sizes, so that old ones may fit in
				if rng.IntN(12) == 0 {
					n = 5000 + rng.IntN(9000)
				}
				t, err := p.enqueue(l, n)
				if err != nil {
					return err
				}
				ts = append(ts, t)
			}
			var failed error
			for _, t := range ts {
				if err := p.ack(t); err != nil {
					failed = err
				}
			}
			if failed != nil {
				return failed
			}
		case k < 8:
			if l.Revision() > 0 {
				if err := p.snapshot(l); err != nil {
					return err
				}
			}
		default:
			t, err := p.enqueue(l, rng.IntN(100))
			if err == nil {
				err = p.ack(t)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// cutAt lets n steps happen; in the next one the power fails. It returns the
// count of steps.
func cutAt(m *Memory, n int) *int {
	count := new(int)
	m.Step = func(op, name string) error {
		*count++
		if *count > n {
			return ErrPowerCut
		}
		return nil
	}
	return count
}

func cutOptions(m *Memory, seed uint64) Options {
	o := Options{FS: m, SegmentSize: int64(2+seed%2) * page, SnapshotKeep: int(1 + seed/2%2), KeepBytes: -1, inline: true}
	if seed/4%2 == 1 {
		o.KeepBytes = 4 * page
	}
	return o
}

// quietly closes a log that may have failed.
func quietly(l *Log) { _ = l.Close() }

// TestPowerCut cuts the power at every step of a life, lets chance choose what the
// disk then holds, cuts again during recovery and what follows, up to three times,
// and checks the promise each time.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	seeds, states := uint64(6), 2
	if testing.Short() {
		seeds = 2
	}
	cuts := 0
	for seed := range seeds {
		for n, done := 0, false; !done; n++ {
			m, p := NewMemory(), newPromise()
			count := cutAt(m, n)
			if l, err := Open("", cutOptions(m, seed)); err == nil {
				_ = p.life(l, rand.New(rand.NewPCG(seed, 1)), 16)
				quietly(l)
			}
			done = *count <= n
			for s := range states {
				rng := rand.New(rand.NewPCG(seed, uint64(n*states+s)))
				if err := relive(m, p.clone(), rng, seed, 3); err != nil {
					t.Fatalf("seed %d, cut at step %d, state %d: %v", seed, n, s, err)
				}
				cuts++
			}
		}
	}
	t.Logf("%d first cuts", cuts)
}

// killed is m after kill -9: what was written is there, what was synced or not
// stays so.
func killed(m *Memory) *Memory {
	after := NewMemory()
	after.Capacity = m.Capacity
	seen := make(map[*inode]*inode)
	twin := func(i *inode) *inode {
		if seen[i] == nil {
			seen[i] = &inode{live: slices.Clone(i.live), disk: slices.Clone(i.disk),
				liveSize: i.liveSize, diskSize: i.diskSize, writes: slices.Clone(i.writes)}
		}
		return seen[i]
	}
	for n, i := range m.names {
		after.names[n] = twin(i)
	}
	for n, i := range m.disk {
		after.disk[n] = twin(i)
	}
	for _, v := range m.moves {
		after.moves = append(after.moves, move{v.from, v.to, twin(v.ino)})
	}
	return after
}

// relive opens what a power cut or kill -9 left of m, with another cut ahead.
func relive(m *Memory, p *promise, rng *rand.Rand, seed uint64, depth int) error {
	if rng.IntN(4) == 0 {
		m = killed(m)
	} else {
		m = m.PowerCut(rng.IntN)
	}
	if depth > 0 && rng.IntN(2) == 0 {
		cutAt(m, rng.IntN(30))
		l, err := Open("", cutOptions(m, seed))
		if err == nil {
			if err = p.check(l); err == nil {
				_ = p.life(l, rng, 3)
			}
			quietly(l)
		}
		if err != nil && !errors.Is(err, ErrPowerCut) {
			return err
		}
		m.Close()
		return relive(m, p, rng, seed, depth-1)
	}
	l, err := Open("", cutOptions(m, seed))
	if err == nil {
		if err = p.check(l); err == nil {
			err = p.life(l, rng, 3)
		}
		quietly(l)
	}
	if err != nil {
		return err
	}
	r, err := Verify("", Options{FS: m})
	if err != nil {
		return err
	}
	return r.Err()
}

// TestEveryPowerCut enumerates all states of the disk, not some, for a short life.
func TestEveryPowerCut(t *testing.T) {
	t.Parallel()
	states, limit := 0, 250
	for n, done := 0, false; !done; n++ {
		m, p := NewMemory(), newPromise()
		o := Options{FS: m, SegmentSize: 2 * page, SnapshotKeep: 1, KeepBytes: -1, inline: true}
		l, err := Open("", o)
		if err != nil {
			t.Fatal(err)
		}
		count := cutAt(m, n)
		for _, batch := range [][]int{{10, 600}, {1000, 30, 20}, {0}, {3000}, {900}} {
			var ts []Ticket
			for _, size := range batch {
				if ticket, err := p.enqueue(l, size); err == nil {
					ts = append(ts, ticket)
				}
			}
			for _, ticket := range ts {
				_ = p.ack(ticket)
			}
			if len(batch) == 1 && l.Revision() > 0 {
				_ = p.snapshot(l)
			}
		}
		quietly(l)
		done = *count <= n
		// An odometer over the choices.
		var digits, bases []int
		for tries := 0; tries < limit; tries++ {
			at := 0
			after := m.PowerCut(func(n int) int {
				if at == len(digits) {
					digits, bases = append(digits, 0), append(bases, 0)
				}
				bases[at] = n
				at++
				return digits[at-1]
			})
			digits, bases = digits[:at], bases[:at]
			o.FS = after
			l, err := Open("", o)
			if err == nil {
				err = p.clone().check(l)
				quietly(l)
			}
			if err != nil {
				t.Fatalf("cut at step %d, choices %v: %v", n, digits, err)
			}
			states++
			for at--; at >= 0; at-- {
				if digits[at]++; digits[at] < bases[at] {
					break
				}
			}
			if digits = digits[:at+1]; at < 0 {
				break
			}
			bases = bases[:at+1]
		}
	}
	t.Logf("%d states", states)
}

// TestFailedSync: a sync that fails poisons the log; what it should have made
// durable is not believed, not even by the next process, before it is written
// again.
func TestFailedSync(t *testing.T) {
	failed := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m, p := NewMemory(), newPromise()
		l, err := Open("", cutOptions(m, seed))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.life(l, rng, 3); err != nil {
			t.Fatal(err)
		}
		at, count := rng.IntN(40), 0
		m.Step = func(op, name string) error {
			if count++; count > at && (op == "sync" || op == "syncdir") {
				m.Step = nil // Linux says it once
				return syscall.EIO
			}
			return nil
		}
		err = p.life(l, rng, 40)
		if err == nil {
			continue // it was a spare that could not be prepared, which is only logged
		}
		if !errors.Is(err, syscall.EIO) {
			t.Fatal(err)
		}
		failed++
		before := l.Revision()
		if errors.Is(err, ErrFailed) {
			if _, err := l.Enqueue(Any, Record{}); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) ||
				!strings.HasPrefix(err.Error(), "cannot append to journal (memory): ") {
				t.Fatalf("appended on a disk that lost data: %v", err)
			}
		} else if err := p.life(l, rng, 3); err != nil { // it was only a snapshot
			t.Fatal(err)
		}
		for r, err := range l.Records(l.Stats().FirstRevision, before) {
			if err != nil {
				t.Fatalf("readers do not go on: %d %v", r.Revision, err)
			}
		}
		quietly(l)
		// The next process sees the page cache, then the power fails.
		if l, err = Open("", cutOptions(m, seed)); err != nil {
			t.Fatal(err)
		}
		if err := p.check(l); err != nil {
			t.Fatal(err)
		}
		if err := relive(m.PowerCut(rng.IntN), p, rng, seed, 0); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if failed < 30 {
		t.Errorf("only %d syncs failed", failed)
	}
}

// TestDiskFull: found before anything is written, told as such, and over when there
// is space again.
func TestDiskFull(t *testing.T) {
	for seed := range uint64(16) {
		rng := rand.New(rand.NewPCG(seed, 4))
		m, p := NewMemory(), newPromise()
		m.Capacity = 12*page + rng.Int64N(8*page)
		o := cutOptions(m, seed)
		l, err := Open("", o)
		if err != nil {
			t.Fatal(err)
		}
		full := 0
		for range 200 {
			before := l.Revision()
			err := p.life(l, rng, 1)
			if err == nil {
				continue
			}
			if full++; !errors.Is(err, ErrNoSpace) {
				t.Fatal(err)
			}
			if l.Stats().Failed != nil {
				t.Fatal(l.Stats().Failed)
			}
			if strings.Contains(err.Error(), "append") && (!strings.HasPrefix(err.Error(), "cannot append: no space left on (memory)") || l.assigned != l.durable || l.durable < before) {
				t.Fatal(err, l.assigned, l.durable)
			}
			m.Capacity += rng.Int64N(10 * page)
		}
		if full == 0 {
			t.Error("the disk was never full")
		}
		m.Capacity = 0
		if err := p.life(l, rng, 5); err != nil {
			t.Fatal(err)
		}
		quietly(l)
		if err := relive(m, p, rng, seed, 1); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// A snapshot on a full disk finds its space reserved, and what it frees is enough
// to append again.
func TestSnapshotOnFullDisk(t *testing.T) {
	m, p := NewMemory(), newPromise()
	o := Options{FS: m, SegmentSize: 2 * page, SnapshotKeep: 1, KeepBytes: -1, inline: true}
	l := mustOpen(t, "", o)
	if tk, err := p.enqueue(l, 100); err != nil || p.ack(tk) != nil || p.snapshot(l) != nil {
		t.Fatal("cannot begin")
	}
	m.Capacity = m.used() + 3*page
	for {
		tk, err := p.enqueue(l, 900)
		if err == nil {
			err = p.ack(tk)
		}
		if errors.Is(err, ErrNoSpace) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Capacity = m.used()
	if err := p.snapshot(l); err != nil {
		t.Fatal(err)
	}
	tk, err := p.enqueue(l, 900)
	if err == nil {
		err = p.ack(tk)
	}
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
}
