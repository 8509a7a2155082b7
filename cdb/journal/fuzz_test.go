// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// fuzzFiles are the names that the fuzzer fills, in this order.
var fuzzFiles = [...]string{"seg-0000000000000001", "seg-0000000000000003", "snap-0000000000000002", "spare-7"}

// pack writes files small: the size of each, how much is stored, that. Of segments
// the rest of the header's page, and of all what is zero at the end, is left out.
func pack(files [len(fuzzFiles)][]byte) []byte {
	var b []byte
	for i, f := range files {
		size := len(f)
		if !strings.HasPrefix(fuzzFiles[i], snapPrefix) && size > page {
			f = slices.Concat(f[:headerBytes], f[page:])
		}
		f = bytes.TrimRight(f, "\x00")
		b = append(b, byte(size>>8), byte(size), byte(len(f)>>8), byte(len(f)))
		b = append(b, f...)
	}
	return b
}

// unpack makes the files. A mutation almost never has right checksums: fix asks
// for them to be put right, which lets it reach what lies behind.
func unpack(b []byte, fix bool) *Memory {
	m := NewMemory()
	for _, name := range fuzzFiles {
		if len(b) < 4 {
			break
		}
		data := make([]byte, int(b[0])<<8|int(b[1]))
		n := min(int(b[2])<<8|int(b[3]), len(b)-4)
		stored := b[4 : 4+n]
		b = b[4+n:]
		if len(data) == 0 {
			continue
		}
		if strings.HasPrefix(name, snapPrefix) || len(data) <= page {
			copy(data, stored)
		} else if copy(data[:headerBytes], stored); len(stored) > headerBytes {
			copy(data[page:], stored[headerBytes:])
		}
		if fix {
			repairSums(name, data)
		}
		ino := new(inode)
		ino.put(0, data, int64(len(data)))
		m.names[name] = ino
	}
	return m
}

func repairSums(name string, b []byte) {
	if len(b) >= headerBytes {
		le.PutUint32(b[8:], sum(b[12:headerBytes]))
	}
	switch {
	case strings.HasPrefix(name, segPrefix):
		for off := int64(page); off+frameHeader <= int64(len(b)); {
			n := int64(le.Uint32(b[off+4:]))
			if n < frameHeader || n > int64(len(b))-off {
				return
			}
			le.PutUint32(b[off:], sum(b[off+4:off+n]))
			off += aligned(n)
		}
	case strings.HasPrefix(name, snapPrefix) && len(b) >= headerBytes:
		for off, i := headerBytes, uint64(0); off+8 <= len(b); i++ {
			length := le.Uint32(b[off+4:])
			n := int(length &^ snapLast)
			if n > len(b)-off-8 {
				return
			}
			le.PutUint32(b[off:], blockSum(le.Uint64(b[16:]), i, length, b[off+8:off+8+n]))
			off += 8 + n
		}
	}
}

// seedFiles is a small whole journal.
func seedFiles(tb testing.TB) (files [len(fuzzFiles)][]byte) {
	m := NewMemory()
	l := mustOpen(tb, "", Options{FS: m, SegmentSize: 2 * page, inline: true})
	for i := range uint64(5) {
		if _, err := l.Append(context.Background(), i, Record{Meta: []byte("m"), Payload: make([]byte, 1400)}); err != nil {
			tb.Fatal(err)
		}
		if i == 1 {
			if err := l.Snapshot(2, func(w io.Writer) error { _, err := w.Write(make([]byte, 100)); return err }); err != nil {
				tb.Fatal(err)
			}
		}
	}
	mustClose(tb, l)
	for i, n := range fuzzFiles {
		if ino := m.names[n]; ino != nil {
			f := memFile{m: m, ino: ino}
			files[i] = make([]byte, ino.liveSize)
			if err := readFull(&f, files[i], 0); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return files
}

// FuzzOpen opens directories of any content: no panic, bounded memory, and
// an error or a log that works.
func FuzzOpen(f *testing.F) {
	whole := seedFiles(f)
	f.Add(pack(whole), false)
	f.Add(pack(whole), true)
	f.Add(pack([len(fuzzFiles)][]byte{whole[0]}), true)
	f.Add(pack([len(fuzzFiles)][]byte{nil, whole[1], whole[2]}), true)
	f.Add(pack([len(fuzzFiles)][]byte{whole[0], whole[1], whole[2][:80], make([]byte, 2*page)}), false)
	big := slices.Clone(whole[0])
	binary.LittleEndian.PutUint32(big[page+4:], 0xfffffff0) // a length of 4 GB
	f.Add(pack([len(fuzzFiles)][]byte{big}), false)
	salty := slices.Clone(whole[0]) // headers all over
	for off := page + 8; off+40 < len(salty); off += 8 {
		copy(salty[off:], salty[16:24])
	}
	f.Add(pack([len(fuzzFiles)][]byte{salty}), false)
	f.Fuzz(func(t *testing.T, b []byte, fix bool) {
		m := unpack(b, fix)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Verify("", Options{FS: m})
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open("", Options{FS: m, SegmentSize: 2 * page, inline: true})
		if err == nil {
			err = use(t, l)
			if e := l.Close(); e != nil {
				t.Fatal(e)
			}
		} else if r.Err() == nil {
			t.Fatalf("Verify finds nothing, Open says: %v", err)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(4<<20); got > most {
			t.Fatalf("%d bytes for %d", got, len(b))
		}
	})
}

func use(t *testing.T, l *Log) error {
	_, r, err := l.SnapshotReader()
	if err == nil {
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err) // Open has checked it
		}
		r.Close()
	}
	if err := l.Replay(func(Record) error { return nil }); err != nil {
		t.Fatal(err) // this too
	}
	rev, err := l.Append(context.Background(), l.Revision(), Record{Payload: []byte("new")})
	if err != nil {
		t.Fatal(err)
	}
	if rec, err := l.Read(rev); err != nil || string(rec.Payload) != "new" {
		t.Fatal(err)
	}
	for _, err := range l.Records(l.Stats().FirstRevision, Any) {
		if err != nil {
			return err // history is checked when it is read
		}
	}
	return nil
}
