// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkAppend is one writer with 200 bytes a record, beside fdatasync of a
// preallocated block of 4 KiB on the same disk.
func BenchmarkAppend(b *testing.B) {
	l := mustOpen(b, filepath.Join(b.TempDir(), "j"), Options{})
	defer l.Close()
	raw, err := l.fs.Create("tmp-raw")
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	if err := writeZeros(raw, 0, 4<<20); err != nil {
		b.Fatal(err)
	}
	if err := raw.Sync(); err != nil {
		b.Fatal(err)
	}
	block, at := make([]byte, page), int64(0)
	for i := range block {
		block[i] = 1
	}
	rec := Record{Payload: make([]byte, 200)}
	const round = 16 // in turn, for the disk has moods
	var ours, disk []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for range round {
			begin := time.Now()
			if _, err := l.Append(context.Background(), Any, rec); err != nil {
				b.Fatal(err)
			}
			ours = append(ours, time.Since(begin))
		}
		b.StopTimer()
		for range round {
			begin := time.Now()
			if _, err := raw.WriteAt(block, at); err != nil {
				b.Fatal(err)
			}
			if err := raw.Datasync(); err != nil {
				b.Fatal(err)
			}
			at = (at + page) % (4 << 20)
			disk = append(disk, time.Since(begin))
		}
		b.StartTimer()
	}
	slices.Sort(ours)
	slices.Sort(disk)
	o, d := ours[len(ours)/2], disk[len(disk)/2]
	b.ReportMetric(float64(o.Nanoseconds())/1e3, "p50-us")
	b.ReportMetric(float64(d.Nanoseconds())/1e3, "fdatasync-p50-us")
	b.ReportMetric(float64(o)/float64(d), "ratio")
	b.ReportMetric(float64(ours[len(ours)*99/100].Nanoseconds())/1e3, "p99-us")
	b.ReportMetric(0, "ns/op") // a round of 16
}

// BenchmarkAppend64 is 64 writers that share syncs.
func BenchmarkAppend64(b *testing.B) {
	l := mustOpen(b, filepath.Join(b.TempDir(), "j"), Options{})
	defer l.Close()
	rec := Record{Payload: make([]byte, 200)}
	var wg sync.WaitGroup
	begin := time.Now()
	b.ResetTimer()
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < b.N; i += 64 {
				if _, err := l.Append(context.Background(), Any, rec); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s := l.Stats()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "appends/s")
	b.ReportMetric(float64(s.Appends)/float64(s.Syncs), "appends/sync")
}

// BenchmarkAppendMemory is what the journal itself costs.
func BenchmarkAppendMemory(b *testing.B) {
	l := mustOpen(b, "", Options{FS: NewMemory()})
	defer l.Close()
	rec := Record{Payload: make([]byte, 200)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Append(context.Background(), Any, rec); err != nil {
			b.Fatal(err)
		}
	}
}

// fill writes 64 MB in records of size bytes.
func fill(b *testing.B, dir string, size int) (bytes int64) {
	l := mustOpen(b, dir, Options{})
	defer l.Close()
	rec := Record{Payload: make([]byte, size)}
	for i := range rec.Payload {
		rec.Payload[i] = byte(i)
	}
	for bytes < 64<<20 {
		var last Ticket
		for range 1 + (1<<20)/size {
			t, err := l.Enqueue(Any, rec)
			if err != nil {
				b.Fatal(err)
			}
			last, bytes = t, bytes+int64(size)
		}
		if _, err := last.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return bytes
}

// BenchmarkOpen is recovery: open, and replay of 64 MB.
func BenchmarkOpen(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"200", 200}, {"4096", 4096}, {"1M", 1 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "j")
			b.SetBytes(fill(b, dir, c.size))
			b.ReportAllocs()
			for b.Loop() {
				l := mustOpen(b, dir, Options{})
				n := 0
				if err := l.Replay(func(r Record) error { n += len(r.Payload); return nil }); err != nil {
					b.Fatal(err)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead is one record out of 64 MB of history.
func BenchmarkRead(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "j")
	fill(b, dir, 200)
	l := mustOpen(b, dir, Options{})
	defer l.Close()
	last, rev := l.Revision(), uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Read(rev); err != nil {
			b.Fatal(err)
		}
		rev = (rev+7919)%last + 1
	}
}

// BenchmarkSnapshot writes 16 MB.
func BenchmarkSnapshot(b *testing.B) {
	l := mustOpen(b, filepath.Join(b.TempDir(), "j"), Options{})
	defer l.Close()
	data := make([]byte, 16<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		rev, err := l.Append(context.Background(), Any, Record{})
		if err == nil {
			err = l.Snapshot(rev, func(w io.Writer) error { _, err := w.Write(data); return err })
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
