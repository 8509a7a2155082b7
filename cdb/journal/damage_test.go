// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// grown makes a log of several segments and two snapshots: revisions 1 to 20 in
// segments of three or so, snapshots of 8 and 14.
func grown(t *testing.T, id string) *Memory {
	t.Helper()
	m := NewMemory()
	l := mustOpen(t, "", Options{FS: m, SegmentSize: 2 * page, inline: true, VerifyOnClose: true})
	for i := range uint64(20) {
		if _, err := l.Append(context.Background(), i, Record{Payload: []byte(text(i+1, 1000) + id)}); err != nil {
			t.Fatal(err)
		}
		if i == 7 || i == 13 {
			if err := l.Snapshot(i+1, func(w io.Writer) error { _, err := io.WriteString(w, text(i+1, 100000)); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustClose(t, l)
	return m
}

func (m *Memory) flip(name string, off int64) {
	ino := m.names[name]
	var b [1]byte
	f := memFile{m: m, ino: ino, name: name, write: true}
	if _, err := f.ReadAt(b[:], off); err != nil {
		panic(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], off); err != nil {
		panic(err)
	}
}

func TestDamageIsTold(t *testing.T) {
	names := grown(t, "").names
	for _, want := range []string{segName(1), segName(4), segName(7), segName(10), segName(13), segName(16), segName(19), snapName(8), snapName(14)} {
		if names[want] == nil {
			t.Fatalf("no %s in %v", want, names)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(m *Memory)
		open   string // error of Open, "" if it must succeed
		verify string // in the report
	}{
		{"nothing", func(m *Memory) {}, "", ""},
		{"record after the snapshot", func(m *Memory) { m.flip(segName(16), page+1100) },
			"seg-0000000000000010 is damaged at byte 5144: revision 17 is unreadable, and seg-0000000000000013 goes on with revision 19; restore", "byte 5144"},
		{"record in the last segment", func(m *Memory) { m.flip(segName(19), page+100) },
			"seg-0000000000000013 is damaged at byte 4096: revision 19 is unreadable, while revision 20 behind it at byte 5144 is whole; restore", "byte 4096"},
		{"length in the last segment", func(m *Memory) { m.flip(segName(19), page+6) }, "revision 19 is unreadable", "revision 19"},
		{"old record", func(m *Memory) { m.flip(segName(4), page+100) }, "", "seg-0000000000000004 is damaged at byte 4096: revision 4 is unreadable"},
		{"header", func(m *Memory) { m.flip(segName(4), 20) }, "seg-0000000000000004 is damaged at byte 0: the header", "byte 0"},
		{"version", func(m *Memory) {
			f, _ := m.Open(segName(19), true)
			b := make([]byte, headerBytes)
			f.ReadAt(b, 0)
			b[12] = 9
			le.PutUint32(b[8:], sum(b[12:]))
			f.WriteAt(b, 0)
		}, "it has format 9, known is 1; use the release that wrote it", "format 9"},
		{"cut header", func(m *Memory) { m.names[segName(19)].resize(100) }, "the file is cut to 100 bytes", "cut to 100"},
		{"cut segment", func(m *Memory) { m.names[segName(16)].resize(page + 1100) }, "it has 5196 bytes and its header says 8192", "5196"},
		{"oldest segment gone", func(m *Memory) { m.Remove(segName(1)) }, "", ""},
		{"segment before the snapshot gone", func(m *Memory) { m.Remove(segName(10)) }, "", "revision 10 is unreadable, and seg-000000000000000d goes on with revision 13"},
		{"segment after the snapshot gone", func(m *Memory) { m.Remove(segName(16)) },
			"seg-000000000000000d is damaged at byte 7240: revision 16 is unreadable, and seg-0000000000000013 goes on with revision 19", "revision 16"},
		{"last segment gone", func(m *Memory) { m.Remove(segName(19)) }, "seg-0000000000000013 is damaged at byte 0: it is missing, and the segment before it says that it was there", "missing"},
		{"all after the snapshot gone", func(m *Memory) { m.Remove(segName(19)); m.Remove(segName(16)); m.Remove(segName(13)) }, "it is missing", "missing"},
		{"no segment", func(m *Memory) {
			for n := range m.names {
				if strings.HasPrefix(n, segPrefix) {
					m.Remove(n)
				}
			}
		}, "snap-000000000000000e is damaged at byte 0: there is no segment beside it", "no segment"},
		{"segment renamed", func(m *Memory) { m.Rename(segName(19), segName(18)) }, "it begins with revision 19 and its name says 18", "name says 18"},
		{"snapshot renamed", func(m *Memory) { m.Rename(snapName(14), snapName(15)) }, "", "it is of revision 14 and its name says 15"},
		{"foreign segment", func(m *Memory) { m.names[segName(19)] = grown(t, "x").names[segName(19)] }, "it belongs to another journal than", "another journal"},
		{"foreign snapshot", func(m *Memory) { m.names[snapName(14)] = grown(t, "x").names[snapName(14)] }, "", "it belongs to another journal than"},
		{"newest snapshot", func(m *Memory) { m.flip(snapName(14), 70000) }, "", "snap-000000000000000e is damaged at byte 65608: the checksum of block 1 is wrong; restore"},
		{"newest snapshot cut", func(m *Memory) { m.names[snapName(14)].resize(70000) }, "", "impossible length"},
		{"snapshot end cut", func(m *Memory) { m.names[snapName(14)].resize(100080) }, "", "the end is missing"},
		{"snapshot longer", func(m *Memory) { m.names[snapName(14)].resize(200000) }, "", "its length is not what its last block says"},
		{"both snapshots", func(m *Memory) { m.flip(snapName(14), 70000); m.flip(snapName(8), 3); m.Remove(segName(1)) }, "it begins with revision 4, and no whole snapshot reaches up to that", "no whole snapshot"},
		{"snapshots gone", func(m *Memory) { m.Remove(snapName(14)); m.Remove(snapName(8)) }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What the next power cut takes was never there: the end mark, too, is durable.
			m := grown(t, "").PowerCut(func(int) int { return 0 })
			c.damage(m)
			r, err := Verify("", Options{FS: m})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err == nil && c.verify != "" || err != nil && (c.verify == "" || !strings.Contains(err.Error(), c.verify) || !errors.Is(err, ErrCorrupt)) {
				t.Errorf("verify: %v, want %q", err, c.verify)
			}
			l, err := Open("", Options{FS: m, SegmentSize: 2 * page, inline: true})
			if err != nil {
				if c.open == "" || !strings.Contains(err.Error(), c.open) || !errors.Is(err, ErrCorrupt) || !strings.HasPrefix(err.Error(), "cannot open journal (memory): ") {
					t.Errorf("open: %v, want %q", err, c.open)
				}
				return
			}
			if c.open != "" {
				t.Errorf("open succeeded, want %q", c.open)
			}
			next := l.Stats().SnapshotRevision + 1
			if err := l.Replay(func(r Record) error {
				if string(r.Payload) != text(r.Revision, 1000) || r.Revision != next {
					t.Errorf("revision %d where %d should be", r.Revision, next)
				}
				next++
				return nil
			}); err != nil {
				t.Error(err)
			}
			if next != 21 {
				t.Errorf("%d records missing", 21-next)
			}
			quietly(l)
		})
	}
}

// A damaged old record is an error to whoever reads it and nobody else.
func TestDamagedHistory(t *testing.T) {
	m := grown(t, "")
	m.flip(segName(4), page+100)
	l := mustOpen(t, "", Options{FS: m, SegmentSize: 2 * page})
	if _, err := l.Read(4); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	if r, err := l.Read(7); err != nil || r.Revision != 7 {
		t.Error(err)
	}
	n, last := 0, error(nil)
	for _, err := range l.Records(1, Any) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 3 || !errors.Is(last, ErrCorrupt) {
		t.Error(n, last)
	}
	mustClose(t, l)
}

// TestRandomDamage: whatever byte changes, all that was acknowledged is there or
// there is an error; but for the last batch, which cannot be told from a torn one.
func TestRandomDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	whole := grown(t, "")
	var names []string
	for n := range whole.names {
		if strings.HasPrefix(n, segPrefix) || strings.HasPrefix(n, snapPrefix) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	told := 0
	for range 2000 {
		m := killed(whole)
		name := names[rng.IntN(len(names))]
		off := rng.Int64N(m.names[name].liveSize)
		m.flip(name, off)
		l, err := Open("", Options{FS: m, SegmentSize: 2 * page, inline: true})
		if err != nil {
			if told++; !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			continue
		}
		if l.Revision() < 19 || l.Revision() < 20 && name != segName(19) {
			t.Fatalf("byte %d of %s: the last revision is %d", off, name, l.Revision())
		}
		if err := l.Replay(func(r Record) error {
			if string(r.Payload) != text(r.Revision, 1000) {
				t.Errorf("byte %d of %s: revision %d is wrong", off, name, r.Revision)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		quietly(l)
	}
	if told < 100 {
		t.Errorf("only %d were told", told)
	}
}

// With no history kept at all, the older snapshot and the records since still
// stand in for the newest.
func TestOlderSnapshotStandsIn(t *testing.T) {
	m := NewMemory()
	o := Options{FS: m, SegmentSize: 2 * page, KeepBytes: -1, inline: true, VerifyOnClose: true}
	l := mustOpen(t, "", o)
	for i := range uint64(40) {
		mustAppend(t, l, text(i+1, 500))
		if i%10 == 9 {
			if err := l.Snapshot(i+1, func(w io.Writer) error { _, err := io.WriteString(w, text(i+1, 100)); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := l.Stats(); s.FirstRevision < 20 || s.FirstRevision > 31 {
		t.Errorf("%+v", s)
	}
	mustClose(t, l)
	m.flip(snapName(40), 70)
	o.VerifyOnClose = false
	l = mustOpen(t, "", o)
	rev, r, err := l.SnapshotReader()
	if err != nil || rev != 30 {
		t.Fatal(rev, err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != text(30, 100) {
		t.Error(err)
	}
	r.Close()
	n := 0
	if err := l.Replay(func(Record) error { n++; return nil }); err != nil || n != 10 {
		t.Error(n, err)
	}
	// The next snapshot removes the damaged one, or takes its place.
	if err := l.Snapshot(40, func(w io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	if r, err := Verify("", Options{FS: m}); err != nil || r.Err() != nil || len(r.Snapshots) != 2 {
		t.Error(r, err)
	}
}

// What was cut with a torn record must not come back when a new one of the same
// length takes its place. The records end with their page, for else the padding of
// the new one wipes the old.
func TestTornBatchStaysAway(t *testing.T) {
	m := NewMemory()
	o := Options{FS: m, SegmentSize: 4 * page, inline: true}
	l := mustOpen(t, "", o)
	mustAppend(t, l, "first")
	off := l.tail.end
	m.Step = func(op, name string) error {
		if op == "sync" {
			return ErrPowerCut
		}
		return nil
	}
	var last Ticket
	fit := int(2*page - off - frameHeader)
	for _, p := range []string{text(2, fit), text(3, 100), text(4, 100)} {
		var err error
		if last, err = l.Enqueue(Any, Record{Payload: []byte(p)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := last.Wait(); !errors.Is(err, ErrPowerCut) {
		t.Fatal(err)
	}
	quietly(l)
	m = killed(m)
	o.FS = m
	m.flip(segName(1), off+50) // of the three only the first did not reach the disk
	l = mustOpen(t, "", o)
	if s := l.Stats(); s.Revision != 1 || s.TornBytes == 0 {
		t.Fatalf("%+v", s)
	}
	if _, err := l.Append(context.Background(), 1, Record{Payload: []byte(text(22, fit))}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	l = mustOpen(t, "", o)
	if got := payloads(t, l, 1, Any); !equal(got, []string{"first", text(22, fit)}) {
		t.Error(got)
	}
	mustClose(t, l)
}
