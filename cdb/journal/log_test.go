// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// small makes segments change often, and every close check all.
func small(fsys FS) Options {
	return Options{FS: fsys, SegmentSize: 3 * page, VerifyOnClose: true, inline: true}
}

func mustOpen(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t testing.TB, l *Log, payload string) uint64 {
	t.Helper()
	rev, err := l.Append(context.Background(), l.Revision(), Record{Kind: 7, Meta: []byte("meta of " + payload), Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// payloads returns what Records gives, as text.
func payloads(t testing.TB, l *Log, from, to uint64) []string {
	t.Helper()
	var all []string
	for r, err := range l.Records(from, to) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Revision != from+uint64(len(all)) {
			t.Fatalf("revision %d at place %d from %d", r.Revision, len(all), from)
		}
		all = append(all, string(r.Payload))
	}
	return all
}

// text is a payload of n bytes that tells itself from others.
func text(rev uint64, n int) string {
	s := fmt.Sprintf("<%d/%d>", rev, n)
	return strings.Repeat(s, n/len(s)+1)[:max(n, len(s))]
}

// both runs a test on disk and in memory.
func both(t *testing.T, f func(t *testing.T, dir string, o Options)) {
	t.Run("disk", func(t *testing.T) { f(t, filepath.Join(t.TempDir(), "j"), small(nil)) })
	t.Run("memory", func(t *testing.T) { f(t, "", small(NewMemory())) })
}

func TestAppendAndReopen(t *testing.T) {
	both(t, func(t *testing.T, dir string, o Options) {
		l := mustOpen(t, dir, o)
		if l.Revision() != 0 || len(payloads(t, l, 1, Any)) != 0 {
			t.Fatal("not empty at first")
		}
		now := time.Unix(1700000000, 42)
		var want []string
		for i := range uint64(200) {
			p := text(i+1, rand.IntN(900))
			if i == 100 {
				p = text(i+1, 40000) // larger than a segment
			}
			rev, err := l.Append(context.Background(), i, Record{Time: now, Kind: uint32(i), Meta: []byte{byte(i)}, Payload: []byte(p)})
			if err != nil || rev != i+1 {
				t.Fatal(rev, err)
			}
			want = append(want, p)
		}
		for range 3 {
			mustClose(t, l)
			l = mustOpen(t, dir, o)
			if got := payloads(t, l, 1, Any); !equal(got, want) {
				t.Fatalf("%d records of %d", len(got), len(want))
			}
			r, err := l.Read(101)
			if err != nil || string(r.Payload) != want[100] || r.Kind != 100 || !bytes.Equal(r.Meta, []byte{100}) || !r.Time.Equal(now) {
				t.Fatal(r, err)
			}
		}
		if s := l.Stats(); s.Segments < 8 || s.Revision != 200 || s.FirstRevision != 1 || s.TornBytes != 0 {
			t.Fatalf("%+v", s)
		}
		mustClose(t, l)
	})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestRefusals(t *testing.T) {
	m := NewMemory()
	o := small(m)
	o.MaxRecord = 1000
	l := mustOpen(t, "", o)
	mustAppend(t, l, "one")
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := l.Append(context.Background(), 0, Record{})
	for _, c := range []struct {
		name string
		got  error
		want error
	}{
		{"stale revision", err, ErrConflict},
		{"future revision", second(l.Append(context.Background(), 2, Record{})), ErrConflict},
		{"too large", second(l.Append(context.Background(), 1, Record{Payload: make([]byte, 1001)})), ErrTooLarge},
		{"cancelled", second(l.Append(done, 1, Record{})), context.Canceled},
		{"read 0", second(l.Read(0)), ErrTrimmed},
		{"read 2", second(l.Read(2)), ErrFuture},
		{"snapshot of the future", l.Snapshot(2, nil), ErrFuture},
		{"snapshot of nothing", l.Snapshot(0, nil), ErrTrimmed},
		{"second opener", second(Open("", Options{FS: m})), ErrLocked},
		{"verify while open", second(Verify("", Options{FS: m})), ErrLocked},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if s := l.Stats(); s.Conflicts != 2 || s.Revision != 1 {
		t.Errorf("%+v", s)
	}
	mustClose(t, l)
	if _, err := l.Append(context.Background(), 1, Record{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := l.Close(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Read(1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSnapshotAndHistory(t *testing.T) {
	both(t, func(t *testing.T, dir string, o Options) {
		o.SnapshotKeep, o.KeepBytes = 1, 6*page
		l := mustOpen(t, dir, o)
		if _, _, err := l.SnapshotReader(); !errors.Is(err, ErrNoSnapshot) {
			t.Fatal(err)
		}
		for i := range uint64(300) {
			mustAppend(t, l, text(i+1, 300))
			if i%50 == 49 {
				state := strings.Repeat(text(i+1, 1000), 300) // several blocks
				if err := l.Snapshot(i+1, func(w io.Writer) error {
					_, err := io.Copy(w, strings.NewReader(state))
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			if i%70 == 69 {
				mustClose(t, l)
				l = mustOpen(t, dir, o)
			}
		}
		mustAppend(t, l, "301")
		mustClose(t, l)
		l = mustOpen(t, dir, o)
		rev, r, err := l.SnapshotReader()
		if err != nil || rev != 300 {
			t.Fatal(rev, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != strings.Repeat(text(300, 1000), 300) {
			t.Fatal(len(got), err)
		}
		r.Close()
		var replayed []string
		if err := l.Replay(func(r Record) error { replayed = append(replayed, string(r.Payload)); return nil }); err != nil {
			t.Fatal(err)
		}
		if !equal(replayed, []string{"301"}) {
			t.Fatal(replayed)
		}
		s := l.Stats()
		if s.SnapshotRevision != 300 || s.FirstRevision < 200 || s.FirstRevision > 290 || s.Segments > 4 {
			t.Fatalf("%+v", s)
		}
		for i, p := range payloads(t, l, s.FirstRevision, 300) {
			if p != text(s.FirstRevision+uint64(i), 300) {
				t.Fatal(p)
			}
		}
		if _, err := l.Read(s.FirstRevision - 1); !errors.Is(err, ErrTrimmed) {
			t.Fatal(err)
		}
		// A second one of the same revision does nothing; one that fails leaves nothing.
		if err := l.Snapshot(300, func(io.Writer) error { t.Error("called"); return nil }); err != nil {
			t.Fatal(err)
		}
		cause := errors.New("no state")
		if err := l.Snapshot(301, func(w io.Writer) error { w.Write(make([]byte, 1<<20)); return cause }); !errors.Is(err, cause) {
			t.Fatal(err)
		}
		if s := l.Stats(); s.SnapshotRevision != 300 {
			t.Fatalf("%+v", s)
		}
		mustClose(t, l)
	})
}

func TestGroupCommit(t *testing.T) {
	both(t, func(t *testing.T, dir string, o Options) {
		o.inline = false
		l := mustOpen(t, dir, o)
		const writers, each = 32, 30
		revs := make([]uint64, writers*each+1)
		follow := make(chan error, 1)
		go func() {
			next := uint64(1)
			for r, err := range l.Follow(context.Background(), 1) {
				if err != nil || r.Revision != next {
					follow <- fmt.Errorf("follow: revision %d, want %d: %w", r.Revision, next, err)
					return
				}
				if next++; next > writers*each {
					break
				}
			}
			follow <- nil
		}()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					p := fmt.Sprintf("%d/%d", w, i)
					rev, err := l.Append(context.Background(), Any, Record{Payload: []byte(p)})
					if err != nil {
						t.Error(err)
						return
					}
					r, err := l.Read(rev)
					if err != nil || string(r.Payload) != p {
						t.Error(rev, err)
					}
					revs[rev] = uint64(w + 1)
				}
			})
		}
		wg.Wait()
		if err := <-follow; err != nil {
			t.Error(err)
		}
		for rev, w := range revs[1:] {
			if w == 0 {
				t.Errorf("nobody got revision %d", rev+1)
			}
		}
		s := l.Stats()
		if s.Appends != writers*each || s.Syncs > s.Appends {
			t.Errorf("%+v", s)
		}
		t.Logf("%d records in %d syncs", s.Appends, s.Syncs)
		mustClose(t, l)
		l = mustOpen(t, dir, o)
		if l.Revision() != writers*each {
			t.Error(l.Revision())
		}
		mustClose(t, l)
	})
}

// Of those that append behind the same revision one wins, and all revisions come
// from winners.
func TestCompareAndAppend(t *testing.T) {
	l := mustOpen(t, "", small(NewMemory()))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 8 {
		wg.Go(func() {
			for mine := 0; mine < 20; {
				_, err := l.Append(context.Background(), l.Revision(), Record{})
				if err == nil {
					mu.Lock()
					won++
					mu.Unlock()
					mine++
				} else if !errors.Is(err, ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if l.Revision() != uint64(won) || won != 160 {
		t.Error(l.Revision(), won)
	}
	mustClose(t, l)
}

func TestFollowEnds(t *testing.T) {
	l := mustOpen(t, "", small(NewMemory()))
	mustAppend(t, l, "a")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	n := 0
	for _, err := range l.Follow(ctx, 0) {
		if last = err; err == nil {
			n++
			cancel()
		}
	}
	if n != 1 || !errors.Is(last, context.Canceled) {
		t.Error(n, last)
	}
	ended := make(chan error)
	go func() {
		var last error
		for _, err := range l.Follow(context.Background(), 2) {
			last = err
		}
		ended <- last
	}()
	mustClose(t, l)
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestDirectoryIsRefused(t *testing.T) {
	base := t.TempDir()
	real := filepath.Join(base, "real")
	mustClose(t, mustOpen(t, real, small(nil)))
	link := filepath.Join(base, "link")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(base, "planted")
	mustClose(t, mustOpen(t, planted, small(nil)))
	if err := os.Rename(filepath.Join(planted, segName(1)), filepath.Join(base, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(base, "elsewhere"), filepath.Join(planted, segName(1))); err != nil {
		t.Fatal(err)
	}
	busy := filepath.Join(base, "busy")
	l := mustOpen(t, busy, small(nil))
	defer mustClose(t, l)
	for dir, want := range map[string]string{
		link:                       "is not a directory (symbolic links are not followed)",
		open:                       "others may write to",
		file:                       "is not a directory",
		planted:                    "is a symbolic link, which is not followed",
		busy:                       fmt.Sprintf("is open already by process %d", os.Getpid()),
		filepath.Join(base, "a/b"): "no such file or directory",
	} {
		_, err := Open(dir, small(nil))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cannot open journal "+dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if st, err := os.Stat(filepath.Join(real, segName(1))); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	if st, err := os.Stat(real); err != nil || st.Mode().Perm() != 0o700 {
		t.Error(st.Mode(), err)
	}
}

// A clock that jumps, before the epoch or far ahead, changes no order and loses
// nothing: a record has the time that the clock said, and its revision says when.
func TestClockJumps(t *testing.T) {
	both(t, func(t *testing.T, dir string, o Options) {
		times := []time.Time{time.Unix(1.8e9, 0), time.Unix(0, 0), time.Unix(-1e9, 0), time.Unix(8e9, 5), time.Unix(1.8e9, 1)}
		i := 0
		o.Now = func() time.Time { i++; return times[i-1] }
		l := mustOpen(t, dir, o)
		for j := range times {
			mustAppend(t, l, text(uint64(j+1), 9))
		}
		mustClose(t, l)
		l = mustOpen(t, dir, o)
		defer mustClose(t, l)
		if l.Revision() != uint64(len(times)) {
			t.Fatalf("the last revision is %d", l.Revision())
		}
		for j, want := range times {
			r, err := l.Read(uint64(j + 1))
			if err != nil || !r.Time.Equal(want) || string(r.Payload) != text(uint64(j+1), 9) {
				t.Errorf("revision %d: %v %q, %v; want %v", j+1, r.Time, r.Payload, err, want)
			}
		}
	})
}
