// SPDX-License-Identifier: Apache-2.0

package tape

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t testing.TB, dir string) *Tape {
	t.Helper()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func put(t testing.TB, p *Tape, at time.Time, texts ...string) {
	t.Helper()
	var records []Record
	for _, x := range texts {
		records = append(records, Record{Time: at, Data: []byte(x)})
	}
	if err := p.Append(records); err != nil {
		t.Fatal(err)
	}
}

// all is what a reader gives, and checks that numbers grow by one.
func all(t testing.TB, p *Tape) (texts []string) {
	t.Helper()
	r := p.Reader(p.Next())
	defer r.Close()
	last := uint64(0)
	for {
		rec, ok := r.Next()
		if !ok {
			return texts
		}
		if last != 0 && rec.Number != last+1 {
			t.Errorf("record %d comes after %d", rec.Number, last)
		}
		last = rec.Number
		texts = append(texts, string(rec.Data))
	}
}

func last(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(names) == 0 {
		t.Fatal("no segments", err)
	}
	return names[len(names)-1]
}

// TestReopen: records and numbers outlive a restart, and the time that it was made.
func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	p := open(t, dir)
	put(t, p, time.Now(), "one", "two")
	created, aged := p.Times()
	r := p.Reader(2) // as who was there before "two"
	if rec, ok := r.Next(); !ok || string(rec.Data) != "one" {
		t.Error(rec, ok)
	}
	if _, ok := r.Next(); ok {
		t.Error("a reader goes beyond its end")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	defer p.Close()
	put(t, p, time.Now(), "three")
	if got := strings.Join(all(t, p), " "); got != "one two three" {
		t.Error(got)
	}
	if c, a := p.Times(); !c.Equal(created) || !a.Equal(aged) || !a.IsZero() {
		t.Error(c, a)
	}
	if st, err := os.Stat(last(t, dir)); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
}

// TestTorn: a tail that was torn is cut, wherever, and what comes then follows.
func TestTorn(t *testing.T) {
	for cut := 1; cut <= frameSize+3; cut++ {
		dir := filepath.Join(t.TempDir(), "events")
		p := open(t, dir)
		put(t, p, time.Now(), "one", "two")
		p.Close()
		name := last(t, dir)
		st, _ := os.Stat(name)
		if err := os.Truncate(name, st.Size()-int64(cut)); err != nil {
			t.Fatal(err)
		}
		p = open(t, dir)
		put(t, p, time.Now(), "three")
		if got := strings.Join(all(t, p), " "); got != "one three" {
			t.Errorf("cut by %d: %s", cut, got)
		}
		p.Close()
	}
}

// TestBounds: the oldest goes, and it is said until when; a clock that goes back makes
// nobody promise more.
func TestBounds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	p := open(t, dir)
	big := strings.Repeat("x", 100_000)
	begin := time.Now()
	for i := range 300 {
		at := begin.Add(time.Duration(i) * time.Second)
		if i == 20 { // for once the clock was ahead
			at = begin.Add(time.Hour)
		}
		put(t, p, at, fmt.Sprint(i, " ", big))
	}
	size := int64(0)
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, n := range names {
		st, _ := os.Stat(n)
		size += st.Size()
	}
	if size > keep*segmentSize+200_000 {
		t.Errorf("%d bytes on the disk", size)
	}
	got := all(t, p)
	if len(got) < 100 || !strings.HasPrefix(got[len(got)-1], "299 ") {
		t.Errorf("%d records", len(got))
	}
	_, aged := p.Times()
	if !aged.Equal(begin.Add(time.Hour)) {
		t.Error(aged, "is not the latest time of what is gone")
	}
	p.Close()
	p = open(t, dir)
	defer p.Close()
	if _, a := p.Times(); !a.Equal(aged) || len(all(t, p)) != len(got) {
		t.Error(a, len(all(t, p)))
	}
}

// TestDamage: what is damaged in the middle goes with what is older, and a tape that
// cannot be gone on with begins anew; nothing is promised that is not there.
func TestDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	p := open(t, dir)
	big := strings.Repeat("x", 1000_000)
	for i := range 11 {
		put(t, p, time.Now(), fmt.Sprint(i, " ", big))
	}
	p.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 3 {
		t.Fatal(names)
	}
	b, _ := os.ReadFile(names[1])
	b[len(b)-5] ^= 1
	os.WriteFile(names[1], b, 0o600)
	p = open(t, dir)
	got := all(t, p)
	if _, aged := p.Times(); aged.IsZero() || len(got) == 0 || strings.HasPrefix(got[0], "0 ") {
		t.Error(aged, len(got))
	}
	p.Close()
	// The header of the last one.
	file := last(t, dir)
	b, _ = os.ReadFile(file)
	b[0] ^= 1
	os.WriteFile(file, b, 0o600)
	begin := time.Now()
	p = open(t, dir)
	if c, _ := p.Times(); c.Before(begin) || len(all(t, p)) != 0 {
		t.Error(c, len(all(t, p)))
	}
	// A segment that was being begun.
	p.Close()
	os.WriteFile(filepath.Join(dir, name(99)), []byte(magic), 0o600)
	p = open(t, dir)
	defer p.Close()
	put(t, p, time.Now(), "on")
	if got := all(t, p); len(got) != 1 {
		t.Error(got)
	}
}

// TestFull: where nothing can be written the tape begins anew, and says so.
func TestFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "events")
	p := open(t, dir)
	defer p.Close()
	put(t, p, time.Now(), "one")
	p.file.Close() // as if the disk were gone
	begin := time.Now()
	if err := p.Append([]Record{{Time: time.Now(), Data: []byte("two")}}); err == nil {
		t.Error("a loss is not told")
	}
	put(t, p, time.Now(), "three")
	if got := all(t, p); len(got) != 1 || got[0] != "three" {
		t.Error(got)
	}
	if c, _ := p.Times(); c.Before(begin) {
		t.Error("it says that it reaches back to before the loss")
	}
	if err := p.Append([]Record{{Data: make([]byte, MaxRecord+1)}}); err == nil {
		t.Error("a record without bounds")
	}
}

// FuzzOpen: no file makes it fail or promise what is not there.
func FuzzOpen(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "events")
	p := open(f, dir)
	put(f, p, time.Unix(5, 0), "one", "two")
	p.Close()
	b, err := os.ReadFile(last(f, dir))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add(bytes.Repeat([]byte{0xff}, 60))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := filepath.Join(t.TempDir(), "events")
		os.Mkdir(dir, 0o700)
		os.WriteFile(filepath.Join(dir, name(7)), b, 0o600)
		p := open(t, dir)
		defer p.Close()
		put(t, p, time.Now(), "new")
		if got := all(t, p); len(got) == 0 || got[len(got)-1] != "new" {
			t.Error(got)
		}
	})
}
