// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/bits"
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"nso.example/nso/tree"
	"nso.example/nso/tree/binenc"
	"nso.example/nso/tree/check"
)

// many interfaces are ten million leaves.
const many = 10_000_000 / leavesEach

// processor is the seconds of processors that the runtime accounts for.
type processor struct{ collector, idle, user float64 }

func processorTime() processor {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}, {Name: "/cpu/classes/user:cpu-seconds"}}
	metrics.Read(s)
	return processor{s[0].Value.Float64(), s[1].Value.Float64(), s[2].Value.Float64()}
}

// store is a datastore that is read and written at a time.
type store struct {
	m     *model
	rules *check.Rules
	root  atomic.Pointer[tree.Node]
	bytes atomic.Uint64 // of the records that a journal would have got
}

// commit changes one leaf as a daemon would, up to the journal.
func (s *store) commit(i int) error {
	old := s.root.Load()
	next, err := s.m.commit(s.rules, old, i*7919%many)
	if err != nil {
		return err
	}
	s.bytes.Add(uint64(len(binenc.EncodeDiff(old, next))))
	s.root.Store(next)
	return nil
}

// writes commits at that rate until stop; with rate 0 as fast as it can.
func (s *store) writes(rate int, stop <-chan struct{}) (n int, err error) {
	begin := time.Now()
	for ; ; n++ {
		select {
		case <-stop:
			return n, nil
		default:
		}
		if rate > 0 {
			time.Sleep(time.Until(begin.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		if err := s.commit(n); err != nil {
			return n, err
		}
	}
}

// histogram counts times by their logarithm, in eighths of an octave.
type histogram struct {
	counts [64 * 8]int
	n      int
	max    time.Duration
}

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 1))
	e := bits.Len64(v)
	frac := 0
	if e > 4 {
		frac = int(v >> (e - 4) & 7)
	}
	h.counts[e*8+frac]++
	h.n++
	h.max = max(h.max, d)
}

// quantile is an upper bound of that quantile.
func (h *histogram) quantile(q float64) time.Duration {
	left := int(float64(h.n) * q)
	for i, c := range h.counts {
		if left -= c; left < 0 {
			e, frac := i/8, i%8
			if e <= 4 {
				return time.Duration(1) << e
			}
			return min(h.max, time.Duration(uint64(9+frac)<<(e-4)))
		}
	}
	return h.max
}

// reads looks leaves up until stop, rate times a second, and times those that
// begin while busy says so.
func (s *store) reads(rate int, busy *atomic.Bool, stop <-chan struct{}) (h histogram, err error) {
	m := s.m
	next := time.Now()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return h, nil
		default:
		}
		if next = next.Add(time.Second / time.Duration(rate)); i%16 == 0 {
			time.Sleep(time.Until(next))
		}
		count := busy.Load()
		begin := time.Now()
		n, ok := s.root.Load().Find(m.path(i*104_729%many, m.mtu))
		if d := time.Since(begin); count {
			h.add(d)
		}
		if !ok || n.Value == "" {
			return h, errAnswer
		}
	}
}

func collections(m *model, rules *check.Rules) error {
	root, err := m.fill(many)
	if err != nil {
		return err
	}
	s := &store{m: m, rules: rules}
	s.root.Store(root)
	root = nil
	live := heap()
	show("10 million leaves: memory", live/1e6, "MB", 0)

	// What commits cost, and what the collector takes while they follow one another.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const done = 50_000
	cpu := processorTime()
	d, err := each(done, s.commit)
	if err != nil {
		return err
	}
	runtime.GC() // at least one, and all that was begun
	runtime.ReadMemStats(&after)
	made := float64(after.TotalAlloc-before.TotalAlloc) / done
	cycles, spent := float64(after.NumGC-before.NumGC), processorTime().collector-cpu.collector
	show("10 million leaves: a commit, without the journal", us(d), "us", 0)
	show("memory that it makes", made/1000, "kB", 0)
	show("one collection, on all processors together", spent/cycles*1e3, "ms", 0)
	show("commits between two collections", live/made, "", 0)
	for _, rate := range []float64{200, 1000} {
		share := spent / cycles * rate * made / live / float64(runtime.NumCPU()) * 100
		show(fmt.Sprintf("collector's part of the processors, %.0f commits/s", rate), share, "%", 10)
	}
	return s.during(1000)
}

// during times gets while one collection follows another, under a load of commits.
func (s *store) during(rate int) error {
	var busy atomic.Bool
	var wg sync.WaitGroup
	var h histogram
	var readErr, writeErr error
	stop := make(chan struct{})
	wg.Go(func() { h, readErr = s.reads(20_000, &busy, stop) })
	wg.Go(func() { _, writeErr = s.writes(rate, stop) })
	var collecting time.Duration
	n := 0
	for start := time.Now(); n < 8 && time.Since(start) < 15*time.Second; n++ {
		begin := time.Now()
		busy.Store(true)
		runtime.GC()
		busy.Store(false)
		collecting += time.Since(begin)
		time.Sleep(200 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if readErr != nil {
		return readErr
	}
	if writeErr != nil {
		return writeErr
	}
	show("collection under 1,000 commits/s and 20,000 gets/s", ms(collecting)/float64(n), "ms", 0)
	show("get during it, p50", us(h.quantile(0.5)), "us", 0)
	show("get during it, p99", us(h.quantile(0.99)), "us", 0)
	show("get during it, p99.9", us(h.quantile(0.999)), "us", 1000)
	show("get during it, the slowest of "+fmt.Sprint(h.n), us(h.max), "us", 0)
	return nil
}
